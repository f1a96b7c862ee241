"""A run that was stopped goes on where it was; a run on Ray gives the same data set as one on this machine."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from tests.unit.curation.conftest import BASE, good, recipe_of, write_json_lines

from groundcrew.curation import daft_runs, masking, portions, sources
from groundcrew.curation.daft_runs import Where
from groundcrew.curation.data_set import curate
from groundcrew.curation.recipe import Recipe
from groundcrew.errors import Conflict

pytestmark = pytest.mark.usefixtures("daft")

DOCUMENT = {**BASE, "duplicates": {"near": {"fields": ["text"]}}}
PATIENCE_S = 120.0
#: A run in many portions, in a process that may be killed.
PROGRAM = """
import sys, time
from pathlib import Path
from groundcrew.curation import daft_runs, portions, sources
from groundcrew.curation.data_set import curate
from groundcrew.curation.daft_runs import Where
from tests.unit.curation.conftest import recipe_of
from tests.unit.curation.test_resume import DOCUMENT
sources.CUT_BYTES = portions.CUT_BYTES = 500
perform = daft_runs.perform
def slowly(number, task):
    time.sleep(0.2)
    return perform(number, task)
daft_runs.perform = slowly
curate(recipe_of(DOCUMENT), [sys.argv[1]], Path(sys.argv[2]), where=Where(workers=1))
"""


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CUT_BYTES", 500)
    monkeypatch.setattr(portions, "CUT_BYTES", 500)


@pytest.mark.usefixtures("small_portions")
def test_a_killed_run_goes_on_and_gives_the_same_data_set(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(200))
    expected = curate(recipe_of(DOCUMENT), [source], tmp_path / "whole", where=Where(workers=1))
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", PROGRAM, str(source), str(tmp_path / "out")]
    work = tmp_path / ".out.work"
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + PATIENCE_S
        while len(list(work.glob("examined-*.parquet"))) < 3:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    finished = len(list(work.glob("examined-*.parquet")))
    told: list[str] = []
    resumed = curate(recipe_of(DOCUMENT), [source], tmp_path / "out", where=Where(workers=1), tell=told.append)
    assert resumed.funnel == expected.funnel
    assert told == [f"went on where an earlier run had stopped: {finished} finished parts were used, {told[0].split()[-2]} made"]
    assert not work.exists()


@pytest.mark.usefixtures("small_portions")
def test_fresh_begins_anew_and_damaged_parts_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(60))
    perform, done = daft_runs.perform, list[int]()

    def counted(number: int, task: bytes | str) -> str:
        if len(done) == limit:
            raise KeyboardInterrupt
        done.append(number)
        return perform(number, task)

    monkeypatch.setattr(daft_runs, "perform", counted)
    limit = 4
    with pytest.raises(KeyboardInterrupt):
        curate(recipe_of(DOCUMENT), [source], tmp_path / "out", where=Where(workers=1))
    work = tmp_path / ".out.work"
    parts = sorted(work.glob("examined-*"))
    assert len(parts) == 4
    parts[0].write_bytes(b"torn")
    limit, done[:] = 3, []
    with pytest.raises(KeyboardInterrupt):
        curate(recipe_of(DOCUMENT), [source], tmp_path / "out", where=Where(workers=1))
    assert len(list(work.glob("examined-*"))) == 6
    limit, done[:] = -1, []
    made = curate(recipe_of(DOCUMENT), [source], tmp_path / "out", where=Where(workers=1), fresh=True)
    assert made.funnel.kept == 60
    assert len(done) > 6


def test_only_what_stays_is_masked_and_a_stopped_run_masks_no_more_than_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**each, "text": f"{each['text']} Reach me at n{index}@example.org."} for index, each in enumerate(good(60))]
    source = write_json_lines(tmp_path / "rows.jsonl", rows)
    recipe = recipe_of({**BASE, "personal_data": {"action": "mask", "network": "never"}, "sample": {"n": 30, "seed": 1}})
    mask_rows, done = masking.mask_rows, list[int]()

    def counted(recipe: Recipe, file: Path, rows: list[int], path: Path) -> int:
        if len(done) == limit:
            raise KeyboardInterrupt
        done.append(len(rows))
        return mask_rows(recipe, file, rows, path)

    monkeypatch.setattr(masking, "ROWS_MAX", 10)
    monkeypatch.setattr("groundcrew.curation.tasks.mask_rows", counted)
    limit = 2
    with pytest.raises(KeyboardInterrupt):
        curate(recipe, [source], tmp_path / "out", where=Where(workers=1))
    limit = -1
    made = curate(recipe, [source], tmp_path / "out", where=Where(workers=1))
    assert done == [10, 10, 10]
    assert (made.funnel.kept, made.funnel.masked) == (30, {"EMAIL": 30})
    texts = parquet.read_table(tmp_path / "out" / "records.parquet").column("text").to_pylist()
    assert all("[EMAIL]" in each and "example.org" not in each for each in texts)
    monkeypatch.setattr(masking, "ROWS_MAX", 7)
    backwards = write_json_lines(tmp_path / "backwards.jsonl", rows[::-1])
    again = curate(recipe, [backwards], tmp_path / "again", where=Where(workers=1))
    assert again.funnel.revision == made.funnel.revision


def test_two_runs_on_one_output_are_refused(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(2))
    (tmp_path / ".out.work").mkdir()
    with (tmp_path / ".out.work" / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another run is at work"):
            curate(recipe_of(BASE), [source], tmp_path / "out")
    assert curate(recipe_of(BASE), [source], tmp_path / "out").state == "written"


#: Daft and Ray leave files and threads behind in the process that starts theirs, so that is one of its own.
ELSEWHERE = """
import json, sys
from pathlib import Path
from groundcrew.curation import portions, sources
from groundcrew.curation.data_set import curate
from groundcrew.curation.daft_runs import Where
from groundcrew.errors import InputError
from tests.unit.curation.conftest import recipe_of
from tests.unit.curation.test_resume import DOCUMENT
runner, folder = sys.argv[1], Path(sys.argv[2])
sources.CUT_BYTES = portions.CUT_BYTES = 4_000
if runner == "ray":
    import ray
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
where = Where(runner=runner, workers=2)
print(curate(recipe_of(DOCUMENT), [folder / "rows.jsonl"], folder / "there", where=where).funnel.revision)
try:
    curate(recipe_of(DOCUMENT), [folder / "rows.jsonl", folder / "torn.jsonl.gz"], folder / "torn", where=where)
except InputError as error:
    print(Path(error.file).name, (folder / "torn").exists())
"""
NO_RAY = importlib.util.find_spec("ray") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "runner",
    [
        "native",
        pytest.param("ray", marks=pytest.mark.skipif(NO_RAY, reason="Ray is not installed: pip install 'groundcrew[cluster]'")),
    ],
)
def test_two_workers_give_the_same_revision_and_errors_keep_their_file(tmp_path: Path, runner: str) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(200))
    (tmp_path / "torn.jsonl.gz").write_bytes(b"\x1f\x8b torn")
    here = curate(recipe_of(DOCUMENT), [source], tmp_path / "here")
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-c", ELSEWHERE, runner, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S * 2, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.split()[-3:] == [here.funnel.revision, "torn.jsonl.gz", "False"]
