"""Reads quantities (amounts, percentages, periods, measures, counts, codes) from text as value and unit, so that
"1'000 francs", "CHF 1,000.00" and "thousand francs" are one and "5 days" and "5 working days" are two."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import pairwise

import msgspec

from groundcrew.grounding.facts.dates import moments
from groundcrew.grounding.facts.measures import Quantity, quantity_at, with_unit
from groundcrew.grounding.facts.numerals import AND_A_HALF
from groundcrew.grounding.facts.units import CURRENCIES, DURATION_ENDINGS, FRACTIONS, UNITS
from groundcrew.grounding.facts.worded import worded
from groundcrew.grounding.lexicon import STOP_WORDS, fold, stem

__all__ = ["Quantity", "compatible", "quantities", "same_value"]

QUANTITY_CACHE_SIZE = 4_096
#: Relative difference up to which two values are the same (unit conversion, repeating decimals).
VALUE_TOLERANCE = 1e-6
#: A part against a percentage ("two thirds", "67 %") may be off by so many percentage points.
PART_TOLERANCE = 0.5
#: Degrees Fahrenheit by which a converted temperature may be off, as cooks and clinics round.
DEGREES_TOLERANCE = 1.5
#: What people call a month, in days; from 30 for one month to 31, so that a year has 360 to 372.
MONTH_DAYS = (30.0, 31.0)
DAY_S = 86_400.0

_NUMERIC = r"\d{1,3}(?:['’,. \u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?(?!\d)|(?<!\d,)\d+[.,]\d+(?!,\d)|\d+"
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
#: A path in a file system: at least two parts.
_PATH = re.compile(r"(?<![\w/\\.])(?:[A-Za-z]:)?(?:[/\\][\w.+-]*\w){2,8}")
#: A letter that tells one of a kind from another: "hepatitis B", "vitamin D", "Gebäude C".
_LETTERED = re.compile(
    r"(?<![\w-])(?!degrees?\b|grad\b|Grad\b)(?P<kind>[a-zäöüé]{4,20}|[A-ZÄÖÜ][a-zäöü]{3,20})\s(?P<letter>[A-HJ-Z])(?![\w'’.&-])"
)
#: What follows the marker of a list item: at the start of a text, and within one that lost its line ends.
_MARKED, _SET_APART = re.compile(r"[.)](?:\s+(?=\w)|\s*$)"), re.compile(r"[ \u00a0]{2,}(?=[A-ZÄÖÜ][a-zäöü])")
ENUMERATOR_DIGITS_MAX = 2
#: Characters before a figure in which its enumerator ("step 4 and") is looked for.
LABEL_CHARS = 18
#: "am 18. jedes Monats", "der 18. Geburtstag".
_DOTTED_ORDINAL = re.compile(
    r"\.\s(?:jede[smrn]?|des|dieses|eines|und|oder|bis|(?:Geburts)?[Tt]ag|Monats?|Lebensjahr|Altersjahr|Woche|Stock)\b"
)
_ON_THE = re.compile(r"\b(?:am|vom|zum)\s$")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
_MONEY_BEFORE = re.compile(r"(?:[A-Z]{3}|[€$£])\s?$")
_FRACTION_SIGN = re.compile(r"(?<!\d)[½¼¾⅓⅔⅛⅕]")
#: "350 degrees" may be either scale's.
_DEGREES = ({"degree", "celsius"}, {"degree", "fahrenheit"})
_GROUPING = re.compile(r"['’\s\u00a0\u202f\u2009]")
_SLASHED = re.compile(r"(?<![\d/.,-])(?:(?P<whole>\d{1,3})[ \u00a0])?(?P<part>\d{1,2})/(?P<of>[2-9]|10|12|100)(?![\d/.,-])")
#: Systolic and diastolic pressure: "145/90", "145 over 90", "145 zu 90".
_PRESSURE = re.compile(
    r"(?<![\d/.,-])(?P<upper>[6-9]\d|1\d\d|2[0-5]\d)\s?(?:/|over|zu|su|sur)\s?(?P<lower>[3-9]\d|1[0-4]\d)(?![\d/.,-])"
)
_ONE_IN = re.compile(
    r"\b(?P<part>\d{1,2}|one|eine?[rnms]?|une?|uno|two|zwei|deux|due)\s+(?:person |patient )?(?:in|out of|von|sur|su)\s+"
    r"(?P<of>\d{1,3}(?:[,.'’]\d{3})*|ten|zehn|dix|dieci|hundred|hundert|cent|cento|five|fünf|cinq|cinque|four|vier|three|drei)\b"
    r"(?!\s*(?:%|minutes|hours|days|weeks|months|years|minuten|stunden|tagen|wochen|monaten|jahren|jours|heures|mois|ans|"
    r"chf|eur|usd|mg|percent|prozent))",
    re.IGNORECASE,
)
_SMALL = {"one": 1, "un": 1, "une": 1, "uno": 1, "two": 2, "zwei": 2, "deux": 2, "due": 2, "ten": 10, "zehn": 10, "dix": 10,
          "dieci": 10, "hundred": 100, "hundert": 100, "cent": 100, "cento": 100, "five": 5, "fünf": 5, "cinq": 5, "cinque": 5,
          "four": 4, "vier": 4, "three": 3, "drei": 3}  # fmt: skip
_ADJECTIVE = re.compile(
    rf"-?(?P<unit>{'|'.join(DURATION_ENDINGS).replace('a', '[aä]').replace('o', '[oö]').replace('u', '[uü]')})(?:e[nrms]?)?\b",
    re.IGNORECASE,
)
#: An enumerator: the number that follows names a place in a document or a procedure, not an amount.
_LABEL = re.compile(
    r"\b(?P<label>step|option|point|item|line|section|article|art|chapter|page|figure|table|question|rule|phase|level|room|"
    r"gate|schritt|punkt|artikel|abschnitt|seite|kapitel|ziffer|absatz|stufe|zimmer|étape|article|page|point|passo|articolo|"
    r"pagina|punto)s?\.?\s+(?:\d{1,2}\s(?:and|or|und|oder|et|e)\s)?$",
    re.IGNORECASE,
)
_RANGE_GAP = re.compile(
    r"\s*(?:-|–|—|\bto\b|\bbis\b|\bà\b|\ba\b|\bor\b|\boder\b|\bou\b)\s*(?:(?:CHF|EUR|USD|GBP|[€$£])\s?)?", re.IGNORECASE
)
_BETWEEN_GAP = re.compile(r"\s*(?:and|und|et|e|to|bis)\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:between|zwischen|entre|tra|fra|from|von|de|da)\s+(?:\S+\s)?$", re.IGNORECASE)
_SUM_GAP = re.compile(r"\s*(?:,|and|und|et|e)?\s*", re.IGNORECASE)


@lru_cache(maxsize=QUANTITY_CACHE_SIZE)
def quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of `text`, left to right; figures inside dates and times are left to `dates.moments`."""
    taken = [(moment.start, moment.end) for moment in moments(text) if moment.kind != "weekday"]
    found: list[Quantity] = []
    has_digit = any(char.isdigit() or char in FRACTIONS for char in text)
    for quantity in _codes(text, taken) if has_digit or "." in text or "/" in text or "\\" in text else ():
        _take(quantity, taken, found)
    for quantity in (*_composed(text, taken), *(_figures(text, taken) if has_digit else ())):
        _take(quantity, taken, found)
    for quantity in worded(text, taken):
        _take(quantity, taken, found)
    return tuple(_summed(text, _ranged(text, sorted(found, key=lambda quantity: quantity.start))))


def _take(quantity: Quantity, taken: list[tuple[int, int]], found: list[Quantity]) -> None:
    if _is_free(taken, quantity.start, quantity.end):
        taken.append((quantity.start, quantity.end))
        found.append(quantity)


def _is_free(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    return all(end <= first or start >= last for first, last in taken)


def _codes(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    return [
        Quantity(start=match.start(), end=match.end(), text=match.group(), dimension="code", code=_code(match.group()))
        for match in (*_PATH.finditer(text), *_CODE.finditer(text))
        if _is_free(taken, match.start(), match.end())
        and not _is_measure(match.group())
        and not _is_grouped(text, match.start(), match.group())
    ]


def _is_measure(text: str) -> bool:
    """ "CHF20" is an amount, not a code."""
    letters = re.match(r"[A-Za-z]+", text)
    return (
        letters is not None
        and letters.group().lower() in CURRENCIES
        and text[letters.end() :].replace(".", "").replace(",", "").isdigit()
    )


def _is_grouped(text: str, start: int, code: str) -> bool:
    """ "1.234.567" is an amount with dots between thousands; "192.168.100.200" is none unless a currency stands before it."""
    return _DOTTED.fullmatch(code) is not None and (code.count(".") == 2 or _MONEY_BEFORE.search(text, 0, start) is not None)


def _code(text: str) -> str:
    folded = fold(text).removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/.,;:")
    if re.fullmatch(r"\+?[\d ()/–-]+", folded):
        digits = re.sub(r"\D", "", folded)
        return digits.removeprefix("00").removeprefix("41").removeprefix("49").removeprefix("0")
    return re.sub(r"[\s-]", "", folded)


def _composed(text: str, taken: list[tuple[int, int]]) -> list[Quantity]:
    """Blood pressures, "1 in 10" and fractions with a slash: several figures that are one quantity, or two of a kind."""
    found: list[Quantity] = []
    for match in _PRESSURE.finditer(text):
        for group, dimension in (("upper", "systolic"), ("lower", "diastolic")):
            start, end = match.span(group)
            if _is_free(taken, start, end) and int(match["upper"]) > int(match["lower"]):
                found.append(quantity_at(text, start, end, (float(match[group]),), dimension, 1.0))
    for match in _ONE_IN.finditer(text):
        whole = _count(match["of"])
        if whole > _count(match["part"]) and not (match["part"].isdigit() and text[match.end() : match.end() + 2] in (" %", "%")):
            found.append(quantity_at(text, match.start(), match.end(), (_count(match["part"]) / whole,), "fraction", 1.0))
    for match in _LETTERED.finditer(text):
        start, end = match.span("letter")
        if fold(match["kind"]) not in STOP_WORDS and (
            match["letter"] != "A" or text[end : end + 1] in ",.;:)" or end == len(text)
        ):
            found.append(quantity_at(text, start, end, (float(ord(match["letter"])),), f"label:{stem(match['kind'])}", 1.0))
    for match in _SLASHED.finditer(text):
        value = int(match["part"]) / int(match["of"])
        if value < 1 and _is_free(taken, match.start(), match.end()):
            if match["whole"]:
                found.append(with_unit(text, match.start(), match.end(), (int(match["whole"]) + value,), ""))
            else:
                found.append(quantity_at(text, match.start(), match.end(), (value,), "fraction", 1.0))
    return found


def _count(word: str) -> float:
    digits = re.sub(r"\D", "", word)
    return float(digits) if digits else float(_SMALL.get(word.lower(), 1))


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
        if not currency and _is_enumerator(text, start, end):
            continue
        label = _LABEL.search(text, max(0, start - LABEL_CHARS), start)
        if match["ordinal"] or (not match["before"] and _is_dotted_ordinal(text, start, end)):
            found.append(quantity_at(text, start, end, values, "ordinal", 1.0))
        elif label is not None and not currency and not match["dash"]:
            found.append(quantity_at(text, start, end, values, f"label:{fold(label['label'])}", 1.0))
        else:
            first = match.start("before") if currency else start
            found.append(_measured(text, first, end, values, currency or ("CHF" if match["dash"] else "")))
    found.extend(
        with_unit(text, match.start(), match.end(), (FRACTIONS[match.group()],), "") for match in _FRACTION_SIGN.finditer(text)
    )
    return found


def _is_dotted_ordinal(text: str, start: int, end: int) -> bool:
    """ "der 18. Geburtstag", "am 25." at the end of a sentence."""
    if _DOTTED_ORDINAL.match(text, end):
        return True
    return text[end:].strip() == "." and _ON_THE.search(text[max(0, start - 5) : start]) is not None


def _is_enumerator(text: str, start: int, end: int) -> bool:
    """The marker of a list item: "4. Mark the place", or "2  She is" in a list whose line ends were lost."""
    if end - start > ENUMERATOR_DIGITS_MAX or not text[start:end].isdigit():
        return False
    opens = not text[:start].strip(" \t(*_")
    return (opens and _MARKED.match(text, end) is not None) or _SET_APART.match(text, end) is not None


def _measured(text: str, start: int, end: int, values: tuple[float, ...], currency: str) -> Quantity:
    """The figure with what follows it; "14-tägig" and "5-jährige" give their unit as an ending."""
    ending = _ADJECTIVE.match(text, end)
    if ending is not None and not currency:
        dimension, factor = UNITS[DURATION_ENDINGS[fold(ending["unit"])]]
        return quantity_at(text, start, ending.end(), values, dimension, factor)
    return with_unit(text, start, end, values, currency)


def _readings(figure: str) -> tuple[float, ...]:
    """Every value that the figure may stand for: "1.500" is 1500 or 1.5, "1,500" likewise, "1'500.50" only one."""
    compact = _GROUPING.sub("", figure)
    dots, commas = compact.count("."), compact.count(",")
    if dots + commas == 0:
        return (float(compact),)
    if dots and commas:
        decimal = max(compact.rfind("."), compact.rfind(","))
        return (float(compact[:decimal].replace(".", "").replace(",", "") + "." + compact[decimal + 1 :]),)
    mark = "." if dots else ","
    if dots + commas > 1:
        return (float(compact.replace(mark, "")),)
    whole, decimals = compact.split(mark)
    as_decimal = float(f"{whole}.{decimals}")
    if len(decimals) == 3 and whole not in ("0", "") and len(whole) <= 3:
        return (float(whole + decimals), as_decimal)
    return (as_decimal,)


def _ranged(text: str, found: list[Quantity]) -> list[Quantity]:
    """ "2–8 °C", "CHF 300 to 2,500", "between 30 and 40 years": the end that gives no unit has the other one's."""
    for place, (left, right) in enumerate(pairwise(found)):
        if (left.dimension == "") == (right.dimension == "") or {left.dimension, right.dimension} & {
            "code",
            "ordinal",
            "fraction",
        }:
            continue
        if left.is_article or right.is_article or ":" in (left.dimension or right.dimension).replace("currency:", ""):
            continue
        gap = text[left.end : right.start]
        linked = _RANGE_GAP.fullmatch(gap) or (
            _BETWEEN_GAP.fullmatch(gap) and _BETWEEN.search(text, max(0, left.start - 20), left.start)
        )
        if not linked:
            continue
        if not left.dimension:
            found[place] = _in_unit_of(left, right)
        elif left.dimension.startswith("currency"):
            found[place + 1] = _in_unit_of(right, left)
    return found


def _in_unit_of(bare: Quantity, united: Quantity) -> Quantity:
    values = tuple(value * united.factor for value in bare.values)
    return msgspec.structs.replace(bare, dimension=united.dimension, factor=united.factor, values=values)


def _summed(text: str, found: list[Quantity]) -> list[Quantity]:
    """ "1 hour 30 minutes", "2 years and 6 months" and "an hour and a half" are one period."""
    summed: list[Quantity] = []
    for quantity in found:
        before = summed[-1] if summed else None
        if (
            before is not None
            and before.dimension == quantity.dimension
            and quantity.dimension in ("duration", "months")
            and before.factor > quantity.factor
            and not before.is_article
            and not quantity.is_article
            and len(before.values) == len(quantity.values) == 1
            and quantity.values[0] < before.factor
            and _SUM_GAP.fullmatch(text[before.end : quantity.start])
        ):
            summed[-1] = _joined(text, before, quantity, before.values[0] + quantity.values[0])
        elif (
            before is not None
            and quantity.dimension == "fraction"
            and before.dimension in ("duration", "months")
            and AND_A_HALF.fullmatch(text[before.end : quantity.end])
        ):
            summed[-1] = _joined(text, before, quantity, before.values[0] + before.factor / 2)
        else:
            summed.append(quantity)
    return summed


def _joined(text: str, first: Quantity, last: Quantity, value: float) -> Quantity:
    return msgspec.structs.replace(first, end=last.end, text=text[first.start : last.end], values=(value,), is_article=False)


def same_value(left: Quantity, right: Quantity) -> bool:
    """Whether two quantities agree: equal code, or an equal reading in compatible units."""
    if left.dimension == "code" or right.dimension == "code":
        return left.dimension == right.dimension and left.code == right.code
    if not compatible(left, right):
        return False
    if {left.dimension, right.dimension} == {"celsius", "fahrenheit"}:
        warm, other = (left, right) if left.dimension == "celsius" else (right, left)
        return any(abs(mine * 1.8 + 32 - theirs) <= DEGREES_TOLERANCE for mine in warm.values for theirs in other.values)
    if {left.dimension, right.dimension} == {"percent", "fraction"}:
        scale = 100.0 if left.dimension == "fraction" else 1.0
        return any(
            abs(mine * scale - theirs * (100.0 / scale)) <= PART_TOLERANCE for mine in left.values for theirs in right.values
        )
    return any(
        _close(mine * factor, theirs) for factor in _factors(left, right) for mine in left.values for theirs in right.values
    )


def is_loosely_same(left: Quantity, right: Quantity) -> bool:
    """Whether people call so many days that many months: "60 days" are two months and "365 days" a year. In a contract they are
    not the same."""
    if {left.dimension, right.dimension} != {"duration", "months"}:
        return False
    months, spans = (left, right) if left.dimension == "months" else (right, left)
    low, high = MONTH_DAYS
    return any(each >= 1 and low * each <= span / DAY_S <= high * each for each in months.values for span in spans.values)


def compatible(left: Quantity, right: Quantity) -> bool:
    """Whether two units may be compared: the same dimension, or one side gives none."""
    if left.dimension == right.dimension:
        return True
    pair = {left.dimension, right.dimension}
    if any(dimension.startswith("label") for dimension in pair):
        return False
    return pair in ({"percent", "fraction"}, {"duration", "months"}, {"celsius", "fahrenheit"}, *_DEGREES) or (
        "" in pair and not pair & {"code", "ordinal"}
    )


def _factors(left: Quantity, right: Quantity) -> tuple[float, ...]:
    if left.dimension == right.dimension or {left.dimension, right.dimension} in _DEGREES:
        return (1.0,)
    if "" in (left.dimension, right.dimension):
        return _unscaled(left, right)
    return (0.0,)  # days and months: no fixed conversion


def _unscaled(left: Quantity, right: Quantity) -> tuple[float, ...]:
    """A bare figure against one with a unit is compared as written, before conversion to the base unit."""
    return (right.factor / left.factor,)


def _close(left: float, right: float) -> bool:
    size = max(abs(left), abs(right))  # of a figure beyond what can be held, infinite: it equals nothing
    return math.isfinite(size) and abs(left - right) <= VALUE_TOLERANCE * max(1e-3, size)
