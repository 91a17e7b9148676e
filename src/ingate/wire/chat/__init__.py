"""OpenAI's Chat Completions: the upstream codec, Azure's variant of it, and each provider's departures from it."""
