"""Masks findings in a text with tags such as [PHONE], and carries offsets over from the text to its masked form."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from groundcrew.domain.guard import Finding
from groundcrew.domain.trust import TrustReport

#: Stands for reasons that may repeat what was masked.
MASKED_REASON = "masked, like the text that it is about"


class OffsetMap(msgspec.Struct, frozen=True, kw_only=True):
    """Where code points of a text went when it was masked. Parallel tuples, one entry per masked span, in order."""

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    tag_lengths: tuple[int, ...] = ()
    #: Masked length minus original length of everything before each span.
    shifts: tuple[int, ...] = ()

    def start(self, offset: int) -> int:
        """The masked offset for the start of a range; one inside a masked span goes to its tag's start."""
        return self._map(offset, inside_to_end=False)

    def end(self, offset: int) -> int:
        """The masked offset for the end of a range; one inside a masked span goes to its tag's end."""
        return self._map(offset, inside_to_end=True)

    def masks(self, start: int, end: int) -> bool:
        """Whether anything between `start` and `end` was masked."""
        return any(each < end and start < until for each, until in zip(self.starts, self.ends, strict=True))

    def _map(self, offset: int, *, inside_to_end: bool) -> int:
        index = bisect_right(self.starts, offset) - 1
        if index < 0:
            return offset
        start, end, tag_length, shift = self.starts[index], self.ends[index], self.tag_lengths[index], self.shifts[index]
        if offset == start:
            return start + shift
        if offset < end:
            return start + shift + (tag_length if inside_to_end else 0)
        return offset + shift + tag_length - (end - start)


_UNCHANGED = OffsetMap()


def redact(text: str, findings: Sequence[Finding]) -> tuple[str, OffsetMap]:
    """`text` with every finding replaced by its type in brackets. Overlapping findings become one, named after the one with
    the higher score (the longer, then the earlier one, where scores are equal)."""
    if not findings:
        return text, _UNCHANGED
    spans = _merged(sorted(findings, key=lambda each: (each.start, -each.end)), len(text))
    if not spans:
        return text, _UNCHANGED
    pieces: list[str] = []
    starts, ends, tags, shifts = [], [], [], []
    position = shift = 0
    for finding in spans:
        tag = f"[{finding.type}]"
        pieces += (text[position : finding.start], tag)
        starts.append(finding.start)
        ends.append(finding.end)
        tags.append(len(tag))
        shifts.append(shift)
        shift += len(tag) - (finding.end - finding.start)
        position = finding.end
    pieces.append(text[position:])
    offsets = OffsetMap(starts=tuple(starts), ends=tuple(ends), tag_lengths=tuple(tags), shifts=tuple(shifts))
    return "".join(pieces), offsets


def _merged(findings: list[Finding], length: int) -> list[Finding]:
    spans: list[Finding] = []
    for finding in findings:
        start, end = max(0, finding.start), min(length, finding.end)
        if start >= end:
            continue
        if spans and start < spans[-1].end:
            last = spans[-1]
            better = max((last, finding), key=lambda each: (each.score, each.end - each.start))
            spans[-1] = msgspec.structs.replace(better, start=last.start, end=max(last.end, end))
        else:
            spans.append(msgspec.structs.replace(finding, start=start, end=end))
    return spans


def remap_report(report: TrustReport, offsets: OffsetMap) -> TrustReport:
    """`report` with its offsets in the answer carried over to the masked answer; quotes lie in sources and stay. The reasons of
    a claim that was masked go, because they may name its words."""
    if not offsets.starts:
        return report
    return msgspec.structs.replace(
        report,
        claims=tuple(
            msgspec.structs.replace(
                claim,
                start=offsets.start(claim.start),
                end=offsets.end(claim.end),
                reasons=(MASKED_REASON,) if claim.reasons and offsets.masks(claim.start, claim.end) else claim.reasons,
            )
            for claim in report.claims
        ),
        unsupported=tuple((offsets.start(start), offsets.end(end)) for start, end in report.unsupported),
    )
