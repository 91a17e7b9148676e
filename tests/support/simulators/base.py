"""What every simulated provider has: a reply, a description of its format, and a server on loopback."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from support.checks import Refused, refuse
from support.http import Conversation, serving
from support.rules import BOUND, RuleBroken, check_rules, error_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HELLO = "Hello"
ADA = {"name": "Ada", "age": 36, "home": {"city": "London"}}
KEY = "sk-for-the-simulator-0123456789"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider says: a text, or a call of one tool, after a thought where it thinks.

    Attributes:
        text: The text.
        tool, arguments, call_id: The call.
        thought: The text of the reasoning, empty for none.
        signature: What signs it, where the format signs reasoning.
        field: The name of the reasoning's field, where the format is OpenAI's.
    """

    text: str = ""
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    call_id: str = ""
    thought: str = ""
    signature: str = ""
    field: str = "reasoning_content"


@dataclass(frozen=True)
class Provider:
    """One simulated provider.

    Attributes:
        provider, model: What a spec for it says.
        section: The provider's section of a configuration, without its base URL.
        path: What the request's path must be, `{verb}` for what differs between a whole answer and a stream.
        verbs: Those two.
        header, value: The header that authenticates, and what it begins with.
        check: Raises `Refused` for a body that the schema does not allow.
        offers: Body → the names of its tools.
        wants_json: Body → whether it asks for JSON.
        ends_with_question: Body → whether the last turn is a question rather than a tool's result.
        whole, events: Reply → the answer, whole or as a stream.
        kind: The stream's content type.
        any_type: Whether a request's content type does not matter.
        error: Message → the provider's error body.
        wire: The format, by whose name the rules of models are looked up; empty for no rules.
    """

    provider: str
    model: str
    section: dict[str, str]
    path: str
    header: str
    value: str
    check: Callable[[Any], None]
    offers: Callable[[Any], list[str]]
    wants_json: Callable[[Any], bool]
    ends_with_question: Callable[[Any], bool]
    whole: Callable[[Reply], Any]
    events: Callable[[Reply], bytes]
    kind: str = "text/event-stream"
    verbs: tuple[str, str] = ("", "")
    any_type: bool = False
    error: Callable[[str], Any] = lambda message: {"error": {"message": message, "type": "invalid_request_error"}}
    streams: Callable[[Any, str], bool] = lambda body, path: bool(body.get("stream"))
    wire: str = ""

    def reply(self, body: Any) -> Reply:
        """What this provider says to a request it takes."""
        names = self.offers(body)
        if names and self.ends_with_question(body):
            return Reply(tool=names[0], arguments=ADA if "structured" in names[0] else {"city": "Rome"})
        return Reply(text=json.dumps(ADA) if self.wants_json(body) else HELLO)


@dataclass
class Running:
    """A provider that runs: its address, and the bodies it took or refused."""

    base: str = ""
    taken: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@asynccontextmanager
async def simulated(provider: Provider, *, any_path: bool = False) -> AsyncIterator[Running]:
    """`provider` on loopback, where `any_path` at whatever path and with whatever key."""
    running = Running()

    async def answer(conversation: Conversation) -> None:
        _, target, _ = conversation.head.split("\r\n")[0].split(" ")
        body = json.loads(conversation.body)
        streams = provider.streams(body, target)
        try:
            wanted = provider.path.replace("{verb}", provider.verbs[streams])
            if not any_path and urlsplit(target)._replace(scheme="", netloc="").geturl() != wanted:
                refuse("path", f"{target!r} is not {wanted!r}")
            if not any_path and not conversation.headers.get(provider.header, "").startswith(provider.value):
                refuse("headers", f"{provider.header} does not begin with {provider.value!r}")
            if not provider.any_type and "json" not in conversation.headers.get("content-type", "json"):
                refuse("headers", "the content type is not JSON")
            if provider.wire and not any_path:
                # The conversations bring signatures that no provider made; `hosts` signs its own.
                check_rules(
                    provider.provider,
                    provider.model,
                    provider.wire,
                    body,
                    conversation.headers,
                    without=BOUND | ({"openai-unknown-parameters"} if provider.provider == "openai" else set()),
                )
            provider.check(body)
        except RuleBroken as error:
            running.refused.append(str(error))
            said = json.dumps(error_body(provider.provider, provider.wire, error)).encode()
            await conversation.answer(said, status=error.status)
            return
        except Refused as error:
            running.refused.append(str(error))
            await conversation.answer(json.dumps(provider.error(str(error))).encode(), status="400 Bad Request")
            return
        running.taken.append(body)
        reply = provider.reply(body)
        if not streams:
            await conversation.answer(json.dumps(provider.whole(reply)).encode())
            return
        await conversation.begin(provider.kind)
        await conversation.piece(provider.events(reply))
        await conversation.piece(b"")

    async with serving(answer) as far:
        running.base = far.base.removesuffix("/v1")
        yield running


def sse(*events: Any, named: bool = False, done: bool = False) -> bytes:
    """Server-sent events; `named` puts each one's type in its event line."""
    out = b"".join(
        (f"event: {one['type']}\n".encode() if named else b"") + b"data: " + json.dumps(one).encode() + b"\n\n"
        for one in events
    )
    return out + (b"data: [DONE]\n\n" if done else b"")
