"""The rating queue: drawn or picked, handed out in order under leases, rated blind and once, passed on with a reason; and links
that are signed, expire, and are never more than one person's word on one call."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.rating_queue import rating_place
from groundcrew.domain.use_case import RatingRule
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.rating_links import EXPIRES_S_MAX, LinkExpired
from groundcrew.services.rating_queue import LEASE_S


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def person(name: str) -> User:
    return User(name=name, password_hash="", roles=("reviewer",), created_at=bank.call().received_at)


ANNA, BEAT, CARLA = person("anna"), person("beat"), person("carla")


def turn(services: Services, seconds: float) -> None:
    clock = services.database.clock
    assert isinstance(clock, bank.FakeClock)
    clock.advance(seconds)


async def put_up(services: Services, number: int, *, raters: int = 2, blind: bool = True, **fields: object) -> list[Call]:
    """Recorded calls of the current version, put up, in the order of the queue."""
    digest = await bank.digest_of(services)
    made = [bank.call(version_digest=digest, **fields) for _ in range(number)]
    await services.calls.ship(made, gateway="gateway-1")
    await services.rating_queue.put_up(
        bank.NAME, actor=bank.PERSON, call_ids=[each.id for each in made], raters=raters, blind=blind
    )
    return sorted(made, key=lambda each: rating_place(bank.NAME, each.id))


async def take(services: Services, who: User) -> str | None:
    task = await services.rating_queue.next(bank.NAME, who)
    return task.call.id if task else None


async def test_calls_go_round_until_enough_people_have_rated_each_once(services: Services) -> None:
    first, second = await put_up(services, 2)
    queue = services.rating_queue
    assert await take(services, ANNA) == first.id
    assert await take(services, ANNA) == first.id, "who holds a call is given it again"
    assert await take(services, BEAT) == first.id, "two are to rate it"
    assert await take(services, CARLA) == second.id, "and no third"
    await queue.rate(first.id, rater=ANNA, stars=4)
    assert await take(services, ANNA) == second.id
    with pytest.raises(Conflict, match="in the order"):
        await queue.rate(first.id, rater=ANNA, stars=5)
    with pytest.raises(Conflict, match="nobody rates a call twice"):
        await services.feedback.rate(NewRating(stars=1, rater="anna", call_id=first.id), actor="user:anna")
    rated = await queue.rate(first.id, rater=BEAT, stars=2, comment="Ask anna@bank.example.", critical_harm=False)
    assert (rated.origin, rated.comment, rated.critical_harm) == ("queue", "Ask [EMAIL].", False)
    state = await queue.state(bank.NAME, CARLA)
    assert (state.put_up, state.complete, state.ratings, state.yours) == (2, 1, 2, 1)
    assert (await services.audit.verify()).problems == ()


async def test_a_lease_runs_out_and_its_place_goes_to_who_is_quicker(services: Services) -> None:
    (call,) = await put_up(services, 1, raters=1)
    queue = services.rating_queue
    assert await take(services, ANNA) == call.id
    assert await take(services, BEAT) is None
    turn(services, LEASE_S + 1)
    assert await take(services, BEAT) == call.id
    with pytest.raises(Conflict, match="your time for this call was over"):
        await queue.rate(call.id, rater=ANNA, stars=3)
    turn(services, LEASE_S + 1)
    await queue.rate(call.id, rater=ANNA, stars=3)
    with pytest.raises(Conflict):
        await queue.rate(call.id, rater=BEAT, stars=3)
    assert len(await services.feedback.ratings(bank.NAME)) == 1


async def test_others_ratings_are_sealed_until_all_are_in(services: Services) -> None:
    (call,) = await put_up(services, 1)
    queue = services.rating_queue
    for who in (ANNA, BEAT):
        await take(services, who)
    await queue.rate(call.id, rater=ANNA, stars=5)

    async def seen(viewer: str) -> int:
        return len(await queue.visible(bank.NAME, await services.feedback.ratings(bank.NAME), viewer))

    assert (await seen("anna"), await seen("beat"), await seen("auditor")) == (1, 0, 0)
    assert (await queue.state(bank.NAME)).agreement is None
    await queue.rate(call.id, rater=BEAT, stars=4)
    assert (await seen("anna"), await seen("auditor")) == (2, 2)
    found = (await queue.state(bank.NAME)).agreement
    assert found is not None
    assert (found.calls, found.raters) == (1, 2)


async def test_a_call_is_passed_on_with_a_reason(services: Services) -> None:
    (call,) = await put_up(services, 1, raters=1)
    queue = services.rating_queue
    with pytest.raises(Conflict, match="in the order"):
        await queue.skip(call.id, rater=ANNA, reason="not handed to me")
    await take(services, ANNA)
    with pytest.raises(InputError, match="say why"):
        await queue.skip(call.id, rater=ANNA, reason=" ")
    kept = await queue.skip(call.id, rater=ANNA, reason="It is about luca@bank.example.")
    assert kept.reason == "It is about [EMAIL]."
    assert await take(services, ANNA) is None
    assert await take(services, BEAT) == call.id
    assert (await queue.state(bank.NAME)).skipped == 1


async def test_who_built_it_and_who_asked_do_not_rate(services: Services) -> None:
    await put_up(services, 1, user_id="anna")
    for name in (bank.OWNER, bank.CHAMPION):
        with pytest.raises(NotAllowed, match="did not build it"):
            await services.rating_queue.next(bank.NAME, person(name))
    assert await take(services, ANNA) is None
    assert await take(services, BEAT) is not None


async def test_a_declared_share_is_drawn_as_calls_are_recorded(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(ratings=RatingRule(share=0.4, raters=3))])
    digest = await bank.digest_of(services)
    shipped = [bank.call(version_digest=digest) for _ in range(30)]
    hidden = [
        bank.call(version_digest=digest, shadow_of=shipped[0].id),
        bank.call(version_digest=digest, trial="t"),
        bank.call(version_digest=digest, status="failed"),
    ]
    await services.calls.ship([*shipped, *hidden], gateway="gateway-1")
    expected = [each.id for each in shipped if rating_place(bank.NAME, each.id) < 0.4]
    assert (await services.rating_queue.state(bank.NAME)).put_up == len(expected)
    assert await bank.digest_of(services) == digest, "who rates changes no answer"
    if expected:
        task = await services.rating_queue.next(bank.NAME, ANNA)
        assert task is not None
        assert (task.request.origin, task.request.probability, task.request.raters) == ("drawn", 0.4, 3)
        assert task.call.id == min(expected, key=lambda each: rating_place(bank.NAME, each))


async def test_what_can_not_be_put_up_is_refused(services: Services) -> None:
    queue = services.rating_queue
    elsewhere, failed = bank.call(use_case="elsewhere"), bank.call(status="failed")
    await services.calls.ship([elsewhere, failed], gateway="gateway-1")
    for wrong, kind in (
        ({"call_ids": [elsewhere.id]}, NotFound),
        ({"call_ids": [failed.id]}, InputError),
        ({"call_ids": ["1"] * 1_001}, InputError),
        ({"newest": 1_001}, InputError),
        ({"newest": 1, "raters": 0}, InputError),
        ({}, InputError),
    ):
        with pytest.raises(kind):
            await queue.put_up(bank.NAME, actor=bank.PERSON, **wrong)
    (call,) = await put_up(services, 1)
    assert await queue.put_up(bank.NAME, actor=bank.PERSON, call_ids=[call.id]) == [], "once"


async def linked(services: Services, **fields: object) -> tuple[Call, str]:
    call = bank.call(case_id="mail-1", **fields)
    await services.calls.ship([call], gateway="gateway-1")
    return call, (await services.rating_links.create(call.id, actor="key:1", use_case=bank.NAME)).token


async def test_a_link_rates_one_call_until_it_expires(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    call, token = await linked(services)
    links = services.rating_links
    for _ in range(2):
        assert (await links.read(token)).stars is None
    assert await services.feedback.ratings(bank.NAME) == [], "looking records nothing"
    first = await links.rate(token, stars=2)
    assert await links.rate(token, stars=2) == first, "the same again changes nothing"
    second = await links.rate(token, stars=5, comment="Thanks, luca@bank.example")
    assert (second.rater, second.call_id, second.case_id, second.comment) == (first.rater, call.id, "mail-1", "Thanks, [EMAIL]")
    assert (second.origin, second.rater[:5], len(second.rater)) == ("link", "link:", 37)
    assert (await links.read(token)).stars == 5
    other = (await links.create(call.id, actor="key:1")).token
    assert (await links.rate(other, stars=1)).rater != first.rater, "another link is another person"
    turn(services, 30 * bank.DAY_S + 1)
    for using in (links.read(token), links.rate(token, stars=1)):
        with pytest.raises(LinkExpired):
            await using
    assert (await services.audit.verify()).problems == ()
    assert token not in caplog.text
    assert token.rpartition(".")[2] not in str(await services.audit.latest(limit=100))


async def test_nothing_but_a_link_that_was_made_here_works(services: Services) -> None:
    call, token = await linked(services)
    name, payload, signature = token.split(".")
    flipped = ("A" if payload[0] != "A" else "B") + payload[1:]
    for forged in (
        "",
        "..",
        "a.b.c",
        f"{name}.{flipped}.{signature}",
        f"{name}.{payload}.{'A' * len(signature)}",
        f"00000000.{payload}.{signature}",
        f"{name}.{payload}.",
        token[:-4],
        token + "é",
        "x" * 2_000,
    ):
        with pytest.raises(NotFound):
            await services.rating_links.rate(forged, stars=5)
    assert await services.feedback.ratings(bank.NAME) == []
    for call_id, use_case in ((call.id, "elsewhere"), ("no such call", bank.NAME)):
        with pytest.raises(NotFound):
            await services.rating_links.create(call_id, actor="key:1", use_case=use_case)
    with pytest.raises(InputError):
        await services.rating_links.create(call.id, actor="key:1", expires_s=EXPIRES_S_MAX + 1)


async def test_secrets_are_rotated_and_revoked(services: Services) -> None:
    call, token = await linked(services)
    links = services.rating_links
    turn(services, 100 * bank.DAY_S)
    late = (await links.create(call.id, actor="key:1", expires_s=EXPIRES_S_MAX)).token
    assert await links.rotate(actor=bank.PERSON) == 0, "its last link works for ninety days yet"
    newer = (await links.create(call.id, actor="key:1")).token
    assert newer.partition(".")[0] != token.partition(".")[0]
    turn(services, 60)
    for each in (late, newer):
        await links.rate(each, stars=4)
    turn(services, timedelta(days=91).total_seconds())
    assert await links.rotate(actor=bank.PERSON) == 1
    assert await links.rotate(actor=bank.PERSON, revoke=True) == 2
    with pytest.raises(NotFound):
        await links.read(newer)
    assert msgspec.json.encode(await services.audit.latest(limit=20)).count(b'"rotate"') == 3


@pytest.mark.parametrize("name", [bank.OWNER, "maria", "Maria"])
async def test_who_built_it_rates_it_by_no_way(services: Services, name: str) -> None:
    (call,) = await put_up(services, 1)
    if name.casefold() == "maria":
        changed = bank.declarations(use_cases=[bank.use_case(title="Mail")])
        await services.registry.apply(changed, actor="user:maria")
    builder = f"user:{name}"
    with pytest.raises(NotAllowed, match="did not build it"):
        await services.feedback.rate(NewRating(stars=5, rater=name, call_id=call.id, critical_harm=False), actor=builder)
    with pytest.raises(NotAllowed, match="did not build it"):
        await services.feedback.rate_many([NewRating(stars=5, rater=name, use_case=bank.NAME, case_id="c")], actor="key:1")
    with pytest.raises(NotAllowed, match="did not build it"):
        await take(services, person(name))
    with pytest.raises(NotAllowed, match="somebody else makes it"):
        await services.rating_links.create(call.id, actor=builder)
    assert await services.feedback.ratings(bank.NAME) == []
