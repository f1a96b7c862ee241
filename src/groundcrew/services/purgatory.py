"""Pilots in purgatory: every use case that lives and is not in production, what it waits for and of whom, and what it has cost.

A use case is *stuck since* the last moment at which its next gate came closer: the newest kept evaluation that met more criteria
than all before it in this stage, else the entry into the stage. What is not known is said to be unknown, never taken as nothing.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Literal

import msgspec

from groundcrew.domain.gate import Criterion, CriterionResult, GateEvaluation
from groundcrew.domain.overlap import OverlapFinding
from groundcrew.domain.stage import next_stage
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.services.gates import evaluate_in
from groundcrew.services.incident_standing import open_incidents
from groundcrew.services.overlap_standing import OverlapStanding, overlaps_of
from groundcrew.services.views import stage_since_of
from groundcrew.store import catalog
from groundcrew.store import purgatory as stored
from groundcrew.store.database import Connection, Database

VIEWER = "system:purgatory"
#: Before production: what stands here costs money and serves few.
WAITING_STAGES: tuple[Stage, ...] = ("discovery", "pilot", "production_readiness")
DAY_S, DAYS_PER_MONTH = 86_400.0, 365.25 / 12
EVALUATIONS_MAX = 500
#: Use cases that one page or file holds.
ROWS_MAX = 2_000

Who = Literal["owner", "function", "data", "money", "vendor"]
WHO: tuple[Who, ...] = ("owner", "function", "data", "money", "vendor")
#: check → who must act before it can pass; whatever is not here is the owner's.
WHO_OF: dict[str, Who] = {
    "approvals": "function",
    "attestation": "function",
    "risk_tier": "function",
    "data_route": "vendor",
    "grounding": "data",
    "grounded": "data",
    "baseline": "data",
    "planned_n": "data",
    "verdict": "data",
    "sample_ratio": "data",
    "guardrails": "data",
    "rating": "data",
    "critical_harm": "data",
    "evidence_grade": "data",
    "realised_effect": "data",
    "automation_rate": "data",
    "drift_reference": "data",
    "return_on_investment": "money",
    "token_budget": "money",
}


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion that is not met, and who must act."""

    who: Who
    key: str
    title: str
    status: str
    missing: str
    link: str = ""


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One use case before production. None is unknown throughout."""

    use_case: str
    title: str
    owner: str
    business_unit: str
    stage: Stage
    next_stage: Stage
    stage_since: datetime | None
    age_days: float | None
    stuck_since: datetime | None
    stuck_days: float | None
    #: How many criteria its next gate has, and those that are not met, by who must act.
    criteria: int
    waits: tuple[Wait, ...]
    vetoes: int
    incidents: int
    overlaps: int
    #: What recorded calls of known cost have cost, and how many have an unknown one.
    spent_usd: float
    unknown_calls: int
    #: The declared fixed cost a month over the time since it was registered; None where none is declared.
    fixed_usd: float | None
    #: People whom applications named; None where calls came and named nobody.
    people: int | None
    last_call: date | None

    @property
    def known_usd(self) -> float:
        """What is known of its cost: at least so much."""
        return self.spent_usd + (self.fixed_usd or 0.0)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What its cost leaves out."""
        found = [f"{self.unknown_calls} calls of unknown cost"] if self.unknown_calls else []
        return (*found, *(("no fixed cost is declared",) if self.fixed_usd is None else ()))

    @property
    def weight(self) -> float:
        """Age × known cost, in USD days: what is sorted by."""
        return (self.age_days or 0.0) * self.known_usd


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """All that wait, the dearest and oldest first. The total is what is known: at least so much lies here."""

    at: datetime
    rows: tuple[WaitingRow, ...]
    known_usd: float
    #: Rows whose cost leaves something out.
    unknown_rows: int
    #: How many rows wait for each.
    waiting_for: dict[str, int]


class Purgatory:
    """The portfolio of use cases that live and are not in production of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def portfolio(self) -> Portfolio:
        """Every use case in discovery, pilot or production readiness; its next gate is judged now, its experiment as it was last
        looked at."""
        now = self._database.clock.now()
        async with self._database.read() as connection:
            spent, people = await stored.spent(connection), await stored.people(connection)
            days = await stored.last_days(connection)
            incidents = await open_incidents(connection)
            rows = []
            for use_case in await catalog.USE_CASES.find(connection, limit=ROWS_MAX):
                following = next_stage(use_case.stage)
                if use_case.stage not in WAITING_STAGES or following is None:
                    continue
                name = use_case.name
                money = spent.get(name, stored.Spent(0.0, 0))
                last = date.fromisoformat(days[name]) if name in days else None
                rows.append(
                    await _row(
                        connection,
                        use_case,
                        following,
                        now,
                        money=money,
                        last_call=last,
                        people=people.get(name, None if last is not None else 0),
                        incidents=sum(name in each.use_cases for each in incidents),
                    )
                )
        rows.sort(key=lambda each: (-each.weight, -(each.age_days or 0.0), each.use_case))
        return Portfolio(
            at=now,
            rows=tuple(rows),
            known_usd=sum(each.known_usd for each in rows),
            unknown_rows=sum(bool(each.unknown) for each in rows),
            waiting_for={who: sum(any(wait.who == who for wait in each.waits) for each in rows) for who in WHO},
        )


async def _row(
    connection: Connection,
    use_case: UseCase,
    following: Stage,
    now: datetime,
    *,
    money: stored.Spent,
    last_call: date | None,
    people: int | None,
    incidents: int,
) -> WaitingRow:
    evaluation = await evaluate_in(connection, use_case, following, now=now, actor=VIEWER, recompute=False)
    standing = await overlaps_of(connection, use_case, now.date())
    since = await stage_since_of(connection, use_case.name)
    stuck = await _stuck_since(connection, use_case.name, following, since)
    checks = {each.key: each.check for each in await _criteria(connection, evaluation)}
    waits = [_wait(each, checks.get(each.key, ""), standing) for each in evaluation.results if each.status != "pass"]
    return WaitingRow(
        use_case=use_case.name,
        title=use_case.title,
        owner=use_case.owner,
        business_unit=use_case.business_unit,
        stage=use_case.stage,
        next_stage=following,
        stage_since=since,
        age_days=_days(since, now),
        stuck_since=stuck,
        stuck_days=_days(stuck, now),
        criteria=len(evaluation.results),
        waits=tuple(sorted(waits, key=lambda each: WHO.index(each.who))),
        vetoes=sum(each.kind == "veto" for each in use_case.holds),
        incidents=incidents,
        overlaps=len(standing.open),
        spent_usd=money.usd,
        unknown_calls=money.unknown_calls,
        fixed_usd=await _fixed_usd(connection, use_case, now),
        people=people,
        last_call=last_call,
    )


async def _criteria(connection: Connection, evaluation: GateEvaluation) -> tuple[Criterion, ...]:
    policy = await catalog.GATE_POLICIES.get(connection, f"{evaluation.stage}@{evaluation.policy_version:06d}")
    return policy.criteria if policy is not None else ()


def _wait(result: CriterionResult, check: str, standing: OverlapStanding) -> Wait:
    who = WHO_OF.get(check, "owner")
    if check == "overlaps":
        of_vendors = [*standing.adopts, *(each for each in standing.open if _of_vendor(each))]
        who = "vendor" if of_vendors else "owner" if standing.joins and not standing.open else "function"
    return Wait(who=who, key=result.key, title=result.title, status=result.status, missing=result.missing, link=result.link)


def _of_vendor(finding: OverlapFinding) -> bool:
    return finding.kind == "capability"


async def _stuck_since(connection: Connection, name: str, stage: Stage, since: datetime | None) -> datetime | None:
    kept = await catalog.GATE_EVALUATIONS.find(connection, use_case=name, stage=stage, newest_first=True, limit=EVALUATIONS_MAX)
    best, moved = -1, since
    for each in sorted(kept, key=lambda one: one.id):
        if since is not None and each.evaluated_at < since:
            continue
        met = sum(result.status == "pass" for result in each.results)
        if met > best:
            # The first evaluation of a stage says where it began, not that it moved.
            moved = each.evaluated_at if best >= 0 else moved
            best = met
    return moved


async def _fixed_usd(connection: Connection, use_case: UseCase, now: datetime) -> float | None:
    if use_case.economics is None:
        return None
    first = await stored.registered_at(connection, use_case.name)
    months = (_days(first, now) or 0.0) / DAYS_PER_MONTH
    return use_case.economics.fixed_usd_per_month * months


def _days(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds() / DAY_S)


COLUMNS = (
    *("use_case", "title", "owner", "business_unit", "stage", "age_days", "stuck_days", "known_usd", "spent_usd", "fixed_usd"),
    *("unknown", "people", "last_call", "vetoes", "incidents", "overlaps", "criteria", *(f"waits_for_{who}" for who in WHO)),
)


def as_csv(portfolio: Portfolio) -> str:
    """The portfolio as CSV, a line for each use case; empty cells are unknown."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in portfolio.rows:
        waits = {who: "; ".join(wait.title for wait in each.waits if wait.who == who) for who in WHO}
        values: dict[str, object] = {
            **{name: getattr(each, name) for name in COLUMNS if hasattr(each, name)},
            **{f"waits_for_{who}": text for who, text in waits.items()},
            "unknown": "; ".join(each.unknown),
        }
        writer.writerow([_cell(values[name]) for name in COLUMNS])
    return file.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
