"""Makes up passages and claims of a bank's, an insurer's, an IT desk's and a clinic's kind, in English and German: facts with
slots, said once as a document says them and once as an answer does, right or with one fault. All texts are our own."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from business_facts import ENGLISH, GERMAN, Fact

if TYPE_CHECKING:
    from pairs import Pair

NUMBERS_EN = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBERS_DE = ["null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
MONTHS_EN = [
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
]
MONTHS_DE = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]
WEEKDAYS_EN = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS_DE = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
PEOPLE = [
    "Keller",
    "Brunner",
    "Weber",
    "Okafor",
    "Lindqvist",
    "Moretti",
    "Dubois",
    "Novak",
    "Hartmann",
    "Sato",
    "Petrov",
    "Alvarez",
    "Schmid",
    "Fischer",
    "Baumann",
    "Costa",
    "Nguyen",
    "Kowalski",
    "Jensen",
    "Rossi",
    "Frei",
    "Gerber",
    "Meier",
    "Haas",
    "Vogel",
    "Marti",
    "Roth",
    "Graf",
    "Steiner",
    "Winkler",
]
PRODUCTS = [
    "Basic",
    "Classic",
    "Comfort",
    "Premium",
    "Plus",
    "Start",
    "Select",
    "Prime",
    "Flex",
    "Direct",
    "Advance",
    "Junior",
    "Senior",
    "Family",
    "Business",
    "Gold",
    "Silver",
    "Platinum",
    "Green",
    "Smart",
    "Active",
    "Compact",
    "Solo",
    "Duo",
]
CITIES = [
    "Basel",
    "Bern",
    "Zug",
    "Lyon",
    "Graz",
    "Ulm",
    "Kiel",
    "Bonn",
    "Leeds",
    "Cork",
    "Turin",
    "Porto",
    "Lausanne",
    "Salzburg",
    "Bremen",
    "Dresden",
    "Luzern",
    "Genf",
    "Linz",
    "Ghent",
]
SYSTEMS = [
    "Aurora",
    "Atlas",
    "Beacon",
    "Nimbus",
    "Orion",
    "Polaris",
    "Vega",
    "Helix",
    "Quartz",
    "Delta",
    "Ember",
    "Falcon",
    "Harbor",
    "Iris",
    "Juno",
    "Lotus",
]
DRUGS = [
    "amoxicillin",
    "ibuprofen",
    "metformin",
    "lisinopril",
    "atorvastatin",
    "omeprazole",
    "ramipril",
    "paracetamol",
    "prednisolone",
    "bisoprolol",
]

Slot = tuple[str, object]


def _money(draw: random.Random) -> tuple[str, float]:
    amount = draw.choice(
        [2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 100, 120, 150, 200, 250, 300, 450, 500, 750, 800]
    )
    amount *= draw.choice([1, 1, 1, 1, 10, 100])
    return draw.choice(["CHF", "EUR", "USD", "GBP", "CHF", "EUR"]), amount + draw.choice([0, 0, 0, 0, 0.5])


def _date(draw: random.Random) -> tuple[int, int, int]:
    return draw.randint(2019, 2027), draw.randint(1, 12), draw.randint(1, 28)


MAKERS: dict[str, Callable[[random.Random], object]] = {
    "money": _money,
    "date": _date,
    "days": lambda draw: draw.choice([2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 20, 21, 28, 30, 45, 60, 90]),
    "count": lambda draw: draw.choice([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 24]),
    "big": lambda draw: draw.choice([1, 2, 3, 4, 5, 6, 8, 12, 15, 18, 25, 40]) * draw.choice([100, 1000, 500]),
    "percent": lambda draw: draw.choice(
        [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90]
    ),
    "age": lambda draw: draw.randint(16, 75),
    "hour": lambda draw: (draw.randint(6, 21), draw.choice([0, 0, 0, 30, 15, 45])),
    "weekday": lambda draw: draw.randint(0, 6),
    "person": lambda draw: draw.choice(PEOPLE),
    "product": lambda draw: draw.choice(PRODUCTS),
    "city": lambda draw: draw.choice(CITIES),
    "system": lambda draw: draw.choice(SYSTEMS),
    "drug": lambda draw: draw.choice(DRUGS),
    "dose": lambda draw: draw.choice([5, 10, 20, 25, 40, 50, 75, 80, 100, 150, 200, 250, 400, 500, 600, 750, 850, 1000]),
    "side": lambda draw: draw.randint(0, 1),
    "version": lambda draw: f"{draw.randint(1, 14)}.{draw.randint(0, 9)}",
    "size": lambda draw: draw.choice([2, 5, 10, 15, 20, 25, 50, 64, 100, 128, 250, 256, 500]),
}


def _grouped(value: float, mark: str) -> str:
    return f"{int(value):,}".replace(",", mark)


def render(kind: str, value: object, german: bool, draw: random.Random) -> str:
    """The value in one of the ways that people write it."""
    numbers = NUMBERS_DE if german else NUMBERS_EN
    if kind == "money":
        currency, amount = value  # type: ignore[misc]
        mark = draw.choice(["'", ".", ""] if german else [",", "'", ""]) if amount >= 1000 else ""
        cents = f"{amount % 1:.2f}"[1:].replace(".", "," if german and mark != "'" else ".")
        figure = _grouped(amount, mark) + (cents if amount % 1 else draw.choice(["", "", cents.replace("50", "00")]))
        names = {
            "CHF": ("Franken", "francs"),
            "EUR": ("Euro", "euros"),
            "USD": ("Dollar", "dollars"),
            "GBP": ("Pfund", "pounds"),
        }[currency]
        name = names[0] if german else names[1]
        signs = {"EUR": "€", "USD": "$", "GBP": "£"}
        style = draw.random()
        if style < 0.45:
            return f"{currency} {figure}"
        if style < 0.6 and currency in signs:
            return f"{figure} €" if currency == "EUR" and german else f"{signs[currency]}{figure}"
        if amount < len(numbers) and amount % 1 == 0 and style < 0.85:
            return f"{numbers[int(amount)]} {name}"
        return f"{figure} {name}"
    if kind == "date":
        year, month, day = value  # type: ignore[misc]
        if german:
            return draw.choice(
                [f"{day}. {MONTHS_DE[month - 1]} {year}", f"{day:02d}.{month:02d}.{year}", f"{day}.{month}.{year}"]
            )
        name = MONTHS_EN[month - 1]
        return draw.choice(
            [f"{day} {name} {year}", f"{name} {day}, {year}", f"{year}-{month:02d}-{day:02d}", f"{day} {name[:3]} {year}"]
        )
    if kind == "hour":
        hour, minute = value  # type: ignore[misc]
        if german:
            return draw.choice(
                [f"{hour}:{minute:02d} Uhr", f"{hour}.{minute:02d} Uhr", f"{hour} Uhr" if not minute else f"{hour} Uhr {minute}"]
            )
        half = f"{(hour - 1) % 12 + 1}{f':{minute:02d}' if minute else ''} {'am' if hour < 12 else 'pm'}"
        return draw.choice([f"{hour}:{minute:02d}", half, half.replace(" am", " a.m.").replace(" pm", " p.m.")])
    if kind == "percent":
        figure = f"{value:g}"
        figure = figure.replace(".", ",") if german and draw.random() < 0.6 else figure
        return draw.choice([f"{figure}%", f"{figure} %", f"{figure} {'Prozent' if german else 'percent'}"])
    if kind == "weekday":
        return (WEEKDAYS_DE if german else WEEKDAYS_EN)[int(value)]  # type: ignore[call-overload]
    if kind == "side":
        return (("links", "rechts") if german else ("left", "right"))[int(value)]  # type: ignore[call-overload]
    if kind == "big":
        return _grouped(float(value), draw.choice(["'", ".", ""] if german else [",", "'", ""]))  # type: ignore[arg-type]
    if kind in ("days", "count") and int(value) < len(numbers) and draw.random() < 0.5:  # type: ignore[call-overload]
        return numbers[int(value)]  # type: ignore[call-overload]
    return str(value)


_PLACE = re.compile(r"\{(\w+?)(\d?)\}")


def fill(template: str, values: dict[str, object], german: bool, draw: random.Random) -> str:
    """The template with each slot written out."""

    def put(match: re.Match[str]) -> str:
        return render(match.group(1), values[match.group(1) + match.group(2)], german, draw)

    text = _PLACE.sub(put, template)
    return text[:1].upper() + text[1:]


def _values(fact: Fact, draw: random.Random) -> dict[str, object]:
    names = sorted({match.group() for text in (*fact.said, *fact.answers, *fact.wrong) for match in _PLACE.finditer(text)})
    values: dict[str, object] = {}
    for name in names:
        match = _PLACE.match(name)
        assert match is not None
        value = MAKERS[match.group(1)](draw)
        while value in values.values():
            value = MAKERS[match.group(1)](draw)
        values[match.group(1) + match.group(2)] = value
    return values


def _other(kind: str, value: object, elsewhere: list[object], draw: random.Random) -> object:
    """Another value: of another fact of the passage, one part of it changed, or a fresh one."""
    if elsewhere and draw.random() < 0.35:
        return draw.choice(elsewhere)
    if kind == "money":
        currency, amount = value  # type: ignore[misc]
        if draw.random() < 0.3:
            return draw.choice([each for each in ("CHF", "EUR", "USD", "GBP") if each != currency]), amount
        return currency, draw.choice([amount * 10, amount + 5, amount * 2, amount / 2 if amount % 2 == 0 else amount + 10])
    if kind == "date":
        year, month, day = value  # type: ignore[misc]
        return draw.choice(
            [(year + 1, month, day), (year - 1, month, day), (year, month % 12 + 1, day), (year, month, day % 28 + 1)]
        )
    if kind == "hour":
        hour, minute = value  # type: ignore[misc]
        return draw.choice([(hour + 1, minute), (hour - 1, minute), ((hour + 12) % 24, minute), (hour, (minute + 30) % 60)])
    if kind == "side":
        return 1 - int(value)  # type: ignore[call-overload]
    fresh = MAKERS[kind](draw)
    while fresh == value:
        fresh = MAKERS[kind](draw)
    return fresh


def business_pairs(draw: random.Random, size: int) -> Iterator[Pair]:
    """`size` pairs, a good half faithful. Facts belong to folds, so that a network's folds never share one."""
    from pairs import CONTRADICTED, NOT_MENTIONED, SUPPORTED, Pair, fold_of

    pools: dict[tuple[bool, str, int], list[tuple[str, Fact]]] = {}
    for german, facts in ((False, ENGLISH), (True, GERMAN)):
        for number, fact in enumerate(facts):
            group = f"business:{'de' if german else 'en'}-{number}"
            pools.setdefault((german, fact.field, fold_of(group)), []).append((group, fact))
    by_language = {german: [key for key in sorted(pools) if key[0] is german] for german in (False, True)}
    for number in range(size):
        german = number % 5 >= 3
        keys = by_language[german]
        key = draw.choices(keys, [len(pools[each]) for each in keys])[0]
        group, fact = draw.choice(pools[key])
        values = _values(fact, draw)
        rest = [other for _, other in pools[key] if other is not fact]
        around = draw.sample(rest, min(len(rest), draw.randint(0, 4)))
        others = [(other, _values(other, draw)) for other in around]
        said = [fill(draw.choice(fact.said), values, german, draw)]
        said += [fill(draw.choice(other.said), filled, german, draw) for other, filled in others]
        draw.shuffle(said)
        kind = draw.choices(["right", "slot", "wrong", "absent", "joined"], [5, 4, 1.6, 0.7, 1])[0]
        answer, label, evidence = draw.choice(fact.answers), SUPPORTED, " ".join(said)
        slots = sorted({match.group(1) + match.group(2) for match in _PLACE.finditer(answer)})
        claim_values = dict(values)
        if kind == "slot" and slots:
            slot = draw.choice(slots)
            name = slot.rstrip("0123456789")
            elsewhere = [
                v for _, filled in others for k, v in filled.items() if k.rstrip("0123456789") == name and v != values[slot]
            ]
            elsewhere += [v for k, v in values.items() if k != slot and k.rstrip("0123456789") == name and v != values[slot]]
            claim_values[slot] = _other(name, values[slot], elsewhere, draw)
            label = CONTRADICTED
        elif kind == "wrong" and fact.wrong:
            answer, label = draw.choice(fact.wrong), CONTRADICTED
        elif kind == "absent" and others:
            evidence = " ".join(fill(draw.choice(other.said), filled, german, draw) for other, filled in others)
            label = NOT_MENTIONED
        claim = fill(answer, claim_values, german, draw)
        if kind == "joined" and others:
            other, filled = others[0]
            altered = dict(filled)
            second = draw.choice(other.answers)
            named = sorted({match.group(1) + match.group(2) for match in _PLACE.finditer(second)})
            if named and draw.random() < 0.5:
                slot = draw.choice(named)
                altered[slot] = _other(slot.rstrip("0123456789"), filled[slot], [], draw)
                label = CONTRADICTED
            tail = fill(second, altered, german, draw)
            claim = f"{claim.rstrip('.')}{', und ' if german else ', and '}{tail[:1].lower()}{tail[1:]}"
        if draw.random() < 0.1:
            claim = claim.rstrip(".")
        yield Pair(
            set="business_de" if german else "business_en",
            group=group,
            answer=f"business-{number}",
            evidence=evidence,
            claim=claim,
            label=label,
            spans=[] if label == SUPPORTED else None,
            kind=kind,
        )
