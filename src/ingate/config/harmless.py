"""What a setting may hold in a project file that nobody has trusted: models of known providers, and plain numbers.

Everything that is not allowed here is refused. A text that would read a variable, run a command, name an address or name a
file is never allowed, whichever setting it is in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from ingate.config.names import provider_names
from ingate.errors import SpecError

if TYPE_CHECKING:
    from ingate.config.tree import Node
    from ingate.spec import ModelSpec

# Parameters of a spec that change an answer and nothing else, by their names in a request.
GENERATION_PARAMS: Final = frozenset(
    {
        "between_tokens_timeout", "connect_timeout", "first_token_timeout", "frequency_penalty", "max_completion_tokens",
        "max_tokens", "presence_penalty", "reasoning_effort", "seed", "temperature", "timeout", "top_k", "top_p",
        "total_timeout", "verbosity",
    }
)  # fmt: skip
LOCAL_MODEL: Final = "smollm2"

# litellm takes an address out of some models' names (`huggingface/https://…`), and an ARN names an account.
_MODEL: Final = re.compile(r"(?!arn:)[A-Za-z0-9_@][A-Za-z0-9_.:@+~-]*(/[A-Za-z0-9_@][A-Za-z0-9_.:@+~-]*)*\Z")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z")
_REFERENCES: Final = ("env:", "os.environ/", "cmd:", "keyring:")


class Known(msgspec.Struct, frozen=True):
    """What the trusted layers define.

    Attributes:
        servers: The names of servers.
        aliases: The names of aliases, which an untrusted file may not redefine.
        local_models: The names of local models.
    """

    servers: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    local_models: frozenset[str] = frozenset()


Allow = Callable[["Node", tuple[str, ...], Known], bool]


def spec(node: Node, path: tuple[str, ...], known: Known) -> bool:
    """A spec, or several separated by commas, of known providers and with generation parameters only."""
    del path
    return _is_spec(node.value, known)


def alias(node: Node, path: tuple[str, ...], known: Known) -> bool:
    """The same, or a list of them, under a printable name that no trusted file uses."""
    texts = [item.value for item in node.value] if isinstance(node.value, list) else [node.value]
    return path[-1].isprintable() and path[-1] not in known.aliases and all(_is_spec(text, known) for text in texts)


def model(node: Node, path: tuple[str, ...], known: Known) -> bool:
    """A model's name."""
    del path, known
    return isinstance(node.value, str) and not _refers(node.value) and bool(_MODEL.match(node.value))


def number(node: Node, path: tuple[str, ...], known: Known) -> bool:
    """A number, written as one."""
    del path, known
    return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def policy(node: Node, path: tuple[str, ...], known: Known) -> bool:
    """true, false, or a word that is not a reference."""
    del path, known
    return isinstance(node.value, bool) or node.value in ("strict", "warn", "drop")


def _refers(text: str) -> bool:
    return "${" in text or text.strip().startswith(_REFERENCES)


def _is_spec(value: object, known: Known) -> bool:
    if not isinstance(value, str) or _refers(value):
        return False
    from ingate.spec import parse

    try:
        return all(_is_known(one, known) and _generates(one) for one in parse(value))
    except SpecError:
        return False


def _is_known(one: ModelSpec, known: Known) -> bool:
    if not _MODEL.match(one.model):
        return False
    if one.lane in {"alias", "proxy"}:
        return True
    if one.lane == "auto" and one.provider == "local":
        return one.model == LOCAL_MODEL or one.model in known.local_models
    if one.lane == "auto" and one.provider in known.servers:
        return True
    return provider_names().canonical(one.provider) is not None


def _generates(one: ModelSpec) -> bool:
    return all(
        name in GENERATION_PARAMS and (not isinstance(value, str) or bool(_WORD.match(value)))
        for name, value in one.params.items()
    )
