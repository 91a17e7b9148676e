"""What a traceback that prints locals shows: every frame of an exception and of all that it refers to, as each tool renders it."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _pytest._io.saferepr import saferepr
from rich.pretty import pretty_repr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType, TracebackType

_TESTS = Path(__file__).parent.parent
_DEPTH = 4
_BREADTH = 30  # three times what Sentry sends


def exceptions_of(error: BaseException) -> list[BaseException]:
    """The exception and all that it refers to: causes, contexts (also suppressed ones), and those of a group."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or any(one is known for known in found):
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return found


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """The frames of all tracebacks, except those of the tests themselves."""
    for one in exceptions_of(error):
        traceback: TracebackType | None = one.__traceback__
        while traceback is not None:
            if not Path(traceback.tb_frame.f_code.co_filename).is_relative_to(_TESTS):
                yield traceback.tb_frame
            traceback = traceback.tb_next


def leaks(error: BaseException, canaries: Iterable[str]) -> list[str]:
    """Where a canary can be seen: `file:function variable (tool)`."""
    wanted = tuple(canaries)
    found = []
    seen: set[int] = set()
    for frame in frames_of(error):
        for name, value in frame.f_locals.items():
            if id(value) in seen:
                continue
            seen.add(id(value))
            code = frame.f_code
            for tool, text in _rendered(value):
                if any(canary in text for canary in wanted):
                    place = f"{Path(code.co_filename).name}:{code.co_name}:{frame.f_lineno}"
                    found.append(f"{place} {name}: {type(value).__name__} ({tool})")
    for one in exceptions_of(error):
        text = f"{one!r} {one} {one.args!r} {vars(one)!r}"
        if any(canary in text for canary in wanted):
            found.append(f"the exception {type(one).__name__}")
    return found


def _rendered(value: Any) -> Iterator[tuple[str, str]]:
    yield "traceback", _safe(repr, value)
    yield "reprlib", _safe(reprlib.repr, value)
    yield "pytest", _safe(lambda one: saferepr(one, maxsize=None), value)
    yield "rich", _safe(lambda one: pretty_repr(one, max_length=10, max_string=80, max_depth=_DEPTH), value)
    yield "sentry", _safe(lambda one: repr(_serialised(one, _DEPTH, set())), value)


def _safe(render: Any, value: Any) -> str:
    try:
        return render(value)
    except Exception as error:
        return f"<{type(error).__name__}>"


def _serialised(value: Any, depth: int, path: set[int]) -> Any:
    """Containers and dataclasses opened, everything else by its repr, as Sentry's SDK does."""
    if not depth or id(value) in path:
        return "…"
    path = path | {id(value)}
    if isinstance(value, Mapping):
        return {str(_leaf(name)): _serialised(item, depth - 1, path) for name, item in islice(value.items(), _BREADTH)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_serialised(item, depth - 1, path) for item in islice(value, _BREADTH)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: _serialised(getattr(value, one.name, None), depth - 1, path) for one in dataclasses.fields(value)
        }
    if type(value).__module__.startswith("ingate") and hasattr(value, "__dict__") and not isinstance(value, type):
        return {name: _serialised(item, depth - 1, path) for name, item in vars(value).items()}
    return _leaf(value)


def _leaf(value: Any) -> str:
    return repr(value)
