"""What surrounds gates: approvals, ramps, certifications, returns, the policies of gates and reports of evaluations."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.approval import Approval
from groundcrew.domain.certification import Certification
from groundcrew.domain.gate import Criterion, GatePolicy
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.services.approvals import STATEMENT_LENGTH_MAX, ApprovalNow
from groundcrew.services.certifications import Recertified
from groundcrew.services.gate_policies import CRITERIA_MAX, PolicyDifference
from groundcrew.services.gate_report_pages import render
from groundcrew.services.gate_reports import GateReport
from groundcrew.services.gates import KeptEvaluation
from groundcrew.services.ramps import RampView
from groundcrew.services.returns import Investment
from groundcrew.web.api.common import REASON_LENGTH_MAX, ApiRequest, principal_of, services_of

MEDIA_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}
ReasonText = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]
Form = Annotated[Literal["html", "pdf", "json"], QueryParameter(name="format", description="html, pdf or json")]


class ApprovalRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask every function about the current version, at the gate into `to` (the next stage)."""

    use_case: str
    to: Stage | None = None


class ApprovalDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function's word and its ground."""

    decision: Literal["approved", "changes_requested", "abstained"]
    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=STATEMENT_LENGTH_MAX)]


class RampMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of the ramp: the next one, or to any lower share in percent."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    to: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None


class NewPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The criteria of one stage's gate, to be published. Versions and states are given, not taken."""

    stage: Stage
    criteria: Annotated[tuple[Criterion, ...], msgspec.Meta(max_length=CRITERIA_MAX)]
    reason: ReasonText = ""


@get("/approvals", action="read", tags=["approvals"], summary="Approvals of a use case")
async def list_approvals(request: ApiRequest, use_case: FromQuery[str]) -> dict[str, list[ApprovalNow]]:
    """The approvals of one use case, oldest first, each with its state now."""
    return {"approvals": await services_of(request).approvals.find(use_case)}


@post("/approvals", action="request_approval", tags=["approvals"], summary="Ask for approvals")
async def request_approvals(request: ApiRequest, data: JSONBody[ApprovalRequest]) -> dict[str, list[Approval]]:
    """Ask ethics, IT, legal and business about the current version. Who asks does not approve."""
    asked = await services_of(request).approvals.request(data.use_case, actor=principal_of(request).actor, to=data.to)
    return {"approvals": asked}


@post("/approvals/{approval_id:str}/decide", action="decide_approval", status_code=200, tags=["approvals"], summary="Decide")
async def decide_approval(request: ApiRequest, approval_id: FromPath[str], data: JSONBody[ApprovalDecision]) -> Approval:
    """Say a function's word. 403 for who does not hold it, asked, owns, built, or speaks for another function here."""
    return await services_of(request).approvals.decide(
        approval_id, data.decision, actor=principal_of(request).actor, statement=data.statement
    )


@get("/use-cases/{name:str}/ramp", action="read", tags=["ramps"], summary="The ramp of a use case")
async def get_ramp(request: ApiRequest, name: FromPath[str]) -> RampView:
    """The steps so far, the share that is served, and whether the next step is allowed."""
    return await services_of(request).ramps.of(name)


@post("/use-cases/{name:str}/ramp", action="ramp", status_code=200, tags=["ramps"], summary="Take a step of the ramp")
async def step_ramp(request: ApiRequest, name: FromPath[str], data: JSONBody[RampMove]) -> UseCase:
    """The next step while every guardrail holds on data since the last one, or back to any lower share; 409 otherwise."""
    return await services_of(request).ramps.step(name, actor=principal_of(request).actor, reason=data.reason, to=data.to)


@get("/use-cases/{name:str}/certification", action="read", tags=["gates"], summary="How the stage is certified")
async def get_certification(request: ApiRequest, name: FromPath[str]) -> dict[str, Certification | None]:
    """Until when the stage is certified, and what must be renewed; null in stages that need none."""
    return {"certification": await services_of(request).certifications.of(name)}


@post("/use-cases/{name:str}/recertify", action="recertify", status_code=200, tags=["gates"], summary="Certify the stage again")
async def recertify(request: ApiRequest, name: FromPath[str]) -> Recertified:
    """Evaluate the entry criteria of the use case's own stage again; passing renews its certification."""
    return await services_of(request).certifications.recertify(name, actor=principal_of(request).actor)


@get("/use-cases/{name:str}/return", action="read", tags=["use-cases"], summary="Return on investment")
async def get_return(request: ApiRequest, name: FromPath[str]) -> Investment:
    """The return a month in USD as an interval, what was measured, what is assumed, and what moves it most."""
    return await services_of(request).returns.of(name)


@get("/gate-policies", action="read", tags=["gates"], summary="Policies of the gates")
async def list_policies(
    request: ApiRequest, stage: FromQuery[Stage | None] = None, all_versions: FromQuery[bool] = False
) -> dict[str, list[GatePolicy]]:
    """The policies in force, superseded ones too where wanted."""
    return {"policies": await services_of(request).gate_policies.find(stage, all_versions=all_versions)}


@post("/gate-policies/difference", action="read", status_code=200, tags=["gates"], summary="Compare a policy")
async def compare_policy(request: ApiRequest, data: JSONBody[NewPolicy]) -> dict[str, list[PolicyDifference]]:
    """What publishing it would change, and in what it asks for less than the defaults; nothing is written."""
    return {"differences": await services_of(request).gate_policies.difference([_policy(data)])}


@post("/gate-policies", action="publish_gates", tags=["gates"], summary="Publish a policy")
async def publish_policy(request: ApiRequest, data: JSONBody[NewPolicy]) -> dict[str, list[GatePolicy]]:
    """Put it in force as the stage's next version. 400 where it asks for less than the defaults without a reason."""
    published = await services_of(request).gate_policies.publish(
        [_policy(data)], actor=principal_of(request).actor, reason=data.reason
    )
    return {"published": published}


@get("/gate-evaluations/{evaluation_id:str}", action="read", tags=["gates"], summary="A kept evaluation")
async def get_evaluation(request: ApiRequest, evaluation_id: FromPath[str]) -> KeptEvaluation:
    """One evaluation on record, with the snapshot that it rested on and the policy that it was made by."""
    return await services_of(request).gates.kept(evaluation_id)


@get("/gate-evaluations/{evaluation_id:str}/report", action="read", tags=["gates"], summary="Report of an evaluation")
async def get_report(request: ApiRequest, evaluation_id: FromPath[str], form: Form = "html") -> Response[bytes]:
    """The report of one evaluation for an auditor: HTML without scripts, PDF, or JSON that verifies offline."""
    return download(await services_of(request).gate_reports.of(evaluation_id), form)


def download(report: GateReport, form: str) -> Response[bytes]:
    """A report as a file to keep."""
    name = f"gate-{report.use_case.name}-{report.evaluation.stage}-{report.evaluation.evaluated_at:%Y%m%d}.{form}"
    return Response(
        render(report, form),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


def _policy(data: NewPolicy) -> GatePolicy:
    return GatePolicy(stage=data.stage, version=0, state="draft", criteria=data.criteria, source="the API")


HANDLERS = [
    list_approvals,
    request_approvals,
    decide_approval,
    get_ramp,
    step_ramp,
    get_certification,
    recertify,
    get_return,
    list_policies,
    compare_policy,
    publish_policy,
    get_evaluation,
    get_report,
]
