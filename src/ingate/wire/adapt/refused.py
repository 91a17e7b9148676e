"""Parameters that a model refuses whatever their value, left out before any codec reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.params import is_default

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.params import ParamTracker


def without_refused(body: dict[str, Any], facts: Mapping[str, Any], tracker: ParamTracker) -> None:
    """Leave the parameters of `facts["refused"]` out of a copied request; one at its default is left out silently."""
    for name in facts.get("refused", ()):
        if (value := body.get(name)) is None:
            continue
        if not is_default(name, value):
            tracker.drop(name, "the model rejects it")
        del body[name]
