"""What keeps a credential that is there from working: a file that is not, a package, a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.providers import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.providers.lookup import Found, Part
    from ingate.providers.registry import Provider

_HOLDS_A_PATH = ("_FILE", "_FILE_PATH", "APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS")


def only_litellm(provider: Provider, found: Found) -> bool:
    """Whether the native lane cannot use what was found."""
    return not provider.wire_format or _applies(provider.litellm_only, found)


def problem(
    provider: Provider,
    found: Found,
    extra: tuple[Part, ...],
    environ: Mapping[str, str],
    installed: Callable[[str], bool],
) -> tuple[str, str] | None:
    """What is wrong and what to do about it, None where nothing is."""
    for part in found.parts:
        if part.name.endswith(_HOLDS_A_PATH) and not _is_there(environ[part.name].strip()):
            return f"{part.name} names a file that is not there", f"correct the path in {part.name}"
        if part.name == "AWS_PROFILE" and files.aws_profile(environ[part.name].strip(), environ) is None:
            name = environ[part.name].strip()
            return f"AWS_PROFILE is {name!r}, which has no credentials in ~/.aws", f"aws configure --profile {name}"
    if missing := missing_module(provider, found, installed):
        module, install = missing
        return f"the {module} package is not installed", install
    if provider.name == "vertex_ai" and not _has_project(found, extra, environ):
        return "no project is named and the credential carries none", "export VERTEXAI_PROJECT=…"
    return None


def missing_module(provider: Provider, found: Found, installed: Callable[[str], bool]) -> tuple[str, str] | None:
    """A package this credential needs and that is absent, with the command that installs it."""
    if provider.needs_module and _applies(provider.needs_for, found) and not installed(provider.needs_module):
        if not provider.needs_extra:
            return provider.needs_module, f"pip install {provider.needs_module.replace('.', '-')}"
        return provider.needs_module, f"pip install '.[{provider.needs_extra}]' in ingate's folder"
    if only_litellm(provider, found) and not installed("litellm"):
        return "litellm", "pip install '.[litellm]' in ingate's folder"
    return None


def _applies(variables: tuple[str, ...], found: Found) -> bool:
    if not variables:
        return False
    return "*" in variables or ("files" in variables if found.file else not set(variables).isdisjoint(found.group))


def _has_project(found: Found, extra: tuple[Part, ...], environ: Mapping[str, str]) -> bool:
    if any(part.target in {"vertex_project", "api_key"} for part in (*found.parts, *extra)):
        return True  # a key carries its own
    if any(part.ref is not None for part in found.parts):  # a command or keyring is not asked here
        return True
    return google_project(found, environ) is not None


def google_project(found: Found, environ: Mapping[str, str]) -> str | None:
    """The project that Google credentials from the environment or from gcloud's file carry."""
    if found.file:
        path = files.adc_path(environ)
        return files.google_project(str(path)) if path is not None else None
    for part in found.parts:
        if part.target == "vertex_credentials" and part.name:
            return files.google_project(environ[part.name].strip())
    return None


def _is_there(value: str) -> bool:
    """Whether a variable's value is a file's path with something in it, or JSON in a path's place."""
    return value.startswith("{") or files.is_file(value)
