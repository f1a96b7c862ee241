"""Keeping evaluation suites: cases are masked before they are written, a changed content is a new version, and recorded calls can
be made into cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.evaluation import (
    CASES_MAX,
    EvaluationCase,
    EvaluationSuite,
    SuiteContent,
    content_digest,
)
from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import DeclarationError, InputError
from groundcrew.guards.pii import Detect
from groundcrew.services.lookups import nearest, require_use_case
from groundcrew.services.masking import masked
from groundcrew.store import catalog
from groundcrew.store import evaluations as stored
from groundcrew.store.calls import latest
from groundcrew.store.database import Database, Writer
from groundcrew.store.feedback import RATINGS

#: Recorded calls that are looked through for those to pick.
CALLS_LOOKED_AT_MAX = 5_000
#: newest: as they come. low_stars: rated two stars or fewer. disagreements: people and trust say different things.
Picking = Literal["newest", "low_stars", "disagreements"]
LOW_STARS_MAX, HIGH_STARS_MIN = 2, 4
_ROLE_LINE = ("user: ", "assistant: ", "system: ", "developer: ")


async def put_suite(writer: Writer, content: SuiteContent, *, actor: str) -> tuple[EvaluationSuite, EvaluationSuite | None]:
    """Keep `content`, which is masked, as a new version where it differs from the newest one; (what stands now, what stood
    before). DeclarationError for a judge without a model, NotFound for an unknown use case."""
    await require_use_case(writer.connection, content.use_case)
    before = await stored.newest(writer.connection, content.name)
    if before is not None and before.content.use_case != content.use_case:
        raise DeclarationError(
            f"the suite {content.name!r} belongs to use case {before.content.use_case}: choose another name", field="name"
        )
    for judge in content.judges:
        if await catalog.MODELS.get(writer.connection, judge.model) is None:
            names = [each.name for each in await catalog.MODELS.find(writer.connection)]
            raise DeclarationError(f"no model named {judge.model!r}{nearest(judge.model, names)}", field="judges")
    digest = content_digest(content)
    if before is not None and before.digest == digest:
        return before, before
    suite = EvaluationSuite(
        content=content,
        digest=digest,
        version=1 if before is None else before.version + 1,
        made_by=actor,
        made_at=writer.clock.now(),
    )
    await stored.SUITES.put(writer, suite, "apply", details={"digest": digest, "cases": len(content.cases)})
    return suite, before


async def masked_content(content: SuiteContent, detect: Detect) -> SuiteContent:
    """`content` with personal data masked in all its texts; done before anything is written, since it takes its time.

    DeclarationError where words to look for hold personal data: masked, no answer would hold them.
    """
    return msgspec.structs.replace(content, cases=tuple([await _masked_case(each, detect) for each in content.cases]))


async def _masked_case(case: EvaluationCase, detect: Detect) -> EvaluationCase:
    words = (*case.contains, *case.excludes)
    if list(words) != await masked(words, detect):
        raise DeclarationError(
            f"case {case.id!r}: contains or excludes hold what is masked as personal data in records: use other words",
            field="cases",
        )
    texts = [str(each["content"]) for each in case.messages]
    found = await masked([*texts, case.reference or "", case.recorded], detect)
    messages = tuple({**each, "content": text} for each, text in zip(case.messages, found[: len(texts)], strict=True))
    return msgspec.structs.replace(
        case,
        messages=messages,
        reference=found[-2] if case.reference is not None else None,
        recorded=found[-1],
    )


async def pick(
    database: Database,
    name: str,
    use_case: str,
    *,
    picking: Picking,
    limit: int,
    actor: str,
    title: str = "",
) -> EvaluationSuite:
    """Make recorded calls of `use_case` into the cases of the suite `name`, beside those that it has. Only masked texts are
    there to be picked. What was corrected by people becomes the reference. InputError where there is nothing to pick."""
    if problem := name_problem(name):
        raise InputError(problem, field="name")
    if not 1 <= limit <= CASES_MAX:
        raise InputError(f"1 to {CASES_MAX} cases", field="limit")
    async with database.read() as connection:
        await require_use_case(connection, use_case)
        calls = await latest(connection, use_case=use_case, limit=CALLS_LOOKED_AT_MAX)
        ratings = [each for each in await RATINGS.find(connection, use_case=use_case) if each.call_id and not each.sample]
        before = await stored.newest(connection, name)
    stars: dict[str, list[int]] = {}
    corrected: dict[str, str] = {}
    for rating in ratings:
        stars.setdefault(rating.call_id or "", []).append(rating.stars)
        if rating.corrected_text:
            corrected[rating.call_id or ""] = rating.corrected_text
    known = {each.call_id for each in before.content.cases} if before is not None else set()
    usable = [each for each in calls if _usable(each) and each.id not in known]
    chosen = _chosen(usable, {call: sum(each) / len(each) for call, each in stars.items()}, picking)[:limit]
    if not chosen:
        raise InputError(f"no recorded call of {use_case} is there to pick ({picking})", field="pick")
    cases = [_case(each, corrected.get(each.id)) for each in chosen]
    content = before.content if before is not None else SuiteContent(name=name, use_case=use_case, title=title)
    if len(content.cases) + len(cases) > CASES_MAX:
        raise InputError(f"more than {CASES_MAX} cases together", field="limit")
    async with database.write(actor) as writer:
        suite, _ = await put_suite(writer, msgspec.structs.replace(content, cases=(*content.cases, *cases)), actor=actor)
    return suite


def _usable(call: Call) -> bool:
    concluded = call.status in ("answered", "held", "fallback", "declined")
    return concluded and bool(call.request) and not call.redacted_at and not call.sample


def _chosen(calls: Sequence[Call], stars: dict[str, float], picking: Picking) -> list[Call]:
    if picking == "newest":
        return list(calls)
    rated = [each for each in calls if each.id in stars]
    if picking == "low_stars":
        return sorted((each for each in rated if stars[each.id] <= LOW_STARS_MAX), key=lambda each: stars[each.id])
    return sorted((each for each in rated if _gap(each, stars[each.id]) > 0.5), key=lambda each: -_gap(each, stars[each.id]))


def _gap(call: Call, stars: float) -> float:
    """How far people and trust are apart, 0..1; both count from nothing to everything."""
    report = call.withheld_trust or call.trust
    if report is None or report.trust is None:
        return 0.0
    return abs(report.trust - (stars - 1) / 4)


def _case(call: Call, corrected: str | None) -> EvaluationCase:
    return EvaluationCase(
        id=f"call-{call.id}",
        messages=messages_of(call.request),
        reference=corrected,
        declines=False,
        tags=("picked",),
        call_id=call.id,
        recorded=call.answer or call.withheld_answer,
    )


def messages_of(transcript: str) -> tuple[dict[str, Any], ...]:
    """The messages of a recorded request; the transcript as one message of the user where it does not tell them apart."""
    found: list[dict[str, Any]] = []
    for line in transcript.split("\n"):
        role = next((each for each in _ROLE_LINE if line.startswith(each)), None)
        if role is not None:
            found.append({"role": role[:-2], "content": line[len(role) :]})
        elif found:
            found[-1]["content"] += "\n" + line
        else:
            return ({"role": "user", "content": transcript},)
    said = [{**each, "content": each["content"].strip()} for each in found if each["content"].strip()]
    return tuple(said) if said and said[-1]["role"] == "user" else ({"role": "user", "content": transcript},)


def changes(suite: EvaluationSuite, before: EvaluationSuite | None) -> list[tuple[str, Any, Any]]:
    """(field, before, after) of what differs between two versions, cases counted."""
    found: list[tuple[str, Any, Any]] = []
    old = before.content if before is not None else None
    for field in ("title", "use_case", "judges", "parameters", "mask"):
        was, now = getattr(old, field, None), getattr(suite.content, field)
        if was != now and (now or was):
            found.append((field, msgspec.to_builtins(was), msgspec.to_builtins(now)))
    was_cases = {each.id: each for each in old.cases} if old is not None else {}
    now_cases = {each.id: each for each in suite.content.cases}
    if was_cases != now_cases:
        differing = sum(was_cases.get(name) != case for name, case in now_cases.items())
        found.append(("cases", f"{len(was_cases)} cases", f"{len(now_cases)} cases, {differing} of them new or changed"))
    return found
