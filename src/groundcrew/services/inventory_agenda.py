"""Found AI whose deadline has passed as points of the agenda."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.inventory import WHY, at_least
from groundcrew.store import deciding
from groundcrew.store.database import Connection

#: A finding that is this bad and that nobody took comes to the Stream after as many days.
UNASSIGNED_DAYS = 14
#: Points that one agenda names one by one; further findings are counted in one more.
NAMED_MAX = 20


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`: findings past their deadline, and bad ones that nobody took for two weeks."""
    today = now.date()
    late = [each for each in await deciding.INVENTORY_FINDINGS.find(connection, state="assigned") if each.overdue(today)]
    entries = [
        AgendaEntry(
            key=f"finding/{each.id}",
            kind="finding",
            title=f"Ungoverned AI: {each.found.service} at {each.found.place or each.found.fragment}",
            subject=f"inventory-finding/{each.id}",
            why=f"{WHY[each.found.kind]} {each.owner} should have settled it by {each.deadline}.",
            since=datetime.combine(each.deadline or today, time(), tzinfo=UTC),
            due=datetime.combine(each.deadline or today, time(), tzinfo=UTC),
            link=f"/inventory/{each.id}",
        )
        for each in sorted(late, key=lambda each: (each.deadline or today, each.id))[:NAMED_MAX]
    ]
    left = len(late) - len(entries)
    if left > 0:
        entries.append(_more("finding/overdue", f"{left} more findings of ungoverned AI are overdue", now))
    before = now - timedelta(days=UNASSIGNED_DAYS)
    nobodys = [
        each
        for each in await deciding.INVENTORY_FINDINGS.find(connection, state="open")
        if at_least(each.found.severity, "high") and each.first_found_at <= before
    ]
    if nobodys:
        number = "a finding has" if len(nobodys) == 1 else f"{len(nobodys)} findings have"
        title = f"Ungoverned AI: {number} no owner for more than {UNASSIGNED_DAYS} days"
        entries.append(_more("finding/unassigned", title, min(each.first_found_at for each in nobodys)))
    return entries


def _more(key: str, title: str, since: datetime) -> AgendaEntry:
    return AgendaEntry(
        key=key,
        kind="finding",
        title=title,
        subject="inventory-finding",
        why="What nobody takes care of stays ungoverned: give each an owner and a deadline.",
        since=since,
        link="/inventory",
    )
