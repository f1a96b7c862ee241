"""500 held drafts, three servers on one PostgreSQL database, people who race for each draft, and servers that die and come back:
each draft is decided once, told once, and what leaves is what was signed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.unit.services import bank
from tests.unit.services.test_sign_off_work import account

from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import SignOff, text_digest
from groundcrew.domain.sign_off_steps import release_problem
from groundcrew.domain.use_case import SignOffRule
from groundcrew.errors import Conflict, NotAllowed
from groundcrew.jobs.sign_off_keeper import SignOffKeeper
from groundcrew.services.bundle import Services, open_services
from groundcrew.store import catalog
from groundcrew.store.database import Database
from groundcrew.testing import FakeClock

DRAFTS, SERVERS, PEOPLE, RESTARTS = 500, 3, 6, 5
#: One in so many takes two people; so many are left until their time is over.
TWO_READERS_EVERY, EXPIRING = 8, 25
EXPIRES_S = 3_600
#: How often somebody claims a draft before they decide it.
CLAIMING = 0.3
WAIT_S_MAX = 300

pytestmark = pytest.mark.postgres


class Server:
    """One server on the database, with people at work on it; `restart` ends it in the middle of whatever it does."""

    def __init__(self, url: str, folder: Path, clock: FakeClock) -> None:
        self._url, self._folder, self._clock = url, folder, clock
        self.services: Services
        self._work: list[asyncio.Task[None]] = []

    async def start(self, works: list[Any]) -> None:
        self.services = Services(await Database.open(self._url, self._clock), self._folder)
        self._work = [asyncio.create_task(each(self)) for each in works]

    async def kill(self) -> None:
        for each in self._work:
            each.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.services.database.close()


async def hold_all(services: Services) -> dict[str, int]:
    """The drafts, and how many people each takes."""
    held: dict[str, int] = {}
    for start in range(0, DRAFTS, 50):
        calls = []
        for number in range(start, start + 50):
            use_case = "two" if number % TWO_READERS_EVERY == 0 else "one"
            now = services.database.clock.now()
            draft = f"Draft {number}."
            fields = {"status": "held", "answer": "", "withheld_answer": draft, "received_at": now}
            calls.append(bank.call(use_case=use_case, sign_off_id=new_id(), **fields))
            held[str(calls[-1].sign_off_id)] = 2 if use_case == "two" else 1
        await services.calls.ship(calls, gateway="gateway-1")
    return held


async def prepare(url: str, folder: Path, clock: FakeClock) -> dict[str, int]:
    async with bank.opened(url, folder, clock, bare=True) as services:
        async with services.database.write("test") as writer:
            await catalog.CHANNELS.put(writer, Channel(name="desk", kind="email", to=("desk@bank.example",)), "apply")
            for number in range(PEOPLE):
                await catalog.USERS.put(writer, account(f"person-{number}"), "create")
            for name, readers in (("one", 1), ("two", 2)):
                rule = SignOffRule(
                    when="always", qualification="clerk", readers=readers, expires_after_s=EXPIRES_S, webhook="desk"
                )
                use_case = bank.use_case(name=name, data_classes=("internal",), mask="patterns", sign_off=rule)
                await catalog.USE_CASES.put(writer, use_case, "declare")
        return await hold_all(services)


async def test_five_hundred_drafts_are_each_decided_once_whatever_dies(postgres_url: str, tmp_path: Path) -> None:
    clock = FakeClock()
    held = await prepare(postgres_url, tmp_path, clock)
    left_alone = set(sorted(held)[-EXPIRING:])
    random = Random(7)
    said: Counter[str] = Counter()
    open_ones = dict.fromkeys(each for each in held if each not in left_alone)

    async def person(server: Server, name: str) -> None:
        """Decides what nobody else has, sometimes what somebody else has just taken."""
        who = account(name)
        while open_ones:
            # The first few of those that are left: people who work down the same queue meet at the same draft.
            item = random.choice(list(islice(open_ones, 2 * PEOPLE)))
            try:
                if random.random() < CLAIMING:
                    await server.services.sign_offs.claim(item, who)
                signed = await decide(server.services, item, name, random)
            except (Conflict, NotAllowed):
                if (await server.services.sign_offs.get(item)).state != "pending":
                    open_ones.pop(item, None)
                continue
            if signed.state != "pending":
                said[item] += 1
                open_ones.pop(item, None)

    async def keeper(server: Server) -> None:
        await SignOffKeeper(server.services, every_s=0.5).run()

    def works(first: int) -> list[Any]:
        names = [f"person-{number}" for number in range(first, PEOPLE, SERVERS)]
        return [keeper, *(lambda server, name=name: person(server, name) for name in names)]

    servers = [Server(postgres_url, tmp_path, clock) for _ in range(SERVERS)]
    started = time.monotonic()
    for number, each in enumerate(servers):
        await each.start(works(number))
    for number in range(RESTARTS):
        goal = len(open_ones) * (RESTARTS - number) // (RESTARTS - number + 1)
        await until(lambda goal=goal: len(open_ones) <= goal)
        server = number % SERVERS
        await servers[server].kill()
        await servers[server].start(works(server))
    while open_ones:
        # Claims of people whose server died end by themselves.
        clock.advance(5)
        await asyncio.sleep(0.05)
    clock.advance(EXPIRES_S)
    await wait_for_expiry(servers[0].services)
    for each in servers:
        await each.kill()
    await check(postgres_url, tmp_path, held, left_alone, said)
    print(f"{DRAFTS} drafts by {PEOPLE} people on {SERVERS} servers with {RESTARTS} deaths: {time.monotonic() - started:.1f} s")


async def decide(services: Services, item: str, name: str, random: Random) -> SignOff:
    """What one person says of the text that stands."""
    stands = await services.sign_offs.get(item)
    decision: Any = random.choices(("approve", "edit", "reject"), (7, 2, 1))[0]
    return await services.sign_offs.decide(
        item,
        decision,
        signer=account(name),
        text=f"{stands.draft} Edited by {name}." if decision == "edit" else None,
        comment="no" if decision == "reject" else "",
        sha256=stands.sha256_to_sign,
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def wait_for_expiry(services: Services) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while await services.sign_off_queue.waiting():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def check(url: str, folder: Path, held: dict[str, int], left_alone: set[str], said: Counter[str]) -> None:
    services = await open_services(url, folder)
    try:
        async with services.database.read() as connection:
            found = {each.id: each for each in await catalog.SIGN_OFFS.find(connection)}
            told = Counter((each.subject, each.event) for each in await catalog.DELIVERIES.find(connection))
        assert found.keys() == held.keys()
        states: Counter[str] = Counter(each.state for each in found.values())
        assert set(states) == {"approved", "edited", "rejected", "expired"}
        # A server may die after its transaction and before its person hears of it; nobody is told twice.
        assert max(said.values()) == 1
        for item, sign_off in found.items():
            assert (sign_off.state == "expired") == (item in left_alone)
            subject = f"sign-off/{item}"
            released = sign_off.state in ("approved", "edited")
            assert told[subject, "sign_off.released"] == released
            assert told[subject, "sign_off.rejected"] == (sign_off.state == "rejected")
            assert told[subject, "sign_off.expired"] == (sign_off.state == "expired")
            if released:
                assert release_problem(sign_off) == ""
                people = {each.reader for each in sign_off.standing}
                assert len(people) >= held[item]
                assert {each.sha256 for each in sign_off.standing} == {text_digest(str(sign_off.final_text))}
        for item in sorted(found)[:20]:
            assert (await services.sign_offs.released(item)).text == found[item].final_text
        assert (await services.audit.verify()).problems == ()
    finally:
        await services.database.close()
