"""Ollama's own chat format."""
