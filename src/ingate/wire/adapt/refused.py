"""Parameters that a model refuses whatever their value, left out before any codec reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.params import is_default

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft


def without_refused(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Leave the parameters of `facts["refused"]` out of a request; one at its default is left out silently."""
    for name in facts.get("refused", ()):
        if name == "logprobs" and "top_logprobs" in draft.body:
            draft.respell("top_logprobs", None)  # it means nothing without the other
        if (value := draft.body.get(name)) is None:
            continue
        if is_default(name, value):
            draft.respell(name, None)
        else:
            draft.drop(name, "the model rejects it")
