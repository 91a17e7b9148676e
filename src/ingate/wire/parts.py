"""Reading an OpenAI request: the content parts of messages, tool calls, tools, tool choice, response format.

Every codec starts from these neutral forms, so it only has to describe its provider's.
"""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote_to_bytes, urlsplit

from ingate.errors import BadRequestError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

Kind = Literal["text", "image", "audio", "video", "file", "native"]
_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "aac": "audio/aac"}
_EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
_FREE_TEXT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}


@dataclass(slots=True, kw_only=True)
class Part:
    """One piece of a message's content.

    Attributes:
        kind: What it is; `native` is a part in a provider's own format, kept whole in `raw`.
        text: The text of a text part, or the decoded text of a text file.
        mime: The media type, `""` if it is not given and the name does not imply it.
        data: The content in base64, None if `url` or `file_id` refers to it.
        url: The content's address (`https://…`, `gs://…`), None if it is inline.
        file_id: The provider's id of an uploaded file.
        name: The file's name, None if it has none.
        cache_control: A prompt-cache mark (`{"type": "ephemeral"}`), None if there is none.
        raw: The part as received.
    """

    kind: Kind
    text: str = ""
    mime: str = ""
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    cache_control: dict[str, Any] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Tool:
    """A function the model may call.

    Attributes:
        name: Its name.
        description: What it does; may be empty.
        schema: JSON Schema of its arguments, always an object schema.
        strict: Whether the arguments must match the schema exactly.
        cache_control: A prompt-cache mark, None if there is none.
    """

    name: str
    description: str
    schema: dict[str, Any]
    strict: bool = False
    cache_control: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Choice:
    """Which tools the model may or must call.

    Attributes:
        mode: `auto`, `none`, `required` (any one), or `named` (the one in `name`).
        name: The function that must be called.
        allowed: The only functions that may be called, None if all may be.
    """

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""
    allowed: tuple[str, ...] | None = None


def data_url(url: str) -> tuple[str, str] | None:
    """The media type and base64 content of a `data:` URL, None for any other URL.

    Raises:
        BadRequestError: It is a data URL, but its content is not base64.
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, body = url[5:].partition(",")
    if not comma:
        raise BadRequestError("a data URL has no ',' before its content", code="invalid_data_url")
    mime, *options = [item.strip() for item in head.split(";")]
    if "base64" not in (option.lower() for option in options):
        return mime.lower() or "text/plain", base64.b64encode(unquote_to_bytes(body)).decode()
    packed = re.sub(r"\s+", "", body)
    try:
        base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequestError("a data URL's content is not base64", code="invalid_data_url") from None
    return mime.lower() or "application/octet-stream", packed


def text_of(content: Any) -> str:
    """All text in a message's content, whether it is a string, a list of parts or null."""
    return "".join(part.text for part in parts_of(content) if part.kind == "text")


def has_media(content: Any) -> bool:
    """Whether a message's content contains more than text."""
    return any(part.kind != "text" for part in parts_of(content))


def parts_of(content: Any) -> list[Part]:
    """A message's content as parts: a string is one text part, null is none.

    Raises:
        BadRequestError: The content has another type, or a part does not match its own type.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [Part(kind="text", text=content)]
    if not isinstance(content, list):
        raise BadRequestError(f"a message's content is {type(content).__name__}, not a string or a list of parts")
    return [_part(item) for item in content]


def _part(item: Any) -> Part:
    if isinstance(item, str):
        return Part(kind="text", text=item)
    if not isinstance(item, dict):
        raise BadRequestError(f"a content part is {type(item).__name__}, not an object")
    mark = item.get("cache_control")
    mark = mark if isinstance(mark, dict) else None
    kind = item.get("type")
    if kind in {"text", "input_text", "output_text", "refusal"}:
        text = item.get("refusal") if kind == "refusal" else item.get("text")
        if not isinstance(text, str):
            raise BadRequestError(f"a {kind!r} part has no text")
        return Part(kind="text", text=text, cache_control=mark, raw=item)
    if kind in {"image_url", "input_image", "video_url"}:
        medium: Kind = "video" if kind == "video_url" else "image"
        value = item.get("video_url" if kind == "video_url" else "image_url")
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str) and url:
            return _located(medium, url, mark, item)
        if isinstance(item.get("file_id"), str):
            return Part(kind=medium, file_id=item["file_id"], cache_control=mark, raw=item)
        raise BadRequestError(f"a {kind!r} part has no URL")
    if kind == "input_audio":
        audio = item.get("input_audio")
        if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
            raise BadRequestError("an 'input_audio' part has no data")
        form = str(audio.get("format") or "wav").lower()
        mime = _AUDIO_TYPES.get(form, f"audio/{form}")
        return Part(kind="audio", mime=mime, data=audio["data"], cache_control=mark, raw=item)
    if kind in {"file", "input_file"}:
        return _file(item, mark)
    return Part(kind="native", cache_control=mark, raw=item)


def _located(kind: Kind, url: str, mark: dict[str, Any] | None, raw: Mapping[str, Any]) -> Part:
    inline = data_url(url)
    if inline is not None:
        return Part(kind=kind, mime=inline[0], data=inline[1], cache_control=mark, raw=raw)
    if "://" not in url:
        raise BadRequestError(f"{url[:60]!r} is neither a data URL nor an address")
    return Part(kind=kind, mime=mime_of(urlsplit(url).path), url=url, cache_control=mark, raw=raw)


def _file(item: Mapping[str, Any], mark: dict[str, Any] | None) -> Part:
    nested = item.get("file")
    given: Mapping[str, Any] = nested if isinstance(nested, dict) else item
    name = given.get("filename")
    name = name if isinstance(name, str) and name else None
    file_id, data, url = given.get("file_id"), given.get("file_data"), given.get("file_url")
    mime = given.get("format") or given.get("mime_type") or (mime_of(name) if name else "")
    if isinstance(data, str) and data:
        if data[:5].lower() == "data:" or "://" in data[:16]:
            part = _located("file", data, mark, item)
            part.mime = mime if not part.mime or part.mime == "application/octet-stream" else part.mime
        else:
            part = Part(kind="file", mime=str(mime), data=re.sub(r"\s+", "", data), cache_control=mark, raw=item)
    elif isinstance(url, str) and url:
        part = _located("file", url, mark, item)
    elif isinstance(file_id, str) and file_id:
        # LiteLLM's users pass a URL as file_id; no provider's ids contain "://".
        part = _located("file", file_id, mark, item) if "://" in file_id else Part(kind="file", file_id=file_id)
        part.mime, part.cache_control, part.raw = part.mime or str(mime), mark, item
    else:
        raise BadRequestError("a 'file' part has neither file_data nor file_id")
    part.name = name
    part.mime = part.mime or str(mime)
    if part.data is not None and part.mime.startswith("text/"):
        part.text = decoded(part.data).decode("utf-8", "replace")
    return part


def decoded(data: str) -> bytes:
    """Base64 to bytes. Raises `BadRequestError` if it is not base64."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequestError("inline content is not base64", code="invalid_base64") from None


def mime_of(name: str) -> str:
    """The media type that a file's name or a URL's path implies, `""` if none."""
    return mimetypes.guess_type(name)[0] or ""


def messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The request's messages.

    Raises:
        InvalidRequestError: There are none, or one is not an object with a known role.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequestError("the request has no messages", param="messages", code="missing_messages")
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise InvalidRequestError(
                f"messages[{at}] is {type(message).__name__}, not an object", param=f"messages[{at}]"
            )
        if message.get("role") not in {"system", "developer", "user", "assistant", "tool", "function"}:
            raise InvalidRequestError(
                f"messages[{at}] has the role {message.get('role')!r}", param=f"messages[{at}].role"
            )
    return messages


@contextmanager
def in_message(at: int) -> Generator[None]:
    """Give errors on the content of `messages[at]` that place."""
    try:
        yield
    except InvalidRequestError:
        raise
    except BadRequestError as error:
        raise InvalidRequestError(str(error), param=f"messages[{at}]", code=error.code, fix=error.fix) from None


def calls_of(message: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], Mapping[str, Any]]]:
    """An assistant message's tool calls: id, function name, parsed arguments, and the call as received.

    Arguments that are not a JSON object (cut off, or malformed) are sent back as `{"arguments": text}`.
    """
    calls = message.get("tool_calls")
    if not calls and isinstance(message.get("function_call"), dict):
        calls = [{"id": "", "function": message["function_call"]}]
    for call in calls or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            custom = call.get("custom") if isinstance(call, dict) else None
            if not isinstance(custom, dict):
                raise BadRequestError("a tool call has no function")
            function = {"name": custom.get("name"), "arguments": json.dumps({"input": custom.get("input", "")})}
        yield str(call.get("id") or ""), str(function.get("name") or ""), arguments_of(function.get("arguments")), call


def arguments_of(value: Any) -> dict[str, Any]:
    """A call's arguments as an object."""
    if isinstance(value, dict):
        return value
    text = value if isinstance(value, str) else ""
    if not text.strip():
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"arguments": text}
    return parsed if isinstance(parsed, dict) else {"arguments": parsed}


def tools_of(body: Mapping[str, Any], choice: Choice) -> tuple[list[Tool], list[dict[str, Any]]]:
    """The functions that may be called, and the tools in a provider's own format, which are passed on unchanged.

    Raises:
        BadRequestError: A tool is not an object, or a function has no name.
    """
    given = body.get("tools") or [
        {"type": "function", "function": function} for function in body.get("functions") or ()
    ]
    if not isinstance(given, list):
        raise InvalidRequestError("tools is not a list", param="tools")
    functions: list[Tool] = []
    native: list[dict[str, Any]] = []
    for at, tool in enumerate(given):
        if not isinstance(tool, dict):
            raise InvalidRequestError(f"tools[{at}] is not an object", param=f"tools[{at}]")
        function = tool.get("function")
        if isinstance(custom := tool.get("custom"), dict) and tool.get("type") == "custom":
            # A custom tool takes free text: here it becomes a function with that text as its only argument.
            function = {**custom, "parameters": _FREE_TEXT_SCHEMA}
        if not isinstance(function, dict):
            native.append(tool)
            continue
        name = function.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidRequestError(f"the function of tools[{at}] has no name", param=f"tools[{at}].function.name")
        if choice.allowed is not None and name not in choice.allowed:
            continue
        schema = function.get("parameters")
        mark = tool.get("cache_control") or function.get("cache_control")
        functions.append(
            Tool(
                name=name,
                description=str(function.get("description") or ""),
                schema={"type": "object", **schema} if isinstance(schema, dict) and schema else dict(_EMPTY_SCHEMA),
                strict=function.get("strict") is True,
                cache_control=mark if isinstance(mark, dict) else None,
            )
        )
    return functions, native


def choice_of(body: Mapping[str, Any]) -> Choice:
    """The request's tool choice, `auto` by default. Raises `BadRequestError` if it is malformed."""
    given = body.get("tool_choice", body.get("function_call"))
    if given is None or given == "auto":
        return Choice()
    if given == "none":
        return Choice(mode="none")
    if given in ("required", "any"):
        return Choice(mode="required")
    if isinstance(given, dict):
        kind = given.get("type")
        if kind in {"auto", "none", "required", "any"}:
            return choice_of({"tool_choice": kind})
        if kind == "allowed_tools":
            spec = given.get("allowed_tools")
            spec = spec if isinstance(spec, dict) else given
            names = tuple(
                str((tool.get("function") or tool.get("custom") or tool).get("name"))
                for tool in spec.get("tools") or ()
                if isinstance(tool, dict)
            )
            return Choice(mode="required" if spec.get("mode") == "required" else "auto", allowed=names)
        named = given.get("function") or given.get("custom") or given
        if isinstance(named, dict) and isinstance(named.get("name"), str):
            return Choice(mode="named", name=named["name"])
    raise InvalidRequestError(
        f"tool_choice {given!r} is not auto, none, required or a named function", param="tool_choice"
    )


def format_of(body: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The type of `response_format` (`text`, `json_object` or `json_schema`) and its schema, None if it has none.

    Raises:
        BadRequestError: It is another type, or a json_schema without a schema.
    """
    given = body.get("response_format")
    if given is None:
        return "text", None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "text":
        return "text", None
    if kind == "json_object":
        return "json_object", None
    if kind == "json_schema":
        wrapper = given.get("json_schema")
        schema = wrapper.get("schema") if isinstance(wrapper, dict) else given.get("schema")
        if isinstance(schema, dict):
            return "json_schema", schema
        raise InvalidRequestError("response_format has the type json_schema but no schema", param="response_format")
    raise InvalidRequestError(
        f"response_format {given!r} is not text, json_object or json_schema", param="response_format"
    )
