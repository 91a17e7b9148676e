"""The rules by which every lane accepts an HTTP response: its size, its encoding, no redirect, no web page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from ingate.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_BODY: Final = 256 * 2**20  # largest accepted response body, whole or streamed, uncompressed, in bytes
_MAX_ERROR: Final = 2**20  # bytes read of an error's body
ELSEWHERE: Final = "try again, or name a fallback model after a comma"


def limit_for(status: int) -> int:
    """The most bytes that are read of a response with this status."""
    return _MAX_BODY if status < 400 else _MAX_ERROR


def too_large(provider: str | None) -> UnavailableError:
    """The error for a response beyond the limit."""
    return UnavailableError(
        f"the response of {provider or 'the provider'} is larger than {_MAX_BODY // 2**20} MB",
        provider=provider,
        retryable=False,
        fix=f"check the base URL of {provider or 'the provider'}, or lower max_tokens",
    )


def web_page(url: str, provider: str) -> UnavailableError:
    """The error for a web page in place of an API's response."""
    return UnavailableError(
        f"{origin_of(url)} returned a web page, not a response of {provider}'s API",
        retryable=False,
        fix=f"check the base URL of {provider}: it often ends in /v1",
    )


def unknown_encoding(encoding: str, provider: str | None) -> UnavailableError:
    """The error for a response that is compressed in a way that no lane asks for."""
    return UnavailableError(
        f"{provider or 'the provider'} compressed its response with {encoding[:40]!r}, which was not requested",
        provider=provider,
        retryable=False,
        fix=f"check the base URL of {provider or 'the provider'}, and any proxy on the way",
    )


def damaged_encoding(provider: str | None) -> UnavailableError:
    """The error for a compressed response that cannot be uncompressed."""
    return UnavailableError(
        f"{provider or 'the provider'} sent a damaged compressed response", provider=provider, fix=ELSEWHERE
    )


def ascii_text(value: str) -> str:
    """A header's value in ASCII: bytes beyond it, which HTTP allows but JSON and other headers do not, become `?`."""
    return value if value.isascii() else value.encode("ascii", "replace").decode()


def redirect_error(
    url: str, status: int, location: str, *, provider: str | None, spec: str | None = None
) -> UnavailableError:
    """The error for a response that redirects a request with a key.

    Args:
        url: The requested URL.
        status: The HTTP status.
        location: The response's `location`; it may be relative, and empty.
        provider: The provider's name.
        spec: The model spec.
    """
    # The path is left out: HTTP libraries log this error before keys are masked in it, and a path may echo one.
    try:
        shown = origin_of(urljoin(url, location))
    except ValueError:
        shown = "an address that is not a URL"
    return UnavailableError(
        f"{provider or 'the provider'} redirects ({status}) from {origin_of(url)} to {shown!r}; "
        "redirects are not followed, because the key would be sent along",
        provider=provider,
        spec=spec,
        retryable=False,
        code="redirected",
        fix="set the base URL to the redirect's target",
    )


def leads_away(url: str, status: int, location: str, *, provider: str) -> UnavailableError | None:
    """The error for a redirect to another origin; None for one within the origin. The arguments are `redirect_error`'s."""
    try:
        stays = origin_of(urljoin(url, location)) == origin_of(url)
    except ValueError:
        stays = False
    return None if stays else redirect_error(url, status, location, provider=provider)


def origin_of(url: str) -> str:
    """The scheme, host and port of a URL, without a user name or password."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{parts.scheme}://{host}:{port}" if port else f"{parts.scheme}://{host}"


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The response headers of interest to callers, names in lower case; none that authenticates or sets a cookie.

    The values are ASCII, because they go into headers and JSON again."""
    out = {}
    for name, value in headers.items():
        low = name.lower()
        if low in _KEPT or low.startswith(_KEPT_STARTS):
            out[low] = ascii_text(value)
    return out


_KEPT: Final = frozenset(
    {
        "request-id",
        "x-request-id",
        "x-amzn-requestid",
        "apim-request-id",
        "x-ms-region",
        "retry-after",
        "retry-after-ms",
        "openai-processing-ms",
        "openai-version",
        "cf-ray",
        "x-groq-region",
        "x-envoy-upstream-service-time",
        "x-should-retry",
    }
)
_KEPT_STARTS: Final = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-", "x-litellm-", "llm_provider-")
