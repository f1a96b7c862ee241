# ruff: noqa: E501 - phrases read better in one line
"""Sound encounter notes: several kinds, several hands, each a function of the seed and its number alone, so that any process can
write any of them and a copy can be made of one that another process wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, NamedTuple

from foreign import SENTENCES
from vocabulary import (
    COMPLAINTS,
    CONDITIONS,
    COURSES,
    DENIALS,
    DEPARTMENTS,
    DURATIONS,
    FAMILY,
    FINDINGS,
    PLANS,
    QUOTES,
    REMARKS,
    SIGNS,
    SOCIAL,
    TESTS,
    TRADES,
    WEEKDAYS,
)

#: Marks around a mention: its number among `CONDITIONS` (or of a rare label), then its words.
OPEN, MIDDLE, CLOSE = "\x01", "\x02", "\x03"
_MENTION = re.compile("\x01(\\d+)\x02([^\x03]*)\x03")
_PLACE = re.compile(r"\{(\w+)\}")
RARE_FROM = 1_000
#: How often a condition is the main one: the n-th has the weight 1 / (n + this).
FLATNESS = 7.0
SYSTEMS = tuple(COMPLAINTS)

_WEIGHTS: list[float] = []
_total = 0.0
for _place in range(len(CONDITIONS)):
    _total += 1 / (_place + FLATNESS)
    _WEIGHTS.append(_total)
del _total, _place
#: What stands in the list of earlier illnesses: what people live with for years.
_ACUTE = ("injuries", "throat")
_LASTING = tuple(place for place, each in enumerate(CONDITIONS) if each.system not in _ACUTE and each.code[0] not in "JRZ")


class Note(NamedTuple):
    """A text, its codes in the order of their first mention, and where they are mentioned."""

    text: str
    codes: list[str]
    evidence: list[dict[str, Any]]
    main: int


class Person(NamedTuple):
    """Who a note is about: the same for all encounters of a patient."""

    woman: bool
    age: int
    lasting: tuple[int, ...]


@cache
def _parts(template: str) -> tuple[str, ...]:
    return tuple(_PLACE.split(template))


class Writer:
    """Writes notes with one source of chance, which the caller sets anew for every note."""

    def __init__(self) -> None:
        self.random = Random()
        self.chance = self.random.random

    def pick(self, choices: Any) -> Any:
        return choices[int(self.chance() * len(choices))]

    def some(self, choices: tuple[str, ...], count: int) -> list[str]:
        """`count` different ones, filled in."""
        count = min(count, len(choices))
        start, found = int(self.chance() * len(choices)), []
        step = 1 + int(self.chance() * (len(choices) - 1)) if len(choices) > 1 else 1
        place = start
        while len(found) < count:
            if choices[place] not in found:
                found.append(choices[place])
            else:
                step = 1
            place = (place + step) % len(choices)
        return [self.fill(each) for each in found]

    def fill(self, template: str) -> str:
        if "{" not in template:
            return template
        parts = list(_parts(template))
        for place in range(1, len(parts), 2):
            parts[place] = self._value(parts[place])
        return "".join(parts)

    def _value(self, name: str) -> str:
        low, high, tenths = _RANGES.get(name, (0, 0, False))
        if high:
            value = low + int(self.chance() * (high - low))
            return f"{value // 10}.{value % 10}" if tenths else str(value)
        if name == "c":
            return str(self.pick(self.pick(CONDITIONS).long))
        if name == "s":
            return f"{int(self.chance() * 56):02d}"
        return str(self.pick(_WORDS[name]))

    def mention(self, place: int, *, short: bool) -> str:
        condition = CONDITIONS[place]
        return f"{OPEN}{place}{MIDDLE}{self.pick(condition.short if short else condition.long)}{CLOSE}"

    def main_condition(self) -> int:
        from bisect import bisect_left

        return bisect_left(_WEIGHTS, self.chance() * _WEIGHTS[-1])


_RANGES = {
    "a": (55, 125, False),
    "b": (90, 980, False),
    "d": (2, 10, False),
    "d2": (6, 10, False),
    "e": (40, 100, False),
    "g": (70, 330, False),
    "h": (52, 119, True),
    "k": (21, 59, True),
    "n": (3, 61, False),
    "o": (86, 100, False),
    "q": (71, 158, True),
    "t": (3, 49, True),
}
_WORDS: dict[str, tuple[str, ...]] = {
    "m": ("10", "20", "25", "30", "40", "50", "75", "100"),
    "o2": ("first", "second", "third", "fourth", "top"),
    "t2": TRADES,
    "w": WEEKDAYS,
    "q2": QUOTES,
}


def person_of(number: int) -> Person:
    """The patient with `number`, by arithmetic alone: it is asked for with every encounter."""
    mixed = (number * 0x9E3779B97F4A7C15 + 0x7F4A7C15) & (2**64 - 1)
    mixed ^= mixed >> 29
    count = (0, 1, 1, 2, 2, 3)[(mixed >> 20) % 6]
    lasting = tuple(dict.fromkeys(_LASTING[(mixed >> (8 * turn + 3)) % len(_LASTING)] for turn in range(count)))
    return Person(woman=bool(mixed & 1), age=18 + (mixed >> 40) % 72, lasting=lasting)


def write_note(writer: Writer, person: Person, age: int, *, rare: tuple[int, str] | None = None) -> tuple[str, int, str]:
    """A marked text, its main condition (a place in `CONDITIONS`), and its kind. `rare`: a label of which there are few, by its
    number and its name, in the place of the main condition."""
    main = writer.main_condition()
    earlier = [each for each in person.lasting if each != main and writer.chance() < 0.75]
    if rare is not None:  # what is said beside it would keep the record in the set
        earlier = []
    kind = writer.pick(_KINDS)
    text = kind[1](writer, person, age, main, earlier, rare)
    hand = writer.chance()
    if hand < 0.05:
        text = text.lower()
    elif hand < 0.08:
        text = text.upper()
    elif hand < 0.2:
        text = _with_slips(writer, text)
    return text, main, kind[0]


def read_marks(marked: str, rare_codes: list[str]) -> tuple[str, list[str], list[dict[str, Any]]]:
    """The text without its marks, the codes, and the evidence."""
    pieces, codes, evidence, length, done = [], [], [], 0, 0
    for match in _MENTION.finditer(marked):
        before = marked[done : match.start()]
        number, words = int(match.group(1)), match.group(2)
        code = rare_codes[number - RARE_FROM] if number >= RARE_FROM else CONDITIONS[number].code
        length += len(before)
        evidence.append({"label": code, "start": length, "end": length + len(words)})
        length += len(words)
        pieces += (before, words)
        if code not in codes:
            codes.append(code)
        done = match.end()
    pieces.append(marked[done:])
    return "".join(pieces), codes, evidence


def _with_slips(writer: Writer, text: str) -> str:
    """`text` with one or two slips of the keyboard, none of them in a mention."""
    for _ in range(1 + int(writer.chance() * 2)):
        place = int(writer.chance() * (len(text) - 3)) + 1
        around = text[place - 1 : place + 3]
        inside = text.rfind(OPEN, 0, place) > text.rfind(CLOSE, 0, place)
        if around.isalpha() and around.islower() and not inside:
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text


def _who(writer: Writer, person: Person, age: int) -> str:
    word = (
        writer.pick(("woman", "lady", "female", "patient"))
        if person.woman
        else writer.pick(("man", "gentleman", "male", "patient"))
    )
    return str(writer.pick((f"{age} year old {word}", f"{age}-year-old {word}", f"{age} y/o {word}", f"{word} of {age} years")))


def _short_who(person: Person, age: int, writer: Writer) -> str:
    sex = "F" if person.woman else "M"
    return str(writer.pick((f"{age}{sex}", f"{age} yo {sex}", f"{sex}, {age}", f"{age} y.o. {sex.lower()}")))


def _name(writer: Writer, main: int, rare: tuple[int, str] | None, *, short: bool) -> str:
    if rare is not None:
        return f"{OPEN}{RARE_FROM + rare[0]}{MIDDLE}{rare[1]}{CLOSE}"
    return writer.mention(main, short=short)


def _system(main: int) -> str:
    return CONDITIONS[main].system


def _vitals(writer: Writer) -> str:
    form = writer.pick(
        (
            "BP 1{s}/{e}, HR {a}, T 3{d2}.{d}",
            "RR 1{d}, P {a}, BP 1{s}/{e}",
            "BP 1{s}/{e} HR {a} SpO2 {o}%",
            "temp 3{d2}.{d}, pulse {a}, BP 1{s}/{e}",
            "VS: HR {a}, BP 1{s}/{e}, RR 1{d}, O2 {o}%",
        )
    )
    return writer.fill(form)


def _soap(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system = _system(main)
    complaints = writer.some(COMPLAINTS[system], 2)
    joint = writer.pick(("\n", "\n\n", " "))
    plans = writer.some(PLANS[system], 3)
    lines = [
        f"S: {_short_who(person, age, writer)}. {complaints[0]} {writer.fill(writer.pick(DURATIONS))}, {complaints[1]}. {writer.pick(COURSES)}. {', '.join(writer.some(DENIALS, 3))}. {'; '.join(writer.some(SOCIAL, 2))}.",
        f"O: {_vitals(writer)}. {'. '.join(writer.some(FINDINGS[system], 2))}. {', '.join(writer.some(TESTS[system], 2))}.",
        f"A: {_name(writer, main, rare, short=True)}"
        + "".join(f", {writer.mention(each, short=True)}" for each in earlier)
        + ".",
        f"P: {'; '.join(plans)}. {writer.fill(writer.pick(REMARKS))}.",
    ]
    if writer.chance() < 0.4:
        lines.insert(1, f"FHx: {writer.fill(writer.pick(FAMILY))}. {writer.fill(writer.pick(SIGNS))}.")
    return joint.join(lines)


def _consult(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system, he = _system(main), ("She" if person.woman else "He")
    complaints = writer.some(COMPLAINTS[system], 2)
    opening = writer.pick(
        (
            "This {w} was seen for {a}, {t}.",
            "I saw this {w}, who reports {a} {t}.",
            "Thank you for sending this {w} with {a} {t}.",
            "A {w} presents with {a} {t}.",
            "The {w} was referred because of {a}, {t}.",
        )
    )
    sentences = [
        opening.replace("{w}", _who(writer, person, age))
        .replace("{a}", complaints[0])
        .replace("{t}", writer.fill(writer.pick(DURATIONS))),
        f"There is also {complaints[1]}, which is {writer.pick(COURSES)}.",
        f"{he} {writer.fill(writer.pick(SOCIAL))} and {writer.fill(writer.pick(SOCIAL))}; {writer.fill(writer.pick(FAMILY))}.",
        f"On examination {', and '.join(writer.some(FINDINGS[system], 2))}.",
        f"{writer.pick(('Tests showed', 'The results were', 'We found'))} {' and '.join(writer.some(TESTS[system], 2))}.",
        f"{writer.pick(('I believe this is', 'The picture fits', 'My impression is', 'This is in keeping with'))} {_name(writer, main, rare, short=False)}.",
        f"{writer.pick(('I suggest', 'We agreed on', 'I have arranged', 'Next steps are'))} {', '.join(writer.some(PLANS[system], 2))}.",
        f"{writer.fill(writer.pick(REMARKS))}.",
    ]
    if earlier:
        known = writer.pick(("Known for", "Earlier illnesses include", "The history lists", "Treated elsewhere for"))
        sentences.insert(2, f"{known} {' and '.join(writer.mention(each, short=False) for each in earlier)}.")
    if writer.chance() < 0.35:
        sentences.insert(int(writer.chance() * len(sentences)), writer.fill(writer.pick(SIGNS)) + ".")
    return " ".join(sentences)


def _emergency(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system = _system(main)
    hour = f"{int(writer.chance() * 24):02d}:{int(writer.chance() * 60):02d}"
    past = ", ".join(writer.mention(each, short=True) for each in earlier) or writer.pick(
        ("none", "nil of note", "healthy before")
    )
    parts = [
        f"CHIEF COMPLAINT: {writer.fill(writer.pick(COMPLAINTS[system]))}",
        f"ARRIVAL: {hour}, {writer.pick(('walked in', 'by ambulance', 'brought by family', 'sent from work'))}",
        f"HPI: {_who(writer, person, age)}, {writer.fill(writer.pick(COMPLAINTS[system]))} {writer.fill(writer.pick(DURATIONS))}. {', '.join(writer.some(DENIALS, 4))}. {writer.fill(writer.pick(SIGNS))}.",
        f"PMH: {past}. {writer.fill(writer.pick(SOCIAL))}.",
        f"EXAM: {_vitals(writer)}. {', '.join(writer.some(FINDINGS[system], 2))}.",
        f"WORK-UP: {'; '.join(writer.some(TESTS[system], 3))}.",
        f"DX: {_name(writer, main, rare, short=writer.chance() < 0.5)}",
        f"DISPOSITION: {writer.pick(('home', 'ward', 'observation', 'home with sister', 'transferred'))}, {', '.join(writer.some(PLANS[system], 2))}. {writer.fill(writer.pick(REMARKS))}.",
    ]
    return writer.pick(("\n", " | ", "\n")).join(parts)


def _call(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system, he = _system(main), ("she" if person.woman else "he")
    parts = [
        writer.pick(("Pt called", "Phone contact", "Message taken", "Nurse line"))
        + f": {_short_who(person, age, writer)}, known {_name(writer, main, rare, short=True)}",
        f"{he} reports {' and '.join(writer.some(COMPLAINTS[system], 2))} {writer.fill(writer.pick(DURATIONS))}",
        f"{writer.pick(COURSES)}; {', '.join(writer.some(DENIALS, 3))}",
        f"home readings {_vitals(writer)}; last {writer.fill(writer.pick(TESTS[system]))}",
        f"{he} {writer.fill(writer.pick(SOCIAL))}, {writer.fill(writer.pick(SOCIAL))}",
        f"advised: {', '.join(writer.some(PLANS[system], 3))}",
        writer.fill(writer.pick(REMARKS)),
        writer.fill(writer.pick(REMARKS)),
    ]
    if earlier:
        parts.insert(2, "also " + " + ".join(writer.mention(each, short=True) for each in earlier))
    return writer.pick((". ", ".\n", " -- ")).join(parts) + "."


def _discharge(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system = _system(main)
    listed = [_name(writer, main, rare, short=False), *(writer.mention(each, short=writer.chance() < 0.5) for each in earlier)]
    days = 1 + int(writer.chance() * 12)
    parts = [
        "Diagnoses:\n" + "\n".join(f"{place}. {each}" for place, each in enumerate(listed, 1)),
        f"Course: The {_who(writer, person, age)} stayed {days} days because of {' and '.join(writer.some(COMPLAINTS[system], 2))} {writer.fill(writer.pick(DURATIONS))}. On admission {', '.join(writer.some(FINDINGS[system], 2))}. {writer.fill(writer.pick(REMARKS))}.",
        f"Results: {'; '.join(writer.some(TESTS[system], 3))}. {_vitals(writer)} at discharge.",
        f"Home: {writer.fill(writer.pick(SOCIAL))}; {writer.fill(writer.pick(FAMILY))}.",
        f"Further care: {', '.join(writer.some(PLANS[system], 3))}. {writer.fill(writer.pick(REMARKS))}.",
    ]
    if writer.chance() < 0.3:
        parts.insert(3, writer.fill(writer.pick(SIGNS)) + ".")
    return writer.pick(("\n\n", "\n")).join(parts)


def _dictated(writer: Writer, person: Person, age: int, main: int, earlier: list[int], rare: tuple[int, str] | None) -> str:
    system = _system(main)
    text = [
        f"{_who(writer, person, age)} here today {writer.pick(('with', 'about', 'because of'))} {' plus '.join(writer.some(COMPLAINTS[system], 2))} {writer.fill(writer.pick(DURATIONS))}",
        f"it is {writer.pick(COURSES)} and there was {' and '.join(writer.some(DENIALS, 2))}",
        f"patient {writer.fill(writer.pick(SOCIAL))} and {writer.fill(writer.pick(SOCIAL))}",
        f"exam today {' then '.join(writer.some(FINDINGS[system], 2))} with {_vitals(writer)}",
        f"labs {', '.join(writer.some(TESTS[system], 2))}",
        f"so we are dealing with {_name(writer, main, rare, short=False)}"
        + "".join(f" on top of {writer.mention(each, short=False)}" for each in earlier),
        f"we will do {' and '.join(writer.some(PLANS[system], 3))}",
        writer.fill(writer.pick(REMARKS)),
    ]
    return writer.pick((", ", " ", "; ")).join(text)


_Kind = Callable[[Writer, Person, int, int, list[int], "tuple[int, str] | None"], str]
_KINDS: tuple[tuple[str, _Kind], ...] = (
    ("progress note", _soap),
    ("consultation", _consult),
    ("emergency note", _emergency),
    ("telephone note", _call),
    ("discharge summary", _discharge),
    ("dictation", _dictated),
)


def department_of(writer: Writer, main: int) -> str:
    return str(DEPARTMENTS[(hash_of(CONDITIONS[main].system) + (writer.chance() < 0.2)) % len(DEPARTMENTS)])


@cache
def hash_of(word: str) -> int:
    return sum(place * ord(letter) for place, letter in enumerate(word, 1))


def foreign_text(writer: Writer, language: str) -> str:
    """A note in `language`, with no more order than notes have."""
    sentences = SENTENCES[language]
    return " ".join(writer.some(sentences, min(len(sentences), 6 + int(writer.chance() * 4))))
