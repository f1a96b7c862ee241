"""What an application is told of a sign-off through a channel. The outbox holds no text of it: the keeper puts the signed text in
when it sends, once it has found that its sha256 is the one that was signed."""

from __future__ import annotations

from typing import Any, Literal

from groundcrew.domain.sign_off import SignOff
from groundcrew.services.deliveries import enqueue
from groundcrew.store.database import Writer

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
