"""Contextual metrics by name: each file registers itself with unit, range, value on empty input and source."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from groundcrew.errors import Conflict, NotFound
from groundcrew.stats.intervals import Interval

Compute = TypeVar("Compute", bound=Callable[..., Interval])

#: Modules of this package that register metrics when imported.
BUILT_IN = (
    "automation_rate",
    "business",
    "cost_per_case",
    "critical_harm",
    "decline_rate",
    "edit_distance",
    "grounded_rate",
    "handle_time",
    "label_edits",
    "latency",
    "return_on_investment",
    "semantic_similarity",
    "stars",
    "suggestion_acceptance",
    "suggestion_precision",
    "suggestion_recall",
    "trust",
    "trust_quality",
)


class MetricDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A registered metric. `minimum`/`maximum` bound its values (None = unbounded), `empty` is what no data give."""

    name: str
    unit: str
    minimum: float | None
    maximum: float | None
    empty: str
    source: str
    formula: str
    compute: Callable[..., Interval]


_DEFINITIONS: dict[str, MetricDefinition] = {}


def metric(
    *, name: str, unit: str, range: tuple[float | None, float | None], empty: str, source: str
) -> Callable[[Compute], Compute]:
    """Register the decorated function as the metric `name`; its docstring's first line is the formula.

    Raises Conflict where another function holds the name.
    """

    def register(compute: Compute) -> Compute:
        held = _DEFINITIONS.get(name)
        if held is not None and (held.compute.__module__, held.compute.__qualname__) != (
            compute.__module__,
            compute.__qualname__,
        ):
            raise Conflict(f"metric {name} is already registered by {held.compute.__module__}")
        _DEFINITIONS[name] = MetricDefinition(
            name=name,
            unit=unit,
            minimum=range[0],
            maximum=range[1],
            empty=empty,
            source=source,
            formula=(compute.__doc__ or "").strip().split("\n")[0],
            compute=compute,
        )
        return compute

    return register


def definitions() -> tuple[MetricDefinition, ...]:
    """All registered metrics by name, built-in ones included."""
    for module in BUILT_IN:
        importlib.import_module(f"groundcrew.metrics.{module}")
    return tuple(_DEFINITIONS[name] for name in sorted(_DEFINITIONS))


def definition(name: str) -> MetricDefinition:
    """The metric called `name`; raises NotFound naming the nearest one."""
    known = {each.name: each for each in definitions()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise NotFound(f"no metric {name!r}" + (f"; is {near[0]} meant?" if near else f"; there are {', '.join(known)}"))
    return known[name]
