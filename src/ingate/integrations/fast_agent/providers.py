"""The providers `litellm` and `ingate` in fast-agent's list, and the specs of their models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ingate.integrations.fast_agent.seams import SeamMovedError, present
from ingate.providers import providers

if TYPE_CHECKING:
    from collections.abc import Mapping

LITELLM: Final = "litellm"
INGATE: Final = "ingate"
_OURS: Final = ("litellm.", "litellm/", "ingate.", "ingate/")
_CLASS: Final = ("ingate.integrations.fast_agent.llm", "IngateLLM")


def add_provider(provider: Any, value: str, name: str, display_name: str) -> Any:
    """Add a member to the `Provider` enum at run time. Returns the existing member if there is one.

    Raises:
        SeamMovedError: The enum's internals are not those of the Python versions that are supported.
    """
    for member in provider:
        if member.value == value:
            return member
    names = present(provider, "_member_names_", list)
    by_name = present(provider, "_member_map_", dict)
    by_value = present(provider, "_value2member_map_", dict)
    member = object.__new__(provider)
    member._name_ = name
    member._value_ = value
    member.__objclass__ = provider
    member._sort_order_ = len(names)
    member.display_name = display_name
    type.__setattr__(provider, name, member)
    names.append(name)
    by_name[name] = member
    by_value[value] = member
    if provider(value) is not member or getattr(provider, name) is not member or member not in list(provider):
        raise SeamMovedError(f"the provider {value!r} cannot be looked up")
    return member


def add_class(factory: Any, member: Any) -> None:
    """Register the class that calls the models of a provider.

    Raises:
        SeamMovedError: fast-agent has no table of classes.
    """
    present(factory, "_PROVIDER_CLASS_PATHS", dict)[member] = _CLASS
    present(factory.ModelFactory, "PROVIDER_CLASSES", dict).pop(member, None)


def add_specs(factory: Any, specs: list[str]) -> None:
    """The fallback without providers of our own: register each of `specs` by name, under fast-agent's generic provider.

    Uses only public extension points, so it works when the rest does not; but only the listed specs can be used.
    """
    module, name = _CLASS  # imports this module
    made = getattr(import_module(module), name)
    for spec in specs:
        factory.ModelFactory.MODEL_PRESETS[spec] = f"generic.{spec}"
        factory.ModelFactory.MODEL_SPECIFIC_CLASSES[spec] = made


def ingate_spec(provider: str, model: str, *written: str | None, presets: Mapping[str, str] | None = None) -> str:
    """The model spec of a resolved model.

    fast-agent's parser treats `litellm.groq/x` (embedded) and `litellm/groq/x` (a deployment of the proxy) as the same
    model, so the text that the user wrote decides.

    Args:
        provider: The resolved provider's name.
        model: The resolved model's name.
        *written: Texts that may contain the spec, best first: the user's, an overlay's.
        presets: Name → the spec it stands for.
    """
    for text in written:
        for candidate in (text, (presets or {}).get(_target(text or ""))):
            if candidate and (found := spec_in(candidate)) is not None:
                return found
    if provider != "litellm":
        return model
    return f"litellm.{model}" if model.partition("/")[0] in providers() else f"litellm/{model}"


def spec_in(text: str) -> str | None:
    """The ingate spec in a model name of fast-agent's; None if it is not one of ingate's."""
    target = _target(text).removeprefix("generic.")
    if not target.startswith(_OURS):
        return None
    return target[len("ingate.") :] if target.startswith(("ingate.", "ingate/")) else target


def _target(text: str) -> str:
    """`text` without the query, which fast-agent parses itself."""
    return text.partition("?")[0].strip()
