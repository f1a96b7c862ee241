"""The funnel of a curation as one page that needs no other file, no script and no network: what was dropped and why, what the
kept records are like, what was masked, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from groundcrew.curation.reasons import MEANINGS
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.report import FILES_SHOWN_MAX, Funnel, Step, known_limits, percent

LABELS_ON_PAGE_MAX = 25

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dde4; --kept: #2f7d5b; --lost: #b4552d;
  --paper: #fff; --panel: #f5f7f9 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebef; --soft: #9aa5b3; --line: #3a4350; --kept: #55b88b; --lost: #e08a5f;
    --paper: #161b22; --panel: #1e252e } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem }
p, dd, small { color: var(--soft) } p { margin: .2rem 0 } small { display: block; font-size: .8rem; font-weight: 400 }
code { overflow-wrap: anywhere; font-size: .85em }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem; margin: 1.2rem 0 }
dl.facts div { background: var(--panel); border-radius: .4rem; padding: .6rem .8rem }
dl.facts dt { color: var(--soft); font-size: .85rem } dl.facts dd { color: var(--ink); font-size: 1.25rem; margin: 0;
  font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line) }
thead th { color: var(--soft); font-size: .85rem; font-weight: 600 }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
tr.nothing th, tr.nothing td { color: var(--soft) }
td.bar { width: 26%; min-width: 9rem } td.bar div { display: flex; align-items: center; gap: .5rem }
td.bar span { min-width: 3.8rem; text-align: right; font-variant-numeric: tabular-nums } svg { flex: 1 1 3rem;
  width: 3rem; min-width: 0; height: .8rem }
th[scope=row] { overflow-wrap: anywhere } .steps th[scope=row] { min-width: 17rem }
rect.kept { fill: var(--kept) } rect.lost { fill: var(--lost) } rect.rest { fill: var(--line) }
.scroll { overflow-x: auto } details { font-weight: 400; font-size: .85rem } summary { cursor: pointer; color: var(--soft) }
ul { padding-left: 1.2rem } li { margin: .2rem 0 }
@media (max-width: 40rem) { .steps .left, td.digest, th.digest { display: none }
  td.bar { min-width: 7rem } .steps th[scope=row] { min-width: 8rem }
  th, td { padding: .35rem .3rem } }
"""


def funnel_html(recipe: Recipe, funnel: Funnel) -> str:
    """The page."""
    share = percent(funnel.kept, funnel.records)
    limits = "\n".join(f"<li>{escape(each)}</li>" for each in known_limits(recipe, funnel))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(recipe.name)}: {funnel.kept:,} of {funnel.records:,} records</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(recipe.name)}: {funnel.kept:,} of {funnel.records:,} records kept ({share})</h1>
<p>{escape(recipe.source)}</p>
<p>Licence: {escape(recipe.licence)} · Consent: {escape(recipe.consent)}</p>
<p>Revision <code>{funnel.revision}</code></p>
{_facts(funnel)}
<h2>Where records were dropped</h2>
<p>Checks run in this order; a record counts at the first that it fails.</p>
{_steps(funnel)}
{_makeup(funnel)}
<h2>Known limits</h2>
<ul>
{limits}
</ul>
<h2>Input files</h2>
{_files(funnel)}
</body>
</html>
"""


def _facts(funnel: Funnel) -> str:
    facts = [("read", f"{funnel.records:,}"), ("kept", f"{funnel.kept:,}"), ("dropped", f"{funnel.records - funnel.kept:,}")]
    facts += [(name, f"{count:,}") for name, count in funnel.splits.items()]
    if funnel.labels_count:
        facts.append(("labels", f"{funnel.labels_count:,}"))
    if funnel.masked:
        facts.append(("findings masked", f"{sum(funnel.masked.values()):,}"))
    boxes = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="facts">\n{boxes}\n</dl>'


def _steps(funnel: Funnel) -> str:
    rows = "\n".join(_step(each, funnel.records) for each in funnel.steps)
    return f"""<div class="scroll"><table class="steps">
<thead>
<tr><th>Check</th><th class="number">Dropped</th><th class="number left">Left</th><th>Share left</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table></div>"""


def _step(step: Step, records: int) -> str:
    listed = "<br>".join(f"<code>{escape(each)}</code>" for each in step.examples)
    examples = f"<details><summary>examples</summary>{listed}</details>" if listed else ""
    bar = _bar(step.remaining, step.dropped, records)
    quiet = "" if step.dropped else ' class="nothing"'
    meaning = MEANINGS.get(step.reason, "")
    return (
        f'<tr{quiet}><th scope="row">{escape(step.reason)}<small>{escape(meaning)}</small>{examples}</th>'
        f'<td class="number">{step.dropped:,}</td><td class="number left">{step.remaining:,}</td>'
        f'<td class="bar">{bar}</td></tr>'
    )


def _bar(kept: int, lost: int, whole: int) -> str:
    """The share that is left of `whole`, and a bar of it, beside which stands what this step has lost."""
    left, gone = (100 * each / max(whole, 1) for each in (kept, lost))
    return (
        f'<div><span>{percent(kept, whole)}</span><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rest" width="100" height="4"/><rect class="kept" width="{left:.2f}" height="4"/>'
        f'<rect class="lost" x="{left:.2f}" width="{gone:.2f}" height="4"/></svg></div>'
    )


def _makeup(funnel: Funnel) -> str:
    parts: list[str] = []
    if funnel.splits:
        parts.append(f"<h2>Splits</h2>\n{_shares('split', funnel.splits, funnel.kept)}")
    if funnel.labels:
        shown = dict(list(funnel.labels.items())[:LABELS_ON_PAGE_MAX])
        more = funnel.labels_count - len(shown)
        against = f" Checked against {escape(funnel.code_system)}." if funnel.code_system else ""
        told = f" The {len(shown)} most frequent of {funnel.labels_count:,}." if more > 0 else ""
        parts.append(
            f"<h2>Labels</h2>\n<p>A record with several labels counts for each of them.{told}{against}</p>\n"
            + _shares("label", shown, funnel.kept)
        )
    if funnel.masked:
        rows = "\n".join(
            f'<tr><th scope="row">{escape(name)}</th><td class="number">{count:,}</td></tr>'
            for name, count in sorted(funnel.masked.items())
        )
        parts.append(
            '<h2>What was masked</h2>\n<table>\n<thead><tr><th>Type</th><th class="number">Findings in kept records</th></tr>'
            f"</thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
        )
    return "\n".join(parts)


def _shares(name: str, counts: Mapping[str, int], whole: int) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{escape(each)}</th><td class="number">{count:,}</td>'
        f'<td class="bar">{_bar(count, 0, whole)}</td></tr>'
        for each, count in counts.items()
    )
    return f"""<table>
<thead><tr><th>{name.capitalize()}</th><th class="number">Records</th><th>Share of the kept</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>"""


def _files(funnel: Funnel) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{escape(each.name)}</th><td class="number">{each.size_bytes:,}</td>'
        f'<td class="digest"><code>{each.sha256}</code></td></tr>'
        for each in funnel.files[:FILES_SHOWN_MAX]
    )
    more = len(funnel.files) - FILES_SHOWN_MAX
    ignored = f"<p>Not read, other formats: {escape(', '.join(funnel.ignored_files))}</p>" if funnel.ignored_files else ""
    return f"""<div class="scroll"><table>
<thead><tr><th>File</th><th class="number">Bytes</th><th class="digest">SHA-256</th></tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
{f"<p>and {more:,} more; funnel.json lists all</p>" if more > 0 else ""}
{ignored}"""
