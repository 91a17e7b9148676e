"""The places where a registration hooks into fast-agent, each checked first.

Most of them are private and may move with any release. If one has moved, the feature it carried is lost, which is reported in one
line and never stops fast-agent.
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
    """A hook in fast-agent is not as expected."""


class Seams:
    """Installs hooks and records those that failed.

    Attributes:
        lost: Feature that does not work with this version of fast-agent → reason.
    """

    def __init__(self) -> None:
        self.lost: dict[str, str] = {}

    @contextmanager
    def seam(self, carries: str) -> Generator[None, None, None]:
        """Run a block that installs a hook; if it fails, the feature `carries` is recorded as lost."""
        try:
            yield
        except IngateError:
            raise
        except Exception as error:  # noqa: BLE001  # a moved hook may fail in any way
            self.lost[carries] = f"{type(error).__name__}: {error}"

    def wrap(self, places: list[Any], name: str, ours: Callable[..., Any], *, takes: tuple[str, ...] = ()) -> None:
        """Replace a function by `ours(original, *args, **kwargs)`, wherever it was imported to.

        If `ours` fails at run time, the original is called instead.

        Args:
            places: The modules or classes that have it; the first is where it is defined.
            name: Its name there.
            ours: Called with the original first.
            takes: Parameters that the original must have.

        Raises:
            SeamMovedError: It does not exist, or does not have these parameters.
        """
        for place in places:
            if name not in vars(place):
                raise SeamMovedError(f"{_named(place)} has no {name}")
        held = vars(places[0])[name]
        original = held.__func__ if isinstance(held, classmethod | staticmethod) else held
        original = getattr(original, _MARK, original)  # of an earlier registration
        if missing := [one for one in takes if one not in inspect.signature(original).parameters]:
            raise SeamMovedError(f"{_named(places[0])}.{name} has no parameter {', '.join(missing)}")
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
            except Exception as error:  # noqa: BLE001  # fast-agent continues with its own behaviour
                result = original(*args, **kwargs)
                self.lost.setdefault(name, f"{type(error).__name__}: {error}")
                return result

        setattr(call, _MARK, original)
        return call


def present(place: Any, name: str, kind: type) -> Any:
    """The attribute `name` of `place`.

    Raises:
        SeamMovedError: It does not exist, or is not a `kind`.
    """
    value = getattr(place, name, None)
    if not isinstance(value, kind):
        raise SeamMovedError(f"{_named(place)} has no {kind.__name__} {name}")
    return value


def _named(place: Any) -> str:
    return getattr(place, "__name__", repr(place))
