"""Which web pages may call the server: the checks of `Host`, `Origin` and `Sec-Fetch-Site`, and CORS.

A browser attaches no key to a page's request by itself, but a server on loopback has none, so any page that the user
visits could otherwise spend their money. Programs that are not browsers send neither `Origin` nor `Sec-Fetch-Site`.
Sources: the Fetch standard (https://fetch.spec.whatwg.org/#origin-header) and Fetch Metadata
(https://www.w3.org/TR/fetch-metadata/).
"""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ingate.errors import ConfigError, IngateError, InvalidRequestError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

logger = logging.getLogger("ingate.serve")

ANY: Final = "*"
# Sandboxed frames of any web site have the origin `null`, so that it is as open as `*`.
_OPEN: Final = frozenset({ANY, "null"})
_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(?::([0-9]{0,5}))?")
_ORIGIN: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s]+")
_OWN_PAGE: Final = frozenset({b"same-origin", b"none"})  # `none`: the user typed the address
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]+")
_MOST_SHOWN: Final = 200
_MOST_LOGGED: Final = 50
_CORS: Final = {
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": "*, authorization, content-type, x-api-key",
    "access-control-expose-headers": "*",
    "access-control-max-age": "600",
}


def read_origins(values: Iterable[str], *, has_key: bool) -> tuple[str, ...]:
    """The origins of `--cors`, normalised.

    Args:
        values: As given: `https://app.example`, `vscode-webview://…`, `null` or `*`.
        has_key: Whether callers need a key. Without one, an origin that any web site can have is refused.

    Raises:
        ConfigError: One is not an origin, or allows every web site to use a server that has no key.
    """
    return tuple(_read_origin(value, has_key=has_key) for value in values)


def _read_origin(value: str, *, has_key: bool) -> str:
    origin = value.strip().rstrip("/").lower()
    if origin in _OPEN:
        if not has_key:
            raise ConfigError(
                f"--cors {value!r} on a server without a key would let every web page use your models, and your money",
                fix="name the page's origin (--cors https://app.example), or add --key-file FILE so that callers need a key",
            )
        return origin
    if not _ORIGIN.fullmatch(origin):
        scheme, separator, rest = value.strip().lower().partition("://")
        guess = (rest if separator else scheme).partition("/")[0] or "app.example"
        raise ConfigError(
            f"--cors {value!r} is not an origin",
            fix=f"give scheme, host and port as the browser sends them, without a path: --cors https://{guess}",
        )
    parts = urlsplit(origin)
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return origin.removesuffix(default) if default else origin


class OriginPolicy:
    """Decides which requests of browsers are answered.

    Args:
        cors: The origins whose pages may call, from `read_origins`.
        local_only: Whether the `Host` header must name this machine; it is the protection against DNS rebinding where no
            key is needed.
    """

    def __init__(self, cors: tuple[str, ...] = (), *, local_only: bool) -> None:
        self.cors = frozenset(cors)
        self._local_only = local_only
        self._logged: set[str] = set()

    def refusal(self, headers: Mapping[bytes, bytes]) -> IngateError | None:
        """Why the request is not answered; None if it is."""
        return self._host_refusal(headers) or self._page_refusal(headers)

    def allows(self, origin: str) -> bool:
        """Whether pages of `origin`, as a browser sends it, are named by `--cors`."""
        return ANY in self.cors or origin.lower() in self.cors

    def cors_headers(self, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What a response to this request needs so that the page may read it; empty for a page that may not."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not self.cors or not origin or not self.allows(origin):
            return []
        allowed = {"access-control-allow-origin": ANY if ANY in self.cors else origin, "vary": "Origin", **_CORS}
        if b"access-control-request-private-network" in headers:
            allowed["access-control-allow-private-network"] = "true"
        return [(name.encode(), value.encode("latin-1")) for name, value in allowed.items()]

    def _host_refusal(self, headers: Mapping[bytes, bytes]) -> IngateError | None:
        given = headers.get(b"host", b"").decode("latin-1").strip()
        if not given:
            return None  # HTTP/1.0; a browser always sends it
        found = _HOST.fullmatch(given)
        if found is None or int(found[2] or 0) > 65535:
            return InvalidRequestError(
                f"the Host header {_shown(given)!r} is not a host name and a port", code="invalid_host",
                fix="send the server's address as the Host header, for example 127.0.0.1:4100",
            )  # fmt: skip
        if self._local_only and not _is_local(found[1].lower()):
            return PermissionDeniedError(
                f"this server accepts only requests for this machine, but the Host header is {given!r}",
                code="foreign_host",
                fix="call it as http://127.0.0.1, or start it with --key-file",
            )
        return None

    def _page_refusal(self, headers: Mapping[bytes, bytes]) -> IngateError | None:
        site = headers.get(b"sec-fetch-site")
        raw = headers.get(b"origin")
        origin = "" if raw is None else raw.decode("latin-1").strip()
        if raw is not None and self.allows(origin):
            return None
        if raw is None or _is_own(origin, headers):
            if site is None or site.strip().lower() in _OWN_PAGE:
                return None
            origin = origin or "another site"
        shown = _shown(origin) or "an empty origin"
        named = shown if raw is not None and origin else "ORIGIN"
        error = PermissionDeniedError(
            f"this server does not answer web pages of {shown}",
            code="foreign_origin",
            fix=self._fix(named),
        )
        if shown not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(shown)
            logger.warning("a web page of %s was refused; %s", shown, error.fix)
        return error

    def _fix(self, origin: str) -> str:
        if origin in _OPEN and self._local_only:
            return f"if it is your own application, start the server with --cors {origin} and --key-file FILE"
        return f"if it is your own application, start the server with --cors {origin}"


def _is_local(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_own(origin: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the page comes from this server's own address: behind a reverse proxy that serves pages, too."""
    scheme, _, authority = origin.lower().partition("://")
    return scheme in {"http", "https"} and authority.encode("latin-1") == headers.get(b"host", b"").strip().lower()


def _shown(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)[:_MOST_SHOWN]
