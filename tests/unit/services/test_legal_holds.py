"""Legal holds: no sequence of what people and the retention do removes a held text; two people of legal lift one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.legal_hold import Holdable, LegalHold, covers
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.jobs.quality_schedule import QualitySchedule
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.legal_holds import NewHold
from groundcrew.testing import FakeClock

LEA, LEO = "user:lea", "user:leo"


class Held:
    """A bank with two people of legal, calls and a rating, all of them old."""

    def __init__(self, services: Services, clock: FakeClock) -> None:
        self.services, self.clock = services, clock

    async def place(self, **changes: object) -> LegalHold:
        wanted = NewHold(matter="a complaint", reason="a court asked", **changes)  # type: ignore[arg-type]
        return await self.services.legal_holds.place(wanted, actor=LEA)

    async def texts(self) -> list[str]:
        """The ids of calls whose texts are there."""
        return [each.id for each in await self.services.calls.latest(limit=100) if each.redacted_at is None]


@pytest.fixture
async def held(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Held]:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.accounts(services, LEA, LEO, roles=("legal",))
        yield Held(services, clock)


def call(clock: FakeClock, **changes: object) -> bank.Call:
    return bank.call(received_at=clock.now(), request="what was asked", answer="what was said", **changes)


async def test_what_a_hold_covers_stays_and_is_told(held: Held) -> None:
    services, clock = held.services, held.clock
    kept = call(clock, case_id="case-1", user_id="ann")
    gone = call(clock, case_id="case-2", user_id="bob")
    unknown = call(clock)
    await services.calls.ship([kept, gone, unknown], gateway="gateway-1")
    for each in (kept, gone):
        await services.feedback.rate(NewRating(rater="rater", call_id=each.id, stars=2, comment="wrong"), actor="user:rater")
    hold = await held.place(cases=("case-1",))
    clock.advance(100 * bank.DAY_S)
    (done,) = await services.retention.run(days_default=30)
    assert sorted(await held.texts()) == sorted([kept.id, unknown.id]), "what can not be told apart is kept"
    assert (done.calls, done.ratings, done.kept) == (1, 1, {hold.id: 3})
    comments = {each.call_id: each.comment for each in await services.feedback.ratings(bank.NAME)}
    assert comments == {kept.id: "wrong", gone.id: ""}
    await services.legal_holds.request_lift(hold.id, actor=LEA, reason="settled")
    assert (await services.retention.run(days_default=30))[0].kept == {hold.id: 3}, "who asks has lifted nothing"
    await services.legal_holds.lift(hold.id, actor=LEO, reason="settled")
    assert (await services.retention.run(days_default=30))[0].calls == 2
    assert await held.texts() == []
    assert (await services.audit.verify()).problems == ()


async def test_a_hold_takes_legal_and_lifting_it_two_of_them(held: Held) -> None:
    services = held.services
    await bank.accounts(services, "user:ida", roles=("it", "admin"))
    await bank.accounts(services, "user:tool", roles=("legal",), kind="agent")
    wanted = NewHold(matter="a complaint", reason="a court asked")
    for actor in ("user:ida", "user:tool", "user:nobody", "cli:root", "key:1", "system:x"):
        with pytest.raises(NotAllowed):
            await services.legal_holds.place(wanted, actor=actor)
    hold = await held.place()
    with pytest.raises(Conflict, match="nobody has asked"):
        await services.legal_holds.lift(hold.id, actor=LEO, reason="settled")
    with pytest.raises(InputError):
        await services.legal_holds.request_lift(hold.id, actor=LEA, reason=" ")
    await services.legal_holds.request_lift(hold.id, actor=LEA, reason="settled")
    for actor in (LEA, "user:ida", "cli:root"):
        with pytest.raises(NotAllowed):
            await services.legal_holds.lift(hold.id, actor=actor, reason="settled")
    assert (await services.legal_holds.keep(hold.id, actor=LEO, reason="it is not")).state == "active"
    with pytest.raises(Conflict):
        await services.legal_holds.keep(hold.id, actor=LEO, reason="it is not")
    with pytest.raises(NotFound):
        await services.legal_holds.get("nothing")
    assert await services.legal_holds.find(use_case=bank.NAME) == [await services.legal_holds.get(hold.id)]


async def test_a_hold_that_makes_no_sense_is_refused(held: Held) -> None:
    for changes in ({"use_cases": ("none",)}, {"cases": ("",)}, {"received_from": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises((InputError, NotFound)):
            await held.place(**changes)
    moment = held.clock.now()
    with pytest.raises(InputError, match="ends before it begins"):
        await held.place(received_from=moment, received_until=moment)


async def test_files_of_jobs_stay_while_any_hold_stands(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[Path] = []
    monkeypatch.setattr("groundcrew.services.job_files.sweep", lambda folder: swept.append(folder))
    schedule = QualitySchedule(held.services)
    await schedule.sweep()
    assert len(swept) == 1
    await held.place()
    await schedule.sweep()
    assert len(swept) == 1


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.lists(st.sampled_from(("a", "b")), max_size=2).map(tuple)
MAYBE = st.none() | st.sampled_from(("a", "b"))


@given(NAMES, NAMES, NAMES, MAYBE, MAYBE, st.none() | NAMES, st.integers(-2, 2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_is_not_known_is_covered(
    cases: tuple[str, ...],
    persons: tuple[str, ...],
    calls: tuple[str, ...],
    case: str | None,
    call_id: str | None,
    people: tuple[str, ...] | None,
    days: int,
    lifted: bool,
) -> None:
    hold = LegalHold(
        id="1",
        matter="m",
        reason="r",
        placed_by=LEA,
        placed_at=MOMENT,
        cases=cases,
        persons=persons,
        calls=calls,
        received_from=MOMENT,
        state="lifted" if lifted else "lift_requested",
    )
    item = Holdable(use_case="u", at=MOMENT + timedelta(days=days), call=call_id, case=case, persons=people)
    wanted = [
        not lifted,
        days >= 0,
        not cases or case is None or case in cases,
        not calls or call_id is None or call_id in calls,
        not persons or people is None or bool(set(people) & set(persons)),
    ]
    assert covers(hold, item) == all(wanted)


STEPS = st.lists(
    st.sampled_from(("ship", "place", "ask", "ask again", "lift as same", "lift", "keep", "redact", "wait")), max_size=14
)


def test_no_sequence_removes_a_held_text(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """One bank for all sequences: each goes on where the one before it ended."""
    clock = prepared.copy("declared", sqlite_url)
    opened = bank.opened(sqlite_url, tmp_path, clock, bare=True)
    with asyncio.Runner() as runner:
        services = runner.run(opened.__aenter__())
        runner.run(bank.accounts(services, LEA, LEO, roles=("legal",)))
        held = Held(services, clock)

        @given(STEPS)
        @settings(max_examples=20, deadline=None)
        def walks(steps: list[str]) -> None:
            runner.run(_walk(held, steps))

        try:
            walks()
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def _walk(held: Held, steps: list[str]) -> None:
    services, clock = held.services, held.clock
    standing = await services.legal_holds.find()
    hold = standing[0] if standing else None
    for step in steps:
        before = set(await held.texts())
        try:
            match step:
                case "ship":
                    await services.calls.ship([call(clock)], gateway="gateway-1")
                case "place":
                    hold = await held.place() if hold is None or not hold.stands else hold
                case "redact":
                    await services.retention.run(days_default=1)
                case "wait":
                    clock.advance(3 * bank.DAY_S)
                case _ if hold is None:
                    continue
                case "ask" | "ask again":
                    hold = await services.legal_holds.request_lift(hold.id, actor=LEA, reason="settled")
                case "keep":
                    hold = await services.legal_holds.keep(hold.id, actor=LEO, reason="not yet")
                case _:
                    actor = LEO if step == "lift" else LEA
                    hold = await services.legal_holds.lift(hold.id, actor=actor, reason="settled")
        except (Conflict, NotAllowed):
            pass
        if hold is not None and hold.stands:
            assert set(await held.texts()) >= before, "a held text was removed"
