"""`ingate doctor`: shows what is set up, what is missing, and how to fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.gateway.doctor import Line, Report

EXAMPLES = """\b
Examples:
  ingate doctor
  ingate doctor --json

Reads only files and variables: no network, no login. Exits with 1 if there is a problem."""


@click.command(epilog=EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(config: str | None, as_json: bool) -> int:
    """Check configuration, credentials, catalog and optional packages."""
    from ingate.cli.workspace import open_gateway
    from ingate.gateway.doctor import examine

    report = examine(open_gateway(config, ask=False))
    if as_json:
        from ingate.cli.console import show_json

        show_json(report)
    else:
        click.echo("\n".join(_lines(report)))
    return 1 if report.problems else 0


def _lines(report: Report) -> Iterator[str]:
    yield f"ingate {report.version} · Python {report.python}"
    yield _title("Configuration")
    for file, kind in report.files:
        yield f"  {file}  ({kind})"
    if not report.files:
        yield "  no file found; `ingate init` writes one, but keys in the environment are enough"
    yield from _table(report.trust)
    for conflict in report.conflicts:
        yield f"  {conflict.setting}: {conflict.winner} wins over {', '.join(conflict.losers)}"
    if report.default_model:
        yield f"  default model: {report.default_model}"
    yield _title("Catalog")
    yield f"  {report.models:,} chat models · {report.catalog}"
    yield _title("Optional packages")
    yield from _table(report.extras)
    yield _title("Local models")
    yield from _table(report.local)
    yield _title("LiteLLM proxy")
    if report.proxy is None:
        yield "  none configured"
    else:
        yield from _table((report.proxy,))
    if report.servers:
        yield _title("Servers")
        yield from _table(report.servers)
    yield _title("Providers")
    yield from _table(report.providers)
    if not any(line.state == "ready" for line in report.providers):
        yield "  no provider's key is set; `ingate explain <provider>/<model>` names the variable to set"
    yield f"  {report.missing} without a credential"
    if report.problems:
        yield _title("Problems")
        for problem in report.problems:
            yield f"  {click.style('✗', fg='red')} {problem.what}"
            yield f"    fix: {problem.fix}"


def _title(text: str) -> str:
    return f"\n{click.style(text, bold=True)}"


def _table(lines: tuple[Line, ...]) -> Iterator[str]:
    from ingate.cli.console import mark, table

    cells: list[tuple[str, ...]] = []
    for line in lines:
        parts = [line.source, line.detail, *line.near_misses]
        if line.state != "ready" and line.fix:
            parts.append(f"fix: {line.fix}")
        cells.append((f"  {mark(line.state)}", line.name, " · ".join(part for part in parts if part)))
    if cells:
        yield from table(cells)
