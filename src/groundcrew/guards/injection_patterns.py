"""What is sure about attempts to give a model other orders, as patterns, and the plain reading of texts that were written to slip
past a filter: look-alike letters, invisible marks, letters set apart, base64."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

import msgspec

from groundcrew.guards.registry import FINDINGS_MAX


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern. What it finds speaks beside the network; a `sure` one counts by itself, whatever the network says. A text must
    hold one of the plain words `hints` for it to be tried at all."""

    score: float
    reason: str
    hints: tuple[str, ...]
    expression: re.Pattern[str]
    sure: bool = False


def _pattern(score: float, reason: str, hints: str, *expressions: str, sure: bool = False, flags: re.RegexFlag = re.I) -> Pattern:
    return Pattern(
        score=score, reason=reason, hints=tuple(hints.split(",")), expression=re.compile("|".join(expressions), flags), sure=sure
    )


#: Every gap between words is bounded, so that matching stays linear in the text's length.
PATTERNS: tuple[Pattern, ...] = (
    _pattern(
        0.95,
        "asks to drop the earlier instructions",
        "ignore,disregard,forget,override,bypass,discard",
        r"\b(?:ignore|disregard|forget|override|bypass|discard)\b[^.\n]{0,30}?\b(?:all|any|the|your|my|these|those|previous|prior|"
        r"above|earlier|preceding)\b[^.\n]{0,30}?\b(?:instructions?|prompts?|rules?|guidelines?|directives?|programming|training)\b",
    ),
    _pattern(
        0.95,
        "asks to drop the earlier instructions",
        "ignorier,vergiss,missachte,ignore,oublie,ignora,dimentica,olvida",
        r"\b(?:ignorier\w{0,3}|vergiss|missachte\w?)\b[^.\n]{0,40}?\b(?:anweisung|instruktion|regel|vorgabe|richtlinie|befehl)",
        r"\b(?:ignore[zr]?|oublie[zr]?)\s(?:toutes?\s|tous\s)?(?:les|tes|vos|ces)\b[^.\n]{0,30}?"
        r"\b(?:instructions?|consignes?|règles?|directives?)\b",
        r"\b(?:ignora|ignori|dimentica)\b[^.\n]{0,40}?\b(?:istruzioni|regole|direttive)\b",
        r"\b(?:ignora|ignore|olvida|olvide)\b[^.\n]{0,40}?\b(?:instrucciones|reglas|órdenes|directrices)\b",
    ),
    _pattern(
        0.9,
        "asks for the hidden instructions",
        "prompt,instruction,message",
        r"\b(?:reveal|print|show|repeat|output|display|leak|tell me)\b[^.\n]{0,40}?"
        r"\b(?:system|hidden|initial|secret|original|developer)\s(?:prompt|instructions?|message)\b",
    ),
    _pattern(
        0.9,
        "sets up an unrestricted persona",
        "dan,jailbroken,unfiltered,uncensored,unrestricted,amoral,without",
        r"\b(?:you are|act as|pretend to be|become|simulate|role-?play as)\b[^.\n]{0,60}?"
        r"\b(?:dan|jailbroken|unfiltered|uncensored|unrestricted|amoral"
        r"|without (?:any )?(?:restrictions|rules|limits|filters|ethic))",
    ),
    _pattern(
        0.85,
        "claims a special mode",
        " mode",
        r"\b(?:developer|god|debug|maintenance|jailbreak|sudo|dan) mode\b[^.\n]{0,30}?\b(?:enabled?|on|activated?|now)\b",
    ),
    _pattern(
        0.9,
        "forges the chat's own markup",
        "<|,[inst,[/inst,[sys,[/sys,<<,##",
        r"<\|(?:im_start|im_end|system|endoftext)\|>|\[/?(?:INST|SYS)\]|<</?SYS>>",
        r"^\s{0,3}#{2,4}\s?(?:system|new instructions?)\b",
        sure=True,
        flags=re.I | re.M,
    ),
    _pattern(
        0.85,
        "forges the end of a block of data",
        "passage-,</passage,</document,</data",
        r"</?passage-[\w-]{0,40}>?",
        r"</(?:passage|document|data)\s?>[^\n]{0,5}\s{0,3}(?:<(?:system|admin|instructions?)>|(?:system|admin|new orders?)\s?:)",
        sure=True,
    ),
    _pattern(
        0.85,
        "demands rules to be dropped",
        "ignore,disregard,break,bypass,anything",
        r"\byou (?:must|will|can|should|are (?:free|allowed|able) to)\s(?:now\s)?"
        r"(?:ignore|disregard|break|bypass|say anything|do anything)\b",
    ),
    _pattern(
        0.8,
        "announces new orders",
        "instruction,orders,directive",
        r"\b(?:new|updated|real|actual)\s(?:system\s)?(?:instructions?|orders|directives?)\s{0,2}:",
    ),
)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pattern holds, in code points of the text."""

    start: int
    end: int
    score: float
    reason: str
    sure: bool


#: Matches of one pattern in one text at most: one more than a verdict carries, which then says that it is not complete.
MATCHES_MAX = FINDINGS_MAX + 1


def matches_of(text: str) -> list[Match]:
    """All patterns over all of `text`."""
    lowered = text.lower()
    found = []
    for pattern in PATTERNS:
        if not any(hint in lowered for hint in pattern.hints):
            continue
        for number, match in enumerate(pattern.expression.finditer(text)):
            if number == MATCHES_MAX:
                break
            found.append(
                Match(start=match.start(), end=match.end(), score=pattern.score, reason=pattern.reason, sure=pattern.sure)
            )
    return found


# --- plain reading --------------------------------------------------------------------------------------------------------------

#: Letters of other scripts that look like Latin ones (Unicode's confusables, the ones in use).
_ALIKE = dict(
    zip(
        "асеорхуіјѕԁһԛԝАВЕКМНОРСТХУІЈЅαεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aceopxyijsdhqwABEKMHOPCTXYIJSaeiknoptuxABEZHIKMNOPTYX",
        strict=True,
    )
)
_ODD = re.compile(r"[^\x00-\u024f\u2010-\u2027\u2030-\u205e\u20ac\u2190-\u2bff]")
_MIXED_WORD = re.compile(r"[A-Za-z][\u0370-\u04ff\u0501-\u052f]|[\u0370-\u04ff\u0501-\u052f][A-Za-z]")
#: Four letters or more, each apart from the next by one blank, dot, dash or underscore.
_SPACED = re.compile(r"(?<!\w)(?:[A-Za-z][ ._\-]){3,40}[A-Za-z](?!\w)")


class PlainText(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a reader sees it, and for every code point of it where its origin starts and ends in the original."""

    text: str
    starts: list[int]
    ends: list[int]


#: Text in base64 (bounded, on its own) and longer blobs that are no text; how many of them are decoded.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,8000}={0,2}(?![A-Za-z0-9+/=])")
ENCODED_MAX = 8
#: A blob from this length on that is no text is left out: it says nothing.
BLOB_LENGTH_LEAST = 80
PRINTABLE_SHARE = 0.97


def plain_text(text: str) -> PlainText | None:
    """`text` without invisible marks, with Latin letters for those that only look like them, with letters that were set apart
    joined, and with base64 decoded where it holds words; None where there is nothing to change."""
    odd, spaced, blobs = _ODD.search(text) is not None, _SPACED.search(text) is not None, _BASE64.search(text) is not None
    if not odd and not spaced and not blobs:
        return None
    mixed = odd and _MIXED_WORD.search(text) is not None
    dropped: set[int] = set()
    for match in _SPACED.finditer(text) if spaced else ():
        dropped.update(range(match.start() + 1, match.end(), 2))
    replaced = dict(_encoded_parts(text)) if blobs else {}
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place, length = 0, len(text)
    while place < length:
        end, written = place + 1, text[place]
        if place in replaced:
            end, written = replaced[place]
        elif place in dropped:
            written = ""
        elif written > "\u024f":
            written = _plain_character(written, mixed=mixed)
        characters.append(written)
        starts.extend([place] * len(written))
        ends.extend([end] * len(written))
        place = end
    plain = "".join(characters)
    return None if plain == text else PlainText(text=plain, starts=starts, ends=ends)


def _plain_character(character: str, *, mixed: bool) -> str:
    if unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    return unicodedata.normalize("NFKC", _ALIKE.get(character, character) if mixed else character)


def _encoded_parts(text: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """Start, end and meaning of what stands in `text` in base64: several words, or nothing for a long blob that is no text."""
    for number, match in enumerate(_BASE64.finditer(text)):
        meaning = _decoded(match.group()) if number < ENCODED_MAX else None
        if meaning is not None:
            yield match.start(), (match.end(), meaning)
        elif match.end() - match.start() >= BLOB_LENGTH_LEAST:
            yield match.start(), (match.end(), "")


def _decoded(blob: str) -> str | None:
    """The words that `blob` holds in base64; None where it holds none."""
    digits = blob.rstrip("=")
    try:
        meaning = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    printable = sum(character.isprintable() or character.isspace() for character in meaning)
    return meaning if meaning.count(" ") >= 2 and printable >= PRINTABLE_SHARE * len(meaning) else None
