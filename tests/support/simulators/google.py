"""Google's sign-in, as litellm uses it: a service account whose token comes from a server on loopback."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

TOKEN_PATH = "/token"
BEARER = "Bearer ya29.for-the-simulator"


def token() -> dict[str, Any]:
    """What the token server says."""
    return {"access_token": BEARER.removeprefix("Bearer "), "expires_in": 3600, "token_type": "Bearer"}


def section(root: str, model_url: str) -> dict[str, Any]:
    """The section of a configuration for litellm, which takes the address of the model itself (without a verb)."""
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": _private_key(),
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": root + TOKEN_PATH,
    }
    where = {"vertex_project": "p", "vertex_location": "global"}
    return {**where, "vertex_credentials": json.dumps(account), "base_url": model_url.partition(":{verb}")[0]}


@cache
def _private_key() -> str:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError:  # nor does litellm sign in without it
        return ""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()
