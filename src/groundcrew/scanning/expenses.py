"""`scan --expenses`: finds AI services among expenses by how vendors stand on statements, never by words that only look alike."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from groundcrew.domain.inventory import ROOT_LENGTH_MAX, ScanFinding, ScanReport, fingerprint_of
from groundcrew.errors import InputError
from groundcrew.scanning.catalogue import Catalogue, Service

FILE_BYTES_MAX, ROWS_MAX, GROUPS_MAX = 100 * 1_048_576, 1_000_000, 50_000
#: What is asked of a table → names of columns that hold it, in order of preference.
COLUMNS: dict[str, tuple[str, ...]] = {
    "vendor": (
        "merchant",
        "merchant name",
        "vendor",
        "vendor name",
        "supplier",
        "payee",
        "company",
        "counterparty",
        "lieferant",
        "händler",
    ),
    "description": (
        "description",
        "details",
        "memo",
        "note",
        "text",
        "purpose",
        "narrative",
        "statement",
        "item",
        "transaction",
        "beschreibung",
        "verwendungszweck",
    ),
    "amount": (
        "amount",
        "total",
        "sum",
        "value",
        "betrag",
        "debit",
        "cost",
        "price",
        "amount chf",
        "amount usd",
        "amount eur",
        "gross",
    ),
    "currency": ("currency", "ccy", "währung", "curr"),
    "date": ("date", "transaction date", "booking date", "posted", "posting date", "expense date", "datum"),
    "user": (
        "employee",
        "employee name",
        "user",
        "cardholder",
        "name",
        "person",
        "claimant",
        "submitted by",
        "mitarbeiter",
        "email",
        "cost center",
    ),
}
#: Words after a name of one word that make it something else.
_AMBIGUOUS = frozenset(
    (
        "cohere",
        "replicate",
        "grok",
        "poe",
        "gamma",
        "writer",
        "cerebras",
        "perplexity",
        "cursor",
        "tabnine",
        "grammarly",
        "groq",
        "xai",
        "replit",
    )
)
_NOT_AI = re.compile(
    r"(?i)\b(?:exhibition|museum|concert|restaurant|hotel|hair|book(?:s|store|shop)?|flowers?|monet|debussy|theat(?:er|re)|bakery|bar\b|cafe|café|gallery)\b"
)


class ExpenseScan(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one table of expenses: rows read, and those that could not be, with the line of the first."""

    report: ScanReport
    rows: int
    malformed: int
    first_malformed: int | None
    columns: dict[str, str]


class _Sum(msgspec.Struct):
    service: Service
    user: str
    currency: str
    shown: str
    count: int = 0
    amount: float = 0.0
    first: str = ""
    last: str = ""


def scan_expenses(
    path: Path, catalogue: Catalogue, *, columns: Mapping[str, str] | None = None, name: str | None = None
) -> ExpenseScan:
    """AI services in a CSV of expenses. `columns` names columns (``vendor``, ``description``, ``amount``, ``currency``,
    ``date``, ``user``) where they are not told by their heads. InputError where nothing names a vendor or describes a row."""
    text = _text(path)
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        head = next(reader)
    except (StopIteration, csv.Error):
        raise InputError("the file is empty", file=str(path)) from None
    places = _places(head, columns or {}, path)
    pattern = _pattern(catalogue)
    sums: dict[tuple[str, str, str], _Sum] = {}
    rows = malformed = 0
    first_malformed: int | None = None
    try:
        for row in reader:
            if not any(each.strip() for each in row):
                continue
            rows += 1
            if rows > ROWS_MAX:
                raise InputError(f"more than {ROWS_MAX:,} rows", file=str(path))
            if len(row) < len(head) - 1:
                malformed += 1
                first_malformed = first_malformed or reader.line_num
                continue
            _count(row, places, pattern, sums)
    except csv.Error as error:
        raise InputError(f"not a CSV file: {error}", file=str(path), line=reader.line_num) from error
    report = ScanReport(
        source="expenses",
        root=(name or f"expenses {path.name}")[:ROOT_LENGTH_MAX],
        complete=False,
        catalogue=catalogue.version,
        findings=tuple(
            _finding(each) for each in sorted(sums.values(), key=lambda each: (-each.amount, each.service.id, each.user))
        ),
    )
    used = {field: head[place] for field, place in places.items() if place is not None}
    return ExpenseScan(report=report, rows=rows, malformed=malformed, first_malformed=first_malformed, columns=used)


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError("no such file" if not path.exists() else "not a regular file", file=str(path))
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(path)) from error
    if len(data) > FILE_BYTES_MAX:
        raise InputError(f"larger than {FILE_BYTES_MAX:,} bytes, the most that is read", file=str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max((",", ";", "\t", "|"), key=first.count)


def _places(head: list[str], named: Mapping[str, str], path: Path) -> dict[str, int | None]:
    lowered = [each.strip().lower().replace("_", " ") for each in head]
    places: dict[str, int | None] = {}
    for field, names in COLUMNS.items():
        wanted = named.get(field)
        if wanted is not None:
            if wanted not in head:
                raise InputError(f"no column {wanted!r}; there are {', '.join(head)}", file=str(path), line=1, field=field)
            places[field] = head.index(wanted)
        else:
            places[field] = next((lowered.index(each) for each in names if each in lowered), None)
    if places["vendor"] is None and places["description"] is None:
        raise InputError(
            "no column names a vendor or describes the expense: name one with --column vendor=NAME", file=str(path), line=1
        )
    return places


def _pattern(catalogue: Catalogue) -> list[tuple[re.Pattern[str], Service, bool]]:
    found = []
    for service in catalogue.services.values():
        for alias in service.expenses:
            words = r"[\s*._-]*".join(map(re.escape, alias.split()))
            found.append((re.compile(rf"(?i)(?<![A-Za-z0-9]){words}(?![A-Za-z0-9])"), service, alias in _AMBIGUOUS))
    return found


def _count(
    row: list[str],
    places: Mapping[str, int | None],
    pattern: list[tuple[re.Pattern[str], Service, bool]],
    sums: dict[tuple[str, str, str], _Sum],
) -> None:
    def said(field: str) -> str:
        place = places[field]
        return row[place].strip() if place is not None and place < len(row) else ""

    vendor, description = said("vendor"), said("description")
    found = _service(vendor, description, pattern)
    if found is None:
        return
    key = (found.id, said("user"), said("currency"))
    each = sums.get(key)
    if each is None:
        if len(sums) >= GROUPS_MAX:
            return
        each = sums[key] = _Sum(found, key[1], key[2], vendor or description)
    each.count += 1
    each.amount += amount_of(said("amount"))
    day = said("date")
    each.first = min(each.first or day, day)
    each.last = max(each.last, day)


def _service(vendor: str, description: str, pattern: list[tuple[re.Pattern[str], Service, bool]]) -> Service | None:
    if _NOT_AI.search(vendor) or (not vendor and _NOT_AI.search(description)):
        return None
    for text, is_vendor in ((vendor, True), (description, False)):
        for alias, service, ambiguous in pattern:
            match = alias.search(text) if text else None
            # A word that means other things too counts only where it is who was paid, at the beginning.
            if match is not None and (not ambiguous or ((is_vendor or not vendor) and match.start() == 0)):
                return service
    return None


def amount_of(text: str) -> float:
    """An amount as statements write it (1'234.50, 1.234,50, CHF -20.00), without its sign; 0 where it is none."""
    digits = re.sub(r"[^\d.,]", "", text)
    if "," in digits and digits.rfind(",") > digits.rfind(".") and len(digits) - digits.rfind(",") != 4:
        digits = digits.replace(".", "").replace(",", ".")
    digits = digits.replace(",", "")
    try:
        return float(digits)
    except ValueError:
        return 0.0


def _finding(each: _Sum) -> ScanFinding:
    who = each.user or "somebody"
    paid = f"{each.amount:,.2f} {each.currency}".strip() if each.amount else "an unknown amount"
    return ScanFinding(
        source="expenses",
        service=each.service.id,
        kind="expense",
        severity="medium",
        reason=f"{who} paid {paid} to {each.service.name} in {each.count} expense{'s' if each.count != 1 else ''}",
        fingerprint=fingerprint_of("expenses", each.user, each.service.id, each.currency),
        user=each.user or None,
        fragment=each.shown[:160],
        count=each.count,
        amount=round(each.amount, 2),
        currency=each.currency or None,
        first_seen=each.first or None,
        last_seen=each.last or None,
    )
