"""Held answers and the people who release them. A timeout never approves, and a key can not sign."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.sign_off import SignOff, SignOffState
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.feedback import _no_flush, _tell_nobody
from groundcrew.services.labels import label_by_sign_off
from groundcrew.services.lookups import require
from groundcrew.services.masking import detect_of, masked
from groundcrew.store import catalog
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Database, Writer

SIGN_OFF_WAIT_S = 7 * 86_400
#: Who may sign where a use case holds answers without naming a qualification.
QUALIFICATION_DEFAULT = "reviewer"


async def request(writer: Writer, call: Call, use_case: UseCase | None) -> None:
    """Open the sign-off of a held call, in the transaction that records the call."""
    if call.sign_off_id is None:
        return
    qualification = use_case.sign_off.qualification if use_case and use_case.sign_off else QUALIFICATION_DEFAULT
    sign_off = SignOff(
        id=call.sign_off_id,
        use_case=call.use_case,
        call_id=call.id,
        qualification=qualification,
        draft=call.withheld_answer,
        reason=str(call.details.get("held_because", "held for sign-off")),
        requested_at=call.finished_at or call.received_at,
        expires_at=writer.clock.now() + timedelta(seconds=SIGN_OFF_WAIT_S),
    )
    await catalog.SIGN_OFFS.put(writer, sign_off, "request")


class SignOffs:
    """The answers that wait, and what became of them."""

    def __init__(
        self,
        database: Database,
        flush: Callable[[], Awaitable[None]] = _no_flush,
        labelled: Callable[[str], Awaitable[None]] = _tell_nobody,
    ) -> None:
        self._database, self._flush, self._labelled = database, flush, labelled

    async def get(self, sign_off_id: str) -> SignOff:
        """One sign-off, expired if its time is over; NotFound if there is none."""
        for attempt in range(2):
            async with self._database.read() as connection:
                found = await catalog.SIGN_OFFS.get(connection, sign_off_id)
            if found is not None:
                return self._as_of_now(found)
            if attempt == 0:
                await self._flush()
        raise NotFound(f"no sign-off {sign_off_id!r}")

    async def find(self, *, state: SignOffState | None = None, use_case: str | None = None, limit: int = 200) -> list[SignOff]:
        """The newest first, in one state or of one use case where given."""
        equal = {name: value for name, value in (("state", state), ("use_case", use_case)) if value is not None}
        async with self._database.read() as connection:
            found = await catalog.SIGN_OFFS.find(connection, newest_first=True, limit=limit, **equal)
        return [self._as_of_now(each) for each in found]

    async def decide(
        self,
        sign_off_id: str,
        decision: Literal["approve", "edit", "reject"],
        *,
        signer: User,
        text: str | None = None,
        comment: str = "",
        grounded: bool | None = None,
    ) -> SignOff:
        """Approve the draft, replace it by `text`, or reject it with a comment. Only a qualified person, only once. Personal data
        in what the person writes is masked as in the draft.

        `grounded`: whether the sources support every claim of the draft. Approving says so; an edit for its tone says nothing
        unless the signer does. What is said is a label of the draft.
        """
        if decision == "approve" and grounded is False:
            raise InputError("a draft with an unsupported claim is not approved: edit or reject it", field="grounded")
        grounded = True if decision == "approve" else grounded
        if decision == "edit" and not (text or "").strip():
            raise InputError("an edit needs the text to release", field="text")
        if decision == "reject" and not comment.strip():
            raise InputError("a rejection needs its reason", field="comment")
        text, comment = await self._masked(sign_off_id, text, comment)
        async with self._database.write(f"user:{signer.name}") as writer:
            pending = self._as_of_now(await require(writer.connection, catalog.SIGN_OFFS, sign_off_id))
            if pending.state != "pending":
                raise Conflict(f"sign-off {sign_off_id} is {pending.state}")
            if pending.qualification not in (*signer.qualifications, *signer.roles):
                raise NotAllowed(f"{signer.name} is not qualified as {pending.qualification}")
            final = None if decision == "reject" else (text if decision == "edit" else pending.draft)
            states: dict[str, SignOffState] = {"approve": "approved", "edit": "edited", "reject": "rejected"}
            signed = msgspec.structs.replace(
                pending,
                state=states[decision],
                signer=signer.name,
                signed_at=self._database.clock.now(),
                final_text=final,
                signed_sha256=sha256_hex(final.encode()) if final is not None else None,
                grounded=grounded,
                comment=comment,
            )
            await catalog.SIGN_OFFS.put(writer, signed, decision, reason=comment)
            use_case = await catalog.USE_CASES.get(writer.connection, signed.use_case)
            labelled = await label_by_sign_off(writer, signed, use_case, signer)
        if labelled is not None:
            await self._labelled(signed.use_case)
        return signed

    async def _masked(self, sign_off_id: str, text: str | None, comment: str) -> tuple[str | None, str]:
        """What a signer writes, as it may be kept: like the draft, with what the call's passages say left readable. What is
        released is what was signed, so that it is masked before it is signed."""
        if not (text or comment):
            return text, comment
        async with self._database.read() as connection:
            pending = await require(connection, catalog.SIGN_OFFS, sign_off_id)
            call = await CALLS.get(connection, pending.call_id)
            detect = await detect_of(connection, await catalog.USE_CASES.get(connection, pending.use_case))
        published = [each.text for each in call.sources] if call is not None else []
        safe_text, safe_comment = await masked([text or "", comment], detect, published=[*published, pending.draft])
        return (None if text is None else safe_text), safe_comment

    def _as_of_now(self, sign_off: SignOff) -> SignOff:
        if sign_off.state == "pending" and self._database.clock.now() >= sign_off.expires_at:
            return msgspec.structs.replace(sign_off, state="expired")
        return sign_off
