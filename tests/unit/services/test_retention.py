"""Old texts go, provably: the audit chain still verifies, and an edit is never covered up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import GuardResult, SourceReference
from groundcrew.domain.sign_off import Reading
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.jobs.retention import RetentionJob
from groundcrew.services import retention
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.store import catalog, sign_offs, tables
from groundcrew.testing import FakeClock

WORDS = ("Anna asks", "It costs CHF 3", "costs", "passage text", "because of it", "looks odd")


@pytest.fixture
def clock(database_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", database_url)


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def wordy(clock: FakeClock, days_ago: float, **fields: Any) -> Any:
    report = TrustReport(trust=0.9, state="supported", claims=(ClaimScore(start=0, end=5, support=0.9, reasons=("costs",)),))
    known: dict[str, Any] = {
        "request": "Anna asks",
        "answer": "It costs CHF 3",
        "answer_sha256": "a" * 64,
        "trust": report,
        "sources": (SourceReference(passage_id="p", document="d", title="t", text="passage text"),),
        "guards": (GuardResult(guard="pii", place="input", verdict="flag", action="allow", mode="monitor", reason="looks odd"),),
        "details": {"replaced_because": "because of it", "usage": "estimated"},
        "received_at": clock.now() - timedelta(days=days_ago),
    }
    return bank.call(**(known | fields))


async def keep_for(services: Services, days: int | None) -> None:
    async with services.database.write("user:maria") as writer:
        use_case = await catalog.USE_CASES.get(writer.connection, bank.NAME)
        assert use_case is not None
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, retention_days=days), "update")


async def test_old_texts_go_and_the_chain_still_verifies(services: Services, clock: FakeClock) -> None:
    await keep_for(services, 30)
    old, young = wordy(clock, 31), wordy(clock, 29)
    await services.calls.ship([old, young], gateway="gateway-1")
    (done,) = await services.retention.run()
    assert (done.use_case, done.days, done.calls, done.problems) == (bank.NAME, 30, 1, ())
    kept = await services.calls.get(old.id)
    assert not [each for each in WORDS if each in msgspec.json.encode(kept).decode()]
    assert (kept.redacted_at, kept.answer_sha256, kept.input_tokens) == (clock.now(), "a" * 64, old.input_tokens)
    assert (kept.trust.trust, kept.details) == (0.9, {"usage": "estimated"})  # type: ignore[union-attr]
    assert await services.calls.get(young.id) == young
    assert (await services.audit.verify()).problems == ()
    (entry,) = [each for each in await services.audit.latest() if each.action == "redact"]
    assert (entry.actor, entry.details["rows"], entry.details["use_case"]) == ("system:retention", 1, bank.NAME)
    assert await services.retention.run() == [], "once is enough"
    clock.advance(2 * bank.DAY_S)
    assert [each.calls for each in await services.retention.run()] == [1]
    assert (await services.audit.verify()).problems == ()


async def test_without_a_rule_texts_are_kept_and_a_use_case_may_keep_them_longer(services: Services, clock: FakeClock) -> None:
    call = wordy(clock, 400)
    await services.calls.ship([call], gateway="gateway-1")
    assert await services.retention.run() == []
    await keep_for(services, 500)
    assert await services.retention.run(days_default=10) == []
    await keep_for(services, None)
    assert [each.calls for each in await services.retention.run(days_default=10)] == [1]


async def test_many_batches_are_done_in_one_run(services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundcrew.services.retention.BATCHES_PER_LOOK", 2)
    for _ in range(5):
        await services.calls.ship([wordy(clock, 40), wordy(clock, 50)], gateway="gateway-1")
    assert [each.calls for each in await services.retention.run(days_default=30)] == [10]
    assert (await services.audit.verify()).problems == ()


async def test_an_edited_batch_is_left_alone_and_told(services: Services, clock: FakeClock) -> None:
    call, sound = wordy(clock, 40), wordy(clock, 40)
    await services.calls.ship([call], gateway="gateway-1")
    await services.calls.ship([sound], gateway="gateway-1")
    async with services.database.operate() as connection:
        row = tables.calls.c
        document = (await connection.execute(sa.select(row.document).where(row.id == call.id))).scalar_one()
        edited = document.replace("CHF 3", "CHF 9")
        await connection.execute(tables.calls.update().where(row.id == call.id).values(document=edited))
    (done,) = await services.retention.run(days_default=30)
    assert done.calls == 1
    assert len(done.problems) == 1
    assert (await services.calls.get(call.id)).answer == "It costs CHF 9"
    assert len((await services.audit.verify()).problems) == 1


async def test_what_people_wrote_about_calls_goes_too_but_not_what_waits(services: Services, clock: FakeClock) -> None:
    held = wordy(clock, 0, status="held", sign_off_id="s-1", withheld_answer="a draft", answer="")
    await services.calls.ship([held], gateway="gateway-1")
    rating = NewRating(stars=4, rater="anna", call_id=held.id, comment="fine", corrected_text="better")
    await services.feedback.rate(rating, actor=bank.PERSON)
    async with services.database.write("user:maria") as writer:
        sign_off = await catalog.SIGN_OFFS.get(writer.connection, "s-1")
        assert sign_off is not None
        later = msgspec.structs.replace(sign_off, expires_at=clock.now() + timedelta(days=45))
        await catalog.SIGN_OFFS.put(writer, later, "prolong")
    clock.advance(40 * bank.DAY_S)
    (done,) = await services.retention.run(days_default=30)
    assert (done.calls, done.sign_offs, done.ratings) == (1, 0, 1)
    clock.advance(10 * bank.DAY_S)
    (done,) = await services.retention.run(days_default=30)
    assert (done.calls, done.sign_offs, done.ratings) == (0, 1, 0)
    assert (await services.audit.verify()).problems == ()


async def test_of_many_ratings_each_loses_its_words_however_many_a_page_holds(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_PER_LOOK", 3)
    monkeypatch.setattr(retention, "ROWS_PER_WRITE", 2)
    await keep_for(services, 30)

    async def rated(first: int, number: int) -> None:
        ratings = [
            NewRating(stars=4, rater=f"r-{each}", case_id=f"c-{each}", use_case=bank.NAME, comment="because")
            for each in range(first, first + number)
        ]
        await services.feedback.rate_many(ratings, actor="user:anna")

    await rated(0, 7)
    clock.advance(31 * bank.DAY_S)
    await rated(7, 2)
    (redaction,) = await services.retention.run()
    assert redaction.ratings == 7
    found = await services.feedback.ratings(bank.NAME)
    assert {each.case_id for each in found if each.comment} == {"c-7", "c-8"}
    assert {each.stars for each in found} == {4}
    assert await services.retention.run() == []
    assert (await services.audit.verify()).problems == ()


async def test_of_many_sign_offs_each_loses_its_texts_once(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are done must not keep later ones from being looked at, nor what is written meanwhile be undone."""
    monkeypatch.setattr("groundcrew.services.retention.SIGN_OFFS_PER_LOOK", 2)
    monkeypatch.setattr("groundcrew.store.collection.LIST_LIMIT_MAX", 2)

    async def hold(number: int, first: int) -> None:
        made = [
            wordy(clock, 0, status="held", sign_off_id=f"s-{each}", withheld_answer='A "redacted_at":"draft"', answer="")
            for each in range(first, first + number)
        ]
        await services.calls.ship(made, gateway="gateway-1")

    await keep_for(services, 30)
    await hold(5, 0)
    clock.advance(40 * bank.DAY_S)
    assert [each.sign_offs for each in await services.retention.run()] == [5]
    await hold(3, 5)
    clock.advance(40 * bank.DAY_S)
    read, late = sign_offs.with_texts, Reading(reader="olaf", decision="reject", at=clock.now(), comment="too late")

    async def and_then_somebody_writes(*given: Any, **named: Any) -> Any:
        found = await read(*given, **named)
        async with services.database.write("user:olaf") as writer:
            for each in found:
                judged = msgspec.structs.replace(each, second_reading=late)
                await catalog.SIGN_OFFS.put(writer, judged, "second_review")
        return found

    monkeypatch.setattr(sign_offs, "with_texts", and_then_somebody_writes)
    assert [each.sign_offs for each in await services.retention.run()] == [3]
    async with services.database.read() as connection:
        found = [await catalog.SIGN_OFFS.get(connection, f"s-{each}") for each in range(8)]
    assert all(each is not None and each.redacted_at is not None and not each.draft for each in found)
    readings = [each.second_reading for each in found if each is not None]
    assert [each is not None and (each.reader, each.comment) == ("olaf", "") for each in readings] == [False] * 5 + [True] * 3
    assert (await services.audit.verify()).problems == ()


async def test_the_job_goes_on_after_a_failure() -> None:
    tries: list[int] = []
    done = asyncio.Event()

    class Flaky:
        async def run(self, *, days_default: int) -> list[Any]:
            tries.append(days_default)
            if len(tries) == 1:
                raise ConnectionRefusedError("away")
            done.set()
            return []

    task = asyncio.create_task(RetentionJob(Flaky(), days_default=9, first_s=0.0, every_s=0.001).run())  # type: ignore[arg-type]
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    assert tries[:2] == [9, 9]
