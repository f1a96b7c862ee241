"""Reads what vendors sell: `kind: VendorCapability`, a `VendorCatalogue` of many, and the same as CSV. Whatever the form, every
complaint names file, line and field."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from groundcrew.domain.capability import (
    CONFIDENCES,
    DESCRIPTION_LENGTH_MAX,
    NAME_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    STATUSES,
    TAG_LENGTH_MAX,
    TAGS_MAX,
    VendorCapability,
)
from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.declaration_fields import Complaints, Fields, lines_by_field, shown, suggestion
from groundcrew.services.declaration_reading import Reading
from groundcrew.services.declaration_yaml import Node, describe, read_documents, read_text
from groundcrew.services.declared import DeclarationErrors, Declared

#: Capabilities that one file holds at most.
ROWS_MAX = 5_000
#: Columns of a CSV file; lists are parted by semicolons.
COLUMNS = (
    *("vendor", "product", "name", "description", "status", "source", "checked_on"),
    *("ships_on", "confidence", "area", "tags", "data_classes"),
)
LISTS = ("tags", "data_classes")
CATALOGUE_KIND, CAPABILITY_KIND = "VendorCatalogue", "VendorCapability"
STARTER = Path(__file__).with_name("starter_capabilities.yaml")


def read_capability(fields: Fields, _reading: Reading) -> VendorCapability:
    """kind: VendorCapability."""
    return _capability(fields)


def load_capabilities(path: Path) -> list[Declared[VendorCapability]]:
    """The capabilities of a YAML or CSV file. InputError for a file that can not be read, DeclarationErrors with all that is
    wrong; nothing of a file with a complaint counts."""
    shown_as, complaints = str(path), Complaints()
    if path.suffix.lower() == ".csv":
        found = _from_csv(path, shown_as, complaints)
    elif path.suffix.lower() in (".yaml", ".yml"):
        found = _from_yaml(path, shown_as, complaints)
    else:
        raise InputError("expected a .yaml, .yml or .csv file", file=shown_as)
    _complain_of_doubles(found, shown_as, complaints)
    if complaints.errors:
        raise DeclarationErrors(complaints.errors)
    if not found:
        raise InputError("holds no capability", file=shown_as)
    return found


def capability_problems(declared: Sequence[Declared[VendorCapability]], today: date) -> list[DeclarationError]:
    """What only today tells: nobody has checked anything in the future."""
    return [
        each.error(f"{each.value.checked_on} is in the future: it is the day on which somebody read the source", "checked_on")
        for each in declared
        if each.value.checked_on > today
    ]


def _capability(fields: Fields, *, vendor: str = "", product: str = "", checked_on: date | None = None) -> VendorCapability:
    vendor = fields.text("vendor", required=not vendor, default=vendor, length_max=NAME_LENGTH_MAX)
    product = fields.text("product", required=not product, default=product, length_max=NAME_LENGTH_MAX)
    status = fields.choice("status", STATUSES)
    if checked_on is None:
        fields.node("checked_on", required=True)
    checked = fields.day("checked_on") or checked_on or date.min
    ships_on, confidence = fields.day("ships_on"), None
    if status == "roadmap":
        if ships_on is None and not fields.has("ships_on"):
            fields.complain("ships_on", "is required for a roadmap item: the day for which it is announced")
        confidence = fields.choice("confidence", CONFIDENCES)
    else:
        for key in ("ships_on", "confidence"):
            if fields.has(key):
                fields.complain(key, f"is for roadmap items; this one is {status}")
    return VendorCapability(
        vendor=vendor,
        product=product,
        name=fields.text("name", required=True, length_max=NAME_LENGTH_MAX),
        description=fields.text("description", required=True, length_max=DESCRIPTION_LENGTH_MAX),
        status=status,
        source=_source(fields),
        checked_on=checked,
        ships_on=ships_on,
        confidence=confidence,
        area=fields.text("area", length_max=NAME_LENGTH_MAX),
        tags=_tags(fields),
        data_classes=fields.choices("data_classes", DATA_CLASSES, default=()) if fields.has("data_classes") else (),
    )


def _source(fields: Fields) -> str:
    text = fields.text("source", required=True, length_max=SOURCE_LENGTH_MAX)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if text and (not usable or not text.isprintable() or " " in text):
        fields.complain("source", "expected the address of the page where it is written, such as https://vendor.example/page")
    return text


def _tags(fields: Fields) -> tuple[str, ...]:
    tags = fields.texts("tags") if fields.has("tags") else ()
    if len(tags) > TAGS_MAX or any(len(each) > TAG_LENGTH_MAX for each in tags):
        fields.complain("tags", f"at most {TAGS_MAX} tags of at most {TAG_LENGTH_MAX} characters")
    return tags


def _from_yaml(path: Path, shown_as: str, complaints: Complaints) -> list[Declared[VendorCapability]]:
    found: list[Declared[VendorCapability]] = []
    for node in read_documents(path, shown_as):
        if not isinstance(node.value, dict):
            complaints.add(DeclarationError(f"expected a mapping, found {describe(node)}", file=shown_as, line=node.line))
            continue
        fields = Fields(node, shown_as, complaints)
        kind = fields.text("kind", required=True)
        if kind == CAPABILITY_KIND:
            found.append(_declared(_capability(fields), node, shown_as))
        elif kind == CATALOGUE_KIND:
            found += _catalogue(fields, node, shown_as)
        elif kind:
            fields.complain("kind", f"unknown kind {shown(kind)}{suggestion(kind, (CAPABILITY_KIND, CATALOGUE_KIND))}")
            continue
        fields.finish()
    return found


def _catalogue(fields: Fields, node: Node, shown_as: str) -> list[Declared[VendorCapability]]:
    """Many of one file; what all have in common may stand at the top."""
    vendor = fields.text("vendor", length_max=NAME_LENGTH_MAX)
    product = fields.text("product", length_max=NAME_LENGTH_MAX)
    checked_on = fields.day("checked_on")
    content = node.value["capabilities"].value if isinstance(node.value, dict) and "capabilities" in node.value else []
    if isinstance(content, list) and len(content) > ROWS_MAX:
        fields.complain("capabilities", f"more than {ROWS_MAX}")
        return []
    entries = [each for each in content if isinstance(each.value, dict)] if isinstance(content, list) else []
    found = []
    for section, entry in zip(fields.sections("capabilities", required=True), entries, strict=False):
        item = _capability(section, vendor=vendor, product=product, checked_on=checked_on)
        section.finish()
        found.append(_declared(item, entry, shown_as))
    return found


def _from_csv(path: Path, shown_as: str, complaints: Complaints) -> list[Declared[VendorCapability]]:
    reader = csv.reader(io.StringIO(read_text(path, shown_as), newline=""), strict=True)
    found: list[Declared[VendorCapability]] = []
    try:
        header = [each.strip() for each in next(reader, [])]
        for name in header:
            if name not in COLUMNS or header.count(name) > 1:
                hint = "is there twice" if name in COLUMNS else f"is no column{suggestion(name, COLUMNS)}"
                complaints.add(DeclarationError(f"{shown(name)} {hint}", file=shown_as, line=1, field=name or None))
        if complaints.errors:
            return []
        for row in reader:
            line = reader.line_num
            if not any(each.strip() for each in row):
                continue
            if len(row) > len(header):
                complaints.add(DeclarationError("has more cells than the first line has columns", file=shown_as, line=line))
                continue
            if len(found) >= ROWS_MAX:
                raise InputError(f"more than {ROWS_MAX} capabilities", file=shown_as)
            node = _row(dict(zip(header, row, strict=False)), line)
            fields = Fields(node, shown_as, complaints)
            found.append(_declared(_capability(fields), node, shown_as))
    except csv.Error as error:
        raise DeclarationError(f"is no valid CSV: {error}", file=shown_as, line=reader.line_num) from None
    return found


def _row(cells: dict[str, str], line: int) -> Node:
    mapping: dict[str, Node] = {}
    for name, cell in cells.items():
        text = cell.strip()
        if not text:
            continue
        parts = [Node(value=each.strip(), line=line) for each in text.split(";") if each.strip()]
        mapping[name] = Node(value=parts if name in LISTS else text, line=line)
    return Node(value=mapping, line=line)


def _declared(item: VendorCapability, node: Node, shown_as: str) -> Declared[VendorCapability]:
    return Declared(value=item, file=shown_as, line=node.line, lines=lines_by_field(node))


def _complain_of_doubles(found: Sequence[Declared[VendorCapability]], shown_as: str, complaints: Complaints) -> None:
    first: dict[str, int] = {}
    for each in found:
        before = first.setdefault(each.value.id, each.line)
        if before != each.line:
            complaints.add(each.error(f"{shown(each.value.title)} is there twice, first at {shown_as}:{before}", "name"))
