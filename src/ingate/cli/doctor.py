"""`ingate doctor`: shows what is set up, what is missing, and how to fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.gateway import Gateway
    from ingate.gateway.doctor import Line, Report
    from ingate.gateway.provider_report import Alternative, ProviderReport

EXAMPLES = """\b
Examples:
  ingate doctor
  ingate doctor --json
  ingate doctor anthropic                everything about one provider
  ingate doctor bedrock vertex_ai

Reads only files and variables: no network, no login. Exits with 1 if there is a problem, or if a named provider is not
ready."""


@click.command(epilog=EXAMPLES)
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(config: str | None, names: tuple[str, ...], as_json: bool) -> int:
    """Check configuration, credentials, catalog and optional packages, or everything about a PROVIDER."""
    from ingate.cli.workspace import open_gateway
    from ingate.gateway.doctor import examine

    gateway = open_gateway(config, ask=False)
    if names:
        return _providers(gateway, names, as_json=as_json)
    report = examine(gateway)
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


def _providers(gateway: Gateway, names: tuple[str, ...], *, as_json: bool) -> int:
    from ingate.gateway.provider_report import examine_provider

    reports = [examine_provider(gateway, name) for name in dict.fromkeys(names)]
    if as_json:
        from ingate.cli.console import show_json

        show_json(reports)
    else:
        click.echo("\n\n".join("\n".join(_provider_lines(report)) for report in reports))
    return 0 if all(report.state == "ready" for report in reports) else 1


def _provider_lines(report: ProviderReport) -> Iterator[str]:
    from ingate.cli.console import mark

    yield f"{mark(report.state)} {click.style(report.display_name, bold=True)} ({report.name})"
    yield from (f"  {text}" for text in (report.source, report.reason, report.notes) if text)
    if report.fix and report.state != "ready":
        yield f"  fix: {report.fix}"
    if report.docs_url:
        yield f"  docs: {report.docs_url}"
    if report.models:
        yield f"  {report.models:,} models in the catalog: ingate models {report.name}/"
    if report.alternatives or report.files:
        yield _title("Credentials, any one of")
    yield from map(_alternative_line, report.alternatives)
    for file in report.files:
        found = report.file.startswith(file)
        yield f"  {mark('ready' if found else 'missing')} {file}{' · in use' if found else ''}"
    if report.optional:
        yield _title("Also set")
        yield from (f"  {value.name} ({value.source})" for value in report.optional)
    if report.near_misses:
        yield _title("Set, but not read")
        yield from (f"  {text}" for text in report.near_misses)
    yield _title("What would be sent where")
    for lane in report.lanes:
        unknown = "no address is known" if lane.lane != "litellm" else "litellm's own address"
        yield f"  {mark(lane.state)} {lane.lane}: {lane.address or unknown}"
        if lane.sends:
            yield f"      {lane.sends}"
        if lane.reason and lane.reason != report.reason:
            yield f"      {lane.reason}{f'; fix: {lane.fix}' if lane.fix else ''}"


def _alternative_line(one: Alternative) -> str:
    from ingate.cli.console import mark

    begun = any(value.source for value in one.values)
    texts = [f"{value.name} ({value.source or 'not set'})" if begun else value.name for value in one.values]
    state = "ready" if one.complete else "attention" if begun else "missing"
    return f"  {mark(state)} {' + '.join(texts)}{' · in use' if one.in_use else ''}"


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
