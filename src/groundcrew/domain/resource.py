"""Resources that use cases compete for: people's days, tokens and money. How much there is in a period, who asked for how much
of it, who was given it, who gave it up for whom, and what of it was used.

Amounts are counted in hundredths (tokens as whole ones), so that sums are exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal, get_args

import msgspec

Measure = Literal["people_days", "tokens", "usd"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
PeriodLength = Literal["month", "quarter"]
RequestState = Literal["requested", "allocated", "denied", "released"]
#: Where a figure of use comes from: the spending that was recorded, or somebody's word.
UseSource = Literal["recorded", "said"]

AMOUNT_MAX = 1e12
PERIODS_MAX = 24
DONORS_MAX = 50
REQUESTS_MAX = 10_000
CAPACITY_PERIODS_MAX = 200
_MONTH, _QUARTER = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])"), re.compile(r"([0-9]{4})-Q([1-4])")
_UNITS: dict[Measure, tuple[str, str]] = {"people_days": ("day", "days"), "tokens": ("token", "tokens"), "usd": ("USD", "USD")}


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """Something that there is so much of in each period. `capacity` holds for every period that `capacity_of` does not name;
    None: a period that is not named has no capacity that anybody declared, and nothing of it can be given.

    `business_unit` is whose it is ("": everybody's), `skill` what the people can do, `budget_line` where money is booked.
    """

    name: str
    measure: Measure
    owner: str
    period: PeriodLength = "month"
    title: str = ""
    business_unit: str = ""
    skill: str = ""
    budget_line: str = ""
    capacity: float | None = None
    capacity_of: dict[str, float] = {}

    def capacity_in(self, period: str) -> float | None:
        """How much there is in a period, None where nobody said."""
        return self.capacity_of.get(period, self.capacity)


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one period, which a decision gave; `donors` are the requests that gave it up, with how much each."""

    period: str
    amount: float
    decision: str
    at: datetime
    donors: dict[str, float] = {}


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one period that a request had and that a decision gave to another one, `to`, of `to_use_case`."""

    period: str
    amount: float
    to: str
    to_use_case: str
    decision: str
    at: datetime


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a period's allocation was used. `unknown_calls` is how many calls had no known price; they count as the
    dearest known one."""

    period: str
    amount: float
    source: UseSource
    unknown_calls: int = 0


class ResourceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a use case asks of a resource: `amount` in each of `periods`. `given` is what decisions gave, `given_up` what they
    took again for somebody else, `used` how much of what was left had been used when it was released."""

    id: str
    resource: str
    measure: Measure
    use_case: str
    amount: float
    periods: tuple[str, ...]
    purpose: str
    requested_by: str
    requested_at: datetime
    needed_by: date | None = None
    state: RequestState = "requested"
    given: tuple[Given, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    budget_line: str = ""
    decided_at: datetime | None = None
    #: The decision that gave or denied it.
    decision: str = ""
    #: Why it was denied or released.
    reason: str = ""
    released_at: datetime | None = None
    released_by: str | None = None
    used: tuple[Used, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == "requested"

    @property
    def partial(self) -> bool:
        """Whether less was given than was asked for in some period."""
        return self.state == "allocated" and any(
            units(self.measure, self.held_in(each)) < units(self.measure, self.amount) for each in self.periods
        )

    def held_in(self, period: str) -> float:
        """What decisions gave of a period and did not take again, whether or not it was released since."""
        given = sum(units(self.measure, each.amount) for each in self.given if each.period == period)
        lost = sum(units(self.measure, each.amount) for each in self.given_up if each.period == period)
        return amount_of(self.measure, given - lost)

    def taken_in(self, period: str) -> float:
        """How much of a period's capacity it takes: what it holds while it is allocated, what was used of that once it is
        released, nothing otherwise."""
        if self.state == "allocated":
            return self.held_in(period)
        if self.state != "released":
            return 0.0
        used = sum(units(self.measure, each.amount) for each in self.used if each.period == period)
        return amount_of(self.measure, min(used, units(self.measure, self.held_in(period))))


def units(measure: Measure, amount: float) -> int:
    """An amount in the whole units that sums are made of: tokens, or hundredths of a day or of a USD."""
    return round(amount) if measure == "tokens" else round(amount * 100)


def amount_of(measure: Measure, whole: int) -> float:
    """The amount of so many whole units."""
    return float(whole) if measure == "tokens" else whole / 100


def amount_problem(measure: Measure, amount: float, *, zero: bool = False) -> str | None:
    """Why this can not be an amount of `measure`, or None."""
    if not (0 <= amount <= AMOUNT_MAX) or (not zero and amount == 0):
        return f"expected {'0' if zero else 'more than 0'} to {AMOUNT_MAX:,.0f}, found {amount:g}"
    if measure == "tokens" and amount != round(amount):
        return f"tokens are counted whole, found {amount:g}"
    # Whatever was typed with two decimals is a float that is a hair off.
    if measure != "tokens" and abs(amount * 100 - round(amount * 100)) > 1e-6 * max(1.0, amount):
        return f"counted in hundredths at the finest, found {amount:g}"
    return None


def shown_amount(measure: Measure, amount: float) -> str:
    """An amount with its unit, as people read it."""
    one, many = _UNITS[measure]
    number = f"{amount:,.2f}" if measure == "usd" else f"{amount:,.2f}".rstrip("0").rstrip(".")
    return f"{number} {one if amount == 1 else many}"


def period_of(day: date, length: PeriodLength) -> str:
    """The period that a UTC day lies in: ``2026-11``, or ``2026-Q4``."""
    return f"{day:%Y-%m}" if length == "month" else f"{day.year:04d}-Q{(day.month + 2) // 3}"


def period_problem(period: str, length: PeriodLength) -> str | None:
    """Why this names no period of that length, or None."""
    if length == "month":
        return None if _MONTH.fullmatch(period) and period >= "2000" else f"expected a month as YYYY-MM, found {period!r}"
    return None if _QUARTER.fullmatch(period) and period >= "2000" else f"expected a quarter as YYYY-Q1 to Q4, found {period!r}"


def first_of(period: str) -> date:
    """The first day of a period."""
    if match := _QUARTER.fullmatch(period):
        return date(int(match[1]), int(match[2]) * 3 - 2, 1)
    return date(int(period[:4]), int(period[5:7]), 1)


def next_period(period: str) -> str:
    """The period after this one."""
    quarter = _QUARTER.fullmatch(period) is not None
    first, months = first_of(period), 3 if quarter else 1
    month = first.month + months
    return period_of(date(first.year + (month - 1) // 12, (month - 1) % 12 + 1, 1), "quarter" if quarter else "month")


def periods_from(period: str, count: int) -> tuple[str, ...]:
    """`count` periods that follow each other, this one first."""
    found = [period]
    while len(found) < count:
        found.append(next_period(found[-1]))
    return tuple(found[:count])


def taken(resource: Resource, requests: Iterable[ResourceRequest], period: str) -> float:
    """How much of a period's capacity the requests take together."""
    whole = sum(units(resource.measure, each.taken_in(period)) for each in requests if each.resource == resource.name)
    return amount_of(resource.measure, whole)


def room(resource: Resource, requests: Iterable[ResourceRequest], period: str) -> float | None:
    """What is left to give of a period, None where nobody declared its capacity."""
    capacity = resource.capacity_in(period)
    if capacity is None:
        return None
    left = units(resource.measure, capacity) - units(resource.measure, taken(resource, requests, period))
    return amount_of(resource.measure, left)


def give(
    request: ResourceRequest, period: str, amount: float, *, decision: str, at: datetime, donors: Mapping[str, float]
) -> ResourceRequest:
    """`request` with so much of a period given to it."""
    given = Given(period=period, amount=amount, decision=decision, at=at, donors=dict(donors))
    return msgspec.structs.replace(
        request, state="allocated", given=(*request.given, given), decided_at=at, decision=decision, reason=""
    )


def give_up(
    donor: ResourceRequest, period: str, amount: float, *, to: ResourceRequest, decision: str, at: datetime
) -> ResourceRequest:
    """`donor` without so much of a period. It stays allocated, if only to show what it gave up, until it is released."""
    lost = GivenUp(period=period, amount=amount, to=to.id, to_use_case=to.use_case, decision=decision, at=at)
    return msgspec.structs.replace(donor, given_up=(*donor.given_up, lost))
