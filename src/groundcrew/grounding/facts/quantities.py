"""Reads quantities (amounts, percentages, periods, measures, counts, codes) from text as value and unit, so that
"1'000 francs", "CHF 1,000.00" and "thousand francs" are one and "5 days" and "5 working days" are two."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from groundcrew.grounding.facts.dates import moments
from groundcrew.grounding.facts.units import CURRENCIES, FRACTIONS, MULTIPLIERS, NUMBER_WORDS, ORDINAL_WORDS, TERSE_UNITS, UNITS
from groundcrew.grounding.lexicon import fold
from groundcrew.grounding.wordlists import word_set

QUANTITY_CACHE_SIZE = 4_096
#: Relative difference up to which two values are the same (unit conversion, repeating decimals).
VALUE_TOLERANCE = 1e-6

Bound = Literal["", "at_most", "at_least", "about"]

_NUMERIC = r"\d{1,3}(?:['’,. \u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?(?!\d)|\d+[.,]\d+|\d+"
_CODE = re.compile(
    r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?!mid-|pre-|post-|late-|"
    r"early-)[A-Za-z]{1,5}-?\d[\w.-]*\b(?!\s*%)|\b\d+(?:\.\d+){2,}\b|"
    r"\b\d{3}[-. ]\d{3}[-. ]\d{4}\b|"
    r"(?:\+|\b00?)\d[\d ()/–-]{6,}\d\b|\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){3,}\b|(?:https?://|"
    r"www\.)[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.-]+\w|"
    r"\b(?:[\w-]+\.)+(?:com|ch|org|net|de|fr|it|io|gov|edu|example|co\.uk)(?:/[^\s)>\],;]*)?"
)
_FIGURE = re.compile(
    rf"(?P<before>(?:[A-Z]{{3}}|[A-Z]?[$]|[€£¥₹]|US\$|[Ff]rs?\.|SFr\.?|"
    rf"Fr\b)\s?)?(?P<sign>(?<![\w.])[-−+])?(?P<figure>{_NUMERIC})"
    r"(?P<fraction>[½¼¾⅓⅔⅛⅕])?(?P<ordinal>st\b|nd\b|rd\b|th\b)?(?P<dash>\.[-–—]+)?"
)
_FRACTION_SIGN = re.compile(r"(?<!\d)[½¼¾⅓⅔⅛⅕]")
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_AFTER_WORDS = re.compile(
    r"[-\s\u00a0]*(?P<one>[^\W\d_]+[²³2]?|%|‰|[€£$]|°[CF]?)\.?(?P<rest>(?:[-\s/]+[^\W\d_]+){0,2})", re.UNICODE
)
_TIMES_PER = re.compile(
    r"\s+(?:a|an|per|each|every|daily|weekly|monthly|yearly|annually|pro|im|am|täglich|monatlich|"
    r"jährlich)\b",
    re.IGNORECASE,
)
_ARTICLES = word_set("a an ein eine einen einem einer un une uno una")
_LOW_ONES = word_set("one eins ein eine einen einem einer un une uno una a an")

_BOUND_BEFORE = [
    (re.compile(pattern + r"[\s:]*(?:\w+\s+){0,2}(?:of\s+|von\s+|de\s+|di\s+)?$", re.IGNORECASE), bound)
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


@lru_cache(maxsize=QUANTITY_CACHE_SIZE)
def quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of `text`, left to right; figures inside dates and times are left to `dates.moments`."""
    taken = [(moment.start, moment.end) for moment in moments(text) if moment.kind != "weekday"]
    found: list[Quantity] = []
    for match in _CODE.finditer(text):
        if _is_free(taken, match.start(), match.end()) and not _is_measure(match.group()):
            taken.append((match.start(), match.end()))
            found.append(
                Quantity(start=match.start(), end=match.end(), text=match.group(), dimension="code", code=_code(match.group()))
            )
    for quantity in (*_figures(text, taken), *_words(text, taken)):
        if _is_free(taken, quantity.start, quantity.end):
            taken.append((quantity.start, quantity.end))
            found.append(quantity)
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def _is_free(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    return all(end <= first or start >= last for first, last in taken)


def _is_measure(text: str) -> bool:
    """ "CHF20" is an amount, not a code."""
    letters = re.match(r"[A-Za-z]+", text)
    return (
        letters is not None
        and letters.group().lower() in CURRENCIES
        and text[letters.end() :].replace(".", "").replace(",", "").isdigit()
    )


def _code(text: str) -> str:
    folded = fold(text).removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/.,;:")
    if re.fullmatch(r"\+?[\d ()/–-]+", folded):
        digits = re.sub(r"\D", "", folded)
        return digits.removeprefix("00").removeprefix("41").removeprefix("49").removeprefix("0")
    return re.sub(r"[\s-]", "", folded)


def _figures(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    found: list[Quantity] = []
    for match in _FIGURE.finditer(text):
        start, end = match.start("figure"), match.end()
        if not _is_free(taken, start, end) or (start > 0 and text[start - 1].isalpha() and not match["before"]):
            continue
        values = _readings(match["figure"])
        if match["fraction"]:
            values = tuple(value + FRACTIONS[match["fraction"]] for value in values)
        if match["sign"] and match["sign"] != "+":
            values = tuple(-value for value in values)
        currency = CURRENCIES.get((match["before"] or "").strip().rstrip(".").lower(), "")
        if match["ordinal"]:
            found.append(_quantity(text, start, end, values, "ordinal", 1.0))
            continue
        found.append(
            _with_unit(
                text, match.start("before") if currency else start, end, values, currency or ("CHF" if match["dash"] else "")
            )
        )
    found.extend(
        _with_unit(text, match.start(), match.end(), (FRACTIONS[match.group()],), "") for match in _FRACTION_SIGN.finditer(text)
    )
    return found


def _readings(figure: str) -> tuple[float, ...]:
    """Every value that the figure may stand for: "1.500" is 1500 or 1.5, "1,500" likewise, "1'500.50" only one."""
    compact = re.sub(r"['’\s\u00a0\u202f\u2009]", "", figure)
    dots, commas = compact.count("."), compact.count(",")
    if dots + commas == 0:
        return (float(compact),)
    if dots and commas:
        decimal = max(compact.rfind("."), compact.rfind(","))
        return (float(re.sub(r"[.,]", "", compact[:decimal]) + "." + compact[decimal + 1 :]),)
    mark = "." if dots else ","
    if dots + commas > 1:
        return (float(compact.replace(mark, "")),)
    whole, decimals = compact.split(mark)
    as_decimal = float(f"{whole}.{decimals}")
    if len(decimals) == 3 and whole not in ("0", "") and len(whole) <= 3:
        return (float(whole + decimals), as_decimal)
    return (as_decimal,)


def _with_unit(text: str, start: int, end: int, values: tuple[float, ...], currency: str) -> Quantity:
    """Looks after the figure for a multiplier, then a unit or a currency."""
    position = end
    while True:
        multiplier = _AFTER_WORDS.match(text, position)
        word = fold(multiplier["one"]).rstrip(".") if multiplier else ""
        if multiplier is None or word not in MULTIPLIERS or (word == "k" and multiplier.start("one") != position):
            break
        values = tuple(value * MULTIPLIERS[word] for value in values)
        position = multiplier.end("one") + (1 if text[multiplier.end("one") : multiplier.end("one") + 1] == "." else 0)
    if currency:
        dimension, factor = _currency(currency)
        return _quantity(text, start, max(end, position), values, dimension, factor)
    unit, unit_end = _unit_after(text, position)
    if unit is None:
        return _quantity(text, start, max(end, position), values, "", 1.0)
    return _quantity(text, start, unit_end, values, unit[0], unit[1])


def _currency(code: str) -> tuple[str, float]:
    base, _, share = code.partition("/")
    return f"currency:{base}", 1 / float(share) if share else 1.0


def _unit_after(text: str, position: int) -> tuple[tuple[str, float] | None, int]:
    """The unit that follows at `position`, up to three words long, and where it ends."""
    match = _AFTER_WORDS.match(text, position)
    if match is None:
        return None, position
    first = fold(match["one"])
    rest = [fold(word) for word in re.findall(r"[^\W\d_]+", match["rest"])]
    gap = text[position : match.start("one")]
    for size in range(len(rest), -1, -1):
        spelling = "-".join([first, *rest[:size]])
        slashed = "/".join([first, *rest[:size]])
        for name in (spelling, slashed):
            if name in UNITS or name in CURRENCIES:
                if size == 0 and name in TERSE_UNITS and len(gap) > 1:
                    continue
                ending = match.end("one") if size == 0 else _end_of_words(text, match.start("rest"), size)
                return (UNITS[name] if name in UNITS else _currency(CURRENCIES[name])), ending
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
        match = re.compile(r"[-\s/]*[^\W\d_]+").match(text, position)
        position = match.end() if match else position
    return position


def _quantity(
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
    before, after = text[max(0, start - 60) : start], text[end : end + 40]
    before = re.split(r"[.;!?](?=\s)", before)[-1]
    for pattern, bound in _BOUND_AFTER:
        if pattern.match(after):
            return bound  # type: ignore[return-value]
    for pattern, bound in _BOUND_BEFORE:
        if pattern.search(before):
            return bound  # type: ignore[return-value]
    return ""


def _words(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    """Numbers written as words, ordinals and articles before a period ("a week")."""
    found: list[Quantity] = []
    words = [match for match in _WORD.finditer(text) if _is_free(taken, match.start(), match.end())]
    position = 0
    while position < len(words):
        value, used = _spelled(words, position, text)
        if (
            value is not None
            and fold(words[position].group()) in ("once", "einmal")
            and not _TIMES_PER.match(text, words[position].end())
        ):
            position += 1  # "once you have …" is no number
            continue
        if value is None:
            quantity = _ordinal_or_article(text, words[position], words[position - 1] if position else None)
            if quantity is not None:
                found.append(quantity)
            position += 1
            continue
        start, end = words[position].start(), words[position + used - 1].end()
        quantity = _with_unit(text, start, end, (value,), "")
        if fold(words[position].group()) not in _LOW_ONES or used > 1 or quantity.dimension:
            found.append(quantity)
        position += used
    return found


def _spelled(words: list[re.Match[str]], position: int, text: str) -> tuple[float | None, int]:
    """The value of a run of number words ("one hundred and twenty") and how many words it took."""
    total, used, last_end = 0.0, 0, -1
    for offset, match in enumerate(words[position:]):
        word = fold(match.group())
        if last_end >= 0 and text[last_end : match.start()].strip(" -\u00a0"):
            break
        if word in NUMBER_WORDS and not (used and NUMBER_WORDS[word] >= 100):
            if used and total % 100 and NUMBER_WORDS[word] >= 10:
                break
            total += NUMBER_WORDS[word]
        elif used and word in ("hundred", "thousand", "cent", "dozen"):
            total = (total or 1) * {"hundred": 100, "cent": 100, "thousand": 1000, "dozen": 12}[word]
        elif (
            used
            and word == "and"
            and total >= 100
            and offset + 1 < len(words) - position
            and fold(words[position + offset + 1].group()) in NUMBER_WORDS
        ):
            pass
        else:
            break
        used, last_end = offset + 1, match.end()
    if used and words[position + used - 1].group().lower() == "and":
        used -= 1
    return (total, used) if used else (None, 0)


def _ordinal_or_article(text: str, match: re.Match[str], before: re.Match[str] | None) -> Quantity | None:
    word = fold(match.group())
    following = _AFTER_WORDS.match(text, match.end())
    following_word = fold(following["one"]) if following else ""
    if word in ORDINAL_WORDS and not (word == "second" and following_word in ("", "s")):
        return _quantity(text, match.start(), match.end(), (float(ORDINAL_WORDS[word]),), "ordinal", 1.0)
    if word in FRACTIONS:
        return _quantity(text, match.start(), match.end(), (FRACTIONS[word],), "fraction", 1.0)
    if word in _ARTICLES and (before is None or fold(before.group()) not in ("once", "twice", "times", "mal", "per")):
        unit, end = _unit_after(text, match.end())
        if unit is not None and unit[0] in ("duration", "months", "working_day") and not _is_rate(text, match.start()):
            return _quantity(text, match.start(), end, (1.0,), unit[0], unit[1], is_article=True)
    return None


def _is_rate(text: str, start: int) -> bool:
    """ "CHF 5 a month": the article stands for "per"."""
    return re.search(r"[\d%‰$€£]\S*(?:\s+[^\W\d_]+)?\s*$|\btimes\s*$", text[max(0, start - 24) : start]) is not None


def same_value(left: Quantity, right: Quantity) -> bool:
    """Whether two quantities agree: equal code, or an equal reading in compatible units."""
    if left.dimension == "code" or right.dimension == "code":
        return left.dimension == right.dimension and left.code == right.code
    if not compatible(left, right):
        return False
    return any(
        _close(mine * factor, theirs) for factor in _factors(left, right) for mine in left.values for theirs in right.values
    )


def compatible(left: Quantity, right: Quantity) -> bool:
    """Whether two units may be compared: the same dimension, or one side gives none."""
    if left.dimension == right.dimension:
        return True
    pair = {left.dimension, right.dimension}
    return pair in ({"percent", "fraction"}, {"duration", "months"}) or ("" in pair and not pair & {"code", "ordinal"})


def _factors(left: Quantity, right: Quantity) -> tuple[float, ...]:
    if {left.dimension, right.dimension} == {"percent", "fraction"}:
        return (100.0,) if left.dimension == "fraction" else (0.01,)
    if left.dimension == right.dimension:
        return (1.0,)
    if "" in (left.dimension, right.dimension):
        return _unscaled(left, right)
    return (0.0,)  # days and months: no fixed conversion


def _unscaled(left: Quantity, right: Quantity) -> tuple[float, ...]:
    """A bare figure against one with a unit is compared as written, before conversion to the base unit."""
    return (right.factor / left.factor,)


def _close(left: float, right: float) -> bool:
    return abs(left - right) <= VALUE_TOLERANCE * max(1e-3, abs(left), abs(right))
