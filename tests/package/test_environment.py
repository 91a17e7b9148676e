"""The environment: read in one module, with what may be a credential masked, and written only to keep libraries quiet."""

from __future__ import annotations

import os

import pytest

from ingate import environment

MASKED = "'***'"


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("OPENAI_API_KEY", "sk-1", True),
        ("hf_token", "hf_1", True),
        ("AWS_SECRET_ACCESS_KEY", "s", True),
        ("PGPASSWORD", "p", True),
        ("SENTRY_DSN", "d", True),
        ("VCAP_SERVICES", "{}", True),
        ("HOME", "/root", False),
        ("OPENAI_BASE_URL", "https://api.openai.com/v1", False),
        ("OPENAI_BASE_URL", "https://user:pass@proxy/v1", True),
        ("HTTPS_PROXY", "http://user@proxy:3128", True),
        ("MAIL", "me@example.org", False),
        ("PAGE", "http://host/@me", False),
        # Where a credential is, rather than the credential.
        ("OPENAI_API_KEY_FILE", "/run/secrets/key", False),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/sa.json", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", ' {"private_key": "k"}', True),
        ("KEY_FILE_KEY", "k", True),
    ],
)
def test_what_may_be_a_credential_has_a_masked_repr(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, masked: bool
) -> None:
    monkeypatch.setenv(name, value)
    found = environment.snapshot()[name]
    assert found == value
    assert (repr(found) == MASKED) is masked


def test_a_snapshot_does_not_change_and_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "1")
    found = environment.snapshot()
    monkeypatch.setenv("A", "2")
    assert found["A"] == "1"
    assert set(environment.snapshot()) == set(os.environ)
    with pytest.raises(TypeError):
        found["A"] = "3"  # ty: ignore[invalid-assignment]


def test_libraries_are_silenced_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    switches = dict(environment.LITELLM_IMPORT_SWITCHES)
    for name in (*switches, "RUST_LOG"):  # set first, so that they are as before after the test
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("LITELLM_MODE", "DEV")
    before = dict(os.environ)
    environment.set_litellm_import_switches()
    environment.silence_tensorzero()
    assert dict(os.environ) == {**before, **switches, "LITELLM_MODE": "DEV", "RUST_LOG": "off"}
    monkeypatch.setenv("RUST_LOG", "debug")
    environment.silence_tensorzero()
    assert os.environ["RUST_LOG"] == "debug"
