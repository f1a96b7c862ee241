"""Amounts of money and percentages in a text, in digits or in English number words."""

from __future__ import annotations

import re

import msgspec

_CURRENCIES = {
    "chf": "CHF", "fr.": "CHF", "franc": "CHF", "francs": "CHF", "swiss franc": "CHF", "sfr": "CHF", "swiss francs": "CHF",
    "usd": "USD", "$": "USD", "us$": "USD", "dollar": "USD", "dollars": "USD", "buck": "USD", "bucks": "USD",
    "eur": "EUR", "€": "EUR", "euro": "EUR", "euros": "EUR",
    "gbp": "GBP", "£": "GBP", "pound": "GBP", "pounds": "GBP",
}  # fmt: skip
_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "a": 1, "half": 0.5,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_NUMBER = r"\d{1,3}(?:['’ \u00a0,]\d{3})+(?:\.\d{1,2})?|\d{1,12}(?:[.,]\d{1,2})?"
_WORDS = "|".join([*_UNITS, *_SCALES])
_NUMBER_WORDS = rf"(?:{_WORDS})(?:[ -](?:and )?(?:{_WORDS})){{0,7}}"
_BEFORE = re.compile(
    rf"(?i)(?<![a-z])(chf|fr\.|sfr|usd|us\$|\$|eur|€|gbp|£)\s?({_NUMBER})(?:\.[-–—]{{1,2}})?(?:\s?(million|thousand|k|m)\b)?"
)
#: Plain pieces, one of which stands in every amount.
_CURRENCY_HINTS = ("chf", "fr", "usd", "$", "dollar", "buck", "eur", "€", "gbp", "£", "pound")
_CURRENCY_AFTER = "chf|swiss francs?|francs?|usd|dollars?|bucks?|eur|euros?|€|gbp|pounds?"
_AFTER = re.compile(rf"(?i)(?<![\w.,])({_NUMBER}|\b{_NUMBER_WORDS})[ -]?(million |thousand )?({_CURRENCY_AFTER})(?![a-z])")
_PERCENT = re.compile(rf"(?i)(?<![\w.,])(\d{{1,4}}(?:[.,]\d{{1,4}})?|\b{_NUMBER_WORDS})\s?(?:%|percent\b|per cent\b)")


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money; `currency` is an ISO 4217 code."""

    value: float
    currency: str | None

    def same(self, other: Amount) -> bool:
        """Whether both name the same amount; an unknown currency matches any."""
        return abs(self.value - other.value) < 0.005 and (
            None in (self.currency, other.currency) or self.currency == other.currency
        )


class Percent(msgspec.Struct, frozen=True, kw_only=True):
    """A percentage."""

    value: float


def amounts(text: str) -> list[Amount]:
    """Every amount with a currency in `text`, in no order."""
    found: list[Amount] = []
    lowered = text.lower()
    if not any(name in lowered for name in _CURRENCY_HINTS):
        return found
    for match in _BEFORE.finditer(text):
        value = _number(match.group(2))
        if value is not None:
            found.append(Amount(value=value * _scale(match.group(3)), currency=_CURRENCIES[match.group(1).lower()]))
    for match in _AFTER.finditer(text):
        value = _number(match.group(1))
        if value is not None:
            found.append(Amount(value=value * _scale(match.group(2)), currency=_CURRENCIES[match.group(3).lower()]))
    return found


def percents(text: str) -> list[Percent]:
    """Every percentage in `text`."""
    if "%" not in text and "cent" not in text.lower():
        return []
    values = (_number(match.group(1)) for match in _PERCENT.finditer(text))
    return [Percent(value=value) for value in values if value is not None]


def _scale(word: str | None) -> float:
    return {"million": 1e6, "m": 1e6, "thousand": 1e3, "k": 1e3}.get((word or "").strip().lower(), 1.0)


def _number(text: str) -> float | None:
    if text[:1].isdigit():
        compact = re.sub(r"['’ \u00a0]", "", text)
        if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", compact):
            compact = compact.replace(",", "")
        return float(compact.replace(",", "."))
    total, current = 0.0, 0.0
    for word in re.split(r"[ -]+", text.lower()):
        if word in _UNITS:
            current += _UNITS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0.0
        elif word != "and":
            return None
    return total + current
