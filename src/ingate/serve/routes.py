"""Which endpoint answers which path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import IngateError, MethodNotAllowedError, NotSupportedError
from ingate.serve import chat, embeddings, health, messages, models, responses
from ingate.serve.call import Call

if TYPE_CHECKING:
    from ingate.serve.protocol import Scope

Handler = Callable[[Call], Awaitable[None]]
Teller = Callable[[IngateError, str], tuple[int, dict[str, str], dict[str, Any]]]

# Paths are without the mount point and `/v1`. One that ends in a slash takes everything below it.
ROUTES: Final[Mapping[str, Mapping[str, Handler]]] = {
    "/chat/completions": {"POST": chat.completions},
    "/embeddings": {"POST": embeddings.embeddings},
    "/health": {"GET": health.health},
    "/messages": {"POST": messages.messages},
    "/models": {"GET": models.list_models},
    "/models/": {"GET": models.retrieve_model},
    "/responses": {"POST": responses.responses},
}
# Endpoints of another API than OpenAI's, which tells its errors its own way.
_TELLERS: Final = {"/messages": messages.tell}


def endpoint(scope: Scope) -> str:
    """The request's path without the place the application is mounted at, and without `/v1`."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    # Some servers leave the mount point in the path, as the specification asks; some take it out.
    for prefix in (root, "/v1"):
        if prefix and (path == prefix or path.startswith(prefix + "/")):
            path = path[len(prefix) :]
    return path.rstrip("/") or "/"


def teller(path: str) -> Teller | None:
    """How an endpoint tells errors, where that is not OpenAI's way."""
    return _TELLERS.get(path)


def handler(method: str, path: str) -> Handler:
    """What answers `method` on an endpoint.

    Raises:
        NotSupportedError: ingate does not have the endpoint (501). Clients do not retry that.
        MethodNotAllowedError: It has the endpoint, but not that method (405).
    """
    methods = ROUTES.get(path) or _below(path)
    if methods is None:
        served = ", ".join(f"/v1{name}" for name in ROUTES if not name.endswith("/"))
        raise NotSupportedError(
            f"ingate does not serve {method} /v1{path}", fix=f"what it serves is {served}; call a provider's own API"
        )
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        raise MethodNotAllowedError(f"/v1{path} takes {' or '.join(methods)}, not {method}", allowed=tuple(methods))
    return found


def _below(path: str) -> Mapping[str, Any] | None:
    return next((methods for name, methods in ROUTES.items() if name.endswith("/") and path.startswith(name)), None)
