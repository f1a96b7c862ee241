"""Champions that are missing, as points of the agenda: a unit that has none, a use case that nobody carries, one who carries
too much."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.services.champions import Coverage, UnitNow, coverage_of
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection

#: Points about champions on one agenda; the rest is on the page of champions.
ENTRIES_MAX = 200


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`."""
    coverage = await coverage_of(connection)
    found: list[AgendaEntry] = []
    for unit in coverage.units:
        found += _of_unit(unit, now)
    found += _overloaded(coverage, now)
    return found[:ENTRIES_MAX]


def _of_unit(unit: UnitNow, now: datetime) -> list[AgendaEntry]:
    if unit.use_cases and not unit.covered:
        count = len(unit.use_cases)
        return [
            AgendaEntry(
                key=f"champion/unit/{unit.business_unit}",
                kind="champion",
                title=f"{unit.business_unit} has no champion",
                subject=f"business-unit/{unit.business_unit}",
                why=f"It has {count} live use case{'s' if count != 1 else ''} and nobody who carries them; none passes its gate "
                "into pilot.",
                since=now,
                link="/champions",
                blocks=count,
                functions=("business",),
            )
        ]
    return [
        AgendaEntry(
            key=f"champion/use-case/{name}",
            kind="champion",
            title=f"{name} has no champion who can carry it",
            subject=catalog.USE_CASES.subject(name),
            why=f"{why[:1].upper()}{why[1:]}; hand it to somebody of {unit.business_unit}.",
            since=now,
            link="/champions",
            use_case=name,
            blocks=1,
            functions=("business",),
        )
        for name, why in unit.uncarried
    ]


def _overloaded(coverage: Coverage, now: datetime) -> list[AgendaEntry]:
    return [
        AgendaEntry(
            key=f"champion/load/{each.standing.name.casefold()}",
            kind="champion",
            title=f"{each.standing.name} carries {len(each.use_cases)} use cases",
            subject=deciding.CHAMPIONS.subject(each.standing.name.casefold()),
            why=f"One person carries at most {coverage.load_max}; while it is more, none of them passes its gate into pilot.",
            since=each.champion.appointed_at if each.champion is not None else now,
            link="/champions",
            blocks=len(each.use_cases),
            functions=("business",),
        )
        for each in coverage.champions
        if len(each.use_cases) > coverage.load_max
    ]
