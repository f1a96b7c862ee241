"""Plans and simulated experiments that the tests of planning and analysis share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import yaml

from groundcrew.domain.hypothesis import HypothesisPlan, parse_plan
from groundcrew.metrics.observations import Observation

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

PLAN = """
name: handle-time
unit: ticket
arms: {control: human, treatment: draft_assist, split: 0.5}
design: randomized
alpha: 0.05
power: 0.8
monitoring: fixed
minimum_days: 14
planned_n: 400
metrics:
  - {name: handle_time, role: success, kind: mean, direction: decrease, unit: s,
     baseline: {mean: 900, sd: 540, n: 1200, days: 30, source: ticket system}, mde: 180}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.05}
"""


def declared(*, metric_changes: dict[int, dict[str, Any]] | None = None, **changes: Any) -> HypothesisPlan:
    data: dict[str, Any] = yaml.safe_load(PLAN) | changes
    for position, change in (metric_changes or {}).items():
        data["metrics"][position] |= change
    return parse_plan(data)


def rows(
    metric: str, arm: str, values: Any, *, first_unit: int = 0, first_day: float = 0.0, days: float = 20.0, clusters: int = 0
) -> list[Observation]:
    """One row per value, spread evenly over `days` days from `first_day` on."""
    numbers = np.asarray(values, dtype=float)
    step = days / max(1, numbers.size)
    return [
        Observation(
            unit_id=f"{arm}-{first_unit + index}",
            arm=arm,
            metric=metric,
            value=float(value),
            time=START + timedelta(days=first_day + index * step),
            cluster=f"employee-{index % clusters}" if clusters else None,
        )
        for index, value in enumerate(numbers)
    ]


def experiment(
    *,
    seed: int = 1,
    n: int = 200,
    treatment_mean: float = 700,
    complaint_rates: tuple[float, float] = (0.03, 0.03),
    **options: Any,
) -> list[Observation]:
    """`n` tickets in each arm with a handle time and whether a complaint followed."""
    rng = np.random.default_rng(seed)
    found: list[Observation] = []
    for arm, mean, rate in (("human", 900, complaint_rates[0]), ("draft_assist", treatment_mean, complaint_rates[1])):
        found += rows("handle_time", arm, rng.normal(mean, 540, n), **options)
        found += rows("complaint", arm, rng.random(n) < rate, **options)
    return found
