"""An alternate of another vendor beside the bank's own model, recorded calls, and a scripted way to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from tests.unit.services import bank

from groundcrew.domain.call import Call, GuardResult
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.job import JobView
from groundcrew.domain.provider import Model, Price, Provider, Target
from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.domain.trust import TrustReport
from groundcrew.jobs.worker import JobWorker
from groundcrew.metrics.swap_report import RehearsalReport
from groundcrew.services import evidence as proofs
from groundcrew.services import rehearsals
from groundcrew.services.bundle import Services

ALTERNATE = ("other", "other-1")
ADDRESS = "https://llm.other.example/v1"
PRICE = Price(input_usd=1.0, output_usd=2.0)

#: Answers to a request; the number counts questions from 0 on.
Script = Callable[[TrialRequest, int], TrialAnswer]


def other(**changes: Any) -> Provider:
    item = Provider(name="other", api="openai", base_url=ADDRESS, data_classes=("public", "internal", "pii"))
    return msgspec.structs.replace(item, **changes)


def model(**changes: Any) -> Model:
    stand_by = Target(provider=ALTERNATE[0], model=ALTERNATE[1], price=PRICE)
    return msgspec.structs.replace(bank.model(), alternates=(stand_by,), **changes)


async def declare(services: Services, **changes: Any) -> None:
    """The bank with an alternate."""
    await bank.apply(services, providers=[bank.provider(), other()], models=[model(**changes)], hypothesis=bank.plan())


async def recorded(services: Services, number: int, **changes: Any) -> list[Call]:
    """Calls of the current version, shipped; every second one ended as the present model always ends."""
    digest = await bank.digest_of(services)
    calls = [
        bank.call(
            **(
                {"version_digest": digest, "request": f"user: What does account {each} cost?", "latency_ms": {"upstream": 200.0}}
                | changes
            )
        )
        for each in range(number)
    ]
    await services.calls.ship(calls, gateway="gateway-1")
    return calls


def answer(**changes: Any) -> TrialAnswer:
    """A supported answer of the alternate."""
    item = TrialAnswer(
        call_id=new_id(),
        status="answered",
        text="It costs CHF 3 a month.",
        generated="It costs CHF 3 a month.",
        provider=ALTERNATE[0],
        target_model=ALTERNATE[1],
        cost_usd=0.001,
        latency_ms=300.0,
        trust=TrustReport(trust=0.97, state="supported"),
    )
    return msgspec.structs.replace(item, **changes)


UNSUPPORTED = TrustReport(trust=0.2, state="unsupported")


def good(_request: TrialRequest, _number: int) -> TrialAnswer:
    return answer()


def losing(every: int) -> Script:
    """Every so-maniest answer is not supported."""

    def script(_request: TrialRequest, number: int) -> TrialAnswer:
        return answer(trust=UNSUPPORTED, text="It costs CHF 9.", generated="It costs CHF 9.") if number % every == 0 else answer()

    return script


class ScriptedTrials:
    """Asks nobody; what it answers waits for the services' flush, as in a gateway's spool, unless `records` is off."""

    def __init__(self, services: Services, script: Script = good, *, records: bool = True) -> None:
        self._services, self.script, self._records = services, script, records
        self.requests: list[TrialRequest] = []
        self._spool: list[Call] = []
        services.flush = self.ship
        self.under_way = self.most = 0

    async def ask(self, request: TrialRequest) -> TrialAnswer:
        number = len(self.requests)
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            given = self.script(request, number)
            if self._records:
                self._spool.append(self._record(request, given))
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        return given

    async def ship(self) -> None:
        waiting, self._spool = self._spool, []
        await self._services.calls.ship(waiting, gateway="gateway-1")

    def _record(self, request: TrialRequest, given: TrialAnswer) -> Call:
        found = [GuardResult(guard="commitment", place="output", verdict="block", action="refuse", mode="enforce")]
        return bank.call(
            id=given.call_id,
            trial=request.trial,
            status=given.status,
            provider=given.provider,
            target_model=given.target_model,
            trust=given.trust,
            answer=given.text,
            guards=tuple(found) if given.error_code == "guard_blocked" else (),
            latency_ms={"upstream": given.latency_ms},
        )


async def rehearse(
    services: Services,
    script: Script = good,
    *,
    use_case: str = bank.NAME,
    alternate: tuple[str, str] = ALTERNATE,
    **options: Any,
) -> tuple[JobView, RehearsalReport]:
    """A rehearsal done by a worker."""
    if services.trials is None or script is not good:
        services.trials = ScriptedTrials(services, script)
    job = await services.rehearsals.submit(use_case, alternate, actor="user:anna", **({"concurrency": 16} | options))
    await JobWorker(services).drain()
    view = await services.jobs.get(job.id)
    assert view.phase == "done", view.job.error
    return view, msgspec.convert(view.job.result["report"], RehearsalReport)


async def record_rehearsal(services: Services, *, holds: bool = True, why: str = "", use_case: str = bank.NAME) -> None:
    """The evidence that a rehearsal ends with, without asking anybody."""
    report = RehearsalReport(
        use_case=use_case,
        version_digest=await bank.digest_of(services, use_case),
        provider=ALTERNATE[0],
        model=ALTERNATE[1],
        vendor="llm.other.example",
        present=("quotes/extractive-1",),
        another_vendor=True,
        source="replay",
        asked_for=300,
        pairs=160,
        unusable={},
        masked=0,
        cost_usd=0.16,
        compared=(),
        similarity=None,
        unmeasured=(),
        holds=holds,
        why=why,
        address=f"openai {ADDRESS}",
    )
    async with services.database.write("system:jobs") as writer:
        item = await services.use_cases.get(use_case)
        content = msgspec.to_builtins(report)
        await proofs.record(
            writer, item, kind=rehearsals.EVIDENCE, subject="/".join(ALTERNATE), content=content, valid_s=rehearsals.VALID_S
        )


def of(report: RehearsalReport, name: str) -> Any:
    """The measure of that name."""
    return next(each for each in report.compared if each.name == name)


def failures(report: RehearsalReport) -> Sequence[str]:
    """The guardrails that do not hold."""
    return [each.name for each in report.guardrails if not each.holds]
