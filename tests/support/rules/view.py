"""What a request of any format says, in one shape, so that a rule is written once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Call:
    """A tool's call in a history."""

    where: str
    id: str | None
    name: str


@dataclass
class Tool:
    """A tool on offer, with its schema."""

    where: str
    name: str
    schema: Any


@dataclass
class Turn:
    """One message.

    Attributes:
        where: Where it is in the request.
        role: system, user, assistant or tool. A user's turn that has tool results is `tool` if it has nothing else.
        raw: The message as sent.
        texts: Its texts, each with where it is.
        calls: The calls it makes.
        answers: The calls it answers, each with where that is.
        urls: Images by address.
        thoughts: Blocks of signed reasoning.
        reasoning: The text of unsigned reasoning, None if the field is absent.
        empty: Whether it has neither text nor anything else.
    """

    where: str
    role: str
    raw: Any
    texts: list[tuple[str, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    thoughts: list[Any] = field(default_factory=list)
    reasoning: str | None = None
    empty: bool = False


@dataclass
class View:
    """A request.

    Attributes:
        wire, provider, model: The format, who is asked, and for which model.
        body: The request as sent.
        headers: Its headers, names in lower case.
        turns: Its messages.
        tools: Its tools.
        choice: How a tool is to be chosen: auto, any, named, none, or empty if it does not say.
        form: `json_schema`, `json_object` or empty.
        effort: The effort asked for, None if it does not say.
        thinking: The type of thinking asked for, None if it does not say.
    """

    wire: str
    provider: str
    model: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    turns: list[Turn] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    choice: str = ""
    form: str = ""
    effort: str | None = None
    thinking: str | None = None


def at(body: Any, path: str) -> Any:
    """What is at a dotted path, None if nothing is."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def view_of(wire: str, provider: str, model: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> View:
    """A request of one of the formats."""
    view = View(wire, provider, model, body, headers)
    _READERS[wire](view)
    return view


# ---- chat completions, Cohere and Ollama, which share its messages ----------------------------------------------


def _chat(view: View) -> None:
    body = view.body
    _chat_turns(view)
    for index, tool in enumerate(body.get("tools") or ()):
        inner = tool.get("function") or {}
        if "name" in inner:
            view.tools.append(Tool(f"tools[{index}].function", inner["name"], inner.get("parameters")))
    choice = body.get("tool_choice")
    words = {"required": "any", "REQUIRED": "any", "NONE": "none", "auto": "auto", "none": "none", "any": "any"}
    view.choice = "named" if isinstance(choice, dict) else words.get(choice or "", "")
    form = (body.get("response_format") or {}).get("type", "text")
    view.form = "" if form == "text" else form
    view.effort = body.get("reasoning_effort") or at(body, "reasoning.effort")
    view.thinking = at(body, "thinking.type")


def _chat_turns(view: View) -> None:
    for index, message in enumerate(view.body.get("messages") or ()):
        where = f"messages[{index}]"
        role = {"developer": "system", "function": "tool"}.get(message["role"], message["role"])
        turn = Turn(where, role, message, reasoning=message.get("reasoning_content", message.get("reasoning")))
        content = message.get("content")
        if isinstance(content, str):
            turn.texts.append((f"{where}.content", content))
        for part_index, part in enumerate(content if isinstance(content, list) else ()):
            if part.get("type") == "text":
                turn.texts.append((f"{where}.content[{part_index}].text", part["text"]))
            elif part.get("type") == "image_url":
                url = part["image_url"]
                turn.urls.append(url["url"] if isinstance(url, dict) else url)
            elif part.get("type") == "thinking":
                turn.reasoning = str(part.get("thinking"))
        for call_index, call in enumerate(message.get("tool_calls") or ()):
            called = Call(f"{where}.tool_calls[{call_index}]", call.get("id"), call["function"]["name"])
            turn.calls.append(called)
        if role == "tool" and (answered := message.get("tool_call_id")) is not None:
            turn.answers.append((f"{where}.tool_call_id", answered))
        turn.empty = not content and not turn.calls and not message.get("function_call")
        turn.urls = [url for url in turn.urls if not url.startswith("data:")]
        view.turns.append(turn)


def _ollama(view: View) -> None:
    _chat(view)
    form = view.body.get("format")
    view.form = "json_schema" if isinstance(form, dict) else "json_object" if form else ""
    view.thinking = {True: "enabled", False: "disabled", None: None}.get(view.body.get("think"), "enabled")


# ---- Responses --------------------------------------------------------------------------------------------------


def _responses(view: View) -> None:
    body = view.body
    if body.get("instructions"):
        view.turns.append(Turn("instructions", "system", {}, [("instructions", body["instructions"])]))
    items = body.get("input")
    if isinstance(items, str):
        view.turns.append(Turn("input", "user", {}, [("input", items)]))
        items = []
    for index, item in enumerate(items or ()):
        where, kind = f"input[{index}]", item.get("type", "message")
        role = item.get("role", "tool" if kind.endswith("_output") else "assistant")
        turn = Turn(where, {"developer": "system"}.get(role, role), item)
        content = item.get("content")
        if isinstance(content, str):
            turn.texts.append((f"{where}.content", content))
        for part_index, part in enumerate(content if isinstance(content, list) else ()):
            if part.get("type") in {"input_text", "output_text"}:
                turn.texts.append((f"{where}.content[{part_index}].text", part["text"]))
            elif part.get("type") == "input_image" and not str(part.get("image_url", "data:")).startswith("data:"):
                turn.urls.append(part["image_url"])
        if kind.endswith("_output"):
            turn.answers.append((f"{where}.call_id", item["call_id"]))
        elif kind in {"function_call", "custom_tool_call"}:
            turn.calls.append(Call(where, item["call_id"], item["name"]))
        elif kind == "reasoning":
            turn.thoughts.append(item)
        view.turns.append(turn)
    for index, tool in enumerate(body.get("tools") or ()):
        if "name" in tool:
            view.tools.append(Tool(f"tools[{index}]", tool["name"], tool.get("parameters")))
    choice = body.get("tool_choice")
    view.choice = "named" if isinstance(choice, dict) else {"required": "any"}.get(choice or "", choice or "")
    form = at(body, "text.format.type") or "text"
    view.form = "" if form == "text" else form
    view.effort = at(body, "reasoning.effort")


# ---- Messages and Converse --------------------------------------------------------------------------------------


def _messages(view: View) -> None:
    body = view.body
    system = body.get("system")
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system or ()
    if blocks:
        texts = [(f"system[{index}].text", block["text"]) for index, block in enumerate(blocks)]
        view.turns.append(Turn("system", "system", {}, texts))
    for index, message in enumerate(body.get("messages") or ()):
        content = message["content"]
        turn = Turn(f"messages.{index}", message["role"], message)
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block_index, block in enumerate(blocks):
            _block(turn, f"messages.{index}.content.{block_index}", block)
        if turn.answers and not turn.texts and not turn.urls:
            turn.role = "tool"
        turn.empty = not blocks
        view.turns.append(turn)
    for index, tool in enumerate(body.get("tools") or ()):
        if "input_schema" in tool:
            view.tools.append(Tool(f"tools.{index}.custom", tool["name"], tool["input_schema"]))
    view.choice = {"tool": "named"}.get(kind := at(body, "tool_choice.type") or "", kind)
    view.form = "json_schema" if at(body, "output_config.format") or body.get("output_format") else ""
    view.effort, view.thinking = at(body, "output_config.effort"), at(body, "thinking.type")


def _block(turn: Turn, where: str, block: Mapping[str, Any]) -> None:
    kind = block["type"]
    if kind == "text":
        turn.texts.append((f"{where}.text", block["text"]))
    elif kind == "tool_use":
        turn.calls.append(Call(where, block["id"], block["name"]))
    elif kind == "tool_result":
        turn.answers.append((f"{where}.tool_use_id", block["tool_use_id"]))
    elif kind.endswith("thinking"):
        turn.thoughts.append(block)
    elif kind == "image" and at(block, "source.type") == "url":
        turn.urls.append(block["source"]["url"])


def _converse(view: View) -> None:
    body = view.body
    for index, block in enumerate(body.get("system") or ()):
        if "text" in block:
            view.turns.append(Turn(f"system.{index}", "system", {}, [(f"system.{index}.text", block["text"])]))
    for index, message in enumerate(body.get("messages") or ()):
        turn = Turn(f"messages.{index}", message["role"], message)
        for block_index, block in enumerate(message["content"]):
            where = f"messages.{index}.content.{block_index}"
            if "text" in block:
                turn.texts.append((f"{where}.text", block["text"]))
            elif "toolUse" in block:
                turn.calls.append(Call(where, block["toolUse"]["toolUseId"], block["toolUse"]["name"]))
            elif "toolResult" in block:
                turn.answers.append((f"{where}.toolResult.toolUseId", block["toolResult"]["toolUseId"]))
            elif "reasoningContent" in block:
                turn.thoughts.append(block["reasoningContent"])
        turn.empty = not message["content"]
        view.turns.append(turn)
    config = body.get("toolConfig") or {}
    for index, tool in enumerate(config.get("tools") or ()):
        if "toolSpec" in tool:
            spec = tool["toolSpec"]
            view.tools.append(Tool(f"tools.{index}.custom", spec["name"], at(spec, "inputSchema.json")))
    view.choice = {"tool": "named"}.get(kind := next(iter(config.get("toolChoice") or {}), ""), kind)
    view.form = "json_schema" if "outputConfig" in body else ""
    more = body.get("additionalModelRequestFields") or {}
    view.effort = at(more, "output_config.effort") or at(more, "reasoningConfig.maxReasoningEffort")
    view.thinking = at(more, "thinking.type") or at(more, "reasoningConfig.type")


# ---- Gemini -----------------------------------------------------------------------------------------------------


def camel(value: Any) -> Any:
    """The API takes its own fields in snake case too; a schema's properties keep their names."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: re.sub("_([a-z])", lambda found: found[1].upper(), key) for key in value}
    kept = {"args", "response", "properties", "$defs", "parameters", "parametersJsonSchema", "responseJsonSchema"}
    return {own[key]: item if own[key] in kept else camel(item) for key, item in value.items()}


def _gemini(view: View) -> None:
    body = view.body = camel(view.body)
    for index, part in enumerate(at(body, "systemInstruction.parts") or ()):
        view.turns.append(Turn("systemInstruction", "system", {}, [(f"parts[{index}].text", part["text"])]))
    for index, content in enumerate(body.get("contents") or ()):
        turn = Turn(f"contents[{index}]", {"model": "assistant"}.get(content["role"], content["role"]), content)
        for part_index, part in enumerate(content["parts"]):
            where = f"contents[{index}].parts[{part_index}]"
            if "functionCall" in part:
                turn.calls.append(Call(where, part["functionCall"].get("id"), part["functionCall"]["name"]))
            elif "functionResponse" in part:
                turn.answers.append((where, part["functionResponse"].get("id") or part["functionResponse"]["name"]))
            elif "text" in part:
                turn.texts.append((f"{where}.text", part["text"]))
            elif str(at(part, "fileData.fileUri") or "").startswith("http"):
                turn.urls.append(part["fileData"]["fileUri"])
        view.turns.append(turn)
    for index, tool in enumerate(body.get("tools") or ()):
        for number, one in enumerate(tool.get("functionDeclarations") or ()):
            schema = one.get("parametersJsonSchema", one.get("parameters"))
            view.tools.append(Tool(f"tools[{index}].function_declarations[{number}]", one["name"], schema))
    calling = at(body, "toolConfig.functionCallingConfig") or {}
    mode = {"ANY": "any", "AUTO": "auto", "NONE": "none", "VALIDATED": "auto"}.get(calling.get("mode"), "")
    view.choice = "named" if mode == "any" and calling.get("allowedFunctionNames") else mode
    config = body.get("generationConfig") or {}
    if config.get("responseMimeType") == "application/json":
        view.form = "json_schema" if config.keys() & {"responseSchema", "responseJsonSchema"} else "json_object"
    level = at(config, "thinkingConfig.thinkingLevel")
    view.effort = level.lower() if level else None
    budget = at(config, "thinkingConfig.thinkingBudget")
    view.thinking = None if budget is None else "disabled" if budget == 0 else "enabled"


_READERS = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "invoke": _messages,
    "bedrock": _converse,
    "gemini": _gemini,
    "cohere": _chat,
    "ollama": _ollama,
}
