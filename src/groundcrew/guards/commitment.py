"""Commitments that an answer makes in the firm's name: prices, discounts, refunds, credits, deadlines, guarantees, contracts.

Each must be covered by the authority table or by approved knowledge. What is covered passes; what is not blocks where the firm
clearly commits itself, and flags where it only may. English, German, French and Italian; docs/how-to/commitments.md.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.commitments.authority import authorised, day_of, nearest, rows_of
from groundcrew.guards.commitments.figures import Figure
from groundcrew.guards.commitments.knowledge import PASSAGES_MAX, published
from groundcrew.guards.commitments.promises import Commitment, commitments
from groundcrew.guards.commitments.reading import CommitmentKind, Reading, read_sentence
from groundcrew.guards.commitments.sentences import settled as settled_sentences
from groundcrew.guards.commitments.sentences import split
from groundcrew.guards.escapes import with_spaces
from groundcrew.guards.registry import Context, guard, verdict_of

BLOCK_SCORE = 0.8
#: Texts (code points) that are read without a thread: about a millisecond.
QUICK_LENGTH_MAX = 1_000
#: Kind → the type of its findings.
TYPES: dict[CommitmentKind, str] = {"waiver": "credit", "free": "price", "terms": "contract"}


def settled(text: str) -> int:
    """How many code points of `text` are judged for good."""
    return settled_sentences(with_spaces(text.rstrip("\\")))  # a backslash at the end may still become a line break


def quick(text: str, context: Context) -> Verdict | None:
    """The verdict on a short text that promises nothing. To compare a promise with the passages takes some ten milliseconds."""
    if len(text) > QUICK_LENGTH_MAX:
        return None
    _, promised, complete = _read(text)
    return None if promised else Verdict(verdict="pass", complete=complete)


@guard("commitment", settled=settled, quick=quick)
def check(text: str, context: Context) -> Verdict:
    """Findings of the types price, discount, refund, credit, deadline, guarantee and contract that nothing covers.

    `context`: `authority` (rows as in `Authority`; a row that does not parse covers nothing), `knowledge` (passages),
    `request` (what the customer wrote: never a ground to commit), `today` (a date or ISO text; default: today, UTC).
    """
    readings, promised, complete = _read(text)
    if not promised:
        return Verdict(verdict="pass", complete=complete)
    rows, today = rows_of(context.get("authority") or ()), day_of(context.get("today"))
    given = context.get("knowledge") or ()
    passages = [each for each in given if isinstance(each, str)][:PASSAGES_MAX] if not isinstance(given, str) else [given]
    findings = [
        _finding(each, readings[each.sentence], nearest(each, rows, today))
        for each in promised
        if not authorised(each, rows, today) and not published(each, readings, passages)
    ]
    verdict = verdict_of(findings, block_at=BLOCK_SCORE)
    return verdict if complete else msgspec.structs.replace(verdict, complete=False)


def _read(text: str) -> tuple[list[Reading], list[Commitment], bool]:
    """The sentences of `text`, what they promise, and whether those are all."""
    text = with_spaces(text)
    sentences, complete = split(text)
    readings: list[Reading] = []
    for each in sentences:
        before = readings[-1].language if readings else None
        readings.append(read_sentence(text, each.start, each.end, before, item=each.item, opens=each.opens, heading=each.heading))
    return readings, [each for index in range(len(readings)) for each in commitments(readings, index)], complete


def _finding(commitment: Commitment, reading: Reading, because: str) -> Finding:
    kind = commitment.kinds[0]
    named = ", ".join(_shown(each) for each in commitment.figures[:3])
    what = f"promises a {TYPES.get(kind, kind)}" + (f" of {named}" if named else "")
    return Finding(
        start=reading.start,
        end=reading.end,
        type=TYPES.get(kind, kind),
        score=commitment.score,
        reason=f"{what}; {because}, and approved knowledge does not say it",
    )


def _shown(figure: Figure) -> str:
    if figure.kind == "money":
        return f"{figure.value:.15g} {figure.unit}".rstrip()
    return figure.text if figure.kind != "percent" else f"{figure.value:.4g} %"
