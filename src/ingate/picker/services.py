"""What the picker asks of whoever opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.providers import Status
    from ingate.secret import Secret

Place = Literal["keyring", "file"]


class Services(Protocol):
    """Everything with a side effect. An error of any of these is shown in one line and ends nothing.

    `statuses` and `save` are called on a worker thread, the others on the event loop.
    """

    def warm(self) -> None:
        """Start loading, in the background, what the first answer will need. Called once, after the first frame."""
        ...

    def statuses(self) -> Mapping[str, Status]:
        """The credential states as they are now, files read again where they changed. Asked once a second."""
        ...

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        """The proxy's list: OpenAI model objects (`{"id": …}`). Asked only where a proxy is configured."""
        ...

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        """What a provider or server lists now, likewise; `context_length` and OpenRouter's `pricing` are understood."""
        ...

    async def test(self, spec: str) -> str:
        """Make one short call; returns a line for the person (`"answered in 0.8 s: Hello!"`) or raises."""
        ...

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        """Make one real call with credentials that are not saved yet.

        Args:
            provider: The provider's name.
            values: Environment variable's name → what was typed for it.

        Returns:
            A line for the person. Raises where the provider refuses them or cannot be reached.
        """
        ...

    def save(self, provider: str, values: Mapping[str, Secret], where: Place) -> str:
        """Keep credentials; returns where, for people. `ingate.picker.save` does it."""
        ...

    def copy(self, text: str) -> bool:
        """Put `text` on the clipboard by means of its own; False leaves it to the terminal (OSC 52)."""
        ...
