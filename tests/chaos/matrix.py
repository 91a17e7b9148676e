"""Lanes and surfaces, and what became of a call on one of each that met a fault."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import openai

from chaos.faults import FAULTS
from chaos.formats import TEXT
from chaos.server import FaultServer, question
from ingate import AsyncIngate, Gateway
from ingate.engines.litellm_ import load
from ingate.errors import IngateError, InternalError
from ingate.wire.passthrough import ApiRequest
from support.serve import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

KEY: Final = "sk-" + "chaos0" * 6
LIMITS: Final = {
    "connect_timeout": 0.6,
    "first_token_timeout": 0.9,
    "between_tokens_timeout": 0.9,
    "total_timeout": 1.6,
}
MARGIN_S: Final = 1.0  # how much later than the total limit a call may end

# Lane → the spec of its model. The API in which a request is passed through is the second part. "local server" is a server on this
# machine (vLLM, LM Studio, …): no fault of a connection can happen to the model in this process, which opens none. What can go
# wrong there is tested where it is: its limits and its end (tests/gateway/test_time_limits.py, tests/engines/test_local_exit.py), its
# files (test_local_files.py), and closing it in mid-answer (test_local.py).
LANES: Final = {
    "chat": ("groq/m", "chat"),
    "responses": ("openai/m?api=responses", "responses"),
    "messages": ("anthropic/m", "messages"),
    "gemini": ("gemini/m", "chat"),
    "bedrock": ("bedrock/m", "chat"),
    "cohere": ("cohere_chat/m", "chat"),
    "ollama": ("ollama/m", "chat"),
    "azure": ("azure/m", "chat"),
    "completions": ("openai/gpt-3.5-turbo-instruct", "chat"),
    "litellm": ("litellm.openai/m", "chat"),
    "litellm, Claude": ("litellm.anthropic/m", "messages"),
    "local server": ("acme/m", "chat"),
    "proxy": ("litellm/m", "chat"),
}
SURFACES: Final = ("complete", "stream", "SDK", "serve", "serve stream", "passed through", "passed through, whole")


def config(base: str, scale: float = 1.0) -> dict[str, Any]:
    """A configuration in which every lane leads to `base`."""
    v1 = f"{base}/v1"
    return {
        **{name: value * scale for name, value in LIMITS.items()},
        "groq": {"api_key": KEY, "base_url": v1},
        "openai": {"api_key": KEY, "base_url": v1},
        "anthropic": {"api_key": KEY, "base_url": base},
        "gemini": {"api_key": KEY, "base_url": base},
        "bedrock": {"api_key": KEY, "base_url": base, "aws_region_name": "us-east-1"},
        "cohere_chat": {"api_key": KEY, "base_url": base},
        "ollama": {"base_url": base},
        "azure": {"api_key": KEY, "base_url": base, "api_version": "2024-10-21"},
        "servers": {"acme": {"base_url": v1}},
        "litellm": {"api_base": base, "api_key": KEY},
    }


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Attributes:
        mark: `.` correct, `e` a typed error; `H` it never ended, `S` it ended too late, `W` another answer than the
            provider's, as a success, `U` an error that says nothing, `N` an error where the answer was correct.
        seconds: How long it took.
        detail: The error, or the wrong text.
    """

    mark: str
    seconds: float
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.mark in ".e"


@dataclass
class Cell:
    """A fault on a lane and a surface."""

    fault: str
    lane: str
    surface: str
    outcome: Outcome | None = None

    def __str__(self) -> str:
        assert self.outcome is not None
        what = f"{self.fault} · {self.lane} · {self.surface}"
        return f"{self.outcome.mark} {what} ({self.outcome.seconds:.2f} s): {self.outcome.detail[:300]}"


class UntypedError(Exception):
    """An error without a type, or an answer that ends without saying so."""


@dataclass
class Chaos:
    """A running fault server, with a gateway for each of its addresses, in process and on a socket."""

    server: FaultServer
    gateways: dict[str, Gateway] = field(default_factory=dict)
    base: str = ""
    http: aiohttp.ClientSession | None = None
    number: int = 0
    scale: float = 1.0

    @property
    def latest_s(self) -> float:
        """How long a call may take, in seconds."""
        return LIMITS["total_timeout"] * self.scale + MARGIN_S

    async def run(self, cell: Cell) -> None:
        """Make the cell's call, and note what became of it."""
        fault = FAULTS[cell.fault]
        address = cell.fault if fault.address is not None else ""
        self.number += 1
        spec, api = LANES[cell.lane]
        text = question(cell.fault, self.number)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self.latest_s + 5):
                # The total limit covers the gateway's retries, and not those of a client.
                retries = 1 if cell.surface != "SDK" or fault.once else 0
                got = await self._call(cell.surface, address, spec, api, text, retries=retries)
        except TimeoutError:
            mark, detail = "H", "it did not end"
        except (openai.APIError, IngateError) as error:
            is_typed = not isinstance(error, InternalError) and getattr(error, "code", None) != "internal_error"
            mark, detail = "e" if is_typed else "U", repr(error)
        except UntypedError as error:
            mark, detail = "U", str(error)
        except Exception as error:
            mark, detail = "U", repr(error)
        else:
            mark, detail = "." if got == TEXT else "W", repr(got)
        seconds = loop.time() - began_s
        if mark in ".e" and seconds > self.latest_s:
            mark = "S"
        is_one = fault.only in {"", "whole" if cell.surface in _WHOLE else "stream"}
        if mark == "e" and (fault.recovers or not is_one):
            mark = "N"
        cell.outcome = Outcome(mark, seconds, detail)

    async def _call(self, surface: str, address: str, spec: str, api: str, text: str, *, retries: int) -> str:
        gateway = self.gateways[address]
        body = {"model": spec, "messages": [{"role": "user", "content": text}]}
        match surface:
            case "complete":
                return _content(await gateway.complete(body, retries=retries))
            case "stream":
                return "".join(map(_delta, [one async for one in gateway.stream(body, retries=retries)]))
            case "SDK":
                async with AsyncIngate(gateway=gateway, max_retries=retries) as client:
                    stream = await client.chat.completions.create(stream=True, **body)  # ty: ignore[no-matching-overload]
                    return "".join(_delta(one.model_dump()) for one in [one async for one in stream])
            case "serve":
                return _content(await self._post(address, body))
            case "serve stream":
                return await self.post_stream(address, {**body, "stream": True})
        request = {"model": spec, "stream": surface == "passed through", **_asked(api, text)}
        reply = await gateway.respond(ApiRequest(api=api, body=request), retries=retries)  # ty: ignore[invalid-argument-type]
        if (whole := reply.content()) is not None:
            return _whole_text(api, json.loads(whole))
        return stream_text(api, b"".join([piece async for piece in reply.pieces()]))

    async def _post(self, address: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self.http is not None
        async with self.http.post(self._url(address), json=body) as response:
            content = await response.read()
        return _checked(response.status, json.loads(content))

    async def post_stream(self, address: str, body: dict[str, Any]) -> str:
        assert self.http is not None
        async with self.http.post(self._url(address), json=body) as response:
            content = await response.read()
        if response.status != 200:
            _checked(response.status, json.loads(content))
        return stream_text("chat", content)

    def _url(self, address: str) -> str:
        return f"{self.base}/{list(self.gateways).index(address)}/v1/chat/completions"


_WHOLE = {"complete", "serve", "passed through, whole"}


def _asked(api: str, text: str) -> dict[str, Any]:
    if api == "responses":
        return {"input": text, "store": False}
    return {"messages": [{"role": "user", "content": text}], **({"max_tokens": 99} if api == "messages" else {})}


def _content(answer: dict[str, Any]) -> str:
    return answer["choices"][0]["message"]["content"]


def _delta(chunk: dict[str, Any]) -> str:
    return "".join((choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices") or ())


def _checked(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """A response's body, if it is an answer; an error is raised."""
    if status == 200:
        return body
    _raise(body.get("error"))
    raise AssertionError


def _raise(error: Any) -> None:
    if not isinstance(error, dict) or not error.get("message") or error.get("code") == "internal_error":
        raise UntypedError(f"an error without a type: {error!r}")
    raise IngateError(str(error["message"]), code=error.get("code"))


def _whole_text(api: str, body: dict[str, Any]) -> str:
    if body.get("error"):
        _raise(body["error"])
    if api == "chat":
        return _content(body)
    if api == "messages":
        return "".join(block["text"] for block in body["content"])
    return "".join(part["text"] for item in body["output"] for part in item["content"])


def stream_text(api: str, content: bytes) -> str:
    """The text of a stream of events.

    Raises:
        IngateError: It has an error event.
        UntypedError: It ends without its end mark and without an error.
    """
    text, ended = "", False
    for line in content.splitlines():
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:"):
            continue
        if data == b"[DONE]":
            ended = True
            continue
        try:
            event = json.loads(data)
        except ValueError:  # the provider's own
            continue
        kind = event.get("type")
        if event.get("error") or kind == "error":
            _raise(event.get("error") or event)
        text += _delta(event) if api == "chat" else _event_text(event)
        if kind == "response.failed":
            _raise(event["response"]["error"])
        ended = ended or kind in {"message_stop", "response.completed"}
    if not ended:
        raise UntypedError(f"the stream ends after {text!r}, with neither an end mark nor an error")
    return text


def _event_text(event: dict[str, Any]) -> str:
    match event.get("type"):
        case "response.output_text.delta":
            return event["delta"]
        case "content_block_delta":
            return event["delta"].get("text", "")
    return ""


@contextlib.asynccontextmanager
async def chaos(scale: float = 1.0) -> AsyncIterator[Chaos]:
    """Everything that the cells need, running; `scale` multiplies the time limits."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(FaultServer().running())
        await load.load()  # the first import takes longer than a call may here
        found = Chaos(server, scale=scale)
        for address, base in server.addresses.items():
            found.gateways[address] = await stack.enter_async_context(Gateway(config(base, scale)))
        apps = [gateway.asgi for gateway in found.gateways.values()]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                number, _, path = scope["path"].removeprefix("/").partition("/")
                await apps[int(number)]({**scope, "path": f"/{path}", "raw_path": b""}, receive, send)

        found.base = await stack.enter_async_context(served(app))
        found.http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        )
        for address, gateway in found.gateways.items():
            gateway.catalog()
            if not address:  # what is imported with the first call of a lane takes longer than a call may here
                await run(
                    found,
                    [Cell("a correct answer", lane, surface) for lane in LANES for surface in SURFACES],
                    at_once=8,
                )
        yield found


async def run(running: Chaos, cells: Iterable[Cell], *, at_once: int, shown: Any = None) -> list[Cell]:
    """Run cells, several at a time; `shown` is called with each that has ended."""
    waiting: Iterator[Cell] = iter(cells)
    done: list[Cell] = []

    async def work() -> None:
        for cell in waiting:
            await running.run(cell)
            done.append(cell)
            if shown is not None:
                shown(cell)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return done


def all_cells() -> list[Cell]:
    """The whole matrix. Heavy faults are tried on one surface only."""
    return [
        Cell(fault, lane, surface)
        for fault, found in FAULTS.items()
        for lane in LANES
        for surface in (SURFACES[:1] if found.heavy else SURFACES)
    ]


def some_cells() -> list[Cell]:
    """A part: every fault, every lane and every surface, and every pair of a lane and a surface."""
    pairs = [(lane, surface) for lane in LANES for surface in SURFACES]
    light = [name for name, fault in FAULTS.items() if not fault.heavy]
    cells = []
    for at in range(max(len(pairs), len(light)) * 2):
        lane, surface = pairs[(at * 5) % len(pairs)]
        cells.append(Cell(light[at % len(light)], lane, surface))
    return cells


def table(cells: list[Cell]) -> str:
    """The outcomes: a line for each fault, a column for each lane, a mark for each surface."""
    width = max(map(len, FAULTS))
    found = {(cell.fault, cell.lane, cell.surface): cell.outcome for cell in cells}
    names = [lane[: len(SURFACES)].ljust(len(SURFACES)) for lane in LANES]
    lines = ["".ljust(width) + "  " + "  ".join(names)]
    for fault in FAULTS:
        columns = []
        for lane in LANES:
            outcomes = (found.get((fault, lane, surface)) for surface in SURFACES)
            columns.append("".join(" " if one is None else one.mark for one in outcomes))
        lines.append(fault.ljust(width) + "  " + "  ".join(columns))
    counts = Counter(cell.outcome.mark for cell in cells if cell.outcome is not None)
    meanings = {
        ".": "correct", "e": "typed error", "N": "an error where the answer was correct", "W": "a wrong answer as a success",
        "U": "untyped", "S": "too late", "H": "never ended",
    }  # fmt: skip
    lines.append("")
    lines.append(" · ".join(f"{mark} {meanings[mark]}: {counts[mark]}" for mark in meanings if counts[mark]))
    return "\n".join(lines)
