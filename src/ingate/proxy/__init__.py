"""A central LiteLLM proxy from the same configuration: export its files, run one here, check one that runs."""
