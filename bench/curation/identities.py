# ruff: noqa: E501 - phrases read better in one line
"""Made-up identities: people, places and numbers of every kind that a note must not keep, in the ways in which notes write them.
None belongs to anybody on purpose; card numbers and IBANs carry valid checksums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from notes import Writer

FIRST = (
    "Maria",
    "James",
    "Aisha",
    "Tomasz",
    "Linnea",
    "Wei",
    "Priya",
    "Carlos",
    "Fatima",
    "Olga",
    "Henrik",
    "Chloe",
    "Dmitri",
    "Rosa",
    "Samuel",
    "Ingrid",
    "Kwame",
    "Yuki",
    "Elena",
    "Marcus",
    "Nadia",
    "Patrick",
    "Giulia",
    "Omar",
    "Brenda",
    "Lukas",
    "Thandiwe",
    "Eugene",
    "Shanice",
    "Mateo",
    "Hannah",
    "Ravi",
    "Beatrix",
    "Jerome",
    "Sofia",
    "Ahmed",
    "Deborah",
    "Pavel",
    "Noor",
    "Kevin",
)
LAST = (
    "Gonzales",
    "Whitcombe",
    "Okafor",
    "Kowalski",
    "Lindqvist",
    "Zhang",
    "Ramanathan",
    "Mendoza",
    "Haddad",
    "Petrova",
    "Sorensen",
    "Fairweather",
    "Volkov",
    "Delgado",
    "Abernathy",
    "Johansson",
    "Mensah",
    "Tanaka",
    "Marchetti",
    "Brown",
    "Young",
    "O’Connell",
    "Rossi",
    "Farouk",
    "Hopkins",
    "Baumgartner",
    "Nkosi",
    "Sullivan",
    "Jefferson",
    "Herrera",
    "Rosenthal",
    "Krishnan",
    "Vandenberg",
    "Baptiste",
    "Castellanos",
    "Rahman",
    "Goldstein",
    "Novak",
    "Siddiqui",
    "McAllister",
    "Price",
    "Hill",
    "Ward",
    "Long",
)
STREETS = (
    "Birchwood Lane",
    "Cedar Street",
    "Old Mill Road",
    "Harborview Avenue",
    "Juniper Court",
    "Larkspur Drive",
    "West 14th Street",
    "Prospect Avenue",
    "Kingfisher Way",
    "Chestnut Boulevard",
)
TOWNS = (
    "Millfield, OH 44017",
    "Ashbourne, PA 19012",
    "Lakemont, GA 30552",
    "Fairhaven, MA 02719",
    "Cedar Falls, IA 50613",
    "Riverton, UT 84065",
)
CITIES = ("Millfield", "Ashbourne", "Lakemont", "Fairhaven", "Riverton", "Brookhollow")
FACILITIES = (
    "St. Brigid Medical Center",
    "Lakeshore General Hospital",
    "Harborview Rehabilitation Center",
    "Mount Alder Clinic",
    "Northfield Community Hospital",
    "Sister Agnes Nursing Home",
    "Cedar Ridge Hospice",
)
MONTHS = (
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
)
MAIL = ("mailbox.example.org", "postino.it", "fastmail.example.com", "inbox.ch", "webpost.de")

Found = tuple[str, str]
"""A sentence, and the value in it that must go."""


def _digits(writer: Writer, count: int) -> str:
    return "".join(str(int(writer.chance() * 10)) for _ in range(count))


def _person(writer: Writer) -> Found:
    first, last = writer.pick(FIRST), writer.pick(LAST)
    value = writer.pick(
        (f"{first} {last}", f"{first} {last}", f"{first} {writer.pick('ABDEJLMRT')}. {last}", last, f"{last}, {first}")
    )
    if value == last:
        frame = writer.pick(
            (
                "Mr. {v} was seen together with the nurse",
                "Mrs {v} agrees",
                "Discussed with Dr. {v} by phone",
                "Ms. {v} will come back",
                "Dr {v} to review",
            )
        )
    elif value == f"{last}, {first}":
        frame = writer.pick(("Patient: {v}", "Name: {v}", "Pt name {v}"))
    else:
        frame = writer.pick(
            (
                "Patient: {v}",
                "Seen by Dr. {v}",
                "The daughter, {v}, was informed",
                "Signed by {v}, MD",
                "Next of kin: {v}",
                "Referred by {v}",
                "{v} was brought in by a neighbour",
                "Interpreter: {v}",
            )
        )
    return frame.replace("{v}", value), value


def _phone(writer: Writer) -> Found:
    area, middle, last = (
        writer.pick(("312", "415", "617", "206", "404")),
        "2" + _digits(writer, 2).replace("11", "12"),
        _digits(writer, 4),
    )
    value = writer.pick(
        (
            f"({area}) {middle}-{last}",
            f"{area}-{middle}-{last}",
            f"+1 {area} {middle} {last}",
            f"{area}.{middle}.{last}",
            f"+41 44 {_digits(writer, 3)} {_digits(writer, 2)} {_digits(writer, 2)}",
            f"{area}{middle}{last}",
        )
    )
    return writer.pick(
        ("Call back on {v}", "Phone {v}", "Reachable at {v} after six", "tel. {v}", "Mobile: {v}", "contact number is {v}")
    ).replace("{v}", value), value


def _email(writer: Writer) -> Found:
    value = f"{writer.pick(FIRST).lower()}.{writer.pick(LAST).lower().replace('’', '')}{writer.pick(('', '7', '81', '_x'))}@{writer.pick(MAIL)}"
    return writer.pick(("Results to {v}", "E-mail: {v}", "write to {v} please", "({v})")).replace("{v}", value), value


def _ssn(writer: Writer) -> Found:
    value = f"{101 + int(writer.chance() * 500)}-{10 + int(writer.chance() * 89)}-{1000 + int(writer.chance() * 8999)}"
    value = value if writer.chance() < 0.7 else value.replace("-", " ")
    return writer.pick(("SSN {v}", "SSN: {v}", "Social security number {v}", "social security no. {v} on file")).replace(
        "{v}", value
    ), value


def _record_number(writer: Writer) -> Found:
    value = writer.pick(
        (
            _digits(writer, 8),
            f"{writer.pick('ABHM')}{_digits(writer, 7)}",
            f"{_digits(writer, 2)}-{_digits(writer, 2)}-{_digits(writer, 3)}",
            _digits(writer, 6),
        )
    )
    return writer.pick(
        ("MRN: {v}", "MRN {v}", "Medical record number {v}", "MR# {v}", "Patient ID: {v}", "chart no. {v}")
    ).replace("{v}", value), value


def _plan(writer: Writer) -> Found:
    value = writer.pick(
        (f"XQZ{_digits(writer, 9)}", f"{_digits(writer, 3)}-{_digits(writer, 6)}", f"W{_digits(writer, 8)}", _digits(writer, 10))
    )
    return writer.pick(
        (
            "Member ID {v}",
            "Member ID: {v}",
            "Insurance policy number {v}",
            "Medicaid ID {v}",
            "subscriber number {v}",
            "Health plan ID {v}",
        )
    ).replace("{v}", value), value


def _address(writer: Writer) -> Found:
    street = f"{1 + int(writer.chance() * 2400)} {writer.pick(STREETS)}"
    value = writer.pick(
        (
            f"{street}, {writer.pick(TOWNS)}",
            f"{street}, Apt {writer.pick('2468')}{writer.pick('ABC')}, {writer.pick(TOWNS)}",
            street,
        )
    )
    return writer.pick(("Lives at {v}", "Address: {v}", "Home address {v}", "Send letters to {v}", "moved to {v}")).replace(
        "{v}", value
    ), value


def _facility(writer: Writer) -> Found:
    value = writer.pick(FACILITIES)
    return writer.pick(
        (
            "Transferred from {v}",
            "Was treated at {v} before",
            "{v} sent the films",
            "Appointment at {v} next week",
            "Admitted to {v}",
        )
    ).replace("{v}", value), value


def _birth(writer: Writer) -> Found:
    day, month, year = 1 + int(writer.chance() * 28), 1 + int(writer.chance() * 12), 1932 + int(writer.chance() * 70)
    value = writer.pick(
        (
            f"{month:02d}/{day:02d}/{year}",
            f"{MONTHS[month - 1]} {day}, {year}",
            f"{day} {MONTHS[month - 1]} {year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{month}/{day}/{year % 100:02d}",
            f"{day:02d}.{month:02d}.{year}",
        )
    )
    return writer.pick(("DOB {v}", "DOB: {v}", "Date of birth: {v}", "born {v}", "born on {v}", "d.o.b. {v}")).replace(
        "{v}", value
    ), value


def _url(writer: Writer) -> Found:
    value = f"https://portal.{writer.pick(('lakeshore', 'mountalder', 'cedarridge'))}.example.org/chart?patient_id={_digits(writer, 7)}"
    return writer.pick(("Images at {v}", "See {v}", "portal link {v}")).replace("{v}", value), value


def _ip(writer: Writer) -> Found:
    value = f"{10 + int(writer.chance() * 200)}.{int(writer.chance() * 255)}.{int(writer.chance() * 255)}.{1 + int(writer.chance() * 253)}"
    return writer.pick(("Video visit from {v}", "home monitor at {v}", "logged in from IP {v}")).replace("{v}", value), value


def _iban(writer: Writer) -> Found:
    country, length = writer.pick((("CH", 17), ("DE", 18), ("NL", 0)))
    account = _digits(writer, length) if length else "ABNA" + _digits(writer, 10)
    turned = "".join(str(int(each, 36)) for each in f"{account}{country}00")
    value = f"{country}{98 - int(turned) % 97:02d}{account}"
    if writer.chance() < 0.5:
        value = " ".join(value[place : place + 4] for place in range(0, len(value), 4))
    return writer.pick(("Refund to {v}", "IBAN {v}", "account {v}")).replace("{v}", value), value


def _card(writer: Writer) -> Found:
    number = "4" + _digits(writer, 14)
    total = sum(sum(divmod(int(each) * (2 if place % 2 == 0 else 1), 10)) for place, each in enumerate(number))
    number += str(-total % 10)
    value = " ".join(number[place : place + 4] for place in range(0, 16, 4)) if writer.chance() < 0.6 else number
    return writer.pick(("Deposit paid with {v}", "card {v} on file", "Visa {v}")).replace("{v}", value), value


KINDS: dict[str, Callable[[Writer], Found]] = {
    "PERSON": _person,
    "PHONE": _phone,
    "EMAIL": _email,
    "SSN": _ssn,
    "MRN": _record_number,
    "HEALTH_PLAN_ID": _plan,
    "ADDRESS": _address,
    "FACILITY": _facility,
    "DATE": _birth,
    "URL": _url,
    "IP": _ip,
    "IBAN": _iban,
    "CREDIT_CARD": _card,
}
#: Names are what notes hold most of.
ORDER = (*("PERSON",) * 5, *KINDS)


def plant(writer: Writer, marked: str) -> tuple[str, list[dict[str, Any]]]:
    """`marked` with one to three personal things in it, and what they are."""
    planted: list[dict[str, Any]] = []
    for _ in range(1 + int(writer.chance() * 3)):
        kind = writer.pick(ORDER)
        sentence, value = KINDS[kind](writer)
        planted.append({"type": kind, "value": value})
        place = writer.chance()
        if place < 0.35:
            marked = f"{sentence}{writer.pick(('. ', chr(10), ', '))}{marked}"
        elif place < 0.7:
            marked = f"{marked.rstrip()}{writer.pick((' ', chr(10)))}{sentence}."
        else:
            middle = marked.find(". ", len(marked) // 3)
            marked = f"{marked[: middle + 2]}{sentence}. {marked[middle + 2 :]}" if middle > 0 else f"{sentence}. {marked}"
    return marked, planted
