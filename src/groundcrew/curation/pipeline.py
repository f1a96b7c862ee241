"""A run from the files to what stays of them: portions are checked side by side on Daft, all records are judged together, and
what stays is masked side by side.

What stays never depends on the order of files or rows, on how they were divided, or on where the work was done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from groundcrew.code_systems.catalogue import code_system
from groundcrew.curation.daft_runs import Where, load_daft, run_tasks
from groundcrew.curation.examining import Plan
from groundcrew.curation.judging import Judged, judge
from groundcrew.curation.masking import Content, gathered, shares_of, unmasked
from groundcrew.curation.population import NONE, Population, load
from groundcrew.curation.portions import Portion, divided, packed
from groundcrew.curation.progress import Progress, silent
from groundcrew.curation.recipe import SPLITS, Recipe
from groundcrew.curation.sources import Found
from groundcrew.curation.tasks import Examine, Mask, Task, Unroll
from groundcrew.curation.work import Work
from groundcrew.domain.canonical import canonical_json, digest, sha256_hex
from groundcrew.errors import InputError, NotFound


class Curated(msgspec.Struct, frozen=True, kw_only=True):
    """The judged records. `kept` are the numbers of those that stay in `people`, in the order of their ids; `split` is that of
    each of them, and `content` holds them as they are written. `code_system` names the release that labels were checked against,
    empty where none was asked for."""

    people: Population
    judged: Judged
    kept: np.ndarray[tuple[int], np.dtype[np.int64]]
    content: Content
    read_count: int
    revision: str
    code_system: str = ""

    @property
    def kept_count(self) -> int:
        return len(self.kept)

    @property
    def dropped_count(self) -> int:
        return self.read_count - len(self.kept)

    def splits(self) -> list[str | None]:
        """The split of every kept record, None where the recipe asks for none."""
        return [SPLITS[each] if each != NONE else None for each in self.judged.split[self.kept].tolist()]

    def dropped(self) -> Any:
        """All dropped records as an Arrow table of id (may be null), source (file number), line, reason, detail, by place."""
        import pyarrow as pa

        people, verdicts = self.people, self.judged.verdicts
        lost = np.flatnonzero(~verdicts.passing)
        reasons = [verdicts.name(each) for each in lost.tolist()]
        columns = {
            "id": people.ids.take(pa.array(lost)),
            "source": pa.array(people.source[lost], type=pa.int32()),
            "line": pa.array(people.line[lost], type=pa.int64()),
            "reason": pa.array(reasons, type=pa.string()),
            "detail": pa.array([verdicts.details[each] for each in lost.tolist()], type=pa.string()),
        }
        table = pa.concat_tables([people.rejected, pa.table(columns)])
        return table.sort_by([("source", "ascending"), ("line", "ascending")])


def curate_records(
    recipe: Recipe,
    found: Found,
    work: Work,
    *,
    where: Where | None = None,
    codes_folder: Path | None = None,
    progress: Progress = silent,
) -> Curated:
    """Read and judge every record of `found`. Raises InputError where a file can not be read, naming it."""
    load_daft()
    where = where or Where()
    release, codes_digest = _codes(recipe, codes_folder)
    plan = Plan(recipe=recipe, codes_folder=str(codes_folder) if codes_folder else None)
    portions = _portions(recipe, found, work, where, progress)
    made_of = digest([recipe.digest, codes_digest])
    files = _examined(plan, portions, made_of, work, where, progress)
    people = load(files)
    key = digest([made_of, *(each.name for each in files)])
    judged = judge(recipe, people, work, key, progress)
    kept = np.flatnonzero(judged.verdicts.passing)
    content = _content(recipe, people, kept, work, where, progress)
    return Curated(
        people=people,
        judged=judged,
        kept=kept,
        content=content,
        read_count=people.count + people.rejected.num_rows,
        revision=revision_of(recipe, codes_digest, content, judged.split[kept]),
        code_system=release,
    )


def revision_of(recipe: Recipe, codes_digest: str, content: Content, splits: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """The content address of a data set: SHA-256 over the recipe's canonical JSON, the digest of its code system where it has
    one, and the sorted digests of its records as they are written, each with its split where it has one."""
    digests = [bytes(each).hex() for each in content.digest]
    if recipe.split is not None:
        digests = [f"{each}:{SPLITS[split]}" for each, split in zip(digests, splits.tolist(), strict=True)]
    codes = [codes_digest.encode()] if codes_digest else []
    return sha256_hex(b"\n".join([canonical_json(recipe), *codes, *(each.encode() for each in sorted(digests))]))


def _codes(recipe: Recipe, folder: Path | None) -> tuple[str, str]:
    """The name and release of the recipe's code system, and its digest; empty where it has none."""
    if recipe.label is None or recipe.label.code_system is None:
        return "", ""
    try:
        system = code_system(recipe.label.code_system, folder=folder)
    except NotFound as error:
        raise InputError(str(error), field="label.code_system") from error
    return f"{system.name} {system.release}", system.digest


def _portions(recipe: Recipe, found: Found, work: Work, where: Where, progress: Progress) -> list[Portion]:
    """All portions of the input, after unrolling the files that can not be entered in the middle."""
    ready, closed = divided(found)
    portions = packed(ready)
    stems = [str(work.path("unrolled", digest([each.name, each.sha256, list(recipe.fields)]), "")) for each in closed]
    tasks = [Unroll(segment=each, fields=recipe.fields, stem=stem) for each, stem in zip(closed, stems, strict=True)]
    lists = [Path(f"{stem}.json") for stem in stems]
    missing = [number for number, path in enumerate(lists) if not path.is_file()]
    work.kept += len(lists) - len(missing)
    if missing:
        with progress("unrolling files") as advance:
            run_tasks([_encoded(tasks[number]) for number in missing], where, advance)
    for segment, path in zip(closed, lists, strict=True):
        parts = msgspec.json.decode(path.read_bytes(), type=list[str])
        portions += [Portion(segments=(msgspec.structs.replace(segment, part=part),)) for part in parts]
    return portions


def _examined(plan: Plan, portions: Sequence[Portion], made_of: str, work: Work, where: Where, progress: Progress) -> list[Path]:
    """The files of all checked portions. Those that an earlier run finished are not made again."""
    files = [work.path("examined", digest([made_of, each.digest])) for each in portions]
    missing = [number for number, path in enumerate(files) if not work.has(path)]
    work.kept += len(files) - len(missing)
    tasks = [_encoded(Examine(plan=plan, portion=portions[number], path=str(files[number]))) for number in missing]
    if tasks:
        with progress("checking records") as advance:
            run_tasks(tasks, where, advance)
    work.made += len(tasks)
    return files


def _content(
    recipe: Recipe,
    people: Population,
    kept: np.ndarray[tuple[int], np.dtype[np.int64]],
    work: Work,
    where: Where,
    progress: Progress,
) -> Content:
    """The kept records as they are written. What an earlier run has masked is not masked again."""
    personal = recipe.personal_data
    if personal is None or personal.action != "mask":
        return unmasked(people, kept)
    shares = shares_of(people, kept)
    made_of = [personal, recipe.masked_fields, recipe.evidence]
    files = [work.path("masked", digest([*made_of, each.digest])) for each in shares]
    missing = [number for number, path in enumerate(files) if not work.has(path)]
    work.kept += len(files) - len(missing)
    tasks = [
        _encoded(Mask(recipe=recipe, file=str(shares[each].file), rows=shares[each].rows.tolist(), path=str(files[each])))
        for each in missing
    ]
    if tasks:
        with progress("masking what stays") as advance:
            run_tasks(tasks, where, advance)
    work.made += len(tasks)
    return gathered(shares, files, len(kept))


def _encoded(task: Task) -> bytes:
    return msgspec.json.encode(task)
