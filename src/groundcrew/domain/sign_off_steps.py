"""What happens to a sign-off, from one value to the next: its time passes, a person reads it, a second one judges the draft.

Nothing here is durable: the services read the value, take one step and write it, in one transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.sign_off import READINGS_MAX, Decision, Reading, SignOff, SignOffState, text_digest
from groundcrew.domain.sign_off_edits import edits_between, removed_from
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.errors import Conflict, InputError


def as_of(sign_off: SignOff, now: datetime) -> SignOff:
    """`sign_off` as its time has made it: past `expires_at` it passes on, once, where it has somewhere to pass to, or expires.

    Passing on starts both times again, asks for the other qualification and voids what was signed: the new people answer for
    the text alone.
    """
    if sign_off.state != "pending" or now < sign_off.expires_at:
        return sign_off
    if sign_off.escalate_to is None or sign_off.escalated_at is not None:
        return msgspec.structs.replace(sign_off, state="expired")
    lasts = timedelta(seconds=sign_off.expires_after_s or (sign_off.expires_at - sign_off.requested_at).total_seconds())
    within = sign_off.respond_within_s
    return msgspec.structs.replace(
        sign_off,
        qualification=sign_off.escalate_to,
        escalated_from=sign_off.qualification,
        escalated_at=now,
        expires_at=now + lasts,
        due_at=None if within is None else now + timedelta(seconds=within),
        readings=tuple(msgspec.structs.replace(each, void=True) for each in sign_off.readings),
        proposed_text=None,
        edits=(),
    )


def after_reading(
    sign_off: SignOff,
    decision: Decision,
    *,
    reader: str,
    now: datetime,
    text: str | None = None,
    comment: str = "",
    grounded: bool | None = None,
    on_behalf_of: str | None = None,
) -> SignOff:
    """`sign_off` after one person's decision. It is released once as many different people as it takes stand by the same bytes.

    A rejection ends it. An edit voids every signature of another text. Conflict where it waits no more, where the reader's
    signature stands already, and for the edit that would be one reading too many.
    """
    if sign_off.state != "pending":
        raise Conflict(f"sign-off {sign_off.id} is {sign_off.state}")
    people = {each.casefold() for reading in sign_off.standing for each in (reading.reader, reading.on_behalf_of) if each}
    if decision != "reject" and people & {each.casefold() for each in (reader, on_behalf_of) if each}:
        raise Conflict(f"{on_behalf_of or reader} has signed {sign_off.id} already: a second person must sign it")
    if decision == "edit" and len(sign_off.readings) >= READINGS_MAX:
        raise Conflict(f"sign-off {sign_off.id} was changed too often: approve it or reject it")
    final = None if decision == "reject" else text if decision == "edit" else sign_off.text_to_sign
    if decision == "edit" and grounded is False and final == sign_off.draft:
        raise InputError("a draft with an unsupported claim is not approved: this edit changes nothing of it", field="text")
    signed = None if final is None else text_digest(final)
    reading = Reading(
        reader=reader, decision=decision, at=now, sha256=signed, comment=comment, grounded=grounded, on_behalf_of=on_behalf_of
    )
    before = tuple(
        each if final is None or each.sha256 == signed else msgspec.structs.replace(each, void=True) for each in sign_off.readings
    )
    read = msgspec.structs.replace(sign_off, readings=(*before, reading))
    if final is None:
        return _decided(read, "rejected", reading, None)
    stands = None if final == sign_off.draft else final
    read = msgspec.structs.replace(read, proposed_text=stands, edits=edits_between(sign_off.draft, final))
    if len({each.reader.casefold() for each in read.standing}) < sign_off.readers:
        return read
    return _decided(read, "approved" if final == sign_off.draft else "edited", reading, final)


def _decided(sign_off: SignOff, state: SignOffState, last: Reading, final: str | None) -> SignOff:
    said = [each.grounded for each in sign_off.readings if not each.void and each.grounded is not None]
    return msgspec.structs.replace(
        sign_off,
        state=state,
        signer=last.reader,
        signed_at=last.at,
        final_text=final,
        signed_sha256=last.sha256,
        proposed_text=None,
        grounded=all(said) if said else None,
        comment=last.comment,
        edits=sign_off.edits if final is not None else (),
    )


def after_second_review(
    sign_off: SignOff,
    decision: Decision,
    *,
    reviewer: str,
    now: datetime,
    comment: str = "",
    grounded: bool | None = None,
) -> SignOff:
    """`sign_off` after a second person judged its draft. Conflict where none is asked for or it was judged already; nobody judges
    what they have read."""
    if sign_off.second_review is None or sign_off.decided_by is None:
        raise Conflict(f"sign-off {sign_off.id} takes no second review")
    if sign_off.second_reading is not None:
        raise Conflict(f"sign-off {sign_off.id} was judged a second time already")
    if reviewer.casefold() in {each.casefold() for each in people_of(sign_off)}:
        raise Conflict(f"{reviewer} has read {sign_off.id} already: another person judges it")
    reading = Reading(reader=reviewer, decision=decision, at=now, comment=comment, grounded=grounded)
    return msgspec.structs.replace(sign_off, second_reading=reading)


def people_of(sign_off: SignOff) -> set[str]:
    """Everybody who has read it, or in whose place it was read."""
    return {each for reading in sign_off.readings for each in (reading.reader, reading.on_behalf_of) if each}


def release_problem(sign_off: SignOff) -> str:
    """Why the text of a decided sign-off may not leave; empty where it may. It leaves only as the very bytes that as many
    different people signed as it takes."""
    if sign_off.state not in ("approved", "edited") or sign_off.final_text is None:
        return f"it is {sign_off.state}: nothing was signed"
    found = text_digest(sign_off.final_text)
    if sign_off.signed_sha256 != found:
        return "the text is not the one that was signed"
    # Sign-offs of before there were readings have none; their signer is all that is known.
    signers = {each.reader.casefold() for each in sign_off.standing if each.sha256 == found}
    if sign_off.readings and len(signers) < sign_off.readers:
        return f"{len(signers)} of {sign_off.readers} people signed this text"
    if not sign_off.readings and (sign_off.signer is None or sign_off.readers != 1):
        return "nobody signed this text"
    return ""


def check_decision(decision: Decision, *, text: str | None, comment: str, grounded: bool | None) -> None:
    """InputError unless what was said makes a decision: an edit needs its text, a rejection its reason."""
    if decision == "approve" and grounded is False:
        raise InputError("a draft with an unsupported claim is not approved: edit or reject it", field="grounded")
    if decision == "edit" and not (text or "").strip():
        raise InputError("an edit needs the text to release", field="text")
    if decision == "reject" and not comment.strip():
        raise InputError("a rejection needs its reason", field="comment")


def contradicted_in(text: str, draft: str, report: TrustReport | None) -> tuple[ClaimScore, ...]:
    """The claims of `draft` that its sources contradict, less those that `text`, which is to be signed, has left out with every
    word. A changed word may be the wrong one: whether it is, a person has to say."""
    claims = [each for each in report.claims if each.contradicted] if report is not None else []
    removed = removed_from(draft, text) if claims else ()
    return tuple(
        each
        for each in claims
        if removed is None
        or any(
            draft[place].isalnum() and not any(start <= place < end for start, end in removed)
            for place in range(max(each.start, 0), min(each.end, len(draft)))
        )
    )


def without_texts(sign_off: SignOff, now: datetime) -> SignOff:
    """`sign_off` without any text that a person or a model wrote. Who decided what and when stays, and what was signed as its
    sha256."""
    second = sign_off.second_reading
    return msgspec.structs.replace(
        sign_off,
        draft="",
        comment="",
        final_text=None if sign_off.final_text is None else "",
        proposed_text=None,
        edits=(),
        readings=tuple(msgspec.structs.replace(each, comment="") for each in sign_off.readings),
        second_reading=None if second is None else msgspec.structs.replace(second, comment=""),
        redacted_at=now,
    )
