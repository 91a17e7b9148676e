"""Ways into the agents and libraries people already run: one file a host."""
