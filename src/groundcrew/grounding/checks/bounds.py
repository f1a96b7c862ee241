"""Finds a figure that is right and yet turned round by the word before it: "at least" for "up to", "before" for "after"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.checks.place import Item, Placed
from groundcrew.grounding.evidence import SourceSentence
from groundcrew.grounding.facts.dates import Moment
from groundcrew.grounding.facts.quantities import Quantity
from groundcrew.grounding.statement import Statement

_FILLER = r"(?:\s+(?:the|at|on|zum|am|um|dem|den|der|le|la|il|version|versione|age|of|alter|von|dell?a))*\s*$"
_UNTIL = re.compile(
    r"(?:\b(?:to|until|till|by|before|prior to|up to|through|no later than|bis|bis zum|vor|spätestens|avant|jusqu'au?|prima|"
    r"fino a[l]?|entro)|[-–—])" + _FILLER,
    re.IGNORECASE,
)
_FROM = re.compile(
    r"\b(?:from|since|starting|as of|as from|after|following|later than|ab|seit|von|vom|nach|dès|depuis|après|dal|dopo|effective)"
    + _FILLER,
    re.IGNORECASE,
)
#: "not before" is "from", "not until" likewise; "no fever since" is still "since".
_TURNS = re.compile(r"\b(?:before|after|until|till|vor|nach|bis|avant|après|prima|dopo)\b", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|following|nach|après|dopo)\b", re.IGNORECASE)
_REFERS_BACK = re.compile(
    r"\b(?:above|over|beyond|below|under|exceeding|darüber|darunter|au-delà|oltre)\b(?: (?:that|"
    r"this|it|which)|\b)|\b(?:after|before) (?:that|this|then)\b|\bdanach\b|\bdavor\b",
    re.IGNORECASE,
)
_NOT_NEAR = re.compile(r"\b(?:not|no|nicht|n't|pas|non)\b[\s\w]{0,14}$", re.IGNORECASE)


def _role(text: str, item: Item) -> str:
    """Whether the words before a date or amount make it an end ("until", "before") or a start ("from", "after")."""
    if isinstance(item, Quantity) and item.bound in ("at_most", "at_least"):
        return "until" if item.bound == "at_most" else "from"
    before = text[max(0, item.start - 40) : item.start]
    for pattern, role, opposite in ((_UNTIL, "until", "from"), (_FROM, "from", "until")):
        match = pattern.search(before)
        if match and isinstance(item, Quantity) and item.dimension in ("duration", "months") and _AFTER.search(match.group()):
            return ""  # "after 12 hours" says when, not from when
        if match:
            turned = _TURNS.search(match.group()) is not None and _NOT_NEAR.search(before[: match.start()]) is not None
            return opposite if turned else role
    return ""


_DENIED_AFTER = re.compile(r"\b(?:not|cannot|can't|won't|isn't|aren't|never|no longer|nicht|kein|keine|pas|non)\b", re.IGNORECASE)


def _is_denied_after(text: str, item: Item) -> bool:
    """Whether a negation follows the figure in its sentence, which turns its bound round."""
    return _DENIED_AFTER.search(text, item.end) is not None


_BEFORE = re.compile(
    r"\s*(?:in advance|ahead|(?:working |business )?(?:before|prior to)|vor(?:her|aus)?|avant|prima|im voraus)\b", re.IGNORECASE
)


def _is_lead_time(text: str, item: Item) -> bool:
    """Whether the figure says how long before something: "at least a day before" and "at the latest a day before" are one."""
    return isinstance(item, Quantity) and _BEFORE.match(text, item.end) is not None


def bound_conflict(
    item: Item, claim: Statement, best: Placed, own: list[Placed], around: Sequence[SourceSentence]
) -> Finding | None:
    """ "Up to" against "at least", "before" against "after", "from" against "until" with the same figure."""
    mine = _role(claim.text, item)
    if not mine or (
        isinstance(item, Moment) and sum(moment.kind == item.kind for moment in claim.moments) > 1 and item.kind == "time"
    ):
        return None
    if _is_denied_after(claim.text, item) != _is_denied_after(best.sentence.statement.text, best.item):
        return None  # "more than 80 cannot be paid" says what "at most 80" says
    if _is_lead_time(claim.text, item) and _is_lead_time(best.sentence.statement.text, best.item):
        return None
    roles = {_role(placed.sentence.statement.text, placed.item) for placed in own if placed.fit >= best.fit - 0.05}
    if not roles or mine in roles or "" in roles:
        return None
    following = [best.sentence, *(other for other in around if other.number > best.sentence.number)]
    if any(_REFERS_BACK.search(other.statement.text) for other in following):
        return None
    told = {_role(placed.sentence.statement.text, placed.item) for placed in own}
    stated = best.sentence.statement.text[max(0, best.item.start - 20) : best.item.end].split(maxsplit=1)[-1]
    claimed = claim.text[max(0, item.start - 20) : item.end].split(maxsplit=1)[-1]
    return Finding(
        check="direction",
        contradicted=True,
        reason=f"“…{stated}” in the source, “…{claimed}” in the answer",
        veto=mine not in told,  # another sentence tells both sides of the figure
    )
