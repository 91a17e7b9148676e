"""`ingate ask`: answers a question from the arguments and standard input on standard output."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingate.cli.console import lane_option, show_answer
from ingate.errors import BadRequestError, IngateError

if TYPE_CHECKING:
    from ingate.gateway import Gateway

EXAMPLES = """\b
Examples:
  ingate ask "What is a gateway?" --model local/smollm2
  git diff | ingate ask "Write a commit message" -m litellm.anthropic/claude-haiku-5-5
  ingate ask "Three colours" -m groq/openai/gpt-oss-120b --schema colours.json
  ingate ask "Why?" -m "groq/openai/gpt-oss-120b?reasoning=high, local/smollm2"
  ingate ask "Why?" -m anthropic/claude-haiku-5-5 --lane litellm
  ingate ask "Why?" -m "openai/o3-pro?first_token_timeout=1800&total_timeout=7200"

\b
Time limits in seconds, after the model's name or in ingate.yaml: timeout (the wait at any point),
connect_timeout, first_token_timeout, between_tokens_timeout, total_timeout (docs/timeouts.md).

\b
Exit codes: 0 answered · 2 usage, configuration or unknown provider · 3 credentials ·
4 model not found · 5 request rejected · 6 rate limited · 7 provider unavailable or too slow ·
8 incomplete answer."""


@click.command(epilog=EXAMPLES)
@click.argument("text", nargs=-1)
@click.option("-m", "--model", metavar="SPEC", help="The model; several, separated by commas, are tried in turn.")
@lane_option
@click.option("-s", "--system", metavar="TEXT", help="A system message.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole completion as JSON, with usage and cost.")
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A JSON Schema that the answer must conform to; prints the JSON.",
)
@click.option("--no-stream", is_flag=True, help="Print the answer when it is complete.")
@click.pass_obj
def command(
    config: str | None,
    text: tuple[str, ...],
    model: str | None,
    lane: str | None,
    system: str | None,
    as_json: bool,
    schema: Path | None,
    no_stream: bool,
) -> None:
    """Ask one question. Standard input, if any, is appended to the text."""
    from ingate.cli.console import piped_text

    question = "\n\n".join(part for part in (" ".join(text), piped_text()) if part.strip())
    if not question:
        raise click.UsageError("There is no question. Give it as an argument or on standard input.")
    body: dict[str, Any] = {"messages": [{"role": "user", "content": question}]}
    if system:
        body["messages"].insert(0, {"role": "system", "content": system})
    if model:
        body["model"] = model
    if schema is not None:
        body["response_format"] = _response_format(schema)
    stream = not (no_stream or as_json or schema)
    asyncio.run(_answer(config, body, lane=lane, as_json=as_json, stream=stream, schema=schema))


async def _answer(
    config: str | None, body: dict[str, Any], *, lane: str | None, as_json: bool, stream: bool, schema: Path | None
) -> None:
    from ingate.cli.workspace import open_gateway, require_default
    from ingate.spec import with_lane

    async with open_gateway(config) as gateway:
        if "model" not in body:
            require_default(gateway.config)
        if "model" not in body and gateway.default_model is None:
            from ingate.cli.go import first_ready

            body["model"] = first_ready(gateway)
            click.echo(f"({body['model']})", err=True)
        if lane is not None:
            body["model"] = with_lane(body.get("model") or gateway.default_model or "", lane)
        if stream:
            await _stream(gateway, body)
            return
        completion = await gateway.complete(body)
        answer = completion["choices"][0]["message"].get("content") or ""
        _show_notes(completion.get("ingate") or {}, set())
        if schema is not None:
            _validate(answer, body["response_format"]["json_schema"]["schema"])
        if as_json:
            from ingate.cli.console import show_json

            show_json(completion)
        else:
            show_answer(answer)


async def _stream(gateway: Gateway, body: dict[str, Any]) -> None:
    ended_line = True
    shown: set[str] = set()
    try:
        async for chunk in gateway.stream(body):
            for choice in chunk.get("choices") or ():
                if piece := (choice.get("delta") or {}).get("content"):
                    show_answer(piece, nl=False)
                    ended_line = piece.endswith("\n")
            _show_notes(chunk.get("ingate") or {}, shown)
    finally:
        if not ended_line:
            click.echo()


def _notes(metadata: dict[str, Any]) -> list[str]:
    """What a gateway reports about an answer: its warnings, and parameters that were left out without one."""
    warnings = metadata.get("warnings") or []
    dropped = [
        name for name in metadata.get("dropped") or () if not any(note.startswith(f"{name} ") for note in warnings)
    ]
    left_out = f"left out, since the model does not support it: {', '.join(dropped)}"
    return [*warnings, left_out] if dropped else [*warnings]


def _show_notes(metadata: dict[str, Any], shown: set[str]) -> None:
    """Print the notes that were not printed yet; a stream repeats them with its usage."""
    for note in _notes(metadata):
        if note not in shown:
            shown.add(note)
            click.echo(f"note: {note}", err=True)


def _response_format(file: Path) -> dict[str, Any]:
    import msgspec

    try:
        schema = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"{file} is not JSON: {error}", param_hint="--schema") from None
    if not isinstance(schema, dict):
        raise click.BadParameter(f"{file} is not a JSON Schema: it must be an object", param_hint="--schema")
    title = schema.get("title")
    # Providers accept up to 64 ASCII letters, digits, underscores and hyphens.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", title if isinstance(title, str) and title else file.stem)
    return {"type": "json_schema", "json_schema": {"name": name[:64], "schema": schema}}


def _validate(answer: str, schema: dict[str, Any]) -> None:
    """Validate the answer, since a provider without structured output may not follow the schema.

    Raises:
        BadRequestError: It is not JSON, or does not conform to the schema.
        click.BadParameter: The schema is not valid.
    """
    import jsonschema  # only here: it is slow to import
    import msgspec
    import referencing.exceptions

    try:
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        # An empty registry: a reference to an address is not fetched.
        errors = validator(schema, registry=referencing.Registry()).iter_errors(msgspec.json.decode(answer))
        worst = jsonschema.exceptions.best_match(errors)
    except referencing.exceptions.Unresolvable as error:
        raise click.BadParameter(f"it refers to {error.ref!r}, which is not in it", param_hint="--schema") from None
    except msgspec.DecodeError:
        raise _invalid("is not JSON", answer) from None
    except jsonschema.SchemaError as error:
        raise click.BadParameter(f"not a JSON Schema: {error.message}", param_hint="--schema") from None
    if worst is not None:
        raise _invalid(f"does not conform to the schema: {worst.json_path}: {worst.message}", answer)


def _invalid(problem: str, answer: str) -> IngateError:
    error = BadRequestError(
        f"the answer {problem}", fix="ask again, or use a model with structured output: ingate models cap:json"
    )
    error.partial_text = answer
    click.echo(answer, err=True)
    return error
