"""A run that was stopped goes on where it was; a run on Ray gives the same data set as one on this machine."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.curation.conftest import BASE, good, recipe_of, write_json_lines

from groundcrew.curation import daft_runs, portions, sources
from groundcrew.curation.daft_runs import Where
from groundcrew.curation.data_set import curate
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


def test_two_runs_on_one_output_are_refused(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(2))
    (tmp_path / ".out.work").mkdir()
    with (tmp_path / ".out.work" / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another run is at work"):
            curate(recipe_of(BASE), [source], tmp_path / "out")
    assert curate(recipe_of(BASE), [source], tmp_path / "out").state == "written"


RAY_PROGRAM = """
import sys
from pathlib import Path
import ray
from groundcrew.curation import portions, sources
from groundcrew.curation.data_set import curate
from groundcrew.curation.daft_runs import Where
from tests.unit.curation.conftest import recipe_of
from tests.unit.curation.test_resume import DOCUMENT
sources.CUT_BYTES = portions.CUT_BYTES = 4_000
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
made = curate(recipe_of(DOCUMENT), [sys.argv[1]], Path(sys.argv[2]), where=Where(runner=sys.argv[3], workers=2))
print(made.funnel.revision)
ray.shutdown()
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'groundcrew[cluster]'")
def test_two_ray_workers_give_the_same_revision(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(200))
    here = curate(recipe_of(DOCUMENT), [source], tmp_path / "here")
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-c", RAY_PROGRAM, str(source), str(tmp_path / "there"), "ray"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S * 2, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.split()[-1] == here.funnel.revision


def test_processes_of_this_machine_give_the_same_revision(tmp_path: Path, small_portions: None) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", good(30))
    alone = curate(recipe_of(DOCUMENT), [source], tmp_path / "alone", where=Where(workers=1))
    two = curate(recipe_of(DOCUMENT), [source], tmp_path / "two", where=Where(workers=2))
    assert two.funnel == alone.funnel


def test_an_error_in_a_process_names_its_file(tmp_path: Path, small_portions: None, made_error: Callable[[Path], str]) -> None:
    write_json_lines(tmp_path / "good.jsonl", good(30))
    assert made_error(tmp_path).endswith("torn.jsonl.gz")


@pytest.fixture
def made_error() -> Callable[[Path], str]:
    from groundcrew.errors import InputError

    def run(folder: Path) -> str:
        (folder / "torn.jsonl.gz").write_bytes(b"\x1f\x8b torn")
        with pytest.raises(InputError, match="damaged") as refused:
            curate(recipe_of(DOCUMENT), [folder / "good.jsonl", folder / "torn.jsonl.gz"], folder / "out", where=Where(workers=2))
        return str(refused.value.file)

    return run
