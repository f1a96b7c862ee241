"""Evaluations of tuned models become evidence, and the gates of customized solutions rest on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.tuning import tuned_bank

from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.tuning import DataSet, TunedModel
from groundcrew.domain.use_case import EvaluationRule
from groundcrew.errors import InputError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.lookups import current_digest
from groundcrew.store import tuning
from groundcrew.tuning.evaluation_report import html


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def data_set(services: Services, tmp_path: Path) -> DataSet:
    return await tuned_bank.registered(services, tmp_path / "notes")


@pytest.fixture
async def model(services: Services, data_set: DataSet) -> TunedModel:
    """A model that a customized use case answers with."""
    made = await tuned_bank.tuned(services, data_set)
    await tuned_bank.answers_with(services, made)
    await declare(services)
    return made


async def declare(services: Services, **at_least: float) -> None:
    rule = EvaluationRule(data_set=tuned_bank.DATA_SET, at_least=at_least) if at_least else None
    use_case = bank.use_case(solution="customized", grounding=None, evaluation=rule)
    found = await services.use_cases.get(bank.NAME)
    alias = Model(name=bank.MODEL, targets=())
    for each in (await services.snapshots.build()).models.values():
        alias = each if each.name == bank.MODEL else alias
    assert found.name == bank.NAME
    provider = (await services.snapshots.build()).providers
    await bank.apply(services, use_cases=[use_case], models=[alias], providers=list(provider.values()))


async def gate(services: Services, key: str, to: str = "production_readiness") -> CriterionResult:
    found = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to=to)  # type: ignore[arg-type]
    return next(each for each in found.results if each.key == key)


async def evaluate(services: Services, model: TunedModel, **more: object):  # type: ignore[no-untyped-def]
    return await services.model_evaluations.evaluate(
        model.id,
        actor=bank.PERSON,
        **{"data_set": tuned_bank.DATA_SET, **more},  # type: ignore[arg-type]
    )


async def test_an_evaluation_is_evidence_for_whom_the_model_answers(services: Services, model: TunedModel) -> None:
    found = await evaluate(services, model, human_s=1_500.0)
    assert found.report.cases == 30
    assert found.leaked == 0
    assert found.report.human is not None
    assert found.report.figures["micro_precision"].estimate == 1
    assert found.report.figures["micro_recall"].estimate == pytest.approx(40 / 46)
    (kept,) = [each for each in await services.evidence.find(bank.NAME) if each.evidence.kind == "model_evaluation"]
    assert kept.state == "valid"
    assert kept.evidence.id == found.recorded[bank.NAME]
    assert kept.evidence.content["model_digest"] == model.digest
    assert kept.evidence.content["figures"]["micro_f1"]["lower"] == found.report.figures["micro_f1"].lower
    lineage = await services.tuned_models.lineage(model.id)
    assert [(each.kind, each.state) for each in lineage.evaluations] == [("model_evaluation", "valid")]
    page = html(found.report)
    assert "coder@1 on notes@" in page
    assert "Times faster" in page
    again = await evaluate(services, model)
    states = [each.state for each in await services.evidence.find(bank.NAME) if each.evidence.kind == "model_evaluation"]
    assert states == ["superseded", "valid"]
    assert again.report.figures == found.report.figures


async def test_other_weights_make_it_stale(services: Services, model: TunedModel, data_set: DataSet) -> None:
    await evaluate(services, model)
    before = (await services.snapshots.build()).use_cases[bank.NAME].version_digest
    other = await tuned_bank.tuned(services, data_set, threshold=0.65)
    assert other.version == 2
    await tuned_bank.answers_with(services, other)
    await declare(services, micro_f1=0.5)
    assert (await services.snapshots.build()).use_cases[bank.NAME].version_digest != before
    result = await gate(services, "evaluation")
    assert result.status == "unknown"
    assert f"groundcrew tune evaluate {other.id} --data-set notes" in result.missing


async def test_the_digest_is_part_of_the_version(services: Services, model: TunedModel) -> None:
    use_case = await services.use_cases.get(bank.NAME)
    async with services.database.write(bank.PERSON) as writer:
        before = await current_digest(writer.connection, use_case)
        await tuning.TUNED_MODELS.put(writer, msgspec.structs.replace(model, digest="e" * 64), "register")
        assert await current_digest(writer.connection, use_case) != before


async def test_the_gate_holds_the_lower_bound_against_the_target(services: Services, model: TunedModel) -> None:
    result = await gate(services, "evaluation")
    assert (result.status, "declare evaluation" in result.missing) == ("fail", True)
    await declare(services, micro_f1=0.8)
    assert (await gate(services, "evaluation")).status == "unknown"
    found = await evaluate(services, model)
    passed = await gate(services, "evaluation")
    assert passed.status == "pass"
    assert passed.n == 30
    assert passed.evidence
    figure = found.report.figures["micro_f1"]
    assert figure.estimate is not None
    assert figure.lower is not None
    await declare(services, micro_f1=(figure.lower + figure.estimate) / 2)
    missed = await gate(services, "evaluation")
    assert missed.status == "fail"
    assert "the lower bound" in missed.missing


async def test_cases_that_it_has_learned_from_fail(services: Services, tmp_path: Path) -> None:
    rows = tuned_bank.records()
    rows[1]["patient"] = rows[0]["patient"]
    rows[3]["text"] = rows[2]["text"].upper() + "!"
    data_set = await tuned_bank.registered(services, tmp_path / "leaky", rows=rows)
    model = await tuned_bank.tuned(services, data_set)
    await tuned_bank.answers_with(services, model)
    await declare(services, micro_f1=0.1)
    found = await evaluate(services, model)
    assert (found.leaked, found.leaked_named) == (2, ("n1", "n3"))
    result = await gate(services, "evaluation")
    assert (result.status, "learned from 2" in result.missing) == ("fail", True)


async def test_too_few_cases_prove_nothing(services: Services, tmp_path: Path) -> None:
    data_set = await tuned_bank.registered(services, tmp_path / "few", rows=tuned_bank.records(20))
    model = await tuned_bank.tuned(services, data_set)
    await tuned_bank.answers_with(services, model)
    await declare(services, micro_f1=0.1)
    await evaluate(services, model)
    result = await gate(services, "evaluation")
    assert (result.status, result.figure) == ("unknown", "10 cases")


async def test_curated_data_is_computed_not_attested(services: Services, model: TunedModel, tmp_path: Path) -> None:
    passed = await gate(services, "grounding", "pilot")
    assert passed.status == "pass"
    assert "60 curated records" in passed.figure
    poor = await tuned_bank.registered(services, tmp_path / "poor", consent=" ")
    other = await tuned_bank.tuned(services, poor)
    await tuned_bank.answers_with(services, other)
    await declare(services)
    failed = await gate(services, "grounding", "pilot")
    assert (failed.status, "does not say its consent" in failed.missing) == ("fail", True)
    await services.evidence.attest(bank.NAME, "data_set_revision", actor="user:zoe", statement="trust me")
    assert (await gate(services, "grounding", "pilot")).status == "fail"
    await services.tuned_models.retire(other.id, reason="poor data", actor=bank.PERSON)
    assert "was retired (poor data)" in (await gate(services, "grounding", "pilot")).missing


async def test_a_model_that_nobody_registered_fails(services: Services, model: TunedModel) -> None:
    alias = Model(name=bank.MODEL, targets=(Target(provider="in-house", model="coder@7"),))
    providers = list((await services.snapshots.build()).providers.values())
    await bank.apply(services, models=[alias], providers=providers, use_cases=[await services.use_cases.get(bank.NAME)])
    result = await gate(services, "grounding", "pilot")
    assert (result.status, "coder@7 is not registered" in result.missing) == ("fail", True)


async def test_what_was_tuned_elsewhere_is_attested(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(solution="customized", grounding=None)])
    assert (await gate(services, "grounding", "pilot")).status == "unknown"
    result = await gate(services, "evaluation")
    assert (result.status, "held_out_evaluation" in result.missing) == ("unknown", True)
    await services.evidence.attest(bank.NAME, "held_out_evaluation", actor="user:zoe", statement="measured at the vendor's")
    assert (await gate(services, "evaluation")).status == "pass"


async def test_other_solutions_are_not_asked(services: Services) -> None:
    assert (await gate(services, "evaluation")).status == "pass"


async def test_a_file_of_cases_and_a_baseline(services: Services, model: TunedModel, tmp_path: Path) -> None:
    cases, rival = tmp_path / "cases.jsonl", tmp_path / "rival.jsonl"
    rows = [row for row in tuned_bank.records() if row["split"] == "test"]
    cases.write_text("\n".join(json.dumps({"id": row["id"], "text": row["text"], "labels": row["codes"]}) for row in rows))
    rival.write_text("\n".join(json.dumps({"id": row["id"], "labels": ["A01.1"]}) for row in rows))
    found = await evaluate(services, model, data_set=None, file=cases, baseline=str(rival))
    assert found.report.comparison is not None
    assert (found.report.comparison.differences["micro_f1"].lower or 0) > 0
    assert found.data_set == ""
    itself = await evaluate(services, model, data_set=None, file=cases, baseline=model.id)
    assert itself.report.comparison.differences["micro_f1"].estimate == 0
    for text, expected in (
        ('{"id": 1, "text": "x"}', "labels"),
        ('{"text": "x", "labels": []}', "id"),
        ("nonsense", "is no case"),
        ('{"id": 1, "labels": []}', "text"),
        ("", "holds no cases"),
    ):
        cases.write_text(text)
        with pytest.raises(InputError, match=expected):
            await evaluate(services, model, data_set=None, file=cases)
    with pytest.raises(InputError, match="either"):
        await evaluate(services, model, data_set=None)


async def test_a_model_for_nobody_keeps_it_in_its_own_history(services: Services, data_set: DataSet) -> None:
    model = await tuned_bank.tuned(services, data_set)
    found = await evaluate(services, model)
    assert found.recorded == {}
    (entry,) = [each for each in await services.audit.latest(limit=20) if each.action == "evaluate"]
    assert entry.details is not None
    assert entry.details["use_cases"] == []


async def test_what_a_provider_keeps_is_attested_though_it_is_registered(services: Services, model: TunedModel) -> None:
    await declare(services, micro_f1=0.5)
    kept = msgspec.structs.replace(model, name="remote", reference="ft:small:7", provider=bank.PROVIDER, folder="")
    async with services.database.write(bank.PERSON) as writer:
        await tuning.TUNED_MODELS.put(writer, kept, "register")
    alias = Model(name=bank.MODEL, targets=(Target(provider=bank.PROVIDER, model="ft:small:7"),))
    providers = list((await services.snapshots.build()).providers.values())
    await bank.apply(services, models=[alias], providers=providers, use_cases=[await services.use_cases.get(bank.NAME)])
    assert (await gate(services, "grounding", "pilot")).status == "pass"
    assert (await gate(services, "evaluation")).status == "unknown"
    await services.evidence.attest(bank.NAME, "held_out_evaluation", actor="user:zoe", statement="measured at the vendor's")
    assert (await gate(services, "evaluation")).status == "pass"
    with pytest.raises(InputError, match="kept by"):
        await services.model_evaluations.evaluate("remote@1", actor=bank.PERSON, data_set=tuned_bank.DATA_SET)


async def test_cases_on_which_its_threshold_was_chosen_have_leaked_too(services: Services, tmp_path: Path) -> None:
    rows = tuned_bank.records()
    for row in rows[:10:2]:
        row["split"] = "validation"
    rows[1]["patient"] = rows[0]["patient"]
    data_set = await tuned_bank.registered(services, tmp_path / "leaky", rows=rows)
    model = await tuned_bank.tuned(services, data_set)
    found = await evaluate(services, model)
    assert (found.leaked, found.leaked_named) == (1, ("n1",))


async def test_cases_that_were_changed_since_they_were_registered_prove_nothing(services: Services, tmp_path: Path) -> None:
    """A folder that is only referred to is anybody's to write: other records, or the same with other columns as text."""
    folder = tmp_path / "referred"
    tuned_bank.write_data_set(folder, tuned_bank.records())
    data_set = await services.data_sets.register(folder, data_class="pii", actor=bank.PERSON, reference=True)
    model = await tuned_bank.tuned(services, data_set)
    described = json.loads((folder / "revision.json").read_bytes())
    easy = [each for each in tuned_bank.records() if len(each["codes"]) < 3]
    shutil.rmtree(folder)
    tuned_bank.write_data_set(folder, easy, revision=described["revision"])
    with pytest.raises(InputError, match="changed since"):
        await evaluate(services, model)
    shutil.rmtree(folder)
    tuned_bank.write_data_set(folder, tuned_bank.records(), revision=described["revision"])
    assert (await evaluate(services, model)).report.cases == 30
    described["fields"]["group"] = None
    (folder / "revision.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="changed since"):
        await evaluate(services, model)


async def test_a_target_lowered_once_the_figures_are_known_needs_somebody_elses_word(
    services: Services, model: TunedModel
) -> None:
    await declare(services, micro_f1=0.99, micro_recall=0.1)
    await evaluate(services, model)
    assert (await gate(services, "evaluation")).status == "fail"
    await declare(services, micro_f1=0.5)
    await evaluate(services, model)  # to evaluate again is no way around
    lowered = await gate(services, "evaluation")
    assert lowered.status == "fail"
    assert "micro_f1 was 0.99, micro_recall was 0.1" in lowered.missing
    with pytest.raises(NotAllowed):
        await services.evidence.attest(bank.NAME, "evaluation_target", actor="user:maria", statement="good enough")
    await services.evidence.attest(bank.NAME, "evaluation_target", actor="user:ivo", statement="0.5 is what people reach")
    assert (await gate(services, "evaluation")).status == "pass"
    await declare(services, micro_f1=0.4)
    assert (await gate(services, "evaluation")).status == "fail"


async def test_cases_of_a_few_patients_are_few(services: Services, tmp_path: Path) -> None:
    rows = tuned_bank.records()
    for number, row in enumerate(rows):
        row["patient"] = f"{row['split']}{number % 10}"
    data_set = await tuned_bank.registered(services, tmp_path / "few patients", rows=rows)
    model = await tuned_bank.tuned(services, data_set)
    await tuned_bank.answers_with(services, model)
    await declare(services, micro_f1=0.1)
    await evaluate(services, model)
    result = await gate(services, "evaluation")
    assert (result.status, "30 cases of 5 groups" in result.missing) == ("unknown", True)


async def test_a_tuned_model_is_evaluated_whatever_the_solution_is_called(services: Services, model: TunedModel) -> None:
    snapshot = await services.snapshots.build()
    await bank.apply(
        services,
        use_cases=[bank.use_case(solution="vendor_feature", grounding=None)],
        models=list(snapshot.models.values()),
        providers=list(snapshot.providers.values()),
    )
    for key, stage in (("evaluation", "production_readiness"), ("grounding", "pilot")):
        result = await gate(services, key, stage)
        assert (result.status, "solution: customized" in result.missing) == ("fail", True)


async def test_what_answers_besides_needs_somebodys_word(services: Services, model: TunedModel) -> None:
    """A use case is not let through for a model that answers one call of a hundred."""
    remote = Provider(name="remote", api="openai", base_url="https://llm.example/v1", data_classes=("public", "internal", "pii"))
    targets = (Target(provider="in-house", model=model.id, weight=1), Target(provider="remote", model="ft:other", weight=99))
    rule = EvaluationRule(data_set=tuned_bank.DATA_SET, at_least={"micro_f1": 0.1})
    await bank.apply(
        services,
        use_cases=[bank.use_case(solution="customized", grounding=None, evaluation=rule)],
        models=[Model(name=bank.MODEL, targets=targets)],
        providers=[remote, *(await services.snapshots.build()).providers.values()],
    )
    await evaluate(services, model)
    assert (await gate(services, "evaluation")).status == "unknown"
    learned = await gate(services, "grounding", "pilot")
    assert (learned.status, "ft:other" in learned.missing) == ("unknown", True)
    for subject in ("held_out_evaluation", "data_set_revision"):
        await services.evidence.attest(bank.NAME, subject, actor="user:ivo", statement="looked at 200 of its answers")
    assert (await gate(services, "evaluation")).status == "pass"
    assert (await gate(services, "grounding", "pilot")).status == "pass"


async def test_easier_cases_do_not_make_good_what_was_missed(services: Services, model: TunedModel, tmp_path: Path) -> None:
    await declare(services, micro_f1=0.97)
    await evaluate(services, model)
    assert (await gate(services, "evaluation")).status == "fail"
    easy = [
        {**each, "text": f"Case e{each['id']}, {each['text']}", "patient": f"e{each['patient']}"}
        for each in tuned_bank.records(80)
        if "C03.3" not in each["codes"]
    ]
    await tuned_bank.registered(services, tmp_path / "easy", rows=easy)
    found = await evaluate(services, model)
    assert (found.leaked, found.report.figures["micro_f1"].estimate) == (0, 1)
    result = await gate(services, "evaluation")
    assert (result.status, "missed on notes@" in result.missing) == ("fail", True)
    await services.evidence.attest(bank.NAME, "evaluation_target", actor="user:ivo", statement="the first cases were mislabelled")
    assert "chosen after" not in (await gate(services, "evaluation")).missing


async def test_applying_an_alias_says_which_of_its_models_answer_nothing(services: Services, model: TunedModel) -> None:
    provider = Provider(name="in-house", api="tuned", data_classes=("public", "internal", "pii"))
    alias = Model(name=bank.MODEL, targets=(Target(provider="in-house", model="coder@9"),))
    for _ in range(2):
        found = await bank.apply(services, providers=[bank.provider(), provider], models=[alias])
        (change,) = [each for each in found if each.kind == "Model"]
        assert any("no tuned model 'coder@9' is registered" in each for each in change.notes)
    await services.tuned_models.retire(model.id, reason="wrong units", actor=bank.PERSON)
    retired = msgspec.structs.replace(alias, targets=(Target(provider="in-house", model=model.id),))
    found = await bank.apply(services, providers=[bank.provider(), provider], models=[retired])
    assert any("was retired" in note for each in found for note in each.notes)
