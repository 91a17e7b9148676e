"""What the chat knows about the model that answers."""

from __future__ import annotations

import pytest

from ingate.chat.model import model_info
from ingate.errors import UnknownProviderError
from ingate.gateway import Gateway
from support.chat import SPEC, scripted_gateway


async def test_what_a_model_accepts_comes_from_the_catalog() -> None:
    async with Gateway({}) as gateway:
        vision = [row for row in gateway.catalog().rows if "vision" in row.caps and "pdf" in row.caps]
        blind = [row for row in gateway.catalog().rows if "vision" not in row.caps and "pdf" not in row.caps]
        assert model_info(gateway, vision[0].spec).kinds == {"image", "pdf"}
        assert model_info(gateway, blind[0].spec).kinds == frozenset()
        assert model_info(gateway, f"{vision[0].spec}, {blind[0].spec}").kinds == frozenset()
        local = model_info(gateway, "local/smollm2")
        assert local.kinds == frozenset()
        assert local.known
        assert local.provider == "local"
        unknown = model_info(gateway, "groq/not-in-any-catalog")
        assert unknown.kinds == {"image", "pdf"}
        assert not unknown.known


async def test_fallbacks_count_with_the_smallest_context_and_no_common_provider() -> None:
    async with Gateway({}) as gateway:
        rows = {row.context_tokens: row for row in gateway.catalog().visible() if row.context_tokens}
        small, large = rows[min(rows)], rows[max(rows)]
        both = model_info(gateway, f"{large.key}, {small.key}")
        assert both.context_tokens == small.context_tokens
        assert both.spec == f"{large.key}, {small.key}"
        assert both.provider == (small.provider if small.provider == large.provider else "")
        assert model_info(gateway, "groq/a, groq/b").provider == "groq"
        assert model_info(gateway, "groq/a, local/smollm2").provider == ""
        assert model_info(gateway, "groq/a").context_tokens is None
        assert not model_info(gateway, "groq/a, local/smollm2").known


async def test_litellm_is_loaded_if_any_fallback_needs_it() -> None:
    async with Gateway({}) as gateway:
        assert model_info(gateway, "litellm.groq/a").uses_litellm
        assert model_info(gateway, "local/smollm2, litellm.groq/a").uses_litellm
        assert not model_info(gateway, "groq/a").uses_litellm


async def test_a_problem_is_that_of_the_first_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Gateway({}) as gateway:
        found = model_info(gateway, "groq/a")
        assert "GROQ_API_KEY" in found.problem
        assert found.fix
    monkeypatch.setenv("GROQ_API_KEY", "gsk-planted")
    async with Gateway({}) as gateway:
        assert model_info(gateway, "groq/a, openai/b").problem == ""
        assert model_info(gateway, "groq/a, openai/b").fix == ""


async def test_an_unknown_provider_is_an_error() -> None:
    gateway, _ = scripted_gateway()
    assert model_info(gateway, SPEC).problem == ""
    with pytest.raises(UnknownProviderError):
        model_info(gateway, "noprovider/x")
    await gateway.aclose()
