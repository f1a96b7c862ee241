"""Reads calendar dates, times of day and weekdays from text in the notations that European offices use. An ambiguous
notation (03/04/2027, 4:30) keeps all its readings, so that only a real disagreement counts as one."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Literal

import msgspec

from groundcrew.grounding.lexicon import fold

MOMENT_CACHE_SIZE = 4_096

MomentKind = Literal["date", "time", "weekday", "quarter"]

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier janv gennaio genn gen jänner",
            "february feb februar février févr fevr febbraio febbr",
            "march mar märz maerz mrz mars marzo",
            "april apr avril avr aprile",
            "may mai maggio mag",
            "june jun juni juin giugno giu",
            "july jul juli juillet juil luglio lug",
            "august aug août agosto ago",
            "september sep sept septembre settembre set sett",
            "october oct oktober okt octobre ottobre ott",
            "november nov novembre",
            "december dec dezember dez décembre déc dicembre dic",
        ),
        start=1,
    )
    for name in map(fold, names.split())
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mondays mon montag montags mo lundi lun lunedi",
            "tuesday tuesdays tue tues dienstag dienstags di mardi martedi",
            "wednesday wednesdays wed mittwoch mittwochs mi mercredi mercoledi",
            "thursday thursdays thu thur thurs donnerstag donnerstags do jeudi giovedi",
            "friday fridays fri freitag freitags fr vendredi venerdi",
            "saturday saturdays sat samstag samstags sonnabend sa samedi sabato",
            "sunday sundays sun sonntag sonntags so dimanche domenica",
        )
    )
    for name in map(fold, names.split())
}
_MONTH_WORDS = (
    "|".join(sorted((re.escape(name) for name in _MONTHS), key=len, reverse=True)) + "|märz|février|décembre|août|jänner"
)
_LONG_DAYS = [name for name in _WEEKDAYS if len(name) > 3]
_LONG_DAY_WORDS = "|".join(sorted(_LONG_DAYS, key=len, reverse=True)) + "|lunedì|martedì|mercoledì|giovedì|venerdì"
_TO = r"\s*(?:-|–|—|to|through|until|till|bis|à|au|al|a|until)\s*"

_ORDINAL_DAYS = {
    fold(name): number
    for names in (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
        "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
        "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first",
        "ersten zweiten dritten vierten fünften sechsten siebten achten neunten zehnten elften zwölften dreizehnten vierzehnten "
        "fünfzehnten sechzehnten siebzehnten achtzehnten neunzehnten zwanzigsten einundzwanzigsten zweiundzwanzigsten "
        "dreiundzwanzigsten vierundzwanzigsten fünfundzwanzigsten sechsundzwanzigsten siebenundzwanzigsten "
        "achtundzwanzigsten neunundzwanzigsten dreissigsten einunddreissigsten",
        "premier",
        "primo",
    )
    for number, name in enumerate(names.split(), start=1)
}
_ORDINAL_WORDS = "|".join(sorted(_ORDINAL_DAYS, key=len, reverse=True)) + "|fünften|zwölften|fünfzehnten"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.|er|°)?"
_YEAR = r"(?P<year>(?:1[5-9]|20|21)\d\d)"
_DATE_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<year>(?:1[5-9]|20|21)\d\d)-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)\b",
        r"\b(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])(?![\d-])",
        r"\b(?P<day>[0-3]?\d)\.\s?(?P<month>0?[1-9]|1[0-2])\.\s?(?P<year>\d{4}|\d{2}(?!\d))(?!\d)",
        r"\b(?:am|vom|bis|zum|ab|den|der|dem|seit|until|from|on|by|le|il|dal|"
        r"al)\s+(?P<day>[0-3]?\d)\.\s?(?P<month>0?[1-9]|1[0-2])\.(?!\d)",
        r"\b(?P<either>[0-3]?\d)/(?P<other>[0-3]?\d)/(?P<year>\d{4}|\d{2})\b",
        rf"\b(?P<ordinal>{_ORDINAL_WORDS})\s+(?:of\s+)?(?P<name>{_MONTH_WORDS})\b\.?(?:,?\s+{_YEAR}\b)?",
        rf"\b{_DAY}\s+(?:of\s+|de\s+|di\s+)?(?P<name>{_MONTH_WORDS})\b\.?(?:,?\s+{_YEAR}\b)?",
        rf"\b(?P<name>{_MONTH_WORDS})\b\.?\s+{_DAY}(?!\d|[:.]\d|\s*(?:%|hours?\b|days?\b|a\.?m|"
        rf"p\.?m))\b(?:,?\s+{_YEAR}\b)?",
        rf"\b(?P<name>{_MONTH_WORDS})\b\.?,?\s+(?:of\s+|de\s+)?{_YEAR}\b",
    )
]
_WORDED_PATTERNS = [pattern for pattern in _DATE_PATTERNS if "ordinal" in pattern.groupindex]
_YEAR_RANGE = re.compile(r"(?<![\d.,/-])(?P<first>(?:19|20)\d\d)\s?[/–-]\s?(?P<last>(?:19|20)?\d\d)(?![\d/]|[-.,]\d)")
_QUARTERS = {
    fold(name): number
    for number, names in enumerate(
        (
            "first 1st erste erstes ersten 1. premier 1er primo",
            "second 2nd zweite zweites zweiten 2. deuxième 2e secondo",
            "third 3rd dritte drittes dritten 3. troisième 3e terzo",
            "fourth 4th vierte viertes vierten 4. quatrième 4e quarto",
        ),
        start=1,
    )
    for name in names.split()
}
_QUARTER_YEAR = r"(?:\s*(?:of|de|del|du|im|,|/|-)?\s*(?P<year>(?:fiscal |fy ?)?(?:20)?\d\d)\b(?![.,]\d|\s?%))?"
_QUARTER_PATTERNS = (
    re.compile(rf"\bQ(?P<quarter>[1-4])\b{_QUARTER_YEAR}", re.IGNORECASE),
    re.compile(rf"\b(?P<quarter>[1-4])Q(?![^\W\d]){_QUARTER_YEAR}", re.IGNORECASE),
    re.compile(
        rf"(?:\b(?P<before>20\d\d)\s+)?(?<![\w.])(?P<name>{'|'.join(re.escape(name) for name in _QUARTERS)}|"
        rf"deuxième|troisième|quatrième)[ -](?:fiscal )?(?:quarter|quartals?|trimestre)\b{_QUARTER_YEAR}",
        re.IGNORECASE,
    ),
)
_DAY_BEFORE = re.compile(
    r"(?<![\d.,/-])(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.|er)?\s?(?:-|–|to|bis(?: zum)?|and|und|au|al|et|e)\s?$", re.IGNORECASE
)
_DAY_AFTER = re.compile(
    r"\s?(?:-|–|to|and|&)\s?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?![.,:]?\d|\s*(?:%|days?|hours?|a\.?m|p\.?m))"
)
#: "children under 10 may visit".
_MODAL_MAY = re.compile(r"\d\s+may\b")
_MONTH_ALONE = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember|"
    r"janvier|février|avril|juin|juillet|août|septembre|octobre|novembre|décembre|gennaio|"
    r"febbraio|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|dicembre)\b"
)
_YEAR_ALONE = re.compile(
    r"(?<![\d.,'’/$€£-])(?:(?:1[89]|20)\d\d|(?:(?<=in )|(?<=of )|(?<=\()|(?<=since )|(?<=until )|"
    r"(?<=im jahr )|(?<=en ))(?:1[5-7]|21)\d\d)(?![\d%'’]|[.,]\d|\s?(?:%|chf|eur|usd|francs|"
    r"franken|"
    r"euros?|dollars?|kg|km|mg|ml|cm|mm|m|l|gb|mb|tb|days?|tage?n?|weeks?|wochen?|months?|monaten?|years?|jahren?|hours?|"
    r"stunden?|minutes?|minuten|seconds?|sekunden|jours?|semaines?|mois|heures?|giorni|settimane|mesi|ore|points?|punkte|"
    r"people|persons?|personen|customers?|kunden|units?|pieces?|stück)\b)",
    re.IGNORECASE,
)
_YEAR_MONEY_BEFORE = re.compile(r"(?i)(?:chf|eur|usd|gbp|fr\.?|[$€£])\s?$")

_TIME_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d.,:])(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>a\.?\s?m\b\.?|"
        r"p\.?\s?m\b\.?|o'?clock in the (?:morning|afternoon|evening))",
        r"(?<![\d.,:])(?P<hour>[01]?\d|2[0-4])[:.](?P<minute>[0-5]\d)\s*(?:uhr|hrs|h)\b",
        r"(?<![\d.,:/-])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?![\d:])",
        r"(?<![\d.,:])(?P<hour>[01]?\d|2[0-4])\s*(?:uhr\b|o[’']?clock\b)",
        r"(?<![\d.,:])(?P<hour>[01]?\d|2[0-4])\s?h\s?(?P<minute>[0-5]\d)\b",
        r"\b(?:at|until|till|from|by|before|after|um|ab|bis|von|vor|nach|à|de|dalle|alle|"
        r"ore)\s+(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?![\d.]|\s*(?:%|chf|eur|per|percent|"
        r"million|mio|kg|km))",
        r"(?P<named>\bnoon\b|\bmidday\b|\bmidnight\b|\bmittags?\b(?!och)|\bmitternacht\b|\bmidi\b|"
        r"\bminuit\b|\bmezzogiorno\b|\bmezzanotte\b)",
    )
]
_HALF = re.compile(r"(?i)[ap]\.?\s?m\b|noon|midday|midnight|morning|afternoon|evening")
_OPEN_RANGE = re.compile(
    r"(?<![\d.,:])(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5]\d))?\s*(?:-|–|—|to|until|till)\s*$", re.IGNORECASE
)
_OPEN_BETWEEN = re.compile(
    r"\b(?:between|from|zwischen|von|entre|de|dalle|tra)\s+(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?\s*"
    r"(?:-|–|—|and|to|und|bis|et|à|e|alle)\s*$",
    re.IGNORECASE,
)
_NAMED_MINUTES = {
    "noon": 720,
    "midday": 720,
    "mittag": 720,
    "mittags": 720,
    "midi": 720,
    "mezzogiorno": 720,
    "midnight": 0,
    "mitternacht": 0,
    "minuit": 0,
    "mezzanotte": 0,
}

_DAY_RANGE = re.compile(
    rf"\b(?P<first>{_LONG_DAY_WORDS}|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|"
    rf"so)\.?{_TO}(?P<last>{_LONG_DAY_WORDS}|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)\b",
    re.IGNORECASE,
)
_DAY_ALONE = re.compile(
    rf"\b(?:{_LONG_DAY_WORDS})\b|\b(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun)\b(?=[.,;:)/]|\s+(?:\d|closed|open)|$|"
    rf"\s+(?:and|&|or)\s+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)|\b(?-i:Sa|So)\b(?=\s?(?:/|und|\+|&)\s?(?-i:So)\b|\s+(?:geschlossen|\d))|"
    rf"(?<=und )(?-i:So)\b(?=\s+geschlossen|[.,;:])",
    re.IGNORECASE,
)
_DAY_GROUPS = re.compile(
    r"\b(?P<week>weekdays?|werktags|wochentags|en semaine|feriali)\b|\b(?P<end>weekends?|"
    r"wochenenden?|week-ends?|fine settimana)\b",
    re.IGNORECASE,
)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A date, time of day or set of weekdays found at `text[start:end]`. `readings` holds (year, month, day) with 0 for
    what is left open, minutes since midnight as (minutes,), one sorted tuple of weekdays (Monday is 0), or (year, quarter)."""

    kind: MomentKind
    start: int
    end: int
    text: str
    readings: tuple[tuple[int, ...], ...]
    #: A time given neither with a.m. or p.m. nor in a notation that only the 24-hour clock has.
    loose: bool = False


@lru_cache(maxsize=MOMENT_CACHE_SIZE)
def moments(text: str) -> tuple[Moment, ...]:
    """All dates, times and weekdays of `text`, left to right, without overlaps; longer notations win."""
    taken: list[tuple[int, int]] = []
    found: list[Moment] = []
    has_digit = any(map(str.isdigit, text))
    for moment in (*_quarters(text), *(_year_ranges(text) if has_digit else ()), *_dates(text), *_times(text), *_weekdays(text)):
        if all(moment.end <= start or moment.start >= end for start, end in taken):
            taken.append((moment.start, moment.end))
            found.append(moment)
    return tuple(sorted(found, key=lambda moment: moment.start))


def _quarters(text: str) -> list[Moment]:
    found: list[Moment] = []
    for pattern in _QUARTER_PATTERNS:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            digits = re.sub(r"\D", "", parts.get("year") or parts.get("before") or "")
            year = int(digits) if digits else 0
            number = int(parts.get("quarter") or 0) or _QUARTERS[fold(parts["name"] or "")]
            found.append(_moment("quarter", match, ((year + 2000 if 0 < year < 100 else year, number),)))
    return found


def _year_ranges(text: str) -> list[Moment]:
    """ "2008/09" and "2010–2015" as two years; the year and month of "2026-03" only where the second is no later year."""
    found: list[Moment] = []
    for match in _YEAR_RANGE.finditer(text):
        first, last = int(match["first"]), int(match["last"])
        last = last if last > 100 else first // 100 * 100 + last
        if first < last <= first + 100:
            for group, year in (("first", first), ("last", last)):
                start, end = match.span(group)
                found.append(Moment(kind="date", start=start, end=end, text=match[group], readings=((year, 0, 0),)))
    return found


def _dates(text: str) -> list[Moment]:
    found: list[Moment] = []
    has_digit = any(map(str.isdigit, text))
    for pattern in _DATE_PATTERNS if has_digit else _WORDED_PATTERNS:
        for match in pattern.finditer(text):
            readings = _date_readings(match.groupdict())
            if readings and not (_MODAL_MAY.search(match.group()) and not readings[0][0]):
                found.append(_moment("date", match, readings))
                found.extend(_other_days(text, match.start(), match.end(), readings))
    found.extend(
        _moment("date", match, ((0, _MONTHS[fold(match.group())], 0),))
        for match in _MONTH_ALONE.finditer(text)
        if not _is_modal_may(text, match)
    )
    found.extend(
        _moment("date", match, ((int(match.group()), 0, 0),))
        for match in _YEAR_ALONE.finditer(text)
        if not _YEAR_MONEY_BEFORE.search(text[max(0, match.start() - 5) : match.start()])
    )
    return found


def _other_days(text: str, start: int, end: int, readings: tuple[tuple[int, ...], ...]) -> list[Moment]:
    """The other day of "10 to 15 December" or "January 3rd and 4th", in the month of the one that names it."""
    if len(readings) != 1 or not readings[0][2]:
        return []
    year, month, _ = readings[0]
    before = _DAY_BEFORE.search(text, max(0, start - 16), start)
    other = before or (_DAY_AFTER.match(text, end) if text[start].isalpha() and not year else None)
    if other is None or not 1 <= int(other["day"]) <= 31:
        return []
    first, last = other.span("day")
    return [Moment(kind="date", start=first, end=last, text=other["day"], readings=((year, month, int(other["day"])),))]


def _is_modal_may(text: str, match: re.Match[str]) -> bool:
    """ "May" at the start of a sentence or before a verb is rarely the month."""
    return (
        match.group() == "May"
        and re.search(
            r"(?i)\b(?:in|by|of|until|since|from|on|this|last|next|early|late|mid|end|and|to)\s+$", text[: match.start()]
        )
        is None
    )


def _date_readings(parts: dict[str, str | None]) -> tuple[tuple[int, ...], ...]:
    year = int(parts.get("year") or 0)
    if parts.get("year") and year < 100:
        year += 2000 if year < 70 else 1900
    if parts.get("either"):
        first, second = int(parts["either"] or 0), int(parts["other"] or 0)
        both = ((year, second, first), (year, first, second))
        return tuple(dict.fromkeys(reading for reading in both if 1 <= reading[1] <= 12 and 1 <= reading[2] <= 31))
    month = int(parts.get("month") or 0) or _MONTHS.get(fold(parts.get("name") or ""), 0)
    day = int(parts.get("day") or 0) or _ORDINAL_DAYS.get(fold(parts.get("ordinal") or ""), 0)
    return ((year, month, day),) if 1 <= month <= 12 and day <= 31 else ()


def _times(text: str) -> list[Moment]:
    found: list[Moment] = []
    for pattern in _TIME_PATTERNS:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            if parts.get("named"):
                found.append(_moment("time", match, ((_NAMED_MINUTES[fold(match.group())],),)))
                continue
            half = (parts.get("half") or "").lower()
            minutes = int(parts["hour"] or 0) % 24 * 60 + int(parts.get("minute") or 0)
            loose = (
                not half
                and not parts["hour"].startswith("0")
                and 1 <= int(parts["hour"]) <= 12
                and "uhr" not in match.group().lower()
            )
            found.append(_time(match, minutes, "?" if loose else half))
            opening = (_OPEN_RANGE if half else _OPEN_BETWEEN).search(text[: match.start()])
            if opening:
                found.append(_opening(opening, half))
    return found


def _opening(match: re.Match[str], half: str) -> Moment:
    """The first time of a range whose second alone says that it is one: "9–17.30 Uhr", "8 to 11 a.m."."""
    minutes = int(match["hour"]) % 24 * 60 + int(match["minute"] or 0)
    either = ((minutes,), ((minutes + 720) % 1440,)) if half else ((minutes,),)
    start = match.start("hour")
    return Moment(
        kind="time",
        start=start,
        end=match.end("minute") if match["minute"] else match.end("hour"),
        text=match.string[start : match.end()].strip(),
        readings=either,
        loose=bool(half),
    )


def _time(match: re.Match[str], minutes: int, half: str) -> Moment:
    if half == "?":
        return _moment("time", match, ((minutes,), ((minutes + 720) % 1440,)), loose=True)
    if half:
        afternoon = half.startswith("p") or "noon" in half or "evening" in half
        return _moment("time", match, ((minutes % 720 + (720 if afternoon else 0),),))
    return _moment("time", match, ((minutes,),))


def _weekdays(text: str) -> list[Moment]:
    found: list[Moment] = []
    for match in _DAY_RANGE.finditer(text):
        first, last = _WEEKDAYS[fold(match["first"])], _WEEKDAYS[fold(match["last"])]
        if len(match["first"]) <= 2 and not match["first"][0].isupper():
            continue
        found.append(_moment("weekday", match, (tuple(sorted((first + step) % 7 for step in range((last - first) % 7 + 1))),)))
    found.extend(
        _moment("weekday", match, ((_WEEKDAYS[fold(match.group())],),))
        for match in _DAY_ALONE.finditer(text)
        if match.group()[0].isupper() or len(match.group()) > 4
    )
    found.extend(
        _moment("weekday", match, ((0, 1, 2, 3, 4) if match["week"] else (5, 6),)) for match in _DAY_GROUPS.finditer(text)
    )
    return found


def _moment(kind: MomentKind, match: re.Match[str], readings: tuple[tuple[int, ...], ...], *, loose: bool = False) -> Moment:
    lead = len(match.group()) - len(match.group().lstrip())
    return Moment(
        kind=kind, start=match.start() + lead, end=match.end(), text=match.group().strip(), readings=readings, loose=loose
    )


def agree(claimed: Moment, stated: Moment) -> bool:
    """Whether what is claimed follows from what is stated: every field that the claim gives is the same there."""
    if claimed.kind == "weekday" and stated.kind == "date":
        return claimed.readings[0] == (weekday_of(stated),)
    if {claimed.kind, stated.kind} == {"quarter", "date"}:
        return _in_quarter(claimed, stated) if claimed.kind == "date" else _in_quarter(stated, claimed)
    if claimed.kind != stated.kind:
        return False
    if claimed.kind == "weekday":
        return set(claimed.readings[0]) <= set(stated.readings[0])
    mine_all = claimed.readings
    if claimed.kind == "time" and claimed.loose and not stated.loose and not _HALF.search(stated.text):
        mine_all = claimed.readings[:1]  # beside a 24-hour source, "8:30" is in the morning
    return any(
        all(left == right for left, right in zip(mine, theirs, strict=True) if left)
        if claimed.kind in ("date", "quarter")
        else mine == theirs
        for mine in mine_all
        for theirs in stated.readings
    )


def _in_quarter(dated: Moment, quarter: Moment) -> bool:
    """Whether the month of a date lies in the quarter, in the same year where both give one."""
    year, number = quarter.readings[0]
    return any(
        reading[1] and (reading[1] + 2) // 3 == number and (not year or not reading[0] or year == reading[0])
        for reading in dated.readings
    )


def weekday_of(stated: Moment) -> int | None:
    """The weekday (Monday is 0) of a full date with a single reading, else None."""
    if stated.kind != "date" or len(stated.readings) != 1 or not all(stated.readings[0]):
        return None
    try:
        return datetime.date(*stated.readings[0]).weekday()
    except ValueError:
        return None


def conflict(claimed: Moment, stated: Moment) -> bool:
    """Whether both give the same kind of field and none of the readings agree."""
    if claimed.kind != stated.kind or agree(claimed, stated):
        return False
    if claimed.kind not in ("date", "quarter"):
        return True
    return all(
        any(left and right and left != right for left, right in zip(mine, theirs, strict=True))
        for mine in claimed.readings
        for theirs in stated.readings
    )
