"""Held answers and the people who release them. A timeout never approves, and neither a key nor an agent can sign."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.canonical import digest
from groundcrew.domain.sign_off import CLAIM_S, EXPIRES_AFTER_S, Claim, Decision, SignOff, SignOffState, sampled
from groundcrew.domain.sign_off_steps import after_reading, as_of, check_decision, contradicted_in
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.feedback import _no_flush, _tell_nobody
from groundcrew.services.labels import label_by_sign_off
from groundcrew.services.lookups import require
from groundcrew.services.masking import detect_of, masked, require_masked
from groundcrew.services.second_reviews import blind_to
from groundcrew.services.sign_off_deliveries import tell
from groundcrew.services.sign_off_people import (
    QUALIFICATION_DEFAULT,
    absence_of,
    require_delegate,
    require_present,
    require_qualified,
    signer_of,
)
from groundcrew.services.sign_off_release import Release, checked_release
from groundcrew.services.stops import stop_reason
from groundcrew.services.suggested_labels import note_decision
from groundcrew.store import catalog
from groundcrew.store import sign_offs as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection, Database, Writer

#: What is shown of an edit in the audit log is at most so long, in bytes of JSON; the rest stays with the sign-off.
EDITS_BYTES_MAX = 16_384
#: How much of a contradicted claim a refusal quotes, in characters.
QUOTED_LENGTH = 120
#: Sign-offs whose time is over that are settled in one transaction.
SETTLED_AT_ONCE = 50
#: Who lets them expire and pass on.
KEEPER = "system:sign-offs"


async def request(writer: Writer, call: Call, use_case: UseCase | None) -> None:
    """Open the sign-off of a held call, in the transaction that records the call."""
    if call.sign_off_id is None:
        return
    rule = use_case.sign_off if use_case is not None else None
    requested_at = call.finished_at or call.received_at
    within = rule.respond_within_s if rule is not None else None
    lasts = (rule.expires_after_s if rule is not None else None) or EXPIRES_AFTER_S
    sign_off = SignOff(
        id=call.sign_off_id,
        use_case=call.use_case,
        call_id=call.id,
        qualification=rule.qualification if rule is not None else QUALIFICATION_DEFAULT,
        draft=call.withheld_answer,
        reason=str(call.details.get("held_because", "held for sign-off")),
        requested_at=requested_at,
        expires_at=writer.clock.now() + timedelta(seconds=lasts),
        readers=rule.readers if rule is not None else 1,
        due_at=None if within is None else requested_at + timedelta(seconds=within),
        respond_within_s=within,
        expires_after_s=lasts,
        escalate_to=rule.escalate_to if rule is not None else None,
        second_review="blind" if rule is not None and sampled(call.id, rule.second_review_share, "second-review") else None,
        webhook=rule.webhook if rule is not None else None,
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
        """One sign-off as its time has made it, for the people who decide; NotFound if there is none."""
        for attempt in range(2):
            async with self._database.read() as connection:
                found = await catalog.SIGN_OFFS.get(connection, sign_off_id)
            if found is not None:
                return as_of(found, self._now)
            if attempt == 0:
                await self._flush()
        raise NotFound(f"no sign-off {sign_off_id!r}")

    async def released(self, sign_off_id: str) -> Release:
        """What may leave of a sign-off now: the only way to a text that an application is handed. ReleaseRefused, noted in the
        audit log, where it is not what people signed; no text while a kill switch stops the use case."""
        try:
            return await checked_release(self._database, sign_off_id)
        except NotFound:
            await self._flush()
            return await checked_release(self._database, sign_off_id)

    async def find(self, *, state: SignOffState | None = None, use_case: str | None = None, limit: int = 200) -> list[SignOff]:
        """The newest first, in one state or of one use case where given."""
        equal = {name: value for name, value in (("state", state), ("use_case", use_case)) if value is not None}
        async with self._database.read() as connection:
            found = await catalog.SIGN_OFFS.find(connection, newest_first=True, limit=limit, **equal)
        return [as_of(each, self._now) for each in found]

    async def claim(self, sign_off_id: str, person: User) -> Claim:
        """Take a waiting draft, or keep it, for CLAIM_S seconds: while that lasts nobody else decides. Conflict where it waits no
        more, somebody else has it, or the person is away; NotAllowed for who could not decide it."""
        async with self._database.operate() as connection:
            pending = as_of(await require(connection, catalog.SIGN_OFFS, sign_off_id), self._now)
            await self._require_decider(connection, pending, person)
            return await self._claim(connection, pending, person)

    async def claim_next(self, person: User, *, use_case: str | None = None) -> SignOff | None:
        """Take the most urgent draft that this person may decide and nobody has before them; None where there is none."""
        async with self._database.operate() as connection:
            account = await signer_of(connection, person)
            require_present(await stored.absences_at(connection, self._now), account.name)
            wanted = frozenset((*account.qualifications, *account.roles))
            for each in await stored.waiting(connection, qualifications=wanted, use_case=use_case, limit=stored.WAITING_MAX):
                pending = as_of(each, self._now)
                try:
                    await self._require_decider(connection, pending, account)
                    await self._claim(connection, pending, account)
                except (Conflict, NotAllowed):
                    continue
                return pending
        return None

    async def release_claim(self, sign_off_id: str, person: User) -> None:
        """Let go of a draft; nothing happens where it is not this person's."""
        async with self._database.operate() as connection:
            await stored.end_claim(connection, sign_off_id, person.name)

    async def decide(
        self,
        sign_off_id: str,
        decision: Decision,
        *,
        signer: User,
        text: str | None = None,
        comment: str = "",
        grounded: bool | None = None,
        on_behalf_of: str | None = None,
        sha256: str | None = None,
        contradictions_checked: bool = False,
        own_words: Sequence[str] = (),
    ) -> SignOff:
        """Approve the text that stands, replace it by `text`, or reject the draft with a comment. Only a qualified person who is
        not away, only while it waits, and only its holder where somebody has claimed it. A comment is masked as the draft is. A
        text that would have to be masked is not signed: WouldBeMasked carries it masked, to be read and signed instead.

        The text leaves once `readers` different people have signed the same bytes: an edit voids the signatures before it.
        `sha256` is that of the text which the reader saw; an approval of a text that somebody edited needs it. `grounded` says
        whether the sources support every claim of the draft: approving the draft says so, an edit for its tone says nothing
        unless the signer does. What is said is a label of the draft. `on_behalf_of` is the absent person who named the signer.
        Who signs a text with a claim that its sources contradict says `contradictions_checked`; InputError otherwise. `own_words`
        are words of a code system, which stay readable in the text.
        """
        check_decision(decision, text=text, comment=comment, grounded=grounded)
        text = text if decision == "edit" else None
        comment = await self._checked(sign_off_id, text, comment, own_words)
        async with self._database.write(f"user:{signer.name}") as writer:
            stands = await require(writer.connection, catalog.SIGN_OFFS, sign_off_id)
            pending = as_of(stands, self._now)
            account = await self._require_decider(writer.connection, pending, signer, on_behalf_of=on_behalf_of)
            await _require_unclaimed(writer.connection, pending, account, self._now)
            _require_seen(pending, decision, sha256)
            if decision != "reject" and not contradictions_checked:
                await _require_no_contradiction(writer.connection, pending, pending.text_to_sign if text is None else text)
            says = True if decision == "approve" and pending.proposed_text is None else grounded
            signed = after_reading(
                pending,
                decision,
                reader=account.name,
                now=self._now,
                text=text,
                comment=comment,
                grounded=says,
                on_behalf_of=on_behalf_of,
            )
            if pending is not stands:
                await _settle(writer, pending)
            await _keep(writer, signed, decision)
            labelled = None
            if signed.state != "pending":
                use_case = await catalog.USE_CASES.get(writer.connection, signed.use_case)
                labelled = await label_by_sign_off(writer, signed, use_case, account)
                await note_decision(writer, signed, use_case)
        if labelled is not None:
            await self._labelled(signed.use_case)
        return signed

    async def settle(self) -> list[SignOff]:
        """Let those whose time is over pass on or expire, SETTLED_AT_ONCE at most; returns what they are now. Doing it twice, or
        in several processes at once, does it once."""
        async with self._database.read() as connection:
            ids = await stored.run_out(connection, self._now, limit=SETTLED_AT_ONCE)
        if not ids:
            return []
        settled = []
        async with self._database.write(KEEPER) as writer:
            for each in ids:
                found = await catalog.SIGN_OFFS.get(writer.connection, each)
                if found is not None and (now := as_of(found, self._now)) is not found:
                    await _settle(writer, now)
                    settled.append(now)
        return settled

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()

    async def _require_decider(
        self, connection: Connection, sign_off: SignOff, person: User, *, on_behalf_of: str | None = None
    ) -> User:
        """The account of who may decide this now; raises what keeps them from it."""
        if blind_to(sign_off, person):
            raise Conflict(f"somebody has decided {sign_off.id}: you may judge it a second time")
        if sign_off.state != "pending":
            raise Conflict(f"sign-off {sign_off.id} is {sign_off.state}")
        account = await signer_of(connection, person)
        require_qualified(account, sign_off.qualification)
        absences = await stored.absences_at(connection, self._now)
        require_present(absences, account.name)
        if on_behalf_of is not None:
            await require_delegate(
                connection, absences, delegate=account.name, absent=on_behalf_of, qualification=sign_off.qualification
            )
        if stopped := await stop_reason(connection, sign_off.use_case, sign_off.call_id):
            raise Conflict(f"{sign_off.use_case} is {stopped}: nothing is signed meanwhile")
        return account

    async def _claim(self, connection: Connection, sign_off: SignOff, account: User) -> Claim:
        if account.name in {each.reader for each in sign_off.standing}:
            raise Conflict(f"{account.name} has signed {sign_off.id} already: a second person must sign it")
        for absent in await stored.absences_at(connection, self._now):
            await stored.end_claim(connection, sign_off.id, absent.person)
        until = min(self._now + timedelta(seconds=CLAIM_S), sign_off.expires_at)
        if not await stored.claim(connection, sign_off.id, account.name, now=self._now, until=until):
            await _require_unclaimed(connection, sign_off, account, self._now)
            raise Conflict(f"somebody else has sign-off {sign_off.id} before them")
        return Claim(sign_off_id=sign_off.id, holder=account.name, until=until)

    async def check_text(self, sign_off_id: str, text: str) -> None:
        """Look whether `text` could be signed as it is, without signing it; WouldBeMasked otherwise."""
        await self._checked(sign_off_id, text, "")

    async def _checked(self, sign_off_id: str, text: str | None, comment: str, own_words: Sequence[str] = ()) -> str:
        """The comment of a signer as it may be kept: masked like the draft, with what the call's passages say left readable.
        WouldBeMasked where that would change the text: nobody signs what they have not seen."""
        if not (text or comment):
            return comment
        async with self._database.read() as connection:
            pending = await require(connection, catalog.SIGN_OFFS, sign_off_id)
            call = await CALLS.get(connection, pending.call_id)
            detect = await detect_of(connection, await catalog.USE_CASES.get(connection, pending.use_case))
        published = [each.text for each in call.sources] if call is not None else []
        known = [*published, pending.draft, pending.text_to_sign, *own_words]
        if text is not None:
            await require_masked(text, detect, published=known)
        _, safe = await masked([text or "", comment], detect, published=known)
        return safe


async def _require_unclaimed(connection: Connection, sign_off: SignOff, account: User, now: datetime) -> None:
    """Conflict where somebody else, who is not away, has it before them."""
    claim = (await stored.claims(connection, [sign_off.id], now)).get(sign_off.id)
    if claim is None or claim.holder == account.name:
        return
    if absence_of(await stored.absences_at(connection, now), claim.holder) is None:
        raise Conflict(f"{claim.holder} has sign-off {sign_off.id} before them until {claim.until:%H:%M:%S} UTC")


def _require_seen(sign_off: SignOff, decision: Decision, sha256: str | None) -> None:
    """Conflict where the reader approves another text than the one that they saw."""
    if sha256 is None and decision == "approve" and sign_off.proposed_text is not None:
        raise Conflict(f"somebody edited {sign_off.id}: look at the text that stands, and name its sha256 with the approval")
    if sha256 is not None and sha256 != sign_off.sha256_to_sign:
        raise Conflict(f"somebody edited {sign_off.id} meanwhile: look at the text that stands now")


async def _require_no_contradiction(connection: Connection, sign_off: SignOff, text: str) -> None:
    """InputError where the sources contradict a claim of the text that is to be signed, or nobody can tell: nobody signs that in
    passing."""
    call = await CALLS.get(connection, sign_off.call_id)
    if call is None:
        raise InputError("the call of this draft is not recorded: say that you checked it", field="contradictions_checked")
    found = contradicted_in(text, sign_off.draft, call.withheld_trust or call.trust)
    if found:
        first = sign_off.draft[found[0].start : found[0].end][:QUOTED_LENGTH]
        raise InputError(
            f"the sources contradict {len(found)} of this draft's claims, first {first!r}: look at them, and say that you have "
            "checked the contradicted claims",
            field="contradictions_checked",
        )


async def _settle(writer: Writer, sign_off: SignOff) -> None:
    """Write what time has made of a sign-off, and tell of it."""
    expired = sign_off.state == "expired"
    reason = "nobody decided in time" if expired else f"nobody decided in time: passes to {sign_off.qualification}"
    await catalog.SIGN_OFFS.put(writer, sign_off, "expire" if expired else "escalate", reason=reason)
    await stored.end_claim(writer.connection, sign_off.id)
    if sign_off.webhook is not None:
        await tell(writer, sign_off, "expired" if expired else "escalated", channel=sign_off.webhook)


async def _keep(writer: Writer, signed: SignOff, decision: Decision) -> None:
    """Write a decision with what the audit log says of it, free the draft, and tell whoever waits for the outcome."""
    last = signed.readings[-1]
    details: dict[str, Any] = {"state": signed.state, "signatures": len(signed.standing), "readers": signed.readers}
    if last.sha256 is not None:
        details["sha256"] = last.sha256
    if last.on_behalf_of is not None:
        details["on_behalf_of"] = last.on_behalf_of
    if signed.edits:
        edits = msgspec.json.encode(signed.edits)
        details["edits_sha256"] = digest(signed.edits)
        if len(edits) <= EDITS_BYTES_MAX:
            details["edits"] = msgspec.to_builtins(signed.edits)
    await catalog.SIGN_OFFS.put(writer, signed, decision, reason=last.comment, details=details)
    await stored.end_claim(writer.connection, signed.id)
    if signed.webhook is not None and signed.state != "pending":
        await tell(writer, signed, "rejected" if signed.state == "rejected" else "released", channel=signed.webhook)
