"""`POST /v1/embeddings`."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import TYPE_CHECKING, Any

from ingate.serve.checks import check_embeddings

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def embeddings(call: Call) -> None:
    """Embed text, in the encoding that was asked for whatever the provider answers in."""
    check_embeddings(call.body)
    answer = await call.gateway.embed(call.body)
    convert = _to_base64 if call.body.get("encoding_format") == "base64" else _to_floats
    data = [{**row, "embedding": convert(row.get("embedding"))} for row in answer.get("data") or ()]
    await call.reply({**answer, "data": data})


def _to_base64(vector: Any) -> Any:
    """32-bit floats, little-endian, as OpenAI packs them; SDKs ask for it unless told otherwise."""
    if not isinstance(vector, list):
        return vector
    return base64.b64encode(_little_endian(array("f", vector)).tobytes()).decode("ascii")


def _to_floats(vector: Any) -> Any:
    if not isinstance(vector, str):
        return vector
    return _little_endian(array("f", base64.b64decode(vector))).tolist()


def _little_endian(values: array[float]) -> array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
