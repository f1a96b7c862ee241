"""From a registered data set to a registered model: runs as durable jobs, resumed to the same bytes, cancelled, with lineage."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.tuning.bayes import NaiveBayes
from tests.unit.tuning.folders import FIELDS, tickets, write_data_set

from groundcrew.curation.fields import Fields
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.legal_hold import LegalHold
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.tuning import DataSet, TunedModel, TuningRun
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.jobs.worker import JobWorker
from groundcrew.services.bundle import Services
from groundcrew.services.jobs import ATTEMPTS_MAX
from groundcrew.store import catalog
from groundcrew.store.deciding import LEGAL_HOLDS
from groundcrew.testing import FakeFineTuning
from groundcrew.tuned.loading import verify_folder
from groundcrew.tuning import remote
from groundcrew.tuning.architecture import ARCHITECTURES

PERSON = "user:anna"
WAIT_S_MAX = 120.0
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
async def services(
    prepared: Prepared, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    monkeypatch.setitem(ARCHITECTURES, "bayes", NaiveBayes)
    prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, bare=True) as services:
        yield services


async def registered(services: Services, tmp_path: Path, **more: Any) -> DataSet:
    folder = tmp_path / "curated" / "tickets"
    if not folder.exists():
        write_data_set(folder)
    return await services.data_sets.register(folder, **{"data_class": "internal", "actor": PERSON, **more})


async def start(services: Services, **changes: Any) -> TuningRun:
    asked = {"actor": PERSON, "architecture": "bayes", "seed": 7, **changes}
    return await services.tuning_runs.start("ticket-router", "tickets", **asked)


async def until(holds: Callable[[], Awaitable[bool]], working: asyncio.Task[bool]) -> None:
    """Wait until something holds, while the worker is at work."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not await holds():
            assert not working.done(), working
            await asyncio.sleep(0.05)


async def answered(value: bool) -> bool:
    return value


async def has_begun(services: Services, run: TuningRun) -> bool:
    return (await services.tuning_runs.get(run.id)).phase == "running"


async def done(services: Services, run: TuningRun, *, attempts: int = 1) -> TunedModel:
    """Work on the run until it has ended; the version that it made."""
    for _ in range(attempts):
        await JobWorker(services, lease_s=0.3).work_once()
        await asyncio.sleep(0.4 if attempts > 1 else 0)
    view = await services.tuning_runs.get(run.id)
    assert view.phase == "done", view
    return await services.tuned_models.get(f"ticket-router@{view.run.model_version}")


async def test_a_data_set_is_copied_once_and_checked(services: Services, tmp_path: Path) -> None:
    first = await registered(services, tmp_path)
    assert first.copied
    assert first.splits == {"test": 12, "train": 36, "validation": 12}
    assert (first.labels, first.label_field, first.source) == (3, "team", "made for tests")
    assert verify_copy(services, first) == first.records_sha256
    assert await registered(services, tmp_path) == first
    assert await services.data_sets.find() == [first]
    details = await services.data_sets.details("tickets")
    assert details.funnel is not None
    assert (details.funnel.records, details.funnel.kept, details.funnel.steps[0].dropped) == (75, 60, 15)
    assert details.card.startswith("# Data card")
    assert await services.data_sets.get(f"tickets@{first.revision[:8]}") == first
    with pytest.raises(NotFound, match="did you mean 'tickets'"):
        await services.data_sets.get("ticket")


def verify_copy(services: Services, data_set: DataSet) -> str:
    import hashlib

    return hashlib.sha256((services.data_sets.folder(data_set) / "records.parquet").read_bytes()).hexdigest()


async def test_a_data_set_that_is_only_referred_to(services: Services, tmp_path: Path) -> None:
    found = await registered(services, tmp_path, reference=True)
    assert not found.copied
    assert services.data_sets.folder(found) == tmp_path / "curated" / "tickets"
    run = await start(services)
    (tmp_path / "curated" / "tickets" / "records.parquet").write_bytes(b"other records")
    await JobWorker(services).work_once()
    view = await services.tuning_runs.get(run.id)
    assert view.phase == "failed"
    assert "is not what revision.json names" in view.error
    assert str(tmp_path) not in view.error, "where files lie on a host is on no record"
    assert (await services.data_sets.details("tickets")).card


async def test_the_class_of_a_data_set_falls_with_a_reason_only(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    assert (await registered(services, tmp_path, data_class="phi")).data_class == "phi"
    with pytest.raises(InputError, match="say why"):
        await registered(services, tmp_path, data_class="pii")
    lowered = await registered(services, tmp_path, data_class="pii", reason="names were masked")
    assert lowered.data_class == "pii"
    with pytest.raises(InputError, match="expected one of"):
        await registered(services, tmp_path, data_class="secret")


async def test_a_run_makes_a_version_that_gateways_are_told_of(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    run = await start(services, settings={"chunk": 6, "threads": 1})
    assert (await services.tuning_runs.get(run.id)).phase == "queued"
    model = await done(services, run)
    view = await services.tuning_runs.get(run.id)
    assert (view.run.state, view.run.model_version, view.run.best_step) == ("done", 1, 6)
    assert view.progress.done == view.progress.total == 6
    steps = await services.tuning_runs.steps(run.id)
    assert [each.step for each in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[-1].metrics == view.run.metrics == model.metrics
    assert model.metrics["accuracy"] > 0.9
    folder = services.tuned_models.folder(model)
    assert folder is not None
    manifest = verify_folder(folder, digest=model.digest)
    assert (manifest.data_revision, manifest.architecture, manifest.seed) == (data_set.revision, "bayes", 7)
    assert run.id not in (folder / "CARD.md").read_text()
    entry = (await services.snapshots.build()).tuned["ticket-router@1"]
    assert (entry.digest, entry.folder) == (model.digest, str(folder))
    assert not services.tuning_runs.work_folder(run.id).exists()


async def test_a_run_that_was_killed_ends_with_the_same_bytes(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    undisturbed = await done(services, await start(services))
    run = await start(services, settings={"dies_at": 3})
    await JobWorker(services, lease_s=0.3).work_once()
    between = await services.tuning_runs.get(run.id)
    assert between.run.state == "queued"
    assert between.progress.done == 3
    await asyncio.sleep(0.4)
    model = await done(services, run)
    assert (await services.tuning_runs.get(run.id)).progress.attempts == 2
    # The same bytes are the same version: nothing new is registered.
    assert model == undisturbed
    other = await done(services, await start(services, seed=8))
    assert (other.version, other.digest == model.digest) == (2, False)


async def test_a_process_dies_with_its_worker(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    run = await start(services, settings={"waits": True})
    working = asyncio.create_task(JobWorker(services).work_once())
    lock = services.tuning_runs.work_folder(run.id) / ".lock"
    await until(lambda: answered(lock.exists()), working)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await services.tuning_runs.get(run.id)).phase == "queued"
    assert is_free(lock)


def is_free(lock: Path) -> bool:
    import fcntl

    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


async def test_a_run_is_cancelled_while_it_waits_and_while_it_learns(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    waiting = await start(services)
    view = await services.tuning_runs.cancel(waiting.id, actor=PERSON, reason="the wrong data")
    assert (view.phase, view.run.state, "the wrong data" in view.error) == ("cancelled", "cancelled", True)
    with pytest.raises(Conflict, match="is cancelled already"):
        await services.tuning_runs.cancel(waiting.id, actor=PERSON)
    run = await start(services, settings={"waits": True})
    working = asyncio.create_task(JobWorker(services).work_once())
    await until(lambda: has_begun(services, run), working)
    await services.tuning_runs.cancel(run.id, actor=PERSON)
    await working
    view = await services.tuning_runs.get(run.id)
    assert (view.phase, view.run.state) == ("cancelled", "cancelled")
    assert await services.tuned_models.find() == []


async def test_a_run_that_fails_says_why(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    run = await start(services, settings={"fails": True})
    await JobWorker(services).work_once()
    view = await services.tuning_runs.get(run.id)
    assert (view.phase, view.error) == ("failed", "team: one label is not enough to learn")


async def test_a_run_that_is_given_up_has_ended_and_left_no_records(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    run = await start(services, settings={"breaks": True})
    for _ in range(ATTEMPTS_MAX):
        await JobWorker(services, lease_s=0.1).work_once()
        await asyncio.sleep(0.15)
    view = await services.tuning_runs.get(run.id)
    assert (view.run.state, view.run.error) == ("failed", "internal error: ProcessDied")
    assert view.run.finished_at is not None
    log = services.tuning_runs.work_folder(run.id) / "log.txt"
    assert [each.name for each in log.parent.iterdir()] == [log.name]
    assert log.stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict, match="is failed already"):
        await services.tuning_runs.cancel(run.id, actor=PERSON)


async def test_a_run_ends_with_its_job_whoever_ends_that(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    run = await start(services)
    work = services.tuning_runs.work_folder(run.id)
    work.mkdir(parents=True)
    (work / "groundcrew-train.jsonl").write_text("what a killed worker left")
    await services.jobs.cancel(run.job, actor=PERSON, reason="the wrong data")
    assert (await services.tuning_runs.get(run.id)).run.state == "cancelled"
    assert not work.exists()
    dead = await start(services)
    for _ in range(ATTEMPTS_MAX + 1):
        await services.jobs.claim(["tune"], lease_s=-1.0)
    view = await services.tuning_runs.get(dead.id)
    assert (view.run.state, view.run.error) == ("failed", "its worker ended 5 times before the job did")
    assert (await services.audit.latest(subject=f"tuning-run/{dead.id}"))[0].action == "failed"
    assert (await services.audit.verify()).problems == ()


async def test_figures_that_are_no_numbers_end_a_run(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    run = await start(services, settings={"diverges": True})
    await JobWorker(services).work_once()
    view = await services.tuning_runs.get(run.id)
    assert (view.run.state, view.progress.attempts) == ("failed", 1)
    assert "loss: is not a number" in view.error
    assert not services.tuning_runs.work_folder(run.id).exists()


async def test_a_provider_that_is_stopped_during_a_run(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME", "sk-secret")
    monkeypatch.setattr(remote, "POLL_S_MIN", 0.01)
    await registered(services, tmp_path)
    asked = {"runner": "openai", "architecture": "", "settings": {"base_model": "small-1"}, "provider": "acme"}
    with FakeFineTuning(looks=None) as fake:
        provider = Provider(name="acme", api="openai", base_url=fake.url, api_key="env:ACME", data_classes=("internal",))
        async with services.database.write(PERSON) as writer:
            await catalog.PROVIDERS.put(writer, provider, "apply")
        run = await start(services, **asked)
        working = asyncio.create_task(JobWorker(services).work_once())
        await until(lambda: answered(bool(fake.jobs)), working)
        await services.kill_switches.stop(Scope("provider", "acme"), actor=PERSON, reason="records may leak")
        await working
        assert (await services.tuning_runs.get(run.id)).error == "acme is stopped by a kill switch"
        assert fake.jobs["ftjob-1"]["status"] == "cancelled", "what was begun does not go on"
        assert fake.files == {}, "no record stays there"


#: What somebody asks for → why it is refused.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"architecture": "oracle"}, "'oracle' is not known; there are: .*bayes"),
    ({"settings": {"depth": 3}}, "depth: is not known"),
    ({"settings": {"smoothing": 0}}, "smoothing: expected more than 0"),
    ({"settings": {"threads": 0}}, "threads: expected a whole number"),
    ({"settings": {"text": "x" * 70_000}}, "more than 65,536 bytes"),
    ({"seed": -1}, "seed: expected 0 to"),
    ({"runner": "cloud"}, "runner: expected one of local, openai, lora"),
    ({"provider": "acme"}, "provider: only for the runner openai"),
    ({"runner": "openai", "architecture": "", "settings": {"base_model": "m"}}, "name the declared provider"),
    ({"runner": "openai", "architecture": "", "settings": {}, "provider": "acme"}, "base_model: expected the name"),
    ({"runner": "lora", "architecture": "", "settings": {"base": "tiny", "rank": 0}}, "rank: expected 1 to 512"),
    ({"runner": "lora", "architecture": "", "settings": {"base": "tiny", "rank": 10**400}}, "rank: expected 1 to 512"),
    ({"runner": "lora", "architecture": "", "settings": {"base": "../x"}}, "base: '../x' is not a valid name"),
    ({"runner": "lora", "architecture": "", "settings": {"base": "a", "base_folder": "/"}}, "base_folder"),
]


async def test_what_can_not_be_asked_for(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    for changes, message in REFUSED:
        with pytest.raises(InputError, match=message):
            await start(services, **changes)
    assert await services.tuning_runs.find() == []
    assert await services.jobs.list() == []


async def test_a_data_set_without_splits_teaches_nothing(services: Services, tmp_path: Path) -> None:
    folder = write_data_set(tmp_path / "bare", None, Fields(id="id", text=("body",), label="team"))
    await services.data_sets.register(folder, data_class="public", actor=PERSON)
    with pytest.raises(Conflict, match="no records in the split 'train'"):
        await start(services)
    assert FIELDS.split == "split"


async def test_records_go_to_nobody_who_may_not_see_them(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path, data_class="phi")
    provider = Provider(
        name="acme", api="openai", base_url="http://127.0.0.1:9/v1", api_key="env:ACME", data_classes=("internal",)
    )
    asked = {"runner": "openai", "architecture": "", "settings": {"base_model": "m"}, "provider": "acme"}
    for declared in (provider, msgspec.structs.replace(provider, data_classes=("phi",))):  # The second lacks the agreement.
        async with services.database.write(PERSON) as writer:
            await catalog.PROVIDERS.put(writer, declared, "apply")
        with pytest.raises(NotAllowed, match="acme may not see phi"):
            await start(services, **asked)
    async with services.database.write(PERSON) as writer:
        await catalog.PROVIDERS.put(writer, msgspec.structs.replace(provider, data_classes=("phi",), baa=True), "apply")
    run = await start(services, **asked)
    # What a provider may see is looked at again when the run begins.
    async with services.database.write(PERSON) as writer:
        await catalog.PROVIDERS.put(writer, provider, "apply")
    await JobWorker(services).work_once()
    view = await services.tuning_runs.get(run.id)
    assert (view.phase, view.error) == ("failed", "acme may not see phi, which tickets may hold")


async def test_a_run_at_a_provider_is_a_reference(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME", "sk-secret")
    monkeypatch.setattr(remote, "POLL_S_MIN", 0.01)
    await registered(services, tmp_path)
    asked = {"runner": "openai", "architecture": "", "settings": {"base_model": "small-1"}, "provider": "acme"}
    with FakeFineTuning(looks=2) as fake:
        provider = Provider(name="acme", api="openai", base_url=fake.url, api_key="env:ACME", data_classes=("internal",))
        async with services.database.write(PERSON) as writer:
            await catalog.PROVIDERS.put(writer, provider, "apply")
        model = await done(services, await start(services, **asked))
        stopped = await start(services, **asked)
        await services.kill_switches.stop(Scope("provider", "acme"), actor=PERSON, reason="records may leak")
        await JobWorker(services).work_once()
    assert (model.folder, model.provider, model.reference) == ("", "acme", "ft:small-1:org-fake:ticket-router:ftjob-1")
    assert (await services.snapshots.build()).tuned == {}
    assert len(await services.tuning_runs.steps(model.run)) == 2
    assert (await services.tuning_runs.get(stopped.id)).error == "acme is stopped by a kill switch"
    assert list(fake.jobs) == ["ftjob-1"]


async def test_a_retired_version_is_gone_from_the_gateways(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    model = await done(services, await start(services))
    with pytest.raises(InputError, match="say why"):
        await services.tuned_models.retire(model.id, reason=" ", actor=PERSON)
    with pytest.raises(InputError, match="say which version"):
        await services.tuned_models.retire("ticket-router", reason="drifted", actor=PERSON)
    retired = await services.tuned_models.retire(model.id, reason="drifted", actor=PERSON)
    assert (retired.state, retired.reason, retired.retired_by) == ("retired", "drifted", PERSON)
    assert (await services.snapshots.build()).tuned == {}
    with pytest.raises(Conflict, match="is retired already"):
        await services.tuned_models.retire(model.id, reason="drifted", actor=PERSON)
    again = await done(services, await start(services))
    assert (again.version, again.digest) == (2, model.digest)
    assert (await services.tuned_models.get("ticket-router")).version == 2
    with pytest.raises(NotFound, match="no version 3"):
        await services.tuned_models.get("ticket-router@3")
    with pytest.raises(InputError, match="is not a version"):
        await services.tuned_models.get(f"ticket-router@{'9' * 5_000}")


async def test_where_a_model_comes_from_and_what_rests_on_it(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    run = await start(services)
    model = await done(services, run)
    assert (await services.tuned_models.lineage(model.id)).uses == ()
    alias = Model(name=bank.MODEL, targets=(Target(provider="here", model=model.id),))
    async with services.database.write(PERSON) as writer:
        await catalog.PROVIDERS.put(writer, Provider(name="here", api="tuned", data_classes=("pii",)), "apply")
        await catalog.MODELS.put(writer, alias, "apply")
    await services.evidence.attest(bank.NAME, model.id, actor="user:beat", statement="measured on the test split")
    await services.gates.evaluate(bank.NAME, actor=PERSON)
    found = await services.tuned_models.lineage("ticket-router@1")
    assert found.model == model
    assert found.run is not None
    assert found.run.id == run.id
    assert found.data_set == data_set
    assert [(each.use_case, each.state) for each in found.evaluations] == [(bank.NAME, "valid")]
    assert [(each.use_case, each.alias, each.gate_passed) for each in found.uses] == [(bank.NAME, bank.MODEL, False)]


async def test_an_export_is_on_record(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    exported = await services.data_sets.export("tickets", "openai-chat", ("train",), tmp_path / "out", actor=PERSON)
    noted, registered_ = await services.audit.latest(subject=f"data-set/{data_set.id}")
    assert (tmp_path / "out" / "train.jsonl").is_file()
    assert (noted.action, noted.details["digest"], registered_.action) == ("export", exported.digest, "register")
    assert (await services.audit.verify()).problems == ()


async def test_a_copy_is_removed_for_good_and_on_record(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    run = await start(services)
    asked = {"reason": "its people withdrew", "actor": PERSON}
    with pytest.raises(Conflict, match=f"run {run.id} learns from it"):
        await services.data_sets.remove(data_set.id, **asked)
    model = await done(services, run)
    with pytest.raises(InputError, match="say which revision"):
        await services.data_sets.remove("tickets", **asked)
    with pytest.raises(InputError, match="say why"):
        await services.data_sets.remove(data_set.id, reason="", actor=PERSON)
    folder = services.data_sets.folder(data_set)
    # What a process left that was killed between the record and the removal.
    (folder.parent / f".removed.{folder.name}.1").mkdir()
    assert (await services.data_sets.remove(data_set.id, **asked)).removed_by == PERSON
    assert list(folder.parent.iterdir()) == []
    with pytest.raises(Conflict, match="were removed: its people withdrew"):
        await start(services, seed=9)
    found = await services.tuned_models.lineage(model.id)
    assert (found.data_set is not None, found.data_set and found.data_set.removal_reason) == (True, "its people withdrew")
    # Asked again nothing changes; the same records can come back, which is on record too.
    assert (await services.data_sets.remove(data_set.id, reason="again", actor=PERSON)).removal_reason == "its people withdrew"
    assert (await registered(services, tmp_path)).removed_at is None
    assert verify_copy(services, data_set) == data_set.records_sha256
    actions = [each.action for each in await services.audit.latest(subject=f"data-set/{data_set.id}")]
    assert actions == ["register", "remove", "register"]
    assert (await services.audit.verify()).problems == ()


async def test_a_copy_that_was_lost_is_made_again(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    shutil.rmtree(services.data_sets.folder(data_set))
    assert await registered(services, tmp_path) == data_set
    assert verify_copy(services, data_set) == data_set.records_sha256


async def test_what_is_not_ours_or_held_is_not_removed(services: Services, tmp_path: Path) -> None:
    data_set = await registered(services, tmp_path)
    other = write_data_set(tmp_path / "other", tickets(30), name="other")
    referred = await services.data_sets.register(other, data_class="public", actor=PERSON, reference=True)
    with pytest.raises(Conflict, match="only referred to"):
        await services.data_sets.remove(referred.id, reason="old", actor=PERSON)
    hold = LegalHold(id="h", matter="m", reason="r", placed_by=PERSON, placed_at=NOW)
    async with services.database.write(PERSON) as writer:
        await LEGAL_HOLDS.put(writer, hold, "place")
    with pytest.raises(Conflict, match="a legal hold stands"):
        await services.data_sets.remove(data_set.id, reason="old", actor=PERSON)
    assert verify_copy(services, data_set) == data_set.records_sha256


async def test_the_files_of_a_retired_version_are_removed(services: Services, tmp_path: Path) -> None:
    await registered(services, tmp_path)
    model = await done(services, await start(services))
    folder = services.tuned_models.folder(model)
    assert folder is not None
    with pytest.raises(Conflict, match="is active: retire it first"):
        await services.tuned_models.remove(model.id, reason="old", actor=PERSON)
    await services.tuned_models.retire(model.id, reason="old", actor=PERSON)
    again = await done(services, await start(services))
    with pytest.raises(Conflict, match="ticket-router@2 is the same bytes and active"):
        await services.tuned_models.remove(model.id, reason="old", actor=PERSON)
    assert verify_folder(folder, digest=again.digest)
    await services.tuned_models.retire(again.id, reason="old", actor=PERSON)
    removed = await services.tuned_models.remove(model.id, reason="old", actor=PERSON)
    assert (removed.removed_by, folder.exists()) == (PERSON, False)
    assert (await services.tuned_models.get(again.id)).removed_at is not None, "it was the same folder"
    assert (await services.tuned_models.lineage(model.id)).run is not None
    made = await done(services, await start(services))
    assert (made.version, made.digest, folder.exists()) == (3, model.digest, True)
