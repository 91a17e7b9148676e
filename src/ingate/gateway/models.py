"""Lists of models: `/v1/models`, what a server lists itself, and the models that only the configuration names."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from ingate.catalog.schema import ModelRow
from ingate.engines.base import ModelLister
from ingate.errors import IngateError, NotSupportedError
from ingate.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingate.config import Config
    from ingate.gateway import Gateway
    from ingate.gateway.readiness import Listing, ReadinessChecker

ANY: Final = "*"
"""The model of a row that stands for a server's models, if its list is not known (`mybox/*`)."""
_PROXY: Final = "litellm_proxy"
_FRESH_S: Final = 60.0
_LIST_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list of models as a server has just returned it; see `ingate.gateway.readiness.Listing`."""

    rows: tuple[ModelRow, ...] = ()
    problem: str = ""
    checked: bool = field(default=True, init=False)


def configured_rows(gateway: Gateway, lists: Mapping[str, Listing] | None = None) -> list[ModelRow]:
    """Rows for the models that are not in the catalog: local models, servers' models, and what aliases name.

    Args:
        gateway: Has the configuration.
        lists: Provider or server → its list of models, if one was fetched. Without one, a server's row has the model
            `ANY`, unless aliases name some of its models.
    """
    settings = gateway.config.settings
    rows = {(row.provider, row.model): row for row in local_rows(gateway.config)}
    named = [row for row in _named(gateway) if gateway.catalog().get(row.provider, row.model) is None]
    for server in settings.servers:
        listing = (lists or {}).get(server)
        found = [*(listing.rows if listing is not None else ()), *(row for row in named if row.provider == server)]
        for row in found or [ModelRow(server, ANY)]:
            rows.setdefault((server, row.model), row)
    for row in named:
        rows.setdefault((row.provider, row.model), row)
    return list(rows.values())


def local_rows(config: Config) -> tuple[ModelRow, ...]:
    """`smollm2`, and the configured model files."""
    context = config.settings.local.context_tokens
    models = dict.fromkeys(("smollm2", *config.settings.local.models))
    return tuple(
        ModelRow(
            "local", name, "chat", context or (8192 if name == "smollm2" else None), None, 0.0, 0.0, caps=("json",)
        )
        for name in models
    )


def _named(gateway: Gateway) -> Iterator[ModelRow]:
    """What the configured aliases and the default model name; an alias that cannot be read is left out."""
    names = [*gateway.config.settings.aliases, *filter(None, [gateway.default_model])]
    for name in names:
        try:
            specs = gateway.router.specs(name)
        except IngateError:
            continue
        yield from (ModelRow(spec.provider, spec.model) for spec in specs if spec.lane == "auto")


def offered_rows(gateway: Gateway, checker: ReadinessChecker) -> Iterator[ModelRow]:
    """The models to offer: those that only the configuration names unless they are missing, then the catalog's if ready.

    If the checker has a list of a provider's own models, as of Ollama's, it takes the place of the catalog's rows.
    """
    lists = checker.lists
    for row in configured_rows(gateway, lists):
        if checker.state(row.provider, row.model) != "missing":
            yield row
    servers = gateway.config.settings.servers
    for name in lists:
        if name != _PROXY and name not in servers:
            yield from lists[name].rows
    for row in gateway.catalog().visible():
        if row.provider.removesuffix("_chat") not in lists and checker.state(row.provider, row.model) == "ready":
            yield row


async def list_models(gateway: Gateway) -> list[dict[str, Any]]:
    """OpenAI model objects: what the configuration names, the proxy's deployments, and every ready row of the catalog.

    The lists of the proxy, of the configured servers and of Ollama are fetched, and kept for a minute. One that does not
    answer is left out: a list is not the place to fail.
    """
    lists = await fetched_lists(gateway)
    checker = gateway.readiness(lists)
    found: dict[str, dict[str, Any]] = {}

    shown = {f"{row.provider}/{row.model}": row.display_name for row in gateway.catalog().curated()}

    def add(name: str, owner: str) -> None:
        made = {"id": name, "object": "model", "created": 0, "owned_by": owner}
        found.setdefault(name, made | {"display_name": shown[name]} if name in shown else made)

    for name in gateway.config.settings.aliases:
        if checker.check(name).state != "missing":
            add(name, "alias")
    for row in offered_rows(gateway, checker):
        add(row.key, row.provider)
    if (proxy := lists.get(_PROXY)) is not None:
        for name in sorted(row.model for row in proxy.rows):
            add(f"litellm/{name}", _PROXY)
    return list(found.values())


async def listed_by(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    """The models that a provider or a server lists now: OpenAI model objects.

    Raises:
        NotSupportedError: It has no list in OpenAI's format.
        IngateError: It does not answer, or the list cannot be read.
    """
    route = gateway.router.route(ModelSpec("auto", name, "models"))
    engine = gateway.engine(route.engine)
    if not isinstance(engine, ModelLister):
        raise NotSupportedError(f"{route.provider} does not list its models")
    if route.wire_format == "ollama":  # its list in OpenAI's format has another path than its own chat
        route = replace(route, api_base=f"{(route.api_base or '').rstrip('/')}/v1", wire_format="chat")
    return await engine.list_models(route)


_kept: WeakKeyDictionary[Gateway, tuple[float, object, dict[str, Fetched]]] = WeakKeyDictionary()


async def fetched_lists(gateway: Gateway) -> dict[str, Fetched]:
    """The lists of the proxy, of every configured server and of Ollama, at most a minute old."""
    kept = _kept.get(gateway)
    if kept is not None and kept[1] is gateway.config and time.monotonic() - kept[0] < _FRESH_S:
        return kept[2]
    import asyncio

    names = [*gateway.config.settings.servers]
    if gateway.readiness().provider("ollama").state != "missing":
        names.append("ollama")
    if gateway.router.proxy(dry=True) is not None:
        names.append(_PROXY)
    lists = dict(zip(names, await asyncio.gather(*(_fetch(gateway, name) for name in names)), strict=True))
    _kept[gateway] = time.monotonic(), gateway.config, lists
    return lists


async def _fetch(gateway: Gateway, name: str) -> Fetched:
    import asyncio  # the picker imports this module before its first frame

    try:
        async with asyncio.timeout(_LIST_S):
            if name == _PROXY:
                ids = sorted(await gateway.proxy_models())
            else:
                listed = await listed_by(gateway, name)
                ids = [model["id"] for model in listed if isinstance(model.get("id"), str)]
    except TimeoutError:
        return Fetched(problem=f"{name} did not list its models within {_LIST_S:g} s")
    except IngateError as error:
        return Fetched(problem=str(error))
    catalog = gateway.catalog()
    return Fetched(tuple(catalog.get(name, model) or ModelRow(name, model) for model in ids))
