"""An httpx client over ingate: no SDK, OpenAI's JSON. Streamed text, structured output, and a tool.

python examples/httpx_client.py [MODEL]
"""

import asyncio
import json
import sys

import ingate

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"
CITY = {"type": "object", "properties": {"city": {"enum": ["Ghent", "Lima"]}}, "required": ["city"]}
SKY = {
    "type": "object",
    "properties": {"colour": {"enum": ["blue", "grey", "black"]}, "stars": {"type": "boolean"}},
    "required": ["colour", "stars"],
}


def lookup_weather(city: str) -> str:
    return f"In {city} it is 21 degrees and sunny."


def ask(text: str, **details: object) -> dict[str, object]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **details}


async def main() -> None:
    async with ingate.async_http_client() as client:
        question = ask("Say hello in one short sentence.", stream=True)
        async with client.stream("POST", "/chat/completions", json=question) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line.removeprefix("data: "))["choices"]:
                        print(choice["delta"].get("content") or "", end="", flush=True)
        print()

        tool = {"type": "function", "function": {"name": "lookup_weather", "parameters": CITY}}
        question = ask("What is the weather in Ghent?", tools=[tool], tool_choice="required")
        completion = (await client.post("/chat/completions", json=question)).json()
        call = completion["choices"][0]["message"]["tool_calls"][0]["function"]
        print(lookup_weather(**json.loads(call["arguments"])))

        schema = {"type": "json_schema", "json_schema": {"name": "sky", "schema": SKY}}
        question = ask("It is noon, and the sun shines. Describe the sky.", response_format=schema)
        completion = (await client.post("/chat/completions", json=question)).json()
        sky = json.loads(completion["choices"][0]["message"]["content"])
        print(f"colour={sky['colour']} stars={sky['stars']}")


asyncio.run(main())
