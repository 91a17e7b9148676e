"""The parameters of a request: which were read, which were dropped and why, and which are passed on unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import DropPolicy

# OpenAI's chat-completions parameters. Any other key is meant for the provider and is passed on unchanged.
OPENAI_PARAMS: Final = frozenset(
    {"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"}
    | {"max_tokens", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort"}
    | {"response_format", "seed", "service_tier", "stop", "temperature", "tool_choice", "tools", "top_logprobs"}
    | {"top_p", "verbosity", "web_search_options", "moderation"}
)
# Meant for the gateway or for OpenAI's own platform; leaving them out loses nothing.
_SILENT: Final = frozenset(
    {"messages", "model", "stream", "stream_options", "store", "user", "metadata", "safety_identifier", "timeout"}
    | {"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "extra_body", "extra_headers"}
    | {"extra_query"}
)
_NO_OPS: Final[Mapping[str, tuple[Any, ...]]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "tools": ([],),
    "functions": ([],),
    "stop": ([], ""),
    "verbosity": ("medium",),
}


def is_default(name: str, value: Any) -> bool:
    """Whether a parameter has the value that applies without it, so that nothing is lost if it is left out."""
    return value in _NO_OPS.get(name, ()) or (name in {"temperature", "top_p"} and value == 1)


class ParamTracker:
    """The parameters of one request.

    `take` reads one that the format supports, `drop` leaves one out according to the drop policy, and `rest` handles
    those that were not read.

    Args:
        body: The OpenAI request.
        policy: What to do with a parameter the model does not accept; see `Target.drop_params`.
        model: The model's name, for messages.

    Attributes:
        dropped: Names of the parameters that were left out.
        warnings: Sentences for the user.
    """

    def __init__(self, body: Mapping[str, Any], *, policy: DropPolicy, model: str) -> None:
        self.body = body
        self.model = model
        self.dropped: list[str] = []
        self.warnings: list[str] = []
        self._policy = policy
        self._taken: set[str] = set()

    def take(self, *names: str) -> Any:
        """The first of these parameters that is set and not null; all of them count as read."""
        self._taken.update(names)
        return next((self.body[name] for name in names if self.body.get(name) is not None), None)

    def number(self, name: str) -> float | None:
        """A number, None if it is not set. Raises `BadRequestError` for anything else."""
        value = self.take(name)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        raise BadRequestError(f"{name} is {value!r}, not a number", code="invalid_parameter")

    def drop(self, name: str, why: str) -> None:
        """Leave a parameter out, for the reason `why`. Raises `BadRequestError` if the policy is `strict`."""
        self._taken.add(name)
        if name in self.dropped:
            return
        if self._policy == "strict":
            raise BadRequestError(
                f"{self.model!r} does not accept {name}: {why}",
                code="unsupported_parameter",
                fix=f"leave {name} out, or set drop_params to warn or drop",
            )
        self.dropped.append(name)
        if self._policy == "warn":
            self.warnings.append(f"{name} was left out: {why}")

    def adapt(self, name: str, sentence: str) -> None:
        """Report that the value of a parameter was changed. Raises `BadRequestError` if the policy is `strict`.

        Args:
            name: The parameter.
            sentence: What was changed and why, for the user.
        """
        if self._policy == "strict":
            raise BadRequestError(
                f"{self.model!r} does not accept {'these' if name.endswith('s') else 'this'} {name}: {sentence}",
                code="unsupported_value",
                fix=f"change {name}, or set drop_params to warn or drop",
            )
        if self._policy == "warn":
            self.warnings.append(sentence)

    def report_keywords(self, name: str, lost: Iterable[str]) -> None:
        """Report keywords of the schemas in a parameter (`tools`, `response_format`) that became part of descriptions.

        Raises `BadRequestError` if there are any and the policy is `strict`.
        """
        if keywords := ", ".join(sorted(lost)):
            what = "the answer's schema" if name == "response_format" else f"the schemas of {name}"
            self.adapt(name, f"{keywords} in {what} became part of descriptions: the provider does not enforce them")

    def adapt_messages(self, sentence: str) -> None:
        """Report that the conversation was changed, under the policy `drop`, too: that is about parameters.

        Raises `BadRequestError` if the policy is `strict`.
        """
        self.adapt("messages", sentence)
        if self._policy == "drop":
            self.warn(sentence)

    def warn(self, sentence: str) -> None:
        """Add a warning that is not about a dropped parameter."""
        self.warnings.append(sentence)

    @property
    def extra_body(self) -> dict[str, Any]:
        """The request's `extra_body`, which is merged over the finished request body; empty if there is none."""
        extra = self.body.get("extra_body")
        return extra if isinstance(extra, dict) else {}

    def rest(self, why: str = "this format has no such parameter") -> dict[str, Any]:
        """The parameters that were not read: OpenAI's are dropped with the reason `why`, the others are returned.

        The latter are meant for the provider and go into the request body as they are.
        """
        extras: dict[str, Any] = {}
        for name, value in self.body.items():
            if value is None or name in self._taken or name in _SILENT or value in _NO_OPS.get(name, ()):
                continue
            if name in OPENAI_PARAMS:
                self.drop(name, why)
            else:
                extras[name] = value
        return extras


def deep_merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` with `over` merged over it.

    Objects merge key by key, any other value replaces what is there, and a null removes the key. Inside an object that
    `base` does not have nothing is removed: a null there is a value (a JSON Schema may contain `"default": null`).
    Neither argument is changed; values are shared with the result.
    """
    merged = dict(base)
    for key, value in over.items():
        current = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(current, dict):
            merged[key] = deep_merge(current, value)
        else:
            merged[key] = value
    return merged


def stops_of(params: ParamTracker, *, blank: bool) -> list[str]:
    """The stop sequences; those of only white space are dropped if the provider rejects them (`blank` is false)."""
    given = params.take("stop")
    stops = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    kept = [stop for stop in stops if isinstance(stop, str) and (stop if blank else stop.strip())]
    if len(kept) < len(stops):
        params.drop("stop", "a stop sequence must contain more than white space")
    return kept
