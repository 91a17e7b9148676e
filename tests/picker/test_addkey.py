"""Adding a key: what is asked, in which order, and that it is never shown."""

from __future__ import annotations

import msgspec

from ingate.catalog.schema import ModelRow
from ingate.picker.addkey import AddKey, dialog_lines, not_saved, opened, rejected, verified
from ingate.picker.items import Item
from ingate.picker.state import Size, State, with_
from ingate.picker.view import text, view
from ingate.providers import Provider, providers
from support.picker import data, press, press_for, start

KEY = "sk-very-secret-0123456789"


def on(provider: str, **changes: object) -> State:
    state = press(start(**changes), f"/provider:{provider}")
    return press(state, "c-a")


def shown(state: State) -> str:
    return "\n".join(
        text(view(state, Size(columns, rows))) for columns, rows in ((40, 8), (80, 24), (200, 40), (30, 2))
    )


def test_it_names_the_variable_the_remedy_and_the_page() -> None:
    frame = text(view(on("openai"), Size(100, 24)))
    for said in ("OPENAI_API_KEY", "https://platform.openai.com/api-keys", "OPENAI_KEY is set"):
        assert said in frame


def test_pages_of_keys_are_addresses() -> None:
    pages = {name: one.key_url for name, one in providers().items() if one.key_url}
    assert {"openai", "anthropic", "gemini", "groq", "openrouter"} <= set(pages)
    assert all(page.startswith("https://") for page in pages.values())


def test_a_page_that_gives_no_keys_is_not_said_to() -> None:
    state = start()
    known = Provider("small", "Small", (("SMALL_API_KEY",),), wire_format="chat", docs_url="https://small.test/docs")
    there = msgspec.structs.replace(state.data, providers={**state.data.providers, "small": known})
    frame = text(view(with_(state, dialog=opened(there, Item(ModelRow("small", "one"), "auto"))), Size(100, 24)))
    assert "Documentation: https://small.test/docs" in frame
    assert "Get a key" not in frame


def test_enter_on_a_model_without_a_key_asks_for_it() -> None:
    state, effect = press_for(start(), "/claude", "c-m")
    assert effect is None
    assert state.dialog is not None
    assert state.dialog.variable == "ANTHROPIC_API_KEY"


def test_an_empty_field_uses_the_model_anyway() -> None:
    effect = press_for(start(), "/claude-opus", "c-m", "c-m")[1]
    assert (effect.kind, effect.text) == ("choose", "litellm.anthropic/claude-opus-5-5")


def test_a_typed_key_is_verified_then_saved_where_the_user_chooses() -> None:
    state, effect = press_for(on("openai", keyring=True), KEY, "c-m")
    assert (effect.kind, effect.provider) == ("verify", "openai")
    assert [(name, secret.reveal()) for name, secret in effect.values] == [("OPENAI_API_KEY", KEY)]
    assert state.dialog is not None
    state = with_(state, dialog=verified(state.dialog, "answered"))
    assert "answered" in shown(state)
    assert press_for(state, "c-m")[1].where == "file"
    assert press_for(state, "up", "c-m")[1].where == "keyring"


def test_without_the_keyring_package_there_is_the_file_alone() -> None:
    state = press(on("openai"), KEY, "c-i")
    assert state.dialog is not None
    assert state.dialog.places == ("file",)
    assert press_for(state, "up", "c-m")[1].where == "file"


def test_verification_can_be_skipped() -> None:
    state, effect = press_for(on("openai"), KEY, "c-i")
    assert effect is None
    assert state.dialog is not None
    assert state.dialog.step == "place"


def test_a_refused_key_can_be_kept_or_typed_again() -> None:
    state = press(on("openai"), KEY, "c-m")
    assert state.dialog is not None
    state = with_(state, dialog=rejected(state.dialog, "401: no such key"))
    assert "401: no such key" in text(view(state, Size(80, 24)))
    assert press_for(state, "c-m", "c-m")[1].kind == "save"
    again = press(state, "escape")
    assert again.dialog is not None
    assert (again.dialog.step, again.dialog.values) == ("enter", ())
    assert not again.dialog.typed


def test_a_failed_write_is_shown_and_can_be_tried_again() -> None:
    state = press(on("openai"), KEY, "c-i", "c-m")
    assert state.dialog is not None
    state = with_(state, dialog=not_saved(state.dialog, "the disk is full"))
    assert "the disk is full" in text(view(state, Size(80, 24)))
    assert press_for(state, "c-m")[1].kind == "save"


def test_every_variable_of_a_group_is_asked_for() -> None:
    state = on("azure")
    state = press(state, "c-m", KEY, "c-m")
    assert state.dialog is not None
    assert state.dialog.variable == "AZURE_API_BASE"
    state = press(state, "nonsense", "c-m")
    assert "begins with http" in text(view(state, Size(100, 24)))
    effect = press_for(state, "c-u", "https://x.openai.azure.com", "c-m")[1]
    assert [name for name, _ in effect.values] == ["AZURE_API_KEY", "AZURE_API_BASE"]


def test_another_alternative_can_be_chosen() -> None:
    state = press(on("azure"), "down", "c-m")
    assert state.dialog is not None
    assert state.dialog.variable == "AZURE_AD_TOKEN"


def test_an_address_is_shown_as_it_is_typed() -> None:
    state = press(on("azure"), "c-m", KEY, "c-m", "https://mine")
    assert "https://mine" in text(view(state, Size(80, 24)))


def test_a_login_is_described_and_cannot_be_typed() -> None:
    item = press(start(current="github_copilot/gpt-6"), "down").item
    assert item is not None
    dialog = opened(data(), item)
    assert (dialog.step, dialog.fix[:11]) == ("info", "log in once")


def test_a_ready_model_has_nothing_to_add() -> None:
    state = press(start(), "a")
    assert state.dialog is None
    assert "env GROQ_API_KEY" in state.message


def test_pasting_takes_the_key_without_its_line_end() -> None:
    from ingate.picker.actions import update
    from ingate.picker.keys import PASTE, action_for

    action = action_for("dialog", PASTE, f"  {KEY}\r\n")
    assert action is not None
    state, _ = update(on("openai"), action.name, action.text)
    assert state.dialog is not None
    assert state.dialog.typed.reveal() == KEY


def test_the_key_is_in_no_frame_and_no_repr() -> None:
    """At no step; nor is the length of a long key. What the provider echoes is scrubbed earlier."""
    states = [on("openai")]
    for length in range(1, len(KEY) + 1):
        states.append(press(on("openai"), KEY[:length]))
    states.append(press(states[-1], "c-m"))
    dialog = states[-1].dialog
    assert dialog is not None
    states += [with_(states[-1], dialog=verified(dialog, "answered")), with_(states[-1], dialog=rejected(dialog, "no"))]
    states.append(press(states[-2], "c-m"))
    for state in states:
        assert KEY[:6] not in shown(state)
        assert KEY[:6] not in repr(state.dialog)
        assert "•" * 13 not in shown(state)
    effect = press_for(states[0], KEY, "c-m")[1]
    assert KEY[:6] not in repr(effect)


def test_what_was_typed_is_gone_with_the_dialog() -> None:
    state = press(on("openai"), KEY, "escape")
    assert state.dialog is None
    again = press(state, "c-a")
    assert again.dialog is not None
    assert not again.dialog.typed


def dialog_of(state: State) -> AddKey:
    assert state.dialog is not None
    return state.dialog


def test_what_is_typed_can_be_corrected() -> None:
    state = press(on("openai"), "abc", "c-h")
    assert dialog_of(state).typed.reveal() == "ab"
    for key in ("c-u", "c-w"):
        assert dialog_of(press(state, key)).typed.reveal() == ""
    assert dialog_of(press(state, "left", "up")).typed.reveal() == "ab"
    assert dialog_of(press(state, " x ")).typed.reveal() == "abx"


def test_an_empty_field_is_not_skipped() -> None:
    state = press(on("openai"), "c-i")
    assert dialog_of(state).message == "OPENAI_API_KEY is empty"
    second = press(on("azure"), "c-m", KEY, "c-m", "c-m")
    assert dialog_of(second).message == "AZURE_API_BASE is empty"
    assert dialog_of(press(second, "h")).message == ""


def test_going_back_is_one_step_at_a_time() -> None:
    group = on("azure")
    assert dialog_of(group).step == "group"
    assert press(group, "escape").dialog is None
    typing = press(group, "c-m", "secret")
    assert dialog_of(press(typing, "escape")).step == "group"
    assert dialog_of(press(typing, "escape", "c-m")).typed.reveal() == ""
    place = press(on("openai"), KEY, "c-i")
    assert dialog_of(place).step == "place"
    back = dialog_of(press(place, "escape"))
    assert (back.step, back.values) == ("enter", ())
    saving = press(place, "c-m")
    assert dialog_of(saving).step == "saving"
    assert dialog_of(press(saving, "escape", "c-m", "x")).step == "saving", "a write is not interrupted"
    checking = press(on("openai"), KEY, "c-m")
    assert dialog_of(checking).step == "checking"
    assert dialog_of(press(checking, "c-m", "x")).step == "checking"


def test_choices_go_round() -> None:
    state = on("azure")
    assert dialog_of(press(state, "up")).group == 1
    assert dialog_of(press(state, "down", "down")).group == 0
    assert dialog_of(press(state, "left")).group == 0
    place = press(on("openai", keyring=True), KEY, "c-i")
    assert (dialog_of(place).place, dialog_of(place).where) == (1, "file")
    assert dialog_of(press(place, "down")).place == 0
    assert dialog_of(press(place, "up", "up")).place == dialog_of(place).place


def test_a_rejected_key_is_not_marked_as_tested() -> None:
    state = press(on("openai"), KEY, "c-m")
    tested = verified(dialog_of(state), "answered")
    assert tested.checked
    assert not rejected(dialog_of(state), "no").checked
    for outcome, message, style in ((tested, "answered", "ok"), (rejected(dialog_of(state), "no"), "no", "bad")):
        assert [(style, message)] in dialog_lines(outcome, 80, 24)
    again = press(with_(state, dialog=tested), "escape")
    assert not dialog_of(again).checked


def test_the_field_is_visible_on_the_smallest_screens() -> None:
    state = press(on("openai"), KEY)
    for columns, rows in ((40, 8), (30, 5), (20, 3), (80, 2)):
        frame = text(view(state, Size(columns, rows)))
        assert "•" in frame, (columns, rows)
    tall = text(view(state, Size(100, 24))).splitlines()
    assert tall[0] == "OpenAI: what is missing"
    assert tall[-1].startswith("Enter tests it with a real call")
    assert "Get a key: https://platform.openai.com" in "\n".join(tall)
    narrow = text(view(state, Size(50, 24)))
    assert "Get a key" not in narrow, "the address alone fits"
    assert "https://platform.openai.com" in narrow


def test_the_hint_for_an_empty_field_is_for_the_first_variable_only() -> None:
    assert "use the model anyway" in text(view(on("openai"), Size(200, 24)))
    second = press(on("azure"), "c-m", KEY, "c-m")
    assert "use the model anyway" not in text(view(second, Size(200, 24)))
    assert "✓ AZURE_API_KEY" in text(view(second, Size(200, 24)))


def test_a_variable_a_file_cannot_hold_is_not_asked_for() -> None:
    cloud = Provider("cloud", "Cloud", (("CLOUD_PROFILE",), ("CLOUD_KEY", "CLOUD_KEY"), ("CLOUD_KEY",)), wire_format="chat",
                     params_env={"CLOUD_KEY": "cloud_key"})  # fmt: skip
    there = data()
    there = msgspec.structs.replace(there, providers={**there.providers, "cloud": cloud})
    groups = opened(there, Item(ModelRow("cloud", "one"), "auto")).groups
    assert ("CLOUD_KEY", "CLOUD_KEY") not in groups


HEAD = [
    ("head", "OpenAI: what is missing"),
    ("", "openai needs a key: set OPENAI_API_KEY"),
    ("dim", "Get a key: https://platform.openai.com/api-keys"),
    ("warn", "OPENAI_KEY is set; this provider reads OPENAI_API_KEY"),
    ("", "→ export OPENAI_API_KEY=…, or set openai.api_key in ingate.yaml"),
    ("", ""),
]
AZURE = [
    ("head", "Azure OpenAI: what is missing"),
    ("", "azure has env AZURE_API_KEY, but AZURE_API_BASE is missing"),
    ("", "→ export AZURE_API_BASE=https://…, or set azure.base_url in"),
    ("", "ingate.yaml"),
    ("", ""),
]
TYPING = [
    ("dim", "Enter tests it with a real call · Tab skips the test · Esc back ·"),
    ("dim", "empty: use the model anyway"),
]


def screen(state: State, columns: int = 70, rows: int = 16) -> list[tuple[str, str]]:
    """The dialog's lines, without the empty ones before the hint."""
    lines = dialog_lines(dialog_of(state), columns, rows)
    assert all(len(line) == 1 for line in lines)
    assert len(lines) == rows
    shown = [line[0] for line in lines]
    blank = ("", "")
    hints = next((at for at in range(len(shown), 0, -1) if shown[at - 1] == blank), len(shown))
    end = next((at for at in range(hints, 0, -1) if shown[at - 1] != blank), 0)
    return shown[:end] + shown[hints:]


def test_each_step_is_shown_whole() -> None:
    first = on("openai", keyring=True)
    assert screen(first) == [*HEAD, ("bold", "OPENAI_API_KEY: "), ("", "  █"), *TYPING]
    typed = press(first, "abc")
    assert screen(typed) == [*HEAD, ("bold", "OPENAI_API_KEY: "), ("", "  •••█"), *TYPING]
    assert screen(press(typed, "c-i")) == [
        *HEAD,
        ("", "Save it in"),
        ("", "  the system's keyring"),
        ("sel", "▸ ~/.config/ingate/ingate.secrets.yaml (only you can read it)"),
        ("dim", "↑ ↓ choose · Enter saves · Esc back"),
    ]
    assert screen(press(typed, "c-m")) == [*HEAD[:-1], ("dim", "testing … · Esc back")]
    assert screen(press(typed, "c-i", "c-m")) == [*HEAD[:-1], ("dim", "saving …")]
    failed = with_(first, dialog=rejected(dialog_of(press(typed, "c-m")), "401: no"))
    assert screen(failed) == [*HEAD, ("bad", "401: no"), ("dim", "Enter keeps it anyway · Esc to type it again")]
    passed = with_(first, dialog=verified(dialog_of(press(typed, "c-m")), "answered"))
    assert screen(passed)[9:] == [("ok", "answered"), ("dim", "↑ ↓ choose · Enter saves · Esc back")]


def test_alternatives_and_what_was_typed_are_shown_whole() -> None:
    choice = on("azure")
    hint = ("dim", "↑ ↓ choose · Enter · Esc back")
    both = ["AZURE_API_KEY and AZURE_API_BASE", "AZURE_AD_TOKEN and AZURE_API_BASE"]
    assert screen(choice) == [*AZURE, ("sel", f"▸ {both[0]}"), ("", f"  {both[1]}"), hint]
    assert screen(press(choice, "down")) == [*AZURE, ("", f"  {both[0]}"), ("sel", f"▸ {both[1]}"), hint]
    assert screen(press(choice, "c-m", "key", "c-m", "https://x")) == [
        *AZURE,
        ("ok", "✓ AZURE_API_KEY"),
        ("bold", "AZURE_API_BASE: "),
        ("", "  https://x█"),
        ("dim", "Enter tests it with a real call · Tab skips the test · Esc back"),
    ]


def test_a_smaller_screen_gives_up_the_explanation_first() -> None:
    state = on("openai")
    hint = ("dim", "Enter tests it with a real call · Tab skips the t…")
    field = [("bold", "OPENAI_API_KEY: "), ("", "  █")]
    assert screen(state, 50, 9) == [
        *HEAD[:2],
        ("dim", "https://platform.openai.com/api-keys"),
        ("warn", "OPENAI_KEY is set; this provider reads"),
        ("warn", "OPENAI_API_KEY"),
        *field,
        ("dim", "Enter tests it with a real call · Tab skips the"),
        ("dim", "test · Esc back · empty: use the model anyway"),
    ]
    assert screen(state, 50, 5) == [*HEAD[:2], *field, hint]
    assert screen(state, 50, 3) == [*field, hint]
    assert screen(state, 50, 2) == [field[1], hint]
    assert screen(state, 50, 1) == [field[1]]
    # The blank line before the field needs three more lines.
    tall = [line[0] for line in dialog_lines(dialog_of(state), 70, 12)]
    assert tall == [*HEAD, *field, ("", ""), ("", ""), *TYPING]
    assert [line[0] for line in dialog_lines(dialog_of(state), 70, 11)][5:7] == field
