# ruff: noqa: E501 - lists and patterns, one a line
"""Makes values for every type: names, dates, addresses, numbers, in the many forms that they are written in."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import names as lists

Maker = Callable[[random.Random], str]

MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "de": ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
    "fr": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    "it": [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
}
WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "de": ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    "fr": ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    "it": ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"],
}
CULTURES = tuple(lists.PEOPLE)
#: How often each culture's names are drawn; English most, since the clinical notes and most templates are English.
CULTURE_WEIGHTS = (30, 12, 9, 8, 10, 9, 9, 5, 4, 7, 6)
_SYLLABLES_START = [
    "Ba",
    "Be",
    "Bo",
    "Bra",
    "Ca",
    "Chri",
    "Da",
    "De",
    "Dra",
    "El",
    "Fa",
    "Fi",
    "Ga",
    "Go",
    "Gri",
    "Ha",
    "He",
    "Hu",
    "Is",
    "Ja",
    "Jo",
    "Ka",
    "Ki",
    "Kra",
    "La",
    "Le",
    "Li",
    "Ma",
    "Me",
    "Mi",
    "Mo",
    "Na",
    "Ne",
    "Ni",
    "O",
    "Pa",
    "Pe",
    "Po",
    "Ra",
    "Re",
    "Ro",
    "Sa",
    "Se",
    "Sha",
    "So",
    "Sta",
    "Ta",
    "Te",
    "Ti",
    "To",
    "Tra",
    "U",
    "Va",
    "Ve",
    "Vi",
    "Wa",
    "We",
    "Ya",
    "Ye",
    "Za",
    "Zo",
]
_SYLLABLES_MIDDLE = [
    "ba",
    "be",
    "bi",
    "da",
    "del",
    "den",
    "di",
    "do",
    "fa",
    "fi",
    "ga",
    "gi",
    "go",
    "ka",
    "ke",
    "ki",
    "la",
    "le",
    "li",
    "lin",
    "lo",
    "ma",
    "men",
    "mi",
    "mo",
    "na",
    "ne",
    "ni",
    "no",
    "ra",
    "ren",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "va",
    "ve",
    "vi",
    "za",
]
_SYLLABLES_END = [
    "ard",
    "berg",
    "by",
    "ck",
    "dal",
    "den",
    "ez",
    "feld",
    "ford",
    "er",
    "ger",
    "ham",
    "heim",
    "i",
    "ian",
    "ic",
    "ini",
    "ino",
    "is",
    "ita",
    "kin",
    "ko",
    "la",
    "land",
    "ler",
    "ley",
    "ling",
    "ly",
    "man",
    "mann",
    "mer",
    "mi",
    "mo",
    "na",
    "nen",
    "ner",
    "ney",
    "o",
    "off",
    "on",
    "ou",
    "ov",
    "ova",
    "own",
    "ro",
    "rov",
    "s",
    "sen",
    "ska",
    "ski",
    "son",
    "sson",
    "stein",
    "ston",
    "ti",
    "ton",
    "tt",
    "vic",
    "well",
    "wick",
    "y",
    "za",
]


def pick(r: random.Random, options: tuple[str, ...] | list[str]) -> str:
    return options[int(r.random() * len(options))]


def digits(r: random.Random, count: int) -> str:
    return "".join(pick(r, list(string.digits)) for _ in range(count))


def shaped(r: random.Random, shape: str) -> str:
    """`shape` with 9 replaced by a digit, A by a capital, everything else as it is."""
    return "".join(
        pick(r, list(string.digits)) if each == "9" else pick(r, list(string.ascii_uppercase)) if each == "A" else each
        for each in shape
    )


def invented(r: random.Random) -> str:
    """A word that sounds like a name and is in no list."""
    return (
        pick(r, _SYLLABLES_START)
        + "".join(pick(r, _SYLLABLES_MIDDLE) for _ in range(r.choice((0, 1, 1, 2))))
        + pick(r, _SYLLABLES_END)
    )


def first(r: random.Random, culture: str | None = None) -> str:
    culture = culture or r.choices(CULTURES, CULTURE_WEIGHTS)[0]
    if r.random() < 0.06:
        return invented(r)
    return pick(r, lists.PEOPLE[culture][0])


def last(r: random.Random, culture: str | None = None) -> str:
    culture = culture or r.choices(CULTURES, CULTURE_WEIGHTS)[0]
    if r.random() < 0.15:
        return invented(r)
    return pick(r, lists.PEOPLE[culture][1])


def name(r: random.Random) -> str:
    culture = r.choices(CULTURES, CULTURE_WEIGHTS)[0]
    given, family = first(r, culture), last(r, culture if r.random() < 0.85 else None)
    form = r.random()
    if form < 0.72:
        return f"{given} {family}"
    if form < 0.80:
        return f"{given} {pick(r, list(string.ascii_uppercase))}{r.choice(('.', '', '.'))} {family}"
    if form < 0.84:
        return f"{given} {first(r, culture)} {family}"
    if form < 0.87:
        return f"{given} {family}-{last(r, culture)}"
    if form < 0.90:
        return f"{given[0]}. {family}"
    if form < 0.93:
        return f"{family}, {given}"
    if form < 0.96:
        return f"{given} {family} {r.choice(('Jr.', 'Sr.', 'III', 'II'))}"
    return f"{given} {family} {last(r, culture)}"


def person(r: random.Random) -> str:
    return name(r) if r.random() < 0.75 else (first(r) if r.random() < 0.6 else last(r))


def _clock(r: random.Random) -> str:
    return f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}"


def numeric_date(r: random.Random) -> str:
    day, month, year = r.randint(1, 28), r.randint(1, 12), r.randint(1920, 2030)
    forms = (
        f"{month:02d}/{day:02d}/{year}",
        f"{month}/{day}/{year}",
        f"{day:02d}.{month:02d}.{year}",
        f"{day}.{month}.{year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{day:02d}/{month:02d}/{year}",
        f"{month:02d}/{day:02d}/{year % 100:02d}",
        f"{day:02d}.{month:02d}.{year % 100:02d}",
        f"{day:02d}-{month:02d}-{year}",
        f"{month}-{day}-{year % 100:02d}",
        f"{day:02d}-{MONTHS['en'][month - 1][:3]}-{year}",
        f"{day} {MONTHS['en'][month - 1][:3]} {year}",
        f"{year}/{month:02d}/{day:02d}",
        f"{day}. {month}. {year}",
        f"{year}{month:02d}{day:02d}",
        f"{year}-{month:02d}-{day:02d} {_clock(r)}",
        f"{year}-{month:02d}-{day:02d} {_clock(r)}:{r.randint(0, 59):02d}",
        f"{year}-{month:02d}-{day:02d}T{_clock(r)}:00Z",
    )
    return r.choices(forms, (8, 6, 8, 4, 7, 5, 5, 3, 3, 2, 4, 3, 1, 1, 1, 2, 3, 1))[0]


def worded_date(r: random.Random, language: str = "en") -> str:
    day, month, year = r.randint(1, 31), r.randint(0, 11), r.randint(1920, 2030)
    word = MONTHS[language][month]
    if language == "en":
        short = word[:3]
        ordinal = f"{day}{'th' if 10 <= day % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
        return r.choice(
            (
                f"{word} {day}, {year}",
                f"{word} {day}, {year}",
                f"{day} {word} {year}",
                f"{word} {day}",
                f"{short} {day}, {year}",
                f"{short}. {day}",
                f"{ordinal} {word} {year}",
                f"the {ordinal} of {word}",
                f"{ordinal} of {word} {year}",
                f"{word} {ordinal}",
                f"{word} {year}",
                f"{day} {short} {year}",
                f"{word} of {year}",
                f"{pick(r, WEEKDAYS['en'])}, {word} {day}",
                f"{pick(r, WEEKDAYS['en'])}, {day} {word} {year}",
                f"{word} the {ordinal}",
                f"{word} {ordinal}, {year}",
                f"{day}-{short}-{year}",
                f"{word} {day:02d}, {year}",
                f"{word} {day:02d}, {year}",
            )
        )
    if language == "de":
        return r.choice(
            (
                f"{day}. {word} {year}",
                f"{day}. {word}",
                f"{word} {year}",
                f"{pick(r, WEEKDAYS['de'])}, {day}. {word} {year}",
                f"{pick(r, WEEKDAYS['de'])}, den {day}. {word}",
            )
        )
    if language == "fr":
        begin = "1er" if day == 1 else str(day)
        return r.choice(
            (
                f"{begin} {word} {year}",
                f"{begin} {word}",
                f"{word} {year}",
                f"{pick(r, WEEKDAYS['fr'])} {begin} {word} {year}",
                f"{pick(r, WEEKDAYS['fr'])} {begin} {word}",
            )
        )
    begin = "1°" if day == 1 else str(day)
    return r.choice(
        (f"{begin} {word} {year}", f"{begin} {word}", f"{word} {year}", f"{pick(r, WEEKDAYS['it'])} {begin} {word} {year}")
    )


def date(r: random.Random, language: str = "en") -> str:
    return numeric_date(r) if r.random() < 0.55 else worded_date(r, language)


def full_date(r: random.Random) -> str:
    """One that names day, month and year: births, visits, signatures."""
    if r.random() < 0.65:
        return numeric_date(r)
    day, month, year = r.randint(1, 28), pick(r, MONTHS["en"]), r.randint(1920, 2030)
    return r.choice(
        (f"{month} {day:02d}, {year}", f"{month} {day}, {year}", f"{day} {month} {year}", f"{day:02d}-{month[:3]}-{year}")
    )


def year(r: random.Random) -> str:
    return str(r.randint(1930, 2029))


def weekday(r: random.Random) -> str:
    return pick(r, WEEKDAYS["en"])


def age(r: random.Random) -> str:
    return (
        str(r.randint(1, 99))
        if r.random() < 0.92
        else r.choice(
            ["six", "eight", "nineteen", "thirty", "forty-two", "fifty", "sixty-seven", "seventy", "eighty-one", "ninety"]
        )
    )


def town(r: random.Random) -> str:
    form = r.random()
    if form < 0.55:
        value = pick(r, lists.TOWNS)
    elif form < 0.8:
        value = last(r) + pick(r, lists.TOWN_ENDS)
    else:
        value = f"{pick(r, lists.TOWN_STARTS)} {r.choice((last(r), first(r), pick(r, lists.TOWNS)))}".replace("- ", "")
    return value.upper() if r.random() < 0.05 else value


def country(r: random.Random) -> str:
    return pick(r, lists.COUNTRIES)


def place(r: random.Random) -> str:
    return country(r) if r.random() < 0.45 else town(r)


def _house(r: random.Random) -> str:
    return r.choice(
        (
            str(r.randint(1, 199)),
            str(r.randint(1, 99)),
            str(r.randint(100, 9999)),
            digits(r, 5),
            f"{r.randint(1, 120)}{r.choice('abcdABC')}",
            f"{r.randint(1, 60)}-{r.randint(61, 80)}",
        )
    )


def american_street(r: random.Random) -> str:
    end = pick(r, lists.STREET_ENDS if r.random() < 0.55 else lists.STREET_ENDS_RARE)
    return f"{r.choice((pick(r, lists.STREET_WORDS), last(r), first(r), last(r)))} {end}"


def street(r: random.Random) -> str:
    form, house = r.random(), _house(r)
    if form < 0.42:
        return f"{house} {american_street(r)}"
    if form < 0.57:
        return f"{pick(r, lists.GERMAN_STREETS)}{pick(r, lists.GERMAN_STREET_ENDS)} {r.randint(1, 199)}{r.choice(('', '', '', 'a', 'b'))}"
    if form < 0.63:
        return f"{r.choice((first(r, 'german') + '-' + last(r, 'german') + '-Strasse', 'Am ' + pick(r, lists.GERMAN_STREETS) + 'berg', 'An der ' + pick(r, lists.GERMAN_STREETS) + 'halde', last(r, 'german') + 'weg'))} {r.randint(1, 99)}"
    if form < 0.73:
        return (
            f"{r.randint(1, 150)}{r.choice((',', '', '', ' bis'))} {pick(r, lists.FRENCH_STREET_STARTS)} {pick(r, lists.FRENCH_STREET_NAMES)}"
            if r.random() < 0.75
            else f"{pick(r, lists.FRENCH_STREET_STARTS)} {pick(r, lists.FRENCH_STREET_NAMES)} {r.randint(1, 99)}"
        )
    if form < 0.83:
        return f"{pick(r, lists.ITALIAN_STREET_STARTS)} {pick(r, lists.ITALIAN_STREET_NAMES)}{r.choice((',', ' n.', '', ''))} {r.randint(1, 150)}"
    if form < 0.95:
        return pick(r, lists.OTHER_STREETS).replace("{n}", str(r.randint(1, 300)))
    if form < 0.97:
        return f"the corner of {american_street(r)} and {american_street(r)}"
    return r.choice(
        (
            f"P.O. Box {r.randint(1, 9999)}",
            f"Postfach {r.randint(1, 999)}",
            f"PO Box {digits(r, 4)}",
            f"Case postale {r.randint(1, 300)}",
            f"Casella postale {r.randint(1, 300)}",
        )
    )


def unit(r: random.Random) -> str:
    return f"{r.choice(('Apt.', 'Suite', 'Apt', 'Unit', '#', 'Flat', 'Room', 'Floor', 'Suite', 'Apt.', 'c/o Zimmer', 'App.'))} {r.choice((digits(r, 3), str(r.randint(1, 99)), digits(r, 3)))}"


def postcode(r: random.Random) -> str:
    return r.choice(
        (
            digits(r, 5),
            digits(r, 5),
            digits(r, 4),
            digits(r, 4),
            shaped(r, "99999-9999"),
            shaped(r, "AA9 9AA"),
            shaped(r, "A99 9AA"),
            shaped(r, "AA99 9AA"),
            shaped(r, "9999 AA"),
            shaped(r, "A9A 9A9"),
            f"CH-{digits(r, 4)}",
            f"D-{digits(r, 5)}",
            shaped(r, "99-999"),
            shaped(r, "999 99"),
        )
    )


def _military(r: random.Random, separator: str) -> str:
    tail = f"{r.choice(('APO', 'FPO', 'DPO'))} {r.choice(('AA', 'AE', 'AP'))} {digits(r, 5)}"
    head = r.choice(
        (
            f"PSC {digits(r, 4)}, Box {digits(r, 4)}",
            f"Unit {digits(r, 4)} Box {digits(r, 4)}",
            f"{r.choice(('USS', 'USNS', 'USCGC', 'USNV'))} {last(r)}",
        )
    )
    return head + separator + tail


def address(r: random.Random) -> str:
    """A whole postal address on one or several lines."""
    separator = r.choice((", ", ", ", ", ", ", ", "\n", ",\n", "\n ", " ", "\n    "))
    form = r.random()
    if form < 0.06:
        return _military(r, separator)
    line = street(r)
    if r.random() < 0.18 and not line.startswith(("the corner", "P", "C")):
        line = f"{r.randint(1, 99999)} {line}"
    if r.random() < 0.25:
        line += r.choice((" ", ", ", separator)) + unit(r)
    if form < 0.40:  # American: town, state and ZIP code last
        code = digits(r, 5) if r.random() < 0.85 else shaped(r, "99999-9999")
        return f"{line}{separator}{town(r)}{r.choice((', ', ' ', ', ', separator))}{pick(r, lists.STATES)} {code}"
    if form < 0.70:  # continental: code, then town
        value = f"{line}{separator}{r.choice((digits(r, 4), digits(r, 5), 'CH-' + digits(r, 4), 'D-' + digits(r, 5)))} {town(r)}"
        return value + (f"{separator}{country(r)}" if r.random() < 0.3 else "")
    if form < 0.82:  # British
        return f"{line}{separator}{town(r)}{r.choice((', ', ' ', separator))}{r.choice((shaped(r, 'AA9 9AA'), shaped(r, 'A99 9AA'), shaped(r, 'AA99 9AA')))}"
    return f"{line}{separator}{town(r)}{r.choice(('', separator + pick(r, lists.STATES)))}{separator}{country(r)}{r.choice((' ' + digits(r, 5), '', ' ' + digits(r, 4)))}"


def phone(r: random.Random) -> str:
    shapes = (
        "999-999-9999",
        "(999) 999-9999",
        "999.999.9999",
        "+1 999 999 9999",
        "+1-999-999-9999",
        "(999)999-9999",
        "+41 79 999 99 99",
        "+41 (0)44 999 99 99",
        "079 999 99 99",
        "044 999 99 99",
        "+49 30 9999999",
        "0176 99999999",
        "030 9999999",
        "+33 6 99 99 99 99",
        "06 99 99 99 99",
        "+39 339 999 9999",
        "06 9999 9999",
        "+44 7999 999999",
        "079 9999 9999",
        "020 7999 9999",
        "9999 9999",
        "99-99-99-99",
        "99 99 99 99",
        "99 999 999",
        "999 999 999",
        "0999 99 99 99",
        "+46 (0)8 999 999 99",
        "(99) 9999-9999",
        "999-999-9999x999",
        "001-999-999-9999",
        "+9 999 999 9999",
        "0999-9999999",
        "999 9999",
        "(99) 999-999",
        "99.99.99.99.99",
        "+999 99 999 9999",
        "1-800-999-9999",
        "555-9999",
        "99 99 99",
        "9999999999",
        "099 999 9999",
        "0999 999 99 99",
        "999-9999",
        "99 999999",
        "0043 1 99999999",
    )
    return shaped(r, pick(r, shapes)).replace("A", "A")


def email(r: random.Random) -> str:
    import unicodedata

    plain = [
        "".join(c for c in unicodedata.normalize("NFKD", each) if c.isascii() and c.isalpha()) or "info"
        for each in (first(r), last(r))
    ]
    local = r.choice(
        (
            f"{plain[0]}.{plain[1]}",
            f"{plain[0][0]}{plain[1]}",
            f"{plain[0]}{r.randint(1, 99)}",
            f"{plain[0]}{plain[1]}",
            f"{plain[1]}_{plain[0]}",
            plain[0],
        )
    )
    local = local.lower() if r.random() < 0.75 else local
    host = r.choice(
        (
            "example.com",
            "example.org",
            "mail.example.ch",
            "gmail.com",
            "bluewin.ch",
            "gmx.de",
            "web.de",
            "yahoo.fr",
            "libero.it",
            "hotmail.com",
            f"{last(r).lower().replace(' ', '')}.com",
        )
    )
    host = "".join(each for each in unicodedata.normalize("NFKD", host) if each.isascii())
    return f"{local}@{host.replace(chr(39), '')}"


def ssn(r: random.Random) -> str:
    return shaped(r, r.choice(("999-99-9999", "999-99-9999", "999 99 9999", "756.9999.9999.99", "999999999")))


def mrn(r: random.Random) -> str:
    shapes = (
        "9999999",
        "999-999-99",
        "MRN999999",
        "99999999",
        "999999",
        "9999-9999",
        "AA999999",
        "A9999999",
        "99-99-99",
        "999999999",
        "0099999",
        "A-999999",
        "P99999",
        "MR-99999",
        "AA-99-9999",
        "9999999999",
    )
    return shaped_keep(r, pick(r, shapes))


def shaped_keep(r: random.Random, shape: str) -> str:
    """Like `shaped`, but capitals in words of the shape (MRN, MR) stay."""
    for word in ("MRN", "MR-", "HMO", "PPO", "KVNR"):
        if shape.startswith(word):
            return word + shaped(r, shape[len(word) :])
    return shaped(r, shape)


def plan(r: random.Random) -> str:
    shapes = (
        "AAA999999999",
        "AAA999999999",
        "AAA99999999",
        "A999999999",
        "AA9999999",
        "999-999-9999",
        "9AA9-AA9-AA99",
        "9999999999",
        "AAAA99999999",
        "80756099999999999999",
        "A99999999",
        "999999999-99",
        "AAA-999-999",
        "AA-99999999",
        "99999999999A",
        "HMO9999999",
        "PPO-999999",
    )
    return shaped_keep(r, pick(r, shapes))


def identifier(r: random.Random) -> str:
    """Driver's licences, passports, identity cards, customer and employee numbers."""
    shapes = (
        "A9999999",
        "A99999999",
        "A999999999999",
        "99999999",
        "999999999",
        "AA999999A",
        "9999-99-9999",
        "AA9999999",
        "AAA99999",
        "999-99-999",
        "A999-9999-9999",
        "A9A99A9A9A",
        "99AA99999",
        "AAAAA999999AA9AA",
        "9999999",
        "C9999999",
        "EMP-99999",
        "AA-9999-99",
    )
    value = shaped(r, pick(r, shapes))
    return value.lower() if r.random() < 0.05 else value


def _luhn(body: str) -> str:
    total = sum(sum(divmod(int(d) * 2, 10)) if index % 2 == 0 else int(d) for index, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def card(r: random.Random) -> str:
    start, length = r.choice(
        (("4", 16), ("5", 16), ("34", 15), ("37", 15), ("6011", 16), ("35", 16), ("30", 14), ("4", 13), ("180", 15), ("67", 12))
    )
    value = _luhn(start + digits(r, length - len(start) - 1)) if r.random() < 0.6 else start + digits(r, length - len(start))
    if length == 16 and r.random() < 0.35:
        value = r.choice((" ", "-")).join(value[at : at + 4] for at in range(0, 16, 4))
    return value


def iban(r: random.Random) -> str:
    value = shaped(
        r,
        r.choice(
            (
                "GB99AAAA99999999999999",
                "CH9999999999999999999",
                "DE99999999999999999999",
                "FR9999999999999999999999999",
                "IT99A9999999999999999999999",
                "AT999999999999999999",
            )
        ),
    ).replace("AAAA", digits(r, 4))
    if r.random() < 0.4:
        value = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
    return value.lower() if r.random() < 0.1 else value


def ip(r: random.Random) -> str:
    return (
        ".".join(str(r.randint(1, 254)) for _ in range(4))
        if r.random() < 0.8
        else ":".join(f"{r.randint(0, 65535):x}" for _ in range(8))
    )


def url(r: random.Random) -> str:
    host = (last(r) + pick(r, lists.FIRM_ENDS)).replace(" ", "").replace("'", "")
    return f"{r.choice(('http://www.', 'https://', 'https://www.', 'http://'))}{host}.{r.choice(['com', 'ch', 'de', 'fr', 'it', 'net', 'org', 'co.uk', 'se'])}{r.choice(('/', '', '/about', '/u/' + str(r.randint(1, 9999))))}"


def firm(r: random.Random) -> str:
    form = r.random()
    if form < 0.22:
        return pick(r, lists.KNOWN_FIRMS)
    if form < 0.42:
        return f"{pick(r, lists.FIRM_STARTS)} {pick(r, lists.FIRM_ENDS)}" + (
            f" {pick(r, lists.FIRM_FORMS)}" if r.random() < 0.35 else ""
        )
    if form < 0.58:
        return pick(r, lists.FIRM_STARTS).replace(" ", "") + pick(r, lists.FIRM_MERGED)
    if form < 0.70:
        return f"{last(r)}{r.choice((' ', '-'))}{last(r)}" if r.random() < 0.75 else f"{last(r)}, {last(r)} and {last(r)}"
    if form < 0.88:
        return f"{last(r)} {r.choice((pick(r, lists.FIRM_FORMS), pick(r, lists.FIRM_ENDS)))}"
    return r.choice(
        (
            f"{pick(r, lists.TOWNS)} {pick(r, lists.FIRM_ENDS)}",
            f"The {last(r)} {r.choice(('Report', 'Company', 'Foundation', 'Institute', 'Times', 'Trust'))}",
            f"University of {pick(r, lists.TOWNS)}",
            f"{pick(r, lists.TOWNS)} University",
        )
    )


def facility(r: random.Random, *, abroad: float = 0.25) -> str:
    form = r.random()
    if form < abroad:
        return pick(r, lists.FACILITIES_ABROAD).format(
            town=pick(r, lists.TOWNS),
            name=last(r, r.choice(("german", "french", "italian"))),
            first=first(r, "french"),
            street=pick(r, lists.GERMAN_STREETS),
        )
    start = r.choices((last(r), pick(r, lists.FACILITY_STARTS), pick(r, lists.TOWNS), last(r, "english")), (5, 3, 2, 3))[0]
    return f"{start} {pick(r, lists.FACILITY_ENDS)}"
