"""The credential and the base URL for one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ingate.errors import MissingCredentialsError, MissingExtraError
from ingate.providers import address, checks, files, lookup, near
from ingate.providers.credential import Credential
from ingate.providers.lookup import Found, Partial
from ingate.providers.proxy import proxy_settings
from ingate.providers.registry import litellm_arguments, provider
from ingate.providers.status import disabled_where, is_installed
from ingate.providers.words import how_to_set, needs, source_of
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.config import Config
    from ingate.providers.address import Lane
    from ingate.providers.registry import Provider


def resolve(
    name: str,
    *,
    environ: Mapping[str, str],
    config: Config,
    lane: Lane = "native",
    installed: Callable[[str], bool] = is_installed,
) -> tuple[Credential, str | None]:
    """What authenticates a call to the provider `name`, and its base URL.

    Args:
        name: The provider, or another word for it.
        environ: The environment.
        config: The configuration; the environment wins over it field by field.
        lane: Who will use it. `"native"` gets a base URL to append the wire format's path to. `"litellm"` gets one as
            litellm takes it, None where litellm's own default is right, and only values litellm has arguments for.
        installed: Tells whether a package can be imported.

    Raises:
        UnknownProviderError: There is no such provider.
        MissingCredentialsError: Nothing would authenticate it, or only a part is there.
        MissingExtraError: What is there needs a package that is not installed.
        ConfigError: A configured reference cannot be resolved.
    """
    known = provider(name)
    if (place := disabled_where(known, config)) is not None:
        raise MissingCredentialsError(
            f"{known.name} is disabled in {place}", provider=known.name, alternatives=known.env, docs_url=known.docs_url,
            fix=f"take {known.name} out of disabled_providers",
        )  # fmt: skip
    settings = config.provider(known.name)
    found = lookup.find(known, environ, settings)
    if not isinstance(found, Found):
        if known.name == "litellm_proxy" and (proxy := proxy_settings(environ, config)) is not None:
            return Credential(proxy.key(environ), source=proxy.source), proxy.api_base
        _refuse(known, found, environ, config)
    _refuse_without_package(known, found, installed)
    extra = lookup.optional(known, environ, settings, found)
    secrets: dict[str, Secret] = {}
    for part in (*found.parts, *extra):
        if part.target not in {"", "api_base"}:
            secrets.setdefault(part.target, part.secret(environ))
    key = secrets.pop("api_key", None)
    shapes = {target: value.reveal() for target, value in secrets.items() if target in address.SHAPES}
    if "aws_region_name" not in shapes and known.auth_style == "sigv4" and (region := files.aws_region(environ)):
        shapes["aws_region_name"] = region
    if known.name == "vertex_ai" and key is not None:
        shapes.setdefault("vertex_location", address.EXPRESS_LOCATION)
    base = _base(known, environ, config, shapes, lane)
    if lane == "litellm":
        allowed = litellm_arguments() - {"account_id"}
        secrets = {target: value for target, value in secrets.items() if target in allowed}
    else:
        secrets.pop("account_id", None)
        if known.name == "vertex_ai":
            secrets |= _vertex(found, environ, secrets, has_key=key is not None)
        if known.auth_style == "sigv4":
            region = shapes.get("aws_region_name") or address.part_default(known, "region") or ""
            secrets.setdefault("aws_region_name", Secret(region))
    source = found.file or source_of((*found.parts, *extra), config, known.name, keys_only=True)
    return Credential(key, secrets, source or "no key needed"), base


def _vertex(
    found: Found, environ: Mapping[str, str], known: Mapping[str, Secret], *, has_key: bool
) -> dict[str, Secret]:
    """What the path of a Vertex AI call needs beside what is `known`: express mode, or the credential's own project."""
    if has_key:
        location = known.get("vertex_location", Secret(address.EXPRESS_LOCATION))
        return {"vertex_express": Secret("true"), "vertex_location": location}
    if "vertex_project" in known:
        return {}
    given = known.get("vertex_credentials")
    project = checks.google_project(found, environ) or (files.google_project(given.reveal()) if given else None)
    return {"vertex_project": Secret(project)} if project else {}


def needs_litellm(name: str, *, environ: Mapping[str, str], config: Config) -> bool:
    """Whether only litellm can use what there is for the provider `name`: a token exchange, or no wire format of ours.

    Raises:
        UnknownProviderError: There is no such provider.
    """
    known = provider(name)
    found = lookup.find(known, environ, config.provider(known.name))
    return checks.only_litellm(known, found if isinstance(found, Found) else Found())


def _base(
    known: Provider, environ: Mapping[str, str], config: Config, shapes: Mapping[str, str], lane: Lane
) -> str | None:
    given = address.written(known, environ, config.provider(known.name))
    if given is not None:
        return address.for_lane(known, given[0], lane)
    if lane == "litellm" and not known.litellm_default:
        return None
    base = address.default(known, shapes)
    return address.for_lane(known, base, lane) if base and lane == "litellm" else base


def _refuse_without_package(known: Provider, found: Found, installed: Callable[[str], bool]) -> None:
    missing = checks.missing_module(known, found, installed)
    if missing is not None and missing[0] != "litellm":
        extra = known.needs_extra
        raise MissingExtraError(
            f"{known.name} needs the {missing[0]} package to use its credentials",
            extra=extra,
            provider=known.name,
            fix=missing[1],
        )


def _refuse(known: Provider, found: Partial | None, environ: Mapping[str, str], config: Config) -> NoReturn:
    missing: tuple[tuple[str, ...], ...] | None = None
    if isinstance(found, Partial):
        missing = (found.missing,)
        there = source_of(found.parts, config, known.name)
        message = f"{known.name} has {there}, but {' and '.join(found.missing)} {_is(found.missing)} missing"
    else:
        ref = config.provider(known.name).api_key
        empty = ref is not None and not ref.present(environ)
        message = f"{needs(known)}; {ref.describe()} has no value" if ref is not None and empty else needs(known)
    misses = near.misses(known, environ)
    if misses:
        message = f"{message} ({'; '.join(misses)})"
    raise MissingCredentialsError(
        message,
        provider=known.name,
        alternatives=known.env,
        near_misses=misses,
        docs_url=known.docs_url,
        fix=how_to_set(known, missing),
    )


def _is(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"
