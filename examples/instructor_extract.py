"""instructor with ingate's client: data by a tool call, by a schema, and growing while it streams.

python examples/instructor_extract.py [MODEL]
"""

import sys
from typing import Literal

import instructor
from pydantic import BaseModel

import ingate

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"
QUESTION = [{"role": "user", "content": "It is noon, and the sun shines. Describe the sky."}]


class Sky(BaseModel):
    """What the sky looks like."""

    colour: Literal["blue", "grey", "black"]
    stars: bool


with ingate.Ingate() as client:
    by_tool = instructor.from_openai(client)
    print(by_tool.create(response_model=Sky, messages=QUESTION, model=MODEL))

    by_schema = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
    for sky in by_schema.create_partial(response_model=Sky, messages=QUESTION, model=MODEL):
        print(sky)
