"""The backlog: boxes that end, what was learned and is found again, and what becomes of an exploration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.exploration import EXTENSIONS_MAX, Box, BoxUse, Draft, Exploration, fold, used_up
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services import resource_agenda
from groundcrew.services.bundle import Services
from groundcrew.services.declarations import load
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

OWNER, BOSS = "olga@bank.example", "user:boss"
TEN = Box(days=10, tokens=1_000, usd=5.0)


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        await bank.accounts(made, BOSS, "user:olga", f"user:{OWNER}")
        await bank.accounts(made, "user:robot", kind="agent")
        yield made


async def idea(services: Services, **more: Any) -> Exploration:
    given: dict[str, Any] = {
        "title": "Letters in plain language",
        "hypothesis": "Customers ask back less often when letters about fees are short",
        "why": "a third of calls are about letters",
        "business_unit": "retail",
        "owner": OWNER,
        "box": Box(days=10),
        "actor": "user:olga",
    }
    return await services.backlog.add(**(given | more))


def clock(services: Services) -> FakeClock:
    found = services.database.clock
    assert isinstance(found, FakeClock)
    return found


async def spend(services: Services, key_id: str, tokens: int = 600) -> None:
    call = bank.call(key_id=key_id, received_at=clock(services).now(), input_tokens=tokens, output_tokens=0, cost_usd=1.0)
    await services.calls.ship([call], gateway="gateway-1")


async def test_an_exploration_runs_in_its_box_and_ends_with_what_was_learned(services: Services) -> None:
    made = await idea(services)
    with pytest.raises(Conflict, match="never started"):
        await services.backlog.finish(made.id, "supported", "it is so", actor="user:olga")
    await services.backlog.start(made.id, actor="user:olga")
    with pytest.raises(Conflict, match="it starts once"):
        await services.backlog.start(made.id, actor="user:olga")
    clock(services).advance(9 * bank.DAY_S)
    now = await services.backlog.get(made.id)
    assert (now.use, now.used_up) == (BoxUse(days=10), ()), "tokens are not counted where nothing calls"
    clock(services).advance(bank.DAY_S)
    assert (await services.backlog.get(made.id)).used_up == ("days",)
    with pytest.raises(InputError, match="expected one of supported, refuted"):
        await services.backlog.finish(made.id, "maybe", "who knows", actor="user:olga")
    with pytest.raises(InputError, match="learned: say it in words"):
        await services.backlog.finish(made.id, "refuted", " ", actor="user:olga")
    done = await services.backlog.finish(made.id, "refuted", "they ask as often, about other things", actor="user:olga")
    assert (done.state, done.used) == ("finished", BoxUse(days=11))
    with pytest.raises(Conflict, match="never rewritten"):
        await services.backlog.finish(made.id, "supported", "after all", actor="user:olga")
    with pytest.raises(Conflict, match="is refuted: it becomes no use case"):
        await services.backlog.become(made.id, draft(), actor="user:olga")
    assert (await services.audit.verify()).problems == ()


async def test_a_box_that_is_used_up_stops_its_key_until_somebody_else_widens_it(services: Services) -> None:
    created = await services.keys.create(bank.NAME, actor="user:maria", label="exploring")
    key = created.key
    await spend(services, key.id, 5_000)
    made = await idea(services, box=TEN, use_case=bank.NAME, key_id=key.id)
    started = await services.backlog.start(made.id, actor="user:olga")
    assert (await _key(services, key.id)).expires_at == started.ends_at, "it lives no longer than the box"
    assert (await services.backlog.get(made.id)).use.tokens == 0, "what was spent that day before is not its own"
    await spend(services, key.id)
    await spend(services, "another-key")
    found = await services.backlog.get(made.id)
    assert (found.use.tokens, found.use.usd, found.used_up) == (600, 1.0, ())
    assert await services.backlog.keep() == []
    await spend(services, key.id)
    assert (await services.backlog.get(made.id)).used_up == ("tokens",)
    assert [each.id for each in await services.backlog.keep()] == [made.id]
    assert await services.backlog.keep() == [], "a second server finds nothing to do"
    assert not await services.keys.lives(key.id)
    async with services.database.read() as connection:
        entries = await resource_agenda.agenda_entries(connection, clock(services).now())
    assert [each.kind for each in entries] == ["experiment"]
    assert "Its tokens are used up" in entries[0].why
    for actor, error, match in (
        ("user:olga", NotAllowed, "owns, wrote or started"),
        (f"user:{OWNER}", NotAllowed, "owns, wrote or started"),
        ("user:robot", NotAllowed, "by a person"),
        ("cli:anna", NotAllowed, "under their own account"),
    ):
        with pytest.raises(error, match=match):
            await services.backlog.extend(made.id, Box(days=5, tokens=500), reason="nearly there", actor=actor)
    with pytest.raises(InputError, match="say why"):
        await services.backlog.extend(made.id, Box(days=5), reason="", actor=BOSS)
    wider = await services.backlog.extend(made.id, Box(days=5, tokens=500), reason="nearly there", actor=BOSS)
    assert wider.limits == Box(days=15, tokens=1_500, usd=5.0)
    assert await services.keys.lives(key.id)
    assert (await _key(services, key.id)).expires_at == wider.ends_at
    await services.backlog.finish(made.id, "dropped", "no time", actor="user:olga")
    assert not await services.keys.lives(key.id), "it ends with its exploration"


async def _key(services: Services, key_id: str) -> Any:
    async with services.database.read() as connection:
        return await catalog.KEYS.get(connection, key_id)


async def test_a_box_is_widened_so_often_and_only_where_it_has_a_limit(services: Services) -> None:
    made = await idea(services)
    with pytest.raises(Conflict, match="only a running one"):
        await services.backlog.extend(made.id, Box(days=1), reason="more", actor=BOSS)
    await services.backlog.start(made.id, actor="user:olga")
    with pytest.raises(InputError, match="no limit of tokens"):
        await services.backlog.extend(made.id, Box(days=0, tokens=5), reason="more", actor=BOSS)
    with pytest.raises(InputError, match="say by how much"):
        await services.backlog.extend(made.id, Box(days=0), reason="more", actor=BOSS)
    with pytest.raises(InputError, match="1 to 180 days"):
        await services.backlog.extend(made.id, Box(days=175), reason="more", actor=BOSS)
    for _ in range(EXTENSIONS_MAX):
        await services.backlog.extend(made.id, Box(days=1), reason="more", actor=BOSS)
    with pytest.raises(Conflict, match="was widened 5 times"):
        await services.backlog.extend(made.id, Box(days=1), reason="more", actor=BOSS)


async def test_what_can_not_be_explored(services: Services) -> None:
    key = (await services.keys.create(bank.NAME, actor="user:maria")).key
    for change, error, match in (
        ({"title": " "}, InputError, "title"),
        ({"business_unit": "Retail!"}, InputError, "business_unit"),
        ({"box": Box(days=0)}, InputError, "days"),
        ({"box": Box(days=1, tokens=0)}, InputError, "tokens"),
        ({"box": TEN}, Conflict, "counted from recorded calls"),
        ({"key_id": key.id}, Conflict, "name the use case"),
        ({"use_case": "nobody"}, NotFound, "nobody"),
        ({"use_case": bank.NAME, "key_id": "nothing"}, NotFound, "nothing"),
        ({"tags": ["x" * 41]}, InputError, "tags"),
    ):
        with pytest.raises(error, match=match):
            await idea(services, **change)  # type: ignore[arg-type]
    first = await idea(services, use_case=bank.NAME, key_id=key.id)
    second = await idea(services, use_case=bank.NAME, key_id=key.id)
    await services.backlog.start(first.id, actor="user:olga")
    with pytest.raises(Conflict, match="which is running"):
        await services.backlog.start(second.id, actor="user:olga")
    dropped = await services.backlog.finish(second.id, "dropped", "the other one does it", actor="user:olga")
    assert dropped.used == BoxUse(days=0)


async def test_a_key_that_serves_people_ends_with_no_box(tmp_path: Path, prepared: Prepared) -> None:
    url = f"sqlite:///{tmp_path / 'pilot.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("pilot", url), bare=True) as services:
        key = (await services.keys.create(bank.NAME, actor="user:maria")).key
        with pytest.raises(Conflict, match="is in pilot: an exploration's key ends with its box"):
            await idea(services, use_case=bank.NAME, key_id=key.id)


async def searched(services: Services) -> None:
    """The same words find the same rows, whatever their case and accents."""
    zurich = await idea(services, title="Kündigungen in ZÜRICH", tags=["Straße", "50%_off"])
    other = await idea(services, title="Other", hypothesis="Something about loans")
    await services.backlog.finish(other.id, "dropped", "Naïve idea: the café has no loans", actor="user:olga")
    for query, expected in {
        "zurich": [zurich.id],
        "KUNDIG": [zurich.id],
        "zürich kündigungen": [zurich.id],
        "strasse": [zurich.id],
        "NAIVE cafe": [other.id],
        "loan": [other.id],
        "oan": [],
        "%": [other.id, zurich.id],
        "50%_": [zurich.id],
        "zurich loans": [],
    }.items():
        assert [each.exploration.id for each in await services.backlog.find(query=query)] == expected, query
    assert [each.exploration.id for each in await services.backlog.find(state="finished")] == [other.id]
    assert await services.backlog.find(business_unit="cards") == []
    with pytest.raises(InputError, match="at most 10 words"):
        await services.backlog.find(query="a b c d e f g h i j k")


async def test_searching(services: Services) -> None:
    await searched(services)


@pytest.mark.postgres
async def test_searching_on_postgres(postgres_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock_then = prepared.copy("declared", postgres_url)
    async with bank.opened(postgres_url, tmp_path, clock_then, bare=True) as services:
        await searched(services)


async def test_similar_earlier_ones_are_shown_while_one_is_written(services: Services) -> None:
    made = await idea(services)
    await idea(services, title="Parking", hypothesis="A chatbot tells employees where a parking space is free")
    found = await services.backlog.similar("Shorter letters on fees so that fewer customers call with questions")
    assert [each.exploration.id for each in found] == [made.id]
    assert found[0].similarity >= 0.5
    assert await services.backlog.similar("letters") == [], "too short to say"
    assert await services.backlog.similar(made.hypothesis, leave_out=made.id) == []


def draft(**changes: Any) -> Draft:
    return Draft(**({"name": "plain-letters", "model": bank.MODEL, "affected_persons": "retail customers"} | changes))


async def test_what_was_supported_becomes_a_use_case_that_can_be_applied(services: Services, tmp_path: Path) -> None:
    made = await idea(services, title='Letters: "plain" # language', owner=OWNER)
    await services.backlog.start(made.id, actor="user:olga")
    await services.backlog.finish(made.id, "supported", "calls fell by a fifth\nin one branch", actor="user:olga")
    for change, error, match in (
        ({"name": "Not a name"}, InputError, "name"),
        ({"name": bank.NAME}, Conflict, "there is a use case"),
        ({"model": "none"}, NotFound, "none"),
        ({"affected_persons": ""}, InputError, "affected_persons"),
    ):
        with pytest.raises(error, match=match):
            await services.backlog.become(made.id, draft(**change), actor="user:olga")
    _, text = await services.backlog.become(made.id, draft(), actor="user:olga")
    file = tmp_path / "use_case.yaml"
    file.write_text(text, encoding="utf-8")
    declared = load([file])
    assert declared.use_cases[0].value.title == 'Letters: "plain" # language'
    await services.registry.apply(declared, actor="user:olga")
    assert (await services.use_cases.get("plain-letters")).stage == "discovery"
    assert await services.backlog.declaration(made.id) == text
    assert (await services.backlog.get(made.id)).hypothesis is None
    with pytest.raises(Conflict, match="became plain-letters"):
        await services.backlog.become(made.id, draft(name="another"), actor="user:olga")
    await bank.apply(services, use_cases=[bank.use_case(name="plain-letters")], hypothesis=None)


@given(st.text(max_size=60), st.text(max_size=10))
def test_what_is_folded_is_words_and_folding_again_changes_nothing(text: str, more: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert all(each.isalnum() or each == " " for each in fold(text))
    assert fold(f"{text} {more}").split()[: len(fold(text).split())] == fold(text).split()


def test_a_box_ends_after_its_last_day_and_at_its_last_token() -> None:
    assert used_up(TEN, BoxUse(days=10, tokens=999, usd=4.99)) == ()
    assert used_up(TEN, BoxUse(days=11, tokens=1_000, usd=5.0)) == ("days", "tokens", "usd")
    assert used_up(Box(days=1), BoxUse(days=1, tokens=10**9)) == ()


def test_a_box_of_one_day_ends_at_midnight() -> None:
    at = bank.call().received_at
    made = Exploration(
        id="1",
        title="t",
        hypothesis="h",
        why="w",
        business_unit="retail",
        owner=OWNER,
        box=Box(days=1),
        created_at=at,
        created_by=BOSS,
        started_at=at,
    )
    assert made.ends_on == at.date()
    assert made.ends_at == at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
