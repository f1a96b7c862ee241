"""Reads `kind: EvaluationSuite`: its judges, and the file of its cases, one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.evaluation import (
    CASE_BYTES_MAX,
    CASES_MAX,
    EXPECTATIONS_MAX,
    JUDGE_REPEATS_MAX,
    JUDGES_MAX,
    RUBRIC_LENGTH_MAX,
    SUITE_BYTES_MAX,
    WEIGHT_MAX,
    EvaluationCase,
    JudgeRule,
    SuiteContent,
)
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError
from groundcrew.services.declaration_fields import Fields
from groundcrew.services.declaration_reading import Reading, as_declaration_error
from groundcrew.services.rows import read_rows

TAGS_MAX = 16
#: Members of a request that a suite may set for all its questions.
PARAMETERS = frozenset({"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "reasoning_effort"})
_ROLES = frozenset({"system", "developer", "user", "assistant"})


class CaseRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a file of cases: `input` is the user's words, `messages` a whole conversation; one of them."""

    id: str
    input: str | None = None
    messages: tuple[dict[str, str], ...] | None = None
    reference: str | None = None
    contains: tuple[str, ...] | None = None
    excludes: tuple[str, ...] | None = None
    declines: bool | None = None
    tags: tuple[str, ...] | None = None
    weight: float | None = None


def read_suite(fields: Fields, reading: Reading) -> SuiteContent:
    """kind: EvaluationSuite. Cases are as they stand in the file; they are masked before they are kept."""
    name = fields.name("name")
    use_case = fields.name("use_case")
    title = fields.text("title", length_max=200)
    located = reading.locate(fields, "cases")
    cases: tuple[EvaluationCase, ...] = ()
    if located is not None:
        try:
            cases = read_cases(*located)
        except InputError as error:
            reading.complaints.add(as_declaration_error(error))
    return SuiteContent(
        name=name,
        use_case=use_case,
        title=title,
        cases=cases,
        judges=_read_judges(fields),
        parameters=_read_parameters(fields),
        mask=_read_mask(fields),
    )


def read_cases(path: Path, shown_as: str) -> tuple[EvaluationCase, ...]:
    """The cases of a file, `shown_as` naming it in errors. InputError names line and field."""
    cases: list[EvaluationCase] = []
    seen: dict[str, int] = {}
    size = 0
    try:
        for line, row in read_rows(path, CaseRow):
            case = _case(row, shown_as, line)
            if (first := seen.setdefault(case.id, line)) != line:
                raise InputError(f"{case.id!r} is there already, in line {first}", file=shown_as, line=line, field="id")
            size += (length := len(canonical_json(case)))
            if length > CASE_BYTES_MAX or size > SUITE_BYTES_MAX:
                what = f"the case has more than {CASE_BYTES_MAX}" if length > CASE_BYTES_MAX else f"more than {SUITE_BYTES_MAX}"
                raise InputError(f"{what} bytes", file=shown_as, line=line)
            cases.append(case)
            if len(cases) > CASES_MAX:
                raise InputError(f"more than {CASES_MAX} cases", file=shown_as, line=line)
    except InputError as error:
        raise InputError(error.message, file=shown_as, line=error.line, field=error.field) from None
    if not cases:
        raise InputError("holds no cases", file=shown_as)
    return tuple(cases)


def _case(row: CaseRow, file: str, line: int) -> EvaluationCase:
    def bad(message: str, field: str) -> InputError:
        return InputError(message, file=file, line=line, field=field)

    if problem := name_problem(row.id.lower()):
        raise bad(problem, "id")
    if (row.input is None) == (row.messages is None):
        raise bad("expected either input or messages", "input")
    messages = row.messages if row.messages is not None else ({"role": "user", "content": row.input or ""},)
    for number, each in enumerate(messages):
        if set(each) != {"role", "content"} or each["role"] not in _ROLES or not each["content"].strip():
            raise bad(f"expected role ({', '.join(sorted(_ROLES))}) and content", f"messages[{number}]")
    if not messages or messages[-1]["role"] != "user":
        raise bad("the last message must be the user's", "messages")
    for field in ("contains", "excludes", "tags"):
        words = getattr(row, field) or ()
        if len(words) > (TAGS_MAX if field == "tags" else EXPECTATIONS_MAX) or any(not each.strip() for each in words):
            raise bad("holds too many entries, or an empty one", field)
    weight = 1.0 if row.weight is None else row.weight
    if not 0 < weight <= WEIGHT_MAX:
        raise bad(f"expected a number above 0 and at most {WEIGHT_MAX:g}", "weight")
    if row.declines and (row.contains or row.reference is not None):
        raise bad("a case whose right answer is that there is none has no reference and no expected words", "declines")
    return EvaluationCase(
        id=row.id,
        messages=tuple(dict(each) for each in messages),
        reference=row.reference,
        contains=row.contains or (),
        excludes=row.excludes or (),
        declines=bool(row.declines),
        tags=row.tags or (),
        weight=weight,
    )


def _read_mask(fields: Fields) -> Literal["full", "patterns"] | None:
    choices: tuple[Literal["full", "patterns"], ...] = ("full", "patterns")
    return fields.choice("mask", choices) if fields.has("mask") else None


def _read_judges(fields: Fields) -> tuple[JudgeRule, ...]:
    found: list[JudgeRule] = []
    for section in fields.sections("judges") if fields.has("judges") else ():
        judge = JudgeRule(
            name=section.name("name"),
            model=section.name("model"),
            rubric=section.text("rubric", required=True, length_max=RUBRIC_LENGTH_MAX),
            scale=section.choice("scale", ("stars", "yes_no"), default="stars"),
            repeats=section.integer("repeats", low=1, high=JUDGE_REPEATS_MAX) or 1,
        )
        section.finish()
        if judge.name in {each.name for each in found}:
            section.complain("name", f"{judge.name!r} is declared twice")
        found.append(judge)
    if len(found) > JUDGES_MAX:
        fields.complain("judges", f"more than {JUDGES_MAX}")
    return tuple(found)


def _read_parameters(fields: Fields) -> dict[str, Any]:
    section = fields.section("parameters")
    if section is None:
        return {}
    found: dict[str, Any] = {}
    for name in sorted(PARAMETERS):
        if not section.has(name):
            continue
        if name == "reasoning_effort":
            found[name] = section.text(name, length_max=20)
        elif name in ("temperature", "top_p"):
            found[name] = section.number(name, low=0, high=2)
        else:
            found[name] = section.integer(name, low=0 if name == "seed" else 1, high=2**31 - 1)
    section.finish()
    return found
