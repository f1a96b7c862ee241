"""A Stream for tests: four people who hold a function each, and a meeting that they are in."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.services import bank

from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.meeting import Decision, StreamMeeting
from groundcrew.services.bundle import Services

PEOPLE: dict[Function, str] = {"ethics": "user:eva", "it": "user:ivan", "legal": "user:lea", "business": "user:bert"}
OWNER = "user:maria"


async def people(services: Services) -> None:
    """The four, a second one for IT, an administrator, an owner, an auditor, and a program."""
    for function, actor in PEOPLE.items():
        await bank.accounts(services, actor, roles=(function,))
    await bank.accounts(services, "user:ines", roles=("it", "legal"))
    await bank.accounts(services, "user:root", roles=("admin",))
    await bank.accounts(services, OWNER, roles=("owner",))
    await bank.accounts(services, "user:sam", roles=("auditor",))
    await bank.accounts(services, "user:robot", roles=("it",), kind="agent")


async def meeting(services: Services, *, opened: bool = True, there: tuple[Function, ...] = FUNCTIONS) -> StreamMeeting:
    """A meeting an hour from now, open with those of `there` in it."""
    at = services.database.clock.now() + timedelta(hours=1)
    made = await services.meetings.schedule(at, length_min=60, actor="user:root")
    if opened:
        made = await services.meetings.open(made.id, actor=PEOPLE["it"])
        for function in there:
            await services.meetings.join(made.id, actor=PEOPLE[function], function=function)
    return made


async def decided(services: Services, meeting_id: str, item: str, *, text: str = "so be it", **more: object) -> Decision:
    """A decision that all four are for."""
    proposed = await services.meeting_decisions.propose(meeting_id, item, text=text, actor=PEOPLE["it"], **more)  # type: ignore[arg-type]
    for actor in PEOPLE.values():
        await services.meeting_decisions.vote(proposed.id, "for", actor=actor)
    return await services.meeting_decisions.conclude(proposed.id, actor=PEOPLE["it"])
