"""Sign-offs: what waits for a person, its text once released, and the decision, which only a person can make."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.sign_off import SignOff, SignOffState
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, ApiRequest, PageSize, person_of, principal_of, services_of
from groundcrew.web.authorization import require_own


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """What an application learns by polling: the state, and the text only once a person has released it."""

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


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's decision. An edit needs `text`, a rejection needs `comment`. `grounded` says whether the sources support every
    claim of the draft: an approval says so, an edit or rejection says nothing of it where it is left out."""

    decision: Literal["approve", "edit", "reject"]
    text: str | None = None
    grounded: bool | None = None
    comment: str = ""


@get("/sign-offs", action="read", tags=["sign-offs"], summary="List sign-offs")
async def list_sign_offs(
    request: ApiRequest,
    state_now: Annotated[SignOffState | None, QueryParameter(name="state")] = None,
    use_case: FromQuery[str | None] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[SignOff]]:
    """The newest first, in one state or of one use case where given."""
    return {"sign_offs": await services_of(request).sign_offs.find(state=state_now, use_case=use_case, limit=limit)}


@get("/sign-offs/{sign_off_id:str}", action="read_sign_off", tags=["sign-offs"], summary="Poll one sign-off")
async def get_sign_off(request: ApiRequest, sign_off_id: FromPath[str]) -> Released:
    """The state of one sign-off, with the released text once it is approved or edited. Keys poll their own."""
    found = await services_of(request).sign_offs.get(sign_off_id)
    require_own(principal_of(request), found.use_case, f"sign-off {sign_off_id!r}")
    return released(found)


@post("/sign-offs/{sign_off_id:str}/decide", action="decide_sign_off", status_code=200, tags=["sign-offs"], summary="Decide")
async def decide(request: ApiRequest, sign_off_id: FromPath[str], data: JSONBody[Decision]) -> Released:
    """Approve the draft, replace it, or reject it. Only a person with the qualification, only once."""
    signer = person_of(request, "a key can not sign")
    return released(
        await services_of(request).sign_offs.decide(
            sign_off_id, data.decision, signer=signer, text=data.text, comment=data.comment, grounded=data.grounded
        )
    )


def released(sign_off: SignOff) -> Released:
    """What may be told about a sign-off: never the draft."""
    done = sign_off.state in ("approved", "edited")
    return Released(
        id=sign_off.id,
        use_case=sign_off.use_case,
        call_id=sign_off.call_id,
        state=sign_off.state,
        requested_at=sign_off.requested_at,
        expires_at=sign_off.expires_at,
        signed_at=sign_off.signed_at,
        text=sign_off.final_text if done else None,
        sha256=sign_off.signed_sha256 if done else None,
        comment=sign_off.comment or None,
    )


HANDLERS = [list_sign_offs, get_sign_off, decide]
