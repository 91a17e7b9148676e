"""What one line of the list stands for: a model, the lane it is called on, and whether it would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ingate.catalog.schema import ModelRow
from ingate.errors import SpecError
from ingate.picker.data import LOCAL, PROXY
from ingate.spec import ModelSpec, parse

if TYPE_CHECKING:
    from ingate.picker.data import Mark, PickerData

Lane = Literal["litellm", "auto", "proxy"]
RANK: Final[dict[str, int]] = {"ready": 0, "attention": 1, "missing": 2}
_PLAIN: Final = str.maketrans("", "", ",?&% \t")
NEEDS_LITELLM: Final = "litellm is not installed, and this lane goes through it"
INSTALL_LITELLM: Final = "pip install '.[litellm]' in ingate's folder"


class Item(NamedTuple):
    """A model on a lane."""

    row: ModelRow
    lane: Lane

    @property
    def spec(self) -> str:
        """What is picked: `litellm.groq/…`, `groq/…`, `litellm/<deployment>`."""
        return spec_of(self.row, self.lane)


def spec_of(row: ModelRow, lane: Lane) -> str:
    """The spec of a row on a lane, with what means something to the grammar escaped."""
    model = row.model
    if len(model.translate(_PLAIN)) != len(model) or not model.isprintable():
        return ModelSpec(lane, "" if lane == "proxy" else row.provider, model).target
    if lane == "litellm":
        return f"litellm.{row.provider}/{model}"
    return f"litellm/{model}" if lane == "proxy" else f"{row.provider}/{model}"


def item_of(spec: str, data: PickerData) -> Item | None:
    """The item that a remembered or configured spec names (its first fallback, its parameters aside).

    A model nobody lists is an item too; None for an alias and for what cannot be read.
    """
    try:
        one = parse(spec)[0]
    except SpecError:
        return None
    if one.lane == "alias":
        return None
    provider = PROXY if one.lane == "proxy" else one.provider
    return Item(_known(data, provider, one.model) or ModelRow(provider, one.model), one.lane)


def _known(data: PickerData, provider: str, model: str) -> ModelRow | None:
    if provider == LOCAL:
        return next((one.row for one in data.local if one.row.model == model), None)
    if (listed := data.lives.get(provider)) is not None:
        for row in listed.rows:
            if row.model == model:
                return row
    for entry in data.curated:
        if entry.model == model and entry.provider == provider:
            return entry.row
    return _by_key(data.rows).get((provider, model))


_last: tuple[tuple[ModelRow, ...], dict[tuple[str, str], ModelRow]] | None = None


def _by_key(rows: tuple[ModelRow, ...]) -> dict[tuple[str, str], ModelRow]:
    """The catalog's rows by provider and model; made once for one catalog."""
    global _last
    if _last is None or _last[0] is not rows:
        _last = rows, {(row.provider, row.model): row for row in rows}
    return _last[1]


class Standing(NamedTuple):
    """Whether an item would answer, by what is known here.

    Attributes:
        state: ready, attention or missing.
        source: Which credential serves it and from where; empty where none does.
        detail: What stands in the way.
        fix: What would make it ready.
    """

    state: Mark
    source: str = ""
    detail: str = ""
    fix: str = ""


def standing(data: PickerData, item: Item) -> Standing:
    """The standing of one item."""
    provider = item.row.provider
    if item.lane == "proxy":
        return proxy_standing(data)
    if provider == LOCAL:
        found = next((one for one in data.local if one.row.model == item.row.model), None)
        if found is None:
            return Standing("missing", "", "no such local model is configured", "name its file under local: models:")
        return Standing(found.state, found.source, found.detail, found.fix)
    if item.lane == "auto" and provider in data.servers:
        return server_standing(data, provider)
    own = provider_standing(data, provider, item.lane)
    if own.state == "missing" and data.proxy is not None and _proxy_lists(data, item.row):
        return Standing("ready", f"proxy {data.proxy} ({data.proxy_source})", "the proxy lists it")
    return own


def provider_standing(data: PickerData, provider: str, lane: Lane) -> Standing:
    """What holds for all models of a provider on a lane."""
    status = data.statuses.get(provider)
    if status is None:
        return Standing("missing", "", f"there is no provider {provider!r}")
    if status.state != "ready":
        return Standing(status.state, status.source, status.detail, status.fix)
    known = data.providers.get(provider)
    if not data.litellm and (
        lane == "litellm" or status.needs_litellm or known is None or known.wire_format not in data.native_formats
    ):
        return Standing("attention", status.source, NEEDS_LITELLM, INSTALL_LITELLM)
    if known is not None and known.auth in {"none", "base_url"}:
        return _reached(data, provider, status.source, status.api_base or "its address")
    return Standing("ready", status.source, status.detail)


def server_standing(data: PickerData, name: str) -> Standing:
    """A server of one's own."""
    return _reached(data, name, f"servers.{name}", data.servers[name])


def proxy_standing(data: PickerData) -> Standing:
    """The configured proxy."""
    if data.proxy is None:
        status = data.statuses.get(PROXY)
        return Standing("missing", "", "no proxy is configured", status.fix if status is not None else "")
    listed = data.lives.get(PROXY)
    if listed is not None and listed.problem:
        return Standing(
            "attention", data.proxy_source, listed.problem, f"start the proxy at {data.proxy}, or mend its key"
        )
    return Standing("ready", data.proxy_source)


def _reached(data: PickerData, name: str, source: str, base: str) -> Standing:
    """Servers that want no key are ready once one has answered."""
    listed = data.lives.get(name) or data.lives.get(name.removesuffix("_chat"))
    if listed is None:
        return Standing("attention", source, f"whether a server runs at {base} is not known yet", "start it")
    if listed.problem:
        return Standing("attention", source, listed.problem, f"start the server at {base}")
    return Standing("ready", source, f"a server answers at {base}")


def _proxy_lists(data: PickerData, row: ModelRow) -> bool:
    listed = data.lives.get(PROXY)
    if listed is None or listed.problem:
        return False
    names = {entry.model for entry in listed.rows}
    wild = tuple(name[:-1] for name in names if name.endswith("*"))
    return row.key in names or row.model in names or bool(wild and row.key.startswith(wild))
