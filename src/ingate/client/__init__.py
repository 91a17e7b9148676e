"""OpenAI's SDK and bare httpx clients over the gateway in this process.

`AsyncIngate` and `Ingate` give the SDK's own clients; `async_http_client` and `http_client` give httpx clients for
everything that takes one.
"""

from __future__ import annotations

from ingate.client.sdk import AsyncIngate, Ingate
from ingate.client.transport import async_http_client, http_client

__all__ = ["AsyncIngate", "Ingate", "async_http_client", "http_client"]
