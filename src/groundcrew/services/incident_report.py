"""The report of an incident as Markdown: what a person hands on, complete and in the order in which it happened."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.incident import Incident, IncidentAction
from groundcrew.services.incidents import IncidentView

WORDS = {
    "opened": "opened",
    "note": "note",
    "decision": "decision",
    "linked": "points at",
    "use_case_added": "one more use case",
    "severity": "severity changed",
    "severity_asked": "another severity asked for",
    "mitigated": "mitigated",
    "close_asked": "close asked for",
    "close_refused": "close refused",
    "closed": "closed",
    "action": "action",
    "action_done": "action done",
}


def report_of(view: IncidentView, now: datetime) -> str:
    """The whole incident as Markdown, as of `now`."""
    incident = view.incident
    parts = [
        f"# {_line(incident.title)}",
        "",
        *_facts(incident),
        "",
        "## What happened",
        "",
        *_timeline(view),
        "",
        "## Actions",
        "",
    ]
    parts += _actions(view.actions, view.overdue) if view.actions else ["None."]
    parts += ["", "## Cause", "", *_cause(incident), "", f"As of {_stamp(now)}. Times are UTC."]
    return "\n".join(parts) + "\n"


def _facts(incident: Incident) -> list[str]:
    severity = f"severity {incident.severity}" + (f" (was {incident.worst})" if incident.worst != incident.severity else "")
    facts = [
        ("Incident", f"`{incident.id}`"),
        ("State", f"{incident.state}, {severity}"),
        ("Use cases", ", ".join(incident.use_cases) or "none"),
        ("Opened", f"{_stamp(incident.opened_at)} by {_who(incident.opened_by)} ({incident.origin.replace('_', ' ')})"),
    ]
    if incident.mitigated_at is not None:
        facts.append(("Mitigated", f"{_stamp(incident.mitigated_at)}, {_span(incident.opened_at, incident.mitigated_at)} after"))
    if incident.closed_at is not None:
        reviewed = f", reviewed by {_who(incident.reviewed_by)}" if incident.reviewed_by else ""
        facts.append(("Closed", f"{_stamp(incident.closed_at)} by {_who(incident.closed_by or '')}{reviewed}"))
    return ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in facts)]


def _timeline(view: IncidentView) -> list[str]:
    rows = ["| When | Who | What | |", "|---|---|---|---|"]
    for each in view.events:
        text = _cell(each.text) + (f" `{_cell(each.reference)}`" if each.reference else "")
        rows.append(f"| {_stamp(each.at)} | {_cell(_who(each.by))} | {WORDS[each.kind]} | {text.strip()} |")
    return rows


def _actions(actions: tuple[IncidentAction, ...], overdue: tuple[str, ...]) -> list[str]:
    rows = ["| What | Owner | Due | State | Result |", "|---|---|---|---|---|"]
    for each in actions:
        state = "overdue" if each.id in overdue else each.state
        rows.append(f"| {_cell(each.title)} | {_cell(each.owner)} | {each.due} | {state} | {_cell(each.result)} |")
    return rows


def _cause(incident: Incident) -> list[str]:
    if incident.category is None:
        return ["Not known yet."]
    return [f"{incident.category}: {_line(incident.cause)}"]


def _who(actor: str | None) -> str:
    return (actor or "").removeprefix("user:")


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _span(start: datetime, end: datetime) -> str:
    minutes = int((end - start).total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _line(text: str) -> str:
    """On one line and without HTML, so that it stays what it is in Markdown."""
    return " ".join(text.split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _line(text).replace("\\", "\\\\").replace("|", "\\|")
