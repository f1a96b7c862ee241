"""Reads lists of keys ("key: value", as in info boxes, product sheets and flattened records) into rows, each with the
offsets that it rests on and the name of what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from groundcrew.grounding.structured_rows import (
    BARE_NUMBER,
    ROWS_MAX,
    Box,
    Line,
    Row,
    as_words,
    is_name_key,
    is_time_key,
    row_text,
    with_unit,
)

#: Lines that make a list of keys where nothing names the thing.
KEY_LINES_MIN = 3
KEY_WORDS_MAX = 7
SUBJECT_CHARS_MAX = 120

_KEY_LINE = re.compile(
    r"[ \t]*(?:[-*•#][ \t]+)?(?:\*\*|__)?(?P<key>[^\W_][^:\n|<>{}\"]{0,59}?)[ \t]*(?:\*\*|__)?[ \t]*:"
    r"(?:\*\*|__)?[ \t]+(?P<value>\S.*?)[ \t]*$"
)
_EMPTY_KEY = re.compile(r"[^\n:]{1,60}:[ \t]*$")
_SENTENCES = re.compile(r"[.!?][ \t]+[A-ZÄÖÜÀÉ]\w*[ \t]+[a-zäöüàéè]")
_UNIT_LINE = re.compile(r"(?i)units?[ _]\w+$")
_NO_WORDS = re.compile(r"^(?:(?:list|details|data|items|results|records?)[ ]+)+(?=\w)")


class _Pair(msgspec.Struct, frozen=True):
    """One line "key: value"."""

    key: str
    value: str
    start: int
    end: int


def read_keys(source: str, lines: Sequence[Line], position: int, box: Box) -> tuple[int, list[Row]]:
    """Lines that a list of keys at `position` takes, and its rows; (0, []) where there is none. It needs three lines "key:
    value", or two where a title, a heading or one of them says what the thing is called. Keeps that name in `box`."""
    pairs: list[_Pair] = []
    size = 0
    for line in lines[position : position + ROWS_MAX]:
        match = _KEY_LINE.match(source, line.start, line.end)
        if match is None and pairs and _EMPTY_KEY.match(source, line.start, line.end):
            size += 1
            continue
        if match is None or len(match.group("key").split()) > KEY_WORDS_MAX or _SENTENCES.search(match.group("value")):
            break
        pairs.append(
            _Pair(match.group("key").strip(" *_"), match.group("value").replace("**", ""), match.start("key"), match.end("value"))
        )
        size += 1
    title = next((pair.value for pair in pairs if is_name_key(pair.key)), "")
    if len(pairs) < (2 if title or box.subject else KEY_LINES_MIN):
        return 0, []
    if title:
        box.title, box.subject = title, _short(title)
    return size, _key_rows(pairs, box.subject)


def _short(title: str) -> str:
    """The first of several spellings of a name."""
    return re.split(r"[ \t]{2,}|[ \t]*[(\[]", title.strip())[0][:SUBJECT_CHARS_MAX] or title[:SUBJECT_CHARS_MAX]


def _key_rows(pairs: Sequence[_Pair], title: str) -> list[Row]:
    groups = {key[: -len(" name")]: pair.value for pair in pairs if (key := pair.key.lower()).endswith(" name")}
    paired = _name_value_pairs(pairs)
    moments = _moments(pairs)
    units = {pair.key.split()[-1].lower(): pair.value for pair in pairs if _UNIT_LINE.match(pair.key)}
    rows: list[Row] = []
    for number, pair in enumerate(pairs):
        if number in paired:
            rows.append(_paired_row(pair, pairs[number + 1], title))
            continue
        if number - 1 in paired:
            continue
        group = (
            next((prefix for prefix in groups if pair.key.lower().startswith(f"{prefix} ")), "") if number not in moments else ""
        )
        named = group and not pair.key.lower().endswith(" name")
        key = as_words(pair.key[len(group) :].strip() if named else pair.key)
        subject = f"{as_words(pair.key[: len(group)])} {groups[group]}" if named else moments.get(number, title)
        key, value = with_unit(_NO_WORDS.sub("", key), _measured(pair, units))
        rows.append(Row(start=pair.start, end=pair.end, text=row_text(key, subject, value)))
    return [row for row in rows if row.text]


def _measured(pair: _Pair, units: dict[str, str]) -> str:
    """The value, with the unit that a line "units wind: m/s" gives it."""
    if not units or not BARE_NUMBER.fullmatch(pair.value.strip()):
        return pair.value
    unit = next((units[word] for word in pair.key.lower().split() if word in units), "")
    return f"{pair.value.strip()} {unit}".strip()


def _name_value_pairs(pairs: Sequence[_Pair]) -> set[int]:
    """Numbers of lines "… name: Weight" that the next line "… value: 92 g" goes with."""
    found = set()
    for number, (pair, after) in enumerate(pairwise(pairs)):
        prefix, _, last = pair.key.rpartition(" ")
        if last.lower() == "name" and after.key.lower() == f"{prefix} value".strip().lower():
            found.add(number)
    return found


def _paired_row(name: _Pair, value: _Pair, title: str) -> Row:
    return Row(start=name.start, end=value.end, text=row_text(name.value, title, value.value))


def _moments(pairs: Sequence[_Pair]) -> dict[int, str]:
    """For lines of records that repeat (a forecast), the date or time that their record gives."""
    records: list[list[int]] = [[]]
    seen: set[str] = set()
    for number, pair in enumerate(pairs):
        if pair.key in seen:
            records.append([])
            seen = set()
        seen.add(pair.key)
        records[-1].append(number)
    if len(records) < 2:
        return {}
    repeated = {pairs[number].key for number in records[-1]} | {pairs[number].key for number in records[min(1, len(records) - 1)]}
    found: dict[int, str] = {}
    for record in records:
        inside = [number for number in record if pairs[number].key in repeated]
        moment = next((pairs[n].value for n in inside if is_time_key(pairs[n].key.rpartition(" ")[2])), "")
        found.update(dict.fromkeys(inside, moment) if moment else {})
    return found
