"""The gates into pilot and production readiness: each criterion passes, fails or is unknown, and only passing opens one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres import run_apart
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.gate import CriterionResult, GateEvaluation, GatePolicy
from groundcrew.domain.hypothesis import HypothesisState
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.overlap import pair_id
from groundcrew.domain.provider import BreakerRule, Target
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import Economics, Exposure, Grounding, Stage
from groundcrew.errors import Conflict, GateNotPassed, InputError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewOutcome
from groundcrew.services.gates import default_policies
from groundcrew.services.lookups import newest_hypothesis
from groundcrew.services.overlaps import Terms
from groundcrew.store import catalog
from groundcrew.store.governance import outcomes_since
from groundcrew.testing import FakeClock

Step = Callable[[Services, FakeClock], Awaitable[object]]
PLAN = bank.plan()


@asynccontextmanager
async def in_state(state: str, url: str, folder: Path, prepared: Prepared) -> AsyncIterator[tuple[Services, FakeClock]]:
    clock = prepared.copy(state, url)
    async with bank.opened(url, folder, clock, bare=True) as services:
        yield services, clock


async def evaluate(services: Services, to: Stage) -> GateEvaluation:
    return await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to=to)


def criterion(evaluation: GateEvaluation, key: str) -> CriterionResult:
    return next(each for each in evaluation.results if each.key == key)


async def use_case(services: Services, **changes: object) -> None:
    await bank.apply(services, use_cases=[bank.use_case(**changes)])


async def amended(services: Services, **changes: object) -> None:
    """Another plan, registered."""
    await bank.apply(services, hypothesis=bank.plan(**changes))
    await services.hypotheses.register(bank.NAME, actor="user:maria")


def baseline(**changes: object) -> dict[int, dict[str, object]]:
    values = {"mean": 900, "sd": 540, "n": 1200, "days": 30, "source": "ticket system"}
    return {0: {"baseline": values | changes}}


async def probes(services: Services, sent: int, denied: int) -> None:
    await services.evidence.record_phi_probe(bank.NAME, actor=bank.PERSON, sent=sent, denied=denied, details=[])


async def let_through(services: Services) -> None:
    details = [f"probe {each} (undeclared phi): HTTP 200 " for each in range(10)]
    await services.evidence.record_phi_probe(bank.NAME, actor=bank.PERSON, sent=20, denied=10, details=details)


async def failed_drill(services: Services) -> None:
    await bank.silent_gateway(services)
    services.kill_switches._deadline_s = 0.01
    await services.kill_switches.drill(Scope("use-case", bank.NAME), actor=bank.PERSON)


async def later(clock: FakeClock, days: float) -> None:
    clock.advance(days * bank.DAY_S)


async def overlapping(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin")])
    await services.overlaps.scan(bank.NAME, actor=bank.PERSON)


async def withdrawn(services: Services) -> None:
    await services.knowledge.withdraw(bank.BASE, bank.REVISION, actor="user:desk", reason="wrong")


#: From a use case whose gate into pilot is open: what is done to it, the criterion that closes it, how, and what it says.
INTO_PILOT: list[tuple[Step, str, str, str]] = [
    (lambda s, c: bank.apply(s, hypothesis=bank.plan(planned_n=390)), "hypothesis", "fail", "the n needed is 382 units"),
    (lambda s, c: bank.apply(s, hypothesis=bank.plan(unit="", arms=None)), "hypothesis", "fail", "arms are missing"),
    (lambda s, c: amended(s, metric_changes=baseline(n=29)), "baseline", "fail", "n = 29"),
    (lambda s, c: amended(s, metric_changes=baseline(days=13)), "baseline", "fail", "covers 13 days"),
    (lambda s, c: amended(s, metric_changes=baseline(source=" ")), "baseline", "fail", "no source"),
    (lambda s, c: amended(s, planned_n=381), "planned_n", "fail", "at least 382 units"),
    (lambda s, c: amended(s, metric_changes=baseline(n=60)), "planned_n", "fail", "the window is 30"),
    (lambda s, c: overlapping(s), "overlaps", "fail", "with twin"),
    (lambda s, c: later(c, 31), "overlaps", "unknown", "groundcrew overlap"),
    (lambda s, c: withdrawn(s), "grounding", "fail", "groundcrew knowledge"),
    (lambda s, c: later(c, 181), "grounding", "fail", "groundcrew knowledge approve"),
    (lambda s, c: use_case(s, grounding=None), "grounding", "fail", "declare grounding"),
    (lambda s, c: use_case(s, grounding=Grounding(source="request", below="hold")), "grounding", "unknown", "request_source"),
    (lambda s, c: use_case(s, solution="customized"), "grounding", "unknown", "data_set_revision"),
    (lambda s, c: bank.apply(s, providers=[bank.provider(data_classes=("internal",))]), "data_route", "fail", "may not see pii"),
    (lambda s, c: probes(s, 20, 19), "phi_probes", "fail", "groundcrew probe"),
    (lambda s, c: let_through(s), "phi_probes", "fail", "declare a policy with the pii guard"),
    (lambda s, c: probes(s, 19, 19), "phi_probes", "unknown", "groundcrew probe"),
    (lambda s, c: later(c, 91), "phi_probes", "unknown", "groundcrew probe"),
    (lambda s, c: use_case(s, champion=None), "champion", "fail", "declare champion"),
    (lambda s, c: use_case(s, budget=None), "token_budget", "fail", "declare budget"),
    (lambda s, c: use_case(s, exposure=None), "exposure_cap", "fail", "declare exposure"),
    (lambda s, c: use_case(s, exposure=Exposure(ceiling_percent=5.1)), "exposure_cap", "fail", "to 5"),
    (lambda s, c: failed_drill(s), "kill_switch", "fail", "groundcrew drill"),
    (lambda s, c: later(c, 91), "kill_switch", "unknown", "groundcrew drill"),
]


@pytest.mark.parametrize("case", range(len(INTO_PILOT)), ids=lambda case: f"{INTO_PILOT[case][1]}-{case}")
async def test_what_closes_the_gate_into_pilot(sqlite_url: str, tmp_path: Path, prepared: Prepared, case: int) -> None:
    step, key, expected, says = INTO_PILOT[case]
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, clock):
        assert (await evaluate(services, "pilot")).passed
        await step(services, clock)
        evaluation = await evaluate(services, "pilot")
        result = criterion(evaluation, key)
        assert (result.status, evaluation.passed) == (expected, False)
        assert says in result.missing
        with pytest.raises(GateNotPassed) as raised:
            await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="let me")
        assert criterion(raised.value.evaluation, key) == result
        assert await bank.stage_of(services) == "discovery"


async def test_an_overlap_that_someone_else_justified_is_not_open(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        await overlapping(services)
        with pytest.raises(InputError, match="settle-overlap"):
            await services.evidence.attest(bank.NAME, "overlap:twin", actor="user:legal", statement="another country")
        await bank.accounts(services, "user:bea", roles=("business",))
        terms = Terms(disposition="false_positive", reason="another country")
        await services.overlaps.settle(pair_id("use_case", bank.NAME, "twin"), terms, actor="user:bea")
        assert criterion(await evaluate(services, "pilot"), "overlaps").status == "pass"


async def fresh_ratings(services: Services, n: int, stars: int = 5, harms: int = 0) -> None:
    rows = bank.ratings(n, stars=stars)
    await services.feedback.rate_many(
        [msgspec.structs.replace(row, critical_harm=each < harms) for each, row in enumerate(rows)], actor="system:ratings"
    )


async def results(services: Services, clock: FakeClock, *, human: int = 200, complaints: bool = False, mean: float = 600) -> None:
    """An experiment of 21 days: fewer units in the control arm, complaints in the treatment, or another handle time."""
    start = clock.now()
    clock.advance(21 * bank.DAY_S)
    rows = bank.outcomes(start, treatment_mean=mean)
    dropped = {f"human-{each}" for each in range(human, bank.UNITS)}
    changed = [
        msgspec.structs.replace(row, value=1.0) if complaints and row.metric == "complaint" and row.arm == "draft_assist" else row
        for row in rows
        if row.case_id not in dropped
    ]
    await services.feedback.add_outcomes(bank.NAME, changed, actor="system:tickets")


async def calls(services: Services, n: int, *, supported: int = 0, **changes: object) -> list[Call]:
    digest = await bank.digest_of(services)
    shipped = []
    for each in range(n):
        trust = TrustReport(trust=0.9, state="supported" if each < supported else "unsupported")
        shipped.append(bank.call(version_digest=digest, trust=trust, **changes))
    await services.calls.ship(shipped, gateway="gateway-1")
    return shipped


async def labelled(services: Services, n: int, *, unsupported: int = 0, sample_labels: bool = False) -> None:
    """Answers that people judged, the first ones as unsupported."""
    shipped = await calls(services, n, supported=n)
    await bank.label_all(services, shipped, unsupported=unsupported, sample=sample_labels)


async def return_with(services: Services, clock: FakeClock, economics: Economics | None) -> None:
    await use_case(services, economics=economics)
    await results(services, clock)
    await calls(services, 3, supported=3)


async def unknown_cost(services: Services, clock: FakeClock) -> None:
    await results(services, clock)
    await calls(services, 3, supported=3, cost_usd=None)


#: From a pilot without any data: what is recorded, the criterion, what it becomes, and what it says.
INTO_PRODUCTION_READINESS: list[tuple[Step, str, str, str]] = [
    (lambda s, c: later(c, 1), "verdict", "unknown", "record outcomes"),
    (lambda s, c: results(s, c, mean=1200), "verdict", "fail", ""),
    (lambda s, c: results(s, c, mean=880), "verdict", "unknown", ""),
    (lambda s, c: results(s, c), "verdict", "pass", ""),
    (lambda s, c: later(c, 1), "sample_ratio", "unknown", "record outcomes"),
    (lambda s, c: results(s, c, human=120), "sample_ratio", "fail", "assignment or the recording is broken"),
    (lambda s, c: results(s, c, human=120), "verdict", "fail", ""),
    (lambda s, c: results(s, c), "sample_ratio", "pass", ""),
    (lambda s, c: later(c, 1), "guardrails", "unknown", "record outcomes"),
    (lambda s, c: results(s, c, complaints=True), "guardrails", "fail", "complaint"),
    (lambda s, c: later(c, 1), "rating", "unknown", "200 ratings"),
    (lambda s, c: fresh_ratings(s, 50, stars=1), "rating", "fail", "150 more ratings"),
    (lambda s, c: fresh_ratings(s, 199), "rating", "unknown", "1 more ratings"),
    (lambda s, c: fresh_ratings(s, 200), "rating", "pass", ""),
    (lambda s, c: later(c, 1), "grounded", "unknown", "calls of this version"),
    (lambda s, c: calls(s, 200, supported=200), "grounded", "unknown", "200 drawn answers wait"),
    (lambda s, c: labelled(s, 60), "grounded", "unknown", "at least 72 labels"),
    (lambda s, c: labelled(s, 200, unsupported=4), "grounded", "unknown", "more labels"),
    (lambda s, c: labelled(s, 200, unsupported=60), "grounded", "fail", ""),
    (lambda s, c: labelled(s, 200), "grounded", "pass", ""),
    (lambda s, c: labelled(s, 200, sample_labels=True), "grounded", "unknown", "sample data"),
    (lambda s, c: calls(s, 100, supported=100, status="declined"), "grounded", "unknown", "calls of this version"),
    (lambda s, c: later(c, 1), "critical_harm", "unknown", "299 ratings"),
    (lambda s, c: fresh_ratings(s, 298), "critical_harm", "unknown", "more ratings"),
    (lambda s, c: fresh_ratings(s, 299), "critical_harm", "pass", ""),
    (lambda s, c: fresh_ratings(s, 50, harms=5), "critical_harm", "fail", "find the cause"),
    (lambda s, c: return_with(s, c, None), "return_on_investment", "unknown", "declare economics"),
    (
        lambda s, c: return_with(s, c, Economics(hourly_cost_usd=60, cases_per_month=100, fixed_usd_per_month=10**6)),
        "return_on_investment",
        "fail",
        "not above 0",
    ),
    (unknown_cost, "return_on_investment", "unknown", "declare price"),
    (
        lambda s, c: return_with(s, c, Economics(hourly_cost_usd=60, cases_per_month=10_000)),
        "return_on_investment",
        "pass",
        "",
    ),
]


@pytest.mark.parametrize("case", range(len(INTO_PRODUCTION_READINESS)), ids=lambda n: f"{INTO_PRODUCTION_READINESS[n][1]}-{n}")
async def test_criteria_of_production_readiness(sqlite_url: str, tmp_path: Path, prepared: Prepared, case: int) -> None:
    step, key, expected, says = INTO_PRODUCTION_READINESS[case]
    async with in_state("pilot", sqlite_url, tmp_path, prepared) as (services, clock):
        await step(services, clock)
        result = criterion(await evaluate(services, "production_readiness"), key)
        assert result.status == expected, result
        assert says in result.missing
        assert (result.missing == "") == (result.status == "pass")


async def test_the_way_through_both_gates(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("results", database_url, tmp_path, prepared) as (services, _):
        evaluation = await evaluate(services, "production_readiness")
        assert [each.key for each in evaluation.results if each.status != "pass"] == []
        rating = criterion(evaluation, "rating")
        assert (rating.estimate, rating.n) == (5.0, 400)
        assert 4 < (rating.lower or 0) < (rating.upper or 0) <= 5
        saved = await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="proven")
        assert await bank.stage_of(services) == "production_readiness"
        stored = await services.gates.evaluations(bank.NAME, limit=1)
        assert stored == [saved]
        entry = (await services.audit.latest(subject=f"use-case/{bank.NAME}", limit=1))[0]
        assert (entry.action, entry.details["evaluation"]) == ("advance", saved.id)
        with pytest.raises(GateNotPassed) as raised:
            await services.use_cases.advance(bank.NAME, "scale", actor="user:maria", reason="and on")
        assert {"approvals", "impact_assessment"} <= {
            each.key for each in raised.value.evaluation.results if each.status == "unknown"
        }
        assert (await services.audit.verify()).problems == ()


async def test_sample_data_show_their_figures_and_never_pass(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("pilot", database_url, tmp_path, prepared) as (services, clock):
        await bank.record_results(services, clock, sample=True)
        evaluation = await evaluate(services, "production_readiness")
        # Nothing is tuned for this use case, which the gate can tell without any data.
        assert {each.status for each in evaluation.results if each.key != "evaluation"} == {"unknown"}
        shown = {each.key: each for each in evaluation.results if each.sample}
        assert {"verdict", "sample_ratio", "guardrails", "rating", "critical_harm"} <= set(shown)
        assert all("sample data" in each.missing for each in shown.values())
        assert shown["rating"].figure.startswith("5.00 stars")
        with pytest.raises(GateNotPassed):
            await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="looks good")


async def test_sample_data_beside_real_ones_do_not_count(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("pilot", sqlite_url, tmp_path, prepared) as (services, _):
        await services.feedback.rate_many(bank.ratings(300, stars=5, sample=True), actor="system:ratings")
        await fresh_ratings(services, 10, stars=2)
        rating = criterion(await evaluate(services, "production_readiness"), "rating")
        assert (rating.n, rating.estimate, rating.sample) == (10, 2.0, False)


async def test_the_same_rating_again_does_not_count_again(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """A person may change their mind; two hundred stars of one person for one case are one rating."""
    async with in_state("pilot", sqlite_url, tmp_path, prepared) as (services, clock):
        for stars in (5, 5, 3):
            clock.advance(60)
            await fresh_ratings(services, 20, stars=stars)
        rating = criterion(await evaluate(services, "production_readiness"), "rating")
        assert (rating.n, rating.estimate) == (20, 3.0)


async def test_outcomes_dated_ahead_of_a_registration_are_refused(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("declared", sqlite_url, tmp_path, prepared) as (services, clock):
        with pytest.raises(InputError, match=r"\[0\]\.at: .* lies in the future"):
            await services.feedback.add_outcomes(bank.NAME, bank.outcomes(clock.now()), actor="system:tickets")


# --- no way around ---


async def test_without_a_hypothesis_the_refusal_says_what_to_do(database_url: str, tmp_path: Path) -> None:
    async with bank.opened(database_url, tmp_path, bare=True) as services:
        await bank.apply(services)
        with pytest.raises(GateNotPassed, match="can not advance to pilot") as raised:
            await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="let me")
        missing = criterion(raised.value.evaluation, "hypothesis").missing
        assert "groundcrew hypothesis register assistant" in missing
        assert criterion(raised.value.evaluation, "planned_n").status == "unknown"
        assert await bank.stage_of(services) == "discovery"
        stored = (await services.gates.evaluations(bank.NAME))[0]
        assert (stored.passed, stored.stage) == (False, "pilot"), "a refused attempt is on record"


async def test_a_use_case_climbs_one_stage_at_a_time(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        for to in ("discovery", "production_readiness", "scale", "optimization"):
            with pytest.raises(Conflict, match="the next stage is pilot"):
                await services.use_cases.advance(bank.NAME, to, actor="user:maria", reason="jump")
        with pytest.raises(InputError, match="reason"):
            await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason=" ")


@pytest.mark.parametrize("terminal", ["rejected", "retired"])
async def test_a_final_stage_is_final(sqlite_url: str, tmp_path: Path, prepared: Prepared, terminal: Stage) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        await services.use_cases.demote(bank.NAME, terminal, actor="user:maria", reason="enough")
        for move in (services.use_cases.advance, services.use_cases.demote):
            with pytest.raises(Conflict):
                await move(bank.NAME, "pilot", actor="user:maria", reason="again")
        assert (await services.use_cases.get(bank.NAME)).run_state == "off"


async def test_demotion_goes_down_only_and_needs_a_reason(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("pilot", sqlite_url, tmp_path, prepared) as (services, _):
        for to in ("pilot", "scale"):
            with pytest.raises(Conflict, match="is not an earlier stage"):
                await services.use_cases.demote(bank.NAME, to, actor="user:maria", reason="why not")
        with pytest.raises(InputError, match="reason"):
            await services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="")
        await services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="too early")
        assert await bank.stage_of(services) == "discovery"


async def test_an_empty_policy_and_a_check_that_does_not_exist_deny(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        default = next(each for each in default_policies() if each.stage == "pilot")
        unheard = msgspec.structs.replace(default.criteria[0], key="horoscope", check="horoscope")
        for version, criteria in ((default.version + 1, ()), (default.version + 2, (*default.criteria, unheard))):
            policy = GatePolicy(stage="pilot", version=version, state="published", criteria=criteria)
            async with services.database.write("user:admin") as writer:
                await catalog.GATE_POLICIES.put(writer, policy, "publish")
            evaluation = await evaluate(services, "pilot")
            assert (evaluation.passed, evaluation.policy_version) == (False, version)
            with pytest.raises(GateNotPassed):
                await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="let me")
        assert criterion(evaluation, "horoscope").status == "unknown"


@pytest.mark.parametrize("actor", [f"user:{bank.OWNER}", f"cli:{bank.CHAMPION}", f"user:{bank.OWNER.upper()}"])
async def test_owner_and_champion_do_not_attest(sqlite_url: str, tmp_path: Path, prepared: Prepared, actor: str) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        with pytest.raises(NotAllowed, match="someone who did not build it"):
            await services.evidence.attest(bank.NAME, "load_test", actor=actor, statement="I tested it")
        for subject, statement in (("", "x"), ("x", ""), (" ", " ")):
            with pytest.raises(InputError):
                await services.evidence.attest(bank.NAME, subject, actor="user:legal", statement=statement)
        for valid_s in (0, -1, 367 * bank.DAY_S, float("nan")):
            with pytest.raises(InputError):
                await services.evidence.attest(bank.NAME, "x", actor="user:legal", statement="x", valid_s=valid_s)


async def test_new_evidence_supersedes_the_old(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, clock):
        for _ in range(2):
            clock.advance(10)
            await probes(services, 20, 20)
        states = [each.state for each in await services.evidence.find(bank.NAME) if each.evidence.kind == "phi_probe"]
        assert states == ["superseded", "superseded", "valid"]


# --- properties ---

PREPARATIONS: dict[str, Step] = {
    "hypothesis": lambda s, c: s.hypotheses.register(bank.NAME, actor="user:maria"),
    "overlaps": lambda s, c: s.overlaps.scan(bank.NAME, actor="user:maria"),
    "phi_probes": lambda s, c: probes(s, 20, 20),
    "kill_switch": lambda s, c: drilled(s),
}
DECLARED = {"champion": None, "budget": None, "exposure": None, "grounding": None}
KEYS_OF = {"budget": "token_budget", "exposure": "exposure_cap"}


async def drilled(services: Services) -> None:
    async with bank.gateway(services, process_id=os.getpid()):
        await services.kill_switches.drill(Scope("use-case", bank.NAME), actor=bank.PERSON)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=st.sets(st.sampled_from(sorted(PREPARATIONS))), left_out=st.sets(st.sampled_from(sorted(DECLARED))))
def test_advance_succeeds_exactly_when_everything_is_there(prepared: Prepared, done: set[str], left_out: set[str]) -> None:
    expected = (set(PREPARATIONS) - done) | {KEYS_OF.get(each, each) for each in left_out}

    async def work(folder: Path) -> None:
        async with in_state("declared", f"sqlite:///{folder / 'groundcrew.db'}", folder, prepared) as (services, clock):
            await use_case(services, **{name: DECLARED[name] for name in left_out})
            await bank.approve_knowledge(services)
            for name in sorted(done):
                await PREPARATIONS[name](services, clock)
            try:
                evaluation = await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="try")
            except GateNotPassed as error:
                evaluation = error.evaluation
            assert {each.key for each in evaluation.results if each.status != "pass"} == expected
            assert await bank.stage_of(services) == ("discovery" if expected else "pilot")

    with tempfile.TemporaryDirectory() as name:
        run_apart(work(Path(name)))


#: Every part of what a version is, and another value for it.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
MUTATIONS: dict[str, st.SearchStrategy[object]] = {
    "prompt": st.tuples(st.integers(0, 16), TEXT.map(lambda text: text[0])).map(
        lambda drawn: bank.use_case().prompt[: drawn[0]] + drawn[1] + bank.use_case().prompt[drawn[0] :]
    ),
    "purpose": TEXT.map(lambda text: f"Answer {text}"),
    "autonomy": st.sampled_from(["assist", "act_and_review", "autonomous"]),
    "data_classes": st.sampled_from([("internal",), ("pii",), ("public", "internal", "pii")]),
    "grounding": st.floats(0.1, 0.69).map(lambda threshold: Grounding(knowledge=bank.BASE, threshold=threshold)),
    "target": TEXT,
    "canary": TEXT,
    "api": st.just("openai"),
    "base_url": TEXT.map(lambda text: f"https://{text}"),
    "action": st.sampled_from(["refuse", "hold", "fallback"]),
    "mode": st.just("monitor"),
    "settings": TEXT.map(lambda text: {"note": text}),
    "revision": st.text("0123456789bcdef", min_size=64, max_size=64),
}


async def mutate(services: Services, part: str, value: object) -> None:
    target, guard = bank.model().targets[0], bank.policy().guards[0]
    if part == "revision":
        await bank.approve_knowledge(services, str(value))
    elif part == "target":
        await bank.apply(services, models=[bank.model(targets=(msgspec.structs.replace(target, model=str(value)),))])
    elif part == "canary":
        canary = msgspec.structs.replace(target, model=str(value), role="canary", weight=None, share_percent=5.0)
        await bank.apply(services, models=[bank.model(targets=(target, canary))])
    elif part in ("api", "base_url"):
        await bank.apply(services, providers=[bank.provider(**{part: value})])
    elif part in ("action", "mode", "settings"):
        await bank.apply(services, policies=[bank.policy(guards=(msgspec.structs.replace(guard, **{part: value}),))])
    else:
        await use_case(services, **{part: value})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.sampled_from(sorted(MUTATIONS)).flatmap(lambda part: st.tuples(st.just(part), MUTATIONS[part])))
def test_any_change_of_version_makes_evidence_stale(prepared: Prepared, drawn: tuple[str, object]) -> None:
    part, value = drawn

    async def work(folder: Path) -> None:
        async with in_state("ready", f"sqlite:///{folder / 'groundcrew.db'}", folder, prepared) as (services, _):
            before = await bank.digest_of(services)
            await mutate(services, part, value)
            assert await bank.digest_of(services) != before
            found = await services.evidence.find(bank.NAME)
            assert {each.state for each in found if each.evidence.state == "valid"} == {"stale"}
            evaluation = await evaluate(services, "pilot")
            for key in ("overlaps", "phi_probes", "kill_switch"):
                assert (criterion(evaluation, key).status, criterion(evaluation, key).figure) == ("unknown", "stale")
            with pytest.raises(GateNotPassed):
                await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="try")
            if part != "revision":
                await bank.apply(services)
                assert await bank.digest_of(services) == before
                assert (await evaluate(services, "pilot")).passed, "what was shown of this very version holds again"

    with tempfile.TemporaryDirectory() as name:
        run_apart(work(Path(name)))


async def test_ratings_and_calls_of_another_version_do_not_count(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("results", sqlite_url, tmp_path, prepared) as (services, _):
        await use_case(services, prompt=bank.use_case().prompt + ".")
        evaluation = await evaluate(services, "production_readiness")
        # Nothing is tuned for this use case, which the gate can tell without any data.
        assert {each.status for each in evaluation.results if each.key != "evaluation"} == {"unknown"}


async def test_what_a_gate_does_not_ask_for_does_not_make_evidence_stale(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, _):
        await use_case(services, owner="petra@bank.example", exposure=Exposure(ceiling_percent=2))
        classes: tuple[DataClass, ...] = ("public", "internal", "confidential", "pii")
        await bank.apply(services, providers=[bank.provider(data_classes=classes)], use_cases=[])
        assert (await evaluate(services, "pilot")).passed
        target = msgspec.structs.replace(
            bank.model().targets[0], weight=7, timeout_s=3.0, first_byte_s=1.0, retries=3, breaker=BreakerRule(failures=1)
        )
        shadow = Target(provider=target.provider, model="trial", role="shadow", share_percent=10.0)
        await bank.apply(services, models=[bank.model(targets=(target, shadow))], use_cases=[])
        assert (await evaluate(services, "pilot")).passed, "how a model is reached, and who is tried in its shadow"


async def test_an_expiry_is_the_moment_it_names(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    async with in_state("ready", sqlite_url, tmp_path, prepared) as (services, clock):
        found = await services.evidence.find(bank.NAME)
        scan = next(each.evidence for each in found if each.evidence.kind == "overlap_scan")
        clock.advance((scan.valid_until - clock.now() - timedelta(microseconds=1)).total_seconds())
        assert criterion(await evaluate(services, "pilot"), "overlaps").status == "pass"
        clock.advance(0.000_001)
        assert criterion(await evaluate(services, "pilot"), "overlaps").status == "unknown"


async def test_a_sample_outcome_takes_nothing_away_from_what_happened(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    async with in_state("pilot", sqlite_url, tmp_path, prepared) as (services, clock):
        await results(services, clock, complaints=True)
        before = criterion(await evaluate(services, "production_readiness"), "guardrails")
        assert before.status != "pass"
        found = [each for each in await services.feedback.outcomes(bank.NAME) if each.metric == "complaint" and each.value]
        hidden = [
            NewOutcome(metric=each.metric, value=0.0, case_id=each.case_id, unit_id=each.unit_id, arm=each.arm, sample=True)
            for each in found
        ]
        await services.feedback.add_outcomes(bank.NAME, hidden, actor="key:app")
        after = criterion(await evaluate(services, "production_readiness"), "guardrails")
        assert (after.figure, after.estimate) == (before.figure, before.estimate)
        async with services.database.read() as connection:
            real = await outcomes_since(connection, bank.NAME, await bank.digest_of(services), None, "complaint")
        assert {each.case_id for each in found} <= {each.case_id for each in real}


@pytest.mark.parametrize("state", ["refuted", "inconclusive", "invalid"])
async def test_a_conclusion_is_final_whatever_comes_after_it(
    sqlite_url: str, tmp_path: Path, prepared: Prepared, state: HypothesisState
) -> None:
    async with in_state("results", sqlite_url, tmp_path, prepared) as (services, _):
        assert criterion(await evaluate(services, "production_readiness"), "verdict").status == "pass"
        async with services.database.write("user:maria") as writer:
            newest = await newest_hypothesis(writer.connection, bank.NAME)
            assert newest is not None
            await catalog.HYPOTHESES.put(writer, msgspec.structs.replace(newest, state=state), "conclude")
        verdict = criterion(await evaluate(services, "production_readiness"), "verdict")
        assert (verdict.status, f"was concluded as {state}" in verdict.missing) == ("fail", True)
