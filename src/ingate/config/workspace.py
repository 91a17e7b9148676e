"""The files of one `load`: each read once, trusted or not, and checked; of those that are not, only what is harmless."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ingate.config import content as contents
from ingate.config import trust
from ingate.config.bridge import bridge, without_servers_key
from ingate.config.fields import Context, Problem
from ingate.config.validate import Checked, check
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.config.content import Content
    from ingate.config.files import Layer
    from ingate.config.harmless import Known
    from ingate.config.restrict import Skipped
    from ingate.config.tree import Node
    from ingate.config.trust import Folder, State


class Workspace:
    """Layers, read, with the user's decision about each.

    Args:
        layers: The layers, strongest first.
        environ: The environment.
        hosted: Whether fast-agent's files were read by fast-agent itself, in this process.
        review: Whether to leave out what trust is needed for whatever the user decided, to show it.

    Raises:
        ConfigError: A file cannot be read.

    Attributes:
        layers: The same, with what is used of each.
        folders: The folders whose files were found and not named.
        skipped: After `check`: what is left out.
        warnings: Sentences about files that are not read, and about fast-agent's MCP servers that are left out.
    """

    def __init__(
        self, layers: Sequence[Layer], environ: Mapping[str, str], *, hosted: bool = False, review: bool = False
    ) -> None:
        self.warnings: list[str] = []
        self.skipped: list[Skipped] = []
        self._environ = environ
        self._review = review
        self._contents: dict[str, Content] = {}
        doubtful: dict[str, list[Layer]] = {}
        for layer in layers:
            if not layer.found:
                continue
            found = self._contents[layer.file] = _read(layer)
            if _needs_trust(layer, found, hosted=hosted):
                doubtful.setdefault(_folder_of(layer), []).append(layer)
        self.folders: tuple[Folder, ...] = tuple(self._folder(path, inside) for path, inside in doubtful.items())
        self._states: dict[str, State] = {folder.path: folder.state for folder in self.folders}
        self._doubtful = {layer.file for inside in doubtful.values() for layer in inside}
        self.layers = tuple(self._decided(layer) for layer in layers)

    def check(self, problems: list[Problem]) -> list[Checked]:
        """The layers that were found, checked, strongest first. What is wrong is added to `problems`."""
        found = [layer for layer in self.layers if layer.found and layer.trust != "unread"]
        checked: dict[str, Checked] = {}
        for layer in found:
            if layer.trust == "trusted":
                node = self._node(layer)
                checked[layer.file] = check(node, self._context(layer, problems))
        restricted = [layer for layer in found if layer.trust == "restricted"]
        if restricted:
            known = _known(list(checked.values()))
            for layer in restricted:
                checked[layer.file] = self._restricted(layer, known, problems)
        return [checked[layer.file] for layer in found]

    def _restricted(self, layer: Layer, known: Known, problems: list[Problem]) -> Checked:
        """The harmless part of a layer. Mistakes in the rest are reported too, unless the user decided not to trust it."""
        from ingate.config.restrict import restrict

        folder = _folder_of(layer)
        refused = self._states[folder] == "refused"
        try:
            node = self._node(layer)
        except ConfigError:
            if refused:
                return Checked()
            raise
        if not refused:
            check(node, self._context(layer, problems, resolve=False))
        allowed, skipped = restrict(node, known, folder, refused=refused)
        self.skipped += skipped
        return check(allowed, self._context(layer, [], resolve=False))

    def _node(self, layer: Layer) -> Node:
        node = contents.parse(self._contents[layer.file], layer)
        if layer.kind == "fast-agent":
            # What is reviewed must not depend on which variables are set just now.
            return bridge(node, self._environ if layer.trust == "trusted" else None, self.warnings)
        return without_servers_key(node)

    def _context(self, layer: Layer, problems: list[Problem], *, resolve: bool = True) -> Context:
        foreign = layer.kind == "fast-agent"
        return Context(self._environ, Path(layer.file).parent, foreign, resolve, problems)

    def _folder(self, path: str, inside: list[Layer]) -> Folder:
        found = {Path(layer.file).name: self._contents[layer.file] for layer in inside}
        files = {name: content.digest() for name, content in found.items()}
        state, changed = trust.state_of(path, files, self._environ)
        if self._review:
            state = "untrusted"
        foreign = tuple(name for name, content in found.items() if content.foreign)
        shared = tuple(name for name, content in found.items() if content.shared)
        return trust.Folder(path, state, files, changed, foreign, shared)

    def _decided(self, layer: Layer) -> Layer:
        if layer.file not in self._doubtful or self._states[_folder_of(layer)] == "trusted":
            return layer
        if self._review or not self._contents[layer.file].foreign:
            return msgspec.structs.replace(layer, trust="restricted")
        self.warnings.append(
            f"{layer.shown} belongs to another user and is not read: `ingate trust` shows what it sets"
        )
        return msgspec.structs.replace(layer, trust="unread")


def _needs_trust(layer: Layer, content: Content, *, hosted: bool) -> bool:
    """Whether a layer is used only as far as the user trusts it.

    A file that the user named is trusted; so is the secrets file beside it, unless another user put it there.
    """
    match layer.kind:
        case "explicit" | "environment":
            return layer.secrets and content.foreign
        case "user":
            return content.foreign or content.shared
        case "fast-agent":
            return not hosted
    return True


def _read(layer: Layer) -> Content:
    """A layer's content. A file that another user left where it cannot be read is empty, rather than an error."""
    try:
        return contents.read(layer)
    except ConfigError:
        if layer.kind in {"explicit", "environment"} or not contents.is_foreign(os.lstat(layer.file)):
            raise
        return contents.Content(b"", foreign=True)


def _folder_of(layer: Layer) -> str:
    return os.path.realpath(Path(layer.file).parent)


def _known(trusted: Sequence[Checked]) -> Known:
    from ingate.config.harmless import Known

    def names(*top: str) -> frozenset[str]:
        depth = len(top)
        paths = (path for checked in trusted for path in (*checked.sections, *checked.values))
        return frozenset(path[depth] for path in paths if len(path) > depth and path[:depth] == top)

    return Known(servers=names("servers"), aliases=names("aliases"), local_models=names("local", "models"))
