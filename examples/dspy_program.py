"""DSPy over ingate: a program with typed output, a tool, and a streamed answer.

python examples/dspy_program.py [MODEL]
"""

import asyncio
import sys
from typing import Literal

import dspy

from ingate.integrations.dspy import lm

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

# JSON is what a small model can be held to; without an adapter DSPy asks for fields between marks.
dspy.configure(lm=lm(MODEL, cache=False, max_tokens=200), adapter=dspy.JSONAdapter())


class DescribeSky(dspy.Signature):
    """Describe the sky."""

    scene: str = dspy.InputField()
    colour: Literal["blue", "grey", "black"] = dspy.OutputField()
    stars: bool = dspy.OutputField()


class ChooseCity(dspy.Signature):
    """Choose the city that the question is about."""

    question: str = dspy.InputField()
    city: Literal["Ghent", "Lima"] = dspy.OutputField()


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


async def stream() -> None:
    program = dspy.streamify(dspy.Predict(DescribeSky))
    async for piece in program(scene="It is noon, and the sun shines."):
        if isinstance(piece, dspy.Prediction):
            print()
            print(f"colour={piece.colour} stars={piece.stars}")
        else:
            print(piece.choices[0].delta.content or "", end="", flush=True)


# A tool with one argument, chosen by a signature; dspy.ReAct lets a larger model choose among several.
tool = dspy.Tool(lookup_weather)
print(tool(city=dspy.Predict(ChooseCity)(question="What is the weather in Ghent?").city))
asyncio.run(stream())
