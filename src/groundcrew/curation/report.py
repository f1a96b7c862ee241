"""What a person reads about a data set: the funnel with counts and examples per reason, as JSON and HTML, and the data card."""

from __future__ import annotations

from html import escape

import msgspec

from groundcrew.curation.reasons import reasons_of
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.sources import Found, SourceFile

EXAMPLES_MAX = 5
EXAMPLE_CHARACTERS_MAX = 200
FILES_SHOWN_MAX = 200
#: The most frequent labels that a funnel counts.
LABELS_SHOWN_MAX = 50


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One check: how many records it dropped, how many were left, and up to five ids (or places) of dropped ones."""

    reason: str
    dropped: int
    remaining: int
    examples: list[str]


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """From all records to the kept ones. `records` = `kept` + the sum of `dropped` over the steps.

    `splits` counts the kept records of each split, `labels` those of the most frequent labels, most first, of `labels_count`
    in all; `masked` counts what the guard masked in kept records, by kind. `code_system` names the release that labels were
    checked against.
    """

    name: str
    revision: str
    recipe_digest: str
    records: int
    kept: int
    steps: list[Step]
    files: tuple[SourceFile, ...]
    ignored_files: tuple[str, ...]
    splits: dict[str, int] = {}
    labels: dict[str, int] = {}
    labels_count: int = 0
    masked: dict[str, int] = {}
    code_system: str = ""


class Makeup(msgspec.Struct, frozen=True, kw_only=True):
    """What the kept records are like; see Funnel."""

    splits: dict[str, int] = {}
    labels: dict[str, int] = {}
    labels_count: int = 0
    masked: dict[str, int] = {}
    code_system: str = ""


def build_funnel(
    recipe: Recipe,
    found: Found,
    revision: str,
    kept: int,
    dropped: dict[str, int],
    examples: dict[str, list[str]],
    makeup: Makeup | None = None,
) -> Funnel:
    """The funnel over all checks of the recipe in their order, those that dropped nothing too."""
    remaining = records = kept + sum(dropped.values())
    steps: list[Step] = []
    for reason in reasons_of(recipe):
        count = dropped.get(reason, 0)
        remaining -= count
        steps.append(Step(reason=reason, dropped=count, remaining=remaining, examples=examples.get(reason, [])))
    return Funnel(
        name=recipe.name,
        revision=revision,
        recipe_digest=recipe.digest,
        records=records,
        kept=kept,
        steps=steps,
        files=found.files,
        ignored_files=found.ignored,
        **msgspec.structs.asdict(makeup or Makeup()),
    )


def example(key: str | None, source: str, line: int) -> str:
    """How a dropped record is named: by its id, or by its place where it has none."""
    shown = key if key is not None else f"{source}:{line}"
    return shown if len(shown) <= EXAMPLE_CHARACTERS_MAX else shown[:EXAMPLE_CHARACTERS_MAX] + "…"


def percent(part: int, whole: int) -> str:
    """A share in percent with one decimal; a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dde4; --kept: #2f7d5b; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebef; --soft: #9aa5b3; --line: #3a4350; --kept: #55b88b; --paper: #161b22 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p, dd { color: var(--soft); margin: .2rem 0 } code { overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line) }
th, td.share { white-space: nowrap }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
meter { width: 9rem; accent-color: var(--kept) }
"""


def funnel_html(recipe: Recipe, funnel: Funnel) -> str:
    """The funnel as one page that needs no other file and no network."""
    rows = "\n".join(_html_row(each, funnel.records) for each in funnel.steps)
    files = "\n".join(
        f'<tr><td>{escape(each.name)}</td><td class="number">{each.size_bytes:,}</td><td><code>{each.sha256}</code></td></tr>'
        for each in funnel.files[:FILES_SHOWN_MAX]
    )
    more = len(funnel.files) - FILES_SHOWN_MAX
    ignored = f"<p>Not read, other formats: {escape(', '.join(funnel.ignored_files))}</p>" if funnel.ignored_files else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(recipe.name)}: {funnel.kept:,} of {funnel.records:,} records</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(recipe.name)}: {funnel.kept:,} of {funnel.records:,} records kept ({percent(funnel.kept, funnel.records)})</h1>
<p>{escape(recipe.source)}</p>
<p>Revision <code>{funnel.revision}</code></p>
<h2>Where records were dropped</h2>
<p>Checks run in this order; a record counts at the first that it fails.</p>
<table>
<thead>
<tr><th>Check</th><th class="number">Dropped</th><th class="number">Left</th><th>Share left</th><th>Examples</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
<h2>Input files</h2>
<table>
<thead><tr><th>File</th><th class="number">Bytes</th><th>SHA-256</th></tr></thead>
<tbody>
{files}
</tbody>
</table>
{f"<p>and {more:,} more; funnel.json lists all</p>" if more > 0 else ""}
{ignored}
</body>
</html>
"""


def _html_row(step: Step, records: int) -> str:
    examples = ", ".join(f"<code>{escape(each)}</code>" for each in step.examples)
    share = percent(step.remaining, records)
    return (
        f'<tr><th scope="row">{escape(step.reason)}</th><td class="number">{step.dropped:,}</td>'
        f'<td class="number">{step.remaining:,}</td>'
        f'<td class="share"><meter max="{max(records, 1)}" value="{step.remaining}"></meter> {share}</td><td>{examples}</td></tr>'
    )


def data_card(recipe: Recipe, funnel: Funnel) -> str:
    """The data card in Markdown: where the records come from, what may be done with them, how they were chosen."""
    steps = "\n".join(f"| {each.reason} | {each.dropped:,} | {each.remaining:,} |" for each in funnel.steps)
    columns = "\n".join(
        f"| {_markdown(each)} | {_role(recipe, each)} | {recipe.type_of(each) or 'text'} |" for each in recipe.fields
    )
    files = "\n".join(
        f"| {_markdown(each.name)} | {each.size_bytes:,} | `{each.sha256}` |" for each in funnel.files[:FILES_SHOWN_MAX]
    )
    more = len(funnel.files) - FILES_SHOWN_MAX
    return f"""# Data card: {recipe.name}

| | |
|---|---|
| source | {_markdown(recipe.source)} |
| licence | {_markdown(recipe.licence)} |
| consent | {_markdown(recipe.consent)} |
| records | {funnel.kept:,} kept of {funnel.records:,} ({percent(funnel.kept, funnel.records)}) |
| revision | `{funnel.revision}` |
| recipe digest | `{funnel.recipe_digest}` |

## Columns of records.parquet

| field | role | type |
|---|---|---|
{columns}

## How the records were chosen

Checks ran in this order; a record counts at the first that it failed. `dropped.parquet` names every dropped record.

| check | dropped | left |
|---|---|---|
{steps}

## Input files

| file | bytes | SHA-256 |
|---|---|---|
{files}
{f"{chr(10)}and {more:,} more; funnel.json lists all" if more > 0 else ""}"""


def _role(recipe: Recipe, field: str) -> str:
    roles = [
        *(["id"] if field == recipe.id else []),
        *(["text"] if field in recipe.text else []),
        *(["label"] if recipe.label and field == recipe.label.field else []),
    ]
    return ", ".join(roles) or ("required" if field in recipe.required else "optional")


def _markdown(text: str) -> str:
    """One line of text that ends no table cell and starts no markup."""
    line = " ".join(text.split())
    for mark in ("\\", "|", "<", "`", "[", "*", "_"):
        line = line.replace(mark, f"\\{mark}")
    return line
