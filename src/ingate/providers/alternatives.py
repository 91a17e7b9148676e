"""Which of a provider's alternative credentials is set, and where each part of it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingate.providers import files
from ingate.providers.registry import is_credential
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.config import Config, ProviderSettings
    from ingate.config.secretref import SecretRef
    from ingate.providers.registry import Provider

# Parts that accompany a credential without being one: left out of its source if anything else is set.
_ACCOMPANYING: Final = frozenset(
    {"api_base", "aws_region_name", "vertex_project", "vertex_location", "api_version", "azure_scope", "account_id", "project_id",
     "space_id", "region_name", "organization", "oci_region", "gigachat_scope", "gigachat_auth_url"}
)  # fmt: skip
# Configured values that authenticate on their own, left out if another alternative is in use.
_STANDALONE: Final = frozenset(
    {"aws_profile_name", "aws_access_key_id", "aws_secret_access_key", "azure_ad_token", "client_secret", "azure_password", "token",
     "zen_api_key", "vertex_credentials", "gigachat_access_token"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One value of an alternative: the variable it stands for, what it sets, and where it comes from.

    Attributes:
        variable: The variable of the map it stands for.
        target: `"api_key"`, `"api_base"`, a litellm argument, or empty if it is not passed on.
        name: The environment variable it comes from; empty if it comes from the configuration.
        ref: The configured value; None if it comes from the environment or is a base URL.
    """

    variable: str
    target: str
    name: str = ""
    ref: SecretRef | None = None

    def secret(self, environ: Mapping[str, str]) -> Secret:
        """The value. Runs the command or queries the keyring of a configured reference."""
        return self.ref.resolve(environ) if self.ref is not None else Secret(environ[self.name].strip())

    @property
    def is_immediate(self) -> bool:
        """Whether the value can be read without running a command or querying a keyring."""
        return self.ref is None or self.ref.kind in {"literal", "env"}


@dataclass(frozen=True, slots=True)
class Found:
    """What authenticates a provider.

    Attributes:
        group: The alternative's variables; empty if a file authenticates, or nothing is needed.
        parts: Where each of them comes from.
        file: The display name of the credential file that authenticates; empty if variables do.
    """

    group: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """An incomplete alternative: a key without a base URL, one half of a pair.

    Attributes:
        parts: What is set.
        missing: The variables that are not.
    """

    parts: tuple[Part, ...]
    missing: tuple[str, ...]


def find(provider: Provider, environ: Mapping[str, str], settings: ProviderSettings) -> Found | Partial | None:
    """The alternative to use: environment, then configuration, then a file; otherwise the most complete part of one.

    Among alternatives that need configured values, the one with the fewest wins, since the environment takes precedence
    field by field; ties go to the order of the map.
    """
    best: tuple[int, Found] | None = None
    nearest: tuple[int, Partial] | None = None
    for group in provider.env:
        parts = tuple(
            part for variable in group if (part := part_of(provider, variable, environ, settings)) is not None
        )
        if len(parts) == len(group):
            configured = sum(part.ref is not None for part in parts)
            if best is None or configured < best[0]:
                best = configured, Found(group, parts)
        elif any(is_credential(part.variable) for part in parts):
            present = {part.variable for part in parts}
            missing = tuple(variable for variable in group if variable not in present)
            if nearest is None or len(missing) < nearest[0]:
                nearest = len(missing), Partial(parts, missing)
    if best is not None:
        return best[1]
    if file := files.find(provider, environ):
        return Found(file=file)
    return nearest[1] if nearest is not None else None


def optional(
    provider: Provider, environ: Mapping[str, str], settings: ProviderSettings, taken: Found
) -> tuple[Part, ...]:
    """What is set besides the alternative in use: a region, a project, an API version, a key for a keyless server."""
    held = {part.target for part in taken.parts}
    parts: list[Part] = []
    for name in provider.optional_env:
        target = provider.params_env.get(name, "api_key" if name.endswith("_API_KEY") else "")
        if target and target not in held and environ.get(name, "").strip():
            held.add(target)
            parts.append(Part(name, target, name))
    keyless = provider.auth in {"none", "base_url"}
    if keyless and settings.api_key is not None and "api_key" not in held and settings.api_key.present(environ):
        parts.append(Part("", "api_key", ref=settings.api_key))
    for target, ref in settings.params.items():
        if target not in held and ref.present(environ) and not (target in _STANDALONE and held):
            parts.append(Part("", target, ref=ref))
    own = {part.target for part in (*taken.parts, *parts)}
    return tuple(part for part in parts if part.target != "aws_session_token" or "aws_access_key_id" in own)


def source_of(parts: Iterable[Part], config: Config, provider: str, *, keys_only: bool = False) -> str:
    """Where `parts` come from: `"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`, or both joined.

    With `keys_only`, base URLs and accompanying values (a region, a project) are left out if anything else is set.
    """
    parts = tuple(parts)
    if keys_only:
        parts = tuple(part for part in parts if part.target not in _ACCOMPANYING) or tuple(
            part for part in parts if part.target == "api_base"
        )
    variables = ", ".join(dict.fromkeys(part.name for part in parts if part.name))
    configured = dict.fromkeys(
        part.ref.describe() if part.ref else base_place(config, provider) for part in parts if not part.name
    )
    return " + ".join([*([f"env {variables}"] if variables else []), *configured])


def base_place(config: Config, provider: str) -> str:
    """Where the configuration sets a provider's base URL."""
    return f"{config.where(provider, 'base_url') or 'config'} {provider}.base_url"


def part_of(provider: Provider, variable: str, environ: Mapping[str, str], settings: ProviderSettings) -> Part | None:
    """Where the value that `variable` stands for comes from; None if it is not set."""
    target = provider.target(variable)
    for name in provider.names_of(variable):
        if environ.get(name, "").strip():
            return Part(variable, target, name)
    if target == "api_base":
        return Part(variable, target) if settings.base_url else None
    ref = settings.api_key if target == "api_key" else settings.params.get(target)
    return Part(variable, target, ref=ref) if ref is not None and ref.present(environ) else None
