"""`ingate explain`: shows where a call would go, which key it would use, and what it would cost. No network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ingate.cli.console import lane_option

if TYPE_CHECKING:
    from ingate.gateway.explain import Explanation

EXAMPLES = """\b
Examples:
  ingate explain groq/openai/gpt-oss-120b
  ingate explain "litellm.azure/my-deployment?timeout=30"
  ingate explain "openai/o3-pro?first_token_timeout=1800"       and every time limit
  ingate explain anthropic/claude-haiku-5-5 --lane litellm
  ingate explain "groq/openai/gpt-oss-120b, local/smollm2"     a list of fallbacks"""


@click.command(epilog=EXAMPLES)
@click.argument("spec")
@lane_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with one entry per fallback.")
@click.pass_obj
def command(config: str | None, spec: str, lane: str | None, as_json: bool) -> None:
    """Show what a call of SPEC would do: engine, address, credential source, price and limits."""
    from ingate.cli.workspace import open_gateway
    from ingate.spec import with_lane

    found = open_gateway(config, ask=False).explain(with_lane(spec, lane))
    if as_json:
        from ingate.cli.console import show_json

        show_json(found)
        return
    for place, one in enumerate(found):
        if place:
            click.echo("\nIf that fails before its first token:\n")
        for line in lines_of(one):
            click.echo(line)


_NO_ADDRESS = {
    "local": "none: the model runs in this process",
    "scripted": "none: responses come from this process",
    "tensorzero": "chosen by TensorZero's configuration",
}


# The prices that are shown, with their words.
_PRICES = {"input_usd_per_mtok": "in", "output_usd_per_mtok": "out", "cache_read_usd_per_mtok": "cached"}


def _prices(one: Explanation) -> str:
    from ingate.catalog.format import price

    shown = []
    for name, word in _PRICES.items():
        first = getattr(one, name)
        rises = first is not None and any(tier.get(name, first) != first for tier in one.price_tiers)
        if first is not None or word != "cached":
            shown.append(f"{'from ' if rises else ''}{price(first)} {word}")
    return " · ".join(shown)


def lines_of(one: Explanation) -> list[str]:
    """An explanation as lines with colours."""
    from ingate.catalog.format import price, tokens
    from ingate.cli.console import mark

    def pair(name: str, value: str) -> str:
        return f"  {name:<11} {value}"

    lines = [
        click.style(one.spec, bold=True),
        pair("lane", f"{one.lane}: {one.why}"),
        pair("engine", one.engine),
        pair("provider", f"{one.display_name} ({one.provider})"),
        pair("model", one.model),
        pair("address", one.url or _NO_ADDRESS.get(one.engine, "chosen by litellm")),
        pair(
            "credential", f"{mark(one.state)} {one.state}{': ' if one.credential_source else ''}{one.credential_source}"
        ),
    ]
    lines += [pair("", text) for text in (one.detail, *one.near_misses) if text]
    if one.fix and one.state != "ready":
        lines.append(pair("fix", one.fix))
        if one.docs_url:
            lines.append(pair("docs", one.docs_url))
    if one.in_catalog:
        lines.append(pair("price", f"{_prices(one)} (dollars per million tokens; ? is unknown)"))
        for tier in one.price_tiers:
            higher = " · ".join(f"{price(tier[name])} {word}" for name, word in _PRICES.items() if name in tier)
            lines.append(pair("", f"{higher} if the prompt is longer than {tokens(int(tier['above_tokens']))}"))
        lines.append(pair("limits", f"{tokens(one.context_tokens)} context · {tokens(one.max_output_tokens)} output"))
        lines.append(pair("features", " ".join(one.caps) or "text"))
        if one.deprecated_on:
            lines.append(pair("deprecated", one.deprecated_on))
    elif one.engine in {"native", "litellm"}:
        lines.append(pair("price", "? (not in the catalog, but it can be called)"))
    limits = {name.removesuffix("_timeout").replace("_", " "): f"{value:g} s" for name, value in one.timeouts.items()}
    lines.append(pair("time limits", " · ".join(f"{name} {value}" for name, value in limits.items())))
    lines.append(pair("parameters", ", ".join(f"{k}={v}" for k, v in one.params.items()) or "none set"))
    policy = {"strict": "are an error", "warn": "are dropped with a warning", "drop": "are dropped"}[one.drop_params]
    lines.append(pair("", f"unsupported parameters {policy}"))
    return lines
