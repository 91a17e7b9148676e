"""smolagents over ingate: a streamed answer, a tool, and structured output.

python examples/smolagents_tools.py [MODEL]
"""

import json
import sys
from typing import Literal

from pydantic import BaseModel
from smolagents import ChatMessage, OpenAIModel, tool

from ingate.client import http_client

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"


class Sky(BaseModel):
    colour: Literal["blue", "grey", "black"]
    stars: bool


@tool
def lookup_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: The city's name.
    """
    return f"In {city} it is 21 degrees and sunny."


def ask(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=[{"type": "text", "text": text}])]


with http_client() as transport:
    model = OpenAIModel(MODEL, "http://ingate/v1", "none", client_kwargs={"http_client": transport})

    for piece in model.generate_stream(ask("Say hello in one short sentence.")):
        print(piece.content or "", end="", flush=True)
    print()

    # smolagents asks for a call with tool_choice="required"; a ToolCallingAgent goes on from here by itself.
    answer = model.generate(ask("What is the weather in Ghent?"), tools_to_call_from=[lookup_weather])
    call = answer.tool_calls[0].function
    arguments = call.arguments if isinstance(call.arguments, dict) else json.loads(call.arguments)
    print(lookup_weather(**arguments))

    schema = {"name": "sky", "schema": Sky.model_json_schema()}
    question = ask("It is noon, and the sun shines. Describe the sky.")
    answer = model.generate(question, response_format={"type": "json_schema", "json_schema": schema})
    print(Sky.model_validate_json(answer.content))
