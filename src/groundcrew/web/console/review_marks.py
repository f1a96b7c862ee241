"""How a draft lies before who signs it: what each claim stands on, in which order to look at claims, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from groundcrew.services.sign_off_queue import Waiting
from groundcrew.web.console.highlight import Claim, MarkedSource, Segment

Standing = Literal["contradicted", "no_source", "weak", "supported"]
#: What a signer looks at first. Each has a sign besides its colour and its line.
STANDINGS: tuple[Standing, ...] = ("contradicted", "no_source", "weak", "supported")
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400

Urgency = Literal["overdue", "soon", "later", "none"]


class MarkedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim as its signer sees it. `quote` is what the source says, if any."""

    claim: Claim
    standing: Standing
    quote: str = ""
    #: Whether its words stand in the text that is to be signed; an edit may have taken them out.
    placed: bool = True

    @property
    def number(self) -> int:
        """The claim's number in the order of the text."""
        return self.claim.number


class MarkedPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the draft, plain or of a claim."""

    text: str
    mark: MarkedClaim | None = None


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline in words: ``due in 12 min``, ``overdue by 3 h``."""

    text: str = ""
    urgency: Urgency = "none"


def standing_of(claim: Claim, quote: str) -> Standing:
    """A claim that no approved passage supports is weak where the nearest passage is shown, and has no source otherwise."""
    if claim.state == "contradicted":
        return "contradicted"
    if claim.state == "supported":
        return "supported"
    return "weak" if quote else "no_source"


def marked_claims(claims: Sequence[Claim], sources: Sequence[MarkedSource]) -> tuple[MarkedClaim, ...]:
    """The claims in the order of looking: contradicted, without a source, weak, supported; each in the order of the text."""
    quotes = {number: text for source in sources for number, text in _quotes(source).items()}
    found = [
        MarkedClaim(claim=each, standing=standing_of(each, quotes.get(each.number, "")), quote=quotes.get(each.number, ""))
        for each in claims
    ]
    return tuple(sorted(found, key=lambda each: (STANDINGS.index(each.standing), each.number)))


def marked_pieces(segments: Sequence[Segment], marks: Sequence[MarkedClaim]) -> tuple[MarkedPiece, ...]:
    """The draft in pieces, each claim with its mark."""
    by_number = {each.number: each for each in marks}
    return tuple(MarkedPiece(text=each.text, mark=by_number.get(each.claim.number) if each.claim else None) for each in segments)


def moved_pieces(text: str, marks: Sequence[MarkedClaim]) -> tuple[tuple[MarkedPiece, ...], tuple[MarkedClaim, ...]]:
    """A changed draft in pieces: claims whose words still stand in it in their order are marked; others are not `placed`."""
    pieces: list[MarkedPiece] = []
    placed: set[int] = set()
    position = 0
    for mark in sorted(marks, key=lambda each: each.number):
        start = text.find(mark.claim.text, position)
        if start < 0:
            continue
        if start > position:
            pieces.append(MarkedPiece(text=text[position:start]))
        pieces.append(MarkedPiece(text=mark.claim.text, mark=mark))
        placed.add(mark.number)
        position = start + len(mark.claim.text)
    if position < len(text):
        pieces.append(MarkedPiece(text=text[position:]))
    return tuple(pieces), tuple(msgspec.structs.replace(each, placed=each.number in placed) for each in marks)


def counts(marks: Sequence[MarkedClaim]) -> dict[Standing, int]:
    """How many claims stand how; those that do not occur are left out."""
    found: dict[Standing, int] = {}
    for name in STANDINGS:
        number = sum(each.standing == name for each in marks)
        if number:
            found[name] = number
    return found


def timer(seen: Waiting) -> Timer:
    """How the service level of a draft that waits stands."""
    if seen.due_in_s is None or seen.sign_off.state != "pending":
        return Timer()
    if seen.timing == "overdue":
        return Timer(text=f"overdue by {length(-seen.due_in_s)}", urgency="overdue")
    return Timer(text=f"due in {length(seen.due_in_s)}", urgency="soon" if seen.timing == "due_soon" else "later")


def length(seconds: float) -> str:
    """A time span in the largest unit that fits: ``40 s``, ``12 min``, ``3 h``, ``5 d``."""
    if seconds < MINUTE_S:
        return f"{int(seconds)} s"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min"
    if seconds < 2 * DAY_S:
        return f"{int(seconds // HOUR_S)} h"
    return f"{int(seconds // DAY_S)} d"


def _quotes(source: MarkedSource) -> dict[int, str]:
    found: dict[int, str] = {}
    for segment in source.segments:
        for number in segment.claims:
            found[number] = found.get(number, "") + segment.text
    return found
