"""What the audit log is asked: searches page by page that find what is there, and what a call rested on as of its time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.kill_switch import Scope
from groundcrew.errors import NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.decision_context import DecisionContext
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.store import audit_search, kept_documents, tables
from groundcrew.testing import FakeClock


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("history", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


async def found(services: Services, wanted: Wanted, *, limit: int = 7) -> list[AuditEntry]:
    """All pages, one after the other."""
    entries: list[AuditEntry] = []
    before: int | None = None
    while True:
        page = await services.audit.search(wanted, before=before, limit=limit)
        assert len(page.entries) <= limit
        entries += page.entries
        if page.next_before is None:
            return entries
        assert before is None or page.next_before < before or wanted.is_timed
        before = page.next_before


async def test_searches_find_all_that_fits_page_by_page(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held against a walk along the whole log; with small windows, so that each way of searching has several pages."""
    monkeypatch.setattr(audit_search, "NEAR_ENTRIES", 10)
    monkeypatch.setattr(audit_search, "TEXT_ENTRIES_MAX", 9)
    every = [msgspec.json.decode(line, type=AuditEntry) async for line in services.audit.lines()]
    middle = every[len(every) // 2]
    later = middle.at + timedelta(microseconds=1)
    for wanted in (
        Wanted(),
        Wanted(subject=f"use-case/{bank.NAME}"),
        Wanted(subject="use-case/"),
        Wanted(subject="k*"),
        Wanted(actor="user:maria"),
        Wanted(action="apply", actor="user:maria"),
        Wanted(use_case=bank.NAME),
        Wanted(since=middle.at),
        Wanted(until=later, actor="user:maria"),
        Wanted(since=middle.at, until=later),
        Wanted(text="WRONG fee"),
        Wanted(text='"', use_case=bank.NAME),
        Wanted(text="reads", until=later),
        Wanted(text="a", since=middle.at),
        Wanted(text="100%_"),
        Wanted(actor="nobody"),
        Wanted(actor="user:m*"),
        Wanted(actor="mari*", action="app*"),
        Wanted(actor="maria"),
    ):
        expected = [each.sequence for each in reversed(every) if wanted.fits(each)]
        assert expected or wanted.actor != "maria", "people are found by the name that they are shown by"
        assert sorted(each.sequence for each in await found(services, wanted)) == sorted(expected), wanted
    assert [each.sequence for each in await found(services, Wanted(), limit=500)] == [each.sequence for each in reversed(every)]


async def test_what_entries_are_searched_by_is_verified(services: Services) -> None:
    for column in ("at", "actor", "action", "use_case"):
        async with services.database.operate() as connection:
            here = tables.audit_entries.c.sequence == 3
            before = (await connection.execute(tables.audit_entries.select().where(here))).mappings().one()[column]
            await connection.execute(tables.audit_entries.update().where(here).values({column: "hidden"}))
        assert "entry 3: its row does not match its content; it was edited" in (await services.audit.verify()).problems
        async with services.database.operate() as connection:
            await connection.execute(tables.audit_entries.update().where(here).values({column: before}))


async def test_an_edited_copy_of_a_document_is_found(services: Services) -> None:
    async with services.database.operate() as connection:
        await connection.exec_driver_sql("UPDATE kept_documents SET document = replace(document, 'retail', 'wealth')")
    assert any("kept document" in each for each in (await services.audit.verify()).problems)


@pytest.mark.parametrize("which", ["noun = 'policy'", "sequence > 0"])
async def test_a_copy_of_a_document_that_was_deleted_is_found(
    services: Services, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """All of them too: that documents were kept shows in what was signed."""
    monkeypatch.setattr(kept_documents, "PAGE_ROWS", 3)
    await bank.apply(services, policies=[bank.policy(guards=())])
    assert (await services.audit.verify()).problems == ()
    async with services.database.operate() as connection:
        await connection.exec_driver_sql(f"DELETE FROM kept_documents WHERE {which}")
    problems = (await services.audit.verify()).problems
    assert any(each.startswith("policy/") and "was kept and is not there" in each for each in problems), problems


async def test_documents_from_before_they_were_kept_are_not_missed(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        async with services.database.operate() as connection:
            await connection.exec_driver_sql("DELETE FROM kept_documents")
        await bank.apply(services, policies=[bank.policy(guards=())])
        await services.checkpoints.sign()
        assert (await services.audit.verify()).problems == ()
        async with services.database.operate() as connection:
            await connection.exec_driver_sql("DELETE FROM kept_documents")
        await bank.apply(services, policies=[bank.policy()])
        assert (await services.audit.verify()).problems == (), "before the first signature nothing shows that it was kept"


async def test_a_document_that_is_too_long_to_be_kept_is_not_missed(
    sqlite_url: str, tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        with monkeypatch.context() as patched:
            patched.setattr(kept_documents, "DOCUMENT_BYTES_MAX", 10)
            await bank.apply(services, policies=[bank.policy(guards=())])
        asked = Asked(services, clock)
        clock.advance(60)
        call = await asked.call(knowledge_revision=bank.REVISION)
        clock.advance(60)
        await bank.apply(services, policies=[bank.policy()])
        assert (await services.audit.verify()).problems == ()
        assert "too long to be kept" in part(await asked.context(call), "policy").problem


async def test_verifying_reads_the_log_again_for_more_rows_than_memory_holds(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundcrew.store.audit.EXPECTED_MAX", 20)
    assert (await services.audit.verify()).problems == ()
    async with services.database.operate() as connection:
        await connection.exec_driver_sql("DELETE FROM hypotheses")
        await connection.exec_driver_sql("UPDATE calls SET status = 'failed'")
    problems = (await services.audit.verify()).problems
    assert any("was deleted" in each for each in problems)
    assert any("call batch" in each for each in problems)


class Asked:
    """A bank that was declared, and calls to it."""

    def __init__(self, services: Services, clock: FakeClock) -> None:
        self.services, self.clock = services, clock

    async def call(self, **changes: Any) -> bank.Call:
        async with self.services.database.read() as connection:
            digest = await current_digest(connection, await require_use_case(connection, bank.NAME))
        made = bank.call(received_at=self.clock.now(), version_digest=digest, **changes)
        await self.services.calls.ship([made], gateway="gateway-1")
        return made

    async def context(self, call: bank.Call) -> DecisionContext:
        return await self.services.decision_contexts.of(call.id)


@pytest.fixture
async def asked(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Asked]:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield Asked(services, clock)


def part(context: DecisionContext, name: str) -> Any:
    return next(each for each in context.facts if each.part == name)


async def test_a_call_shows_what_was_in_force_when_it_came_and_not_what_is_now(asked: Asked) -> None:
    services, clock = asked.services, asked.clock
    call = await asked.call(knowledge_revision=bank.REVISION)
    clock.advance(60)
    await bank.apply(
        services, use_cases=[bank.use_case(prompt="Answer rudely.")], models=[bank.model()], policies=[bank.policy(guards=())]
    )
    context = await asked.context(call)
    assert context.version_matches is True, context.facts
    use_case = part(context, "use case")
    assert use_case.document["prompt"] == "Answer politely."
    entry = (await services.audit.search(Wanted(subject=f"use-case/{bank.NAME}"), limit=100)).entries
    assert use_case.entry in {each.sequence for each in entry[1:]}
    assert part(context, "policy").document["guards"], "the policy of then, which had a guard"
    assert ", risk tier limited, running" in part(context, "use case").finding
    assert part(context, "stage").finding.endswith("(advance)")
    assert "criteria passed" in part(context, "gate evaluation").finding
    assert part(context, "gate policy").document["criteria"]
    assert part(context, "kill switch").finding == f"use-case:{bank.NAME}: armed", "after its drill"
    assert "no record" in part(context, "budget").problem
    assert part(context, "record").problem == ""
    later = await asked.call(knowledge_revision=bank.REVISION)
    assert part(await asked.context(later), "use case").document["prompt"] == "Answer rudely."


async def test_what_can_not_be_reconstructed_is_said(asked: Asked) -> None:
    call = await asked.call(knowledge_revision=bank.REVISION)
    asked.clock.advance(60)
    await bank.apply(asked.services, policies=[bank.policy(guards=())])
    async with asked.services.database.operate() as connection:
        await connection.exec_driver_sql("DELETE FROM kept_documents WHERE noun = 'policy'")
    context = await asked.context(call)
    assert context.version_matches is None
    assert "was kept and is not there any more" in part(context, "policy").problem
    assert part(context, "model").document is not None, "what has not changed since is as it was"
    early = bank.call(received_at=asked.clock.now() - timedelta(days=900))
    await asked.services.calls.ship([early], gateway="gateway-1")
    assert "from before the call" in part(await asked.context(early), "use case").problem
    with pytest.raises(NotFound):
        await asked.services.decision_contexts.of("nothing")


async def test_a_switch_is_told_as_it_stood(asked: Asked) -> None:
    services = asked.services
    before = await asked.call()
    asked.clock.advance(10)
    await bank.accounts(services, bank.PERSON)
    async with bank.gateway(services):
        await services.kill_switches.stop(Scope("use-case", bank.NAME), actor=bank.PERSON, reason="a test")
    asked.clock.advance(10)
    after = await asked.call()
    assert "armed" in part(await asked.context(before), "kill switch").finding
    assert "confirmed stopped" in part(await asked.context(after), "kill switch").finding


@given(st.text(min_size=1, max_size=6), st.text(max_size=12))
@settings(max_examples=50, deadline=None)
def test_a_beginning_is_what_subjects_start_with(begins: str, rest: str) -> None:
    entry = AuditEntry(
        sequence=1,
        at=FakeClock().now(),
        actor="a",
        action="b",
        subject=begins + rest,
        subject_digest=None,
        reason="",
        details={},
        previous_hash="",
        hash="",
    )
    assert Wanted(subject=begins + "*").fits(entry)
    assert Wanted(subject=begins + rest + "/").fits(entry) == entry.subject.startswith(begins + rest + "/")
