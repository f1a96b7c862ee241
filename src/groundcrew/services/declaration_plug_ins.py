"""Reads what a policy says of guards that do not ship: where one is that is asked over HTTP, and the settings of plug-ins.

Nothing that may be a secret is repeated in a complaint, and none is stored: secrets are named by env:NAME or file:PATH.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.domain.guard import RemoteGuard
from groundcrew.errors import InputError
from groundcrew.guards import secrets
from groundcrew.guards.plug_ins import plug_in_names
from groundcrew.guards.registry import find_guard
from groundcrew.guards.remote import address_problem
from groundcrew.services.declaration_address import HEADER_NAME, HEADER_VALUE, SECRET_NAME, SET_BY_GATEWAY
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_reading import Reading
from groundcrew.services.declaration_yaml import Node, describe, plain

HEADERS_MAX = 16
SETTINGS_BYTES_MAX = 65_536
#: What the gateway itself gives a guard, besides what every rule may say.
_TAKEN = frozenset({"role", "place", "request", "knowledge", "today", "block_at", "text", "restore"})
#: A reference to a secret, after a word such as Bearer where the header wants one.
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9-]{0,31}) )?(env|file):(.{1,1000})")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


def read_remote(fields: Fields, reading: Reading) -> RemoteGuard:
    """`url`, `headers`, `data_classes`, `baa` and `plain_http` of a rule whose guard is asked over HTTP."""
    url = fields.text("url", required=True)
    plain_http = fields.boolean("plain_http")
    if url and (problem := address_problem(url, plain_http=plain_http)):
        fields.complain("url", problem)
    baa = fields.boolean("baa")
    data_classes = fields.choices("data_classes", DATA_CLASSES, default=("public", "internal"))
    if "phi" in data_classes and not baa:
        fields.complain("data_classes", "phi needs a signed business associate agreement: declare `baa: true`")
    return RemoteGuard(
        url=url, headers=read_secret_headers(fields, reading), data_classes=data_classes, baa=baa, plain_http=plain_http
    )


def read_secret_headers(fields: Fields, reading: Reading) -> dict[str, str]:
    """Names in lower case; values as they are sent, or a reference with the file's path made absolute."""
    section = fields.section("headers")
    if section is None:
        return {}
    rest = section.rest()
    if len(rest) > HEADERS_MAX:
        fields.complain("headers", f"more than {HEADERS_MAX} entries")
    found: dict[str, str] = {}
    for name, node in list(rest.items())[:HEADERS_MAX]:
        key, lowered = f"headers.{name[:64]}", name.lower()
        value = _header_value(fields, key, node, reading, is_secret=SECRET_NAME.search(lowered) is not None)
        if not HEADER_NAME.fullmatch(name):
            fields.complain("headers", f"{shown(name)} is no name of a header", node.line)
        elif lowered in SET_BY_GATEWAY:
            fields.complain(key, "this header is set by the gateway", node.line)
        elif lowered in found:
            fields.complain(key, "is given twice", node.line)
        found[lowered] = value
    return found


def _header_value(fields: Fields, key: str, node: Node, reading: Reading, *, is_secret: bool) -> str:
    if not isinstance(node.value, str):
        fields.complain(key, f"expected text, found {describe(node)}; quote it", node.line)
        return ""
    reference = _REFERENCE.fullmatch(node.value)
    if reference is not None:
        word = f"{reference[1]} " if reference[1] else ""
        if reference[2] == "env" and _ENV_NAME.fullmatch(reference[3]):
            return f"{word}env:{reference[3]}"
        if reference[2] == "file" and reference[3].strip():
            try:
                return f"{word}file:{(reading.folder / reference[3].strip()).resolve()}"
            except (OSError, ValueError, RuntimeError):
                pass
    if is_secret or reference is not None or secrets.check(node.value, {}).findings:
        fields.complain(key, "expected env:NAME or file:PATH, never the secret itself (the value is not shown)", node.line)
    elif not HEADER_VALUE.fullmatch(node.value) or len(node.value) > 1_000:
        fields.complain(key, "expected 1 to 1000 printable ASCII characters (the value is not shown)", node.line)
    return node.value


def read_settings(guard: str, fields: Fields) -> dict[str, Any]:
    """`settings` of a plug-in: free, or as its schema says, with the schema's defaults."""
    given: dict[str, Any] = {}
    if (section := fields.section("settings")) is not None:
        for name, node in section.rest().items():
            if name in _TAKEN:
                section.complain(name, "is given by the gateway: choose another name", node.line)
            given[name] = plain(node)
        given = _checked(fields, given)
    if guard not in plug_in_names():
        return given
    try:
        schema = find_guard(guard).schema
    except InputError as error:
        fields.complain("guard", error.message)
        return given
    if schema is None:
        return given
    try:
        settings: dict[str, Any] = msgspec.to_builtins(msgspec.convert(given, schema))
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message)
        field = f"settings.{place[1]}" if place is not None and place[1] else "settings"
        fields.complain(field, _PLACE.sub("", message), _line(fields, place[1] if place is not None else ""))
        return given
    return settings


def _line(fields: Fields, place: str) -> int:
    """The line of the setting that a schema complains of."""
    section = fields.section("settings")
    name = re.split(r"[.\[]", place)[0]
    return section.line(name) if section is not None and name else fields.line("settings")


def _checked(fields: Fields, given: dict[str, Any]) -> dict[str, Any]:
    """Settings as they are stored: as JSON, not too large, without a secret in them."""
    text = msgspec.json.encode(given).decode()
    if len(text) > SETTINGS_BYTES_MAX:
        fields.complain("settings", f"are larger than {SETTINGS_BYTES_MAX} bytes")
    elif secrets.check(text, {}).findings:
        fields.complain(
            "settings", "look as if they held a secret (the value is not shown): a guard reads it from its environment"
        )
    kept: dict[str, Any] = msgspec.json.decode(text)
    return kept
