"""The grammar of model specs, the text with which a user names a model.

    spec       = one *( "," one )                    fallbacks, in order
    one        = target [ "?" key "=" value *( "&" key "=" value ) ]
    target     = "litellm." provider "/" model        through embedded litellm
               | "litellm/" deployment               a deployment of the configured LiteLLM proxy
               | provider "/" model                   the shortest lane
               | alias                               a curated or configured name

A model's name may contain dots, colons, slashes, `@` and blanks. Only `,` and `?` are special; inside a name or a value
they, and `%`, are written `%2C`, `%3F` and `%25` (any `%` followed by two hex digits is decoded). `str(spec)` escapes
them, and `ModelSpec.parse(str(spec))` returns an equal spec.
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

# Short names of parameters, and the fields of an OpenAI request that they set. Any other parameter is passed under its
# own name, so a provider's newest option needs no release of ingate.
PARAM_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reasoning": "reasoning_effort",
        "effort": "reasoning_effort",
        "top-p": "top_p",
        "max-tokens": "max_tokens",
    }
)
# Parameters for ingate itself, never sent to a provider.
TIMEOUT_PARAMS: Final[tuple[str, ...]] = (
    "timeout", "connect_timeout", "first_token_timeout", "between_tokens_timeout", "total_timeout",
)  # fmt: skip
OWN_PARAMS: Final[frozenset[str]] = frozenset({*TIMEOUT_PARAMS, "drop_params", "lane", "api"})

_EMPTY: Mapping[str, ParamValue] = MappingProxyType({})
_ESCAPE: Final = re.compile(r"[,?&%\s\x00-\x1f\x7f]")
_ESCAPED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PROVIDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: Final[Mapping[str, ParamValue]] = MappingProxyType({"true": True, "false": False, "null": None})


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model and its request parameters.

    >>> spec = ModelSpec.parse("groq/openai/gpt-oss-120b?reasoning=high")
    >>> spec.provider, spec.model, dict(spec.params)
    ('groq', 'openai/gpt-oss-120b', {'reasoning_effort': 'high'})
    >>> [str(one) for one in ModelSpec.parse_list("groq/llama-3.3, local/smollm2")]
    ['groq/llama-3.3', 'local/smollm2']

    Attributes:
        lane: `"litellm"` (`litellm.groq/…`), `"proxy"` (`litellm/…`), `"auto"` (`groq/…`) or `"alias"` (no slash).
        provider: The provider's name; empty for a proxy deployment and for an alias.
        model: The name of the model, deployment or alias, unescaped.
        params: Request parameters, by their names in an OpenAI request.
    """

    lane: Lane
    provider: str
    model: str
    params: Mapping[str, ParamValue] = field(default_factory=lambda: _EMPTY)

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """Parse the text of one spec.

        Only the grammar is checked. Whether the provider or alias exists depends on the configuration: see
        `Gateway.explain`.

        Raises:
            SpecError: `text` is empty or malformed, or lists fallbacks (use `parse_list` for those).
        """
        specs = parse(text)
        if len(specs) > 1:
            raise SpecError(
                f"{text!r} lists {len(specs)} specs where one is expected",
                spec=text,
                fix="use ModelSpec.parse_list() for a list of fallbacks, or write a comma in a model's name as %2C",
            )
        return specs[0]

    @classmethod
    def parse_list(cls, text: str) -> tuple[ModelSpec, ...]:
        """Parse a comma-separated list of specs, in the order in which they are tried.

        Raises:
            SpecError: `text` is empty, or one of the specs is empty or malformed.
        """
        return parse(text)

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
        """The same model with `params` as defaults; the spec's own parameters win."""
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
    """The specs in `text`, in the order in which they are tried; see `ModelSpec.parse_list`."""
    if not isinstance(text, str) or not text.strip():
        raise SpecError("the model spec is empty", fix="write <provider>/<model>, for example local/smollm2")
    parts = text.split(",")
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise SpecError(f"{text!r} has an empty entry in its list of fallbacks", fix="remove the extra comma")
    return tuple(parse_one(part) for part in parts)


def with_lane(text: str, lane: str | None) -> str:
    """The specs in `text`, each with its parameter `lane` set to `lane`; `text` unchanged if `lane` is None.

    Raises:
        SpecError: `text` is malformed.
    """
    if lane is None:
        return text
    specs = (ModelSpec(one.lane, one.provider, one.model, {**one.params, "lane": lane}) for one in parse(text))
    return ", ".join(map(str, specs))


def parse_one(text: str) -> ModelSpec:
    """One entry of a list of specs. Unlike `ModelSpec.parse`, it takes a comma as part of the name.

    Raises:
        SpecError: `text` is malformed.
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
            f"{text!r} has no provider before its first '/'",
            spec=text,
            fix="write <provider>/<model>, like groq/llama-3.3",
        )
    return ModelSpec(lane, provider, _name(rest, text), params)


def _name(text: str, whole: str) -> str:
    if not text.strip():
        raise SpecError(
            f"{whole!r} has no model name", spec=whole, fix="write <provider>/<model>; `ingate models` lists them"
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
    """The text that parses as `value`; a string that would parse as another type is quoted."""
    if isinstance(value, str):
        return _escape(value if _read_value(value) == value else f"'{value}'")
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
