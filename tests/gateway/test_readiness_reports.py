"""The whole readiness of a model: state, source, reason, fix, lane and address, for each way to reach one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate.catalog.schema import ModelRow
from ingate.config import load
from ingate.gateway import Gateway
from ingate.gateway.models import Fetched
from ingate.gateway.readiness import Readiness, ReadinessChecker

if TYPE_CHECKING:
    from collections.abc import Callable

BOX = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""
GROQ = {"GROQ_API_KEY": "gsk-a-key"}
PROXY = {"LITELLM_API_BASE": BOX, "LITELLM_API_KEY": "sk-a-key"}
PROXY_SOURCE = "env LITELLM_API_BASE, env LITELLM_API_KEY"
DOCS = "https://docs.litellm.ai/docs/providers"
NOT_CHECKED = f"answers only while a server runs at {BOX}, which was not checked"


def checker(
    environ: dict[str, str],
    config: dict[str, Any] | None = None,
    lists: dict[str, Any] | None = None,
    installed: Callable[[str], bool] = lambda name: True,
) -> ReadinessChecker:
    router = Gateway(load(config or {}, environ=environ)).router
    return ReadinessChecker(router, lists=lists, installed=installed)


def groq(**more: Any) -> Readiness:
    """Groq without a credential, changed."""
    fields: dict[str, Any] = {
        "state": "missing", "spec": "groq/m", "provider": "groq", "display_name": "Groq",
        "reason": "groq needs a key: set GROQ_API_KEY", "fix": "export GROQ_API_KEY=…, or set groq.api_key in ingate.yaml",
        "lane": "native", "docs_url": f"{DOCS}/groq", "api_base": "https://api.groq.com/openai/v1", "api_base_source": "default",
    }  # fmt: skip
    return Readiness(**{**fields, **more})


def deployment(**more: Any) -> Readiness:
    """A deployment of the configured proxy, changed."""
    fields: dict[str, Any] = {
        "state": "ready", "spec": "litellm/m", "provider": "litellm_proxy", "display_name": "LiteLLM proxy",
        "source": PROXY_SOURCE, "lane": "proxy", "docs_url": f"{DOCS}/litellm_proxy", "api_base": BOX,
        "api_base_source": PROXY_SOURCE, "has_credential": True,
    }  # fmt: skip
    return Readiness(**{**fields, **more})


def mybox(**more: Any) -> Readiness:
    """A configured server without a key, changed."""
    fields: dict[str, Any] = {
        "state": "attention", "spec": "mybox/m", "provider": "mybox", "display_name": "mybox", "source": "no key configured",
        "reason": NOT_CHECKED, "fix": f"start the server at {BOX}", "lane": "native", "api_base": BOX,
        "api_base_source": "config mapping servers.mybox.base_url", "has_credential": True,
    }  # fmt: skip
    return Readiness(**{**fields, **more})


KEYED: dict[str, Any] = {"reason": "", "fix": "", "source": "env GROQ_API_KEY", "has_credential": True}


@pytest.mark.parametrize(
    ("environ", "listed", "expected"),
    [
        (GROQ, None, groq(state="ready", **KEYED)),
        (GROQ | PROXY, None, groq(state="ready", **KEYED)),
        ({}, None, groq()),
        (PROXY, Fetched(problem="refused"), groq()),
        (PROXY, Fetched(), groq()),
        (PROXY, Fetched((ModelRow("litellm_proxy", "groq/m"),)), groq(
            state="ready", reason="", fix="", lane="proxy", source=f"proxy {BOX} ({PROXY_SOURCE})",
        )),
        (PROXY, None, groq(
            state="attention", lane="proxy",
            reason=f"groq needs a key: set GROQ_API_KEY; the proxy at {BOX} may serve it, which was not checked",
        )),
    ],
)  # fmt: skip
def test_a_providers_model_by_its_key_or_through_the_proxy(
    environ: dict[str, str], listed: Fetched | None, expected: Readiness
) -> None:
    lists = {} if listed is None else {"litellm_proxy": listed}
    assert checker(environ, lists=lists).check("groq/m") == expected


@pytest.mark.parametrize(
    ("environ", "config", "listed", "expected"),
    [
        (PROXY, {}, None, deployment()),
        (PROXY, {}, Fetched(), deployment()),
        (PROXY, {}, Fetched(problem="refused"), deployment(
            state="attention", reason="refused", fix=f"start the proxy at {BOX}, or correct its key",
        )),
        ({}, {}, None, deployment(
            state="missing", source="", api_base=None, api_base_source="", has_credential=False,
            reason="no LiteLLM proxy is configured",
            fix="set LITELLM_API_BASE and LITELLM_API_KEY, or litellm.api_base and litellm.api_key in ingate.yaml",
        )),
        (PROXY, {"disabled_providers": ["litellm_proxy"]}, None, deployment(
            state="missing", source="", api_base=None, api_base_source="", has_credential=False,
            reason="litellm_proxy is disabled in config mapping", fix="remove litellm_proxy from disabled_providers",
        )),
        ({"LITELLM_API_BASE": BOX}, {}, None, deployment(
            state="attention", source="env LITELLM_API_BASE", api_base_source="env LITELLM_API_BASE",
            reason=NOT_CHECKED, fix=f"start the server at {BOX}",
        )),
        ({"LITELLM_API_BASE": BOX}, {}, Fetched(), deployment(
            source=f"env LITELLM_API_BASE; a server answers at {BOX}", api_base_source="env LITELLM_API_BASE",
        )),
    ],
)  # fmt: skip
def test_a_deployment_of_the_proxy(
    environ: dict[str, str], config: dict[str, Any], listed: Fetched | None, expected: Readiness
) -> None:
    lists = {} if listed is None else {"litellm_proxy": listed}
    found = checker(environ, config, lists)
    assert found.check("litellm/m") == expected
    last = found.snapshot()[-1]
    assert (last.spec, last.state, last.reason) == ("", expected.state, expected.reason)
    if found.proxy is not None:
        assert found.provider("litellm_proxy") == last


@pytest.mark.parametrize(
    ("config", "environ", "listed", "expected"),
    [
        ({}, {}, None, mybox()),
        ({}, {}, Fetched(), mybox(
            state="ready", reason="", fix="", source=f"no key configured; a server answers at {BOX}",
        )),
        ({}, {}, Fetched(problem="refused"), mybox(reason="refused")),
        ({"api_key": "env:MYBOX_KEY"}, {"MYBOX_KEY": "a-key"}, None, mybox(
            state="ready", reason="", fix="", source="config mapping servers.mybox.api_key (env MYBOX_KEY)",
        )),
        ({"api_key": "env:MYBOX_KEY"}, {"MYBOX_KEY": "a-key"}, Fetched(problem="refused"), mybox(
            reason="refused", source="config mapping servers.mybox.api_key (env MYBOX_KEY)",
        )),
        ({"api_key": "env:MYBOX_KEY"}, {}, None, mybox(
            state="missing", source="", has_credential=False, fix="export MYBOX_KEY=…",
            reason="config mapping servers.mybox.api_key (env MYBOX_KEY) has no value",
        )),
    ],
)  # fmt: skip
def test_a_configured_server(
    config: dict[str, Any], environ: dict[str, str], listed: Fetched | None, expected: Readiness
) -> None:
    lists = {} if listed is None else {"mybox": listed}
    found = checker(environ, {"servers": {"mybox": {"base_url": BOX, **config}}}, lists)
    assert found.check("mybox/m") == found.check("mybox/m") == expected
    assert found.provider("mybox").state == found.state("mybox", "m") == expected.state
    assert [one.state for one in found.snapshot() if one.provider == "mybox"] == [expected.state]


def test_what_is_disabled_says_where_and_offers_nothing() -> None:
    config = {
        "disabled_providers": ["groq", "mybox", "local", "tensorzero"], "servers": {"mybox": {"base_url": BOX}},
    }  # fmt: skip
    found = checker(GROQ, config)

    def fields(name: str) -> dict[str, Any]:
        reason, fix = f"{name} is disabled in config mapping", f"remove {name} from disabled_providers"
        return {"state": "missing", "source": "", "reason": reason, "fix": fix, "has_credential": False}

    assert found.check("groq/m") == groq(**fields("groq"))
    assert found.check("mybox/m") == mybox(**fields("mybox"))
    assert found.check("local/smollm2") == Readiness(
        **fields("local"), spec="local/smollm2", provider="local", display_name="A model in this process", lane="local"
    )
    tensorzero = found.check("tensorzero/x")
    assert (tensorzero.state, tensorzero.reason) == ("missing", "tensorzero is disabled in config mapping")


def test_without_litellm_only_its_own_lane_needs_attention() -> None:
    found = checker(GROQ, installed=lambda name: name != "litellm")
    lane = {**KEYED, "lane": "litellm", "state": "attention"}
    on_litellm = found.check("litellm.groq/m")
    assert on_litellm == groq(**{**lane, "spec": "litellm.groq/m", "reason": on_litellm.reason, "fix": on_litellm.fix})
    assert "litellm" in on_litellm.reason
    assert found.provider("groq", "litellm").state == "attention"
    assert found.check("groq/m") == groq(state="ready", **KEYED)
    assert found.provider("groq").state == "ready"
    # With a credential, another model's lane may differ; without one, none has a state of its own.
    assert [found.state("groq", "m"), found.state("groq", "m", "litellm")] == ["ready", "attention"]


def test_local_models_need_the_engine_and_a_file() -> None:
    without = checker({}, installed=lambda name: name != "xllamacpp").check("local/smollm2")
    assert (without.state, without.reason, without.has_credential) == ("attention", "xllamacpp is not installed", False)
    assert without.fix == "pip install '.[local]' in ingate's folder"
    assert checker({}).check("local/nothing") == Readiness(
        state="missing", spec="local/nothing", provider="local", display_name="A model in this process", lane="local",
        reason="there is no local model 'nothing'",
        fix="name its file in ingate.yaml, under local: models: {nothing: /path/to/file.gguf}",
    )  # fmt: skip


def test_unknown_names_are_missing_with_the_nearest_one() -> None:
    expected = Readiness(
        state="missing", spec="groqq/m", provider="groqq", display_name="groqq",
        reason="'groqq' is not a provider; did you mean 'groq'?", fix="write groq",
    )  # fmt: skip
    found = checker({})
    assert found.check("groqq/m") == expected
    assert found.provider("groqq").reason == expected.reason


def test_tensorzero_over_http_is_ready_if_it_answers_or_has_a_key() -> None:
    base = "http://localhost:3000/openai/v1"
    expected: dict[str, Any] = {
        "spec": "tensorzero/x", "provider": "tensorzero", "display_name": "TensorZero", "lane": "native", "api_base": base,
        "has_credential": True,
    }  # fmt: skip
    assert checker({}).check("tensorzero/x") == Readiness(
        **expected, state="attention", source="no key needed", fix=f"start the server at {base}",
        reason=f"answers only while a server runs at {base}, which was not checked",
    )  # fmt: skip
    answered = checker({}, lists={"tensorzero": Fetched()}).check("tensorzero/x")
    assert answered == Readiness(**expected, state="ready", source=f"no key needed; a server answers at {base}")
