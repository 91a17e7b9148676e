"""Variables that are set but are not the ones read: a slip of the pen, or another tool's name."""

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


def misses(
    provider: Provider, environ: Mapping[str, str], found: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[str, ...]:
    """Sentences on what is set for `provider` under a wrong name, or empty under the right one.

    `found` is what `near_miss_index(environ)` gives, for a caller that asks for many providers.
    """
    read = _wanted(provider)
    sentences = [f"{name} is set but empty" for name in read if name in environ and not environ[name].strip()]
    for name in provider.near:
        if environ.get(name, "").strip():
            sentences.append(f"{name} is set; this provider reads {_meant(provider, name)}")
    for name in (near_miss_index(environ) if found is None else found).get(provider.name, ()):
        if name not in provider.near:
            sentences.append(f"{name} is set; this provider reads {_meant(provider, name)}")
    return tuple(sentences)


def near_miss_index(environ: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Provider → variables that look like one of its own and are read by none."""
    return _by_provider(_candidates(environ))


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
    """Every variable that some provider reads or that is known as another tool's, which is then no slip."""
    known = {name for record in providers().values() for name in (*record.variables(), *record.near)}
    return frozenset(known)


@cache
def _stems() -> Mapping[str, tuple[str, ...]]:
    """What a provider's key variables begin with → the providers (`"GROQ"` → `groq`)."""
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
    """Provider → those of `candidates` that look like one of its own variables. Kept, since the environment stays."""
    found: dict[str, tuple[str, ...]] = {}
    for name in candidates:
        for provider in _nearest(_ENDING.sub("", name.upper())):
            found[provider] = (*found.get(provider, ()), name)
    return found


def _nearest(stem: str) -> tuple[str, ...]:
    stems = _stems()
    if stem in stems:
        return stems[stem]
    if len(stem) < 5:  # one letter more or less makes another word of a short one
        return ()
    limit = 1 if len(stem) < 9 else 2
    close = [(_distance(stem, known), known) for known in stems if _may_be_close(stem, known, limit)]
    best = min(close, default=(limit + 1, ""))
    return stems[best[1]] if best[0] <= limit else ()


def _may_be_close(stem: str, known: str, limit: int) -> bool:
    """A cheap refusal of most pairs: people get the first or the last letter right."""
    return len(known) >= 4 and abs(len(known) - len(stem)) <= limit and (known[0] == stem[0] or known[-1] == stem[-1])


def _distance(one: str, other: str) -> int:
    """How many letters are added, left out, changed or swapped with their neighbour between the two."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, own in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != own))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == own:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
