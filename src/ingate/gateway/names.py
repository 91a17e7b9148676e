"""Names of models: aliases and bare names become specs, and errors for unknown names suggest the most similar ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingate import providers
from ingate.errors import IngateError, SpecError, UnknownProviderError
from ingate.gateway.models import ANY, configured_rows, fetched_lists
from ingate.gateway.trust import untrusted_alias
from ingate.spec import ModelSpec, parse, parse_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingate.catalog import Catalog, ModelRow
    from ingate.config import Config
    from ingate.errors import ModelNotFoundError
    from ingate.gateway.gateway import Gateway


def expand(
    specs: Iterable[ModelSpec],
    config: Config,
    catalog: Callable[[], Catalog],
    ready: Callable[[ModelRow], bool],
    seen: tuple[str, ...] = (),
) -> tuple[ModelSpec, ...]:
    """`specs` with every alias and bare name replaced by what it names.

    Args:
        specs: The parsed specs.
        config: The configuration, with the aliases.
        catalog: Called if a name is not a configured alias.
        ready: Whether a model of the catalog would answer.
        seen: The aliases that led here.

    Raises:
        SpecError: An alias refers to itself.
        UnknownProviderError: A name is unknown, or several ready providers offer it; with candidates.
    """
    found: list[ModelSpec] = []
    for spec in specs:
        if spec.lane != "alias":
            found.append(spec)
            continue
        if spec.model in seen:
            circle = " → ".join((*seen, spec.model))
            raise SpecError(f"the alias {spec.model!r} refers to itself: {circle}", spec=str(spec))
        named = expand(_named(spec, config, catalog, ready), config, catalog, ready, (*seen, spec.model))
        found += [replace(one, params={**one.params, **spec.params}) for one in named]
    return tuple(found)


def _named(
    spec: ModelSpec, config: Config, catalog: Callable[[], Catalog], ready: Callable[[ModelRow], bool]
) -> tuple[ModelSpec, ...]:
    """What an alias names: configured, else the one ready provider's model of that name, else a curated one."""
    if (configured := config.settings.aliases.get(spec.model)) is not None:
        return parse(configured if isinstance(configured, str) else ",".join(configured))
    if (problem := untrusted_alias(spec.model, config)) is not None:
        raise problem
    known = catalog()
    curated = [row for row in known.curated() if spec.model in {row.model, row.model.rpartition("/")[2]}]
    wanted = spec.model.lower()
    offered = [row for row in known.rows if row.model.lower() == wanted]
    if not offered:
        offered = [row for row in known.rows if row.model.rpartition("/")[2].lower() == wanted]
    callable_rows = [row for row in offered if ready(row)]
    if len(callable_rows) == 1:
        return (ModelSpec("auto", callable_rows[0].provider, callable_rows[0].model),)
    key = f"{curated[0].provider}/{curated[0].model}" if curated else ""
    if curated and (not callable_rows or any(row.key == key for row in callable_rows)):
        return (parse_one(curated[0].spec),)
    raise _unknown_name(spec, config, known, tuple(row.key for row in callable_rows or offered))


def _unknown_name(spec: ModelSpec, config: Config, catalog: Catalog, offered: tuple[str, ...]) -> UnknownProviderError:
    from rapidfuzz import process

    if len(offered) > 1:
        return UnknownProviderError(
            f"{spec.model!r} is offered by several providers: {', '.join(offered[:6])}{', …' if len(offered) > 6 else ''}",
            spec=str(spec),
            nearest=offered[:3],
            fix=f"name the provider, as in {offered[0]}, or set an alias in ingate.yaml",
        )
    names = {*config.settings.aliases, *(row.model for row in catalog.curated())}
    names |= {f"{server}/<model>" for server in config.settings.servers}
    near = [name for name, score, _ in process.extract(spec.model, sorted(names), limit=3) if score >= 70]
    nearest = offered[:3] or tuple(near[:3])
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    return UnknownProviderError(
        f"{spec.model!r} is not an alias, and a model is written <provider>/<model>{hint}",
        spec=str(spec),
        nearest=nearest,
        fix=f"ingate models {spec.model}",
    )


def unknown_provider(spec: ModelSpec, error: UnknownProviderError, others: Iterable[str]) -> UnknownProviderError:
    """The error for a spec with an unknown provider, with the most similar names.

    Args:
        spec: The spec.
        error: The error of the map of providers, with its most similar names.
        others: Names of providers that are not in the map.
    """
    from rapidfuzz import process

    names = [*providers.providers(), *others]
    near = [name for name, score, _ in process.extract(spec.provider, names, limit=3) if score >= 60]
    nearest = tuple(dict.fromkeys((*error.nearest, *near)))[:3]
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    return UnknownProviderError(
        f"unknown provider {spec.provider!r}{hint}",
        spec=str(spec),
        nearest=nearest,
        fix=f"ingate models --provider {nearest[0]}" if nearest else "ingate models --all",
    )


async def name_nearest(error: ModelNotFoundError, spec: ModelSpec, gateway: Gateway) -> None:
    """Set `error.nearest` to the most similar names that exist, and `error.fix` if it is empty."""
    from rapidfuzz import process

    if spec.lane == "proxy":
        try:
            names = sorted(await gateway.proxy_models())
        except IngateError:
            return
    elif spec.provider in {"local", "scripted"}:
        return
    elif spec.lane == "auto" and spec.provider in gateway.config.settings.servers:
        lists = await fetched_lists(gateway)
        rows = configured_rows(gateway, lists)
        names = [row.model for row in rows if row.provider == spec.provider and row.model != ANY]
    else:
        names = [row.model for row in gateway.catalog().rows if row.provider == error.provider]
    error.nearest = tuple(name for name, score, _ in process.extract(spec.model, names, limit=3) if score >= 60)
    if error.nearest and spec.lane == "proxy":
        error.fix = f"use one of its deployments: {', '.join(f'litellm/{name}' for name in error.nearest)}"
    elif error.nearest and error.fix == error.default_fix:
        error.fix = f"use one of its models, like {error.nearest[0]}"
