"""Reads a policy: its guard rules, and what each guard may be told beyond the fields that every rule has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, get_args

from groundcrew.domain.guard import Action, GuardRule, Mode, OnFailure, Place, Policy, StageChange
from groundcrew.domain.use_case import STAGES
from groundcrew.errors import InputError
from groundcrew.guards.pii import DETECT
from groundcrew.guards.pii_text import TYPES as PII_TYPES
from groundcrew.guards.registry import BUILT_IN, NEEDS
from groundcrew.services.declaration_fields import Fields, shown, suggestion
from groundcrew.services.declaration_guards import (
    read_fenced,
    read_languages,
    read_schema,
    read_threshold,
    read_tools,
    read_topics,
)
from groundcrew.services.declaration_plug_ins import read_remote, read_settings
from groundcrew.services.declaration_reading import Reading, as_declaration_error
from groundcrew.services.declaration_yaml import Node, read_documents

GUARDS_MAX = 64
GUARD_TIMEOUT_MS_MAX = 60_000
#: The guard that is asked over HTTP; rules of it have a name and an address.
REMOTE = "http"
AUTHORITY_TYPES = ("price", "discount", "refund", "credit", "deadline", "guarantee", "contract")
#: Longest text that a guard puts in an answer's place.
REPLACEMENT_LENGTH_MAX = 2_000
AUTHORITY_AMOUNT_MAX = 1e12
#: Values that a pii rule passes over.
ALLOWED_MAX = 1_000
#: Whose texts a use case's users send, where not their own.
TEXT_ORIGINS = ("email", "document", "web")
_CURRENCY = re.compile(r"^[A-Z]{3}$")


def read_policy(fields: Fields, reading: Reading) -> Policy:
    """kind: Policy."""
    name = fields.name("name")
    sections = fields.sections("guards", required=True)
    if len(sections) > GUARDS_MAX:
        fields.complain("guards", f"more than {GUARDS_MAX} guards")
    taken: set[str] = set()
    return Policy(name=name, guards=tuple(_read_guard(section, reading, taken) for section in sections[:GUARDS_MAX]))


def _read_guard(fields: Fields, reading: Reading, taken: set[str]) -> GuardRule:
    """One rule. `taken` are the names of the rules before it."""
    guard = fields.text("guard", required=True)
    known = not guard or guard in reading.known_guards
    if not known:
        fields.complain("guard", f"unknown guard {shown(guard)}{suggestion(guard, reading.known_guards)}")
    timeout_ms = fields.integer("timeout_ms", low=1, high=GUARD_TIMEOUT_MS_MAX)
    stages = _read_stages(fields)
    rule = GuardRule(
        guard=guard,
        on=fields.choices("on", get_args(Place), default=("input", "output")),
        mode=fields.choice("mode", get_args(Mode), default="enforce"),
        action=fields.choice("action", get_args(Action), default="refuse"),
        on_failure=fields.choice("on_failure", get_args(OnFailure), default="closed"),
        timeout_ms=500 if timeout_ms is None else timeout_ms,
        settings=_guard_settings(guard, fields, reading, stages),
        name=_read_name(fields, guard, reading, taken),
        remote=read_remote(fields, reading) if guard == REMOTE else None,
        stages=stages,
    )
    if known:
        fields.finish()
    return rule


def _read_name(fields: Fields, guard: str, reading: Reading, taken: set[str]) -> str:
    """`name` of a rule whose guard is asked over HTTP: what tells it apart from others of its kind."""
    if guard != REMOTE:
        fields.refuse("name", "results carry the guard's own name; only rules of the guard http have one of their own")
        return ""
    name = fields.name("name")
    if name in reading.known_guards or name in BUILT_IN:
        fields.complain("name", f"{shown(name)} is the name of a guard: choose another")
    elif name and name in taken:
        fields.complain("name", f"{shown(name)} is the name of another rule of this policy")
    taken.add(name)
    return name


def _read_stages(fields: Fields) -> dict[str, StageChange]:
    """`stages`: what the rule does otherwise in which stage."""
    section = fields.section("stages")
    if section is None:
        return {}
    found: dict[str, StageChange] = {}
    for stage in STAGES:
        if (change := section.section(stage)) is not None:
            found[stage] = _read_change(change)
    section.finish()
    return found


def _read_change(fields: Fields) -> StageChange:
    change = StageChange(
        mode=fields.choice("mode", get_args(Mode)) if fields.has("mode") else None,
        action=fields.choice("action", get_args(Action)) if fields.has("action") else None,
        on_failure=fields.choice("on_failure", get_args(OnFailure)) if fields.has("on_failure") else None,
        timeout_ms=fields.integer("timeout_ms", low=1, high=GUARD_TIMEOUT_MS_MAX),
        block_at=fields.number("block_at", low=0, above=True, high=1),
        skip=fields.boolean("skip"),
    )
    if change.skip and change != StageChange(skip=True):
        fields.complain("skip", "a rule that is skipped needs no other change")
    fields.finish()
    return change


def _guard_settings(guard: str, fields: Fields, reading: Reading, stages: Mapping[str, StageChange]) -> dict[str, Any]:
    """`text` for the action replace, `block_at` (a score from which findings block), and what this guard alone knows."""
    settings: dict[str, Any] = {}
    replacing = fields.is_choice("action", "replace") or any(each.action == "replace" for each in stages.values())
    if replacing or fields.has("text"):
        if fields.has("text"):
            settings["text"] = fields.text("text", length_max=REPLACEMENT_LENGTH_MAX)
        else:
            fields.complain("text", "is required with the action replace: what stands in the answer's place")
        if not replacing:
            fields.complain("text", "only the action replace puts a text in an answer's place")
    if (block_at := fields.number("block_at", low=0, above=True, high=1)) is not None:
        settings["block_at"] = block_at
    for key, read in GUARD_SETTINGS.get(guard, {}).items():
        if fields.has(key):
            settings[key] = read(fields, key, reading)
    needed = NEEDS.get(guard, ())
    if needed and not any(settings.get(key, False) is not False for key in needed):
        fields.complain("guard", f"the guard {guard!r} needs {' or '.join(needed)}")
    if guard == REMOTE or guard not in BUILT_IN:
        settings |= read_settings(guard, fields)
    return settings


def _read_authority(fields: Fields, key: str, reading: Reading) -> list[dict[str, Any]]:
    """The authority table: a list in place, or a file that holds the list (also under the key `authority`)."""
    node = fields.node(key)
    if node is None or isinstance(node.value, list):
        sections = fields.sections(key)
        return [_read_authority_row(section) for section in sections]
    located = reading.locate(fields, key)
    if located is None:
        return []
    path, shown_as = located
    try:
        documents = read_documents(path, shown_as)
    except InputError as error:
        reading.complaints.add(as_declaration_error(error))
        return []
    if len(documents) != 1:
        fields.complain(key, f"{shown(shown_as)} holds {len(documents)} documents; expected one list of authority rows")
        return []
    root = documents[0]
    if not isinstance(root.value, dict):
        root = Node(value={"authority": root}, line=root.line)
    table = Fields(root, shown_as, reading.complaints)
    rows = [_read_authority_row(section) for section in table.sections("authority", required=True)]
    table.finish()
    return rows


def _read_authority_row(fields: Fields) -> dict[str, Any]:
    row: dict[str, Any] = {"type": fields.choice("type", AUTHORITY_TYPES)}
    row["max_amount"] = fields.number("max_amount", low=0, high=AUTHORITY_AMOUNT_MAX)
    row["max_percent"] = fields.number("max_percent", low=0, high=100)
    if currency := fields.text("currency", length_max=3):
        if not _CURRENCY.match(currency):
            fields.complain("currency", f"expected a currency code such as CHF, found {shown(currency)}")
        row["currency"] = currency
    until = fields.day("until")
    row["until"] = until.isoformat() if until else None
    row["by"] = fields.text("by") or None
    row["note"] = fields.text("note") or None
    fields.finish()
    return {key: value for key, value in row.items() if value is not None}


def _read_allowed(fields: Fields, key: str, reading: Reading) -> list[str]:
    """Values that the guard never reports, such as the firm's own telephone number."""
    values = fields.texts(key)
    if len(values) > ALLOWED_MAX:
        fields.complain(key, f"more than {ALLOWED_MAX} values")
    return list(values[:ALLOWED_MAX])


def _read_restore(fields: Fields, key: str, reading: Reading) -> bool:
    """Whether the client gets back, in its answer, what the rule masked in its request."""
    restore = fields.boolean(key)
    on = fields.node("on")
    places = [each.value for each in on.value] if on is not None and isinstance(on.value, list) else ["input"]
    if restore and not (fields.is_choice("action", "redact") and {"input", "tool_results"} & set(map(str, places))):
        fields.complain(key, "needs the action redact on input or tool_results: only what the client sent can be put back")
    return restore


def _read_detect(fields: Fields, key: str, _: Reading) -> str:
    """Whether a guard asks its network beside its patterns."""
    return fields.choice(key, DETECT, default="full")


def _read_origin(fields: Fields, key: str, _: Reading) -> str:
    """What users send: e-mails, documents or pages that somebody else wrote."""
    return fields.choice(key, TEXT_ORIGINS)


def _read_same_as_request(fields: Fields, key: str, reading: Reading) -> bool:
    """Whether a text is to be in the request's language, which says nothing of the request itself."""
    same = fields.boolean(key)
    on = fields.node("on")
    places = [each.value for each in on.value] if on is not None and isinstance(on.value, list) else []
    if same and places == ["input"] and not fields.has("allowed"):
        fields.complain(key, "needs output in on: a request is always in its own language")
    return same


SettingReader: TypeAlias = Callable[[Fields, str, Reading], object]

#: What each guard may be told beyond the fields that every guard has.
GUARD_SETTINGS: Mapping[str, Mapping[str, SettingReader]] = {
    "commitment": {"authority": _read_authority},
    "language": {"allowed": read_languages, "same_as_request": _read_same_as_request},
    "pii": {
        "detect": _read_detect,
        "types": lambda fields, key, reading: list(fields.choices(key, PII_TYPES, default=PII_TYPES)),
        "allow": _read_allowed,
        "restore": _read_restore,
    },
    "prompt_injection": {"detect": _read_detect, "origin": _read_origin},
    "schema": {"schema": read_schema, "tools": read_tools, "fenced": read_fenced},
    "secrets": {"restore": _read_restore},
    "topic": {"allowed": read_topics, "denied": read_topics, "threshold": read_threshold},
}
