"""Wire formats: one package per format, and what they share.

Everything here is pure functions over dicts and bytes: no connection, no credential, no configuration. `codec.py` defines
what an upstream format provides, `downstream.py` what a client API provides, and `docs/adding-a-wire.md` explains how to
add one.
"""
