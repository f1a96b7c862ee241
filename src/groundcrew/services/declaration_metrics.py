"""Reader of the metrics that a use case defines for its business."""

from __future__ import annotations

from typing import get_args

from groundcrew.domain.hypothesis import Direction
from groundcrew.domain.use_case import BusinessMetric
from groundcrew.metrics.business import BusinessKind
from groundcrew.metrics.registry import definitions
from groundcrew.services.declaration_fields import Fields

METRICS_MAX = 50
#: Outcomes of these names have a meaning of their own.
RESERVED = frozenset({"resolved", "reopened", "handle_time"})


def read_metrics(fields: Fields) -> tuple[BusinessMetric, ...]:
    """`metrics`: a list of {name, kind, unit, direction}; each is computed from the outcomes of its name."""
    sections = fields.sections("metrics")
    if len(sections) > METRICS_MAX:
        fields.complain("metrics", f"more than {METRICS_MAX}")
    found: dict[str, BusinessMetric] = {}
    built_in = {each.name for each in definitions()} - {"business"}
    for section in sections[:METRICS_MAX]:
        metric = BusinessMetric(
            name=section.text("name", required=True, length_max=64),
            kind=section.choice("kind", get_args(BusinessKind), default="mean"),
            unit=section.text("unit", length_max=32),
            direction=section.choice("direction", get_args(Direction)),
        )
        if metric.name in RESERVED or metric.name in built_in:
            section.complain("name", f"{metric.name} is computed already: choose another name")
        elif metric.name in found:
            section.complain("name", f"{metric.name} is declared twice")
        section.finish()
        found[metric.name] = metric
    return tuple(found.values())
