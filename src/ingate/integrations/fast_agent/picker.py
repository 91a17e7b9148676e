"""ingate's part of fast-agent's picker: the rows at the top, the models, the marks, the count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingate.integrations.fast_agent.providers import INGATE, LITELLM, spec_in
from ingate.integrations.fast_agent.seams import SeamMovedError, Seams, present

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.catalog import Catalog
    from ingate.config import Config
    from ingate.gateway.readiness import ReadinessChecker
    from ingate.integrations.fast_agent.runtime import Runtime

_AVAILABILITY: Final = {"ready": "active", "attention": "attention", "missing": "inactive"}
# From this width on, the providers' column is wide enough for `LiteLLM [available] (20 curated)`.
_WIDE_COLUMNS: Final = 100
_PROVIDER_COLUMNS: Final = 47


class Picker:
    """Hooks into the picker.

    Args:
        seams: Installs the hooks and records those that fail.
        runtime: The gateway and its credentials.
        catalog: The models.
        providers: Provider's name → fast-agent's enum member.
    """

    def __init__(self, seams: Seams, runtime: Runtime, catalog: Catalog, providers: dict[str, Any]) -> None:
        self._seams = seams
        self._runtime = runtime
        self._catalog = catalog
        self._providers = providers
        self._readiness: ReadinessChecker | None = None
        self._states: dict[str, str] = {}
        self._all: dict[str, list[Any]] = {}

    def install_entries(self, selection: Any, config: Config) -> None:
        """Add the curated rows and ingate's own models to fast-agent's catalog."""
        entry = selection.CatalogModelEntry
        table = present(selection.ModelSelectionCatalog, "CATALOG_ENTRIES_BY_PROVIDER", dict)
        table[self._providers[LITELLM]] = tuple(
            entry(
                alias=row.spec,
                model=row.spec,
                fast="fast" in row.tags or "cheap" in row.tags,
                display_label=row.display_name,
            )
            for row in self._catalog.curated()
        )
        table[self._providers[INGATE]] = tuple(
            entry(alias=name, model=f"{INGATE}.{name}", fast=name == "local/smollm2", display_label=label)
            for name, label in own_models(config)
        )

    def install_discovery(self, catalog_module: Any) -> None:
        """Return the whole catalog when fast-agent lists all models of a provider."""
        adapters = present(catalog_module.ProviderModelCatalogRegistry, "_ADAPTERS", dict)
        adapters[self._providers[LITELLM]] = _Discovery(
            catalog_module, self._providers[LITELLM], tuple(row.spec for row in self._catalog.visible())
        )

    def install_order(self, common: Any) -> None:
        """Put our providers before all others."""
        order = present(common, "PICKER_PROVIDER_ORDER", tuple)
        ours = tuple(self._providers.values())
        common.PICKER_PROVIDER_ORDER = (*ours, *(one for one in order if one not in ours))

    def install_rows(self, common: Any, picker: Any) -> None:
        """Put our rows at the top, available if their models can be called at all."""
        if not {"providers", "config_payload"} <= set(common.ModelPickerSnapshot.__dataclass_fields__):
            raise SeamMovedError("the picker's snapshot has no providers")
        self._seams.wrap([common, picker], "build_snapshot", self._build_snapshot)

    def install_all_scope(self, common: Any, picker: Any) -> None:
        """Make `c` show every model of the catalog."""
        common.ModelOption(spec="x", label="x")
        takes = ("snapshot", "provider", "source")
        self._seams.wrap([common, picker], "model_options_for_provider", self._options, takes=takes)

    def install_marks(self, picker: Any) -> None:
        """Mark each model ✓, ○ or ✗ by its own provider's credentials."""
        picker.ModelAvailabilityDisplay(availability="active", marker="✓")
        markers = present(picker, "_MODEL_AVAILABILITY_MARKERS", dict)
        if not set(_AVAILABILITY.values()) <= set(markers):
            raise SeamMovedError("the picker has other marks")
        self._seams.wrap([picker], "_model_availability_display", self._display, takes=("model",))

    def install_count(self, common: Any, picker: Any) -> None:
        """Show `(20 curated)`, in a column that is wide enough for it."""
        self._seams.wrap([common, picker], "provider_option_count_label", self._count)
        self._seams.wrap([picker._SplitListPicker], "_provider_width", _width)

    def _build_snapshot(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        snapshot = original(*args, **kwargs)
        checker = self._readiness = self._runtime.readiness(_settings(args, kwargs))
        self._states.clear()
        # Without both, no `litellm.…` or `litellm/…` spec can be called.
        usable = {LITELLM: checker.has_litellm or checker.proxy is not None, INGATE: True}
        ours = {
            name: replace(option, active=usable[name], credential_label=None)
            for option in snapshot.providers
            if (name := self._name(option.provider)) is not None
        }
        rest = [option for option in snapshot.providers if self._name(option.provider) is None]
        first = [ours[name] for name in self._providers if name in ours]
        return replace(snapshot, providers=(*first, *rest))

    def _options(self, original: Any, snapshot: Any, provider: Any, *, source: str) -> Any:
        if self._name(provider) != LITELLM or source != "all":
            return original(snapshot, provider, source=source)
        if LITELLM not in self._all:
            # Called for every frame.
            curated = original(snapshot, provider, source="curated")
            shown = {option.spec for option in curated}
            kind = type(curated[0])
            self._all[LITELLM] = [
                *curated,
                *(
                    kind(spec=row.spec, label=f"{row.model} → {row.spec}")
                    for row in self._catalog.visible()
                    if row.spec not in shown
                ),
            ]
        return self._all[LITELLM]

    def _display(self, original: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        spec = spec_in(model.spec)
        if spec is None or self._readiness is None:
            return original(model, *args, **kwargs)
        if spec not in self._states:
            self._states[spec] = self._readiness.check(spec).state
        from fast_agent.ui import model_picker  # ty: ignore[import-not-found]

        availability = _AVAILABILITY[self._states[spec]]
        return model_picker.ModelAvailabilityDisplay(
            availability=availability, marker=model_picker._MODEL_AVAILABILITY_MARKERS[availability]
        )

    def _count(self, original: Any, option: Any) -> str:
        if self._name(option.provider) is None:
            return original(option)
        return f"{len(option.curated_entries)} {'curated' if option.provider is self._providers[LITELLM] else 'own'}"

    def _name(self, provider: Any) -> str | None:
        return next((name for name, member in self._providers.items() if member is provider), None)


class _Discovery:
    """A catalog adapter for fast-agent that lists every model of litellm's."""

    def __init__(self, module: Any, provider: Any, specs: tuple[str, ...]) -> None:
        self._module = module
        self.provider = provider
        self.specs = specs

    def discover(self, config: dict[str, Any]) -> Any:
        return self._module.ProviderModelInventory(current_models=self.specs, all_models=self.specs)


def own_models(config: Config) -> Iterable[tuple[str, str]]:
    """(spec, label) of the models that need no provider: the bundled one, configured local models, aliases."""
    yield "local/smollm2", "SmolLM2 135M"
    for name in config.settings.local.models:
        yield f"local/{name}", name
    for name in config.settings.aliases:
        yield name, name


def _settings(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The settings of fast-agent that the picker was opened with."""
    from fast_agent.config import get_settings  # ty: ignore[import-not-found]

    path = kwargs.get("config_path", args[0] if args else None)
    return get_settings(str(path) if path else None)


def _width(original: Any, picker: Any) -> int:
    columns = picker._terminal_cols()
    return max(original(picker), _PROVIDER_COLUMNS) if columns >= _WIDE_COLUMNS else original(picker)
