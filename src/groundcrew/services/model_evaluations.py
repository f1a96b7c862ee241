"""Evaluations of tuned models: on whose cases, against what, and the evidence that they become for every use case that such a
model answers for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.tuning import DataSet, TunedModel
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, NotFound
from groundcrew.services import evidence
from groundcrew.services.data_sets import find_data_set
from groundcrew.services.tuned_models import files_of, find_model
from groundcrew.services.tuned_standing import answers_with
from groundcrew.store import catalog, tuning
from groundcrew.store.database import Connection, Database

if TYPE_CHECKING:
    from groundcrew.tuning.evaluation import EvaluationReport
    from groundcrew.tuning.examples import Example

#: How long an evaluation speaks for the weights that it is bound to.
VALID_S = 180 * 86_400
#: What a model has seen of its data set: a threshold that was chosen on cases fits them better than others.
LEARNED_SPLITS = ("train", "validation")
#: Cases that the model has learned from which are named; more are counted.
LEAKED_NAMED_MAX = 10


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out, and where it is on record. `leaked` counts cases that the model has learned from (None: its data is not
    here, so that nobody can tell); `recorded` are the ids of the evidence, by use case."""

    model: TunedModel
    report: EvaluationReport
    data_set: str
    data_revision: str
    split: str
    leaked: int | None
    leaked_named: tuple[str, ...] = ()
    recorded: dict[str, str] = {}


class _Cases(msgspec.Struct, frozen=True, kw_only=True):
    """The cases to evaluate on, and where they come from."""

    examples: Sequence[Example]
    source: str
    multi_label: bool
    code_system: str
    data_set: str = ""
    data_revision: str = ""
    split: str = ""


class ModelEvaluations:
    """Evaluates the models whose files lie on this installation. `data` is the data folder."""

    def __init__(self, database: Database, data: Path) -> None:
        self._database, self._data = database, data

    async def evaluate(
        self,
        name: str,
        *,
        actor: str,
        data_set: str | None = None,
        split: str = "test",
        file: Path | None = None,
        baseline: str | None = None,
        human_s: float | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Evaluated:
        """Evaluate NAME@VERSION on a split of a registered data set, or on a `file` of cases (JSONL), and record what was found.

        `baseline` is another NAME@VERSION or a JSONL file that names labels for the same cases; `human_s` what a person takes for
        a case. InputError where neither or both kinds of cases are given, or they are no cases.
        """
        if (data_set is None) == (file is None):
            raise InputError("give either a data set or a file of cases", field="data-set")
        async with self._database.read() as connection:
            model = await find_model(connection, name)
            other = await self._baseline(connection, baseline)
            found = await find_data_set(connection, data_set) if data_set is not None else None
            learned = await tuning.DATA_SETS.get(connection, f"{model.data_set}@{model.data_revision}")
        cases = await asyncio.to_thread(self._cases, found, split, file, model)
        report = await asyncio.to_thread(self._evaluate, model, cases, other, baseline, human_s, progress)
        leaks = await asyncio.to_thread(self._leaked, cases.examples, learned)
        evaluated = Evaluated(
            model=model,
            report=report,
            data_set=cases.data_set,
            data_revision=cases.data_revision,
            split=cases.split,
            leaked=None if leaks is None else len(leaks),
            leaked_named=(leaks or ())[:LEAKED_NAMED_MAX],
        )
        return await self._record(evaluated, actor)

    async def _record(self, evaluated: Evaluated, actor: str) -> Evaluated:
        """One piece of evidence for each use case that the model may answer for, and an entry in the model's own history."""
        content = content_of(evaluated)
        recorded: dict[str, str] = {}
        async with self._database.write(actor) as writer:
            model = await find_model(writer.connection, evaluated.model.id)
            for use_case in await catalog.USE_CASES.find(writer.connection):
                alias = await catalog.MODELS.get(writer.connection, use_case.model)
                if alias is None or not await answers_with(writer.connection, alias, model):
                    continue
                kept = await evidence.record(
                    writer,
                    use_case,
                    kind="model_evaluation",
                    subject=_subject(evaluated),
                    content={**content, "at_least": _targets(use_case, evaluated)},
                    valid_s=VALID_S,
                )
                recorded[use_case.name] = kept.id
            figures = {name: each["estimate"] for name, each in content["figures"].items()}
            details = {
                "on": evaluated.report.source,
                "cases": evaluated.report.cases,
                "figures": figures,
                "content_sha256": digest(content),
                "use_cases": sorted(recorded),
            }
            await tuning.TUNED_MODELS.put(writer, model, "evaluate", details=details)
        return msgspec.structs.replace(evaluated, recorded=recorded)

    async def _baseline(self, connection: Connection, name: str | None) -> TunedModel | Path | None:
        if name is None:
            return None
        if name.endswith(".jsonl"):
            return Path(name)
        return await find_model(connection, name)

    def _cases(self, data_set: DataSet | None, split: str, file: Path | None, model: TunedModel) -> _Cases:
        from groundcrew.tuned.loading import read_manifest
        from groundcrew.tuning.evaluation_run import read_cases
        from groundcrew.tuning.examples import read_examples

        manifest = read_manifest(files_of(self._data, model))
        if data_set is not None:
            examples: Sequence[Example] = read_examples(self._data / data_set.folder, split, sha256=data_set.described_sha256)
            return _Cases(
                examples=examples,
                source=f"{data_set.name}@{data_set.revision[:12]}, {split}",
                multi_label=data_set.multi_label,
                code_system=data_set.code_system or manifest.code_system,
                data_set=data_set.name,
                data_revision=data_set.revision,
                split=split,
            )
        assert file is not None
        examples = read_cases(file, labelled=True)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        return _Cases(
            examples=examples,
            source=f"{file.name} ({sha256[:12]})",
            multi_label=manifest.multi_label,
            code_system=manifest.code_system,
        )

    def _evaluate(
        self,
        model: TunedModel,
        cases: _Cases,
        other: TunedModel | Path | None,
        baseline: str | None,
        human_s: float | None,
        progress: Callable[[int, int], None],
    ) -> EvaluationReport:
        from groundcrew.tuning.evaluation import evaluate
        from groundcrew.tuning.evaluation_run import baseline_cases, cases_of, open_model, read_cases

        loaded, load_s = open_model(files_of(self._data, model), model.digest)
        found = cases_of(loaded, cases.examples, progress)
        against = None
        if isinstance(other, TunedModel):
            rival, _ = open_model(files_of(self._data, other), other.digest)
            against = (other.id, cases_of(rival, cases.examples, progress))
        elif other is not None:
            against = (baseline or other.name, baseline_cases(read_cases(other, labelled=True, texts=False)))
        labels = {label for each in found for label in each.truth | each.kept}
        titles, chapter_of, chapter_titles = _named(cases.code_system, labels, self._data)
        return evaluate(
            found,
            trust_is_f1=loaded.manifest.settings.get("trust") == "f1",
            model=model.id,
            digest=model.digest,
            source=cases.source,
            multi_label=cases.multi_label,
            titles=titles,
            chapter_of=chapter_of,
            chapter_titles=chapter_titles,
            load_s=load_s,
            human_s=human_s,
            baseline=against,
        )

    def _leaked(self, cases: Sequence[Example], learned: DataSet | None) -> tuple[str, ...] | None:
        """The cases that the model has learned from, or on which its threshold and its best step were chosen; None where what it
        learned from does not lie here as it was registered."""
        from groundcrew.tuning.evaluation_run import leaked
        from groundcrew.tuning.examples import read_examples

        if learned is None:
            return None
        known: list[Example] = []
        try:
            for split in LEARNED_SPLITS:
                if split == "train" or learned.splits.get(split):
                    known += read_examples(self._data / learned.folder, split, sha256=learned.described_sha256)
        except InputError:
            return None
        return leaked(cases, known)


def content_of(evaluated: Evaluated) -> dict[str, Any]:
    """What the evidence holds: everything but the figures of single labels, whose names alone may fill pages."""
    report = evaluated.report
    kept = msgspec.to_builtins(msgspec.structs.replace(report, labels=(), labels_left_out=0))
    for name in ("labels", "labels_left_out", "model", "digest", "source"):
        kept.pop(name, None)
    return {
        **kept,
        "model": report.model,
        "model_digest": report.digest,
        "on": report.source,
        "data_set": evaluated.data_set,
        "data_revision": evaluated.data_revision,
        "split": evaluated.split,
        "leaked": evaluated.leaked,
    }


def _targets(use_case: UseCase, evaluated: Evaluated) -> dict[str, float]:
    """What the use case asked of figures on these cases before they were known to it."""
    rule = use_case.evaluation
    return dict(rule.at_least) if rule is not None and rule.data_set == evaluated.data_set else {}


def _subject(evaluated: Evaluated) -> str:
    """What an evaluation is about: a newer one of the same weights on the same cases takes its place."""
    where = f"{evaluated.data_set}:{evaluated.split}" if evaluated.data_set else evaluated.report.source
    return f"{evaluated.model.id} on {where}"


def _named(code_system: str, labels: set[str], data: Path) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Titles and chapters of labels, and the titles of chapters; nothing where the labels are of no code system."""
    from groundcrew.code_systems.catalogue import code_system as find

    if not code_system:
        return {}, {}, {}
    try:
        system = find(code_system, folder=data / "code-systems")
    except NotFound:
        return {}, {}, {}
    entries = {label: entry for label in labels if (entry := system.find(label)) is not None}
    chapters = {label: entry.chapter for label, entry in entries.items() if entry.chapter}
    headings = {each: entry.title for each in set(chapters.values()) if (entry := system.codes.get(each)) is not None}
    return {label: entry.title for label, entry in entries.items()}, chapters, headings
