"""Vetoes in the console: what is held and what each veto waits for, one page for each with its conditions as they stand now, and
the form that files one. Everything works with a keyboard and without JavaScript."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.use_case import STAGES, Stage
from groundcrew.domain.veto import (
    EXPLANATION_LENGTH_MAX,
    GROUND_LENGTH_MAX,
    NEEDS,
    REVIEW_DAYS_DEFAULT,
    REVIEW_DAYS_MAX,
    LiftCondition,
)
from groundcrew.errors import InputError
from groundcrew.services.vetoes import PASSED_WORDS, NewVeto, Vetoes
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console import authorities
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of
from groundcrew.web.console.veto_choices import Choices, choices_of
from groundcrew.web.requests import read_form

ENDED_SHOWN_MAX = 50
#: What a page says after a form was taken.
SAID = {
    "filed": "The veto is filed and holds the use case. Below stands what lifts it.",
    "withdrawn": "The veto is withdrawn.",
    "satisfied": "The veto is satisfied.",
    "reviewed": "Recorded: it was looked at and stays.",
    "checked": "The conditions were looked at again; this is how they stand.",
    "noted": "Appended to the history.",
}
#: Kinds of lines in a history, in words.
WORDS = {
    "filed": "filed",
    "condition_met": "a condition is met",
    "condition_lost": "a condition is met no more",
    "conditions_met": "all conditions are met",
    "reviewed": "looked at",
    "passed": "passed on",
    "returned": "its filer's alone again",
    "note": "noted",
    "withdrawn": "withdrawn",
    "satisfied": "satisfied",
}
#: What a line of a history points at → the console's page of it.
PAGES = {"use-case": "/use-cases/{0}", "decision": "/stream"}

TextField = Annotated[str, msgspec.Meta(max_length=EXPLANATION_LENGTH_MAX)]
Line = Annotated[str, msgspec.Meta(max_length=200)]


class FilingForm(msgspec.Struct, frozen=True, kw_only=True):
    """A veto as the form sends it; a condition whose field is empty is none."""

    use_case: Annotated[str, msgspec.Meta(max_length=64)] = ""
    function: Line = ""
    stage: Line = ""
    ground: Annotated[str, msgspec.Meta(max_length=GROUND_LENGTH_MAX)] = ""
    explanation: TextField = ""
    need: Line = ""
    review_on: Line = ""
    stops_calls: bool = False
    stop_reason: Annotated[str, msgspec.Meta(max_length=GROUND_LENGTH_MAX)] = ""
    #: Conditions, one of each kind at most; several of one kind are filed over the API or the command line.
    request: Line = ""
    resource: Line = ""
    amount: Line = ""
    evidence: Line = ""
    criterion: Line = ""
    action: Line = ""
    incident: Line = ""
    approval: Line = ""
    metric: Line = ""
    side: Line = "at_least"
    value: Line = ""
    version: bool = False
    until: Line = ""


class SayForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a veto."""

    text: TextField = ""
    review_on: Line = ""


class NoFields(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


@get("/vetoes", action="read")
async def vetoes_page(
    request: PageRequest,
    use_case: Annotated[str, QueryParameter(max_length=64)] = "",
) -> Page:
    """What is active, what each waits for, and what is over."""
    services = services_of(request)
    every = await services.vetoes.find(use_case=use_case or None, limit=500)
    return await render(
        request,
        "vetoes.html",
        here="vetoes",
        use_case=use_case,
        views=await services.vetoes.views(use_case=use_case or None),
        ended=[each for each in every if not each.active][:ENDED_SHOWN_MAX],
        requests=await services.authorities.requests(),
        lapsed=await services.approvals.lapsed(),
    )


@get("/vetoes/new", action="read")
async def new_veto_page(request: PageRequest, use_case: Annotated[str, QueryParameter(max_length=64)] = "") -> Page:
    """The form."""
    return await _form(request, FilingForm(use_case=use_case))


@post("/vetoes", action="file_veto")
async def file_veto(request: PageRequest) -> Page:
    """File one."""
    form = await read_form(request, FilingForm)
    try:
        made = await services_of(request).vetoes.file(_new(form), actor=principal_of(request).actor)
    except Refusal as error:
        return await _form(request, form, status=status_of(error), problem=_words(error))
    return see(f"/vetoes/{made.id}?done=filed")


@get("/vetoes/{veto_id:str}", action="read")
async def veto_page(
    request: PageRequest, veto_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One veto."""
    return await _one(request, veto_id, message=SAID.get(done))


@post("/vetoes/{veto_id:str}/check", action="evaluate_gate")
async def check(request: PageRequest, veto_id: FromPath[str]) -> Page:
    """Look at its conditions again."""
    await read_form(request, NoFields)

    async def work(vetoes: Vetoes, actor: str) -> object:
        return await vetoes.check(veto_id, actor=actor)

    return await _said(request, veto_id, work, "checked")


@post("/vetoes/{veto_id:str}/withdraw", action="withdraw_veto")
async def withdraw(request: PageRequest, veto_id: FromPath[str]) -> Page:
    """Take it back."""
    form = await read_form(request, SayForm)

    async def work(vetoes: Vetoes, actor: str) -> object:
        return await vetoes.withdraw(veto_id, form.text, actor=actor)

    return await _said(request, veto_id, work, "withdrawn")


@post("/vetoes/{veto_id:str}/satisfied", action="withdraw_veto")
async def satisfied(request: PageRequest, veto_id: FromPath[str]) -> Page:
    """Confirm that what was asked for has come."""
    form = await read_form(request, SayForm)

    async def work(vetoes: Vetoes, actor: str) -> object:
        return await vetoes.satisfy(veto_id, form.text, actor=actor)

    return await _said(request, veto_id, work, "satisfied")


@post("/vetoes/{veto_id:str}/review", action="withdraw_veto")
async def review(request: PageRequest, veto_id: FromPath[str]) -> Page:
    """Say that it was looked at again and stays."""
    form = await read_form(request, SayForm)

    async def work(vetoes: Vetoes, actor: str) -> object:
        return await vetoes.review(veto_id, form.text, review_at=_day(form.review_on, "review_on"), actor=actor)

    return await _said(request, veto_id, work, "reviewed")


@post("/vetoes/{veto_id:str}/notes", action="open_incident")
async def note(request: PageRequest, veto_id: FromPath[str]) -> Page:
    """Append to its history."""
    form = await read_form(request, SayForm)

    async def work(vetoes: Vetoes, actor: str) -> object:
        return await vetoes.note(veto_id, form.text, actor=actor)

    return await _said(request, veto_id, work, "noted")


async def _said(request: PageRequest, veto_id: str, work: Callable[[Vetoes, str], Awaitable[object]], done: str) -> Page:
    try:
        await work(services_of(request).vetoes, principal_of(request).actor)
    except Refusal as error:
        return await _one(request, veto_id, status=status_of(error), problem=_words(error))
    # An id is what the record has, never what was typed.
    view = await services_of(request).vetoes.get(veto_id)
    return see(f"/vetoes/{view.veto.id}?done={done}")


async def _one(
    request: PageRequest, veto_id: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services, principal = services_of(request), principal_of(request)
    view = await services.vetoes.get(veto_id)
    today = services.database.clock.now().date()
    return await render(
        request,
        "veto.html",
        status=status,
        here="vetoes",
        view=view,
        veto=view.veto,
        mine=principal.user is not None and principal.user.name in view.holders,
        lines=[(each, WORDS[each.kind], _page_of(each.reference)) for each in view.events],
        passed_words=PASSED_WORDS,
        review_on=today + timedelta(days=REVIEW_DAYS_DEFAULT),
        review_max=today + timedelta(days=REVIEW_DAYS_MAX),
        message=message,
        problem=problem,
    )


async def _form(request: PageRequest, form: FilingForm, *, status: int = 200, problem: str | None = None) -> Page:
    services, principal = services_of(request), principal_of(request)
    use_cases = [each.name for each in await services.use_cases.find()]
    found: Choices | None = None
    if form.use_case in use_cases:
        found = await choices_of(services, form.use_case)
    held = set(principal.user.roles) if principal.user else set()
    granted = {each.authority.function for each in await services.authorities.find(live=True) if _is(principal, each.authority)}
    today = services.database.clock.now().date()
    return await render(
        request,
        "veto_new.html",
        status=status,
        here="vetoes",
        form=form,
        use_cases=use_cases,
        choices=found,
        functions=[each for each in FUNCTIONS if each in held or each in granted],
        stages=STAGES[1:],
        needs=NEEDS,
        review_on=today + timedelta(days=REVIEW_DAYS_DEFAULT),
        review_max=today + timedelta(days=REVIEW_DAYS_MAX),
        problem=problem,
    )


def _is(principal: Any, authority: Any) -> bool:
    return principal.user is not None and authority.person == principal.user.name and "veto" in authority.rights


def _new(form: FilingForm) -> NewVeto:
    """What the form says; InputError names the field that is wrong."""
    stage: Stage | None = next((each for each in STAGES if each == form.stage), None)
    if form.stage and stage is None:
        raise InputError("expected a stage", field="stage")
    return NewVeto(
        use_case=form.use_case,
        function=form.function,
        ground=form.ground,
        explanation=form.explanation,
        need=form.need,
        conditions=_conditions(form),
        stage=stage,
        review_at=_day(form.review_on, "review_on"),
        requests=(form.request,) if form.request else (),
        stops_calls=form.stops_calls,
        stop_reason=form.stop_reason,
    )


def _conditions(form: FilingForm) -> tuple[LiftCondition, ...]:
    kinds: list[dict[str, Any]] = []
    if form.request:
        kinds.append({"kind": "resource_allocated", "request": form.request})
    if form.resource:
        of, _, name = form.resource.partition(":")
        kinds.append({"kind": "resource_allocated", of: name, "amount_min": _number(form.amount, "amount")})
    if form.evidence:
        evidence, _, subject = form.evidence.partition(":")
        kinds.append({"kind": "evidence_valid", "evidence": evidence, "subject": subject})
    if form.criterion:
        stage, _, key = form.criterion.partition(":")
        kinds.append({"kind": "criterion_passes", "stage": stage, "key": key})
    if form.action:
        kinds.append({"kind": "action_done", "action": form.action})
    if form.incident:
        kinds.append({"kind": "incident_closed", "incident": form.incident})
    if form.approval:
        function, _, stage = form.approval.partition(":")
        kinds.append({"kind": "approval_given", "function": function, "stage": stage})
    if form.metric:
        value = _number(form.value, "value")
        kinds.append({"kind": "metric_bound", "metric": form.metric, "side": form.side, "value": value})
    if form.version:
        kinds.append({"kind": "version_changed"})
    if form.until:
        at = _day(form.until, "until")
        kinds.append({"kind": "date_reached", "at": at})
    try:
        return tuple(msgspec.convert(each, LiftCondition) for each in kinds)
    except msgspec.ValidationError as error:
        raise InputError(str(error), field="conditions") from None


def _number(text: str, field: str) -> float:
    try:
        return float(text.strip().replace("\u2019", "").replace(",", ""))
    except ValueError:
        raise InputError("expected a number", field=field) from None


def _day(text: str, field: str) -> datetime | None:
    """The end of a UTC day, None where none is named."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(23, 59), UTC)
    except ValueError:
        raise InputError("expected a date as YYYY-MM-DD", field=field) from None


def _page_of(reference: str) -> str:
    kind, _, item = reference.partition("/")
    return PAGES[kind].format(item) if kind in PAGES else ""


def _words(error: Exception) -> str:
    if isinstance(error, InputError):
        return f"{error.field.replace('_', ' ')}: {error.message}" if error.field else error.message
    return str(error)


HANDLERS: list[Any] = [
    vetoes_page,
    new_veto_page,
    file_veto,
    veto_page,
    check,
    withdraw,
    satisfied,
    review,
    note,
    *authorities.HANDLERS,
]
