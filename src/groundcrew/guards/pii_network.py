"""Personal data that only its surroundings give away: a small token classifier tags the words of a text, and the tags become
findings, segment by segment."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.guard import Finding
from groundcrew.grounding.onnx_session import softmax
from groundcrew.guards.network import MODELS, OVERLAP_TOKENS, Network, Window
from groundcrew.guards.pii_terms import all_terms
from groundcrew.guards.pii_text import HINT_SCORE_MAX, HINT_TYPES, TYPES, segments

MODEL = MODELS / "pii"
#: What the network says of a token, in the order of its outputs.
LABELS: tuple[str, ...] = ("O", *TYPES)
#: Segments whose findings are remembered, the oldest forgotten first: a growing answer is looked at again and again.
SEGMENTS_KEPT_MAX = 2_048
#: Windows of the network for one segment and its context: enough for one where every code point is three tokens, as syllables of
#: Korean are.
WINDOWS_MAX = 11
#: By how much the network prefers a type to "nothing": a miss costs more than a finding too many.
OTHER_WEIGHT = 0.6
_OTHER_LOG = math.log(OTHER_WEIGHT)
#: What is added to the network's outputs, by type: a person taken for a firm is the worse mistake of the two.
LEANINGS = {"PERSON": 0.9, "ORG": -0.6}
_LEANINGS = np.array([LEANINGS.get(label, 0.0) for label in LABELS], dtype=np.float32)
#: What going from one type straight to another costs, in the logarithm of its probability.
CHANGE_COST = 1.5
#: From this probability of "nothing" on a word is nothing, whatever stands beside it.
SURELY_NOTHING = 0.95
#: What the network must at least be sure of a finding, by type; others from `SCORE_MIN` on.
SCORE_MIN = 0.35
_SCORES_MIN = {"PERSON": 0.45, "ORG": 0.5, "LOCATION": 0.45, "AGE": 0.5}
#: The same for names in small letters where other words of the segment have capitals.
SMALL_SCORE_MIN = 0.9
#: Fewest digits that a finding of a type holds.
_DIGITS_MIN = {"PHONE": 5, "SSN": 7, "MRN": 3, "HEALTH_PLAN_ID": 4, "CREDIT_CARD": 10, "IBAN": 10, "ID": 3}
#: Patterns alone find these, and nothing is lost where a network does not guess.
_PATTERNS_ONLY = frozenset({"EMAIL", "IP", "URL"})
_CODES = frozenset({"PHONE", "SSN", "MRN", "HEALTH_PLAN_ID", "CREDIT_CARD", "IBAN", "ID"})

#: What may stand between two words of one finding without a tag of its own.
_JOINS = {
    "ADDRESS": re.compile(r"[\s,;.#/\-]{1,8}"),
    "DATE": re.compile(r"(?:[ ,.]{1,2}|, ?|[./:\-]|T| of | the )"),
    "PERSON": re.compile(r"(?:[ \t]{1,2}|\. ?|[-'’]| - )"),
    "ORG": re.compile(r"(?:[ \t]|[-'’.&,]| & |, | and )"),
    "FACILITY": re.compile(r"(?:[ \t]|[-'’.]|\. )"),
    "LOCATION": re.compile(r"(?:[ \t]|[-'’.]|\. |/)"),
    "AGE": re.compile(r"[-]"),
}
_CODE_JOIN = re.compile(r"(?:[ \u00a0]|[-./()+#x\u2013]|\) ?| \(|[ ]?[-][ ]?)")
_TRIM = " \t\r\n,;:.!?\"'’`´“”«»*|<>[]{}=_–—-/\\&@#"
_ABBREVIATIONS = re.compile(r"\b(?:Jr|Sr|Inc|Ltd|Corp|Co|St|Ave|Rd|Blvd|str|S\.p\.A|S\.r\.l|S\.A|út|u)$", re.IGNORECASE)
#: Small words at the ends of a name that are none of its parts.
_SMALL_START = re.compile(r"(?:and|or|the|in|at|from|by|with|is|it|to|und|et|e)\s+")
_SMALL_END = re.compile(r"\s+(?:and|or|in|at|from|by|with|is|it|to|of|und|et|e)$")
_SMALL = re.compile(r"(?:and|or|the|in|at|from|by|with|is|it|to|of|und|et|e|a|i|you|he|she|we)$", re.IGNORECASE)
_STREET_AND_TOWN = re.compile(r"([^,\n]*\d[^,\n]*?)(?:,[ \t]*|[ \t]*\n[ \t]*)([^\W\d_][^\d,\n]{1,40})")
_COUNTRY_FIRST = re.compile(r"[A-Za-z]{2}\d")
_DAYTIME = re.compile(r"\s+(?:morning|afternoon|evening|night)$", re.IGNORECASE)
#: A word with a capital that is not just "I".
_CAPITAL = re.compile(r"[A-Z][a-z]|[A-Z]{2}")
_LIST_PART = re.compile(r"[^\s,](?:[^,]*[^\s,])?")
_LISTED = re.compile(r"\s*(?:,\s*[A-Z][a-z]|(?:and|or|und|et|e)\s)")
_NAME_FRONT = re.compile(
    r"(?:(?:mr|mrs|ms|miss|dr|prof|professor|doctor|herr|frau|mme|monsieur|madame|signora|signor|sig\.ra|dott)\b\.?|hi|hello|hey|dear)\s+",
    re.IGNORECASE,
)
_SMALL_FRONT = re.compile(r"([a-zà-ÿ][a-zà-ÿ'’\-]*)\s+")
_SMALL_BACK = re.compile(r"\s+[a-zà-ÿ][a-zà-ÿ'’\-]*$")
#: Small words that names begin with.
_PARTICLES = frozenset(
    {
        "de",
        "del",
        "della",
        "di",
        "da",
        "do",
        "dos",
        "la",
        "le",
        "du",
        "des",
        "van",
        "von",
        "vom",
        "zu",
        "ten",
        "ter",
        "al",
        "el",
        "bin",
        "ibn",
        "af",
        "av",
    }
)
_NAMES = frozenset({"PERSON", "ORG", "LOCATION", "FACILITY"})
#: A word between or beside numbers that is none of their letters.
_PLAIN_WORD = re.compile(r"[^\W\d_]{5,}|[^\W\d_]*[^\W\d_A-Z][^\W\d_]*")
_HAS_LETTER = re.compile(r"[^\W\d_]")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)

#: An amount of money. What looks like a year before a word is none: "in 2008 Franken won".
_AMOUNT = re.compile(
    r"(?<![\w.,'’/\-])(?!(?:19|20)\d\d\s)\d[\d'’.,]{0,15}[ \u00a0]?"
    r"(?:CHF|EUR|USD|GBP|S?Fr|francs?|Franken|Rappen|centimes?|euros?|dollars?|franchi|[€$£])(?!\w)"
    r"|(?<!\w)(?:CHF|EUR|USD|GBP|S?Fr\.?|[€$£])[ \u00a0]?\d[\d'’.,]{0,15}(?!\w)",
    re.IGNORECASE,
)
#: For what the network now and then takes an amount, or its currency.
_LIKE_AMOUNTS = frozenset({"ADDRESS", "AGE", "PERSON", "LOCATION", "ORG"})
#: For what it now and then takes words of computing. Firms among them are firms.
_LIKE_TERMS = frozenset({"PERSON", "ADDRESS", "LOCATION", "FACILITY", "ID"})

_network = Network(MODEL)
_kept: dict[tuple[str, int], tuple[Finding, ...]] = {}


class Word(msgspec.Struct, frozen=True):
    """A word or a punctuation mark: where it stands and how likely each label is."""

    start: int
    end: int
    likely: npt.NDArray[np.floating]


def warm() -> None:
    """Load the network; InputError where its files are missing."""
    _network.warm()


def find(text: str, *, asked: Callable[[str], bool] | None = None) -> list[Finding]:
    """What the network finds in `text`, in order and without overlaps; InputError where its files are missing. `asked` says of
    a segment, with the context that it is shown, whether the network looks at it; at every one without."""
    findings: list[Finding] = []
    for context, start, end in segments(text):
        if asked is not None and not asked(text[context:end]):
            continue
        key = (text[context:end], start - context)
        known = _kept.get(key)
        if known is None:
            known = tuple(_find_in(*key))
            if len(_kept) >= SEGMENTS_KEPT_MAX:
                with contextlib.suppress(KeyError, RuntimeError, StopIteration):  # another thread was quicker
                    del _kept[next(iter(_kept))]
            _kept[key] = known
        findings += (
            msgspec.structs.replace(each, start=each.start + context, end=each.end + context) if context else each
            for each in known
        )
    return findings


def _find_in(text: str, first: int) -> list[Finding]:
    """Findings in one segment, which begins at `first` after its context."""
    windows, _ = _network.windows(text, windows_max=WINDOWS_MAX)
    return decode(text, words(text, windows), first)


def words(text: str, windows: list[Window]) -> list[Word]:
    """The words of `text` with their probabilities: the mean over a word's tokens, so that a name is not torn between pieces."""
    found: list[Word] = []
    counts: list[int] = []
    done = 0
    for index, window in enumerate(windows):
        # Of the tokens that two windows share, each gives the half that lies further from its end.
        skip = done - window.first if index else 0
        stop = len(window.offsets) - (OVERLAP_TOKENS // 2 if index + 1 < len(windows) else 0)
        chances = softmax(window.logits + _LEANINGS)
        for (start, end), chance in zip(window.offsets[skip:stop], chances[skip:stop], strict=True):
            if found and start == found[-1].end and text[start : start + 1].isalnum() and text[start - 1 : start].isalnum():
                found[-1] = Word(found[-1].start, end, found[-1].likely + chance)
                counts[-1] += 1
            elif start < end:
                found.append(Word(start, end, chance))
                counts.append(1)
        done = window.first + stop
    return [Word(each.start, each.end, each.likely / float(count)) for each, count in zip(found, counts, strict=True)]


def decode(text: str, tagged: list[Word], first: int) -> list[Finding]:
    """Findings from tagged words: neighbours of one type become one span, which is then tidied at its ends."""
    spans: list[tuple[int, int, str, list[float]]] = []
    for word, label in zip(tagged, _labels(tagged), strict=True):
        if word.end <= first or not label:
            continue
        kind, score = LABELS[label], float(word.likely[label])
        start = max(first, word.start)
        if kind in _CODES and _PLAIN_WORD.fullmatch(text, start, word.end) and _stands_alone(text, start, word.end):
            continue
        if spans and spans[-1][2] == kind and _joined(text[spans[-1][1] : start], kind):
            spans[-1] = (spans[-1][0], word.end, kind, [*spans[-1][3], score])
        else:
            spans.append((start, word.end, kind, [score]))
    findings: list[Finding] = []
    amounts = [match.span() for match in _AMOUNT.finditer(text)] if spans else []
    for start, end, kind, scores in spans:
        if kind == "IBAN" and not _COUNTRY_FIRST.match(text, start):
            kind = "ID"
        tidy = _tidy(text, start, end, kind, first)
        if tidy is None or (findings and tidy[0] < findings[-1].end):
            continue
        if kind in _LIKE_AMOUNTS and any(low <= tidy[0] and tidy[1] <= high for low, high in amounts):
            continue
        if kind in _LIKE_TERMS and all_terms(text[tidy[0] : tidy[1]]):
            continue
        score = min(0.99, math.fsum(scores) / len(scores))
        if score < _SCORES_MIN.get(kind, SCORE_MIN) or (
            kind in _NAMES and score < SMALL_SCORE_MIN and text[start:end].islower() and _CAPITAL.search(text)
        ):
            continue
        for begin, until, part in _divided(text, *tidy, kind):
            capped = min(score, HINT_SCORE_MAX) if part in HINT_TYPES else score
            findings.append(
                Finding(start=begin, end=until, type=part, score=round(capped, 3), reason="read from the words around it")
            )
    return findings


def _labels(tagged: list[Word]) -> list[int]:
    """The likeliest labels of the words as a sequence (Viterbi 1967): going from one type straight to another costs, so that a
    name is not torn where its halves look different. A word that is surely nothing parts what stands beside it."""
    result: list[int] = []
    run: list[npt.NDArray[np.floating]] = []
    for word in tagged:
        if word.likely[0] > SURELY_NOTHING:
            result += _best_path(run)
            run = []
            result.append(0)
        else:
            chances = np.log(word.likely + 1e-9)
            chances[0] += _OTHER_LOG
            run.append(chances)
    return result + _best_path(run)


def _best_path(run: list[npt.NDArray[np.floating]]) -> list[int]:
    if len(run) < 2:
        return [int(each.argmax()) for each in run]
    scores = run[0]
    came: list[npt.NDArray[np.intp]] = []
    own = np.arange(len(LABELS))
    for chances in run[1:]:
        best = int(scores.argmax())
        switched = scores[best] - (0.0 if best == 0 else CHANGE_COST)
        # Nothing to anything and anything to nothing is free; a type goes on for free.
        before = np.where(scores >= max(float(switched), float(scores[0])), own, best if switched >= scores[0] else 0)
        before[0] = best
        came.append(before)
        scores = np.where(before == own, scores[before], np.where(before == 0, scores[0], scores[best] - CHANGE_COST)) + chances
        scores[0] += 0.0 if best == 0 else CHANGE_COST
    path = [int(scores.argmax())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return path[::-1]


def _divided(text: str, start: int, end: int, kind: str) -> list[tuple[int, int, str]]:
    """The span, or people in a list one by one, or a street and the town after it where no postcode or country makes them one
    postal address."""
    if kind == "PERSON":
        return [(*each, kind) for each in _people(text, start, end)]
    match = _STREET_AND_TOWN.fullmatch(text, start, end) if kind == "ADDRESS" else None
    if match is None or not _HAS_LETTER.search(match.group(1)):
        return [(start, end, kind)]
    return [(*match.span(1), "ADDRESS"), (*match.span(2), "LOCATION")]


def _people(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The names in a span: a comma parts two, except in the single "Family, Given" of a form. Titles, greetings and, where a name
    has capitals, the small words around it are left out."""
    commas = text.count(",", start, end)
    form = commas == 1 and text[:start].rstrip(" \t")[-1:] in ("", "\n", ":", "|", '"') and not _LISTED.match(text, end)
    found: list[tuple[int, int]] = []
    has_capital = not text[start:end].islower()
    for part in [(start, end)] if not commas or form else [each.span() for each in _LIST_PART.finditer(text, start, end)]:
        begin, until = part
        while (front := _NAME_FRONT.match(text, begin, until)) is not None:
            begin = front.end()
        if has_capital:
            while (small := _SMALL_FRONT.match(text, begin, until)) is not None and small.group(1) not in _PARTICLES:
                begin = small.end()
            while (back := _SMALL_BACK.search(text, begin, until)) is not None:
                until = back.start()
        value = text[begin:until]
        if len(value) > 1 and _HAS_LETTER.search(value) and (not has_capital or not value.islower()):
            found.append((begin, until))
    return found


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not text[start - 1 : start].strip() and not text[end : end + 1].strip(" \t\r\n.,;:")


def _joined(gap: str, kind: str) -> bool:
    if not gap:
        return True
    if kind in _CODES:
        return _CODE_JOIN.fullmatch(gap) is not None
    return _JOINS[kind].fullmatch(gap) is not None if kind in _JOINS else False


def _tidy(text: str, start: int, end: int, kind: str, first: int) -> tuple[int, int] | None:
    """The span from word edge to word edge without punctuation around it; None where it can not be of its type."""
    if kind in _PATTERNS_ONLY:
        return None
    while start > first and text[start - 1].isalnum() and text[start : start + 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1 : end].isalnum():
        end += 1
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        end -= 1
    if kind in _NAMES:
        while (small := _SMALL_START.match(text, start, end)) is not None:
            start = small.end()
        while (small := _SMALL_END.search(text, start, end)) is not None:
            end = small.start()
    elif kind == "DATE" and (daytime := _DAYTIME.search(text, start, end)) is not None:
        end = daytime.start()
    value = text[start:end]
    if _SMALL.match(value):
        return None
    if kind in _CODES:
        if value[:1] == ")" or (value[:1] == "(" and ")" not in value):
            start += 1
        if start > first and text[start - 1] in "+(" and (text[start - 1] == "+" or ")" in value):
            start -= 1
            if start > first and text[start - 1] in "+(":
                start -= 1
        value = text[start:end]
        if sum(map(str.isdigit, value)) < _DIGITS_MIN[kind]:
            return None
    elif kind == "PERSON":
        if (owner := _POSSESSIVE.search(value)) is not None:
            end -= len(owner.group())
            value = text[start:end]
        if len(value) < 2 or not _HAS_LETTER.search(value):
            return None
    elif (
        (kind == "DATE" and value.isdigit() and len(value) < 4)
        or not any(map(str.isalnum, value))
        or (kind in ("ORG", "LOCATION", "FACILITY") and len(value) < 2)
    ):
        return None
    if text[end : end + 1] == "." and _ABBREVIATIONS.search(value):
        end += 1
    return start, end
