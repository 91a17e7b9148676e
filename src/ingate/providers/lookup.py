"""One provider's credential and address: what is set, where it comes from, and what is missing.

A look-up reads environment variables, the configuration and the files of other programs. It sends no request and starts
no login. Only `resolve` runs a command or queries a keyring. Whether a model would answer is decided from this in
`ingate.gateway.readiness`.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from ingate.errors import ConfigError, MissingCredentialsError, MissingExtraError
from ingate.providers import address, alternatives, files, near
from ingate.providers.advice import how_to_set, needs
from ingate.providers.alternatives import Found, Partial, base_place, source_of
from ingate.providers.credential import Credential, is_secret
from ingate.providers.proxy import proxy_settings
from ingate.providers.registry import Provider, aliases, litellm_arguments, provider
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.config import Config
    from ingate.providers.address import Lane
    from ingate.providers.alternatives import Part

_FILE_ENDINGS: Final = ("_FILE", "_FILE_PATH", "APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS")
# Parts of an address or a request that are not secret, by litellm's argument names.
_SHAPES: Final = address.SHAPES | {"vertex_project", "api_version"}
_IDENTITY_TOKEN: Final = "anthropic_identity_token"  # noqa: S105 -- an argument's name
_NOTHING: Final = Found()


class Problem(NamedTuple):
    """Why a provider cannot be used.

    Attributes:
        reason: One sentence.
        fix: The next command to run or variable to set.
    """

    reason: str
    fix: str


@cache
def is_installed(module: str) -> bool:
    """Whether `module` can be imported, without importing it. Cached for the life of the process."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def look_up(
    name: str, *, environ: Mapping[str, str], config: Config, installed: Callable[[str], bool] = is_installed
) -> ProviderLookup:
    """The look-up of the provider called `name`, or of which that is an alias.

    Raises:
        UnknownProviderError: There is no such provider.
    """
    return ProviderLookup(provider(name), environ, config, installed)


def disabled(name: str, config: Config) -> Problem | None:
    """Where the configuration disables a provider, a server, `local` or `tensorzero`; None if it does not."""
    other = aliases()
    for index, written in enumerate(config.settings.disabled_providers):
        if other.get(written, written) == name:
            where = config.where
            place = where("disabled_providers", str(index)) or where("disabled_providers") or "the configuration"
            return Problem(f"{name} is disabled in {place}", f"remove {name} from disabled_providers")
    return None


class ProviderLookup:
    """What one provider has, from one environment and configuration. Every part is computed once, when first read.

    Args:
        provider: The provider.
        environ: The environment.
        config: The configuration; the environment takes precedence field by field.
        installed: Whether a package can be imported.
    """

    def __init__(
        self,
        provider: Provider,
        environ: Mapping[str, str],
        config: Config,
        installed: Callable[[str], bool] = is_installed,
    ) -> None:
        self.provider = provider
        self.environ = environ
        self.config = config
        self.settings = config.provider(provider.name)
        self._installed = installed

    @cached_property
    def found(self) -> Found | Partial | None:
        """The alternative in use, the most complete part of one, or None."""
        return alternatives.find(self.provider, self.environ, self.settings)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every value in use, what is optional included; what there is of an incomplete credential; or nothing."""
        if isinstance(self.found, Found):
            return (
                *self.found.parts,
                *alternatives.optional(self.provider, self.environ, self.settings, self.found),
            )
        return self.found.parts if self.found is not None else ()

    @cached_property
    def source(self) -> str:
        """Where the credential comes from (`"env GROQ_API_KEY"`, `"ingate.yaml:4 groq.api_key"`); empty without one."""
        if isinstance(self.found, Found):
            named = source_of(self.parts, self.config, self.provider.name, keys_only=True)
            none = "what litellm reads itself" if self.provider.auth == "litellm" else "no key needed"
            return self.found.file or named or none
        return source_of(self.parts, self.config, self.provider.name)

    def source_of(self, part: Part) -> str:
        """Where one value comes from."""
        return source_of((part,), self.config, self.provider.name)

    @cached_property
    def needs_litellm(self) -> bool:
        """Whether only litellm can use what is set: a token exchange, or a provider without a native wire format."""
        return not self.provider.wire_format or self._applies(self.provider.litellm_only)

    @cached_property
    def litellm_problem(self) -> Problem | None:
        """Why litellm cannot use the complete credential in use; None if it can."""
        if isinstance(self.found, Found) and self._applies(self.provider.native_only):
            others = tuple(group for group in self.provider.env if set(self.provider.native_only).isdisjoint(group))
            return Problem(f"litellm cannot use {self.source}", how_to_set(self.provider, others))
        for part in self.parts:
            if part.target == _IDENTITY_TOKEN and part.ref is not None:
                reason = f"litellm reads the token of {part.ref.describe()} from the environment or a file only"
                return Problem(reason, "export ANTHROPIC_IDENTITY_TOKEN=…, or ANTHROPIC_IDENTITY_TOKEN_FILE=…")
        return None

    @cached_property
    def disabled(self) -> Problem | None:
        """Where the configuration disables this provider; None if it does not."""
        return disabled(self.provider.name, self.config)

    @cached_property
    def missing(self) -> Problem | None:
        """What is missing, if there is no complete credential; None if there is."""
        known, found = self.provider, self.found
        if isinstance(found, Found):
            return None
        if isinstance(found, Partial):
            verb = "is" if len(found.missing) == 1 else "are"
            reason = f"{known.name} has {self.source}, but {' and '.join(found.missing)} {verb} missing"
            return Problem(reason, how_to_set(known, (found.missing,)))
        ref = self.settings.api_key
        if ref is not None and not ref.present(self.environ):
            fix = f"export {ref.variables[0]}=…" if ref.variables else how_to_set(known)
            return Problem(f"{ref.describe()} has no value", fix)
        return Problem(needs(known), how_to_set(known))

    @cached_property
    def near_misses(self) -> tuple[str, ...]:
        """Sentences on variables that are set under a name this provider does not read, or are empty."""
        return near.misses(self.provider, self.environ)

    @cached_property
    def missing_module(self) -> Problem | None:
        """A package, other than litellm, that the credential in use needs and that is not installed."""
        known = self.provider
        if not known.needs_module or not self._applies(known.needs_for) or self._installed(known.needs_module):
            return None
        install = (
            f"'.[{known.needs_extra}]' in ingate's folder"
            if known.needs_extra
            else known.needs_module.replace(".", "-")
        )
        return Problem(f"the {known.needs_module} package is not installed", f"pip install {install}")

    @cached_property
    def problem(self) -> Problem | None:
        """Why the complete credential in use may not work: a file, a package or a project that is missing."""
        if self.provider.auth == "litellm":
            reason = f"{self.provider.name} is not in the credential map: litellm reads its key itself, unchecked"
            return Problem(reason, f"set the variables that {self.provider.docs_url} names, and call it")
        for part in self.found.parts if isinstance(self.found, Found) else ():
            value = self._plain(part)
            label = part.name or (part.ref.describe() if part.ref is not None else "")
            if value and part.variable.endswith(_FILE_ENDINGS) and not (value.startswith("{") or files.is_file(value)):
                return Problem(f"{label} names a file that does not exist", f"correct the path in {label}")
            if value and part.variable == "AWS_PROFILE" and files.aws_profile(value, self.environ) is None:
                reason = f"{label} is {value!r}, which has no credentials in ~/.aws"
                return Problem(reason, f"aws configure --profile {value}")
        if self.missing_module is not None:
            return self.missing_module
        if self.provider.name == "vertex_ai" and not self._has_project:
            return Problem("no project is configured, and the credential names none", "export VERTEXAI_PROJECT=…")
        return None

    @cached_property
    def shapes(self) -> Mapping[str, str]:
        """What shapes the address or the request and is not secret, by litellm's argument names: region, project, version.

        No command is run for one, and no keyring is queried.
        """
        return self._shapes(
            {part.target: value for part in self.parts if part.target in _SHAPES and (value := self._plain(part))},
            has_key=any(part.target == "api_key" for part in self.parts),
        )

    @cached_property
    def _written(self) -> tuple[str, str] | None:
        return address.written(self.provider, self.environ, self.settings)

    @cached_property
    def api_base(self) -> str | None:
        """The base URL of the native lane; None if it is not known without running a command."""
        return self._base("native", self.shapes)

    @cached_property
    def api_base_source(self) -> str:
        """Where `api_base` comes from (`"default"`, `"env GROQ_API_BASE"`); empty without one."""
        if self._written is not None:
            name = self._written[1]
            return f"env {name}" if name else base_place(self.config, self.provider.name)
        return "default" if self.api_base else ""

    def resolve(self, lane: Lane = "native") -> tuple[Credential, str | None]:
        """The credential and the base URL for one call. Runs commands and queries keyrings.

        Args:
            lane: Who uses them. `"native"` gets a base URL to which the wire format's path is appended. `"litellm"` gets
                one as litellm expects it, None if litellm's own default is right, and only values that litellm has
                arguments for.

        Raises:
            MissingCredentialsError: Nothing authenticates the provider, or only part of a credential is set.
            MissingExtraError: The credential needs a package that is not installed.
            ConfigError: A configured reference cannot be resolved.
        """
        known = self.provider
        if self.disabled is not None:
            raise self._refusal(self.disabled)
        if self.missing is not None:
            if known.name == "litellm_proxy" and (proxy := proxy_settings(self.environ, self.config)) is not None:
                return Credential(proxy.key(self.environ), source=proxy.source), proxy.api_base
            raise self._refusal(self.missing, self.near_misses)
        if self.missing_module is not None:
            raise MissingExtraError(
                f"{known.name} needs the {known.needs_module} package to use its credentials",
                extra=known.needs_extra,
                provider=known.name,
                fix=self.missing_module.fix,
            )
        if lane == "litellm" and self.litellm_problem is not None:
            raise self._refusal(self.litellm_problem)
        secrets: dict[str, Secret] = {}
        for part in self.parts:
            if part.target not in {"", "api_base"}:
                secrets.setdefault(part.target, part.secret(self.environ))
        key = secrets.pop("api_key", None)
        if known.auth == "oauth_device" and lane == "native":
            key = files.read_login(known, self.environ)
            if key is None:
                raise self._refusal(Problem(f"{self.source} holds no login", how_to_set(known)))
        given = secrets.get("vertex_credentials")
        shapes = self._shapes(
            {target: str(value.reveal()) for target, value in secrets.items() if target in _SHAPES},
            has_key=key is not None,
            google_credentials=given.reveal() if given is not None else "",
        )
        base = self._base(lane, shapes)
        if lane == "litellm":
            secrets = self._for_litellm(secrets, shapes)
        else:
            secrets |= {target: Secret(value) for target, value in shapes.items()}
            secrets.pop("account_id", None)
        return Credential(key, secrets, self.source), base

    def _for_litellm(self, secrets: Mapping[str, Secret], shapes: Mapping[str, str]) -> dict[str, Secret]:
        """The values that litellm has arguments for, as it expects them."""
        allowed = litellm_arguments() - {"account_id"} | {"auth_token"}
        kept = {target: value for target, value in secrets.items() if target in allowed}
        if "vertex_project" in shapes:  # litellm does not find the project of every kind of credential
            kept["vertex_project"] = Secret(shapes["vertex_project"])
        for part in self.parts:
            # litellm accepts no token here, only where to read one.
            if part.target == _IDENTITY_TOKEN and not str(kept[part.target].reveal()).startswith("oidc/"):
                kept[part.target] = Secret(f"oidc/env/{part.name}")
        return kept

    def _shapes(self, values: Mapping[str, str], *, has_key: bool, google_credentials: str = "") -> dict[str, str]:
        """`values`, and what follows from them or from other programs' files."""
        shapes = dict(values)
        if self.provider.auth_style == "sigv4" and "aws_region_name" not in shapes:
            region = files.aws_region(self.environ) or address.part_default(self.provider, "region")
            shapes["aws_region_name"] = region or ""
        if self.provider.name == "vertex_ai":
            if has_key:
                shapes["vertex_express"] = "true"
                shapes.setdefault("vertex_location", address.EXPRESS_LOCATION)
            elif "vertex_project" not in shapes:
                project = self._google_project or (google_credentials and files.google_project(google_credentials))
                if project:
                    shapes["vertex_project"] = project
        return shapes

    def _base(self, lane: Lane, shapes: Mapping[str, str]) -> str | None:
        known = self.provider
        if self._written is not None:
            return address.for_lane(known, self._written[0], lane)
        if lane == "litellm" and not known.litellm_default:
            return None
        base = address.default(known, shapes)
        return address.for_lane(known, base, lane) if base and lane == "litellm" else base

    def _plain(self, part: Part) -> str:
        """A part's value, empty if a command or a keyring would have to be asked for it."""
        if not part.is_immediate or not (part.name or part.ref):
            return ""
        try:
            value = part.secret(self.environ).reveal()
        except ConfigError:  # reported when a call is made
            return ""
        return value if is_secret(part.target) else str(value)

    def _applies(self, variables: tuple[str, ...]) -> bool:
        """Whether `variables` of the map (names, `"files"`, or `"*"` for all) include the credential in use."""
        found = self.found if isinstance(self.found, Found) else _NOTHING
        if not variables:
            return False
        return "*" in variables or ("files" in variables if found.file else not set(variables).isdisjoint(found.group))

    @cached_property
    def _has_project(self) -> bool:
        if any(part.target in {"vertex_project", "api_key"} for part in self.parts):
            return True  # a key belongs to a project
        if any(part.target == "vertex_credentials" and not part.is_immediate for part in self.parts):
            return True  # a command is not run, nor a keyring queried, to find out
        return self._google_project is not None

    @cached_property
    def _google_project(self) -> str | None:
        """The project that the Google credentials in use belong to."""
        if isinstance(self.found, Found) and self.found.file:
            path = files.adc_path(self.environ)
            return files.google_project(str(path)) if path is not None else None
        for part in self.parts:
            if part.target == "vertex_credentials" and (value := self._plain(part)):
                return files.google_project(value)
        return None

    def _refusal(self, problem: Problem, near_misses: tuple[str, ...] = ()) -> MissingCredentialsError:
        reason = f"{problem.reason} ({'; '.join(near_misses)})" if near_misses else problem.reason
        return MissingCredentialsError(
            reason,
            provider=self.provider.name,
            alternatives=self.provider.env,
            near_misses=near_misses,
            docs_url=self.provider.docs_url,
            fix=problem.fix,
        )
