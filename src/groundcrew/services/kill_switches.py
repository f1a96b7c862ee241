"""The kill switch: anyone on call trips it alone, every gateway must acknowledge, and only two people can reset it."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.errors import Conflict, NotFound
from groundcrew.services.evidence import record
from groundcrew.services.lookups import nearest, person_of, require_reason
from groundcrew.services.propagation import propagate, running_gateways
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer

CONFIRM_DEADLINE_S = 5.0
DRILL_VALID_S = 90 * 86_400


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a trip achieved: `seconds` from the trip to the last acknowledgement, which `gateways` acknowledged, which did not."""

    switch: KillSwitch
    seconds: float
    gateways: int
    silent: tuple[str, ...] = ()


class KillSwitches:
    """All kill switches."""

    def __init__(self, database: Database, *, confirm_deadline_s: float = CONFIRM_DEADLINE_S) -> None:
        self._database, self._deadline_s = database, confirm_deadline_s

    async def find(self) -> list[KillSwitch]:
        """Every switch that was ever tripped."""
        async with self._database.read() as connection:
            return await catalog.KILL_SWITCHES.find(connection)

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
            armed = KillSwitch(scope=scope)
            await catalog.KILL_SWITCHES.put(writer, armed, "drill_end", reason=reason, details={"seconds": report.seconds})
            await self._restore(writer, scope)
            await writer.touch_snapshot()
            content: dict[str, Any] = {
                "scope": str(scope),
                "state": report.switch.state,
                "seconds": round(report.seconds, 3),
                "gateways": report.gateways,
            }
            for use_case in await _covered(writer.connection, scope):
                await record(
                    writer, use_case, kind="kill_switch_drill", subject=str(scope), content=content, valid_s=DRILL_VALID_S
                )
        await propagate(self._database)
        return report

    async def resume(self, scope: Scope, *, actor: str, reason: str) -> KillSwitch:
        """Ask for the reset, or confirm what another person asked for. At least one of the two did not trip it."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            switch = await catalog.KILL_SWITCHES.get(writer.connection, str(scope))
            if switch is None or not switch.denies:
                raise Conflict(f"{scope} is not stopped")
            if switch.state != "reset_pending":
                pending = msgspec.structs.replace(switch, state="reset_pending", reset_requested_by=actor, reset_reason=reason)
                await catalog.KILL_SWITCHES.put(writer, pending, "request_reset", reason=reason)
                return pending
            if person_of(switch.reset_requested_by or "") == person_of(actor):
                raise Conflict(f"{person_of(actor)} asked for the reset of {scope}: a second person must confirm it")
            armed = KillSwitch(scope=scope)
            await catalog.KILL_SWITCHES.put(
                writer, armed, "reset", reason=reason, details={"requested_by": switch.reset_requested_by}
            )
            await self._restore(writer, scope)
            await writer.touch_snapshot()
        await propagate(self._database)
        return armed

    async def _trip(self, scope: Scope, *, actor: str, reason: str, drill: bool) -> StopReport:
        started = time.monotonic()
        async with self._database.write(actor) as writer:
            await _check_scope(writer.connection, scope)
            switch = KillSwitch(
                scope=scope,
                state="tripping",
                reason=reason,
                tripped_by=actor,
                tripped_at=self._database.clock.now(),
                drill=drill,
            )
            await catalog.KILL_SWITCHES.put(writer, switch, "drill" if drill else "trip", reason=reason)
            for use_case in await _covered(writer.connection, scope):
                if use_case.run_state == "running":
                    suspended = msgspec.structs.replace(use_case, run_state="suspended", run_reason=f"kill switch {scope}")
                    await catalog.USE_CASES.put(writer, suspended, "suspend", reason=f"kill switch {scope}: {reason}")
            await writer.touch_snapshot()
        reached = await propagate(self._database, deadline_s=self._deadline_s)
        silent, gateways = reached.silent, reached.gateways
        seconds = time.monotonic() - started
        final = msgspec.structs.replace(
            switch,
            state="stop_failed" if silent else "confirmed_stopped",
            confirmed_at=None if silent else self._database.clock.now(),
        )
        async with self._database.write(actor) as writer:
            # Another stop, or a reset, that came while this one waited has the last word.
            if await catalog.KILL_SWITCHES.get(writer.connection, str(scope)) == switch:
                details = {"seconds": round(seconds, 3), "gateways": gateways, "silent": list(silent)}
                await catalog.KILL_SWITCHES.put(writer, final, final.state, details=details)
        return StopReport(switch=final, seconds=seconds, gateways=gateways, silent=silent)

    async def _restore(self, writer: Writer, scope: Scope) -> None:
        """Let the use cases that this switch suspended run again, unless another one covers them."""
        switches = await catalog.KILL_SWITCHES.find(writer.connection)
        still: set[str] = set()
        for switch in switches:
            if switch.denies:
                still.update(each.name for each in await _covered(writer.connection, switch.scope))
        for use_case in await _covered(writer.connection, scope):
            if use_case.run_state == "suspended" and use_case.name not in still and use_case.run_reason.startswith("kill switch"):
                running = msgspec.structs.replace(use_case, run_state="running", run_reason=f"kill switch {scope} reset")
                await catalog.USE_CASES.put(writer, running, "resume", reason=f"kill switch {scope} reset")


async def _covered(connection: Connection, scope: Scope) -> list[UseCase]:
    """The use cases that a scope stops as a whole. A key's scope stops one caller, not its use case."""
    use_cases = [each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
    if scope.kind == "all":
        return use_cases
    if scope.kind == "use-case":
        return [each for each in use_cases if each.name == scope.name]
    if scope.kind == "unit":
        return [each for each in use_cases if each.business_unit == scope.name]
    if scope.kind == "model":
        return [each for each in use_cases if each.model == scope.name]
    if scope.kind == "provider":
        models = {
            model.name
            for model in await catalog.MODELS.find(connection)
            if all(target.provider == scope.name for target in model.primaries)
        }
        return [each for each in use_cases if each.model in models]
    return []


async def _check_scope(connection: Connection, scope: Scope) -> None:
    if scope.kind == "all":
        return
    names: set[str]
    if scope.kind == "use-case":
        names = {each.name for each in await catalog.USE_CASES.find(connection)}
    elif scope.kind == "unit":
        names = {each.business_unit for each in await catalog.USE_CASES.find(connection)}
    elif scope.kind == "model":
        names = {each.name for each in await catalog.MODELS.find(connection)}
    elif scope.kind == "provider":
        names = {each.name for each in await catalog.PROVIDERS.find(connection)}
    else:
        names = {each.id for each in await catalog.KEYS.find(connection)}
    if scope.name not in names:
        raise NotFound(f"there is no {scope.kind} {scope.name!r}{nearest(scope.name, names)}")
