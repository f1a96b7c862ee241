"""Vetoes: an objection of one function, with its ground, what it needs, and conditions that the system checks from its records.

No rank clears a veto: whoever filed it withdraws it, or the function's deputy once it has passed on. Conditions that are met say
that its holder may withdraw it; they never lift it by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from groundcrew.domain.approval import Function
from groundcrew.domain.evidence import EvidenceKind
from groundcrew.domain.use_case import Stage

#: `filed` and `active` are one transaction, two entries of the audit log: a veto holds from the moment at which it is filed.
VetoState = Literal["filed", "active", "withdrawn", "satisfied"]
Need = Literal["delay", "resources", "funding", "remediation", "redesign"]
NEEDS: tuple[Need, ...] = get_args(Need)
#: Needs that name what was asked of the resource ledger.
RESOURCE_NEEDS: frozenset[Need] = frozenset({"resources", "funding"})
ConditionStatus = Literal["met", "not_met", "unknown"]
BoundSide = Literal["at_least", "at_most"]
#: Why a veto is its deputy's as well.
PassedWhy = Literal["disabled", "left_function", "absent", "unreviewed"]
EventKind = Literal[
    "filed",
    "condition_met",
    "condition_lost",
    "conditions_met",
    "reviewed",
    "passed",
    "returned",
    "review_moved",
    "note",
    "withdrawn",
    "satisfied",
]

REVIEW_DAYS_DEFAULT, REVIEW_DAYS_MAX = 14, 90
#: Closed meetings with a quorum that a due review may miss before the deputy is asked as well.
MEETINGS_MISSED_MAX = 2
GROUND_LENGTH_MAX, EXPLANATION_LENGTH_MAX = 300, 10_000
#: Fewer words than this say nothing.
WORDS_MIN = 2
CONDITIONS_MAX, REQUESTS_MAX = 10, 10
#: Vetoes that are active on one use case at once.
ACTIVE_MAX = 100
#: Notes of one veto; what it goes through by itself is told however long it is.
NOTES_MAX = 500


class ResourceAllocated(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="resource_allocated"
):
    """A resource was given: what one request asked for, whole or at least `amount_min` of it over its periods; or, without a
    request, at least `amount_min` in all to the use case, of one `resource` or of whatever has this `measure`."""

    request: str = ""
    resource: str = ""
    measure: str = ""
    amount_min: float | None = None


class EvidenceValid(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="evidence_valid"
):
    """Evidence of this kind (and subject, where named) is valid for the current version, and not by who built it."""

    evidence: EvidenceKind
    subject: str = ""


class CriterionPasses(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="criterion_passes"
):
    """The criterion `key` of the gate into `stage` passes under the policy in force."""

    stage: Stage
    key: str


class ActionDone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="action_done"):
    """An action of a meeting or of an incident is done."""

    action: str


class IncidentClosed(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="incident_closed"
):
    """An incident is closed with its cause."""

    incident: str


class VersionChanged(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="version_changed"
):
    """The version is another one than that which was objected to."""


class DateReached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="date_reached"):
    """A moment has come."""

    at: datetime


class MetricBound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="metric_bound"):
    """The interval of a metric of the current version lies wholly on the good side of `value`: its lower bound is at least, or
    its upper bound at most that, in the metric's unit."""

    metric: str
    side: BoundSide
    value: float


class ApprovalGiven(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="approval_given"
):
    """A function approves the current version at the gate into `stage`."""

    function: Function
    stage: Stage


LiftCondition = (
    ResourceAllocated
    | EvidenceValid
    | CriterionPasses
    | ActionDone
    | IncidentClosed
    | VersionChanged
    | DateReached
    | MetricBound
    | ApprovalGiven
)


class ConditionCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How a condition stood when it was looked at; `figure` says from what. What can not be told is unknown, which is not met."""

    status: ConditionStatus
    figure: str
    checked_at: datetime


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """That a veto is its function's deputy's as well, since when and why."""

    at: datetime
    why: PassedWhy


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """One veto. `stage` is the gate that it speaks about, None: all of them; `version_digest` is what its filer saw.

    `filed_by` is an account (``user:NAME``); `authority` names the right that they filed it by where they do not hold the
    function as a role. `checks` stand in the order of `conditions`, as they were last found to have changed.
    """

    id: str
    use_case: str
    function: Function
    stage: Stage | None
    version_digest: str
    ground: str
    explanation: str
    need: Need
    conditions: tuple[LiftCondition, ...]
    filed_by: str
    filed_at: datetime
    review_at: datetime
    authority: str | None = None
    #: Requests to the resource ledger, where the need is resources or funding.
    requests: tuple[str, ...] = ()
    #: Whether calls stop as well, and why they must.
    stops_calls: bool = False
    stop_reason: str = ""
    state: VetoState = "filed"
    checks: tuple[ConditionCheck, ...] = ()
    reviewed_at: datetime | None = None
    passed: Passing | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_reason: str = ""

    @property
    def active(self) -> bool:
        """Whether it holds the use case."""
        return self.state in ("filed", "active")

    @property
    def conditions_met(self) -> bool:
        """Whether every condition was met when they were last looked at."""
        return all_met(self.checks, len(self.conditions))

    def speaks_at(self, stage: Stage | None) -> bool:
        """Whether it objects to the gate into `stage`."""
        return self.active and (self.stage is None or stage is None or self.stage == stage)

    def due(self, now: datetime) -> bool:
        """Whether somebody is to look at it again."""
        return self.active and now >= self.review_at


class VetoEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a veto's history: appended, never edited. `reference` is what it points at, as ``KIND/ID``."""

    id: str
    veto: str
    at: datetime
    by: str
    kind: EventKind
    text: str = ""
    reference: str = ""


def all_met(checks: Sequence[ConditionCheck], conditions: int) -> bool:
    """Whether each of so many conditions was checked and met. None at all are never met."""
    return conditions > 0 and len(checks) == conditions and all(each.status == "met" for each in checks)


def says_something(text: str) -> bool:
    """Whether a text has words enough to be a reason: letters or digits in at least WORDS_MIN of them."""
    return sum(any(each.isalnum() for each in word) for word in text.split()) >= WORDS_MIN


def review_problem(review_at: datetime, now: datetime) -> str:
    """Why a veto filed at `now` can not be looked at again at `review_at`, "" where it can."""
    if review_at <= now:
        return "a review lies ahead"
    if review_at > now + timedelta(days=REVIEW_DAYS_MAX):
        return f"a veto is reviewed within {REVIEW_DAYS_MAX} days"
    return ""


def describe(condition: LiftCondition) -> str:
    """A condition in words."""
    match condition:
        case ResourceAllocated(request=request) if request:
            least = f" at least {condition.amount_min:g}" if condition.amount_min is not None else ""
            return f"resource request {request} is allocated{least}"
        case ResourceAllocated():
            return f"at least {condition.amount_min or 0:g} of {condition.resource or condition.measure} is allocated to it"
        case EvidenceValid():
            return f"valid evidence: {condition.evidence.replace('_', ' ')}" + (
                f" of {condition.subject.replace('_', ' ')}" if condition.subject else ""
            )
        case CriterionPasses():
            return (
                f"the criterion “{condition.key.replace('_', ' ')}” of the gate into {condition.stage.replace('_', ' ')} passes"
            )
        case ActionDone():
            return f"action {condition.action} is done"
        case IncidentClosed():
            return f"incident {condition.incident} is closed"
        case VersionChanged():
            return "the version is another one than that objected to"
        case DateReached():
            return f"{condition.at:%Y-%m-%d} has come"
        case MetricBound():
            bound = "lower bound of {0} ≥ {1:g}" if condition.side == "at_least" else "upper bound of {0} ≤ {1:g}"
            return bound.format(condition.metric, condition.value)
        case ApprovalGiven():
            return f"{condition.function} approves the gate into {condition.stage.replace('_', ' ')}"
