"""Which of a provider's alternatives is there, and where each part of it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingate.providers import files
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config import ProviderSettings
    from ingate.config.secretref import SecretRef
    from ingate.providers.registry import Provider


@dataclass(frozen=True, slots=True)
class Part:
    """One value of an alternative: whose place it takes, what it sets, and where it stands.

    Attributes:
        variable: The variable of the map it stands for.
        target: `"api_key"`, `"api_base"`, a litellm argument, or empty for what is not passed on.
        name: The variable it comes from, empty for one from the configuration.
        ref: The configured value, None for one from the environment or a base URL.
    """

    variable: str
    target: str
    name: str = ""
    ref: SecretRef | None = None

    def secret(self, environ: Mapping[str, str]) -> Secret:
        """The value. Runs the command or asks the keyring of a configured reference."""
        return self.ref.resolve(environ) if self.ref is not None else Secret(environ[self.name].strip())


@dataclass(frozen=True, slots=True)
class Found:
    """What authenticates a provider.

    Attributes:
        group: The alternative's variables; empty where a file does it, or nothing is needed.
        parts: Where each of them comes from.
        file: The credential file that does it, for people; empty where a group does.
    """

    group: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """An alternative of which something is there: a key without a base URL, half of a pair.

    Attributes:
        parts: What is there.
        missing: The variables that are not.
    """

    parts: tuple[Part, ...]
    missing: tuple[str, ...]


def value(environ: Mapping[str, str], name: str) -> str:
    """A variable's value without blanks around it; empty where it is unset."""
    return environ.get(name, "").strip()


def find(provider: Provider, environ: Mapping[str, str], settings: ProviderSettings) -> Found | Partial | None:
    """The alternative to use: the environment's before the configuration's before a file; else the nearest part of one.

    Of alternatives that need values of the configuration, the one with the fewest is taken, since the environment
    wins field by field; ties go to the map's order.
    """
    best: tuple[int, Found] | None = None
    nearest: tuple[int, Partial] | None = None
    for group in provider.env:
        parts = tuple(part for variable in group if (part := _part(provider, variable, environ, settings)) is not None)
        if len(parts) == len(group):
            configured = sum(part.ref is not None for part in parts)
            if best is None or configured < best[0]:
                best = configured, Found(group, parts)
        elif any(is_credential(part.variable) for part in parts):
            there = {part.variable for part in parts}
            missing = tuple(variable for variable in group if variable not in there)
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
    """What is set beside the alternative in use: a region, a project, an API version, a keyless server's key."""
    held = {part.target for part in taken.parts}
    parts: list[Part] = []
    for name in provider.optional_env:
        target = provider.params_env.get(name, "api_key" if name.endswith("_API_KEY") else "")
        if target and target not in held and value(environ, name):
            held.add(target)
            parts.append(Part(name, target, name))
    keyless = provider.auth in {"none", "base_url"}
    if keyless and settings.api_key is not None and "api_key" not in held and settings.api_key.present(environ):
        parts.append(Part("", "api_key", ref=settings.api_key))
    for target, ref in settings.params.items():
        if target not in held and ref.present(environ) and _belongs(target, held):
            parts.append(Part("", target, ref=ref))
    own = {part.target for part in (*taken.parts, *parts)}
    return tuple(part for part in parts if part.target != "aws_session_token" or "aws_access_key_id" in own)


def _belongs(target: str, held: set[str]) -> bool:
    """Whether a configured credential value goes with the alternative in use rather than being one of its own."""
    return not (target in _ALTERNATIVES and held)


# Configured values that authenticate by themselves, left out where another alternative is in use.
_ALTERNATIVES = frozenset(
    {"aws_profile_name", "aws_access_key_id", "aws_secret_access_key", "azure_ad_token", "client_secret", "azure_password", "token",
     "zen_api_key", "vertex_credentials", "gigachat_access_token"}
)  # fmt: skip

_CREDENTIAL_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "JWT", "ROLE_ARN", "VCAP")


def is_credential(variable: str) -> bool:
    """Whether a variable's name says that it authenticates, rather than an address, an account or a project."""
    return any(word in variable for word in _CREDENTIAL_WORDS)


def _part(provider: Provider, variable: str, environ: Mapping[str, str], settings: ProviderSettings) -> Part | None:
    target = provider.target(variable)
    for name in provider.names_of(variable):
        if value(environ, name):
            return Part(variable, target, name)
    if target == "api_base":
        return Part(variable, target) if settings.base_url else None
    ref = settings.api_key if target == "api_key" else settings.params.get(target)
    return Part(variable, target, ref=ref) if ref is not None and ref.present(environ) else None
