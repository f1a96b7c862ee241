"""The hold-back window of one answer: what was generated and has not left, when to look at it again, and how much of it may
leave. Nothing leaves that a guard could still say something else about. Pure; `holdback` feeds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from groundcrew.domain.guard import Finding
from groundcrew.guards.redaction import Pseudonyms, redact
from groundcrew.guards.runner import RuleScan

#: Code points of new text from which on the guards look again: where a sentence has ended in it, and in any case. Both grow with
#: the answer, so that all looks together read a fixed multiple of it.
SENTENCE_STEP_LENGTH_MIN = 40
STEP_LENGTH_MIN = 240
SENTENCE_STEP_SHARE = 16
STEP_SHARE = 8
#: Where a look leaves more than this behind, the guards wait for the end: they would read the same again and again.
HOLD_BACK_LENGTH_MAX = 20_000
#: After so many failed scans in one answer a rule that fails open is not asked again before the end.
OPEN_FAILURES_MAX = 3

_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s|[。！？\n]")
#: How far back the end of a sentence may begin that new text completes.
_END_LENGTH = 4


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say about a text so far: its first `limit` code points are settled, with `masked` in them; `refusal` where
    a rule lets nothing more out."""

    limit: int = 0
    masked: tuple[Finding, ...] = ()
    refusal: RuleScan | None = None


class Window:
    """The text of one answer. Offsets count code points of the text as it was generated; `pseudonyms` are its call's tags."""

    def __init__(self, pseudonyms: Pseudonyms | None = None) -> None:
        self._pseudonyms = pseudonyms
        self._pieces: list[str] = []
        self._end = ""
        self._sentence_ended = self._waits = False
        #: Code points that have come, that were looked at, and that have left.
        self.length = self.scanned = self.left = 0
        #: What left: masked, tags not restored.
        self.left_text = ""

    def add(self, pieces: Iterable[str]) -> None:
        """Take in what was generated next."""
        for piece in pieces:
            self._pieces.append(piece)
            self.length += len(piece)
            around = self._end + piece
            self._sentence_ended = self._sentence_ended or _SENTENCE_END.search(around) is not None
            self._end = around[-_END_LENGTH:]

    @property
    def text(self) -> str:
        """Everything that has come."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def is_due(self) -> bool:
        """Whether there is enough new text to look at it again."""
        new = self.length - self.scanned
        if self._waits or not new:
            return False
        if self._sentence_ended and new >= max(SENTENCE_STEP_LENGTH_MIN, self.length // SENTENCE_STEP_SHARE):
            return True
        return new >= max(STEP_LENGTH_MIN, self.length // STEP_SHARE)

    def looked(self) -> None:
        """All of the text has been looked at."""
        self.scanned, self._sentence_ended = self.length, False

    def release(self, judged: Judged, limit: int) -> str:
        """The masked text that leaves next, "" where nothing does; `limit` is what others than the rules let out."""
        until = _clear_of(judged.masked, min(limit, judged.limit))
        if until <= self.left:
            self._waits = self.length - self.left > HOLD_BACK_LENGTH_MAX
            return ""
        findings = [
            msgspec.structs.replace(each, start=max(each.start, self.left) - self.left, end=min(each.end, until) - self.left)
            for each in judged.masked
            if self.left < each.end and each.start < until
        ]
        masked, _ = redact(self.text[self.left : until], findings, self._pseudonyms)
        self.left, self.left_text = until, self.left_text + masked
        self._waits = self.length - self.left > HOLD_BACK_LENGTH_MAX
        return masked


def judge(text: str, scans: Sequence[RuleScan]) -> Judged:
    """What `scans` of `text`, the beginning of an answer, let out of it.

    A rule that refuses does so as soon as a finding stands that makes its guard block, however the answer goes on. While it
    blocks for something that may still change, nothing more leaves. A scan that failed open lets everything out.
    """
    limit = len(text)
    findings: list[Finding] = []
    for scan in scans:
        if scan.refuses:
            return Judged(refusal=scan)
        if scan.failed or scan.rule.action == "allow":
            continue
        settled = min(limit, max(0, scan.settled))
        if scan.rule.action == "redact":
            findings += scan.verdict.findings
        elif scan.blocks:
            if any(each.start < scan.settled and each.score >= scan.verdict.score for each in scan.verdict.findings):
                return Judged(refusal=scan)
            settled = 0
        limit = settled
    masked = tuple(sorted((each for each in findings if each.start < limit), key=lambda each: each.start))
    return Judged(limit=_clear_of(masked, limit), masked=masked)


def _clear_of(findings: Sequence[Finding], limit: int) -> int:
    """The largest offset up to `limit` at which no span begins or goes on to cover that reaches beyond `limit`: spans that
    overlap are masked as one. `findings` are ordered by their start."""
    start = end = 0
    for finding in findings:
        if finding.start >= finding.end or finding.start >= limit:
            continue
        if finding.start >= end:
            start = finding.start
        end = max(end, finding.end)
    return start if end > limit else limit
