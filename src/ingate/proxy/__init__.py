"""A central LiteLLM proxy made from the same configuration: its files written, one started here, one checked."""
