"""The kill switch: anyone on call trips it alone, every gateway must acknowledge, and only two people can reset it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from groundcrew.domain.enforcement_point import EnforcementPoint
from groundcrew.domain.kill_switch import KillSwitch, KillSwitchState, Scope
from groundcrew.domain.local_stop import LocalStop
from groundcrew.errors import Conflict, NotFound
from groundcrew.services.evidence import record
from groundcrew.services.lookups import person_of, require_reason
from groundcrew.services.propagation import is_gone, propagate, running_gateways
from groundcrew.services.stop_scopes import check_scope, covered
from groundcrew.services.two_people import check_person
from groundcrew.store import catalog, operations
from groundcrew.store.database import Database, Writer

CONFIRM_DEADLINE_S = 5.0
DRILL_VALID_S = 90 * 86_400
#: Past its deadline by so much, a trip that nobody settled is settled by whoever looks: the process that tripped it has died.
ABANDONED_S = 2.0
#: Stops on gateways' own hosts that one switch remembers, the newest.
LOCAL_STOPS_KEPT_MAX = 100
#: A gateway that was heard of within this time, and whose process is not known to have ended, can not be forgotten.
FORGET_AFTER_S = 30.0
#: Who confirms a stop that had failed, once the last gateway enforces it.
KEEPER = "system:stop-keeper"
#: What a drill's seconds are, in the words of its evidence.
MEASURED = (
    "from the trip until the last running gateway had acknowledged: each had found that calls in scope would be refused, "
    "and none of them in flight"
)


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a trip achieved: `seconds` from the trip to the last acknowledgement, which `gateways` there were, which of them did
    not acknowledge, and how many calls in flight those that did have cut."""

    switch: KillSwitch
    seconds: float
    gateways: int
    silent: tuple[str, ...] = ()
    cut: int = 0


class KillSwitches:
    """All kill switches."""

    def __init__(self, database: Database, *, confirm_deadline_s: float = CONFIRM_DEADLINE_S) -> None:
        self._database, self._deadline_s = database, confirm_deadline_s

    async def find(self) -> list[KillSwitch]:
        """Every switch that was ever tripped."""
        async with self._database.read() as connection:
            return await catalog.KILL_SWITCHES.find(connection)

    async def points(self) -> list[EnforcementPoint]:
        """Every gateway that may serve, by id: what it enforces, when it was last heard of, how it stood still."""
        async with self._database.read() as connection:
            return await running_gateways(connection)

    async def version(self) -> int:
        """The version of the registry, which every gateway should enforce."""
        return await self._database.version()

    async def stop(self, scope: Scope, *, actor: str, reason: str) -> StopReport:
        """Trip the switch and wait until every running gateway enforces it, or the deadline passes (`stop_failed`)."""
        require_reason(reason)
        return await self._trip(scope, actor=actor, reason=reason, drill=False)

    async def drill(self, scope: Scope, *, actor: str, reason: str = "drill") -> StopReport:
        """Trip, measure, and arm again at once; the measured time becomes evidence of each use case in scope.

        Calls in scope are refused meanwhile. Conflict when the scope is stopped already or no gateway runs.
        """
        async with self._database.read() as connection:
            switch = await catalog.KILL_SWITCHES.get(connection, str(scope))
            if switch is not None and switch.denies:
                raise Conflict(f"{scope} is stopped already: a drill needs it running")
            if not await running_gateways(connection):
                raise Conflict("no gateway is running: start one with `groundcrew up`, then drill")
        report = await self._trip(scope, actor=actor, reason=reason, drill=True)
        async with self._database.write(actor) as writer:
            switch = await catalog.KILL_SWITCHES.get(writer.connection, str(scope))
            if switch != report.switch:
                # Somebody stopped it in earnest meanwhile: a drill's end must not undo that.
                raise Conflict(f"{scope} was stopped during the drill: it stays as it is, and the drill proves nothing")
            armed = KillSwitch(scope=scope, local_stops=report.switch.local_stops)
            await catalog.KILL_SWITCHES.put(writer, armed, "drill_end", reason=reason, details={"seconds": report.seconds})
            await self._restore(writer, scope)
            await writer.touch_snapshot()
            content: dict[str, Any] = {
                "scope": str(scope),
                "state": report.switch.state,
                "seconds": round(report.seconds, 3),
                "gateways": report.gateways,
                "cut_in_flight": report.cut,
                "measured": MEASURED,
            }
            for use_case in await covered(writer.connection, scope):
                await record(
                    writer, use_case, kind="kill_switch_drill", subject=str(scope), content=content, valid_s=DRILL_VALID_S
                )
        await propagate(self._database)
        return report

    async def resume(self, scope: Scope, *, actor: str, reason: str) -> KillSwitch:
        """Ask for the reset, or confirm what another person asked for. At least one of the two did not trip it.
        The one who confirms has an account (see `two_people`)."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            switch = await catalog.KILL_SWITCHES.get(writer.connection, str(scope))
            if switch is None or not switch.denies:
                raise Conflict(f"{scope} is not stopped")
            unstopped = {"silent": list(switch.silent)} if switch.failed else {}
            if switch.state != "reset_pending":
                await check_person(writer.connection, actor, "resume")
                pending = msgspec.structs.replace(switch, state="reset_pending", reset_requested_by=actor, reset_reason=reason)
                await catalog.KILL_SWITCHES.put(writer, pending, "request_reset", reason=reason, details=unstopped)
                return pending
            if person_of(switch.reset_requested_by or "") == person_of(actor):
                raise Conflict(f"{person_of(actor)} asked for the reset of {scope}: a second person must confirm it")
            await check_person(writer.connection, actor, "resume", second=True)
            armed = KillSwitch(scope=scope, local_stops=switch.local_stops)
            await catalog.KILL_SWITCHES.put(
                writer, armed, "reset", reason=reason, details={"requested_by": switch.reset_requested_by, **unstopped}
            )
            await self._restore(writer, scope)
            await writer.touch_snapshot()
        await propagate(self._database)
        return armed

    async def forget_gateway(self, point_id: str, *, actor: str, reason: str) -> EnforcementPoint:
        """Say that a gateway which is not heard of any more is gone: its process, machine or container has ended. It then counts
        for no stop; one that is heard of again counts again. NotFound; Conflict for one that was heard of just now."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            known = {each.id: each for each in await operations.enforcing(writer.connection)}
            point = known.get(point_id)
            if point is None:
                raise NotFound(f"there is no gateway {point_id}")
            if point.silent_s < FORGET_AFTER_S and not is_gone(point):
                raise Conflict(f"gateway {point} was heard of {point.silent_s:.0f} s ago: end its process instead")
            details = {
                "host": point.host,
                "process_id": point.process_id,
                "silent_s": round(point.silent_s),
                "snapshot_version": point.snapshot_version,
            }
            await operations.forget(writer.connection, point_id)
            await writer.audit("forget", f"gateway/{point_id}", document=None, reason=reason, details=details)
        return point

    async def carry(self, stop: LocalStop, *, cut: int) -> int:
        """Record a stop that was tripped on a gateway's own host while the registry could not be told; the version that has it.

        Its person and time are the ones of then. Done once: a stop that is known changes nothing. The scope may be unknown here:
        nothing is lost by a switch that stops nothing.
        """
        async with self._database.write(stop.by) as writer:
            before = await catalog.KILL_SWITCHES.get(writer.connection, str(stop.scope))
            if before is not None and stop.id in before.local_stops:
                return before.snapshot_version or await writer.version()
            known = before.local_stops if before is not None else ()
            switch = KillSwitch(
                scope=stop.scope,
                state="tripping",
                reason=stop.reason,
                tripped_by=stop.by,
                tripped_at=stop.at,
                cut_calls=cut,
                local_stops=(*known, stop.id)[-LOCAL_STOPS_KEPT_MAX:],
            )
            details = {"host": stop.host, "local_stop": stop.id, "tripped_at": stop.at.isoformat(), "cut_calls": cut}
            return (await self._record_trip(writer, switch, "trip_local", details)).snapshot_version

    async def settle(self) -> list[KillSwitch]:
        """Look at the stops that are not confirmed, also while somebody asks for their reset: the ones that changed.

        One that had failed is confirmed once each gateway that was silent enforces it, has left, has ended, was forgotten, or
        refuses everything by its own word; a gateway that is merely not heard of any more confirms nothing. One that nobody
        settled by its deadline is settled now.
        """
        if not await self._database.glance(operations.DENYING):
            return []
        async with self._database.read() as connection:
            open_ones = [each for each in await operations.denying(connection) if each.confirmed_at is None]
            points = await operations.enforcing(connection) if open_ones else []
        now, changed = self._database.clock.now(), []
        abandoned = timedelta(seconds=self._deadline_s + ABANDONED_S)
        for switch in open_ones:
            if switch.recorded_at is None:
                continue
            settled_once = switch.failed
            if (switch.drill or not settled_once) and now - switch.recorded_at < abandoned:
                continue  # whoever tripped it still looks after it
            behind = [each for each in points if each.snapshot_version < switch.snapshot_version and not is_gone(each)]
            silent = [each for each in behind if not each.refuses]
            if silent and settled_once:
                continue
            late = {each.id: each for each in points if each.snapshot_version >= switch.snapshot_version}
            counted = [late[each] for each in switch.silent_points if each in late] if settled_once else late.values()
            after = msgspec.structs.replace(
                switch,
                state=_settled_as(switch, silent=bool(silent)),
                confirmed_at=None if silent else now,
                silent=tuple(map(str, silent)),
                silent_points=tuple(each.id for each in silent),
                seconds=None if silent else (now - switch.recorded_at).total_seconds(),
                cut_calls=switch.cut_calls + sum(each.cut.get(str(switch.scope), 0) for each in counted),
                gateways=len(late),
            )
            refusing = tuple(str(each) for each in behind if each.refuses)
            if await self._settled(KEEPER, switch, after, refusing):
                changed.append(after)
        return changed

    async def _trip(self, scope: Scope, *, actor: str, reason: str, drill: bool) -> StopReport:
        started = time.monotonic()
        async with self._database.write(actor) as writer:
            await check_scope(writer.connection, scope)
            before = await catalog.KILL_SWITCHES.get(writer.connection, str(scope))
            if drill and before is not None and before.denies:
                # Looked at where nobody can come between: a drill never takes the place of a stop.
                raise Conflict(f"{scope} is stopped already: a drill needs it running")
            cut_before = {each.id: each.cut.get(str(scope), 0) for each in await operations.enforcing(writer.connection)}
            switch = KillSwitch(
                scope=scope,
                state="tripping",
                reason=reason,
                tripped_by=actor,
                tripped_at=self._database.clock.now(),
                drill=drill,
                local_stops=before.local_stops if before is not None else (),
            )
            switch = await self._record_trip(writer, switch, "drill" if drill else "trip")
        reached = await propagate(self._database, deadline_s=self._deadline_s, version=switch.snapshot_version)
        seconds = time.monotonic() - started
        final = msgspec.structs.replace(
            switch,
            state="stop_failed" if reached.silent else "confirmed_stopped",
            confirmed_at=None if reached.silent else self._database.clock.now(),
            silent=reached.silent,
            silent_points=reached.silent_points,
            seconds=round(seconds, 3),
            cut_calls=_cut_since(cut_before, reached.points, scope),
            gateways=reached.gateways,
        )
        # Another stop, or a reset, that came while this one waited has the last word.
        await self._settled(actor, switch, final, reached.refusing)
        return StopReport(switch=final, seconds=seconds, gateways=reached.gateways, silent=reached.silent, cut=final.cut_calls)

    async def _record_trip(
        self, writer: Writer, switch: KillSwitch, action: str, details: dict[str, Any] | None = None
    ) -> KillSwitch:
        """Write `switch` and suspend what it covers; as it is then, with the version that stops it."""
        scope = switch.scope
        await writer.touch_snapshot()
        switch = msgspec.structs.replace(switch, snapshot_version=await writer.version(), recorded_at=self._database.clock.now())
        await catalog.KILL_SWITCHES.put(writer, switch, action, reason=switch.reason, details=details)
        for use_case in await covered(writer.connection, scope):
            if use_case.run_state == "running":
                suspended = msgspec.structs.replace(use_case, run_state="suspended", run_reason=f"kill switch {scope}")
                await catalog.USE_CASES.put(writer, suspended, "suspend", reason=f"kill switch {scope}: {switch.reason}")
        return switch

    async def _settled(self, actor: str, before: KillSwitch, after: KillSwitch, refusing: tuple[str, ...]) -> bool:
        """Write what became of a stop, if it is still as it was `before`; whether it was. `refusing` did not confirm but refuse
        everything by their own word."""
        async with self._database.write(actor) as writer:
            if await catalog.KILL_SWITCHES.get(writer.connection, str(before.scope)) != before:
                return False
            details = {
                "seconds": round(after.seconds, 3) if after.seconds is not None else None,
                "gateways": after.gateways,
                "silent": list(after.silent),
                "cut_calls": after.cut_calls,
            }
            if refusing:
                details["refusing"] = list(refusing)
            action = "stop_failed" if after.failed else "confirmed_stopped"
            await catalog.KILL_SWITCHES.put(writer, after, action, details=details)
            return True

    async def _restore(self, writer: Writer, scope: Scope) -> None:
        """Let the use cases that this switch suspended run again, unless another one covers them."""
        still: set[str] = set()
        for switch in await operations.denying(writer.connection):
            still.update(each.name for each in await covered(writer.connection, switch.scope))
        for use_case in await covered(writer.connection, scope):
            if use_case.run_state == "suspended" and use_case.name not in still and use_case.run_reason.startswith("kill switch"):
                running = msgspec.structs.replace(use_case, run_state="running", run_reason=f"kill switch {scope} reset")
                await catalog.USE_CASES.put(writer, running, "resume", reason=f"kill switch {scope} reset")


def _cut_since(before: Mapping[str, int], points: tuple[EnforcementPoint, ...], scope: Scope) -> int:
    """Calls in `scope` that `points` cut since their counts were `before`."""
    return sum(max(0, each.cut.get(str(scope), 0) - before.get(each.id, 0)) for each in points)


def _settled_as(switch: KillSwitch, *, silent: bool) -> KillSwitchState:
    """The state of a stop that was looked at: a reset that somebody asked for stays asked for."""
    if switch.state == "reset_pending":
        return "reset_pending"
    return "stop_failed" if silent else "confirmed_stopped"
