"""Drift monitors on real databases: each call read once, references by version, windows tested whole, alarms that say what
changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.services.watching import EVERY, RULE, START, Traffic, WordEncoder, declared, monitor, served

from groundcrew.domain.drift import DriftAlarm, DriftReference, reference_id
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.drift_monitor import MonitorState
from groundcrew.services.drift_sampling import SAMPLED_PER_HOUR
from groundcrew.services.drift_watch import state_of
from groundcrew.services.feedback import NewRating
from groundcrew.store import drift as stored
from groundcrew.testing import FakeClock

N, REFERENCE, WINDOW = bank.NAME, RULE.reference_calls, RULE.window_calls
#: Windows that see little alone.
SLOW = msgspec.structs.replace(RULE, window_calls=30, alpha=0.0005, features=("answer_length", "request_length"))
SAID = {"actor": bank.PERSON, "reason": "a campaign began"}


@pytest.fixture
def clock(sqlite_url: str, prepared: Prepared) -> FakeClock:
    clock = prepared.copy("declared", sqlite_url)
    clock.advance((START + timedelta(days=60) - clock.now()).total_seconds())
    return clock


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield services


async def references(services: Services) -> list[DriftReference]:
    async with services.database.read() as connection:
        return await stored.REFERENCES.find(connection)


def features(alarm: DriftAlarm) -> set[str]:
    return {each.feature for each in alarm.features}


async def test_inputs_that_change_at_a_known_call_raise_one_alarm_that_names_them(services: Services) -> None:
    traffic, drift = Traffic(await declared(services)), monitor(services)
    assert await served(services, drift, traffic.calls(REFERENCE + 2 * WINDOW)) == []
    first_changed = traffic.number + 1
    [alarm] = await served(services, drift, traffic.calls(WINDOW, about=("tax",)))
    assert features(alarm) >= {"request_meaning", "request_topic"}
    assert "answer_length" not in features(alarm)
    assert (alarm.kind, alarm.owner) == ("window", "watch@bank.example")
    assert "requests are about other things" in alarm.words
    shown = {each.feature: each for each in alarm.examples}["request_meaning"]
    assert shown.after
    assert all(int(each[:8]) >= first_changed for each in shown.after)
    assert shown.before
    assert all(int(each[:8]) <= REFERENCE for each in shown.before)
    status = await drift.status(N)
    assert [(each.number, each.drifted) for each in status.windows] == [(1, False), (2, False), (3, True)]
    assert status.waiting == 0
    # The same change seen again is the same alarm.
    [longer] = await served(services, drift, traffic.calls(WINDOW, about=("tax",)))
    assert (longer.id, longer.until > alarm.until) == (alarm.id, True)
    assert [each.id for each in await drift.open_alarms(N)] == [alarm.id]
    assert (await services.audit.verify()).problems == ()


async def test_what_changed_is_said_in_words_and_figures(services: Services) -> None:
    digest, drift = await declared(services), monitor(services)
    traffic = Traffic(digest)
    await served(services, drift, traffic.calls(REFERENCE))
    changed = [
        msgspec.structs.replace(each, status="declined" if place % 2 else "answered")
        for place, each in enumerate(traffic.calls(WINDOW, answer_words=15))
    ]
    [alarm] = await served(services, drift, changed)
    said = {each.feature: each.words for each in alarm.features}
    assert said["answer_length"].startswith("answers got shorter by ")
    assert "median" in said["answer_length"]
    assert said["answer_length"].endswith(" characters")
    assert said["outcome"] == "calls answered: 100 % → 50 %, calls declined: 0 % → 50 %"


async def test_a_stream_without_drift_raises_hardly_any_alarm(services: Services) -> None:
    """50 windows at alpha 0.05, so that far too many alarms would show: at most 7 by chance in 99 of 100 such streams."""
    windows, rule = 50, msgspec.structs.replace(RULE, window_calls=30, reference_calls=100, alpha=0.05)
    digest, drift = await declared(services, rule), monitor(services)
    traffic, false = Traffic(digest, seed=5), 0
    await served(services, drift, traffic.calls(100))
    for _ in range(5):
        await served(services, drift, traffic.calls(30 * windows // 5))
    status = await drift.status(N, windows=100)
    false = sum(bool(each.drifted) for each in status.windows)
    assert len(status.windows) == windows
    assert all(each.drifted is not None for each in status.windows)
    assert false <= 7
    assert not [each for each in status.alarms if each.kind == "slow"]


async def test_a_new_version_has_its_own_reference_and_is_held_against_the_one_before(services: Services) -> None:
    first, drift = await declared(services), monitor(services)
    await served(services, drift, Traffic(first).calls(REFERENCE))
    second = await declared(services, prompt="Answer politely, in one sentence.")
    assert second != first
    later = Traffic(second, seed=2, start=START + timedelta(days=30))
    [alarm] = await served(services, drift, later.calls(REFERENCE, answer_words=12))
    assert (alarm.kind, alarm.version_digest) == ("version", second)
    assert "answer_length" in features(alarm)
    assert "request_length" not in features(alarm)
    made = {each.version_digest: each for each in await references(services)}
    assert set(made) == {first, second}
    assert all(each.id == reference_id(each) and each.calls == REFERENCE for each in made.values())
    status = await drift.status(N)
    assert status.comparison is not None
    assert status.comparison.reference == made[first].id
    assert (await drift.status(N, version=first[:12])).reference == msgspec.convert(
        msgspec.to_builtins(made[first]), type(status.reference)
    )
    with pytest.raises(InputError, match="no version"):
        await drift.status(N, version="f00")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_two_keepers_at_once_read_each_call_and_test_each_window_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, prepared: Prepared
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    clock = prepared.copy("declared", url)
    clock.advance((START + timedelta(days=60) - clock.now()).total_seconds())
    async with bank.opened(url, tmp_path, clock, bare=True) as one, bank.opened(url, tmp_path, clock, bare=True) as two:
        rule = msgspec.structs.replace(RULE, reference_calls=60, window_calls=30)
        traffic = Traffic(await declared(one, rule))
        keepers = monitor(one), monitor(two)
        await one.calls.ship(traffic.calls(60 + 3 * 30 + 7), gateway="gateway-1")
        turns = await asyncio.gather(*(each.keep() for each in keepers))
        assert sum(each.leading for each in turns) == 1
        # Even where both believe that they have the right, what one has done is done.
        await asyncio.gather(*(each._look() for each in keepers), *(each._reading.step() for each in keepers))
        status = await keepers[0].status(N)
        assert [each.number for each in status.windows] == [1, 2, 3]
        assert len({each.first_call for each in status.windows}) == 3
        assert (status.waiting, len(await references(one))) == (7, 1)
        # Whoever stops lets the other go on at once.
        leader = keepers[0] if turns[0].leading else keepers[1]
        other = keepers[1] if turns[0].leading else keepers[0]
        assert not (await other.keep()).leading
        await leader.leave()
        await one.calls.ship(traffic.calls(23), gateway="gateway-2")
        assert (await other.keep()).leading
        assert [each.number for each in (await other.status(N)).windows] == [1, 2, 3, 4]
        assert (await one.audit.verify()).problems == ()


async def test_a_restart_goes_on_where_it_stopped(services: Services) -> None:
    traffic = Traffic(await declared(services))
    before = monitor(services)
    await served(services, before, traffic.calls(REFERENCE + WINDOW // 2))
    await before.leave()
    after, encoder = monitor(services), WordEncoder()
    await served(services, after, traffic.calls(WINDOW // 2))
    status = await monitor(services, encoder).status(N)
    assert [each.calls for each in status.windows] == [WINDOW]
    assert encoder.encoded == 0


async def test_calls_that_are_shipped_late_are_read_all_the_same(services: Services) -> None:
    traffic, drift = Traffic(await declared(services)), monitor(services)
    calls = traffic.calls(REFERENCE)
    await served(services, drift, calls[50:])
    await served(services, drift, calls[:50])
    [made] = await references(services)
    assert made.call_ids == tuple(each.id for each in calls)


async def test_what_is_for_nobody_or_no_real_use_is_not_watched(services: Services) -> None:
    digest, drift = await declared(services), monitor(services)
    for changes in ({"sample": True}, {"trial": "t-1"}, {"shadow_of": "c-1"}, {"status": "opened"}):
        await served(services, drift, Traffic(digest, seed=len(changes)).calls(5, **{"id": bank.new_id()} | changes)[:1])
    assert (await drift.status(N)).waiting == 0
    off = msgspec.structs.replace(RULE, enabled=False)
    await declared(services, off)
    await served(services, drift, Traffic(digest).calls(5))
    assert (await drift.status(N)).waiting == 0


async def test_a_busy_use_case_is_sampled(services: Services) -> None:
    """100 calls a second for some seconds: what is taken is what the time allows, of all of them alike."""
    digest, drift = await declared(services), monitor(services)
    traffic = Traffic(digest, every=timedelta(seconds=0.01), start=START + timedelta(days=59))
    await services.calls.ship(traffic.calls(3_000), gateway="gateway-1")
    turn = await drift.keep()
    assert (turn.read, turn.taken) == (3_000, int(SAMPLED_PER_HOUR / 3_600 * 29.99))
    async with services.database.read() as connection:
        kept = await stored.kept(connection, N, digest, limit=10)
    assert max(int(each.id[:8]) for each in kept) > 1_500, "not the first ones"


async def test_removed_texts_leave_what_is_known_of_calls(services: Services, clock: FakeClock) -> None:
    digest, drift = await declared(services, retention_days=10), monitor(services)
    traffic = Traffic(digest)
    await served(services, drift, traffic.calls(REFERENCE + WINDOW // 2))
    clock.advance(30 * bank.DAY_S)
    [removed] = await services.retention.run()
    assert removed.calls == traffic.number
    [made] = await references(services)
    assert set(made.vectors) == {"request_meaning", "answer_meaning"}
    [alarm] = await served(services, drift, traffic.calls(WINDOW // 2, answer_words=12) + traffic.calls(WINDOW, answer_words=12))
    assert "answer_length" in features(alarm)
    # A reference made of them later holds the figures that stay, and says nothing of texts.
    await drift.acknowledge(alarm.id, "fixed", **SAID)
    await drift.ask_reference(N, since=START, until=START + timedelta(days=1), **SAID)
    await drift.keep()
    by_hand = next(each for each in await references(services) if each.origin == "by_hand")
    assert set(by_hand.numbers) == {"trust", "hit_score", "cost", "latency"}
    assert (by_hand.vectors, by_hand.made_by) == ({}, bank.PERSON)
    assert (await services.audit.verify()).problems == ()


async def test_ratings_are_watched_by_when_they_are_given(services: Services, clock: FakeClock) -> None:
    digest, drift = await declared(services), monitor(services)
    traffic = Traffic(digest, start=clock.now())

    async def rated(calls: int, stars: list[int]) -> None:
        """An hour's six calls at a time, two of which somebody rates."""
        for _ in range(calls // 6):
            clock.advance(6 * EVERY.total_seconds())
            await services.calls.ship(traffic.calls(6), gateway="gateway-1")
            ratings = [
                NewRating(stars=each, rater=f"r-{traffic.number}-{place}", use_case=N, case_id=f"c-{traffic.number}")
                for place, each in enumerate(stars)
            ]
            await services.feedback.rate_many(ratings, actor="user:anna")

    await rated(REFERENCE + 6, [5, 4])
    await drift.keep()
    assert await drift.open_alarms(N) == []
    await rated(WINDOW + 6, [2, 1])
    await drift.keep()
    [alarm] = await drift.open_alarms(N)
    assert features(alarm) == {"stars"}
    assert alarm.words.startswith("ratings fell: median 4.5 → ")


async def test_an_alarm_is_acknowledged_once_with_a_reason_and_expected_changes_are_not_told_again(services: Services) -> None:
    traffic, drift = Traffic(await declared(services)), monitor(services)
    await served(services, drift, traffic.calls(REFERENCE))
    [alarm] = await served(services, drift, traffic.calls(WINDOW, answer_words=12))
    with pytest.raises(InputError, match="say why"):
        await drift.acknowledge(alarm.id, "expected", actor=bank.PERSON, reason=" ")
    with pytest.raises(NotFound):
        await drift.acknowledge(alarm.id, "expected", use_case="another", **SAID)
    done = await drift.acknowledge(alarm.id, "expected", **SAID)
    assert (done.state, done.acknowledged_by, done.reason) == ("acknowledged", bank.PERSON, SAID["reason"])
    with pytest.raises(Conflict, match="already"):
        await drift.acknowledge(alarm.id, "fixed", **SAID)
    assert await served(services, drift, traffic.calls(WINDOW, answer_words=12)) == []
    assert set((await drift.status(N)).muted) == features(alarm)
    # What else changes is told.
    [other] = await served(services, drift, traffic.calls(WINDOW, answer_words=12, status="fallback"))
    assert features(other) == {"outcome"}
    entry = next(each for each in await services.audit.latest(limit=100) if each.subject == f"drift-alarm/{alarm.id}")
    assert (entry.action, entry.reason) == ("acknowledge", SAID["reason"])


async def test_a_new_reference_after_an_alarm_is_of_the_calls_since_the_change(services: Services) -> None:
    traffic, drift = Traffic(await declared(services)), monitor(services)
    await served(services, drift, traffic.calls(REFERENCE))
    changed = traffic.number
    [alarm] = await served(services, drift, traffic.calls(WINDOW, answer_words=12))
    await drift.acknowledge(alarm.id, "new_reference", **SAID)
    await served(services, drift, traffic.calls(30, answer_words=12))
    status = await drift.status(N)
    assert status.reference is None
    assert (status.waiting, status.needed) == (WINDOW + 30, REFERENCE)
    assert await served(services, drift, traffic.calls(REFERENCE, answer_words=12)) == []
    made = next(each for each in await references(services) if each.origin == "acknowledged")
    assert int(made.call_ids[0][:8]) == changed + 1
    assert (made.calls, made.reason) == (REFERENCE, SAID["reason"])
    status = await drift.status(N)
    assert status.reference is not None
    assert [each.drifted for each in status.windows][-1] is False


async def test_a_reference_by_hand_is_of_the_time_that_was_named(services: Services) -> None:
    traffic, drift = Traffic(await declared(services)), monitor(services)
    await served(services, drift, traffic.calls(150))
    until = START + 100 * EVERY
    with pytest.raises(InputError, match="only 10 calls"):
        await drift.ask_reference(N, since=START, until=START + 10 * EVERY, **SAID)
    with pytest.raises(InputError, match="after"):
        await drift.ask_reference(N, since=until, until=START, **SAID)
    assert await drift.ask_reference(N, since=START, until=until, **SAID) > 0
    assert (await drift.status(N)).asked == bank.PERSON
    with pytest.raises(Conflict, match="being made"):
        await drift.ask_reference(N, since=START, until=until, **SAID)
    await drift.keep()
    status = await drift.status(N)
    assert status.reference is not None
    assert (status.reference.calls, status.reference.origin) == (100, "by_hand")
    assert (status.waiting, status.asked) == (50, "")


async def test_a_slow_drift_is_seen_where_no_window_shows_it(services: Services) -> None:
    digest, drift = await declared(services, SLOW), monitor(services)
    traffic = Traffic(digest)
    await served(services, drift, traffic.calls(REFERENCE))
    for step in range(12):
        await served(services, drift, traffic.calls(60, answer_words=30 + min(step, 2)))
    kinds = {each.kind: each for each in await drift.open_alarms(N)}
    assert "slow" in kinds
    assert features(kinds["slow"]) == {"answer_length"}
    assert kinds["slow"].words.startswith("slowly, after ")


async def test_a_thin_window_does_not_keep_the_slow_watch_from_beginning_anew(services: Services, clock: FakeClock) -> None:
    rule = msgspec.structs.replace(RULE, window_s=bank.DAY_S, reference_calls=100, features=("answer_length",))
    digest, drift = await declared(services, rule), monitor(services)
    traffic = Traffic(digest, start=clock.now() - timedelta(days=20))

    async def state() -> MonitorState:
        async with services.database.read() as connection:
            return state_of(await stored.monitor(connection, N, digest))

    await served(services, drift, traffic.calls(170))
    alarms = await served(services, drift, traffic.calls(160, answer_words=8))
    assert (await state()).slow["answer_length"].alarm_at is not None
    for each in alarms:
        await drift.acknowledge(each.id, "fixed", **SAID)
    assert (await state()).renew == ("answer_length",)
    # A day with three calls and one with none: neither is tested.
    traffic.number += 130
    await served(services, drift, traffic.calls(3))
    traffic.number += 290
    await served(services, drift, traffic.calls(10))
    assert {each.calls for each in (await drift.status(N)).windows if each.drifted is None} != set()
    assert (await state()).renew == ("answer_length",), "it still is to begin anew"
    await served(services, drift, traffic.calls(300))
    after = await state()
    assert after.renew == ()
    assert after.slow["answer_length"].alarm_at is None


async def test_windows_of_time_are_closed_when_their_time_is_over(services: Services, clock: FakeClock) -> None:
    rule = msgspec.structs.replace(RULE, window_s=bank.DAY_S, reference_calls=100, features=("answer_length",))
    digest, drift = await declared(services, rule), monitor(services)
    traffic = Traffic(digest, start=clock.now() - timedelta(hours=40))
    await served(services, drift, traffic.calls(120))
    assert (await drift.status(N)).reference is None, "it has to span a window"
    await served(services, drift, traffic.calls(50))
    status = await drift.status(N)
    assert status.reference is not None
    assert (status.reference.calls, len(status.windows)) == (170, 0)
    await served(services, drift, traffic.calls(145))
    assert (await drift.status(N)).windows == ()
    clock.advance(bank.DAY_S)
    await drift.keep()
    [window] = (await drift.status(N)).windows
    assert (window.calls, window.drifted) == (143, False)
    clock.advance(bank.DAY_S)
    await drift.keep()
    few = (await drift.status(N)).windows[-1]
    assert (few.calls, few.drifted) == (2, None)
    assert few.reason == "2 calls of 30 that a window takes at least"


async def test_an_encoder_that_changed_is_not_held_against_the_one_before(services: Services) -> None:
    traffic, first = Traffic(await declared(services)), monitor(services)
    await served(services, first, traffic.calls(REFERENCE))
    await first.leave()
    second = monitor(services, WordEncoder("another"))
    assert await served(services, second, traffic.calls(WINDOW)) == []
    [window] = (await second.status(N)).windows
    assert not {"request_meaning", "request_topic"} & {each.feature for each in window.features if each.drifted is not None}


async def test_the_gate_asks_for_a_reference_somebody_who_looks_and_an_owner(services: Services, clock: FakeClock) -> None:
    async def found() -> tuple[str, str]:
        evaluation = await services.gates.evaluate(N, actor=bank.PERSON, to="scale", save=False)
        result = next(each for each in evaluation.results if each.key == "drift_reference")
        return result.status, result.missing

    await declared(services, msgspec.structs.replace(RULE, owner=None))
    status, missing = await found()
    assert (status, "owner: somebody@" in missing, "0 of 200 calls" in missing) == ("fail", True, True)
    traffic, drift = Traffic(await declared(services)), monitor(services)
    assert (await found())[0] == "unknown"
    await served(services, drift, traffic.calls(REFERENCE))
    assert await found() == ("pass", "")
    clock.advance(3 * bank.DAY_S)
    status, missing = await found()
    assert (status, "keep a server running" in missing) == ("unknown", True)
    await drift.keep()
    assert (await found())[0] == "pass"
    await declared(services, prompt="Answer politely, in one sentence.")
    assert (await found())[0] == "unknown", "a new version begins a new reference"
    await declared(services, msgspec.structs.replace(RULE, enabled=False))
    assert (await found())[0] == "fail"
