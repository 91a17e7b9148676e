"""fast-agent is not started in a folder whose files it would believe, unless the user trusts them.

Inside a program of fast-agent's that calls `register`, fast-agent has read its files already, and nothing is asked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ingate.config import load, trust
from ingate.config.notice import how_to_trust_folders, printable
from ingate.config.trees import has_fast_agent_files, with_fast_agent_files
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config.trust import Folder


def read_by_fast_agent(environ: Mapping[str, str], *, named: bool = False, resumes: bool = False) -> list[Folder]:
    """The folders whose files fast-agent would read if it were started here, with the user's decision about each.

    Args:
        environ: The environment.
        named: Whether its configuration is named on the command line, so that it looks for none.
        resumes: Whether it would resume a session of this folder.
    """
    config = load(environ=environ, review=True)
    found: dict[str, Folder] = {}
    for layer in config.layers:
        if layer.found and layer.kind == "fast-agent" and not named:
            path = os.path.realpath(Path(layer.file).parent)
            found |= {folder.path: folder for folder in config.folders if folder.path == path}
    here = os.path.realpath(Path.cwd())
    if has_fast_agent_files(here, sessions=resumes):
        found.setdefault(
            here, next((one for one in config.folders if one.path == here), trust.Folder(here, "untrusted", {}))
        )
    return [_decided(with_fast_agent_files(folder, sessions=resumes), environ) for folder in found.values()]


def refuse_untrusted(environ: Mapping[str, str], *, named: bool = False, resumes: bool = False) -> None:
    """Refuse to start fast-agent here.

    Raises:
        ConfigError: It would read files that are not trusted.
    """
    folders = [
        folder for folder in read_by_fast_agent(environ, named=named, resumes=resumes) if folder.state != "trusted"
    ]
    if folders:
        files = ", ".join(dict.fromkeys(printable(name) for folder in folders for name in folder.files))
        raise ConfigError(
            f"fast-agent would run what {files} in {printable(folders[0].path)} says, and that is not trusted",
            fix=how_to_trust_folders(folder.path for folder in folders),
        )


def _decided(folder: Folder, environ: Mapping[str, str]) -> Folder:
    state, changed = trust.state_of(folder.path, folder.files, environ)
    return trust.Folder(folder.path, state, folder.files, changed, folder.foreign, folder.shared)
