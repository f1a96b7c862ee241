"""Incidents: what went wrong, how bad it is, what was done when and by whom, until it is closed with a cause."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.alert import Severity

IncidentState = Literal["open", "mitigated", "closed"]
#: Where incidents come from: a person, an alert rule, a rating that says harm, a kill switch that did not stop.
Origin = Literal["person", "alert", "critical_harm", "stop_failed"]
CauseCategory = Literal[
    "model", "prompt", "knowledge", "data", "guard", "provider", "infrastructure", "process", "human", "misuse", "other"
]
CAUSES: tuple[CauseCategory, ...] = get_args(CauseCategory)
EventKind = Literal[
    "opened",
    "note",
    "decision",
    "linked",
    "use_case_added",
    "severity",
    "severity_asked",
    "mitigated",
    "close_asked",
    "close_refused",
    "closed",
    "action",
    "action_done",
]
ActionState = Literal["open", "done"]

#: From this severity on closing takes a second person, who reviews it.
REVIEWED_SEVERITY: Severity = 2
#: The severity at which the use case stops answering.
STOPPING_SEVERITY: Severity = 1
TITLE_LENGTH_MAX, TEXT_LENGTH_MAX = 200, 4_000
USE_CASES_MAX, EVENTS_MAX, ACTIONS_MAX = 100, 2_000, 200
#: Harmful ratings that one incident tells of, one event each; further ones are ratings like any others.
HARM_EVENTS_MAX = 100
#: What a timeline can point at.
LINK_KINDS = ("call", "alert", "kill-switch", "sign-off", "gate-evaluation", "rating", "drift-alarm", "incident", "job")


class CloseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody wants the incident closed, and with which cause; somebody else reviews it."""

    by: str
    at: datetime
    category: CauseCategory
    cause: str


class LowerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody wants a severity 1 lowered; it takes a second person."""

    by: str
    at: datetime
    to: Severity
    reason: str


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident. `worst` is the highest severity that it ever had (1 is the highest), which decides whether closing it is
    reviewed; `origin_key` names what it was opened for, so that it is opened once."""

    id: str
    title: str
    severity: Severity
    worst: Severity
    use_cases: tuple[str, ...]
    opened_at: datetime
    opened_by: str
    state: IncidentState = "open"
    origin: Origin = "person"
    origin_key: str = ""
    mitigated_at: datetime | None = None
    closing: CloseRequest | None = None
    lowering: LowerRequest | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    reviewed_by: str | None = None
    category: CauseCategory | None = None
    cause: str = ""

    @property
    def stops(self) -> bool:
        """Whether its use cases may not answer now."""
        return self.state != "closed" and self.severity == STOPPING_SEVERITY

    @property
    def needs_review(self) -> bool:
        """Whether closing it takes a second person."""
        return self.worst <= REVIEWED_SEVERITY


class IncidentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a timeline: appended, never edited. `reference` is what it points at, as ``KIND/ID``."""

    id: str
    incident: str
    at: datetime
    by: str
    kind: EventKind
    text: str = ""
    reference: str = ""


class IncidentAction(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do because of an incident: one owner, one due date. It may outlive the incident."""

    id: str
    incident: str
    title: str
    owner: str
    due: date
    created_at: datetime
    created_by: str
    state: ActionState = "open"
    done_at: datetime | None = None
    done_by: str | None = None
    result: str = ""

    def overdue(self, today: date) -> bool:
        """Whether its day is past and it is not done."""
        return self.state == "open" and today > self.due
