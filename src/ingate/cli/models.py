"""`ingate models`: find a model, and see which would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingate.catalog import Catalog, ModelRow
    from ingate.gateway import Gateway
    from ingate.providers import Status

EXAMPLES = """\b
Examples:
  ingate models                          the 20 curated models
  ingate models claude sonnet            all models with both words
  ingate models cap:vision cost:<1       by what they can do, and dollars per million input tokens
  ingate models ctx:>200k --ready        only those whose key is here
  ingate models --provider groq --json

\b
Marks: ✓ ready · ○ something is missing, `ingate explain` says what · ✗ no credential"""


@click.command(epilog=EXAMPLES)
@click.argument("terms", nargs=-1)
@click.option("--ready", is_flag=True, help="Only models whose credentials are here.")
@click.option("--all", "all_", is_flag=True, help="Every model, also deprecated ones, not the curated ones alone.")
@click.option("--provider", metavar="B", help="Only this provider's models.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with prices, limits and credential state.")
@click.pass_obj
def command(
    config: str | None, terms: tuple[str, ...], ready: bool, all_: bool, provider: str | None, as_json: bool
) -> None:
    """List models, or search them: words must all match; filters are cap: cost: ctx: ready: provider:."""
    from ingate import providers
    from ingate.gateway import Gateway

    gateway = Gateway(config)
    catalog = gateway.catalog()
    states = providers.statuses(gateway.config.environ, gateway.config)
    if provider is not None:
        provider = providers.provider(provider).name
    rows, of, noted = _chosen(catalog, states, " ".join(terms), ready=ready, all_=all_, provider=provider)
    if as_json:
        from ingate.cli.console import show_json

        show_json([_record(row, states[row.provider]) for row in rows])
        return
    _print(gateway, rows, states, curated=not (terms or all_ or provider))
    for problem in noted:
        click.echo(f"note: {problem}", err=True)
    hidden = of - len(rows)
    # Without terms it is the few curated rows that are shown; terms and a provider search every model that is current.
    more = "; --all shows every one" if hidden and not (all_ or ready or terms or provider) else ""
    click.echo(f"{len(rows):,} of {of:,} shown{more} · catalog: {catalog.source}", err=True)
    if rows:
        return
    unready = _chosen(catalog, states, " ".join(terms), ready=False, all_=all_, provider=provider)[0] if ready else []
    if unready:
        click.echo(
            f"{len(unready):,} match, and none has its credential here: leave out --ready to see them.", err=True
        )
    elif terms:
        click.echo(
            "Nothing matches. A model the catalog does not know can be called all the same, by its spec.", err=True
        )


def _chosen(
    catalog: Catalog, states: dict[str, Status], query: str, *, ready: bool, all_: bool, provider: str | None
) -> tuple[list[ModelRow], int, tuple[str, ...]]:
    """The rows to show, how many there are in all, and what was wrong with the query."""
    from ingate.catalog import parse_query, search

    def is_ready(name: str) -> bool:
        return states[name].state == "ready"

    every = catalog.rows
    rows = list(every if all_ else catalog.visible())
    problems: tuple[str, ...] = ()
    if not (query or all_ or provider):
        rows = [row.row for row in catalog.curated()]
    if provider is not None:
        rows = [row for row in rows if row.provider == provider]
    if query:
        problems = tuple(parse_query(query).problems)
        rows = search(rows, query, ready=is_ready)
    if ready:
        rows = [row for row in rows if is_ready(row.provider)]
    return rows, len(every), problems


def _print(gateway: Gateway, rows: list[ModelRow], states: dict[str, Status], *, curated: bool) -> None:
    from ingate.catalog.format import price, tokens
    from ingate.cli.console import mark, table

    lines: list[tuple[str, ...]] = []
    if curated:
        from ingate.gateway.explain import explain
        from ingate.spec import parse_one

        local = explain(gateway, parse_one("local/smollm2"))
        lines.append((mark(local.state), "local/smollm2", "8k", "free", "free", "in this process"))
    for row in rows:
        lines.append(
            (
                mark(states[row.provider].state),
                row.spec,
                tokens(row.context_tokens),
                price(row.input_usd_per_mtok),
                price(row.output_usd_per_mtok),
                " ".join(row.caps) + (f" (until {row.deprecated_on})" if row.deprecated_on else ""),
            )
        )
    if lines:
        head = ("", "model", "context", "$/M in", "$/M out", "can")
        for line in table([tuple(click.style(cell, bold=True) for cell in head), *lines], right=frozenset({2, 3, 4})):
            click.echo(line)


def _record(row: ModelRow, status: Status) -> dict[str, Any]:
    return {
        "spec": row.spec,
        "provider": row.provider,
        "model": row.model,
        "state": status.state,
        "credential_source": status.source,
        "fix": status.fix,
        "mode": row.mode,
        "context_tokens": row.context_tokens,
        "max_output_tokens": row.max_output_tokens,
        "input_usd_per_mtok": row.input_usd_per_mtok,
        "output_usd_per_mtok": row.output_usd_per_mtok,
        "cache_read_usd_per_mtok": row.cache_read_usd_per_mtok,
        "caps": list(row.caps),
        "deprecated_on": row.deprecated_on,
    }
