"""Two providers more in fast-agent's list: LiteLLM, and ingate itself."""

from __future__ import annotations

from typing import Any, Final

from ingate.integrations.fast_agent.seams import SeamMovedError, present

LITELLM: Final = "litellm"
INGATE: Final = "ingate"
_CLASS: Final = ("ingate.integrations.fast_agent.llm", "IngateLLM")


def add_provider(provider: Any, value: str, name: str, display_name: str) -> Any:
    """A member of the `Provider` enum that its authors did not write; the one that is there, where there is one.

    Raises:
        SeamMovedError: The enum is not kept as Python has kept enums so far.
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
        raise SeamMovedError(f"the provider {value!r} is not found again")
    return member


def add_class(factory: Any, member: Any) -> None:
    """Tell fast-agent which class talks to the models of a provider.

    Raises:
        SeamMovedError: It keeps no table of them.
    """
    present(factory, "_PROVIDER_CLASS_PATHS", dict)[member] = _CLASS
    present(factory.ModelFactory, "PROVIDER_CLASSES", dict).pop(member, None)


def add_specs(factory: Any, specs: list[str]) -> None:
    """The way without a provider of our own: each of `specs` by name, under fast-agent's generic provider.

    Uses only what fast-agent offers for this, so it outlives the rest; but a spec that is not in the list is not known.
    """
    from ingate.integrations.fast_agent.llm import IngateLLM

    for spec in specs:
        factory.ModelFactory.MODEL_PRESETS[spec] = f"generic.{spec}"
        factory.ModelFactory.MODEL_SPECIFIC_CLASSES[spec] = IngateLLM
