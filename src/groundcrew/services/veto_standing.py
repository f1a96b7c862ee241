"""Whose a veto is: its filer's, and its function's deputy's where the filer can not see to it. Nobody else's, whatever their
rank."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import User
from groundcrew.domain.veto import MEETINGS_MISSED_MAX, PassedWhy, Veto
from groundcrew.errors import NotAllowed
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of
from groundcrew.services.meeting_records import quorate_since
from groundcrew.services.speakers import require_person, require_speaker
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection


async def deputy_of(connection: Connection, veto: Veto, use_case: UseCase, now: datetime) -> User | None:
    """Who takes a veto on in its filer's place: the first of the function's deputies who holds it, is there, did not file it and
    did not build the system. None where there is nobody."""
    named = await deciding.DEPUTIES.get(connection, veto.function)
    if named is None:
        return None
    built = await persons_who_built(connection, use_case)
    for name in named.people:
        user = await catalog.USERS.get(connection, name)
        if user is None or user.disabled or user.kind != "person" or veto.function not in user.roles:
            continue
        person = user.name.casefold()
        if person == person_of(veto.filed_by) or person in built or await is_away(connection, user.name, now):
            continue
        return user
    return None


async def is_away(connection: Connection, person: str, now: datetime) -> bool:
    """Whether a person is absent now by their own word: nobody takes a veto from its holder by declaring them away."""
    return any(each.own_word and each.lasts_at(now) for each in await catalog.ABSENCES.find(connection, person=person))


async def is_back(connection: Connection, veto: Veto, now: datetime) -> bool:
    """Whether a veto that passed on because its filer was away is theirs alone again."""
    if not veto.active or veto.passed is None or veto.passed.why != "absent":
        return False
    return not await is_away(connection, veto.filed_by.partition(":")[2], now)


async def meetings_missed(connection: Connection, veto: Veto) -> int:
    """How many meetings with a quorum have closed since a look at this veto was due, none of which looked at it; of those within
    one period of the cadence one."""
    return len(await quorate_since(connection, veto.review_at)) if veto.active else 0


async def passing_due(connection: Connection, veto: Veto, use_case: UseCase, now: datetime) -> PassedWhy | None:
    """Why a veto is to pass to the deputy now, None where it is not: its filer's account is closed, they do not hold the function
    any more, they are away while a look is due, or two meetings passed it by."""
    if not veto.active or veto.passed is not None:
        return None
    try:
        filer = await require_person(connection, veto.filed_by)
    except NotAllowed:
        return "disabled"
    try:
        await require_speaker(connection, veto.filed_by, veto.function, "veto", use_case, now)
    except NotAllowed:
        return "left_function"
    if not veto.due(now):
        return None
    if await is_away(connection, filer.name, now):
        return "absent"
    return "unreviewed" if await meetings_missed(connection, veto) >= MEETINGS_MISSED_MAX else None


async def require_holder(connection: Connection, actor: str, veto: Veto, use_case: UseCase, now: datetime) -> None:
    """NotAllowed unless `actor` may see to this veto: who filed it, while they speak for the function; or the function's deputy
    once it has passed on. No rank, no owner and no other function does."""
    user = await require_person(connection, actor)
    if user.name.casefold() == person_of(veto.filed_by):
        await require_speaker(connection, actor, veto.function, "veto", use_case, now)
        return
    filer = person_of(veto.filed_by)
    if veto.passed is None or await is_back(connection, veto, now):
        raise NotAllowed(f"{filer} filed this veto for {veto.function}: only they withdraw it, whoever asks")
    deputy = await deputy_of(connection, veto, use_case, now)
    if deputy is None:
        raise NotAllowed(f"it has passed to the deputy of {veto.function}, and there is none: the Stream names one")
    if deputy.name != user.name:
        raise NotAllowed(f"{filer} filed this veto, and it has passed to {deputy.name}: only they withdraw it, whoever asks")
