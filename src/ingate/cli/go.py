"""`ingate go`: pick a model and chat; without a terminal, one answer."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingate.gateway import Gateway

EXAMPLES = """\b
Examples:
  ingate go                                   pick a model, then chat
  ingate go --model local/smollm2
  ingate go --message "Why is the sky blue?" --quit
  echo "Name three rivers." | ingate go       without a terminal: one answer"""

QUESTION = "In one sentence: what is the capital of France?"


@click.command(epilog=EXAMPLES)
@click.option("-m", "--model", metavar="SPEC", help="Which model; several with commas are tried in turn.")
@click.option("-s", "--system", metavar="TEXT", help="A system message.")
@click.option("--message", metavar="TEXT", help="The first message.")
@click.pass_obj
def command(config: str | None, model: str | None, system: str | None, message: str | None) -> None:
    """Chat with a model. Without a terminal, answer standard input, or a built-in question where that is empty."""
    from ingate.cli.stdin import piped_text

    question = "\n\n".join(part for part in (message or "", piped_text()) if part.strip())
    asyncio.run(_once(config, model, system, question))


async def _once(config: str | None, model: str | None, system: str | None, question: str) -> None:
    from ingate.gateway import Gateway

    async with Gateway(config) as gateway:
        spec = model or gateway.default_model
        if spec is None:
            from ingate.cli.default import first_ready

            spec = first_ready(gateway)
        click.echo(f"{spec} answers.", err=True)
        if not question:
            question = QUESTION
            click.echo(f"> {question}", err=True)
        messages = [{"role": "user", "content": question}]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        await _stream(gateway, {"model": spec, "messages": messages})


async def _stream(gateway: Gateway, body: dict[str, Any]) -> None:
    ended_line = True
    try:
        async for chunk in gateway.stream(body):
            for choice in chunk.get("choices") or ():
                if piece := (choice.get("delta") or {}).get("content"):
                    click.echo(piece, nl=False)
                    sys.stdout.flush()
                    ended_line = piece.endswith("\n")
    finally:
        if not ended_line:
            click.echo()
