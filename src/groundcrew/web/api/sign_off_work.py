"""The work of those who sign: what waits for them, taking it and letting it go, judging again, and being away."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.absence import Absence
from groundcrew.domain.moments import in_utc
from groundcrew.domain.sign_off import Claim, Decision
from groundcrew.errors import InputError
from groundcrew.services.second_reviews import Agreement, SecondTask
from groundcrew.services.sign_off_queue import Unattended, Waiting
from groundcrew.web.api.common import (
    PAGE_ROWS_DEFAULT,
    REASON_LENGTH_MAX,
    ApiRequest,
    PageSize,
    person_of,
    principal_of,
    services_of,
)
from groundcrew.web.api.sign_offs import require_no_blinding
from groundcrew.web.authorization import require

NOT_A_PERSON = "a key can not sign"


class WaitingDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-off as the person who asks sees it, the text that an approval would sign now, and that text's sha256."""

    waiting: Waiting
    text: str
    sha256: str


class SecondJudgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a second person would have decided; `comment` says what they would change, or why they would reject it."""

    decision: Decision
    comment: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    grounded: bool | None = None


class NewAbsence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when to when somebody is away; `person` is who asks, where left out. Times without a zone are refused."""

    starts_at: datetime
    ends_at: datetime
    delegate: Annotated[str, msgspec.Meta(min_length=1, max_length=254)] | None = None
    person: Annotated[str, msgspec.Meta(min_length=1, max_length=254)] | None = None


@get("/sign-offs/queue", action="read", tags=["sign-offs"], summary="What waits, the most urgent first")
async def queue(
    request: ApiRequest,
    use_case: FromQuery[str | None] = None,
    mine: FromQuery[bool] = False,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[Waiting]]:
    """Overdue ones first; with `mine` only those that the person who asks is qualified for."""
    person = principal_of(request).user
    found = await services_of(request).sign_off_queue.waiting(person, use_case=use_case, only_mine=mine, limit=limit)
    return {"waiting": found}


@get("/sign-offs/unattended", action="read", tags=["sign-offs"], summary="Where nobody is there to sign")
async def unattended(request: ApiRequest) -> dict[str, list[Unattended]]:
    """Use cases for whose drafts fewer qualified people are there than a signature takes."""
    return {"unattended": await services_of(request).sign_off_queue.unattended()}


@get("/sign-offs/agreement", action="read", tags=["sign-offs"], summary="Agreement of blind second reviews")
async def agreement(request: ApiRequest, use_case: FromQuery[str | None] = None) -> dict[str, list[Agreement]]:
    """How far first and second decisions agree, by use case and qualification."""
    return {"agreement": await services_of(request).second_reviews.agreement(use_case=use_case)}


@get("/sign-offs/second-reviews", action="decide_sign_off", tags=["sign-offs"], summary="Drafts to judge a second time")
async def second_reviews(request: ApiRequest, use_case: FromQuery[str | None] = None) -> dict[str, list[SecondTask]]:
    """Decided drafts that the person who asks may judge without seeing what was decided, the oldest first."""
    person = person_of(request, NOT_A_PERSON)
    return {"tasks": await services_of(request).second_reviews.waiting(person, use_case=use_case)}


@post("/sign-offs/next", action="decide_sign_off", status_code=200, tags=["sign-offs"], summary="Take the most urgent draft")
async def claim_next(request: ApiRequest, use_case: FromQuery[str | None] = None) -> dict[str, WaitingDraft | None]:
    """Claim the most urgent draft that the person may decide and nobody has before them; null where there is none."""
    person = person_of(request, NOT_A_PERSON)
    services = services_of(request)
    taken = await services.sign_offs.claim_next(person, use_case=use_case)
    return {"next": None if taken is None else _draft(await services.sign_off_queue.standing(taken.id, person))}


@get("/sign-offs/{sign_off_id:str}/draft", action="decide_sign_off", tags=["sign-offs"], summary="One draft, to decide it")
async def draft(request: ApiRequest, sign_off_id: FromPath[str]) -> WaitingDraft:
    """The sign-off with the text that stands, who has it before them, and what keeps the person from deciding it."""
    found = await services_of(request).sign_off_queue.standing(sign_off_id, person_of(request, NOT_A_PERSON))
    require_no_blinding(principal_of(request), found.sign_off)
    return _draft(found)


@post(
    "/sign-offs/{sign_off_id:str}/claim", action="decide_sign_off", status_code=200, tags=["sign-offs"], summary="Claim a draft"
)
async def claim(request: ApiRequest, sign_off_id: FromPath[str]) -> Claim:
    """Take a draft for two minutes, or keep it for two more."""
    return await services_of(request).sign_offs.claim(sign_off_id, person_of(request, NOT_A_PERSON))


@post(
    "/sign-offs/{sign_off_id:str}/release-claim",
    action="decide_sign_off",
    status_code=204,
    tags=["sign-offs"],
    summary="Let go of a draft",
)
async def release_claim(request: ApiRequest, sign_off_id: FromPath[str]) -> None:
    """End the person's claim, so that others can take the draft."""
    await services_of(request).sign_offs.release_claim(sign_off_id, person_of(request, NOT_A_PERSON))


@post(
    "/sign-offs/{sign_off_id:str}/second-review",
    action="decide_sign_off",
    status_code=200,
    tags=["sign-offs"],
    summary="Judge a second time",
)
async def judge(request: ApiRequest, sign_off_id: FromPath[str], data: JSONBody[SecondJudgement]) -> dict[str, bool]:
    """Say what one would have decided; answers whether the first decision was the same."""
    judged = await services_of(request).second_reviews.judge(
        sign_off_id,
        data.decision,
        reviewer=person_of(request, NOT_A_PERSON),
        comment=data.comment,
        grounded=data.grounded,
    )
    return {"agrees": judged.decided_by == data.decision}


@get("/absences", action="read", tags=["sign-offs"], summary="Who is away")
async def absences(request: ApiRequest, person: FromQuery[str | None] = None) -> dict[str, list[Absence]]:
    """Absences that last or are to come."""
    return {"absences": await services_of(request).absences.find(person=person)}


@post("/absences", action="decide_sign_off", tags=["sign-offs"], summary="Say that somebody is away")
async def start_absence(request: ApiRequest, data: JSONBody[NewAbsence]) -> Absence:
    """Be away, with somebody in one's place where named; an administrator may say it of others."""
    person, principal = person_of(request, NOT_A_PERSON), principal_of(request)
    services = services_of(request)
    if data.person is not None and data.person != person.name:
        require(principal, "manage_users")
        person = await services.users.get(data.person)
    return await services.absences.start(
        person,
        starts_at=_utc(data.starts_at, "starts_at"),
        ends_at=_utc(data.ends_at, "ends_at"),
        delegate=data.delegate,
        actor=principal.actor,
    )


@post("/absences/{absence_id:str}/end", action="decide_sign_off", status_code=200, tags=["sign-offs"], summary="Be back")
async def end_absence(request: ApiRequest, absence_id: FromPath[str]) -> Absence:
    """End one's own absence before its time, or call it off."""
    person = person_of(request, NOT_A_PERSON)
    mine = None if "admin" in person.roles else person
    return await services_of(request).absences.end(absence_id, actor=principal_of(request).actor, person=mine)


def _draft(waiting: Waiting) -> WaitingDraft:
    return WaitingDraft(waiting=waiting, text=waiting.sign_off.text_to_sign, sha256=waiting.sign_off.sha256_to_sign)


def _utc(moment: datetime, field: str) -> datetime:
    if moment.tzinfo is None:
        raise InputError("expected a time with its zone, such as 2026-12-24T08:00:00Z", field=field)
    return in_utc(moment, field)


HANDLERS = [
    queue,
    unattended,
    agreement,
    second_reviews,
    claim_next,
    draft,
    claim,
    release_claim,
    judge,
    absences,
    start_absence,
    end_absence,
]
