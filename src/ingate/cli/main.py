"""`ingate`: runs a command, and prints errors without tracebacks."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ingate import environment
from ingate._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name → its module and its line in `--help`; here, so that help imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "go": ("ingate.cli.go", "Pick a model and chat; without a terminal, answer once."),
    "ask": ("ingate.cli.ask", "Answer a question from arguments and standard input."),
    "sessions": ("ingate.cli.sessions", "List, show, resume or delete saved conversations."),
    "models": ("ingate.cli.models", "Find models, and see which are ready."),
    "explain": ("ingate.cli.explain", "Show where a call would go, which key it uses, and what it costs."),
    "doctor": ("ingate.cli.doctor", "Show what is set up, what is missing, and how to fix it."),
    "fast-agent": ("ingate.cli.fast_agent", "Run fast-agent with ingate's models."),
    "serve": ("ingate.cli.serve", "Serve all models to OpenAI and Anthropic clients over HTTP."),
    "proxy": ("ingate.cli.proxy", "Export, start or check a central LiteLLM proxy."),
    "trust": ("ingate.cli.trust", "Show what a project's configuration may do, and trust it."),
    "init": ("ingate.cli.init", "Write a commented ingate.yaml to start from."),
}

EXAMPLES = """\b
Examples:
  ingate go
  ingate ask "What is a gateway?" --model local/smollm2
  cat notes.txt | ingate ask "Sum this up" --model groq/openai/gpt-oss-120b
  ingate models claude cap:vision
  ingate explain litellm.bedrock/global.anthropic.claude-sonnet-5-5
  ingate doctor"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(COMMANDS[cmd_name][0]).command

    def invoke(self, ctx: click.Context) -> Any:
        from ingate.cli.console import settle_output

        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has closed the pipe (`| head`). That is not an error, although click would exit with 1.
            settle_output()
            return 0

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from rapidfuzz import process

            near = [name for name, score, _ in process.extract(args[0], list(COMMANDS), limit=2) if score >= 60]
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EXAMPLES
)
@click.version_option(__version__, "-V", "--version", prog_name="ingate", message="%(prog)s %(version)s")
@click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The configuration file to use instead of the one found automatically.",
)
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Any model of 100+ providers, from your terminal and your code.

    A model is written <provider>/<model>: groq/openai/gpt-oss-120b, local/smollm2, litellm.bedrock/…, or
    litellm/<deployment> for your LiteLLM proxy. Several, separated by commas, are tried in turn.
    """
    ctx.obj = config
    if environment.snapshot().get("NO_COLOR"):
        ctx.color = False


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: runs a command and exits with its exit code."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        The exit code: 0; 1 for an error of the operating system; 2 for wrong usage or configuration; 3 to 8 by the class
        of the error; 130 if it was interrupted.
    """
    from ingate.cli.console import any_encoding, settle_output
    from ingate.errors import IngateError

    any_encoding()
    try:
        result: Any = cli.main(arguments, prog_name="ingate", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except IngateError as error:
        from ingate.cli.console import show_error

        show_error(error)
        return error.exit_code
    except OSError as error:
        settle_output()
        what = f": {error.filename!r}" if error.filename else ""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error.strerror or error}{what}", err=True)
        return 1
    return result if isinstance(result, int) else 0
