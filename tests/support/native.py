"""Recorded answers driven through a native codec and the normaliser, without HTTP."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError
from ingate.wire.codec import Codec, Target, codec_for
from ingate.wire.completion import normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.traffic import (
    Case,
    Outcome,
    compare,
    load_cases,
    outcome_of_chunks,
    outcome_of_completion,
    outcome_of_error,
)

if TYPE_CHECKING:
    from pathlib import Path


def target(model: str, **more: Any) -> Target:
    """A call of `model` at https://far, with `more` of `Target`'s fields."""
    return Target(model=model, **{"api_base": "https://far", **more})


def body_of(case: Case) -> bytes:
    """The recorded bytes."""
    body = case.response["body"]
    return base64.b64decode(body) if case.response.get("encoding") == "base64" else body.encode()


def outcome_of(codec: Codec, case: Case, size: int) -> Outcome:
    """What the codec makes of one recorded answer; a stream is fed in pieces of `size` bytes, whole where it is 0."""
    raw, headers = body_of(case), case.response.get("headers") or {}
    if case.http_status >= 400:
        return outcome_of_error(codec.error(case.http_status, headers, raw, provider="native"))
    if not case.stream:
        try:
            return outcome_of_completion(normalise_completion(codec.response(raw, model=case.model), case.model))
        except IngateError as error:
            return outcome_of_error(error)
    normaliser = StreamNormaliser(case.model)
    decoder = codec.decoder(model=case.model, content_type=headers.get("content-type", ""))
    chunks, step = [], size or len(raw) or 1
    try:
        for at in range(0, len(raw), step):
            for chunk in decoder.feed(raw[at : at + step]):
                chunks += normaliser.feed(chunk)
            if decoder.failed is not None:
                raise decoder.failed
        for chunk in decoder.close():
            chunks += normaliser.feed(chunk)
        if decoder.failed is not None:
            raise decoder.failed
    except IngateError as error:
        return outcome_of_error(error, normaliser.partial())
    return outcome_of_chunks(chunks + normaliser.finish())


def misses(folder: Path, recorded: str, wire: str, size: int) -> tuple[dict[str, list[str]], int]:
    """Which of the recorded cases came out wrong and how, and how many there are."""
    codec = codec_for(wire)
    cases = load_cases(folder, [recorded])
    found = {}
    for case in cases:
        outcome = outcome_of(codec, case, size)
        if (
            wire == "cohere"
            and b'"reasoning_tokens":' in body_of(case)
            and "reasoning" not in (case.expected["usage"] or {})
        ):
            # The independent reading passes over Cohere's own count of reasoning tokens; the lane tells it.
            outcome.usage.pop("reasoning", None)
        if wrong := compare(outcome, case):
            found[case.id] = wrong
    return found, len(cases)
