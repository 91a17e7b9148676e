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
    from ingate._version import __version__ as __version__
    from ingate.client import AsyncIngate as AsyncIngate
    from ingate.client import Ingate as Ingate
    from ingate.engines.scripted import ScriptedEngine as ScriptedEngine
    from ingate.errors import AuthenticationError as AuthenticationError
    from ingate.errors import BadRequestError as BadRequestError
    from ingate.errors import ConfigError as ConfigError
    from ingate.errors import ContentFilterError as ContentFilterError
    from ingate.errors import ContextTooLongError as ContextTooLongError
    from ingate.errors import IngateError as IngateError
    from ingate.errors import MissingCredentialsError as MissingCredentialsError
    from ingate.errors import MissingExtraError as MissingExtraError
    from ingate.errors import MissingModelFileError as MissingModelFileError
    from ingate.errors import ModelNotFoundError as ModelNotFoundError
    from ingate.errors import NotSupportedError as NotSupportedError
    from ingate.errors import PermissionDeniedError as PermissionDeniedError
    from ingate.errors import RateLimitError as RateLimitError
    from ingate.errors import RequestTimeoutError as RequestTimeoutError
    from ingate.errors import SpecError as SpecError
    from ingate.errors import StreamInterruptedError as StreamInterruptedError
    from ingate.errors import UnavailableError as UnavailableError
    from ingate.errors import UnknownProviderError as UnknownProviderError
    from ingate.gateway import Gateway as Gateway
    from ingate.secret import Secret as Secret
    from ingate.spec import ModelSpec as ModelSpec

_HOMES = {
    "AsyncIngate": "ingate.client",
    "AuthenticationError": "ingate.errors",
    "BadRequestError": "ingate.errors",
    "ConfigError": "ingate.errors",
    "ContentFilterError": "ingate.errors",
    "ContextTooLongError": "ingate.errors",
    "Gateway": "ingate.gateway",
    "Ingate": "ingate.client",
    "IngateError": "ingate.errors",
    "MissingCredentialsError": "ingate.errors",
    "MissingExtraError": "ingate.errors",
    "MissingModelFileError": "ingate.errors",
    "ModelNotFoundError": "ingate.errors",
    "ModelSpec": "ingate.spec",
    "NotSupportedError": "ingate.errors",
    "PermissionDeniedError": "ingate.errors",
    "RateLimitError": "ingate.errors",
    "ScriptedEngine": "ingate.engines.scripted",
    "Secret": "ingate.secret",
    "SpecError": "ingate.errors",
    "StreamInterruptedError": "ingate.errors",
    "RequestTimeoutError": "ingate.errors",
    "UnavailableError": "ingate.errors",
    "UnknownProviderError": "ingate.errors",
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
