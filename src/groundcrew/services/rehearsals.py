"""Rehearsing an alternate as a job: it is asked what was asked of the model that answers; the paired report becomes evidence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.evidence import EvidenceKind
from groundcrew.domain.job import Job
from groundcrew.domain.model_swap import named, stand_in
from groundcrew.domain.prices import price_of
from groundcrew.domain.provider import REHEARSAL_CALLS_MAX, Model, Provider, address_of, vendor_of
from groundcrew.domain.rehearsal import RehearsalSource, Rehearsed, with_record
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.metrics.swap_report import PAIRS_MIN, RehearsalReport, compare_rehearsed, decide, similarity_of
from groundcrew.services import evidence as proofs
from groundcrew.services.jobs import ACTOR, Jobs, Task
from groundcrew.services.lookups import current_digest, require, require_use_case
from groundcrew.services.replaying import Replay, State
from groundcrew.store import catalog, rehearsals
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection, Database

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

KIND = "rehearse-alternate"
EVIDENCE: EvidenceKind = "model_swap_rehearsal"
#: How long a rehearsal clears an alternate [D].
VALID_S = 90 * 86_400
#: How many questions are under way at once: what answers people shares the provider's limits.
CONCURRENCY_DEFAULT, CONCURRENCY_MAX = 4, 16
COST_MAX_USD = 1e6
#: The records of the last answers may still be on their way from the gateway when all is asked.
RECORDS_WAIT_S, RECORDS_LOOKS_MAX = 0.5, 20


class Rehearsals:
    """Asks for alternates to be rehearsed."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs

    async def submit(
        self,
        use_case: str,
        alternate: tuple[str, str],
        *,
        actor: str,
        calls: int | None = None,
        cost_max_usd: float | None = None,
        concurrency: int = CONCURRENCY_DEFAULT,
        source: RehearsalSource = "replay",
    ) -> Job:
        """Ask for `alternate` (provider, model) to be rehearsed on the newest `calls` calls of a use case's current version.

        What is left open is as the alias declares it under `swap`. NotFound or Conflict where it is no alternate of the use
        case's alias, NotAllowed where its provider may not see the data class.
        """
        if not 1 <= concurrency <= CONCURRENCY_MAX:
            raise InputError(f"1 to {CONCURRENCY_MAX} at once", field="concurrency")
        if source not in get_args(RehearsalSource):
            raise InputError(f"expected one of {', '.join(get_args(RehearsalSource))}", field="source")
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            model = await require(connection, catalog.MODELS, item.model)
            provider = await allowed_provider(connection, item, model, alternate)
            number = model.swap.calls if calls is None else calls
            ceiling = model.swap.cost_max_usd if cost_max_usd is None else cost_max_usd
            if not 1 <= number <= REHEARSAL_CALLS_MAX:
                raise InputError(f"1 to {REHEARSAL_CALLS_MAX} calls", field="calls")
            if ceiling is not None and not 0 < ceiling <= COST_MAX_USD:
                raise InputError("expected more than 0 USD", field="cost_max")
            if ceiling is not None and source == "replay" and price_of(provider, stand_in(model, alternate)) is None:
                raise InputError(
                    f"the price of {named(alternate)} is unknown, so that no ceiling can be kept: declare its `price`",
                    field="cost_max",
                )
        arguments = {
            "alternate": list(alternate), "calls": number, "cost_max_usd": ceiling, "concurrency": concurrency, "source": source,
        }  # fmt: skip
        return await self._jobs.submit(KIND, use_case, arguments, actor=actor)

    async def worth_it(self, use_case: str) -> bool:
        """Whether the current version has recorded calls enough for a report to say anything."""
        async with self._database.read() as connection:
            digest = await current_digest(connection, await require_use_case(connection, use_case))
            return await rehearsals.count(connection, use_case, digest, limit=PAIRS_MIN) >= PAIRS_MIN


async def allowed_provider(connection: Connection, use_case: UseCase, model: Model, alternate: tuple[str, str]) -> Provider:
    """The provider of an alternate. Errors as `Rehearsals.submit`."""
    stand_in(model, alternate)
    provider = await require(connection, catalog.PROVIDERS, alternate[0])
    needed = highest(use_case.data_classes)
    if not provider_may_see(needed, provider.data_classes, baa=provider.baa):
        raise NotAllowed(f"{provider.name} may not see {needed}, which {use_case.name} handles")
    return provider


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Ask the alternate, newest recorded call first, so many at once; then compare, decide and record the evidence."""
    database, arguments = services.database, task.job.arguments
    alternate = (str(arguments["alternate"][0]), str(arguments["alternate"][1]))
    state = msgspec.convert(task.checkpoint, State) if task.checkpoint else None
    if state is not None and state.evidence:
        return await _result(database, state.evidence)
    async with database.read() as connection:
        use_case = await require_use_case(connection, task.job.subject)
        model = await require(connection, catalog.MODELS, use_case.model)
        await allowed_provider(connection, use_case, model, alternate)
        digest = await current_digest(connection, use_case)
        if state is None:
            there = await rehearsals.count(connection, use_case.name, digest, limit=arguments["calls"])
            state = State(digest=digest)
            total = min(there, arguments["calls"])
    if state.digest != digest:
        raise Conflict(f"{use_case.name} changed while {named(alternate)} was rehearsed: rehearse it again")
    if not task.checkpoint:
        await task.save(msgspec.to_builtins(state), done=0, total=total)
    replay = Replay(services, task, use_case, model, alternate, state)
    await replay.run()
    rows = await _with_records(services, task)
    if replay.state.refused and len(rows) < PAIRS_MIN:
        # A stop or a used-up budget says nothing about the alternate: what was known of it before stays.
        raise Conflict(f"{named(alternate)} was asked {len(rows)} questions only: {replay.state.stopped}")
    report = await _report(database, use_case, model, task, replay.state, rows)
    async with database.read() as connection:
        if await current_digest(connection, await require_use_case(connection, use_case.name)) != state.digest:
            raise Conflict(f"{use_case.name} changed while {named(alternate)} was rehearsed: rehearse it again")
    async with database.write(ACTOR) as writer:
        recorded = await proofs.record(
            writer, use_case, kind=EVIDENCE, subject=named(alternate), content=msgspec.to_builtins(report), valid_s=VALID_S
        )
    await task.save(msgspec.to_builtins(msgspec.structs.replace(replay.state, evidence=recorded.id)), done=task.done)
    return await _result(database, recorded.id)


async def _result(database: Database, evidence_id: str) -> dict[str, Any]:
    async with database.read() as connection:
        found = await require(connection, catalog.EVIDENCE, evidence_id)
    return {"evidence": found.id, "valid_until": found.valid_until.isoformat(), "report": found.content}


async def _with_records(services: Services, task: Task) -> list[Rehearsed]:
    """The rows of the job with what the answers' own records say; those whose record does not come in time stay unknown."""
    async with services.database.read() as connection:
        rows = await rehearsals.of_job(connection, task.job.id)
    missing = {each.answer_call_id for each in rows if each.alternate.found is None and each.answer_call_id}
    records: dict[str, Call] = {}
    for look in range(RECORDS_LOOKS_MAX):
        if services.flush is not None:
            await services.flush()
        async with services.database.read() as connection:
            for call_id in missing - records.keys():
                if (record := await CALLS.get(connection, call_id)) is not None:
                    records[call_id] = record
        if missing <= records.keys() or look == RECORDS_LOOKS_MAX - 1:
            break
        await task.hold()
        await asyncio.sleep(RECORDS_WAIT_S)
    return [
        msgspec.structs.replace(each, alternate=with_record(each.alternate, record))
        if (record := records.get(each.answer_call_id)) is not None
        else each
        for each in rows
    ]


async def _report(
    database: Database, use_case: UseCase, model: Model, task: Task, state: State, rows: list[Rehearsed]
) -> RehearsalReport:
    arguments = task.job.arguments
    provider_name, model_name = arguments["alternate"]
    async with database.read() as connection:
        provider = await require(connection, catalog.PROVIDERS, provider_name)
        names = sorted({each for each, _ in model.answering})
        present = [found for each in names if (found := await catalog.PROVIDERS.get(connection, each)) is not None]
        versions = await catalog.HYPOTHESES.find(connection, use_case=use_case.name)
    plan = next((each.plan for each in reversed(versions) if each.state != "draft"), None)
    grounded = use_case.grounding is not None
    compared, unmeasured = await asyncio.to_thread(
        compare_rehearsed, rows, grounded=grounded, margins=model.swap.margins, plan=plan
    )
    holds, why = decide(compared, len(rows), state.stopped)
    return RehearsalReport(
        use_case=use_case.name,
        version_digest=state.digest,
        provider=provider_name,
        model=model_name,
        vendor=vendor_of(provider),
        present=tuple(named(each) for each in sorted(model.answering)),
        another_vendor=vendor_of(provider) not in {vendor_of(each) for each in present},
        source=arguments["source"],
        asked_for=arguments["calls"],
        pairs=len(rows),
        unusable=state.unusable,
        masked=sum(each.masked for each in rows),
        cost_usd=None if state.unpriced else state.spent_usd,
        compared=compared,
        similarity=similarity_of(rows),
        unmeasured=unmeasured,
        holds=holds,
        why=why,
        stopped=state.stopped,
        address=address_of(provider),
    )
