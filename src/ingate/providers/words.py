"""How credentials are spoken of: sources, what is needed, what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.config import Config
    from ingate.providers.lookup import Part
    from ingate.providers.registry import Provider

_LOGIN = 'log in once: python -c "from litellm.llms.{name}.authenticator import Authenticator; Authenticator().get_access_token()"'


def source_of(parts: Iterable[Part], config: Config, provider: str, *, keys_only: bool = False) -> str:
    """Where `parts` come from: `"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`, or both joined.

    With `keys_only`, base URLs and what merely goes along (a region, a project) are left out where something else is
    there.
    """
    parts = tuple(parts)
    if keys_only:
        parts = tuple(part for part in parts if part.target not in _GOES_ALONG) or tuple(
            part for part in parts if part.target == "api_base"
        )
    variables = ", ".join(dict.fromkeys(part.name for part in parts if part.name))
    configured = dict.fromkeys(
        part.ref.describe() if part.ref else base_place(config, provider) for part in parts if not part.name
    )
    return " + ".join([*([f"env {variables}"] if variables else []), *configured])


# How many alternatives one sentence bears.
_SHOWN = 4
_GOES_ALONG = frozenset(
    {"api_base", "aws_region_name", "vertex_project", "vertex_location", "api_version", "azure_scope", "account_id", "project_id",
     "space_id", "region_name", "organization", "oci_region", "gigachat_scope", "gigachat_auth_url"}
)  # fmt: skip


def base_place(config: Config, provider: str) -> str:
    """Where the configuration has a provider's base URL."""
    return f"{config.where(provider, 'base_url') or 'config'} {provider}.base_url"


def needs(provider: Provider) -> str:
    """One sentence on what is needed: `"groq needs a key: set GROQ_API_KEY"`."""
    match provider.auth:
        case "oauth_device":
            return f"{provider.name} needs a login"
        case "base_url":
            return f"{provider.name} needs the address of its server: set {_groups(provider.env)}"
        case "cloud":
            extra = f", or have {' or '.join(provider.credential_files)}" if provider.credential_files else ""
            return f"{provider.name} needs credentials: set {_groups(provider.env)}{extra}"
    return f"{provider.name} needs a key: set {_groups(provider.env)}"


def how_to_set(provider: Provider, groups: tuple[tuple[str, ...], ...] | None = None) -> str:
    """What to type: the variables to export and, where there is one, the key of `ingate.yaml`."""
    if not provider.env:
        return _LOGIN.format(name=provider.name)
    group = (groups or provider.env)[0]
    export = "export " + " ".join(f"{variable}={_example(provider, variable)}" for variable in group)
    keys = [key for variable in group if (key := _config_key(provider, variable))]
    return f"{export}, or set {' and '.join(dict.fromkeys(keys))} in ingate.yaml" if len(keys) == len(group) else export


def _example(provider: Provider, variable: str) -> str:
    if variable == "LM_STUDIO_API_BASE":
        return "http://localhost:1234/v1"
    if variable == "HOSTED_VLLM_API_BASE":
        return "http://localhost:8000/v1"
    return "https://…" if variable in provider.api_base_env else "…"


def _config_key(provider: Provider, variable: str) -> str:
    target = provider.target(variable)
    name = "base_url" if target == "api_base" else target
    return f"{provider.name}.{name}" if name and name != "auth_token" else ""


def _groups(groups: tuple[tuple[str, ...], ...]) -> str:
    """The alternatives in words; the first ones where there are many."""
    texts = [" and ".join(group) for group in groups]
    if len(texts) > _SHOWN:
        texts = [*texts[: _SHOWN - 1], f"one of {len(texts) - _SHOWN + 1} other ways (docs/credentials.md)"]
    return ", or ".join(texts) if any(len(group) > 1 for group in groups) else " or ".join(texts)
