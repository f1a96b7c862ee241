"""What a person reads about an evaluation: one HTML page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from groundcrew.stats.calibration import CalibrationReport
from groundcrew.stats.intervals import Interval
from groundcrew.tuning.evaluation import EvaluationReport
from groundcrew.tuning.evaluation_figures import LabelFigures

#: What the figures are called, in the order in which they are shown.
TITLES = {
    "micro_f1": "F1, over all labels (micro)",
    "micro_precision": "Precision (micro)",
    "micro_recall": "Recall (micro)",
    "macro_f1": "F1, mean over labels (macro)",
    "macro_precision": "Precision (macro)",
    "macro_recall": "Recall (macro)",
    "weighted_f1": "F1, labels by their frequency",
    "subset_accuracy": "Cases with exactly the true labels",
    "precision_at_1": "First suggestion is true",
    "precision_at_5": "Precision of the first 5",
    "precision_at_8": "Precision of the first 8",
    "precision_at_15": "Precision of the first 15",
    "mean_average_precision": "Mean average precision",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dde4; --bar: #3b6ea8; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebef; --soft: #9aa5b3; --line: #3a4350; --bar: #7fb0e6; --paper: #161b22 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p { color: var(--soft); margin: .2rem 0 } code { overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
svg { width: 10rem; height: 1rem; vertical-align: middle }
svg .range { stroke: var(--bar); stroke-width: 3 } svg .point { fill: var(--bar) } svg .axis { stroke: var(--line) }
"""


def words(interval: Interval, *, digits: int = 3, unit: str = "") -> str:
    """An interval as text: estimate and bounds, "no interval" where draws of the cases give no bounds."""

    def number(value: float | None) -> str:
        return "?" if value is None else f"{value:,.{digits}f}"

    if interval.estimate is None:
        return "unknown"
    if interval.lower is None and interval.upper is None:
        return f"{number(interval.estimate)}{unit} (no interval)"
    return f"{number(interval.estimate)}{unit} ({number(interval.lower)} to {number(interval.upper)})"


def html(report: EvaluationReport) -> str:
    """The report as one page."""
    parts = [
        _section("Figures", _table(("Figure", "Estimate (interval)", ""), _figure_rows(report)), _explained(report)),
        _person(report),
        _section(
            "The surest cases first",
            _table(
                ("Share of cases", "Trust at least", "Cases", "Micro F1", "Exactly right"),
                [
                    (
                        *(f"{each.coverage:.0%}", f"{each.trust_min:.3f}", str(each.cases)),
                        *(words(each.micro_f1), words(each.subset_accuracy)),
                    )
                    for each in report.coverage
                ],
                numbers=(0, 1, 2),
            ),
            "How good the model is on the cases that it is surest of.",
        )
        if report.coverage
        else "",
        _calibration("Can its trust be read as a probability?", report.trust_calibration, "cases that were exactly right"),
        _calibration("Can its scores be read as probabilities?", report.score_calibration, "suggestions that were true"),
        _time(report),
        _comparison(report),
        _labels("By chapter", report.chapters, 0),
        _labels("By label", report.labels, report.labels_left_out),
    ]
    title = f"{report.model} on {report.source}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{report.cases:,} cases in {report.groups:,} groups, {report.true_labels:,} true labels. Model <code>{report.digest}</code></p>
{"".join(parts)}
</body>
</html>
"""


def _explained(report: EvaluationReport) -> str:
    first = next(iter(report.figures.values()))
    return (
        f"Intervals hold the figure of all such cases with {first.confidence:.0%} confidence; whole groups are drawn again. "
        "There is none where all draws have the same figure, or most of them none."
    )


def _figure_rows(report: EvaluationReport) -> list[tuple[str, ...]]:
    return [(TITLES.get(name, name), words(each), _bar(each)) for name, each in report.figures.items()]


def _bar(interval: Interval) -> str:
    if interval.estimate is None:
        return ""
    low = interval.estimate if interval.lower is None else interval.lower
    high = interval.estimate if interval.upper is None else interval.upper
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="axis" x1="0" y1="5" x2="100" y2="5"/>'
        f'<line class="range" x1="{low * 100:.1f}" y1="5" x2="{high * 100:.1f}" y2="5"/>'
        f'<circle class="point" cx="{interval.estimate * 100:.1f}" cy="5" r="3"/></svg>'
    )


def _person(report: EvaluationReport) -> str:
    each = report.person
    rows = [
        ("Cases that go to a person", words(each.to_person), _bar(each.to_person)),
        ("Micro F1 of the others", words(each.kept_micro_f1), _bar(each.kept_micro_f1)),
        ("The others exactly right", words(each.kept_subset_accuracy), _bar(each.kept_subset_accuracy)),
    ]
    return _section("What it leaves to a person", _table(("", "Estimate (interval)", ""), rows))


def _calibration(title: str, report: CalibrationReport | None, what: str) -> str:
    if report is None:
        return _section(title, "", "The model gives none.")
    rows = [
        (f"{each.lower:.2f}–{each.upper:.2f}", f"{each.mean_score:.3f}", words(each.supported), str(each.supported.n))
        for each in report.reliability
    ]
    summary = (
        f"Expected calibration error {words(report.expected_calibration_error)}, Brier score {words(report.brier)}, "
        f"area under the curve {words(report.auroc)}."
    )
    return _section(title, _table(("Range", "Mean", f"Share of {what}", "n"), rows, numbers=(1, 3)), summary)


def _time(report: EvaluationReport) -> str:
    found = report.time
    if found is None:
        return ""
    rows = [
        (name, words(each, digits=4, unit=" s"))
        for name, each in (("Mean", found.mean_s), ("Median", found.p50_s), ("95th percentile", found.p95_s))
    ]
    if found.load_s is not None:
        rows.append(("Loading the model, once", f"{found.load_s:.2f} s"))
    if (human := report.human) is not None:
        rows.append(("A person today", f"{human.human_s:,.0f} s"))
        rows.append(("Times faster, before anybody reviews", words(human.times_faster, digits=0)))
    return _section("Time a case", _table(("", ""), rows), "Wall clock on this machine, one case at a time.")


def _comparison(report: EvaluationReport) -> str:
    found = report.comparison
    if found is None:
        return ""
    rows = [
        (TITLES.get(name, name), words(found.figures[name]), words(each), _share(found.not_better[name]))
        for name, each in found.differences.items()
    ]
    table = _table(("Figure", found.baseline, "Difference", "Draws in which it is not better"), rows)
    return _section(f"Against {found.baseline}", table, "On the same cases, paired.")


def _share(value: float | None) -> str:
    return "?" if value is None else f"{value:.1%}"


def _labels(title: str, found: Sequence[LabelFigures], left_out: int) -> str:
    if not found:
        return ""
    rows = [
        (
            *(f"{each.name} {each.title}".strip(), str(each.support), str(each.suggested)),
            *(words(each.precision), words(each.recall), words(each.f1)),
        )
        for each in found
    ]
    note = f"The {len(found):,} most frequent; {left_out:,} more are left out." if left_out else ""
    return _section(title, _table(("", "True", "Suggested", "Precision", "Recall", "F1"), rows, numbers=(1, 2)), note)


def _section(title: str, body: str, note: str = "") -> str:
    return f"<h2>{escape(title)}</h2>\n" + (f"<p>{escape(note)}</p>\n" if note else "") + (f"{body}\n" if body else "")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: tuple[int, ...] = ()) -> str:
    """Cells that begin with ``<svg`` are drawings of ours; everything else is escaped."""

    def cell(place: int, value: str) -> str:
        text = value if value.startswith("<svg ") else escape(value)
        return f'<td class="number">{text}</td>' if place in numbers else f"<td>{text}</td>"

    head = "".join(
        f'<th class="number">{escape(each)}</th>' if place in numbers else f"<th>{escape(each)}</th>"
        for place, each in enumerate(columns)
    )
    body = "\n".join(f"<tr>{''.join(cell(place, each) for place, each in enumerate(row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
