"""OpenAI's legacy text completions: a prompt instead of messages, for models that only continue text."""
