"""`AsyncIngate` and `Ingate`: the openai package's clients over the in-process transport.

Works with openai 2.x, which is built on httpx, and 3.x, which is built on httpx2. Without openai the classes exist, so
that annotations and `isinstance` work, and constructing one raises `MissingExtraError`.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import importlib.util
import inspect
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from ingate.client.transport import BASE_URL, async_http_client, is_in_process
from ingate.client.transport import http_client as sync_http_client
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from openai import AsyncOpenAI, OpenAI

    from ingate.gateway import Gateway
else:
    try:
        from openai import AsyncOpenAI, OpenAI
    except ImportError as error:
        if error.name != "openai":
            raise
        AsyncOpenAI = OpenAI = object

OLDEST: Final = (2, 20)
NEXT_MAJOR: Final = 4


def sdk_defaults(client_class: type[Any]) -> dict[str, Any]:
    """Arguments for an SDK client that keep it from reading `OPENAI_API_KEY`, `OPENAI_ORG_ID` and the like.

    Those variables are meant for OpenAI's servers and have no meaning here.
    """
    defaults = {
        "api_key": "in-process",
        "admin_api_key": "",  # not an argument of the oldest supported openai
        "organization": "",
        "project": "",
        "base_url": BASE_URL,
    }
    accepted = inspect.signature(client_class.__init__).parameters
    return {name: value for name, value in defaults.items() if name in accepted}


_ASYNC_DEFAULTS: Final[Mapping[str, Any]] = sdk_defaults(AsyncOpenAI)
_SYNC_DEFAULTS: Final[Mapping[str, Any]] = sdk_defaults(OpenAI)


class _InProcess:
    """Copying and pickling, for both clients.

    `copy.copy`, `copy.deepcopy`, `client.copy()` and `client.with_options()` return a client of the same class over
    the same gateway. Closing any of them closes the connection they share.
    """

    def __copy__(self) -> Self:
        return self.copy()  # ty: ignore[missing-attribute] - the SDK's

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"{name} holds credentials and open connections and cannot be pickled; make one per process")


class AsyncIngate(_InProcess, AsyncOpenAI):
    """An `openai.AsyncOpenAI` whose requests are answered in this process.

    `model=` takes a model spec (`"local/smollm2"`, `"litellm.anthropic/claude-sonnet-5-5"`). Everything else is the
    SDK's own: chat completions, responses, streaming, `.stream()`, `.parse()`, `with_raw_response`, `with_options`,
    retries, error classes. A client may be used in several event loops, one after another. Close it (`async with`, or
    `await client.close()`) to release connections and models.

    Args:
        config: None to look for `ingate.yaml`, a path to read that file, or a mapping with the configuration itself.
            The client closes the gateway it makes from it.
        gateway: An existing `Gateway` to use instead. The client does not close it.
        http_client: A client from `async_http_client` to use instead; any other is refused, because its requests
            would leave the process.
        **openai_arguments: Passed to `AsyncOpenAI` (`timeout` in seconds, `max_retries`, `default_headers`, …). No
            API key is needed, and `OPENAI_API_KEY` is not read: providers' keys come from the configuration and from
            each provider's own variables.

    Raises:
        MissingExtraError: openai is not installed, or its version is not supported.
        ConfigError: The configuration is wrong; the message has the file and line.
        TypeError: More than one of `config`, `gateway` and `http_client` is given, or `http_client` is not in-process.
    """

    def __init__(
        self,
        config: str | Path | Mapping[str, Any] | None = None,
        *,
        gateway: Gateway | None = None,
        http_client: Any = None,
        **openai_arguments: Any,
    ) -> None:
        check_openai()
        _complete_httpx()
        http_client = _in_process_client(async_http_client, config, gateway, http_client)
        super().__init__(http_client=http_client, **{**_ASYNC_DEFAULTS, **openai_arguments})


class Ingate(_InProcess, OpenAI):
    """An `openai.OpenAI` whose requests are answered in this process.

    The work runs in an event loop in a background thread, which starts with the first request and ends with `close()`.
    A client may be shared by threads. It also works inside a running event loop (a notebook's), which it blocks during
    a call.

    The arguments and errors are those of `AsyncIngate`, with `http_client` in place of `async_http_client`.
    """

    def __init__(
        self,
        config: str | Path | Mapping[str, Any] | None = None,
        *,
        gateway: Gateway | None = None,
        http_client: Any = None,
        **openai_arguments: Any,
    ) -> None:
        check_openai()
        _complete_httpx()
        http_client = _in_process_client(sync_http_client, config, gateway, http_client)
        super().__init__(http_client=http_client, **{**_SYNC_DEFAULTS, **openai_arguments})


def check_openai(version: str | None = None) -> None:
    """Raise `MissingExtraError` unless a supported openai package is installed.

    Args:
        version: The version to check instead of the installed one.
    """
    if version is None:
        if importlib.util.find_spec("openai") is None:
            raise MissingExtraError("the openai package is not installed", extra="openai")
        from openai import __version__ as version
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if not OLDEST <= numbers < (NEXT_MAJOR,):
        oldest = ".".join(map(str, OLDEST))
        raise MissingExtraError(
            f"openai {version} is installed; ingate works with openai>={oldest},<{NEXT_MAJOR}", extra="openai"
        )


@functools.cache
def _complete_httpx() -> None:
    """Import httpx if litellm may do so later.

    openai 3 is built on httpx2, and compares timeouts with the classes of httpx if `sys.modules` has it. It fails when a thread,
    such as the one that imports litellm, is in the middle of importing httpx.
    """
    if importlib.util.find_spec("litellm") is not None:
        with contextlib.suppress(ImportError):
            importlib.import_module("httpx")


def _in_process_client(
    make: Callable[..., Any],
    config: str | Path | Mapping[str, Any] | None,
    gateway: Gateway | None,
    http_client: Any,
) -> Any:
    """`http_client` if it is given and in-process, otherwise a new client from `make`."""
    if http_client is None:
        return make(config, gateway=gateway)
    if config is not None or gateway is not None:
        raise TypeError("pass only one of config, gateway and http_client")
    if not is_in_process(http_client):
        raise TypeError(
            "http_client must come from ingate.async_http_client() or ingate.http_client(): "
            "requests of any other client would leave the process"
        )
    return http_client
