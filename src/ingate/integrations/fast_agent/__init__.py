"""ingate inside fast-agent: all of ingate's models in its picker, `--model` and agent cards.

    import ingate.integrations.fast_agent as fa

    fa.register()                      # before FastAgent(...) runs; then --model litellm.groq/… works

`ingate fast-agent go …` does the same for its command line. fast-agent's files are not changed: the providers are added at run
time, by `register`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingate.integrations.fast_agent.command import main as main
    from ingate.integrations.fast_agent.registration import Registration as Registration
    from ingate.integrations.fast_agent.registration import register as register

_HOMES = {"main": "command", "register": "registration", "Registration": "registration"}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
