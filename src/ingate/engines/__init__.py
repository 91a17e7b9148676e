"""Engines: each takes a Route and an OpenAI request, and gives OpenAI answers."""
