"""ingate: the AI gateway inside your process.

    import ingate

    client = ingate.AsyncIngate()                       # an openai.AsyncOpenAI
    response = await client.chat.completions.create(
        model="local/smollm2",                          # or groq/…, litellm.bedrock/…, litellm/<deployment>
        messages=[{"role": "user", "content": "What is a gateway?"}],
    )

Each name is imported on first use, so `import ingate` loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingate._version import __version__ as __version__
    from ingate.client.sdk import AsyncIngate as AsyncIngate
    from ingate.client.sdk import Ingate as Ingate
    from ingate.client.transport import async_http_client as async_http_client
    from ingate.client.transport import http_client as http_client
    from ingate.engines.base import CallReport as CallReport
    from ingate.engines.base import Engine as Engine
    from ingate.engines.base import Route as Route
    from ingate.engines.scripted import ScriptedEngine as ScriptedEngine
    from ingate.errors import AuthenticationError as AuthenticationError
    from ingate.errors import BadRequestError as BadRequestError
    from ingate.errors import ClosedError as ClosedError
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
else:  # hidden from type checkers, for which every name would exist otherwise

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


_MODULES = {
    "AsyncIngate": "ingate.client.sdk",
    "AuthenticationError": "ingate.errors",
    "BadRequestError": "ingate.errors",
    "CallReport": "ingate.engines.base",
    "ClosedError": "ingate.errors",
    "ConfigError": "ingate.errors",
    "ContentFilterError": "ingate.errors",
    "ContextTooLongError": "ingate.errors",
    "Engine": "ingate.engines.base",
    "Gateway": "ingate.gateway",
    "Ingate": "ingate.client.sdk",
    "IngateError": "ingate.errors",
    "MissingCredentialsError": "ingate.errors",
    "MissingExtraError": "ingate.errors",
    "MissingModelFileError": "ingate.errors",
    "ModelNotFoundError": "ingate.errors",
    "ModelSpec": "ingate.spec",
    "NotSupportedError": "ingate.errors",
    "PermissionDeniedError": "ingate.errors",
    "RateLimitError": "ingate.errors",
    "RequestTimeoutError": "ingate.errors",
    "Route": "ingate.engines.base",
    "ScriptedEngine": "ingate.engines.scripted",
    "Secret": "ingate.secret",
    "SpecError": "ingate.errors",
    "StreamInterruptedError": "ingate.errors",
    "UnavailableError": "ingate.errors",
    "UnknownProviderError": "ingate.errors",
    "__version__": "ingate._version",
    "async_http_client": "ingate.client.transport",
    "http_client": "ingate.client.transport",
}

__all__ = sorted(_MODULES)  # noqa: PLE0605 - a test checks it against the imports above


def __dir__() -> list[str]:
    return [*__all__]
