"""The data card of a data set, in Markdown: where its records come from, what may be done with them, how they were chosen, what
they are like, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from groundcrew.curation.recipe import SPLIT_FIELD, Recipe
from groundcrew.curation.report import FILES_SHOWN_MAX, Funnel, known_limits, percent


def data_card(recipe: Recipe, funnel: Funnel) -> str:
    """The card, ending in a line end."""
    sections = [
        f"# Data card: {recipe.name}\n\n{_facts(recipe, funnel)}",
        f"## Columns of records.parquet\n\n{_columns(recipe)}",
        "## How the records were chosen\n\n"
        "Checks ran in this order; a record counts at the first that it failed. `dropped.parquet` names every dropped record.\n\n"
        + _table(
            ("check", "dropped", "left"), ((each.reason, f"{each.dropped:,}", f"{each.remaining:,}") for each in funnel.steps)
        ),
        *_makeup(funnel),
        "## Known limits\n\n" + "\n".join(f"- {each}" for each in known_limits(recipe, funnel)),
        f"## Input files\n\n{_files(funnel)}",
    ]
    return "\n\n".join(sections) + "\n"


def _facts(recipe: Recipe, funnel: Funnel) -> str:
    kept = f"{funnel.kept:,} kept of {funnel.records:,} ({percent(funnel.kept, funnel.records)})"
    facts = [
        ("source", _markdown(recipe.source)),
        ("licence", _markdown(recipe.licence)),
        ("consent", _markdown(recipe.consent)),
        ("records", kept),
        ("revision", f"`{funnel.revision}`"),
        ("recipe digest", f"`{funnel.recipe_digest}`"),
        *([("code system", _markdown(funnel.code_system))] if funnel.code_system else []),
    ]
    return "\n".join(("| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)))


def _columns(recipe: Recipe) -> str:
    rows = [(_markdown(each), _role(recipe, each), recipe.type_of(each) or "text") for each in recipe.fields]
    if recipe.split is not None and SPLIT_FIELD not in recipe.fields:
        rows.append((SPLIT_FIELD, "split", "string"))
    return _table(("field", "role", "type"), rows)


def _makeup(funnel: Funnel) -> list[str]:
    sections: list[str] = []
    if funnel.splits:
        sections.append("## Splits\n\n" + _table(("split", "records", "share"), _shares(funnel.splits, funnel.kept)))
    if funnel.labels:
        text = "## Labels\n\n" + _table(("label", "records", "share"), _shares(funnel.labels, funnel.kept))
        more = funnel.labels_count - len(funnel.labels)
        told = f"\n\nand {more:,} rarer labels; `records.parquet` has them all" if more > 0 else ""
        sections.append(f"{text}{told}\n\nA record with several labels counts for each of them.")
    if funnel.masked:
        rows = [(each, f"{count:,}") for each, count in sorted(funnel.masked.items())]
        sections.append("## What was masked\n\n" + _table(("type", "findings"), rows))
    return sections


def _shares(counts: Mapping[str, int], whole: int) -> Iterable[tuple[str, str, str]]:
    return ((_markdown(name), f"{count:,}", percent(count, whole)) for name, count in counts.items())


def _files(funnel: Funnel) -> str:
    rows = [(_markdown(each.name), f"{each.size_bytes:,}", f"`{each.sha256}`") for each in funnel.files[:FILES_SHOWN_MAX]]
    more = len(funnel.files) - FILES_SHOWN_MAX
    told = f"\n\nand {more:,} more; funnel.json lists all" if more > 0 else ""
    return _table(("file", "bytes", "SHA-256"), rows) + told


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _role(recipe: Recipe, field: str) -> str:
    parts = {
        "id": field == recipe.id,
        "text": field in recipe.text,
        "label": recipe.label is not None and field == recipe.label.field,
        "evidence": field == recipe.evidence,
        "group": field == recipe.group,
        "time": field == recipe.time,
        "split": recipe.split is not None and field == recipe.split.field,
    }
    roles = [name for name, holds in parts.items() if holds]
    return ", ".join(roles) or ("required" if field in recipe.required else "optional")


def _markdown(text: str) -> str:
    """One line of text that ends no table cell and starts no markup."""
    line = " ".join(text.split())
    for mark in ("\\", "|", "<", "`", "[", "*", "_"):
        line = line.replace(mark, f"\\{mark}")
    return line
