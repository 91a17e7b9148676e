"""The places of fast-agent that a registration takes hold of, each probed first.

Most of them are private and may move with any release. One that has moved costs what it carried, is told of in one
line, and never stops the host.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import IngateError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_MARK: Final = "__ingate_original__"


class SeamMovedError(Exception):
    """A place of fast-agent's is not what it was."""


class Seams:
    """Takes hold of places, and keeps count of those that were not there.

    Attributes:
        lost: What this version of fast-agent goes without, each with the reason.
    """

    def __init__(self) -> None:
        self.lost: dict[str, str] = {}

    @contextmanager
    def seam(self, carries: str) -> Generator[None, None, None]:
        """Run a block that takes hold of a place; whatever goes wrong costs `carries` and no more."""
        try:
            yield
        except IngateError:
            raise
        except Exception as error:  # noqa: BLE001  # anything at all may have moved
            self.lost[carries] = f"{type(error).__name__}: {error}"

    def wrap(self, places: list[Any], name: str, ours: Callable[..., Any], *, takes: tuple[str, ...] = ()) -> None:
        """Put `ours(original, *args, **kwargs)` in the place of a function, wherever it was imported to.

        When `ours` fails at run time, the original answers.

        Args:
            places: The modules or classes that hold it; the first is its home.
            name: What it is called there.
            ours: Called with the original first.
            takes: Parameters that the original must have.

        Raises:
            SeamMovedError: It is not there, or does not take what it took.
        """
        for place in places:
            if name not in vars(place):
                raise SeamMovedError(f"{_named(place)} has no {name}")
        held = vars(places[0])[name]
        original = held.__func__ if isinstance(held, classmethod | staticmethod) else held
        original = getattr(original, _MARK, original)  # of an earlier registration
        if missing := [one for one in takes if one not in inspect.signature(original).parameters]:
            raise SeamMovedError(f"{_named(places[0])}.{name} takes no {', '.join(missing)}")
        wrapped = self._guarded(original, ours, name)
        for place in places:
            setattr(place, name, type(held)(wrapped) if isinstance(held, classmethod | staticmethod) else wrapped)

    def _guarded(self, original: Callable[..., Any], ours: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return ours(original, *args, **kwargs)
            except IngateError:
                raise
            except Exception as error:  # noqa: BLE001  # the host goes on as if we were not there
                answer = original(*args, **kwargs)
                self.lost.setdefault(name, f"{type(error).__name__}: {error}")
                return answer

        setattr(call, _MARK, original)
        return call


def present(place: Any, name: str, kind: type) -> Any:
    """The attribute `name` of `place`.

    Raises:
        SeamMovedError: There is none, or it is no `kind`.
    """
    value = getattr(place, name, None)
    if not isinstance(value, kind):
        raise SeamMovedError(f"{_named(place)} has no {kind.__name__} {name}")
    return value


def _named(place: Any) -> str:
    return getattr(place, "__name__", repr(place))
