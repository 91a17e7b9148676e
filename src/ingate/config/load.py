"""From files, or a mapping, to one `Config`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ingate.config.bridge import without_servers_key
from ingate.config.build import Conflict, build, merge
from ingate.config.fields import Context, Problem
from ingate.config.files import Finder, Layer, readable_by_others
from ingate.config.names import is_secret_name, provider_names
from ingate.config.schema import Named, ProviderSettings, Section, Settings, root
from ingate.config.secretref import SecretRef
from ingate.config.tree import MAPPING_NAME, Redacted, Where, from_mapping
from ingate.config.validate import Checked, check, raise_problems
from ingate.config.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ingate.config.restrict import Skipped
    from ingate.config.trust import Folder


class Config(Redacted, msgspec.Struct, frozen=True):
    """The configuration of one process or gateway.

    Attributes:
        settings: The values.
        layers: Their sources, strongest first, including files that were looked for and do not exist.
        conflicts: Keys to which several layers give different values.
        warnings: Sentences about what is allowed but unwise, and about files that exist and are not read.
        environ: The environment for references.
        folders: The folders whose files were found and not named, and whether the user trusts them.
        skipped: What is left out because it stands in a file that is not trusted.
    """

    settings: Settings
    layers: tuple[Layer, ...]
    conflicts: tuple[Conflict, ...]
    warnings: tuple[str, ...]
    environ: Mapping[str, str]
    _places: Mapping[tuple[str, ...], Where]
    folders: tuple[Folder, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def where(self, *path: str) -> Where | None:
        """The place of the value or section at `path`; None if it is not configured.

        Takes keys as they are written in a file, synonyms too: `where("groq", "api_key")`, `where("google")`.
        """
        return self._places.get(_own_path(path))

    def provider(self, name: str) -> ProviderSettings:
        """The section of a provider, by any of its names; an empty one if there is none."""
        own = provider_names().canonical(name) or name
        return self.settings.providers.get(own) or ProviderSettings()

    def __repr__(self) -> str:
        read = ", ".join(layer.shown for layer in self.layers if layer.found)
        return f"Config({read or 'nothing configured'})"


def load(
    source: Config | str | Path | Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    fast_agent: Path | None = None,
    review: bool = False,
) -> Config:
    """Read the configuration.

    Args:
        source: None looks for files (docs/config.md says where). A path is read instead, with the secrets file beside
            it. A mapping of the same shape as a file is used alone.
        environ: The environment, for `INGATE_CONFIG` and for references.
        cwd: The folder to look in and from which relative paths start; None: the working directory.
        fast_agent: fast-agent's own file, if fast-agent runs in this process and has read it, which is why nobody is asked
            whether to trust it; None: look for one.
        review: Whether to leave out everything that trust is needed for, whatever the user decided, so that `skipped`
            lists it.

    Of a file that was found and not named, and that the user has not trusted, only harmless settings are used
    (`Config.skipped` lists the others). Nothing here asks; `ingate trust` does.

    Raises:
        ConfigError: Something in it is wrong. The message names file and line, and lists further problems.
    """
    if isinstance(source, Config):
        return source
    if not (source is None or isinstance(source, (str, os.PathLike, Mapping))):
        raise Where().error(
            f"a configuration is a path or a mapping, but this is {type(source).__name__}",
            fix="pass the path of an ingate.yaml, a mapping of the same shape, or None to look for files",
        )
    if source == "":
        raise Where().error("the path of the configuration is empty", fix="pass None to look for files")
    finder = Finder(environ, cwd, fast_agent)
    problems: list[Problem] = []
    if isinstance(source, Mapping):
        layers = (Layer("", "mapping", found=True, shown=MAPPING_NAME),)
        node = without_servers_key(from_mapping(source, Where()))
        checked = [check(node, Context(environ, finder.folder, problems=problems))]
        workspace = None
    else:
        workspace = Workspace(finder.layers(source), environ, hosted=fast_agent is not None, review=review)
        checked = workspace.check(problems)
        layers = workspace.layers
        finder.warnings += workspace.warnings
    raise_problems(problems)
    merged, conflicts = merge(checked)
    settings = build(merged, problems)
    raise_problems(problems)
    warnings = (*finder.warnings, *_exposed(checked))
    places = merged.sections | {path: value.where for path, value in merged.values.items()}
    folders, skipped = (workspace.folders, tuple(workspace.skipped)) if workspace is not None else ((), ())
    return Config(settings, layers, conflicts, warnings, environ, places, folders, skipped)


def _exposed(layers: Sequence[Checked]) -> list[str]:
    """One sentence for each file that contains a key in plain text and is readable by other users."""
    found: dict[str, SecretRef] = {}
    for layer in layers:
        for path, value in layer.values.items():
            ref = value.value
            if isinstance(ref, SecretRef) and ref.kind == "literal" and ref.present({}) and is_secret_name(path[-1]):
                found.setdefault(ref.where.file or "", ref)
    return [
        f"{ref.describe()} is in plain text and other users can read the file: chmod 600 {ref.where.shown}, or write env:NAME"
        for file, ref in found.items()
        if file and readable_by_others(file)
    ]


def _own_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """`path` with the keys that merged values have: synonyms and the names of fields (`timeout_s`) are replaced."""
    shape: Any = root()
    own: list[str] = []
    for key in path:
        if isinstance(shape, Section):
            key = shape.key_of(key)
            shape = shape.keys.get(key)
        else:
            shape = shape.shape if isinstance(shape, Named) else None
        own.append(key)
    return tuple(own)
