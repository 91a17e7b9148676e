"""OpenAI's HTTP API as one ASGI application over a gateway."""
