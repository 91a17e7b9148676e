"""OpenAI's SDK clients and plain httpx clients for the gateway in this process.

`AsyncIngate` and `Ingate` are the SDK's own clients; `async_http_client` and `http_client` make httpx clients for
anything that accepts one. The SDK is imported when one of the first two is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.client.transport import async_http_client, http_client

if TYPE_CHECKING:
    from ingate.client.sdk import AsyncIngate, Ingate
else:

    def __getattr__(name: str) -> Any:
        if name in {"AsyncIngate", "Ingate"}:
            from ingate.client import sdk

            return getattr(sdk, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["AsyncIngate", "Ingate", "async_http_client", "http_client"]
