"""The terminal chat.

`session` is a conversation as data, `store` saves it, `convert` turns it into a request for any model, and `talk` makes one
turn of it with `tools`. `screen` shows a turn, `prompt` reads a message, `commands` and `actions` are the slash commands,
and `repl` connects them. `once` answers a question without a terminal.
"""
