"""Cuts an answer into sentences in four languages, without being misled by abbreviations, figures, dates and capitals; what a
prefix of a text is cut into stays when the text goes on, save for its end."""

from __future__ import annotations

import re

import msgspec

from groundcrew.guards.commitments.words import word_set

SENTENCES_MAX = 600
SENTENCE_CHARS_MAX = 1_000
#: A line at least this long that ends without punctuation goes on in the next one.
WRAPPED_LINE_CHARS_MIN = 40

_BOUNDARY = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|\n+[ \t\r\n]*")
_BULLET = re.compile(r"[ \t]*(?:[-*•‣◦▪–—·>]+|\(?\d{1,2}[.)]|#{1,6})[ \t]+")
_WORD_BEFORE = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")
_NEXT_WORD = re.compile(r"\s*[\"'“„«(]*([^\W_]+)")
_CLOSING = re.compile(r"[.!?:;,…][\"'”’»)\]*_]*\s*$")
_ABBREVIATIONS = word_set(
    """dr mr mrs ms prof st e.g i.e eg ie approx vs cf z.b zb d.h dh u.a ua bzw ca inkl exkl evtl ggf sog vgl tel hr fr mio
    mrd tsd dipl ing str p.ex ex mme mlle dott sig sig.ra ecc pag incl excl max mind min z u.s usw art abs no nr nos
    sfr resp bspw zzgl zt geb ev"""
)
#: End a sentence unless a digit follows.
_BEFORE_DIGIT = word_set("fr no nr nos art abs p s sfr ca max min mind tel ziff kap ex")
_ENDING = word_set("no max min ex ca st usw ecc ev s z fr")
#: Words that begin a sentence after "p.m.".
_STARTING = word_set("we you i our the if please it this your there for a in he she they that no not")
_MONTHS = (
    *("jan", "feb", "mär", "maer", "mar", "apr", "mai", "may", "jun", "jul", "aug", "sep", "okt", "oct", "nov", "dez", "dec"),
    *("fév", "avr", "juin", "août", "déc", "gen", "mag", "giu", "lug", "ago", "set", "ott", "dic", "quartal", "tag", "monat"),
)
_ORDINAL_LEAD = re.compile(r"(?i)\b(?:am|zum|der|den|dem|des|vom|die|das|ab|bis|im|beim)\s+\d{1,2}$")


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """`text[start:end]`, without outer white space; `item` is True for entries of a list, `opens` where a list may follow."""

    start: int
    end: int
    item: bool = False
    opens: bool = False
    heading: bool = False


def split(text: str) -> tuple[list[Sentence], bool]:
    """The sentences of `text` in order, and whether they are all: beyond SENTENCES_MAX nothing is cut."""
    found: list[Sentence] = []
    begin = 0
    while begin < len(text):
        end = _end(text, begin)
        sentence = _trimmed(text, begin, end)
        begin = end
        if sentence is None:
            continue
        if len(found) >= SENTENCES_MAX:
            return found, False
        found.append(sentence)
    return found, True


def _end(text: str, begin: int) -> int:
    """Where the sentence that begins at `begin` ends."""
    limit = begin + SENTENCE_CHARS_MAX
    for match in _BOUNDARY.finditer(text, begin, min(len(text), limit)):
        if match.end() >= limit:
            break
        if match.group()[0] in "\n":
            if _line_ends(text, begin, match):
                return match.end()
        elif _sentence_ends(text, begin, match):
            return match.end()
    if len(text) <= limit:
        return len(text)
    space = max(text.rfind(" ", begin + SENTENCE_CHARS_MAX // 2, limit), text.rfind("\n", begin + SENTENCE_CHARS_MAX // 2, limit))
    return space if space > begin else limit


def _line_ends(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether a line break is the end of a sentence too: an empty line, a list entry, punctuation before it, a short line."""
    before = text[begin : match.start()]
    last = before.rsplit("\n", 1)[-1]
    if not before.strip():
        return True
    blank = match.group().count("\n") > 1
    return blank or bool(_CLOSING.search(last)) or len(last) < WRAPPED_LINE_CHARS_MIN or bool(_BULLET.match(text, match.end()))


def _sentence_ends(text: str, begin: int, match: re.Match[str]) -> bool:
    if match.group()[0] != "." or match.group().startswith(".."):
        return True
    found = _WORD_BEFORE.search(text, max(begin, match.start() - 24), match.start())
    word = found.group().lower() if found else ""
    following = _NEXT_WORD.match(text, match.end())
    after = following.group(1).lower() if following else ""
    if not word or not after:
        return True
    if word in _BEFORE_DIGIT and after[0].isdigit():
        return False
    if word in _ABBREVIATIONS and word not in _ENDING:
        return False
    if word in ("a.m", "p.m"):
        return after in _STARTING
    if word.isdigit() and len(word) <= 2:
        if not text[begin : match.start() - len(word)].strip(" \t\n*"):
            return False  # "1. Open the app": the number of a list entry
        lead = text[max(begin, match.start() - 12) : match.start()]
        return not (after.startswith(_MONTHS) or _ORDINAL_LEAD.search(lead))
    return not (len(word) == 1 and word.isalpha() and word != "i")


def _trimmed(text: str, begin: int, end: int) -> Sentence | None:
    bullet = _BULLET.match(text, begin, end)
    start = bullet.end() if bullet else begin
    while start < end and text[start].isspace():
        start += 1
    if (late := _BULLET.match(text, start, end)) and not bullet:
        bullet, start = late, late.end()
    while end > start and text[end - 1].isspace():
        end -= 1
    if start >= end:
        return None
    heading = bool(bullet) and "#" in bullet.group()  # type: ignore[union-attr]
    return Sentence(start=start, end=end, item=bool(bullet) and not heading, opens=text[end - 1] == ":", heading=heading)


def settled(text: str) -> int:
    """How many code points from the start hold only sentences that stay as they are, and whose next sentence does as well."""
    sentences, complete = split(text)
    if not complete:
        return len(text)
    if not sentences:
        return 0
    words = text[sentences[-1].start :].split(None, 3)
    back = 2 if len(words) > 2 else 3
    return sentences[-back].start if len(sentences) > back else 0
