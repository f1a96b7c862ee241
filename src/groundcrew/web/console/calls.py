"""Recorded calls: the list, and the page of one: every claim of the answer beside the passage that it rests on."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from groundcrew.domain.call import LATENCY_PARTS, Call, CallStatus
from groundcrew.domain.feedback import COMMENT_LENGTH_MAX, CORRECTED_TEXT_LENGTH_MAX
from groundcrew.domain.trust import TrustReport
from groundcrew.services.feedback import NewRating
from groundcrew.services.second_reviews import blind_to
from groundcrew.web.api.calls import recorded_call
from groundcrew.web.api.common import principal_of, services_of, views_of
from groundcrew.web.console.highlight import Claim, MarkedSource, Segment, answer_segments, claims_of, marked_sources
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

CALLS_PER_PAGE = 50
#: Digits of a trace id.
TRACE_LENGTH = 32


class RateForm(msgspec.Struct, frozen=True, kw_only=True):
    """The rating form. `critical_harm` and `grounded` are empty where they were not answered."""

    stars: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: Annotated[str, msgspec.Meta(max_length=COMMENT_LENGTH_MAX)] = ""
    corrected_text: Annotated[str, msgspec.Meta(max_length=CORRECTED_TEXT_LENGTH_MAX)] = ""
    critical_harm: Literal["", "yes", "no"] = ""
    grounded: Literal["", "yes", "no"] = ""


class CheckedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer cut at its claims, with its sources marked."""

    text: str
    trust: TrustReport | None
    segments: tuple[Segment, ...]
    claims: tuple[Claim, ...]
    sources: tuple[MarkedSource, ...]


class PartTime(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a call's time, with its place on a bar of 100. `colour` is a number from 1, 0 for a part of an old record."""

    name: str
    ms: float
    start: float
    width: float
    colour: int


def checked(text: str, trust: TrustReport | None, call: Call) -> CheckedAnswer:
    """An answer of `call` with its claims and sources marked."""
    return CheckedAnswer(
        text=text,
        trust=trust,
        segments=answer_segments(text, trust),
        claims=claims_of(text, trust),
        sources=marked_sources(text, trust, call.sources),
    )


def latency_parts(latency_ms: dict[str, float]) -> tuple[PartTime, ...]:
    """The parts of a call's time as they happen; what of `total` is in none of them counts as `other`."""
    known: tuple[str, ...] = LATENCY_PARTS
    found = {name: max(0.0, value) for name, value in latency_ms.items() if name != "total"}
    rest = latency_ms.get("total", 0.0) - sum(found.values())
    if found and rest > 0.05:
        found["other"] = found.get("other", 0.0) + rest
    whole = max(sum(found.values()), 1e-9)
    placed, position = [], 0.0
    order = [*LATENCY_PARTS[:-1], *sorted(found.keys() - set(known)), LATENCY_PARTS[-1]]
    for name in (each for each in order if each in found):
        width = found[name] / whole * 100
        colour = known.index(name) + 1 if name in known else 0
        placed.append(PartTime(name=name, ms=found[name], start=round(position, 2), width=round(width, 2), colour=colour))
        position += width
    return tuple(placed)


@get("/calls", action="read")
async def calls_page(
    request: PageRequest,
    use_case: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    trace: Annotated[str, QueryParameter(max_length=64)] = "",
    before: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> Page:
    """Calls, newest first, a page at a time."""
    chosen = status if status in get_args(CallStatus) else None
    trace_id = trace.strip().lower()
    found = await services_of(request).calls.latest(
        use_case=use_case or None, status=chosen, trace_id=trace_id or None, before=before, limit=CALLS_PER_PAGE
    )
    names = (await views_of(request).scopes()).use_cases
    return await render(
        request,
        "calls.html",
        here="calls",
        calls=found,
        use_cases=names,
        use_case=use_case or "",
        status_now=chosen or "",
        statuses=get_args(CallStatus),
        trace=trace_id,
        trace_length=TRACE_LENGTH,
        older=found[-1].id if len(found) == CALLS_PER_PAGE else None,
        paged=before is not None,
        show_use_case=not use_case,
    )


@get("/calls/{call_id:str}", action="read")
async def call_page(
    request: PageRequest, call_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """One call."""
    return await _page(request, call_id, message=DONE.get(done))


@post("/calls/{call_id:str}/rate", action="rate")
async def rate(request: PageRequest, call_id: FromPath[str]) -> Page:
    """Rate a call."""
    form = await read_form(request, RateForm)
    principal = principal_of(request)
    await services_of(request).feedback.rate(
        NewRating(
            stars=form.stars,
            rater=principal.name,
            call_id=call_id,
            comment=form.comment,
            corrected_text=form.corrected_text,
            critical_harm=None if form.critical_harm == "" else form.critical_harm == "yes",
            grounded=None if form.grounded == "" else form.grounded == "yes",
        ),
        actor=principal.actor,
    )
    return see(f"/calls/{call_id}?done=rated#ratings")


async def _page(request: PageRequest, call_id: str, *, message: str | None) -> Page:
    call = await recorded_call(services_of(request), call_id)
    sign_off = await services_of(request).sign_offs.get(call.sign_off_id) if call.sign_off_id else None
    principal = principal_of(request)
    # Who may still judge the draft a second time is not told what was decided first.
    blind = sign_off is not None and principal.user is not None and blind_to(sign_off, principal.user)
    labels = await services_of(request).labels.of_call(call.id)
    withheld = checked(call.withheld_answer, call.withheld_trust, call) if call.withheld_answer else None
    return await render(
        request,
        "call.html",
        here="calls",
        call=call,
        sent=checked(call.answer, call.trust, call) if call.answer else None,
        withheld=withheld,
        sources=marked_sources("", None, call.sources),
        latency=latency_parts(call.latency_ms),
        latency_total=call.latency_ms.get("total", sum(call.latency_ms.values()) if call.latency_ms else None),
        labels=[each for each in labels if not (blind and each.origin == "sign_off")],
        ratings=await services_of(request).rating_queue.visible(
            call.use_case, await views_of(request).ratings_of_call(call.use_case, call.id), principal.name
        ),
        sign_off=sign_off,
        blind=blind,
        message=message,
    )


HANDLERS = [calls_page, call_page, rate]
