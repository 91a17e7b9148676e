"""The terminal chat.

`session` and `store` keep a conversation, `convert` turns it into a request for any model, `talk` makes one turn of it
with tools, `screen` shows it, `repl` reads from the person and `commands` lists what they may type after a slash.
"""
