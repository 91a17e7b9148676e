"""Write docs/model-constraints.md: what models and providers accept and reject, from data/model_facts.json.

python scripts/docs_constraints.py            writes the page
python scripts/docs_constraints.py --check    exits 1 where the page is not what would be written
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from ingate.wire.facts import facts_file  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE: Final = ROOT / "docs" / "model-constraints.md"
_HEAD: Final = """# What models accept and reject

Schemas say what an API takes; these are the further rules of models and providers that ingate knows, each with its source and the
day on which that was read. `scripts/docs_constraints.py` writes this page from `src/ingate/data/model_facts.json`;
[Adding a model](adding-a-model.md) explains how to add one. What litellm's catalog says of a model overrides these rules, except where
the last table calls it an error.

Within a table, a later row overrides an earlier one; the provider's rows override the format's, and these the family's. A pattern is a
regular expression that is searched in the model's name as its vendor writes it. `null` takes a rule back.
"""


def page() -> str:
    """The whole page."""
    file = facts_file()
    parts = [_HEAD]
    for title, kind in (("Families of models", "families"), ("Formats", "formats"), ("Providers", "providers")):
        parts.append(f"## {title}\n")
        for name, group in file[kind].items():
            rules = group["rules"] if kind == "families" else group
            parts.append(f"### {'every format' if name == '*' else name}\n\n{_table(rules, file['sources'])}\n")
    parts.append("## Errors of the catalog\n\n" + _corrections(file["corrections"], file["sources"]))
    meanings = [f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, text in sorted(file["fields"].items())]
    parts.append("\n## What the facts mean\n\n| fact | meaning |\n|---|---|\n" + "\n".join(meanings) + "\n")
    return "\n".join(parts)


def _table(rules: Iterable[Mapping[str, Any]], sources: Mapping[str, Any]) -> str:
    lines = ["| models | facts | source |", "|---|---|---|"]
    for rule in rules:
        facts = "; ".join(f"`{name}`: {_cell(value)}" for name, value in rule["facts"].items())
        lines.append(
            f"| {_cell(rule['match']) if rule['match'] else 'all'} | {facts} | {_links(rule['sources'], sources)} |"
        )
    return "\n".join(lines)


def _corrections(rows: Iterable[Mapping[str, Any]], sources: Mapping[str, Any]) -> str:
    lines = ["| providers | models | what the catalog says wrongly | source |", "|---|---|---|---|"]
    for row in rows:
        said = "; ".join(f"`{name}`: {_cell(value)}" for name, value in row["catalog"].items())
        who = ", ".join(row.get("providers", ("all",)))
        lines.append(f"| {who} | {_cell(row['match'])} | {said} | {_links(row['sources'], sources)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def _links(names: Iterable[str], sources: Mapping[str, Any]) -> str:
    return ", ".join(f"[{name}]({sources[name]['url']}) {sources[name]['date']}" for name in names)


def main() -> int:
    """Write the page, or check it."""
    made = page()
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
