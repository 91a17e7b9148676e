"""`ingate fast-agent …`: runs fast-agent's own commands with ingate's models."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

EXAMPLES = """\b
Examples:
  ingate fast-agent go
  ingate fast-agent go --model litellm.anthropic/claude-sonnet-5-5
  ingate fast-agent go --model litellm/team-gpt --servers filesystem
  ingate fast-agent go --model local/smollm2 --message "Why is the sky blue?"
  ingate fast-agent overlays
  ingate fast-agent go --help          (fast-agent's own help)

\b
The first row of the picker is LiteLLM with 20 curated models, marked ✓ if their credentials are set; c shows all
models."""

DEFAULT_URL: Final = "http://127.0.0.1:4100/v1"
OVERLAYS: Final = Path(".fast-agent", "model-overlays")


@click.command(
    epilog=EXAMPLES,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run fast-agent with ingate's models.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="FAST_AGENT_COMMAND…")
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run fast-agent with ingate's models: LiteLLM's, your proxy's, and local ones.

    Everything after `fast-agent` is fast-agent's own command line, except `overlays`, which writes model overlay files
    for using the stock `fast-agent` with `ingate serve`.
    """
    if not arguments:
        click.echo(context.get_help())
        return
    if arguments[0] == "overlays":
        overlays.main(
            list(arguments[1:]), prog_name="ingate fast-agent overlays", standalone_mode=False, obj=context.obj
        )
        return
    from ingate import environment
    from ingate.cli.workspace import ask_about, can_ask, open_config
    from ingate.integrations.fast_agent.command import asks_for_help, main, names_config, resumes
    from ingate.integrations.fast_agent.workspace import read_by_fast_agent

    if not asks_for_help(arguments):
        open_config(context.obj)
        if can_ask():
            ask_about(
                [
                    one
                    for one in read_by_fast_agent(
                        environment.snapshot(), named=names_config(arguments), resumes=resumes(arguments)
                    )
                    if one.state == "untrusted"
                ]
            )
    main(arguments, config=context.obj)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("specs", nargs=-1, metavar="[SPEC…]")
@click.option("--base-url", default=DEFAULT_URL, show_default=True, help="Where `ingate serve` listens.")
@click.option("--key-env", default="", metavar="NAME", help="The variable that holds its key, if it needs one.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=OVERLAYS,
    show_default=True,
    help="fast-agent's folder of overlays.",
)
@click.option("--all", "everything", is_flag=True, help="Include every model of the providers that are ready.")
@click.pass_obj
def overlays(
    config: str | None, specs: tuple[str, ...], base_url: str, key_env: str, folder: Path, everything: bool
) -> None:
    """Write model overlays, so that the stock fast-agent shows these models and calls them through `ingate serve`.

    Without SPEC: the local model, your aliases, and the curated models that are ready.
    """
    from ingate.cli.workspace import open_gateway
    from ingate.integrations.fast_agent.overlays import default_specs, manifest, write

    gateway = open_gateway(config)
    chosen = list(specs) or default_specs(gateway)
    if everything:
        checker = gateway.readiness()
        rows = gateway.catalog().visible()
        chosen += [row.spec for row in rows if checker.state(row.provider, row.model, "litellm") == "ready"]
    manifests = [manifest(gateway, spec, base_url=base_url, key_variable=key_env) for spec in dict.fromkeys(chosen)]
    written = write(folder, manifests)
    click.echo(f"{len(written)} overlay{'s' * (len(written) != 1)} in {folder}, for `ingate serve` at {base_url}:")
    for one in manifests:
        click.echo(f"  fast-agent go --model {one['name']}")
