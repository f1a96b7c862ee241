"""Champions: appointing them, how much each carries, which units have none, and handing use cases over."""

from __future__ import annotations

import msgspec

from groundcrew.domain.champion import CHAMPIONS_MAX, FORMER_ACCOUNTS_MAX, Champion, same_person
from groundcrew.domain.identifiers import name_problem
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.errors import Conflict, InputError
from groundcrew.services.champion_standing import ChampionStanding, carried, load_max, people_of
from groundcrew.services.lookups import require, require_reason
from groundcrew.services.propagation import propagate
from groundcrew.services.two_people import check_person
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Database, Writer

NAME_LENGTH_MAX, REASON_LENGTH_MAX = 254, 4_000


class ChampionNow(msgspec.Struct, frozen=True, kw_only=True):
    """A champion, how they stand, and the live use cases that they carry. `champion` is None where nobody appointed them and
    use cases only name them."""

    champion: Champion | None
    standing: ChampionStanding
    use_cases: tuple[str, ...]


class UnitNow(msgspec.Struct, frozen=True, kw_only=True):
    """A business unit with its live use cases: who carries them, and those that nobody carries who can, with why."""

    business_unit: str
    use_cases: tuple[str, ...]
    champions: tuple[str, ...]
    uncarried: tuple[tuple[str, str], ...]

    @property
    def covered(self) -> bool:
        """Whether the unit has a champion at all."""
        return bool(self.champions)


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Every unit that has live use cases or a champion, and every champion; `load_max` is what one carries at most."""

    units: tuple[UnitNow, ...]
    champions: tuple[ChampionNow, ...]
    load_max: int


async def coverage_of(connection: Connection) -> Coverage:
    """How units are covered now."""
    people = await people_of(connection)
    live = [each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
    named = {each.champion.strip().casefold(): each.champion for each in live if each.champion}
    names = {**named, **{key: each.name for key, each in people.champions.items()}}
    found = [
        ChampionNow(
            champion=people.champions.get(key),
            standing=people.standing(name),
            use_cases=tuple(each.name for each in carried(live, name)),
        )
        for key, name in sorted(names.items())
    ]
    units = sorted({each.business_unit for each in live} | {each.standing.business_unit for each in found} - {""})
    return Coverage(
        units=tuple(_unit(unit, live, found) for unit in units), champions=tuple(found), load_max=await load_max(connection)
    )


def _unit(unit: str, live: list[UseCase], champions: list[ChampionNow]) -> UnitNow:
    own = [each for each in live if each.business_unit == unit]
    standing = {each.standing.name.strip().casefold(): each.standing for each in champions}
    uncarried: list[tuple[str, str]] = []
    carrying: list[str] = [
        each.standing.name for each in champions if each.standing.state == "active" and each.standing.business_unit == unit
    ]
    for use_case in own:
        if not use_case.champion:
            uncarried.append((use_case.name, "no champion is declared"))
            continue
        found = standing[use_case.champion.strip().casefold()]
        if problem := found.problem(unit):
            uncarried.append((use_case.name, problem))
        elif found.name not in carrying:
            carrying.append(found.name)
    return UnitNow(
        business_unit=unit,
        use_cases=tuple(each.name for each in own),
        champions=tuple(sorted(carrying)),
        uncarried=tuple(uncarried),
    )


class Champions:
    """Champions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def coverage(self) -> Coverage:
        """Units, champions and what each carries."""
        async with self._database.read() as connection:
            return await coverage_of(connection)

    async def get(self, name: str) -> ChampionNow:
        """One champion; NotFound where nobody appointed them."""
        async with self._database.read() as connection:
            champion = await require(connection, deciding.CHAMPIONS, name.strip().casefold())
            people = await people_of(connection)
            live = await catalog.USE_CASES.find(connection)
        return ChampionNow(
            champion=champion,
            standing=people.standing(champion.name),
            use_cases=tuple(each.name for each in carried(live, champion.name)),
        )

    async def appoint(self, name: str, *, business_unit: str, actor: str, account: str = "", reason: str = "") -> Champion:
        """Make a person the champion of a unit, or change whose they are, or what account they have. The account of a program
        champions nothing, nor does one that is closed or not there."""
        name, account = name.strip(), account.strip()
        problem = None if "@" in name else name_problem(name.casefold())
        if problem or len(name) > NAME_LENGTH_MAX:
            raise InputError(problem or f"at most {NAME_LENGTH_MAX} characters", field="name")
        if unit_problem := name_problem(business_unit):
            raise InputError(unit_problem, field="business_unit")
        if len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"at most {REASON_LENGTH_MAX} characters", field="reason")
        async with self._database.write(actor) as writer:
            await check_person(writer.connection, actor, "manage_champions")
            people = await people_of(writer.connection)
            user = people.accounts.get((account or name).casefold())
            if account and user is None:
                raise InputError(f"there is no account {account!r}", field="account")
            if user is not None and (user.disabled or user.kind == "agent"):
                raise Conflict(f"{user.name} is {'closed' if user.disabled else 'a program'}: a champion is a person at work")
            key = name.casefold()
            if key not in people.champions and len(people.champions) >= CHAMPIONS_MAX:
                raise Conflict(f"there are {CHAMPIONS_MAX} champions already")
            champion = Champion(
                name=name,
                business_unit=business_unit,
                account=account,
                former_accounts=_former(people.champions.get(key), account),
                appointed_by=actor,
                appointed_at=writer.clock.now(),
            )
            await deciding.CHAMPIONS.put(writer, champion, "appoint", reason=reason.strip())
        return champion

    async def lapse(self, name: str, *, reason: str, actor: str) -> Champion:
        """Say that somebody is no champion any more. What they carry stays theirs until it is handed over, and no gate takes
        it."""
        require_reason(reason)
        if len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"at most {REASON_LENGTH_MAX} characters", field="reason")
        async with self._database.write(actor) as writer:
            await check_person(writer.connection, actor, "manage_champions")
            champion = await require(writer.connection, deciding.CHAMPIONS, name.strip().casefold())
            if champion.state == "lapsed":
                raise Conflict(f"{champion.name} is no champion since {champion.lapsed_at:%Y-%m-%d}")
            lapsed = msgspec.structs.replace(
                champion, state="lapsed", reason=reason.strip(), lapsed_at=writer.clock.now(), lapsed_by=actor
            )
            await deciding.CHAMPIONS.put(writer, lapsed, "lapse", reason=reason.strip())
        return lapsed

    async def hand_over(
        self, to: str, *, reason: str, actor: str, use_case: str | None = None, source: str | None = None
    ) -> tuple[str, ...]:
        """Hand one use case, or all that `source` carries, to another champion of the same unit who has room for them; returns
        their names. All of them or none."""
        require_reason(reason)
        if len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"at most {REASON_LENGTH_MAX} characters", field="reason")
        if (use_case is None) == (source is None):
            raise InputError("name the use case, or the champion whose use cases all go", field="use_case")
        async with self._database.write(actor) as writer:
            await check_person(writer.connection, actor, "manage_champions")
            champion = await require(writer.connection, deciding.CHAMPIONS, to.strip().casefold())
            given = await _given(writer.connection, use_case, source)
            await _check_taker(writer.connection, champion, given)
            for each in given:
                people = sorted({name for name in (each.owner, each.champion, champion.name) if name})
                details = {"from": each.champion, "to": champion.name, "people": people}
                changed = msgspec.structs.replace(each, champion=champion.name)
                await catalog.USE_CASES.put(writer, changed, "hand_over", reason=reason.strip(), details=details)
            await _note(writer, source or given[0].champion or "", champion, given, reason.strip())
            # The champion is in what gateways read of a use case.
            await writer.touch_snapshot()
        await propagate(self._database)
        return tuple(each.name for each in given)


def _former(before: Champion | None, account: str) -> tuple[str, ...]:
    """The accounts that were on record before this one: what was built under them stays that person's."""
    had = before.accounts if before is not None else ()
    former = tuple(dict.fromkeys(each for each in had if each.casefold() != account.casefold()))
    if len(former) > FORMER_ACCOUNTS_MAX:
        raise Conflict(f"{FORMER_ACCOUNTS_MAX} accounts were on record already: keep the present one")
    return former


async def _note(writer: Writer, source: str, champion: Champion, given: tuple[UseCase, ...], reason: str) -> None:
    """Say in the taker's own record who handed what over."""
    details = {"from": source, "use_cases": [each.name for each in given]}
    await deciding.CHAMPIONS.put(writer, champion, "take_over", reason=reason, details=details)


async def _given(connection: Connection, use_case: str | None, source: str | None) -> tuple[UseCase, ...]:
    live = await catalog.USE_CASES.find(connection)
    if use_case is not None:
        item = await require(connection, catalog.USE_CASES, use_case)
        if item.stage in TERMINAL_STAGES:
            raise Conflict(f"{use_case} is {item.stage}: nobody has to carry it")
        return (item,)
    found = carried(live, source or "")
    if not found:
        raise Conflict(f"{source} carries no live use case")
    return found


async def _check_taker(connection: Connection, champion: Champion, given: tuple[UseCase, ...]) -> None:
    standing = (await people_of(connection)).standing(champion.name)
    for each in given:
        if problem := standing.problem(each.business_unit):
            raise Conflict(f"{each.name}: {problem}")
        if each.champion is not None and same_person(each.champion, champion.name):
            raise Conflict(f"{champion.name} carries {each.name} already")
    load, most = len(carried(await catalog.USE_CASES.find(connection), champion.name)) + len(given), await load_max(connection)
    if load > most:
        raise Conflict(f"{champion.name} would carry {load} live use cases, and one person carries at most {most}")
