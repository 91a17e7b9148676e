"""Pydantic AI with ingate's client: a streamed answer, a tool, and structured output.

python examples/pydantic_ai_agent.py [MODEL]
"""

import asyncio
import sys
from typing import Literal

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import ingate

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"


class Sky(BaseModel):
    colour: Literal["blue", "grey", "black"]
    stars: bool


def lookup_weather(city: Literal["Ghent", "Lima"]) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


async def main() -> None:
    async with ingate.AsyncIngate() as client:
        model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))

        async with Agent(model).run_stream("Say hello in one short sentence.") as answer:
            async for piece in answer.stream_text(delta=True, debounce_by=None):
                print(piece, end="", flush=True)
        print()

        # A function as output: its arguments are what the model has to give.
        caller = Agent(model, output_type=ToolOutput(lookup_weather))
        print((await caller.run("What is the weather in Ghent?")).output)

        observer = Agent(model, output_type=NativeOutput(Sky))
        print((await observer.run("It is noon, and the sun shines. Describe the sky.")).output)


asyncio.run(main())
