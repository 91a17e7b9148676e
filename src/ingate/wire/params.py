"""What a request asks for, and what became of it: parameters taken, dropped, or handed on as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import DropPolicy

# OpenAI's chat-completions parameters. A key that is none of these is meant for the provider and goes as it is.
OPENAI_PARAMS: Final = frozenset(
    {"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"}
    | {"max_tokens", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort"}
    | {"response_format", "seed", "service_tier", "stop", "temperature", "tool_choice", "tools", "top_logprobs"}
    | {"top_p", "verbosity", "web_search_options", "moderation"}
)
# Said to the gateway or to OpenAI's own platform; nothing is lost where a provider never hears of them.
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


class ParamTracker:
    """The parameters of one request.

    `take` reads one that the lane knows; `drop` leaves one out by the route's policy; `rest` goes through what no one
    took.

    Attributes:
        dropped: Names of what was left out.
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
        """The first of these parameters that is there and not null; all of them count as seen to."""
        self._taken.update(names)
        return next((self.body[name] for name in names if self.body.get(name) is not None), None)

    def number(self, name: str) -> float | None:
        """A number. Raises `BadRequestError` where it is something else."""
        value = self.take(name)
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            return value
        raise BadRequestError(f"{name} is {value!r}, not a number", code="invalid_parameter")

    def drop(self, name: str, why: str) -> None:
        """Leave a parameter out, for the reason `why`. Raises `BadRequestError` where the route is strict."""
        self._taken.add(name)
        if name in self.dropped:
            return
        if self._policy == "strict":
            raise BadRequestError(
                f"{self.model!r} does not take {name}: {why}",
                code="unsupported_parameter",
                fix=f"leave {name} out, or set drop_params to warn or drop",
            )
        self.dropped.append(name)
        if self._policy == "warn":
            self.warnings.append(f"{name} was left out: {why}")

    def warn(self, sentence: str) -> None:
        """Tell the user something that is no parameter's end."""
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


def stops_of(asked: ParamTracker, *, blank: bool) -> list[str]:
    """The stop sequences, without those of white space alone where the provider refuses them (`blank` is false)."""
    given = asked.take("stop")
    stops = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    kept = [stop for stop in stops if isinstance(stop, str) and (stop if blank else stop.strip())]
    if len(kept) < len(stops):
        asked.drop("stop", "a stop sequence must hold more than white space")
    return kept
