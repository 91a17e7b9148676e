"""Where models are on Vertex AI: the project and the location are part of every path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_vertex(facts: Mapping[str, Any], params: Mapping[str, str]) -> bool:
    """Whether the call goes to Vertex AI: its provider says so, or a Vertex project is named."""
    provider = facts.get("provider")
    named = params.get("vertex_project") or params.get("vertex_express")
    return (isinstance(provider, str) and provider.startswith("vertex")) or bool(named)


def vertex_path(resource: str, api_base: str, params: Mapping[str, str]) -> str:
    """The path of `resource` (`publishers/google/models/…:generateContent`), a whole address where there is no base.

    A base that already names the project keeps it; one that ends in a version keeps that. A key (express mode) stands
    for a project where none is named.

    Raises:
        BadRequestError: No project is known.
    """
    base = api_base.split("?", 1)[0].rstrip("/")
    if re.search(r"/publishers/[^/]+$", base):
        return "/" + resource.split("/", 2)[2]
    if re.search(r"/locations/[^/]+$", base):
        return f"/{resource}"
    project = params.get("vertex_project") or params.get("project") or ""
    location = params.get("vertex_location") or params.get("location") or "us-central1"
    if not project and params.get("vertex_express"):
        return f"/{resource}" if re.search(r"/v1(beta\d*)?$", base) else f"/v1/{resource}"
    if not project:
        raise BadRequestError(
            "Vertex AI needs a project",
            code="missing_vertex_project",
            fix="set VERTEXAI_PROJECT or GOOGLE_CLOUD_PROJECT",
        )
    path = f"projects/{project}/locations/{location}/{resource}"
    if not base:
        host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
        return f"https://{host}/v1/{path}"
    return f"/{path}" if re.search(r"/v1(beta\d*)?$", base) else f"/v1/{path}"
