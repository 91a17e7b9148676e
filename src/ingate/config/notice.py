"""What is said about settings that are left out, because they stand in a file that nobody has trusted."""

from __future__ import annotations

import logging
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate.config.trust import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.config.load import Config
    from ingate.config.restrict import Skipped

_SHOWN: Final = 4
_logger: Final = logging.getLogger("ingate.config")
_logged: set[str] = set()


def notice(config: Config) -> str:
    """One line on what is left out, and the command that shows it; empty if nothing is, or if the user decided so."""
    asked = [one for one in config.skipped if not one.refused]
    if not asked:
        return ""
    names = list(dict.fromkeys(_name(one) for one in asked))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    files = list(dict.fromkeys(one.where.shown for one in asked))
    verb = "is" if len(files) == 1 else "are"
    commands = " and ".join(f"`{one}`" for one in dict.fromkeys(trust_command(one.folder) for one in asked))
    return (
        f"{printable(', '.join(files))} {verb} not trusted: {', '.join(names[:_SHOWN])}{more} "
        f"left out ({commands} shows and trusts {'it' if len(files) == 1 else 'them'})"
    )


def log_notice(config: Config) -> None:
    """Log the notice as a warning of the logger `ingate.config`, once per process for the same line."""
    line = notice(config)
    if line and line not in _logged:
        _logged.add(line)
        _logger.warning("%s", line)


def was_shown(config: Config) -> None:
    """Do not log what the command line has printed or asked about."""
    if line := notice(config):
        _logged.add(line)


def trust_command(folder: str) -> str:
    """The command that trusts a folder, as short as it can be from the working directory."""
    try:
        here = str(Path.cwd())
    except OSError:
        here = ""
    if not folder.isprintable() or folder == os.path.realpath(here or os.sep):
        return "ingate trust"
    return f"ingate trust {shlex.quote(folder)}"


def how_to_trust(skipped: Iterable[Skipped]) -> str:
    """What to do about a call that needs what is left out."""
    return how_to_trust_folders(one.folder for one in skipped)


def how_to_trust_folders(folders: Iterable[str]) -> str:
    """What to do about folders that are not trusted."""
    commands = " and ".join(dict.fromkeys(f"`{trust_command(folder)}`" for folder in folders))
    return f"{commands} shows what the file may do and trusts it; in CI and containers set {VARIABLE}=1"


def printable(text: str) -> str:
    """`text` without characters that a terminal would interpret or that change the direction of writing."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _name(one: Skipped) -> str:
    """A setting by the names that ingate chose; those that the file chose are left out."""
    if one.path[0] in {"servers", "aliases", "mcp"}:
        return one.path[0]
    return printable(".".join(one.path[:2]))
