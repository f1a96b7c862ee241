"""Makes the invented tickets of the it-helpdesk blueprint from texts/scenarios.txt: seeded, so that anyone gets the same.

The tickets are messy on purpose, as an export of a ticket system is: typing errors, three languages, signatures, forwarded
chains, copies, empty ones, teams that do not exist, some that went to the wrong team. What was planted stands in
data/planted.json, so that a run can be checked against it. No ticket is real. Run
``python blueprints/it-helpdesk/make_sample_data.py``; `--check` compares with the files that are there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

HERE = Path(__file__).parent
SEED = 20261128
TICKETS = 960
FIRST_DAY, DAYS = date(2026, 3, 2), 180
REQUESTERS = 240
#: Shares of tickets that get each kind of mess.
TYPOS, SIGNATURE, FORWARDED, CHATTER, NO_SUBJECT, SHOUTING = 0.35, 0.55, 0.12, 0.5, 0.12, 0.04
LANGUAGES = (("en", 0.68), ("de", 0.22), ("fr", 0.10))
#: How many of each fault are planted.
WRONG_TEAM, COPIES, NEAR_COPIES, NO_BODY, TOO_SHORT, UNKNOWN_TEAM, BROKEN_LETTERS, CONTRADICTIONS = 20, 16, 14, 8, 8, 10, 7, 6

FIRST = (
    "Nora",
    "Emil",
    "Lena",
    "Jonas",
    "Aline",
    "Pascal",
    "Mirjam",
    "Tomas",
    "Chloé",
    "Beat",
    "Sofia",
    "Henrik",
    "Yara",
    "Ruedi",
)
LAST = (
    "Ackeret",
    "Bossard",
    "Caflisch",
    "Derungs",
    "Egli",
    "Fontana",
    "Gasser",
    "Hostettler",
    "Imhof",
    "Jenny",
    "Lachat",
    "Monnier",
)
UNITS = ("purchasing", "quality", "logistics", "assembly", "sales north", "finance", "toolmaking", "research", "customer care")
CITIES = ("Lyon", "Graz", "Turin", "Leeds", "Ghent", "Brno", "Porto", "Aarhus")
APPS = ("Orbis", "Orbis ERP", "Lagro", "PlanWerk", "the CRM", "Kontor")
TOOLS = ("DrawNorth", "PDF Studio", "Statgraph", "MindBoard", "VectorPad", "CamWorks")
FOLDERS = ("\\\\files\\quality", "\\\\files\\projects\\2026", "Team-Assembly", "Offers", "\\\\files\\hr-public")
SUBJECT_PREFIX = {
    "en": ("", "", "", "Fwd: ", "RE: ", "URGENT - "),
    "de": ("", "", "WG: ", "AW: ", "Dringend: "),
    "fr": ("", "", "TR: "),
}
GREETINGS = {
    "en": ("Hi,", "Hello all,", "Dear help desk,", "hey", ""),
    "de": ("Hallo zusammen", "Guten Tag,", "Grüezi", ""),
    "fr": ("Bonjour,", ""),
}
CHATTERING = {
    "en": (
        "I have tried restarting twice.", "My colleague next to me has no such problem.", "It worked fine last week.",
        "This is the third time this month.", "Not urgent, but annoying.", "I have a customer appointment at {time}.",
        "Please call me, I am in the office until {time}.", "See the screenshot, which I can't attach.",
        "I already asked {name}, who could not help.", "Ticket {number} was the same, I think.", "I am working from home today.",
    ),
    "de": (
        "Ich habe schon neu gestartet.", "Letzte Woche ging es noch.", "Bitte um Rückruf bis {time}.",
        "Es eilt nicht, stört aber.",
        "{name} hat das gleiche Problem nicht.", "Bin heute im Homeoffice.",
    ),
    "fr": ("J'ai déjà redémarré.", "Cela marchait la semaine dernière.", "Merci de me rappeler avant {time}."),
}  # fmt: skip
CLOSINGS = {
    "en": ("Thanks", "Best regards", "thx", "Kind regards"),
    "de": ("Danke", "Freundliche Grüsse", "LG"),
    "fr": ("Merci d'avance", "Cordialement"),
}
DISCLAIMER = "This message is intended for the person named above only. If you are not that person, please delete it."
FORWARD = (
    "-----Original Message-----\nFrom: {name}\nSent: {day}\nTo: Help desk\nSubject: {subject}\n\n{said}\n",
    "> {name} wrote on {day}:\n> {said}\n",
)
#: Talk of other teams' things that sits in forwarded chains and leads astray.
ASTRAY = (
    "The printer is fine by the way.", "VPN works, I checked.", "I have reset my password before.", "Mail works on the phone.",
    "The screen is new.", "Purchasing says it was paid.", "No virus warning or anything.",
)  # fmt: skip
SHORT = ("help", "???", "call me", "see above", "asap", "it again", "hi", "pls")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    wrong = []
    for name, text in made().items():
        path = HERE / "data" / name
        if check:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                wrong.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in wrong:
        print(f"data/{name} is not what this script makes", file=sys.stderr)
    return 1 if wrong else 0


def made() -> dict[str, str]:
    """File name → content."""
    scenarios = yaml.safe_load((HERE / "texts" / "scenarios.txt").read_text(encoding="utf-8"))
    random = Random(SEED)
    tickets = [ticket(random, scenarios, at) for at in range(TICKETS)]
    articles = {each["id"]: each.pop("article") for each in tickets}
    asked = [(each.pop("asked"), each) for each in tickets]
    planted, extra = plant(random, tickets, sorted(scenarios))
    rows = sorted((*tickets, *extra), key=lambda each: (each["opened"], each["id"]))
    spoiled = {name for names in planted.values() for name in names}
    questions = [
        {"id": each["id"], "text": text, "article": articles[each["id"]], "team": each["team"]}
        for text, each in asked
        if each["language"] == "en" and each["id"] not in spoiled
    ]
    chosen = sorted(Random(SEED + 1).sample(questions, 120), key=lambda each: each["id"])
    return {
        "tickets.jsonl": lines(rows),
        "teams.txt": "".join(f"{team}\n" for team in sorted(scenarios)),
        "questions.jsonl": lines(chosen),
        "planted.json": json.dumps(planted, indent=1) + "\n",
    }


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def ticket(random: Random, scenarios: dict[str, list[dict[str, Any]]], at: int) -> dict[str, Any]:
    """One ticket, without faults but with its mess."""
    team = random.choice(sorted(scenarios))
    matter = random.choice(scenarios[team])
    language = random.choices([name for name, _ in LANGUAGES], [weight for _, weight in LANGUAGES])[0]
    slots = filled(random)
    core = random.choice(matter[language]).format(**slots)
    requester = random.randrange(REQUESTERS)
    opened = FIRST_DAY + timedelta(days=random.randrange(DAYS))
    return {
        "id": f"T{10_000 + at}",
        "opened": opened.isoformat(),
        "requester": f"u{requester:04}",
        "language": language,
        "subject": subject(random, core, language),
        "body": body(random, core, language, slots, requester),
        "team": team,
        "article": matter["article"],
        "asked": core,
    }


def filled(random: Random) -> dict[str, str]:
    return {
        "name": f"{random.choice(FIRST)} {random.choice(LAST)}",
        "unit": random.choice(UNITS),
        "folder": random.choice(FOLDERS),
        "device": f"NB-{random.randrange(1000, 9999)}",
        "room": f"{random.choice('ABCD')}{random.randrange(1, 5)}.{random.randrange(10, 40)}",
        "building": random.choice("ABCD"),
        "number": str(random.choice((3, 5, 12, 15, 21, 40, 312, 507, 618, 4471, 8093))),
        "day": f"{random.randrange(1, 28)}.{random.randrange(1, 12)}.",
        "time": f"{random.randrange(7, 18)}:{random.choice(('00', '15', '30'))}",
        "app": random.choice(APPS),
        "tool": random.choice(TOOLS),
        "printer": f"TW-P{random.randrange(1000, 1400)}",
        "costs": str(random.randrange(41000, 49000)),
        "city": random.choice(CITIES),
    }


def subject(random: Random, core: str, language: str) -> str:
    """A few words of what is asked, or nothing that helps."""
    if random.random() < NO_SUBJECT:
        return random.choice(("(no subject)", "Problem", "Help", "Frage", "Question", "Ticket"))
    words = core.rstrip(".?").split()
    start = random.randrange(max(1, len(words) - 4))
    return random.choice(SUBJECT_PREFIX[language]) + " ".join(words[start : start + random.randrange(2, 6)])


def body(random: Random, core: str, language: str, slots: dict[str, str], requester: int) -> str:
    said = [core]
    for _ in range(3):
        if random.random() < CHATTER:
            said.insert(random.randrange(len(said) + 1), random.choice(CHATTERING[language]).format(**slots))
    text = " ".join(said)
    if random.random() < TYPOS:
        text = mistyped(random, text)
    if random.random() < SHOUTING:
        text = text.upper()
    parts = [random.choice(GREETINGS[language]), text, random.choice(CLOSINGS[language])]
    if random.random() < SIGNATURE:
        parts.append(signature(random, requester))
    if random.random() < FORWARDED:
        chain = random.choice(FORWARD)
        parts.append(chain.format(name=slots["name"], day=slots["day"], subject="your request", said=random.choice(ASTRAY)))
    return "\n\n".join(part for part in parts if part)


def signature(random: Random, requester: int) -> str:
    """Name, unit, telephone and address: all invented, on domains and numbers that nobody has."""
    own = Random(requester)
    first, last = own.choice(FIRST), own.choice(LAST)
    mail = f"{first}.{last}@tannwald.example".lower().replace("é", "e")
    telephone = f"+41 44 555 {own.randrange(10, 99)} {own.randrange(10, 99)}"
    found = f"{first} {last}\nTannwald Group, {own.choice(UNITS)}\nTel. {telephone}\n{mail}"
    return found + (f"\n\n{DISCLAIMER}" if random.random() < 0.3 else "")


def mistyped(random: Random, text: str) -> str:
    """One to four words with two letters swapped, one left out or one doubled; never the first letter."""
    words = text.split(" ")
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(words))
        word = words[at]
        if len(word) < 5 or not word.isalpha():
            continue
        place = random.randrange(1, len(word) - 2)
        kind = random.randrange(3)
        if kind == 0:
            words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        elif kind == 1:
            words[at] = word[:place] + word[place + 1 :]
        else:
            words[at] = word[:place] + word[place] + word[place:]
    return " ".join(words)


def plant(random: Random, tickets: list[dict[str, Any]], teams: list[str]) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """Spoils some tickets and adds copies; what was planted where, and the added tickets."""
    drawn: Iterator[dict[str, Any]] = iter(random.sample(tickets, len(tickets)))
    planted: dict[str, list[str]] = {}
    extra: list[dict[str, Any]] = []

    def each(kind: str, count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            found = next(drawn)
            planted.setdefault(kind, []).append(found["id"])
            yield found

    for found in each("wrong team", WRONG_TEAM):
        found["team"] = random.choice([team for team in teams if team != found["team"]])
    for found in each("no body", NO_BODY):
        found["body"] = random.choice(("", "  ", "\n"))
    for found in each("too short", TOO_SHORT):
        found["body"] = random.choice(SHORT)
    for found in each("unknown team", UNKNOWN_TEAM):
        found["team"] = random.choice(("Servicedesk 2019", "second level", "n/a", "identity?"))
    for found in each("broken letters", BROKEN_LETTERS):
        # UTF-8 that some system read as Latin-1, twice over what the language has of accents.
        found["body"] = (found["body"] + "\n\nGrüsse aus Zürich, à bientôt").encode().decode("latin-1")
    for at, found in enumerate(each("copied", COPIES)):
        extra.append({**found, "id": f"T{20_000 + at}"})
    for at, found in enumerate(each("nearly copied", NEAR_COPIES)):
        extra.append({**found, "id": f"T{30_000 + at}", "body": found["body"].replace(".", " .", 1) + "\n"})
    for at, found in enumerate(each("contradicted", CONTRADICTIONS)):
        other = random.choice([team for team in teams if team != found["team"]])
        extra.append({**found, "id": f"T{40_000 + at}", "team": other, "body": found["body"] + " "})
    return planted, extra


if __name__ == "__main__":
    raise SystemExit(main())
