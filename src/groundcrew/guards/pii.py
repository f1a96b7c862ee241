"""Personal data in a text, found by patterns, checksums and the words around them. Names, addresses and free-text dates need a
model and are not found here."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.pii_numbers import Screen, find_numbers, warm
from groundcrew.guards.registry import Context, guard, verdict_of

#: Findings from this score on block where a policy enforces more than masking.
BLOCK_SCORE = 0.8
#: Texts whose findings are remembered, the oldest forgotten first: a call's texts are looked at by its guards and again when it
#: is recorded, and system prompts and the history of a conversation come again with every call.
RECENT_MAX = 512
#: Longer texts (code points) are looked at anew.
RECENT_LENGTH_MAX = 8_000
#: What looks: the network and the patterns, or the patterns alone, which need well under a millisecond.
Detect = Literal["full", "patterns"]
_recent: dict[str, tuple[Finding, ...]] = {}

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9._%+'\-]{0,63})@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})\.){1,6}[A-Za-z]{2,24}"
    r"(?![A-Za-z0-9])"
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION_WORD = re.compile(r"(?i)(?:\bv(?:ersion)?|\brelease|\bbuild|\bsection|\bchapter)[ .:]*$")
_URL = re.compile(r"(?i)\b(?:https?|ftp)://[^\s<>\"']{4,2000}")
_URL_PERSONAL = re.compile(
    r"(?i)//[^/\s@]+:[^/\s@]+@|[?&](?:[a-z_-]*(?:token|key|secret|password|session|signature|email|phone|user|name|id|iban)[a-z_-]*)="
)
#: A word that tells what an identifier is, then the identifier. Word and number are bounded, so matching stays linear.
_NAMED = (
    (
        "MRN",
        re.compile(
            r"(?i)\b(?:mrn|medical record (?:number|no\.?|#)|patient (?:id|number|no\.?)|chart (?:number|no\.?)"
            r"|patienten(?:nummer|-nr\.?|nr\.?))"
            r"\s{0,3}(?:is\s|[:#=])?\s{0,3}#?([A-Z]{0,4}-?\d[\dA-Z\-]{3,17})\b"
        ),
    ),
    (
        "HEALTH_PLAN_ID",
        re.compile(
            r"(?i)\b(?:(?:health|insurance|medicare|medicaid) (?:plan|card|policy|beneficiary|member) ?"
            r"(?:id|number|no\.?|identifier)?"
            r"|member (?:id|number)|beneficiary (?:id|number)|versichertennummer|versicherten-nr\.?|kvnr)"
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
    *("mrn", "medical record", "patient", "chart ", "health ", "insurance ", "medicare ", "medicaid "),
    *("member ", "beneficiary ", "versicherte", "kvnr"),
)
_IPV6_HINT = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IPV4_HINT = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")


def find(text: str, *, detect: Detect = "patterns") -> list[Finding]:
    """All findings in `text`, in no order; overlaps are possible. Types that patterns find: EMAIL, PHONE, IBAN, CREDIT_CARD, SSN,
    IP, URL (one with credentials or identifying parameters), MRN, HEALTH_PLAN_ID, DATE (of birth). `detect="full"` asks for all
    that the guard can find; until the network is there that is the same."""
    known = _recent.get(text)
    if known is not None:
        return list(known)
    findings = _find(text)
    if len(text) <= RECENT_LENGTH_MAX:
        if len(_recent) >= RECENT_MAX:
            with contextlib.suppress(KeyError, RuntimeError, StopIteration):  # another thread was quicker
                del _recent[next(iter(_recent))]
        _recent[text] = tuple(findings)
    return findings


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
        address = match.group().rstrip(".,;:!?)]}")
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


@guard("pii", inline=True, warm=warm, by=frozenset({"knowledge"}))
def check(text: str, context: Context) -> Verdict:
    """Findings as in `find`; what an approved passage (`context["knowledge"]`) says itself is published, not personal."""
    findings = find(text)
    knowledge = context.get("knowledge") or ()
    if findings and knowledge:
        findings = [each for each in findings if not any(text[each.start : each.end] in passage for passage in knowledge)]
    return verdict_of(findings, block_at=BLOCK_SCORE)
