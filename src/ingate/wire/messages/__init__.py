"""Anthropic's Messages: the upstream codec, and the downstream half that answers Messages clients."""
