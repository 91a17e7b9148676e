"""What a configuration holds once it has been read, checked and merged."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ingate.config.redacted import Redacted
from ingate.config.secretref import SecretRef  # noqa: TC001 -- msgspec resolves annotations at run time


class ProviderSettings(Redacted, msgspec.Struct, kw_only=True):
    """One provider's section (`groq:`).

    Attributes:
        api_key: The key, None where the section has none.
        base_url: The base URL to use instead of the provider's own (`base_url` or `api_base`).
        headers: Headers to send with every request (`headers` or `default_headers`).
        timeout_s: Longest wait for this provider, in seconds (`timeout`).
        default_model: The model meant where only the provider is named.
        params: Further credential values by litellm's argument name (`aws_region_name`, `vertex_project`, `api_version`).
    """

    api_key: SecretRef | None = None
    base_url: str | None = None
    headers: dict[str, SecretRef] = {}
    timeout_s: float | None = None
    default_model: str | None = None
    params: dict[str, SecretRef] = {}


class LitellmSettings(Redacted, msgspec.Struct, kw_only=True):
    """The `litellm:` section: the proxy, and what every call through litellm gets.

    Attributes:
        api_key: The proxy's key.
        api_base: The proxy's URL; without one there is no proxy.
        default_model: The model to use where none is named; a spec.
        drop_params: What happens to a parameter the model cannot take: `True` or `"drop"` drop it, `"warn"` drops and
            tells, `False` or `"strict"` refuse.
        timeout_s: Longest wait, in seconds (`timeout`).
        extra_kwargs: Deep-merged into the call.
        default_headers: Headers to send with every request.
    """

    api_key: SecretRef | None = None
    api_base: str | None = None
    default_model: str | None = None
    drop_params: bool | Literal["strict", "warn", "drop"] = True
    timeout_s: float | None = None
    extra_kwargs: dict[str, Any] = {}
    default_headers: dict[str, SecretRef] = {}


class ServerSettings(Redacted, msgspec.Struct, kw_only=True):
    """A server of your own that speaks a known wire format; `servers: {mybox: …}` serves `mybox/<model>`.

    Attributes:
        base_url: Where it is.
        api_key: Its key, None where it wants none.
        headers: Headers to send with every request.
        timeout_s: Longest wait, in seconds (`timeout`).
        wire_format: What it speaks.
    """

    base_url: str
    api_key: SecretRef | None = None
    headers: dict[str, SecretRef] = {}
    timeout_s: float | None = None
    wire_format: Literal["chat", "responses", "messages"] = "chat"


class LocalSettings(Redacted, msgspec.Struct, kw_only=True):
    """The `local:` section: models inside this process.

    Attributes:
        models: Name → absolute path of a GGUF file; a relative one is taken from the file's folder that names it.
        context_tokens: Size of the context, in tokens; None lets the model decide.
        threads: How many threads compute; None lets the engine decide.
    """

    models: dict[str, str] = {}
    context_tokens: int | None = None
    threads: int | None = None


class TensorZeroSettings(Redacted, msgspec.Struct, kw_only=True):
    """The `tensorzero:` section: a gateway's address, or a configuration to run one from inside this process.

    Attributes:
        gateway_url: Where a TensorZero gateway is; it goes before `config_file`.
        config_file: TensorZero's own configuration; a relative path is taken from the file's folder that names it.
        api_key: The gateway's key, None where it wants none.
    """

    gateway_url: str | None = None
    config_file: str | None = None
    api_key: SecretRef | None = None


class McpServerSettings(Redacted, msgspec.Struct, kw_only=True):
    """An MCP server whose tools a chat may use: a command to start (stdio) or a URL (streamable HTTP).

    Attributes:
        command: The program, or the program with its arguments; None for a URL.
        args: Arguments after the command.
        env: Variables for the child process, which gets none of ingate's keys otherwise.
        url: The server's address; None for a command.
        headers: Headers to send to the URL.
    """

    command: str | list[str] | None = None
    args: list[str] = []
    env: dict[str, SecretRef] = {}
    url: str | None = None
    headers: dict[str, SecretRef] = {}


class Settings(Redacted, msgspec.Struct, kw_only=True):
    """Everything that is configured.

    Attributes:
        default_model: The spec to use where none is named.
        aliases: Name → a spec, or a list of specs as fallbacks in order.
        disabled_providers: Providers and servers that are never offered or used, by their own names.
        timeout_s: Longest wait, in seconds, where nothing more special says otherwise (`timeout`).
        litellm: The `litellm:` section.
        providers: Provider's own name → its section (`google:` stands under `gemini`).
        servers: Name → a server of your own.
        local: The `local:` section.
        tensorzero: The `tensorzero:` section.
        mcp: Name → an MCP server.
    """

    default_model: str | None = None
    aliases: dict[str, str | list[str]] = {}
    disabled_providers: list[str] = []
    timeout_s: float | None = None
    litellm: LitellmSettings = msgspec.field(default_factory=LitellmSettings)
    providers: dict[str, ProviderSettings] = {}
    servers: dict[str, ServerSettings] = {}
    local: LocalSettings = msgspec.field(default_factory=LocalSettings)
    tensorzero: TensorZeroSettings = msgspec.field(default_factory=TensorZeroSettings)
    mcp: dict[str, McpServerSettings] = {}
