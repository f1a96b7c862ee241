"""A gate's report as pages: one HTML file without scripts, and a PDF. Both tell the same in the same order."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from importlib import resources
from typing import Any

import msgspec

from groundcrew.domain.gate import CriterionResult
from groundcrew.errors import InputError
from groundcrew.services.gate_reports import DATA_PREFIX, GateReport, report_problems

FORMATS = ("html", "pdf", "json")
#: Characters of a piece of evidence that are shown; more would bury the page.
CONTENT_LENGTH_MAX = 400
#: What the PDF's typeface has no glyph for, and what is written instead.
_INSTEAD = {"→": "to", "α": "alpha", "β": "beta", "χ": "chi", "κ": "kappa", "✓": "+", "✗": "x", "−": "-", "₂": "2", " ": " "}


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the report: a heading, what it says, and a table of rows where it has one (the first row is the heading)."""

    title: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    #: Share of the width of each column.
    widths: tuple[float, ...] = ()


def render(report: GateReport, form: str) -> bytes:
    """The report as `html`, `pdf` or `json`; InputError for another form."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(report), indent=2)
    if form == "html":
        return _html(report)
    if form == "pdf":
        return _pdf(report)
    raise InputError(f"expected a name that ends in one of {', '.join(FORMATS)}, found {form!r}", field="output")


def summary_of(report: GateReport) -> str:
    """What came out, in a line."""
    results = report.evaluation.results
    met = sum(each.status == "pass" for each in results)
    if not results:
        return "Closed: no criteria are published, and an empty policy denies."
    return f"{'Open' if report.evaluation.passed else 'Closed'}: {met} of {len(results)} criteria are met."


def sections(report: GateReport) -> tuple[Section, ...]:
    """All parts behind the table of criteria, in order."""
    return (
        _asked(report),
        _hypothesis(report),
        _attestations(report),
        _evidence(report),
        _approvals(report),
        _rows(report),
        _version(report),
        _policy(report),
        _verification(report),
    )


def criterion_lines(result: CriterionResult) -> tuple[str, ...]:
    """What is said of a criterion below its title."""
    lines = [result.figure] if result.figure else []
    if result.sample:
        lines.append("SAMPLE DATA: shown, never counted")
    if result.source:
        lines.append(f"Source: {result.source}")
    if result.missing:
        lines.append(f"Missing: {result.missing.replace('`', '')}")
    lines += [f"Evidence sha256 {each}" for each in result.evidence]
    return tuple(lines)


def interval_of(result: CriterionResult) -> str:
    """Estimate and bounds in figures."""
    if result.estimate is None and result.lower is None and result.upper is None:
        return "–"
    estimate = "–" if result.estimate is None else _figure(result.estimate)
    ends = ", ".join("–" if each is None else _figure(each) for each in (result.lower, result.upper))
    return f"{estimate} [{ends}]" + (f", n = {result.n:,}" if result.n is not None else "")


def _figure(value: float) -> str:
    """Four significant digits, never as a power of ten."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value and abs(value) < 0.001:
        return f"{value:.6f}"
    return f"{value:.4g}"


def _asked(report: GateReport) -> Section:
    use_case, evaluation = report.use_case, report.evaluation
    return Section(
        title="What was asked",
        rows=(
            ("Question", f"May {use_case.name} enter {_words(evaluation.stage)}?"),
            ("Evaluated", f"{_moment(evaluation.evaluated_at)} by {evaluation.evaluated_by}"),
            ("Evaluation", evaluation.id),
            ("Use case", f"{use_case.title} ({use_case.name}), {use_case.business_unit}"),
            ("Purpose", use_case.purpose),
            ("Affected persons", use_case.affected_persons),
            ("Owner, champion", f"{use_case.owner}, {use_case.champion or 'none'}"),
            ("Risk tier", f"{report.risk_tier}: {'; '.join(report.risk_reasons)}"),
            ("Stage when reported", _words(use_case.stage)),
        ),
        widths=(0.22, 0.78),
    )


def _hypothesis(report: GateReport) -> Section:
    found = report.hypothesis
    if found is None:
        return Section(title="Hypothesis", lines=("None is declared.",))
    registered = f"{_moment(found.registered_at)} by {found.registered_by}" if found.registered_at else "not registered"
    rows = [
        ("Name, version", f"{found.name}, version {found.version}, {found.state}"),
        ("Registered", registered),
        ("sha256", found.digest or "none: a draft is not frozen"),
        (
            "Design",
            f"{_words(found.plan.design)}, {found.plan.monitoring} monitoring, α {found.plan.alpha}, power {found.plan.power}",
        ),
    ]
    if found.plan.arms is not None:
        rows.append(("Arms", f"{found.plan.arms.control} / {found.plan.arms.treatment}, {found.plan.arms.split:.0%} treated"))
    for metric in found.plan.metrics:
        asks = f"by {metric.mde:g}" if metric.mde is not None else f"no worse than {metric.margin:g}" if metric.margin else "–"
        base = metric.baseline
        before = f"; baseline {base.mean:g}, n = {base.n} over {base.days} days, {base.source}" if base is not None else ""
        rows.append((f"{metric.role}: {metric.name}", f"{metric.direction} {asks} {metric.unit}{before}"))
    return Section(title="Hypothesis", rows=tuple(rows), widths=(0.22, 0.78))


def _attestations(report: GateReport) -> Section:
    said = [each for each in report.evidence if each.attested]
    if not said:
        return Section(title="Attestations", lines=("Nobody's word counts in this evaluation.",))
    head = ("What", "Who", "When", "Statement", "sha256")
    rows = [
        (each.subject, each.producer, f"{each.recorded_at:%Y-%m-%d}", str(each.content.get("statement", "")), each.sha256)
        for each in said
    ]
    return Section(title="Attestations", rows=(head, *rows), widths=(0.18, 0.15, 0.12, 0.33, 0.22))


def _evidence(report: GateReport) -> Section:
    found = [each for each in report.evidence if not each.attested]
    if not found:
        return Section(title="Recorded evidence", lines=("None was valid for this version.",))
    head = ("Kind", "Recorded", "Valid until", "Content", "sha256")
    rows = [
        (
            f"{_words(each.kind)}: {each.subject}",
            f"{each.recorded_at:%Y-%m-%d} by {each.producer}",
            f"{each.valid_until:%Y-%m-%d}",
            _beginning(msgspec.json.encode(each.content).decode()),
            each.sha256,
        )
        for each in found
    ]
    return Section(title="Recorded evidence", rows=(head, *rows), widths=(0.19, 0.18, 0.12, 0.29, 0.22))


def _beginning(text: str) -> str:
    """A content as far as it is shown; the report as JSON holds the whole."""
    return text if len(text) <= CONTENT_LENGTH_MAX else f"{text[: CONTENT_LENGTH_MAX - 1]}… (whole in the JSON)"


def _approvals(report: GateReport) -> Section:
    if not report.approvals:
        return Section(title="Approvals", lines=("None was asked for at this gate for this version.",))
    head = ("Function", "Says", "Who, when", "Ground")
    rows = [
        (
            "IT" if each.function == "it" else each.function.capitalize(),
            _words(each.state),
            f"{each.decided_by}, {each.decided_at:%Y-%m-%d}" if each.decided_at else "not yet",
            each.statement,
        )
        for each in report.approvals
    ]
    return Section(title="Approvals", rows=(head, *rows), widths=(0.12, 0.18, 0.25, 0.45))


def _rows(report: GateReport) -> Section:
    head = ("Rows of this version", "Counted", "Newest")
    rows = [(_words(name), f"{mark.n:,}", mark.newest or "–") for name, mark in sorted(report.snapshot.rows.items())]
    return Section(title="What was counted", rows=(head, *rows), widths=(0.3, 0.2, 0.5))


def _version(report: GateReport) -> Section:
    rows = [("Version digest", report.evaluation.version_digest), *((key, value) for key, value in report.version.items())]
    return Section(
        title="Version",
        lines=("The digest is what was evaluated. The lines below it are as declared when the report was made.",),
        rows=tuple(rows),
        widths=(0.22, 0.78),
    )


def _policy(report: GateReport) -> Section:
    policy = report.policy
    lines = [
        f"Version {policy.version}, {policy.state} when reported, from {policy.source or 'an unnamed source'}.",
        f"sha256 {report.snapshot.policy_digest}",
    ]
    if policy.reason:
        lines.append(f"Looser than the defaults, because: {policy.reason}")
    head = ("Criterion", "Computed by", "Settings")
    rows = [
        (each.title, each.check, ", ".join(f"{name} {value}" for name, value in sorted(each.settings.items())) or "–")
        for each in policy.criteria
    ]
    return Section(title="Policy of the gate", lines=tuple(lines), rows=(head, *rows), widths=(0.45, 0.25, 0.3))


def _verification(report: GateReport) -> Section:
    problems = report_problems(report)
    found = "Checked when it was written: everything fits together." if not problems else "PROBLEMS: " + "; ".join(problems)
    chain = report.chain
    return Section(
        title="How to check this report",
        lines=(
            found,
            f"Snapshot of what the evaluation rested on, sha256 {report.evaluation.snapshot}",
            f"Audit chain when the report was made: entry {chain.sequence}, hash {chain.hash}"
            + (f", {_moment(chain.at)}" if chain.at else ""),
            "1. `groundcrew gate verify REPORT.html` (or the report as JSON) recomputes every hash offline: snapshot, policy,"
            " evidence, hypothesis, and whether the results give the outcome.",
            "2. Ask for `groundcrew export audit --output audit.jsonl` and run `groundcrew audit verify --file audit.jsonl`."
            " The entry named above must be in it with this hash; the entry of subject"
            f" gate-evaluation/{report.evaluation.id} carries the digest of this evaluation.",
        ),
    )


def _html(report: GateReport) -> bytes:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("groundcrew.services").joinpath("gate_report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    data = DATA_PREFIX + base64.b64encode(msgspec.json.encode(report)).decode()
    text = environment.from_string(source).render(
        report=report,
        evaluation=report.evaluation,
        summary=summary_of(report),
        criteria=[(each, criterion_lines(each), interval_of(each)) for each in report.evaluation.results],
        sections=sections(report),
        stage=_words(report.evaluation.stage),
        made=_moment(report.made_at),
        evaluated=_moment(report.evaluation.evaluated_at),
        data=data,
    )
    return text.encode()


def _pdf(report: GateReport) -> bytes:
    from groundcrew.services.gate_report_pdf import write_pdf

    criteria = [
        (each.status, each.title, each.bound or "–", interval_of(each), criterion_lines(each))
        for each in report.evaluation.results
    ]
    buffer = io.BytesIO()
    write_pdf(
        buffer,
        title=f"Gate into {_words(report.evaluation.stage)}",
        subject=f"{report.use_case.title} ({report.use_case.name})",
        summary=summary_of(report),
        passed=report.evaluation.passed,
        made=f"groundcrew {report.release}, {_moment(report.made_at)}",
        criteria=criteria,
        sections=sections(report),
    )
    return buffer.getvalue()


def written(text: Any, glyphs: frozenset[int]) -> str:
    """`text` in what a typeface can show: known stand-ins for some characters, a question mark for the others."""
    found = []
    for character in str(text):
        if character in "\n\t" or ord(character) in glyphs:
            found.append(character)
        else:
            found.append(_INSTEAD.get(character, "?"))
    return "".join(found)


def _moment(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _words(name: str) -> str:
    return name.replace("_", " ")
