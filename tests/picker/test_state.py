"""What each key does, from state to state."""

from __future__ import annotations

import pytest

from ingate.catalog.schema import ModelRow
from ingate.picker.actions import learned
from ingate.picker.data import Live
from ingate.picker.filter import Index
from ingate.picker.memory import Memory
from ingate.picker.state import Size, opened
from ingate.picker.view import text, view
from support.picker import CURATED, ENVIRON, NOW, ROWS, data, press, press_for, readiness, specs, start


def marks(state: object) -> list[str]:
    return [state.marks.of(item) for item in state.shown.items]  # ty: ignore[unresolved-attribute]


def test_the_first_line_is_litellm_with_its_curated_models() -> None:
    state = start()
    assert state.providers[0].title == "LiteLLM [available] (6 curated)"
    assert start(litellm=False).providers[0].title == "LiteLLM [not installed] (6 curated)"
    assert {item.spec for item in state.shown.items} == {entry.spec for entry in CURATED}


def test_each_curated_row_is_marked_by_its_own_provider() -> None:
    state = start()
    found = {item.row.provider: state.marks.of(item) for item in state.shown.items}
    assert found == {
        "groq": "ready",
        "qwen": "ready",
        "azure": "attention",
        "openai": "missing",
        "anthropic": "missing",
    }


def test_without_litellm_nothing_on_its_lane_is_ready() -> None:
    state = start(litellm=False)
    assert "ready" not in marks(state)
    assert marks(press(state, "/gpt-oss")) == ["ready"]  # found rows go by the shortest lane then
    assert specs(press(state, "/gpt-oss")) == ["groq/openai/gpt-oss-120b"]


def test_c_swaps_to_all_and_back() -> None:
    state = press(start(), "c")
    assert state.providers[0].title == "LiteLLM [available] (22 all)"
    assert len(state.shown.items) == 22
    assert state.shown.hidden == state.shown.deprecated == 1
    back = press(state, "c")
    assert specs(back) == specs(start())
    assert back.providers[0].title == "LiteLLM [available] (6 curated)"


def test_the_selected_model_stays_selected_when_the_scope_changes() -> None:
    state = press(start(), "down", "down")
    assert press(state, "c").item == state.item


def test_providers_come_ready_first() -> None:
    names = [one.name for one in start().providers]
    assert names == [
        "litellm", "local", "litellm_proxy", "groq", "qwen", "azure", "ollama", "openai", "anthropic", "openrouter", "github_copilot",
    ]  # fmt: skip


def test_servers_of_ones_own_have_a_line_each() -> None:
    state = start(servers={"mybox": "http://mybox:8000/v1"}, lives={"mybox": Live((ModelRow("mybox", "m1"),), NOW)})
    state = press(state, "left", "down", "down", "down")
    assert state.provider == "mybox"
    assert specs(state) == ["mybox/m1"]
    assert marks(state) == ["ready"]


def test_the_proxy_shows_its_deployments_with_their_age() -> None:
    state = press(start(), "left", "down", "down")
    assert state.provider == "litellm_proxy"
    assert specs(state) == ["litellm/team-gpt", "litellm/要約モデル"]
    proxy = state.providers[2]
    assert (proxy.count, proxy.note) == (2, "42 s ago")


def test_a_proxy_that_does_not_answer_is_no_ready_one() -> None:
    state = start(lives={"litellm_proxy": Live((), 0.0, "connection refused")})
    assert next(one.mark for one in state.providers if one.name == "litellm_proxy") == "attention"


def test_a_model_without_a_key_is_ready_where_the_proxy_lists_it() -> None:
    lives = {
        "litellm_proxy": Live((ModelRow("litellm_proxy", "anthropic/*"), ModelRow("litellm_proxy", "gpt-6.1-sol")), NOW)
    }
    state = start(lives=lives)
    found = {item.spec: state.marks.of(item) for item in state.shown.items}
    assert found["litellm.anthropic/claude-opus-5-5"] == "ready"
    assert found["litellm.openai/gpt-6.1-sol"] == "ready"
    assert found["litellm.azure/gpt-6.1-sol"] == "ready"  # half a credential is none: the proxy is called


def test_a_server_is_ready_once_it_has_answered() -> None:
    def ollama(**changes: object) -> object:
        return next(one for one in start(**changes).providers if one.name == "ollama")

    assert ollama().mark == "attention"  # ty: ignore[unresolved-attribute]
    listed = ollama(lives={"ollama": Live((ModelRow("ollama", "qwen3:4b"),), NOW)})
    assert (listed.mark, listed.count) == ("ready", 1)  # ty: ignore[unresolved-attribute]
    refused = ollama(lives={"ollama": Live((), 0.0, "connection refused")})
    assert refused.mark == "attention"  # ty: ignore[unresolved-attribute]


def test_a_providers_own_line_gives_the_shortest_lane() -> None:
    state = press(start(), "left", "down", "down", "down")
    assert state.provider == "groq"
    assert all(spec.startswith("groq/") for spec in specs(state))
    assert press_for(press(state, "right"), "c-m")[1].text == specs(state)[0]


def test_opens_on_the_current_model() -> None:
    state = start(current="groq/llama-3.3-70b-versatile?temperature=0.2, local/smollm2")
    assert state.provider == "groq"
    assert state.item is not None
    assert state.item.spec == "groq/llama-3.3-70b-versatile"
    assert start(current="litellm/team-gpt").provider == "litellm_proxy"
    assert start(current="local/smollm2").provider == "local"


@pytest.mark.parametrize("current", ["an-alias", "", "not a spec/", "?", None])
def test_opens_on_the_first_model_where_the_current_one_cannot_be_shown(current: str | None) -> None:
    state = start(current=current)
    assert (state.provider, state.cursor) == ("litellm", 0)


def test_a_current_model_nobody_lists_is_shown_all_the_same() -> None:
    state = start(current="litellm.groq/brand-new")
    assert state.item is not None
    assert state.item.spec == "litellm.groq/brand-new"


def test_favourites_then_recents_stand_above() -> None:
    memory = Memory(("groq/bulk-03", "local/smollm2"), ("litellm.openai/gpt-6.1-sol",))
    state = start(memory=memory)
    assert specs(state)[:3] == ["local/smollm2", "groq/bulk-03", "litellm.openai/gpt-6.1-sol"]
    assert len(set(specs(state))) == len(specs(state))


def test_f_makes_a_favourite_and_takes_it_back() -> None:
    state, effect = press_for(start(), "end", "f")
    spec = state.data.memory.favourites[0]
    assert effect.kind == "remember"
    assert specs(state)[0] == spec
    assert state.item is not None
    assert state.item.spec == spec
    assert press(state, "f").data.memory.favourites == ()


def test_letters_that_are_no_command_begin_the_filter() -> None:
    assert press(start(), "o").filter == "o"
    assert press(start(), "名").filter == "名"
    assert press(start(), "/").filter == ""
    assert press(start(), " ").filter is None


def test_every_letter_filters_at_once_and_commands_are_text_then() -> None:
    state = start()
    for letter, typed in zip("/claude", ["", "c", "cl", "cla", "clau", "claud", "claude"], strict=True):
        state = press(state, letter)
        assert state.filter == typed
    assert specs(state) == ["litellm.anthropic/claude-haiku-5-5", "litellm.anthropic/claude-opus-5-5"]
    assert state.shown.hidden == len(state.index.rows) - 2


def test_the_filter_finds_local_models_deployments_and_display_names() -> None:
    assert specs(press(start(), "/smollm")) == ["local/smollm2"]
    assert specs(press(start(), "/team")) == ["litellm/team-gpt"]
    assert specs(press(start(), "/要約")) == ["litellm/要約モデル"]
    assert "litellm.groq/openai/gpt-oss-120b" in specs(press(start(), "/fast"))


def test_a_configured_alias_finds_its_model() -> None:
    state = press(start(aliases={"anthropic/claude-opus-5-5": ("別名", "best")}), "/別名")
    assert [item.spec for item in state.shown.items] == ["litellm.anthropic/claude-opus-5-5"]
    assert "alias 別名, best" in text(view(state, Size(140, 24)))


def test_filters_and_terms_must_all_hold() -> None:
    assert specs(press(start(), "/cap:vision cost:<1")) == ["litellm.anthropic/claude-haiku-5-5"]
    assert all("groq" in spec or "qwen" in spec for spec in specs(press(start(), "/cap:tools ready:")))
    assert all(item.row.context_tokens > 200_000 for item in press(start(), "/ctx:>200k").shown.items)


def test_while_filtering_the_left_column_narrows() -> None:
    state = press(start(), "/gpt")
    assert [one.name for one in state.providers[1:]] == ["litellm_proxy", "groq", "azure", "openai"]
    narrowed = press(state, "c-i", "down", "down")
    assert specs(narrowed) == ["groq/openai/gpt-oss-120b"]


def test_escape_leaves_the_filter_where_it_was_opened() -> None:
    before = press(start(), "left", "down", "down", "down", "right", "down")
    after = press(before, "/claude", "down", "escape")
    assert after.filter is None
    assert (after.provider, after.item) == (before.provider, before.item)


def test_backspace_on_an_empty_filter_leaves_it() -> None:
    assert press(start(), "/ab", "c-h", "c-h").filter == ""
    assert press(start(), "/ab", "c-h", "c-h", "c-h").filter is None
    assert press(start(), "/ab cd", "c-w").filter == "ab "
    assert press(start(), "/ab cd", "c-u").filter == ""


def test_enter_takes_the_model_from_the_filter() -> None:
    _state, effect = press_for(start(), "/oss", "c-m")
    assert (effect.kind, effect.text) == ("choose", "litellm.groq/openai/gpt-oss-120b")


def test_commands_are_on_control_while_filtering() -> None:
    assert press(start(), "/claude", "c-r").ready_only
    assert press_for(start(), "/claude", "c-y")[1].text == "litellm.anthropic/claude-haiku-5-5"


def test_r_shows_only_what_is_ready() -> None:
    state = press(start(), "r")
    assert set(marks(state)) == {"ready"}
    assert state.shown.hidden == len(ROWS) - len(state.shown.items)


def test_d_shows_deprecated_models() -> None:
    assert "litellm.openai/gpt-4o" not in specs(press(start(), "c"))
    assert "litellm.openai/gpt-4o" in specs(press(start(), "cD"))
    assert "litellm.openai/gpt-5-mini" in specs(press(start(), "c"))


def test_s_goes_through_the_orders() -> None:
    state = press(start(), "c")
    by_name = press(state, "s")
    assert [item.row.model.rpartition("/")[2] for item in by_name.shown.items[:2]] == ["bulk-00", "bulk-01"]
    by_price = press(by_name, "s")
    prices = [item.row.input_usd_per_mtok for item in by_price.shown.items]
    assert prices[-1] is None
    assert prices[:-1] == sorted(prices[:-1])
    by_context = press(by_price, "s")
    contexts = [item.row.context_tokens for item in by_context.shown.items]
    assert contexts == sorted(contexts, reverse=True)
    by_date = press(by_context, "s")
    assert by_date.sort == "date"
    assert specs(by_date).index("litellm.openai/gpt-6.1-sol") < specs(by_date).index("litellm.openai/gpt-5-mini")
    assert specs(press(by_date, "s")) == specs(state)


def test_paging_stays_inside_the_list() -> None:
    state = press(start(), "c", "home", "pagedown")
    assert state.cursor == 5
    assert press(state, "end").cursor == 21
    assert press(state, "end", "pagedown", "down").cursor == 21
    assert press(state, "home", "up", "pageup").cursor == 0


def test_q_and_control_c_leave() -> None:
    assert press_for(start(), "q")[1].kind == "leave"
    assert press_for(start(), "/q")[1] is None
    for keys in (("c-c",), ("/q", "c-c"), ("?", "c-c"), ("end", "a", "c-c")):
        assert press_for(start(), *keys)[1].kind == "leave"


def test_t_and_y_ask_for_the_full_spec() -> None:
    assert press_for(start(), "t")[1].text == "litellm.groq/openai/gpt-oss-120b"
    assert press_for(start(), "y")[1].text == "litellm.groq/openai/gpt-oss-120b"


def test_moving_onto_a_live_list_asks_for_it() -> None:
    state, effect = press_for(start(), "left", "down", "down")
    assert (effect.kind, effect.text) == ("fetch", "litellm_proxy")
    assert press_for(state, "down")[1] is None


def test_help_opens_scrolls_and_closes() -> None:
    state = press(start(), "?", "down", "down")
    assert state.help == 2
    assert press(state, "escape").help is None
    assert press(state, "q").help is None


def test_marks_follow_the_states() -> None:
    state = press(start(), "down", "down")
    before = state.item
    after = learned(state, readiness=readiness({**ENVIRON, "OPENAI_API_KEY": "k"}))
    assert dict(zip(specs(after), marks(after), strict=True))["litellm.openai/gpt-6.1-sol"] == "ready"
    assert after.item == before


def test_a_fetched_list_takes_the_catalogs_place() -> None:
    state = start()
    lives = {**state.data.lives, "ollama": Live((ModelRow("ollama", "mine:latest"),), NOW)}
    changed = data(lives=lives)
    after = press(learned(state, lives=lives, index=Index(changed)), "/ollama")
    assert specs(after) == ["litellm.ollama/mine:latest"]


def test_names_that_mean_something_to_the_grammar_are_escaped() -> None:
    lives = {"litellm_proxy": Live((ModelRow("litellm_proxy", "a,b?c d"),), NOW)}
    state = press(start(lives=lives), "left", "down", "down", "right")
    effect = press_for(state, "c-m")[1]
    assert effect.text == "litellm/a%2Cb%3Fc%20d"


def test_what_the_picker_was_left_with_comes_back() -> None:
    state = start(memory=Memory(sort="price", scope="all", ready_only=True))
    assert (state.sort, state.scope, state.ready_only) == ("price", "all", True)
    assert opened(data(memory=Memory(sort="nonsense", scope="?")), now=NOW).sort == "best"


def test_nothing_at_all_is_no_crash() -> None:
    state = start(rows=(), curated=(), providers={}, local=(), proxy=None, lives={})
    for key in ("c-m", "a", "t", "y", "f", "down", "end", "/x", "escape", "left", "down"):
        state = press(state, key)
    assert state.item is None


def test_an_index_is_kept_while_its_rows_stay() -> None:
    from ingate.picker.filter import index_of

    first = index_of(data())
    assert index_of(data(current="groq/bulk-01")) is first
    assert index_of(data(lives={})) is not first


def test_a_list_on_its_way_is_said_to_be() -> None:
    from ingate.picker.state import Size
    from ingate.picker.view import text, view

    state = press(start(), "left", *["down"] * 9)
    assert state.provider == "openrouter"
    assert "being fetched" in text(view(state, Size(100, 20)))
