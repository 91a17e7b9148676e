"""Ready, attention and missing where more than a key matters: halves, files, packages, addresses, the configuration."""

from __future__ import annotations

import time

import pytest

from ingate.catalog.schema import ModelRow
from ingate.config import load
from ingate.errors import ConfigError, MissingCredentialsError, MissingExtraError
from ingate.gateway.models import Fetched
from ingate.gateway.readiness import MARKS
from ingate.providers import look_up, proxy_settings
from support.credentials import (
    NOTHING,
    SECRET,
    checker,
    config,
    everything_installed,
    nothing_installed,
    resolve,
    status,
    statuses,
)


def look(name, environ=None, settings=NOTHING, installed=everything_installed, **kwargs):
    return status(name, environ=environ or {}, config=settings, installed=installed, **kwargs)


def test_half_a_pair_is_attention_and_names_the_other_half():
    found = look("bedrock", {"AWS_ACCESS_KEY_ID": SECRET})
    assert (found.state, found.source) == ("attention", "env AWS_ACCESS_KEY_ID")
    assert "AWS_SECRET_ACCESS_KEY is missing" in found.reason
    assert "AWS_SECRET_ACCESS_KEY" in found.fix
    with pytest.raises(MissingCredentialsError, match="AWS_SECRET_ACCESS_KEY is missing"):
        resolve("bedrock", environ={"AWS_ACCESS_KEY_ID": SECRET}, config=NOTHING)


def test_a_key_without_the_address_it_needs_is_attention():
    found = look("azure", {"AZURE_API_KEY": SECRET})
    assert (found.state, found.fix) == (
        "attention",
        "export AZURE_API_BASE=https://…, or set azure.base_url in ingate.yaml",
    )


def test_an_address_without_a_key_is_missing():
    assert look("azure", {"AZURE_API_BASE": "https://r.openai.azure.com"}).state == "missing"


def test_key_and_address_may_come_from_different_places():
    settings = config(azure={"base_url": "https://r.openai.azure.com/"})
    credential, base = resolve("azure", environ={"AZURE_API_KEY": SECRET}, config=settings)
    assert (credential.source, base) == ("env AZURE_API_KEY", "https://r.openai.azure.com")


def test_the_environment_wins_over_the_configuration_field_by_field():
    settings = config(groq={"api_key": "from-file", "base_url": "http://file.example/v1"})
    environ = {"GROQ_API_KEY": "from-env"}
    credential, base = resolve("groq", environ=environ, config=settings)
    assert credential.api_key is not None
    assert (credential.api_key.reveal(), base) == ("from-env", "http://file.example/v1")
    _, base = resolve("groq", environ={"GROQ_API_BASE": "http://env.example/v1"}, config=settings)
    assert base == "http://env.example/v1"


def test_a_key_under_either_variable_beats_one_in_the_configuration():
    credential, _ = resolve("gemini", environ={"GOOGLE_API_KEY": "env"}, config=config(google={"api_key": "file"}))
    assert credential.source == "env GOOGLE_API_KEY"


def test_gemini_api_key_goes_before_google_api_key():
    credential, _ = resolve("gemini", environ={"GOOGLE_API_KEY": "b", "GEMINI_API_KEY": "a"}, config=NOTHING)
    assert credential.source == "env GEMINI_API_KEY"


def test_file_and_line_of_a_configured_key_are_the_source(tmp_path):
    (tmp_path / "ingate.yaml").write_text("groq:\n  api_key: gsk-0123456789\n  base_url: http://one.example/v1\n")
    settings = load(tmp_path / "ingate.yaml", environ={})
    found = look("groq", settings=settings)
    assert found.source.endswith("ingate.yaml:2 groq.api_key")
    assert found.api_base_source.endswith("ingate.yaml:3 groq.base_url")
    assert "gsk-0123456789" not in repr(found)


def test_a_reference_without_a_value_is_missing_and_named():
    settings = config(groq={"api_key": "env:MY_GROQ"})
    found = look("groq", settings=settings)
    assert found.state == "missing"
    assert found.reason == "config mapping groq.api_key (env MY_GROQ) has no value"
    with pytest.raises(MissingCredentialsError, match="MY_GROQ"):
        resolve("groq", environ={}, config=settings)


def test_a_command_is_not_run_for_a_status_and_is_run_to_resolve(tmp_path):
    ran = tmp_path / "ran"
    settings = config(groq={"api_key": f"cmd:touch {ran}"})
    assert look("groq", settings=settings).state == "ready"
    assert not ran.exists()
    with pytest.raises(ConfigError, match="empty"):
        resolve("groq", environ={"PATH": "/usr/bin:/bin"}, config=settings)
    assert ran.exists()


def test_a_disabled_provider_is_missing_whatever_is_set(tmp_path):
    (tmp_path / "ingate.yaml").write_text("default_model: groq/x\ndisabled_providers: [google, groq]\n")
    settings = load(tmp_path / "ingate.yaml", environ={})
    found = look("gemini", {"GEMINI_API_KEY": SECRET}, settings)
    assert found.state == "missing"
    assert "ingate.yaml:2" in found.reason
    with pytest.raises(MissingCredentialsError, match=r"disabled in .*ingate\.yaml:2"):
        resolve("groq", environ={"GROQ_API_KEY": SECRET}, config=settings)


def test_a_missing_package_is_attention_with_the_command_that_installs_it(tmp_path):
    path = tmp_path / "service.json"
    path.write_text('{"project_id": "p"}')
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    found = look("vertex_ai", environ, installed=nothing_installed)
    assert (found.state, found.fix) == ("attention", "pip install '.[google]' in ingate's folder")
    with pytest.raises(MissingExtraError) as caught:
        resolve("vertex_ai", environ=environ, config=NOTHING, installed=nothing_installed)
    assert caught.value.extra == "google"


def test_what_only_litellm_serves_needs_litellm():
    assert look("replicate", {"REPLICATE_API_KEY": SECRET}, installed=nothing_installed).state == "attention"
    assert look("groq", {"GROQ_API_KEY": SECRET}, installed=nothing_installed).state == "ready"


def test_a_static_bedrock_token_needs_no_package():
    assert look("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": SECRET}, installed=nothing_installed).state == "ready"


def test_vertex_without_a_project_is_attention(tmp_path):
    path = tmp_path / "adc.json"
    path.write_text('{"type": "authorized_user"}')
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    assert look("vertex_ai", environ).fix == "export VERTEXAI_PROJECT=…"
    assert look("vertex_ai", environ | {"VERTEXAI_PROJECT": "p"}).state == "ready"


def test_vertex_gets_the_project_its_credential_carries(tmp_path):
    path = tmp_path / "service.json"
    path.write_text('{"project_id": "carried"}')
    environ = {"VERTEXAI_CREDENTIALS": str(path), "VERTEXAI_LOCATION": "global"}
    credential, base = resolve("vertex_ai", environ=environ, config=NOTHING, installed=everything_installed)
    assert credential.params["vertex_project"].reveal() == "carried"
    assert base == "https://aiplatform.googleapis.com"


@pytest.mark.parametrize("variable", ["GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS"])
def test_a_variable_that_names_a_missing_file_is_attention(variable):
    found = look("vertex_ai", {variable: "/nowhere/key.json", "VERTEXAI_PROJECT": "p"})
    assert (found.state, found.reason) == ("attention", f"{variable} names a file that does not exist")


def test_vertex_credentials_may_be_the_json_itself():
    assert look("vertex_ai", {"VERTEXAI_CREDENTIALS": '{"project_id": "p"}'}).state == "ready"


def test_gclouds_own_file_counts(tmp_path):
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text('{"quota_project_id": "p", "refresh_token": "hush"}')
    found = look("vertex_ai", {"HOME": str(tmp_path)})
    assert (found.state, found.source) == ("ready", "~/.config/gcloud/application_default_credentials.json")
    assert "hush" not in repr(found)


@pytest.mark.parametrize("content", ["", "{}", "not json", "[1]"])
def test_a_credential_file_without_content_is_missing(tmp_path, content):
    (tmp_path / "application_default_credentials.json").write_text(content)
    assert look("vertex_ai", {"CLOUDSDK_CONFIG": str(tmp_path)}).state == "missing"


def aws(tmp_path, credentials="", settings=""):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(credentials)
    (tmp_path / ".aws" / "config").write_text(settings)
    return {"HOME": str(tmp_path)}


def test_the_default_aws_profile_counts_and_gives_the_region(tmp_path):
    environ = aws(tmp_path, f"[default]\naws_access_key_id = {SECRET}\n", "[default]\nregion = eu-west-3\n")
    found = look("bedrock", environ)
    assert (found.state, found.source) == ("ready", "~/.aws/credentials [default]")
    assert found.api_base == "https://bedrock-runtime.eu-west-3.amazonaws.com"
    assert SECRET not in repr(found)
    credential, _ = resolve("bedrock", environ=environ, config=NOTHING, installed=everything_installed)
    assert credential.params["aws_region_name"].reveal() == "eu-west-3"


def test_an_aws_file_without_credentials_is_missing(tmp_path):
    assert look("bedrock", aws(tmp_path, settings="[default]\nregion = eu-west-3\n")).state == "missing"
    assert look("bedrock", {"HOME": str(tmp_path / "nowhere")}).state == "missing"


def test_a_profile_that_no_file_has_is_attention(tmp_path):
    found = look("bedrock", {"HOME": str(tmp_path), "AWS_PROFILE": "nobody"})
    assert found.state == "attention"
    assert "'nobody'" in found.reason


def test_a_broken_aws_file_is_as_good_as_none(tmp_path):
    assert look("bedrock", aws(tmp_path, "[default\nnonsense")).state == "missing"


def test_a_session_token_goes_only_with_the_key_it_belongs_to():
    environ = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_SESSION_TOKEN": "c",
        "AWS_REGION": "eu-west-1",
    }
    credential, base = resolve("bedrock", environ=environ, config=NOTHING, installed=everything_installed)
    assert set(credential.params) == {
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_region_name",
    }
    assert base == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    bearer = {"AWS_BEARER_TOKEN_BEDROCK": "t", "AWS_SESSION_TOKEN": "c"}
    credential, _ = resolve("bedrock", environ=bearer, config=NOTHING)
    assert "aws_session_token" not in credential.params


def test_a_login_is_a_file_and_its_absence_needs_attention(tmp_path):
    environ = {"HOME": str(tmp_path)}
    missing = look("github_copilot", environ)
    assert (missing.state, missing.reason) == ("attention", "github_copilot needs a login")
    assert "log in once" in missing.fix
    folder = tmp_path / ".config" / "litellm" / "github_copilot"
    folder.mkdir(parents=True)
    (folder / "access-token").write_text("")
    assert look("github_copilot", environ).state == "attention"
    (folder / "access-token").write_text(SECRET)
    found = look("github_copilot", environ)
    assert (found.state, found.source) == ("ready", "~/.config/litellm/github_copilot/access-token")
    own = {"CHATGPT_TOKEN_DIR": str(folder), "CHATGPT_AUTH_FILE": "access-token"}
    assert look("chatgpt", own).state == "ready"


def test_a_server_without_a_key_may_have_one():
    settings = config(lm_studio={"base_url": "http://localhost:1234/v1", "api_key": "k"})
    credential, base = resolve("lm_studio", environ={}, config=settings)
    assert credential.api_key is not None
    assert base == "http://localhost:1234/v1"
    credential, _ = resolve("ollama", environ={"OLLAMA_API_KEY": "k"}, config=NOTHING)
    assert credential.source == "env OLLAMA_API_KEY"


@pytest.mark.parametrize(
    ("environ", "settings", "expected"),
    [
        ({}, {}, None),
        ({"LITELLM_API_BASE": " "}, {}, None),
        ({"LITELLM_API_BASE": "http://a/"}, {}, ("http://a", None, "env LITELLM_API_BASE")),
        ({"LITELLM_PROXY_API_BASE": "http://b", "LITELLM_API_KEY": "k"}, {}, ("http://b", "k", "env LITELLM_PROXY_API_BASE, env LITELLM_API_KEY")),
        (
            {"LITELLM_API_BASE": "http://a"},
            {"api_base": "http://c", "api_key": "f"},
            ("http://a", "f", "env LITELLM_API_BASE, config mapping litellm.api_key"),
        ),
        ({}, {"api_base": "http://c"}, ("http://c", None, "config mapping litellm.api_base")),
        ({}, {"api_key": "f"}, None),
    ],
)  # fmt: skip
def test_the_proxy_is_where_environment_or_configuration_say(environ, settings, expected):
    found = proxy_settings(environ, config(litellm=settings))
    if expected is None:
        assert found is None
        return
    assert found is not None
    key = found.key(environ)
    assert (found.api_base, key.reveal() if key else None, found.source) == expected


def test_a_proxy_that_lists_the_model_makes_a_missing_key_no_matter():
    settings = config(litellm={"api_base": "http://proxy:4000"})
    listed = {"litellm_proxy": Fetched((ModelRow("litellm_proxy", "groq/m"),))}

    def model(environ=(), lists=None, settings=settings):
        return checker(dict(environ), settings, lists=lists).check("groq/m")

    assert look("groq", settings=settings).state == "missing"
    found = model(lists=listed)
    assert (found.state, found.lane) == ("ready", "proxy")
    assert found.source == "proxy http://proxy:4000 (config mapping litellm.api_base)"
    assert model({"GROQ_API_KEY": "k"}, listed).source == "env GROQ_API_KEY"
    assert model(lists=listed, settings=NOTHING).state == "missing"
    assert model(lists={"litellm_proxy": Fetched()}).state == "missing"
    assert model(lists={"litellm_proxy": Fetched(problem="connection refused")}).state == "missing"
    unasked = model()
    assert unasked.state == "attention"
    assert "the proxy at http://proxy:4000 may serve it" in unasked.reason


def test_a_token_exchange_is_left_to_litellm():
    machine = {
        "DATABRICKS_CLIENT_ID": "i",
        "DATABRICKS_CLIENT_SECRET": "s",
        "DATABRICKS_API_BASE": "https://d/serving-endpoints",
    }
    assert look_up("databricks", environ=machine, config=NOTHING).needs_litellm
    assert look("databricks", machine).lane == "litellm"
    token = {"DATABRICKS_API_KEY": "k", "DATABRICKS_API_BASE": "https://d/serving-endpoints"}
    assert not look_up("databricks", environ=token, config=NOTHING).needs_litellm
    assert look_up("replicate", environ={}, config=NOTHING).needs_litellm


def test_marks():
    assert [look(*given).mark for given in (("groq", {"GROQ_API_KEY": "k"}), ("ollama",), ("groq",))] == ["✓", "○", "✗"]
    assert "".join(MARKS.values()) == "✓○✗"


def test_all_statuses_are_quick():
    environ = {"GROQ_API_KEY": "k", "OPENAI_KEY": "k", **{f"UNRELATED_{number}": "x" for number in range(80)}}
    statuses(environ, NOTHING)
    best = min(_cpu_s(environ) for _ in range(10))
    assert best < 0.025, "five times the promise, for a busy machine"


def _cpu_s(environ):
    start = time.process_time()
    statuses(environ, NOTHING)
    return time.process_time() - start


def test_logins_and_files_are_found_where_their_variables_point(tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "token").write_text(SECRET)
    copilot = {"GITHUB_COPILOT_TOKEN_DIR": str(folder), "GITHUB_COPILOT_ACCESS_TOKEN_FILE": "token"}
    assert look("github_copilot", copilot).source == str(folder / "token")
    assert look("github_copilot", {"GITHUB_COPILOT_TOKEN_DIR": str(folder)}).state == "attention"
    (tmp_path / "sap.json").write_text("{}")
    assert look("sap", {"AICORE_CONFIG": str(tmp_path / "sap.json")}).source == str(tmp_path / "sap.json")
    (folder / "config_dev.json").write_text("{}")
    assert look("sap", {"AICORE_HOME": str(folder), "AICORE_PROFILE": "dev"}).state == "ready"
    assert look("sap", {"AICORE_HOME": str(folder), "AICORE_PROFILE": "default"}).state == "missing"
    (folder / "config.json").write_text("{}")
    assert look("sap", {"AICORE_HOME": str(folder), "AICORE_PROFILE": "default"}).state == "ready"
    home = tmp_path / "home"
    (home / ".aicore").mkdir(parents=True)
    (home / ".aicore" / "config.json").write_text("{}")
    assert look("sap", {"USERPROFILE": str(home)}).source == "~/.aicore/config.json"
    (home / ".databrickscfg").write_text("[DEFAULT]\n")
    assert look("databricks", {"HOME": str(home)}).source == "~/.databrickscfg"
    assert look("databricks", {}).state == "missing"


def test_gclouds_file_is_found_on_every_platform(tmp_path):
    (tmp_path / "gcloud").mkdir()
    file = tmp_path / "gcloud" / "application_default_credentials.json"
    file.write_text('{"quota_project_id": "p"}')
    assert look("vertex_ai", {"APPDATA": str(tmp_path)}).source == str(file)
    assert look("vertex_ai", {"CLOUDSDK_CONFIG": str(file.parent), "APPDATA": "/nowhere"}).source == str(file)
    assert look("vertex_ai", {}).state == "missing"


def test_the_region_of_aws_config_goes_before_that_of_the_credentials_and_belongs_to_the_profile(tmp_path):
    environ = aws(
        tmp_path,
        "[default]\naws_access_key_id = k\nregion = eu-west-1\n[work]\naws_access_key_id = k\nregion = eu-north-1\n",
        "[default]\nregion = eu-west-3\n",
    )
    assert look("bedrock", environ).api_base == "https://bedrock-runtime.eu-west-3.amazonaws.com"
    work = environ | {"AWS_PROFILE": "work"}
    assert look("bedrock", work).api_base == "https://bedrock-runtime.eu-north-1.amazonaws.com"
    own = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / ".aws" / "credentials")}
    assert look("bedrock", own).source.endswith("credentials [default]")
    assert look("bedrock", own).api_base == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    elsewhere = {"AWS_CONFIG_FILE": str(tmp_path / ".aws" / "config"), "HOME": "/nowhere"}
    assert look("bedrock", elsewhere).state == "missing"
