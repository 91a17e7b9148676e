"""`python -m ingate.integrations.fast_agent …`: fast-agent's command line with ingate's providers."""

from __future__ import annotations

from ingate.integrations.fast_agent.command import main

main()
