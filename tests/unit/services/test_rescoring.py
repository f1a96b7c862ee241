"""Recorded calls scored again: beside the record, each once, compared with what was recorded and with what people judged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank

from groundcrew.domain.calibration import CalibrationMap, LabelledScore
from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.job import JobView
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.trust_rules import TrustRules
from groundcrew.domain.use_case import Grounding, GuaranteeRule, SpotChecks
from groundcrew.errors import InputError, NotFound
from groundcrew.jobs.worker import JobWorker
from groundcrew.metrics.rescoring import RescoringReport
from groundcrew.services import rescoring
from groundcrew.services.bundle import Services
from groundcrew.services.jobs import LEASE_S
from groundcrew.stats.risk_control import release_threshold
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

SOURCE = SourceReference(
    passage_id="p", document="fees.md", title="Fees", text="The everyday account costs CHF 3 a month. Cards cost CHF 20."
)
GOOD, BAD = "The everyday account costs CHF 3 a month.", "The everyday account costs CHF 9 a month."


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def services(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Services]:
    async with bank.opened(database_url, tmp_path, clock) as services:
        yield services


def call(answer: str, trust: float, **changes: Any) -> Call:
    report = TrustReport(trust=trust, state="supported", claims=(ClaimScore(start=0, end=5, support=trust, reasons=("words",)),))
    return bank.call(**({"answer": answer, "trust": report, "sources": (SOURCE,)} | changes))


async def rescored(services: Services, **options: Any) -> tuple[JobView, RescoringReport]:
    job = await services.rescoring.submit(bank.NAME, actor="user:anna", **options)
    await JobWorker(services).drain()
    view = await services.jobs.get(job.id)
    assert view.phase == "done", view.job.error
    return view, msgspec.convert(view.job.result["report"], RescoringReport)


async def test_the_record_stays_and_the_new_score_stands_beside_it(services: Services) -> None:
    calls = [call(GOOD, 0.2), call(BAD, 0.95), call(GOOD, 0.99)]
    await services.calls.ship(calls, gateway="g")
    view, report = await rescored(services)
    assert [await services.calls.get(each.id) for each in calls] == calls
    assert (report.n, report.rose, report.fell) == (3, 1, 1)
    assert report.moves[0].call_id == calls[1].id
    (found,) = await services.rescoring.of_call(calls[1].id)
    assert (found.trust, found.state, found.text, found.job_id) == (0.95, "supported", "answer", view.job.id)
    assert found.report.trust is not None
    assert found.report.trust < 0.5
    assert all(not claim.reasons for claim in found.report.claims), "reasons quote texts, which retention must be able to remove"
    again, _ = await rescored(services)
    assert [each.job_id for each in await services.rescoring.of_call(calls[1].id)] == [view.job.id, again.job.id]
    assert (await services.audit.verify()).problems == ()


async def test_what_was_kept_back_is_scored_and_what_has_no_score_is_passed_over(services: Services) -> None:
    report = TrustReport(trust=0.1, state="unsupported")
    kept_back = call(GOOD, 0.99, status="fallback", withheld_answer=BAD, withheld_trust=report)
    await services.calls.ship(
        [kept_back, bank.call(answer="", status="failed", trust=None), call(GOOD, 0.9, shadow_of="x")], gateway="g"
    )
    view, compared = await rescored(services)
    assert (compared.n, view.job.result["passed_over"], view.job.result["calls"]) == (1, 1, 2)
    assert (await services.rescoring.of_call(kept_back.id))[0].text == "withheld_answer"


async def test_the_threshold_is_the_one_in_force_on_the_score_before_calibration(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await services.use_cases.get(bank.NAME)
    in_force = TrustRules(guarantee=release_threshold([LabelledScore(score=0.9, supported=True)] * 100))
    assert in_force.guarantee is not None

    async def rules_of(*_: Any) -> TrustRules:
        return in_force

    monkeypatch.setattr(rescoring, "rules_of", rules_of)

    async def of(grounding: Grounding) -> float | None:
        async with services.database.read() as connection:
            return await rescoring.raw_threshold(connection, msgspec.structs.replace(item, grounding=grounding))

    rule = Grounding(knowledge=bank.BASE, threshold=None, guarantee=GuaranteeRule(), spot_checks=SpotChecks())
    assert await of(rule) == in_force.guarantee.threshold is not None
    in_force = TrustRules(problem="nobody has labelled")
    assert await of(rule) is None, "the scorer's own then"
    plain = Grounding(knowledge=bank.BASE, threshold=0.7)
    assert await of(plain) == 0.7
    in_force = TrustRules(calibration=CalibrationMap(method="logistic", labels=50, floor=0.01, ceiling=0.99, intercept=-2.0))
    found = await of(plain)
    assert found is not None
    assert in_force.calibration is not None
    assert in_force.calibration.apply(found) >= 0.7 > in_force.calibration.apply(found - 1e-6)


async def test_a_result_says_which_verifiers_were_not_asked(services: Services) -> None:
    await services.calls.ship([call(GOOD, 0.98)], gateway="g")
    view, _ = await rescored(services)
    assert view.job.result["not_asked"] == []


async def test_samples_are_counted_apart(services: Services) -> None:
    await services.calls.ship([call(BAD, 0.9, sample=True), call(GOOD, 0.98)], gateway="g")
    _, report = await rescored(services)
    assert (report.n, report.samples, report.fell) == (1, 1, 0)


async def test_a_worker_that_dies_costs_no_call_and_doubles_none(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescoring, "BATCH_CALLS", 4)
    await services.calls.ship([call(GOOD, 0.9) for _ in range(15)], gateway="g")
    score, batches = rescoring.score_calls, iter(range(100))

    def dying(*arguments: Any) -> Any:
        if next(batches) == 2:
            raise SystemError("the process is gone")
        return score(*arguments)

    monkeypatch.setattr(rescoring, "score_calls", dying)
    job = await services.rescoring.submit(bank.NAME, actor="user:anna")
    await JobWorker(services).work_once()
    assert (await services.jobs.get(job.id)).progress.done == 8
    await services.calls.ship([call(GOOD, 0.9)], gateway="g")  # what comes later is not of this job
    clock.advance(LEASE_S + 1)
    await JobWorker(services).work_once()
    view = await services.jobs.get(job.id)
    assert (view.phase, view.job.attempts, view.job.done) == ("done", 2, 15)
    async with services.database.read() as connection:
        rows = await rescoring.rescoring.of_job(connection, job.id)
    assert len({row.call_id for row in rows}) == len(rows) == 15
    assert (await services.audit.verify()).problems == ()


async def test_only_the_newest_and_only_those_since(services: Services, clock: FakeClock) -> None:
    old, new = call(GOOD, 0.9, received_at=clock.now()), call(GOOD, 0.9, received_at=clock.now())
    clock.advance(86_400)
    newest = call(GOOD, 0.9, received_at=clock.now())
    await services.calls.ship([old, new, newest], gateway="g")
    _, report = await rescored(services, limit=2)
    assert report.n == 2
    assert await services.rescoring.of_call(old.id) == []
    _, report = await rescored(services, since=clock.now())
    assert report.n == 1


async def test_labels_of_people_tell_which_score_is_better(services: Services, clock: FakeClock) -> None:
    calls = [call(GOOD, 0.5), call(GOOD, 0.4), call(BAD, 0.6), call(BAD, 0.3)]
    await services.calls.ship(calls, gateway="g")
    async with services.database.write("user:anna") as writer:
        for each, state in zip(calls, ("approved", "approved", "rejected", "rejected"), strict=True):
            decided = SignOff(
                id=each.id, use_case=bank.NAME, call_id=each.id, qualification="q", draft="", reason="", state=state,
                requested_at=clock.now(), expires_at=clock.now(),
            )  # fmt: skip
            await catalog.SIGN_OFFS.put(writer, decided, "decide")
    _, report = await rescored(services)
    assert report.labelled == 4
    assert report.auroc_before is not None
    assert report.auroc_after is not None
    assert (report.auroc_before.estimate, report.auroc_after.estimate) == (0.5, 1.0)


async def test_bad_requests(services: Services) -> None:
    with pytest.raises(NotFound, match="did you mean"):
        await services.rescoring.submit("asistant", actor="user:anna")
    with pytest.raises(InputError, match="no verifier 'judge'"):
        await services.rescoring.submit(bank.NAME, actor="user:anna", verifier="judge")
    with pytest.raises(InputError):
        await services.rescoring.submit(bank.NAME, actor="user:anna", limit=0)


async def test_a_use_case_without_calls(services: Services) -> None:
    view, report = await rescored(services)
    assert (report.n, report.mean_before, report.auroc_before, view.job.done) == (0, None, None, 0)
