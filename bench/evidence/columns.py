"""How long an experiment of a million rows takes to decide, beside sorting its rows once, which nobody could do without.

Prints one line per kind of plan and writes COLUMNS.md. One command: python bench/evidence/columns.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from groundcrew.domain.hypothesis import HypothesisPlan, parse_plan
from groundcrew.metrics.analysis import analyze_columns
from groundcrew.metrics.observations import Columns

RESULTS = Path(__file__).resolve().parent / "COLUMNS.md"
UNITS, CLUSTERS, SEED, REPEATS = 500_000, 500, 20_261_127, 3
DAY_US = 86_400_000_000


def plan(**changes: object) -> HypothesisPlan:
    primary = {
        "name": "handle_time",
        "role": "success",
        "kind": "duration",
        "direction": "decrease",
        "mde": 180,
        "baseline": {"mean": 900, "sd": 540, "n": 1200, "days": 30, "source": "drawn"},
        **({"covariate_correlation": 0.3} if changes.pop("covariate", None) else {}),
    }
    guardrail = {"name": "complaint", "role": "guardrail", "kind": "proportion", "direction": "decrease", "margin": 0.02}
    arms = {"control": "human", "treatment": "assistant"}
    return parse_plan({"name": "million", "unit": "ticket", "arms": arms, "metrics": [primary, guardrail], **changes})


def drawn() -> Columns:
    """Half a million units with two metrics each."""
    rng, rows = np.random.default_rng(SEED), 2 * UNITS
    arm = np.repeat(rng.integers(0, 2, UNITS), 2)
    metric = np.tile([0, 1], UNITS)
    values = np.where(metric == 0, rng.gamma(2.78, 324 * np.where(arm == 1, 0.9, 1.0)), rng.random(rows) < 0.03)
    return Columns(
        unit_id=np.repeat(np.arange(UNITS), 2),
        arm=arm,
        metric=metric,
        value=values.astype(np.float64),
        time=1_770_000_000_000_000 + rng.integers(0, 30 * DAY_US, rows),
        arm_names=("human", "assistant"),
        metric_names=("handle_time", "complaint"),
        cluster=rng.integers(0, CLUSTERS, rows),
        covariate=rng.normal(0, 1, rows),
    )


def fastest(function: object, *arguments: object) -> float:
    """Seconds of processor time, the best of REPEATS: other work on the machine does not count."""
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        function(*arguments)  # type: ignore[operator]
        found.append(time.process_time() - started)
    return min(found)


def main() -> None:
    columns = drawn()
    alone = msgspec.structs.replace(columns, cluster=None, covariate=None)
    floor = fastest(lambda: columns.value[np.argsort(columns.time, kind="stable")])
    lines = [
        "# Deciding an experiment of 1,000,000 rows",
        "",
        f"Written by `python bench/evidence/columns.py`; seconds of processor time, best of {REPEATS}. Sorting the rows once"
        f" takes {floor:.2f} s.",
        "",
        "| plan | s | × sorting once |",
        "|---|---|---|",
    ]
    for name, declared, given in (
        ("one look", plan(monitoring="fixed", planned_n=400_000), alone),
        ("every look", plan(planned_n=600_000), alone),
        ("every look, past the planned n", plan(planned_n=400_000), alone),
        ("every look, clusters", plan(planned_n=600_000, cluster="employee"), columns),
        ("every look, covariate", plan(planned_n=600_000, covariate=True), columns),
    ):
        taken = fastest(analyze_columns, declared, given)
        lines.append(f"| {name} | {taken:.2f} | {taken / floor:.1f} |")
        print(lines[-1], flush=True)
    RESULTS.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
