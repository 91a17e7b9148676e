"""Credential files of other programs: whether they exist and are not empty, but not what they contain.

A check costs a `stat` or a small read. Nothing is sent anywhere, and the only values that leave this module are the names
of projects, regions and profiles, and, when a call is made, a login that ingate itself uses.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.providers.registry import Provider

# A profile with one of these can provide credentials.
_AWS_KEYS = (
    "aws_access_key_id",
    "role_arn",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)
_AWS_AMBIENT = "default"


def home(environ: Mapping[str, str]) -> Path | None:
    """The home folder, None if the environment does not name it."""
    name = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(name) if name else None


def find(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """The display name of the file that authenticates `provider` (`"~/.aws/credentials [default]"`), None without one."""
    if not provider.credential_files:
        return None
    match provider.name:
        case "vertex_ai":
            path = adc_path(environ)
            return _shown(path, environ) if path and read_json(path) else None
        case "github_copilot" | "chatgpt":
            return _first(_login_path(provider.name, environ), environ)
        case "sap":
            return _first(_sap(environ), environ)
        case "databricks":
            root = home(environ)
            return _first(root / ".databrickscfg" if root else None, environ)
    profile = environ.get("AWS_PROFILE", "").strip() or _AWS_AMBIENT
    return aws_profile(profile, environ)


def aws_profile(profile: str, environ: Mapping[str, str]) -> str | None:
    """The display name of the AWS file that has credentials for `profile`; None if there is none."""
    for path, prefix in _aws_files(environ):
        section = _ini(path).get(profile if profile == _AWS_AMBIENT else prefix + profile)
        if section is not None and any(section.get(key) for key in _AWS_KEYS):
            return f"{_shown(path, environ)} [{profile}]"
    return None


def aws_region(environ: Mapping[str, str]) -> str | None:
    """The region of the profile in use, from `~/.aws/config` or `~/.aws/credentials`."""
    profile = environ.get("AWS_PROFILE", "").strip() or _AWS_AMBIENT
    for path, prefix in reversed(_aws_files(environ)):
        section = _ini(path).get(profile if profile == _AWS_AMBIENT else prefix + profile)
        if section is not None and section.get("region"):
            return section["region"]
    return None


def adc_path(environ: Mapping[str, str]) -> Path | None:
    """Where gcloud stores application default credentials."""
    if folder := environ.get("CLOUDSDK_CONFIG"):
        return Path(folder) / "application_default_credentials.json"
    if roaming := environ.get("APPDATA"):
        return Path(roaming) / "gcloud" / "application_default_credentials.json"
    root = home(environ)
    return root / ".config" / "gcloud" / "application_default_credentials.json" if root else None


def google_project(credentials: str) -> str | None:
    """The project named in Google credentials; `credentials` is the path of a file or the JSON itself."""
    data = _parse(credentials.encode()) if credentials.lstrip().startswith("{") else read_json(Path(credentials))
    value = (data.get("project_id") or data.get("quota_project_id")) if data else None
    return value if isinstance(value, str) else None


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if the file is absent, unreadable, empty, or not an object."""
    stamp = _stamp(path)
    return _read_json(path, stamp) if stamp else None


def is_file(name: str) -> bool:
    """Whether `name` is a file that is not empty. `~` is not expanded, as the libraries that read it do not either."""
    return _stamp(Path(name)) is not None


def read_login(provider: Provider, environ: Mapping[str, str]) -> Secret | None:
    """The login that litellm stored for a provider, as it is; None if there is none. Read when a call is made."""
    path = _login_path(provider.name, environ)
    try:
        login = path.read_text(encoding="utf-8").strip() if path is not None else ""
    except (OSError, ValueError):
        return None
    return Secret(login) if login else None


def _login_path(provider: str, environ: Mapping[str, str]) -> Path | None:
    if provider == "github_copilot":
        return _token_file(environ, "GITHUB_COPILOT", provider, "ACCESS_TOKEN_FILE", "access-token")
    return _token_file(environ, "CHATGPT", provider, "AUTH_FILE", "auth.json")


def _token_file(environ: Mapping[str, str], prefix: str, folder: str, variable: str, name: str) -> Path | None:
    file = environ.get(f"{prefix}_{variable}") or name
    if own := environ.get(f"{prefix}_TOKEN_DIR"):
        return Path(own) / file
    root = home(environ)
    return root / ".config" / "litellm" / folder / file if root else None


def _sap(environ: Mapping[str, str]) -> Path | None:
    if file := environ.get("AICORE_CONFIG"):
        return Path(file)
    root = environ.get("AICORE_HOME") or (str(folder / ".aicore") if (folder := home(environ)) else "")
    profile = environ.get("AICORE_PROFILE")
    return (
        Path(root) / (f"config_{profile}.json" if profile and profile != "default" else "config.json") if root else None
    )


def _aws_files(environ: Mapping[str, str]) -> tuple[tuple[Path, str], ...]:
    """Both AWS files, with the prefix of a profile's name in their section headers."""
    root = home(environ)
    own = (environ.get("AWS_SHARED_CREDENTIALS_FILE"), environ.get("AWS_CONFIG_FILE"))
    usual = (root / ".aws" / "credentials", root / ".aws" / "config") if root else (None, None)
    paths = (Path(given) if given else path for given, path in zip(own, usual, strict=True))
    return tuple((path, prefix) for path, prefix in zip(paths, ("", "profile "), strict=True) if path is not None)


def _ini(path: Path) -> Mapping[str, Mapping[str, str]]:
    stamp = _stamp(path)
    return _read_ini(path, stamp) if stamp else {}


# Keyed by the file's size and time, so that the picker can look again at every keystroke.
@lru_cache(maxsize=16)
def _read_ini(path: Path, _stamp: tuple[int, int]) -> Mapping[str, Mapping[str, str]]:
    from configparser import Error, RawConfigParser

    parser = RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, OSError, UnicodeDecodeError):
        return {}
    # Only names and the region are kept: whether a value is set, not what it is.
    return {
        head: {key: value if key == "region" else "set" for key, value in parser.items(head) if value}
        for head in parser.sections()
    }


@lru_cache(maxsize=16)
def _read_json(path: Path, _stamp: tuple[int, int]) -> dict[str, Any] | None:
    try:
        data = _parse(path.read_bytes())
    except OSError:
        return None
    return {key: data[key] if key in {"project_id", "quota_project_id"} else None for key in data} if data else None


def _parse(data: bytes) -> dict[str, Any] | None:
    import msgspec

    try:
        return msgspec.json.decode(data, type=dict[str, Any]) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _first(path: Path | None, environ: Mapping[str, str]) -> str | None:
    return _shown(path, environ) if path is not None and _stamp(path) else None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return (state.st_size, state.st_mtime_ns) if state.st_size and path.is_file() else None


def _shown(path: Path, environ: Mapping[str, str]) -> str:
    root = home(environ)
    if root is not None and path.is_relative_to(root):
        return f"~/{path.relative_to(root).as_posix()}"
    return str(path)
