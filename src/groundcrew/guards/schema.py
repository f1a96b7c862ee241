"""Structured output: whether an answer, or the arguments of its tool calls, is JSON that keeps to a JSON Schema. The first thing
that does not is named by its place, never by its value."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.json_place import Path, place_of
from groundcrew.guards.prepared import Prepared
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.guards.schema_validator import DEPTH_MAX, Checker, Schema, validator
from groundcrew.guards.turns import TOOL_CALLS, is_judged

BLOCK_SCORE = 0.8
#: Longer texts (code points) do not keep to any schema here.
TEXT_LENGTH_MAX = 1_000_000
#: Values of a text times the schemas that may judge each: about a second, in which nothing else runs.
WORK_MAX = 10_000_000
#: What is told of one text at most; the first finding blocks.
FINDINGS_MAX = 20
#: `schema: request` stands for the schema that the request itself asks for.
OF_REQUEST = "request"
#: Under `tools`: every tool that is not named.
OTHER_TOOLS = "*"

_FENCE = re.compile(r"\s{0,20}```[ \t]{0,20}[A-Za-z0-9_+-]{0,20}[ \t]{0,20}\r?\n(.*?)\r?\n?[ \t]{0,20}```\s{0,20}", re.S)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.S)
_validators: Prepared[Checker] = Prepared(validator)


class _NotJson(Exception):
    """Why a text is no JSON that everybody reads alike."""


@guard("schema")
def check(text: str, context: Context) -> Verdict:
    """Findings of the type SCHEMA: the place (a JSON path) and the rule that is broken; the offending value where it has a place
    in the text, else all of it.

    `context["schema"]` is a schema or "request" (then `context["response_schema"]`, None where the request asks for none), for
    the text; `context["tools"]` maps names of tools to schemas, for calls (`context["role"]` "tool_calls"); `context["fenced"]`
    "allow" takes JSON in a Markdown code fence. GroundcrewError where the request's schema can not be used.
    """
    if context.get("role") == TOOL_CALLS:
        tools = context.get("tools")
        return verdict_of(list(_calls(text, tools)) if tools else [], block_at=BLOCK_SCORE)
    schema = context.get("schema")
    if schema == OF_REQUEST:
        schema = context.get("response_schema")
    if schema is None or not is_judged(text, context):
        return verdict_of([], block_at=BLOCK_SCORE)
    return verdict_of(list(_answer(text, schema, fenced=context.get("fenced") == "allow")), block_at=BLOCK_SCORE)


def _answer(text: str, schema: Schema, *, fenced: bool) -> Iterator[Finding]:
    start, body = 0, text
    fence = _FENCE.fullmatch(text) if "```" in text else None
    if fence is not None:
        if not fenced:
            yield _finding("$", "JSON inside of a code fence", 0, len(text))
            return
        start, body = fence.start(1), fence.group(1)
    try:
        value = _parsed(body)
    except _NotJson as error:
        yield _finding("$", str(error), start, start + len(body))
        return
    for path, shown, problem in _problems(value, schema, body):
        first, last = place_of(body, path) or (0, len(body))
        yield _finding(shown, problem, start + first, start + last)


def _calls(text: str, tools: Mapping[str, Schema]) -> Iterator[Finding]:
    """What is wrong with the arguments of the tool calls that `text` lists, as chat completions write them."""
    try:
        calls = _parsed(text)
    except _NotJson as error:
        yield _finding("$", str(error), 0, len(text))
        return
    for index, call in enumerate(calls if isinstance(calls, list) else [calls]):
        path: Path = (index,) if isinstance(calls, list) else ()
        first, last = place_of(text, path) or (0, len(text))
        name, arguments, path = _called(call, path)
        schema = tools.get(name) if isinstance(name, str) else None
        if schema is None:
            schema = tools.get(OTHER_TOOLS)
        if schema is None:
            yield _finding(f"call {index}", "a tool that the rule does not name", first, last)
            continue
        label = name if name in tools else "another tool"
        first, last = place_of(text, path) or (first, last)
        try:
            value = _parsed(arguments) if isinstance(arguments, str) else arguments
        except _NotJson as error:
            yield _finding(f"{label}: $", str(error), first, last)
            continue
        for _, shown, problem in _problems(value, schema, str(arguments)):
            yield _finding(f"{label}: {shown}", problem, first, last)


def _called(call: Any, path: Path) -> tuple[Any, Any, Path]:
    """Name and arguments of a tool call, and where the arguments stand."""
    for member, given in (("function", "arguments"), ("custom", "input")):
        inner = call.get(member) if isinstance(call, dict) else None
        if isinstance(inner, dict):
            return inner.get("name"), inner.get(given), (*path, member, given)
    return (call.get("name"), call.get("arguments"), (*path, "arguments")) if isinstance(call, dict) else (None, None, path)


def _problems(value: Any, schema: Schema, text: str) -> Iterator[tuple[Path, str, str]]:
    """Path, path as shown, and rule of each place where `value`, which `text` holds, breaks `schema`."""
    checker: Checker = _validators.of(schema)
    if checker.visits * (1 + text.count(",") + text.count("[") + text.count("{")) > WORK_MAX:
        yield (), "$", "too large for a schema as intricate as this"
        return
    try:
        for error in itertools.islice(checker.validator.iter_errors(value), FINDINGS_MAX):
            path = tuple(error.instance_path)
            yield path, checker.shown(path), checker.rule(error)
    except (ValueError, OverflowError):  # a lone surrogate, a number out of all range
        yield (), "$", "holds what no schema can be checked on"


def _parsed(text: str) -> Any:
    """`text` as JSON; _NotJson where two readers could take it for different things, or where it is too long or deep."""
    if len(text) > TEXT_LENGTH_MAX:
        raise _NotJson(f"longer than {TEXT_LENGTH_MAX} characters")
    depth = deepest = 0
    for mark in re.finditer(r"[\[{\]}]", _STRING.sub("", text)):
        depth += 1 if mark.group() in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEPTH_MAX:
        raise _NotJson(f"more than {DEPTH_MAX} levels deep")
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _NotJson("not JSON") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotJson("a member stands twice in one object")
    return members


def _constant(word: str) -> Any:
    raise _NotJson(f"{word} is not JSON")


def _finding(place: str, problem: str, start: int, end: int) -> Finding:
    return Finding(start=start, end=end, type="SCHEMA", score=1.0, reason=f"{place}: {problem}")
