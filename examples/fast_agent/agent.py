"""An agent of fast-agent's on a model of ingate's, with a tool of a real MCP server.

    python examples/fast_agent/agent.py                                     # the local model, no key needed
    python examples/fast_agent/agent.py litellm.groq/openai/gpt-oss-120b    # any other

The model's name may also stand in fastagent.config.yaml (`default_model:`) or in an agent card.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fast_agent import FastAgent

import ingate.integrations.fast_agent as fa

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

fa.register()
fast = FastAgent(
    "example", config_path=str(Path(__file__).with_name("fastagent.config.yaml")), parse_cli_args=False, quiet=True
)


# The smallest models talk; tools want a larger one.
@fast.agent(instruction="Answer in one sentence.", model=MODEL, servers=[] if MODEL.startswith("local/") else ["clock"])
async def main() -> None:
    """Ask one question and print the answer."""
    async with fast.run() as agent:
        print(await agent.send("What is the time?" if not MODEL.startswith("local/") else "Why is the sky blue?"))


asyncio.run(main())
