"""What readiness is made of: states and their marks, the result for one model, and lists of models as evidence.

`ingate.gateway.readiness` decides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.catalog import ModelRow

State = Literal["ready", "attention", "missing"]

MARKS: Final[Mapping[State, str]] = {"ready": "✓", "attention": "○", "missing": "✗"}
# The order of states, best first.
RANK: Final[Mapping[State, int]] = {"ready": 0, "attention": 1, "missing": 2}


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model, or any model of a provider, would answer.

    Attributes:
        state: `"ready"`, `"attention"` or `"missing"`.
        spec: The spec; empty for a provider.
        provider: The name of the provider or server; `"litellm_proxy"` for a proxy's deployment.
        display_name: The provider's name for display.
        source: Where the credential comes from (`"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`); empty without one.
        reason: Why the state is not `"ready"`, in one sentence; empty if it is.
        fix: The next command to run or variable to set; empty if the state is `"ready"`.
        lane: How it would be called: `"native"`, `"litellm"`, `"proxy"`, `"local"`, `"tensorzero"`, or the name of an
            engine that was passed to the gateway; empty if that is unknown.
        near_misses: Sentences on variables that are set but not read.
        docs_url: The provider's page on keys.
        api_base: The base URL of the native lane, None if unknown.
        api_base_source: Where that comes from (`"default"`, `"env GROQ_API_BASE"`).
        has_credential: Whether a complete credential is set, or none is needed.
    """

    state: State
    spec: str = ""
    provider: str = ""
    display_name: str = ""
    source: str = ""
    reason: str = ""
    fix: str = ""
    lane: str = ""
    near_misses: tuple[str, ...] = ()
    docs_url: str = ""
    api_base: str | None = None
    api_base_source: str = ""
    has_credential: bool = False

    @property
    def mark(self) -> str:
        """The state's mark: ✓, ○ or ✗."""
        return MARKS[self.state]


class Listing(Protocol):
    """A list of models that a server or a proxy returned, or failed to return."""

    @property
    def rows(self) -> Sequence[ModelRow]:
        """The models."""
        ...

    @property
    def problem(self) -> str:
        """Why the last attempt to fetch it failed; empty if it did not."""
        ...

    @property
    def checked(self) -> bool:
        """Whether it was fetched just now. One kept from an earlier run is no evidence that the server still runs."""
        ...
