"""Which keys a configuration has, and how each is read."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from ingate.config import fields
from ingate.config.names import RESERVED, provider_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.config.fields import Read

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VARIABLE: Final = re.compile(r"[^=\x00-\x20]+\Z")
_ALIAS: Final = re.compile(r"[^\s/,?&%]+\Z")


class Leaf(msgspec.Struct, frozen=True):
    """A key with one value."""

    read: Read


class Free(msgspec.Struct, frozen=True):
    """A section whose keys are somebody else's; `${NAME}` in its texts is filled in."""


class Section(msgspec.Struct, frozen=True):
    """A section with known keys.

    Attributes:
        keys: Key → what stands there.
        synonyms: Other names for some of the keys.
    """

    keys: Mapping[str, Shape]
    synonyms: Mapping[str, str] = {}


class Named(msgspec.Struct, frozen=True):
    """A section whose keys are names that the user chooses.

    Attributes:
        shape: What stands under each.
        check: Says what is wrong with a name; empty when nothing is.
    """

    shape: Shape
    check: Callable[[str], str]


Shape = Leaf | Free | Section | Named


def _server_name(name: str) -> str:
    if not _NAME.match(name) or name.startswith("litellm."):
        return "may hold letters, digits, _ . and -, and may not begin with litellm."
    if name in RESERVED or provider_names().canonical(name) is not None:
        return "already means something else in a model's name; choose another"
    return ""


def _header_name(name: str) -> str:
    return "" if _HEADER.match(name) else "is no header's name"


def _variable_name(name: str) -> str:
    return "" if _VARIABLE.match(name) else "is no variable's name"


def _alias_name(name: str) -> str:
    return "" if _ALIAS.match(name) else "may not hold blanks or any of / , ? & %"


def _any_name(name: str) -> str:
    return "" if name.strip() else "is empty"


_HEADERS: Final = Named(Leaf(fields.secret), _header_name)
_SECRET: Final = Leaf(fields.secret)
_URL: Final = Leaf(fields.url)
_SECONDS: Final = Leaf(fields.seconds)
_TEXT: Final = Leaf(fields.text)
_SPEC: Final = Leaf(fields.spec)

_LITELLM: Final = Section(
    {
        "api_key": _SECRET,
        "api_base": _URL,
        "default_model": _SPEC,
        "drop_params": Leaf(fields.drop_params),
        "timeout": _SECONDS,
        "extra_kwargs": Free(),
        "default_headers": _HEADERS,
    },
    {"base_url": "api_base", "headers": "default_headers"},
)
_SERVER: Final = Section(
    {
        "base_url": _URL,
        "api_key": _SECRET,
        "headers": _HEADERS,
        "timeout": _SECONDS,
        "wire_format": Leaf(fields.wire_format),
    },
    {"api_base": "base_url", "default_headers": "headers"},
)
_LOCAL: Final = Section(
    {
        "models": Named(Leaf(fields.file_path), _alias_name),
        "context_tokens": Leaf(fields.count),
        "threads": Leaf(fields.count),
    }
)
_TENSORZERO: Final = Section(
    {"gateway_url": _URL, "config_file": Leaf(fields.file_path), "api_key": _SECRET},
    {"base_url": "gateway_url", "api_base": "gateway_url"},
)
_MCP_SERVER: Final = Section(
    {
        "command": Leaf(fields.command),
        "args": Leaf(fields.text_list),
        "env": Named(Leaf(fields.loose_secret), _variable_name),
        "url": _URL,
        "headers": _HEADERS,
    }
)

PROVIDER_KEYS: Final = ("api_key", "base_url", "headers", "timeout", "default_model")
PROVIDER_SYNONYMS: Final = {"api_base": "base_url", "default_headers": "headers"}


@cache
def provider_section() -> Section:
    """The shape of each provider's section."""
    keys: dict[str, Shape] = {
        "api_key": _SECRET,
        "base_url": _URL,
        "headers": _HEADERS,
        "timeout": _SECONDS,
        "default_model": _TEXT,
    }
    return Section(keys | {name: Leaf(fields.loose_secret) for name in provider_names().params}, PROVIDER_SYNONYMS)


@cache
def root() -> Section:
    """The shape of a whole configuration."""
    names = provider_names()
    keys: dict[str, Shape] = {
        "default_model": _SPEC,
        "aliases": Named(Leaf(fields.spec_or_list), _alias_name),
        "disabled_providers": Leaf(fields.text_list),
        "timeout": _SECONDS,
        "litellm": _LITELLM,
        "servers": Named(_SERVER, _server_name),
        "local": _LOCAL,
        "tensorzero": _TENSORZERO,
        "mcp": Named(_MCP_SERVER, _any_name),
    }
    return Section(keys | dict.fromkeys(names.names, provider_section()), names.aliases)
