"""The OpenAI Agents SDK with ingate's client: a streamed answer, a tool, and structured output.

python examples/openai_agents.py [MODEL]
"""

import asyncio
import sys
from typing import Literal

from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from pydantic import BaseModel

import ingate

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

set_tracing_disabled(True)  # traces go to OpenAI's servers, which need a key


class Sky(BaseModel):
    colour: Literal["blue", "grey", "black"]
    stars: bool


@function_tool
def lookup_weather(city: Literal["Ghent", "Lima"]) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


async def main() -> None:
    async with ingate.AsyncIngate() as client:
        model = OpenAIResponsesModel(model=MODEL, openai_client=client)

        run = Runner.run_streamed(Agent(name="Assistant", model=model), "Say hello in one short sentence.")
        async for event in run.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                print(event.data.delta, end="", flush=True)
        print()

        # `required`, because a small model would rather answer than call a tool.
        caller = Agent(
            name="Caller",
            model=model,
            tools=[lookup_weather],
            model_settings=ModelSettings(tool_choice="required"),
            tool_use_behavior="stop_on_first_tool",
        )
        print((await Runner.run(caller, "What is the weather in Ghent?")).final_output)

        observer = Agent(name="Observer", model=model, output_type=Sky)
        print((await Runner.run(observer, "It is noon, and the sun shines. Describe the sky.")).final_output)


asyncio.run(main())
