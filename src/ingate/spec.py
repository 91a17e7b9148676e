"""The grammar of model specs: what a user writes to say which model.

    spec       = one *( "," one )                    fallbacks, in order
    one        = target [ "?" key "=" value *( "&" key "=" value ) ]
    target     = "litellm." provider "/" model        always through embedded litellm
               | "litellm/" deployment               a deployment of the configured LiteLLM proxy
               | provider "/" model                   the shortest lane
               | alias                               a curated or configured name

A model's name may hold dots, colons, slashes, `@` and blanks. Only `,` and `?` mean something to the grammar; where a
name or a value holds one of them, or a `%`, it is written `%2C`, `%3F`, `%25` (any `%` with two hex digits is read back).
`str(spec)` writes it so, and `parse(str(spec))` gives the same spec again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ingate.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

Lane = Literal["auto", "litellm", "proxy", "alias"]
ParamValue = str | int | float | bool | None

# What a spec's parameters may be called, and what they set in an OpenAI request. Anything else is passed by its own
# name, so that a provider's newest knob needs no release of ours.
PARAM_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reasoning": "reasoning_effort",
        "effort": "reasoning_effort",
        "top-p": "top_p",
        "max-tokens": "max_tokens",
    }
)
# Parameters that steer ingate itself and never reach a request.
OWN_PARAMS: Final[frozenset[str]] = frozenset({"timeout", "drop_params", "lane"})

_EMPTY: Mapping[str, ParamValue] = MappingProxyType({})
_ESCAPE: Final = re.compile(r"[,?&%\s\x00-\x1f\x7f]")
_ESCAPED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PROVIDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: Final[Mapping[str, ParamValue]] = MappingProxyType({"true": True, "false": False, "null": None})


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model, with the parameters that go along.

    Attributes:
        lane: `"litellm"` (`litellm.groq/…`), `"proxy"` (`litellm/…`), `"auto"` (`groq/…`) or `"alias"` (no slash).
        provider: The provider's name; empty for a proxy deployment and for an alias.
        model: The model's, deployment's or alias's name, unescaped.
        params: Request parameters, by the names an OpenAI request has for them.
    """

    lane: Lane
    provider: str
    model: str
    params: Mapping[str, ParamValue] = field(default_factory=lambda: _EMPTY)

    @property
    def target(self) -> str:
        """The spec without its parameters."""
        name = _escape(self.model)
        if self.lane == "litellm":
            return f"litellm.{self.provider}/{name}"
        if self.lane == "proxy":
            return f"litellm/{name}"
        return name if self.lane == "alias" else f"{self.provider}/{name}"

    def with_params(self, params: Mapping[str, ParamValue]) -> ModelSpec:
        """The same model; `params` fill in what this spec does not set itself."""
        return ModelSpec(self.lane, self.provider, self.model, MappingProxyType({**params, **self.params}))

    def __str__(self) -> str:
        if not self.params:
            return self.target
        pairs = (f"{_escape(name).replace('=', '%3D')}={_print_value(value)}" for name, value in self.params.items())
        return f"{self.target}?{'&'.join(pairs)}"

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (parse_one, (str(self),))


def parse(text: str) -> tuple[ModelSpec, ...]:
    """The specs in `text`, in the order they are to be tried.

    Whether a provider or an alias exists is not asked here: that takes the map and the configuration.

    Raises:
        SpecError: `text` is empty, or one of its parts cannot be read.
    """
    if not isinstance(text, str) or not text.strip():
        raise SpecError("the model spec is empty", fix="write <provider>/<model>, for instance local/smollm2")
    parts = text.split(",")
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise SpecError(f"{text!r} has an empty place in its list of fallbacks", fix="take the extra comma out")
    return tuple(parse_one(part) for part in parts)


def with_lane(text: str, lane: str | None) -> str:
    """The specs in `text`, each with the parameter `lane` in place of its own; `text` itself where `lane` is None.

    Raises:
        SpecError: `text` cannot be read.
    """
    if lane is None:
        return text
    specs = (ModelSpec(one.lane, one.provider, one.model, {**one.params, "lane": lane}) for one in parse(text))
    return ", ".join(map(str, specs))


def parse_one(text: str) -> ModelSpec:
    """The one spec in `text`, which holds no fallbacks.

    Raises:
        SpecError: `text` cannot be read.
    """
    target, question, query = text.strip().partition("?")
    params = _parse_params(query, text) if question else _EMPTY
    head, slash, rest = target.partition("/")
    if not slash:
        return ModelSpec("alias", "", _name(target, text), params)
    if head == "litellm":
        return ModelSpec("proxy", "", _name(rest, text), params)
    lane: Lane = "litellm" if head.startswith("litellm.") else "auto"
    provider = head.removeprefix("litellm.")
    if not _PROVIDER.match(provider):
        raise SpecError(
            f"{text!r} names no provider before its first '/'",
            spec=text,
            fix="write <provider>/<model>, like groq/llama-3.3",
        )
    return ModelSpec(lane, provider, _name(rest, text), params)


def _name(text: str, whole: str) -> str:
    if not text.strip():
        raise SpecError(
            f"{whole!r} names no model", spec=whole, fix="write <provider>/<model>; `ingate models` lists them"
        )
    return _unescape(text)


def _parse_params(query: str, whole: str) -> Mapping[str, ParamValue]:
    params: dict[str, ParamValue] = {}
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SpecError(
                f"{pair!r} in {whole!r} is not key=value",
                spec=whole,
                fix="write parameters as ?key=value&key=value",
            )
        name = _unescape(name)
        params[PARAM_NAMES.get(name, name)] = _read_value(_unescape(value))
    return MappingProxyType(params)


def _read_value(text: str) -> ParamValue:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _print_value(value: ParamValue) -> str:
    """The text that reads back as `value`; text that would read as something else is quoted."""
    if isinstance(value, str):
        return _escape(value if _read_value(value) == value and value[:1] != "'" else f"'{value}'")
    for word, meaning in _WORDS.items():
        if value is meaning:
            return word
    return repr(value)


def _escape(text: str) -> str:
    return _ESCAPE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), text)


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    return _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]), text.encode()).decode(errors="replace")
