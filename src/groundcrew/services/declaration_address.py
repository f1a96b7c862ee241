"""Reads how a provider is addressed beyond its base URL: headers, query, the header of its key, its region.

None of them may hold a secret, and no complaint repeats a value: it may be one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from groundcrew.domain.provider import MODEL_PLACE, Api, Provider
from groundcrew.guards import secrets
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_yaml import describe

ENTRIES_MAX = 16
VALUE_LENGTH_MAX = 1_000
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_QUERY = re.compile(r"[A-Za-z0-9_.$~-]{1,64}")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,16}){1,4}")
#: Names whose values are secrets by their meaning.
SECRET_NAME = re.compile(
    r"(?i)(?:^|[-_.])(?:authorization|auth|api-?key|key|token|secret|password|cookie|credential|sig|signature)s?$"
)
#: Headers that the gateway or the connection sets.
SET_BY_GATEWAY = frozenset(
    {
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "accept", "upgrade"),
        *("accept-encoding", "te", "trailer", "expect", "x-request-id", "keep-alive"),
    }
)
_TAKEN_QUERY = frozenset({"alt"})


def read_headers(fields: Fields) -> dict[str, str]:
    """`headers`: names in lower case, values as they are sent."""
    found: dict[str, str] = {}
    for name, value, key, line in _entries(fields, "headers"):
        lowered = name.lower()
        if not HEADER_NAME.fullmatch(name):
            fields.complain(key, f"{shown(name)} is no name of a header", line)
        elif SECRET_NAME.search(lowered):
            fields.complain(key, "a header that holds a secret is declared with api_key and api_key_header", line)
        elif lowered in SET_BY_GATEWAY or lowered.startswith("x-amz-"):
            fields.complain(key, "this header is set by the gateway", line)
        elif lowered in found:
            fields.complain(key, "is given twice", line)
        elif not HEADER_VALUE.fullmatch(value):
            fields.complain(key, "expected printable ASCII characters (the value is not shown)", line)
        found[lowered] = value
    return found


def read_query(fields: Fields) -> dict[str, str]:
    """`query`: what is added to the address of every request."""
    found: dict[str, str] = {}
    for name, value, key, line in _entries(fields, "query"):
        if not _QUERY.fullmatch(name):
            fields.complain(key, f"{shown(name)} is no name of a query parameter", line)
        elif SECRET_NAME.search(name):
            fields.complain(key, "a secret does not go into an address: declare api_key, and api_key_header where needed", line)
        elif name.lower() in _TAKEN_QUERY:
            fields.complain(key, "this parameter is set by the gateway", line)
        elif not value.isprintable():
            fields.complain(key, "expected printable characters (the value is not shown)", line)
        found[name] = value
    return found


def _entries(fields: Fields, key: str) -> list[tuple[str, str, str, int]]:
    """Name, text, field path from the section and line of each entry of the mapping under `key`."""
    section = fields.section(key)
    if section is None:
        return []
    entries: list[tuple[str, str, str, int]] = []
    rest = section.rest()
    if len(rest) > ENTRIES_MAX:
        fields.complain(key, f"more than {ENTRIES_MAX} entries")
    for name, node in list(rest.items())[:ENTRIES_MAX]:
        place = f"{key}.{shown(name).strip(chr(39))}"
        if not isinstance(node.value, str):
            fields.complain(place, f"expected text, found {describe(node)}; quote it", node.line)
        elif not node.value or len(node.value) > VALUE_LENGTH_MAX:
            fields.complain(place, f"expected 1 to {VALUE_LENGTH_MAX} characters (the value is not shown)", node.line)
        elif secrets.check(node.value, {}).findings:
            fields.complain(place, "looks like a secret; declare it with api_key (the value is not shown)", node.line)
        else:
            entries.append((name, node.value, place, node.line))
    return entries


def read_key_header(fields: Fields) -> str | None:
    """`api_key_header`, in lower case."""
    name = fields.text("api_key_header", length_max=64)
    if not name:
        return None
    if not HEADER_NAME.fullmatch(name):
        fields.complain("api_key_header", f"{shown(name)} is no name of a header")
    elif name.lower() in SET_BY_GATEWAY:
        fields.complain("api_key_header", "this header is set by the gateway")
    elif not fields.has("api_key"):
        fields.complain("api_key_header", "names the header of a key, but there is no api_key")
    return name.lower()


def read_region(fields: Fields, api: Api, base_url: str | None) -> str | None:
    """`region`: required for Bedrock, unless a base URL says where it is and a key makes signing needless."""
    region = fields.text("region", length_max=64)
    if region and api != "bedrock":
        fields.complain("region", "only the api bedrock has a region")
    elif region and not _REGION.fullmatch(region):
        fields.complain("region", f"expected a region such as eu-central-1, found {shown(region)}")
    elif api == "bedrock" and not region and not base_url:
        fields.complain("region", "is required for bedrock, or a base_url")
    elif api == "bedrock" and not region and not fields.has("api_key"):
        fields.complain("region", "is required where there is no api_key: requests are signed for a region")
    return region or None


def check_model_place(fields: Fields, api: str, path: str, rest: str) -> None:
    """`{model}` in a base URL: once, in the path of an openai provider. `rest` is what stands before the path."""
    if "{" not in path + rest and "}" not in path + rest:
        return
    without = path.replace(MODEL_PLACE, "", 1)
    if api != "openai" or "{" in without + rest or "}" in without + rest:
        fields.complain("base_url", f"braces stand for the model alone: {MODEL_PLACE} once, in the path, with the api openai")


def refuse_for_embedded(fields: Fields, provider: Provider) -> None:
    """An embedded provider has no address."""
    given: Mapping[str, object] = {
        "headers": provider.headers,
        "query": provider.query,
        "api_key_header": provider.api_key_header,
    }
    for key, value in given.items():
        if value:
            fields.complain(key, f"the {provider.api} provider is embedded and has no address")
