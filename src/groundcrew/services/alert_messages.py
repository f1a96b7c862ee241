"""What is told of an alert, when, and how it is put: through the outbox, each message once, however often servers restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from groundcrew.domain.alert import DAMPED_S, Alert, AlertRule, Silence
from groundcrew.domain.quiet_time import is_quiet
from groundcrew.services.deliveries import enqueue
from groundcrew.store import catalog
from groundcrew.store.database import Writer

#: From this severity on (1 is the highest) quiet times and damping hold nothing back.
BREAKS_THROUGH = 1

Message = Literal["raised", "repeated", "resolved"]


def due_message(rule: AlertRule | None, alert: Alert, silences: list[Silence], now: datetime) -> Message | None:
    """What receivers are to be told of `alert` now; None while there is nothing to tell, or not now."""
    if not (rule.channels if rule is not None else alert.told_to):
        return None
    wanted = _wanted(rule, alert, now)
    if wanted is None or any(each.covers(alert, now) for each in silences):
        return None
    if rule is not None and alert.severity > BREAKS_THROUGH and is_quiet(rule.quiet, now):
        return None
    return wanted


def _wanted(rule: AlertRule | None, alert: Alert, now: datetime) -> Message | None:
    since_s = (now - alert.told_at).total_seconds() if alert.told_at is not None else float("inf")
    if alert.state == "resolved":
        return "resolved" if alert.told == "firing" else None
    if alert.told != "firing":
        if alert.acknowledged(now) or (alert.told == "resolved" and alert.severity > BREAKS_THROUGH and since_s < DAMPED_S):
            return None
        return "raised"
    every_s = rule.repeat_every_s if rule is not None else None
    return "repeated" if every_s is not None and since_s >= every_s and not alert.acknowledged(now) else None


def is_owed(alert: Alert) -> bool:
    """Whether receivers still believe that a resolved alert fires: they are told once quiet times and silences let it."""
    return alert.state == "resolved" and alert.told == "firing"


async def tell(writer: Writer, rule: AlertRule | None, alert: Alert, message: Message) -> Alert:
    """Put a message for each channel of the rule into the outbox, in the transaction that notes that it was told."""
    number = alert.messages + 1
    channels = rule.channels if rule is not None else alert.told_to
    told = msgspec.structs.replace(
        alert,
        told_to=channels,
        told="resolved" if message == "resolved" else "firing",
        told_at=writer.clock.now(),
        messages=number,
    )
    for channel in channels:
        await enqueue(
            writer,
            # Rule, firing, channel and step: the same message is one row however often it is put.
            key=f"alert/{alert.rule}/{alert.id}/{channel}/{number}",
            channel=channel,
            event=f"alert.{message}",
            subject=catalog.ALERTS.subject(alert.id),
            body=body_of(told, rule),
        )
    await catalog.ALERTS.put(writer, told, "tell", details={"message": message, "number": number, "channels": list(channels)})
    return told


def body_of(alert: Alert, rule: AlertRule | None) -> dict[str, Any]:
    """What a receiver learns. It holds no text of any call."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "title": alert.title,
        "use_case": alert.use_case or None,
        "severity": alert.severity,
        "state": alert.state,
        "cause": alert.cause,
        "metric": alert.metric,
        "value": alert.figure.estimate,
        "interval": [alert.figure.lower, alert.figure.upper],
        "n": alert.figure.n,
        "detail": alert.figure.text,
        "when": alert.when,
        "threshold": alert.threshold,
        "since": _stamp(alert.since),
        "resolved_at": _stamp(alert.resolved_at) if alert.resolved_at is not None else None,
        "owner": rule.owner if rule is not None else "",
        "incident": alert.incident,
        "link": f"/alerts/{alert.id}",
    }


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def shortly_after(end: datetime | None, now: datetime) -> bool:
    """Whether `now` is so soon after an alert's end that the same trouble is meant."""
    return end is not None and timedelta(0) <= now - end < timedelta(seconds=DAMPED_S)
