"""Open overlaps as points of the agenda, and roadmap items of which somebody must say whether they shipped."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.services.overlap_standing import capabilities_of, ships_on
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`: every overlap that is open by then, the oldest first."""
    today = now.date()
    found = [
        *await deciding.OVERLAPS.find(connection, state="open"),
        *await deciding.OVERLAPS.find(connection, state="justified_build"),
    ]
    known = await capabilities_of(connection, found)
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES}
    entries = []
    for each in found:
        capability = known.get(each.other) if each.kind == "capability" else None
        names = [name for name in each.names if name in use_cases]
        if each.state_on(today, ships_on(capability)) != "open" or not names:
            continue
        other = capability.title if capability is not None else each.other
        why = f"{each.use_case} and {other} are said to do the same work; neither becomes a pilot before somebody decides"
        if each.kind == "capability":
            why = f"{other} is said to do what {each.use_case} is for; it becomes no pilot before somebody decides"
        if each.reopened:
            why += f". Open again: {each.reopened}"
        if each.unfound:
            why += f"; {each.unfound_words}"
        entries.append(
            AgendaEntry(
                key=f"overlap/{each.id}",
                kind="overlap",
                title=f"{each.use_case} and {other}",
                subject=deciding.OVERLAPS.subject(each.id),
                why=why,
                since=each.since,
                link=f"/overlaps#overlap-{each.id}",
                use_case=names[0],
                blocks=sum(use_cases[name].stage == "discovery" for name in names),
                functions=("business",),
            )
        )
    return sorted(entries, key=lambda entry: (entry.since, entry.key))
