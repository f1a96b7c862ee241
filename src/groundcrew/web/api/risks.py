"""Risk, controls and the technical file over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from groundcrew.domain.framework import ControlCoverage, Framework, frameworks
from groundcrew.domain.questionnaire import Questionnaire, questionnaire
from groundcrew.domain.risk import REASON_LENGTH_MAX, LoweringFunction, RiskAnswer, RiskLowering, RiskSheet
from groundcrew.domain.technical_file import TechnicalFile
from groundcrew.domain.use_case import Answer, RiskTier
from groundcrew.services.controls import CoverageRow, FrameworkCoverage, framework_named
from groundcrew.services.risks import RiskView
from groundcrew.services.technical_file_pages import MEDIA_TYPES, render
from groundcrew.services.technical_files import FilingHead
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, Reason, principal_of, services_of

ANSWERS_MAX = 100

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Form = Annotated[Literal["html", "md", "pdf", "json"], QueryParameter(name="format", description="html, md, pdf or json")]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says."""


class OneAnswer(_Body, frozen=True, kw_only=True):
    """An answer to one question, and why."""

    question: Key
    answer: Answer
    reason: Text


class NewAnswers(_Body, frozen=True, kw_only=True):
    """Answers to questions of the questionnaire; all of them are recorded, or none."""

    answers: Annotated[list[OneAnswer], msgspec.Meta(min_length=1, max_length=ANSWERS_MAX)]


class Concern(_Body, frozen=True, kw_only=True):
    """A question that must be answered with yes, and why."""

    question: Key
    reason: Text


class NewLowering(_Body, frozen=True, kw_only=True):
    """That the tier may become `to`, said for one function."""

    to: RiskTier
    function: LoweringFunction
    reason: Text


class CoverageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How far the records cover one framework: evidence for whoever judges, and no statement of conformity."""

    framework: str
    title: str
    edition: str
    mapping_version: int
    checked_on: str
    applicable: int
    evidenced: int
    counts: dict[str, int]
    controls: tuple[ControlCoverage, ...]


class CoverageOverview(msgspec.Struct, frozen=True, kw_only=True):
    """Use cases with the counts by framework, a page of them."""

    rows: list[CoverageRow]
    page: int
    pages: int


@get("/risk-questionnaire", action="read", tags=["risk"], summary="The questionnaire of risk")
async def get_questionnaire(request: ApiRequest) -> Questionnaire:
    """The version in force, with the dates from which its rules apply and its sources."""
    return questionnaire()


@get("/use-cases/{name:str}/risk", action="read", tags=["risk"], summary="Risk of a use case")
async def get_risk(request: ApiRequest, name: FromPath[str]) -> RiskView:
    """The tier with its reasons, every question as it stands, and why the assessment is due."""
    return await services_of(request).risks.view(name)


@get("/use-cases/{name:str}/risk/answers", action="read", tags=["risk"], summary="What was answered")
async def list_answers(
    request: ApiRequest, name: FromPath[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[RiskSheet]]:
    """The newest first; nothing of it is ever changed."""
    return {"answers": await services_of(request).risks.sheets(name, limit=limit)}


@post("/use-cases/{name:str}/risk/answers", action="assess_risk", status_code=201, tags=["risk"], summary="Answer questions")
async def answer_risk(request: ApiRequest, name: FromPath[str], data: JSONBody[NewAnswers]) -> RiskView:
    """A yes takes effect at once, a no never lowers the tier."""
    answers = [RiskAnswer(question=each.question, answer=each.answer, reason=each.reason) for each in data.answers]
    return await services_of(request).risks.answer(name, answers, actor=principal_of(request).actor)


@post("/use-cases/{name:str}/risk/concerns", action="open_incident", status_code=201, tags=["risk"], summary="Raise a concern")
async def raise_concern(request: ApiRequest, name: FromPath[str], data: JSONBody[Concern]) -> RiskView:
    """Answer one question with yes: whoever sees it may say it."""
    answer = RiskAnswer(question=data.question, answer="yes", reason=data.reason)
    return await services_of(request).risks.answer(name, [answer], actor=principal_of(request).actor)


@get("/use-cases/{name:str}/risk/lowerings", action="read", tags=["risk"], summary="Lowerings of the tier")
async def list_lowerings(request: ApiRequest, name: FromPath[str]) -> dict[str, list[RiskLowering]]:
    """Every one that was asked for, the newest first, with who said so and why."""
    return {"lowerings": await services_of(request).risks.lowerings(name)}


@post("/use-cases/{name:str}/risk/lowerings", action="assess_risk", status_code=201, tags=["risk"], summary="Lower the tier")
async def lower_risk(request: ApiRequest, name: FromPath[str], data: JSONBody[NewLowering]) -> RiskLowering:
    """Takes legal and ethics, two people, neither of whom built it."""
    return await services_of(request).risks.lower(
        name, data.to, function=data.function, reason=data.reason, actor=principal_of(request).actor
    )


@get("/frameworks", action="read", tags=["risk"], summary="Frameworks of rules")
async def list_frameworks(request: ApiRequest) -> dict[str, tuple[Framework, ...]]:
    """Each with its controls, what of the records bears on each, its sources and when it was last checked; retired ones too."""
    return {"frameworks": frameworks()}


@get("/frameworks/{key:str}", action="read", tags=["risk"], summary="One framework")
async def get_framework(request: ApiRequest, key: FromPath[str]) -> Framework:
    """With its controls."""
    return framework_named(key)


@get("/controls", action="read", tags=["risk"], summary="Coverage of controls")
async def list_controls(
    request: ApiRequest, page: Annotated[int, QueryParameter(ge=1, le=10_000, description="Which page")] = 1
) -> CoverageOverview:
    """Live use cases against frameworks, in counts."""
    rows, pages = await services_of(request).controls.overview(page=page)
    return CoverageOverview(rows=rows, page=min(page, pages), pages=pages)


@get("/use-cases/{name:str}/controls", action="read", tags=["risk"], summary="Controls of a use case")
async def get_controls(
    request: ApiRequest,
    name: FromPath[str],
    framework: Annotated[str | None, QueryParameter(max_length=64, description="The key of one framework")] = None,
) -> dict[str, list[CoverageAnswer]]:
    """Each control with what it rests on, as it stands now."""
    found = await services_of(request).controls.of(name, framework)
    return {"frameworks": [coverage_answer(each) for each in found]}


def coverage_answer(found: FrameworkCoverage) -> CoverageAnswer:
    """A coverage without the framework's own list of controls, which stands in it already."""
    framework = found.framework
    return CoverageAnswer(
        framework=framework.key,
        title=framework.title,
        edition=framework.edition,
        mapping_version=framework.version,
        checked_on=f"{framework.checked_on}",
        applicable=found.applicable,
        evidenced=found.evidenced,
        counts=found.counts,
        controls=found.controls,
    )


@get("/use-cases/{name:str}/technical-file", action="read", tags=["risk"], summary="The technical file")
async def get_technical_file(request: ApiRequest, name: FromPath[str], form: Form = "json") -> Response[bytes]:
    """As the records stand now: each statement computed, declared, attested or missing."""
    return download(await services_of(request).technical_files.of(name), form)


@post("/use-cases/{name:str}/technical-files", action="assess_risk", status_code=201, tags=["risk"], summary="File it")
async def file_technical_file(request: ApiRequest, name: FromPath[str], data: JSONBody[Reason]) -> FilingHead:
    """Keep the file as it is now, as what was filed."""
    made = await services_of(request).technical_files.file(name, actor=principal_of(request).actor, reason=data.reason)
    return FilingHead(**{field: getattr(made, field) for field in FilingHead.__struct_fields__})


@get("/use-cases/{name:str}/technical-files", action="read", tags=["risk"], summary="What was filed")
async def list_technical_files(
    request: ApiRequest, name: FromPath[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[FilingHead]]:
    """The newest first, without the files."""
    return {"filings": await services_of(request).technical_files.filings(name, limit=limit)}


@get("/technical-files/{filing_id:str}", action="read", tags=["risk"], summary="A file as it was filed")
async def get_filing(request: ApiRequest, filing_id: FromPath[str], form: Form = "json") -> Response[bytes]:
    """Exactly what was kept, in the form asked for."""
    return download((await services_of(request).technical_files.filing(filing_id)).file, form)


def download(file: TechnicalFile, form: str) -> Response[bytes]:
    """A technical file as a file to keep."""
    name = f"technical-file-{file.use_case}-{file.made_at:%Y%m%d}.{form}"
    return Response(
        render(file, form),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


HANDLERS = [
    get_questionnaire,
    get_risk,
    list_answers,
    answer_risk,
    raise_concern,
    list_lowerings,
    lower_risk,
    list_frameworks,
    get_framework,
    list_controls,
    get_controls,
    get_technical_file,
    file_technical_file,
    list_technical_files,
    get_filing,
]
