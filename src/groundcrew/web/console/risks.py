"""Risk, controls and the technical file in the console: a questionnaire that is answered section by section with the keyboard,
and tables that are read without colour."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain import risk
from groundcrew.domain.framework import frameworks
from groundcrew.domain.questionnaire import questionnaire
from groundcrew.domain.risk import REASON_LENGTH_MAX, RiskAnswer
from groundcrew.domain.use_case import Answer
from groundcrew.errors import InputError
from groundcrew.services.controls import STATE_WORDS, active, framework_named
from groundcrew.services.technical_file_pages import summary_of
from groundcrew.web.api.common import REASON_LENGTH_MAX as FILING_REASON_LENGTH_MAX
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.api.risks import Form, download
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

SHEETS_SHOWN, FILINGS_SHOWN = 10, 20
#: Each state as a mark that is read without colour: mark, word, tone.
MARKS = {
    "covered": ("●", "computed", "good"),
    "attested": ("◉", "attested", "good"),
    "partly": ("◐", "partly", "warn"),
    "not_covered": ("○", "none", "bad"),
    "not_applicable": ("–", "n. a.", "plain"),
}

Done = Annotated[str, QueryParameter(name="done", max_length=40)]
_Reason = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]

#: One field for the answer and one for its reason of every question; a section posts its own.
SectionForm = msgspec.defstruct(
    "SectionForm",
    [
        ("section", Annotated[str, msgspec.Meta(max_length=64)]),
        ("reason", _Reason, ""),
        ("none", Literal["", "yes"], ""),
        *((f"answer_{each.key}", Literal["", "yes", "no", "unknown"], "") for each in questionnaire().questions),
        *((f"reason_{each.key}", _Reason, "") for each in questionnaire().questions),
    ],
    frozen=True,
    kw_only=True,
)


class LowerForm(msgspec.Struct, frozen=True, kw_only=True):
    """That the tier may become lower."""

    to: Annotated[str, msgspec.Meta(max_length=20)]
    function: Annotated[str, msgspec.Meta(max_length=20)] = ""
    reason: _Reason = ""


class ConcernForm(msgspec.Struct, frozen=True, kw_only=True):
    """A question that must be answered with yes."""

    question: Annotated[str, msgspec.Meta(max_length=64)] = ""
    reason: _Reason = ""


class FileForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a technical file is filed."""

    reason: Annotated[str, msgspec.Meta(max_length=FILING_REASON_LENGTH_MAX)] = ""


@get("/use-cases/{name:str}/risk", action="read")
async def risk_page(request: PageRequest, name: FromPath[str], done: Done = "") -> Page:
    """The tier with its reasons, and the questionnaire."""
    return await _risk(request, name, message=DONE.get(done))


@post("/use-cases/{name:str}/risk", action="assess_risk")
async def answer_section(request: PageRequest, name: FromPath[str]) -> Page:
    """Answer a section of the questionnaire."""
    form: Any = await read_form(request, SectionForm)
    risks, actor = services_of(request).risks, principal_of(request).actor
    try:
        answers = _answers(form, {each.question: each.answer for each in (await risks.view(name)).questions})
        await risks.answer(name, answers, actor=actor)
    except Refusal as error:
        return await _risk(request, name, status=status_of(error), problem=str(error), form=form)
    return see(f"/use-cases/{name}/risk?done=risk_answered#section-{form.section}")


@post("/use-cases/{name:str}/risk/concerns", action="open_incident")
async def raise_concern(request: PageRequest, name: FromPath[str]) -> Page:
    """Answer a question with yes."""
    form = await read_form(request, ConcernForm)
    answer = RiskAnswer(question=form.question, answer="yes", reason=form.reason)
    try:
        await services_of(request).risks.answer(name, [answer], actor=principal_of(request).actor)
    except Refusal as error:
        return await _risk(request, name, status=status_of(error), problem=str(error))
    return see(f"/use-cases/{name}/risk?done=risk_answered")


@post("/use-cases/{name:str}/risk/lower", action="assess_risk")
async def lower_risk(request: PageRequest, name: FromPath[str]) -> Page:
    """Say for a function that the tier may become lower."""
    form = await read_form(request, LowerForm)
    try:
        made = await services_of(request).risks.lower(
            name, form.to, function=form.function, reason=form.reason, actor=principal_of(request).actor
        )
    except Refusal as error:
        return await _risk(request, name, status=status_of(error), problem=str(error))
    return see(f"/use-cases/{name}/risk?done={'risk_lowered' if made.state == 'done' else 'risk_lowering_asked'}")


@get("/controls", action="read")
async def controls_page(request: PageRequest, page: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1) -> Page:
    """Frameworks against use cases."""
    rows, pages = await services_of(request).controls.overview(page=page)
    return await render(
        request,
        "controls.html",
        here="controls",
        rows=rows,
        page=min(page, pages),
        pages=pages,
        active=active(),
        frameworks=frameworks(),
        marks=MARKS,
        words=STATE_WORDS,
    )


@get("/use-cases/{name:str}/controls", action="read")
async def use_case_controls(
    request: PageRequest,
    name: FromPath[str],
    framework: Annotated[str, QueryParameter(max_length=64)] = "eu-ai-act",
    done: Done = "",
) -> Page:
    """The controls of one framework for one use case, and its technical file."""
    return await _controls(request, name, framework, message=DONE.get(done))


@get("/use-cases/{name:str}/technical-file", action="read")
async def technical_file(request: PageRequest, name: FromPath[str], form: Form = "html") -> Response[bytes]:
    """The technical file as the records stand now."""
    return download(await services_of(request).technical_files.of(name), form)


@post("/use-cases/{name:str}/technical-files", action="assess_risk")
async def file_technical_file(request: PageRequest, name: FromPath[str]) -> Page:
    """Keep the technical file as filed."""
    form = await read_form(request, FileForm)
    try:
        await services_of(request).technical_files.file(name, actor=principal_of(request).actor, reason=form.reason)
    except Refusal as error:
        return await _controls(request, name, "eu-ai-act", status=status_of(error), problem=str(error))
    return see(f"/use-cases/{name}/controls?done=filed#file")


@get("/technical-files/{filing_id:str}", action="read")
async def filed(request: PageRequest, filing_id: FromPath[str], form: Form = "html") -> Response[bytes]:
    """A technical file as it was filed."""
    return download((await services_of(request).technical_files.filing(filing_id)).file, form)


def _answers(form: Any, before: dict[str, Answer | None]) -> list[RiskAnswer]:
    """What a section's form says that was not said before: changed answers, and those with a reason of their own. With the
    button for none of these, a no to every question that is not answered."""
    known = [each for each in questionnaire().questions if each.section == form.section]
    if not known:
        raise InputError(f"no section {form.section!r}", field="section")
    found = []
    for each in known:
        said, own = getattr(form, f"answer_{each.key}"), getattr(form, f"reason_{each.key}").strip()
        if form.none and not said:
            said = "no"
        if said and (own or said != before[each.key]):
            found.append(RiskAnswer(question=each.key, answer=said, reason=own or form.reason.strip()))
    if not found:
        raise InputError("nothing here differs from what was answered before", field=form.section)
    return found


async def _risk(
    request: PageRequest,
    name: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: Any = None,
) -> Page:
    services = services_of(request)
    view = await services.risks.view(name)
    known = questionnaire()
    rows = {each.question: each for each in view.questions}
    sections = [
        (section, [(each, rows[each.key]) for each in known.questions if each.section == section.key])
        for section in known.sections
    ]
    tier = risk.ORDER.index(view.assessment.tier)
    return await render(
        request,
        "risk.html",
        status=status,
        use_case=await services.use_cases.get(name),
        view=view,
        what_follows=risk.WHAT_FOLLOWS[view.assessment.tier],
        known=known,
        sections=sections,
        sheets=await services.risks.sheets(name, limit=SHEETS_SHOWN),
        lowerings=await services.risks.lowerings(name),
        lower_tiers=[each for each in risk.ORDER[:tier] if risk.ORDER.index(each) >= risk.ORDER.index(view.lowest)],
        functions=risk.LOWERING_FUNCTIONS,
        questions={each.key: each for each in known.questions},
        message=message,
        problem=problem,
        form=form,
        field=getattr,
    )


async def _controls(
    request: PageRequest, name: str, framework: str, *, status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    framework_named(framework)
    use_case = await services.use_cases.get(name)
    shown = (await services.controls.of(name, framework))[0]
    file = await services.technical_files.of(name)
    return await render(
        request,
        "use_case_controls.html",
        status=status,
        here="controls",
        use_case=use_case,
        shown=shown,
        frameworks=frameworks(),
        file=file,
        file_summary=summary_of(file),
        filings=await services.technical_files.filings(name, limit=FILINGS_SHOWN),
        marks=MARKS,
        words=STATE_WORDS,
        message=message,
        problem=problem,
    )


HANDLERS = [
    risk_page,
    answer_section,
    raise_concern,
    lower_risk,
    controls_page,
    use_case_controls,
    technical_file,
    file_technical_file,
    filed,
]
