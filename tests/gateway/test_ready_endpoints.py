"""No model that is shown as ready is called at an endpoint that it does not have."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from ingate.config import load
from ingate.gateway import Gateway
from ingate.providers import providers
from ingate.spec import ModelSpec
from support.copilot import store_login

# The end of an address → the format that is spoken there, as the catalog names it.
PATHS = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages", "/completions": "completions"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """A gateway with a credential for every provider that a variable can authenticate, and with GitHub Copilot's login."""
    home = tmp_path_factory.mktemp("home")
    store_login(home)
    environ = {"HOME": str(home)}
    for known in providers().values():
        for variable in known.env[0] if known.env else ():
            environ[variable] = "https://here.example/v1" if variable in known.api_base_env else "a-key"
    return Gateway(load({}, environ=environ))


def test_every_ready_row_of_the_catalog_is_called_at_an_endpoint_that_it_has(gateway: Gateway) -> None:
    checker = gateway.readiness()
    spoken: Counter[str] = Counter()
    copilots: Counter[str] = Counter()
    for row in gateway.catalog().rows:
        if checker.state(row.provider, row.model) != "ready":
            continue
        spec = ModelSpec("auto", row.provider, row.model)
        route = gateway.router.route(spec, dry=True)
        if route.engine != "native":
            spoken["litellm"] += 1
            continue
        (found,) = gateway.explain(str(spec)) if not spoken[route.wire_format] % 25 else (None,)
        spoken[route.wire_format] += 1
        copilots[route.wire_format] += row.provider == "github_copilot"
        name = {"azure": "chat", "copilot": "chat", "bedrock_invoke": "messages"}.get(
            route.wire_format, route.wire_format
        )
        if name in PATHS.values() and row.formats:
            assert name in row.formats, (row.key, row.formats, route.wire_format)
        if found is not None and found.url is not None and name in PATHS.values():
            path = urlsplit(found.url).path
            at = next((PATHS[end] for end in PATHS if path.endswith(end)), "")
            # Google and AWS serve Anthropic's format under addresses of their own.
            assert at == name or (name == "messages" and row.provider in {"vertex_ai", "bedrock"}), (row.key, found.url)
    # The rule is about something: the catalog has models of each kind.
    assert min(spoken[name] for name in ("chat", "responses", "messages", "completions", "gemini", "bedrock")) > 0
    assert spoken["litellm"] > 0
    assert min(copilots[name] for name in ("copilot", "responses", "messages")) > 0


def test_a_model_of_the_responses_api_is_shown_with_its_endpoint(gateway: Gateway) -> None:
    (found,) = gateway.explain("openai/gpt-5.4-pro")
    assert (found.url or "").endswith("/v1/responses")
    assert found.state == "ready"
