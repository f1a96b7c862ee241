"""Sign-offs: what waits for a person, its text once released, and the decision, which only a person can make."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.sign_off import RELEASED_STATES, Decision, SignOff, SignOffState
from groundcrew.errors import Conflict
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.sign_off_release import Release
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, person_of, principal_of, services_of
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import require_own


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """What an application learns by polling: the state, and the text only once people have released it. While `withheld` says why
    a decided text is kept back, the state is still `pending`."""

    id: str
    use_case: str
    call_id: str
    state: SignOffState
    requested_at: datetime
    expires_at: datetime
    signed_at: datetime | None = None
    text: str | None = None
    sha256: str | None = None
    comment: str | None = None
    withheld: str | None = None


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's decision. An edit needs `text`, a rejection needs `comment`. `grounded` says whether the sources support every
    claim of the draft: an approval says so, an edit or rejection says nothing of it where it is left out. `sha256` is that of
    the text which the person saw, needed to approve one that somebody edited; `on_behalf_of` the absent person who named them.
    `contradictions_checked` is needed to sign a text with claims that its sources contradict."""

    decision: Decision
    text: str | None = None
    grounded: bool | None = None
    comment: str = ""
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    on_behalf_of: Annotated[str, msgspec.Meta(min_length=1, max_length=254)] | None = None
    contradictions_checked: bool = False


@get("/sign-offs", action="read", tags=["sign-offs"], summary="List sign-offs")
async def list_sign_offs(
    request: ApiRequest,
    state_now: Annotated[SignOffState | None, QueryParameter(name="state")] = None,
    use_case: FromQuery[str | None] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[SignOff]]:
    """The newest first, in one state or of one use case where given. Those that the person may still judge a second time are left
    out: what was decided is not theirs to see yet."""
    found = await services_of(request).sign_offs.find(state=state_now, use_case=use_case, limit=limit)
    person = principal_of(request).user
    return {"sign_offs": [each for each in found if person is None or not blind_to(each, person)]}


@get("/sign-offs/{sign_off_id:str}", action="read_sign_off", tags=["sign-offs"], summary="Poll one sign-off")
async def get_sign_off(request: ApiRequest, sign_off_id: FromPath[str]) -> Released:
    """The state of one sign-off, with the released text once it is approved or edited. Keys poll their own."""
    release = await services_of(request).sign_offs.released(sign_off_id)
    principal = principal_of(request)
    require_own(principal, release.sign_off.use_case, f"sign-off {sign_off_id!r}")
    require_no_blinding(principal, release.sign_off)
    return released(release)


@post("/sign-offs/{sign_off_id:str}/decide", action="decide_sign_off", status_code=200, tags=["sign-offs"], summary="Decide")
async def decide(request: ApiRequest, sign_off_id: FromPath[str], data: JSONBody[DecisionBody]) -> Released:
    """Approve the draft, replace it, or reject it. Only a person with the qualification, only once each. A text that would have
    to be masked is not signed: 400 `would_be_masked` with `error.text`, to be read and signed instead."""
    signer = person_of(request, "a key can not sign")
    services = services_of(request)
    await services.sign_offs.decide(
        sign_off_id,
        data.decision,
        signer=signer,
        text=data.text,
        comment=data.comment,
        grounded=data.grounded,
        sha256=data.sha256,
        on_behalf_of=data.on_behalf_of,
        contradictions_checked=data.contradictions_checked,
    )
    return released(await services.sign_offs.released(sign_off_id))


def require_no_blinding(principal: Principal, sign_off: SignOff) -> None:
    """Conflict where the person who asks is to judge the draft without knowing what was decided."""
    if principal.user is not None and blind_to(sign_off, principal.user):
        raise Conflict(f"you may judge {sign_off.id} a second time: say what you think of it first, or leave it to others")


def released(release: Release) -> Released:
    """What may be told about a sign-off: never the draft."""
    sign_off = release.sign_off
    told = sign_off.state not in RELEASED_STATES or not release.withheld
    return Released(
        id=sign_off.id,
        use_case=sign_off.use_case,
        call_id=sign_off.call_id,
        state=sign_off.state if told else "pending",
        requested_at=sign_off.requested_at,
        expires_at=sign_off.expires_at,
        signed_at=sign_off.signed_at if told else None,
        text=release.text,
        sha256=sign_off.signed_sha256 if told and sign_off.state in RELEASED_STATES else None,
        comment=(sign_off.comment or None) if sign_off.state != "pending" and told else None,
        withheld=release.withheld or None,
    )


HANDLERS = [list_sign_offs, get_sign_off, decide]
