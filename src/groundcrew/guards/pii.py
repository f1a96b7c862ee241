"""Personal data in a text: patterns, checksums and the words around numbers find what has a form of its own, a small network
what only its surroundings give away (names, addresses, facilities, dates)."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal, get_args

import msgspec

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards import pii_numbers
from groundcrew.guards.escapes import with_spaces
from groundcrew.guards.pii_numbers import Screen, find_numbers
from groundcrew.guards.pii_text import HINT_SCORE_MAX, HINT_TYPES, segment_starts
from groundcrew.guards.redaction import apart_from
from groundcrew.guards.registry import Context, guard, verdict_of

#: What looks: the network and the patterns, or the patterns alone, which need well under a millisecond.
Detect = Literal["full", "patterns"]
DETECT: tuple[Detect, ...] = get_args(Detect)
#: Findings from this score on block where a policy enforces more than masking.
BLOCK_SCORE = 0.8
#: Texts whose findings are remembered, the oldest forgotten first: a call's texts are looked at by its guards and again when it
#: is recorded, and system prompts and the history of a conversation come again with every call.
RECENT_MAX = 512
#: Longer texts (code points) are looked at anew.
RECENT_LENGTH_MAX = 8_000
#: What the network looks at of one text, in code points; what lies beyond has patterns alone, and the verdict says so.
TEXT_LENGTH_MAX = 200_000
#: A finding of a pattern (code points) is decided by what follows within this length; an address or a link, which white space
#: ends, within its own.
AHEAD_MAX, RUN_LENGTH_MAX = 160, 2_400
#: From this score on a pattern has a checksum, a numbering plan or a form that is nothing else behind it.
SURE_SCORE = 0.95
_recent: dict[tuple[str, Detect], tuple[Finding, ...]] = {}

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9._%+'\-]{0,63})@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})\.){1,6}[A-Za-z]{2,24}"
    r"(?![A-Za-z0-9])"
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION_WORD = re.compile(r"(?i)(?:\bv(?:ersion)?|\brelease|\bbuild|\bsection|\bchapter)[ .:]*$")
_URL = re.compile(r"(?i)\b(?:https?|ftp)://[^\s<>\"']{4,2000}")
_URL_END = ".,;:!?)]}"
#: Linear in the address: what a name holds is looked for before the name is read to its end.
_URL_PERSONAL = re.compile(
    r"(?i)//[^/\s@][^/\s@:]*:[^/\s@]+@"
    r"|[?&](?=[a-z_-]*(?:token|key|secret|password|session|signature|email|phone|user|name|id|iban))[a-z_-]+="
)
#: A word that tells what an identifier is, then the identifier. Word and number are bounded, so matching stays linear.
_NAMED = (
    (
        "MRN",
        re.compile(
            r"(?i)\b(?:mrn|mr ?#|(?:medical |hospital |patient )?record ?(?:number|no\.?|#)"
            r"|(?:hospital|patient|chart|unit) ?(?:id|number|no\.?|#)"
            r"|(?:patienten|fall)(?:nummer|-nr\.?|nr\.?)|pat\.-nr\.?|(?:num[ée]ro de )?dossier(?: n°| n[ro]\.?)?"
            r"|cartella(?: clinica)?(?: n\.)?)"
            r"\s{0,3}(?:is\s|[:#=])?\s{0,3}#?([A-Z]{0,4}-?\d[\dA-Z\-]{3,17})\b"
        ),
    ),
    (
        "HEALTH_PLAN_ID",
        re.compile(
            r"(?i)\b(?:(?:health|insurance|medicare|medicaid) (?:plan|card|policy|beneficiary|member) ?"
            r"(?:id|number|no\.?|identifier)?|insurance (?:id|number|no\.?)|(?:medicare|medicaid) (?:id|number|no\.?)"
            r"|(?:member|subscriber|beneficiary|plan) (?:id|number|no\.?)|versicherten(?:nummer|-nr\.?)|kvnr"
            r"|(?:num[ée]ro|n°) d['’]assur[ée]|(?:numero|n\.) d['’]assicurato)"
            r"\s{0,3}(?:is\s|[:#=])?\s{0,3}#?([A-Z]{0,4}-?\d[\dA-Z\-]{4,19})\b"
        ),
    ),
)
_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]{0,7}\.?"
_DATE = (
    rf"(?:\d{{1,2}}[./\-]\d{{1,2}}[./\-]\d{{2,4}}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?:of\s)?{_MONTH},?\s\d{{4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}})"
)
_BIRTH = re.compile(
    rf"(?i)\b(?:born(?:\s(?:on|in))?|date of birth|birth ?date|birthday|d\.?o\.?b\.?|geboren(?:\sam)?|geburtsdatum|n[ée]e?\sle)"
    rf"\s{{0,3}}(?:is\s|was\s|[:=])?\s{{0,3}}({_DATE})"
)
#: Plain words, looked for before the patterns that need one of them: that is many times quicker.
_BIRTH_HINTS = ("birth", "born", "dob", "d.o.b", "gebor", "geburts", "né le", "née le", "ne le", "nee le")
#: What every match of a `_NAMED` pattern begins with.
_NAMED_STARTS = (
    *(
        "mrn",
        "mr#",
        "mr #",
        "medical ",
        "hospital",
        "record",
        "patient",
        "chart",
        "unit",
        "fallnummer",
        "fall-nr",
        "fallnr",
        "pat.-nr",
    ),
    *("numéro d", "numero d", "dossier", "cartella", "health ", "insurance ", "medicare ", "medicaid ", "n° d", "n. d"),
    *("member ", "subscriber ", "beneficiary ", "plan ", "versicherte", "kvnr"),
)
_IPV6_HINT = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IPV4_HINT = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")


#: Dates that name day, month and year, or a month by its name beside a number.
_ANY_DATE = re.compile(
    r"(?i)(?<![\w./\-])(?:(?:0?[1-9]|[12]\d|3[01])([./\-])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?Z?)?)"
    r"(?![\w/\-]|\.\d)"
)
_AGE = re.compile(
    r"(?i)\b(\d{1,3})(?=[ \-]?(?:years?|yrs?|y\.?/?o\.?|months?|weeks?)[ \-](?:old|of age)\b|[ \-]?(?:y/o|y\.o\.|yo)\b"
    r"|[ \-]jährige|\sJahre\salt\b|\sans,\s)"
    r"|\b(?:aged?|at the age of|im alter von|âgée? de)\s(\d{1,3})\b(?![.,]\d)"
)
_MASKED = re.compile(r"\[[A-Z][A-Z_]{0,40}(?:_\d{1,5})?\]")
#: What stands before a string of a tuned model's answer that quotes a request.
_QUOTES = '"text": '
_SPACES = re.compile(r"\s+")


def find(text: str, *, detect: Detect = "patterns") -> list[Finding]:
    """All findings in `text`, in no order.

    `detect="patterns"` finds EMAIL, PHONE, IBAN, CREDIT_CARD, SSN, IP, URL (one with credentials or identifying parameters), MRN,
    HEALTH_PLAN_ID and DATE (of birth); overlaps are possible. `detect="full"` finds all of `TYPES` without overlaps of different
    types, takes about a tenth of a millisecond per word, and raises InputError where the network's files are missing.
    """
    known = _recent.get((text, detect))
    if known is not None:
        return list(known)
    read = with_spaces(text)
    findings = _find(read) if detect == "patterns" else _find_all(read)
    if len(text) <= RECENT_LENGTH_MAX:
        if len(_recent) >= RECENT_MAX:
            with contextlib.suppress(KeyError, RuntimeError, StopIteration):  # another thread was quicker
                del _recent[next(iter(_recent))]
        _recent[text, detect] = tuple(findings)
    return findings


def find_where(text: str, asked: Callable[[str], bool]) -> list[Finding]:
    """As `find` with `detect="full"`, but the network looks only at those segments of `text` (shown with some of the text before
    them) of which `asked` says so. Nothing is remembered: for texts in bulk, each of which comes once."""
    return _find_all(with_spaces(text), asked)


def _find_all(text: str, asked: Callable[[str], bool] | None = None) -> list[Finding]:
    patterns = find(text) if asked is None else _find(text)
    patterns += (
        Finding(start=match.start(), end=match.end(), type="DATE", score=HINT_SCORE_MAX, reason="date")
        for match in _ANY_DATE.finditer(text)
    )
    for match in _AGE.finditer(text):
        start, end = match.span(1 if match.group(1) else 2)
        patterns.append(Finding(start=start, end=end, type="AGE", score=HINT_SCORE_MAX, reason="age"))
    if "://" in text:
        patterns += (
            Finding(
                start=match.start(), end=match.start() + len(match.group().rstrip(_URL_END)), type="URL", score=0.5, reason="link"
            )
            for match in _URL.finditer(text)
        )
    from groundcrew.guards import pii_network

    # A tag that stands for what was masked before is nobody's.
    tags = [(match.start(), match.end()) for match in _MASKED.finditer(text)] if "[" in text else []
    return _resolved(patterns, apart_from(pii_network.find(text[:TEXT_LENGTH_MAX], asked=asked), tags))


def _resolved(patterns: list[Finding], read: list[Finding]) -> list[Finding]:
    """Findings of patterns and of the network together. Where both speak of one place a checksum or a sure form wins, else the
    surer one; one type found by both is one finding.

    A pattern's finding never gives way to what begins after it: what begins before a place must not depend on what comes later.
    """
    patterns = sorted(patterns, key=lambda each: (each.start, -each.score, -each.end))
    kept: list[Finding] = []
    for each in patterns:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    ends = [each.end for each in kept]
    gone: set[int] = set()
    result: list[Finding] = []
    for each in read:
        index = bisect_right(ends, each.start)
        beside: list[int] = []
        while index < len(kept) and kept[index].start < each.end:
            beside.append(index)
            index += 1
        if not beside:
            result.append(each)
        elif all(each.start <= kept[at].start and _gives_way(kept[at], each) for at in beside):
            same = [kept[at] for at in beside if kept[at].type == each.type]
            if len(same) > 1:  # patterns tell two numbers apart
                continue
            gone.update(beside)
            end = max([each.end, *(other.end for other in same)])
            score = max([each.score, *(other.score for other in same)])
            result.append(msgspec.structs.replace(each, end=end, score=score, reason=same[0].reason if same else each.reason))
    return result + [each for index, each in enumerate(kept) if index not in gone]


def _gives_way(pattern: Finding, read: Finding) -> bool:
    if pattern.type == read.type:
        return pattern.type in ("DATE", "PHONE") and pattern.score < 1
    if pattern.type in ("DATE", "AGE"):  # the network's scores of them are capped, as these are
        return read.type not in HINT_TYPES and read.score >= SURE_SCORE
    return pattern.score < SURE_SCORE and (read.score > pattern.score or (read.start < pattern.start and read.end > pattern.end))


def _find(text: str) -> list[Finding]:
    findings: list[Finding] = []
    if "@" in text:
        findings += (
            Finding(start=match.start(), end=match.end(), type="EMAIL", score=1.0, reason="e-mail address")
            for match in _EMAIL.finditer(text)
        )
    if "://" in text:
        findings += _urls(text)
    if ":" in text and _IPV6_HINT.search(text):
        findings += _ipv6(text)
    screen = Screen(text)
    if not screen.digits:
        return findings
    if screen.long_numbers:
        findings += find_numbers(text)
    if screen.dotted and _IPV4_HINT.search(text):
        findings += _ipv4(text)
    lowered = text.lower()
    findings += (
        Finding(start=match.start(1), end=match.end(1), type=kind, score=0.9, reason="named by the words before it")
        for kind, match in _named(text, lowered)
    )
    if any(map(lowered.__contains__, _BIRTH_HINTS)):
        findings += (
            Finding(start=match.start(1), end=match.end(1), type="DATE", score=0.9, reason="date of birth")
            for match in _BIRTH.finditer(text)
        )
    return findings


def _named(text: str, lowered: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Identifiers that the words before them name. The patterns are tried only where one of their first words stands."""
    if len(lowered) != len(text):  # lower case moved the places: look everywhere
        for kind, pattern in _NAMED:
            yield from ((kind, match) for match in pattern.finditer(text))
        return
    starts: list[int] = []
    for word in _NAMED_STARTS:
        start = lowered.find(word)
        while start >= 0:
            starts.append(start)
            start = lowered.find(word, start + 1)
    starts.sort()
    for kind, pattern in _NAMED:
        done = 0
        for start in starts:
            if start >= done and (match := pattern.match(text, start)):
                done = match.end()
                yield kind, match


def _urls(text: str) -> Iterator[Finding]:
    for match in _URL.finditer(text):
        address = match.group().rstrip(_URL_END)
        if _URL_PERSONAL.search(address):
            yield Finding(
                start=match.start(),
                end=match.start() + len(address),
                type="URL",
                score=0.85,
                reason="address with credentials or identifying parameters",
            )


def _ipv4(text: str) -> Iterator[Finding]:
    for match in _IPV4.finditer(text):
        if _VERSION_WORD.search(text[max(0, match.start() - 16) : match.start()]):
            continue
        try:
            IPv4Address(match.group())
        except AddressValueError:
            continue
        yield Finding(start=match.start(), end=match.end(), type="IP", score=0.85, reason="IPv4 address")


def _ipv6(text: str) -> Iterator[Finding]:
    for match in _IPV6.finditer(text):
        candidate = match.group()
        if len(candidate) < 6 or not any(character.isdigit() for character in candidate):
            continue
        try:
            IPv6Address(candidate)
        except AddressValueError:
            continue
        yield Finding(start=match.start(), end=match.end(), type="IP", score=0.85, reason="IPv6 address")


def warm_patterns() -> None:
    """Load what the patterns need: the numbering plans."""
    pii_numbers.warm()


def warm() -> None:
    """Load what patterns and network need; InputError where the network's files are missing."""
    from groundcrew.guards import pii_network

    warm_patterns()
    pii_network.warm()


def settled(text: str) -> int:
    """How many code points of `text` are judged for good, for patterns and network alike: all closed segments whose findings no
    pattern can still change. What is held back is at most a segment, `AHEAD_MAX` and a word."""
    text = with_spaces(text.rstrip("\\"))  # a backslash at the end may still become white space
    place = max(0, len(text) - AHEAD_MAX)
    if _SPACES.search(text, place) is None:
        # An address or a link that is not at its end yet counts from its first character on.
        low = max(0, place - RUN_LENGTH_MAX)
        place = max(low, *(text.rfind(each, low, place) + 1 for each in (" ", "\n", "\t")))
    if place >= TEXT_LENGTH_MAX:  # beyond it there are patterns alone
        return place
    starts = segment_starts(text[:TEXT_LENGTH_MAX])
    return starts[max(0, bisect_right(starts, place) - 1)]


def quick(text: str, context: Context) -> Verdict | None:
    """The verdict where it is remembered, where there is nothing to look at, or where patterns alone look at a short text."""
    detect = _detect(context)
    if text.strip() and (text, detect) not in _recent and (detect == "full" or len(text) > RECENT_LENGTH_MAX):
        return None
    return check(text, context)


@guard("pii", warm=warm, by=frozenset({"knowledge", "own_words", "detect", "types", "allow"}), settled=settled, quick=quick)
def check(text: str, context: Context) -> Verdict:
    """Findings as in `find`. `context` may hold `detect` (full unless it says patterns), `types` (only these are reported),
    `allow` (values that are never reported) and `knowledge`: what an approved passage says itself is published, not personal.
    Of an answer with `own_words`, these alone are, where they stand as such (`beside_own`)."""
    detect = _detect(context)
    findings = find(text, detect=detect) if text.strip() else []
    if types := context.get("types"):
        findings = [each for each in findings if each.type in types]
    if findings and (allow := context.get("allow")):
        allowed = {_plain(each) for each in allow}
        findings = [each for each in findings if _plain(text[each.start : each.end]) not in allowed]
    if findings and (own := context.get("own_words")):
        findings = beside_own(text, findings, own)
    elif findings and (knowledge := context.get("knowledge")):
        findings = [each for each in findings if not is_published(text[each.start : each.end], knowledge)]
    verdict = verdict_of(findings, block_at=BLOCK_SCORE)
    whole = detect == "patterns" or len(text) <= TEXT_LENGTH_MAX
    return verdict if whole else msgspec.structs.replace(verdict, complete=False)


def _detect(context: Context) -> Detect:
    return "patterns" if context.get("detect") == "patterns" else "full"


def _plain(value: str) -> str:
    return _SPACES.sub(" ", value).strip().casefold()


def beside_own(text: str, findings: Sequence[Finding], own_words: Sequence[str]) -> list[Finding]:
    """The findings in a tuned model's answer but those within its own words: names and titles of labels, where one stands as a
    whole string of the JSON object. The same word in what the answer quotes of a request may be a person's name."""
    own: list[tuple[int, int]] = []
    for word in dict.fromkeys(own_words):
        written = msgspec.json.encode(word).decode()
        start = text.find(written)
        while start >= 0:
            if not text.endswith(_QUOTES, 0, start):
                own.append((start, start + len(written)))
            start = text.find(written, start + len(written))
    return [each for each in findings if not any(start <= each.start and each.end <= end for start, end in own)]


def is_published(value: str, knowledge: Sequence[str]) -> bool:
    """Whether a passage says `value`, not as a part of a longer word or number."""
    for passage in knowledge:
        start = passage.find(value)
        while start >= 0:
            end = start + len(value)
            inside = passage[max(0, start - 1) : start + 1], passage[end - 1 : end + 1]
            if not any(len(each) == 2 and each.isalnum() for each in inside):
                return True
            start = passage.find(value, start + 1)
    return False
