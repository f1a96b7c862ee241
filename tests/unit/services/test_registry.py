"""Applying declarations: idempotent, all or nothing, with its consequences, and never a secret in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Target
from groundcrew.domain.use_case import Budget
from groundcrew.errors import DeclarationError
from groundcrew.services.bundle import Services
from groundcrew.services.changes import Change
from groundcrew.services.declarations import load
from groundcrew.services.declared import DeclarationErrors

ALL = ["Provider", "Model", "KnowledgeBase", "Policy", "UseCase", "Hypothesis"]


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


@pytest.fixture
async def pilot(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("results", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="proven")
        yield services


def of(changes: list[Change], kind: str) -> Change:
    return next(each for each in changes if each.kind == kind)


async def test_a_first_apply_creates_everything_and_says_what(database_url: str, tmp_path: Path) -> None:
    async with bank.opened(database_url, tmp_path, bare=True) as services:
        changes = await bank.apply(services, hypothesis=bank.plan())
        assert [(each.kind, each.action) for each in changes] == [(kind, "created") for kind in ALL]
        use_case = of(changes, "UseCase")
        assert {"owner", "purpose", "budget"} <= {each.field for each in use_case.fields}
        assert all(each.before is None for each in use_case.fields)
        assert any("risk tier limited" in note for note in use_case.notes)
        item = await services.use_cases.get(bank.NAME)
        assert (item.stage, item.run_state, item.holds) == ("discovery", "running", ())


async def test_applying_again_changes_nothing_and_writes_nothing(services: Services) -> None:
    before = (await services.audit.verify()).head, await services.snapshots.version()
    changes = await bank.apply(services, hypothesis=bank.plan())
    assert {each.action for each in changes} == {"unchanged"}
    assert ((await services.audit.verify()).head, await services.snapshots.version()) == before


async def test_how_a_model_is_reached_changes_its_targets_and_no_version(services: Services) -> None:
    target = bank.model().targets[0]
    shadow = Target(provider=target.provider, model="trial", role="shadow", share_percent=10.0)
    tuned = bank.model(targets=(msgspec.structs.replace(target, weight=3, retries=0, timeout_s=5.0), shadow))
    changes = await bank.apply(services, models=[tuned])
    assert {each.kind: each.action for each in changes if each.action != "unchanged"} == {"Model": "updated"}
    (field,) = of(changes, "Model").fields
    assert (field.field, field.before[0]["weight"], field.after[0]["weight"]) == ("targets", None, 3)
    assert {each.action for each in await bank.apply(services, models=[tuned])} == {"unchanged"}
    assert (await services.snapshots.build()).models[bank.MODEL] == tuned, "the gateways get it with the next snapshot"
    promoted = bank.model(targets=(target, msgspec.structs.replace(shadow, role="canary")))
    assert of(await bank.apply(services, models=[promoted]), "Version").action == "updated"


async def test_a_changed_field_is_shown_before_and_after(services: Services) -> None:
    changed = bank.use_case(budget=Budget(tokens_per_day=5))
    use_case = of(await bank.apply(services, use_cases=[changed]), "UseCase")
    assert use_case.action == "updated"
    assert [(each.field, each.before["tokens_per_day"], each.after["tokens_per_day"]) for each in use_case.fields] == [
        ("budget", 100_000, 5)
    ]


async def test_a_dry_run_shows_the_diff_and_writes_nothing(services: Services) -> None:
    before = (await services.audit.verify()).head
    changed = bank.declarations(use_cases=[bank.use_case(prompt="Answer briefly.")])
    shown = await services.registry.apply(changed, actor="user:maria", dry_run=True)
    assert of(shown, "UseCase").action == "updated"
    assert (await services.audit.verify()).head == before
    assert (await services.use_cases.get(bank.NAME)).prompt == "Answer politely."
    assert await services.registry.apply(changed, actor="user:maria") == shown


async def test_a_reference_that_leads_nowhere_stops_the_whole_apply(services: Services) -> None:
    head = (await services.audit.verify()).head
    good, bad = bank.provider(baa=True), bank.use_case(model="riter")
    with pytest.raises(DeclarationErrors) as raised:
        await bank.apply(services, providers=[good], use_cases=[bad])
    assert "riter" in str(raised.value)
    assert (raised.value.file, raised.value.line, raised.value.field) == ("bank.yaml", 1, "model")
    assert (await services.audit.verify()).head == head


async def test_references_may_lead_to_what_stands_in_the_registry(services: Services) -> None:
    changes = await bank.apply(services, providers=[], models=[], policies=[], bases=[], use_cases=[bank.use_case(name="second")])
    assert [(each.kind, each.name, each.action) for each in changes] == [("UseCase", "second", "created")]


async def test_a_use_case_whose_data_no_provider_may_see_is_told_so(services: Services) -> None:
    provider = bank.provider(data_classes=("internal",))
    changes = await bank.apply(services, providers=[provider], use_cases=[bank.use_case(data_classes=("phi",))])
    (note,) = (each for each in of(changes, "UseCase").notes if "every call will be refused" in each)
    assert f"may see phi data ({provider.name}); it takes `data_classes` with phi and `baa: true`" in note
    changes = await bank.apply(services, providers=[provider], use_cases=[bank.use_case(data_classes=("internal", "pii"))])
    assert not any("every call will be refused" in each for each in of(changes, "UseCase").notes)


async def test_a_prohibited_use_case_is_refused_with_the_ground(services: Services) -> None:
    prohibited = bank.use_case(name="mood-watch", risk_answers={"emotion_recognition_at_work": True})
    with pytest.raises(DeclarationErrors, match=r"prohibited: infers emotions at the workplace.*Art\. 5"):
        await bank.apply(services, use_cases=[prohibited])
    assert [each.name for each in await services.use_cases.find()] == [bank.NAME]


async def test_a_use_case_that_becomes_prohibited_is_refused_and_stays_as_it_was(services: Services) -> None:
    with pytest.raises(DeclarationErrors, match="prohibited"):
        await bank.apply(services, use_cases=[bank.use_case(risk_answers={"manipulates_or_scores_persons": True})])
    assert (await services.use_cases.get(bank.NAME)).risk_answers == bank.use_case().risk_answers


async def test_stage_run_state_and_holds_are_never_declared(services: Services) -> None:
    sneaky = bank.use_case(stage="scale", run_state="off", run_reason="because", prompt="Answer briefly.")
    await bank.apply(services, use_cases=[sneaky])
    item = await services.use_cases.get(bank.NAME)
    assert (item.stage, item.run_state, item.prompt) == ("discovery", "running", "Answer briefly.")
    await bank.apply(services, use_cases=[bank.use_case(name="second", stage="scale")])
    assert await bank.stage_of(services, "second") == "discovery"


@pytest.mark.parametrize("line", ["stage: pilot", "run_state: running", "holds: []"])
async def test_a_file_that_sets_what_is_earned_is_refused(tmp_path: Path, line: str) -> None:
    page = tmp_path / "bank.yaml"
    page.write_text(f"kind: UseCase\nname: assistant\n{line}\n")
    with pytest.raises(DeclarationError, match=line.partition(":")[0]) as raised:
        load([page])
    assert (raised.value.file, raised.value.line) == (str(page), 3)


async def test_a_draft_may_be_changed_and_a_registered_hypothesis_only_amended(services: Services) -> None:
    changed = of(await bank.apply(services, hypothesis=bank.plan(planned_n=450)), "Hypothesis")
    assert changed.notes == ("still a draft",)
    first = await services.hypotheses.register(bank.NAME, actor="user:maria")
    assert (first.version, first.state, first.plan.planned_n) == (1, "registered", 450)

    amendment = of(await bank.apply(services, hypothesis=bank.plan(planned_n=500)), "Hypothesis")
    assert "an amendment, version 2: earlier data become exploratory" in amendment.notes[0]
    versions = await services.hypotheses.find(bank.NAME)
    assert [(each.version, each.state, each.plan.planned_n) for each in versions] == [(1, "registered", 450), (2, "draft", 500)]
    assert versions[0] == first, "what was registered stays as it was frozen"


async def test_an_amendment_makes_earlier_outcomes_exploratory(pilot: Services) -> None:
    verdict = next(each for each in (await evaluate(pilot)).results if each.key == "verdict")
    assert verdict.status == "pass"
    await bank.apply(pilot, hypothesis=bank.plan(planned_n=410))
    assert status(await evaluate(pilot), "verdict") == "unknown"
    await pilot.hypotheses.register(bank.NAME, actor="user:maria")
    assert status(await evaluate(pilot), "verdict") == "unknown", "what was seen before can not confirm it"


async def evaluate(services: Services) -> GateEvaluation:
    return await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to="production_readiness")


def status(evaluation: GateEvaluation, key: str) -> str:
    return next(each.status for each in evaluation.results if each.key == key)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"purpose": "Decide complaints"}, "its purpose changed"),
        ({"data_classes": ("internal", "pii", "confidential")}, "it handles a new data class"),
        ({"risk_answers": {"employment_decisions": True}}, "its risk tier rose"),
    ],
)
async def test_a_new_purpose_data_class_or_tier_demotes_to_pilot(pilot: Services, changes: dict[str, object], why: str) -> None:
    applied = of(await bank.apply(pilot, use_cases=[bank.use_case(**changes)]), "UseCase")
    assert any(note.startswith("demoted from production_readiness to pilot") and why in note for note in applied.notes)
    assert await bank.stage_of(pilot) == "pilot"
    entry = (await pilot.audit.latest(subject=f"use-case/{bank.NAME}", limit=1))[0]
    assert why in entry.reason


@pytest.mark.parametrize("changes", [{"title": "Mail help"}, {"data_classes": ("pii",)}, {"champion": "petra@bank.example"}])
async def test_other_changes_do_not_demote(pilot: Services, changes: dict[str, object]) -> None:
    await bank.apply(pilot, use_cases=[bank.use_case(**changes)])
    assert await bank.stage_of(pilot) == "production_readiness"


async def test_changed_versions_are_noted_for_every_use_case_they_reach(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="second")])
    stricter = bank.policy(guards=(GuardRule(guard="pii", action="refuse"),))
    changes = await bank.apply(services, policies=[stricter], use_cases=[bank.use_case(), bank.use_case(name="second")])
    assert sorted(each.name for each in changes if each.kind == "Version") == [bank.NAME, "second"]
    targets = (Target(provider=bank.PROVIDER, model="extractive-2"),)
    before = await bank.digest_of(services)
    changes = await bank.apply(services, models=[bank.model(targets=targets)])
    entry = (await services.audit.latest(subject=f"version/{bank.NAME}", limit=1))[0]
    assert entry.details == {"before": before, "after": await bank.digest_of(services)}


async def test_a_secret_never_reaches_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is kept, its value is not; a key's secret is kept as a hash, a password as an argon2 hash."""
    monkeypatch.setenv("ACME_KEY", "the-secret-of-acme")
    (tmp_path / "provider.yaml").write_text(
        "kind: Provider\nname: acme\napi: openai\nbase_url: https://llm.example/v1\napi_key: env:ACME_KEY\n"
    )
    async with bank.opened(f"sqlite:///{tmp_path / 'groundcrew.db'}", tmp_path) as services:
        await services.registry.apply(load([tmp_path / "provider.yaml"]), actor="user:maria")
        created = await services.keys.create(bank.NAME, actor="user:maria")
        await services.users.create("anna", "a long password", roles=("on_call",), actor="user:admin")
        session = await services.users.open_session((await services.users.find())[0])
    stored = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.glob("groundcrew.db*")))
    assert b"env:ACME_KEY" in stored
    for secret in ("the-secret-of-acme", created.secret, "a long password", session):
        assert secret.encode() not in stored


async def test_a_literal_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    page = tmp_path / "provider.yaml"
    page.write_text("kind: Provider\nname: acme\napi: openai\nbase_url: https://llm.example/v1\napi_key: made-up-secret-value\n")
    with pytest.raises(DeclarationError) as raised:
        load([page])
    assert (raised.value.line, raised.value.field) == (5, "api_key")
    assert "made-up-secret-value" not in str(raised.value)


async def test_how_a_provider_is_addressed_shows_in_the_diff(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    head = "kind: Provider\nname: cloud\napi: bedrock\n"
    path.write_text(head + "region: eu-central-1\n")
    (first,) = await services.registry.apply(load([path]), actor="user:maria")
    assert (first.action, first.notes) == ("created", ())
    assert "region" in {each.field for each in first.fields}
    assert not {"headers", "query", "api_key_header"} & {each.field for each in first.fields}
    path.write_text(
        head + "region: eu-west-1\nheaders: {x-team: ops}\nquery: {stage: live}\napi_key: env:K\napi_key_header: x-k\n"
    )
    (second,) = await services.registry.apply(load([path]), actor="user:maria")
    assert {each.field for each in second.fields} == {"region", "headers", "query", "api_key", "api_key_header"}
    (third,) = await services.registry.apply(load([path]), actor="user:maria")
    assert third.action == "unchanged"
    snapshot = await services.snapshots.build()
    assert snapshot.providers["cloud"].headers == {"x-team": "ops"}
