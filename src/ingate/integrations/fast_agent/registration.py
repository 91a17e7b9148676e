"""Add the providers `litellm` and `ingate` to fast-agent in this process."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import IngateError, MissingExtraError
from ingate.integrations.fast_agent import providers as add
from ingate.integrations.fast_agent import runtime as runtimes
from ingate.integrations.fast_agent.seams import Seams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingate.catalog import Catalog
    from ingate.config import Config
    from ingate.gateway import Gateway

PROVIDERS: Final = "the providers (curated models can be called by name)"


class Registration(msgspec.Struct, frozen=True):
    """The result of `register`.

    Attributes:
        version: fast-agent's version.
        lost: Feature that does not work with this version → reason; empty if everything works.
    """

    version: str
    lost: Mapping[str, str]

    @property
    def line(self) -> str:
        """One line for display; empty if everything works."""
        if not self.lost:
            return ""
        return f"ingate: fast-agent {self.version} has changed; without {', '.join(self.lost)}"


def register(
    *,
    gateway: Gateway | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    specs: tuple[str, ...] = (),
    quiet: bool = False,
) -> Registration:
    """Register with the installed fast-agent. May be called again with another gateway or configuration.

    Args:
        gateway: The gateway to call models through; None: one for the configuration, which includes fast-agent's own
            file.
        config: An `ingate.yaml` or a mapping to use instead of those found.
        specs: Specs that must be known even if fast-agent no longer accepts additional providers.
        quiet: Do not report lost features on standard error.

    Raises:
        MissingExtraError: fast-agent is not installed.
        ConfigError: The configuration is invalid.
    """
    if find_spec("fast_agent") is None:
        raise MissingExtraError("fast-agent is not installed", extra="fast-agent")
    from ingate.catalog import load as load_catalog

    runtime = runtimes.Runtime(gateway, config)
    runtimes.use(runtime)
    catalog = load_catalog() if gateway is None else gateway.catalog()
    seams = Seams()
    known = _config(runtime)
    members = _providers(seams, catalog, known, specs)
    if members:
        _install(seams, runtime, catalog, members, known)
    done = Registration(_version(), seams.lost)
    if done.line and not quiet:
        sys.stderr.write(f"{done.line}\n")
    return done


def _config(runtime: runtimes.Runtime) -> Config:
    """The configuration, including fast-agent's file if it can be determined before fast-agent starts."""
    try:
        from fast_agent.config import get_settings  # ty: ignore[import-not-found]

        settings = get_settings()
    except Exception:  # noqa: BLE001  # fast-agent reports its own errors when it starts
        settings = None
    return runtime.config(settings)


def _providers(seams: Seams, catalog: Catalog, config: Config, specs: tuple[str, ...]) -> dict[str, Any]:
    """fast-agent's enum members for our providers; empty if only single models could be registered."""
    from ingate.integrations.fast_agent.picker import own_models

    members: dict[str, Any] = {}
    with seams.seam(PROVIDERS):
        from fast_agent.llm import model_factory  # ty: ignore[import-not-found]
        from fast_agent.llm.provider_types import Provider  # ty: ignore[import-not-found]

        found = {
            add.LITELLM: add.add_provider(Provider, add.LITELLM, "LITELLM", "LiteLLM"),
            add.INGATE: add.add_provider(Provider, add.INGATE, "INGATE", "ingate"),
        }
        for member in found.values():
            add.add_class(model_factory, member)
        for name, _ in own_models(config):
            model_factory.ModelFactory.MODEL_PRESETS.setdefault(name, f"{add.INGATE}.{name}")
        members = found
    if not members:
        with seams.seam("any model"):
            from fast_agent.llm import model_factory  # ty: ignore[import-not-found]

            curated = [row.spec for row in catalog.curated()]
            own = [name for name, _ in own_models(config)]
            add.add_specs(model_factory, [*curated, *own, *specs])
    return members


def _install(
    seams: Seams, runtime: runtimes.Runtime, catalog: Catalog, members: dict[str, Any], config: Config
) -> None:
    """Everything except the calls themselves, the least stable hooks last."""
    from ingate.integrations.fast_agent.picker import Picker

    picker = Picker(seams, runtime, catalog, members)
    with seams.seam("context sizes and image support"):
        from fast_agent.llm import model_factory  # ty: ignore[import-not-found]

        seams.wrap([model_factory.ModelFactory], "resolve_model_spec", _resolve, takes=("model_string",))
    with seams.seam("litellm.default_model in programs"):
        from fast_agent.core import model_resolution  # ty: ignore[import-not-found]

        takes = ("context", "default_model")
        seams.wrap([model_resolution], "_config_default_model", _default_model, takes=takes)
    with seams.seam("the picker's rows"):
        from fast_agent.llm import model_selection  # ty: ignore[import-not-found]

        picker.install_entries(model_selection, config)
    with seams.seam("the list of all models"):
        from fast_agent.llm import provider_model_catalog  # ty: ignore[import-not-found]

        picker.install_discovery(provider_model_catalog)
    with seams.seam("the picker"):
        from fast_agent.ui import model_picker, model_picker_common  # ty: ignore[import-not-found]

        with seams.seam("the picker's order"):
            picker.install_order(model_picker_common)
        with seams.seam("the row at the top"):
            picker.install_rows(model_picker_common, model_picker)
        with seams.seam("the picker's scope of all models"):
            picker.install_all_scope(model_picker_common, model_picker)
        with seams.seam("the marks"):
            picker.install_marks(model_picker)
        with seams.seam("the count"):
            picker.install_count(model_picker_common, model_picker)


def _resolve(original: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A resolved model; if it is one of ours, with its facts from the catalog."""
    import dataclasses

    resolved = original(cls, *args, **kwargs)
    if resolved.provider.value not in {add.LITELLM, add.INGATE}:
        return resolved
    from ingate.integrations.fast_agent.facts import model_parameters
    from ingate.integrations.fast_agent.llm import spec_of

    facts = model_parameters(runtimes.current().gateway(_loaded_settings()), spec_of(resolved, None))
    _register_in_database(resolved.wire_model_name, facts)
    return dataclasses.replace(resolved, model_params=facts)


def _register_in_database(model: str, facts: Any) -> None:
    """For the parts of fast-agent that look a model up by its name alone."""
    from fast_agent.llm.model_database import ModelDatabase  # ty: ignore[import-not-found]

    if (register_params := getattr(ModelDatabase, "register_runtime_model_params", None)) is not None:
        register_params(model, facts)


def _default_model(original: Any, context: Any, default_model: str | None) -> str | None:
    """`litellm.default_model`, unless fast-agent's own setting names a model."""
    chosen = original(context, default_model)
    if chosen is not None:
        return chosen
    try:
        return runtimes.current().config(getattr(context, "config", None)).settings.litellm.default_model
    except IngateError:
        return None


def _loaded_settings() -> Any:
    from fast_agent.config import get_settings  # ty: ignore[import-not-found]

    return get_settings()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fast-agent-mcp")
    except PackageNotFoundError:
        return "(unknown version)"
