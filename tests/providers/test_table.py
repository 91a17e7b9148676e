"""Every provider and every alternative: nothing set, all set, all empty; and the map's order of precedence."""

from __future__ import annotations

import pytest

from ingate.errors import MissingCredentialsError
from ingate.gateway.models import Fetched
from ingate.providers import providers
from support.credentials import NOTHING, SECRET, config, environment, everything_installed, resolve, status, statuses

ALL = tuple(providers().values())
GROUPS = [
    pytest.param(known, group, id=f"{known.name}-{'+'.join(group) or 'nothing'}")
    for known in ALL
    for group in known.env
]


@pytest.mark.parametrize("known", ALL, ids=tuple(providers()))
def test_nothing_set_is_missing_or_a_server_that_was_not_asked(known, tmp_path):
    found = status(known.name, environ={"HOME": str(tmp_path)}, config=NOTHING, installed=everything_installed)
    if known.auth == "none":
        assert (found.state, found.source) == ("attention", "no key needed")
        assert found.reason == f"answers only while a server runs at {known.default_api_base}, which was not checked"
    elif known.auth == "oauth_device":
        assert (found.state, found.source) == ("attention", "")
        assert found.reason == f"{known.name} needs a login"
    else:
        assert (found.state, found.source) == ("missing", "")
    assert found.fix


@pytest.mark.parametrize(("known", "group"), GROUPS)
def test_each_alternative_is_ready_and_names_its_source(known, group, tmp_path):
    environ = environment(known, group, tmp_path)
    answered = {known.name: Fetched()}
    found = status(known.name, environ=environ, config=NOTHING, installed=everything_installed, lists=answered)
    assert (found.state, found.reason, found.fix) == ("ready", "", "")
    if group:
        assert found.source.startswith("env ")
        source = found.source.partition("; a server answers at ")[0]
        assert set(source.replace("env ", "").split(", ")) <= set(group)
    unasked = status(known.name, environ=environ, config=NOTHING, installed=everything_installed)
    has_key = any(known.target(variable) == "api_key" for variable in group)
    assert unasked.state == ("ready" if has_key or known.auth not in {"none", "base_url"} else "attention")


@pytest.mark.parametrize(("known", "group"), [param for param in GROUPS if param.values[1]])
@pytest.mark.parametrize("empty", ["", "  \t"])
def test_empty_variables_are_missing(known, group, empty, tmp_path):
    environ = {"HOME": str(tmp_path), **dict.fromkeys(group, empty)}
    found = status(known.name, environ=environ, config=NOTHING, installed=everything_installed)
    assert found.state == "missing"
    assert any(miss.endswith("is set but empty") for miss in found.near_misses)


@pytest.mark.parametrize(("known", "group"), [param for param in GROUPS if param.values[1]])
def test_an_alternative_with_one_member_empty_is_never_ready(known, group, tmp_path):
    for left_out in group:
        environ = {**environment(known, group, tmp_path), left_out: ""}
        found = status(known.name, environ=environ, config=NOTHING, installed=everything_installed)
        assert found.state != "ready", left_out


@pytest.mark.parametrize(("known", "group"), GROUPS)
@pytest.mark.parametrize("lane", ["native", "litellm"])
def test_what_is_ready_resolves_and_shows_no_value(known, group, lane, tmp_path):
    environ = environment(known, group, tmp_path)
    if lane == "litellm" and not set(known.native_only).isdisjoint(group):
        with pytest.raises(MissingCredentialsError, match="litellm cannot use env"):
            resolve(known.name, environ=environ, config=NOTHING, lane=lane, installed=everything_installed)
        return
    credential, base = resolve(known.name, environ=environ, config=NOTHING, lane=lane, installed=everything_installed)
    keys = [variable for variable in group if known.target(variable) == "api_key"]
    assert (credential.api_key.reveal() if credential.api_key else None) == (environ[keys[0]] if keys else None)
    assert SECRET not in repr((credential, base, status(known.name, environ=environ, config=NOTHING)))
    assert SECRET not in f"{credential}"
    if lane == "native" and known.wire_format:
        assert base is None or base.startswith("http")
        assert (base is not None) or known.default_api_base is None


@pytest.mark.parametrize("known", ALL, ids=tuple(providers()))
def test_what_is_missing_does_not_resolve_and_says_what_would_help(known, tmp_path):
    if known.auth == "none":
        return
    with pytest.raises(MissingCredentialsError) as caught:
        resolve(known.name, environ={"HOME": str(tmp_path)}, config=NOTHING, installed=everything_installed)
    error = caught.value
    assert error.alternatives == known.env
    assert error.docs_url == known.docs_url
    assert error.fix
    if known.env:
        assert known.env[0][0] in str(error)
        assert f"export {known.env[0][0]}=" in error.fix


@pytest.mark.parametrize(
    "known",
    [known for known in ALL if known.auth == "api_key" and len(known.env[0]) == 1],
    ids=lambda known: known.name,
)
def test_a_key_in_the_configuration_is_ready_and_the_environments_wins(known):
    settings = config(**{known.name: {"api_key": "from-the-file"}})
    found = status(known.name, environ={}, config=settings, installed=everything_installed)
    assert (found.state, found.source) == ("ready", f"config mapping {known.name}.api_key")
    variable = known.env[-1][0] if known.target(known.env[-1][0]) == "api_key" else known.env[0][0]
    credential, _ = resolve(known.name, environ={variable: "from-env"}, config=settings, installed=everything_installed)
    assert credential.api_key is not None
    assert credential.api_key.reveal() == "from-env"
    assert credential.source == f"env {variable}"


def test_all_statuses_come_in_the_maps_order_and_agree_with_each_ones_own(tmp_path):
    environ = {"HOME": str(tmp_path), "GROQ_API_KEY": SECRET, "OPENAI_KEY": SECRET}
    every = statuses(environ, NOTHING)
    assert list(every) == list(providers())
    for name, found in every.items():
        assert found == status(name, environ=environ, config=NOTHING)
