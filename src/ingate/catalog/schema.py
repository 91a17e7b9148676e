"""The facts that the catalog has about one model."""

from __future__ import annotations

from typing import Final

import msgspec

CAPS: Final = (
    "tools",
    "vision",
    "reasoning",
    "json",
    "audio",
    "speech",
    "video",
    "pdf",
    "search",
    "cache",
    "computer",
)
"""Every capability a row may have, in display order.

`tools`: function calling. `vision`, `audio`, `video`, `pdf`: accepted as input. `speech`: audio as output. `reasoning`: thinks
before it answers. `json`: follows a JSON schema. `search`: searches the web itself. `cache`: prompt caching. `computer`:
accepts a computer-use tool.
"""


MODES: Final = ("chat", "responses", "completion")
"""Every mode a row may have: litellm's kinds of models that answer in text."""

FORMATS: Final = ("chat", "responses", "messages", "completions")
"""Every wire format a row may name in `formats`, in that order.

`chat`: `/v1/chat/completions`. `responses`: `/v1/responses`. `messages`: Anthropic's `/v1/messages`. `completions`: the legacy
`/v1/completions`.
"""


class PriceTier(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Prices of a whole request whose prompt is longer than `above_tokens`; None: the row's own price."""

    above_tokens: int
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    reasoning_usd_per_mtok: float | None = None


class ModelRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One model at one provider.

    Prices are in US dollars per million tokens: None is unknown, 0.0 is known to be free.

    Attributes:
        provider: The provider's name (`"groq"`).
        model: The model's name there, without the provider (`"openai/gpt-oss-120b"`).
        mode: `"chat"`, `"responses"` or `"completion"`: the kind of model, as litellm files it.
        context_tokens: The most input tokens it accepts; None if unknown.
        max_output_tokens: The most tokens of one response; None if unknown.
        input_usd_per_mtok: Price of input tokens that were not read from a cache.
        output_usd_per_mtok: Price of output tokens.
        cache_read_usd_per_mtok: Price of input tokens read from the provider's prompt cache.
        cache_write_usd_per_mtok: Price of input tokens written to it, for the provider's shortest lifetime.
        caps: Its capabilities, from `CAPS` and in that order.
        deprecated_on: The ISO date on which the provider retires it; None if none is announced.
        reasoning_usd_per_mtok: Price of reasoning tokens if it differs from other output, else None.
        tiers: Higher prices for long prompts, shortest first.
        formats: The wire formats in which the provider offers the model, from `FORMATS` and in that order: litellm's
            `supported_endpoints`, or what its `mode` implies. Empty: unknown.
        facts: What litellm says the model accepts and rejects, as words; `wire/catalog_facts.py` reads them.
    """

    provider: str
    model: str
    mode: str = "chat"
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    caps: tuple[str, ...] = ()
    deprecated_on: str | None = None
    reasoning_usd_per_mtok: float | None = None
    tiers: tuple[PriceTier, ...] = ()
    formats: tuple[str, ...] = ()
    facts: str = ""

    @property
    def key(self) -> str:
        """`<provider>/<model>`: litellm's `model` argument, and the spec without a lane."""
        return f"{self.provider}/{self.model}"

    @property
    def spec(self) -> str:
        """`litellm.<provider>/<model>`: the spec for embedded litellm."""
        return f"litellm.{self.provider}/{self.model}"


class CuratedRow(msgspec.Struct, frozen=True):
    """One of the few models shown first.

    Attributes:
        display_name: The name to display (`"Claude Sonnet 5.5"`).
        spec: `litellm.<provider>/<model>`.
        provider: The provider's name.
        model: The model's name there.
        tags: What it is good for: `fast`, `cheap`, `reasoning`, `vision`, `search`.
        row: Its row in the catalog; the facts that ship with ingate if litellm's catalog has none.
    """

    display_name: str
    spec: str
    provider: str
    model: str
    tags: tuple[str, ...]
    row: ModelRow
