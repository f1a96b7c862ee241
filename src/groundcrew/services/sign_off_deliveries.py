"""What an application is told of a sign-off through a channel. The outbox holds no text of it: the keeper puts the signed text in
when it sends, once it has found that its sha256 is the one that was signed."""

from __future__ import annotations

from typing import Any, Literal

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.delivery import Channel, Delivery, Held, NotTaken
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.sign_off import SignOff
from groundcrew.services.deliveries import enqueue
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database, Writer

SignOffEvent = Literal["released", "rejected", "expired", "escalated"]
#: How events of sign-offs begin, and the one that carries a text.
EVENT_PREFIX = "sign_off."
RELEASED = "sign_off.released"


def delivery_key(sign_off_id: str, event: SignOffEvent) -> str:
    """The id of the delivery that tells of `event`: one of each per sign-off."""
    return f"sign-off/{sign_off_id}/{event}"


def released_body(sign_off: SignOff) -> dict[str, Any]:
    """What is told of `sign_off` as it is now, for the outbox. `sha256` is what was signed; who signed is in the audit log and is
    not told. `text`, and a rejection's `comment`, are added when it is sent, and only to a channel of kind webhook."""
    done = sign_off.state in ("approved", "edited")
    return {
        "id": sign_off.id,
        "use_case": sign_off.use_case,
        "call_id": sign_off.call_id,
        "state": sign_off.state,
        "sha256": sign_off.signed_sha256 if done else None,
        "signed_at": sign_off.signed_at.isoformat() if sign_off.signed_at is not None else None,
        "expires_at": sign_off.expires_at.isoformat(),
    }


async def tell(writer: Writer, sign_off: SignOff, event: SignOffEvent, *, channel: str) -> None:
    """Put what happened to `sign_off` into the outbox, in the transaction in which it happens."""
    await enqueue(
        writer,
        key=delivery_key(sign_off.id, event),
        channel=channel,
        event=EVENT_PREFIX + event,
        subject=f"sign-off/{sign_off.id}",
        body=released_body(sign_off),
    )


async def outgoing(database: Database, delivery: Delivery, channel: Channel) -> dict[str, Any]:
    """What leaves of `delivery` through `channel` now: its body, and for a sign-off what may be told beyond it.

    A released text goes to a webhook alone. NotTaken, for good, unless the text's sha256 is the one that was signed and told;
    Held while the use case is stopped.
    """
    if not delivery.event.startswith(EVENT_PREFIX) or channel.kind != "webhook":
        return delivery.body
    async with database.read() as connection:
        sign_off = await catalog.SIGN_OFFS.get(connection, str(delivery.body.get("id", "")))
        if sign_off is None:
            raise NotTaken("its sign-off is not there: nothing leaves", is_final=True)
        if delivery.event != RELEASED:
            return {**delivery.body, "comment": sign_off.comment or None} if sign_off.state == "rejected" else delivery.body
        if why := await _stopped(connection, sign_off.use_case):
            raise Held(f"waits: {why}")
    text, told = sign_off.final_text, delivery.body.get("sha256")
    if sign_off.state not in ("approved", "edited") or text is None:
        raise NotTaken(f"the sign-off is {sign_off.state}: no text leaves", is_final=True)
    if text == "" and told != sha256_hex(b""):
        raise NotTaken("the signed text is no longer kept", is_final=True)
    if not sha256_hex(text.encode()) == sign_off.signed_sha256 == told:
        raise NotTaken("the text is not the one that was signed (sha256): it does not leave", is_final=True)
    return {**delivery.body, "text": text}


async def _stopped(connection: Connection, name: str) -> str:
    """Why nothing of a use case is released now; "" where it may be."""
    use_case = await catalog.USE_CASES.get(connection, name)
    if use_case is None:
        return f"the use case {name} is not there"
    for scope in (Scope("all"), Scope("use-case", name), Scope("unit", use_case.business_unit)):
        switch = await catalog.KILL_SWITCHES.get(connection, str(scope))
        if switch is not None and switch.denies:
            return f"the kill switch of {scope} is {switch.state}"
    return f"{name} is suspended" if use_case.run_state == "suspended" else ""
