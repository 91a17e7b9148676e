"""One look-up: the alternative in use, what shapes the address, and what keeps a credential from working."""

from __future__ import annotations

import json

import pytest

from ingate.errors import ConfigError, MissingCredentialsError
from ingate.providers import is_installed, look_up, provider
from ingate.providers.address import default, part_default, written
from ingate.providers.advice import how_to_set, needs
from support.credentials import (
    NOTHING,
    SECRET,
    checker,
    config,
    everything_installed,
    nothing_installed,
    resolve,
    status,
)


def look(name, environ=None, settings=NOTHING, installed=everything_installed):
    return look_up(name, environ=environ or {}, config=settings, installed=installed)


def google(tmp_path, **content):
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"type": "service_account", **content}))
    return str(path)


def test_the_shapes_of_vertex_have_the_project_of_the_credential(tmp_path):
    file = google(tmp_path, project_id="carried")
    assert look("vertex_ai", {"VERTEXAI_CREDENTIALS": file}).shapes == {"vertex_project": "carried"}
    assert look("vertex_ai", settings=config(vertex_ai={"vertex_credentials": file})).shapes == {
        "vertex_project": "carried"
    }
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text('{"quota_project_id": "ambient"}')
    assert look("vertex_ai", {"HOME": str(tmp_path)}).shapes == {"vertex_project": "ambient"}


def test_a_configured_project_and_location_win_over_the_credentials(tmp_path):
    environ = {"VERTEXAI_CREDENTIALS": google(tmp_path, project_id="carried"), "VERTEXAI_PROJECT": "named"}
    assert look("vertex_ai", environ).shapes == {"vertex_project": "named"}
    assert look("vertex_ai", environ | {"VERTEXAI_LOCATION": "eu"}).shapes == {
        "vertex_project": "named",
        "vertex_location": "eu",
    }


def test_vertex_express_needs_no_project_and_is_global_unless_a_location_is_named():
    found = look("vertex_ai", {"VERTEXAI_API_KEY": "k"})
    assert found.shapes == {"vertex_express": "true", "vertex_location": "global"}
    assert found.problem is None
    assert found.api_base == "https://aiplatform.googleapis.com"
    named = look("vertex_ai", {"VERTEXAI_API_KEY": "k", "VERTEXAI_LOCATION": "us-east1"})
    assert named.shapes["vertex_location"] == "us-east1"
    assert named.api_base == "https://us-east1-aiplatform.googleapis.com"
    credential, base = named.resolve()
    assert credential.open_params() == {"vertex_express": "true", "vertex_location": "us-east1"}
    assert base == "https://us-east1-aiplatform.googleapis.com"


def test_the_call_and_the_look_have_the_same_shapes(tmp_path):
    for name, environ in {
        "vertex_ai": {"VERTEXAI_CREDENTIALS": google(tmp_path, project_id="carried"), "VERTEXAI_LOCATION": "eu"},
        "bedrock": {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"},
        "azure": {
            "AZURE_API_KEY": "k",
            "AZURE_API_BASE": "https://r.openai.azure.com",
            "AZURE_API_VERSION": "2024-10-21",
        },
    }.items():
        found = look(name, environ)
        credential, base = found.resolve()
        assert found.shapes
        assert (credential.open_params(), base) == (found.shapes, found.api_base), name


def test_a_command_is_not_run_for_a_shape(tmp_path):
    ran = tmp_path / "ran"
    settings = config(bedrock={"aws_region_name": f"cmd:sh -c 'touch {ran}; echo eu-west-1'"})
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PATH": "/usr/bin:/bin"}
    found = look("bedrock", environ, settings)
    assert found.shapes == {"aws_region_name": "us-west-2"}
    assert not ran.exists()
    credential, base = found.resolve()
    assert ran.exists()
    assert (credential.open_params(), base) == (
        {"aws_region_name": "eu-west-1"},
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
    )


def test_a_command_for_google_credentials_is_taken_to_carry_a_project(tmp_path):
    file = google(tmp_path, project_id="carried")
    settings = config(vertex_ai={"vertex_credentials": f"cmd:cat {file}"})
    found = look("vertex_ai", {"PATH": "/usr/bin:/bin"}, settings)
    assert (found.problem, found.shapes) == (None, {})
    assert found.resolve()[0].open_params() == {"vertex_project": "carried"}


def test_a_value_that_cannot_be_read_is_left_to_the_call():
    settings = config(
        azure={"api_key": "k", "base_url": "https://r.openai.azure.com", "api_version": "${UNSET_VERSION}"}
    )
    assert look("azure", settings=settings).shapes == {}
    mixed = config(azure={"api_key": "k\nk", "base_url": "https://r.openai.azure.com"})
    assert look("azure", settings=mixed).problem is None
    with pytest.raises(ConfigError):
        look("azure", settings=mixed).resolve()


@pytest.mark.parametrize(
    ("section", "label"),
    [
        (
            {"vertex_credentials": "/nowhere/key.json", "vertex_project": "p"},
            "config mapping vertex_ai.vertex_credentials",
        ),
    ],
)
def test_a_configured_file_that_does_not_exist_is_a_problem(section, label):
    found = look("vertex_ai", settings=config(vertex_ai=section))
    assert found.problem == (f"{label} names a file that does not exist", f"correct the path in {label}")


def test_a_configured_profile_that_does_not_exist_is_a_problem(tmp_path):
    settings = config(bedrock={"aws_profile_name": "nobody"})
    found = look("bedrock", {"HOME": str(tmp_path)}, settings)
    assert found.problem is not None
    assert (
        found.problem.reason
        == "config mapping bedrock.aws_profile_name is 'nobody', which has no credentials in ~/.aws"
    )
    assert found.problem.fix == "aws configure --profile nobody"
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text("[profile nobody]\ncredential_process = /bin/true\n")
    assert look("bedrock", {"HOME": str(tmp_path)}, settings).problem is None


def test_without_a_project_there_is_a_problem(tmp_path):
    found = look("vertex_ai", {"VERTEXAI_CREDENTIALS": google(tmp_path)})
    assert found.problem == ("no project is configured, and the credential names none", "export VERTEXAI_PROJECT=…")
    assert look("vertex_ai", {"VERTEXAI_CREDENTIALS": google(tmp_path), "GOOGLE_CLOUD_PROJECT": "p"}).problem is None


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path):
    found = look("vertex_ai", {"VERTEXAI_CREDENTIALS": google(tmp_path, project_id="p")}, installed=nothing_installed)
    assert found.missing_module == (
        "the google.auth package is not installed",
        "pip install '.[google]' in ingate's folder",
    )
    assert look("vertex_ai", {"VERTEXAI_API_KEY": "k"}, installed=nothing_installed).missing_module is None
    (tmp_path / ".databrickscfg").write_text("[DEFAULT]\nhost = https://d\n")
    assert look("databricks", {"HOME": str(tmp_path)}, installed=nothing_installed).missing_module == (
        "the databricks.sdk package is not installed",
        "pip install databricks-sdk",
    )


def test_only_the_credentials_that_only_litellm_can_use_need_it(tmp_path):
    assert not look("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "t"}).needs_litellm
    assert look("replicate").needs_litellm
    assert not look("groq").needs_litellm
    exchange = {"DATABRICKS_CLIENT_ID": "i", "DATABRICKS_CLIENT_SECRET": "s", "DATABRICKS_API_BASE": "https://d"}
    assert look("databricks", exchange).needs_litellm
    del exchange["DATABRICKS_CLIENT_SECRET"]
    assert not look("databricks", exchange).needs_litellm  # half of it is not in use


def test_of_several_alternatives_the_one_with_the_fewest_configured_values_wins():
    settings = config(azure={"api_key": "file-key", "base_url": "https://file.openai.azure.com"})
    environ = {"AZURE_AD_TOKEN": "env-token"}
    credential, _ = look("azure", environ, settings).resolve()
    assert credential.source == "env AZURE_AD_TOKEN"
    assert credential.api_key is None
    credential, _ = look("azure", {}, settings).resolve()
    assert credential.source == "config mapping azure.api_key"


def test_of_several_incomplete_alternatives_the_most_complete_is_reported():
    found = look("watsonx", {"WATSONX_APIKEY": "k", "WATSONX_URL": "https://w"})
    assert found.missing is not None
    assert found.missing.reason == "watsonx has env WATSONX_APIKEY, WATSONX_URL, but WATSONX_PROJECT_ID is missing"
    assert found.source == "env WATSONX_APIKEY, WATSONX_URL"
    several = look("oci", {"OCI_USER": "u", "OCI_KEY": "k"}).missing
    assert several is not None
    assert several.reason.endswith(" are missing")


def test_an_alternative_without_a_credential_of_its_own_is_not_half_of_one():
    assert look("watsonx", {"WATSONX_URL": "https://w", "WATSONX_PROJECT_ID": "p"}).parts == ()


def test_a_file_is_used_if_no_variable_authenticates_and_before_half_a_credential(tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naws_access_key_id = k\n")
    half = look("bedrock", {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "a"})
    assert (half.missing, half.source) == (None, "~/.aws/credentials [default]")
    whole = look("bedrock", {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert whole.source == "env AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"


def test_a_configured_credential_is_left_out_beside_another_one():
    settings = config(bedrock={"aws_profile_name": "work", "aws_region_name": "eu-west-1"})
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    credential, _ = look("bedrock", environ, settings).resolve()
    assert set(credential.params) == {"aws_access_key_id", "aws_secret_access_key", "aws_region_name"}


def test_an_optional_variable_is_not_used_twice():
    environ = {"VERTEXAI_API_KEY": "k", "VERTEXAI_PROJECT": "first", "VERTEX_PROJECT": "second"}
    assert look("vertex_ai", environ).shapes["vertex_project"] == "first"


def test_a_keyless_server_takes_a_key_from_one_place():
    settings = config(ollama={"api_key": "file-key"})
    for environ, key in (
        ({"OLLAMA_API_KEY": "env-key"}, "env-key"),
        ({}, "file-key"),
        ({"OLLAMA_API_KEY": " "}, "file-key"),
    ):
        credential, _ = look("ollama", environ, settings).resolve()
        assert credential.api_key is not None
        assert credential.api_key.reveal() == key
    credential, _ = look("ollama", {}, config(ollama={"api_key": "env:UNSET"})).resolve()
    assert (credential.api_key, credential.source) == (None, "no key needed")


def test_a_reference_without_a_value_is_fixed_where_it_points():
    found = look("groq", settings=config(groq={"api_key": "env:MY_GROQ"}))
    assert found.missing == ("config mapping groq.api_key (env MY_GROQ) has no value", "export MY_GROQ=…")
    template = look("groq", settings=config(groq={"api_key": "<your-api-key-here>"}))
    assert template.missing is not None
    assert template.missing.fix == "export GROQ_API_KEY=…, or set groq.api_key in ingate.yaml"


def test_the_reason_and_the_fix_of_a_missing_credential_are_those_of_the_error():
    for name, environ in (("groq", {"GROQ_KEY": "k"}), ("azure", {"AZURE_API_KEY": "k"}), ("github_copilot", {})):
        found = look(name, environ)
        assert found.missing is not None
        with pytest.raises(MissingCredentialsError) as caught:
            found.resolve()
        assert str(caught.value).startswith(found.missing.reason)
        assert (caught.value.fix, caught.value.near_misses) == (found.missing.fix, found.near_misses)


def test_a_configured_address_has_its_place(tmp_path):
    found = look("groq", settings=config(groq={"api_key": "k", "base_url": "http://box/v1"}))
    assert (found.api_base, found.api_base_source) == ("http://box/v1", "config mapping groq.base_url")
    assert look("groq").api_base_source == "default"
    assert look("azure", {"AZURE_API_KEY": "k"}).api_base_source == ""


def test_an_address_with_an_unknown_part_is_unknown():
    assert default(provider("cloudflare"), {}) is None
    assert (
        default(provider("cloudflare"), {"account_id": "a"}) == "https://api.cloudflare.com/client/v4/accounts/a/ai/v1"
    )
    assert default(provider("bedrock_mantle"), {}) == "https://bedrock-mantle.us-east-1.api.aws/v1"
    assert part_default(provider("bedrock"), "region") == "us-west-2"
    assert default(provider("vertex_ai"), {}) == "https://us-central1-aiplatform.googleapis.com"
    assert default(provider("vertex_ai"), {"vertex_location": "us"}) == "https://aiplatform.us.rep.googleapis.com"
    assert default(provider("azure"), {}) is None


def test_the_first_variable_with_an_address_wins_and_only_ollamas_is_completed():
    openai = provider("openai")
    environ = {"OPENAI_BASE_URL": " http://one ", "OPENAI_API_BASE": "http://two"}
    assert written(openai, environ, NOTHING.provider("openai")) == ("http://one", "OPENAI_BASE_URL")
    assert written(openai, {"OPENAI_API_BASE": "box:1"}, NOTHING.provider("openai")) == ("box:1", "OPENAI_API_BASE")
    assert written(provider("ollama"), {"OLLAMA_HOST": "box"}, NOTHING.provider("ollama")) == (
        "http://box:11434",
        "OLLAMA_HOST",
    )
    assert written(openai, {"OPENAI_BASE_URL": " "}, NOTHING.provider("openai")) is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("groq", "groq needs a key: set GROQ_API_KEY"),
        ("gemini", "gemini needs a key: set GEMINI_API_KEY or GOOGLE_API_KEY or PALM_API_KEY"),
        ("lm_studio", "lm_studio needs the address of its server: set LM_STUDIO_API_BASE"),
        ("github_copilot", "github_copilot needs a login"),
        ("snowflake", "snowflake needs credentials: set SNOWFLAKE_JWT and SNOWFLAKE_ACCOUNT_ID, or SNOWFLAKE_JWT and SNOWFLAKE_API_BASE"),
    ],
)  # fmt: skip
def test_what_a_provider_needs_in_words(name, sentence):
    assert needs(provider(name)) == sentence


def test_many_alternatives_are_shortened():
    known = provider("bedrock")
    assert len(known.env) > 4
    assert needs(provider("databricks")).endswith(", or provide ~/.databrickscfg")
    assert f"or one of {len(known.env) - 3} other ways (docs/credentials.md)" in needs(known)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("groq", "export GROQ_API_KEY=…, or set groq.api_key in ingate.yaml"),
        ("azure", "export AZURE_API_KEY=… AZURE_API_BASE=https://…, or set azure.api_key and azure.base_url in ingate.yaml"),
        ("lm_studio", "export LM_STUDIO_API_BASE=http://localhost:1234/v1, or set lm_studio.base_url in ingate.yaml"),
        ("hosted_vllm", "export HOSTED_VLLM_API_BASE=http://localhost:8000/v1, or set hosted_vllm.base_url in ingate.yaml"),
        ("snowflake", "export SNOWFLAKE_JWT=… SNOWFLAKE_ACCOUNT_ID=…, or set snowflake.api_key and snowflake.account_id in ingate.yaml"),
    ],
)  # fmt: skip
def test_what_to_type(name, fix):
    assert how_to_set(provider(name)) == fix


def test_a_value_that_a_file_cannot_hold_is_exported():
    known = provider("anthropic")
    assert how_to_set(known, (("ANTHROPIC_AUTH_TOKEN",),)) == "export ANTHROPIC_AUTH_TOKEN=…"
    assert "get_access_token" in how_to_set(provider("chatgpt"))


def test_no_secret_is_in_the_open_params():
    credential, _ = look("bedrock", {"AWS_ACCESS_KEY_ID": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}).resolve()
    assert credential.open_params() == {"aws_region_name": "us-west-2"}
    assert len(credential.secrets()) == 2
    keyed, _ = look("groq", {"GROQ_API_KEY": SECRET}).resolve()
    assert [secret.reveal() for secret in keyed.secrets()] == [SECRET]


def test_the_proxy_as_a_provider_needs_no_key():
    credential, base = look("litellm_proxy", {"LITELLM_API_BASE": "http://box:4000/"}).resolve()
    assert (credential.api_key, credential.source, base) == (None, "env LITELLM_API_BASE", "http://box:4000")
    credential, base = look(
        "litellm_proxy", settings=config(litellm={"api_base": "http://box:4000", "api_key": "k"})
    ).resolve()
    assert credential.api_key is not None
    assert (credential.api_key.reveal(), base) == ("k", "http://box:4000")
    with pytest.raises(MissingCredentialsError):
        look("litellm_proxy").resolve()
    with pytest.raises(MissingCredentialsError):
        look("groq", {"LITELLM_API_BASE": "http://box:4000/"}).resolve()


def test_what_another_package_reads_itself_is_not_passed_on():
    environ = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/etc/hosts"}
    credential, _ = look("bedrock", environ).resolve()
    assert set(credential.params) == {"aws_region_name"}


def test_whether_a_package_is_installed_is_found_without_importing_it():
    import sys

    assert is_installed("pytest")
    assert is_installed("this.has.no.parent") is False
    assert is_installed("nothing_like_this") is False
    assert is_installed("turtle")
    assert "turtle" not in sys.modules


def test_litellm_reads_an_identity_token_where_it_is(tmp_path):
    rest = {
        "ANTHROPIC_FEDERATION_RULE_ID": "r",
        "ANTHROPIC_ORGANIZATION_ID": "o",
        "ANTHROPIC_SERVICE_ACCOUNT_ID": "s",
    }

    def given(value):
        environ = {**rest, "ANTHROPIC_IDENTITY_TOKEN": value}
        credential, _ = resolve("anthropic", environ=environ, config=NOTHING, lane="litellm")
        return credential.params["anthropic_identity_token"].reveal()

    assert given("eyJhbGciOi.JWT.value") == "oidc/env/ANTHROPIC_IDENTITY_TOKEN"
    assert given("oidc/github/audience") == "oidc/github/audience"
    (tmp_path / "token").write_text("eyJhbGciOi.JWT.value")
    environ = {**rest, "ANTHROPIC_IDENTITY_TOKEN_FILE": str(tmp_path / "token")}
    credential, _ = resolve("anthropic", environ=environ, config=NOTHING, lane="litellm")
    assert credential.params["anthropic_identity_token_file"].reveal() == str(tmp_path / "token")


def test_an_identity_token_in_the_configuration_is_refused_with_a_fix():
    section = {
        "anthropic_federation_rule_id": "r",
        "anthropic_organization_id": "o",
        "anthropic_service_account_id": "s",
        "anthropic_identity_token": "eyJhbGciOi.JWT.value",
    }
    written = config(anthropic=section)
    with pytest.raises(MissingCredentialsError) as caught:
        resolve("anthropic", environ={}, config=written, lane="litellm")
    assert "from the environment or a file only" in str(caught.value)
    assert caught.value.fix.startswith("export ANTHROPIC_IDENTITY_TOKEN=")
    found = status("anthropic", environ={}, config=written, installed=everything_installed)
    assert (found.state, found.lane) == ("attention", "litellm")


def test_litellm_is_told_the_project_of_every_google_credential(tmp_path):
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    login = {"type": "authorized_user", "quota_project_id": "quota-1", "refresh_token": "x"}
    (folder / "application_default_credentials.json").write_text(json.dumps(login))
    environ = {"HOME": str(tmp_path)}
    for lane in ("native", "litellm"):
        credential, _ = resolve("vertex_ai", environ=environ, config=NOTHING, lane=lane, installed=everything_installed)
        assert credential.params["vertex_project"].reveal() == "quota-1"
    credential, _ = resolve(
        "vertex_ai",
        environ={**environ, "VERTEXAI_PROJECT": "chosen"},
        config=NOTHING,
        lane="litellm",
        installed=everything_installed,
    )
    assert credential.params["vertex_project"].reveal() == "chosen"


def test_an_express_key_is_marked_by_lane():
    environ = {"VERTEXAI_API_KEY": SECRET}
    look = checker(environ, NOTHING, installed=everything_installed)
    marks = {
        spec: look.check(spec).state
        for spec in (
            "vertex_ai/gemini-2.5-flash",
            "litellm.vertex_ai/gemini-2.5-flash",
            "vertex_ai/mistral-large",  # in a format of its own, which only litellm speaks
        )
    }
    assert marks == {
        "vertex_ai/gemini-2.5-flash": "ready",
        "litellm.vertex_ai/gemini-2.5-flash": "attention",
        "vertex_ai/mistral-large": "attention",
    }
    assert look.state("vertex_ai", "gemini-2.5-flash") == "ready"
    assert look.state("vertex_ai", "mistral-large") == "attention"
    refused = look.check("litellm.vertex_ai/gemini-2.5-flash")
    assert refused.reason == "litellm cannot use env VERTEXAI_API_KEY"
    assert refused.fix.startswith("export VERTEXAI_CREDENTIALS=")
