"""What every change of a veto is made of: the row, its line in the history, the holds that follow, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import Hold, HoldKind
from groundcrew.domain.veto import EventKind, Veto, VetoEvent
from groundcrew.services.lookups import person_of
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Writer

HOLD_KIND: HoldKind = "veto"


async def active_vetoes(connection: Connection, use_case: str | None = None) -> list[Veto]:
    """Vetoes that hold a use case (all of them where none is named), oldest first."""
    equal: dict[str, Any] = {"use_case": use_case} if use_case is not None else {}
    found = [
        *await deciding.VETOES.find(connection, state="active", **equal),
        *await deciding.VETOES.find(connection, state="filed", **equal),
    ]
    return sorted(found, key=lambda each: each.id)


async def append(writer: Writer, veto: str, kind: EventKind, text: str = "", reference: str = "") -> VetoEvent:
    """Append a line to a veto's history."""
    event = VetoEvent(id=new_id(), veto=veto, at=writer.clock.now(), by=writer.actor, kind=kind, text=text, reference=reference)
    await deciding.VETO_EVENTS.put(writer, event, "append")
    return event


async def put(writer: Writer, veto: Veto, action: str, *, reason: str = "") -> None:
    """Store a changed veto and let the holds of its use case follow."""
    details = {"use_case": veto.use_case, "function": veto.function, "stage": veto.stage}
    await deciding.VETOES.put(writer, veto, action, reason=reason, details=details)
    await sync_holds(writer, (veto.use_case,))


async def sync_holds(writer: Writer, names: Iterable[str]) -> None:
    """Hold exactly those of the use cases `names` that have an active veto, one hold for each veto.

    Part of every change of a veto, so that no hold outlives its veto, and none is missing.
    """
    for name in dict.fromkeys(names):
        use_case = await catalog.USE_CASES.get(writer.connection, name)
        if use_case is None:
            continue
        active = await active_vetoes(writer.connection, name)
        kept = tuple(each for each in use_case.holds if each.kind != HOLD_KIND)
        wanted = (*kept, *(hold_of(each) for each in active))
        if wanted == use_case.holds:
            continue
        before = sum(each.kind == HOLD_KIND for each in use_case.holds)
        more = len(active) >= before
        reason = "; ".join(each.reason for each in wanted if each.kind == HOLD_KIND) or "its last veto is over"
        changed = msgspec.structs.replace(use_case, holds=wanted)
        await catalog.USE_CASES.put(writer, changed, "hold" if more else "lift_hold", reason=reason)
        await writer.touch_snapshot()


async def crooked(connection: Connection) -> tuple[str, ...]:
    """Use cases whose holds are not those of their active vetoes."""
    held: dict[str, list[Hold]] = {}
    for each in await active_vetoes(connection):
        held.setdefault(each.use_case, []).append(hold_of(each))
    return tuple(
        each.name
        for each in await catalog.USE_CASES.find(connection)
        if [hold for hold in each.holds if hold.kind == HOLD_KIND] != held.get(each.name, [])
    )


def hold_of(veto: Veto) -> Hold:
    """What a use case bears of a veto."""
    gate = f"the gate into {veto.stage.replace('_', ' ')}" if veto.stage is not None else "every gate"
    why = f"; calls stop: {veto.stop_reason}" if veto.stops_calls else ""
    function = "IT" if veto.function == "it" else veto.function
    return Hold(
        kind=HOLD_KIND,
        reason=f"{function} ({person_of(veto.filed_by)}) vetoes {gate}: {veto.ground}{why} – veto {veto.id}",
        since=veto.filed_at,
        stops_calls=veto.stops_calls,
    )
