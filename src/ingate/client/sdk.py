"""The openai package's own clients over the in-process transport."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Final

from ingate.client.transport import BASE_URL, async_http_client, http_client
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openai import AsyncOpenAI, OpenAI

    from ingate.serve.protocol import GatewayLike

OLDEST: Final = (2, 20)
NEXT_MAJOR: Final = 4

# Given explicitly, so that the SDK does not look for its own in OPENAI_API_KEY, OPENAI_ORG_ID and the like: they
# are meant for OpenAI's servers, and mean nothing here.
_NOT_FROM_ENVIRONMENT: Final = {
    "api_key": "in-process",
    "admin_api_key": "",
    "organization": "",
    "project": "",
    "base_url": BASE_URL,
}


def AsyncIngate(  # noqa: N802 - stands where a class would, and makes the SDK's own
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: GatewayLike | None = None,
    **openai_arguments: Any,
) -> AsyncOpenAI:
    """A real `openai.AsyncOpenAI` whose requests are answered in this process.

    `model=` takes a model spec (`"local/smollm2"`, `"litellm.anthropic/claude-sonnet-5-5"`). Everything else is the
    SDK's own: streaming, `.stream()`, `.parse()`, `with_raw_response`, `with_options`, retries, its errors. It may
    be used in one event loop after another. Close it (`async with`, `await client.close()`) to let go of
    connections and models.

    Args:
        config: None to look for `ingate.yaml`; a path for that file; a mapping for a configuration in code. The
            client closes the gateway it makes of it.
        gateway: A `Gateway` to use instead; its owner closes it.
        **openai_arguments: Passed to `AsyncOpenAI` (`timeout`, `max_retries`, `default_headers`…). No key is needed,
            and none is taken from `OPENAI_API_KEY`; providers' keys come from the configuration and their own variables.

    Raises:
        MissingExtraError: openai is not installed, or is older than 2.20 or newer than 3.
        ConfigError: The configuration is wrong, with file and line.
    """
    check_openai()
    from openai import AsyncOpenAI

    arguments = _arguments(openai_arguments)
    return AsyncOpenAI(http_client=async_http_client(config, gateway=gateway), **arguments)


def Ingate(  # noqa: N802 - see AsyncIngate
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: GatewayLike | None = None,
    **openai_arguments: Any,
) -> OpenAI:
    """A real `openai.OpenAI` whose requests are answered in this process; see `AsyncIngate`.

    The work runs in an event loop in a thread, which starts with the first request and ends with `close()`. The
    client may be shared by threads, and works inside a running event loop (a notebook), which it blocks meanwhile.
    """
    check_openai()
    from openai import OpenAI

    arguments = _arguments(openai_arguments)
    return OpenAI(http_client=http_client(config, gateway=gateway), **arguments)


def check_openai(version: str | None = None) -> None:
    """Raise `MissingExtraError` unless an openai package that this one works with is installed.

    Args:
        version: The version to judge; by default the installed one's.
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


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    if "http_client" in given:
        raise TypeError("http_client is what makes this client in-process; it cannot be passed")
    return {**_NOT_FROM_ENVIRONMENT, **given}
