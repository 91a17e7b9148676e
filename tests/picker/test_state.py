"""What each key does, from state to state."""

from __future__ import annotations

import pytest

from ingate.catalog.schema import ModelRow
from ingate.picker.actions import Effect, mode_of, update, with_data
from ingate.picker.data import Live
from ingate.picker.filter import Index
from ingate.picker.memory import Memory
from ingate.picker.state import Size, opened
from ingate.picker.view import plain_list, text, view
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
        "litellm", "local", "litellm_proxy", "groq", "qwen", "azure", "ollama", "github_copilot", "openai", "anthropic", "openrouter",
    ]  # fmt: skip


def test_configured_servers_have_a_line_each() -> None:
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


def test_a_proxy_that_does_not_answer_is_not_ready() -> None:
    state = start(lives={"litellm_proxy": Live((), 0.0, "connection refused")})
    assert next(one.mark for one in state.providers if one.name == "litellm_proxy") == "attention"


def test_a_model_without_a_key_is_ready_if_the_proxy_lists_it() -> None:
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
def test_opens_on_the_first_model_if_the_current_one_cannot_be_shown(current: str | None) -> None:
    state = start(current=current)
    assert (state.provider, state.cursor) == ("litellm", 0)


def test_a_current_model_that_is_in_no_list_is_shown() -> None:
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


def test_letters_that_are_not_commands_open_the_filter() -> None:
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


def test_escape_returns_to_where_the_filter_was_opened() -> None:
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
    after = with_data(state, readiness=readiness({**ENVIRON, "OPENAI_API_KEY": "k"}))
    assert dict(zip(specs(after), marks(after), strict=True))["litellm.openai/gpt-6.1-sol"] == "ready"
    assert after.item == before


def test_a_fetched_list_takes_the_catalogs_place() -> None:
    state = start()
    lives = {**state.data.lives, "ollama": Live((ModelRow("ollama", "mine:latest"),), NOW)}
    changed = data(lives=lives)
    after = press(with_data(state, lives=lives, index=Index(changed)), "/ollama")
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


def test_an_empty_picker_does_not_crash() -> None:
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

    state = press(start(), "left", *["down"] * 10)
    assert state.provider == "openrouter"
    assert "being fetched" in text(view(state, Size(100, 20)))


def test_a_text_completion_model_is_labelled_at_every_width() -> None:
    rows = (*ROWS, ModelRow("groq", "davinci", "completion", 8_192, None, 2.0, 2.0, caps=("json",)))
    state = press(start(rows=rows), "/davinci")
    for columns in (40, 80, 120, 200):
        frame = text(view(state, Size(columns, 24)))
        assert "davinci  text completion" in frame, columns
    assert "API          text completion" in frame
    chat = press(start(rows=rows), "/gpt-oss-120b")
    assert "text completion" not in text(view(chat, Size(200, 24)))
    listed = plain_list(data(rows=rows, curated=(), local=(rows[-1],)))
    assert "groq/davinci" in listed
    assert "text completion json" in listed


def test_a_responses_model_is_a_row_like_any_other() -> None:
    rows = (*ROWS, ModelRow("groq", "thinker-pro", "responses", 8_192, None, 2.0, 2.0))
    state = press(start(rows=rows), "/thinker")
    assert marks(state) == ["ready"]
    frame = text(view(state, Size(200, 24)))
    assert "text completion" not in frame
    assert "API          Responses" in frame


def test_pinned_items_count_as_shown_and_are_not_repeated() -> None:
    memory = Memory(("litellm.groq/bulk-03", "groq/elsewhere"), ("litellm.openai/gpt-6.1-sol",))
    state = start(memory=memory)
    assert state.shown.pinned == 3
    assert len(state.shown.items) == len(CURATED) + 2
    assert state.shown.hidden == len(ROWS) - len(CURATED) - 1, "a model nobody lists is not one of the rows"
    groq = press(state, "left", "down", "down", "down")
    assert groq.provider == "groq"
    assert groq.shown.pinned == 1, "a model on LiteLLM's lane belongs to LiteLLM's line"
    assert specs(groq)[0] == "groq/elsewhere"
    assert groq.shown.hidden == 0


def test_only_ready_pinned_items_stay_pinned() -> None:
    memory = Memory(("litellm.openai/gpt-6.1-sol", "groq/bulk-03"))
    state = press(start(memory=memory), "r")
    assert state.shown.pinned == 1
    assert specs(state)[0] == "groq/bulk-03"
    assert state.shown.hidden == len(ROWS) - len(state.shown.items)


def test_a_filter_shows_no_pinned_items_and_keeps_the_best_match_first() -> None:
    state = press(start(memory=Memory(("groq/bulk-03",))), "/gpt-oss")
    assert state.shown.pinned == 0
    assert specs(state) == ["litellm.groq/openai/gpt-oss-120b"]
    bulk = press(start(), "/bulk")
    assert [item.row.input_usd_per_mtok for item in press(bulk, "c-s", "c-s").shown.items] == sorted(
        item.row.input_usd_per_mtok for item in bulk.shown.items
    )


def test_the_current_model_comes_before_recent_ones_and_only_five_of_those() -> None:
    recents = tuple(f"litellm.groq/bulk-{number:02}" for number in range(10))
    state = start(memory=Memory((), recents), current="litellm.openai/gpt-6.1-sol")
    assert specs(state)[:6] == ["litellm.openai/gpt-6.1-sol", *recents[:5]]
    assert state.shown.pinned == 6


def test_a_favourite_of_the_proxy_is_on_its_line_and_the_first() -> None:
    state = start(memory=Memory(("litellm/team-gpt",)))
    assert specs(state)[0] == "litellm/team-gpt"
    for provider, first in (("litellm_proxy", 1), ("groq", 0)):
        state = press(start(memory=Memory(("litellm/要約モデル",))), "left", *["down"] * (2 if first else 3))
        assert state.provider == provider
        assert state.shown.pinned == first


def test_prices_are_sorted_with_the_output_price_next_and_unknown_ones_last() -> None:
    rows = (
        ModelRow("groq", "a", "chat", None, None, None, None),
        ModelRow("groq", "b", "chat", None, None, 1.0, 3.0),
        ModelRow("groq", "c", "chat", None, None, 1.0, 2.0),
        ModelRow("groq", "d", "chat", None, None, 0.0, 9.0),
    )
    state = press(start(rows=rows, curated=()), "left", "down", "down", "down", "right", "s", "s")
    assert [item.row.model for item in state.shown.items] == ["d", "c", "b", "a"]
    by_context = press(state, "s")
    assert len(by_context.shown.items) == 4


def test_a_selected_line_without_matches_stays_while_filtering() -> None:
    state = press(start(), "/gpt")
    selected = press(state, "left", "down", "down")
    assert selected.provider == "groq"
    narrowed = press(selected, "right", "c-u", "claude")
    assert narrowed.provider == "groq"
    assert [one.name for one in narrowed.providers] == ["litellm", "groq", "anthropic"]
    assert next(one for one in narrowed.providers if one.name == "groq").count == 0
    assert narrowed.providers[0].title == "All providers (2 match)"


def test_deprecation_is_by_day() -> None:
    def shown_on(date: str) -> bool:
        rows = (ModelRow("groq", "old", "chat", deprecated_on=date),)
        return bool(specs(press(start(rows=rows, curated=()), "c")))

    assert shown_on("2026-11-22"), "the last day counts"
    assert not shown_on("2026-11-21")


def test_what_an_empty_list_says() -> None:
    def said(*keys: str, **changes: object) -> str:
        return text(view(press(start(**changes), *keys), Size(80, 24)))

    assert "No model matches." in said("/zzzzz")
    assert "No model here is ready." in said("r", *["down"] * 0, curated=(), rows=())
    old = (ModelRow("groq", "old", "chat", deprecated_on="2020-01-01"),)
    assert "Only deprecated models: 1." in said("c", rows=old, curated=())
    assert "No models are listed here." in said(rows=(), curated=())
    refused = {"litellm_proxy": Live((), 0.0, "connection refused")}
    frame = said("left", "down", "down", lives=refused)
    assert "The list could not be fetched:" in frame
    assert "connection refused" in frame
    assert "The list is being fetched" in said("left", "down", "down", lives={})


def test_messages_say_what_a_key_did() -> None:
    assert press(start(), "escape").message == "q quits"
    state = press(start(), "f")
    assert state.message == "litellm.groq/openai/gpt-oss-120b is now a favourite"
    assert press(state, "f").message == "litellm.groq/openai/gpt-oss-120b is no longer a favourite"
    assert press(state, "down").message == ""
    assert press(start(), "r").message == "only ready models"
    assert press(start(), "r", "r").message == "all models, ready or not"
    assert press(start(), "D").message == "deprecated models shown"
    assert press(start(), "D", "D").message == "deprecated models hidden"
    assert press(start(), "t").message.startswith("calling litellm.groq/")
    assert press(start(), "y").message.startswith("copied litellm.groq/")
    groq = press(start(), "left", "down", "down", "down")
    assert press(groq, "c").message == "the LiteLLM line now shows all models"
    assert press(groq, "c", "c").message == "the LiteLLM line now shows the curated models"
    assert press(start(), "c").message == ""
    assert press(start(), "/gpt", "c-o").message == "the filter searches all models"
    nothing = press(start(), "/zzzzzz")
    assert press(nothing, "c-m").message == "no model is selected"


def test_columns_are_switched_by_tab_arrows_and_enter() -> None:
    state = start()
    assert state.column == "models"
    assert press(state, "left").column == "providers"
    assert press(state, "left", "left").column == "providers"
    assert press(state, "right").column == "models"
    assert press(state, "c-i").column == "providers"
    assert press(state, "c-i", "c-i").column == "models"
    taken, effect = press_for(press(state, "left"), "c-m")
    assert (taken.column, effect) == ("models", None)


def test_moving_in_the_providers_stops_at_the_ends_and_pages() -> None:
    state = press(start(), "left")
    assert press(state, "up").provider == "litellm"
    assert press(state, "end").provider == "openrouter"
    assert press(state, "end", "down").provider == "openrouter"
    assert press(state, "pagedown").provider == state.providers[5].name
    assert press(state, "end", "home").provider == "litellm"
    assert press(state, "end", "pageup").provider == state.providers[-6].name


def test_help_scrolls_between_its_ends() -> None:
    from ingate.picker.keys import HELP

    state = press(start(), "?")
    assert press(state, "up").help == 0
    assert press(state, "down", "down", "up").help == 1
    assert press(state, "pagedown").help == 5
    assert press(state, "end").help == len(HELP) - 1
    assert press(state, "end", "down").help == len(HELP) - 1
    assert press(state, "end", "pageup").help == len(HELP) - 6
    assert press(state, "end", "home").help == 0
    assert press(state, "x").help == 0
    assert press(state, "c-m").help is None
    assert press(start(), "f1", "f1").help is None


def test_a_ready_server_is_chosen_before_it_has_answered() -> None:
    """Ollama may run without having listed its models yet; other models that lack something open the dialog."""
    state, effect = press_for(press(start(), "/llama3.2"), "c-m")
    assert (effect.kind, effect.text) == ("choose", "litellm.ollama/llama3.2:1b")
    assert state.dialog is None
    azure, effect = press_for(press(start(), "/provider:azure"), "c-m")
    assert effect is None
    assert azure.dialog is not None


def test_rows_are_found_in_lists_the_curated_ones_and_the_catalog() -> None:
    from ingate.picker.items import item_of

    listed = ModelRow("groq", "listed-only", "chat", 5)
    found = data(lives={"groq": Live((listed,), NOW)})
    assert item_of("groq/listed-only", found) == (listed, "auto")
    assert item_of("litellm.groq/bulk-03?temperature=0, local/smollm2", found) == (
        next(row for row in ROWS if row.model == "bulk-03"), "litellm",
    )  # fmt: skip
    smollm2 = item_of("local/smollm2", found)
    assert smollm2 is not None
    assert smollm2.row.context_tokens == 8192
    unlisted = item_of("local/none", found)
    assert unlisted == (ModelRow("local", "none"), "auto")
    assert item_of("team", found) is None
    proxied = item_of("litellm/any/thing", found)
    assert proxied == (ModelRow("litellm_proxy", "any/thing"), "proxy")


def test_the_counts_of_the_left_column_leave_out_what_is_hidden() -> None:
    state = press(start(), "/gpt-4o")
    assert state.providers[0].title == "All providers (0 match)"
    assert [one.name for one in state.providers] == ["litellm"]
    with_old = press(state, "escape", "D", "/gpt-4o")
    assert with_old.providers[0].title == "All providers (1 match)"


def test_local_models_are_a_line_only_if_there_are_some() -> None:
    assert "local" in [one.name for one in start().providers]
    bare = start(local=())
    assert "local" not in [one.name for one in bare.providers]
    assert "local" not in bare.index.groups


def test_a_page_has_ten_lines_by_default() -> None:
    from ingate.picker.actions import update

    state, _ = update(press(start(), "c", "home"), "page_down")
    assert state.cursor == 10


def test_the_search_index_remembers_a_limited_number_of_queries() -> None:
    index = Index(data())
    rows = index.find("gpt", lambda _: True, "marks")
    assert index.find("gpt", lambda _: False, "marks") is rows, "the same key is not searched again"
    assert index.find("gpt", lambda _: True, "other marks") is not rows
    for number in range(70):
        index.find(f"gpt {number}", lambda _: True, "marks")
    assert index.find("gpt", lambda _: True, "marks") == rows
    assert len(index._found) <= 64


def test_a_list_that_could_not_be_fetched_leaves_the_catalogs_rows() -> None:
    failed = Index(data(lives={"ollama": Live((), 0.0, "refused")}))
    assert [row.model for row in failed.groups["ollama"]] == ["llama3.2:1b"]
    empty = Index(data(lives={"ollama": Live((), NOW)}))
    assert empty.groups["ollama"] == ()
    other = Index(data(lives={"groq": Live((ModelRow("groq", "x"),), NOW)}))
    assert len(other.groups["groq"]) > 2, "a list of a provider that is not listed is not used"
    kept = Index(data(lives={"ollama": Live((ModelRow("ollama", "old"),), NOW, "refused")}))
    assert [row.model for row in kept.groups["ollama"]] == ["old"]


def test_the_index_is_made_again_when_any_of_its_parts_changes() -> None:
    from ingate.picker.filter import index_of

    for changes in (
        {"rows": ROWS[:3]},
        {"today": "2030-01-01"},
        {"curated": CURATED[:1]},
        {"local": ()},
        {"proxy": None},
        {"servers": {"mybox": "http://mybox"}},
        {"aliases": {"groq/bulk-01": ("fast",)}},
    ):
        first = index_of(data())
        assert index_of(data(**changes)) is not first


def test_the_last_model_is_selected_if_the_list_becomes_shorter() -> None:
    state = press(start(), "c", "end")
    assert state.item is not None
    shorter = press(state, "r")
    assert state.item not in shorter.shown.items
    assert shorter.cursor == len(shorter.shown.items) - 1
    assert press(shorter, "r").item == shorter.item, "the selected model stays selected when the others return"


def test_keys_that_are_commands_elsewhere_do_nothing_in_the_dialog() -> None:
    state = press(start(), "/claude-opus", "c-m")
    assert mode_of(state) == "dialog"
    for key in ("c-t", "c-o", "c-f", "f1", "c-y"):
        assert press_for(state, key) == (state, None)
    assert [mode_of(one) for one in (start(), press(start(), "/"), press(start(), "?"))] == ["list", "filter", "help"]


def test_an_action_without_text_or_effect() -> None:
    assert update(start(), "redraw")[1] == Effect(kind="redraw")
    assert update(start(), "leave")[1] == Effect(kind="leave")
    state = start()
    assert update(state, "no-such-action") == (state, None)
    assert update(state, "filter")[0].filter == ""
    assert update(state, "type", "  ab")[0].filter == "ab"


def test_the_first_model_of_another_provider_is_selected() -> None:
    state = press(start(), "down", "down", "down", "left")
    assert state.cursor == 3
    moved = press(state, "down", "down", "down")
    assert moved.cursor == 0


def test_the_best_match_is_selected_after_every_change_of_the_filter() -> None:
    filtered = press(start(), "/gpt", "down", "down")
    assert (filtered.cursor, filtered.column) == (2, "models")
    for keys in (("-",), ("c-h",), ("c-w",), ("c-u",)):
        changed = press(filtered, *keys)
        assert (changed.cursor, changed.column) == (0, "models"), keys
    closed = press(press(filtered, "left"), "escape")
    assert (closed.filter, closed.column, closed.provider) == (None, "models", "litellm")
    assert press(start(), "left", "right").column == "models"


def test_the_filter_opened_in_the_providers_searches_all_and_goes_back_there() -> None:
    there = press(start(), "left", "down", "down", "down", "right", "down")
    opened_there = press(there, "/llama")
    assert (opened_there.provider, opened_there.column) == ("litellm", "models")
    back = press(opened_there, "escape")
    assert (back.provider, back.item, back.cursor) == (there.provider, there.item, there.cursor)


def test_the_index_counts_the_rows_that_are_not_deprecated() -> None:
    index = start().index
    assert (dict(index.visible), index.catalog_visible) == (
        {"openai": 2, "anthropic": 2, "groq": 14, "qwen": 2, "azure": 1, "ollama": 1, "litellm_proxy": 2, "local": 2},
        22,
    )
    assert {name: len(rows) for name, rows in index.groups.items()} == {**index.visible, "openai": 3}


def test_curated_models_keep_their_order_among_those_of_one_state() -> None:
    curated = [entry.spec for entry in CURATED]
    states = {"groq": 0, "qwen": 0, "azure": 1}
    for order in (CURATED, CURATED[::-1]):
        wanted = sorted(order, key=lambda entry: states.get(entry.provider, 2))
        assert specs(start(curated=order)) == [entry.spec for entry in wanted]
        assert set(specs(start(curated=order))) == set(curated)
