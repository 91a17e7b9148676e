"""Addresses of calls: a path under a base URL, and where a model is on Vertex AI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from ingate.wire.codec import Target


def base_path(api_base: str) -> str:
    """A base URL without its query, fragment and trailing slashes."""
    parts = urlsplit(api_base.strip())
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def join(api_base: str, path: str, *, strip: tuple[str, ...] = ()) -> str:
    """The address of `path` (which may have a query) under a base URL, whose own query is kept.

    The suffixes in `strip` are removed from the base URL's path first, in this order.
    """
    parts = urlsplit(api_base.strip())
    path, _, query = path.partition("?")
    base = parts.path.rstrip("/")
    for suffix in strip:
        base = base.removesuffix(suffix)
    queries = "&".join(part for part in (parts.query, query) if part)
    return urlunsplit((parts.scheme, parts.netloc, base + path, queries, ""))


def is_vertex(target: Target) -> bool:
    """Whether a call goes to Vertex AI: the provider is Vertex, or a Vertex project or API key is given."""
    return target.provider.startswith("vertex") or bool(
        target.params.get("vertex_project") or target.params.get("vertex_express")
    )


def vertex_url(resource: str, target: Target) -> str:
    """The address of `resource` (`publishers/google/models/…:generateContent`) on Vertex AI.

    A base URL that names the project, or ends in a version, keeps them. With an API key (express mode) no project is
    needed. Without a base URL the location's own host is used.

    Raises:
        BadRequestError: No project is given.
    """
    base, params = base_path(target.api_base), target.params
    if re.search(r"/publishers/[^/]+$", base):
        return join(target.api_base, "/" + resource.split("/", 2)[2])
    if re.search(r"/locations/[^/]+$", base):
        return join(target.api_base, f"/{resource}")
    project = params.get("vertex_project") or params.get("project") or ""
    location = params.get("vertex_location") or params.get("location") or "us-central1"
    version = "" if re.search(r"/v1(beta\d*)?$", base) else "/v1"
    if not project and params.get("vertex_express"):
        return join(target.api_base, f"{version}/{resource}")
    if not project:
        raise BadRequestError(
            "Vertex AI needs a project",
            code="missing_vertex_project",
            fix="set VERTEXAI_PROJECT or GOOGLE_CLOUD_PROJECT",
        )
    if not base:
        host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
        return f"https://{host}/v1/projects/{project}/locations/{location}/{resource}"
    return join(target.api_base, f"{version}/projects/{project}/locations/{location}/{resource}")
