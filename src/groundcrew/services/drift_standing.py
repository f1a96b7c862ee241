"""What the gate asks of drift monitors: the reference of a version, when anybody looked last, and whom alarms concern."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from groundcrew.domain.drift import DriftAlarm, ReferenceHead
from groundcrew.domain.use_case import DriftRule, UseCase
from groundcrew.services.alert_evaluation import rules_in_force
from groundcrew.services.drift_watch import state_of
from groundcrew.store import catalog
from groundcrew.store import drift as stored
from groundcrew.store.database import Connection

OPEN_ALARMS_MAX = 20
#: The metric of alerts that tells of drift.
DRIFT_METRIC = "drift_alarms"


class DriftStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a version is watched. `looked_at` is the older of when calls were read and when its monitor, if calls wait for it, was
    looked at; `owner` is whom alarms concern: as declared, or by an alert rule with a channel; "" for nobody."""

    enabled: bool
    reference: ReferenceHead | None
    looked_at: datetime | None
    waiting: int
    needed: int
    owner: str
    open_alarms: tuple[DriftAlarm, ...]


async def _told(connection: Connection, use_case: UseCase) -> str:
    """Who hears of drift by an alert rule that leads somewhere; "" for nobody."""
    for each in (await rules_in_force(connection)).values():
        heard = each.enabled and each.metric == DRIFT_METRIC and each.channels
        if heard and each.covers(use_case.name, use_case.business_unit):
            return each.owner or f"the channel {each.channels[0]}"
    return ""


async def drift_standing(connection: Connection, use_case: UseCase, version: str) -> DriftStanding:
    """How the current version of a use case is watched."""
    rule = use_case.drift or DriftRule()
    row = await stored.monitor(connection, use_case.name, version)
    state, mark = state_of(row), await stored.mark(connection)
    waiting = next(
        (
            each.calls
            for each in await stored.waiting(connection)
            if (each.use_case, each.version_digest) == (use_case.name, version)
        ),
        0,
    )
    seen_s = min(mark.read_at_s, row.looked_at_s if row is not None else 0.0) if waiting else mark.read_at_s
    alarms = await catalog.DRIFT_ALARMS.find(
        connection, use_case=use_case.name, state="open", newest_first=True, limit=OPEN_ALARMS_MAX
    )
    return DriftStanding(
        enabled=rule.enabled,
        reference=await stored.head(connection, state.reference) if state.reference else None,
        looked_at=datetime.fromtimestamp(seen_s, UTC) if seen_s > 0 else None,
        waiting=waiting,
        needed=rule.reference_calls,
        owner=rule.owner or await _told(connection, use_case),
        open_alarms=tuple(each for each in alarms if each.version_digest == version),
    )
