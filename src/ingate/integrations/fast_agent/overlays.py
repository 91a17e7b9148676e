"""Model overlays for the plain `fast-agent` command: one YAML file per model, for use with a running `ingate serve`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ingate.gateway import Gateway

HEADER: Final = "# Written by `ingate fast-agent overlays`; run it again to update it.\n"
_MIME_TYPES: Final = {"vision": ("image/jpeg", "image/png", "image/webp"), "pdf": ("application/pdf",)}


def default_specs(gateway: Gateway) -> list[str]:
    """The models to write by default: local ones, aliases, and every curated model that is ready."""
    checker = gateway.readiness()
    curated = gateway.catalog().curated()
    ready = [row.spec for row in curated if checker.state(row.provider, row.model, "litellm") == "ready"]
    return [
        "local/smollm2",
        *(f"local/{name}" for name in gateway.config.settings.local.models),
        *_aliases(gateway),
        *ready,
    ]


def _aliases(gateway: Gateway) -> Iterable[str]:
    return gateway.config.settings.aliases


def manifest(gateway: Gateway, spec: str, *, base_url: str, key_variable: str = "") -> dict[str, Any]:
    """One overlay in fast-agent's format.

    Args:
        gateway: The gateway, for its catalog.
        spec: The model to request from `ingate serve`.
        base_url: The URL of `ingate serve`, with `/v1`.
        key_variable: The environment variable with its key; empty if it needs none.

    Raises:
        IngateError: The spec is invalid.
    """
    first = gateway.router.specs(spec)[0]
    row = gateway.catalog().get(first.provider, first.model)
    label = next((one.display_name for one in gateway.catalog().curated() if one.spec == spec), spec)
    metadata: dict[str, Any] = {}
    if row is not None and row.context_tokens and row.max_output_tokens:
        kinds = [mime for cap, mimes in _MIME_TYPES.items() if cap in row.caps for mime in mimes]
        metadata = {
            "context_window": row.context_tokens,
            "max_output_tokens": row.max_output_tokens,
            "tokenizes": ["text/plain", *kinds],
        }
    connection = {"auth": "env", "api_key_env": key_variable} if key_variable else {"auth": "none"}
    return {
        "name": file_stem(spec),
        "provider": "generic",
        "model": spec,
        "connection": {"base_url": base_url, **connection},
        **({"metadata": metadata} if metadata else {}),
        "picker": {"label": label, "description": "through ingate serve", "current": True},
    }


def file_stem(spec: str) -> str:
    """A name for the file and for `--model`, from the spec's letters and digits."""
    return "ingate-" + re.sub(r"[^A-Za-z0-9]+", "-", spec).strip("-").lower()


def write(folder: Path, manifests: Sequence[dict[str, Any]]) -> list[Path]:
    """Write the files, replacing those of an earlier run.

    Raises:
        ConfigError: A file of the same name was not written by this command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in manifests:
        path = folder / f"{one['name']}.yaml"
        if path.exists() and not path.read_text(encoding="utf-8").startswith(HEADER):
            raise ConfigError("this file is not one of ingate's", file=str(path), fix="move it away, or choose --dir")
        path.write_text(HEADER + yaml.safe_dump(one, sort_keys=False, allow_unicode=True), encoding="utf-8")
        written.append(path)
    return written
