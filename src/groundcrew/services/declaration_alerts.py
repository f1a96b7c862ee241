"""Reads `kind: AlertRule`: what is watched, past which bounds, for how long, who is told and when they are left alone."""

from __future__ import annotations

import re
from datetime import time
from typing import get_args

from groundcrew.domain.alert import CLEAR_LOOKS_DEFAULT, LOOKS_MAX, AlertRule, Comparison, Severity
from groundcrew.domain.identifiers import name_problem
from groundcrew.domain.quiet_time import WEEKDAYS, QuietTime, zone_of
from groundcrew.services.alert_metrics import WINDOW_S_MAX, metrics
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_reading import Reading

QUIET_TIMES_MAX, CHANNELS_MAX = 20, 20
FOR_S_MAX, REPEAT_S_MIN = 7 * 86_400, 60
FIGURE_MAX = 1e15
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def read_alert_rule(fields: Fields, _: Reading) -> AlertRule:
    """kind: AlertRule. One of the name of a shipped rule takes its place."""
    when = fields.choice("when", get_args(Comparison))
    threshold = fields.number("threshold", low=-FIGURE_MAX, high=FIGURE_MAX, required=True)
    looks, clear_looks = (fields.integer(each, low=1, high=LOOKS_MAX) for each in ("looks", "clear_looks"))
    severity = fields.integer("severity", low=1, high=len(get_args(Severity)), required=True)
    metric = fields.text("metric", required=True, length_max=64)
    rule = AlertRule(
        name=fields.name("name"),
        title=fields.text("title", length_max=200),
        metric=metric,
        when=when,
        threshold=0.0 if threshold is None else threshold,
        clear=fields.number("clear", low=-FIGURE_MAX, high=FIGURE_MAX),
        severity=severity if severity is not None else 4,  # type: ignore[arg-type]
        scope=_scope(fields),
        window_s=fields.duration_s("window", default=0, low=3_600, high=WINDOW_S_MAX) or None,
        for_s=fields.duration_s("for", default=0, high=FOR_S_MAX),
        looks=1 if looks is None else looks,
        clear_looks=CLEAR_LOOKS_DEFAULT if clear_looks is None else clear_looks,
        no_data_for_s=fields.duration_s("no_data_for", default=0, low=60, high=FOR_S_MAX) or None,
        quiet=_quiet_times(fields),
        channels=_channels(fields),
        owner=fields.email("owner") or "",
        repeat_every_s=fields.duration_s("repeat_every", default=0, low=REPEAT_S_MIN, high=FOR_S_MAX) or None,
        opens_incident=fields.boolean("opens_incident"),
        enabled=fields.boolean("enabled", default=True),
    )
    _check_bounds(fields, rule)
    known = metrics().get(metric)
    if known is not None and known.subject == "platform" and rule.scope != "all":
        fields.complain("scope", f"{metric} is about the platform as a whole: leave scope out")
    if known is not None and known.window_s is None and rule.window_s is not None:
        fields.complain("window", f"{metric} says how things are now: leave window out")
    return rule


def _check_bounds(fields: Fields, rule: AlertRule) -> None:
    """The bound that clears an alert lies on the good side of the one that raises it: otherwise it could do both at once."""
    if rule.clear is None:
        return
    if rule.above and rule.clear > rule.threshold:
        fields.complain("clear", f"expected at most the threshold {rule.threshold:g}, found {rule.clear:g}")
    if not rule.above and rule.clear < rule.threshold:
        fields.complain("clear", f"expected at least the threshold {rule.threshold:g}, found {rule.clear:g}")


def _scope(fields: Fields) -> str:
    scope = fields.text("scope", default="all", length_max=100)
    kind, colon, name = scope.partition(":")
    if scope == "all" or (colon and kind == "unit" and name.strip()):
        return scope
    if not (colon and kind == "use-case"):
        fields.complain("scope", f"expected all, use-case:NAME or unit:NAME, found {shown(scope)}")
    elif problem := name_problem(name):
        fields.complain("scope", problem)
    return scope


def _channels(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("channels")
    if len(found) > CHANNELS_MAX:
        fields.complain("channels", f"more than {CHANNELS_MAX} channels")
    if len(set(found)) != len(found):
        fields.complain("channels", "a channel is listed twice")
    return found


def _quiet_times(fields: Fields) -> tuple[QuietTime, ...]:
    sections = fields.sections("quiet")
    if len(sections) > QUIET_TIMES_MAX:
        fields.complain("quiet", f"more than {QUIET_TIMES_MAX} quiet times")
    found = []
    for section in sections[:QUIET_TIMES_MAX]:
        zone = section.text("zone", default="UTC", length_max=64)
        if zone_of(zone) is None:
            section.complain("zone", f"no time zone {shown(zone)} on this machine: use an IANA name such as Europe/Zurich")
        days = section.choices("days", WEEKDAYS, default=WEEKDAYS)
        found.append(QuietTime(start=_clock(section, "from"), end=_clock(section, "to"), zone=zone, days=days))
        section.finish()
    return tuple(found)


def _clock(section: Fields, key: str) -> time:
    """A time of day as HH:MM; 24:00 is the midnight that ends the day."""
    text = section.text(key, required=True, length_max=5)
    match = _CLOCK.fullmatch(text)
    if match is None:
        if text:
            section.complain(key, f"expected a time of day as HH:MM, found {shown(text)}")
        return time()
    return time() if match[1] is None else time(int(match[1]), int(match[2]))
