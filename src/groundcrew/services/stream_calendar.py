"""The calendar feed of the Stream (RFC 5545): when it meets, never what it talks about. Calendar programs do not sign in, so a
feed is opened by a person's own token, of which only the hash is kept and which can be revoked."""

from __future__ import annotations

import secrets
from datetime import timedelta

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import FeedToken, StreamMeeting
from groundcrew.errors import Conflict, NotFound
from groundcrew.services.lookups import require
from groundcrew.services.meeting_records import account_of, same_person
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Database

#: How far back the feed goes, and how many meetings it has at most: the latest.
PAST, MEETINGS_MAX = timedelta(days=180), 200
#: Feeds that a person has open at once.
TOKENS_MAX = 10
_TOKEN_BYTES = 24
TOKEN_LENGTH_MAX = 100
PRODUCT = "-//groundcrew//GenAI Stream//EN"
#: How often calendar programs are asked to look again.
REFRESH = timedelta(hours=1)


class NewFeed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed's token, shown once."""

    id: str
    token: str


class StreamCalendar:
    """The calendar feed of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subscribe(self, *, actor: str) -> NewFeed:
        """A new token for one's own calendar program."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        async with self._database.write(actor) as writer:
            user = await account_of(writer.connection, actor)
            mine = await deciding.FEED_TOKENS.find(writer.connection, person=user.name)
            if sum(each.revoked_at is None for each in mine) >= TOKENS_MAX:
                raise Conflict(f"{TOKENS_MAX} calendars of yours are open: revoke one first")
            made = FeedToken(id=new_id(), person=user.name, sha256=sha256_hex(token.encode()), created_at=writer.clock.now())
            await deciding.FEED_TOKENS.put(writer, made, "subscribe")
        return NewFeed(id=made.id, token=token)

    async def feeds(self, person: str) -> list[FeedToken]:
        """A person's feeds that work, oldest first."""
        async with self._database.read() as connection:
            return [each for each in await deciding.FEED_TOKENS.find(connection, person=person) if each.revoked_at is None]

    async def revoke(self, feed_id: str, *, actor: str) -> FeedToken:
        """End a feed of one's own; its token opens nothing any more."""
        async with self._database.write(actor) as writer:
            feed = await require(writer.connection, deciding.FEED_TOKENS, feed_id)
            if not same_person(feed.person, actor):
                raise NotFound(f"no feed-token {feed_id!r} of yours")
            if feed.revoked_at is not None:
                return feed
            ended = msgspec.structs.replace(feed, revoked_at=writer.clock.now())
            await deciding.FEED_TOKENS.put(writer, ended, "revoke")
        return ended

    async def feed(self, token: str, *, address: str) -> bytes:
        """The calendar for who has this token; `address` is where the console is, for links. NotFound for a token that opens
        nothing: unknown, revoked, or of an account that is closed."""
        async with self._database.read() as connection:
            found = await deciding.FEED_TOKENS.find(connection, sha256=sha256_hex(token.encode()), limit=1)
            user = await catalog.USERS.get(connection, found[0].person) if found else None
            if not found or found[0].revoked_at is not None or user is None or user.disabled:
                raise NotFound("this calendar address does not work")
            meetings = await deciding.MEETINGS.find(connection)
        since = self._database.clock.now() - PAST
        shown = sorted((each for each in meetings if each.starts_at >= since), key=lambda each: (each.starts_at, each.id))
        return calendar_of(shown[-MEETINGS_MAX:], address)


def calendar_of(meetings: list[StreamMeeting], address: str) -> bytes:
    """Meetings as an iCalendar object. A meeting keeps its UID for ever; times are UTC, so that no zone has to be defined."""
    from icalendar import Calendar, Event, vUri

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "GenAI Stream")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for each in meetings:
        event = Event()
        event.add("uid", f"{each.id}@groundcrew")
        event.add("sequence", each.sequence)
        # When this revision of the event was made: the same at every look, as RFC 5545 asks of published events.
        event.add("dtstamp", each.changed_at.replace(microsecond=0))
        event.add("last-modified", each.changed_at.replace(microsecond=0))
        event.add("created", each.created_at.replace(microsecond=0))
        event.add("dtstart", each.starts_at.replace(microsecond=0))
        event.add("dtend", each.ends_at.replace(microsecond=0))
        event.add("summary", "GenAI Stream")
        event.add("status", "CANCELLED" if each.state == "cancelled" else "CONFIRMED")
        event.add("transp", "TRANSPARENT" if each.state == "cancelled" else "OPAQUE")
        if each.place:
            event.add("location", each.place)
        if each.reason:
            event.add("description", each.reason)
        event["url"] = vUri(f"{address}/stream/{each.id}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
