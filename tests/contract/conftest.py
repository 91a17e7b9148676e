"""The contract tests start hundreds of gateways; the same catalog file is read once for all of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from ingate.catalog import build

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package", autouse=True)
def _one_catalog() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "build", functools.lru_cache(maxsize=4)(build.build))
        yield
