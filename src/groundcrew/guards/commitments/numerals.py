"""Numbers in digits and in English, German, French and Italian words, also where German and Italian write them as one word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

NUMERAL_CACHE_SIZE = 20_000
#: Longest run of words that is read as one number, and longest word.
NUMERAL_WORDS_MAX = 8
NUMERAL_CHARS_MAX = 40

_ENGLISH = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_GERMAN_UNITS = {
    "null": 0, "ein": 1, "eins": 1, "eine": 1, "einen": 1, "einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "funf": 5,
    "fuenf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11, "zwolf": 12, "zwoelf": 12, "sechzehn": 16,
    "siebzehn": 17, "dreizehn": 13, "vierzehn": 14, "funfzehn": 15, "fuenfzehn": 15, "achtzehn": 18, "neunzehn": 19,
}  # fmt: skip
_GERMAN_TENS = {
    "zwanzig": 20, "dreissig": 30, "vierzig": 40, "funfzig": 50, "fuenfzig": 50, "sechzig": 60, "siebzig": 70, "achtzig": 80,
    "neunzig": 90,
}  # fmt: skip
_FRENCH = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9, "dix": 10,
    "onze": 11, "douze": 12, "treize": 13, "quatorze": 14, "quinze": 15, "seize": 16, "vingt": 20, "vingts": 20, "trente": 30,
    "quarante": 40, "cinquante": 50, "soixante": 60, "septante": 70, "huitante": 80, "octante": 80, "nonante": 90,
}  # fmt: skip
_ITALIAN_UNITS = {
    "zero": 0, "un": 1, "uno": 1, "una": 1, "due": 2, "tre": 3, "quattro": 4, "cinque": 5, "sei": 6, "sette": 7, "otto": 8,
    "nove": 9, "dieci": 10, "undici": 11, "dodici": 12, "tredici": 13, "quattordici": 14, "quindici": 15, "sedici": 16,
    "diciassette": 17, "diciotto": 18, "diciannove": 19,
}  # fmt: skip
_ITALIAN_TENS = {
    "vent": 20, "trent": 30, "quarant": 40, "cinquant": 50, "sessant": 60, "settant": 70, "ottant": 80, "novant": 90,
}  # fmt: skip
_HUNDREDS = {"hundred": 100, "cent": 100, "cents": 100, "hundert": 100, "cento": 100}
_SCALES = {
    "thousand": 1e3, "tausend": 1e3, "mille": 1e3, "mila": 1e3, "k": 1e3, "tsd": 1e3, "grand": 1e3,
    "million": 1e6, "millions": 1e6, "millionen": 1e6, "mio": 1e6, "milione": 1e6, "milioni": 1e6, "mn": 1e6,
    "billion": 1e9, "milliarde": 1e9, "milliarden": 1e9, "mrd": 1e9, "milliard": 1e9, "milliards": 1e9, "miliardo": 1e9,
    "miliardi": 1e9,
}  # fmt: skip
_JOINS = frozenset(("and", "et", "e"))
_GROUPED = re.compile(r"\d{1,3}(?:[' ]\d{3})+$|\d{1,3}(?:,\d{3})+$|\d{1,3}(?:\.\d{3})+$")


def scale(word: str) -> float | None:
    """1,000 for "thousand", "tausend", "k" and so on; None for other words."""
    return _SCALES.get(word)


def of_digits(written: str) -> float | None:
    """The value of a number in digits: 1'250.50, 1.250,50, 1,250.50, 1 250, 20.-, 0.5; None where it is none."""
    text = written.rstrip("-").rstrip(".,")
    marks = [each for each in text if each in ".,"]
    if marks and len(set(marks)) == 2:  # the last mark is the decimal one
        last = max(text.rfind("."), text.rfind(","))
        whole, rest = text[:last], text[last + 1 :]
        text = re.sub(r"[.,' ]", "", whole) + "." + rest
    elif _GROUPED.match(text) and not text.startswith("0"):
        text = re.sub(r"[.,' ]", "", text)
    else:
        text = re.sub(r"[' ]", "", text)
        if len(marks) > 1:
            return None
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


@lru_cache(maxsize=NUMERAL_CACHE_SIZE)
def of_word(word: str) -> float | None:
    """The value of one word that is a number by itself ("fünfundzwanzig", "venticinque", "twenty"); None for any other."""
    if len(word) > NUMERAL_CHARS_MAX:
        return None
    for known in (_ENGLISH, _FRENCH):
        if word in known:
            return float(known[word])
    for parse in (_german, _italian):
        value = parse(word)
        if value is not None:
            return value
    return None


def _german(word: str) -> float | None:
    for name, factor in (("tausend", 1000.0), ("hundert", 100.0)):
        head, found, tail = word.partition(name)
        if found:
            first = 1.0 if not head else _german(head)
            rest = 0.0 if not tail else _german(tail.removeprefix("und"))
            return None if first is None or rest is None else first * factor + rest
    if word in _GERMAN_UNITS:
        return float(_GERMAN_UNITS[word])
    for name, value in _GERMAN_TENS.items():
        if word == name:
            return float(value)
        if word.endswith("und" + name):
            unit = _GERMAN_UNITS.get(word[: -len("und" + name)])
            return float(value + unit) if unit is not None and 0 < unit < 10 else None
    return None


def _italian(word: str) -> float | None:
    if word in _ITALIAN_UNITS:
        return float(_ITALIAN_UNITS[word])
    for name, factor in (("mila", 1000.0), ("mille", 1000.0), ("cento", 100.0), ("cent", 100.0)):
        head, found, tail = word.partition(name)
        if found and (head or tail or name in ("mille", "cento")):
            first = 1.0 if not head else _italian(head)
            rest = 0.0 if not tail else _italian(tail)
            return None if first is None or rest is None else first * factor + rest
    for name, value in _ITALIAN_TENS.items():
        if word.startswith(name):
            tail = word[len(name) :]
            if tail in ("i", "a"):
                return float(value)
            unit = _ITALIAN_UNITS.get(tail.removeprefix("i").removeprefix("a") or "")
            return float(value + unit) if unit is not None and 0 < unit < 10 else None
    return None


def run(words: Sequence[str], start: int) -> tuple[float, int] | None:
    """The number that begins at `words[start]` and the index after it; None where none begins."""
    total, current, index, seen = 0.0, 0.0, start, False
    while index < len(words) and index - start < NUMERAL_WORDS_MAX:
        word = words[index]
        if word == "a" and not seen and words[index + 1 : index + 2] in (["hundred"], ["thousand"], ["million"], ["grand"]):
            current = 1.0
        elif word in _JOINS and seen and index + 1 < len(words) and of_word(words[index + 1]) is not None and _open(words, index):
            pass
        elif word in _HUNDREDS and (seen or word in ("cent", "cento", "hundert")):
            current = max(current, 1.0) * 100
        elif word in _SCALES and word != "k" and (seen or word in ("mille", "tausend")):
            total += max(current, 1.0) * _SCALES[word]
            current = 0.0
        elif word in ("vingt", "vingts") and current % 100 == 4:
            current += 76
        else:
            value = of_word(word)
            if value is None or (seen and not _adds(current, value)):
                break
            current += value
        seen = True
        index += 1
    return (total + current, index) if seen else None


def _open(words: Sequence[str], index: int) -> bool:
    """Whether "and" joins parts of one number: "two hundred and fifty", "vingt et un", not "one and two"."""
    return words[index - 1] in ("hundred", "thousand") or (words[index] == "et" and words[index + 1] in ("un", "une", "onze"))


def _adds(current: float, value: float) -> bool:
    """Whether `value` goes on with the number so far: units after tens, tens after hundreds."""
    if current == 0:
        return True
    if current % 100 == 0:
        return value < 100
    tens = current % 100
    return (tens >= 20 and tens % 10 == 0 and value < 10) or (tens in (60, 80) and value < 20) or (tens == 10 and 7 <= value <= 9)
