"""Cuts an answer at its claims and a source at its quotes, so that a page can mark both and lead from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from groundcrew.domain.call import SourceReference
from groundcrew.domain.trust import ClaimScore, TrustReport

ClaimState = Literal["supported", "unsupported", "contradicted"]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as the page shows it. `number` counts from 1; `source` is the source's number where there is a quote in it."""

    number: int
    text: str
    state: ClaimState
    support: float
    source: int | None
    reasons: tuple[str, ...]
    decided_by: str | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer: plain, or all of one claim's text up to the next cut."""

    text: str
    claim: Claim | None = None


class QuoteSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a source. `claims` are the numbers of the claims it is quoted for, `against` whether it contradicts one
    of them, `starts` the claims whose quote begins here."""

    text: str
    claims: tuple[int, ...] = ()
    against: bool = False
    starts: tuple[int, ...] = ()


class MarkedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source with its quotes marked; `quoted` says whether any claim rests on it."""

    number: int
    reference: SourceReference
    segments: tuple[QuoteSegment, ...]
    quoted: bool


def claims_of(text: str, report: TrustReport | None) -> tuple[Claim, ...]:
    """The claims of an answer in the order of their text. Those whose place lies outside the text are left out."""
    if report is None:
        return ()
    placed = sorted((each for each in report.claims if 0 <= each.start < each.end <= len(text)), key=lambda each: each.start)
    return tuple(
        Claim(
            number=number,
            text=text[each.start : each.end],
            state=_state(each, report),
            support=each.support,
            source=each.source + 1 if each.source is not None else None,
            reasons=each.reasons,
            decided_by=each.decided_by,
        )
        for number, each in enumerate(placed, start=1)
    )


def answer_segments(text: str, report: TrustReport | None) -> tuple[Segment, ...]:
    """The whole answer, cut at its claims; where two overlap, the one that starts first has the shared part."""
    claims = claims_of(text, report)
    if report is None or not claims:
        return (Segment(text=text),) if text else ()
    placed = placed_claims(text, report)
    segments, position = [], 0
    for claim, score in zip(claims, placed, strict=True):
        start = max(score.start, position)
        if start > position:
            segments.append(Segment(text=text[position:start]))
        if score.end > start:
            segments.append(Segment(text=text[start : score.end], claim=claim))
            position = score.end
    if position < len(text):
        segments.append(Segment(text=text[position:]))
    return tuple(segments)


def placed_claims(text: str, report: TrustReport | None) -> list[ClaimScore]:
    """The report's claims that lie in `text`, in its order, in which they are numbered."""
    found = (each for each in (report.claims if report else ()) if 0 <= each.start < each.end <= len(text))
    return sorted(found, key=lambda each: each.start)


def marked_sources(text: str, report: TrustReport | None, sources: Sequence[SourceReference]) -> tuple[MarkedSource, ...]:
    """Every source with the quotes of this report's claims marked; quotes may overlap, and then share their pieces."""
    placed = placed_claims(text, report)
    marked = []
    for index, source in enumerate(sources):
        quotes = [
            (number, each.quote[0], each.quote[1], each.contradicted)
            for number, each in enumerate(placed, start=1)
            if each.source == index and each.quote is not None and 0 <= each.quote[0] < each.quote[1] <= len(source.text)
        ]
        marked.append(
            MarkedSource(number=index + 1, reference=source, segments=_quote_segments(source.text, quotes), quoted=bool(quotes))
        )
    return tuple(marked)


def _quote_segments(text: str, quotes: Sequence[tuple[int, int, int, bool]]) -> tuple[QuoteSegment, ...]:
    cuts = sorted({0, len(text), *(start for _, start, _, _ in quotes), *(end for _, _, end, _ in quotes)})
    return tuple(
        QuoteSegment(
            text=text[start:end],
            claims=tuple(number for number, first, last, _ in quotes if first <= start and end <= last),
            against=any(against for _, first, last, against in quotes if first <= start and end <= last),
            starts=tuple(number for number, first, _, _ in quotes if first == start),
        )
        for start, end in pairwise(cuts)
    )


def _state(claim: ClaimScore, report: TrustReport) -> ClaimState:
    """Contradicted where the check says so; unsupported where any of it lies in an unsupported span, or no span decides."""
    if claim.contradicted:
        return "contradicted"
    if any(start < claim.end and claim.start < end for start, end in report.unsupported):
        return "unsupported"
    # A report without any span says that every claim is supported, unless it says otherwise as a whole.
    if report.state == "unsupported" and not report.unsupported:
        return "unsupported"
    return "supported" if report.state != "no_sources" else "unsupported"
