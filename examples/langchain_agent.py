"""LangChain and LangGraph over ingate: a streamed answer, structured output, and a graph that calls a tool.

python examples/langchain_agent.py [MODEL]
"""

import sys
from typing import Literal

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel

from ingate import Gateway
from ingate.client import async_http_client, http_client

MODEL = sys.argv[1] if len(sys.argv) > 1 else "local/smollm2"

gateway = Gateway()
sync, asynchronous = http_client(gateway=gateway), async_http_client(gateway=gateway)
model = ChatOpenAI(
    model=MODEL, api_key="none", base_url="http://ingate/v1", http_client=sync, http_async_client=asynchronous
)


class Sky(BaseModel):
    """What the sky looks like."""

    colour: Literal["blue", "grey", "black"]
    stars: bool


@tool
def lookup_weather(city: Literal["Ghent", "Lima"]) -> str:
    """The weather in a city."""
    return f"In {city} it is 21 degrees and sunny."


def main() -> None:
    for piece in model.stream("Say hello in one short sentence."):
        print(piece.text, end="", flush=True)
    print()

    caller = model.bind_tools([lookup_weather], tool_choice="lookup_weather")
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [caller.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([lookup_weather]))
    graph.add_edge(START, "model")
    graph.add_edge("model", "tools")
    graph.add_edge("tools", END)
    state = graph.compile().invoke({"messages": [HumanMessage("What is the weather in Ghent?")]})
    print(state["messages"][-1].text)

    print(model.with_structured_output(Sky).invoke("It is noon, and the sun shines. Describe the sky."))


with sync:
    main()
