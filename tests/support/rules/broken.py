"""A rule that a request breaks, as the provider reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.checks import Refused

if TYPE_CHECKING:
    from support.rules.load import Rule


class RuleBroken(Refused):
    """The provider answers 400: a model rejects this request.

    Attributes:
        rule: The rule.
        where: Where in the request.
        message: What the provider says.
    """

    def __init__(self, rule: Rule, where: str, message: str) -> None:
        super().__init__(f"{rule.id}: {where}: {message}")
        self.rule, self.where, self.message = rule, where, message

    @property
    def status(self) -> str:
        """The status line."""
        return {400: "400 Bad Request", 422: "422 Unprocessable Entity"}[self.rule.get("status", 400)]


def error_body(provider: str, wire: str, error: RuleBroken) -> Any:
    """The error as this provider writes it."""
    if wire == "messages" or provider == "anthropic":
        inner = {"type": "invalid_request_error", "message": error.message}
        return {"type": "error", "error": inner, "request_id": "req_0"}
    if wire == "gemini":
        return {"error": {"code": 400, "message": error.message, "status": "INVALID_ARGUMENT"}}
    if wire in {"bedrock", "invoke"}:
        return {"message": error.message}
    if wire == "cohere":
        return {"id": "r", "message": error.message}
    if wire == "ollama":
        return {"error": error.message}
    return _CHAT.get(provider, _openai)(error)


def _openai(error: RuleBroken) -> Any:
    return {
        "error": {
            "message": error.message,
            "type": error.rule.get("type", "invalid_request_error"),
            "param": error.where,
            "code": error.rule.get("code"),
        }
    }


def _mistral(error: RuleBroken) -> Any:
    if error.rule.get("status") == 422:
        loc = ["body", *error.where.replace("[", ".").replace("]", "").split(".")]
        return {"detail": [{"type": "extra_forbidden", "loc": loc, "msg": error.message, "input": None}]}
    said = {"object": "error", "message": error.message, "type": error.rule.get("type", "invalid_request_error")}
    return {**said, "param": None, "code": error.rule.get("code", "3051"), "raw_status_code": 400}


# Who writes errors of chat completions in a shape of their own.
_CHAT = {
    "mistral": _mistral,
    "xai": lambda error: {"code": "Client specified an invalid argument", "error": error.message},
    "zai": lambda error: {"error": {"code": "1210", "message": error.message}},
    "perplexity": lambda error: {
        "error": {"message": error.message, "type": error.rule.get("type", "invalid_parameter"), "code": 400}
    },
    "openrouter": lambda error: {
        "error": {"message": error.message, "code": 400, "metadata": {"provider_name": None}}
    },
    "cerebras": lambda error: {
        "message": error.message, "type": "invalid_request_error", "param": error.where, "code": "wrong_api_format"
    },
}  # fmt: skip
