"""A fast-agent that has moved something costs what that carried, one line, and never more."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("fast_agent")

SPEC = "litellm.groq/openai/gpt-oss-120b"
AFTER = f"""
import asyncio, os
import ingate.integrations.fast_agent as fa
from ingate import Gateway, ScriptedEngine

engine = ScriptedEngine()
engine.enqueue("Still answering.")
gateway = Gateway({{"groq": {{"api_key": "k"}}}}, engines=dict.fromkeys(("litellm", "native"), engine))
done = fa.register(gateway=gateway, specs=("{SPEC}",))
print("lost:", "; ".join(done.lost))

from fast_agent import FastAgent
from fast_agent.ui import model_picker

rows = [option.option_key for option in model_picker._SplitListPicker(config_path=None).snapshot.providers]
print("rows:", rows[:3])

fast = FastAgent("t", parse_cli_args=False, quiet=True)

@fast.agent(name="it", model="{SPEC}")
async def main():
    async with fast.run() as running:
        print("said:", await running.it.send("Hello"))

asyncio.run(main())
"""

PICKER = "from fast_agent.ui import model_picker as picker, model_picker_common as common\n"


def run(before: str) -> tuple[dict[str, str], str]:
    """What a program says after something of fast-agent's was taken away; its lines by name, and standard error."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(before) + AFTER],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = dict(
        line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith(("lost: ", "rows: ", "said: "))
    )
    return lines, "\n".join(line for line in done.stderr.splitlines() if line.startswith("ingate: "))


RENAMED = """
from fast_agent.core import model_resolution

def of_another_signature(ctx, default, moved=model_resolution._config_default_model):
    return moved(ctx, default)

model_resolution._config_default_model = of_another_signature
"""


@pytest.mark.parametrize(
    ("before", "lost"),
    [
        (PICKER + "del picker._MODEL_AVAILABILITY_MARKERS", "the marks"),
        (PICKER + "del common.provider_option_count_label", "the count"),
        (RENAMED, "litellm.default_model in programs"),
    ],
)
def test_one_thing_moved_costs_that_thing_alone(before: str, lost: str) -> None:
    lines, said = run(before)
    assert lines["lost"] == lost
    assert said.startswith("ingate: fast-agent ")
    assert said.endswith(f"has changed; without {lost}")
    assert said.count("\n") == 0
    assert lines["said"] == "Still answering."
    assert "litellm" in lines["rows"]


def test_an_order_that_moved_leaves_the_row_out_of_the_picker_or_elsewhere_in_it() -> None:
    lines, _ = run(PICKER + "common.PICKER_PROVIDER_ORDER = list(common.PICKER_PROVIDER_ORDER)")
    assert lines["lost"] == "the picker's order"
    assert lines["said"] == "Still answering."


def test_without_a_place_for_providers_a_named_model_still_answers() -> None:
    lines, said = run("from fast_agent.llm import model_factory as m\nm._MOVED = m._PROVIDER_CLASS_PATHS\n"
                      "load = m.ModelFactory._load_provider_class\ndel m._PROVIDER_CLASS_PATHS")  # fmt: skip
    assert lines["lost"].startswith("the providers")
    assert "the providers" in said
    assert lines["said"] == "Still answering."


def test_a_wrapper_that_fails_while_it_runs_leaves_the_hosts_own_answer() -> None:
    lines, _ = run(
        "from ingate.integrations.fast_agent import runtime\n"
        "def broken(*args): raise ZeroDivisionError\n"
        "runtime.Runtime.readiness = broken\n"
    )
    assert lines["said"] == "Still answering."
    assert "litellm" in lines["rows"]


def test_without_fast_agent_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['fast_agent'] = None\nimport importlib.util as u\nfind = u.find_spec\n"
        + textwrap.dedent(
            """
        u.find_spec = lambda name, *a: None if name == "fast_agent" else find(name, *a)
        import ingate.integrations.fast_agent as fa
        try:
            fa.register()
        except Exception as error:
            print(type(error).__name__, error.fix)
        """
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("MissingExtraError pip install '.[fast-agent]'")
