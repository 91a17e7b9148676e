"""A ✓ means that a call authenticates: for every provider, every alternative and both lanes, what the mark promises arrives.

Alternatives that are exchanged for a token at another address have a test of their own below or in `tests/engines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ingate import Gateway
from ingate.config import provider_names
from ingate.engines.litellm_ import load
from ingate.errors import IngateError, UnknownProviderError
from ingate.providers import aliases, providers
from ingate.providers.registry import is_credential
from support import litellm as h
from support.credentials import SECRET, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingate.providers import Provider

HI: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "Hi"}]}
# A model whose name the provider's lane needs; any other is called "m".
MODELS: Final = {
    "vertex_ai": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "clarifai": "openai.chat-completion.m",
}
# The variables whose value is sent elsewhere first, for a token, or is a file that this table does not make.
EXCHANGED: Final = frozenset(
    {"ANTHROPIC_FEDERATION_RULE_ID", "GIGACHAT_CREDENTIALS", "GIGACHAT_API_KEY", "AWS_PROFILE", "AWS_ROLE_ARN",
     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "VERTEXAI_CREDENTIALS",
     "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_SECRET", "AZURE_PASSWORD", "WATSONX_APIKEY", "DATABRICKS_CLIENT_ID",
     "OCI_USER", "AICORE_SERVICE_KEY", "AICORE_CLIENT_ID", "VCAP_SERVICES"}
)  # fmt: skip
# litellm calls these at an address that it does not let anybody change.
FIXED: Final = {"replicate", "bytez", "sagemaker"}
CASES = [
    pytest.param(known, group, lane, id=f"{known.name}-{'+'.join(group) or 'nothing'}-{lane}")
    for known in providers().values()
    for group in known.env
    for lane in ("auto", "litellm")
    if EXCHANGED.isdisjoint(group) and known.name not in FIXED
]


@pytest.fixture(scope="module")
def provider() -> Iterator[h.Provider]:
    """In a thread of its own: litellm makes some requests that block the event loop."""
    with h.providing() as provider:
        yield provider


async def called(
    provider: h.Provider, known: Provider, environ: Mapping[str, str], lane: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, IngateError | None]:
    """The mark, all that arrived, and the error of the call, if it failed."""
    provider.asked.clear()
    for name in known.api_base_env:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    config: dict[str, Any] = {} if known.api_base_env else {known.name: {"base_url": provider.base}}
    if known.api_base_env:
        monkeypatch.setenv(known.api_base_env[0], provider.base)
    spec = f"{'litellm.' if lane == 'litellm' else ''}{known.name}/{MODELS.get(known.name, 'm')}"
    error = None
    async with Gateway(config, retries=0) as gateway:
        mark = gateway.explain(spec)[0].state
        try:
            await gateway.complete({"model": spec, **HI})
        except IngateError as problem:  # not every provider's format is that of the answer
            error = problem
    return mark, "".join(map(str, provider.asked)), error


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
@pytest.mark.parametrize(("known", "group", "lane"), CASES)
async def test_a_ready_provider_gets_the_key_that_is_set(
    provider: h.Provider,
    known: Provider,
    group: tuple[str, ...],
    lane: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = environment(known, group, tmp_path)
    mark, sent, error = await called(provider, known, environ, lane, monkeypatch)
    if lane == "litellm" and not set(known.native_only).isdisjoint(group):
        assert (mark, sent) == ("attention", "")
        assert error is not None
        assert error.fix
        return
    keys = [environ[name] for name in group if is_credential(name) and environ[name].startswith(SECRET)]
    signed = known.auth_style == "sigv4" and "AWS_ACCESS_KEY_ID" in group  # the secret itself stays here
    assert sent, error
    assert mark == ("ready" if keys or known.auth not in {"none", "base_url"} else "attention")
    for key in keys[:1] if signed else keys:
        assert key in sent
    if not keys:
        assert SECRET not in sent


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
@pytest.mark.parametrize("lane", ["auto", "litellm"])
async def test_anthropics_auth_token_is_a_bearer_token_on_both_lanes(
    provider: h.Provider, lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = providers()["anthropic"]
    await called(provider, known, {"ANTHROPIC_AUTH_TOKEN": SECRET}, lane, monkeypatch)
    (asked,) = provider.asked
    assert asked["headers"]["authorization"] == f"Bearer {SECRET}"
    assert "x-api-key" not in asked["headers"]


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
@pytest.mark.parametrize("model", ["m", "a/b"])
async def test_nlp_clouds_models_come_after_a_slash(
    provider: h.Provider, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NLP_CLOUD_API_KEY", SECRET)
    monkeypatch.setenv("NLP_CLOUD_API_BASE", provider.base)
    provider.asked.clear()
    async with Gateway({}, retries=0) as gateway:
        with pytest.raises(IngateError):  # the answer is not NLP Cloud's
            await gateway.complete({"model": f"nlp_cloud/{model}", **HI})
    (asked,) = provider.asked
    assert asked["path"].startswith(f"/{model}")


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
class TestUnmapped:
    """Providers that litellm has and the map of providers does not."""

    @pytest.mark.parametrize("name", ["opencode_go", "aiand"])
    @pytest.mark.parametrize("lane", ["auto", "litellm"])
    async def test_litellm_reads_their_variables_itself(
        self, provider: h.Provider, name: str, lane: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(f"{name.upper()}_API_BASE", provider.base)
        monkeypatch.setenv(f"{name.upper()}_API_KEY", SECRET)
        provider.asked.clear()
        spec = f"{'litellm.' if lane == 'litellm' else ''}{name}/m"
        async with Gateway({}, retries=0) as gateway:
            (mark,) = gateway.explain(spec)
            try:
                answer = await gateway.complete({"model": spec, **HI})
            except UnknownProviderError:
                pytest.skip(f"this litellm has no {name}")
        assert (mark.state, mark.engine) == ("attention", "litellm")
        assert "is not in the credential map" in mark.detail
        assert answer["choices"][0]["message"]["content"] == "Hello."
        (asked,) = provider.asked
        assert asked["headers"]["authorization"] == f"Bearer {SECRET}"

    async def test_without_a_key_the_error_says_where_its_variables_are_named(self) -> None:
        async with Gateway({}, retries=0) as gateway:
            with pytest.raises(IngateError) as caught:
                await gateway.complete({"model": "litellm.openai_like/m", **HI})
        assert caught.value.fix

    def test_they_are_all_that_litellm_has_besides_the_map(self) -> None:
        import litellm
        from litellm.llms.openai_like.json_loader import JSONProviderRegistry

        theirs = {str(getattr(name, "value", name)) for name in litellm.provider_list}
        theirs |= set(JSONProviderRegistry.list_providers())
        others = theirs - set(providers()) - set(aliases())
        assert others <= set(provider_names().unmapped)
        if load.version() == "1.109.1":
            assert others == set(provider_names().unmapped)

    def test_their_catalog_rows_are_listed(self) -> None:
        catalog = Gateway({}).catalog()
        rows = [row for row in catalog.rows if row.provider in provider_names().unmapped]
        assert len(rows) > 40
        assert len({row.provider for row in rows}) > 4


@pytest.mark.parametrize("name", ["triton", "sagemaker_chat"])
def test_an_unmapped_provider_is_marked_and_not_an_error(name: str) -> None:
    gateway = Gateway({})
    checker = gateway.readiness()
    expected = "is not in the credential map" if checker.has_litellm else "litellm is not installed"
    for spec in (f"litellm.{name}/m", f"{name}/m"):
        found = checker.check(spec)
        assert (found.state, found.lane) == ("attention", "litellm")
        assert expected in found.reason
        assert found.fix
    assert checker.state(name, "m", "litellm") == "attention"


def test_a_server_may_have_the_name_of_an_unmapped_provider() -> None:
    gateway = Gateway({"servers": {"triton": {"base_url": "http://box.example/v1", "api_key": SECRET}}})
    (found,) = gateway.explain("triton/m")
    assert (found.state, found.url) == ("ready", "http://box.example/v1/chat/completions")
