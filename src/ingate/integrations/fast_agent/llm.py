"""fast-agent's OpenAI chat code with ingate's in-process `AsyncOpenAI` as its client.

Imported by fast-agent itself when one of ingate's models is first used.
"""

from __future__ import annotations

import base64
import inspect
from typing import TYPE_CHECKING, Any, Final

from fast_agent.core.exceptions import ModelConfigError  # ty: ignore[import-not-found]
from fast_agent.llm.provider.openai.llm_openai import OpenAILLM  # ty: ignore[import-not-found]
from fast_agent.llm.provider_types import Provider  # ty: ignore[import-not-found]
from fast_agent.llm.stream_types import StreamChunk  # ty: ignore[import-not-found]
from openai import APIError, APIStatusError
from openai.resources.chat.completions import AsyncCompletions

from ingate.client import AsyncIngate
from ingate.errors import IngateError
from ingate.integrations.fast_agent import runtime
from ingate.integrations.fast_agent.facts import model_parameters
from ingate.integrations.fast_agent.providers import ingate_spec

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_SDK_ARGUMENTS: Final = frozenset(inspect.signature(AsyncCompletions.create).parameters)
_FINAL_TYPES: Final = frozenset(
    {"authentication_error", "permission_error", "invalid_request_error", "configuration_error", "not_served"}
)


class IngateLLM(OpenAILLM):
    """A model behind the gateway in this process.

    Attributes:
        spec: The ingate spec that every request carries as its model.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("provider", None)
        # The gateway determines keys and addresses; an overlay's would refer to another server.
        resolved = kwargs.get("resolved_model_spec")
        self.spec = spec_of(resolved, kwargs.get("model"))
        effort = kwargs.get("reasoning_effort")
        super().__init__(provider=getattr(resolved, "provider", None) or Provider.GENERIC, **kwargs)
        if effort is None:
            # The parent class used the `openai:` section's effort, which is meant for OpenAI's own models.
            self.set_reasoning_effort(None)

    def _openai_client(self) -> AsyncOpenAI:
        try:
            gateway = runtime.current().gateway(getattr(self.context, "config", None))
            headers = self._init_default_headers if hasattr(self, "_init_default_headers") else None
            # fast-agent retries a failed turn itself (`llm_retries`), so no layer below it does.
            return AsyncIngate(gateway=gateway, max_retries=0, default_headers=headers)
        except IngateError as error:
            raise ModelConfigError(str(error), error.fix) from error

    def _provider_api_key(self) -> str:
        return "in-process"

    def _provider_base_url(self) -> None:
        return None

    def _provider_default_headers(self) -> None:
        return None

    def _initialize_default_params(self, kwargs: dict[str, Any]) -> Any:
        params = super()._initialize_default_params(kwargs)
        # This is the model's maximum output, which several providers reject as a request's limit; the user's own limit
        # is merged in afterwards.
        params.max_tokens = None
        return params

    def _get_model_params(self, model_name: str | None) -> Any:
        own = self.default_request_params.model if getattr(self, "default_request_params", None) else None
        if model_name and (own is None or model_name == own):
            try:
                return self._own_params()
            except IngateError:
                pass  # the call itself will report it
        return super()._get_model_params(model_name)

    def _own_params(self) -> Any:
        if not hasattr(self, "_ingate_params"):
            gateway = runtime.current().gateway(getattr(self.context, "config", None))
            self._ingate_params = model_parameters(gateway, self.spec)
        return self._ingate_params

    def _prepare_api_request(self, messages: Any, tools: Any, request_params: Any) -> dict[str, Any]:
        arguments = super()._prepare_api_request(messages, tools, request_params)
        default = self.default_request_params.model if self.default_request_params else None
        if arguments.get("model") in {default, None}:
            arguments["model"] = self.spec
        if not arguments.get("tools"):
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                arguments.pop(name, None)
        if (effort := self._chosen_effort()) is not None:
            arguments["reasoning_effort"] = effort
        extra = dict(arguments.get("extra_body") or {})
        for name in [name for name in arguments if name not in _SDK_ARGUMENTS]:
            extra[name] = arguments.pop(name)
        if extra:
            arguments["extra_body"] = extra
        return arguments

    def _chosen_effort(self) -> str | None:
        """The effort that was asked for; None leaves it to the provider."""
        setting = self.reasoning_effort
        if setting is None or setting.value == "auto":
            return None
        if setting.kind == "toggle":
            return "medium" if setting.value else "none"
        return str(setting.value) if setting.kind == "effort" else None

    def adjust_schema(self, input_schema: dict, model_name: str | None = None) -> dict:
        """Add the empty `properties` that OpenAI's format requires of a tool without parameters."""
        schema = super().adjust_schema(input_schema, model_name)
        return schema if "properties" in schema else {**schema, "properties": {}}

    async def _normalize_chat_file_part(self, client: AsyncOpenAI, part: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Send a file inside the request, since only OpenAI's own servers accept uploads."""
        file = part.get("file") if part.get("type") == "file" else None
        url = file.get("file_url") if isinstance(file, dict) else None
        if not isinstance(url, str) or not url:
            return part, False
        data, name, mime = await self._chat_file_bytes_from_url(url, self._chat_file_filename(file))
        if data is None:
            return part, False
        encoded = base64.b64encode(data).decode()
        inline = {"filename": name or "file", "file_data": f"data:{mime or 'application/pdf'};base64,{encoded}"}
        return {"type": "file", "file": inline}, True

    async def _execute_with_retry(self, func: Any, *args: Any, on_final_error: Any = None, **kwargs: Any) -> Any:
        """fast-agent's retries, limited to errors that a retry may solve; others are reported at once."""

        async def once(*inner: Any, **named: Any) -> Any:
            try:
                return await func(*inner, **named)
            except APIError as error:
                if worth_retrying(error):
                    raise
                raise FinalError(error) from error

        try:
            return await super()._execute_with_retry(once, *args, on_final_error=on_final_error, **kwargs)
        except FinalError as final:
            self._notify_stream_listeners(StreamChunk(event="rollback"))
            return await self._handle_exhausted_retries(final.error, on_final_error)

    @staticmethod
    def _is_fatal_retry_error(error: Exception) -> bool:
        return isinstance(error, FinalError) or OpenAILLM._is_fatal_retry_error(error)

    def _handle_retry_failure(self, error: Exception) -> Any:
        return super()._handle_retry_failure(with_fix(error) if isinstance(error, APIError) else error)


def spec_of(resolved: Any, model: str | None) -> str:
    """The ingate spec of the model that fast-agent resolved; `model` if it resolved none."""
    if resolved is None:
        return model or ""
    from fast_agent.llm.model_factory import ModelFactory  # ty: ignore[import-not-found]

    overlay = getattr(resolved, "overlay", None)
    return ingate_spec(
        getattr(getattr(resolved, "provider", None), "value", ""),
        resolved.wire_model_name,
        getattr(overlay, "compiled_model_spec", None),
        getattr(resolved, "raw_input", None),
        getattr(resolved, "selected_model_name", None),
        model,
        presets=ModelFactory.get_runtime_presets(),
    )


class FinalError(ModelConfigError):
    """Carries an error through fast-agent's retries, which do not retry this class."""

    def __init__(self, error: APIError) -> None:
        super().__init__(str(error))
        self.error = error


def worth_retrying(error: APIError) -> bool:
    """Whether a retry may help, according to the gateway: an overloaded provider, but not a wrong key."""
    if not isinstance(error, APIStatusError):
        return _body(error).get("type") not in _FINAL_TYPES  # in a running stream, or without a response
    header = error.response.headers.get("x-should-retry")
    return header == "true" if header is not None else error.status_code in {408, 409, 429} or error.status_code >= 500


def with_fix(error: APIError) -> APIError:
    """The same error with the gateway's message: what happened, and what to do about it."""
    body = _body(error)
    message = body.get("message")
    if not isinstance(message, str) or not message:
        return error
    fix = body.get("fix")
    error.message = f"{message.rstrip('.')}. To fix it: {fix}" if isinstance(fix, str) and fix else message
    error.args = (error.message,)
    return error


def _body(error: APIError) -> dict[str, Any]:
    """The `error` object of the response body."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body["error"]
    return body if isinstance(body, dict) else {}
