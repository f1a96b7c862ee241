"""The ledger of resources: capacity, requests, allocations and who gave what up. What is given is given by a decision of the
Stream (`decision_effects.allocate_resource`); here is how much there is, who asks, and what is given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.resource import (
    CAPACITY_PERIODS_MAX,
    PERIODS_MAX,
    REQUESTS_MAX,
    RequestState,
    Resource,
    ResourceRequest,
    Used,
    amount_of,
    amount_problem,
    first_of,
    period_of,
    period_problem,
    periods_from,
    room,
    shown_amount,
    taken,
    units,
)
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import person_of, require, require_reason, require_use_case
from groundcrew.services.resource_ledger import TEXT_LENGTH_MAX, allocated_in, check_capacity, ledger_of, recorded_use
from groundcrew.services.two_people import ROLES_OF, check_person, person_account
from groundcrew.store import deciding
from groundcrew.store.database import Connection, Database, Writer

__all__ = ["PeriodNow", "RequestNow", "ResourceNow", "Resources", "allocated_in"]

#: Periods that a page shows, this one first.
PERIODS_SHOWN = 6


class PeriodNow(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a resource. `allocated` is what allocations hold, `used` what released ones had used of theirs; `free` is
    None where nobody declared a capacity; `asked` is what requests wait for."""

    period: str
    capacity: float | None
    allocated: float
    used: float
    free: float | None
    asked: float

    @property
    def short(self) -> bool:
        """Whether more is asked for than can be given."""
        return self.asked > (self.free or 0.0)


class ResourceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A resource, its periods from this one on, and the requests for it that wait or hold something, oldest first."""

    resource: Resource
    periods: tuple[PeriodNow, ...]
    requests: tuple[ResourceRequest, ...]


class PlannedUse(msgspec.Struct, frozen=True, kw_only=True):
    """A period of a request: what it holds, and what was used of that so far, None where nothing tells."""

    period: str
    held: float
    used: Used | None


class RequestNow(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its resource, the owner of its use case, planned against used, and the requests that gave to it."""

    request: ResourceRequest
    resource: Resource
    owner: str
    use: tuple[PlannedUse, ...]
    donors: tuple[ResourceRequest, ...]


class Resources:
    """The ledger of resources of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, *, periods: int = PERIODS_SHOWN) -> list[ResourceNow]:
        """Every resource as it stands, with so many periods from this one on."""
        today = self._database.clock.now().date()
        async with self._database.read() as connection:
            return [await _now(connection, each, today, periods) for each in await deciding.RESOURCES.find(connection)]

    async def get(self, name: str, *, periods: int = PERIODS_SHOWN) -> ResourceNow:
        """One resource; NotFound names the nearest."""
        if not 1 <= periods <= PERIODS_MAX:
            raise InputError(f"expected 1 to {PERIODS_MAX} periods", field="periods")
        async with self._database.read() as connection:
            resource = await require(connection, deciding.RESOURCES, name)
            return await _now(connection, resource, self._database.clock.now().date(), periods)

    async def set_capacity(self, name: str, amount: float, *, actor: str, reason: str, period: str | None = None) -> Resource:
        """Say how much there is in one period, or in each that no capacity of its own is declared for. Conflict below what is
        allocated already: that is released or given to somebody else first."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            await check_person(writer.connection, actor, "manage_resources")
            resource = await require(writer.connection, deciding.RESOURCES, name)
            if problem := amount_problem(resource.measure, amount, zero=True):
                raise InputError(problem, field="amount")
            if period is None:
                changed = msgspec.structs.replace(resource, capacity=amount)
            else:
                if problem := period_problem(period, resource.period):
                    raise InputError(problem, field="period")
                changed = msgspec.structs.replace(resource, capacity_of={**resource.capacity_of, period: amount})
            if len(changed.capacity_of) > CAPACITY_PERIODS_MAX:
                raise InputError(f"at most {CAPACITY_PERIODS_MAX} periods", field="period")
            await check_capacity(writer.connection, changed)
            details = {"period": period, "amount": amount}
            await deciding.RESOURCES.put(writer, changed, "set_capacity", reason=reason, details=details)
        return changed

    async def requests(
        self, *, state: RequestState | None = None, use_case: str | None = None, resource: str | None = None, limit: int = 200
    ) -> list[ResourceRequest]:
        """The newest first, in one state, of one use case or for one resource where given."""
        given = {"state": state, "use_case": use_case, "resource": resource}
        equal: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        async with self._database.read() as connection:
            return await deciding.RESOURCE_REQUESTS.find(connection, newest_first=True, limit=limit, **equal)

    async def request_now(self, request_id: str) -> RequestNow:
        """One request with what it held and used; NotFound."""
        async with self._database.read() as connection:
            request = await require(connection, deciding.RESOURCE_REQUESTS, request_id)
            resource = await require(connection, deciding.RESOURCES, request.resource)
            use_case = await require_use_case(connection, request.use_case)
            use = [
                PlannedUse(period=each, held=request.held_in(each), used=await _used(connection, request, each))
                for each in request.periods
            ]
            names = sorted({name for each in request.given for name in each.donors})
            donors = await deciding.RESOURCE_REQUESTS.find_ids(connection, names)
        return RequestNow(
            request=request,
            resource=resource,
            owner=use_case.owner,
            use=tuple(use),
            donors=tuple(sorted(donors, key=lambda each: each.id)),
        )

    async def request(
        self,
        *,
        resource: str,
        use_case: str,
        amount: float,
        periods: Sequence[str],
        purpose: str,
        actor: str,
        needed_by: date | None = None,
    ) -> ResourceRequest:
        """Ask for so much of a resource in each of `periods` (this one where none is named). It waits for a decision. NotAllowed
        for a program's account: what the Stream weighs is a person's need."""
        purpose = purpose.strip()
        if not purpose or len(purpose) > TEXT_LENGTH_MAX:
            raise InputError(f"say what for, in at most {TEXT_LENGTH_MAX} characters", field="purpose")
        async with self._database.write(actor) as writer:
            if not actor.startswith("cli:"):
                await person_account(writer.connection, actor)
            item = await require(writer.connection, deciding.RESOURCES, resource)
            carrier = await require_use_case(writer.connection, use_case)
            if carrier.stage in TERMINAL_STAGES:
                raise Conflict(f"{use_case} is {carrier.stage}: it needs nothing any more")
            if item.business_unit and item.business_unit != carrier.business_unit:
                raise Conflict(f"{resource} is {item.business_unit}'s, and {use_case} is of {carrier.business_unit}")
            if problem := amount_problem(item.measure, amount):
                raise InputError(problem, field="amount")
            today = writer.clock.now().date()
            if needed_by is not None and needed_by < today:
                raise InputError(f"{needed_by} is past", field="needed_by")
            if await deciding.RESOURCE_REQUESTS.count(writer.connection) >= REQUESTS_MAX:
                raise Conflict(f"the ledger holds at most {REQUESTS_MAX} requests")
            asked = ResourceRequest(
                id=new_id(),
                resource=resource,
                measure=item.measure,
                use_case=use_case,
                amount=amount,
                periods=_periods(item, periods, today),
                purpose=purpose,
                needed_by=needed_by,
                requested_by=actor,
                requested_at=writer.clock.now(),
            )
            await deciding.RESOURCE_REQUESTS.put(writer, asked, "request", reason=purpose)
        return asked

    async def release(
        self, request_id: str, *, reason: str, actor: str, used: Mapping[str, float] | None = None
    ) -> ResourceRequest:
        """Give back what is not used, or withdraw a request that waits. `used` is what was used of each period: of people's
        days it must be said, of money more than was recorded may be, of tokens nothing but what was recorded counts. NotAllowed
        but for who asked, the owner and the champion of the use case, and who manages resources."""
        require_reason(reason)
        if len(reason) > TEXT_LENGTH_MAX:
            raise InputError(f"at most {TEXT_LENGTH_MAX} characters", field="reason")
        async with self._database.write(actor) as writer:
            request = await require(writer.connection, deciding.RESOURCE_REQUESTS, request_id)
            await _check_releaser(writer.connection, actor, request)
            if request.state not in ("requested", "allocated"):
                raise Conflict(f"request {request_id} is {request.state}: there is nothing to release")
            said = dict(used or {})
            found: tuple[Used, ...] = ()
            if request.state == "allocated":
                found = await _final_use(writer, request, said)
            elif said:
                raise InputError("nothing of it was given, so nothing was used", field="used")
            released = msgspec.structs.replace(
                request,
                state="released",
                reason=reason.strip(),
                released_at=writer.clock.now(),
                released_by=actor,
                used=found,
            )
            details = {"used": {each.period: each.amount for each in found}}
            await deciding.RESOURCE_REQUESTS.put(writer, released, "release", reason=reason.strip(), details=details)
        return released

    async def due_first(self) -> list[ResourceRequest]:
        """Requests that wait, the one that is needed first, first."""
        async with self._database.read() as connection:
            found = await deciding.RESOURCE_REQUESTS.find(connection, state="requested")
        return sorted(found, key=lambda each: (each.needed_by or first_of(each.periods[0]), each.id))


async def _check_releaser(connection: Connection, actor: str, request: ResourceRequest) -> None:
    """What a decision of the Stream gave to a use case is given back by those whom it concerns, and by nobody else."""
    if actor.startswith("cli:"):
        return
    account = await person_account(connection, actor)
    use_case = await require_use_case(connection, request.use_case)
    concerned = {person_of(request.requested_by)}
    for name in (use_case.owner, use_case.champion or ""):
        champion = await deciding.CHAMPIONS.get(connection, name.strip().casefold())
        signs_in_as = champion.account if champion is not None and champion.state == "active" else ""
        concerned |= {person_of(each.strip()) for each in (name, signs_in_as) if each.strip()}
    if person_of(actor) not in concerned and not ROLES_OF["manage_resources"] & set(account.roles):
        raise NotAllowed(
            f"{account.name} may not release what {request.use_case} has: who asked for it does, its owner or champion, or "
            f"{' or '.join(sorted(ROLES_OF['manage_resources']))}"
        )


def _periods(resource: Resource, periods: Sequence[str], today: date) -> tuple[str, ...]:
    current = period_of(today, resource.period)
    wanted = tuple(sorted(dict.fromkeys(periods))) or (current,)
    if len(wanted) > PERIODS_MAX:
        raise InputError(f"at most {PERIODS_MAX} periods", field="periods")
    for each in wanted:
        if problem := period_problem(each, resource.period):
            raise InputError(problem, field="periods")
        if each < current:
            raise InputError(f"{each} is over", field="periods")
    return wanted


async def _now(connection: Connection, resource: Resource, today: date, count: int) -> ResourceNow:
    waiting = await deciding.RESOURCE_REQUESTS.find(connection, resource=resource.name, state="requested")
    ledger = await ledger_of(connection, resource.name)
    found = []
    for period in periods_from(period_of(today, resource.period), count):
        held = sum(units(resource.measure, each.held_in(period)) for each in ledger if each.state == "allocated")
        all_taken = taken(resource, ledger, period)
        asked = sum(units(resource.measure, each.amount) for each in waiting if period in each.periods)
        found.append(
            PeriodNow(
                period=period,
                capacity=resource.capacity_in(period),
                allocated=amount_of(resource.measure, held),
                used=amount_of(resource.measure, units(resource.measure, all_taken) - held),
                free=room(resource, ledger, period),
                asked=amount_of(resource.measure, asked),
            )
        )
    live = [each for each in (*waiting, *ledger) if each.state != "released"]
    return ResourceNow(resource=resource, periods=tuple(found), requests=tuple(sorted(live, key=lambda each: each.id)))


async def _used(connection: Connection, request: ResourceRequest, period: str) -> Used | None:
    """What was used of a period, as it was kept on release, or as recorded so far."""
    if request.state == "released":
        return next((each for each in request.used if each.period == period), None)
    return await recorded_use(connection, request, period) if request.state == "allocated" else None


async def _final_use(writer: Writer, request: ResourceRequest, said: Mapping[str, float]) -> tuple[Used, ...]:
    """What was used of each period that something was given of; InputError where nothing tells and nobody says."""
    for period in said:
        if period not in request.periods:
            raise InputError(f"request {request.id} has nothing of {period}", field="used")
    current = writer.clock.now().date()
    found = []
    for period in request.periods:
        held = request.held_in(period)
        if not units(request.measure, held):
            continue
        recorded = await recorded_use(writer.connection, request, period)
        amount = said.get(period)
        if amount is not None and (problem := amount_problem(request.measure, amount, zero=True)):
            raise InputError(problem, field="used")
        if recorded is None or (request.measure == "usd" and amount is not None):
            begun = first_of(period) <= current
            if amount is None and begun:
                raise InputError(f"say how much of {period} was used: no call tells of people's days", field="used")
            floor = recorded.amount if recorded is not None else 0.0
            if amount is not None and amount < floor:
                raise InputError(f"{shown_amount(request.measure, floor)} of {period} are on record already", field="used")
            if amount is not None and amount > held:
                raise InputError(f"{shown_amount(request.measure, held)} of {period} were given, not more", field="used")
            found.append(Used(period=period, amount=amount or 0.0, source="said"))
            continue
        if amount is not None:
            raise InputError(f"what was used of {period} is recorded: leave it out", field="used")
        found.append(recorded)
    return tuple(found)
