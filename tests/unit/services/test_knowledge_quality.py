"""Findings about a knowledge base: each look finds what is planted, a state lasts over runs, nothing is told of too little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank

from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.knowledge import Passage
from groundcrew.domain.knowledge_quality import Finding, FindingKind
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.jobs.quality_schedule import QualitySchedule
from groundcrew.jobs.worker import JobWorker
from groundcrew.services import knowledge_quality, quality_checks
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.knowledge_use import WINDOW_DAYS, question_of
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

DAY_S = 86_400
ARTICLES = {
    "cards.md": "# Replacement cards\n\nA replacement debit card costs CHF 20. It arrives within five working days.\n",
    "fees.md": "# Debit card\n\nFor a replacement of the debit card we charge CHF 25.\n",
    "rates.md": "# Rates\n\nThe welcome rate of 1 % is valid until 31.12.2025.\n",
    "vollmacht.md": "# Vollmachten\n\nVollmachten können nicht telefonisch erteilt werden.\n",
    "telefon.md": "# Telefon\n\nVollmachten können telefonisch erteilt werden.\n",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock) as services:
        yield services


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / name).write_text(text)
    return folder


async def serve(services: Services, articles: Path) -> str:
    revision = await services.knowledge.add(bank.BASE, [articles], actor="user:desk")
    await services.knowledge.approve(bank.BASE, revision.id, actor="user:anna")
    return revision.id


async def look(services: Services) -> dict[str, Any]:
    job = await services.quality.submit(bank.BASE, actor="user:anna")
    await JobWorker(services).drain()
    view = await services.jobs.get(job.id)
    assert view.phase == "done", view.job.error
    assert (await services.audit.verify()).problems == ()
    return view.job.result


async def findings(services: Services, kind: FindingKind, state: str = "open") -> list[Finding]:
    return [each for each in (await services.quality.get(bank.BASE, kind=kind)).findings if each.state == state]


async def passage(services: Services, revision: str, document: str) -> Passage:
    hits = await services.knowledge.search(bank.BASE, document, revision=revision, limit=20)
    return next(hit.passage for hit in hits if hit.passage.document.endswith(document))


def call(source: Passage | None, clock: FakeClock, **changes: Any) -> Call:
    """A call that found `source` and whose answer rests on it."""
    reference = source and SourceReference(passage_id=source.id, document=source.document, title=source.title, text=source.text)
    claims = (ClaimScore(start=0, end=5, support=0.9, source=0, quote=(0, 5)),) if source else ()
    values = {
        "received_at": clock.now(),
        "sources": (reference,) if reference else (),
        "trust": TrustReport(trust=0.9, state="supported", claims=claims),
    }
    return bank.call(**(values | changes))


async def test_contradictions_in_two_languages_and_stale_ones_with_their_quotes(services: Services, articles: Path) -> None:
    await serve(services, articles)
    result = await look(services)
    assert result["open"]["contradiction"] == 2
    quotes = {tuple(sorted(quote.text for quote in each.quotes)) for each in await findings(services, "contradiction")}
    assert quotes == {
        ("A replacement debit card costs CHF 20.", "For a replacement of the debit card we charge CHF 25."),
        ("Vollmachten können nicht telefonisch erteilt werden.", "Vollmachten können telefonisch erteilt werden."),
    }
    (stale,) = await findings(services, "stale")
    assert (stale.title, stale.quotes[0].text) == (
        "Its validity ended on 2025-12-31",
        "The welcome rate of 1 % is valid until 31.12.2025.",
    )
    assert {each.owner for each in (await services.quality.get(bank.BASE)).findings} == {"desk@bank.example"}
    assert all(each.action for each in (await services.quality.get(bank.BASE)).findings)
    assert (await services.quality.counts()) == {bank.BASE: 3}


async def test_a_contradiction_in_a_part_of_a_sentence_is_told_once(services: Services, articles: Path) -> None:
    (articles / "cards.md").write_text(
        "# Replacement cards\n\nA replacement debit card costs CHF 20 and arrives within five working days.\n"
    )
    await serve(services, articles)
    await look(services)
    found = [each for each in await findings(services, "contradiction") if "CHF 25" in each.title]
    assert [sorted(quote.text for quote in each.quotes) for each in found] == [
        [
            "A replacement debit card costs CHF 20 and arrives within five working days.",
            "For a replacement of the debit card we charge CHF 25.",
        ]
    ]


async def test_a_second_run_changes_nothing(services: Services, articles: Path) -> None:
    await serve(services, articles)
    await look(services)
    before = (await services.quality.get(bank.BASE)).findings
    result = await look(services)
    assert (result["new"], result["gone"]) == (0, 0)
    assert (await services.quality.get(bank.BASE)).findings == before


async def test_a_dismissed_finding_stays_so_until_its_texts_change(services: Services, articles: Path) -> None:
    await serve(services, articles)
    await look(services)
    chosen = next(each for each in await findings(services, "contradiction") if "CHF" in each.quotes[0].text)
    with pytest.raises(InputError, match="reason"):
        await services.quality.decide(bank.BASE, chosen.id, "dismissed", actor="user:anna")
    await services.quality.decide(bank.BASE, chosen.id, "dismissed", actor="user:anna", reason="two products")
    (articles / "other.md").write_text("# Other\n\nCheques are not accepted.\n")
    await serve(services, articles)
    await look(services)
    assert [each.id for each in await findings(services, "contradiction", "dismissed")] == [chosen.id]
    (articles / "fees.md").write_text("# Debit card\n\nFor a replacement of the debit card we charge CHF 30.\n")
    await serve(services, articles)
    await look(services)
    opened = [each for each in await findings(services, "contradiction") if "CHF" in each.quotes[0].text]
    assert len(opened) == 1
    assert opened[0].id != chosen.id
    history = [each.action for each in await audit_of(services, f"finding/{chosen.id}")]
    assert history == ["find", "dismissed"]


async def audit_of(services: Services, subject: str) -> list[Any]:
    from groundcrew.store import audit

    async with services.database.read() as connection:
        return (await audit.latest(connection, subject=subject))[::-1]


async def test_a_finding_that_is_done_closes_itself_or_comes_back(services: Services, articles: Path) -> None:
    await serve(services, articles)
    await look(services)
    (stale,) = await findings(services, "stale")
    await services.quality.decide(bank.BASE, stale.id, "done", actor="user:anna")
    await look(services)
    assert await findings(services, "stale") == [], "nothing serves yet that could show it"
    (articles / "fees.md").unlink()
    await serve(services, articles)
    await look(services)
    assert [each.id for each in await findings(services, "stale")] == [stale.id], "approved again with the old words"
    closed = [each for each in await findings(services, "contradiction", "done") if "CHF" in each.quotes[0].text]
    assert [(each.decided_by, each.reason) for each in closed] == [("system:quality", "it is not found any more")]


async def test_deciding(services: Services, articles: Path) -> None:
    await serve(services, articles)
    await look(services)
    (stale,) = await findings(services, "stale")
    handed = await services.quality.decide(bank.BASE, stale.id, "open", actor="user:anna", owner="rates@bank.example")
    assert (handed.owner, handed.state) == ("rates@bank.example", "open")
    await look(services)
    assert (await findings(services, "stale"))[0].owner == "rates@bank.example"
    with pytest.raises(Conflict):
        await services.quality.decide(bank.BASE, stale.id, "open", actor="user:anna")
    with pytest.raises(NotFound):
        await services.quality.decide(bank.BASE, "nothing", "done", actor="user:anna")
    with pytest.raises(InputError, match="about policies"):
        await services.quality.decide("other", stale.id, "done", actor="user:anna")


async def test_questions_without_an_answer_by_frequency(services: Services, articles: Path, clock: FakeClock) -> None:
    revision = await serve(services, articles)
    source = await passage(services, revision, "cards.md")
    asked = (
        [("user: Do you sell gold bars?", "declined")] * 3
        + [("user: Can I buy a gold bar from you?", "declined")]
        + [("system: s\nuser: Can I pay with cheques?", "fallback")] * 2
        + [("user: What is the weather?", "declined"), ("user: What does a card cost?", "answered")]
    )
    calls = [call(source, clock, id=new_id(), request=text, status=status) for text, status in asked]
    sample = [call(source, clock, request="user: Do you sell stamps?", status="declined", sample=True) for _ in range(9)]
    old = call(
        source, clock, request="user: Do you sell stamps?", status="declined", received_at=clock.now() - timedelta(days=99)
    )
    await services.calls.ship([*calls, *sample, old, msgspec.structs.replace(old, id=new_id())], gateway="g")
    result = await look(services)
    found = await findings(services, "unanswered")
    assert [(each.count, each.title, each.sample) for each in found] == [
        (4, "Do you sell gold bars?", False),
        (2, "Can I pay with cheques?", False),
        (9, "Do you sell stamps?", True),
    ]
    assert found[0].calls[0] == calls[3].id
    assert (result["questions"], result["calls"], result["samples"]) == (16, 8, 9)
    await services.quality.decide(bank.BASE, found[0].id, "done", actor="user:anna")
    await look(services)
    assert next(each.title for each in await findings(services, "unanswered")) == "Can I pay with cheques?"
    clock.advance(60)
    await services.calls.ship([call(source, clock, request="user: Do you sell gold bars?", status="declined")], gateway="g")
    await look(services)
    assert (await findings(services, "unanswered"))[0].count == 5, "asked again since, so it is open again"
    clock.advance((WINDOW_DAYS + 1) * DAY_S)
    await look(services)
    gone = await findings(services, "unanswered", "done")
    assert all((each.questions, each.calls, each.title) == ((), (), "A question that is not asked any more") for each in gone)


async def test_a_supported_answer_that_was_kept_back_lacks_no_article(services: Services, articles: Path) -> None:
    """As while a guarantee is still to be earned: every call is declined, and the passages are good."""
    await serve(services, articles)
    fields = {"status": "declined", "answer": "", "trust": None, "request": "user: What does a replacement card cost?"}
    known = TrustReport(trust=0.9, state="supported")
    await services.calls.ship(
        [bank.call(**fields, withheld_trust=known, withheld_answer="CHF 20.") for _ in range(3)], gateway="g"
    )
    result = await look(services)
    assert (result["calls"], result["questions"], result["open"]["unanswered"]) == (3, 0, 0)
    unknown = msgspec.structs.replace(known, state="unsupported")
    await services.calls.ship(
        [bank.call(**fields, withheld_trust=unknown, withheld_answer="CHF 99.") for _ in range(3)], gateway="g"
    )
    assert (await look(services))["questions"] == 3


async def test_documents_never_found_and_passages_most_used(services: Services, articles: Path, clock: FakeClock) -> None:
    revision = await serve(services, articles)
    cards, fees = await passage(services, revision, "cards.md"), await passage(services, revision, "fees.md")
    await services.calls.ship([call(cards, clock) for _ in range(quality_checks.USE_CALLS_MIN - 2)], gateway="g")
    await look(services)
    assert await findings(services, "unused") == [], "too few calls to tell"
    await services.calls.ship([call(cards, clock), call(fees, clock, trust=None)], gateway="g")
    result = await look(services)
    names = {each.quotes[0].document.rpartition("/")[2] for each in await findings(services, "unused")}
    assert names == {"rates.md", "vollmacht.md", "telefon.md"}
    assert result["passages_never_found"] == 3
    assert [(each["title"], each["quoted"], each["found"]) for each in result["most_used"]] == [("Replacement cards", 49, 49)]


async def test_passages_whose_answers_people_correct(services: Services, articles: Path, clock: FakeClock) -> None:
    revision = await serve(services, articles)
    cards, fees = await passage(services, revision, "cards.md"), await passage(services, revision, "fees.md")
    on_cards, on_fees = [call(cards, clock) for _ in range(5)], [call(fees, clock) for _ in range(5)]
    await services.calls.ship([*on_cards, *on_fees], gateway="g")
    async with services.database.write("user:anna") as writer:
        edited = SignOff(
            id=new_id(), use_case=bank.NAME, call_id=on_cards[0].id, qualification="q", draft="", reason="", state="edited",
            requested_at=clock.now(), expires_at=clock.now(),
        )  # fmt: skip
        await catalog.SIGN_OFFS.put(writer, edited, "edit")
    for rated, stars, text in ((on_cards[1], 2, ""), (on_cards[2], 4, "Better so."), (on_cards[3], 5, ""), (on_fees[0], 1, "")):
        rating = NewRating(stars=stars, rater="agent-07", call_id=rated.id, corrected_text=text)
        await services.feedback.rate(rating, actor="user:anna")
    await look(services)
    (found,) = await findings(services, "corrected")
    assert (found.count, found.of, found.title) == (3, 5, "3 of 5 answers that rested on it were corrected")
    assert found.quotes[0].document.endswith("cards.md")
    assert set(found.calls) == {each.id for each in on_cards[:3]}


async def test_a_review_that_is_due_and_documents_nobody_touched(services: Services, articles: Path, clock: FakeClock) -> None:
    await serve(services, articles)
    clock.advance(170 * DAY_S)
    await look(services)
    assert [each.title for each in await findings(services, "stale")][-1].startswith("The review of the whole revision is due")
    clock.advance(600 * DAY_S)
    (articles / "new.md").write_text("# New\n\nSomething new.\n")
    await serve(services, articles)
    await look(services)
    unchanged = {
        each.quotes[0].document.rpartition("/")[2] for each in await findings(services, "stale") if "Unchanged" in each.title
    }
    assert unchanged == set(ARTICLES), "the new one is not old"


async def test_a_run_goes_on_after_its_worker_died(
    services: Services, articles: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serve(services, articles)
    searches: list[int] = []
    search, reconcile = quality_checks.contradictions, knowledge_quality.reconcile

    def counted(*arguments: Any) -> Any:
        searches.append(1)
        return search(*arguments)

    async def lost(*_arguments: Any, **_options: Any) -> Any:
        raise SystemError("the process is gone")

    monkeypatch.setattr(quality_checks, "contradictions", counted)
    monkeypatch.setattr(knowledge_quality, "reconcile", lost)
    job = await services.quality.submit(bank.BASE, actor="user:anna")
    await JobWorker(services).work_once()
    monkeypatch.setattr(knowledge_quality, "reconcile", reconcile)
    clock.advance(DAY_S)
    await JobWorker(services).work_once()
    view = await services.jobs.get(job.id)
    assert (view.phase, view.job.attempts, len(searches)) == ("done", 2, 1)
    assert len(await findings(services, "contradiction")) == 2


async def test_the_schedule(services: Services, articles: Path, clock: FakeClock) -> None:
    schedule, worker = QualitySchedule(services), JobWorker(services)
    assert await schedule.submit_due() == [], "nothing serves"
    await serve(services, articles)
    assert await schedule.submit_due() == [bank.BASE]
    await worker.drain()
    assert await schedule.submit_due() == []
    (articles / "new.md").write_text("# New\n\nSomething new.\n")
    await serve(services, articles)
    assert await schedule.submit_due() == [bank.BASE], "another revision serves"
    await worker.drain()
    clock.advance(DAY_S)
    assert await schedule.submit_due() == [bank.BASE], "a day has passed"
    assert await schedule.submit_due() == []
    assert len([each for each in await services.jobs.list() if each.phase == "queued"]) == 1


async def test_nothing_serves(services: Services) -> None:
    with pytest.raises(Conflict, match="no revision of policies serves"):
        await services.quality.submit(bank.BASE, actor="user:anna")
    assert (await services.quality.get(bank.BASE)).run is None
    with pytest.raises(NotFound):
        await services.quality.get("nothing")


def test_the_question_is_what_was_asked_last() -> None:
    assert question_of("system: Be kind.\nuser: First?\nassistant: Yes.\nuser: And\nthen?") == "And then?"
    assert question_of("user: ") == question_of("") == ""
    assert question_of("plain") == "plain"
