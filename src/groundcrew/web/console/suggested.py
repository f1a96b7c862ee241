"""Suggested labels as their reviewer sees them: each with its score and the words that it rests on, to be let stand, taken out or
added to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.trust import TrustReport
from groundcrew.services.suggested_labels import Answer, Suggested, change_of, places, read_answer
from groundcrew.web.console.highlight import placed_claims

#: Labels below the model's threshold that are offered besides the kept ones: a page is read, not searched.
OFFERED_MAX = 20
#: Labels that a page lists at most; a form has few more fields. A draft with more of them is read as text: what a page left out
#: would be taken out of what is signed.
LISTED_MAX = 200


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One label. `number` is the claim whose quote is its first evidence, `numbers` all of them; `checked`: it is part of what
    would be signed now; `suggested`: the model keeps it."""

    label: str
    title: str
    score: float | None
    because: str
    quotes: tuple[str, ...]
    number: int | None
    numbers: tuple[int, ...]
    checked: bool
    suggested: bool
    added: bool


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """All labels of a draft. `left_out` of the near misses are not listed; `removed` and `added` are what a decision changed."""

    model: str
    digest: str
    trust: float | None
    needs_person: bool
    reason: str
    rows: tuple[Row, ...]
    left_out: int
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    rejected: bool = False
    unknown: bool = False


def headline(draft: str) -> str:
    """What a list shows of a draft: of a tuned model's answer its labels with their titles, of any other text the text."""
    answer = read_answer(draft)
    if answer is None:
        return draft
    titles = {each.label: each.title for each in answer.suggestions}
    return " · ".join(f"{label} {titles.get(label, '')}".strip() for label in answer.labels) or "no label is suggested"


def suggestions_of(
    sign_off: SignOff, text: str, report: TrustReport | None, chosen: Sequence[str] | None = None
) -> Suggestions | None:
    """The labels of the draft with those checked that `text` (what stands to be signed) keeps, or that were `chosen` in a form
    that was not taken; None where the draft is no answer of a tuned model, or has more labels than a page lists."""
    draft = read_answer(sign_off.draft)
    if draft is None:
        return None
    released = sign_off.final_text if sign_off.decided_by is not None else None
    stands = read_answer(released or text) or draft
    checked = frozenset(stands.labels if chosen is None else chosen)
    numbers = _numbers(draft, sign_off.draft, report)
    kept = frozenset(draft.labels)
    near = [each for each in draft.suggestions if each.label not in kept and each.label not in checked]
    offered = {each.label for each in near[:OFFERED_MAX]}
    listed = [each for each in draft.suggestions if each.label in kept | checked | offered]
    listed += [each for each in stands.suggestions if each.added_by_person]
    if len(listed) > LISTED_MAX:
        return None
    change = change_of(sign_off)
    return Suggestions(
        model=draft.model,
        digest=draft.digest,
        trust=draft.trust,
        needs_person=draft.needs_person,
        reason=draft.reason,
        rows=tuple(_row(each, numbers.get(each.label, ()), each.label in checked, each.label in kept) for each in listed),
        left_out=len(near) - len(offered),
        removed=tuple(sorted(change.suggested - change.final)) if change is not None and change.final is not None else (),
        added=tuple(sorted(change.final - change.suggested)) if change is not None and change.final is not None else (),
        rejected=change is not None and change.rejected,
        unknown=change is not None and change.final is None and not change.rejected,
    )


def _numbers(draft: Answer, written: str, report: TrustReport | None) -> dict[str, tuple[int, ...]]:
    """Which claims of the report are the evidence of which label; nothing where they do not fit each other any more."""
    found = list(places(draft, written))
    if len(found) != len(placed_claims(written, report)):
        return {}
    numbers: dict[str, tuple[int, ...]] = {}
    for number, place in enumerate(found, start=1):
        if place.evidence is not None:
            label = place.suggested.label
            numbers[label] = (*numbers.get(label, ()), number)
    return numbers


def _row(each: Suggested, numbers: tuple[int, ...], checked: bool, suggested: bool) -> Row:
    return Row(
        label=each.label,
        title=each.title,
        score=each.score,
        because=each.because,
        quotes=tuple(piece.text for piece in each.evidence),
        number=numbers[0] if numbers else None,
        numbers=numbers,
        checked=checked,
        suggested=suggested,
        added=each.added_by_person,
    )
