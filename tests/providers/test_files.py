"""Where the credential files of other programs are looked for, and what is read of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingate.providers import files, provider


def put(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HOME": "/h"}, "/h"),
        ({"USERPROFILE": "/u"}, "/u"),
        ({"HOME": "", "USERPROFILE": "/u"}, "/u"),
        ({"HOME": "/h", "USERPROFILE": "/u"}, "/h"),
    ],
)
def test_the_home_folder_is_named_by_the_environment(environ, expected):
    assert files.home(environ) == (Path(expected) if expected else None)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HOME": "/h"}, "/h/.config/gcloud/application_default_credentials.json"),
        ({"HOME": "/h", "APPDATA": "/a"}, "/a/gcloud/application_default_credentials.json"),
        ({"APPDATA": "/a", "CLOUDSDK_CONFIG": "/c"}, "/c/application_default_credentials.json"),
    ],
)
def test_gclouds_credentials_are_where_gcloud_puts_them(environ, expected):
    assert files.adc_path(environ) == (Path(expected) if expected else None)


@pytest.mark.parametrize(
    ("name", "environ", "file", "shown"),
    [
        ("github_copilot", {}, "home/.config/litellm/github_copilot/access-token", "~/.config/litellm/github_copilot/access-token"),
        ("github_copilot", {"GITHUB_COPILOT_TOKEN_DIR": "own"}, "own/access-token", "own/access-token"),
        ("github_copilot", {"GITHUB_COPILOT_TOKEN_DIR": "own", "GITHUB_COPILOT_ACCESS_TOKEN_FILE": "t"}, "own/t", "own/t"),
        ("github_copilot", {"GITHUB_COPILOT_ACCESS_TOKEN_FILE": "t"}, "home/.config/litellm/github_copilot/t", "~/.config/litellm/github_copilot/t"),
        ("chatgpt", {}, "home/.config/litellm/chatgpt/auth.json", "~/.config/litellm/chatgpt/auth.json"),
        ("chatgpt", {"CHATGPT_TOKEN_DIR": "own", "CHATGPT_AUTH_FILE": "a"}, "own/a", "own/a"),
        ("sap", {}, "home/.aicore/config.json", "~/.aicore/config.json"),
        ("sap", {"AICORE_PROFILE": "default"}, "home/.aicore/config.json", "~/.aicore/config.json"),
        ("sap", {"AICORE_PROFILE": "dev"}, "home/.aicore/config_dev.json", "~/.aicore/config_dev.json"),
        ("sap", {"AICORE_HOME": "own", "AICORE_PROFILE": "dev"}, "own/config_dev.json", "own/config_dev.json"),
        ("sap", {"AICORE_CONFIG": "own/c.json", "AICORE_HOME": "other"}, "own/c.json", "own/c.json"),
        ("databricks", {}, "home/.databrickscfg", "~/.databrickscfg"),
    ],
)  # fmt: skip
def test_a_login_or_file_authenticates_if_it_is_not_empty(tmp_path, name, environ, file, shown):
    paths = {
        key: value if key.endswith(("_FILE", "_PROFILE")) else str(tmp_path / value) for key, value in environ.items()
    }
    known, at_home = provider(name), {**paths, "HOME": str(tmp_path / "home")}
    assert files.find(known, at_home) is None
    put(tmp_path / file, "")
    assert files.find(known, at_home) is None
    put(tmp_path / file)
    assert files.find(known, at_home) == (shown if shown.startswith("~") else str(tmp_path / shown))
    without_home = files.find(known, paths)
    assert without_home == (None if shown.startswith("~") else str(tmp_path / shown))


def test_a_folder_is_not_a_credential(tmp_path):
    (tmp_path / ".databrickscfg" / "x").mkdir(parents=True)
    assert files.find(provider("databricks"), {"HOME": str(tmp_path)}) is None
    assert not files.is_file(str(tmp_path))
    assert files.is_file(str(put(tmp_path / "f")))
    assert not files.is_file(str(put(tmp_path / "empty", "")))
    assert not files.is_file(str(tmp_path / "absent"))
    assert not files.is_file("a\0b")


def test_a_provider_without_files_has_none(tmp_path):
    put(tmp_path / ".aws/credentials", "[default]\naws_access_key_id = k\n")
    assert files.find(provider("groq"), {"HOME": str(tmp_path)}) is None


def test_gclouds_file_counts_only_if_it_holds_an_object(tmp_path):
    environ = {"HOME": str(tmp_path)}
    known = provider("vertex_ai")
    for content in ("", "{}", "[1]", "?", "\ufffd"):
        put(tmp_path / ".config/gcloud/application_default_credentials.json", content)
        assert files.find(known, environ) is None
    put(tmp_path / ".config/gcloud/application_default_credentials.json", '{"type": "x"}')
    assert files.find(known, environ) == "~/.config/gcloud/application_default_credentials.json"
    assert files.find(known, {}) is None


def aws(tmp_path, credentials="", config=""):
    put(tmp_path / ".aws/credentials", credentials)
    put(tmp_path / ".aws/config", config)
    return {"HOME": str(tmp_path)}


@pytest.mark.parametrize(
    "key", ["aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"]
)  # fmt: skip
def test_each_kind_of_aws_profile_counts(tmp_path, key):
    assert files.aws_profile("work", aws(tmp_path, config=f"[profile work]\n{key} = x\n")) == "~/.aws/config [work]"
    assert files.aws_profile("default", aws(tmp_path, config=f"[default]\n{key} = x\n")) == "~/.aws/config [default]"
    assert files.aws_profile("default", aws(tmp_path, config=f"[default]\n{key} =\n")) is None


def test_aws_profiles_have_a_prefix_in_one_of_the_files_only(tmp_path):
    both = "[work]\naws_access_key_id = k\n[profile play]\naws_access_key_id = k\n"
    environ = aws(tmp_path, credentials=both, config=both)
    assert files.aws_profile("work", environ) == "~/.aws/credentials [work]"
    assert files.aws_profile("play", environ) == "~/.aws/config [play]"
    assert files.aws_profile("none", environ) is None
    assert files.aws_profile("default", environ) is None


def test_the_profile_of_the_environment_is_the_one_in_use(tmp_path):
    credentials = "[default]\naws_access_key_id = k\nregion = r1\n[work]\naws_access_key_id = k\nregion = r2\n"
    environ = aws(tmp_path, credentials=credentials, config="[profile work]\nregion = r3\n[profile x]\nregion = r4\n")
    known = provider("bedrock")
    for profile, found, region in (
        (None, "~/.aws/credentials [default]", "r1"),
        (" ", "~/.aws/credentials [default]", "r1"),
        (" work ", "~/.aws/credentials [work]", "r3"),
        ("x", None, "r4"),
        ("y", None, None),
    ):
        named = environ if profile is None else {**environ, "AWS_PROFILE": profile}
        assert (files.find(known, named), files.aws_region(named)) == (found, region), profile


def test_aws_files_may_be_elsewhere(tmp_path):
    own = put(tmp_path / "own", "[default]\naws_access_key_id = k\n")
    settings = put(tmp_path / "settings", "[profile work]\nrole_arn = r\nregion = r5\n")
    environ = {"AWS_SHARED_CREDENTIALS_FILE": str(own), "AWS_CONFIG_FILE": str(settings)}
    assert files.aws_profile("default", environ) == f"{own} [default]"
    assert files.aws_profile("work", environ) == f"{settings} [work]"
    assert files.aws_region({**environ, "AWS_PROFILE": "work"}) == "r5"
    assert files.aws_profile("work", {"AWS_CONFIG_FILE": str(settings)}) == f"{settings} [work]"
    assert files.aws_profile("default", {}) is None


def test_a_changed_file_is_read_again(tmp_path):
    environ = aws(tmp_path, credentials="[default]\naws_access_key_id = k\n")
    assert files.aws_profile("default", environ) is not None
    path = put(tmp_path / ".aws/credentials", "[default]\nregion = somewhere\n")
    os.utime(path, ns=(1, 1))
    assert files.aws_profile("default", environ) is None


@pytest.mark.parametrize("content", [b"[default", b"aws_access_key_id = k\n", b"[default]\naws_access_key_id = \xff\n"])
def test_a_damaged_aws_file_has_no_profiles(tmp_path, content):
    path = put(tmp_path / ".aws/credentials")
    path.write_bytes(content)
    assert files.aws_profile("default", {"HOME": str(tmp_path)}) is None


def test_a_profile_written_twice_and_one_called_default_section_are_read(tmp_path):
    content = "[default]\naws_access_key_id = k\n[default]\nregion = r\n[DEFAULT]\nregion = other\n"
    environ = aws(tmp_path, credentials=content)
    assert (files.aws_profile("default", environ), files.aws_region(environ)) == ("~/.aws/credentials [default]", "r")


@pytest.mark.parametrize(
    ("content", "project"),
    [
        ('{"project_id": "p", "quota_project_id": "q"}', "p"),
        ('{"project_id": "", "quota_project_id": "q"}', "q"),
        ('  {"quota_project_id": "q"}', "q"),
        ('{"project_id": 5}', None),
        ('{"type": "x"}', None),
        ("{", None),
        ("{}", None),
    ],
)
def test_the_project_of_google_credentials_is_read_from_a_file_or_the_json_itself(tmp_path, content, project):
    assert files.google_project(content) == project
    assert files.google_project(str(put(tmp_path / "c.json", content))) == project
    assert files.google_project(str(tmp_path / "absent.json")) is None


def test_only_the_projects_of_a_json_file_are_kept(tmp_path):
    path = put(tmp_path / "c.json", '{"project_id": "p", "quota_project_id": "q", "private_key": "hush"}')
    assert files.read_json(path) == {"project_id": "p", "quota_project_id": "q", "private_key": None}
    assert files.read_json(put(tmp_path / "d.json", '"text"')) is None
    assert files.read_json(tmp_path / "absent.json") is None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("github_copilot", ".config/litellm/github_copilot/access-token"),
        ("chatgpt", ".config/litellm/chatgpt/auth.json"),
    ],
)
def test_a_stored_login_is_read_when_a_call_is_made(tmp_path, name, file):
    known, environ = provider(name), {"HOME": str(tmp_path)}
    assert files.read_login(known, environ) is None
    assert files.read_login(known, {}) is None
    path = put(tmp_path / file, " \n")
    assert files.read_login(known, environ) is None
    path.write_text(" gho_1\n")
    login = files.read_login(known, environ)
    assert login is not None
    assert login.reveal() == "gho_1"
    assert "gho_1" not in repr(login)
    path.write_bytes(b"\xff\xfe")
    assert files.read_login(known, environ) is None
