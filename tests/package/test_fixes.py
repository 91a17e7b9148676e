"""Every error says what to do next."""

from __future__ import annotations

import pytest

from ingate import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.IngateError)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_has_a_fix_of_its_own_or_of_its_family(kind: type[errors.IngateError]) -> None:
    assert kind("it failed").fix
    assert kind("it failed", fix="").fix
    assert kind("it failed", fix="do this").fix == "do this"
