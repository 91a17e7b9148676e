"""Composition: a request and a spec in, an answer out, through whichever engine serves the model.

`gateway` makes the calls; `routing` turns a spec into a Route; `readiness` decides whether a model would answer;
`explain`, `doctor` and `models` report without calling anything; `metadata` describes how an answer was made.
"""

from __future__ import annotations

from ingate.gateway.gateway import Gateway

__all__ = ["Gateway"]
