"""A fine-tuning job at a provider: asked for once whatever is lost, watched, cancelled, and its files removed at the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.tuning.folders import write_data_set

from groundcrew.domain.provider import Provider
from groundcrew.domain.tuning import DataSet, TuningRun
from groundcrew.errors import InputError, UpstreamError
from groundcrew.testing import FakeFineTuning
from groundcrew.testing.fine_tuning import Trouble
from groundcrew.tuning.architecture import Step
from groundcrew.tuning.remote import RemoteRunner
from groundcrew.tuning.runner import Made, Order, RunFailed

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RUNNER = RemoteRunner(poll_s=0.01)


class Killed(Exception):
    """The worker is gone."""


class Told:
    """What a runner told. `killed_at` is the number of the checkpoint after which the worker is gone."""

    def __init__(self, *, killed_at: int = 0) -> None:
        self.steps: list[Step] = []
        self.checkpoints: list[dict[str, Any]] = []
        self._killed_at = killed_at

    async def step(self, step: Step) -> None:
        self.steps.append(step)

    async def keep(self, checkpoint: dict[str, Any]) -> None:
        self.checkpoints.append(checkpoint)
        if len(self.checkpoints) == self._killed_at:
            raise Killed

    async def alive(self) -> None:
        await asyncio.sleep(0)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ACME_KEY", "sk-secret")
    return "env:ACME_KEY"


def order(tmp_path: Path, fake: FakeFineTuning, key: str, **changes: Any) -> Order:
    folder = tmp_path / "set"
    if not folder.exists():
        write_data_set(folder)
    settings = {"base_model": "small-1", "epochs": 2, **changes.pop("settings", {})}
    run = TuningRun(
        id="01900000-0000-7000-8000-000000000001",
        model="ticket-router",
        runner="openai",
        architecture="openai",
        data_set="tickets",
        data_revision="d" * 64,
        seed=7,
        settings=settings,
        asked_at=NOW,
        asked_by="user:anna",
    )
    data_set = DataSet(
        name="tickets",
        revision="d" * 64,
        recipe_digest="",
        records=60,
        records_sha256="",
        source="",
        licence="",
        consent="",
        folder=str(folder),
        registered_at=NOW,
        registered_by="",
    )
    provider = Provider(name="acme", api="openai", base_url=fake.url, api_key=key)
    made = Order(run=run, data_set=data_set, examples=folder, work=tmp_path / "work", bases=tmp_path, provider=provider)
    return msgspec.structs.replace(made, **changes)


def run(given: Order, told: Told | None = None) -> Made:
    return asyncio.run(RUNNER.run(given, told or Told()))


def test_a_job_from_its_files_to_its_model(tmp_path: Path, key: str) -> None:
    told = Told()
    with FakeFineTuning(looks=3) as fake:
        made = run(order(tmp_path, fake, key), told)
        again = run(order(tmp_path, fake, key, checkpoint=told.checkpoints[-1]))
    assert made.reference == "ft:small-1:org-fake:ticket-router:ftjob-1"
    assert again == made, "the job of a run that was killed is found, not asked for again"
    assert (made.folder, made.best_step, made.metrics["full_valid_loss"]) == (None, 3, 2.5 / 3)
    assert [(each.done, each.total) for each in told.steps] == [(1, 3), (2, 3), (3, 3)]
    assert told.steps[-1].metrics == {"train_loss": 2 / 3, "valid_loss": 1.0}
    job = fake.jobs["ftjob-1"]
    assert (job["seed"], job["metadata"]) == (7, {"groundcrew_run": "01900000-0000-7000-8000-000000000001"})
    assert job["method"]["supervised"]["hyperparameters"] == {"n_epochs": 2}
    train = fake.uploaded["groundcrew-01900000-0000-7000-8000-000000000001-train.jsonl"].splitlines()
    assert len(train) == 36
    assert msgspec.json.decode(train[0])["messages"][-1] == {"role": "assistant", "content": "access"}
    assert fake.files == {}, "what was uploaded is removed"
    assert fake.keys == {"sk-secret"}
    assert not list((tmp_path / "work").glob("*.jsonl"))


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
def test_killed_anywhere_one_job_is_paid_for(tmp_path: Path, key: str, killed_at: int) -> None:
    told = Told(killed_at=killed_at)
    with FakeFineTuning(looks=1) as fake:
        with pytest.raises(Killed):
            run(order(tmp_path, fake, key), told)
        # What was kept last may be older than what was done: the worker was gone before it could note it.
        kept = told.checkpoints[killed_at - 1 if killed_at != 4 else 2]
        made = run(order(tmp_path, fake, key, checkpoint=kept))
    assert made.reference
    assert len(fake.jobs) == 1
    assert len(fake.uploaded) == 2


def test_limits_failures_and_a_lost_answer_pass(tmp_path: Path, key: str) -> None:
    trouble = Trouble(limited=2, failing=1, lost=1)
    with FakeFineTuning(looks=2, trouble=trouble) as fake:
        made = run(order(tmp_path, fake, key, settings={"keep_files": True}))
        assert len(fake.files) == 2
    assert made.reference.endswith("ftjob-1")
    assert list(fake.jobs) == ["ftjob-1"]


def test_a_job_that_fails_says_why_and_leaves_no_file(tmp_path: Path, key: str) -> None:
    with (
        FakeFineTuning(looks=1, outcome="failed") as fake,
        pytest.raises(RunFailed, match=r"ended as failed \(bad_data\)") as told,
    ):
        run(order(tmp_path, fake, key))
    assert fake.files == {}
    assert "can not be learned" not in str(told.value), "a provider's words may be those of a record"


def test_records_and_keys_go_to_the_declared_address_alone(tmp_path: Path, key: str) -> None:
    with FakeFineTuning() as other, FakeFineTuning(trouble=Trouble(elsewhere=other.url)) as fake:
        with pytest.raises(UpstreamError, match="status 307"):
            run(order(tmp_path, fake, key))
        assert (other.keys, other.uploaded) == (set(), {})


def test_files_that_stay_at_the_provider_are_told(tmp_path: Path, key: str) -> None:
    told = Told()
    with FakeFineTuning(looks=1, trouble=Trouble(kept=True)) as fake:
        run(order(tmp_path, fake, key), told)
    assert told.steps[-1].message == "file-1, file-2 could not be removed at the provider: remove them there"


def test_a_cancelled_run_cancels_its_job(tmp_path: Path, key: str) -> None:
    told = Told(killed_at=4)
    with FakeFineTuning(looks=None) as fake:
        with pytest.raises(Killed):
            run(order(tmp_path, fake, key), told)
        asyncio.run(RUNNER.abandon(order(tmp_path, fake, key, checkpoint=told.checkpoints[-1])))
        asyncio.run(RUNNER.abandon(order(tmp_path, fake, key)))
    assert fake.jobs["ftjob-1"]["status"] == "cancelled"
    assert fake.files == {}


def test_a_provider_that_refuses_is_not_asked_again(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeFineTuning() as fake:
        given = order(tmp_path, fake, key, checkpoint={"files": {"train": "file-8", "validation": "file-9"}})
        with pytest.raises(UpstreamError, match=r"refused with status 400 \(invalid_file\)"):
            run(given)
        monkeypatch.delenv("ACME_KEY")
        with pytest.raises(InputError, match="env:ACME_KEY holds no key"):
            run(given)
    assert fake.jobs == {}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"base_model": "m", "temperature": 1}, "temperature: is not known"),
        ({"base_model": ""}, "base_model: expected the name"),
        ({"base_model": "m", "epochs": 0}, "epochs: expected a whole number from 1 to 50"),
        ({"base_model": "m", "batch_size": True}, "batch_size: expected a whole number"),
        ({"base_model": "m", "learning_rate_multiplier": 0}, "learning_rate_multiplier: expected"),
        ({"base_model": "m", "prompt": ""}, "prompt: expected 1 to"),
        ({"base_model": "m", "keep_files": 1}, "keep_files: expected true or false"),
    ],
)
def test_settings_are_checked_before_anything_is_sent(settings: dict[str, Any], problem: str) -> None:
    assert (RUNNER.problem("", settings) or "").startswith(problem)
    assert RUNNER.problem("", {"base_model": "m", "epochs": 3}) is None
    assert (RUNNER.problem("coder", {"base_model": "m"}) or "").startswith("architecture:")
