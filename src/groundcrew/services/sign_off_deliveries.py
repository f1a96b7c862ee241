"""What an application is told of a sign-off through a channel. The outbox holds no text of it: the keeper puts the signed text in
when it sends, once it has found that its sha256 is the one that was signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from groundcrew.domain.delivery import Channel, Delivery, Held, NotTaken
from groundcrew.domain.sign_off import RELEASED_STATES, SignOff, text_digest
from groundcrew.errors import NotFound, ReleaseRefused
from groundcrew.services.deliveries import enqueue
from groundcrew.services.sign_off_release import checked_release
from groundcrew.store import catalog
from groundcrew.store.collection import IDS_MAX
from groundcrew.store.database import Database, Writer

SignOffEvent = Literal["released", "rejected", "expired", "escalated"]
#: How events of sign-offs begin, and the one that carries a text.
EVENT_PREFIX = "sign_off."
RELEASED = "sign_off.released"


def delivery_key(sign_off_id: str, event: SignOffEvent) -> str:
    """The id of the delivery that tells of `event`: one of each per sign-off."""
    return f"sign-off/{sign_off_id}/{event}"


def sign_off_of(subject_or_key: str) -> str | None:
    """The id of the sign-off that a delivery with this subject, or this id, tells of; None where it tells of something else."""
    noun, _, rest = subject_or_key.partition("/")
    return rest.partition("/")[0] or None if noun == "sign-off" else None


def released_body(sign_off: SignOff) -> dict[str, Any]:
    """What is told of `sign_off` as it is now, for the outbox. `sha256` is what was signed; who signed is in the audit log and is
    not told. `text`, and a rejection's `comment`, are added when it is sent, and only to a channel of kind webhook."""
    done = sign_off.state in RELEASED_STATES
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
    try:
        release = await checked_release(database, str(delivery.body.get("id", "")))
    except (NotFound, ReleaseRefused) as refusal:
        raise NotTaken(f"{refusal}: nothing leaves", is_final=True) from None
    sign_off = release.sign_off
    if delivery.event != RELEASED:
        return {**delivery.body, "comment": sign_off.comment or None} if sign_off.state == "rejected" else delivery.body
    if release.withheld:
        raise Held(f"waits: {release.withheld}")
    if sign_off.redacted_at is not None:
        raise NotTaken("the signed text is no longer kept", is_final=True)
    if release.text is None:
        raise NotTaken(f"the sign-off is {sign_off.state}: no text leaves", is_final=True)
    if text_digest(release.text) != delivery.body.get("sha256"):
        raise NotTaken("the text is not the one that was signed (sha256): it does not leave", is_final=True)
    return {**delivery.body, "text": release.text}


async def no_longer_pending(database: Database, ids: Sequence[str]) -> set[str]:
    """Which of these sign-offs are decided, or at the end of their time."""
    now, found = database.clock.now(), set[str]()
    async with database.read() as connection:
        for start in range(0, len(ids), IDS_MAX):
            some = await catalog.SIGN_OFFS.find_ids(connection, ids[start : start + IDS_MAX])
            found |= {each.id for each in some if each.state != "pending" or each.expires_at <= now}
    return found
