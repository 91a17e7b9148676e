"""ingate: the AI gateway inside your process.

    import ingate

    client = ingate.AsyncIngate()                       # a real openai.AsyncOpenAI
    answer = await client.chat.completions.create(
        model="local/smollm2",                          # or groq/…, litellm.bedrock/…, litellm/<deployment>
        messages=[{"role": "user", "content": "What is a gateway?"}],
    )

Names are loaded when they are first used, so that `import ingate` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingate._errors import AuthenticationFailed as AuthenticationFailed
    from ingate._errors import BadRequest as BadRequest
    from ingate._errors import ConfigError as ConfigError
    from ingate._errors import ContentFiltered as ContentFiltered
    from ingate._errors import ContextTooLong as ContextTooLong
    from ingate._errors import IngateError as IngateError
    from ingate._errors import MissingCredentials as MissingCredentials
    from ingate._errors import MissingExtra as MissingExtra
    from ingate._errors import MissingModelFile as MissingModelFile
    from ingate._errors import ModelNotFound as ModelNotFound
    from ingate._errors import NotServed as NotServed
    from ingate._errors import PermissionDenied as PermissionDenied
    from ingate._errors import RateLimited as RateLimited
    from ingate._errors import SpecError as SpecError
    from ingate._errors import StreamInterrupted as StreamInterrupted
    from ingate._errors import TimedOut as TimedOut
    from ingate._errors import Unavailable as Unavailable
    from ingate._errors import UnknownBacking as UnknownBacking
    from ingate._secret import Secret as Secret
    from ingate._version import __version__ as __version__
    from ingate.client import AsyncIngate as AsyncIngate
    from ingate.client import Ingate as Ingate
    from ingate.engines.scripted import ScriptedEngine as ScriptedEngine
    from ingate.gateway import Gateway as Gateway
    from ingate.spec import ModelSpec as ModelSpec

_HOMES = {
    "AsyncIngate": "ingate.client",
    "AuthenticationFailed": "ingate._errors",
    "BadRequest": "ingate._errors",
    "ConfigError": "ingate._errors",
    "ContentFiltered": "ingate._errors",
    "ContextTooLong": "ingate._errors",
    "Gateway": "ingate.gateway",
    "Ingate": "ingate.client",
    "IngateError": "ingate._errors",
    "MissingCredentials": "ingate._errors",
    "MissingExtra": "ingate._errors",
    "MissingModelFile": "ingate._errors",
    "ModelNotFound": "ingate._errors",
    "ModelSpec": "ingate.spec",
    "NotServed": "ingate._errors",
    "PermissionDenied": "ingate._errors",
    "RateLimited": "ingate._errors",
    "ScriptedEngine": "ingate.engines.scripted",
    "Secret": "ingate._secret",
    "SpecError": "ingate._errors",
    "StreamInterrupted": "ingate._errors",
    "TimedOut": "ingate._errors",
    "Unavailable": "ingate._errors",
    "UnknownBacking": "ingate._errors",
    "__version__": "ingate._version",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list, checked by a test against the type checker's


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
