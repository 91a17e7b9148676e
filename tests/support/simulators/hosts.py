"""Providers with all of their endpoints, as current models are served: their rules are enforced, and they think.

A host signs its reasoning as its provider does, and takes back only what it signed. Its ids are of the provider's kind.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from support.checks import Refused, refuse
from support.http import Conversation, serving
from support.rules import RuleBroken, check_rules, error_body, rules_for
from support.rules.history import ENCRYPTED, GEMINI_SIGNATURE, signature
from support.rules.view import view_of
from support.simulators import google
from support.simulators.base import ADA, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from support.simulators.base import Provider


@dataclass(frozen=True)
class Host:
    """A provider and one of its models.

    Attributes:
        provider, model: What a spec for it says.
        section: The provider's section of a configuration, without its base URL.
        base: What its base URL has after the address.
        endpoints: Format → the endpoint, with its path.
        call_id: Tool's name, number → an id as the provider makes them.
        reasoning: The field of chat completions that has the reasoning, empty if it is not shown.
        without: Rules that are not asked: the lane takes another address than the provider's own for a server that is
            compatible with it and may know more.
    """

    provider: str
    model: str
    section: Mapping[str, str]
    base: str
    endpoints: Mapping[str, Provider]
    call_id: Callable[[str, int], str] = lambda name, number: f"call_{number:024d}"
    reasoning: str = ""
    without: frozenset[str] = frozenset()

    @property
    def spec(self) -> str:
        """The model as a caller names it."""
        return f"{self.provider}/{self.model}"


@dataclass
class Hosted:
    """A host that runs.

    Attributes:
        config: A configuration that reaches it.
        litellm: One with which embedded litellm reaches it.
        taken: The requests that it took, each with the format.
        refused: Why it refused the others.
        replies: What it said.
    """

    config: dict[str, Any] = field(default_factory=dict)
    litellm: dict[str, Any] = field(default_factory=dict)
    taken: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[RuleBroken | Refused] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)


@asynccontextmanager
async def hosted(*hosts: Host) -> AsyncIterator[dict[str, Hosted]]:
    """Hosts on loopback, by their providers' names."""
    running = {host.provider: Hosted() for host in hosts}

    async def answer(conversation: Conversation) -> None:
        target = conversation.head.split(" ")[1]
        if target == google.TOKEN_PATH:
            await conversation.answer(json.dumps(google.token()).encode())
            return
        number = int(target.split("/")[1])
        host = hosts[number]
        await _answer(host, running[host.provider], conversation, target.removeprefix(f"/{number}"))

    async with serving(answer) as far:
        root = far.base.removesuffix("/v1")
        for number, host in enumerate(hosts):
            told, base = running[host.provider], f"{root}/{number}{host.base}"
            told.config = told.litellm = {host.provider: {**host.section, "base_url": base}}
            if host.provider == "vertex_ai":
                told.litellm = {host.provider: google.section(root, base + next(iter(host.endpoints.values())).path)}
        yield running


async def _answer(host: Host, told: Hosted, conversation: Conversation, target: str) -> None:
    body = json.loads(conversation.body)
    found = _endpoint(host, target)
    if found is None:
        told.refused.append(Refused(f"path: {target} is none of the host's"))
        await conversation.answer(b'{"error": {"message": "no such endpoint"}}', status="404 Not Found")
        return
    wire, endpoint = found
    streams = endpoint.streams(body, target)
    model = _model(body, target) or host.model
    try:
        if not _authenticates(host, endpoint, conversation):
            refuse("headers", f"{endpoint.header} does not begin with {endpoint.value!r}")
        check_rules(host.provider, model, wire, body, conversation.headers, without=host.without)
        endpoint.check(body)
    except RuleBroken as error:
        told.refused.append(error)
        said = json.dumps(error_body(host.provider, wire, error)).encode()
        await conversation.answer(said, status=error.status)
        return
    except Refused as error:
        told.refused.append(error)
        await conversation.answer(json.dumps(endpoint.error(str(error))).encode(), status="400 Bad Request")
        return
    told.taken.append((wire, body))
    said = _asked_in_words(host, wire, model, body, endpoint)
    reply = _thinking(host, wire, model, body, said, len(told.taken))
    told.replies.append(reply)
    if not streams:
        await conversation.answer(json.dumps(endpoint.whole(reply)).encode())
        return
    await conversation.begin(endpoint.kind)
    await conversation.piece(endpoint.events(reply))
    await conversation.piece(b"")


def _authenticates(host: Host, endpoint: Provider, conversation: Conversation) -> bool:
    if host.provider == "vertex_ai" and conversation.headers.get("authorization") == google.BEARER:
        return True
    return conversation.headers.get(endpoint.header, "").startswith(endpoint.value)


def _asked_in_words(host: Host, wire: str, model: str, body: Any, endpoint: Provider) -> Reply:
    """The endpoint's reply; JSON where a message asks for it, or by the tool that stands for the answer."""
    reply = endpoint.reply(body)
    if reply.tool:
        return reply
    structured = [name for name in endpoint.offers(body) if "structured" in name]
    if structured:
        return Reply(tool=structured[0], arguments=ADA)
    texts = [text for turn in view_of(wire, host.provider, model, body, {}).turns for _, text in turn.texts]
    return Reply(text=json.dumps(ADA)) if any("JSON" in text for text in texts) else reply


def _endpoint(host: Host, target: str) -> tuple[str, Provider] | None:
    asked = urlsplit(target)
    for endpoint in host.endpoints.values():
        for verb in endpoint.verbs:
            wanted = urlsplit(endpoint.path.replace("{verb}", verb))
            if unquote(asked.path) == unquote(wanted.path):
                return endpoint.wire, endpoint
    return None


def _model(body: Any, target: str) -> str | None:
    """The model that a request names, in its body or in its path."""
    if isinstance(body.get("model"), str):
        return body["model"]
    found = re.search("/(?:models?|deployments)/([^/:?]+)", unquote(target))
    return found[1] if found else None


def _thinking(host: Host, wire: str, model: str, body: Any, reply: Reply, number: int) -> Reply:
    """A reply with a thought before it, and with an id of the provider's kind."""
    said = replace(reply, call_id=host.call_id(reply.tool, number) if reply.tool else "")
    thought = f"thought {number}"
    if wire == "chat":
        return replace(said, thought=thought if host.reasoning else "", field=host.reasoning or "reasoning_content")
    if wire == "responses":
        by = ENCRYPTED.get(host.provider)
        return replace(said, thought=thought, signature=f"{by}{number}==" if by else "")
    if wire == "gemini":
        return replace(said, thought=thought, signature=f"{GEMINI_SIGNATURE}{number}")
    if wire in {"messages", "invoke", "bedrock"} and "claude" in model:
        bound = any(
            rule["kind"] == "signed_thinking" and rule.get("bound") for rule in rules_for(host.provider, model, wire)
        )
        asked = (body.get("thinking") or (body.get("additionalModelRequestFields") or {}).get("thinking") or {}).get(
            "type"
        )
        if bound or asked in {"enabled", "adaptive"}:
            shown = "" if bound else thought  # `display` is `omitted` unless the request asks for a summary
            return replace(said, thought=shown, signature=signature(model, body, bound))
        return said
    if wire == "messages":
        return replace(
            said,
            thought=thought,
            signature=f"sig-{number}",
            call_id=f"toolu_{host.provider}_{number:016d}" if reply.tool else "",
        )
    return replace(said, thought=thought)
