"""The rules of models, read from `model_rules.json`."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).resolve().parent.parent / "model_rules.json"


class Rule(dict[str, Any]):
    """One rule, as the file has it. Its documentation is the file's own `about`."""

    @property
    def id(self) -> str:
        """Its name."""
        return self["id"]

    def applies(self, provider: str, model: str, wire: str) -> bool:
        """Whether it is about this model of this provider in this format."""
        return (
            (provider in self["providers"] or "*" in self["providers"])
            and provider not in self.get("not_providers", ())
            and wire in self.get("formats", (wire,))
            and re.search(self.get("models", ""), model) is not None
            and ("not_models" not in self or re.search(self["not_models"], model) is None)
        )


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the file."""
    return tuple(Rule(rule) for rule in json.loads(FILE.read_text(encoding="utf-8"))["rules"])


def rules_for(provider: str, model: str, wire: str) -> Iterator[Rule]:
    """The rules of one model of one provider in one format."""
    return (rule for rule in all_rules() if rule.applies(provider, model, wire))
