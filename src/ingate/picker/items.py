"""What one line of the model list stands for: a model, and the lane on which it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ingate.catalog.schema import ModelRow
from ingate.errors import SpecError
from ingate.picker.data import LOCAL, PROXY
from ingate.spec import ModelSpec, parse

if TYPE_CHECKING:
    from ingate.gateway.readiness import Readiness
    from ingate.picker.data import PickerData

Lane = Literal["litellm", "auto", "proxy"]
RANK: Final[dict[str, int]] = {"ready": 0, "attention": 1, "missing": 2}
# Removes the characters that have a meaning in a spec.
_SPECIAL: Final = str.maketrans("", "", ",?&% \t")


class Item(NamedTuple):
    """A model on a lane."""

    row: ModelRow
    lane: Lane

    @property
    def spec(self) -> str:
        """The spec that picking it returns: `litellm.groq/…`, `groq/…`, `litellm/<deployment>`."""
        return spec_of(self.row, self.lane)


def spec_of(row: ModelRow, lane: Lane) -> str:
    """The spec of a row on a lane; characters with a meaning in specs are escaped."""
    model = row.model
    if len(model.translate(_SPECIAL)) != len(model) or not model.isprintable():
        return ModelSpec(lane, "" if lane == "proxy" else row.provider, model).target
    if lane == "litellm":
        return f"litellm.{row.provider}/{model}"
    return f"litellm/{model}" if lane == "proxy" else f"{row.provider}/{model}"


def item_of(spec: str, data: PickerData) -> Item | None:
    """The item of a remembered or configured spec: its first fallback, without parameters.

    A model that is in no list gets an item too. None for an alias, and for text that is not a spec.
    """
    try:
        one = parse(spec)[0]
    except SpecError:
        return None
    if one.lane == "alias":
        return None
    provider = PROXY if one.lane == "proxy" else one.provider
    return Item(_known_row(data, provider, one.model) or ModelRow(provider, one.model), one.lane)


def _known_row(data: PickerData, provider: str, model: str) -> ModelRow | None:
    if provider == LOCAL:
        return next((row for row in data.local if row.model == model), None)
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
    """The catalog's rows by provider and model; computed once per catalog."""
    global _last
    if _last is None or _last[0] is not rows:
        _last = rows, {(row.provider, row.model): row for row in rows}
    return _last[1]


def readiness_of(data: PickerData, item: Item) -> Readiness:
    """Whether an item would answer, and what would help if not."""
    return data.readiness.check(ModelSpec(item.lane, "" if item.lane == "proxy" else item.row.provider, item.row.model))
