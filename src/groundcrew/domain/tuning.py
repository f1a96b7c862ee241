"""What is learned from, the run that learned, and what came of it: a curated data set, a tuning run, a tuned model.

The lineage of an answer is read off these: data revision → run → weights → evaluation → gate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from groundcrew.domain.data_class import DataClass
from groundcrew.domain.job import Phase, Progress

#: local: in a worker of ours; openai: a fine-tuning job of an OpenAI-style API; lora: a causal model's adapter, in a worker.
RunnerName = Literal["local", "openai", "lora"]
#: queued until it has ended; whether it runs now is told by its job.
RunState = Literal["queued", "done", "failed", "cancelled"]
RUNNERS: tuple[RunnerName, ...] = get_args(RunnerName)

#: A version that was withdrawn is `retired`: gateways do not answer with it, and its lineage stays.
ModelState = Literal["active", "retired"]
#: What a data set may hold where nobody has said: the worst, so that it goes nowhere it should not.
DATA_CLASS_UNSAID: DataClass = "phi"


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """One registered revision of a curated data set. `revision` is its content address (SHA-256, hex), `records_sha256` that of
    its records.parquet; `splits` counts the records of each split. `folder` is where its files lie on this installation: relative
    to the data folder where they were copied, absolute where they are only referred to. `data_class` is the most sensitive that
    any record may be: who registered it said so, and where nobody did, it counts as DATA_CLASS_UNSAID. `removed_at` is set where
    the copy was removed since: what was learned from it keeps its lineage, and no run can learn from it."""

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
    multi_label: bool = False
    code_system: str = ""
    splits: dict[str, int] = {}
    data_class: DataClass = DATA_CLASS_UNSAID
    #: SHA-256 of the revision.json that was registered, which names the records and says what their columns mean.
    described_sha256: str = ""
    folder: str
    registered_at: datetime
    registered_by: str
    removed_at: datetime | None = None
    removed_by: str = ""
    removal_reason: str = ""

    @property
    def id(self) -> str:
        """NAME@REVISION."""
        return f"{self.name}@{self.revision}"

    @property
    def copied(self) -> bool:
        """Whether its files are the data folder's own."""
        return not self.folder.startswith("/")


class TuningRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run: `model` is the name of what it makes, `settings` what its runner was asked for, `metrics` the figures on the
    validation split, `best_step` the one that was kept. `model_version` is set once it has ended well. `provider` is where a
    remote run is done, empty for the others."""

    id: str
    model: str
    runner: RunnerName
    architecture: str
    data_set: str
    data_revision: str
    seed: int
    provider: str = ""
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
    with one digest are the same bytes. Its files lie in `folder` (``models/DIGEST`` below the data folder); where a remote
    provider keeps it, `folder` is empty, `reference` is how that `provider` names it, and `digest` is over this naming.
    `removed_at` is set where the files of a retired version were removed."""

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
    provider: str = ""
    metrics: dict[str, float] = {}
    state: ModelState = "active"
    retired_at: datetime | None = None
    retired_by: str = ""
    reason: str = ""
    removed_at: datetime | None = None
    removed_by: str = ""
    removal_reason: str = ""

    @property
    def id(self) -> str:
        """NAME@VERSION, as a target of a model alias names it."""
        return f"{self.name}@{self.version}"


class RunStep(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one step of a run on the validation examples, as they were taken: operational, no part of the record."""

    step: int
    total: int
    at: datetime
    metrics: dict[str, float] = {}
    message: str = ""


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run with how far its job has come. `phase` is the job's until the run has ended."""

    run: TuningRun
    phase: Phase
    progress: Progress
    error: str = ""


class LineageEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence about a model version, and whether it stands now. `figures` are those that were measured, with
    ``NAME_low`` and ``NAME_high`` for the ends of their intervals."""

    id: str
    use_case: str
    kind: str
    state: str
    recorded_at: datetime
    sha256: str
    figures: dict[str, float] = {}


class LineageUse(msgspec.Struct, frozen=True, kw_only=True):
    """A use case that a model version answers for, by which alias; its newest gate evaluation, where there is one."""

    use_case: str
    stage: str
    alias: str
    version_digest: str
    gate: str = ""
    gate_passed: bool | None = None
    gate_at: datetime | None = None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model version comes from and what rests on it: data revision → run → weights → evaluations → gates. What was not
    found is None: it is not known, and was never made up."""

    model: TunedModel
    run: TuningRun | None
    data_set: DataSet | None
    evaluations: tuple[LineageEvidence, ...] = ()
    uses: tuple[LineageUse, ...] = ()
