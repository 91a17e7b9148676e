"""From files, or a mapping, to one `Config`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.config.bridge import bridge, without_servers_key
from ingate.config.build import build
from ingate.config.fields import Context, Problem
from ingate.config.find import Finder, Layer, readable_by_others
from ingate.config.layout import Leaf, Section, root
from ingate.config.merge import Conflict, merge
from ingate.config.names import provider_names
from ingate.config.redacted import Redacted
from ingate.config.schema import ProviderSettings, Settings
from ingate.config.secretref import SecretRef
from ingate.config.tree import MAPPING_NAME, Where, from_mapping
from ingate.config.validate import Checked, check, raise_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

# What makes a credential worth hiding, by the name of its key.
_SECRET_WORDS: Final = ("key", "secret", "token", "password", "authorization", "cookie")
_NO_SECRETS: Final = ("_file", "_id")


class Config(Redacted, msgspec.Struct, frozen=True):
    """The configuration of one process or gateway.

    Attributes:
        settings: The values.
        layers: Where they came from, strongest first; files that were looked for and are absent too.
        conflicts: Keys to which several layers give different values.
        warnings: Sentences on what is allowed and unwise, or there and not read.
        environ: The environment that references look into.
    """

    settings: Settings
    layers: tuple[Layer, ...]
    conflicts: tuple[Conflict, ...]
    warnings: tuple[str, ...]
    environ: Mapping[str, str]
    _places: Mapping[tuple[str, ...], Where]

    def where(self, *path: str) -> Where | None:
        """Where the value or section at `path` stands; None where nothing is configured.

        Takes the keys as they are written in a file, synonyms too: `where("groq", "api_key")`, `where("google")`.
        """
        return self._places.get(_own_path(path))

    def provider(self, name: str) -> ProviderSettings:
        """The section of a provider, by any of its names; an empty one where there is none."""
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
) -> Config:
    """Read the configuration.

    Args:
        source: None looks for files (docs/config.md says where). A path is read instead, with the secrets file beside
            it. A mapping of the same shape as a file is taken alone.
        environ: The environment, for `INGATE_CONFIG` and for references.
        cwd: The folder to look in, and that relative paths start from; the working directory when None.
        fast_agent: fast-agent's own file, where the caller knows it; without it one is looked for.

    Raises:
        ConfigError: Something in it is wrong. It names file and line, and tells of further problems too.
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
        layers = [Layer("", "mapping", found=True, shown=MAPPING_NAME)]
        node = without_servers_key(from_mapping(source, Where()))
        checked = [check(node, Context(environ, finder.folder, problems=problems))]
    else:
        layers = finder.layers(source)
        checked = [_check_file(layer, environ, problems, finder.warnings) for layer in layers if layer.found]
    raise_problems(problems)
    merged, conflicts = merge(checked)
    settings = build(merged, problems)
    raise_problems(problems)
    warnings = (*finder.warnings, *_exposed(checked))
    places = merged.sections | {path: value.where for path, value in merged.values.items()}
    return Config(settings, tuple(layers), conflicts, warnings, environ, places)


def _check_file(layer: Layer, environ: Mapping[str, str], problems: list[Problem], warnings: list[str]) -> Checked:
    from ingate.config.read import read

    node = read(layer)
    foreign = layer.kind == "fast-agent"
    context = Context(environ, Path(layer.file).parent, foreign, problems)
    return check(bridge(node, environ, warnings) if foreign else without_servers_key(node), context)


def _exposed(layers: Sequence[Checked]) -> list[str]:
    """One sentence for each file that holds a key in plain text and that others can read."""
    found: dict[str, SecretRef] = {}
    for layer in layers:
        for path, value in layer.values.items():
            ref = value.value
            if isinstance(ref, SecretRef) and ref.kind == "literal" and ref.present({}) and _is_secret(path[-1]):
                found.setdefault(ref.where.file or "", ref)
    return [
        f"{ref.describe()} is in plain text and other users can read the file: chmod 600 {ref.where.shown}, or write env:NAME"
        for file, ref in found.items()
        if file and readable_by_others(file)
    ]


def _is_secret(key: str) -> bool:
    lowered = key.lower()
    return any(word in lowered for word in _SECRET_WORDS) and not lowered.endswith(_NO_SECRETS)


def _own_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """`path` with the names that merged values have: synonyms replaced, `timeout_s` as `timeout`."""
    shape: Any = root()
    own: list[str] = []
    for key in path:
        if isinstance(shape, Section):
            key = "timeout" if key == "timeout_s" else shape.synonyms.get(key, key)
            shape = shape.keys.get(key)
        else:
            shape = None if isinstance(shape, Leaf) else getattr(shape, "shape", None)
        own.append(key)
    return tuple(own)
