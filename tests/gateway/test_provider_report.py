"""`ingate doctor PROVIDER`: every way to authenticate, what is set, and what would be sent where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.cli.main import run
from ingate.engines.litellm_ import load
from ingate.errors import UnknownProviderError
from ingate.gateway.provider_report import Alternative, LaneReport, Value, examine_provider
from ingate.providers import is_installed, providers
from support.credentials import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HAS_LITELLM = load.version() is not None


def report(name: str, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str], **sections: Any) -> Any:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    return examine_provider(Gateway(sections), name)


def lanes(found: Any) -> dict[str, tuple[str, str]]:
    return {lane.lane: (lane.address, lane.sends) for lane in found.lanes}


def test_each_alternative_says_what_is_set_and_which_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found = report("azure", monkeypatch, {"AZURE_API_KEY": SECRET, "AZURE_AD_TOKEN": SECRET})
    assert (found.name, found.state) == ("azure", "attention")
    assert found.reason == "azure has env AZURE_API_KEY, but AZURE_API_BASE is missing"
    key, base = Value("AZURE_API_KEY", "env AZURE_API_KEY"), Value("AZURE_API_BASE", "")
    assert found.alternatives[0] == Alternative((key, base), complete=False, in_use=False)
    assert len(found.alternatives) == len(providers()["azure"].env)
    assert not any(one.complete or one.in_use for one in found.alternatives)
    monkeypatch.setenv("AZURE_API_BASE", "https://mine.example")
    found = report("azure", monkeypatch, {})
    assert [one.complete for one in found.alternatives] == [True, False, False, True, False, False]
    assert [one.in_use for one in found.alternatives] == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "environ", "native", "litellm"),
    [
        (
            "groq",
            {"GROQ_API_KEY": SECRET},
            ("https://api.groq.com/openai/v1", "authorization: Bearer <env GROQ_API_KEY>"),
            ("", "api_key=<env GROQ_API_KEY>"),
        ),
        (
            "anthropic",
            {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_BASE_URL": "https://mine.example"},
            ("https://mine.example", "x-api-key: <env ANTHROPIC_API_KEY>"),
            ("https://mine.example", "api_key=<env ANTHROPIC_API_KEY>"),
        ),
        (
            "anthropic",
            {"ANTHROPIC_AUTH_TOKEN": SECRET},
            ("https://api.anthropic.com", "authorization: Bearer <env ANTHROPIC_AUTH_TOKEN>"),
            ("", "api_key=<env ANTHROPIC_AUTH_TOKEN>"),
        ),
        (
            "bedrock",
            {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"},
            (
                "https://bedrock-runtime.eu-west-1.amazonaws.com",
                "authorization: AWS4-HMAC-SHA256, signed with <env AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY>",
            ),
            (
                "",
                (
                    "aws_access_key_id=<env AWS_ACCESS_KEY_ID>, aws_secret_access_key=<env AWS_SECRET_ACCESS_KEY>, "
                    "aws_region_name=<env AWS_REGION>"
                ),
            ),
        ),
        (
            "bedrock",
            {"AWS_BEARER_TOKEN_BEDROCK": SECRET},
            ("https://bedrock-runtime.us-west-2.amazonaws.com", "authorization: Bearer <env AWS_BEARER_TOKEN_BEDROCK>"),
            ("", "api_key=<env AWS_BEARER_TOKEN_BEDROCK>"),
        ),
        (
            "vertex_ai",
            {"VERTEXAI_API_KEY": SECRET},
            ("https://aiplatform.googleapis.com", "x-goog-api-key: <env VERTEXAI_API_KEY>"),
            ("", ""),
        ),
        ("ollama", {}, ("http://localhost:11434", ""), ("", "")),
    ],
)
def test_it_says_what_would_be_sent_where(
    name: str,
    environ: dict[str, str],
    native: tuple[str, str],
    litellm: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "bedrock" and not is_installed("botocore"):
        pytest.skip("botocore is not installed")
    found = report(name, monkeypatch, environ)
    assert lanes(found)["native"] == native
    assert SECRET not in repr(found)
    if HAS_LITELLM:
        assert lanes(found)["litellm"] == litellm


@pytest.mark.skipif(not HAS_LITELLM, reason="litellm is not installed")
def test_a_lane_that_cannot_use_the_credential_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = report("vertex_ai", monkeypatch, {"VERTEXAI_API_KEY": SECRET})
    assert found.state == "ready"
    assert found.lanes[1] == LaneReport(
        "litellm",
        "attention",
        reason="litellm cannot use env VERTEXAI_API_KEY",
        fix="export VERTEXAI_CREDENTIALS=…, or set vertex_ai.vertex_credentials in ingate.yaml",
    )
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "id")
    environ = {"DATABRICKS_CLIENT_SECRET": SECRET, "DATABRICKS_API_BASE": "https://dbc.example/serving-endpoints"}
    native = report("databricks", monkeypatch, environ).lanes[0]
    assert native.state == "missing"
    assert native.reason == "only litellm can use env DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET"


def test_what_else_is_set_and_what_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_ORGANIZATION": "org-1", "OPENAI_KEY": SECRET}
    found = report("openai", monkeypatch, environ)
    assert found.optional == (Value("OPENAI_ORGANIZATION", "env OPENAI_ORGANIZATION"),)
    assert found.models > 10
    assert found.docs_url.startswith("https://")
    missing = report("anthropic", monkeypatch, {"CLAUDE_API_KEY": SECRET})
    assert missing.near_misses == ("CLAUDE_API_KEY is set; this provider reads ANTHROPIC_API_KEY",)
    assert (missing.state, missing.optional) == ("missing", ())


def test_a_file_in_use_is_named(monkeypatch: pytest.MonkeyPatch, clean_environment: Path) -> None:
    folder = clean_environment / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naws_access_key_id = AKID\naws_secret_access_key = s\n")
    found = report("bedrock", monkeypatch, {})
    assert found.file == "~/.aws/credentials [default]"
    assert found.files == ("~/.aws/credentials", "~/.aws/config")
    assert not any(one.in_use for one in found.alternatives)


def test_aliases_servers_and_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert report("google", monkeypatch, {}).name == "gemini"
    box = {"base_url": "http://box.example/v1", "api_key": SECRET}
    found = report("box", monkeypatch, {}, servers={"box": box})
    assert (found.name, found.state) == ("box", "ready")
    (lane,) = found.lanes
    assert lane.address == "http://box.example/v1"
    assert lane.sends.startswith("authorization: Bearer <")
    assert SECRET not in repr(found)
    proxy = report("litellm_proxy", monkeypatch, {}, litellm={"api_base": "http://proxy.example", "api_key": SECRET})
    assert (proxy.state, proxy.lanes[0].address) == ("ready", "http://proxy.example")


def test_an_unknown_provider_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownProviderError, match="did you mean 'anthropic'"):
        report("antropic", monkeypatch, {})


class TestCommand:
    """The command."""

    def test_it_shows_one_provider_and_exits_with_its_state(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("GROQ_API_KEY", SECRET)
        assert run(["doctor", "groq"]) == 0
        out = capsys.readouterr().out
        assert "✓ Groq (groq)" in out
        assert "✓ GROQ_API_KEY (env GROQ_API_KEY) · in use" in out
        assert "authorization: Bearer <env GROQ_API_KEY>" in out
        assert SECRET not in out

    def test_of_several_each_is_shown_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("AZURE_API_KEY", SECRET)
        assert run(["doctor", "azure", "xai", "azure"]) == 1
        out = capsys.readouterr().out
        assert out.count("Azure OpenAI (azure)") == 1
        assert "○ AZURE_API_KEY (env AZURE_API_KEY) + AZURE_API_BASE (not set)" in out
        assert "✗ xAI (xai)" in out
        assert out.count("fix: export XAI_API_KEY=…") == 1  # not again for each lane
        assert "native: no address is known" in out

    def test_json_has_everything(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["doctor", "xai", "--json"]) == 1
        (found,) = json.loads(capsys.readouterr().out)
        assert found["name"] == "xai"
        assert found["alternatives"] == [
            {"values": [{"name": "XAI_API_KEY", "source": ""}], "complete": False, "in_use": False}
        ]
        assert {lane["lane"] for lane in found["lanes"]} == {"native", "litellm"}


@pytest.mark.skipif(not HAS_LITELLM, reason="litellm is not installed")
def test_explain_lists_the_tiers_of_a_price(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = Gateway({}).explain("gemini/gemini-2.5-pro")
    assert found.price_tiers == (
        {
            "above_tokens": 200_000,
            "input_usd_per_mtok": 2.5,
            "output_usd_per_mtok": 15.0,
            "cache_read_usd_per_mtok": 0.25,
        },
    )
    assert run(["explain", "gemini/gemini-2.5-pro"]) == 0
    out = capsys.readouterr().out
    assert "price       from 1.25 in · from 10 out · from 0.125 cached" in out
    assert "2.5 in · 15 out · 0.25 cached if the prompt is longer than 200k" in out
    (flat,) = Gateway({}).explain("groq/openai/gpt-oss-120b")
    assert flat.price_tiers == ()
