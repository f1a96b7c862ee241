"""Masks findings in a text with tags such as [PHONE], carries offsets over from the text to its masked form, and knows for the
length of one call which value a tag stands for."""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

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
#: A tag: a type and, from the second value of that type on, a number. Guards of plug-ins name types as they like.
_TAG = re.compile(r"\[[^\[\]\s]{1,80}\]")
#: Tags that one call gives; values beyond it share the tag of their type without a number, which is then never restored.
TAGS_MAX = 10_000
#: Types whose values are one person's or one thing's wherever they stand in a call, so that one found in one text is known in
#: the others; how many such values are looked for, and from which length on (names: one word longer, or several words).
_KNOWN_TYPES = frozenset(
    {
        *("PERSON", "EMAIL", "PHONE", "ADDRESS", "IBAN", "CREDIT_CARD", "SSN", "MRN", "HEALTH_PLAN_ID", "ID"),
        "SECRET",
    }
)
KNOWN_MAX = 256
KNOWN_LENGTH_MIN = 5


class Pseudonyms(msgspec.Struct, eq=False):
    """The tags of one call, and what they stand for. The same value of a type always has the same tag, other values others:
    [PERSON], [PERSON_2], … Values are compared without case and with white space folded.

    Lives in memory for as long as its call and is written nowhere. Only values whose rule says so can be put back; what is put
    back is what the call's own request held. A tag that no value has, since the model or the client made it up, stays.

    Who passes a stream on, checked or not, while `restores` is true: keep for every text of the stream apart (the content of
    each choice or content block, the arguments of each tool call) what came and has not left; let all of it but the last
    `open_tail` code points leave through `restore` (`restore_json` for the arguments of a tool call, which are JSON as text),
    and the rest when that text ends. Guards, gathering, records and caches get the text as it came. Reasoning is not restored,
    since providers sign it.
    """

    _tags: dict[tuple[str, str], str] = {}
    _counts: dict[str, int] = {}
    #: A call that is cut may be masked for its record while a thread still masks it.
    _lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    #: Texts whose tags are looked for once a tag is needed: most calls need none.
    _unread: list[tuple[str, bool]] = []
    #: Types of values that are looked for in every text of the call.
    _known: dict[str, str] = {}
    #: Tags that are in use, by a value or literally in a text of the call; and those that are both.
    _taken: set[str] = set()
    _unclear: set[str] = set()
    #: What can be put back, by tag.
    _values: dict[str, str] = {}
    _length_max: int = 0

    def copy(self) -> Pseudonyms:
        """The same tags for the same values; what either is told from here on is nothing to the other."""
        other = Pseudonyms()
        with self._lock:
            other._tags, other._counts = dict(self._tags), dict(self._counts)
            other._known, other._values = dict(self._known), dict(self._values)
            other._taken, other._unclear = set(self._taken), set(self._unclear)
            other._unread, other._length_max = list(self._unread), self._length_max
        return other

    @property
    def restores(self) -> bool:
        """Whether there is anything that could be put back."""
        return bool(self._values)

    @property
    def tags(self) -> int:
        """How many values have a tag."""
        return len(self._tags)

    def reserve(self, texts: Iterable[str]) -> None:
        """Take the tags that `texts` hold literally out of use. One that already stands for a value is no longer put back, since
        nobody could tell which of the two an answer means."""
        self._note(texts, unclear=True)

    def avoid(self, texts: Iterable[str]) -> None:
        """The same for texts that use this call's tags, as answers do: theirs that stand for a value keep doing so."""
        self._note(texts, unclear=False)

    def _note(self, texts: Iterable[str], *, unclear: bool) -> None:
        self._unread += [(text, unclear) for text in texts if "[" in text]
        if self._tags:
            with self._lock:
                self._read()

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        for text, unclear in unread:
            for tag in _TAG.findall(text):
                if unclear and tag in self._taken:
                    self._unclear.add(tag)
                    self._values.pop(tag, None)
                self._taken.add(tag)

    def tag(self, kind: str, value: str, *, restorable: bool = False) -> str:
        """The tag for `value`, which is of the type `kind`. `restorable` values are put back by `restore`."""
        folded = (kind, " ".join(value.split()).casefold())
        with self._lock:
            if self._unread:
                self._read()
            tag = self._tags.get(folded)
            if tag is None:
                if len(self._tags) >= TAGS_MAX:
                    tag = f"[{kind}]"
                    self._unclear.add(tag)
                    self._values.pop(tag, None)
                    return tag
                count = self._counts.get(kind, 0)
                while tag is None or tag in self._taken:
                    count += 1
                    tag = f"[{kind}]" if count == 1 else f"[{kind}_{count}]"
                self._counts[kind] = count
                self._tags[folded] = tag
                self._taken.add(tag)  # a type of a plug-in may end in a number: no two values share a tag
            if kind in _KNOWN_TYPES and len(self._known) < KNOWN_MAX and _is_known_by_itself(kind, value):
                self._known[value] = kind
            if restorable and tag not in self._values and tag not in self._unclear and _TAG.fullmatch(tag):
                self._values[tag] = value
                self._length_max = max(self._length_max, len(tag))
        return tag

    def occurrences(self, text: str) -> list[Finding]:
        """Where `text` holds values that have a tag already, as whole words: what was found in one text of a call is masked in
        the others as well, also where nothing around it tells what it is."""
        found: list[Finding] = []
        for value, kind in tuple(self._known.items()):
            start = text.find(value)
            while start >= 0:
                end = start + len(value)
                if not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum():
                    found.append(Finding(start=start, end=end, type=kind, score=1.0, reason="found in another text of the call"))
                start = text.find(value, end)
        return found

    def without_tags(self, text: str, findings: list[Finding]) -> list[Finding]:
        """`findings` as far as they do not lie over a tag of this call: what stands beside one is still to be masked."""
        if not self._tags or "[" not in text:
            return findings
        given = set(self._tags.values())
        spans = [match.span() for match in _TAG.finditer(text) if match.group() in given]
        ends = [end for _, end in spans]
        kept: list[Finding] = []
        for each in findings:
            index, start = bisect_right(ends, each.start), each.start
            while index < len(spans) and spans[index][0] < each.end:
                kept += _part(text, each, start, spans[index][0])
                start, index = spans[index][1], index + 1
            kept += _part(text, each, start, each.end) if start > each.start else [each]
        return kept

    def restore(self, text: str) -> str:
        """`text` with values in the place of their tags."""
        if not self._values or "[" not in text:
            return text
        return _TAG.sub(lambda match: self._values.get(match.group(), match.group()), text)

    def restore_mapped(self, text: str) -> tuple[str, OffsetMap]:
        """As `restore`, with how offsets moved."""
        if not self._values or "[" not in text:
            return text, _UNCHANGED
        return _replace(
            text,
            [
                (match.start(), match.end(), value)
                for match in _TAG.finditer(text)
                if (value := self._values.get(match.group())) is not None
            ],
        )

    def restore_json(self, text: str) -> str:
        """The same for a text that is JSON, or a piece of one: values are escaped as inside of a JSON string."""
        if not self._values or "[" not in text:
            return text
        return _TAG.sub(lambda match: self._escaped(match.group()), text)

    def _escaped(self, tag: str) -> str:
        value = self._values.get(tag)
        return tag if value is None else json.dumps(value, ensure_ascii=False)[1:-1]

    def open_tail(self, text: str) -> int:
        """How many code points at the end of `text` may be the beginning of a tag that `restore` would replace. 0: none."""
        if not self._values:
            return 0
        start = text.rfind("[", max(0, len(text) - self._length_max + 1))
        if start < 0:
            return 0
        tail = text[start:]
        return len(tail) if any(each.startswith(tail) for each in self._values) else 0


def _part(text: str, finding: Finding, start: int, end: int) -> list[Finding]:
    """`finding` between `start` and `end`, where any letter or digit stands there."""
    return [msgspec.structs.replace(finding, start=start, end=end)] if any(map(str.isalnum, text[start:end])) else []


def apart_from(findings: Iterable[Finding], spans: Iterable[tuple[int, int]]) -> list[Finding]:
    """`findings` that share no place with any of `spans`. Both may be very many."""
    ordered = sorted(spans)
    starts = [start for start, _ in ordered]
    ends = list(accumulate((end for _, end in ordered), max))  # where all spans up to each have ended

    def is_apart(each: Finding) -> bool:
        index = bisect_left(starts, each.end) - 1
        return index < 0 or ends[index] <= each.start

    return [each for each in findings if is_apart(each)]


def _is_known_by_itself(kind: str, value: str) -> bool:
    return len(value) >= KNOWN_LENGTH_MIN and (kind != "PERSON" or len(value) > KNOWN_LENGTH_MIN or " " in value)


def redact(
    text: str,
    findings: Sequence[Finding],
    pseudonyms: Pseudonyms | None = None,
    *,
    restorable: Sequence[Finding] = (),
) -> tuple[str, OffsetMap]:
    """`text` with every finding, the `restorable` ones too, replaced by its tag: its type in brackets, or what `pseudonyms` say.
    Overlapping findings become one, named after the one with the higher score (the longer, then the earlier one, where scores
    are equal). A span can be put back where all its findings are restorable."""
    if not findings and not restorable:
        return text, _UNCHANGED
    spans = _merged(sorted((*findings, *restorable), key=lambda each: (each.start, -each.end)), len(text))
    if not spans:
        return text, _UNCHANGED
    replaced: list[tuple[int, int, str]] = []
    finals = [(each.start, each.end) for each in findings]
    open_ends = {each.end for each in apart_from(spans, finals)} if restorable and pseudonyms is not None else ()
    for finding in spans:
        value = text[finding.start : finding.end]
        if pseudonyms is None:
            tag = f"[{finding.type}]"
        else:
            tag = pseudonyms.tag(finding.type, value, restorable=finding.end in open_ends)
        replaced.append((finding.start, finding.end, tag))
    return _replace(text, replaced)


def _replace(text: str, spans: Sequence[tuple[int, int, str]]) -> tuple[str, OffsetMap]:
    """`text` with each span from start to end, which are in order and apart, replaced."""
    pieces: list[str] = []
    starts, ends, lengths, shifts = [], [], [], []
    position = shift = 0
    for start, end, new in spans:
        pieces += (text[position:start], new)
        starts.append(start)
        ends.append(end)
        lengths.append(len(new))
        shifts.append(shift)
        shift += len(new) - (end - start)
        position = end
    pieces.append(text[position:])
    offsets = OffsetMap(starts=tuple(starts), ends=tuple(ends), tag_lengths=tuple(lengths), shifts=tuple(shifts))
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


def remap_report(report: TrustReport, offsets: OffsetMap, *, reasons_stay: bool = False) -> TrustReport:
    """`report` with its offsets in the answer carried over to the masked answer; quotes lie in sources and stay. The reasons of
    a claim that was masked go, because they may name its words, unless `reasons_stay`."""
    if not offsets.starts:
        return report
    return msgspec.structs.replace(
        report,
        claims=tuple(
            msgspec.structs.replace(
                claim,
                start=offsets.start(claim.start),
                end=offsets.end(claim.end),
                reasons=(
                    (MASKED_REASON,)
                    if claim.reasons and not reasons_stay and offsets.masks(claim.start, claim.end)
                    else claim.reasons
                ),
            )
            for claim in report.claims
        ),
        unsupported=tuple((offsets.start(start), offsets.end(end)) for start, end in report.unsupported),
    )
