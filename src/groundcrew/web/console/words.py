"""How figures, times and states are written on pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from groundcrew.services.overlap_languages import said

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
SHORT_LENGTH = 12

STAGE_TITLES = {
    "discovery": "Discovery",
    "pilot": "Pilot",
    "production_readiness": "Production readiness",
    "scale": "Scale",
    "optimization": "Optimization",
    "rejected": "Rejected",
    "retired": "Retired",
}

#: Names of interval methods → what they mean for who reads them.
METHODS = {
    "asymptotic-cs": "holds at every look; large-sample interval of a mean",
    "asymptotic+betting-cs": "holds at every look; large-sample interval of a mean, and betting",
    "betting-cs": "holds at every look; by betting, for values within bounds",
    "beta-binomial-cs": "holds at every look; for shares",
    "newcombe-cs": "holds at every look; difference of shares",
    "newcombe+betting-cs": "holds at every look; difference of shares",
    "welch": "for one look; Welch's t interval",
    "newcombe": "for one look; Newcombe's interval of a difference of shares",
    "wilson": "for one look; Wilson's interval of a share",
}

#: state → the tone that it is shown in; whatever is not here is neutral.
TONES = {
    **dict.fromkeys(
        (
            "pass",
            "done",
            "running",
            "answered",
            "certified",
            "supported",
            "approved",
            "edited",
            "valid",
            "armed",
            "registered",
            "released",
            "delivered",
            *("ok", "resolved", "closed", "adopted"),
        ),
        "good",
    ),
    **dict.fromkeys(
        (
            *("fail", "failed", "refused", "demoted", "contradicted", "block", "stop_failed", "invalid", "refuted", "high"),
            *("prohibited", "rejected", "suspended", "confirmed_stopped", "tripping", "revoked", "withdrawn"),
            "rollback",
            *("firing", "overdue"),
        ),
        "bad",
    ),
    **dict.fromkeys(
        (
            *(
                "unknown",
                "flag",
                "held",
                "warning",
                "due_soon",
                "changes_requested",
                "abstained",
                "fallback",
                "pending",
                "expired",
                "stale",
                "reset_pending",
                "draft",
                "proposed",
            ),
            *("unknown", "flag", "held", "fallback", "pending", "expired", "stale", "reset_pending", "draft", "proposed", "hold"),
            *(
                "inconclusive",
                "partial",
                "no_sources",
                "unsupported",
                "waiting",
                "skipped",
                "declined",
                "opened",
                "cancelled",
                "cancelling",
                "queued",
                "limited",
                "not_scanned",
                "weak",
                "no_source",
                "second_review",
                "mitigated",
                "open",
            ),
        ),
        "warn",
    ),
}

#: What a page says after a form was taken; the key travels in the address, the text does not.
DONE = {
    "model_retired": "The version is retired: gateways do not answer with it any more.",
    "held": "The hold stands: nothing that it covers is removed.",
    "lift_asked": "A second person of legal is asked to confirm; the hold stands until then.",
    "lifted": "The hold is lifted. What it kept goes with the next run of the retention.",
    "kept_on": "The hold goes on.",
    "forgotten": "The gateway is forgotten. If it is heard of again, it counts again.",
    "advanced": "Advanced to the next stage.",
    "demoted": "Moved to the earlier stage.",
    "registered": "The hypothesis is registered and frozen.",
    "evaluated": "This evaluation is kept for the record.",
    "requested": "The functions are asked about this version.",
    "said": "The function's word is recorded.",
    "stepped": "The ramp has moved; the gateways enforce it.",
    "certified": "The criteria are evaluated again; the state below says how the stage stands.",
    "attested": "The attestation is recorded as evidence.",
    "overlaps_scanned": "Every use case was compared; each has its evidence.",
    "overlap_settled": "What was decided is recorded. Gates see it at once.",
    "scanned": "The overlap scan is recorded as evidence.",
    "labelled": "The label is recorded. Here is the next answer.",
    "worked": "The label is recorded. Nothing more waits for you.",
    "recalibrated": "The calibration is fitted anew and published to the gateways.",
    "rated": "Thank you: the rating is recorded.",
    "risk_answered": "The answers are recorded with their reasons. The tier below follows from all of them.",
    "risk_lowering_asked": "Your function's word is recorded. The tier is lowered when the other function says so too.",
    "risk_lowered": "Legal and ethics have agreed: the tier is lowered.",
    "filed": "The technical file is filed: it is kept as it was at that moment.",
    "looked": "Looked: what is recorded by now is counted below.",
    "concluded": "The experiment is concluded. A verdict is final; an amendment would start anew.",
    "treatment_stopped": "Nobody is treated any more.",
    "rated_next": "The rating is recorded. Here is the next call.",
    "rated_all": "The rating is recorded. Nothing more waits for you.",
    "passed_on": "Somebody else will be asked.",
    "put_up": "The calls are in the queue, before those that chance draws.",
    "decided": "The decision is recorded.",
    "claimed": "The draft is yours for a while.",
    "left": "The draft is left to others.",
    "absent": "Your absence is recorded.",
    "present": "You are present again.",
    "nothing_free": "Everything that waits for you is held by others, or nothing waits any more.",
    "nothing_waits": "Nothing waits for you any more.",
    "approved": "The revision serves from now on.",
    "withdrawn": "The revision serves no longer.",
    "revoked": "The key is revoked.",
    "cancelled": "The job is told to stop.",
    "swapped": "Swapped. Below is what went stale with it.",
    "reverted": "Reverted: who answered before answers again.",
    "asked_for": "The job waits; it begins when a worker is free.",
    "settled": "The finding is settled.",
    "acknowledged": "The alarm is acknowledged.",
    "reference_asked": "A new reference is asked for; it is made within a minute, or as soon as there are enough calls.",
    "reopened": "The finding is open again.",
    "user": "The account is created.",
    "user_changed": "The account is changed; it holds from the next request on.",
    "user_closed": "The account is closed, and its sessions have ended. What it did stays on record.",
    "user_reopened": "The account is open again, with the roles and the password that it had.",
    "seen_to": "You see to it. It is not told again until the time that stands below.",
    "silenced": "Silenced: alerts are raised and shown all the same.",
    "unsilenced": "Messages go out again.",
    "incident_opened": "The incident is open. Tell below what you see and do.",
    "told": "Appended to the timeline.",
    "mitigated": "Mitigated. It is closed once its cause is known.",
    "severity_said": "Recorded. The head of the page says which severity holds.",
    "cause_said": "Recorded. The head of the page says whether it is closed.",
    "reviewed": "The review is recorded.",
    "action_added": "The action is added.",
    "action_finished": "The action is done.",
    "finding_assigned": "Assigned. Once the deadline is past it comes to the Stream by itself.",
    "finding_retired": "Retired. The next scan confirms that, or opens it again.",
    "finding_accepted": "Accepted until the day that stands below.",
    "finding_registered": "It belongs to the use case now.",
    "cadence_set": "The cadence is set, and the next meetings are scheduled.",
    "meeting_scheduled": "The meeting is scheduled.",
    "meeting_moved": "The meeting is moved; calendars hear of it.",
    "meeting_cancelled": "The meeting is cancelled; calendars hear of it.",
    "meeting_opened": "The meeting is open. Join for the function that you speak for.",
    "meeting_closed": "The meeting is closed. These are its minutes; their hash is kept.",
    "feed_revoked": "The calendar's address opens nothing any more.",
    "addendum_added": "The addendum stands below. The minutes are as they were.",
    "joined": "You are in the meeting.",
    "left_meeting": "Recorded as left.",
    "topic_added": "The topic is on the agenda.",
    "point_changed": "The agenda is changed.",
    "summary_saved": "The text is saved.",
    "noted": "Said.",
    "proposed": "Proposed. The functions vote on it below.",
    "voted": "Recorded.",
    "stopped": "Stopped. The state below says whether every gateway confirmed it.",
    "asked": "The reset is asked for. A second person must confirm it.",
    "reset": "Running again.",
    "replayed": "It is sent again now; the state below says what comes of it.",
    "tried": "A message is on its way through the channel; the state below says what comes of it.",
    "drilled": "The drill is over; its measured time is recorded as evidence.",
}


#: What a claim stands on, as the person reads it who signs the draft.
STANDINGS = {"supported": "supported", "weak": "weak support", "no_source": "no source", "contradicted": "contradicted"}


def title(word: str) -> str:
    """A state or stage as it is read: ``stop_failed`` → ``stop failed``."""
    return STAGE_TITLES.get(word, str(word).replace("_", " "))


def intervals(metrics: dict[str, float]) -> list[str]:
    """Figures as ``name value``, with ``[low, high]`` where `name_low` and `name_high` are given beside it."""
    ends = {
        f"{name}{end}" for name in metrics for end in ("_low", "_high") if f"{name}_low" in metrics and f"{name}_high" in metrics
    }
    lines = []
    for name, value in sorted(metrics.items()):
        if name in ends:
            continue
        interval = f" [{metrics[f'{name}_low']:.4g}, {metrics[f'{name}_high']:.4g}]" if f"{name}_low" in ends else ""
        lines.append(f"{name} {value:.4g}{interval}")
    return lines


def tone(state: object) -> str:
    """good, bad, warn or plain: the colour that goes with a state, which is always written out as well."""
    return TONES.get(str(state), "plain")


def stamp(moment: datetime | None) -> str:
    """``2026-01-31 09:15:02 UTC``."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def clock(moment: datetime | None) -> str:
    """``09:15 UTC``, for what is over within the hour."""
    return "" if moment is None else f"{moment:%H:%M} UTC"


def local_input(moment: datetime | None) -> str:
    """``2026-01-31T09:15``, as a field for a time takes it."""
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M}"


def day(moment: datetime | None) -> str:
    """``2026-01-31``."""
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, or until, in the largest unit that fits: ``3 d``, ``5 h``, ``12 min``, ``now``."""
    if moment is None:
        return "unknown"
    seconds = abs((now - moment).total_seconds())
    if seconds < MINUTE_S:
        return "now"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min"
    if seconds < 2 * DAY_S:
        return f"{int(seconds // HOUR_S)} h"
    return f"{int(seconds // DAY_S)} d"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago in a sentence: ``3 d ago``, ``just now``."""
    since = age(moment, now)
    return {"now": "just now", "unknown": since}.get(since, f"{since} ago")


def figure(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits and thousands separated; ``–`` where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, min(6, digits - whole if abs(value) >= 1 else digits))}f}"


def percent(value: float | None) -> str:
    """A share as ``93 %``, with a decimal near the ends."""
    if value is None:
        return "–"
    points = value * 100
    return f"{points:.1f} %" if 0 < points < 1 or 99 < points < 100 else f"{points:.0f} %"


def milliseconds(value: float | None) -> str:
    """``0.4 ms``, ``120 ms`` or ``1.24 s``."""
    if value is None:
        return "–"
    if value >= 1_000:
        return f"{value / 1_000:.2f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def usd(value: float | None) -> str:
    """An amount in US dollars, to a hundredth of a cent where it is small."""
    if value is None:
        return "unknown"
    return f"${value:,.4f}" if 0 < abs(value) < 1 else f"${value:,.2f}"


def short(text: str | None) -> str:
    """The first characters of a digest or id."""
    return "" if text is None else text[:SHORT_LENGTH]


def tail(text: str) -> str:
    """The last characters of an id: UUIDv7 ids of one moment differ at their end."""
    return text[-SHORT_LENGTH:]


def person(actor: str | None) -> str:
    """The name in an actor: ``user:anna`` → ``anna``; keys and the system keep their kind."""
    if actor is None:
        return ""
    return actor.removeprefix("user:")


def excerpt(text: str, length: int = 110) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def hour(moment_s: int) -> str:
    """``2026-01-31 09:00`` of Unix seconds."""
    return f"{datetime.fromtimestamp(moment_s, UTC):%Y-%m-%d %H:%M}"


def method(name: str) -> str:
    """How an interval was made, in words; the name itself where there are none."""
    return METHODS.get(name, name)


def standing(name: str) -> str:
    """What a claim stands on, in words."""
    return STANDINGS.get(name, name)


def commands(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 and index < len(parts) - 1 else escape(part)
        for index, part in enumerate(parts)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "title_of": title,
    "ago": ago,
    "tone": tone,
    "intervals": intervals,
    "stamp": stamp,
    "clock": clock,
    "local_input": local_input,
    "standing_of": standing,
    "day": day,
    "age": age,
    "figure": figure,
    "percent_of": percent,
    "ms": milliseconds,
    "usd": usd,
    "short": short,
    "tail": tail,
    "person": person,
    "excerpt": excerpt,
    "hour": hour,
    "method_of": method,
    "zip_with": zip,
    "commands": commands,
    "languages_of": said,
    "attr_at": lambda values, position: values[position],
}
