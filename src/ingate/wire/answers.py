"""Reading a provider's JSON without trusting it, and building OpenAI chunks and completions from it."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import BadRequestError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

# An unpaired surrogate, which a server escapes when it splits its text inside a character.
_LONE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def read_json(text: bytes | str) -> Any:
    """The value in `text`: strictly and fast if possible, else tolerating what some servers send.

    Tolerated are `NaN` and `Infinity` (read as null), bytes that are not UTF-8, and unpaired surrogates.

    Raises:
        ValueError: `text` is not JSON.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise ValueError("nested too deeply") from None
    plain = text if isinstance(text, str) else text.decode(errors="replace")
    try:
        return json.loads(_LONE.sub(r"\\ufffd", plain), strict=False, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_object(data: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises `UnavailableError` if `data` is anything else."""
    try:
        value = read_json(data)
    except ValueError:
        shown = data[:80].decode(errors="replace") if isinstance(data, bytes) else data[:80]
        raise UnavailableError(
            f"the provider sent something that is not JSON: {shown!r}",
            status=502,
            fix="check the base URL of the provider, and that it speaks this API",
        ) from None
    if not isinstance(value, dict):
        raise UnavailableError(
            f"the provider sent a JSON {type(value).__name__}, not an object",
            status=502,
            fix="check the base URL of the provider, and that it speaks this API",
        )
    return value


@contextmanager
def format_errors() -> Generator[None]:
    """Turn the errors of reading data with an unexpected structure into `UnavailableError`."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise UnavailableError(
            f"the provider's response does not have the expected format: {error!r}",
            status=502,
            fix="check the base URL of the provider, and that it speaks this API",
        ) from None


def text(value: Any) -> str:
    """A string, or `""` for anything else."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """A number of tokens, 0 for anything else."""
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15 else 0


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; an empty list for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def dumped(value: Any) -> str:
    """JSON text. Raises `BadRequestError` for a value that JSON cannot express, such as half of a surrogate pair."""
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None


def tool_call(call_id: str, name: str, arguments: str, *, index: int | None = None, **extra: Any) -> dict[str, Any]:
    """A tool call of a message; of a delta if there is an `index`."""
    call: dict[str, Any] = {} if index is None else {"index": index}
    return {**call, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def usage(
    *,
    prompt: int,
    completion: int,
    total: int | None = None,
    cached: int = 0,
    cache_write: int = 0,
    reasoning: int = 0,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """OpenAI's usage: `prompt` is all input including cache reads and writes, `completion` is all output."""
    prompt_details: dict[str, Any] = {"cached_tokens": cached}
    if cache_write:
        prompt_details["cache_creation_tokens"] = cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
        **(more or {}),
    }


class Chunks:
    """Builds the chunks of one stream, which share an id, a model and a time.

    An empty id is replaced by the normaliser.
    """

    __slots__ = ("created", "id", "model")

    def __init__(self, model: str) -> None:
        self.id = ""
        self.model = model
        self.created = int(time.time())

    def _head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
        }

    def delta(
        self,
        delta: dict[str, Any],
        *,
        index: int = 0,
        finish: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A chunk with one choice."""
        return {**self._head(), "choices": [{"index": index, "delta": delta, "finish_reason": finish, **(extra or {})}]}

    def usage(self, counts: dict[str, Any]) -> dict[str, Any]:
        """The chunk without choices that carries the usage."""
        return {**self._head(), "choices": [], "usage": counts}


def completion(
    *, answer_id: str, model: str, choices: list[dict[str, Any]], usage: dict[str, Any] | None
) -> dict[str, Any]:
    """A whole completion. An empty `answer_id` is replaced by `normalise_completion`."""
    out: dict[str, Any] = {
        "id": answer_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
    }
    if usage is not None:
        out["usage"] = usage
    return out
