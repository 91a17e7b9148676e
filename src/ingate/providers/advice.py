"""What a provider needs, in words: what to set, and what to type to set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingate.providers.registry import Provider

_LOGIN: Final = (
    'python -c "from litellm.llms.{name}.authenticator import Authenticator; Authenticator().get_access_token()"'
)
# The most alternatives that one sentence lists.
_SHOWN: Final = 4


def login_command(provider: str = "github_copilot") -> str:
    """The command that logs in to a provider which has no keys, and stores the login where it is looked for."""
    return _LOGIN.format(name=provider)


def needs(provider: Provider) -> str:
    """What a provider needs, in one sentence: `"groq needs a key: set GROQ_API_KEY"`."""
    match provider.auth:
        case "oauth_device":
            return f"{provider.name} needs a login"
        case "base_url":
            return f"{provider.name} needs the address of its server: set {_groups(provider.env)}"
        case "cloud":
            extra = f", or provide {' or '.join(provider.credential_files)}" if provider.credential_files else ""
            return f"{provider.name} needs credentials: set {_groups(provider.env)}{extra}"
    return f"{provider.name} needs a key: set {_groups(provider.env)}"


def how_to_set(provider: Provider, groups: tuple[tuple[str, ...], ...] | None = None) -> str:
    """What to type: the variables to export and, if there is one, the key in `ingate.yaml`."""
    if not provider.env:
        return f"log in once: {login_command(provider.name)}"
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
    """The alternatives as text; only the first ones if there are many."""
    texts = [" and ".join(group) for group in groups]
    if len(texts) > _SHOWN:
        texts = [*texts[: _SHOWN - 1], f"one of {len(texts) - _SHOWN + 1} other ways (docs/credentials.md)"]
    return ", or ".join(texts) if any(len(group) > 1 for group in groups) else " or ".join(texts)
