"""LlamaIndex over ingate: a streamed answer, a tool, and structured output.

python examples/llama_index_chat.py [MODEL]
"""

import sys
from typing import Literal

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from ingate import Gateway
from ingate.client import async_http_client, http_client

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

gateway = Gateway()
sync, asynchronous = http_client(gateway=gateway), async_http_client(gateway=gateway)
model = OpenAILike(
    MODEL, api_base="http://ingate/v1", api_key="none", http_client=sync, async_http_client=asynchronous,
    is_chat_model=True, is_function_calling_model=True, should_use_structured_outputs=True, context_window=8192,
)  # fmt: skip


class Sky(BaseModel):
    """What the sky looks like."""

    colour: Literal["blue", "grey", "black"]
    stars: bool


def lookup_weather(city: Literal["Ghent", "Lima"]) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


with sync:
    for piece in model.stream_chat(ask("Say hello in one short sentence.")):
        print(piece.delta, end="", flush=True)
    print()

    tool = FunctionTool.from_defaults(lookup_weather)
    answer = model.chat_with_tools([tool], "What is the weather in Ghent?", tool_required=True)
    for call in model.get_tool_calls_from_response(answer):
        print(tool(**call.tool_kwargs).content)

    observer = model.as_structured_llm(Sky)
    print(observer.chat(ask("It is noon, and the sun shines. Describe the sky.")).raw)
