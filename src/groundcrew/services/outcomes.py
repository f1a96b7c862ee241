"""Outcomes: checked at the edge, bound to the version that they are of, and recorded so that sending again changes nothing.

Of several values of one metric and case the one that its sender knew last counts. What is already known to be out of date, and
what says nothing new, is not recorded, so that the newest row is always the one that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from groundcrew.domain.feedback import Outcome
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.moments import in_utc
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.masking import check_identifiers
from groundcrew.services.outcome_binding import Binding, bind
from groundcrew.store.database import Database, Writer
from groundcrew.store.feedback import (
    OutcomeKey,
    OutcomeRow,
    current_outcomes,
    insert_outcomes,
    latest_values,
    outcome_rows,
)

OUTCOMES_PER_REQUEST_MAX = 10_000
NAME_LENGTH_MAX = 200
#: How far another system's clock may run ahead of ours.
CLOCK_SKEW_S_MAX = 300.0
#: What an outcome says besides its times and where it came to lie: where all of it is the same, nothing new was said.
_said = attrgetter("value", "unit", "unit_id", "arm", "cluster", "call_id")
#: Rows whose documents are made without leaving the loop.
ROWS_IN_LOOP_MAX = 200


class NewOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outcome as sent in: the newest value of one metric and case counts, the same value again changes nothing.

    `at` is when it happened; left out it is now, or stays what it was where an earlier value is corrected. `as_of` is when the
    sender knew the value; given, deliveries that come twice or out of order end at the same value.
    """

    metric: str
    value: float
    case_id: str
    unit: str = ""
    unit_id: str | None = None
    arm: str | None = None
    cluster: str | None = None
    call_id: str | None = None
    at: datetime | None = None
    as_of: datetime | None = None
    sample: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a bulk import: new or corrected, there already, or older than what is known."""

    recorded: int
    unchanged: int
    outdated: int = 0


class Outcomes:
    """The outcomes of all use cases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, use_case: str, rows: Sequence[NewOutcome], *, actor: str) -> Imported:
        """Record outcomes in one transaction: all of them or none. InputError names the row and field that is wrong."""
        if len(rows) > OUTCOMES_PER_REQUEST_MAX:
            raise InputError(f"{len(rows)} outcomes at once: send at most {OUTCOMES_PER_REQUEST_MAX}", field="outcomes")
        now = self._database.clock.now()
        for position, row in enumerate(rows):
            check_outcome(row, position, now)
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            return await record(writer, item, rows)

    async def current(self, use_case: str) -> list[Outcome]:
        """The outcome that counts of each metric and case."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await current_outcomes(connection, use_case)


async def record(
    writer: Writer, use_case: UseCase, rows: Sequence[NewOutcome], *, details: Mapping[str, Any] | None = None
) -> Imported:
    """Record rows that were checked, under one audit entry with `details`."""
    now = writer.clock.now()
    latest = _latest_of_batch(rows, now)
    known = await latest_values(writer.connection, use_case.name, latest)
    fresh: list[NewOutcome] = []
    outdated = len(rows) - len(latest)
    for key, row in latest.items():
        old = known.get(key)
        if old is not None and _is_outdated(row, old):
            outdated += 1
        elif old is None or not _same(row, old):
            fresh.append(row)
    if fresh:
        binding = await bind(writer.connection, use_case.name, await current_digest(writer.connection, use_case), fresh)

        def make() -> list[OutcomeRow]:
            return outcome_rows(_outcome(use_case.name, row, known.get(_key(row)), binding, now) for row in fresh)

        made = make() if len(fresh) <= ROWS_IN_LOOP_MAX else await asyncio.to_thread(make)
        await insert_outcomes(writer, use_case.name, made, details=dict(details or {}))
    return Imported(recorded=len(fresh), unchanged=len(rows) - len(fresh) - outdated, outdated=outdated)


def _key(row: NewOutcome) -> OutcomeKey:
    return row.metric, row.case_id, row.sample


def _latest_of_batch(rows: Sequence[NewOutcome], now: datetime) -> dict[OutcomeKey, NewOutcome]:
    """Of the rows of each key the one that counts: the latest `as_of`, and of equal ones the last."""
    latest: dict[OutcomeKey, NewOutcome] = {}
    for row in rows:
        key = row.metric, row.case_id, row.sample
        before = latest.get(key)
        if before is None or (row.as_of or now) >= (before.as_of or now):
            latest[key] = row
    return latest


def _is_outdated(row: NewOutcome, known: Outcome) -> bool:
    """Whether the sender knew this value before the one that is recorded."""
    return row.as_of is not None and known.as_of is not None and row.as_of < known.as_of


def _same(row: NewOutcome, known: Outcome) -> bool:
    """Whether `row` says nothing that is not recorded. A value confirmed at a later `as_of` does: what was known in between
    is out of date."""
    if row.as_of is not None and row.as_of != known.as_of:
        return False
    return (row.at is None or row.at == known.at) and bool(_said(row) == _said(known))


def _outcome(use_case: str, row: NewOutcome, known: Outcome | None, binding: Binding, now: datetime) -> Outcome:
    """The outcome as it is recorded. A correction that does not say when it happened keeps the time and the version of what it
    corrects: what was seen before a registration must not move behind it."""
    corrected = known if row.at is None else None
    at = row.at.astimezone(UTC) if row.at is not None else corrected.at if corrected is not None else now
    if corrected is not None and row.call_id in (None, corrected.call_id):
        version = corrected.version_digest
    else:
        version = binding.version(row.call_id, row.case_id, at) if not row.sample else binding.current
    return Outcome(
        id=new_id(),
        use_case=use_case,
        metric=row.metric,
        value=row.value,
        case_id=row.case_id,
        at=at,
        version_digest=version,
        unit=row.unit,
        unit_id=row.unit_id,
        arm=row.arm,
        cluster=row.cluster,
        call_id=row.call_id,
        sample=row.sample,
        # A clock that runs ahead must not keep a correction that comes without a time from counting.
        as_of=now if row.as_of is None else min(row.as_of.astimezone(UTC), now),
    )


def check_outcome(row: NewOutcome, position: int, now: datetime) -> None:
    """InputError, which names the row by its position and the field, unless `row` can be recorded."""
    try:
        if not row.metric.strip():
            raise InputError("name the metric", field="metric")
        if row.value != row.value or row.value in (float("inf"), float("-inf")):
            raise InputError("a value is a finite number", field="value")
        if not row.case_id.strip():
            raise InputError("name the business case", field="case_id")
        names = {name: getattr(row, name) for name in ("metric", "case_id", "unit", "unit_id", "arm", "cluster", "call_id")}
        check_names(**names)
        check_identifiers(**names)
        for field in ("at", "as_of"):
            check_time(getattr(row, field), None if row.sample else now, field)
    except InputError as error:
        raise InputError(error.message, field=f"[{position}].{error.field}") from None


def check_names(**names: str | None) -> None:
    """InputError for a name that is too long or holds NUL."""
    for field, name in names.items():
        if name is not None and (len(name) > NAME_LENGTH_MAX or "\x00" in name):
            raise InputError(f"at most {NAME_LENGTH_MAX} characters, none of them NUL", field=field)


def check_time(moment: datetime | None, now: datetime | None, field: str = "at") -> None:
    """A time dated ahead would pass for one after a registration that is still to come."""
    if moment is not None and moment.tzinfo is None:
        raise InputError("a time needs its offset, such as 2027-01-31T08:00:00Z", field=field)
    if moment is not None:
        in_utc(moment, field)
    if moment is not None and now is not None and moment > now + timedelta(seconds=CLOCK_SKEW_S_MAX):
        raise InputError(f"{moment.isoformat()} lies in the future", field=field)
