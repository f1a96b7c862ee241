"""Reads what the guards `topic`, `schema` and `language` are told in a policy: topics with their examples, JSON Schemas,
languages; in place or in a file of their own."""

from __future__ import annotations

from typing import Any

from groundcrew.errors import DeclarationError, InputError
from groundcrew.guards.language_names import LANGUAGES
from groundcrew.guards.schema import OF_REQUEST
from groundcrew.guards.schema_validator import SchemaError, validator
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_reading import Reading, as_declaration_error
from groundcrew.services.declaration_yaml import Node, describe, plain, read_documents

TOPICS_MAX = 200
#: Of one topic. Each takes about 3 ms once, when the policy is first used.
EXAMPLES_MIN, EXAMPLES_MAX = 3, 200
#: Of all topics of one list.
EXAMPLES_TOGETHER_MAX = 2_000
EXAMPLE_LENGTH_MAX = 1_000
TOPIC_LENGTH_MAX = 100
TOOLS_MAX = 200


def read_topics(fields: Fields, key: str, reading: Reading) -> list[dict[str, Any]]:
    """Topics, each with examples of what people write about it: a list in place, or a file that holds the list (also under
    `key`)."""
    node = fields.node(key)
    if node is None or isinstance(node.value, list):
        return _topics(fields, key)
    found = _document(fields, key, reading)
    if found is None:
        return []
    root, shown_as = found
    if not isinstance(root.value, dict):
        root = Node(value={key: root}, line=root.line)
    table = Fields(root, shown_as, reading.complaints)
    topics = _topics(table, key)
    table.finish()
    return topics


def _topics(fields: Fields, key: str) -> list[dict[str, Any]]:
    topics: list[dict[str, Any]] = []
    sections = fields.sections(key, required=True)
    if len(sections) > TOPICS_MAX:
        fields.complain(key, f"more than {TOPICS_MAX} topics")
    for section in sections[:TOPICS_MAX]:
        topic = section.text("topic", required=True, length_max=TOPIC_LENGTH_MAX)
        examples = [each for each in section.texts("examples") if each]
        if any(topic == each["topic"] for each in topics):
            section.complain("topic", f"{shown(topic)} is listed twice")
        if section.node("examples", required=True) and not EXAMPLES_MIN <= len(examples) <= EXAMPLES_MAX:
            section.complain("examples", f"expected {EXAMPLES_MIN} to {EXAMPLES_MAX} examples, found {len(examples)}")
        for index, example in enumerate(examples):
            if len(example) > EXAMPLE_LENGTH_MAX:
                section.complain(f"examples[{index}]", f"longer than {EXAMPLE_LENGTH_MAX} characters")
        section.finish()
        topics.append({"topic": topic, "examples": examples})
    if (together := sum(len(each["examples"]) for each in topics)) > EXAMPLES_TOGETHER_MAX:
        fields.complain(key, f"{together} examples; at most {EXAMPLES_TOGETHER_MAX} together")
    return topics


def read_threshold(fields: Fields, key: str, reading: Reading) -> float | None:
    """A similarity, in the place of the one that is found from the examples."""
    return fields.number(key, low=-1, high=1)


def read_schema(fields: Fields, key: str, reading: Reading) -> Any:
    """A JSON Schema: a mapping in place, a file (YAML or JSON), or `request` for the one that each request asks for."""
    if fields.is_choice(key, OF_REQUEST):
        fields.has(key)
        return OF_REQUEST
    return _schema(fields, key, reading)


def read_tools(fields: Fields, key: str, reading: Reading) -> dict[str, Any]:
    """A JSON Schema for the arguments of each tool, by its name; `*` is for all others."""
    section = fields.section(key)
    if section is None:
        return {}
    names = list(section.rest())
    if not names:
        fields.complain(key, "names no tool")
    if len(names) > TOOLS_MAX:
        fields.complain(key, f"more than {TOOLS_MAX} tools")
    return {name: _schema(section, name, reading) for name in names[:TOOLS_MAX]}


def read_fenced(fields: Fields, key: str, reading: Reading) -> str:
    """Whether JSON may stand in a Markdown code fence."""
    return fields.choice(key, ("refuse", "allow"))


def _schema(fields: Fields, key: str, reading: Reading) -> Any:
    node = fields.node(key, required=True)
    if node is None:
        return True
    place = None
    if isinstance(node.value, str):
        found = _document(fields, key, reading)
        if found is None:
            return True
        node, place = found
    if not isinstance(node.value, dict | bool):
        fields.complain(key, f"expected a JSON Schema or the path of a file with one, found {describe(node)}", node.line)
        return True
    schema = plain(node)
    try:
        validator(schema)  # type: ignore[arg-type]
    except SchemaError as error:
        where = ".".join(str(step) for step in error.path)
        message = f"{error.problem}{f' (at {where})' if where else ''}"
        line = _line(node, error.path)
        if place is None:
            fields.complain(key, message, line)
        else:
            reading.complaints.add(DeclarationError(message, file=place, line=line, field=key))
    return schema


def _line(node: Node, path: tuple[str | int, ...]) -> int:
    """The line of what stands at `path` in `node`, or of what is nearest to it."""
    for step in path:
        value: Any = node.value
        try:
            node = value[step]
        except (LookupError, TypeError):
            break
    return node.line


def _document(fields: Fields, key: str, reading: Reading) -> tuple[Node, str] | None:
    """The one document of the file that `key` names, and its name for errors."""
    located = reading.locate(fields, key)
    if located is None:
        return None
    path, shown_as = located
    try:
        documents = read_documents(path, shown_as)
    except InputError as error:
        reading.complaints.add(as_declaration_error(error))
        return None
    if len(documents) != 1:
        fields.complain(key, f"{shown(shown_as)} holds {len(documents)} documents; expected one")
        return None
    return documents[0], shown_as


def read_languages(fields: Fields, key: str, reading: Reading) -> list[str]:
    """Codes of languages such as de or fr."""
    return list(fields.choices(key, tuple(sorted(LANGUAGES))))
