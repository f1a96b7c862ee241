"""Signed links by which somebody who does not sign in rates one call: no account, no cookie, no personal data.

A link is a call's id, an end and a nonce with an HMAC-SHA-256 over them; nothing of it is stored or logged but a digest. The
secrets lie in the database, each under an id that the link names, so that they can be rotated while earlier links still work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.feedback import Rating
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.feedback import Feedback, NewRating
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of
from groundcrew.store import catalog
from groundcrew.store import rating_queue as stored
from groundcrew.store.database import Database, Writer

EXPIRES_S_MIN, EXPIRES_S_MAX = 60.0, 90 * 86_400.0
TOKEN_LENGTH_MAX = 1_024
COMMENT_LENGTH_MAX = 1_000
_SECRET_BYTES, _NONCE_BYTES = 32, 9
_DIGEST_LENGTH = 32


class LinkExpired(Conflict):
    """The link was a good one, and its time is over."""


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link's secret part, and until when it works."""

    token: str
    expires_at: datetime


class LinkedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of a link may show: which assistant answered and when, never what; and what was said through it before."""

    title: str
    answered_at: datetime
    expires_at: datetime
    rater: str
    stars: int | None = None


class _Link(msgspec.Struct, frozen=True, array_like=True):
    """What is signed."""

    call_id: str
    expires_s: int
    nonce: str


class RatingLinks:
    """Makes and reads links."""

    def __init__(self, database: Database, feedback: Feedback) -> None:
        self._database, self._feedback = database, feedback

    async def create(self, call_id: str, *, actor: str, use_case: str | None = None, expires_s: float = 30 * 86_400.0) -> NewLink:
        """A new link for one person to rate this call. `use_case`, where given, is the only one whose calls may be linked."""
        if not EXPIRES_S_MIN <= expires_s <= EXPIRES_S_MAX:
            raise InputError(f"a link works for {EXPIRES_S_MIN:.0f} to {EXPIRES_S_MAX:.0f} seconds", field="expires_s")
        call = await self._feedback.call(call_id)
        if use_case is not None and call.use_case != use_case:
            raise NotFound(f"no call {call_id!r} of {use_case}")
        if call.shadow_of is not None or call.trial is not None:
            raise InputError(f"nobody was shown the answer of call {call_id}", field="call_id")
        expires_at = (self._database.clock.now() + timedelta(seconds=expires_s)).replace(microsecond=0)
        link = _Link(call_id, int(expires_at.timestamp()), secrets.token_urlsafe(_NONCE_BYTES))
        async with self._database.write(actor) as writer:
            await _check_maker(writer, call.use_case)
            known = await stored.secrets(writer.connection)
            if not known:
                known = {secrets.token_hex(4): secrets.token_hex(_SECRET_BYTES)}
                for name, secret in known.items():
                    await stored.add_secret(writer.connection, name, secret, now_s=writer.clock.now().timestamp())
            name, secret = list(known.items())[-1]
            details = {"use_case": call.use_case, "call_id": call_id, "expires_at": expires_at.isoformat()}
            await writer.audit("link", f"rating-link/{_rater(link).removeprefix('link:')}", document=None, details=details)
        payload = f"{name}.{_text(msgspec.json.encode(link))}"
        return NewLink(token=f"{payload}.{_text(_signature(secret, payload))}", expires_at=expires_at)

    async def read(self, token: str) -> LinkedCall:
        """What a link is for. Reading records nothing. NotFound for a link that was not made here, LinkExpired for an old one."""
        link = await self._link(token)
        call = await self._feedback.call(link.call_id)
        async with self._database.read() as connection:
            use_case = await catalog.USE_CASES.get(connection, call.use_case)
        before = await self._feedback.newest_of(call.id, _rater(link))
        return LinkedCall(
            title=use_case.title if use_case is not None else call.use_case,
            answered_at=call.finished_at or call.received_at,
            expires_at=datetime.fromtimestamp(link.expires_s, UTC),
            rater=_rater(link),
            stars=before.stars if before is not None else None,
        )

    async def rate(self, token: str, *, stars: int, comment: str = "") -> Rating:
        """Record what the link's holder says. The same again changes nothing; something else supersedes it."""
        if len(comment) > COMMENT_LENGTH_MAX:
            raise InputError(f"a comment has at most {COMMENT_LENGTH_MAX} characters", field="comment")
        link = await self._link(token)
        rater = _rater(link)
        new = NewRating(stars=stars, rater=rater, call_id=link.call_id, comment=comment)
        return await self._feedback.rate(new, actor=rater, origin="link")

    async def rotate(self, *, actor: str, revoke: bool = False) -> int:
        """Sign with a new secret from now on; forget secrets whose links have all expired, or with `revoke` all: their links work
        no longer. Returns how many were forgotten."""
        async with self._database.write(actor) as writer:
            now_s = writer.clock.now().timestamp()
            times = await stored.secret_times(writer.connection)
            # Links were signed with a secret until the next one came.
            ends = [*list(times.values())[1:], now_s]
            old = [each for each, end in zip(times, ends, strict=False) if revoke or end < now_s - EXPIRES_S_MAX]
            await stored.remove_secrets(writer.connection, old)
            name = secrets.token_hex(4)
            await stored.add_secret(writer.connection, name, secrets.token_hex(_SECRET_BYTES), now_s=now_s)
            await writer.audit("rotate", f"link-secret/{name}", document=None, details={"forgotten": len(old)})
        return len(old)

    async def _link(self, token: str) -> _Link:
        unknown = NotFound("this link does not lead anywhere: it is cut off, or it was not made here")
        if len(token) > TOKEN_LENGTH_MAX or token.count(".") != 2 or not token.isascii():
            raise unknown
        payload, _, given = token.rpartition(".")
        name, _, content = payload.partition(".")
        async with self._database.read() as connection:
            secret = (await stored.secrets(connection)).get(name)
        # Signed with something also where the secret is unknown, so that both take as long.
        wanted = _signature(secret or "", payload)
        try:
            if not hmac.compare_digest(_bytes(given), wanted) or secret is None:
                raise unknown
            link = msgspec.json.decode(_bytes(content), type=_Link)
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            raise unknown from None
        if link.expires_s <= self._database.clock.now().timestamp():
            raise LinkExpired("this link has expired")
        return link


async def _check_maker(writer: Writer, name: str) -> None:
    """NotAllowed for a person who built the use case: whoever makes a link could rate through it, and nobody would know."""
    use_case = await catalog.USE_CASES.get(writer.connection, name)
    if use_case is None or writer.actor.startswith("key:"):
        return
    if person_of(writer.actor) in await persons_who_built(writer.connection, use_case):
        raise NotAllowed(
            f"{person_of(writer.actor)} owns, champions or has built {name}: its application or somebody else makes it"
        )


def _signature(secret: str, payload: str) -> bytes:
    return hmac.new(secret.encode(), b"rating-link\0" + payload.encode(), hashlib.sha256).digest()


def _rater(link: _Link) -> str:
    """Who rates through this link: always the same pseudonym, and nobody's name."""
    return "link:" + sha256_hex(f"{link.call_id}\0{link.nonce}".encode())[:_DIGEST_LENGTH]


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
