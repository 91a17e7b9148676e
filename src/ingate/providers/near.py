"""Variables that are set but not read: a typo, or another tool's name for the same key."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from ingate.providers.registry import is_credential, providers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.providers.registry import Provider

_LOOKS_LIKE_A_KEY = re.compile(r"(?:^|_)(?:API_?)?(?:KEY|TOKEN)$|_PAT$", re.IGNORECASE)
_ENDING = re.compile(r"_*(?:API|ACCESS|SECRET|AUTH)?_*(?:KEY|TOKEN|PAT)$|_*CREDENTIALS$|_*JWT$")


def misses(provider: Provider, environ: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence per variable set for `provider` under a name it does not read, or set but empty."""
    sentences = [
        f"{name} is set but empty" for name in _wanted(provider) if name in environ and not environ[name].strip()
    ]
    candidates = _by_provider(_candidates(environ)).get(provider.name, ())
    misnamed = [name for name in provider.near if environ.get(name, "").strip()]
    misnamed += [name for name in candidates if name not in provider.near]
    return (*sentences, *(f"{name} is set; this provider reads {_meant(provider, name)}" for name in misnamed))


def _wanted(provider: Provider) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for group in provider.env for variable in group for name in provider.names_of(variable))
    )


def _meant(provider: Provider, name: str) -> str:
    """The variable of `provider` that `name` was most likely meant for."""
    groups = [variable for group in provider.env for variable in group]
    address = re.search(r"ENDPOINT|BASE|HOST|URL$", name)
    account = name.endswith(("_ACCOUNT", "_ACCOUNT_ID"))
    for variable in groups:
        if address and variable in provider.api_base_env:
            return variable
        if account and variable.endswith("_ACCOUNT_ID"):
            return variable
        if not address and not account and variable not in provider.api_base_env and is_credential(variable):
            return variable
    return groups[0] if groups else provider.name


@cache
def _read_anywhere() -> frozenset[str]:
    """Every variable that a provider reads or another tool is known to read, none of which is a typo."""
    known = {name for record in providers().values() for name in (*record.variables(), *record.near)}
    return frozenset(known)


@cache
def _stems() -> Mapping[str, tuple[str, ...]]:
    """The beginning of a provider's key variables → the providers (`"GROQ"` → `groq`)."""
    stems: dict[str, list[str]] = {}
    for record in providers().values():
        if record.auth != "api_key":
            continue
        for variable in _wanted(record):
            stem = _ENDING.sub("", variable)
            if (
                variable not in record.api_base_env
                and is_credential(variable)
                and stem
                and record.name not in stems.setdefault(stem, [])
            ):
                stems[stem].append(record.name)
    return MappingProxyType({stem: tuple(names) for stem, names in stems.items()})


def _candidates(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = _read_anywhere()
    return tuple(
        sorted(
            name for name in environ if _LOOKS_LIKE_A_KEY.search(name) and name not in known and environ[name].strip()
        )
    )


@lru_cache(maxsize=8)
def _by_provider(candidates: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Provider → those of `candidates` that resemble one of its variables. Cached: the environment rarely changes."""
    found: dict[str, tuple[str, ...]] = {}
    for name in candidates:
        for provider in _nearest(_ENDING.sub("", name.upper())):
            found[provider] = (*found.get(provider, ()), name)
    return found


def _nearest(stem: str) -> tuple[str, ...]:
    stems = _stems()
    if stem in stems:
        return stems[stem]
    if len(stem) < 5:  # one edit turns a short word into another word
        return ()
    limit = 1 if len(stem) < 9 else 2
    close = [known for known in stems if _may_be_close(stem, known, limit)]
    if not close:
        return ()
    # Importing rapidfuzz takes 25 ms: only when a variable looks like a typo, which most do not.
    from rapidfuzz.distance import OSA

    best = min((OSA.distance(stem, known), known) for known in close)
    return stems[best[1]] if best[0] <= limit else ()


def _may_be_close(stem: str, known: str, limit: int) -> bool:
    """A cheap test that rules out most pairs: a typo rarely changes both the first and the last letter."""
    return len(known) >= 4 and abs(len(known) - len(stem)) <= limit and (known[0] == stem[0] or known[-1] == stem[-1])
