"""Current models' conversations through one lane to one host, and what became of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate import Gateway
from ingate.errors import BadRequestError, IngateError
from ingate.gateway.rejections import Rejections
from support.contract import streamed, strings
from support.current import CURRENT
from support.simulators.hosts import Hosted, hosted
from support.simulators.table import HOSTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.simulators.hosts import Host

WAITING = Path(__file__).resolve().parent / "waiting.json"
# What a format has no place for is refused with a sentence before it is sent.
_BY_ADDRESS = "an image by address"


def is_refused_here(host: Host, title: str) -> bool:
    """Whether the lane itself has to refuse a conversation."""
    clouds = {"bedrock", "ollama_chat", "moonshot"} | ({"vertex_ai"} if "claude" in host.model else set())
    return title == _BY_ADDRESS and host.provider in clouds


async def outcomes(spec: str, lane: str, *, stream: bool | None) -> Mapping[str, str]:
    """Every conversation through a lane: its title → what went wrong, empty if nothing did.

    Where `stream` is None, every other one is streamed; which ones differs from one host of the table to the next.
    """
    host = HOSTS[spec]
    found = {}
    async with hosted(host) as running:
        told = running[host.provider]
        async with Gateway(told.config if lane == "native" else told.litellm, retries=0) as gateway:
            for place, (title, conversation) in enumerate(CURRENT.items(), list(HOSTS).index(spec)):
                streams = place % 2 == 1 if stream is None else stream
                found[title] = await _outcome(gateway, host, told, lane, title, conversation, stream=streams)
    return found


async def _outcome(
    gateway: Gateway, host: Host, told: Hosted, lane: str, title: str, conversation: dict[str, Any], *, stream: bool
) -> str:
    taken, refused = len(told.taken), len(told.refused)
    body = {**json.loads(json.dumps(conversation)), "model": f"{host.spec}?lane={lane}"}
    gateway.rejections = Rejections()  # what is learned from one conversation must not help the next
    try:
        completion = await (streamed(gateway, body) if stream else gateway.complete(body))
    except IngateError as error:
        if is_refused_here(host, title) and isinstance(error, BadRequestError) and len(told.refused) == refused:
            return ""
        said = str(told.refused[-1]) if len(told.refused) > refused else f"error: {error}"
        return said.partition("\n")[0][:300]
    except Exception as error:  # a defect shows as a cell
        return f"defect: {type(error).__name__}: {error}"[:300]
    if len(told.refused) > refused:
        return str(told.refused[-1]).partition("\n")[0][:300]
    if is_refused_here(host, title) and lane == "native":
        return "sent: an image that the provider refuses"
    if len(told.taken) <= taken:
        return "unsent: it was answered without the provider"
    wire, sent = told.taken[-1]
    wrong = _misread(host, wire, conversation, sent, told, completion)
    return wrong or (_unreported(conversation, sent, completion) if lane == "native" else "")


def _misread(
    host: Host, wire: str, conversation: dict[str, Any], sent: Any, told: Hosted, completion: dict[str, Any]
) -> str:
    """What is wrong with the answer: the tool's name, its arguments, the text."""
    reply = told.replies[-1]
    message = completion["choices"][0]["message"]
    calls, content = message.get("tool_calls") or [], message.get("content") or ""
    wants_json = (conversation.get("response_format") or {}).get("type", "text") != "text"
    if reply.tool and "structured" not in reply.tool:
        offered = _offered(host, wire, sent)
        named = [tool["function"]["name"] for tool in conversation.get("tools") or ()]
        expected = named[offered.index(reply.tool)] if len(offered) == len(named) else None
        got = [call["function"]["name"] for call in calls]
        if len(got) != 1 or got[0] not in named or (expected is not None and got[0] != expected):
            return f"misread: the call of {expected or reply.tool!r} became {got}"
        if json.loads(calls[0]["function"]["arguments"]) != reply.arguments:
            return f"misread: {calls[0]['function']['arguments']}"
        if completion["choices"][0]["finish_reason"] != "tool_calls" or not calls[0]["id"]:
            return "misread: finish_reason is not tool_calls, or the call has no id"
        return ""
    if calls:
        return f"misread: calls that nobody made: {calls}"
    if wants_json:
        try:
            return "" if isinstance(json.loads(content), dict) else f"misread: {content!r} is no object"
        except ValueError:
            # A tool's turn may answer in words where the schema is a tool of its own.
            return f"misread: {content!r} is no JSON"
    return "" if content.endswith(("Hello",)) or "Ada" in content else f"misread: the text is {content!r}"


def _offered(host: Host, wire: str, sent: Any) -> list[str]:
    endpoint = next(one for one in host.endpoints.values() if one.wire == wire)
    plain = {key: value for key, value in sent.items() if key not in {"tool_choice", "toolConfig"}}
    if "toolConfig" in sent and wire == "bedrock":
        plain["toolConfig"] = {"tools": sent["toolConfig"]["tools"]}
    return endpoint.offers(plain)


_ALIASES = {
    "temperature": {"temperature"},
    "top_p": {"top_p", "topP", "p"},
    "top_k": {"top_k", "topK", "k"},
    "seed": {"seed", "random_seed"},
    "stop": {"stop", "stop_sequences", "stopSequences"},
    "presence_penalty": {"presence_penalty", "presencePenalty"},
    "frequency_penalty": {"frequency_penalty", "frequencyPenalty"},
    "logprobs": {"logprobs", "responseLogprobs", "top_logprobs"},
    "logit_bias": {"logit_bias"},
}


def _unreported(conversation: dict[str, Any], sent: Any, completion: dict[str, Any]) -> str:
    """A parameter that was left out without a word."""
    keys = set(strings({key: value for key, value in sent.items() if key not in {"messages", "input", "contents"}}))
    about = completion["ingate"]
    said = " ".join([*about["dropped"], *about["warnings"]])
    for name, aliases in _ALIASES.items():
        value = conversation.get(name)
        if value not in (None, 0, {}, []) and not keys & aliases and name not in said:
            return f"unreported: {name} was left out"
    return ""


def waiting(kind: str) -> Mapping[str, Mapping[str, str]]:
    """Cells of a suite that are not accepted yet: target → title → the constraint."""
    return json.loads(WAITING.read_text(encoding="utf-8")).get(kind, {})
