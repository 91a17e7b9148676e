"""Faults of providers on every lane and every surface: `make chaos` runs the whole matrix, the tests a part of it."""
