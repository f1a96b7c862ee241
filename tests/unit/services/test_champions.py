"""Champions: who can carry a unit's use cases, how many, what the gate and the agenda say of it; and the playbook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.champion import LOAD_MAX
from groundcrew.domain.gate import CriterionResult
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services import champion_agenda
from groundcrew.services.bundle import Services
from groundcrew.services.playbook import SHIPPED, shipped_page
from groundcrew.store import catalog, deciding

BOSS, LUCA, PETRA = "user:boss", bank.CHAMPION, "petra@bank.example"


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        await bank.accounts(made, BOSS, roles=("business",))
        yield made


async def criterion(services: Services) -> CriterionResult:
    found = await services.gates.evaluate(bank.NAME, actor="user:maria", to="pilot")
    return next(each for each in found.results if each.key == "champion")


async def disable(services: Services, name: str) -> None:
    async with services.database.write("system:test") as writer:
        user = await catalog.USERS.get(writer.connection, name)
        assert user is not None
        await catalog.USERS.put(writer, msgspec.structs.replace(user, disabled=True), "disable")


async def agenda(services: Services) -> dict[str, str]:
    async with services.database.read() as connection:
        return {each.key: each.why for each in await champion_agenda.agenda_entries(connection, services.database.clock.now())}


async def test_the_gate_takes_a_champion_of_the_unit_who_is_active_and_has_room(services: Services) -> None:
    assert (await criterion(services)).status == "pass", "of one whom nobody appointed, the unit is not known"
    await services.champions.appoint("Luca@bank.example", business_unit="cards", actor=BOSS)
    found = await criterion(services)
    assert (found.status, found.missing.partition(":")[0]) == (
        "fail",
        "Luca@bank.example is champion of cards, and this is retail's",
    )
    await services.champions.appoint(LUCA, business_unit="retail", actor=BOSS, reason="moved back")
    assert (await criterion(services)).status == "pass"
    await services.champions.lapse(LUCA, reason="on leave until autumn", actor=BOSS)
    assert "no champion any more: on leave until autumn" in (await criterion(services)).missing
    with pytest.raises(Conflict, match="is no champion since"):
        await services.champions.lapse(LUCA, reason="again", actor=BOSS)
    await services.champions.appoint(LUCA, business_unit="retail", actor=BOSS, reason="is back")
    more = [bank.use_case(name=f"case-{each}", champion=LUCA.upper()) for each in range(LOAD_MAX)]
    await bank.apply(services, use_cases=[bank.use_case(), *more])
    assert "is champion of 6 live use cases" in (await criterion(services)).missing, "however the name is written"
    assert (await services.audit.verify()).problems == ()


async def test_a_champion_lapses_with_their_account(services: Services) -> None:
    await bank.accounts(services, f"user:{LUCA}", "user:luca", "user:robot", kind="person")
    await bank.accounts(services, "user:program", kind="agent")
    await services.champions.appoint(PETRA, business_unit="retail", account="luca", actor=BOSS)
    assert (await services.champions.get(PETRA.upper())).standing.state == "active"
    await disable(services, "luca")
    found = await services.champions.get(PETRA)
    assert (found.standing.state, found.standing.why) == ("lapsed", "their account is closed")
    await disable(services, LUCA)
    assert "account is closed" in (await criterion(services)).missing, "also of one whom nobody appointed"
    with pytest.raises(Conflict, match="is a program"):
        await services.champions.appoint("program", business_unit="retail", actor=BOSS)
    with pytest.raises(Conflict, match="is closed"):
        await services.champions.appoint(LUCA, business_unit="retail", actor=BOSS)
    with pytest.raises(InputError, match="there is no account"):
        await services.champions.appoint(PETRA, business_unit="retail", account="nobody", actor=BOSS)


async def test_who_may_appoint(services: Services) -> None:
    await bank.accounts(services, "user:anna")
    for actor in ("user:anna", "user:nobody", "key:1"):
        with pytest.raises(NotAllowed):
            await services.champions.appoint(LUCA, business_unit="retail", actor=actor)
    for name, unit, match in (("Not a name!", "retail", "name"), (LUCA, "Retail", "not a valid name")):
        with pytest.raises(InputError, match=match):
            await services.champions.appoint(name, business_unit=unit, actor=BOSS)


async def test_handing_over_names_both_and_asks_for_room_unit_and_reason(services: Services) -> None:
    more = [bank.use_case(name=f"case-{each}", champion=LUCA) for each in range(2)]
    await bank.apply(services, use_cases=[bank.use_case(), *more, bank.use_case(name="other", business_unit="cards")])
    await services.champions.appoint(PETRA, business_unit="retail", actor=BOSS)
    with pytest.raises(NotFound, match="champion"):
        await services.champions.hand_over("nobody@bank.example", reason="leaves", actor=BOSS, use_case=bank.NAME)
    with pytest.raises(Conflict, match=r"other: petra@bank.example is champion of retail, and this is cards's"):
        await services.champions.hand_over(PETRA, reason="Luca leaves", actor=BOSS, source=LUCA)
    assert await services.champions.hand_over(PETRA, reason="Luca leaves", actor=BOSS, use_case=bank.NAME) == (bank.NAME,)
    assert (await services.use_cases.get(bank.NAME)).champion == PETRA
    with pytest.raises(Conflict, match="carries assistant already"):
        await services.champions.hand_over(PETRA, reason="Luca leaves", actor=BOSS, use_case=bank.NAME)
    await services.champions.hand_over(PETRA, reason="Luca leaves", actor=BOSS, use_case="case-0")
    (entry,) = await services.audit.latest(subject="use-case/case-0", limit=1)
    assert (entry.action, entry.reason) == ("hand_over", "Luca leaves")
    assert entry.details == {"from": LUCA, "to": PETRA, "people": [LUCA, bank.OWNER, PETRA]}
    assert "boss" not in await _builders(services), "who hands over has built nothing"
    for number in range(3):
        await bank.apply(services, use_cases=[bank.use_case(name=f"more-{number}", champion=PETRA)])
    with pytest.raises(Conflict, match="would carry 6 live use cases, and one person carries at most 5"):
        await services.champions.hand_over(PETRA, reason="Luca leaves", actor=BOSS, use_case="case-1")
    for given, match in (({"reason": " ", "use_case": bank.NAME}, "say why"), ({"reason": "x"}, "name the use case")):
        with pytest.raises(InputError, match=match):
            await services.champions.hand_over(PETRA, actor=BOSS, **given)  # type: ignore[arg-type]


async def _builders(services: Services) -> frozenset[str]:
    from groundcrew.services.governance import persons_who_built

    async with services.database.read() as connection:
        return await persons_who_built(connection, await services.use_cases.get("case-0"))


async def test_coverage_and_what_the_agenda_says_of_it(services: Services) -> None:
    cards = bank.use_case(name="cards-help", business_unit="cards", champion=None)
    await bank.apply(services, use_cases=[bank.use_case(), cards])
    coverage = await services.champions.coverage()
    assert [(each.business_unit, each.champions, each.covered) for each in coverage.units] == [
        ("cards", (), False),
        ("retail", (LUCA,), True),
    ]
    assert coverage.load_max == LOAD_MAX
    assert list(await agenda(services)) == ["champion/unit/cards"]
    await services.champions.appoint(PETRA, business_unit="cards", actor=BOSS)
    assert await agenda(services) == {
        "champion/use-case/cards-help": "No champion is declared; hand it to somebody of cards.",
    }
    await services.champions.hand_over(PETRA, reason="she knows them", actor=BOSS, use_case="cards-help")
    assert await agenda(services) == {}
    await services.champions.lapse(PETRA, reason="left the bank", actor=BOSS)
    assert list(await agenda(services)) == ["champion/unit/cards"]
    more = [bank.use_case(name=f"case-{each}") for each in range(LOAD_MAX)]
    await bank.apply(services, use_cases=more)
    assert f"champion/load/{LUCA}" in await agenda(services)


async def test_the_playbook_ships_and_is_written_over_version_by_version(services: Services) -> None:
    assert [each.name for each in await services.playbook.pages()] == list(SHIPPED)
    assert all(len(page.text) > 500 for name in SHIPPED if (page := shipped_page(name)) is not None)
    first = await services.playbook.get("baseline")
    assert (first.page.version, first.newest) == (0, 0)
    written = await services.playbook.write(
        "baseline", title="Our baseline", text="Thirty cases.\r\nTwo weeks.", based_on=0, actor=BOSS, note="shorter"
    )
    assert (written.version, written.text) == (1, "Thirty cases.\nTwo weeks.")
    with pytest.raises(Conflict, match="user:boss wrote version 1 meanwhile"):
        await services.playbook.write("baseline", title="Mine", text="Other.", based_on=0, actor=BOSS)
    found = await services.playbook.get("baseline")
    assert (found.page.title, [each.version for each in found.versions]) == ("Our baseline", [1, 0])
    assert (await services.playbook.get("baseline", 0)).page.title == "The baseline"
    await services.playbook.write("our-own", title="Our own", text="A page.", based_on=0, actor=BOSS)
    assert [each.name for each in await services.playbook.pages()] == [*SHIPPED, "our-own"]
    for name, error in (("baselin", "did you mean 'baseline'"), ("nothing", "no page")):
        with pytest.raises(NotFound, match=error):
            await services.playbook.get(name)
    with pytest.raises(NotFound, match="no version 7"):
        await services.playbook.get("baseline", 7)
    with pytest.raises(NotAllowed):
        await services.playbook.write("baseline", title="Mine", text="Other.", based_on=1, actor="user:nobody")
    with pytest.raises(InputError, match="expected 1 to"):
        await services.playbook.write("baseline", title="", text="Other.", based_on=1, actor=BOSS)
    async with services.database.read() as connection:
        assert await deciding.PLAYBOOK_PAGES.count(connection) == 2
    assert (await services.audit.verify()).problems == ()
