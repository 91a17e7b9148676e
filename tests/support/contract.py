"""The forty conversations through one lane to one simulated provider, and what became of each."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingate import Gateway
from ingate.errors import BadRequestError, IngateError
from ingate.gateway.rejections import Rejections
from support.conversations import CONVERSATIONS
from support.simulators import HELLO, Provider, Running, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@dataclass
class Result:
    """What became of one conversation.

    Attributes:
        refused_here: Why the lane refused it before it left.
        refused_there: Why the provider refused it.
        failed: Any other error.
        dropped: Parameters the lane told were left out.
        lost: What the conversation says and the provider's request does not.
        wrong: What is wrong with the answer.
    """

    refused_here: str = ""
    refused_there: str = ""
    failed: str = ""
    dropped: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: str = ""


def strings(value: Any) -> Iterator[str]:
    """Every text inside a value, keys included; JSON inside a text is looked into."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def said(conversation: dict[str, Any]) -> dict[str, str]:
    """What the provider must be told: a name for people → a text that its request must hold."""
    found: dict[str, str] = {}
    for message in conversation["messages"]:
        content = message.get("content")
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
            if part.get("type") == "text" and part["text"].strip():
                found[f"the text {part['text'][:24]!r}"] = part["text"].strip()
            elif part.get("type") == "image_url":
                found["an image"] = part["image_url"]["url"].rpartition(",")[2]
            elif part.get("type") == "file":
                data = part["file"]["file_data"]
                found["a file"] = "Hi" if data.startswith("data:text") else data.rpartition(",")[2]
        for call in message.get("tool_calls") or ():
            found[f"the call of {call['function']['name']}"] = call["function"]["name"]
        for block in message.get("thinking_blocks") or ():
            if "signature" in block:
                found["the signature of a thought"] = block["signature"]
    choice = conversation.get("tool_choice", "auto")
    for tool in conversation.get("tools") or () if choice in ("auto", "required") else ():
        found[f"the tool {tool['function']['name']}"] = tool["function"]["name"]
    form = conversation.get("response_format") or {}
    if form.get("type") == "json_schema":
        found["the schema"] = "home"
    if "cache_control" in json.dumps(conversation):
        found["the cache marks"] = "\0cache"
    return found


def lost(conversation: dict[str, Any], body: Any) -> list[str]:
    """What of `said` the provider's request does not hold."""
    whole = "\n".join(strings(body))
    plain = re.sub(r"\s", "", json.dumps(body))  # where a tool's JSON result became a value

    def is_held(text: str) -> bool:
        if text == "\0cache":
            return re.search("cache_control|cachePoint", whole) is not None
        if text == "Hi" and "SGk=" in whole:
            return True
        return text in whole or (text[:1] in "{[" and re.sub(r"\s", "", text) in plain)

    return [name for name, text in said(conversation).items() if not is_held(text)]


def wrong_answer(provider: Provider, conversation: dict[str, Any], body: Any, completion: dict[str, Any]) -> str:
    """What is wrong with the answer to a request that the provider took; empty where nothing is."""
    message = completion["choices"][0]["message"]
    calls, content = message.get("tool_calls") or [], message.get("content") or ""
    reply = provider.reply(body)
    names = {tool["function"]["name"] for tool in conversation.get("tools") or ()}
    names |= {one["name"] for one in conversation.get("functions") or ()}
    if reply.tool in names:
        if [call["function"]["name"] for call in calls] != [reply.tool]:
            return f"the call of {reply.tool} became {calls}"
        if json.loads(calls[0]["function"]["arguments"]) != reply.arguments or not calls[0]["id"]:
            return f"the call has {calls[0]}"
        return "" if completion["choices"][0]["finish_reason"] == "tool_calls" else "finish_reason is not tool_calls"
    if calls:
        return f"calls that nobody made: {calls}"
    if (conversation.get("response_format") or {}).get("type", "text") != "text":
        try:
            return "" if isinstance(json.loads(content), dict) or content == HELLO else f"no JSON object: {content!r}"
        except ValueError:
            return "" if content == HELLO else f"no JSON: {content!r}"
    return "" if content.endswith(HELLO) or "Ada" in content else f"the answer is {content!r}"


async def streamed(gateway: Gateway, body: dict[str, Any]) -> dict[str, Any]:
    """A stream put together, with the metadata of its last chunk."""
    from ingate.wire.completion import assemble

    chunks = [chunk async for chunk in gateway.stream(body)]
    return {**assemble(chunks), "ingate": chunks[-1]["ingate"]}


@asynccontextmanager
async def lane(provider: Provider, name: str) -> AsyncIterator[tuple[Gateway, Running, str]]:
    """A gateway to `provider` by the lane `native` or `litellm`, and the spec to ask for."""
    async with simulated(provider) as running:
        section = {**provider.section, "base_url": running.base}
        async with Gateway({provider.provider: section}, retries=0) as gateway:
            yield gateway, running, f"{provider.provider}/{provider.model}?lane={name}"


async def result_of(
    gateway: Gateway, running: Running, provider: Provider, spec: str, conversation: dict[str, Any], *, stream: bool
) -> Result:
    """One conversation's way through a lane."""
    before, refused = len(running.taken), len(running.refused)
    body = {**conversation, "model": spec}
    gateway.rejections = Rejections()  # what is learned from one conversation must not help the next
    try:
        completion = await (streamed(gateway, body) if stream else gateway.complete(body))
    except IngateError as error:
        if len(running.refused) > refused:
            return Result(refused_there=running.refused[-1])
        if isinstance(error, BadRequestError):
            return Result(refused_here=str(error))
        return Result(failed=str(error))
    if len(running.refused) > refused:
        return Result(refused_there=running.refused[-1])
    made = running.taken[before]
    return Result(
        dropped=completion["ingate"]["dropped"],
        lost=lost(conversation, made),
        wrong=wrong_answer(provider, conversation, made, completion),
    )


async def results(provider: Provider, name: str, *, stream: bool = False) -> dict[str, Result]:
    """Every conversation through one lane."""
    async with lane(provider, name) as (gateway, running, spec):
        return {
            title: await result_of(gateway, running, provider, spec, conversation, stream=stream)
            for title, conversation in CONVERSATIONS.items()
        }
