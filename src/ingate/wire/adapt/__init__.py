"""A chat request as its model accepts it, and the model's answer as the caller expects it.

Models reject requests that their provider's schema allows: a tool name with a dot, a tool choice that forces a call, a
user message right after a tool result. Which model rejects what are facts (`wire/facts.py`); the modules of this package
are the changes that follow from them. They work on the neutral form, between the gateway and the codec of a format, so
that every format and every lane has them. A change that loses something is reported, and is an error if the drop policy
is `strict`; one that is undone in the answer (names and ids of tools) loses nothing and is made under every policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingate.wire.adapt.answer_check import AnswerCheck
from ingate.wire.adapt.call_ids import with_accepted_ids
from ingate.wire.adapt.choice import with_accepted_choice
from ingate.wire.adapt.images import with_accepted_images
from ingate.wire.adapt.litellm_lane import for_litellm
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
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target


@dataclass(slots=True)
class Adapted:
    """A request as its model accepts it.

    Attributes:
        body: The request; what needed no change is shared with the caller's.
        dropped: Names of parameters that were left out.
        warnings: Sentences for the user.
        names: The names of tools that were replaced.
        check: What validates the answer, None if nothing has to.
        late: Where sentences about the answer go.
        binds: Whether the provider may leave out thinking that does not fit the conversation, and reports it.
    """

    body: dict[str, Any]
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    names: ToolNames = field(default_factory=ToolNames)
    check: AnswerCheck | None = None
    late: list[str] = field(default_factory=list)
    binds: bool = False

    @property
    def reads_answer(self) -> bool:
        """Whether the answer has to go through `restore`."""
        return bool(self.names) or self.check is not None or self.binds

    def restore(self, answer: dict[str, Any]) -> None:
        """Put the caller's names back into a completion or a chunk, in place, and validate its text."""
        if self.check is not None:
            self.check.read(answer)
        if self.binds:
            self._report_left_out(answer)
        if not self.names:
            return
        for choice in answer.get("choices") or ():
            for part in ("message", "delta"):
                if isinstance(message := choice.get(part), dict):
                    self.names.restore(message)

    def _report_left_out(self, answer: dict[str, Any]) -> None:
        """Report the thinking that the provider left out of the request."""
        for choice in answer.get("choices") or ():
            changes = choice.pop("input_transformations", None)
            dropped = [one for one in changes or () if isinstance(one, dict) and one.get("type") == "thinking_dropped"]
            if dropped:
                reason = str(dropped[0].get("reason") or "").replace("_", " ")
                self.late.append(f"the provider left out {len(dropped)} block(s) of earlier thinking ({reason})")


def is_accepted(body: Mapping[str, Any], target: Target, wire_format: str) -> bool:
    """Whether `adapt` would change nothing."""
    made = adapt(body, replace(target, drop_params="drop"), wire_format).body
    return made.keys() == body.keys() and all(made[name] is value for name, value in body.items())


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
    made = dict(body)
    tracker = ParamTracker(made, policy=target.drop_params, model=target.model)
    without_refused(made, facts, tracker)
    with_accepted_tools(made, facts, tracker)
    with_accepted_schemas(made, facts, tracker)
    with_accepted_choice(made, facts, tracker)
    schema = with_accepted_format(made, facts, tracker, wire_format, stream=target.stream)
    with_paired_results(made, facts, tracker)
    with_accepted_images(made, facts, tracker)
    with_accepted_texts(made, facts)
    with_accepted_turns(made, facts, tracker, wire_format)
    with_reasoning_back(made, facts)
    if by_litellm:
        for_litellm(made, facts)
    names = ToolNames.of(made, facts)
    names.apply(made, tracker)
    with_accepted_ids(made, facts)
    late = tracker.warnings if warnings is None else warnings
    check = AnswerCheck(schema, late) if schema is not None else None
    binds = bool(facts.get("signature_binds"))
    return Adapted(made, tracker.dropped, tracker.warnings, names, check, late, binds)
