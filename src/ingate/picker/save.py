"""Saves a key: in the secrets file, readable only by its owner, or in the keyring with a reference in that file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from ingate import providers
from ingate.errors import ConfigError, MissingExtraError
from ingate.paths import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingate.secret import Secret

Place = Literal["keyring", "file"]

SERVICE: Final = "ingate"
_REFERENCE: Final = re.compile(r"\s*(env:|cmd:|keyring:|os\.environ/)")


def save(path: Path, provider: str, values: Mapping[str, Secret], where: Place = "file") -> str:
    """Save credentials for later runs.

    Args:
        path: The secrets file, created if it does not exist. Everything else in it is unchanged, including comments.
        provider: The provider's name.
        values: Environment variable's name → its value.
        where: `"file"`, or `"keyring"` to put secrets into the keyring and references to them into the file.

    Returns:
        Where they are saved, to show.

    Raises:
        UnknownProviderError: There is no such provider.
        ConfigError: The file is not YAML that a key can be added to, or cannot be read or written, or the keyring
            rejects the key.
        MissingExtraError: The keyring package is not installed.
    """
    known = providers.provider(provider)
    settings: dict[str, str] = {}
    for variable, secret in values.items():
        target = known.target(variable)
        if not target:
            raise ConfigError(f"{variable} cannot be saved in a file", fix=f"export {variable} in your shell")
        key = "base_url" if target == "api_base" else target
        if key == "base_url" or where == "file":
            settings[key] = _literal(secret.reveal(), variable)
        else:
            user = known.name if key == "api_key" else f"{known.name}.{key}"
            _into_keyring(user, secret)
            settings[key] = f"keyring:{SERVICE}/{user}"
    path = path.resolve()
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"the file cannot be read ({type(problem).__name__})", file=str(path)) from None
    names = [known.name, *(other for other, own in providers.aliases().items() if own == known.name)]
    after = merged(before, names, settings, str(path))
    try:
        write_private(path, after.encode())
    except OSError as problem:
        raise ConfigError(
            f"the file cannot be written ({problem.strerror or 'unknown reason'})", file=str(path)
        ) from None
    return f"the keyring, and a reference in {path}" if where == "keyring" else str(path)


def merged(text: str, names: list[str], settings: Mapping[str, str], shown: str) -> str:
    """A YAML text with `settings` in a provider's section, and everything else unchanged.

    Args:
        text: The file's text.
        names: The names of the section; the one that exists is used, else the first.
        settings: The settings to add or replace.
        shown: The file's name, for errors.

    Raises:
        ConfigError: The text is not YAML, or editing it would change more than the settings.
    """
    import yaml

    try:
        before = yaml.safe_load(text) or {}
        for key, value in settings.items():
            text = _set(yaml, text, names, key, value)
        after = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):
        raise ConfigError(
            "a key cannot be added to this YAML", file=shown, fix="repair the file, then try again"
        ) from None
    if not isinstance(before, dict):
        raise ConfigError("the file has no sections", file=shown, fix="repair the file, then try again")
    name = next((one for one in names if one in before), names[0])
    section = before.get(name)
    wanted = {**before, name: {**(section if isinstance(section, dict) else {}), **settings}}
    if after != wanted:
        raise ConfigError("a key cannot be added to this file safely", file=shown, fix=f"add it under {name}: yourself")
    return text


def _set(yaml: Any, text: str, names: list[str], key: str, value: str) -> str:
    """`text` with one setting in its section, edited at the positions that the YAML parser reports."""
    quoted = _quoted(value)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if root is not None and isinstance(root.value, list) else []
    found = next(((name, section) for name, section in pairs if name.value in names), None)
    if found is None:
        head = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{head}{names[0]}:\n  {key}: {quoted}\n"
    name, section = found
    if not isinstance(section.value, list):
        if section.value.strip() not in {"", "~", "null"}:
            raise ValueError("the section is a string")
        return f"{text[: name.end_mark.index]}:\n  {key}: {quoted}\n{_rest(text, name.end_mark.index)}"
    for known, old in section.value:
        if known.value == key:
            line_end = "\n" if old.style in {"|", ">"} else ""  # a block scalar ends at the beginning of the next line
            return f"{text[: old.start_mark.index]}{quoted}{line_end}{text[old.end_mark.index :]}"
    at = section.start_mark.index
    if section.flow_style:
        comma = ", " if section.value else ""
        return f"{text[: at + 1]}{key}: {quoted}{comma}{text[at + 1 :]}"
    return f"{text[:at]}{key}: {quoted}\n{' ' * section.start_mark.column}{text[at:]}"


def _rest(text: str, at: int) -> str:
    """The text after the line of an empty section."""
    return text[at:].partition("\n")[2]


def _quoted(value: str) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _literal(value: str, variable: str) -> str:
    """A value escaped so that the configuration does not read it as a reference.

    Raises:
        ConfigError: It looks like a reference.
    """
    if _REFERENCE.match(value):
        raise ConfigError(
            f"the value typed for {variable} is a reference, not a key", fix="write references into the file yourself"
        )
    return value.replace("${", "$${")


def _into_keyring(user: str, secret: Secret) -> None:
    try:
        import keyring
    except ImportError:
        raise MissingExtraError("the keyring package is not installed", extra="keyring") from None
    try:
        keyring.set_password(SERVICE, user, secret.reveal())
    except Exception as problem:  # noqa: BLE001 -- backends raise whatever their platform does
        raise ConfigError(f"the keyring rejects it ({type(problem).__name__})", fix="save it in the file") from None
