"""What a changed risk tier brings about, in the transaction that changes it: it never falls by itself, a higher one sends a
use case back to its pilot, and a prohibited one answers no calls."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.questionnaire import questionnaire
from groundcrew.domain.stage import moved
from groundcrew.domain.use_case import STAGES, Hold, RiskStanding, UseCase

#: How the hold of a prohibited use case begins.
PROHIBITED_PREFIX = "risk tier prohibited: "


def first(declared: UseCase) -> UseCase:
    """A new use case with the tier that its declaration gives."""
    tier = risk.assess(declared).tier
    return msgspec.structs.replace(declared, risk=RiskStanding(tier=tier, questionnaire=questionnaire().version))


def kept(old: UseCase, new: UseCase) -> UseCase:
    """`new` with the standing of `old`, or with the tier that `old` had where none was recorded: what was once a higher tier
    stays one."""
    if old.risk is not None:
        return msgspec.structs.replace(new, risk=old.risk)
    return msgspec.structs.replace(new, risk=RiskStanding(tier=risk.assess(old).tier, questionnaire=1))


def settled(old: UseCase, new: UseCase, now: datetime) -> tuple[UseCase, list[str]]:
    """`new` with its tier set, and with what follows where it is another one than `old` had; what follows is told a line each.

    `new` must carry a standing (see `first` and `kept`); its tier is the least that the tier may be.
    """
    assert new.risk is not None
    before, found = risk.assess(old).tier, risk.assess(new)
    standing = msgspec.structs.replace(new.risk, tier=found.tier, questionnaire=questionnaire().version)
    item, notes = msgspec.structs.replace(new, risk=standing), []
    if risk.higher(found.tier, found.computed):
        notes.append(
            f"risk tier stays {found.tier}: the answers now give {found.computed}, and only legal and ethics together lower it,"
            f" by `groundcrew risk lower {item.name}`"
        )
    if found.tier != before:
        notes.append(f"risk tier {found.tier}, was {before}: {'; '.join(found.reasons)}")
    if risk.higher(found.tier, before) and item.stage in STAGES and STAGES.index(item.stage) > STAGES.index("pilot"):
        notes.append(f"demoted from {item.stage} to pilot: its risk tier rose")
        item = moved(item, "pilot")
    return _held(item, now, found), notes


def _held(use_case: UseCase, now: datetime, found: risk.RiskAssessment) -> UseCase:
    """`use_case` held exactly where its tier is prohibited."""
    mine = [each for each in use_case.holds if each.reason.startswith(PROHIBITED_PREFIX)]
    others = tuple(each for each in use_case.holds if each not in mine)
    if found.tier != "prohibited":
        return msgspec.structs.replace(use_case, holds=others)
    since = mine[0].since if mine else now
    hold = Hold(kind="evidence", reason=PROHIBITED_PREFIX + "; ".join(found.reasons[:3]), since=since, stops_calls=True)
    return msgspec.structs.replace(use_case, holds=(*others, hold))
