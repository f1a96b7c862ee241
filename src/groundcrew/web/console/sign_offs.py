"""Answers that wait for a person: the queue, and the page where one is released, changed or rejected."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.feedback import CORRECTED_TEXT_LENGTH_MAX
from groundcrew.domain.sign_off import SignOff, SignOffState
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.web.api.calls import recorded_call
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.authentication import Principal
from groundcrew.web.console.calls import checked
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

SIGN_OFFS_SHOWN = 200


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """A decision. `text` is what an edit releases."""

    decision: Literal["approve", "edit", "reject"]
    text: Annotated[str, msgspec.Meta(max_length=CORRECTED_TEXT_LENGTH_MAX)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    #: Empty where it was not said; an approval says yes.
    grounded: Literal["", "yes", "no"] = ""


@get("/sign-offs", action="read")
async def sign_offs_page(
    request: PageRequest,
    state_now: Annotated[str, QueryParameter(name="state", max_length=20)] = "pending",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """The queue; those that wait longest come first while they wait."""
    chosen: SignOffState | None = state_now if state_now in get_args(SignOffState) else None  # type: ignore[assignment]
    found = await services_of(request).sign_offs.find(state=chosen, limit=SIGN_OFFS_SHOWN)
    shown = [each for each in found if chosen is None or each.state == chosen]
    if chosen == "pending":
        shown.reverse()
    return await render(
        request,
        "sign_offs.html",
        here="sign_offs",
        sign_offs=shown,
        state_now=chosen or "all",
        states=get_args(SignOffState),
        message=DONE.get(done),
    )


@get("/sign-offs/{sign_off_id:str}", action="read")
async def sign_off_page(
    request: PageRequest, sign_off_id: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Page:
    """The draft beside its sources."""
    found = await services_of(request).sign_offs.get(sign_off_id)
    return await _page(request, found, message=DONE.get(done))


@post("/sign-offs/{sign_off_id:str}/decide", action="decide_sign_off")
async def decide(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Release the draft, another text, or nothing."""
    form = await read_form(request, DecisionForm)
    principal = principal_of(request)
    if principal.user is None:
        raise NotAllowed("only a person signs")
    try:
        await services_of(request).sign_offs.decide(
            sign_off_id,
            form.decision,
            signer=principal.user,
            text=form.text if form.decision == "edit" else None,
            comment=form.comment,
            grounded=None if form.grounded == "" else form.grounded == "yes",
        )
    except (Conflict, InputError, NotAllowed) as error:
        found = await services_of(request).sign_offs.get(sign_off_id)
        problem = error.message if isinstance(error, InputError) else str(error)
        status = 400 if isinstance(error, InputError) else 409 if isinstance(error, Conflict) else 403
        return await _page(request, found, status=status, problem=problem, form=form)
    return see(f"/sign-offs/{sign_off_id}?done=decided")


async def _page(
    request: PageRequest,
    sign_off: SignOff,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: DecisionForm | None = None,
) -> Page:
    call = await recorded_call(services_of(request), sign_off.call_id)
    return await render(
        request,
        "sign_off.html",
        status=status,
        here="sign_offs",
        sign_off=sign_off,
        call=call,
        draft=checked(sign_off.draft, call.withheld_trust or call.trust, call),
        qualified=_qualified(principal_of(request), sign_off),
        form=form,
        message=message,
        problem=problem,
    )


def _qualified(principal: Principal, sign_off: SignOff) -> bool:
    user = principal.user
    return user is not None and sign_off.qualification in (*user.qualifications, *user.roles)


HANDLERS = [sign_offs_page, sign_off_page, decide]
