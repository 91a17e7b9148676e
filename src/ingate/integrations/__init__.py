"""Integrations with agents and libraries: one module or package per host."""
