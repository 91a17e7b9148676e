"""The picker: a list of all models, marked by whether they would answer, from which the user chooses one.

    data = PickerData.gather(config, environ, catalog, gateway.readiness())
    screen = first_frame(data)                       # optional: shown before asyncio is imported
    spec = await pick(data, services, screen=screen) # None if the user quit

`state`, `actions` and `view` are pure: state, reducer and frames. `effects` does everything slow through `Services`, which
the caller provides, and `app` connects them to a terminal. Nothing here imports an engine, a client or litellm.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingate.picker.app import pick as pick
    from ingate.picker.data import Live as Live
    from ingate.picker.data import PickerData as PickerData
    from ingate.picker.effects import Services as Services
    from ingate.picker.save import save as save
    from ingate.picker.screen import first_frame as first_frame
    from ingate.picker.view import plain_list as plain_list

_HOMES = {
    "Live": "ingate.picker.data",
    "PickerData": "ingate.picker.data",
    "Services": "ingate.picker.effects",
    "first_frame": "ingate.picker.screen",
    "pick": "ingate.picker.app",
    "plain_list": "ingate.picker.view",
    "save": "ingate.picker.save",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list; names are loaded when first used


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
