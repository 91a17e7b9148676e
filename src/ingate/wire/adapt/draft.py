"""A chat request on its way to the closest one that its model accepts: the only place where it is changed.

The modules of this package change a request through a `Draft` alone. Each method that loses or adds something takes the
sentence that reports it, and is an error under the drop policy `strict`, so that no change can be made without a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import DropPolicy


class Draft:
    """One request while it is adapted.

    Args:
        body: The caller's request, which is not changed; values that need no change are shared with it.
        policy: What to do with what the model does not accept; see `Target.drop_params`.
        model: The model's name, for messages.
        wire_format: The format in which the request goes to the provider.
        stream: Whether the answer is to stream.
        by_litellm: Whether litellm writes the provider's request, rather than a codec.

    Attributes:
        changed: Whether anything differs from the caller's request.
        schema: The JSON Schema that the answer must be validated against, because its provider does not; None for none.
    """

    __slots__ = (
        "_body",
        "_tool_messages",
        "_tracker",
        "by_litellm",
        "changed",
        "model",
        "schema",
        "stream",
        "wire_format",
    )

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        policy: DropPolicy,
        model: str,
        wire_format: str,
        stream: bool = False,
        by_litellm: bool = False,
    ) -> None:
        self._body = dict(body)
        self._tracker = ParamTracker(self._body, policy=policy, model=model)
        self._tool_messages: list[dict[str, Any]] | None = None
        self.model = model
        self.wire_format = wire_format
        self.stream = stream
        self.by_litellm = by_litellm
        self.changed = False
        self.schema: dict[str, Any] | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The request as it is now, to read only."""
        return self._body

    @property
    def dropped(self) -> list[str]:
        """Names of the parameters that were left out."""
        return self._tracker.dropped

    @property
    def warnings(self) -> list[str]:
        """Sentences for the user."""
        return self._tracker.warnings

    @property
    def messages(self) -> list[Any] | None:
        """The request's messages; None if they are not a list."""
        messages = self._body.get("messages")
        return messages if isinstance(messages, list) else None

    @property
    def tool_messages(self) -> list[dict[str, Any]]:
        """The messages that have calls or are results of tools."""
        if self._tool_messages is None:
            self._tool_messages = [message for message in self.messages or () if _is_of_tools(message)]
        return self._tool_messages

    def finished(self) -> dict[str, Any]:
        """The request, to be sent."""
        return self._body

    def drop(self, name: str, why: str) -> None:
        """Leave a parameter out, for the reason `why`. Raises `BadRequestError` if the policy is `strict`."""
        self._tracker.drop(name, why)
        self._remove(name)

    def change(self, name: str, value: Any, sentence: str, **also: Any) -> None:
        """Give a parameter another value. Raises `BadRequestError` if the policy is `strict`.

        A change of the conversation is reported under the policy `drop`, too, which is about parameters.

        Args:
            name: The parameter.
            value: Its new value; None leaves it out.
            sentence: What was changed and why, for the user.
            **also: Other parameters that are part of the same change, with their new values.
        """
        if name == "messages":
            self._tracker.adapt_messages(sentence)
        else:
            self._tracker.adapt(name, sentence)
        self.respell(name, value)
        for other, its in also.items():
            self.respell(other, its)

    def report_keywords(self, name: str, lost: Iterable[str]) -> None:
        """Report keywords of schemas that became part of descriptions; see `ParamTracker.report_keywords`."""
        self._tracker.report_keywords(name, lost)

    def respell(self, name: str, value: Any, note: str = "") -> None:
        """Give a parameter a value that means the same, or that is undone in the answer: no loss under any policy.

        Args:
            name: The parameter.
            value: Its new value; None leaves it out.
            note: A sentence for the user, if the change can be noticed.
        """
        if note:
            self._tracker.warn(note)
        if value is None:
            self._remove(name)
        elif value is not self._body.get(name):
            self._body[name] = value
            self._note_change(name)

    def _remove(self, name: str) -> None:
        if name in self._body:
            del self._body[name]
            self._note_change(name)

    def _note_change(self, name: str) -> None:
        self.changed = True
        if name == "messages":
            self._tool_messages = None


def _is_of_tools(message: Any) -> bool:
    if not isinstance(message, dict) or (role := message.get("role")) == "user":
        return False
    return role == "tool" or "tool_calls" in message or "function_call" in message or role == "function"
