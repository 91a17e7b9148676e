"""Write the table of providers into docs/credentials.md, between its two markers.

python scripts/docs_providers.py            writes the page
python scripts/docs_providers.py --check    exits 1 where the page is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path

from ingate.providers import Provider, aliases, providers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "credentials.md"
BEGIN, END = "<!-- providers: begin -->", "<!-- providers: end -->"


def table() -> str:
    """The table as Markdown."""
    lines = ["| Provider | What it reads | Base URL | Lane |", "|---|---|---|---|"]
    lines += [
        f"| [`{known.name}`]({known.docs_url})<br>{known.display_name} | {_reads(known)} | {_base(known)} | {_lane(known)} |"
        for known in providers().values()
    ]
    return "\n".join(lines)


def other_names() -> str:
    """The aliases as one sentence."""
    return ", ".join(f"`{word}` for `{name}`" for word, name in sorted(aliases().items()))


def with_table(page: str) -> str:
    """`page` with everything between the markers written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    notes = [f"- `{known.name}`: {known.notes}" for known in providers().values() if known.notes]
    parts = [
        BEGIN,
        table(),
        f"Other words for a provider: {other_names()}.",
        "Worth knowing:\n\n" + "\n".join(notes),
        END,
    ]
    return before + "\n\n".join(parts) + after


def _reads(known: Provider) -> str:
    if not known.env:
        return "a login: " + ", ".join(f"`{name}`" for name in known.credential_files)
    groups = [" + ".join(f"`{variable}`" for variable in group) or "nothing" for group in known.env]
    return "<br>".join(groups + [f"`{name}`" for name in known.credential_files])


def _base(known: Provider) -> str:
    default = f"`{known.default_api_base}`" if known.default_api_base else "required" if known.api_base_required else ""
    return "<br>".join(part for part in (default, *(f"`{name}`" for name in known.api_base_env)) if part)


def _lane(known: Provider) -> str:
    return known.wire_format or "litellm"


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = with_table(old)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if new == old else f"{PAGE.name} is out of date; run python scripts/docs_providers.py")
    PAGE.write_text(new, encoding="utf-8")
