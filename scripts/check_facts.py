"""List curated and popular models whose facts are older than their row in litellm's catalog.

`src/ingate/data/model_facts.json` is compared with the catalog by people; `scripts/facts_seen.json` records what the
catalog said of each model then. A row that has changed since, or is new, may make a fact wrong.

python scripts/check_facts.py                    lists them; exits 1 if there are any
python scripts/check_facts.py --days 120         also lists sources that nobody has read for so long (default: 180)
python scripts/check_facts.py --model openai/gpt-6.1-sol [--format responses]
                                                 prints what is known of one model, each fact with its source
python scripts/check_facts.py --write            records the catalog's present state: after comparing
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from ingate.catalog import Catalog, load  # noqa: E402
from ingate.catalog.curated import entries  # noqa: E402
from ingate.providers import provider as provider_of  # noqa: E402
from ingate.wire.catalog_facts import statements  # noqa: E402
from ingate.wire.facts import facts_file, is_corrected, known_facts, plain_name  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SEEN: Final = Path(__file__).with_name("facts_seen.json")
DEFAULT_DAYS: Final = 180
_CATALOG: Final = "litellm's catalog"


def watched(catalog: Catalog, watch: Mapping[str, str]) -> dict[str, str]:
    """The curated and popular models: `<provider>/<model>` → what the catalog says of it, as words."""
    curated = {(entry.provider, entry.model) for entry in entries()}
    return {
        row.key: row.facts
        for row in catalog.visible()
        if (row.provider, row.model) in curated
        or (row.provider in watch and re.search(watch[row.provider], row.model) is not None)
    }


def findings(seen: Mapping[str, Any], catalog: Catalog) -> list[str]:
    """A line for each model whose facts are older than its row."""
    lines = []
    for key, words in sorted(watched(catalog, seen["watch"]).items()):
        if key not in seen["models"]:
            lines.append(f"{key}: new in the catalog: {words or 'nothing is said of it'}")
        elif words != seen["models"][key]:
            before, after = set(seen["models"][key].split()), set(words.split())
            changes = [f"+ {word}" for word in sorted(after - before)] + [
                f"- {word}" for word in sorted(before - after)
            ]
            lines.append(f"{key}: changed in the catalog since {seen['date']}: {', '.join(changes)}")
    return lines


def unread(days: int, today: date) -> list[str]:
    """A line for each source of the facts that nobody has read for so many days."""
    lines = []
    for name, source in facts_file()["sources"].items():
        age = (today - date.fromisoformat(source["date"])).days
        if age > days:
            lines.append(f"{name}: read {age} days ago: {source['url']}")
    return lines


def origins(provider: str, model: str, wire_format: str, words: str) -> Iterator[tuple[str, Any, str]]:
    """Every fact about a model, with its value and where it comes from."""
    file, name = facts_file(), plain_name(model)
    where: dict[str, str] = {}
    groups = [(f"family {key}", one["rules"]) for key, one in file["families"].items() if re.search(one["match"], name)]
    groups += [(f"format {key}", file["formats"].get(key, ())) for key in ("*", wire_format)]
    groups.append((f"provider {provider}", file["providers"].get(provider, ())))
    for group, rules in groups:
        for rule in rules:
            if re.search(rule["match"], name):
                read = ", ".join(
                    f"{file['sources'][one]['url']} ({file['sources'][one]['date']})" for one in rule["sources"]
                )
                where |= dict.fromkeys(rule["facts"], f"{group}: {read}")
    before, after = known_facts(provider, model, wire_format), known_facts(provider, model, wire_format, words)
    for fact, value in sorted(after.items()):
        from_catalog = fact not in before or before[fact] != value
        yield (
            fact,
            value,
            f"{_CATALOG}, which overrides {where[fact]}"
            if from_catalog and fact in where
            else (_CATALOG if from_catalog else where[fact]),
        )


def show(spec: str, wire_format: str | None, catalog: Catalog) -> None:
    """Print what is known of one model."""
    provider, _, model = spec.partition("/")
    row = catalog.get(provider, model)
    words = row.facts if row is not None else ""
    wire_format = wire_format or provider_of(provider).wire_format
    print(f"{spec}, called as {model!r} (by its vendor {plain_name(model)!r}) in the format {wire_format}")
    for fact, value, origin in origins(provider, model, wire_format, words):
        print(f"  {fact} = {json.dumps(value)}\n      {origin}")
    for field, value in statements(words).items():
        if is_corrected(provider, plain_name(model), field, value):
            print(f"  {field} = {json.dumps(value)} of {_CATALOG} is listed as an error")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 if a model's facts are older than its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=DEFAULT_DAYS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--model")
    parser.add_argument("--format")
    asked = parser.parse_args(arguments)
    catalog = load()
    if not catalog.dated:
        print(f"litellm is needed for this: {catalog.source}")
        return 2
    if asked.model:
        show(asked.model, asked.format, catalog)
        return 0
    seen = json.loads(SEEN.read_text(encoding="utf-8"))
    today = datetime.now(UTC).date()
    if asked.write:
        models = dict(sorted(watched(catalog, seen["watch"]).items()))
        made = {**seen, "litellm": catalog.version, "date": today.isoformat(), "models": models}
        SEEN.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(models)} models recorded with {catalog.source}")
        return 0
    found = findings(seen, catalog)
    for line in found:
        print(line)
    if old := unread(asked.days, today):
        print("\nSources to read again:", *old, sep="\n  ")
    print(
        f"\n{len(seen['models'])} models were compared with litellm {seen['litellm']} on {seen['date']}; {len(found)} differ now"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
