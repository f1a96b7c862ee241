"""An alternate is asked what was asked of the model that answers, once each, within its ceiling; the report says what it can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.services.rehearsing import (
    ALTERNATE,
    UNSUPPORTED,
    ScriptedTrials,
    answer,
    declare,
    failures,
    losing,
    of,
    other,
    record_rehearsal,
    recorded,
    rehearse,
)

from groundcrew.domain.feedback import Rating
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.provider import SwapRule, Target
from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.errors import DeclarationError, InputError, NotAllowed, NotFound
from groundcrew.jobs.worker import JobWorker
from groundcrew.services import rehearsals, replaying
from groundcrew.services.bundle import Services
from groundcrew.services.jobs import LEASE_S
from groundcrew.store import catalog
from groundcrew.store.feedback import RATINGS
from groundcrew.store.rehearsals import of_job
from groundcrew.testing import FakeClock


@pytest.fixture
def clock(prepared: Prepared, sqlite_url: str) -> FakeClock:
    return prepared.copy("declared", sqlite_url)


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await declare(services)
        yield services


async def test_no_loss_is_cleared_and_becomes_evidence_of_the_version(services: Services) -> None:
    calls = await recorded(services, 160)
    view, report = await rehearse(services)
    assert report.holds, report.why
    assert (report.pairs, report.asked_for, report.unusable, report.masked) == (160, 300, {}, 0)
    assert report.another_vendor
    assert (report.vendor, report.present) == ("llm.other.example", ("quotes/extractive-1",))
    assert report.cost_usd == pytest.approx(0.16)
    assert failures(report) == []
    assert {each.name for each in report.guardrails} == {"supported", "trust", "declined", "failed", "findings", "critical"}
    latency = of(report, "latency_ms")
    assert (latency.holds, latency.result.estimate) == (None, pytest.approx(100.0))
    assert report.similarity is not None
    assert report.similarity.result.estimate == pytest.approx(0.0, abs=1e-6)
    (evidence,) = [each for each in await services.evidence.find(bank.NAME) if each.evidence.kind == rehearsals.EVIDENCE]
    assert (evidence.state, evidence.evidence.subject, evidence.evidence.id) == (
        "valid",
        "other/other-1",
        view.job.result["evidence"],
    )
    assert evidence.evidence.content["holds"] is True
    async with services.database.read() as connection:
        rows = await of_job(connection, view.job.id)
    assert {each.call_id for each in rows} == {each.id for each in calls}
    assert (await services.audit.verify()).problems == ()


async def test_a_planted_loss_of_a_twentieth_is_found(services: Services) -> None:
    await recorded(services, 300)
    _, report = await rehearse(services, losing(20))
    assert not report.holds
    supported = of(report, "supported").result
    assert supported.estimate == pytest.approx(-0.05)
    assert supported.finding == "worse"
    assert "supported worse" in report.why


async def test_too_few_pairs_say_how_many_would_do(services: Services) -> None:
    await recorded(services, 40)
    _, report = await rehearse(services)
    assert not report.holds
    assert "could settle it" in report.why
    assert max(each.pairs_needed for each in report.guardrails) > 40
    _, report = await rehearse(services, calls=10)
    assert not report.holds
    assert report.why.startswith("10 pairs")


async def test_what_can_not_be_replayed_is_counted_by_why(services: Services, clock: FakeClock) -> None:
    digest = await bank.digest_of(services)
    apart = {
        "sample": bank.call(version_digest=digest, sample=True),
        "trial": bank.call(version_digest=digest, trial="t"),
        "shadow": bank.call(version_digest=digest, shadow_of="x"),
        "version": bank.call(),
    }
    odd = [
        bank.call(version_digest=digest, cached_from="x"),
        bank.call(version_digest=digest, target_model="another"),
        bank.call(version_digest=digest, status="cancelled"),
        bank.call(version_digest=digest, status="refused", error_code="budget_exceeded"),
        bank.call(version_digest=digest, request="user: look\n\ntool: 42"),
        bank.call(version_digest=digest, request=""),
        bank.call(version_digest=digest, redacted_at=clock.now(), request=""),
    ]
    masked = bank.call(version_digest=digest, request="user: I am [PERSON_2] from [LOCATION].")
    plain = bank.call(version_digest=digest, request="system: Be brief.\n\nuser: Hello\n\nassistant: Yes?\n\nuser: What\n\nnow?")
    await services.calls.ship([*apart.values(), *odd, masked, plain], gateway="g")
    _, report = await rehearse(services)
    assert report.unusable == {"cached": 1, "another_model": 1, "cut": 2, "not_text": 2, "removed": 1}
    assert (report.pairs, report.masked) == (2, 1)
    trials = services.trials
    assert isinstance(trials, ScriptedTrials)
    newest = trials.requests[0]
    assert (newest.purpose, newest.target, newest.use_case) == ("replay", ALTERNATE, bank.NAME)
    assert [each["role"] for each in newest.messages] == ["system", "user", "assistant", "user"]
    assert newest.messages[-1]["content"] == "What\n\nnow?"


async def test_a_ceiling_of_cost_is_kept(services: Services) -> None:
    await recorded(services, 60)
    _, report = await rehearse(services, cost_max_usd=0.0401)
    assert report.pairs == 40
    assert "the ceiling of 0.0401 USD" in report.stopped
    assert not report.holds or report.pairs >= 30
    trials = services.trials = ScriptedTrials(services, lambda _request, _number: answer(cost_usd=None))
    _, report = await rehearse(services, cost_max_usd=1.0)
    assert len(trials.requests) == 1, "what it costs is asked with one question"
    assert "unknown" in report.stopped


async def test_so_many_at_once(services: Services) -> None:
    await recorded(services, 40)
    trials = services.trials = ScriptedTrials(services)
    await rehearse(services, concurrency=7)
    assert trials.most <= 7


async def test_a_worker_that_dies_asks_no_pair_twice_and_loses_none(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorded(services, 38)
    trials = services.trials = ScriptedTrials(services)
    compare, batches = replaying.compared, iter(range(100))

    def dying(*arguments: object) -> object:
        if next(batches) == 5:
            raise SystemError("the process is gone")
        return compare(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(replaying, "compared", dying)
    job = await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna")
    await JobWorker(services).work_once()
    assert (await services.jobs.get(job.id)).progress.done == 20
    clock.advance(LEASE_S + 1)
    await JobWorker(services).work_once()
    view = await services.jobs.get(job.id)
    assert (view.phase, view.job.attempts, view.job.done) == ("done", 2, 38)
    async with services.database.read() as connection:
        rows = await of_job(connection, job.id)
    assert len({each.call_id for each in rows}) == len(rows) == 38
    assert len(trials.requests) == 38 + rehearsals.CONCURRENCY_DEFAULT, "the batch that broke is asked anew, and no other"


async def test_an_alternate_that_is_away_is_not_asked_for_ever(services: Services) -> None:
    await recorded(services, 100)
    trials = services.trials = ScriptedTrials(
        services,
        lambda _request, _number: answer(status="failed", text="", generated="", trust=None, error_code="upstream_error"),
    )
    view, report = await rehearse(services)
    assert len(trials.requests) <= 32
    assert "did not answer" in report.stopped
    assert not report.holds
    assert "failed" in failures(report)
    assert view.job.failed == len(trials.requests)
    assert "upstream_error" in view.job.failures[0].reason


@pytest.mark.parametrize("code", ["kill_switch", "budget_exceeded", "use_case_not_running"])
async def test_a_stop_says_nothing_about_the_alternate(services: Services, code: str) -> None:
    await recorded(services, 60)
    await record_rehearsal(services)

    def script(_request: TrialRequest, number: int) -> TrialAnswer:
        return answer() if number < 10 else answer(status="refused", text="", generated="", trust=None, error_code=code)

    trials = services.trials = ScriptedTrials(services, script)
    job = await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna", concurrency=4)
    await JobWorker(services).drain()
    view = await services.jobs.get(job.id)
    assert view.phase == "failed"
    assert f"asked 10 questions only: {code}" in view.job.error
    assert len(trials.requests) == 12, "nothing is asked after it"
    async with services.database.read() as connection:
        assert len(await of_job(connection, job.id)) == 10
        (known,) = await catalog.EVIDENCE.find(connection, use_case=bank.NAME, kind=rehearsals.EVIDENCE)
    assert known.content["holds"], "what was known before stays"


async def test_what_was_asked_before_a_stop_is_compared(services: Services) -> None:
    await recorded(services, 60)

    def script(_request: TrialRequest, number: int) -> TrialAnswer:
        return answer() if number < 40 else answer(status="refused", text="", generated="", error_code="budget_exceeded")

    _, report = await rehearse(services, script)
    assert report.pairs == 40
    assert report.stopped.startswith("budget_exceeded")
    assert of(report, "failed").result.second == 0


async def test_a_rate_limit_is_waited_for(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "WAIT_S", 0.0)
    await recorded(services, 40)

    def script(_request: TrialRequest, number: int) -> TrialAnswer:
        return answer(status="refused", text="", error_code="rate_limited") if number % 3 == 0 else answer()

    _, report = await rehearse(services, script)
    assert (report.pairs, report.stopped, of(report, "failed").result.second) == (40, "", 0)


async def test_blocked_and_declined_answers_count_against_it(services: Services) -> None:
    await recorded(services, 160)

    def script(_request: TrialRequest, number: int) -> TrialAnswer:
        if number % 8 == 0:
            return answer(status="refused", error_code="guard_blocked", text="", trust=UNSUPPORTED)
        return answer()

    _, report = await rehearse(services, script)
    assert of(report, "critical").result.estimate == pytest.approx(0.125)
    assert of(report, "critical").result.finding == of(report, "findings").result.finding == "worse"
    assert not report.holds


async def test_what_took_the_place_of_a_held_answer_is_not_taken_for_the_models(services: Services) -> None:
    replaced = {"held_because": "a signature is needed", "replaced_because": "not grounded"}
    await recorded(services, 40, status="held", answer="", withheld_answer="It costs CHF 3 a month.", details=replaced)
    _, report = await rehearse(services)
    assert of(report, "supported").result.first == 0
    assert of(report, "declined").result.first == 1


async def test_without_the_records_of_its_answers_what_guards_found_is_unknown(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsals, "RECORDS_LOOKS_MAX", 1)
    await recorded(services, 40)
    services.trials = ScriptedTrials(services, records=False)
    _, report = await rehearse(services)
    assert of(report, "findings").result.finding == "unknown"
    assert not report.holds


async def test_what_people_sent_is_compared_with_both_answers(services: Services, clock: FakeClock) -> None:
    calls = await recorded(services, 4)
    async with services.database.write("user:anna") as writer:
        for each in calls[:3]:
            rating = Rating(
                id=new_id(), use_case=bank.NAME, stars=2, rater="anna", at=clock.now(), version_digest=each.version_digest,
                call_id=each.id, corrected_text="It costs CHF 4 a month, and nothing for students.",
            )  # fmt: skip
            await RATINGS.put(writer, rating, "rate")
    view, report = await rehearse(services)
    assert (of(report, "kept").result.n, of(report, "to_final").result.n) == (3, 3)
    assert of(report, "kept").result.estimate == pytest.approx(0.0)
    async with services.database.read() as connection:
        rows = {each.call_id: each for each in await of_job(connection, view.job.id)}
    assert [rows[each.id].final for each in calls] == ["corrected"] * 3 + [""]


async def test_the_hypothesis_guardrails_that_a_replay_can_tell(services: Services) -> None:
    await recorded(services, 40)
    await services.hypotheses.register(bank.NAME, actor="user:maria")
    _, report = await rehearse(services)
    assert report.unmeasured == ("complaint",)


async def test_declared_margins_decide(services: Services) -> None:
    await declare(services, swap=SwapRule(margins={"latency_ms": 0.1, "supported": 0.5}))
    await recorded(services, 60)
    _, report = await rehearse(services, losing(20))
    assert of(report, "supported").holds
    assert of(report, "supported").origin == "declared"
    latency = of(report, "latency_ms")
    assert (latency.margin, latency.holds) == (pytest.approx(20.0), False)


async def test_an_ungrounded_use_case_is_judged_by_likeness(services: Services) -> None:
    await bank.apply(services, providers=[bank.provider(), other()], models=[], use_cases=[bank.use_case(grounding=None)])
    await recorded(services, 160, trust=None)
    _, report = await rehearse(services, lambda _request, _number: answer(trust=None))
    assert "supported" not in {each.name for each in report.compared}
    assert of(report, "likeness").holds
    assert report.holds, report.why
    services.trials = ScriptedTrials(services, lambda _r, _n: answer(trust=None, generated="Bananas are yellow fruit."))
    _, report = await rehearse(services)
    assert failures(report) == ["likeness"]


async def test_copies_of_a_shadow_stand_for_a_replay(services: Services) -> None:
    shadow = Target(provider=ALTERNATE[0], model=ALTERNATE[1], role="shadow", share_percent=100)
    await bank.apply(services, providers=[bank.provider(), other()], models=[bank.model(targets=(*bank.model().targets, shadow))])
    calls = await recorded(services, 35)
    copies = [
        msgspec.structs.replace(each, id=new_id(), shadow_of=each.id, provider=ALTERNATE[0], target_model=ALTERNATE[1])
        for each in calls
    ]
    lonely = bank.call(version_digest=calls[0].version_digest, shadow_of="gone", provider=ALTERNATE[0], target_model=ALTERNATE[1])
    await services.calls.ship([*copies, lonely], gateway="g")
    view, report = await rehearse(services, source="shadows")
    assert (report.pairs, report.source, report.unusable) == (35, "shadows", {"cut": 1})
    assert isinstance(services.trials, ScriptedTrials)
    assert services.trials.requests == []
    assert view.job.done == 35


async def test_a_version_that_changes_meanwhile_ends_the_rehearsal(services: Services) -> None:
    await recorded(services, 20)

    async def ask(request: TrialRequest) -> TrialAnswer:
        if len(trials.requests) == 8:
            await bank.apply(services, providers=[], models=[], use_cases=[bank.use_case(prompt="Answer rudely.")])
        return await ScriptedTrials.ask(trials, request)

    trials = services.trials = ScriptedTrials(services)
    services.trials.ask = ask  # type: ignore[method-assign]
    job = await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna")
    await JobWorker(services).drain()
    view = await services.jobs.get(job.id)
    assert view.phase == "failed"
    assert "changed while" in view.job.error
    assert not [each for each in await services.evidence.find(bank.NAME) if each.evidence.kind == rehearsals.EVIDENCE]


async def test_bad_requests(services: Services) -> None:
    with pytest.raises(NotFound, match="it has other/other-1"):
        await services.rehearsals.submit(bank.NAME, ("other", "other-2"), actor="user:anna")
    with pytest.raises(InputError, match="1 to 2000"):
        await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna", calls=0)
    with pytest.raises(InputError, match="at once"):
        await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna", concurrency=99)
    with pytest.raises(InputError, match="more than 0 USD"):
        await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna", cost_max_usd=0)
    job = await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna")
    await JobWorker(services).drain()
    assert "can not ask models" in (await services.jobs.get(job.id)).job.error


async def test_an_alternate_that_may_not_see_the_data_is_neither_declared_nor_rehearsed(services: Services) -> None:
    with pytest.raises(DeclarationError, match="other may not see pii"):
        await bank.apply(services, providers=[other(data_classes=("public",))], models=[])
    async with services.database.write("user:anna") as writer:
        from groundcrew.store import catalog

        await catalog.PROVIDERS.put(writer, other(data_classes=("public",)), "apply")
    with pytest.raises(NotAllowed, match="other may not see pii"):
        await services.rehearsals.submit(bank.NAME, ALTERNATE, actor="user:anna")
