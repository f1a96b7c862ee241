"""One quantity, and how a figure at a place in a text becomes one: the multiplier, unit or currency after it, and the bound
("at most") around it."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from groundcrew.grounding.facts.units import CURRENCIES, MULTIPLIERS, TERSE_UNITS, UNITS
from groundcrew.grounding.lexicon import fold

Bound = Literal["", "at_most", "at_least", "about"]
#: Characters before and after a figure that may say a bound.
BOUND_CHARS_BEFORE, BOUND_CHARS_AFTER = 60, 40

AFTER_WORDS = re.compile(
    r"[-\s\u00a0]*(?P<one>[^\W\d_]+[²³2]?|%|‰|[€£$]|°[CF]?)\.?(?P<rest>(?:[-\s/]+[^\W\d_]+){0,2})", re.UNICODE
)
_TERSE_MULTIPLIER = re.compile(r"(?P<letter>[mMbB]|bn|BN|mn)\b")
_TERSE_FACTORS = {"m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_REST_WORD = re.compile(r"[^\W\d_]+")
_REST_STEP = re.compile(r"[-\s/]*[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.;!?](?=\s)")

_BOUND_BEFORE = [
    (re.compile(pattern + r"(?!\w)[\s:]*(?:\w+[\s:]+){0,2}(?:of\s+|von\s+|de\s+|di\s+)?$", re.IGNORECASE), bound)
    for pattern, bound in (
        (r"\b(?:no|not|nicht|pas|non|never|n't|cannot|without)\b[\w\s]{0,12}\b(?:more than|exceed(?:s|"
        r"ed|ing)?|above|over|later than|longer than|mehr als|länger als|über(?:steigt|schreitet)?|"
        r"plus de|più di|greater than|higher than)", "at_most"),
        (r"\b(?:no|not|nicht|pas|non)\b[\w\s]{0,12}\b(?:less than|fewer than|under|below|weniger als|"
        r"unter|moins de|meno di|lower than|earlier than)", "at_least"),
        (r"\b(?:up to|at most|at the most|a maximum of|maximum|max\.?|maximal|within|bis zu|höchstens|"
        r"höchstbetrag|innert|innerhalb|innerhalb von|binnen|spätestens|jusqu'à|au plus|au maximum|"
        r"maximum de|dans les|fino a|al massimo|massimo|entro|less than|fewer than|under|below|"
        r"weniger als|unter|moins de|meno di|limited to|capped at|not exceeding|limit of|limit is|"
        r"ceiling of|latest)", "at_most"),
        (r"\b(?:at least|a minimum of|minimum|min\.?|no less than|not less than|mindestens|minimal|"
        r"wenigstens|au moins|au minimum|almeno|minimo|more than|over|above|exceed(?:s|ed|ing)?|"
        r"greater than|higher than|longer than|mehr als|über|plus de|più di|starting (?:from|at)|from "
        r"as little as|ab)", "at_least"),
        (r"\b(?:about|around|approximately|approx\.?|circa|ca\.?|roughly|nearly|almost|etwa|ungefähr|"
        r"rund|environ|près de|circa|quasi|some)", "about"),
    )
]  # fmt: skip
_BOUND_AFTER = [
    (re.compile(r"\W{0,3}(?:[\w-]+\s+){0,2}(?:" + pattern + r")\b", re.IGNORECASE), bound)
    for pattern, bound in (
        (r"or (?:less|fewer|below|under|younger|earlier)|at most|at the latest|maximum|max|oder "
        r"weniger|höchstens|maximal|ou moins|au maximum|au plus|o meno|al massimo", "at_most"),
        (r"or (?:more|above|over|longer|older|later)|and (?:more|above|over)|at least|minimum|min\b|"
        r"oder mehr|mindestens|ou plus|au minimum|o più|almeno", "at_least"),
    )
]  # fmt: skip


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its unit at `text[start:end]`. `values` holds every reading of the figure in the dimension's base unit;
    `dimension` is "" for a plain count, "code" for identifiers (their folded spelling is `code`)."""

    start: int
    end: int
    text: str
    dimension: str
    values: tuple[float, ...] = ()
    code: str = ""
    #: What a figure in this unit is multiplied with to give base units: 1 for a plain count.
    factor: float = 1.0
    bound: Bound = ""
    #: An article read as one ("a week"): counts in a conflict, but need not be found.
    is_article: bool = False


def with_unit(text: str, start: int, end: int, values: tuple[float, ...], currency: str) -> Quantity:
    """Looks after the figure for a multiplier, then a unit or a currency."""
    position = end
    while True:
        multiplier = AFTER_WORDS.match(text, position)
        word = fold(multiplier["one"]).rstrip(".") if multiplier else ""
        if multiplier is None or word not in MULTIPLIERS or (word == "k" and multiplier.start("one") != position):
            break
        values = tuple(value * MULTIPLIERS[word] for value in values)
        position = multiplier.end("one") + (1 if text[multiplier.end("one") : multiplier.end("one") + 1] == "." else 0)
    if currency:
        terse = _TERSE_MULTIPLIER.match(text, position)
        if terse is not None:
            values = tuple(value * _TERSE_FACTORS[terse["letter"].lower()] for value in values)
            position = terse.end()
        dimension, factor = currency_of(currency)
        return quantity_at(text, start, max(end, position), values, dimension, factor)
    unit, unit_end = unit_after(text, position)
    if unit is None:
        return quantity_at(text, start, max(end, position), values, "", 1.0)
    return quantity_at(text, start, unit_end, values, unit[0], unit[1])


def currency_of(code: str) -> tuple[str, float]:
    base, _, share = code.partition("/")
    return f"currency:{base}", 1 / float(share) if share else 1.0


def unit_after(text: str, position: int) -> tuple[tuple[str, float] | None, int]:
    """The unit that follows at `position`, up to three words long, and where it ends."""
    match = AFTER_WORDS.match(text, position)
    if match is None:
        return None, position
    first = fold(match["one"])
    rest = [fold(word) for word in _REST_WORD.findall(match["rest"])]
    gap = text[position : match.start("one")]
    for size in range(len(rest), -1, -1):
        spelling = "-".join([first, *rest[:size]])
        slashed = "/".join([first, *rest[:size]])
        for name in (spelling, slashed):
            if name in UNITS or name in CURRENCIES:
                if size == 0 and name in TERSE_UNITS and len(gap) > 1:
                    continue
                ending = match.end("one") if size == 0 else _end_of_words(text, match.start("rest"), size)
                return (UNITS[name] if name in UNITS else currency_of(CURRENCIES[name])), ending
    if (
        rest
        and first not in UNITS
        and rest[0] in UNITS
        and UNITS[rest[0]][0] in ("duration", "months")
        and first in ("full", "whole", "calendar", "consecutive", "ganze", "volle", "further", "additional", "weitere", "more")
    ):
        return UNITS[rest[0]], _end_of_words(text, match.start("rest"), 1)
    return None, position


def _end_of_words(text: str, position: int, count: int) -> int:
    for _ in range(count):
        match = _REST_STEP.match(text, position)
        position = match.end() if match else position
    return position


def quantity_at(
    text: str, start: int, end: int, values: tuple[float, ...], dimension: str, factor: float, *, is_article: bool = False
) -> Quantity:
    scaled = tuple(value * factor for value in values)
    return Quantity(
        start=start,
        end=end,
        text=text[start:end].strip(),
        dimension=dimension,
        values=scaled,
        bound=_bound(text, start, end),
        factor=factor,
        is_article=is_article,
    )


def _bound(text: str, start: int, end: int) -> Bound:
    before, after = text[max(0, start - BOUND_CHARS_BEFORE) : start], text[end : end + BOUND_CHARS_AFTER]
    before = _SENTENCE_END.split(before)[-1]
    for pattern, bound in _BOUND_AFTER:
        if pattern.match(after):
            return bound  # type: ignore[return-value]
    for pattern, bound in _BOUND_BEFORE:
        if pattern.search(before):
            return bound  # type: ignore[return-value]
    return ""


def is_rate(text: str, start: int) -> bool:
    """ "CHF 5 a month": the article stands for "per"."""
    return re.search(r"[\d%‰$€£]\S*(?:\s+[^\W\d_]+)?\s*$|\btimes\s*$", text[max(0, start - 24) : start]) is not None
