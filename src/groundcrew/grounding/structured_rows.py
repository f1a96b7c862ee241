"""What JSON, tables and lists of keys share: a row of a source as a sentence that can be read and quoted."""

from __future__ import annotations

import re

import msgspec

from groundcrew.grounding.wordlists import word_set

#: Rows of one source; what comes after is read as prose.
ROWS_MAX = 2_000
#: Longest sentence that a row gives, in characters.
ROW_CHARS_MAX = 1_000

_CAMEL = re.compile(r"(?<=[a-zäöüéèà])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])")
_NAME_KEYS = word_set("name title label product bezeichnung titel produkt nom titre intitulé produit nome titolo prodotto")
_TIME_KEYS = word_set(
    "date datetime time timestamp dt_txt day month year datum tag monat jahr jour mois année data giorno mese anno"
)
_PREPOSITIONS = word_set("of for in at by from on to with von für bei de per di da")
_HEADER_UNIT = re.compile(r"^(.*\w.*?)\s*(?:[(\[]([^\W\d][^()\[\]\d]{0,14}|[%€$£°][^()\[\]\d]{0,10})[)\]]|,? in ([A-Z]{3}|%))$")
_KEY_UNIT = re.compile(
    r"(?i)^(.*\w)[ _](chf|eur|usd|gbp|percent|pct|seconds|minutes|hours|days|weeks|months|years|km|kg|mm|cm|mb|gb)$"
)
#: A value that has no unit.
BARE_NUMBER = re.compile(r"[-+]?\d[\d.,'’ ]*")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row sentence `text` and where it rests: `source[start:end]`."""

    start: int
    end: int
    text: str


class Line(msgspec.Struct, frozen=True):
    """`source[start:end]` without the line break."""

    start: int
    end: int


class Box(msgspec.Struct):
    """What the lines above a table or list of keys say it is about."""

    subject: str = ""
    title: str = ""


def as_words(key: str) -> str:
    """A key as words: "homeTeam_shortName" → "home team short name"; words of capitals stay."""
    parts = re.split(r"[\s_./]+", _CAMEL.sub(" ", key))
    if len(parts) > 1 and _CAMEL.search(key):
        parts = [part.lower() if not part.isupper() else part for part in parts]
    return " ".join(part for part in parts if part)


def is_name_key(key: str) -> bool:
    """Whether a key says what a record is called."""
    return key.strip(" *#_").lower() in _NAME_KEYS


def is_time_key(key: str) -> bool:
    """Whether a key says when a record holds."""
    return key.strip(" *#_").lower() in _TIME_KEYS


def leads_with_figure(name: str) -> bool:
    """Whether a name is a figure or date, which says little without its kind ("date 2021-02-25")."""
    return name[:1].isdigit() or name[:2].lstrip("-+").isdigit()


def with_unit(key: str, value: str) -> tuple[str, str]:
    """Moves a unit from the key to a bare number: ("Fee (CHF)", "48") → ("Fee", "48 CHF")."""
    if not BARE_NUMBER.fullmatch(value.strip()):
        return key, value
    header = _HEADER_UNIT.match(key)
    if header:
        return header.group(1), f"{value.strip()} {header.group(2) or header.group(3)}"
    named = _KEY_UNIT.match(key)
    if named:
        unit = named.group(2)
        return named.group(1), f"{value.strip()} {unit.upper() if len(unit) == 3 and unit.lower() != 'pct' else unit}"
    return key, value


def row_text(key: str, subject: str, value: str) -> str:
    """ "opening hours of Zug branch: 9–17"; "" where there is no value."""
    value = value.strip()
    if not value:
        return ""
    if key and subject and subject != value:
        if key.rpartition(" ")[2].lower() in _PREPOSITIONS:
            return f"{subject}: {key} {value}"[:ROW_CHARS_MAX]
        return f"{key} of {subject}: {value}"[:ROW_CHARS_MAX]
    return (f"{key}: {value}" if key else value)[:ROW_CHARS_MAX]
