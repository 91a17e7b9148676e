"""Credentials: the map of what each backing reads, and what is there."""
