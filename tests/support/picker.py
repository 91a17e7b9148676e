"""A small world to pick from: fixed rows, states and lists, with names in several scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.catalog import Catalog
from ingate.catalog.schema import CuratedRow, ModelRow, PriceTier
from ingate.config import load
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.picker.actions import mode_of, update
from ingate.picker.data import Live, PickerData
from ingate.picker.keys import action_for
from ingate.picker.memory import Memory
from ingate.picker.state import State, opened
from ingate.providers import Provider

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from ingate.secret import Secret

TODAY = "2026-11-22"
NOW = 1_795_000_000.0

PROVIDERS = {
    one.name: one
    for one in (
        Provider("openai", "OpenAI", (("OPENAI_API_KEY",),), wire_format="chat", key_url="https://platform.openai.com/api-keys"),
        Provider("anthropic", "Anthropic", (("ANTHROPIC_API_KEY",),), wire_format="messages", key_url="https://console.anthropic.com/settings/keys"),
        Provider("groq", "Groq", (("GROQ_API_KEY",),), wire_format="chat", key_url="https://console.groq.com/keys"),
        Provider("qwen", "通义千问 Qwen", (("QWEN_API_KEY",),), wire_format="chat"),
        Provider("azure", "Azure OpenAI", (("AZURE_API_KEY", "AZURE_API_BASE"), ("AZURE_AD_TOKEN", "AZURE_API_BASE")), auth="cloud",
                params_env={"AZURE_AD_TOKEN": "azure_ad_token"}, api_base_env=("AZURE_API_BASE",), wire_format="azure"),
        Provider("openrouter", "OpenRouter", (("OPENROUTER_API_KEY",),), wire_format="chat", key_url="https://openrouter.ai/settings/keys"),
        Provider("ollama", "Ollama", ((),), auth="none", wire_format="chat", default_api_base="http://localhost:11434"),
        Provider("github_copilot", "GitHub Copilot", (), auth="oauth_device"),
    )
}  # fmt: skip

# Groq and Qwen have a key, Azure has one without an address, and OpenAI's is under another name.
ENVIRON = {
    "GROQ_API_KEY": "key-of-groq",
    "QWEN_API_KEY": "key-of-qwen",
    "AZURE_API_KEY": "key-of-azure",
    "OPENAI_KEY": "key-of-openai",
}


ROWS = (
    ModelRow("openai", "gpt-6.1-sol", "chat", 922_000, 128_000, 2.0, 10.0, 0.1, 2.5, ("tools", "vision", "reasoning", "json"), None, None,
             (PriceTier(272_000, 4.0, 15.0),)),
    ModelRow("openai", "gpt-4o", "chat", 128_000, 16_000, 2.5, 10.0, caps=("tools", "vision"), deprecated_on="2026-10-01"),
    ModelRow("openai", "gpt-5-mini", "chat", 400_000, 128_000, 0.25, 2.0, caps=("tools",), deprecated_on="2027-03-01"),
    ModelRow("anthropic", "claude-opus-5-5", "chat", 1_000_000, 128_000, 4.0, 20.0, 0.4, 5.0, ("tools", "vision", "reasoning", "pdf")),
    ModelRow("anthropic", "claude-haiku-5-5", "chat", 1_000_000, 64_000, 0.1, 0.5, caps=("tools", "vision")),
    ModelRow("groq", "openai/gpt-oss-120b", "chat", 131_072, 65_536, 0.15, 0.6, caps=("tools", "reasoning", "json")),
    ModelRow("groq", "llama-3.3-70b-versatile", "chat", 131_072, 32_768, 0.59, 0.79, caps=("tools",)),
    ModelRow("qwen", "通义千问-最大-2026-05-01", "chat", 262_144, 32_768, 1.2, 6.0, caps=("tools", "reasoning")),
    ModelRow("qwen", "qwen4-flash", "chat", 1_000_000, 32_768, None, None, caps=("tools",)),
    ModelRow("azure", "gpt-6.1-sol", "chat", 922_000, 128_000, 2.0, 10.0, caps=("tools", "vision")),
    ModelRow("ollama", "llama3.2:1b", "chat", 131_072, None, 0.0, 0.0),
    *(ModelRow("groq", f"bulk-{number:02}", "chat", 8_192, None, number / 10, number / 5) for number in range(12)),
)  # fmt: skip

_NAMES = (
    ("GPT-6.1 Sol", 0), ("Claude Opus 5.5", 3), ("Claude Haiku 5.5", 4), ("GPT-OSS 120B (Groq)", 5), ("通义千问 最大", 7),
    ("GPT-6.1 Sol (Azure)", 9),
)  # fmt: skip
CURATED = tuple(
    CuratedRow(name, ROWS[at].spec, ROWS[at].provider, ROWS[at].model, ("fast",) if at == 5 else (), ROWS[at])
    for name, at in _NAMES
)

LOCAL = (ModelRow("local", "smollm2", "chat", 8192, None, 0.0, 0.0), ModelRow("local", "большая", "chat"))
# The file of the first local model is there, whichever it is; that of the second is not.
LOCAL_FILES = {"smollm2": __file__, "большая": "/models/большая.gguf"}
LIVES = {
    "litellm_proxy": Live((ModelRow("litellm_proxy", "team-gpt"), ModelRow("litellm_proxy", "要約モデル")), NOW - 42)
}


def readiness(
    environ: Mapping[str, str] = ENVIRON,
    *,
    providers: Mapping[str, Provider] = PROVIDERS,
    litellm: bool = True,
    proxy: str | None = "http://localhost:4000",
    servers: Mapping[str, str] | None = None,
) -> ReadinessChecker:
    """What would answer in the fixed world."""
    environ = {**environ, **({"LITELLM_API_BASE": proxy, "LITELLM_API_KEY": "key-of-proxy"} if proxy else {})}
    sections = {
        "servers": {name: {"base_url": base} for name, base in (servers or {}).items()},
        "local": {"models": LOCAL_FILES},
    }
    router = Router(load(sections, environ=environ), lambda: Catalog(ROWS, source="litellm 1.109.1"))
    return ReadinessChecker(router, known=providers, installed=lambda module: litellm or module != "litellm")


def data(*, litellm: bool = True, **changes: Any) -> PickerData:
    """The fixed world, with some of it replaced."""
    given: dict[str, Any] = {
        "rows": ROWS,
        "curated": CURATED,
        "providers": PROVIDERS,
        "source": "litellm 1.109.1",
        "local": LOCAL,
        "proxy": "http://localhost:4000",
        "proxy_source": "ingate.yaml:2 litellm.api_base",
        "lives": LIVES,
        "memory": Memory(),
        "secrets_file": "~/.config/ingate/ingate.secrets.yaml",
        "today": TODAY,
        **changes,
    }
    look = readiness(providers=given["providers"], litellm=litellm, proxy=given["proxy"], servers=given.get("servers"))
    return PickerData(readiness=look.with_lists(given["lives"]), **given)


def start(**changes: Any) -> State:
    """The first state of the fixed world."""
    return opened(data(**changes), now=NOW)


def press(state: State, *keys: str) -> State:
    """The state after keys: names (`"down"`, `"c-m"`, `"escape"`), or text that is typed letter by letter."""
    return press_for(state, *keys)[0]


def press_for(state: State, *keys: str) -> tuple[State, Any]:
    """The state after keys, and what the last one asked for."""
    effect = None
    for key in keys:
        for one in [key] if key in NAMED else key:
            action = action_for(mode_of(state), one)
            effect = None
            if action is not None:
                state, effect = update(state, action.name, action.text, page=5)
    return state, effect


NAMED = {
    "up", "down", "left", "right", "pageup", "pagedown", "home", "end", "c-i", "c-m", "escape", "c-c", "c-h", "c-w", "c-u",
    "c-o", "c-f", "c-r", "c-s", "c-t", "c-y", "c-a", "f1",
}  # fmt: skip


def specs(state: State) -> list[str]:
    """The specs shown, in order."""
    return [item.spec for item in state.shown.items]


class FakeServices:
    """What a test lets the picker ask for, and what was asked."""

    def __init__(self) -> None:
        self.found = readiness()
        self.calls: list[tuple[Any, ...]] = []
        self.lists: dict[str, Sequence[Mapping[str, Any]] | Exception] = {}
        self.verdict: str | Exception = "answered"
        self.gate: asyncio.Event | None = None

    def warm(self) -> None:
        self.calls.append(("warm",))

    def readiness(self) -> ReadinessChecker:
        return self.found

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        return await self.live("litellm_proxy")

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        self.calls.append(("live", name))
        if self.gate is not None:
            await self.gate.wait()
        answer = self.lists.get(name, ConnectionError(f"nothing answers for {name}"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def test(self, spec: str) -> str:
        self.calls.append(("test", spec))
        return await self._said()

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        self.calls.append(("verify", provider, {name: secret.reveal() for name, secret in values.items()}))
        return await self._said()

    def save(self, provider: str, values: Mapping[str, Secret], where: str) -> str:
        self.calls.append(("save", provider, {name: secret.reveal() for name, secret in values.items()}, where))
        return "the file"

    def copy(self, text: str) -> bool:
        self.calls.append(("copy", text))
        return False

    async def _said(self) -> str:
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict
