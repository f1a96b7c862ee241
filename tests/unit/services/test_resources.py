"""The ledger: what is given never exceeds what there is, who gave it up is told, and what is released was used or is free
again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.resource import (
    Resource,
    ResourceRequest,
    Used,
    amount_problem,
    first_of,
    next_period,
    period_of,
    period_problem,
    periods_from,
    shown_amount,
    taken,
)
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services import decision_effects, resource_agenda, resource_ledger
from groundcrew.services.bundle import Services
from groundcrew.services.declared import DeclarationErrors, Declarations, Declared
from groundcrew.services.resource_ledger import allocated_in
from groundcrew.store import deciding
from groundcrew.store.database import Database

PEOPLE = Resource(name="data-scientists", measure="people_days", owner="head@bank.example", skill="data science", capacity=40)
TOKENS = Resource(name="tokens", measure="tokens", owner="it@bank.example", capacity=1_000_000)
MONEY = Resource(name="ai-budget", measure="usd", owner="cfo@bank.example", period="quarter", capacity=10_000, budget_line="4711")
ANNA, BOSS, STREAM = "user:anna", "user:boss", "system:stream"


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        await set_up(made)
        yield made


async def set_up(services: Services) -> None:
    await bank.accounts(services, BOSS, roles=("business",))
    await bank.accounts(services, ANNA)
    other = bank.use_case(name="letters", owner="olga@bank.example", purpose="Write letters about something else entirely")
    await bank.apply(services, use_cases=[bank.use_case(), other], hypothesis=bank.plan())
    await declare(services, PEOPLE, TOKENS, MONEY)


async def declare(services: Services, *resources: Resource) -> list[Any]:
    declared = tuple(Declared(value=each, file="resources.yaml", line=3) for each in resources)
    return await services.registry.apply(Declarations(resources=declared), actor="user:maria")


def month(services: Services, ahead: int = 0) -> str:
    return periods_from(period_of(services.database.clock.now().date(), "month"), ahead + 1)[ahead]


async def ask(services: Services, amount: float = 10, resource: str = PEOPLE.name, **more: Any) -> ResourceRequest:
    given = {"use_case": bank.NAME, "periods": (), "purpose": "label 400 answers", "actor": ANNA} | more
    return await services.resources.request(resource=resource, amount=amount, **given)


async def allocate(services: Services, request: str, **terms: Any) -> ResourceRequest:
    async with services.database.write(STREAM) as writer:
        await decision_effects.allocate_resource(writer, decision="decision-1", request=request, terms=terms)
    return (await services.resources.request_now(request)).request


async def standing(services: Services, request: str | None = None, **asked: Any) -> resource_ledger.Allocated:
    async with services.database.read() as connection:
        return await allocated_in(connection, request, **asked)


async def test_a_request_waits_is_allocated_and_is_released_with_what_was_used(services: Services) -> None:
    asked = await ask(services, 10.5, needed_by=services.database.clock.now().date() + timedelta(days=5))
    assert (asked.state, asked.periods) == ("requested", (month(services),))
    assert not (await standing(services, asked.id)).met
    held = await allocate(services, asked.id)
    assert (held.state, held.held_in(month(services)), held.partial) == ("allocated", 10.5, False)
    assert (await standing(services, asked.id)).met
    (now,) = [each for each in await services.resources.find() if each.resource.name == PEOPLE.name]
    assert (now.periods[0].capacity, now.periods[0].allocated, now.periods[0].free) == (40, 10.5, 29.5)
    with pytest.raises(InputError, match=r"say how much of .* was used"):
        await services.resources.release(asked.id, reason="labelled", actor=ANNA)
    with pytest.raises(InputError, match=r"10\.5 days of .* were given, not more"):
        await services.resources.release(asked.id, reason="labelled", actor=ANNA, used={month(services): 11})
    released = await services.resources.release(asked.id, reason="labelled", actor=ANNA, used={month(services): 4})
    assert released.used == (Used(period=month(services), amount=4, source="said"),)
    (now,) = [each for each in await services.resources.find() if each.resource.name == PEOPLE.name]
    assert (now.periods[0].allocated, now.periods[0].used, now.periods[0].free) == (0, 4, 36), "what was used is not there again"
    assert not (await standing(services, asked.id)).met
    with pytest.raises(Conflict, match="is released: there is nothing to release"):
        await services.resources.release(asked.id, reason="again", actor=ANNA)
    assert (await services.audit.verify()).problems == ()


async def test_only_those_whom_it_concerns_undo_what_the_stream_gave(services: Services) -> None:
    for name in ("user:olga@bank.example", "user:petra", "user:other", "user:tool"):
        kind: Any = "agent" if name == "user:tool" else "person"
        await bank.accounts(services, name, roles=("owner", "it"), kind=kind)
    asked = [await ask(services, 5, use_case="letters") for _ in range(4)]
    for each in asked:
        await allocate(services, each.id)
    gone = {"reason": "ours first", "used": {month(services): 0}}
    for actor in ("user:other", "user:tool", "user:nobody", "key:app", STREAM):
        with pytest.raises(NotAllowed):
            await services.resources.release(asked[0].id, actor=actor, **gone)
    assert (await services.resources.request_now(asked[0].id)).request.state == "allocated"
    # Who asked, the owner by their address or by the account on record for it, and who manages resources.
    for request, actor in zip(asked, (ANNA, "user:olga@bank.example", "user:petra", BOSS), strict=True):
        if actor == "user:petra":
            with pytest.raises(NotAllowed, match="may not release what letters has"):
                await services.resources.release(request.id, actor=actor, **gone)
            await services.champions.appoint("olga@bank.example", business_unit="retail", account="petra", actor=BOSS)
        assert (await services.resources.release(request.id, actor=actor, **gone)).state == "released"


async def test_a_program_asks_for_nothing(services: Services) -> None:
    await bank.accounts(services, "user:tool", roles=("admin", "business"), kind="agent")
    for actor in ("user:tool", "user:nobody", "key:app"):
        with pytest.raises(NotAllowed, match="this takes a person"):
            await ask(services, actor=actor)
    assert (await ask(services, actor="cli:root")).state == "requested"


async def test_beyond_the_capacity_nothing_is_given_unless_donors_give_it_up(services: Services) -> None:
    first = await ask(services, 30)
    await allocate(services, first.id)
    second = await ask(services, 20, use_case="letters")
    with pytest.raises(Conflict, match=r"has 10 days left in .*, not 20 days: give less, or name donors"):
        await allocate(services, second.id)
    greedy = await ask(services, 40)
    with pytest.raises(Conflict, match=r"has 30 days of .* left, not what it is to give up"):
        await allocate(services, greedy.id, donors=[{"request": first.id, "amount": 31}])
    held = await allocate(services, second.id, donors=[{"request": first.id, "amount": 10}])
    assert held.given[0].donors == {first.id: 10}
    donor = (await services.resources.request_now(first.id)).request
    assert (donor.state, donor.held_in(month(services)), donor.partial) == ("allocated", 20, True)
    (lost,) = donor.given_up
    assert (lost.to, lost.to_use_case, lost.amount) == (second.id, "letters", 10)
    entries = [each for each in await services.audit.latest(limit=50) if each.subject.startswith("resource-request/")]
    gave, took = (next(each for each in entries if each.action == name) for name in ("give_up", "allocate"))
    assert gave.details["owner"] == bank.OWNER, "the owner of what gave it up is named"
    assert took.details["donors"] == {first.id: {"amount": 10, "use_case": bank.NAME, "owner": bank.OWNER}}
    assert [each.id for each in (await services.resources.request_now(second.id)).donors] == [first.id]


async def test_less_than_was_asked_says_so_and_can_be_made_up_later(services: Services) -> None:
    asked = await ask(services, 30, periods=(month(services), month(services, 1)))
    held = await allocate(services, asked.id, amount=12, period=month(services))
    assert (held.partial, held.held_in(month(services)), held.held_in(month(services, 1))) == (True, 12, 0)
    assert not (await standing(services, asked.id)).met
    with pytest.raises(Conflict, match=r"asks for 30 days in .*, not for more"):
        await allocate(services, asked.id, amount=20, period=month(services))
    await allocate(services, asked.id, amount=18, period=month(services))
    held = await allocate(services, asked.id, amount=30, period=month(services, 1))
    assert not held.partial
    assert (await standing(services, asked.id)).met


async def test_a_denial_has_a_reason_and_a_request_can_be_withdrawn(services: Services) -> None:
    asked, other = await ask(services), await ask(services)
    async with services.database.write(STREAM) as writer:
        with pytest.raises(InputError, match="say why"):
            await decision_effects.deny_resource(writer, decision="decision-1", request=asked.id, reason=" ")
        await decision_effects.deny_resource(writer, decision="decision-1", request=asked.id, reason="nobody is free")
    denied = (await services.resources.request_now(asked.id)).request
    assert (denied.state, denied.reason, denied.decision) == ("denied", "nobody is free", "decision-1")
    with pytest.raises(Conflict, match="is denied: what is needed again is asked for again"):
        await allocate(services, asked.id)
    withdrawn = await services.resources.release(other.id, reason="not needed", actor=ANNA)
    assert (withdrawn.state, withdrawn.used) == ("released", ())
    with pytest.raises(InputError, match="say why"):
        await services.resources.release((await ask(services)).id, reason="", actor=ANNA)


@pytest.mark.parametrize(
    ("terms", "error", "match"),
    [
        ({"amount": 0}, InputError, "more than 0"),
        ({"amount": 1.234}, InputError, "hundredths"),
        ({"amount": float("nan")}, InputError, "expected"),
        ({"amount": "ten"}, InputError, "terms"),
        ({"ammount": 1}, InputError, "unknown field"),
        ({"period": "2026-13"}, Conflict, "not for 2026-13"),
        ({"period": "2026-03", "periods": ["2026-03"]}, InputError, "one period, or several"),
        ({"donors": [{"request": "nobody", "amount": 1}]}, NotFound, "nobody"),
        ({"amount": 5, "donors": [{"request": "nobody", "amount": 6}]}, InputError, "give up more than 5 days"),
    ],
)
async def test_terms_that_can_not_be(services: Services, terms: dict[str, Any], error: type[Exception], match: str) -> None:
    asked = await ask(services)
    with pytest.raises(error, match=match):
        await allocate(services, asked.id, **terms)
    assert (await services.resources.request_now(asked.id)).request == asked, "nothing of it was written"


async def test_a_period_that_nobody_declared_or_that_is_over_gives_nothing(services: Services) -> None:
    await declare(services, msgspec.structs.replace(PEOPLE, name="lawyers", capacity=None, capacity_of={month(services): 5.0}))
    asked = await ask(services, 2, "lawyers", periods=(month(services, 1),))
    with pytest.raises(Conflict, match="nobody declared how much of lawyers there is"):
        await allocate(services, asked.id)
    await services.resources.set_capacity("lawyers", 3, period=month(services, 1), reason="two half days", actor=BOSS)
    await allocate(services, asked.id)
    late = await ask(services, 2, "lawyers")
    services.database.clock.advance(40 * bank.DAY_S)  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="is over"):
        await allocate(services, late.id)
    with pytest.raises(InputError, match="is over"):
        await ask(services, periods=("2020-01",))


async def test_capacity_never_falls_below_what_was_given(services: Services) -> None:
    await allocate(services, (await ask(services, 30)).id)
    with pytest.raises(Conflict, match=r"30 days of data-scientists in .* are allocated"):
        await services.resources.set_capacity(PEOPLE.name, 29, reason="two left", actor=BOSS)
    with pytest.raises(DeclarationErrors, match=r"resources.yaml:3: capacity: 30 days"):
        await declare(services, msgspec.structs.replace(PEOPLE, capacity=20))
    with pytest.raises(DeclarationErrors, match="was asked for in people_days"):
        await declare(services, msgspec.structs.replace(PEOPLE, measure="tokens", skill=""))
    with pytest.raises(DeclarationErrors, match="its periods stay what they are"):
        await declare(services, msgspec.structs.replace(PEOPLE, period="quarter"))
    changed = await services.resources.set_capacity(PEOPLE.name, 30, reason="two left", actor=BOSS)
    assert changed.capacity == 30
    kept = await declare(services, msgspec.structs.replace(PEOPLE, capacity=None, title="Scientists"))
    assert [each.action for each in kept] == ["updated"]
    assert (await services.resources.get(PEOPLE.name)).resource.capacity == 30, "a file that says nothing keeps what people said"


async def test_who_may_say_how_much_there_is(services: Services) -> None:
    await bank.accounts(services, "user:robot", roles=("business",), kind="agent")
    for actor in (ANNA, "user:robot", "user:nobody", "key:1"):
        with pytest.raises(NotAllowed):
            await services.resources.set_capacity(PEOPLE.name, 50, reason="more", actor=actor)
    with pytest.raises(InputError, match="say why"):
        await services.resources.set_capacity(PEOPLE.name, 50, reason=" ", actor=BOSS)


async def test_tokens_and_money_are_used_as_calls_tell_and_count_once(services: Services) -> None:
    now = services.database.clock.now()
    first, second = await ask(services, 100, TOKENS.name), await ask(services, 100, TOKENS.name)
    money = await ask(services, 5, MONEY.name)
    for each in (first, second, money):
        await allocate(services, each.id)
    calls = [bank.call(received_at=now, input_tokens=60, output_tokens=10, cost_usd=0.5) for _ in range(2)]
    await services.calls.ship(calls, gateway="gateway-1")
    use = [(await services.resources.request_now(each.id)).use[0].used for each in (first, second, money)]
    assert [each.amount for each in use if each is not None] == [100, 40, 1.0], "140 tokens, the older allocation first; 1 USD"
    third = await ask(services, 1_000_000, TOKENS.name, use_case="letters")
    with pytest.raises(Conflict, match=r"has 60 tokens of .* left"):
        await allocate(services, third.id, donors=[{"request": second.id, "amount": 61}])
    with pytest.raises(InputError, match="is recorded: leave it out"):
        await services.resources.release(second.id, reason="done", actor=ANNA, used={month(services): 1})
    with pytest.raises(InputError, match=r"1\.00 USD of .* are on record already"):
        await services.resources.release(money.id, reason="done", actor=ANNA, used={money.periods[0]: 0.5})
    paid = await services.resources.release(money.id, reason="a licence besides", actor=ANNA, used={money.periods[0]: 3})
    assert (paid.used[0].amount, paid.budget_line) == (3, "4711")
    released = await services.resources.release(second.id, reason="done", actor=ANNA)
    assert (released.used[0].amount, released.used[0].source) == (40, "recorded")


async def test_the_allocations_of_a_use_case_together(services: Services) -> None:
    today = services.database.clock.now().date()
    assert not (await standing(services, use_case=bank.NAME, measure="people_days", today=today)).met
    await allocate(services, (await ask(services, 4)).id)
    await allocate(services, (await ask(services, 4)).id)
    found = await standing(services, use_case=bank.NAME, measure="people_days", amount=8, today=today)
    assert (found.met, found.words) == (True, "assistant has 8 days of people_days of 8 days wanted")
    assert not (await standing(services, use_case=bank.NAME, resource=PEOPLE.name, amount=8.01, today=today)).met
    assert not (await standing(services, use_case=bank.NAME, measure="usd", today=today)).met
    assert not (await standing(services, use_case=bank.NAME, measure="people_days", today=today + timedelta(days=60))).met
    assert not (await standing(services, "no-such-request")).met
    with pytest.raises(InputError, match="name a request"):
        await standing(services)
    with pytest.raises(InputError, match="of a measure or of a resource"):
        await standing(services, use_case=bank.NAME, amount=1)


async def test_what_can_not_be_asked_for(services: Services) -> None:
    await declare(services, msgspec.structs.replace(PEOPLE, name="cards-people", business_unit="cards"))
    for change, error, match in (
        ({"amount": -1}, InputError, "more than 0"),
        ({"purpose": "  "}, InputError, "say what for"),
        ({"periods": ("2026-Q1",)}, InputError, "expected a month"),
        ({"resource": "data-scientist"}, NotFound, "did you mean 'data-scientists'"),
        ({"use_case": "nobody"}, NotFound, "nobody"),
        ({"resource": "cards-people"}, Conflict, "is cards's, and assistant is of retail"),
        ({"needed_by": date(2020, 1, 1)}, InputError, "is past"),
        ({"resource": TOKENS.name, "amount": 1.5}, InputError, "counted whole"),
    ):
        with pytest.raises(error, match=match):
            await ask(services, **({"amount": 1} | change))  # type: ignore[arg-type]


async def test_the_agenda_tells_of_what_waits_what_is_short_and_what_nobody_declared(services: Services) -> None:
    await declare(services, msgspec.structs.replace(PEOPLE, name="lawyers", capacity=None))
    asked = await ask(services, 41)
    await ask(services, 1, "lawyers")
    async with services.database.read() as connection:
        entries = await resource_agenda.agenda_entries(connection, services.database.clock.now())
    titles = {each.title: each for each in entries}
    assert titles["assistant asks for 41 days of data-scientists"].key == f"resource-request/{asked.id}"
    assert "41 days are asked for and 40 days are left" in titles[f"data-scientists is short in {month(services)}"].why
    assert f"Nobody declared how much of lawyers there is in {month(services)}" in titles
    assert len({each.key for each in entries}) == len(entries) == 4
    await allocate(services, asked.id, amount=40)
    async with services.database.read() as connection:
        entries = await resource_agenda.agenda_entries(connection, services.database.clock.now())
    assert len(entries) == 2, "what was given is on no agenda any more"


@pytest.mark.postgres
async def test_of_two_allocations_at_once_one_wins(postgres_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("declared", postgres_url)
    async with bank.opened(postgres_url, tmp_path, clock, bare=True) as services:
        await set_up(services)
        other = Services(await Database.open(postgres_url, clock), tmp_path / "knowledge")
        try:
            asked = [await ask(services, 25), await ask(services, 25, use_case="letters")]
            done = await asyncio.gather(allocate(services, asked[0].id), allocate(other, asked[1].id), return_exceptions=True)
        finally:
            await other.database.close()
        assert sorted(type(each).__name__ for each in done) == ["Conflict", "ResourceRequest"]
        now = await services.resources.get(PEOPLE.name)
        assert (now.periods[0].allocated, now.periods[0].free) == (25, 15)
        assert (await services.audit.verify()).problems == ()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["give", "give", "move", "release", "deny", "capacity"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(1, 3_000).map(lambda each: each / 100),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
async def test_no_sequence_allocates_more_than_there_is(services: Services, steps: list[tuple[str, int, int, float]]) -> None:
    """Decisions, releases and capacities in any order, through the same code as in a meeting; what is refused changes
    nothing."""
    name = f"people-{new_id()}"
    await declare(services, msgspec.structs.replace(PEOPLE, name=name, capacity=30.0))
    asked = [(await ask(services, 25, name)).id for _ in range(4)]
    period = month(services)
    for step, who, whom, amount in steps:
        donors = [{"request": asked[whom], "amount": amount}] if step == "move" else []
        with contextlib.suppress(Conflict, InputError):
            if step in ("give", "move"):
                await allocate(services, asked[who], amount=amount, donors=donors)
            elif step == "release":
                await services.resources.release(asked[who], reason="done", actor=ANNA, used={period: amount})
            elif step == "deny":
                async with services.database.write(STREAM) as writer:
                    await decision_effects.deny_resource(writer, decision="d", request=asked[who], reason="none is left")
            else:
                await services.resources.set_capacity(name, amount, reason="as it is", actor=BOSS)
        async with services.database.read() as connection:
            resource = await deciding.RESOURCES.get(connection, name)
            requests = await deciding.RESOURCE_REQUESTS.find(connection, resource=name)
        assert resource is not None
        assert resource.capacity is not None
        allocated = sum(round(each.held_in(period) * 100) for each in requests if each.state == "allocated")
        assert allocated <= round(resource.capacity * 100)
        assert taken(resource, requests, period) <= resource.capacity
        assert all(0 <= each.held_in(period) <= each.amount for each in requests)


@given(st.dates(date(2000, 1, 1), date(2200, 12, 31)), st.sampled_from(["month", "quarter"]))
def test_every_day_lies_in_one_period(day: date, length: Any) -> None:
    period = period_of(day, length)
    assert period_problem(period, length) is None
    assert first_of(period) <= day < first_of(next_period(period))
    assert period_of(first_of(next_period(period)), length) == next_period(period)


@given(st.integers(0, 10**10))
def test_whatever_is_typed_with_two_decimals_is_an_amount(hundredths: int) -> None:
    assert amount_problem("usd", float(f"{hundredths // 100}.{hundredths % 100:02d}"), zero=True) is None


def test_amounts_as_people_read_them() -> None:
    assert shown_amount("people_days", 1) == "1 day"
    assert shown_amount("people_days", 2.5) == "2.5 days"
    assert shown_amount("tokens", 1_000_000) == "1,000,000 tokens"
    assert shown_amount("usd", 5) == "5.00 USD"


async def test_every_request_that_waits_is_found_by_state(services: Services) -> None:
    asked = await ask(services)
    assert [each.id for each in await services.resources.requests(state="requested", resource=PEOPLE.name)] == [asked.id]
    assert await services.resources.requests(use_case="letters") == []
    async with services.database.read() as connection:
        assert await deciding.RESOURCE_REQUESTS.count(connection, state="requested") == 1
