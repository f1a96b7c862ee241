"""Figures of calls that alert rules can be about: rates, shares, latency, trust, money. All from sums by hour and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from groundcrew.domain.alert import Figure, exact
from groundcrew.domain.spending import NANOS
from groundcrew.domain.stage import limits
from groundcrew.metrics.decline_rate import CONCLUDED
from groundcrew.metrics.trust import trust
from groundcrew.services.alert_metrics import DAY_S, HOUR_S, Look, figure_of, metric, unknown
from groundcrew.stats.buckets import duration_quantile
from groundcrew.stats.intervals import wilson
from groundcrew.stats.moments import moments_of_sums
from groundcrew.store import alerts as stored
from groundcrew.store import rollups, spending

_FINAL = ("answered", "declined", "fallback", "held", "refused", "failed", "cancelled")
_NO_CALLS = "no calls in this time"


@metric("call_rate", "Calls an hour", "calls/h", window_s=HOUR_S)
async def call_rate(look: Look) -> Mapping[str, Figure]:
    """Real calls an hour, those that were refused included."""
    counts = await _counts(look)
    hours = max((look.now - look.since).total_seconds() / HOUR_S, 1 / HOUR_S)
    return {
        name: exact(counts[name].total() / hours, f"{counts[name].total()} calls in {hours:.1f} h") for name in look.use_cases
    }


def _share(status: str, of: tuple[str, ...]) -> Callable[[Look], object]:
    async def compute(look: Look) -> Mapping[str, Figure]:
        counts = await _counts(look)
        found = {}
        for name in look.use_cases:
            n, hits = sum(counts[name][each] for each in of), counts[name][status]
            found[name] = figure_of(wilson(hits, n), f"{hits} of {n} calls") if n else unknown(_NO_CALLS)
        return found

    return compute


def _register_shares() -> None:
    """One metric for each way in which a call can end."""
    shares = (
        ("error_rate", "Failed calls", "failed", _FINAL, "Failed calls, divided by all that ended."),
        (
            "refused_rate",
            "Refused calls",
            "refused",
            _FINAL,
            "Calls refused by guards, budgets, limits or rights, of all that ended.",
        ),
        ("cancelled_rate", "Cancelled calls", "cancelled", _FINAL, "Calls that were cut or hung up on, of all that ended."),
        (
            "held_rate",
            "Held answers",
            "held",
            tuple(CONCLUDED),
            "Answers held for a person, of all that came to an answer or none.",
        ),
        ("decline_rate", "Declined", "declined", tuple(CONCLUDED), "Declined calls, of all that came to an answer or none."),
        (
            "fallback_rate",
            "Fell back",
            "fallback",
            tuple(CONCLUDED),
            "Answers from approved text alone, of all that came to one.",
        ),
    )
    for name, title, status, of, meaning in shares:
        compute = _share(status, of)
        compute.__doc__ = meaning
        metric(name, title, "share", window_s=HOUR_S)(compute)  # type: ignore[arg-type]


_register_shares()


def _latency(share: float) -> Callable[[Look], object]:
    async def compute(look: Look) -> Mapping[str, Figure]:
        counts: dict[str, Counter[int]] = {name: Counter() for name in look.use_cases}
        for each in await stored.day_spreads(look.connection, rollups.TOTAL_MS, look.since.date()):
            if each.use_case in counts:
                counts[each.use_case].update(each.counts)
        return {
            name: figure_of(duration_quantile(own, share), f"{own.total()} calls") if own else unknown(_NO_CALLS)
            for name, own in counts.items()
        }

    return compute


for _name, _title, _at in (
    ("latency_p50", "Latency, median", 0.5),
    ("latency_p90", "Latency, 90 %", 0.9),
    ("latency_p95", "Latency, 95 %", 0.95),
    ("latency_p99", "Latency, 99 %", 0.99),
):
    _compute = _latency(_at)
    _compute.__doc__ = f"The whole time that {_at:.0%} of the calls since the first day of the window did not exceed."
    metric(_name, _title, "ms", window_s=DAY_S)(_compute)  # type: ignore[arg-type]


@metric("trust", "Trust", "share", window_s=DAY_S)
async def mean_trust(look: Look) -> Mapping[str, Figure]:
    """Mean trust of the answers that have a score, since the first day of the window."""
    sums: dict[str, list[float]] = {name: [0, 0.0, 0.0] for name in look.use_cases}
    for each in await stored.day_spreads(look.connection, rollups.TRUST, look.since.date()):
        if each.use_case in sums:
            own = sums[each.use_case]
            sums[each.use_case] = [own[0] + each.counts.total(), own[1] + each.total, own[2] + each.squares]
    return {
        name: figure_of(trust(moments_of_sums(int(n), total, squares)), f"{int(n)} scored answers")
        if n
        else unknown("no scored answers in this time")
        for name, (n, total, squares) in sums.items()
    }


@metric("cost_per_day_usd", "Cost today", "USD")
async def cost_today(look: Look) -> Mapping[str, Figure]:
    """USD charged so far in this UTC day; unknown prices count as the highest known one, as budgets count them."""
    sums = await spending.sums(look.connection, ("use_case",), since=look.now.date())
    charged = {each["use_case"]: each["charged_nanos"] / NANOS for each in sums}
    return {name: exact(charged.get(name, 0.0), f"so far on {look.now:%Y-%m-%d}") for name in look.use_cases}


@metric("budget_used", "Budget used", "share")
async def budget_used(look: Look) -> Mapping[str, Figure]:
    """The share of its tightest budget that a use case has used in this UTC day or month; 1 is all of it."""
    today = await spending.sums(look.connection, ("use_case",), since=look.now.date(), samples=True)
    month = await spending.sums(look.connection, ("use_case",), since=look.now.date().replace(day=1), samples=True)
    by_day, by_month = ({each["use_case"]: each for each in rows} for rows in (today, month))
    found = {}
    for name, use_case in look.use_cases.items():
        budget, used = use_case.budget, []
        for meter, most, sums in (
            ("tokens_per_day", limits(use_case).tokens_per_day, by_day),
            ("tokens_per_month", budget.tokens_per_month if budget else None, by_month),
            ("usd_per_day", budget.usd_per_day if budget else None, by_day),
            ("usd_per_month", budget.usd_per_month if budget else None, by_month),
        ):
            if most:
                row = sums.get(name, {})
                tokens = meter.startswith("tokens")
                spent = (
                    row.get("input_tokens", 0) + row.get("output_tokens", 0) if tokens else row.get("charged_nanos", 0) / NANOS
                )
                used.append((spent / most, f"{spent:,.6g} of {most:,.6g} {meter.replace('_', ' ')}"))
        share, text = max(used, default=(0.0, "no budget"))
        found[name] = exact(share, text)
    return found


async def _counts(look: Look) -> dict[str, Counter[str]]:
    """Calls by status of each use case within the window."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in look.use_cases}
    for each in await stored.hours(look.connection, look.since):
        if each.use_case in counts:
            counts[each.use_case][each.status] += each.calls
    return counts
