"""Reads what a use case declares about its drift monitors: how large windows and references are, what is watched, who is told."""

from __future__ import annotations

from groundcrew.domain.drift import (
    ALPHA_MAX,
    FEATURE,
    REFERENCE_CALLS_MAX,
    REFERENCE_CALLS_MIN,
    WINDOW_CALLS_MAX,
    WINDOW_CALLS_MIN,
    WINDOW_S_MIN,
)
from groundcrew.domain.use_case import DriftRule
from groundcrew.services.declaration_fields import Fields


def read_drift(fields: Fields) -> DriftRule | None:
    """drift: how the monitors look at its calls; None where it is not declared."""
    section = fields.section("drift")
    if section is None:
        return None
    default = DriftRule()
    window_calls, window_s = _window(section)
    reference = section.integer("reference", low=REFERENCE_CALLS_MIN, high=REFERENCE_CALLS_MAX)
    alpha = section.number("alpha", low=0, above=True, high=ALPHA_MAX)
    rule = DriftRule(
        window_calls=window_calls,
        window_s=window_s,
        reference_calls=default.reference_calls if reference is None else reference,
        alpha=default.alpha if alpha is None else alpha,
        features=section.choices("features", tuple(FEATURE), default=()),
        owner=section.email("owner"),
        enabled=section.boolean("enabled", default=True),
    )
    section.finish()
    return rule


def _window(section: Fields) -> tuple[int, int | None]:
    """`window`: a number of calls, or a duration such as 7d."""
    default = DriftRule().window_calls
    node = section.node("window")
    if node is None:
        return default, None
    if isinstance(node.value, str):
        return default, section.duration_s("window", default=WINDOW_S_MIN, low=WINDOW_S_MIN)
    found = section.integer("window", low=WINDOW_CALLS_MIN, high=WINDOW_CALLS_MAX)
    return default if found is None else found, None
