# ruff: noqa: E501 - rows of tables read better in one line
"""Curates generated encounter records by recipe.yaml and counts what of the planted faults was found, and what the run cost.

    python bench/curation/run.py [--records 1000000] [--seed 7] [--kill] [--ray] [--keep FOLDER] [--write]

Every run is the command `groundcrew curate` in a process of its own. The second one must give the same revision; with `--kill` a
third is killed at half time and started again, with `--ray` a fourth runs on two local Ray workers. CPU seconds and peak memory
are those of the process and all that it started. `--write` puts the tables into RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml
from found import Report, compare
from generate import generate

FOLDER = Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]

RESULTS = FOLDER / "RESULTS.md"
RECORDS_OF_RECIPE = 1_000_000
RECORDS_MIN = 10_000
MEMORY_EVERY_S = 0.3
RUN_S_MAX = 3_600


class Cost(NamedTuple):
    """What one run took: seconds on the clock, seconds of CPU, and MiB at its peak, children included."""

    wall_s: float
    cpu_s: float
    memory_mib: float


def scaled_recipe(records: int, folder: Path, sample: int | None = None) -> Path:
    """recipe.yaml with its numbers of records in proportion; `sample` is the number that is drawn, where it is given."""
    recipe = yaml.safe_load((FOLDER / "recipe.yaml").read_text(encoding="utf-8"))
    share = records / RECORDS_OF_RECIPE
    recipe["sample"]["n"] = sample or max(100, round(recipe["sample"]["n"] * share))
    recipe["balance"]["max_per_label"] = max(50, round(recipe["balance"]["max_per_label"] * share))
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


def curate(recipe: Path, records: Path, output: Path, *more: str, kill_after_s: float | None = None) -> tuple[str, Cost]:
    """One run; the revision (empty where it was killed) and what it cost."""
    command = [
        sys.executable,
        "-m",
        "groundcrew",
        "curate",
        str(recipe),
        "--input",
        str(records),
        "--output",
        str(output),
        "--json",
        *more,
    ]
    started = time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=said, stderr=told, start_new_session=True, cwd=output.parent)
        peak, status, usage, killed = 0.0, None, None, False
        while status is None:
            time.sleep(MEMORY_EVERY_S)
            peak = max(peak, memory_of_session(process.pid))
            elapsed = time.monotonic() - started
            if elapsed > (kill_after_s or RUN_S_MAX):
                os.killpg(process.pid, signal.SIGKILL)
                killed = True
            gone, code, used = os.wait4(process.pid, os.WNOHANG)
            if gone:
                status, usage = code, used
        process.returncode = os.waitstatus_to_exitcode(status)
        cost = Cost(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak / 1024)
        if killed and kill_after_s is not None:
            return "", cost
        said.seek(0)
        told.seek(0)
        if status != 0:
            raise SystemExit(f"curate failed: {told.read().decode(errors='replace')[-3000:]}")
        funnel = msgspec.json.decode(said.read())["funnel"]
    return str(funnel["revision"]), cost


def memory_of_session(session: int) -> float:
    """KiB that all processes of a session hold, shared pages divided among those that share them."""
    total = 0
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                if int((each / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                    lines = (each / "smaps_rollup").read_text().splitlines()
                    total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            except (OSError, StopIteration, ValueError, IndexError):
                continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=RECORDS_MIN)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kill", action="store_true", help="kill a run at half time and resume it")
    parser.add_argument("--ray", action="store_true", help="compare with a run on two local Ray workers")
    parser.add_argument("--once", action="store_true", help="no second run")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave everything in it")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    parser.add_argument("--sample", type=int, help="records that are drawn; otherwise 60,000, or that share of fewer records")
    options = parser.parse_args()
    if options.records < RECORDS_MIN:
        parser.error(f"at least {RECORDS_MIN:,} records: the rarer labels would have too few")
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curation-")))
        folder.mkdir(parents=True, exist_ok=True)
        text = report(options, folder.resolve())
    print(text)
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")


def report(options: argparse.Namespace, folder: Path) -> str:
    """Everything measured, as Markdown."""
    generated = folder / "generated"
    seconds = generate(options.records, options.seed, generated)
    recipe, records = scaled_recipe(options.records, folder, options.sample), generated / "records"
    outputs = {each: folder / each for each in ("first", "second", "killed", "ray")}
    for each in outputs.values():
        shutil.rmtree(each, ignore_errors=True)
    revision, cost = curate(recipe, records, outputs["first"], "--fresh")
    rows = [("first run", revision, cost)]
    if not options.once:
        rows.append(("second run", *curate(recipe, records, outputs["second"], "--fresh")))
    if options.kill:
        _, lost = curate(recipe, records, outputs["killed"], "--fresh", kill_after_s=cost.wall_s / 2)
        rows.append(("killed at half time", "", lost))
        rows.append(("the same, resumed", *curate(recipe, records, outputs["killed"])))
    if options.ray:
        rows.append(("two Ray workers", *curate(recipe, records, outputs["ray"], "--fresh", "--runner", "ray", "--workers", "2")))
    measured = compare(generated / "truth.jsonl.gz", outputs["first"], options.records)
    same = len({each for _, each, _ in rows if each}) == 1
    return "\n".join(
        (
            "# Curation of generated encounter records",
            "",
            f"{options.records:,} records of seed {options.seed}, generated in {seconds:.0f} s; {datetime.now(UTC):%Y-%m-%d}, "
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. Written by run.py.",
            f"Processes that wanted a core in the last 15 minutes, these among them: {os.getloadavg()[2]:.1f} on average.",
            "",
            "| run | revision | CPU seconds | seconds on the clock | peak memory, MiB |",
            "|---|---|---|---|---|",
            *(
                f"| {name} | {each[:12] or '–'} | {spent.cpu_s:,.0f} | {spent.wall_s:,.0f} | {spent.memory_mib:,.0f} |"
                for name, each, spent in rows
            ),
            "",
            f"All revisions are {'the same' if same else '**NOT the same**'}. On Ray the workers are not children of the command: "
            "their CPU and memory are not in its row.",
            "",
            *tables(measured),
            "",
        )
    )


def tables(measured: Report) -> list[str]:
    """What was found, what was dropped, and what was masked."""
    return [
        "## Planted faults",
        "",
        "Found: dropped for any reason before balancing and sampling; of copies one may stay. Named: for a reason that names the fault.",
        "",
        "| fault | planted | found | recall | named |",
        "|---|---|---|---|---|",
        *(
            f"| {each.name} | {each.planted:,} | {each.found:,} | {each.found / max(1, each.planted):.3f} | {each.named / max(1, each.planted):.3f} |"
            for each in measured.kinds
        ),
        "",
        "Sorts that were found less than 95 % of the time, at least five of them planted:",
        "",
        *(f"- {name}: {found} of {planted}" for name, (planted, found) in sorted(measured.weak_sorts.items())),
        "",
        "## Drops",
        "",
        "Right: the record has a planted fault, is a copy of another, or is torn between splits. Named: for a reason that names it.",
        "",
        "| reason | dropped | right | precision | named |",
        "|---|---|---|---|---|",
        *(
            f"| {each.name} | {each.dropped:,} | {each.right:,} | {each.right / max(1, each.dropped):.3f} | {each.named / max(1, each.dropped):.3f} |"
            for each in measured.reasons
        ),
        "",
        "## Personal data",
        "",
        "Values planted in records that stay after the sampling, which are all that is masked, and how many of them are in no kept text any more.",
        "",
        "| type | values | gone | recall |",
        "|---|---|---|---|",
        *(
            f"| {name} | {planted:,} | {gone:,} | {gone / max(1, planted):.3f} |"
            for name, (planted, gone) in sorted(measured.masked.items())
        ),
        "",
        f"Sound records that were kept: {measured.sound_kept:,}, of which {measured.sound_masked:,} hold a tag although nothing personal was planted.",
    ]


if __name__ == "__main__":
    main()
