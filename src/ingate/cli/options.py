"""Options that several commands share."""

from __future__ import annotations

import click

lane_option = click.option(
    "--lane",
    type=click.Choice(["litellm", "native"]),
    help="For this call: through embedded litellm, or in the provider's own format. Without it, the shorter one.",
)
