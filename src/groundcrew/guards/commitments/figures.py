"""Figures of a sentence: money, percentages, periods of time and dates, with their bounds; the words that write them become one
mark each, so that phrases can speak of `<money>` or `<date>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from groundcrew.guards.commitments import numerals
from groundcrew.guards.commitments.words import WORD_CACHE_SIZE, plain, word_set

FigureKind = Literal["money", "percent", "duration", "date", "number"]
Bound = Literal["exact", "least", "most", "range"]
#: Two figures closer than this are one.
SAME_WITHIN = 0.005

_WORD = re.compile(
    r"\d{4}-\d{2}-\d{2}(?!\d)|\d{1,2}[./]\d{1,2}[./]\d{2,4}(?![\d])|\d{1,3}(?: \d{3})+(?![\d])(?:[.,]\d{1,2}(?!\d))?(?:[.,]?-+)?"
    r"|\d[\d.,']*\d(?:[.,]?-+(?!\d))?|\d(?:[.,]-+)?|[^\W\d_]+|[%€$£¥,;:!?()\"\n&+]|(?<= )-+(?= )"
)
_CURRENCIES = {
    "CHF": "chf fr sfr franken francs franc franchi franco fränkli stutz schweizerfranken",
    "USD": "usd $ dollar dollars dollari dollaro bucks buck us$",
    "EUR": "eur € euro euros",
    "GBP": "gbp £ pound pounds pfund sterline sterlina livres quid sterling",
    "JPY": "jpy ¥ yen",
    "CAD": "cad",
    "AUD": "aud",
    "SEK": "sek",
    "NOK": "nok",
    "DKK": "dkk",
    "PLN": "pln zloty",
    "INR": "inr rupees",
    "CNY": "cny yuan",
}
_CURRENCY = {plain(word): code for code, words in _CURRENCIES.items() for word in words.split()}
#: Currencies of which the words before the name say nothing ("Swiss francs", "US dollars").
_CURRENCY_LEADS = frozenset(("swiss", "schweizer", "us", "american", "sterling"))
_CURRENCY_TAILS = frozenset(("suisses", "svizzeri", "svizzero", "suisse", "sterling", "americains", "americani"))
_CENTS = frozenset(("cents", "cent", "rappen", "centimes", "centime", "centesimi", "centesimo", "pence", "pennies"))
_PERCENT = frozenset(("%", "percent", "prozent"))
_PERCENT_PAIRS = frozenset((("per", "cent"), ("pour", "cent"), ("per", "cento")))
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(word_set("second seconds sekunde sekunden seconde secondes secondo secondi"), ("hour", 1 / 3600)),
    **dict.fromkeys(word_set("minute minutes min minuten minuto minuti"), ("hour", 1 / 60)),
    **dict.fromkeys(word_set("hour hours hrs stunde stunden heure heures h ora ore"), ("hour", 1.0)),
    **dict.fromkeys(word_set("day days tag tage tagen jour jours journee journees giorno giorni"), ("hour", 24.0)),
    **dict.fromkeys(word_set("night nights nacht nachte nachten nuit nuits notte notti"), ("hour", 24.0)),
    **dict.fromkeys(word_set("week weeks woche wochen semaine semaines settimana settimane"), ("hour", 168.0)),
    **dict.fromkeys(word_set("month months monat monate monaten mois mese mesi"), ("month", 1.0)),
    **dict.fromkeys(word_set("quarter quarters quartal quartale trimestre trimestri"), ("month", 3.0)),
    **dict.fromkeys(word_set("year years jahr jahre jahren an ans annee annees anno anni"), ("month", 12.0)),
    **dict.fromkeys(
        word_set("werktag werktage werktagen arbeitstag arbeitstage arbeitstagen bankwerktag bankwerktage bankwerktagen"),
        ("business", 24.0),
    ),
}
_BUSINESS_BEFORE = frozenset(("business", "working", "bank", "banking"))
_BUSINESS_AFTER = frozenset(("ouvrables", "ouvrable", "ouvres", "ouvre", "lavorativi", "lavorativo"))
_UNIT_LEADS = frozenset(("calendar", "full", "next", "more", "short", "weitere", "ganze", "prochains", "prochaines", "volle"))
_PER = frozenset(
    ("per", "a", "an", "each", "every", "pro", "im", "am", "par", "al", "alla", "all", "je", "la", "le", "l", "jede", "ogni")
)
_PERIOD_WORDS = {
    **dict.fromkeys(
        word_set("monthly monatlich monatliche monatlichen monatlicher mensuel mensuelle mensuels mensile mensili"), "month"
    ),
    **dict.fromkeys(
        word_set("yearly annual annually jahrlich jahrliche jahrlichen annuel annuelle annuels annuo annua annuale"), "year"
    ),
    **dict.fromkeys(word_set("weekly wochentlich hebdomadaire settimanale"), "week"),
    **dict.fromkeys(word_set("daily taglich quotidien giornaliero"), "day"),
}
_PERIODS = {
    **dict.fromkeys(word_set("month monat mois mese"), "month"),
    **dict.fromkeys(word_set("year jahr an annee anno"), "year"),
    **dict.fromkeys(word_set("week woche semaine settimana"), "week"),
    **dict.fromkeys(word_set("day tag jour journee giorno"), "day"),
    **dict.fromkeys(word_set("night nacht nuit notte"), "night"),
    **dict.fromkeys(word_set("hour stunde heure ora"), "hour"),
}
_MONTHS = (
    "january januar janner janvier gennaio jan", "february februar fevrier febbraio feb febr",
    "march marz maerz mars marzo mar mrz",
    "april avril aprile apr", "may mai maggio", "june juni juin giugno jun",
    "july juli juillet luglio jul", "august aout agosto aug",
    "september septembre settembre sep sept", "october oktober octobre ottobre oct okt", "november novembre nov",
    "december dezember decembre dicembre dec dez",
)  # fmt: skip
_MONTH = {word: number for number, words in enumerate(_MONTHS, start=1) for word in words.split()}
_WEEKDAYS = (
    "monday montag lundi lunedi", "tuesday dienstag mardi martedi", "wednesday mittwoch mercredi mercoledi",
    "thursday donnerstag jeudi giovedi", "friday freitag vendredi venerdi", "saturday samstag sonnabend samedi sabato",
    "sunday sonntag dimanche domenica",
)  # fmt: skip
_DAY_NAMES = {
    **{word: f"weekday {number}" for number, words in enumerate(_WEEKDAYS) for word in words.split()},
    **dict.fromkeys(word_set("tomorrow demain domani domattina ubermorgen uebermorgen dopodomani"), "tomorrow"),
    **dict.fromkeys(word_set("today tonight heute aujourd oggi stasera stamattina"), "today"),
    **dict.fromkeys(word_set("noon midday mittag midi mezzogiorno midnight mitternacht minuit mezzanotte"), "noon"),
}
#: "next week", "Ende Monat", "la semaine prochaine": several words that name a time.
_DAY_PAIRS = {
    ("next", "week"): "next week", ("next", "month"): "next month", ("this", "week"): "this week", ("this", "afternoon"): "today",
    ("this", "evening"): "today", ("nachste", "woche"): "next week", ("nachster", "woche"): "next week",
    ("nachsten", "monat"): "next month", ("diese", "woche"): "this week", ("dieser", "woche"): "this week",
    ("ende", "monat"): "month end", ("ende", "woche"): "week end", ("semaine", "prochaine"): "next week",
    ("mois", "prochain"): "next month", ("cette", "semaine"): "this week", ("fin", "mois"): "month end",
    ("settimana", "prossima"): "next week", ("prossima", "settimana"): "next week", ("mese", "prossimo"): "next month",
    ("fine", "mese"): "month end", ("fine", "settimana"): "week end", ("questa", "settimana"): "this week",
    ("cet", "apres"): "today", ("heute", "nachmittag"): "today", ("questo", "pomeriggio"): "today",
    ("same", "day"): "today", ("apres", "demain"): "tomorrow", ("heute", "noch"): "today", ("month", "end"): "month end",
}  # fmt: skip
#: Words before "morgen" with which it is the morning.
_MORNING = word_set("guten am jeden der den einen schonen heute gestern dieser diesen")
_RANGE_WORDS = frozenset(("to", "and", "or", "bis", "und", "oder", "a", "et", "ou", "e", "o", "-", "au", "ai"))
_HALVES = {
    "half": 50, "halben": 50, "halber": 50, "halbem": 50, "halfte": 50, "haelfte": 50, "moitie": 50, "demi": 50, "meta": 50,
    "third": 100 / 3, "drittel": 100 / 3, "tiers": 100 / 3, "terzo": 100 / 3, "quarter": 25, "viertel": 25, "quart": 25,
    "quarto": 25,
    "fifth": 20, "funftel": 20, "fuenftel": 20, "cinquieme": 20, "quinto": 20,
    "tenth": 10, "zehntel": 10, "dixieme": 10, "decimo": 10,
}  # fmt: skip
_HALF_OF = word_set("price prices off of the preis preises prix tarif tarifs prezzo du de des del della dei dello der vom")
_BY = frozenset(
    (
        ("by", "a"),
        ("by", "one"),
        ("um", "ein"),
        ("um", "die"),
        ("mit", "einem"),
        ("d", "un"),
        ("de", "la"),
        ("di", "un"),
        ("del", "la"),
        ("by", "the"),
    )
)
_ONE_OF = frozenset(("a", "one", "ein", "un"))
#: How words begin that a fraction of the price is saved with.
_SAVING = ("save", "saving", "get", "take", "spar", "econom", "risparm")
_LEAST = word_set(
    "least from over above ab mindestens uber ueber partir des dès moins minimum min oltre superiore superiori partire almeno "
    "more exceeding starting plus"
)
_MOST = word_set(
    "most maximum max maximal hochstens hoechstens jusqu maximal massimo fino under below unter maximum upto sotto inferiore "
    "inferiori"
)


_OR_MORE = frozenset(
    (
        ("or", "more"),
        ("and", "above"),
        ("and", "over"),
        ("oder", "mehr"),
        ("und", "mehr"),
        ("ou", "plus"),
        ("et", "plus"),
        ("o", "piu"),
        ("e", "oltre"),
        ("in", "su"),
    )
)
_OF = frozenset(("von", "de", "d", "di", "of"))
#: Words that bound a figure only where they stand right before it.
_NEXT_TO = frozenset(("des", "da", "ab", "plus", "over", "above", "partir", "minimum"))
#: What a figure after "über" is the worth of: "Gutschein über 40 Franken".
_WORTH = ("gutschein", "rechnung", "betrag", "gutschrift", "summe", "check", "scheck", "bonus", "guthaben", "karte", "offerte")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure at one word of the sentence. `value` is in `unit`: a currency code (or "" where none is named), "%", "hour",
    "business" (hours of business days), "month", or for a date its name, with `value` 0."""

    kind: FigureKind
    value: float
    unit: str
    at: int
    bound: Bound = "exact"
    #: "month" in "CHF 5 a month".
    per: str = ""
    #: As it stands in the text.
    text: str = ""

    def same(self, other: Figure) -> bool:
        """Whether both are the same figure; an unnamed currency, period or year matches any."""
        if self.kind != other.kind:
            return False
        if self.kind == "date":
            return _same_date(self.unit, other.unit)
        close = abs(self.value - other.value) < SAME_WITHIN
        if self.kind in ("money", "number"):
            return close and (not self.unit or not other.unit or self.unit == other.unit) and self._same_period(other)
        if self.kind == "duration":
            # Five days promised are more than five business days published, not the other way round.
            close = abs(self.value - other.value) <= 1e-6 * max(self.value, other.value)
            return close and (self.unit == other.unit or (self.unit == "business" and other.unit == "hour"))
        return close

    def _same_period(self, other: Figure) -> bool:
        return not self.per or not other.per or self.per == other.per


def _same_date(one: str, other: str) -> bool:
    left, right = one.split("-"), other.split("-")
    if len(left) != len(right):
        return False
    return all(mine == theirs or "?" in (mine, theirs) for mine, theirs in zip(left, right, strict=True))


def words_of(text: str) -> list[str]:
    """The words, numbers and marks of a sentence in the one spelling of `plain`."""
    return _WORD.findall(plain(text))


def read(words: Sequence[str]) -> tuple[list[str], list[Figure]]:
    """`words` with one mark for each figure (`<money>`, `<percent>`, `<duration>`, `<date>`, `<number>`), and the figures."""
    marked: list[str] = []
    figures: list[Figure] = []
    index = 0
    while index < len(words):
        found = _figure(words, index) if _may_start(words[index]) else None
        if found is None:
            marked.append(words[index])
            index += 1
            continue
        kind, value, unit, end = found
        bound = "least" if tuple(words[end : end + 2]) in _OR_MORE else _bound(marked)
        per, end_per = _per(words, end) if kind in ("money", "percent") else ("", end)
        figures.append(
            Figure(kind=kind, value=value, unit=unit, at=len(marked), bound=bound, per=per, text=" ".join(words[index:end]))
        )
        marked.append(f"<{kind}>")
        index = max(end, end_per)
    return marked, _ranges(marked, figures)


@lru_cache(maxsize=WORD_CACHE_SIZE)
def _may_start(word: str) -> bool:
    return word[0].isdigit() or word in _STARTS or numerals.of_word(word) is not None or numerals.run([word], 0) is not None


def _figure(words: Sequence[str], index: int) -> tuple[FigureKind, float, str, int] | None:
    """Kind, value, unit and the index after the figure that begins at `index`."""
    word = words[index]
    date = _date(words, index)
    if date is not None:
        return ("date", 0.0, date[0], date[1])
    if word in _CURRENCY:
        return _money_after(words, index)
    if word in _HALVES:
        after = words[index + 1] if index + 1 < len(words) else ""
        shared = (after in _HALF_OF and word != "demi") or after == "tarif" or _by_a(words, index)
        return ("percent", float(_HALVES[word]), "%", index + 1) if shared else None
    number = _number(words, index)
    if number is None:
        return None
    value, end = number
    return _with_unit(words, index, value, end)


def _by_a(words: Sequence[str], index: int) -> bool:
    """Whether a fraction is what something changes by: "by a third", "um die Hälfte", "di un terzo"."""
    before = tuple(words[max(0, index - 2) : index])
    saved = (
        len(before) == 2 and before[1] in _ONE_OF and (before[0].startswith(_SAVING) or words[index + 1 : index + 2] == ["off"])
    )
    return before[-1:] in (("by",), ("moitie",)) or before in _BY or saved


def _with_unit(words: Sequence[str], start: int, value: float, end: int) -> tuple[FigureKind, float, str, int] | None:
    unit = _unit(words, end)
    if unit is None and end + 1 < len(words) and words[end] in _RANGE_WORDS:  # "3 to 5 days", "60 and 120 euros"
        second = _number(words, end + 1)
        unit = _unit(words, second[1]) if second is not None else None
        if unit is not None:
            return unit[0], value * unit[1], unit[2], end
    if unit is None:
        return ("number", value, "", end) if words[start][0].isdigit() else None
    kind, factor, name, after = unit
    if kind == "duration" and words[start] in ("a", "an"):
        return None
    return kind, value * factor, name, after


def _number(words: Sequence[str], index: int) -> tuple[float, int] | None:
    """A number in digits or words and the index after it, with "million" or "k" where it follows."""
    word = words[index]
    if word[0].isdigit():
        value = numerals.of_digits(word)
        if value is None:
            return None
        found: tuple[float, int] | None = (value, index + 1)
    else:
        found = numerals.run(words, index)
    if found is None:
        return None
    value, end = found
    if end < len(words) and (factor := numerals.scale(words[end])) is not None:
        return value * factor, end + 1
    return value, end


def _unit(words: Sequence[str], index: int) -> tuple[FigureKind, float, str, int] | None:
    """Kind, factor, name and the index after the unit at `index`."""
    if index >= len(words):
        return None
    word = words[index]
    after = words[index + 1] if index + 1 < len(words) else ""
    if word in _PERCENT:
        return "percent", 1.0, "%", index + 1
    if (word, after) in _PERCENT_PAIRS:
        return "percent", 1.0, "%", index + 2
    if (word in _CURRENCY_LEADS and after in _CURRENCY) or (
        word in ("einzigen", "einziger", "seul", "solo", "single", "symbolique", "simbolico", "symbolischen", "petit")
        and after in _CURRENCY
    ):
        word, index = after, index + 1
        after = words[index + 1] if index + 1 < len(words) else ""
    if word in _CURRENCY and after[:1].isdigit():
        return None  # "a medium one CHF 280": the currency belongs to what follows
    if word in _CURRENCY:
        code = "GBP" if after == "sterling" else _CURRENCY[word]
        return "money", 1.0, code, index + (2 if after in _CURRENCY_TAILS else 1)
    if word in _CENTS:
        return "money", 0.01, "", index + 1
    business = word in _BUSINESS_BEFORE
    place = index + 1 if business or word in _UNIT_LEADS else index
    unit = _UNITS.get(words[place]) if place < len(words) else None
    if unit is None:
        return None
    name, factor = unit
    end = place + 1
    if end < len(words) and words[end] in _BUSINESS_AFTER:
        business, end = True, end + 1
    if name == "hour" and factor < 24 and words[end : end + 2] in (["a", "day"], ["per", "day"], ["am", "tag"], ["par", "jour"]):
        return None
    if words[end : end + 1] and words[end] in ("old", "alt"):
        return None
    return "duration", factor, "business" if business and name == "hour" else name, end


def _money_after(words: Sequence[str], index: int) -> tuple[FigureKind, float, str, int] | None:
    """ "CHF 20", "$5", "EUR 5,-"; None where no number follows the currency."""
    code = _CURRENCY[words[index]]
    place = index + 1
    number = _number(words, place) if place < len(words) and words[place][0].isdigit() else None
    return ("money", number[0], code, number[1]) if number is not None else None


def _date(words: Sequence[str], index: int) -> tuple[str, int] | None:
    word = words[index]
    after = words[index + 1] if index + 1 < len(words) else ""
    if word[0].isdigit():
        if len(word) >= 8 and word[4:5] == "-":
            return f"{word[:4]}-{int(word[5:7])}-{int(word[8:10])}", index + 1
        parts = re.split(r"[./]", word)
        if len(parts) == 3 and all(each.isdigit() for each in parts) and int(parts[1]) <= 12:
            year = parts[2] if len(parts[2]) == 4 else f"20{parts[2]}"
            return f"{year}-{int(parts[1])}-{int(parts[0])}", index + 1
        ordinal = word if word.isdigit() else ""
        place = index + 1
        if ordinal and len(ordinal) <= 2:
            while place < len(words) and words[place] in ("st", "nd", "rd", "th", "of", "er"):
                place += 1
            if place < len(words) and words[place] in _MONTH:
                year, end = _year(words, place + 1)
                return f"{year}-{_MONTH[words[place]]}-{int(ordinal)}", end
            if words[index + 1 : index + 3] in (["p", "m"], ["a", "m"]):
                return f"clock {ordinal}", index + 3
            if after in ("pm", "uhr", "oclock"):
                return f"clock {ordinal}", index + 2
        return None
    if word in _MONTH and after.isdigit() and len(after) <= 2 and int(after) <= 31:
        end = index + 3 if words[index + 2 : index + 3] in (["st"], ["nd"], ["rd"], ["th"]) else index + 2
        year, end = _year(words, end)
        return f"{year}-{_MONTH[word]}-{int(after)}", end
    if word == "morgen":
        before = words[index - 1] if index else ""
        return None if before in _MORNING or after in ("frueh",) else ("tomorrow", index + 1)
    if (word, after) in _DAY_PAIRS:
        return _DAY_PAIRS[word, after], index + 2
    if word in ("end", "ende", "fin", "fine"):
        place = index + 1
        while (
            place < len(words)
            and place < index + 4
            and words[place] in ("of", "the", "this", "du", "de", "la", "der", "des", "dieser", "diese", "del", "della", "dieses")
        ):
            place += 1
        if place > index and place < len(words) and words[place] in _UNITS:
            return f"end of {_UNITS[words[place]][0]}", place + 1
        return None
    return (_DAY_NAMES[word], index + 1) if word in _DAY_NAMES else None


def _year(words: Sequence[str], index: int) -> tuple[str, int]:
    place = index + 1 if words[index : index + 1] == [","] else index
    if place < len(words) and words[place].isdigit() and len(words[place]) == 4 and words[place].startswith(("19", "20")):
        return words[place], place + 1
    return "?", index


_STARTS = frozenset(
    ("morgen", *_CURRENCY, *_HALVES, *_DAY_NAMES, *_MONTH, *(first for first, _ in _DAY_PAIRS), "end", "ende", "fin", "fine", "a")
)


def _per(words: Sequence[str], index: int) -> tuple[str, int]:
    """The period that a figure is for, and the index after it where it was written out."""
    if index + 1 < len(words) and words[index] in _PER and words[index + 1] in _PERIODS:
        return _PERIODS[words[index + 1]], index + 2
    if index < len(words) and words[index] in _PERIOD_WORDS:
        return _PERIOD_WORDS[words[index]], index + 1
    return "", index


def _bound(before: Sequence[str]) -> Bound:
    """What the up to four words before a figure make of it."""
    for distance, word in enumerate(reversed(before[-4:])):
        if word in (",", ";", ":", "(", ")") or word.startswith("<"):
            break
        if word in _MOST or (word == "to" and before[-2:-1] == ["up"]) or (word == "zu" and before[-2:-1] == ["bis"]):
            return "most"
        earlier = before[len(before) - 2 - distance] if distance + 1 < len(before) else ""
        if word == "da":
            if distance == 0 and (not earlier or earlier in (",", ";")):
                return "least"
            continue
        if word == "more":
            if before[len(before) - distance :][:1] == ["than"]:
                return "least"
            continue
        if word == "less":
            return "least" if earlier in ("no", "not") else "most"
        if word in _LEAST and (distance == 0 or word not in _NEXT_TO or (word != "des" and before[-1] in _OF)):
            if word in ("uber", "ueber") and earlier.endswith(_WORTH):
                continue
            return "least"
    return "exact"


def _ranges(marked: Sequence[str], figures: list[Figure]) -> list[Figure]:
    """Figures of which two of one kind are joined by "to", "bis", "et" after "between" and the like become ranges."""
    result = list(figures)
    for number in range(len(result) - 1):
        one, two = result[number], result[number + 1]
        if one.kind != two.kind or two.at - one.at > 2 or one.value > two.value:
            continue
        if two.at - one.at == 1:  # "$5-$10"
            result[number] = msgspec.structs.replace(one, bound="range")
            result[number + 1] = msgspec.structs.replace(two, bound="range")
            continue
        join = marked[one.at + 1]
        before = marked[one.at - 1] if one.at else ""
        spanning = before in ("between", "zwischen", "entre", "tra", "fra", "from", "von", "de", "da")
        if join in ("and", "und", "et", "e", "or", "oder", "ou", "o") and two.bound == "exact" and one.bound in ("least", "most"):
            result[number + 1] = msgspec.structs.replace(two, bound=one.bound)
        if join in ("to", "bis", "-", "a", "au") or (spanning and join in _RANGE_WORDS):
            result[number] = msgspec.structs.replace(one, bound="range")
            result[number + 1] = msgspec.structs.replace(two, bound="range")
    return result


def periods(words: Sequence[str]) -> frozenset[str]:
    """The periods that words like "monthly" name."""
    return frozenset(_PERIOD_WORDS[each] for each in words if each in _PERIOD_WORDS)


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money; `currency` is an ISO 4217 code."""

    value: float
    currency: str | None


def amounts(text: str) -> list[Amount]:
    """Every amount with a currency in `text`, in order."""
    return [
        Amount(value=each.value, currency=each.unit or None) for each in read(words_of(text))[1] if each.kind == "money"
    ]  # fmt: skip


def percents(text: str) -> list[float]:
    """Every percentage in `text`, in order."""
    return [each.value for each in read(words_of(text))[1] if each.kind == "percent"]
