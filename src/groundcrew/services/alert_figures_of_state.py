"""Figures of how things stand that alert rules can be about: gateways, switches, alarms, what is overdue or did not arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from groundcrew.domain.alert import Figure, exact
from groundcrew.domain.evidence import state_at
from groundcrew.domain.stage import EXPOSED_STAGES
from groundcrew.services.alert_metrics import PLATFORM, Look, metric
from groundcrew.services.gateway_health import heard
from groundcrew.services.incident_standing import overdue_actions
from groundcrew.services.lookups import current_digest
from groundcrew.services.propagation import running_gateways
from groundcrew.store import alerts as stored
from groundcrew.store import catalog, operations

#: A running gateway that has not been heard of for so long is silent [D].
SILENT_S = 30.0
#: Evidence that ends within this time is about to expire [D].
EXPIRING_DAYS = 14
#: Messages that failed within this time are told of: an alert that never ends says nothing of the next one.
FAILED_HOURS = 24
NAMED_MAX = 5


@metric("stop_failed", "Stops that failed", "switches", subject="platform")
async def stop_failed(look: Look) -> Mapping[str, Figure]:
    """Kill switches that were tripped and that a gateway did not confirm, also while somebody asks for their reset."""
    found = [str(each.scope) for each in await operations.denying(look.connection) if each.failed]
    return {PLATFORM: exact(len(found), _named(found))}


@metric("switches_tripped", "Tripped kill switches", "switches", subject="platform")
async def switches_tripped(look: Look) -> Mapping[str, Figure]:
    """Kill switches that deny calls now, drills left out."""
    found = [str(each.scope) for each in await operations.denying(look.connection) if not each.drill]
    return {PLATFORM: exact(len(found), _named(found))}


@metric("silent_gateways", "Silent gateways", "gateways", subject="platform")
async def silent_gateways(look: Look) -> Mapping[str, Figure]:
    """Running gateways that have not been heard of for 30 s: a stop would wait for them in vain."""
    running = await running_gateways(look.connection)
    found = [f"process {each.process_id} on {each.host}" for each in running if each.silent_s > SILENT_S]
    return {PLATFORM: exact(len(found), _named(found))}


@metric("snapshot_age_s", "Age of the oldest snapshot", "s", subject="platform")
async def snapshot_age(look: Look) -> Mapping[str, Figure]:
    """Seconds since the gateway that lags most last knew its snapshot to be the newest, those of its silence included."""
    found = await heard(look.connection)
    if not found:
        return {PLATFORM: Figure(estimate=None, text="no server has said how its gateway does")}
    worst = max(found, key=lambda each: each.snapshot_age_s)
    return {PLATFORM: exact(round(worst.snapshot_age_s, 1), worst.name)}


@metric("spool_problems", "Gateways that can not record", "gateways", subject="platform")
async def spool_problems(look: Look) -> Mapping[str, Figure]:
    """Gateways whose spool can not be written now: calls of use cases that fail closed are refused there."""
    found = await heard(look.connection)
    if not found:
        return {PLATFORM: Figure(estimate=None, text="no server has said how its spool does")}
    broken = [f"{each.name}: {each.health.spool_problem}" for each in found if each.health.spool_problem]
    return {PLATFORM: exact(len(broken), _named(broken))}


@metric("spool_oldest_s", "Oldest call not shipped", "s", subject="platform")
async def spool_oldest(look: Look) -> Mapping[str, Figure]:
    """Age of the oldest recorded call that has not reached the database."""
    found = await heard(look.connection)
    if not found:
        return {PLATFORM: Figure(estimate=None, text="no server has said how its spool does")}
    worst = max(found, key=lambda each: each.health.spool_oldest_s)
    return {PLATFORM: exact(round(worst.health.spool_oldest_s, 1), worst.name)}


@metric("calls_unrecorded", "Calls without a record", "calls", subject="platform")
async def calls_unrecorded(look: Look) -> Mapping[str, Figure]:
    """Calls that went on without a record since the servers that run were started."""
    found = await heard(look.connection)
    return {PLATFORM: exact(sum(each.health.missed for each in found))}


@metric("deliveries_failed", "Messages that did not arrive", "messages", subject="platform")
async def deliveries_failed(look: Look) -> Mapping[str, Figure]:
    """Messages that failed in the last 24 hours, their receivers not having taken them, and that nobody has sent again. Older
    ones are on the page of deliveries."""
    found = await stored.failed_deliveries(look.connection, look.now - timedelta(hours=FAILED_HOURS))
    return {PLATFORM: exact(sum(found.values()), _named([f"{name}: {number}" for name, number in sorted(found.items())]))}


@metric("drift_alarms", "Open alarms of drift", "alarms")
async def drift_alarms(look: Look) -> Mapping[str, Figure]:
    """Alarms of drift that nobody has acknowledged."""
    found = Counter(each.use_case for each in await catalog.DRIFT_ALARMS.find(look.connection, state="open"))
    return {name: exact(found[name]) for name in look.use_cases}


@metric("calibration_alarms", "Calibrations in doubt", "alarms")
async def calibration_alarms(look: Look) -> Mapping[str, Figure]:
    """Whether labels contradict the calibration of the trust score that is in force."""
    in_doubt: dict[str, str] = {}
    for alarm in await catalog.CALIBRATION_ALARMS.find(look.connection):
        newest = await catalog.CALIBRATIONS.find(look.connection, use_case=alarm.use_case, newest_first=True, limit=1)
        if newest and newest[0].id == alarm.id:
            in_doubt[alarm.use_case] = alarm.reason
    return {name: exact(int(name in in_doubt), in_doubt.get(name, "")) for name in look.use_cases}


@metric("sign_offs_overdue", "Sign-offs past their time", "answers")
async def sign_offs_overdue(look: Look) -> Mapping[str, Figure]:
    """Held answers that were to be decided by now and are not: their service level, or else their time, is over."""
    found = await stored.overdue_sign_offs(look.connection, look.now)
    return {name: exact(found.get(name, 0)) for name in look.use_cases}


@metric("actions_overdue", "Overdue actions of incidents", "actions")
async def actions_overdue(look: Look) -> Mapping[str, Figure]:
    """Actions of incidents that are past their day and not done."""
    late: dict[str, list[str]] = {}
    for action, incident in await overdue_actions(look.connection, look.now.date()):
        for name in incident.use_cases:
            late.setdefault(name, []).append(f"{action.owner}, due {action.due}")
    return {name: exact(len(late.get(name, ())), _named(late.get(name, []))) for name in look.use_cases}


@metric("evidence_expiring", "Evidence about to expire", "pieces", slow=True)
async def evidence_expiring(look: Look) -> Mapping[str, Figure]:
    """Evidence that a use case which serves people rests on and that ends within 14 days, with nothing newer in its place."""
    horizon, found = look.now + timedelta(days=EXPIRING_DAYS), {}
    for name, use_case in look.use_cases.items():
        if use_case.stage not in EXPOSED_STAGES:
            found[name] = exact(0)
            continue
        digest = await current_digest(look.connection, use_case)
        newest = {}
        for each in await catalog.EVIDENCE.find(look.connection, use_case=name):
            if state_at(each, look.now, digest) == "valid":
                newest[each.kind, each.subject] = each
        # Overlap scans are a matter of entering: they expire within a month by design.
        ending = [each for each in newest.values() if each.valid_until < horizon and each.kind != "overlap_scan"]
        words = [
            f"{(each.subject if each.kind == 'attestation' else each.kind).replace('_', ' ')} on {each.valid_until:%Y-%m-%d}"
            for each in ending
        ]
        found[name] = exact(len(ending), _named(words))
    return found


def _named(words: list[str]) -> str:
    """Some things in words, the first few by name."""
    more = len(words) - NAMED_MAX
    return ", ".join(words[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
