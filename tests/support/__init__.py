"""Helpers that the tests share: servers, simulators, schemas, terminals."""
