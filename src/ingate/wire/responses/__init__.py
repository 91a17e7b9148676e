"""OpenAI's Responses: the downstream half that answers Responses clients."""
