"""A small bank's assistant in a real database, as far along its way as a test wants it, and gateways that acknowledge."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tests.unit.metrics.experiments import declared as declared_plan

from groundcrew.domain.alert import Alert, AlertRule, exact
from groundcrew.domain.calibration import CalibrationMap, Guarantee
from groundcrew.domain.call import Call
from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.clock import Clock
from groundcrew.domain.delivery import Channel
from groundcrew.domain.drift import DriftAlarm, DriftReference, DriftWindow, FeatureDrift, PackedLabels, reference_id
from groundcrew.domain.evaluation import EvaluationCase, EvaluationResult, SuiteContent
from groundcrew.domain.exploration import Box
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.inventory import ScanFinding, ScanReport
from groundcrew.domain.job import Job
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.knowledge import KnowledgeBase, Revision
from groundcrew.domain.knowledge_quality import ACTIONS, Finding, finding_id
from groundcrew.domain.model_swap import ModelSwap, line_up
from groundcrew.domain.provider import Model, Price, Provider, Target
from groundcrew.domain.questionnaire import questions_by_key
from groundcrew.domain.rehearsal import Rehearsed, Side
from groundcrew.domain.rescoring import Rescored
from groundcrew.domain.resource import Resource
from groundcrew.domain.risk import RiskAnswer
from groundcrew.domain.spending import BudgetWarning
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.trust_label import TrustLabel
from groundcrew.domain.trust_rules import Calibration, CalibrationAlarm, GuaranteeRecord
from groundcrew.domain.tuning import DataSet, RunStep, TunedModel, TuningRun
from groundcrew.domain.use_case import Budget, Economics, Exposure, Grounding, SpotChecks, UseCase
from groundcrew.domain.user import Role, User, UserKind
from groundcrew.domain.verifier import Verifier
from groundcrew.domain.veto import EvidenceValid
from groundcrew.services import authority_grants, decision_effects
from groundcrew.services.bundle import Services
from groundcrew.services.changes import Change
from groundcrew.services.declared import Declarations, Declared, DeclaredPlan
from groundcrew.services.deliveries import enqueue
from groundcrew.services.experiment_assignment import NewUnit
from groundcrew.services.feedback import NewOutcome, NewRating
from groundcrew.services.labels import _label
from groundcrew.services.legal_holds import NewHold
from groundcrew.services.lookups import current_digest
from groundcrew.services.vetoes import NewVeto
from groundcrew.store import catalog, drift, evaluations, rehearsals, rescoring, tuning
from groundcrew.store.database import Database
from groundcrew.store.labels import LABEL_DRAWS
from groundcrew.testing import FakeClock

NAME, BASE, MODEL, PROVIDER, POLICY = "assistant", "policies", "writer", "quotes", "mail"
OWNER, CHAMPION = "maria@bank.example", "luca@bank.example"
PERSON, SECOND_PERSON = "user:anna", "user:beat"
REVISION = "a" * 64
UNITS = 200
DAY_S = 86_400


def provider(**changes: Any) -> Provider:
    return msgspec.structs.replace(
        Provider(name=PROVIDER, api="extractive", data_classes=("public", "internal", "pii")), **changes
    )


def model(**changes: Any) -> Model:
    target = Target(provider=PROVIDER, model="extractive-1", price=Price(input_usd=0.1, output_usd=0.4))
    return msgspec.structs.replace(Model(name=MODEL, targets=(target,)), **changes)


def policy(**changes: Any) -> Policy:
    return msgspec.structs.replace(Policy(name=POLICY, guards=(GuardRule(guard="pii", action="redact"),)), **changes)


def use_case(**changes: Any) -> UseCase:
    item = UseCase(
        name=NAME,
        title="E-mail assistant",
        owner=OWNER,
        champion=CHAMPION,
        business_unit="retail",
        purpose="Draft answers to e-mails from approved articles",
        affected_persons="customers",
        solution="product",
        autonomy="draft_and_sign_off",
        data_classes=("internal", "pii"),
        model=MODEL,
        policy=POLICY,
        prompt="Answer politely.",
        grounding=Grounding(knowledge=BASE, spot_checks=SpotChecks(share=1.0)),
        budget=Budget(tokens_per_day=100_000),
        exposure=Exposure(ceiling_percent=5),
        economics=Economics(hourly_cost_usd=60, cases_per_month=10_000),
    )
    # Every question of risk is answered with no, where nothing else is said.
    answered = dict.fromkeys(questions_by_key(), False) | changes.pop("risk_answers", {})
    return msgspec.structs.replace(item, risk_answers=answered, **changes)


def plan(**changes: Any) -> HypothesisPlan:
    return declared_plan(**({"duration_days": 30} | changes))


def declarations(
    *,
    providers: Sequence[Provider] | None = None,
    models: Sequence[Model] | None = None,
    policies: Sequence[Policy] | None = None,
    bases: Sequence[KnowledgeBase] | None = None,
    use_cases: Sequence[UseCase] | None = None,
    hypothesis: HypothesisPlan | None = None,
    verifiers: Sequence[Verifier] = (),
) -> Declarations:
    """What `groundcrew apply` hands over; what is not given is the bank's own."""

    def of(values: Sequence[Any] | None, default: Any) -> tuple[Declared[Any], ...]:
        return tuple(Declared(value=each, file="bank.yaml", line=1) for each in (values if values is not None else (default,)))

    return Declarations(
        providers=of(providers, provider()),
        models=of(models, model()),
        policies=of(policies, policy()),
        knowledge_bases=of(bases, KnowledgeBase(name=BASE, owner="desk@bank.example")),
        use_cases=of(use_cases, use_case()),
        verifiers=tuple(Declared(value=each, file="bank.yaml", line=1) for each in verifiers),
        hypotheses={} if hypothesis is None else {NAME: DeclaredPlan(plan=hypothesis, file="plan.yaml")},
    )


async def open_empty(url: str, folder: Path, clock: Clock | None = None) -> Services:
    """Services on a migrated database with the default gates and nothing else."""
    services = Services(await Database.open(url, clock), folder / "knowledge")
    await services.gates.publish_defaults()
    return services


@contextlib.asynccontextmanager
async def opened(url: str, folder: Path, clock: Clock | None = None, *, bare: bool = False) -> AsyncIterator[Services]:
    """Services on `url` with the bank declared, or with nothing declared if `bare`; closed at the end."""
    services = await open_empty(url, folder, clock)
    try:
        if not bare:
            await apply(services, hypothesis=plan())
        yield services
    finally:
        await services.database.close()


async def apply(services: Services, **declared: Any) -> list[Change]:
    return await services.registry.apply(declarations(**declared), actor="user:maria")


async def accounts(
    services: Services, *actors: str, roles: tuple[Role, ...] = ("on_call", "owner"), kind: UserKind = "person"
) -> None:
    """Accounts of people who act as `user:NAME`, with no password that anybody has: what they do is what is tested."""
    async with services.database.write("system:test") as writer:
        for actor in actors:
            user = User(name=actor.removeprefix("user:"), password_hash="", roles=roles, created_at=writer.clock.now(), kind=kind)
            await catalog.USERS.put(writer, user, "create")


async def stage_of(services: Services, name: str = NAME) -> str:
    return (await services.use_cases.get(name)).stage


@contextlib.asynccontextmanager
async def gateway(services: Services, *, every_s: float = 0.003, process_id: int | None = None) -> AsyncIterator[str]:
    """An enforcement point of this host that acknowledges each version at once."""
    point = new_id()

    async def acknowledge() -> None:
        version = await services.snapshots.version()
        await services.snapshots.acknowledge(
            gateway=point, host=socket.gethostname(), process_id=process_id or os.getpid(), version=version
        )

    async def keep_acknowledging() -> None:
        while True:
            await asyncio.sleep(every_s)
            await acknowledge()

    await acknowledge()
    task = asyncio.create_task(keep_acknowledging())
    try:
        yield point
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await services.snapshots.forget(point)


async def until(condition: Callable[[], Awaitable[object]], *, within_s: float = 30.0, every_s: float = 0.005) -> None:
    """Wait until `condition` gives something true; AssertionError when it does not in time."""
    for _ in range(int(within_s / every_s)):
        if await condition():
            return
        await asyncio.sleep(every_s)
    raise AssertionError(f"not so within {within_s} s")


async def silent_gateway(
    services: Services, *, process_id: int | None = None, host: str | None = None, refuses_after_s: float | None = None
) -> str:
    """An enforcement point that acknowledged the present version and never says anything again; on a machine of its own where a
    `host` is given."""
    point = new_id()
    await services.snapshots.acknowledge(
        gateway=point,
        host=host or socket.gethostname(),
        process_id=process_id or os.getpid(),
        version=await services.snapshots.version(),
        refuses_after_s=refuses_after_s,
        on=f"boot of {host}" if host else None,
    )
    return point


async def approve_knowledge(services: Services, revision: str = REVISION) -> Revision:
    """A revision with no index behind it: gates and digests ask for its record only."""
    proposed = Revision(
        id=revision,
        knowledge_base=BASE,
        state="proposed",
        documents=3,
        passages=9,
        added_by="user:desk",
        added_at=services.database.clock.now(),
    )
    async with services.database.write("user:desk") as writer:
        await catalog.REVISIONS.put(writer, proposed, "add")
    return await services.knowledge.approve(BASE, revision, actor="user:desk")


async def ready_for_pilot(services: Services) -> None:
    """Everything that the gate into pilot asks for."""
    await approve_knowledge(services)
    await services.hypotheses.register(NAME, actor="user:maria")
    await record_entry_evidence(services)


async def record_entry_evidence(services: Services) -> None:
    """An overlap scan, denied probes and a confirmed drill of the current version."""
    await services.overlaps.scan(NAME, actor="user:maria")
    await services.evidence.record_phi_probe(NAME, actor="user:maria", sent=20, denied=20, details=[])
    async with gateway(services):
        await services.kill_switches.drill(Scope("use-case", NAME), actor=PERSON)


async def in_pilot(services: Services) -> None:
    await ready_for_pilot(services)
    await services.use_cases.advance(NAME, "pilot", actor="user:maria", reason="the gate is open")


async def digest_of(services: Services, name: str = NAME) -> str:
    async with services.database.read() as connection:
        return await current_digest(connection, await services.use_cases.get(name))


async def record_results(services: Services, clock: FakeClock, *, sample: bool = False, treatment_mean: float = 600) -> None:
    """21 days of an experiment, ratings and calls that the gate into production readiness accepts, unless `sample`."""
    start = clock.now()
    clock.advance(21 * DAY_S)
    await services.feedback.add_outcomes(
        NAME, outcomes(start, sample=sample, treatment_mean=treatment_mean), actor="system:tickets"
    )
    await services.feedback.rate_many(ratings(sample=sample), actor="system:ratings")
    digest = await digest_of(services)
    shipped = [call(version_digest=digest, received_at=start + timedelta(hours=each), sample=sample) for each in range(120)]
    await services.calls.ship(shipped, gateway="gateway-1")
    await label_all(services, shipped, sample=sample)


async def label_all(
    services: Services,
    calls: Sequence[Call],
    *,
    unsupported: int = 0,
    said: Sequence[bool | None] | None = None,
    sample: bool = False,
) -> None:
    """Somebody's labels of drawn answers, as given or the first ones unsupported, all in one transaction."""
    says = said if said is not None else [place >= unsupported for place in range(len(calls))]
    async with services.database.write(PERSON) as writer:
        for each, word in zip(calls, says, strict=True):
            drawn = await LABEL_DRAWS.get(writer.connection, each.id)
            assert drawn is not None
            made = _label(drawn, "anna", word, "spot_check", writer, sample=sample)
            await catalog.TRUST_LABELS.put(writer, made, "label")


def outcomes(start: datetime, *, sample: bool = False, treatment_mean: float = 600, units: int = UNITS) -> list[NewOutcome]:
    """A handle time and whether a complaint followed, for `units` tickets in each arm over 20 days."""
    random = np.random.default_rng(3)
    found = []
    for arm, mean in (("human", 900), ("draft_assist", treatment_mean)):
        times, complaints = random.normal(mean, 300, units), random.random(units) < 0.02
        for unit in range(units):
            for metric, value in (("handle_time", times[unit]), ("complaint", complaints[unit])):
                found.append(
                    NewOutcome(
                        metric=metric,
                        value=float(value),
                        case_id=f"{arm}-{unit}",
                        unit="s" if metric == "handle_time" else "",
                        unit_id=f"{arm}-{unit}",
                        arm=arm,
                        at=start + timedelta(days=20 * (unit + 1) / units),
                        sample=sample,
                    )
                )
    return found


def ratings(n: int = 400, *, stars: int = 5, harm: bool | None = False, sample: bool = False) -> list[NewRating]:
    return [
        NewRating(
            stars=stars, rater=f"agent-{each % 7}", use_case=NAME, case_id=f"case-{each}", critical_harm=harm, sample=sample
        )
        for each in range(n)
    ]


def call(**changes: Any) -> Call:
    """A recorded call that was answered and supported."""
    item = Call(
        id=new_id(),
        use_case=NAME,
        business_unit="retail",
        stage="pilot",
        version_digest="0" * 64,
        key_id="key-1",
        model=MODEL,
        provider=PROVIDER,
        target_model="extractive-1",
        received_at=datetime.fromisoformat("2026-03-03T10:00:00+00:00"),
        status="answered",
        request="What does the account cost?",
        answer="It costs CHF 3 a month.",
        input_tokens=20,
        output_tokens=8,
        cost_usd=0.0001,
        trust=TrustReport(trust=0.97, state="supported"),
    )
    return msgspec.structs.replace(item, **changes)


def job(**changes: Any) -> Job:
    """A job that waits."""
    item = Job(
        id=new_id(),
        kind="rescore-calls",
        subject=NAME,
        asked_by=PERSON,
        asked_at=datetime.fromisoformat("2026-03-03T10:00:00+00:00"),
    )
    return msgspec.structs.replace(item, **changes)


def finding(**changes: Any) -> Finding:
    """Something that was found about the knowledge base."""
    item = Finding(
        id=finding_id(BASE, "stale", "The rate is valid until 31.12.2025."),
        knowledge_base=BASE,
        kind="stale",
        title="Its validity ended on 2025-12-31",
        owner="desk@bank.example",
        found_at=datetime.fromisoformat("2026-03-03T10:00:00+00:00"),
        revision=REVISION,
        action=ACTIONS["stale"],
    )
    return msgspec.structs.replace(item, **changes)


async def score_again(services: Services, *calls: Call) -> None:
    """A job with two batches of later scores, and a finding."""
    submitted = await services.rescoring.submit(NAME, actor=PERSON)
    task = await services.jobs.claim([submitted.kind])
    assert task is not None
    for number, each in enumerate((*calls, call()), start=1):
        row = Rescored(
            id=f"{submitted.id}/{each.id}",
            job_id=submitted.id,
            use_case=NAME,
            call_id=each.id,
            at=each.received_at,
            text="answer",
            scorer="1",
            threshold=0.7,
            trust=0.9,
            state="supported",
            report=TrustReport(trust=0.8, state="supported"),
        )
        async with task.step({"after": each.id}, done=number) as writer:
            await rescoring.insert(writer, [row], submitted.id)
            await catalog.FINDINGS.put(writer, finding(count=number), "find")
    await task.finish(result={"calls": len(calls)})


async def full_history(services: Services) -> None:
    """At least one row in every audited table, two batches of calls and of outcomes, and a hypothesis with two versions."""
    await ready_for_pilot(services)
    await services.use_cases.advance(NAME, "pilot", actor="user:maria", reason="the gate is open")
    await services.approvals.request(NAME, actor="user:maria")
    created = await services.keys.create(NAME, actor="user:maria")
    await services.keys.create(NAME, actor="user:maria")
    await services.keys.revoke(created.key.id, actor=PERSON, reason="lost")
    await services.users.create("anna", "a long password", roles=("on_call",), actor="system:test")
    await services.calls.ship([call(case_id="case-1"), call(status="declined", trust=None, cost_usd=None)], gateway="gateway-1")
    doubted = TrustReport(trust=0.4, state="unsupported")
    held = call(
        status="held",
        sign_off_id=new_id(),
        withheld_answer="We refund CHF 900.",
        withheld_trust=doubted,
        case_id="case-1",
    )
    await services.calls.ship([held, call()], gateway="gateway-2")
    start = services.database.clock.now() - timedelta(days=20)
    await services.feedback.add_outcomes(NAME, outcomes(start, units=2), actor="system:tickets")
    await services.feedback.add_outcomes(NAME, outcomes(start, units=1, treatment_mean=800), actor="system:tickets")
    await services.feedback.rate_many(ratings(3), actor="system:ratings")
    await services.experiments.assign(NAME, [NewUnit(unit_id="t-1"), NewUnit(unit_id="t-2")], actor="key:app")
    await services.experiments.assign(NAME, [NewUnit(unit_id="t-3")], actor="key:app")
    await services.experiments.look(NAME)
    await services.feedback.rate(NewRating(stars=2, rater="anna", call_id=held.id), actor="user:anna")
    await _queued(services)
    now = services.database.clock.now()
    near = {"limit": 100_000, "used": 80_000, "at": now, "period": f"{now:%Y-%m-%d}"}
    await services.spending.warn([BudgetWarning(kind="use-case", use_case=NAME, account="", meter="tokens_per_day", **near)])
    await _labelled(services, held)
    await services.kill_switches.stop(Scope("unit", "retail"), actor=PERSON, reason="odd answers")
    await score_again(services, held)
    await _evaluated(services)
    await _rehearsed_and_swapped(services, held)
    await _delivered(services)
    await _assessed(services)
    await _kept(services)
    await _alerted(services)
    await _away(services)
    await _overlapping(services)
    await _watched(services)
    await _inventoried(services)
    await _met(services)
    await _vetoed(services)
    await _shared_out(services)
    await _tuned(services)
    await apply(services, hypothesis=plan(planned_n=500), verifiers=[Verifier(name="judge", api="judge", model=model().name)])
    await approve_knowledge(services, "b" * 64)


async def _met(services: Services) -> None:
    """A cadence, and a meeting from its opening to its minutes with an addendum; a calendar feed."""
    chair = "user:chair"
    await accounts(services, chair, roles=("admin",))
    today = services.database.clock.now().date()
    await services.meetings.set_cadence(
        first_day=today + timedelta(days=1), at="14:00", time_zone="Europe/Zurich", length_min=60, actor=chair
    )
    meeting = (await services.meetings.now()).coming[0].id
    await services.meetings.move(meeting, services.database.clock.now(), reason="it can not wait", actor=chair)
    await services.meetings.open(meeting, actor=chair)
    await services.meetings.join(meeting, actor=chair)
    topic = await services.meeting_points.add_topic(meeting, "Names", why="three teams use three words", actor=chair)
    await services.meeting_points.note(meeting, "one word is enough", item=topic.id, actor=chair)
    await services.meeting_decisions.propose(meeting, topic.id, text="One word", actor=chair)
    await services.stream_actions.add("write them down", owner="chair", due=today, meeting=meeting, item=topic.id, actor=chair)
    await services.meetings.close(meeting, actor=chair)
    await services.minutes.add(meeting, "it was two teams", actor=chair)
    await services.stream_calendar.subscribe(actor=chair)


async def _tuned(services: Services) -> None:
    """A data set, a run of it that has ended, and the version that it made, as rows."""
    now, of = services.database.clock.now(), {"data_set": "mails", "data_revision": "d" * 64, "architecture": "classifier"}
    by = {"registered_at": now, "registered_by": PERSON}
    data_set = DataSet(
        name="mails",
        revision="d" * 64,
        recipe_digest="0" * 64,
        records=3,
        records_sha256="1" * 64,
        source="made up",
        licence="none",
        consent="none",
        data_class="internal",
        folder=f"data-sets/{'d' * 64}",
        **by,
    )
    run = TuningRun(
        id=new_id(), model="sorter", runner="local", seed=1, asked_at=now, asked_by=PERSON, job=new_id(), state="done",
        finished_at=now, model_version=1, **of,
    )  # fmt: skip
    made = TunedModel(name="sorter", version=1, digest="e" * 64, run=run.id, folder=f"models/{'e' * 64}", **by, **of)
    async with services.database.write(PERSON) as writer:
        await tuning.DATA_SETS.put(writer, data_set, "register")
        await tuning.TUNING_RUNS.put(writer, run, "done")
        await tuning.TUNED_MODELS.put(writer, made, "register")
    async with services.database.operate() as connection:
        await tuning.keep_steps(connection, run.id, [RunStep(step=1, total=1, at=now, metrics={"accuracy": 0.5})])


async def _queued(services: Services) -> None:
    """Calls that are put up for rating, one of them passed on."""
    await services.rating_queue.put_up(NAME, actor=PERSON, newest=10)
    anna = next(each for each in await services.users.find() if each.name == "anna")
    task = await services.rating_queue.next(NAME, anna)
    assert task is not None
    await services.rating_queue.skip(task.call.id, rater=anna, reason="in a language that I do not read")


async def _evaluated(services: Services) -> None:
    """A suite, and a run of it with two results."""
    cases = tuple(EvaluationCase(id=each, messages=({"role": "user", "content": f"{each}?"},)) for each in ("fee", "rate"))
    content = SuiteContent(name="core", use_case=NAME, cases=cases)
    declared = Declarations(suites=(Declared(value=content, file="suite.yaml", line=1),))
    await services.registry.apply(declared, actor="user:maria")
    submitted = await services.evaluations.submit("core", actor=PERSON)
    task = await services.jobs.claim([submitted.kind])
    assert task is not None
    for number, case in enumerate(cases, start=1):
        result = EvaluationResult(
            job_id=submitted.id,
            suite="core",
            case_id=case.id,
            repeat=0,
            at=services.database.clock.now(),
            call_id=new_id(),
            status="answered",
            figures={"answered": 1.0},
        )
        async with task.step({"results": number}, done=number) as writer:
            await evaluations.insert(writer, [result], submitted.id)
    await task.finish(result={"results": 2})


async def _shared_out(services: Services) -> None:
    """A resource with two requests, of which one was given something, champions, a page of the playbook, and explorations."""
    people = Resource(name="analysts", measure="people_days", owner="head@bank.example", capacity=20)
    money = Resource(name="budget", measure="usd", owner="cfo@bank.example", capacity=1_000)
    declared = tuple(Declared(value=each, file="resources.yaml", line=1) for each in (people, money))
    await services.registry.apply(Declarations(resources=declared), actor="user:maria")
    asked = [
        await services.resources.request(
            resource="analysts", use_case=NAME, amount=5, periods=(), purpose="label answers", actor=PERSON
        )
        for _ in range(2)
    ]
    async with services.database.write("system:stream") as writer:
        await decision_effects.allocate_resource(writer, decision="decision-1", request=asked[0].id, terms={"amount": 3})
    for each in (CHAMPION, "petra@bank.example"):
        await services.champions.appoint(each, business_unit="retail", actor="cli:anna")
    for version in range(2):
        await services.playbook.write("baseline", title="Ours", text="Thirty cases.", based_on=version, actor="cli:anna")
    for title in ("Short letters", "Long letters"):
        made = await services.backlog.add(
            title=title,
            hypothesis="Customers call less often",
            why="they call",
            business_unit="retail",
            owner=OWNER,
            box=Box(days=5),
            actor=PERSON,
        )
        await services.backlog.start(made.id, actor=PERSON)
    await services.backlog.finish(made.id, "refuted", "they call as often", actor=PERSON)


async def _away(services: Services) -> None:
    """Two absences."""
    anna = next(each for each in await services.users.find() if each.name == "anna")
    now = services.database.clock.now()
    for days in (10, 20):
        starts_at = now + timedelta(days=days)
        await services.absences.start(anna, starts_at=starts_at, ends_at=starts_at + timedelta(days=5))


async def _delivered(services: Services) -> None:
    """A channel with two messages that wait."""
    async with services.database.write(PERSON) as writer:
        await catalog.CHANNELS.put(writer, Channel(name="on-call", kind="email", to=("on-call@bank.example",)), "apply")
        for each in ("one", "two"):
            key = f"test/{each}"
            await enqueue(writer, key=key, channel="on-call", event="test", subject=key, body={"number": each})


async def _assessed(services: Services) -> None:
    """A question of risk that was answered, and corrected, a tier that two lowered again, and a file that was filed."""
    answers = [RiskAnswer(question="decides_credit", answer="yes", reason="it prepares limits")]
    await services.risks.answer(NAME, answers, actor=PERSON)
    await services.risks.answer(NAME, [RiskAnswer(question="decides_credit", answer="no", reason="!")], actor="cli:maria")
    await accounts(services, "user:lea", roles=("legal",))
    await accounts(services, "user:emil", roles=("ethics",))
    for actor, function in (("user:lea", "legal"), ("user:emil", "ethics")):
        await services.risks.lower(NAME, "limited", function=function, reason="no credit is decided", actor=actor)
    await services.technical_files.file(NAME, actor=PERSON, reason="for the auditor")


async def _overlapping(services: Services) -> None:
    """What a vendor sells, and a use case that overlaps with it and with another one."""
    checked_on = services.database.clock.now().date()
    item = use_case()
    sold = VendorCapability(
        vendor="Officia",
        product="Work",
        name=item.title,
        description=item.purpose,
        status="ga",
        source="https://officia.example/work",
        checked_on=checked_on,
    )
    more = msgspec.structs.replace(sold, name="Slides", description="Makes slides", status="preview")
    declared = [Declared(value=each, file="vendors.yaml", line=1) for each in (sold, more)]
    await services.capabilities.load(declared, actor=PERSON)
    await apply(services, use_cases=[use_case(), use_case(name="twin")])
    await services.overlaps.scan("twin", actor=PERSON)


async def _vetoed(services: Services) -> None:
    """A veto that was withdrawn, deputies of its function, and an authority that was asked for, granted and taken back."""
    await accounts(services, "user:vera", "user:victor", roles=("ethics",))
    lifts = EvidenceValid(evidence="attestation", subject="impact_assessment")
    new = NewVeto(
        use_case=NAME,
        function="ethics",
        ground="It names wrong fees",
        explanation="Two of ten drafts did.",
        need="remediation",
        conditions=(lifts,),
    )
    veto = await services.vetoes.file(new, actor="user:vera")
    await services.authorities.name_deputies("ethics", ["victor"], reason="in case of absence", actor="user:vera")
    await services.vetoes.withdraw(veto.id, "it is put right", actor="user:vera")
    asked = await services.authorities.request(
        person="victor", function="legal", rights=["veto"], reason="knows the law", actor="user:vera"
    )
    async with services.database.write(PERSON) as writer:
        terms = {"person": "victor", "function": "legal", "rights": ["veto"], "request": asked.id}
        granted = await authority_grants.grant(writer, decision="decision-1", terms=terms)
        await authority_grants.revoke(writer, decision="decision-2", authority=granted.id, reason="it is not needed any more")


async def _kept(services: Services) -> None:
    """A legal hold, and the log signed up to it."""
    await accounts(services, "user:lea", roles=("legal",))
    wanted = NewHold(
        matter="a complaint", reason="a court may ask", use_cases=(NAME,), received_until=datetime(2020, 1, 1, tzinfo=UTC)
    )
    await services.legal_holds.place(wanted, actor="user:lea")
    await services.checkpoints.sign(at_head=True)


async def _alerted(services: Services) -> None:
    """A rule with an alert of it, a silence, and an incident with an action that is done."""
    rule = AlertRule(name="many-calls", metric="call_rate", when="estimate_above", threshold=0, severity=4)
    declared = Declarations(alert_rules=(Declared(value=rule, file="rules.yaml", line=1),))
    await services.registry.apply(declared, actor="user:maria")
    silenced = await services.alerts.silence(actor=PERSON, reason="a test", for_s=600, rule="many-calls")
    await services.alerts.end_silence(silenced.id, actor=PERSON)
    now = services.database.clock.now()
    alert = Alert(
        id=new_id(),
        rule="many-calls",
        use_case=NAME,
        severity=4,
        title="Many calls",
        metric="call_rate",
        when="estimate_above",
        threshold=0,
        since=now,
        raised_at=now,
        figure=exact(3.0),
    )
    async with services.database.write("system:alerts") as writer:
        await catalog.ALERTS.put(writer, alert, "raise")
    opened = await services.incidents.open(title="A wrong fee", severity=3, use_cases=[NAME], actor=PERSON)
    await services.incidents.link(opened.id, f"alert/{alert.id}", actor=SECOND_PERSON)
    due = now.date() + timedelta(days=3)
    action = await services.incidents.add_action(opened.id, "test the fees", owner=OWNER, due=due, actor=PERSON)
    await services.incidents.finish_action(action.id, "it is tested", actor=SECOND_PERSON)


async def _inventoried(services: Services) -> None:
    """A scan with two findings, one of which has an owner."""
    found = [
        ScanFinding(
            source="code",
            service="openai",
            kind="raw_http",
            severity="high",
            reason="calls it",
            fingerprint=each * 32,
            path="a.py",
        )
        for each in "ab"
    ]
    report = ScanReport(source="code", root="mails", complete=True, catalogue="1", findings=tuple(found))
    recorded = await services.inventory.record(report, actor=PERSON)
    due = services.database.clock.now().date() + timedelta(days=30)
    await services.inventory.assign(recorded.new[0], OWNER, due, actor="cli:root")


async def _watched(services: Services) -> None:
    """A reference, a window that differs from it, and its alarm, as rows."""
    now, of = services.database.clock.now(), {"use_case": NAME, "version_digest": "0" * 64}
    own = {"since": now, "until": now, "calls": 2}
    reference = DriftReference(
        id="",
        origin="first_calls",
        made_at=now,
        made_by="system:drift",
        call_ids=("c-1", "c-2"),
        at=(0.0, 1.0),
        users=PackedLabels(labels=("",), data="AAAAAA=="),
        encoder="e",
        **own,
        **of,
    )
    reference = msgspec.structs.replace(reference, id=reference_id(reference))
    changed = (FeatureDrift(feature="latency", drifted=True, p_value=0.001, words="calls got slower"),)
    window = DriftWindow(
        id=new_id(),
        reference=reference.id,
        number=1,
        first_call="c-3",
        last_call="c-4",
        looked_at=now,
        drifted=True,
        alpha=0.01,
        features=changed,
        **own,
        **of,
    )
    alarm = DriftAlarm(
        id=new_id(),
        kind="window",
        reference=reference.id,
        window=window.id,
        since=now,
        until=now,
        features=changed,
        raised_at=now,
        **of,
    )
    async with services.database.write("system:drift") as writer:
        await drift.REFERENCES.put(writer, reference, "pin")
        await drift.WINDOWS.put(writer, window, "look")
        await catalog.DRIFT_ALARMS.put(writer, alarm, "raise")


async def _rehearsed_and_swapped(services: Services, *calls: Call) -> None:
    """Two batches of an alternate's answers, and a swap that was reverted, as rows."""
    side = Side(answered=True, declined=False, failed=False, length=20)
    for each in (*calls, call()):
        row = Rehearsed(
            id=f"job/{each.id}",
            job_id="job",
            use_case=NAME,
            call_id=each.id,
            answer_call_id=new_id(),
            at=each.received_at,
            source="replay",
            present=side,
            alternate=side,
        )
        async with services.database.write("system:jobs") as writer:
            await rehearsals.insert(writer, [row], "job")
    line = line_up(model())
    record = ModelSwap(
        id=new_id(),
        model=MODEL,
        action="revert",
        at=services.database.clock.now(),
        by=PERSON,
        reason="!",
        before=line,
        after=line,
    )
    async with services.database.write(PERSON) as writer:
        await catalog.MODEL_SWAPS.put(writer, record, "revert")


async def _labelled(services: Services, held: Call) -> None:
    """A label of a drawn answer, and what labels lead to, as rows."""
    now, raw = services.database.clock.now(), {"version_digest": held.version_digest, "use_case": NAME, "verifier": "v1"}
    mapped = CalibrationMap(method="logistic", labels=40, floor=0.01, ceiling=0.99, rise=0.5, fall=0.5)
    promised = Guarantee(
        threshold=0.8,
        unsupported_max=0.05,
        confidence=0.95,
        method="betting",
        monitoring="sequential",
        sampling="weighted",
        labels=120,
        released=90,
        unsupported=1,
        share=0.7,
        share_lower=0.6,
        share_upper=0.8,
        risk=0.01,
        risk_upper=0.05,
        reason="",
    )
    label = TrustLabel(
        id=new_id(),
        call_id=held.id,
        labeller="anna",
        at=now,
        origin="sign_off",
        part="withheld",
        supported=False,
        raw=0.4,
        releasable=True,
        probability=1.0,
        reason="no such refund",
        **raw,
    )
    fitted = Calibration(
        id=new_id(), map=mapped, origins={"spot_check": 40}, labels_sha256="0" * 64, fitted_at=now, fitted_by="user:anna", **raw
    )
    async with services.database.write(PERSON) as writer:
        await catalog.TRUST_LABELS.put(writer, label, "label")
        await catalog.CALIBRATIONS.put(writer, fitted, "recalibrate")
        alarm = CalibrationAlarm(
            id=fitted.id,
            use_case=NAME,
            direction="over-confident",
            labels=30,
            expected=0.9,
            observed=0.5,
            raised_at=now,
            reason="!",
        )
        await catalog.CALIBRATION_ALARMS.put(writer, alarm, "alarm")
        record = GuaranteeRecord(id=new_id(), guarantee=promised, labels_sha256="0" * 64, unjudged=0, computed_at=now, **raw)
        await catalog.GUARANTEES.put(writer, record, "guarantee")
