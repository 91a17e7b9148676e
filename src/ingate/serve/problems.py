"""Requests that are wrong in themselves, told the way OpenAI tells them."""

from __future__ import annotations

from typing import Any

from ingate._errors import BadRequest, IngateError


class InvalidRequest(BadRequest):
    """The request's body is not what the endpoint takes.

    Attributes:
        param: The parameter at fault (`"messages[0].role"`), None where it is the body as a whole.
    """

    default_code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.param = param


class MethodNotAllowed(IngateError):
    """The endpoint exists, the method does not (405).

    Attributes:
        allowed: The methods it has.
    """

    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.allowed = allowed


class InternalError(IngateError):
    """A fault in ingate itself (500). The log has the traceback; the answer tells nothing of the request."""

    default_code = "internal_error"
