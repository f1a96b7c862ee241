# ruff: noqa: E501 - lists and patterns, one a line
"""Generates labelled texts: sentence patterns filled with made-up values, put together to notes, mails, chats, forms and tables,
and roughened as people write. `python training/pii/generate.py 20` prints twenty of them."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable

import msgspec
import templates
import values

Span = tuple[int, int, str]


class Example(msgspec.Struct):
    """A text and its spans (start, end, type), in order; offsets count code points."""

    text: str
    spans: list[Span]


_DISEASES = {
    "en": [
        "hypertension",
        "diabetes mellitus type 2",
        "congestive heart failure",
        "asthma",
        "back pain",
        "shortness of breath",
        "chest pain",
        "knee pain",
        "migraine",
        "depression",
        "anxiety",
        "pneumonia",
        "kidney stones",
        "gout",
        "atrial fibrillation",
        "hypothyroidism",
        "acid reflux",
        "osteoarthritis",
        "a fall",
        "nausea and vomiting",
        "headaches",
        "right ankle sprain",
        "hyperlipidemia",
        "COPD",
        "anemia",
        "gallstones",
        "psoriasis",
        "cough",
        "fatigue",
        "low back pain",
        "chronic kidney disease",
        "coronary artery disease",
        "sleep apnea",
        "sore throat",
        "urinary tract infection",
        "rotator cuff tear",
        "carpal tunnel syndrome",
        "breast cancer",
        "stroke",
        "GERD",
    ],
    "de": [
        "Rückenschmerzen",
        "Bluthochdruck",
        "Diabetes mellitus",
        "Asthma bronchiale",
        "Vorhofflimmern",
        "Kopfschmerzen",
        "Atemnot",
        "Herzinsuffizienz",
        "Depression",
        "Husten und Fieber",
        "Schwindel",
        "Niereninsuffizienz",
    ],
    "fr": [
        "hypertension artérielle",
        "diabète de type 2",
        "asthme",
        "lombalgies",
        "insuffisance cardiaque",
        "migraines",
        "douleurs thoraciques",
        "fatigue",
        "une toux",
        "anémie",
    ],
    "it": [
        "ipertensione arteriosa",
        "diabete di tipo 2",
        "asma",
        "lombalgia",
        "scompenso cardiaco",
        "emicrania",
        "dolore toracico",
        "tosse",
        "anemia",
        "stanchezza",
    ],
}
_PLAIN: dict[str, list[str]] = {
    "disease": _DISEASES["en"],
    "disease_de": _DISEASES["de"],
    "disease_fr": _DISEASES["fr"],
    "disease_it": _DISEASES["it"],
    "drug": [
        "lisinopril",
        "metformin",
        "aspirin",
        "Tylenol",
        "ibuprofen",
        "Lasix",
        "atorvastatin",
        "Synthroid",
        "amlodipine",
        "omeprazole",
        "Protonix",
        "Imitrex",
        "warfarin",
        "Eliquis",
        "prednisone",
        "albuterol",
        "Lexapro",
        "Zoloft",
        "gabapentin",
        "insulin",
        "Lantus",
        "hydrochlorothiazide",
        "allopurinol",
        "Mobic",
        "meloxicam",
        "tramadol",
        "amoxicillin",
        "Augmentin",
        "Advil",
        "Flonase",
        "Prozac",
        "Xarelto",
        "Plavix",
        "Lyrica",
        "Dafalgan",
        "Novalgin",
        "Humira",
        "Keppra",
        "Nexium",
        "Bumex",
        "Coreg",
    ],
    "eponym": [
        "Parkinson's disease",
        "Crohn's disease",
        "Alzheimer's disease",
        "Hodgkin lymphoma",
        "Graves' disease",
        "Hashimoto thyroiditis",
        "Addison's disease",
        "Cushing's syndrome",
        "Down syndrome",
        "Raynaud's phenomenon",
        "Sjögren's syndrome",
        "Barrett's esophagus",
        "Bell's palsy",
        "Wilson's disease",
        "Huntington's disease",
        "Meniere's disease",
        "Marfan syndrome",
        "Guillain-Barré syndrome",
        "Lyme disease",
        "Paget's disease",
        "Tourette syndrome",
        "Wolff-Parkinson-White syndrome",
        "Baker's cyst",
        "Asperger syndrome",
        "Kawasaki disease",
        "Morbus Crohn",
        "Morbus Parkinson",
        "Burkitt lymphoma",
        "Ewing sarcoma",
        "von Willebrand disease",
    ],
    "device": [
        "Foley catheter",
        "Hickman line",
        "Swan-Ganz catheter",
        "Jackson-Pratt drain",
        "Penrose drain",
        "Holter monitor",
        "Kirschner wire",
        "Port-a-Cath",
        "Dobhoff tube",
        "Ace wrap",
        "Steri-Strip",
        "Bovie cautery",
    ],
    "sign": [
        "Murphy's sign",
        "Babinski",
        "Romberg test",
        "McMurray's test",
        "Lachman test",
        "Phalen's sign",
        "Tinel's sign",
        "Homans' sign",
        "Spurling's maneuver",
        "Trousseau sign",
        "Kernig sign",
        "Apgar score",
        "Hawkins test",
        "Neer's sign",
    ],
    "procedure": [
        "a knee replacement",
        "a colonoscopy",
        "an appendectomy",
        "cataract surgery",
        "a Whipple procedure",
        "coronary bypass",
        "a hip replacement",
        "a biopsy",
        "a hysterectomy",
        "spinal fusion",
    ],
    "product": [
        "iPhone 15",
        "Galaxy S24",
        "ThinkPad X1",
        "MacBook Pro",
        "Windows 11",
        "Office 365",
        "Golf GTI",
        "Tesla Model 3",
        "Ford Focus",
        "Kindle",
        "PlayStation 5",
        "Adobe Acrobat",
        "Chrome",
        "Visa Gold card",
        "Nespresso machine",
        "Dyson V15",
        "Canon EOS R6",
        "Excel",
        "Outlook",
        "VPN client",
        "premium account",
        "Travel Plus plan",
        "Airpods",
        "Alexa",
        "Siri",
    ],
    "nationality": [
        "Swiss",
        "German",
        "French",
        "Italian",
        "Spanish",
        "American",
        "British",
        "Swedish",
        "Finnish",
        "Danish",
        "Polish",
        "Czech",
        "Dutch",
        "Belgian",
        "Russian",
        "Turkish",
        "Chinese",
        "Japanese",
        "Korean",
        "Indian",
        "Mexican",
        "Brazilian",
        "Scottish",
        "Irish",
        "Slovenian",
        "Austrian",
        "Greek",
        "Thai",
        "Canadian",
        "Australian",
        "African",
        "Surinamese",
        "Saudi",
        "Paraguayan",
    ],
    "duration": [
        "two weeks",
        "3 days",
        "six months",
        "2 years",
        "10 minutes",
        "a week",
        "48 hours",
        "three to four weeks",
        "the last 5 days",
        "about a year",
        "a couple of months",
        "1 month",
    ],
    "job": [
        "Senior consultant",
        "Head of sales",
        "Team lead",
        "Nurse practitioner",
        "Account manager",
        "Engineer",
        "Attorney at law",
        "Secretary",
        "Director",
        "Practice manager",
    ],
}
_TITLES = (
    "Mr.",
    "Mrs.",
    "Ms.",
    "Dr.",
    "Miss",
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Prof.",
    "Professor",
    "Doctor",
    "Sir",
    "Herr",
    "Frau",
    "Mme",
    "Monsieur",
    "Signora",
)
_SUFFIXES = ("MD", "M.D.", "DO", "NP", "PA-C", "RN", "MD, PhD", "DPM", "FNP-C", "MBBS")
_STRAY_NUMBERS = ("9", "99", "999", "9", "99", "9999")


def _amount(r: random.Random) -> str:
    number = r.choice(
        (
            f"{r.randint(1, 999)}",
            f"{r.randint(1, 99)}.{r.randint(0, 99):02d}",
            f"{r.randint(1, 99)},{r.randint(100, 999)}.00",
            f"{r.randint(1, 99)}'{r.randint(100, 999)}",
            f"{r.randint(1, 9)}.{r.randint(100, 999)},50",
        )
    )
    return r.choice(
        (
            f"CHF {number}",
            f"${number}",
            f"€{number}",
            f"{number} EUR",
            f"£{number}",
            f"{number} francs",
            f"USD {number}",
            f"{number} €",
        )
    )


def _upper_name(r: random.Random) -> str:
    return values.name(r).upper()


def _month(language: str) -> Callable[[random.Random], str]:
    return lambda r: values.pick(r, values.MONTHS[language])


def _weekday(language: str) -> Callable[[random.Random], str]:
    return lambda r: values.pick(r, values.WEEKDAYS[language])


#: slot → (type, maker); the type "" is not labelled.
SLOTS: dict[str, tuple[str, values.Maker]] = {
    "name": ("PERSON", values.name),
    "person": ("PERSON", values.person),
    "first": ("PERSON", values.first),
    "last": ("PERSON", values.last),
    "NAME": ("PERSON", _upper_name),
    "date": ("DATE", values.date),
    "numdate": ("DATE", values.numeric_date),
    "wdate": ("DATE", values.worded_date),
    "fulldate": ("DATE", values.full_date),
    "year": ("DATE", values.year),
    "weekday": ("DATE", values.weekday),
    "month": ("DATE", _month("en")),
    "month_de": ("DATE", _month("de")),
    "month_fr": ("DATE", _month("fr")),
    "month_it": ("DATE", _month("it")),
    "weekday_de": ("DATE", _weekday("de")),
    "weekday_fr": ("DATE", _weekday("fr")),
    "weekday_it": ("DATE", _weekday("it")),
    "month_year": ("DATE", lambda r: f"{r.randint(1, 12):02d}/{r.randint(24, 35)}"),
    "date_de": ("DATE", lambda r: values.date(r, "de")),
    "date_fr": ("DATE", lambda r: values.date(r, "fr")),
    "date_it": ("DATE", lambda r: values.date(r, "it")),
    "age": ("AGE", values.age),
    "address": ("ADDRESS", values.address),
    "street": ("ADDRESS", values.street),
    "street_only": ("ADDRESS", values.american_street),
    "zip": ("ADDRESS", values.postcode),
    "town": ("LOCATION", values.town),
    "country": ("LOCATION", values.country),
    "place": ("LOCATION", values.place),
    "phone": ("PHONE", values.phone),
    "email": ("EMAIL", values.email),
    "ssn": ("SSN", values.ssn),
    "mrn": ("MRN", values.mrn),
    "plan": ("HEALTH_PLAN_ID", values.plan),
    "facility": ("FACILITY", values.facility),
    "org": ("ORG", values.firm),
    "card": ("CREDIT_CARD", values.card),
    "iban": ("IBAN", values.iban),
    "ip": ("IP", values.ip),
    "url": ("URL", values.url),
    "id": ("ID", values.identifier),
    "title": ("", lambda r: values.pick(r, _TITLES)),
    "suffix": ("", lambda r: values.pick(r, _SUFFIXES)),
    "amount": ("", _amount),
    "time": (
        "",
        lambda r: r.choice(
            (f"{r.randint(0, 23)}:{r.randint(0, 59):02d}", f"{r.randint(1, 12)} {r.choice(('am', 'pm', 'p.m.'))}")
        ),
    ),
    "n": ("", lambda r: values.shaped(r, r.choice(_STRAY_NUMBERS))),
    "dose": (
        "",
        lambda r: (
            f"{r.choice((5, 10, 20, 25, 40, 50, 75, 100, 250, 500))}{r.choice((' mg', ' mg', 'mg', ' mcg', ' units', ' ml'))}"
        ),
    ),
    "icd": ("", lambda r: values.shaped(r, r.choice(("A99.9", "A99", "A99.99")))),
    "room": ("", lambda r: values.shaped(r, r.choice(("999", "A99", "9.99", "99")))),
    "version": ("", lambda r: ".".join(str(r.randint(0, 30)) for _ in range(r.randint(2, 4)))),
}
SLOTS.update({key: ("", lambda r, options=options: values.pick(r, options)) for key, options in _PLAIN.items()})
_SLOT = re.compile(r"\{([A-Za-z_]+)\}")
#: Slots side by side that are one address: a street, a postcode, a town.
_POSTCODE = re.compile(
    r"(?:[A-Z]{1,2}-)?\d{4,5}(?:[- ]\d{3,4})?(?: [A-Z]{2})?|[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{2,3}[- ]\d{2,3}"
)
_ONE_ADDRESS = re.compile(r"[\s,]{1,6}(?:(?:[A-Z]{2}|CH-|D-)\s?)?")


_NOTHING = templates.NOTHING + templates.NOTHING_MORE + templates.ABROAD_NOTHING


def fill(template: str, r: random.Random, harvest: dict[str, list[str]] | None = None) -> Example:
    """`template` with its slots filled; `harvest` gives values by type that are taken now and then instead of made-up ones."""
    pieces: list[str] = []
    spans: list[Span] = []
    position = at = 0
    template = template.replace("\\n", "\n")
    for match in _SLOT.finditer(template):
        kind, make = SLOTS[match.group(1)]
        value = make(r)
        if (
            harvest
            and kind in harvest
            and match.group(1) in ("name", "first", "last", "org", "address", "street", "town", "place", "phone")
            and r.random() < 0.25
        ):
            value = r.choice(harvest[kind])
        before = template[at : match.start()]
        pieces += (before, value)
        position += len(before)
        if kind:
            spans.append((position, position + len(value), kind))
        position += len(value)
        at = match.end()
    pieces.append(template[at:])
    text = "".join(pieces)
    return Example(text=text, spans=joined(text, spans))


def joined(text: str, spans: list[Span]) -> list[Span]:
    """`spans` with the parts of one address put together: streets and what belongs to them, and the town between them and a
    postcode. A town that only follows a street stays a place of its own."""
    chains: list[list[Span]] = []
    for start, end, kind in sorted(spans):
        gap = text[chains[-1][-1][1] : start] if chains else ""
        near = len(gap) <= 8 and _ONE_ADDRESS.fullmatch(gap) is not None
        if chains and near and {kind, chains[-1][-1][2]} <= {"ADDRESS", "LOCATION"}:
            chains[-1].append((start, end, kind))
        else:
            chains.append([(start, end, kind)])
    result: list[Span] = []
    for chain in chains:
        coded = any(kind == "ADDRESS" and _POSTCODE.fullmatch(text[start:end]) for start, end, kind in chain[1:])
        if len(chain) > 1 and coded and chain[0][2] == "ADDRESS":
            result.append((chain[0][0], chain[-1][1], "ADDRESS"))
            continue
        for start, end, kind in chain:
            if result and kind == result[-1][2] == "ADDRESS" and start - result[-1][1] <= 8 and (start, end, kind) != chain[0]:
                result[-1] = (result[-1][0], end, "ADDRESS")
            else:
                result.append((start, end, kind))
    return result


def join(parts: list[Example], separator: str) -> Example:
    pieces: list[str] = []
    spans: list[Span] = []
    position = 0
    for index, part in enumerate(parts):
        if index:
            pieces.append(separator)
            position += len(separator)
        pieces.append(part.text)
        spans += ((start + position, end + position, kind) for start, end, kind in part.spans)
        position += len(part.text)
    return Example(text="".join(pieces), spans=spans)


def note(r: random.Random, body: list[str], harvest: dict[str, list[str]] | None = None) -> Example:
    """A clinical note: a header of labelled lines in any order, some body, a signature."""
    label = r.choice((": ", ": ", " ", " # ", " = ", ":", " - "))
    lines = [
        f"{r.choice(('Patient', 'Patient Name', 'Pt', 'Name', 'RE', 'Pt. name', 'PATIENT', 'Client'))}{r.choice((': ', ': ', ' '))}{{name}}"
        + r.choice(
            (
                "",
                "   MRN: {mrn}",
                "; MR# {mrn}",
                " | {age} | {facility}",
                "  DOB {fulldate}",
                "   Medical Record #{mrn}",
                "; MRN {mrn}",
                " (MRN {mrn})",
            )
        )
    ]
    fields = [
        (
            (
                "MRN",
                "MR#",
                "Medical Record #",
                "Medical record number",
                "Chart #",
                "Patient ID",
                "Hospital No",
                "Record no.",
                "Acct/MRN",
            ),
            "{mrn}",
        ),
        (("DOB", "Date of Birth", "Born", "Birth date", "D.O.B."), "{fulldate}"),
        (("Address", "Home address", "Residence", "Lives at", "Addr"), "{address}"),
        (("Phone", "Tel", "Contact number", "Home phone", "Cell", "Contact"), "{phone}"),
        (("Email", "E-mail", "Mail"), "{email}"),
        (("SSN", "Social security number", "Soc. sec. no."), "{ssn}"),
        (
            (
                "Insurance ID",
                "Member ID",
                "Health plan",
                "Plan ID",
                "Insurance no.",
                "Policy no.",
                "Subscriber ID",
                "Insurance",
                "Health plan ID",
                "Ins. ID",
                "Payer ID",
                "Coverage ID",
            ),
            "{plan}",
        ),
        (("Facility", "Hospital", "Clinic", "Site", "Location", "Seen at", "Institution"), "{facility}"),
        (("Date of service", "DOS", "Visit date", "Admitted", "Date of admission", "Encounter date", "Date"), "{fulldate}"),
        (("Age", "Age/sex"), "{age}"),
        (("PCP", "Attending", "Provider", "Referring physician", "Next of kin", "Emergency contact"), "{name}"),
        (("Employer",), "{org}"),
    ]
    for names, value in r.sample(fields, r.randint(2, 8)):
        word = r.choice(names)
        lines.append(
            f"{word.upper() if r.random() < 0.1 else word}{'' if word.endswith('#') and r.random() < 0.6 else label}{value}"
        )
    separator = "\n" if r.random() < 0.8 else r.choice(("; ", "   ", ", ", " | "))
    header = join([fill(line, r, harvest) for line in lines], separator)
    middle = [Example(text=r.choice(body), spans=[]) for _ in range(r.randint(0, 2))] if body else []
    middle += [fill(r.choice(templates.CLINICAL), r, harvest) for _ in range(r.randint(1, 3))]
    middle += [fill(r.choice(_NOTHING), r) for _ in range(r.randint(0, 2))]
    r.shuffle(middle)
    sign = r.choice(
        (
            "Electronically signed by {name}, {suffix} on {fulldate}.",
            "Dictated by {name} {suffix} on {fulldate}.",
            "Signed: {name}, {suffix} on {numdate}.",
            "{name}, {suffix}\n{facility}",
            "Authenticated by {name} {numdate}",
            "Signed by: {title} {name}",
            "{name} {suffix} {fulldate}",
            "Transcribed by {name} for {title} {last}, {numdate}",
            "- {name}, RN",
            "",
        )
    )
    return join([header, *middle, fill(sign, r, harvest)], r.choice(("\n\n", "\n", "\n\n")))


def form(r: random.Random, harvest: dict[str, list[str]] | None = None) -> Example:
    """A form, a table row, a JSON object or a CSV with labelled fields in any order."""
    fields = [
        ("name", "{name}"),
        ("first_name", "{first}"),
        ("last_name", "{last}"),
        ("email", "{email}"),
        ("phone", "{phone}"),
        ("address", "{address}"),
        ("street", "{street}"),
        ("city", "{town}"),
        ("country", "{country}"),
        ("zip", "{zip}"),
        ("dob", "{fulldate}"),
        ("age", "{age}"),
        ("company", "{org}"),
        ("iban", "{iban}"),
        ("card", "{card}"),
        ("customer_id", "{id}"),
        ("passport", "{id}"),
        ("driver_license", "{id}"),
        ("ssn", "{ssn}"),
        ("member_id", "{plan}"),
        ("mrn", "{mrn}"),
        ("hospital", "{facility}"),
        ("ip", "{ip}"),
        ("website", "{url}"),
        ("date", "{numdate}"),
        ("amount", "{amount}"),
        ("status", "open"),
        ("product", "{product}"),
        ("version", "{version}"),
        ("diagnosis", "{disease}"),
        ("count", "{n}"),
    ]
    chosen = r.sample(fields, r.randint(2, 7))
    style = r.random()
    if style < 0.25:
        return join([fill(f'"{key}": "{value}"', r, harvest) for key, value in chosen], r.choice((", ", ",\n  ")))
    if style < 0.4:
        return join([fill(value, r, harvest) for _, value in chosen], r.choice((" | ", ";", ", ", "\t", " / ")))
    capital = r.random() < 0.7
    joint = r.choice((": ", ": ", " = ", " ", ":\n", " - "))
    words = [key.replace("_", " ").capitalize() if capital else key.replace("_", " ") for key, _ in chosen]
    return join(
        [fill(f"{word}{joint}{value}", r, harvest) for word, (_, value) in zip(words, chosen, strict=True)],
        r.choice(("\n", "\n", ", ", "; ")),
    )


_TABLES = (
    (templates.GENERAL, 24),
    (templates.EVERYDAY, 24),
    (templates.CLINICAL, 22),
    (templates.GERMAN, 12),
    (templates.FIRMS, 7),
    (templates.FRENCH, 8),
    (templates.ITALIAN, 8),
)


def sentence(r: random.Random, harvest: dict[str, list[str]] | None = None) -> Example:
    table = r.choices([each for each, _ in _TABLES], [weight for _, weight in _TABLES])[0]
    return fill(r.choice(table), r, harvest)


def example(r: random.Random, body: list[str], harvest: dict[str, list[str]] | None = None) -> Example:
    """One text: a sentence, a few sentences, a note or a form, roughened now and then."""
    kind = r.random()
    if kind < 0.30:
        value = sentence(r, harvest)
    elif kind < 0.52:
        parts = [sentence(r, harvest) if r.random() < 0.7 else fill(r.choice(_NOTHING), r) for _ in range(r.randint(2, 4))]
        value = join(parts, r.choice((" ", " ", "\n", "\n\n")))
    elif kind < 0.62:
        value = fill(r.choice(_NOTHING), r)
    elif kind < 0.86:
        value = note(r, body, harvest)
    else:
        value = form(r, harvest)
    return roughened(value, r)


#: Words of a plain text in whose place a value can stand: pattern → slots.
_PLACES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"\b(?:[Hh]e|[Ss]he|[Ss]omeone|[Tt]he patient|[Tt]hey|[Nn]obody|[Mm]y friend)\b"),
        ("first", "last", "name", "first"),
    ),
    (
        re.compile(r"\b(?:him|her|them|my (?:wife|husband|son|daughter|mother|father|brother|sister|friend))\b"),
        ("first", "last", "name", "first"),
    ),
    (
        re.compile(
            r"\b(?:the|my|your|this) (?:bank|company|shop|store|firm|employer|merchant|restaurant|hotel|school|airline|app)\b"
        ),
        ("org",),
    ),
    (re.compile(r"\b(?:the|this|our) (?:clinic|hospital|office|emergency room|emergency department)\b"), ("facility",)),
    (
        re.compile(
            r"(?<=\bin )(?:another country|the city|town|the country|foreign currency)\b|(?<=\bto )(?:the city|town|another country)\b"
        ),
        ("place", "town"),
    ),
    (re.compile(r"\b(?:last week|yesterday|tomorrow|last month|last year|today)\b"), ("wdate", "weekday", "numdate", "year")),
)
_AROUND = (
    "{first}, TEXT",
    "TEXT, {first}",
    "{first}: TEXT",
    '{first}: "TEXT"',
    "{first} said: TEXT",
    "TEXT, said {last}",
    "TEXT ({name})",
    "hi {first} TEXT",
    "TEXT thanks {first}",
    "{name}: TEXT",
    "{first} asked {first}: TEXT",
    "TEXT Better than {last}, anyway.",
    "TEXT I told {first} so.",
    "{first} did not answer. TEXT",
    "TEXT As {last} put it.",
    "{last} again: TEXT",
    "TEXT {first}!",
    "TEXT {place}!",
)


def scattered(plain: Example, r: random.Random, harvest: dict[str, list[str]] | None = None) -> Example:
    """A plain text with values put where they tell themselves apart by what they are and not by the words around them."""
    if r.random() < 0.5:
        value = fill(
            r.choice(_AROUND)
            .replace("{", "<")
            .replace("}", ">")
            .replace("TEXT", "{}")
            .replace("<", "{")
            .replace(">", "}")
            .replace("{}", "\x00"),
            r,
            harvest,
        )
        place = value.text.index("\x00")
        text = value.text.replace("\x00", plain.text)
        shift = len(plain.text) - 1
        spans = [(start + shift, end + shift, kind) if start > place else (start, end, kind) for start, end, kind in value.spans]
        return Example(
            text=text, spans=sorted([*spans, *((start + place, end + place, kind) for start, end, kind in plain.spans)])
        )
    spots: list[tuple[int, int, str]] = []
    for pattern, slots in _PLACES:
        for match in pattern.finditer(plain.text):
            free = not any(start < match.end() and match.start() < end for start, end, _ in (*plain.spans, *spots))
            if free and r.random() < 0.5:
                spots.append((*match.span(), r.choice(slots)))
    pieces: list[Example] = []
    at = 0
    for start, end, slot in sorted(spots):
        pieces += (cut(plain, at, start), fill("{" + slot + "}", r, harvest))
        at = end
    return join([*pieces, cut(plain, at, len(plain.text))], "")


def cut(example: Example, start: int, end: int) -> Example:
    """The part of `example` from `start` to `end`; spans that lie across its borders are lost."""
    inside = [(begin - start, until - start, kind) for begin, until, kind in example.spans if start <= begin and until <= end]
    return Example(text=example.text[start:end], spans=inside)


def roughened(example: Example, r: random.Random) -> Example:
    """As people write: all lower or upper case, lost full stops, a typing error outside of values, white space."""
    text, spans = example.text, example.spans
    if (form := r.random()) < 0.10 and len(text.lower()) == len(text):
        text = text.lower()
    elif form < 0.13 and len(text.upper()) == len(text):
        text = text.upper()
    if r.random() < 0.15 and text.endswith("."):
        text = text[:-1]
    if r.random() < 0.12:
        place = r.randrange(len(text)) if text else 0
        free = (
            len(text[place : place + 2]) == 2
            and text[place : place + 2].isalpha()
            and not any(start - 1 <= place + 1 and place < end + 1 for start, end, _ in spans)
        )
        if free:
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if r.random() < 0.03:
        front = r.choice(("> ", "- ", "* ", "  ", "\n", "Q: "))
        text, spans = front + text, [(start + len(front), end + len(front), kind) for start, end, kind in spans]
    return Example(text=text, spans=spans)


if __name__ == "__main__":
    generator = random.Random(7)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        made = example(generator, [])
        marked = made.text
        for start, end, kind in reversed(made.spans):
            marked = f"{marked[:start]}[{kind} {marked[start:end]}]{marked[end:]}"
        print(marked, "-" * 40, sep="\n")
