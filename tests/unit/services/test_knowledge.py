"""Knowledge bases: a revision is its content, a person lets it serve, and what serves is part of the version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.knowledge import KnowledgeBase
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.bundle import Services
from groundcrew.testing import FakeClock

FEES = "# Fees\n\nThe everyday account costs CHF 3 a month.\n"
CARDS = "# Cards\n\nA replacement card costs CHF 20 and arrives within five working days.\n"


@pytest.fixture
def clock(sqlite_url: str, prepared: Prepared) -> FakeClock:
    return prepared.copy("declared", sqlite_url)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield services


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "fees.md").write_text(FEES)
    return folder


async def serving(services: Services) -> str | None:
    entry = (await services.snapshots.build()).knowledge.get(bank.BASE)
    return entry.revision if entry else None


async def test_a_revision_serves_once_a_person_approved_it(services: Services, articles: Path) -> None:
    proposed = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    assert (proposed.state, proposed.documents, proposed.passages) == ("proposed", 1, 1)
    assert await serving(services) is None
    with pytest.raises(Conflict, match="no revision of policies serves"):
        await services.knowledge.search(bank.BASE, "account fee")
    hits = await services.knowledge.search(bank.BASE, "account fee", revision=proposed.id[:8])
    assert "CHF 3" in hits[0].passage.text

    approved = await services.knowledge.approve(bank.BASE, proposed.id[:6], actor="user:anna")
    assert (approved.state, approved.approved_by) == ("approved", "user:anna")
    assert await serving(services) == proposed.id
    assert (await services.knowledge.search(bank.BASE, "account fee", limit=1))[0].passage.document.endswith("fees.md")
    assert (await services.audit.verify()).problems == ()


async def test_the_same_documents_are_the_same_revision(services: Services, articles: Path) -> None:
    first = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    head = (await services.audit.verify()).head
    assert await services.knowledge.add(bank.BASE, [articles], actor="user:other") == first
    assert (await services.audit.verify()).head == head


async def test_a_new_revision_supersedes_and_an_old_one_may_come_back(services: Services, articles: Path) -> None:
    first = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    await services.knowledge.approve(bank.BASE, first.id, actor="user:anna")
    before = await bank.digest_of(services)
    (articles / "cards.md").write_text(CARDS)
    second = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    await services.knowledge.approve(bank.BASE, second.id, actor="user:anna")
    assert {each.id: each.state for each in await services.knowledge.revisions(bank.BASE)} == {
        first.id: "superseded",
        second.id: "approved",
    }
    assert await bank.digest_of(services) != before
    await services.knowledge.approve(bank.BASE, first.id, actor="user:anna")
    assert await serving(services) == first.id
    assert await bank.digest_of(services) == before


async def test_a_withdrawn_revision_serves_no_more_and_needs_its_documents_anew(services: Services, articles: Path) -> None:
    revision = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    await services.knowledge.approve(bank.BASE, revision.id, actor="user:anna")
    with pytest.raises(InputError, match="reason"):
        await services.knowledge.withdraw(bank.BASE, revision.id, actor="user:anna", reason="")
    await services.knowledge.withdraw(bank.BASE, revision.id, actor="user:anna", reason="a wrong fee")
    assert await serving(services) is None
    with pytest.raises(Conflict, match="was withdrawn"):
        await services.knowledge.approve(bank.BASE, revision.id, actor="user:anna")
    again = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    assert (again.id, again.state) == (revision.id, "proposed")


async def test_a_review_that_is_due_stops_it_until_it_is_renewed(services: Services, articles: Path, clock: FakeClock) -> None:
    await bank.apply(services, bases=[KnowledgeBase(name=bank.BASE, owner="desk@bank.example", review_every_s=60)])
    revision = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    await services.knowledge.approve(bank.BASE, revision.id, actor="user:anna")
    clock.advance(60)
    entry = (await services.snapshots.build()).knowledge[bank.BASE]
    assert clock.now().timestamp() >= entry.expires_at_s
    await services.knowledge.approve(bank.BASE, revision.id, actor="user:anna")
    assert clock.now().timestamp() < (await services.snapshots.build()).knowledge[bank.BASE].expires_at_s


async def test_what_can_not_be_read_is_refused(services: Services, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for paths, error, says in (
        ([], InputError, "none declared"),
        ([empty], InputError, "no documents found"),
        ([tmp_path / "absent.md"], InputError, "absent.md"),
    ):
        with pytest.raises(error, match=says):
            await services.knowledge.add(bank.BASE, paths, actor="user:desk")
    with pytest.raises(NotFound, match="did you mean 'policies'"):
        await services.knowledge.add("polices", [empty], actor="user:desk")
    assert await services.knowledge.revisions() == []


async def test_a_revision_is_named_by_enough_characters(services: Services) -> None:
    for revision in ("a" * 64, "aaaaaaa" + "b" * 57):
        await bank.approve_knowledge(services, revision)
    with pytest.raises(InputError, match="at least 6 characters"):
        await services.knowledge.approve(bank.BASE, "aaaaa", actor="user:anna")
    with pytest.raises(InputError, match="fits 2 revisions"):
        await services.knowledge.approve(bank.BASE, "aaaaaa", actor="user:anna")
    with pytest.raises(NotFound, match="there are: aaaaaaaaaaaa"):
        await services.knowledge.approve(bank.BASE, "cccccc", actor="user:anna")
    assert [each.name for each in await services.knowledge.bases()] == [bank.BASE]
