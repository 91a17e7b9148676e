"""Errors as an agent's user meets them: told at once where waiting mends nothing, tried again by one layer only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fast_agent")

from ingate import AuthenticationError, Gateway, RateLimitError, StreamInterruptedError, UnavailableError
from support.fast_agent import scripted_gateway, talking
from support.upstream import Reply, chunks, upstream

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")
RETRIES = "llm_retries: 2\n"
GROQ = "litellm.groq/openai/gpt-oss-120b"


async def test_a_missing_key_is_told_at_once_with_what_would_mend_it(tmp_path: Path) -> None:
    gateway, engine = scripted_gateway({"litellm": {"timeout": 5}})
    async with talking(tmp_path, GROQ, gateway=gateway, engine=engine, settings=RETRIES) as talk:
        told = await talk.agent.send("Hello")
        assert "groq needs a key: set GROQ_API_KEY" in told
        assert "export GROQ_API_KEY" in told
        assert talk.engine.requests == []


async def test_a_refused_key_is_tried_once(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, settings=RETRIES) as talk:
        for _ in range(9):
            talk.engine.enqueue(AuthenticationError("groq refused the key (401)", fix="check groq.api_key"))
        told = await talk.agent.send("Hello")
        assert "groq refused the key (401). To fix it: check groq.api_key" in told
        assert len(talk.engine.requests) == 1


@pytest.mark.parametrize("error", [UnavailableError("groq is down (503)"), RateLimitError("groq says: too many (429)")])
async def test_what_may_pass_is_tried_again_by_fast_agent_alone(tmp_path: Path, error: Exception) -> None:
    async with talking(tmp_path, GROQ, settings=RETRIES) as talk:
        talk.llm.retry_backoff_seconds = 0.0
        for _ in range(9):
            talk.engine.enqueue(error)
        assert str(error) in await talk.agent.send("Hello")
        assert len(talk.engine.requests) == 3


async def test_a_stream_that_breaks_is_begun_again(tmp_path: Path) -> None:
    async with talking(tmp_path, GROQ, settings=RETRIES) as talk:
        talk.llm.retry_backoff_seconds = 0.0
        talk.engine.enqueue("Half an", breaks_with=StreamInterruptedError("the connection dropped"))
        talk.engine.enqueue("A whole answer.")
        assert await talk.agent.send("Hello") == "A whole answer."


async def test_a_failing_provider_gets_one_request_a_try_through_every_real_layer(tmp_path: Path) -> None:
    with upstream() as provider:
        provider.otherwise = Reply(status=500, body={"error": {"message": "broken"}})
        async with (
            Gateway({"servers": {"mybox": {"base_url": provider.url}}}) as gateway,
            talking(tmp_path, "ingate/mybox/m", gateway=gateway, settings=RETRIES) as talk,
        ):
            talk.llm.retry_backoff_seconds = 0.0
            assert "broken" in await talk.agent.send("Hello")
        assert [seen.path for seen in provider.seen] == ["/v1/chat/completions"] * 3


async def test_a_proxy_in_fast_agents_own_file_serves_its_deployments(tmp_path: Path) -> None:
    with upstream() as proxy:
        proxy.otherwise = Reply(events=chunks("From", " the", " proxy"))
        section = f"""\
litellm:
  api_base: {proxy.url}
  api_key: sk-master
  extra_kwargs: {{metadata: {{tags: [team-a]}}}}
  default_headers: {{x-team: a}}
"""
        async with talking(tmp_path, "litellm/team", settings=section, engine=scripted_gateway()[1]) as talk:
            assert await talk.agent.send("Hello") == "From the proxy"
        [seen] = [one for one in proxy.seen if one.method == "POST"]
        assert seen.path == "/v1/chat/completions"
        assert (seen.headers["authorization"], seen.headers["x-team"]) == ("Bearer sk-master", "a")
        assert (seen.body["model"], seen.body["metadata"]) == ("team", {"tags": ["team-a"]})
