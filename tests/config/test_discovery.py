"""Which files are read, and what happens to those that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingate import paths
from ingate.config import content, load
from ingate.config.files import Finder
from ingate.errors import ConfigError
from support.config import load_here, write

needs_posix = pytest.mark.skipif(os.name != "posix", reason="file modes and owners are POSIX's")


@pytest.fixture
def project(clean_environment: Path) -> Path:
    """An empty folder below the home folder."""
    folder = clean_environment / "work" / "project"
    folder.mkdir(parents=True)
    return folder


def test_no_file_at_all_is_an_empty_configuration(project: Path) -> None:
    config = load_here(project)
    assert config.settings.default_model is None
    assert config.settings.providers == {}
    assert config.settings.litellm.drop_params is True
    assert not any(layer.found for layer in config.layers)
    assert [layer.kind for layer in config.layers] == ["project", "user", "user"]
    assert repr(config) == "Config(nothing configured)"


def test_the_nearest_folder_upwards_is_read_and_those_above_it_are_not(project: Path) -> None:
    write(project.parent.parent / "ingate.yaml", "timeout: 5")
    write(project.parent / "ingate.yaml", "default_model: groq/near")
    config = load_here(project)
    assert config.settings.default_model == "groq/near"
    assert config.settings.timeout_s is None


def test_the_search_stops_at_the_home_folder(clean_environment: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    home = outer / "home"
    inside = home / "deep"
    inside.mkdir(parents=True)
    write(outer / "ingate.yaml", "timeout: 5")
    assert load(environ={"HOME": str(home)}, cwd=inside).settings.timeout_s is None
    write(home / "ingate.yaml", "timeout: 6")
    assert load(environ={"HOME": str(home)}, cwd=inside).settings.timeout_s == 6


def test_the_working_directory_is_the_default(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project / "ingate.yaml", "timeout: 7")
    monkeypatch.chdir(project)
    assert load(environ={}).settings.timeout_s == 7


def test_the_users_file_is_a_layer_below_the_projects(project: Path) -> None:
    write(paths.config_dir() / "ingate.yaml", "timeout: 1\ndefault_model: groq/user")
    write(paths.config_dir() / "ingate.secrets.yaml", "groq: {api_key: user-key}")
    write(project / "ingate.yaml", "timeout: 2")
    config = load_here(project)
    assert (config.settings.timeout_s, config.settings.default_model) == (2, "groq/user")
    assert config.where("groq", "api_key") is not None
    assert [layer.secrets for layer in config.layers if layer.found] == [False, True, False]


def test_the_users_folder_as_working_directory_is_one_layer(clean_environment: Path) -> None:
    folder = paths.config_dir()
    write(folder / "ingate.yaml", "timeout: 1")
    config = load_here(folder)
    assert [(layer.kind, layer.secrets) for layer in config.layers] == [("user", True), ("user", False)]
    assert config.conflicts == ()


def test_above_the_users_folder_the_search_goes_on(clean_environment: Path) -> None:
    user = paths.config_dir()
    write(user / "ingate.yaml", "timeout: 1\ngroq: {timeout: 1}")
    write(clean_environment / "ingate.yaml", "timeout: 2")
    config = load_here(user)
    assert config.settings.timeout_s == 2
    assert config.provider("groq").timeout_s == 1
    assert [layer.kind for layer in config.layers if layer.found] == ["project", "user"]


def test_a_secrets_file_alone_is_enough(project: Path) -> None:
    write(project / "ingate.secrets.yaml", "groq: {api_key: k}")
    assert load_here(project).provider("groq").api_key is not None


def test_an_explicit_path_replaces_discovery(project: Path) -> None:
    write(project / "ingate.yaml", "timeout: 1")
    write(paths.config_dir() / "ingate.yaml", "timeout: 2")
    write(project / "fast-agent.yaml", "groq: {api_key: k}")
    other = write(project / "sub" / "team.yaml", "default_model: groq/x")
    write(project / "sub" / "team.secrets.yaml", "groq: {api_key: team}")
    for source in (other, str(other), "sub/team.yaml"):
        config = load(source, environ={"INGATE_CONFIG": "/nowhere.yaml"}, cwd=project)
        assert config.settings.timeout_s is None
        assert config.settings.default_model == "groq/x"
        assert str(config.where("groq", "api_key")) == "sub/team.secrets.yaml:1"
        assert {layer.kind for layer in config.layers} == {"explicit"}


def test_a_tilde_is_the_home_folder(clean_environment: Path) -> None:
    write(clean_environment / "own.yaml", "timeout: 3")
    assert load("~/own.yaml", environ={"HOME": str(clean_environment)}).settings.timeout_s == 3


def test_the_variable_replaces_discovery(project: Path) -> None:
    write(project / "ingate.yaml", "timeout: 1")
    other = write(project / "other.yaml", "timeout: 4")
    config = load_here(project, INGATE_CONFIG=str(other))
    assert config.settings.timeout_s == 4
    assert {layer.kind for layer in config.layers} == {"environment"}


def test_an_empty_variable_counts_as_unset(project: Path) -> None:
    write(project / "ingate.yaml", "timeout: 1")
    assert load_here(project, INGATE_CONFIG="").settings.timeout_s == 1


def test_a_variable_that_names_a_missing_file_is_an_error(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"INGATE_CONFIG names 'gone\.yaml', which does not exist") as caught:
        load_here(project, INGATE_CONFIG="gone.yaml")
    assert "ingate init" in caught.value.fix


def test_an_explicit_path_to_a_missing_file_is_an_error(project: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(project / "gone.yaml", environ={})


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n", "\ufeff", "\ufeff# bom\n"])
def test_an_empty_file_is_an_empty_configuration(project: Path, text: str) -> None:
    write(project / "ingate.yaml", text)
    assert load_here(project).settings.providers == {}


def test_a_byte_order_mark_is_skipped(project: Path) -> None:
    (project / "ingate.yaml").write_bytes(b"\xef\xbb\xbftimeout: 9\r\ndefault_model: groq/x\r\n")
    config = load_here(project)
    assert config.settings.timeout_s == 9
    assert str(config.where("default_model")) == "ingate.yaml:2"


def test_text_that_is_not_utf_8_is_an_error_with_its_line(project: Path) -> None:
    (project / "ingate.yaml").write_bytes(b"timeout: 1\n# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load_here(project)
    assert (caught.value.file, caught.value.line) == ("ingate.yaml", 2)
    (project / "ingate.yaml").write_bytes("timeout: 1\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_here(project)


@pytest.mark.parametrize("name", ["ingate.yaml", "fast-agent.yaml", "ingate.secrets.yaml"])
def test_a_folder_in_the_files_place_is_an_error(project: Path, name: str) -> None:
    (project / name).mkdir()
    with pytest.raises(ConfigError, match="this is a folder"):
        load_here(project)


def test_a_link_to_nowhere_is_an_error(project: Path) -> None:
    (project / "ingate.yaml").symlink_to(project / "gone")
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\)"):
        load_here(project)


@needs_posix
def test_a_pipe_that_lies_about_is_not_waited_for(project: Path) -> None:
    os.mkfifo(project / "ingate.yaml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_here(project)


@needs_posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_an_error_that_says_how_to_mend_it(project: Path) -> None:
    write(project / "ingate.yaml", "timeout: 1", mode=0o000)
    with pytest.raises(ConfigError, match="Permission denied") as caught:
        load_here(project)
    assert "chmod" in caught.value.fix


def test_a_huge_file_is_refused_before_it_is_parsed(project: Path) -> None:
    write(project / "ingate.yaml", "# " + "x" * (1024 * 1024))
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        load_here(project)


def test_yml_is_not_read_and_said_so(project: Path) -> None:
    write(project / "ingate.yml", "timeout: 1")
    config = load_here(project)
    assert config.settings.timeout_s is None
    assert config.warnings == ("ingate.yml is not read: rename it to ingate.yaml",)


@needs_posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_a_strangers_file_is_not_read_unless_it_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = write(project / "ingate.yaml", "openai: {base_url: 'http://elsewhere/v1'}")
    os.chown(theirs, 4242, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 4243)
    config = load(environ={}, cwd=project)
    assert config.provider("openai").base_url is None
    assert "belongs to another user" in config.warnings[0]
    assert load(theirs, environ={}).provider("openai").base_url == "http://elsewhere/v1"


def test_a_deleted_working_directory_is_no_trouble(tmp_path: Path) -> None:
    code = (
        "import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)\n"
        "from ingate.config import load; print(load(environ={}).settings.timeout_s)"
    )
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "None"), done.stderr


def test_names_are_shown_short(clean_environment: Path, project: Path, tmp_path: Path) -> None:
    write(clean_environment / "work" / "ingate.yaml", "timeout: 1")
    assert str(load_here(project).where("timeout")) == "~/work/ingate.yaml:1"
    away = write(tmp_path / "x.yaml", "timeout: 1")
    config = load(away, environ={"HOME": str(clean_environment)}, cwd=project)
    assert str(config.where("timeout")) == f"{away}:1"


def test_start_up_stays_light(tmp_path: Path) -> None:
    """Neither the YAML parser nor anything heavy is loaded where no file is."""
    code = (
        "import sys; from ingate.config import load; load(environ={})\n"
        "heavy = {'yaml', 'rapidfuzz', 'litellm', 'openai', 'aiohttp', 'pydantic', 'rich', 'prompt_toolkit', 'asyncio', 'keyring'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"


@needs_posix
@pytest.mark.parametrize(
    ("uid", "mode", "foreign", "shared"),
    [
        (0, 0o600, False, False),
        (1000, 0o644, False, False),
        (1, 0o600, True, False),
        (1001, 0o620, True, True),
        (1000, 0o602, False, True),
        (1000, 0o664, False, True),
        (1000, 0o755, False, False),
    ],
)
def test_whose_a_file_is_and_who_may_write_it(
    monkeypatch: pytest.MonkeyPatch, uid: int, mode: int, foreign: bool, shared: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    state = os.stat_result((0o100000 | mode, 0, 0, 1, uid, 1000, 0, 0, 0, 0))
    assert (content.is_foreign(state), content.is_shared(state)) == (foreign, shared)


def test_the_home_folder_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    write(tmp_path / "ingate.yaml", "timeout: 5")
    for environ in ({"USERPROFILE": str(home)}, {"HOME": str(home), "USERPROFILE": "/elsewhere"}):
        assert load(environ=environ, cwd=home / "deep").settings.timeout_s is None
    assert load(environ={"HOME": "/elsewhere", "USERPROFILE": str(home)}, cwd=home / "deep").settings.timeout_s == 5
    assert Finder({}, None).home == Path.home()
    monkeypatch.setattr(Path, "home", classmethod(lambda _: (_ for _ in ()).throw(RuntimeError)))
    assert Finder({}, None).home == Path("/")


def test_a_file_that_cannot_be_read_has_a_fix_only_if_there_is_one(project: Path) -> None:
    (project / "ingate.yaml").symlink_to(project / "ingate.yaml")
    with pytest.raises(ConfigError, match="Too many levels of symbolic links") as caught:
        load_here(project)
    assert caught.value.fix == ConfigError.default_fix
