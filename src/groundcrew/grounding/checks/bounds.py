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
            return opposite if _NOT_NEAR.search(before[: match.start()]) and "later" not in match.group() else role
    return ""


def bound_conflict(
    item: Item, claim: Statement, best: Placed, own: list[Placed], around: Sequence[SourceSentence]
) -> Finding | None:
    """ "Up to" against "at least", "before" against "after", "from" against "until" with the same figure."""
    mine = _role(claim.text, item)
    if not mine or (
        isinstance(item, Moment) and sum(moment.kind == item.kind for moment in claim.moments) > 1 and item.kind == "time"
    ):
        return None
    roles = {_role(placed.sentence.statement.text, placed.item) for placed in own if placed.fit >= best.fit - 0.05}
    if not roles or mine in roles or "" in roles:
        return None
    following = [best.sentence, *(other for other in around if other.number > best.sentence.number)]
    if any(_REFERS_BACK.search(other.statement.text) for other in following):
        return None
    stated = best.sentence.statement.text[max(0, best.item.start - 20) : best.item.end].split(maxsplit=1)[-1]
    claimed = claim.text[max(0, item.start - 20) : item.end].split(maxsplit=1)[-1]
    return Finding(check="direction", contradicted=True, reason=f"“…{stated}” in the source, “…{claimed}” in the answer")
