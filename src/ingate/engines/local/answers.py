"""llama.cpp's errors as `IngateError`s, and its chunks without its own extra fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError, ContextTooLongError, IngateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGER_CONTEXT: Final = (
    "shorten the conversation, or raise local.context_tokens in ingate.yaml up to the model's limit"
)
_OWN_KEYS: Final = frozenset({"timings", "system_fingerprint", "prompt_progress", "__verbose"})


def error_from(body: Mapping[str, Any]) -> IngateError:
    """The error for llama.cpp's `{"code", "message", "type"}`."""
    message = str(body.get("message", "llama.cpp gave no reason"))
    if body.get("type") == "exceed_context_size_error":
        return ContextTooLongError(
            f"the conversation has {body.get('n_prompt_tokens')} tokens; the local model accepts {body.get('n_ctx')}",
            provider="local",
            fix=_LARGER_CONTEXT,
            provider_message=message,
        )
    if "context size" in message.lower():
        return ContextTooLongError(message, provider="local", fix=_LARGER_CONTEXT, provider_message=message)
    if body.get("code") == BadRequestError.status:
        return BadRequestError(
            f"the local model rejected the request: {message}", provider="local", provider_message=message
        )
    return UnavailableError(f"the local model failed: {message}", provider="local", provider_message=message)


def error_from_exception(error: Exception) -> IngateError:
    """The error for an exception of xllamacpp, which raises for requests that its chat template cannot render."""
    if isinstance(error, ValueError | TypeError | RuntimeError):
        return error_from({"code": BadRequestError.status, "message": str(error)})
    return UnavailableError(f"the local model failed: {error!r}", provider="local", retryable=False)


def own_chunk(piece: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A chunk with the model's name in place of its file's, without llama.cpp's extra fields."""
    chunk = {name: value for name, value in piece.items() if name not in _OWN_KEYS}
    chunk["model"] = model
    return chunk
