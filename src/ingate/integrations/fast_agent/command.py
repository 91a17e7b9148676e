"""fast-agent's command line with ingate's providers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from ingate import environment
from ingate.errors import IngateError
from ingate.integrations.fast_agent import runtime as runtimes
from ingate.integrations.fast_agent.registration import register
from ingate.integrations.fast_agent.workspace import refuse_untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingate.gateway import Gateway

_MODEL_OPTIONS: Final = ("--model", "--models", "--pack")
_CONFIG_OPTIONS: Final = ("--config-path", "-c")
_HELP: Final = frozenset({"--help", "-h", "--version"})


def main(arguments: Sequence[str] | None = None, *, gateway: Gateway | None = None, config: str | None = None) -> None:
    """Register, then run fast-agent's `main` with `arguments` (default: the process's own). Raises SystemExit at the end.

    If no model is named anywhere for `go`, `default_model` of the `litellm` section is used.

    Raises:
        MissingExtraError: fast-agent is not installed.
        ConfigError: ingate's configuration is wrong, or fast-agent would read files that are not trusted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not asks_for_help(given):
        refuse_untrusted(environment.snapshot(), named=names_config(given), resumes=resumes(given))
    named = _option(given, _MODEL_OPTIONS)
    register(gateway=gateway, config=config, specs=tuple(named.split(",")) if named else ())
    if given[:1] == ["go"] and named is None and (model := _default_model(given)) is not None:
        given = ["go", "--model", model, *given[1:]]
    from fast_agent.cli.__main__ import main as fast_agent_main  # ty: ignore[import-not-found]

    sys.argv = ["fast-agent", *given]
    fast_agent_main()


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether fast-agent would print its help or version and call no model.

    With any other option it may be that option's value (`--message -h`), which is not help.
    """
    options = {argument for argument in arguments if argument.startswith("-")}
    return bool(options) and options <= _HELP


def names_config(arguments: Sequence[str]) -> bool:
    """Whether a command line of fast-agent's names its configuration file."""
    return _option(list(arguments), _CONFIG_OPTIONS) is not None


def resumes(arguments: Sequence[str]) -> bool:
    """Whether a command line of fast-agent's resumes a session."""
    return any(argument.partition("=")[0] == "--resume" for argument in arguments)


def _default_model(arguments: list[str]) -> str | None:
    """The `litellm` section's default model, unless fast-agent's settings or its variable name one."""
    if environment.snapshot().get("FAST_AGENT_MODEL"):
        return None
    try:
        from fast_agent.config import get_settings  # ty: ignore[import-not-found]

        settings: Any = get_settings(_option(arguments, _CONFIG_OPTIONS))
        if getattr(settings, "default_model", None):
            return None
    except Exception:  # noqa: BLE001  # fast-agent reports the error itself, a moment later
        return None
    try:
        return runtimes.current().config(settings).settings.litellm.default_model
    except IngateError:
        return None


def _option(arguments: list[str], names: tuple[str, ...]) -> str | None:
    """The value of an option, written `--name value` or `--name=value`."""
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            return value if equals else next(iter(arguments[at + 1 : at + 2]), "")
    return None
