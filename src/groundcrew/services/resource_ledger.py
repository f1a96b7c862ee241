"""The ledger's own rules, in the transaction of whoever writes: what a decision gives, what it takes from whom, what was used.

What is given of a period never exceeds its capacity: all that bears on it is read in the transaction that writes, and writers
of one database take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from groundcrew.domain.resource import (
    DONORS_MAX,
    PERIODS_MAX,
    Measure,
    Resource,
    ResourceRequest,
    Used,
    amount_of,
    amount_problem,
    first_of,
    give,
    give_up,
    next_period,
    period_problem,
    room,
    shown_amount,
    taken,
    units,
)
from groundcrew.domain.spending import NANOS
from groundcrew.errors import Conflict, InputError
from groundcrew.services.lookups import require, require_reason, require_use_case
from groundcrew.store import deciding, spending
from groundcrew.store.database import Connection, Writer

TEXT_LENGTH_MAX = 4_000


class DonorTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that gives up so much of each period, for the one that the terms are of."""

    request: str
    amount: float


class AllocationTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a decision gives: `amount` of each period (what was asked where it says nothing), one `period`, several, or all that
    were asked for; who gives it up; and for money the budget line that it is booked on."""

    amount: float | None = None
    period: str | None = None
    periods: tuple[str, ...] = ()
    donors: tuple[DonorTerms, ...] = ()
    budget_line: str = ""


class Allocated(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what somebody waits for was given, and how that stands in words."""

    met: bool
    words: str


def read_terms(terms: Mapping[str, Any]) -> AllocationTerms:
    """A decision's terms as a struct. InputError names what is wrong."""
    try:
        found = msgspec.convert(dict(terms), AllocationTerms)
    except msgspec.ValidationError as error:
        raise InputError(str(error), field="terms") from None
    if found.period is not None and found.periods:
        raise InputError("name one period, or several", field="terms.periods")
    if len(found.periods) > PERIODS_MAX or len(found.donors) > DONORS_MAX:
        raise InputError(f"at most {PERIODS_MAX} periods and {DONORS_MAX} donors", field="terms")
    if len({each.request for each in found.donors}) != len(found.donors):
        raise InputError("a donor is named twice", field="terms.donors")
    if len(found.budget_line) > 200:
        raise InputError("at most 200 characters", field="terms.budget_line")
    return found


async def allocate_in(writer: Writer, *, decision: str, request: str, terms: Mapping[str, Any]) -> ResourceRequest:
    """Give what a decision says of a request's resource, all of it or nothing. Conflict beyond what was asked, beyond the
    capacity, beyond what donors have left, and for a period that is over or whose capacity nobody declared."""
    said = read_terms(terms)
    asked = await require(writer.connection, deciding.RESOURCE_REQUESTS, request)
    if asked.state not in ("requested", "allocated"):
        raise Conflict(f"request {request} is {asked.state}: what is needed again is asked for again")
    resource = await require(writer.connection, deciding.RESOURCES, asked.resource)
    periods = said.periods or ((said.period,) if said.period is not None else asked.periods)
    amount = said.amount if said.amount is not None else asked.amount
    _check(asked, periods, amount, said.donors, writer.clock.now().date())
    for period in periods:
        asked = await _give_period(writer, resource, asked, period, amount, said, decision)
    if said.budget_line or resource.budget_line:
        asked = msgspec.structs.replace(asked, budget_line=said.budget_line or resource.budget_line)
    donors = {each.request: await _named(writer.connection, each) for each in said.donors}
    details = {"decision": decision, "periods": list(periods), "amount": amount, "partial": asked.partial, "donors": donors}
    await deciding.RESOURCE_REQUESTS.put(writer, asked, "allocate", details=details)
    return asked


def _check(asked: ResourceRequest, periods: Sequence[str], amount: float, donors: Sequence[DonorTerms], today: date) -> None:
    if problem := amount_problem(asked.measure, amount):
        raise InputError(problem, field="terms.amount")
    for each in donors:
        if problem := amount_problem(asked.measure, each.amount):
            raise InputError(problem, field="terms.donors.amount")
    if sum(units(asked.measure, each.amount) for each in donors) > units(asked.measure, amount):
        raise InputError(f"the donors give up more than {shown_amount(asked.measure, amount)}", field="terms.donors")
    if len(set(periods)) != len(periods):
        raise InputError("a period is named twice", field="terms.periods")
    for period in periods:
        if period not in asked.periods:
            raise Conflict(f"request {asked.id} asks for {', '.join(asked.periods)}, not for {period}")
        if first_of(next_period(period)) <= today:
            raise Conflict(f"{period} is over: nothing of it can be given any more")
        if units(asked.measure, asked.held_in(period)) + units(asked.measure, amount) > units(asked.measure, asked.amount):
            raise Conflict(f"request {asked.id} asks for {shown_amount(asked.measure, asked.amount)} in {period}, not for more")


async def _give_period(
    writer: Writer,
    resource: Resource,
    asked: ResourceRequest,
    period: str,
    amount: float,
    said: AllocationTerms,
    decision: str,
) -> ResourceRequest:
    """Take from the donors, then give, then look whether it is all within the capacity."""
    now = writer.clock.now()
    for each in said.donors:
        donor = await _donor(writer.connection, asked, each, period)
        lessened = give_up(donor, period, each.amount, to=asked, decision=decision, at=now)
        owner = (await require_use_case(writer.connection, donor.use_case)).owner
        details = {"decision": decision, "period": period, "amount": each.amount, "to": asked.id, "owner": owner}
        await deciding.RESOURCE_REQUESTS.put(writer, lessened, "give_up", details=details)
    others = [each for each in await ledger_of(writer.connection, resource.name) if each.id != asked.id]
    donated = {each.request: each.amount for each in said.donors}
    given = give(asked, period, amount, decision=decision, at=now, donors=donated)
    left = room(resource, [*others, given], period)
    if left is None:
        raise Conflict(f"nobody declared how much of {resource.name} there is in {period}: that comes first")
    if left < 0:
        free = shown_amount(resource.measure, max(room(resource, [*others, asked], period) or 0.0, 0.0))
        raise Conflict(
            f"{resource.name} has {free} left in {period}, not {shown_amount(resource.measure, amount)}: "
            "give less, or name donors that give it up"
        )
    return given


async def _donor(connection: Connection, asked: ResourceRequest, terms: DonorTerms, period: str) -> ResourceRequest:
    donor = await require(connection, deciding.RESOURCE_REQUESTS, terms.request)
    if donor.id == asked.id:
        raise InputError("a request gives nothing to itself", field="terms.donors")
    if donor.resource != asked.resource:
        raise Conflict(f"request {donor.id} has {donor.resource}, not {asked.resource}")
    if donor.state != "allocated":
        raise Conflict(f"request {donor.id} is {donor.state}: it has nothing to give up")
    used = await recorded_use(connection, donor, period)
    spent = units(donor.measure, used.amount) if used is not None else 0
    left = units(donor.measure, donor.held_in(period)) - spent
    if units(donor.measure, terms.amount) > left:
        kept = shown_amount(donor.measure, amount_of(donor.measure, max(left, 0)))
        raise Conflict(f"request {donor.id} of {donor.use_case} has {kept} of {period} left, not what it is to give up")
    return donor


async def _named(connection: Connection, donor: DonorTerms) -> dict[str, Any]:
    """A donor as the audit log names it."""
    found = await require(connection, deciding.RESOURCE_REQUESTS, donor.request)
    owner = (await require_use_case(connection, found.use_case)).owner
    return {"amount": donor.amount, "use_case": found.use_case, "owner": owner}


async def deny_in(writer: Writer, *, decision: str, request: str, reason: str) -> ResourceRequest:
    """Refuse a request that waits; a reason is asked for."""
    require_reason(reason)
    if len(reason) > TEXT_LENGTH_MAX:
        raise InputError(f"at most {TEXT_LENGTH_MAX} characters", field="reason")
    asked = await require(writer.connection, deciding.RESOURCE_REQUESTS, request)
    if asked.state != "requested":
        raise Conflict(f"request {request} is {asked.state} already")
    denied = msgspec.structs.replace(
        asked, state="denied", decision=decision, decided_at=writer.clock.now(), reason=reason.strip()
    )
    await deciding.RESOURCE_REQUESTS.put(writer, denied, "deny", reason=reason.strip(), details={"decision": decision})
    return denied


async def ledger_of(connection: Connection, resource: str) -> list[ResourceRequest]:
    """The requests that take something of a resource, or did."""
    return [
        each
        for state in ("allocated", "released")
        for each in await deciding.RESOURCE_REQUESTS.find(connection, resource=resource, state=state)
    ]


async def check_capacity(connection: Connection, resource: Resource) -> None:
    """Conflict where a resource, as it is to be, has less in some period than is allocated of it, or is counted in something
    else than what was asked for."""
    requests = await deciding.RESOURCE_REQUESTS.find(connection, resource=resource.name)
    if any(each.measure != resource.measure for each in requests):
        raise Conflict(f"{resource.name} was asked for in {requests[0].measure}: declare another resource for {resource.measure}")
    for period in sorted({period for each in requests for period in each.periods}):
        if period_problem(period, resource.period):
            raise Conflict(f"{resource.name} was asked for in {period}: its periods stay what they are")
        left = room(resource, requests, period)
        if (left is None and taken(resource, requests, period)) or (left is not None and left < 0):
            held = shown_amount(resource.measure, taken(resource, requests, period))
            raise Conflict(f"{held} of {resource.name} in {period} are allocated: release or reallocate them first")


def with_kept_capacity(declared: Resource, old: Resource | None) -> Resource:
    """A declared resource; one that says no capacity keeps what people said since."""
    if old is None or declared.capacity is not None or declared.capacity_of or declared.period != old.period:
        return declared
    return msgspec.structs.replace(declared, capacity=old.capacity, capacity_of=old.capacity_of)


async def recorded_use(connection: Connection, request: ResourceRequest, period: str) -> Used | None:
    """What the recorded calls of the request's use case have used of what it was given in a period; None for people's days,
    which no call tells of. What one use case used is counted against its older allocations first, so that nothing counts
    twice."""
    total = await recorded(connection, request.measure, request.use_case, period)
    if total is None:
        return None
    older = sum(
        units(each.measure, each.taken_in(period))
        for each in await deciding.RESOURCE_REQUESTS.find(connection, use_case=request.use_case)
        if each.measure == request.measure and each.id < request.id
    )
    own = min(max(units(request.measure, total.amount) - older, 0), units(request.measure, request.held_in(period)))
    return msgspec.structs.replace(total, amount=amount_of(request.measure, own))


async def recorded(connection: Connection, measure: Measure, use_case: str, period: str) -> Used | None:
    """All that the recorded calls of a use case have used in a period: tokens, or USD with calls of unknown price counted as
    the dearest known one. None for people's days."""
    if measure == "people_days":
        return None
    last = first_of(next_period(period)) - timedelta(days=1)
    rows = await spending.sums(connection, (), since=first_of(period), until=last, use_case=use_case)
    found = rows[0] if rows else {}
    if measure == "tokens":
        return Used(period=period, amount=float(found.get("input_tokens", 0) + found.get("output_tokens", 0)), source="recorded")
    usd = amount_of("usd", -(-int(found.get("charged_nanos", 0)) * 100 // NANOS))
    return Used(period=period, amount=usd, source="recorded", unknown_calls=int(found.get("unknown_calls", 0)))


async def allocated_in(
    connection: Connection,
    request: str | None = None,
    *,
    use_case: str | None = None,
    measure: Measure | None = None,
    resource: str | None = None,
    amount: float | None = None,
    today: date | None = None,
) -> Allocated:
    """Whether a resource was allocated: by this request, in every period that it asks for, in full or `amount` of it; or to a
    use case, all that it has of a `measure` or `resource` in periods that are not over at `today` together, `amount` or
    anything at all. What was released or given up does not count; what there is not is not met."""
    if request is not None:
        found = await deciding.RESOURCE_REQUESTS.get(connection, request)
        if found is None:
            return Allocated(met=False, words=f"there is no resource request {request}")
        wanted = units(found.measure, amount if amount is not None else found.amount)
        held = min(units(found.measure, found.held_in(each)) for each in found.periods)
        met = found.state == "allocated" and held >= wanted
        has = shown_amount(found.measure, amount_of(found.measure, held))
        of = shown_amount(found.measure, amount_of(found.measure, wanted))
        words = f"request {request} is {found.state}"
        return Allocated(met=met, words=words if found.state != "allocated" else f"{words}: {has} of {of}")
    if use_case is None:
        raise InputError("name a request, or a use case", field="request")
    total = 0
    for each in await deciding.RESOURCE_REQUESTS.find(connection, use_case=use_case, state="allocated"):
        if measure not in (None, each.measure) or resource not in (None, each.resource):
            continue
        live = [period for period in each.periods if today is None or first_of(next_period(period)) > today]
        total += sum(units(each.measure, each.held_in(period)) for period in live)
    what = resource or measure or "resource"
    known: Measure = measure or "people_days"
    if resource is not None and (item := await deciding.RESOURCES.get(connection, resource)) is not None:
        known = item.measure
    wanted = max(units(known, amount), 1) if amount is not None else 1
    return Allocated(
        met=total >= wanted,
        words=f"{use_case} has {shown_amount(known, amount_of(known, total))} of {what}"
        + (f" of {shown_amount(known, amount)} wanted" if amount is not None else ""),
    )
