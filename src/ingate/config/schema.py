"""Every setting there is, declared once: its type, its default, its name in a file, and how it is read.

A setting is a field annotated with `Setting`. `section_of` derives from the class which keys a section has, and
`Section.build` turns the values that were read back into an instance. To add a setting, add a field here (and a line to
docs/config.md, which a test compares). A project file that nobody has trusted may not use it unless it is declared with
`allow`; `risk` then says what it could do.
"""

# Annotations are evaluated at run time here: no `from __future__ import annotations`.

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from ingate.config import fields, harmless, names
from ingate.config.fields import Read
from ingate.config.harmless import Allow
from ingate.config.names import provider_names
from ingate.config.secretref import SecretRef
from ingate.config.tree import Redacted

TRUSTED_ONLY: Final = "is only read from a file that is trusted"


class Leaf(msgspec.Struct, frozen=True):
    """A key with one value.

    Attributes:
        read: How it is read.
        allow: Which values an untrusted project file may give it; None: none.
        risk: What it could do in such a file, as the end of a sentence that begins with its name.
    """

    read: Read
    allow: Allow | None = None
    risk: str = TRUSTED_ONLY


class Free(msgspec.Struct, frozen=True):
    """A section with arbitrary keys, passed on as it is; `${NAME}` in its texts is filled in.

    Attributes:
        risk: As for `Leaf`.
    """

    risk: str = TRUSTED_ONLY


class Section(msgspec.Struct, frozen=True):
    """A section with known keys.

    Attributes:
        keys: Key → the shape of its value.
        synonyms: Other names for some of the keys.
        attributes: Key → the name of the struct's field, if the two differ.
        struct: What the section becomes.
    """

    keys: "Mapping[str, Shape]"
    synonyms: Mapping[str, str]
    attributes: Mapping[str, str]
    struct: Any

    def key_of(self, name: str) -> str:
        """The key that `name` stands for: a key, a synonym, or the name of a field."""
        for key, attribute in self.attributes.items():
            if name == attribute:
                return key
        return self.synonyms.get(name, name)

    def build(self, values: Mapping[str, Any], **more: Any) -> Any:
        """An instance of `struct` from values by key. Nested sections are built; named sections are left to the caller."""
        found = {
            self.attributes.get(key, key): shape.build(value) if isinstance(shape := self.keys[key], Section) else value
            for key, value in values.items()
        }
        return self.struct(**found, **more)


class Named(msgspec.Struct, frozen=True):
    """A section whose keys are names that the user chooses.

    Attributes:
        shape: The shape of each value.
        check: What is wrong with a name, as the end of a sentence; an empty string if nothing is.
    """

    shape: "Shape"
    check: Callable[[str], str]


Shape = Leaf | Free | Section | Named


class Setting(msgspec.Struct, frozen=True):
    """How a field is written in a file.

    Attributes:
        shape: A reader of single values, or a shape.
        key: Its name in a file; empty: the field's own name.
        also: Other names that are accepted in a file.
        allow, risk: As for `Leaf`, if `shape` is a reader.
    """

    shape: Read | Shape
    key: str = ""
    also: tuple[str, ...] = ()
    allow: Allow | None = None
    risk: str = TRUSTED_ONLY


@cache
def section_of(struct: Any) -> Section:
    """The section that `struct` declares: its fields annotated with a `Setting`, and those that are structs themselves."""
    keys: dict[str, Shape] = {}
    synonyms: dict[str, str] = {}
    attributes: dict[str, str] = {}
    hints = get_type_hints(struct, include_extras=True)
    for name, hint in sorted(hints.items(), key=lambda item: item[0] in TimeLimits.__struct_fields__):
        if get_origin(hint) is Annotated and isinstance(setting := get_args(hint)[-1], Setting):
            key = setting.key or name
            is_shape = isinstance(setting.shape, Shape)
            keys[key] = setting.shape if is_shape else Leaf(setting.shape, setting.allow, setting.risk)
            synonyms |= dict.fromkeys(setting.also, key)
            if key != name:
                attributes[key] = name
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            keys[name] = section_of(hint)
    return Section(keys, synonyms, attributes, struct)


_ADDRESS: Final = "sends requests, and the key, to this address"
_MODEL: Final = "names a model that only a trusted file may name"
_FILE: Final = "loads this file into the process"
_STARTS: Final = "starts this program when a chat begins"
_ENV: Final = "is a variable of that program"
_KEY: Final = "replaces the key that is used"
_HEADERS: Final = Named(Leaf(fields.secret, risk="is sent with every request"), names.header_name)

WireFormat = Literal["chat", "responses", "messages"]


class TimeLimits(Redacted, msgspec.Struct, kw_only=True):
    """The time limits of a section, in seconds; None: those of the next section, or the defaults of `engines.timeouts`.

    Attributes:
        timeout_s: Longest wait at any point (`timeout`): for the first token and between tokens.
        connect_timeout_s: Longest wait for a connection (`connect_timeout`).
        first_token_timeout_s: Longest wait for the first token, or for a whole answer (`first_token_timeout`).
        between_tokens_timeout_s: Longest wait between two tokens of a stream (`between_tokens_timeout`).
        total_timeout_s: Longest time for everything, with retries and fallbacks (`total_timeout`).
    """

    timeout_s: Annotated[float | None, Setting(fields.seconds, key="timeout", allow=harmless.number)] = None
    connect_timeout_s: Annotated[
        float | None, Setting(fields.seconds, key="connect_timeout", allow=harmless.number)
    ] = None
    first_token_timeout_s: Annotated[
        float | None, Setting(fields.seconds, key="first_token_timeout", allow=harmless.number)
    ] = None
    between_tokens_timeout_s: Annotated[
        float | None, Setting(fields.seconds, key="between_tokens_timeout", allow=harmless.number)
    ] = None
    total_timeout_s: Annotated[float | None, Setting(fields.seconds, key="total_timeout", allow=harmless.number)] = None

    def time_limits(self) -> dict[str, float | None]:
        """The limits by their names in a file; None for those that are not set."""
        return {name.removesuffix("_s"): getattr(self, name) for name in TimeLimits.__struct_fields__}


class ProviderSettings(TimeLimits, kw_only=True):
    """One provider's section (`groq:`).

    Attributes:
        api_key: The key; None if the section has none.
        base_url: The base URL to use instead of the provider's own (`base_url` or `api_base`).
        headers: Headers to send with every request (`headers` or `default_headers`).
        default_model: The model to use if only the provider is named.
        wire_format: The format in which to call the provider; None: whichever suits the model and the request.
        params: Further credential values by litellm's argument name (`aws_region_name`, `vertex_project`, `api_version`).
    """

    api_key: Annotated[SecretRef | None, Setting(fields.secret, risk=_KEY)] = None
    base_url: Annotated[str | None, Setting(fields.url, also=("api_base",), risk=_ADDRESS)] = None
    headers: Annotated[dict[str, SecretRef], Setting(_HEADERS, also=("default_headers",))] = {}
    default_model: Annotated[str | None, Setting(fields.text, allow=harmless.model)] = None
    wire_format: Annotated[WireFormat | None, Setting(fields.wire_format)] = None
    params: dict[str, SecretRef] = {}


class LitellmSettings(TimeLimits, kw_only=True):
    """The `litellm:` section: the proxy, and what applies to every call through litellm.

    Attributes:
        api_key: The proxy's key.
        api_base: The proxy's URL (`api_base` or `base_url`); without one there is no proxy.
        default_model: The spec to use if no model is named and the top level has no `default_model`.
        drop_params: What happens to a parameter that the model does not support: `True` or `"drop"` drop it, `"warn"`
            drops it with a warning, `False` or `"strict"` refuse the call.
        extra_kwargs: Deep-merged into the call.
        default_headers: Headers to send with every request (`default_headers` or `headers`).
    """

    api_key: Annotated[SecretRef | None, Setting(fields.secret, risk=_KEY)] = None
    api_base: Annotated[str | None, Setting(fields.url, also=("base_url",), risk=_ADDRESS)] = None
    default_model: Annotated[str | None, Setting(fields.spec, allow=harmless.spec, risk=_MODEL)] = None
    drop_params: Annotated[
        bool | Literal["strict", "warn", "drop"], Setting(fields.drop_params, allow=harmless.policy)
    ] = True
    extra_kwargs: Annotated[dict[str, Any], Setting(Free("changes every call through litellm"))] = {}
    default_headers: Annotated[dict[str, SecretRef], Setting(_HEADERS, also=("headers",))] = {}


class ServerSettings(TimeLimits, kw_only=True):
    """A server of the user's own; `servers: {mybox: …}` serves `mybox/<model>`.

    Attributes:
        base_url: Its base URL (`base_url` or `api_base`).
        api_key: Its key; None if it needs none.
        headers: Headers to send with every request (`headers` or `default_headers`).
        wire_format: The format it speaks.
    """

    base_url: Annotated[str, Setting(fields.url, also=("api_base",), risk=_ADDRESS)]
    api_key: Annotated[SecretRef | None, Setting(fields.secret, risk="is sent to that server")] = None
    headers: Annotated[dict[str, SecretRef], Setting(_HEADERS, also=("default_headers",))] = {}
    wire_format: Annotated[WireFormat, Setting(fields.wire_format)] = "chat"


class LocalSettings(Redacted, msgspec.Struct, kw_only=True):
    """The `local:` section: models inside this process.

    Attributes:
        models: Name → absolute path of a GGUF file; a relative path starts from the folder of the file that names it.
        context_tokens: Size of the context, in tokens; None: the model's own.
        threads: Number of threads that compute; None: the engine's default.
    """

    models: Annotated[dict[str, str], Setting(Named(Leaf(fields.file_path, risk=_FILE), names.alias_name))] = {}
    context_tokens: Annotated[int | None, Setting(fields.count, risk="decides how much memory is used")] = None
    threads: Annotated[int | None, Setting(fields.count, risk="decides how many threads are started")] = None


class TensorZeroSettings(Redacted, msgspec.Struct, kw_only=True):
    """The `tensorzero:` section: a gateway's address, or a configuration to run one from inside this process.

    Attributes:
        gateway_url: A TensorZero gateway's URL (also `base_url` or `api_base`); takes precedence over `config_file`.
        config_file: TensorZero's own configuration; a relative path starts from the folder of the file that names it.
        api_key: The gateway's key; None if it needs none.
    """

    gateway_url: Annotated[str | None, Setting(fields.url, also=("base_url", "api_base"), risk=_ADDRESS)] = None
    config_file: Annotated[str | None, Setting(fields.file_path, risk=_FILE)] = None
    api_key: Annotated[SecretRef | None, Setting(fields.secret, risk=_KEY)] = None


class McpServerSettings(Redacted, msgspec.Struct, kw_only=True):
    """An MCP server whose tools a chat may use: a command to start (stdio) or a URL (streamable HTTP).

    Attributes:
        command: The program, or the program with its arguments; None for a URL.
        args: Arguments after the command.
        env: Variables for the child process, which otherwise gets none of ingate's keys.
        url: The server's address; None for a command.
        headers: Headers to send to the URL.
    """

    command: Annotated[str | list[str] | None, Setting(fields.command, risk=_STARTS)] = None
    args: Annotated[list[str], Setting(fields.text_list, risk="are that program's arguments")] = []
    env: Annotated[dict[str, SecretRef], Setting(Named(Leaf(fields.loose_secret, risk=_ENV), names.variable_name))] = {}
    url: Annotated[str | None, Setting(fields.url, risk="offers tools from this address to the model")] = None
    headers: Annotated[dict[str, SecretRef], Setting(_HEADERS)] = {}


class Settings(TimeLimits, kw_only=True):
    """Everything that is configured.

    Attributes:
        default_model: The spec to use if none is named.
        aliases: Name → a spec, or a list of specs as fallbacks in order.
        disabled_providers: Providers and servers that are never offered or used, by their own names.
        litellm: The `litellm:` section.
        providers: Provider's own name → its section (`google:` is stored as `gemini`).
        servers: Name → a server of the user's own.
        local: The `local:` section.
        tensorzero: The `tensorzero:` section.
        mcp: Name → an MCP server.
    """

    default_model: Annotated[str | None, Setting(fields.spec, allow=harmless.spec, risk=_MODEL)] = None
    aliases: Annotated[
        dict[str, str | list[str]],
        Setting(Named(Leaf(fields.spec_or_list, harmless.alias, _MODEL), names.alias_name)),
    ] = {}
    disabled_providers: Annotated[
        list[str], Setting(fields.text_list, risk="replaces the list of providers that are not used")
    ] = []
    litellm: LitellmSettings = msgspec.field(default_factory=LitellmSettings)
    providers: dict[str, ProviderSettings] = {}
    servers: Annotated[dict[str, ServerSettings], Setting(Named(section_of(ServerSettings), names.server_name))] = {}
    local: LocalSettings = msgspec.field(default_factory=LocalSettings)
    tensorzero: TensorZeroSettings = msgspec.field(default_factory=TensorZeroSettings)
    mcp: Annotated[dict[str, McpServerSettings], Setting(Named(section_of(McpServerSettings), names.any_name))] = {}


@cache
def provider_section() -> Section:
    """The shape of each provider's section: its settings, and every credential parameter."""
    section = section_of(ProviderSettings)
    leaf = Leaf(fields.loose_secret, risk="decides with which account, or where, the provider is called")
    params = dict.fromkeys(provider_names().params, leaf)
    return msgspec.structs.replace(section, keys={**section.keys, **params})


@cache
def root() -> Section:
    """The shape of a whole configuration: its settings, and a section for each provider."""
    section = section_of(Settings)
    known = provider_names()
    providers = dict.fromkeys(known.names, provider_section())
    return msgspec.structs.replace(section, keys={**section.keys, **providers}, synonyms=known.aliases)
