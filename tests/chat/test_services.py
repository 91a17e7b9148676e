"""What the picker needs from the gateway."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from ingate.chat.services import LOCAL, GatewayServices, picker_data
from ingate.errors import ConfigError, NotSupportedError, RateLimitError
from ingate.gateway import Gateway
from ingate.providers import providers
from ingate.secret import Secret
from support.chat import SPEC, scripted_gateway
from support.upstream import Reply, completion, upstream

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_test_call_tells_what_was_said() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue("Hello there.")
    engine.enqueue(RateLimitError("slow down"))
    services = GatewayServices(gateway)
    assert (await services.test(SPEC)).endswith("s: Hello there.")
    with pytest.raises(RateLimitError):
        await services.test(SPEC)
    assert engine.requests[0][1]["max_tokens"] <= 64
    await gateway.aclose()


async def test_a_saved_key_is_known_at_once() -> None:
    async with Gateway() as gateway:
        services = GatewayServices(gateway)
        assert services.readiness().provider("groq").state == "missing"
        where = services.save("groq", {"GROQ_API_KEY": Secret("gsk_planted_key")}, "file")
        assert gateway.readiness().provider("groq").state == "ready"
        assert services.readiness().provider("groq").state == "ready"
        (route,) = gateway.routes("groq/openai/gpt-oss-120b")
        assert route.credential.source
        assert "gsk_planted" not in where


async def test_a_key_written_by_hand_while_the_picker_is_open_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "ingate.yaml"
    file.write_text("timeout: 5\n")
    async with Gateway(file) as gateway:
        services = GatewayServices(gateway, file)
        assert services.readiness().provider("mistral").state == "missing"
        file.write_text("timeout: 5\nmistral:\n  api_key: planted-mistral-key\n")
        assert services.readiness().provider("mistral").state == "ready"


async def test_the_file_a_key_is_saved_to_is_private(clean_environment: Path) -> None:
    async with Gateway() as gateway:
        GatewayServices(gateway).save("groq", {"GROQ_API_KEY": Secret("gsk_planted_key")}, "file")
    path = clean_environment / ".config" / "ingate" / "ingate.secrets.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_without_a_key_the_local_model_is_preselected() -> None:
    async with Gateway() as gateway:
        assert picker_data(gateway).current == LOCAL
        assert picker_data(gateway, current="groq/x").current == "groq/x"


async def test_with_a_key_nothing_is_preselected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_planted_key")
    async with Gateway() as gateway:
        assert picker_data(gateway).current is None


async def test_without_a_proxy_there_are_no_deployments() -> None:
    async with Gateway() as gateway:
        assert await GatewayServices(gateway).deployments() == []


async def test_a_provider_without_a_list_says_so() -> None:
    async with Gateway() as gateway:
        with pytest.raises(NotSupportedError):
            await GatewayServices(gateway).live("local")


def test_without_a_desktop_copying_is_left_to_the_terminal() -> None:
    gateway, _ = scripted_gateway()
    assert GatewayServices(gateway).copy("text") is False


@pytest.mark.skipif(sys.platform != "linux", reason="the desktop's variables are Linux's")
@pytest.mark.parametrize(
    ("commands", "display", "copied"),
    [
        ({"wl-copy": "cat > {out}"}, "WAYLAND_DISPLAY", "wl-copy:text ä"),
        ({"wl-copy": "exit 1", "xclip": 'printf "%s " "$@" > {out}; cat >> {out}'}, "DISPLAY", "xclip:-selection clipboard text ä"),
        ({"xsel": 'printf "%s " "$@" > {out}; cat >> {out}; env > {out}.env'}, "DISPLAY", "xsel:-ib text ä"),
        ({"wl-copy": "exit 1"}, "DISPLAY", None),
        ({}, "DISPLAY", None),
        ({"wl-copy": "cat > {out}"}, "NOTHING", None),
    ],
    ids=["wayland", "the next one", "another one", "it fails", "there is none", "no desktop"],
)  # fmt: skip
def test_text_is_copied_with_the_first_clipboard_command_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: dict[str, str], display: str, copied: str | None
) -> None:
    for name, code in commands.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{code.format(out=tmp_path / (name + '.out'))}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(display, ":0")
    monkeypatch.setenv("GROQ_API_KEY", "gsk_planted_key")
    gateway, _ = scripted_gateway()
    assert GatewayServices(gateway).copy("text ä") is (copied is not None)
    if copied is not None:
        name, _, text = copied.partition(":")
        assert (tmp_path / f"{name}.out").read_text() == text
    assert all("gsk_planted" not in file.read_text() for file in tmp_path.glob("*.env"))


async def test_a_key_is_tried_before_it_is_saved_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingate.errors import IngateError

    monkeypatch.setenv("GROQ_API_BASE", "http://127.0.0.1:9/v1")
    async with Gateway() as gateway:
        services = GatewayServices(gateway)
        with pytest.raises(IngateError) as caught:
            await services.verify("groq", {"GROQ_API_KEY": Secret("gsk_planted_key")})
        assert "gsk_planted" not in str(caught.value)
        assert gateway.readiness().provider("groq").state == "missing"


async def test_a_reload_keeps_the_engines_and_scripted_specs() -> None:
    """A key saved from the picker must not make the engines of a test, or of an application, unknown."""
    gateway, engine = scripted_gateway()
    engine.enqueue("Still here.")
    GatewayServices(gateway).save("groq", {"GROQ_API_KEY": Secret("gsk_planted_key")}, "file")
    completion = await gateway.complete({"model": SPEC, "messages": [{"role": "user", "content": "Hello"}]})
    assert completion["choices"][0]["message"]["content"] == "Still here."
    await gateway.aclose()


async def test_a_broken_file_leaves_the_configuration_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "ingate.yaml"
    file.write_text("groq:\n  api_key: planted-groq-key\n")
    async with Gateway(file) as gateway:
        services = GatewayServices(gateway, file)
        file.write_text("groq: [unclosed\n")
        with pytest.raises(ConfigError):
            services.readiness()
        assert gateway.routes("groq/openai/gpt-oss-120b")
        file.write_text("groq:\n  api_key: planted-groq-key\n# mended\n")
        assert services.readiness().provider("groq").state == "ready"


async def test_a_key_is_tried_with_the_cheapest_model_the_catalog_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as served:
        served.say(Reply(body=completion("Hello there.")))
        monkeypatch.setenv("GROQ_API_BASE", served.url)
        async with Gateway() as gateway:
            rows = [row for row in gateway.catalog().visible() if row.provider == "groq" and row.mode == "chat"]
            cheapest = min(row.input_usd_per_mtok for row in rows if row.input_usd_per_mtok is not None)
            said = await GatewayServices(gateway).verify("groq", {"GROQ_API_KEY": Secret("gsk_planted_key")})
        assert said.endswith("s: Hello there.")
        (request,) = served.seen
        assert request.headers["authorization"] == "Bearer gsk_planted_key"
        tried = next(row for row in rows if row.model == request.body["model"])
        assert tried.input_usd_per_mtok == cheapest


async def test_a_provider_without_a_known_model_is_not_tried() -> None:
    async with Gateway() as gateway:
        rows = {row.provider for row in gateway.catalog().visible()}
        unlisted = next(name for name in providers() if name not in rows)
        with pytest.raises(NotSupportedError, match="no model of"):
            await GatewayServices(gateway).verify(unlisted, {})


async def test_a_list_comes_from_whichever_engine_can_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream() as served:
        served.say(Reply(body={"object": "list", "data": [{"id": "one"}, {"id": "two"}]}))
        async with Gateway({"servers": {"mybox": {"base_url": served.url}}}) as gateway:
            listed = await GatewayServices(gateway).live("mybox")
        assert [model["id"] for model in listed] == ["one", "two"]
        assert served.seen[0].method == "GET"
