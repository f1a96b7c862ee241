"""Return on investment as an interval: benefit less tokens, review time and fixed cost, with every assumption listed."""

from __future__ import annotations

import math

import msgspec

from groundcrew.errors import InputError
from groundcrew.metrics.registry import metric
from groundcrew.stats.intervals import Interval

SECONDS_PER_HOUR = 3600
#: How far an assumed figure is moved each way to see what it matters: a quarter [D].
ASSUMED_SWING = 0.25


class InvestmentCase(msgspec.Struct, frozen=True, kw_only=True):
    """What a use case earns and costs over one period. Measured figures are Intervals, assumed ones plain numbers.

    `benefit_per_case_usd` before any cost; `review_s` is people's time per case for reading, editing and signing;
    `volume` counts cases in the period.
    """

    benefit_per_case_usd: Interval | float
    volume: float
    tokens_per_case_usd: Interval | float
    review_s: Interval | float
    hourly_wage_usd: float
    fixed_usd: float


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """The net return when one figure sits at its lower or upper bound and all others at their estimates. An assumed figure has
    no bounds: it is moved by ASSUMED_SWING each way."""

    figure: str
    at_lower_usd: float
    at_upper_usd: float
    lower: float = 0.0
    upper: float = 0.0
    assumed: bool = False


class InvestmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """`net` in USD over the period; `ratio` is net divided by all cost; `sensitivity` has the widest swing first."""

    net: Interval
    ratio: float | None
    cost_usd: float | None
    assumptions: tuple[str, ...]
    sensitivity: tuple[Sensitivity, ...]


@metric(
    name="return_on_investment",
    unit="USD",
    range=(None, None),
    empty="estimate and bounds unknown",
    source="Zou & Donner 2008, interval of a sum from the intervals of its parts",
)
def return_on_investment(case: InvestmentCase) -> Interval:
    """Benefit per case × volume − tokens − review time × wage − fixed cost."""
    return investment_report(case).net


def investment_report(case: InvestmentCase) -> InvestmentReport:
    """The net return with its interval, the ratio, what was assumed, and which figure matters most.

    The parts are taken as independent: their distances to each bound add in quadrature (Zou & Donner 2008), which keeps
    skewed intervals skewed. A part without a bound leaves the net without bounds. Confidence is the lowest of the parts'.
    Raises InputError for a negative volume, wage or fixed cost.
    """
    for field in ("volume", "hourly_wage_usd", "fixed_usd"):
        value = getattr(case, field)
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"must be a number and not negative, is {value:g}", field=field)
    parts = _parts(case)
    measured = [interval for _, interval, _ in parts if interval.method != "assumed"]
    assumptions = [
        f"{name} is assumed to be {interval.estimate:g}" for name, interval, _ in parts if interval.method == "assumed"
    ]
    assumptions += [
        f"volume {case.volume:g} cases in the period",
        f"wage {case.hourly_wage_usd:g} USD an hour",
        f"fixed cost {case.fixed_usd:g} USD",
        "benefit, tokens and review time vary independently of each other",
    ]
    n = min((interval.n for interval in measured), default=0)
    confidence = min((interval.confidence for interval in measured), default=0.95)
    estimates = [interval.estimate for _, interval, _ in parts]
    if any(estimate is None for estimate in estimates):
        unknown = Interval(estimate=None, lower=None, upper=None, n=n, method="mover", confidence=confidence)
        return InvestmentReport(net=unknown, ratio=None, cost_usd=None, assumptions=tuple(assumptions), sensitivity=())
    values = [estimate * weight for estimate, (_, _, weight) in zip(estimates, parts, strict=True) if estimate is not None]
    net = sum(values) - case.fixed_usd
    cost = -sum(values[1:]) + case.fixed_usd
    sensitivity = tuple(
        sorted(
            (*_sensitivity(parts, net), *_assumed_sensitivity(case, parts, values, net)),
            key=lambda each: -abs(each.at_upper_usd - each.at_lower_usd),
        )
    )
    swings = [_reach(interval, weight) for _, interval, weight in parts]
    below = _quadrature([low for low, _ in swings])
    above = _quadrature([high for _, high in swings])
    return InvestmentReport(
        net=Interval(
            estimate=net,
            lower=None if below is None else net - below,
            upper=None if above is None else net + above,
            n=n,
            method="mover",
            confidence=confidence,
        ),
        ratio=net / cost if cost > 0 else None,
        cost_usd=cost,
        assumptions=tuple(assumptions),
        sensitivity=sensitivity,
    )


def _parts(case: InvestmentCase) -> list[tuple[str, Interval, float]]:
    """Each varying figure with the weight that turns it into USD over the period."""
    hourly = case.hourly_wage_usd / SECONDS_PER_HOUR
    return [
        ("benefit_per_case_usd", _interval(case.benefit_per_case_usd), case.volume),
        ("tokens_per_case_usd", _interval(case.tokens_per_case_usd), -case.volume),
        ("review_s", _interval(case.review_s), -case.volume * hourly),
    ]


def _interval(figure: Interval | float) -> Interval:
    if isinstance(figure, Interval):
        return figure
    if not math.isfinite(figure):
        raise InputError(f"{figure} is not a finite number", field="figure")
    return Interval(estimate=figure, lower=figure, upper=figure, n=0, method="assumed", confidence=1.0)


def _reach(interval: Interval, weight: float) -> tuple[float | None, float | None]:
    """How far below and above its estimate a weighted figure may lie; None where unbounded."""
    if interval.estimate is None:
        return None, None
    low = None if interval.lower is None else (interval.estimate - interval.lower) * abs(weight)
    high = None if interval.upper is None else (interval.upper - interval.estimate) * abs(weight)
    return (low, high) if weight >= 0 else (high, low)


def _quadrature(distances: list[float | None]) -> float | None:
    return None if any(each is None for each in distances) else math.hypot(*(each for each in distances if each is not None))


def _sensitivity(parts: list[tuple[str, Interval, float]], net: float) -> list[Sensitivity]:
    return [
        Sensitivity(
            figure=name,
            at_lower_usd=net + (interval.lower - interval.estimate) * weight,
            at_upper_usd=net + (interval.upper - interval.estimate) * weight,
            lower=interval.lower,
            upper=interval.upper,
        )
        for name, interval, weight in parts
        if interval.method != "assumed"
        and interval.estimate is not None
        and interval.lower is not None
        and interval.upper is not None
    ]


def _assumed_sensitivity(
    case: InvestmentCase, parts: list[tuple[str, Interval, float]], values: list[float], net: float
) -> list[Sensitivity]:
    """What the assumed figures matter: each moved by a quarter either way. `values` are the parts in USD over the period."""
    found: list[tuple[str, float, float]] = [("volume", case.volume, sum(values)), ("fixed_usd", case.fixed_usd, -case.fixed_usd)]
    found += [
        (name, interval.estimate or 0.0, value)
        for (name, interval, _), value in zip(parts, values, strict=True)
        if interval.method == "assumed"
    ]
    return [
        Sensitivity(
            figure=name,
            at_lower_usd=net - ASSUMED_SWING * effect_usd,
            at_upper_usd=net + ASSUMED_SWING * effect_usd,
            lower=figure * (1 - ASSUMED_SWING),
            upper=figure * (1 + ASSUMED_SWING),
            assumed=True,
        )
        for name, figure, effect_usd in found
        if effect_usd
    ]
