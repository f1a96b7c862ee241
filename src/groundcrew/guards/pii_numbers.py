"""Numbers that point to a person: payment cards, bank accounts, social-security numbers, telephones. A checksum or a numbering
plan decides wherever there is one, so that order numbers, amounts and dates stay what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from groundcrew.domain.guard import Finding

#: Regions whose national telephone formats are tried, in this order, where a number has no country code.
PHONE_REGIONS: tuple[str, ...] = ("CH", "US", "GB", "DE", "FR", "IT", "AT")
#: How far before a number a word that tells what it is may stand.
CONTEXT_LENGTH = 32
#: Numbers whose validity is remembered: a call's texts are looked at more than once.
VALIDITIES_MAX = 2_048

#: A run of digits with the separators that numbers are written with; bounded, so that matching stays linear.
_DIGITS = re.compile(r"\d+")
_RUN = re.compile(r"(?<![\w.,:/\-])[+(]{0,2}\d(?:[ \u00a0()./\-–]{0,3}\d){5,22}(?![A-WYZa-wyz_])(?![.,:]\d)")
#: What every finding holds: six digits that may belong together, or two letters before two digits. Looked for first, since it
#: is many times quicker than looking at each number.
_LONG_HINT = re.compile(r"\d(?:[ \u00a0()./\-–]{0,3}\d){5}")
_IBAN_HINT = re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)")
#: Digits, letters and the separators of `_RUN` (ASCII ones), each as one character; everything else as another.
_BETWEEN = b"-."
_CLASSES = (
    bytes(
        ord("0")
        if chr(each).isdigit()
        else ord("a")
        if chr(each).isalpha()
        else ord(".")
        if chr(each) == "."
        else ord("-")
        if chr(each) in " ()/-"
        else ord("x")
        for each in range(128)
    )
    + b"x" * 128
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_SSN = re.compile(r"(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}")
_AHV = re.compile(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}")
_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?:\s*[–-]\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4})?"
)
_GROUPED_AMOUNT = re.compile(r"\d{1,3}(?:[ .]\d{3})+")
_PHONE_WORD = re.compile(
    r"(?i)\b(?:phone|tele(?:phone|fon)|tel|mobile|cell|call|fax|handy|natel|whatsapp|sms|text|ring|dial|hotline|reach|number is"
    r"|answering at|t[eé]l[eé]phone|portable|cellulare)\b"
)
_PHONE_WORD_AFTER = re.compile(r"(?i)[ -]?\(?(?:office|fax|mobile|cell|home|work|phone|tel)\b")
_EXTENSION = re.compile(r"(?i)\s?(?:x|ext\.?|extension)\s?\d{1,6}\b")
_SSN_WORD = re.compile(r"(?i)\b(?:ssn|social security|ahv|avs|oasi)\b")
_NORTH_AMERICAN = re.compile(r"(?:(?:\+|00)?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}")
#: What stands directly before a number that is no telephone.
_OTHER_WORD = re.compile(
    r"(?i)(?:\b(?:order|invoice|ticket|case|reference|ref|account|policy|id|no|nr|chf|eur|usd|gbp|iban|version|isbn|item|article)"
    r"\b|[#$€£])[ .:#]*$"
)


class Screen:
    """What a text can hold, told by looking at its bytes once: many times quicker than the patterns, and never too little."""

    __slots__ = ("digits", "dotted", "long_numbers")

    def __init__(self, text: str) -> None:
        #: Whether there is a digit, three dots with nothing but digits between them (an IPv4 address), and what `find_numbers`
        #: could find.
        self.digits = self.dotted = self.long_numbers = True
        if not text.isascii():
            self.digits = _DIGITS.search(text) is not None
            self.long_numbers = self.digits and (_LONG_HINT.search(text) is not None or _IBAN_HINT.search(text) is not None)
            return
        data = text.encode().translate(_CLASSES)
        self.digits = b"0" in data
        if self.digits:
            self.dotted = data.count(b".") >= 3 and b"..." in data.translate(None, b"0")
            self.long_numbers = b"aa00" in data or b"000000" in data.translate(None, _BETWEEN)


def find_numbers(text: str) -> Iterator[Finding]:
    """Findings of the types IBAN, CREDIT_CARD, SSN and PHONE in `text`."""
    done = 0
    for match in _DIGITS.finditer(text):
        start = match.start()
        if start < done:
            continue
        end = _iban_at(text, start - 2, match.end() - start)
        if end:
            done = end
            yield Finding(start=start - 2, end=end, type="IBAN", score=1.0, reason="IBAN with a valid checksum")
            continue
        while start > 0 and match.start() - start < 2 and text[start - 1] in "+(":
            start -= 1
        run = _RUN.match(text, start)
        if run is None:
            continue
        done = run.end()
        found = _classify(text, start, run.group())
        if found is not None:
            yield found


def _iban_at(text: str, start: int, digits: int) -> int:
    """Where an IBAN that begins at `start`, two letters before `digits` digits, ends; 0 for none."""
    if start < 0 or digits < 2 or text[start : start + 2].upper() not in _IBAN_LENGTHS:
        return 0
    match = _IBAN.match(text, start)
    end = _iban_end(match.group()) if match is not None else 0
    return start + end if end else 0


def _iban_end(candidate: str) -> int:
    """How many characters of `candidate` are a valid IBAN: words may follow it directly; 0 for none."""
    from stdnum import iban

    compact: list[str] = []
    ends: list[int] = []
    for index, character in enumerate(candidate):
        if character.isalnum():
            compact.append(character)
            ends.append(index + 1)
    length = _IBAN_LENGTHS.get("".join(compact[:2]).upper())
    if length is None or length > len(compact):
        return 0
    if length < len(compact) and candidate[ends[length - 1]].isalnum():
        return 0
    return ends[length - 1] if iban.is_valid("".join(compact[:length]), check_country=False) else 0


def _classify(text: str, start: int, run: str) -> Finding | None:
    digits = re.sub(r"\D", "", run)
    end = start + len(run)
    before = text[max(0, start - CONTEXT_LENGTH) : start]
    if _is_card(digits):
        return Finding(start=start, end=end, type="CREDIT_CARD", score=0.99, reason="card number with a valid checksum")
    if _AHV.fullmatch(run) and _is_ahv(digits):
        return Finding(start=start, end=end, type="SSN", score=0.99, reason="AHV number with a valid checksum")
    if _SSN.fullmatch(run) or (len(digits) == 9 and _SSN_WORD.search(before)):
        return Finding(start=start, end=end, type="SSN", score=0.9, reason="social security number")
    return _phone(text, start, run, digits, before)


def _is_card(digits: str) -> bool:
    """Length and first digits of a card network, and the Luhn checksum."""
    if not 13 <= len(digits) <= 19 or not (digits[0] in "3456" or "2221" <= digits[:4] <= "2720"):
        return False
    if len(set(digits)) == 1:
        return False
    from stdnum import luhn

    return bool(luhn.is_valid(digits))


def _is_ahv(digits: str) -> bool:
    from stdnum import ean

    return len(digits) == 13 and bool(ean.is_valid(digits))


def _phone(text: str, start: int, run: str, digits: str, before: str) -> Finding | None:
    """A telephone number: written internationally, or in a national format that a format or a word beside it supports."""
    if not 6 <= len(digits) <= 15 or _DATE.fullmatch(run):
        return None
    end = start + len(run)
    named = _PHONE_WORD.search(before) is not None or _PHONE_WORD_AFTER.match(text, end) is not None
    extension = _EXTENSION.match(text, end)
    score, reason = _phone_score(run, digits, named=named or extension is not None, other=_OTHER_WORD.search(before) is not None)
    if not score:
        return None
    return Finding(start=start, end=extension.end() if extension else end, type="PHONE", score=score, reason=reason)


def _phone_score(run: str, digits: str, *, named: bool, other: bool) -> tuple[float, str]:
    """How sure it is that `run` is a telephone number, 0 for not; `named`: a word beside it says so, `other`: one denies it."""
    international = run.startswith("+") or digits.startswith("00")
    if international and _valid("+" + digits.removeprefix("00"), None):
        return 0.95, "valid international telephone number"
    if international and "(0)" in run and _valid("+" + re.sub(r"\D", "", run.replace("(0)", "")).removeprefix("00"), None):
        return 0.95, "valid international telephone number"
    if not named and (other or _GROUPED_AMOUNT.fullmatch(run)):
        return 0.0, ""
    if _NORTH_AMERICAN.fullmatch(run):
        return (0.9 if named or _valid(digits, "US") else 0.75), "telephone number in North American format"
    separated = any(character in " ()/.-–\u00a0" for character in run)
    national = run.startswith(("0", "(0"))
    if (named and (separated or national)) or (national and separated and len(digits) >= 9):
        if any(_valid(digits, region) for region in PHONE_REGIONS):
            return (0.9 if named else 0.8), "valid national telephone number"
        if named:
            return 0.7, "number that the words beside it call a telephone number"
    return 0.0, ""


@lru_cache(maxsize=VALIDITIES_MAX)
def _valid(number: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False


def warm() -> None:
    """Load the numbering plans, which takes about a tenth of a second."""
    for region in PHONE_REGIONS:
        _valid("0441234567", region)
    _iban_end("CH9300762011623852957")
    _is_card("4111111111111111")
    _is_ahv("7569217076985")


#: Characters in an IBAN by country (SWIFT IBAN registry).
_IBAN_LENGTHS: dict[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
    "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
