"""The queue of sign-offs: what waits for the person who looks, the most urgent first; all drafts by state; absences; and how far
second reviews agree."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args
from urllib.parse import urlencode

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from groundcrew.domain.absence import Absence
from groundcrew.domain.moments import in_utc
from groundcrew.domain.sign_off import SignOff, SignOffState
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.second_reviews import SecondTask
from groundcrew.services.sign_off_queue import Unattended, Waiting
from groundcrew.web.api.common import person_of, services_of, views_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.review_marks import Timer, length, timer
from groundcrew.web.console.sign_off_page import Viewer, is_blind_for, signatures
from groundcrew.web.console.sign_offs import ONLY_A_PERSON, last_decision, next_of, viewer_of
from groundcrew.web.console.suggested import headline
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

SHOWN_MAX = 200
#: What a page lists besides the states that a sign-off can be in.
ALL = "all"
STATES: tuple[str, ...] = (*get_args(SignOffState), ALL)

UseCaseName = Annotated[str, msgspec.Meta(max_length=200)]


class NextForm(msgspec.Struct, frozen=True, kw_only=True):
    """Taking the most urgent draft, of one use case where named."""

    use_case: UseCaseName = ""


class AbsenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when one is away, UTC as a field for times writes it, and who may sign meanwhile."""

    starts_at: Annotated[str, msgspec.Meta(max_length=40)]
    ends_at: Annotated[str, msgspec.Meta(max_length=40)]
    delegate: Annotated[str, msgspec.Meta(max_length=200)] = ""


class PresentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form that is only a button."""


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One draft in a list."""

    id: str
    use_case: str
    draft: str
    reason: str
    qualification: str
    state: str
    waiting: str
    expires: str = "–"
    timer: Timer = Timer()
    signatures: str = ""
    signer: str | None = None
    holder: str | None = None
    held_until: datetime | None = None


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of the page. `address` is where it refreshes itself from."""

    mine: tuple[QueueRow, ...]
    others: tuple[QueueRow, ...]
    summary: str
    nothing: str
    qualifications: tuple[str, ...]
    use_case: str
    use_cases: tuple[str, ...]
    unattended: tuple[Unattended, ...]
    address: str


class AbsenceView(msgspec.Struct, frozen=True, kw_only=True):
    """The absence of who looks, now or to come; whom they may sign for; and whom they could name."""

    mine: Absence | None
    coming: Absence | None
    stands_for: tuple[str, ...]
    delegates: tuple[str, ...]


@get("/sign-offs", action="read")
async def sign_offs_page(
    request: PageRequest,
    state_now: Annotated[str, QueryParameter(name="state", max_length=20)] = "pending",
    use_case: Annotated[str, QueryParameter(max_length=200)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
    after: Annotated[str, QueryParameter(max_length=64)] = "",
) -> Page:
    """What waits for who looks, then everything."""
    return await _page(request, state_now=state_now, use_case=use_case, message=DONE.get(done), after=after)


@post("/sign-offs/next", action="decide_sign_off")
async def take_next(request: PageRequest) -> Page:
    """Take the most urgent draft."""
    form = await read_form(request, NextForm)
    following = await next_of(request, person_of(request, ONLY_A_PERSON), use_case=form.use_case or None)
    return see(f"/sign-offs/{following}" if following else "/sign-offs?done=nothing_free")


@post("/sign-offs/absent", action="decide_sign_off")
async def absent(request: PageRequest) -> Page:
    """Record that one is away."""
    form = await read_form(request, AbsenceForm)
    person = person_of(request, ONLY_A_PERSON)
    try:
        await services_of(request).absences.start(
            person,
            starts_at=_moment(form.starts_at, "starts_at"),
            ends_at=_moment(form.ends_at, "ends_at"),
            delegate=form.delegate or None,
        )
    except (Conflict, InputError) as error:
        problem, status = (error.message, 400) if isinstance(error, InputError) else (str(error), 409)
        return await _page(request, status=status, problem=problem, absence_form=form)
    return see("/sign-offs?done=absent")


@post("/sign-offs/present", action="decide_sign_off")
async def present(request: PageRequest) -> Page:
    """End one's absence, or call the next one off."""
    await read_form(request, PresentForm)
    services, person = services_of(request), person_of(request, ONLY_A_PERSON)
    found = await services.absences.find(person=person.name)
    if not found:
        return await _page(request, status=409, problem="you are not absent")
    try:
        await services.absences.end(found[0].id, actor=f"user:{person.name}", person=person)
    except (Conflict, NotFound) as error:
        return await _page(request, status=409, problem=str(error))
    return see("/sign-offs?done=present")


async def _page(
    request: PageRequest,
    *,
    state_now: str = "pending",
    use_case: str = "",
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    after: str = "",
    absence_form: AbsenceForm | None = None,
) -> Page:
    services, viewer = services_of(request), viewer_of(request)
    state_now = state_now if state_now in STATES else "pending"
    away = await _absence(request, viewer)
    return await render(
        request,
        "sign_offs.html",
        status=status,
        here="sign_offs",
        queue=await _queue(request, viewer, state_now=state_now, use_case=use_case, absent=away.mine is not None),
        absence=away,
        absence_form=absence_form,
        agreement=await services.second_reviews.agreement(use_case=use_case or None),
        state_now=state_now,
        states=STATES,
        last=await last_decision(request, after),
        message=message,
        problem=problem,
    )


async def _queue(request: PageRequest, viewer: Viewer, *, state_now: str, use_case: str, absent: bool) -> QueueView:
    services, now = services_of(request), services_of(request).database.clock.now()
    mine: list[QueueRow] = []
    if viewer.user is not None and viewer.may_decide and not absent:
        found = await services.sign_off_queue.waiting(viewer.user, use_case=use_case or None, only_mine=True, limit=SHOWN_MAX)
        mine = [_waiting_row(each, now) for each in found if each.sign_off.state == "pending" and not each.signed_by_me]
        reviews = await services.second_reviews.waiting(viewer.user, use_case=use_case or None, limit=SHOWN_MAX)
        mine += [_review_row(each, now) for each in reviews]
    query = {"state": state_now, "use_case": use_case}
    return QueueView(
        mine=tuple(mine),
        others=tuple(await _others(request, viewer, {each.id for each in mine}, state_now=state_now, use_case=use_case)),
        summary=_summary(mine),
        nothing=_nothing(viewer, absent=absent),
        qualifications=viewer.user.qualifications if viewer.user is not None else (),
        use_case=use_case,
        use_cases=(await views_of(request).scopes()).use_cases,
        unattended=tuple(each for each in await services.sign_off_queue.unattended() if each.waiting),
        address=f"/sign-offs?{urlencode({name: value for name, value in query.items() if value})}",
    )


async def _others(request: PageRequest, viewer: Viewer, mine: set[str], *, state_now: str, use_case: str) -> list[QueueRow]:
    services, now = services_of(request), services_of(request).database.clock.now()
    if state_now == "pending":
        waiting = await services.sign_off_queue.waiting(viewer.user, use_case=use_case or None, limit=SHOWN_MAX)
        return [_waiting_row(each, now) for each in waiting if each.sign_off.state == "pending" and each.sign_off.id not in mine]
    chosen: SignOffState | None = state_now if state_now in get_args(SignOffState) else None  # type: ignore[assignment]
    found = await services.sign_offs.find(state=chosen, use_case=use_case or None, limit=SHOWN_MAX)
    shown = [each for each in found if chosen is None or each.state == chosen]
    # To whom a decision is hidden, its being in a list of decisions would tell it.
    return [_row(each, now) for each in shown if each.id not in mine and not is_blind_for(each, viewer)]


async def _absence(request: PageRequest, viewer: Viewer) -> AbsenceView:
    services, now = services_of(request), services_of(request).database.clock.now()
    if viewer.user is None:
        return AbsenceView(mine=None, coming=None, stands_for=(), delegates=())
    found = await services.absences.find()
    own = [each for each in found if each.person == viewer.name]
    wanted = {*viewer.user.qualifications, *viewer.user.roles}
    users = [each for each in await services.users.find() if each.kind == "person" and not each.disabled]
    return AbsenceView(
        mine=next((each for each in own if each.lasts_at(now)), None),
        coming=next((each for each in own if each.starts_at > now), None),
        stands_for=tuple(each.person for each in found if each.lasts_at(now) and each.delegate == viewer.name),
        delegates=tuple(each.name for each in users if each.name != viewer.name and wanted & {*each.qualifications, *each.roles}),
    )


def _waiting_row(seen: Waiting, now: datetime) -> QueueRow:
    found = seen.sign_off
    return QueueRow(
        id=found.id,
        use_case=found.use_case,
        draft=headline(found.draft),
        reason=found.reason,
        qualification=found.qualification,
        state=found.state,
        waiting=_since(found.requested_at, now),
        expires=length(max(0.0, seen.expires_in_s)),
        timer=timer(seen),
        signatures=signatures(found),
        holder=seen.claim.holder if seen.claim else None,
        held_until=seen.claim.until if seen.claim else None,
    )


def _review_row(task: SecondTask, now: datetime) -> QueueRow:
    return QueueRow(
        id=task.sign_off_id,
        use_case=task.use_case,
        draft=headline(task.draft),
        reason="judged a second time, without the first decision",
        qualification=task.qualification,
        state="second_review",
        waiting=_since(task.requested_at, now),
    )


def _row(found: SignOff, now: datetime) -> QueueRow:
    return QueueRow(
        id=found.id,
        use_case=found.use_case,
        draft=headline(found.draft),
        reason=found.reason,
        qualification=found.qualification,
        state=found.state,
        waiting=_since(found.requested_at, now)
        if found.state == "pending"
        else f"{found.signed_at or found.expires_at:%Y-%m-%d}",
        expires=length(max(0.0, (found.expires_at - now).total_seconds())) if found.state == "pending" else "–",
        signatures=signatures(found),
        signer=found.signer,
    )


def _summary(rows: list[QueueRow]) -> str:
    parts = [f"{len(rows)} {'waits' if len(rows) == 1 else 'wait'}"]
    for urgency, word in (("overdue", "overdue"), ("soon", "due soon")):
        if number := sum(each.timer.urgency == urgency for each in rows):
            parts.append(f"{number} {word}")
    return ", ".join(parts)


def _nothing(viewer: Viewer, *, absent: bool) -> str:
    if viewer.user is None or not viewer.may_decide:
        return "Your roles only look: nothing is yours to sign."
    if absent:
        return "You are absent. What would wait for you waits for the others."
    if not viewer.user.qualifications:
        return "Nothing waits for you. You have no qualification to sign: an administrator gives it to an account under Users."
    return f"Nothing waits for you as {', '.join(viewer.user.qualifications)}."


def _since(moment: datetime, now: datetime) -> str:
    return length(max(0.0, (now - moment).total_seconds()))


def _moment(text: str, field: str) -> datetime:
    """A time as a field for times writes it, which knows no zone: the page says that it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("write a time as 2026-01-31T09:15", field=field) from None
    return in_utc(found, field)


HANDLERS = [sign_offs_page, take_next, absent, present]
