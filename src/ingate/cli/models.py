"""`ingate models`: lists and searches models, marked by whether they would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingate.catalog import Catalog, ModelRow
    from ingate.gateway.readiness import ReadinessChecker
    from ingate.spec import Lane

EXAMPLES = """\b
Examples:
  ingate models                          the 20 curated models
  ingate models claude sonnet            all models with both words
  ingate models cap:vision cost:<1       by features, and dollars per million input tokens
  ingate models ctx:>200k --ready        only those that are ready
  ingate models --provider groq --json

\b
Marks: ✓ ready · ○ something is missing or was not checked, `ingate explain` says what · ✗ no credential"""


@click.command(epilog=EXAMPLES)
@click.argument("terms", nargs=-1)
@click.option("--ready", is_flag=True, help="Only models that are ready.")
@click.option("--all", "all_", is_flag=True, help="Every model, deprecated ones included.")
@click.option("--provider", metavar="B", help="Only this provider's models.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with prices, limits and credential state.")
@click.pass_obj
def command(
    config: str | None, terms: tuple[str, ...], ready: bool, all_: bool, provider: str | None, as_json: bool
) -> None:
    """List models, or search them. All words must match; the filters are cap: cost: ctx: ready: provider:."""
    from ingate import providers
    from ingate.cli.workspace import open_gateway
    from ingate.gateway.models import configured_rows
    from ingate.picker.data import kept_lists

    gateway = open_gateway(config, ask=False)
    catalog = gateway.catalog()
    checker = gateway.readiness()
    lists = kept_lists(checker)
    own = configured_rows(gateway, lists)
    if provider is not None and provider not in {row.provider for row in own}:
        provider = providers.provider(provider).name
    query = " ".join(terms)
    curated = not (terms or all_ or provider)
    # As in the picker: curated models go through litellm; a search finds what can be called without it, too.
    lane: Lane = "litellm" if curated or checker.has_litellm else "auto"
    entries = Entries(checker, lane, frozenset((row.provider, row.model) for row in own))
    rows, problems = _chosen(catalog, own, entries, query, all_=all_, provider=provider)
    shown = [row for row in rows if entries.is_ready(row)] if ready else rows
    if as_json:
        from ingate.cli.console import show_json

        show_json([entries.record(row) for row in shown])
        return
    _print(shown, entries)
    for problem in problems:
        click.echo(f"note: {problem}", err=True)
    mine = sum(entries.is_own(row) for row in shown)
    # Without terms only the curated rows are shown; terms and a provider search every model that is not deprecated.
    more = "; --all shows every one" if curated and not ready else ""
    counts = f"{len(shown) - mine:,} of {len(catalog.rows):,} shown" + (
        f" and {mine} from the configuration" if mine else ""
    )
    click.echo(f"{counts}{more} · catalog: {catalog.source}", err=True)
    if rows and not shown:
        click.echo(f"{len(rows):,} match, and none is ready: leave out --ready to see them.", err=True)
    elif terms and not shown:
        click.echo("No model matches. A model that is not in the catalog can be called too, by its spec.", err=True)


class Entries:
    """How a row is called, and whether it would answer.

    Args:
        checker: Decides it.
        lane: The lane of the catalog's models.
        own: Provider and model of the rows that are not the catalog's: these are called as the configuration does.
    """

    def __init__(self, checker: ReadinessChecker, lane: Lane, own: frozenset[tuple[str, str]]) -> None:
        self._checker = checker
        self._lane: Lane = lane
        self._own = own

    def is_own(self, row: ModelRow) -> bool:
        """Whether only the configuration names it."""
        return (row.provider, row.model) in self._own

    def lane(self, row: ModelRow) -> Lane:
        """The lane on which a row is shown."""
        return "auto" if self.is_own(row) else self._lane

    def spec(self, row: ModelRow) -> str:
        """What to type to call it."""
        return row.spec if self.lane(row) == "litellm" else row.key

    def is_ready(self, row: ModelRow) -> bool:
        """Whether it would answer."""
        return self._checker.state(row.provider, row.model, self.lane(row)) == "ready"

    def is_provider_ready(self, name: str) -> bool:
        """Whether a provider's models would answer; what the filter `ready:` compares."""
        return self._checker.provider(name, self._lane).state == "ready"

    def mark(self, row: ModelRow) -> str:
        """The mark of a row's state, coloured."""
        from ingate.cli.console import mark

        return mark(self._checker.state(row.provider, row.model, self.lane(row)))

    def record(self, row: ModelRow) -> dict[str, Any]:
        """The row for `--json`."""
        from ingate.spec import ModelSpec

        found = self._checker.check(ModelSpec(self.lane(row), row.provider, row.model))
        return {
            "spec": self.spec(row),
            "provider": row.provider,
            "model": row.model,
            "state": found.state,
            "credential_source": found.source,
            "reason": found.reason,
            "fix": found.fix,
            "mode": row.mode,
            "context_tokens": row.context_tokens,
            "max_output_tokens": row.max_output_tokens,
            "input_usd_per_mtok": row.input_usd_per_mtok,
            "output_usd_per_mtok": row.output_usd_per_mtok,
            "cache_read_usd_per_mtok": row.cache_read_usd_per_mtok,
            "caps": list(row.caps),
            "deprecated_on": row.deprecated_on,
        }


def _chosen(
    catalog: Catalog, own: list[ModelRow], entries: Entries, query: str, *, all_: bool, provider: str | None
) -> tuple[list[ModelRow], tuple[str, ...]]:
    """The rows to show, and what is wrong with the query."""
    from ingate.catalog import parse_query, search

    rows = [*own, *(catalog.rows if all_ else catalog.visible())]
    if not (query or all_ or provider):
        rows = [*own, *(row.row for row in catalog.curated())]
    if provider is not None:
        rows = [row for row in rows if row.provider == provider]
    if not query:
        return rows, ()
    return search(rows, query, ready=entries.is_provider_ready), tuple(parse_query(query).problems)


def _print(rows: list[ModelRow], entries: Entries) -> None:
    from ingate.catalog.format import features, from_price, tokens
    from ingate.cli.console import table

    lines = [
        (
            entries.mark(row),
            entries.spec(row),
            tokens(row.context_tokens),
            from_price(row, "input_usd_per_mtok"),
            from_price(row, "output_usd_per_mtok"),
            features(row) + (f" (until {row.deprecated_on})" if row.deprecated_on else ""),
        )
        for row in rows
    ]
    if lines:
        head = ("", "model", "context", "$/M in", "$/M out", "features")
        for line in table([tuple(click.style(cell, bold=True) for cell in head), *lines], right=frozenset({2, 3, 4})):
            click.echo(line)
