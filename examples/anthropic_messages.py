"""The anthropic SDK over ingate: a streamed message, structured output, and a tool, from any provider.

python examples/anthropic_messages.py [MODEL]
"""

import sys

import anthropic

import ingate

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

WEATHER = {
    "name": "lookup_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Ghent", "Lima"]}},
        "required": ["city"],
    },
}
SKY = {
    "name": "describe_sky",
    "description": "What the sky looks like.",
    "input_schema": {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["blue", "grey", "black"]}, "stars": {"type": "boolean"}},
        "required": ["colour", "stars"],
    },
}


def lookup_weather(city: str) -> str:
    return f"In {city} it is 21 degrees and sunny."


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def called(tool: dict, text: str) -> dict:
    """The arguments that the model gives to a tool that it has to call."""
    choice = {"type": "tool", "name": tool["name"]}
    message = client.messages.create(model=MODEL, max_tokens=200, messages=ask(text), tools=[tool], tool_choice=choice)
    return next(block.input for block in message.content if block.type == "tool_use")


http_client = ingate.http_client(module=anthropic)
with anthropic.Anthropic(api_key="none", base_url="http://ingate", http_client=http_client) as client:
    with client.messages.stream(model=MODEL, max_tokens=60, messages=ask("Say hello in one short sentence.")) as stream:
        for piece in stream.text_stream:
            print(piece, end="", flush=True)
    print()

    print(lookup_weather(**called(WEATHER, "What is the weather in Ghent?")))
    sky = called(SKY, "It is noon, and the sun shines. Describe the sky.")
    print(f"colour={sky['colour']} stars={sky['stars']}")
