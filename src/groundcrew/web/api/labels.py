"""Labels: drawn answers handed out to people one by one, what they say of them, and how far scores can be relied on from that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.call import SourceReference
from groundcrew.domain.trust_label import CLAIM_MARKS_MAX, REASON_LENGTH_MAX, ClaimMark, Design, Purpose, TrustLabel
from groundcrew.domain.trust_rules import Calibration
from groundcrew.domain.user import User
from groundcrew.services.labels import LabelTask, QueueState
from groundcrew.services.trust import TrustOverview
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, person_of, principal_of, services_of


class ClaimPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a claim stands in the answer, and the passage nearest to it. What the score makes of it is not told: people judge
    first."""

    start: int
    end: int
    source: int | None = None
    quote: tuple[int, int] | None = None


class LabelTaskOut(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn answer to judge against its sources. `until` is when it goes to somebody else; `label` what one said before."""

    call_id: str
    use_case: str
    question: str
    answer: str
    sources: tuple[SourceReference, ...]
    claims: tuple[ClaimPlace, ...]
    design: Design
    purpose: Purpose
    probability: float
    until: datetime
    label: TrustLabel | None = None


class NextTask(msgspec.Struct, frozen=True, kw_only=True):
    """The next answer, None where none waits for this person, and how far the labelling has come."""

    task: LabelTaskOut | None
    queue: QueueState


class NewLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says: whether the sources support every claim. Null skips the answer, with a reason."""

    supported: bool | None
    claims: Annotated[list[ClaimMark], msgspec.Meta(max_length=CLAIM_MARKS_MAX)] = []
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/use-cases/{name:str}/trust", action="read", tags=["labels"], summary="How far trust scores can be relied on")
async def trust_of_use_case(request: ApiRequest, name: FromPath[str]) -> TrustOverview:
    """Labels by origin, calibration with its curve and figures, whether it is in doubt, and the guarantee as it stands now."""
    return await services_of(request).trust.report(name)


@post(
    "/use-cases/{name:str}/recalibrate",
    action="recalibrate",
    status_code=200,
    tags=["labels"],
    summary="Fit the calibration anew",
)
async def recalibrate(request: ApiRequest, name: FromPath[str]) -> Calibration:
    """Fit the score of the current version on its labels and publish it to the gateways. 409 while they are too few."""
    return await services_of(request).trust.recalibrate(name, actor=principal_of(request).actor)


@get("/labels", action="read", tags=["labels"], summary="List labels")
async def list_labels(
    request: ApiRequest, use_case: FromQuery[str], limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[TrustLabel]]:
    """The newest labels of a use case first, revisions and other versions included. Sample data says so in `sample`. What a
    signature said of a draft that the person may still judge a second time is left out."""
    return {"labels": await visible(request, await services_of(request).labels.find(use_case, limit=limit))}


@post("/use-cases/{name:str}/labels/next", action="label", status_code=200, tags=["labels"], summary="Take the next drawn answer")
async def next_task(request: ApiRequest, name: FromPath[str]) -> NextTask:
    """Take the next drawn answer for a while, in an order that nobody chooses. Only a qualified person who did not build it."""
    labels = services_of(request).labels
    task = await labels.next(name, labeller_of(request))
    return NextTask(task=task_out(task) if task is not None else None, queue=await labels.queue(name))


@post("/labels/{call_id:str}", action="label", status_code=200, tags=["labels"], summary="Label a drawn answer")
async def label(request: ApiRequest, call_id: FromPath[str], data: JSONBody[NewLabel]) -> TrustLabel:
    """Say whether the sources support every claim. The same again changes nothing; something else is a revision."""
    return await services_of(request).labels.label(
        call_id, labeller=labeller_of(request), supported=data.supported, claims=data.claims, reason=data.reason
    )


def labeller_of(request: ApiRequest) -> User:
    """The person who asks; a key can not judge."""
    return person_of(request, "a key can not label")


async def visible(request: ApiRequest, found: Sequence[TrustLabel]) -> list[TrustLabel]:
    """`found` without what would tell the person who asks how a draft was decided that they may judge a second time."""
    calls = [each.call_id for each in found if each.origin == "sign_off"]
    hidden = await services_of(request).second_reviews.hidden_from(principal_of(request).user, calls=calls)
    ids = {each.call_id for each in hidden}
    return [each for each in found if each.origin != "sign_off" or each.call_id not in ids]


def task_out(task: LabelTask) -> LabelTaskOut:
    """A task as its person may see it."""
    return LabelTaskOut(
        call_id=task.call.id,
        use_case=task.draw.use_case,
        question=task.call.request,
        answer=task.answer.text,
        sources=task.call.sources,
        claims=tuple(
            ClaimPlace(start=each.start, end=each.end, source=each.source, quote=each.quote) for each in task.answer.report.claims
        ),
        design=task.draw.design,
        purpose=task.draw.purpose,
        probability=task.draw.probability,
        until=task.until,
        label=task.own_label,
    )


HANDLERS = [trust_of_use_case, recalibrate, list_labels, next_task, label]
