"""simonw's llm with ingate's plugin: a streamed answer, structured output, and a tool.

python examples/llm_models.py [MODEL]      (on the command line: llm -m ingate/local/smollm2 "…")
"""

import os
import sys
from typing import Literal

# The package that brings SmolLM2's file is a plugin of llm too, and wants llama-cpp-python, which ingate does without.
os.environ.setdefault("LLM_LOAD_PLUGINS", "ingate")

import llm
from pydantic import BaseModel

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"


class Sky(BaseModel):
    colour: Literal["blue", "grey", "black"]
    stars: bool


class City(BaseModel):
    city: Literal["Ghent", "Lima"]


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


model = llm.get_model("ingate")

for piece in model.prompt("Say hello in one short sentence.", spec=MODEL):
    print(piece, end="", flush=True)
print()

# A larger model calls the tool by itself: model.chain("…", tools=[lookup_weather], options={"spec": MODEL}).
chosen = model.prompt("What is the weather in Ghent? Name the city.", schema=City, spec=MODEL)
print(lookup_weather(City.model_validate_json(chosen.text()).city))

answer = model.prompt("It is noon, and the sun shines. Describe the sky.", schema=Sky, spec=MODEL)
print(Sky.model_validate_json(answer.text()))
