"""What is learned from, the run that learned, and what came of it: a curated data set, a tuning run, a tuned model.

The lineage of an answer is read off these: data revision → run → weights → evaluation → gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

#: local: in a worker of ours; openai: a fine-tuning job of an OpenAI-style API; lora: a causal model's adapter, in a worker.
RunnerName = Literal["local", "openai", "lora"]
#: queued until it has ended; whether it runs now is told by its job.
RunState = Literal["queued", "done", "failed", "cancelled"]


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """One registered revision of a curated data set. `revision` is its content address (SHA-256, hex), `records_sha256` that of
    its records.parquet; `splits` counts the records of each split; `folder` is where its files lie on this installation."""

    name: str
    revision: str
    recipe_digest: str
    records: int
    records_sha256: str
    source: str
    licence: str
    consent: str
    label_field: str = ""
    labels: int = 0
    splits: dict[str, int] = {}
    folder: str
    registered_at: datetime
    registered_by: str


class TuningRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run: `model` is the name of what it makes, `settings` what its runner was asked for, `metrics` the figures on the
    validation split, `best_step` the one that was kept. `model_version` is set once it has ended well."""

    id: str
    model: str
    runner: RunnerName
    architecture: str
    data_set: str
    data_revision: str
    seed: int
    settings: dict[str, Any] = {}
    asked_at: datetime
    asked_by: str
    job: str = ""
    state: RunState = "queued"
    finished_at: datetime | None = None
    metrics: dict[str, float] = {}
    best_step: int | None = None
    error: str = ""
    model_version: int | None = None


class TunedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a tuned model. `digest` is the SHA-256 of its manifest, which names the digest of every file: two models
    with one digest are the same bytes. `reference` is how a remote provider names it, empty where its files lie in `folder`."""

    name: str
    version: int
    digest: str
    architecture: str
    run: str
    data_set: str
    data_revision: str
    registered_at: datetime
    registered_by: str
    folder: str = ""
    reference: str = ""
    metrics: dict[str, float] = {}

    @property
    def id(self) -> str:
        """NAME@VERSION, as a target of a model alias names it."""
        return f"{self.name}@{self.version}"
