"""Images by address, which some providers do not fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.adapt.draft import Draft


def with_accepted_images(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Replace images by address where `facts["url_images"]` is False.

    In an earlier turn, which the model has answered, one becomes a note with its address.

    Raises:
        BadRequestError: The user's last message has one.
    """
    messages = draft.messages
    if facts.get("url_images", True) is not False or messages is None:
        return
    last = max(
        (at for at, one in enumerate(messages) if isinstance(one, dict) and one.get("role") == "user"), default=0
    )
    left_out = 0
    made = list(messages)
    for at, message in enumerate(messages):
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list) or not any(_address(part) for part in content):
            continue
        if at >= last:
            raise BadRequestError(
                f"{draft.model!r} does not accept an image by its address here",
                code="unsupported_value",
                fix="send the image's content as a data URL (data:image/png;base64,…)",
            )
        left_out += 1
        parts = [{"type": "text", "text": f"(image: {url})"} if (url := _address(part)) else part for part in content]
        made[at] = {**message, "content": parts}
    if left_out:
        why = "images of earlier turns were left out: the provider accepts no addresses of images"
        draft.change("messages", made, why)


def _address(part: Any) -> str:
    if not isinstance(part, dict) or part.get("type") not in {"image_url", "input_image"}:
        return ""
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, dict) else given
    return url if isinstance(url, str) and url[:5].lower() != "data:" and not url.startswith(("gs://", "s3://")) else ""
