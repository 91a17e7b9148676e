"""Responses objects and their output items, in the words of Chat Completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import UnavailableError
from ingate.wire.answers import completion, dumped, format_errors, items, mapping, parse_object, text, tool_call
from ingate.wire.errors import error_from_response
from ingate.wire.fields import FINISH_REASONS, arguments_text
from ingate.wire.usage import normalise_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import IngateError

REASONING_GAP: Final = "\n\n"
"""What separates the parts of a reasoning text: summaries are paragraphs with a heading each."""

SEALED: Final = frozenset({"reasoning", "compaction"})
"""Items that go back to the provider as they are: they are kept whole in `reasoning_items`."""

# What a failed response means: https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
_STATUSES: Final[Mapping[str, int]] = {
    "server_error": 500,
    "rate_limit_exceeded": 429,
    "vector_store_timeout": 504,
    "invalid_prompt": 400,
    "bio_policy": 400,
    "cyber_policy": 400,
    "misalignment_policy_violation": 400,
    "data_residency_mismatch": 400,
}
# Fields of an item that have a place of their own in `provider_tool_calls`.
_ENVELOPE: Final = frozenset({"type", "id", "name", "call_id", "arguments", "action", "queries", "code", "output"})
_RESULTS: Final = ("output", "outputs", "results", "tools")
_ANNOTATION_PLACES: Final = ("start_index", "end_index", "index")
_UNFINISHED: Final = frozenset({"queued", "in_progress"})


def completion_of(content: bytes, *, model: str) -> dict[str, Any]:
    """A whole response as a completion.

    Raises:
        IngateError: The response failed, or is an error object.
        UnavailableError: It is not a response.
    """
    response = parse_object(content)
    raise_error(response)
    with format_errors():
        return completion_of_response(response, model)


def completion_of_response(response: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A response object as a completion. Raises `TypeError` if it has no list of output items."""
    output = response["output"]
    if not isinstance(output, list):
        raise TypeError("output is not a list")
    collected = Output()
    for item in items(output):
        collected.add(item)
    finish, native = finish_of(response, has_calls=bool(collected.calls))
    choice: dict[str, Any] = {
        "index": 0,
        "message": collected.message(),
        "finish_reason": finish,
        "native_finish_reason": native,
    }
    if collected.logprobs:
        choice["logprobs"] = {"content": collected.logprobs, "refusal": None}
    made = completion(
        answer_id=text(response.get("id")),
        model=text(response.get("model")) or model,
        choices=[choice],
        usage=usage_of(response),
    )
    if created := created_of(response):
        made["created"] = created
    if tier := text(response.get("service_tier")):
        made["service_tier"] = tier
    return made


class Output:
    """What output items add up to.

    Attributes:
        text: The message's text so far.
        calls: Calls of the client's tools.
        logprobs: Token probabilities, if they were asked for.
    """

    def __init__(self) -> None:
        self.text = ""
        self.calls: list[dict[str, Any]] = []
        self.logprobs: list[dict[str, Any]] = []
        self._refusals: list[str] = []
        self._reasoning: list[str] = []
        self._more: dict[str, list[dict[str, Any]]] = {}
        self._phases: set[str] = set()

    def add(self, item: dict[str, Any]) -> None:
        """Read one output item."""
        kind = text(item.get("type"))
        if kind == "message":
            self._phases.add(text(item.get("phase")))
            for part in items(item.get("content")):
                self._add_part(part)
        elif kind in SEALED:
            self._reasoning += [part for part in reasoning_parts(item) if part]
            self._list("reasoning_items", [item])
        elif (call := call_of(item)) is not None:
            self.calls.append(call)
        elif kind:
            self._list("provider_tool_calls", [provider_tool(item)])
            self._list("images", images_of(item))

    def message(self) -> dict[str, Any]:
        """The assistant's message."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or (None if self.calls else "")}
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if self._reasoning:
            message["reasoning_content"] = REASONING_GAP.join(self._reasoning)
        message.update({key: found for key, found in self._more.items() if found})
        if self.calls:
            message["tool_calls"] = self.calls
        if len(self._phases) == 1 and (phase := next(iter(self._phases))):
            message["phase"] = phase
        return message

    def _add_part(self, part: dict[str, Any]) -> None:
        if part.get("type") == "refusal":
            self._refusals.append(text(part.get("refusal")))
            return
        self._list("annotations", [annotation(note, len(self.text)) for note in items(part.get("annotations"))])
        self.logprobs += items(part.get("logprobs"))
        self.text += text(part.get("text"))

    def _list(self, key: str, found: list[dict[str, Any]]) -> None:
        if found:
            self._more.setdefault(key, []).extend(found)


def reasoning_parts(item: Mapping[str, Any]) -> list[str]:
    """The parts of a reasoning item's text, in order: its summary's, then its own."""
    return [text(part.get("text")) for key in ("summary", "content") for part in items(item.get(key))]


def call_of(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """A call of one of the client's tools; None for any other item."""
    kind = item.get("type")
    call_id = text(item.get("call_id")) or text(item.get("id"))
    if kind == "custom_tool_call":
        custom = {"name": text(item.get("name")), "input": arguments_text(item.get("input"))}
        return {"id": call_id, "type": "custom", "custom": custom}
    if kind != "function_call":
        return None
    call = tool_call(call_id, text(item.get("name")), arguments_text(item.get("arguments")))
    if fields := call_fields(item):
        call["provider_specific_fields"] = fields
    return call


def call_fields(item: Mapping[str, Any]) -> dict[str, str]:
    """Fields of a function call that its provider wants back with it."""
    return {key: item[key] for key in ("namespace", "thought_signature") if text(item.get(key))}


def provider_tool(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item that is neither text nor a call of the client's tools: a tool that the provider ran, or its tool lists.

    It has `id`, `type` (the item's), `name`, `arguments` (JSON text), `result` if there is one, and the item's other
    fields. An image that was made is not repeated here; it is among the message's `images`.
    """
    kind = text(item.get("type"))
    name = text(item.get("name")) or kind.removesuffix("_call").removesuffix("_output")
    tool: dict[str, Any] = {"id": text(item.get("id")) or text(item.get("call_id")), "type": kind, "name": name}
    tool["arguments"] = _arguments(item)
    for key in _RESULTS:
        if item.get(key) is not None:
            tool["result"] = item[key]
            break
    is_image = kind == "image_generation_call"
    for key, value in item.items():
        if value is None or key in _ENVELOPE or key in _RESULTS or (key == "result" and is_image):
            continue
        tool.setdefault(key, value)
    return tool


def _arguments(item: Mapping[str, Any]) -> str:
    if item.get("arguments") is not None:
        return arguments_text(item["arguments"])
    if isinstance(item.get("action"), dict):
        return dumped(item["action"])
    found = {key: item[key] for key in ("queries", "code") if item.get(key) is not None}
    prompt = item.get("prompt") or item.get("revised_prompt")
    if prompt and item.get("type") == "image_generation_call":
        found["prompt"] = prompt
    return dumped(found)


def images_of(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The picture that an image generation returned, as a content part with a data URL."""
    data = text(item.get("result"))
    if item.get("type") != "image_generation_call" or not data:
        return []
    mime = f"image/{text(item.get('output_format')) or 'png'}"
    return [{"type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}]


def annotation(note: Mapping[str, Any], offset: int) -> dict[str, Any]:
    """A citation as Chat Completions nests it, its places counted from the beginning of the whole text.

    Args:
        note: The annotation of one text part.
        offset: Where that part begins in the message's text.
    """
    kind = text(note.get("type")) or "citation"
    inner = {key: value for key, value in note.items() if key != "type" and value is not None}
    for key in _ANNOTATION_PLACES:
        if isinstance(inner.get(key), int) and not isinstance(inner[key], bool):
            inner[key] += offset
    return {"type": kind, kind: inner}


def finish_of(response: Mapping[str, Any], *, has_calls: bool) -> tuple[str | None, str | None]:
    """The finish reason, and the provider's own; no finish reason while the response is unfinished."""
    status = text(response.get("status")) or "completed"
    if status in _UNFINISHED:
        return None, status
    if status == "incomplete":
        reason = text(mapping(response.get("incomplete_details")).get("reason"))
        # A response that is not complete is never an ordinary end, whatever the reason is called.
        word = FINISH_REASONS.get(reason.lower(), "length")
        return ("length" if word == "stop" else word), reason or status
    return ("tool_calls" if has_calls else "stop"), status


def usage_of(response: Mapping[str, Any]) -> dict[str, Any] | None:
    """The counts, None if the provider gave none."""
    counts = mapping(response.get("usage"))
    return normalise_usage(counts) if counts else None


def created_of(response: Mapping[str, Any]) -> int:
    """When the response was created, in seconds since 1970; 0 if that is unknown."""
    created = response.get("created_at")
    return int(created) if isinstance(created, (int, float)) and not isinstance(created, bool) and created > 0 else 0


def raise_error(response: Mapping[str, Any]) -> None:
    """Raise what a failed response, an `error` event or a bare error object means."""
    error = response.get("error")
    status, kind = text(response.get("status")), response.get("type")
    if status == "failed" or kind in {"error", "response.failed"} or (error and not response.get("output")):
        raise error_of(response)
    if status == "cancelled":
        raise UnavailableError("the response was cancelled", retryable=False)


def error_of(event: Mapping[str, Any]) -> IngateError:
    """The error in a failed response or an error event (returned, not raised)."""
    found = event.get("error")
    error: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
    if not error:
        error = {key: event[key] for key in ("code", "message", "param") if event.get(key) is not None}
        if isinstance(found, str):
            error["message"] = found
    error.setdefault("message", "the response failed")
    code = str(error.get("code") or "")
    status = _STATUSES.get(code, 400 if "image" in code else 200)
    return error_from_response(status, {}, {"error": error}, provider=None)
