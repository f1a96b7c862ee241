"""What gates read besides the data of a version: sample data replace nothing, copies count for nothing, and what is kept in
memory never outlives what it was read from."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.unit.services import bank

from groundcrew.domain.identifiers import new_id
from groundcrew.services.drawn_answers import labels_of
from groundcrew.services.feedback import NewOutcome
from groundcrew.services.governance import persons_who_built
from groundcrew.store import catalog, governance
from groundcrew.testing import FakeClock


async def test_what_gates_read_of_the_records(database_url: str, tmp_path: Path) -> None:
    clock = FakeClock()
    async with bank.opened(database_url, tmp_path, clock) as services:
        digest, now = await bank.digest_of(services), clock.now()
        real = NewOutcome(metric="review_time", value=50, case_id="r-1", unit="s", at=now)
        await services.feedback.add_outcomes(bank.NAME, [real], actor="system:tickets")
        clock.advance(1)
        later = msgspec.structs.replace(real, value=7, sample=True)
        await services.feedback.add_outcomes(bank.NAME, [later], actor="system:tickets")
        served = bank.call(id=new_id(), version_digest=digest, received_at=now)
        copy = bank.call(id=new_id(), version_digest=digest, received_at=now, shadow_of=served.id)
        trial = bank.call(id=new_id(), version_digest=digest, received_at=now, trial="rehearsal-1")
        await services.calls.ship([served, copy, trial], gateway="gateway-1")
        async with services.database.read() as connection:
            found = await governance.outcomes_since(connection, bank.NAME, digest, None, "review_time")
            assert [each.value for each in found] == [50]
            assert await governance.rows_mark(connection, "calls", bank.NAME, digest) == (1, served.id)
            assert await governance.rows_mark(connection, "outcomes", bank.NAME, digest) == (1, found[0].id)
            assert await governance.rows_mark(connection, "ratings", bank.NAME, digest) == (0, None)
            assert await governance.rows_mark(connection, "trust_labels", bank.NAME, digest) == (0, None)
            assert len(await governance.case_costs(connection, bank.NAME, digest)) == 1
            assert await governance.case_costs(connection, bank.NAME, "f" * 64) == []
            assert await labels_of(connection, bank.NAME) is await labels_of(connection, bank.NAME)


async def test_who_built_is_read_anew_after_what_was_never_committed(sqlite_url: str, tmp_path: Path) -> None:
    async with bank.opened(sqlite_url, tmp_path, FakeClock()) as services:
        item = await services.use_cases.get(bank.NAME)
        try:
            async with services.database.write("user:never") as writer:
                await catalog.USE_CASES.put(writer, item, "apply")
                assert "never" in await persons_who_built(writer.connection, item)
                raise LookupError
        except LookupError:
            pass
        for actor in ("user:berta", "user:carl"):
            async with services.database.write(actor) as writer:
                await catalog.USE_CASES.put(writer, item, "apply")
            async with services.database.read() as connection:
                people = await persons_who_built(connection, item)
            assert actor.removeprefix("user:") in people
            assert "never" not in people
        assert {"berta", "carl", "maria"} <= people
