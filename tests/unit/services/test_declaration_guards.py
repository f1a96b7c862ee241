"""What policies tell the guards `topic`, `schema` and `language`: in place or in files, and where an error stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundcrew.errors import DeclarationError
from groundcrew.services.declarations import DeclarationErrors, load

TOPICS = """\
- topic: cards
  examples: [My card is lost, The card was declined, I need a new card]
- topic: accounts
  examples:
    - Close my account
    - What is my balance?
    - Open an account
"""
SCHEMA = '{"type": "object",\n "properties": {\n  "price": {"type": "number"}}}\n'


def policy(rule: str) -> str:
    return f"kind: Policy\nname: p\nguards:\n  - {rule}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "topics.yaml").write_text(TOPICS)
    (tmp_path / "under_key.yaml").write_text("denied:\n" + TOPICS)
    (tmp_path / "order.json").write_text(SCHEMA)
    (tmp_path / "broken.json").write_text('{"type": "object",\n "properties": {\n  "price": {"type": "money"}}}\n')
    (tmp_path / "few.yaml").write_text("- topic: cards\n  examples: [one, two]\n")
    return tmp_path


def settings_of(folder: Path, rule: str) -> dict[str, Any]:
    (folder / "policy.yaml").write_text(policy(rule))
    return load([folder / "policy.yaml"]).policies[0].value.guards[0].settings


def errors_of(folder: Path, rule: str) -> list[DeclarationError]:
    (folder / "policy.yaml").write_text(policy(rule))
    with pytest.raises(DeclarationErrors) as caught:
        load([folder / "policy.yaml"])
    return list(caught.value.errors)


def test_topics_come_from_a_file_or_from_the_rule(folder: Path) -> None:
    settings = settings_of(folder, "{guard: topic, on: [input], allowed: topics.yaml, denied: under_key.yaml, threshold: 0.3}")
    assert settings["allowed"] == settings["denied"]
    assert settings["allowed"][1] == {
        "topic": "accounts",
        "examples": ["Close my account", "What is my balance?", "Open an account"],
    }
    assert settings["threshold"] == 0.3
    rule = "{guard: topic, denied: [{topic: politics, examples: [Who should win, The vote, The party]}]}"
    assert [each["topic"] for each in settings_of(folder, rule)["denied"]] == ["politics"]


def test_schemas_come_from_a_file_from_the_rule_or_from_the_request(folder: Path) -> None:
    order = {"type": "object", "properties": {"price": {"type": "number"}}}
    assert settings_of(folder, "{guard: schema, on: [output], schema: order.json}") == {"schema": order}
    assert settings_of(folder, "{guard: schema, schema: {type: array}, fenced: allow}") == {
        "schema": {"type": "array"},
        "fenced": "allow",
    }
    assert settings_of(folder, "{guard: schema, schema: request}") == {"schema": "request"}
    tools = settings_of(folder, "{guard: schema, tools: {buy: order.json, '*': true}}")["tools"]
    assert tools == {"buy": order, "*": True}


def test_languages_are_codes(folder: Path) -> None:
    assert settings_of(folder, "{guard: language, allowed: [de, fr], same_as_request: true}") == {
        "allowed": ["de", "fr"],
        "same_as_request": True,
    }


ERRORS = [
    ("{guard: topic}", "policy.yaml", 4, "guards[0].guard", "needs allowed or denied"),
    ("{guard: schema}", "policy.yaml", 4, "guards[0].guard", "needs schema or tools"),
    ("{guard: language}", "policy.yaml", 4, "guards[0].guard", "needs allowed or same_as_request"),
    ("{guard: language, same_as_request: false}", "policy.yaml", 4, "guards[0].guard", "needs allowed"),
    (
        "{guard: language, same_as_request: true, on: [input]}",
        *("policy.yaml", 4, "guards[0].same_as_request", "needs output"),
    ),
    ("{guard: topic, allowed: none.yaml}", "policy.yaml", 4, "guards[0].allowed", "does not exist"),
    ("{guard: topic, allowed: few.yaml}", "few.yaml", 2, "allowed[0].examples", "expected 3 to 200 examples, found 2"),
    (
        "{guard: topic, allowed: topics.yaml, denied: topics.yaml, treshold: 1}",
        "policy.yaml",
        4,
        "guards[0].treshold",
        "threshold",
    ),
    ("{guard: topic, allowed: topics.yaml, threshold: 2}", "policy.yaml", 4, "guards[0].threshold", "at most 1"),
    ("{guard: topic, allowed: [{topic: a, exmples: [b, c, d]}]}", "policy.yaml", 4, "guards[0].allowed[0].exmples", "examples"),
    (
        "{guard: topic, allowed: [{topic: a, examples: [b, c, d]}, {topic: a, examples: [b, c, d]}]}",
        *("policy.yaml", 4, "guards[0].allowed[1].topic", "twice"),
    ),
    ("{guard: schema, schema: {type: money}}", "policy.yaml", 4, "guards[0].schema", "(at type)"),
    ("{guard: schema, schema: broken.json}", "broken.json", 3, "schema", "(at properties.price.type)"),
    ("{guard: schema, schema: {pattern: '(?=a)'}}", "policy.yaml", 4, "guards[0].schema", "look-around"),
    ("{guard: schema, schema: {$ref: 'https://a.example/s'}}", "policy.yaml", 4, "guards[0].schema", "another document"),
    ("{guard: schema, schema: {const: 2026-01-01}}", "policy.yaml", 4, "guards[0].schema", "not JSON"),
    ("{guard: schema, schema: 5}", "policy.yaml", 4, "guards[0].schema", "expected a JSON Schema"),
    ("{guard: schema, tools: {}}", "policy.yaml", 4, "guards[0].tools", "names no tool"),
    ("{guard: schema, schema: request, fenced: maybe}", "policy.yaml", 4, "guards[0].fenced", "refuse, allow"),
    ("{guard: language, allowed: [german]}", "policy.yaml", 4, "guards[0].allowed[0]", "expected one of"),
]


@pytest.mark.parametrize(("rule", "file", "line", "field", "says"), ERRORS)
def test_an_error_names_file_line_and_field(folder: Path, rule: str, file: str, line: int, field: str, says: str) -> None:
    found = errors_of(folder, rule)
    assert [(Path(str(each.file)).name, each.line, each.field) for each in found if says in str(each)] == [(file, line, field)]
