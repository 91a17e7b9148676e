"""A chat request as its model accepts it, and the model's answer as the caller expects it.

Models reject requests that their provider's schema allows: a tool name with a dot, a tool choice that forces a call, a
user message right after a tool result. Which model rejects what are facts (`wire/facts.py`); the modules of this package
are the changes that follow from them. They work on the neutral form, between the gateway and the codec of a format, so
that every format and every lane has them. Every change goes through a `Draft`: one that loses or adds something is
reported, and is an error if the drop policy is `strict`; one that means the same, or that is undone in the answer (names
and ids of tools, names of their parameters), loses nothing and is made under every policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.adapted import Adapted
from ingate.wire.adapt.answer_check import AnswerCheck
from ingate.wire.adapt.call_ids import with_accepted_ids
from ingate.wire.adapt.choice import with_accepted_choice
from ingate.wire.adapt.draft import Draft
from ingate.wire.adapt.images import with_accepted_images
from ingate.wire.adapt.litellm_lane import for_litellm
from ingate.wire.adapt.properties import PropertyNames
from ingate.wire.adapt.reasoning import with_reasoning_back
from ingate.wire.adapt.refused import without_refused
from ingate.wire.adapt.results import with_paired_results
from ingate.wire.adapt.schemas import with_accepted_schemas
from ingate.wire.adapt.structured import with_accepted_format
from ingate.wire.adapt.texts import with_accepted_texts
from ingate.wire.adapt.tool_names import ToolNames
from ingate.wire.adapt.tools import with_accepted_tools
from ingate.wire.adapt.turns import with_accepted_turns
from ingate.wire.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.wire.codec import DropPolicy, Target

__all__ = ["STEPS", "Adapted", "adapt", "is_accepted"]


def _as_litellm_reads_it(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Write the request so that litellm's translation of it is accepted."""
    if not draft.by_litellm:
        return
    made = dict(draft.body)
    draft.report_keywords("response_format", for_litellm(made, facts))
    for name, value in made.items():
        draft.respell(name, value)


STEPS: Final[tuple[Callable[[Draft, Mapping[str, Any]], None], ...]] = (
    without_refused,
    with_accepted_tools,
    with_accepted_schemas,
    with_accepted_choice,
    with_accepted_format,
    with_paired_results,
    with_accepted_images,
    with_accepted_texts,
    with_accepted_turns,
    with_reasoning_back,
    _as_litellm_reads_it,
)
"""The changes that are not undone in the answer, in this order."""


def is_accepted(body: Mapping[str, Any], target: Target, wire_format: str) -> bool:
    """Whether `adapt` would change nothing."""
    draft, *_ = _drafted(body, target, wire_format, facts_of(target, wire_format), "drop")
    return not draft.changed


def adapt(
    body: Mapping[str, Any],
    target: Target,
    wire_format: str,
    warnings: list[str] | None = None,
    *,
    by_litellm: bool = False,
) -> Adapted:
    """The closest request to `body` that the target's model accepts.

    Args:
        body: A chat request; it is not changed.
        target: Where the request goes.
        wire_format: The format in which it goes there.
        warnings: Where sentences about the answer go, when it comes.
        by_litellm: Whether litellm writes the provider's request, rather than a codec.

    Raises:
        BadRequestError: The request has something that the model does not accept, and `drop_params` is `strict`; or it
            has an image by its address, which the provider does not fetch.
    """
    facts = facts_of(target, wire_format)
    draft, properties, names = _drafted(body, target, wire_format, facts, target.drop_params, by_litellm=by_litellm)
    late = draft.warnings if warnings is None else warnings
    check = AnswerCheck(draft.schema, late) if draft.schema is not None else None
    binds = bool(facts.get("signature_binds"))
    return Adapted(draft.finished(), draft.dropped, draft.warnings, names, properties, check, late, binds)


def _drafted(
    body: Mapping[str, Any],
    target: Target,
    wire_format: str,
    facts: Mapping[str, Any],
    policy: DropPolicy,
    *,
    by_litellm: bool = False,
) -> tuple[Draft, PropertyNames, ToolNames]:
    draft = Draft(
        body,
        policy=policy,
        model=target.model,
        wire_format=wire_format,
        stream=target.stream,
        by_litellm=by_litellm,
    )
    for step in STEPS:
        step(draft, facts)
    properties = PropertyNames.apply(draft, facts)
    names = ToolNames.apply(draft, facts)
    with_accepted_ids(draft, facts)
    return draft, properties, names
