"""Who counts as who built a use case: also under another name, and also once it is somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.champion import FORMER_ACCOUNTS_MAX, Champion
from groundcrew.domain.gate import CriterionResult
from groundcrew.errors import Conflict, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.services.governance import persons_who_built
from groundcrew.services.names import all_names, stored_addresses
from groundcrew.store import catalog, deciding
from groundcrew.store.governance import _BUILT, builders

BOSS, PETRA = "user:boss", "petra@bank.example"


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("pilot", url), bare=True) as made:
        await bank.accounts(made, BOSS, roles=("business",))
        yield made


async def built(services: Services) -> frozenset[str]:
    async with services.database.read() as connection:
        return await persons_who_built(connection, await services.use_cases.get(bank.NAME))


async def criterion(services: Services) -> CriterionResult:
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="scale", save=False)
    return next(each for each in evaluation.results if each.key == "approvals")


async def refuse(services: Services, actor: str) -> None:
    """`actor`, who holds legal, neither approves nor attests nor speaks of the risk of the use case."""
    asked = await services.approvals.request(bank.NAME, actor="user:asker", to="scale")
    legal = next(each for each in asked if each.function == "legal")
    with pytest.raises(NotAllowed, match="owns, champions or has built"):
        await services.approvals.decide(legal.id, "approved", actor=actor, statement="fine")
    with pytest.raises(NotAllowed, match="did not build it"):
        await services.evidence.attest(bank.NAME, "load_test", actor=actor, statement="held 2,000 a minute")
    with pytest.raises(NotAllowed, match="owns, champions or has built"):
        await services.risks.lower(bank.NAME, "minimal", function="legal", reason="it only picks sentences", actor=actor)


async def test_a_champion_who_signs_in_under_another_name_approves_nothing_of_their_own(services: Services) -> None:
    petra = await stages.account(services, "p.muster", "legal", "business")
    await services.champions.appoint(PETRA, business_unit="retail", account="P.Muster", actor=BOSS)
    await services.champions.hand_over(PETRA, reason="she knows the desk", actor=BOSS, use_case=bank.NAME)
    await refuse(services, petra)


async def test_an_owner_counts_by_what_stands_before_the_at(services: Services) -> None:
    await refuse(services, await stages.account(services, "luca", "legal"))
    other = await stages.account(services, "Luca@other.example", "legal")
    await refuse(services, other)
    free = await stages.account(services, "lucas", "legal")
    (legal,) = [e for e in await services.approvals.request(bank.NAME, actor="user:asker", to="scale") if e.function == "legal"]
    await services.approvals.decide(legal.id, "approved", actor=free, statement="fine")


async def test_an_account_on_record_counts_after_another_one_is(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(owner=PETRA)])
    first, second = await stages.account(services, "first", "legal"), await stages.account(services, "second", "legal")
    await services.champions.appoint(PETRA, business_unit="retail", account="first", actor=BOSS)
    await services.champions.appoint(PETRA, business_unit="retail", account="second", actor=BOSS)
    await services.champions.appoint(PETRA, business_unit="retail", actor=BOSS)
    assert {"first", "second", "petra", PETRA} <= await built(services)
    for actor in (first, second):
        await refuse(services, actor)
    many = Champion(
        name=PETRA,
        business_unit="retail",
        appointed_by=BOSS,
        appointed_at=services.database.clock.now(),
        account="first",
        former_accounts=tuple(f"account-{each}" for each in range(FORMER_ACCOUNTS_MAX)),
    )
    async with services.database.write("system:test") as writer:
        await deciding.CHAMPIONS.put(writer, many, "appoint")
    with pytest.raises(Conflict, match="keep the present one"):
        await services.champions.appoint(PETRA, business_unit="retail", account="second", actor=BOSS)


async def test_handing_it_over_for_a_moment_makes_nobody_a_stranger(services: Services) -> None:
    await services.champions.appoint(PETRA, business_unit="retail", actor=BOSS)
    await services.champions.appoint("nadia@bank.example", business_unit="retail", actor=BOSS)
    await services.champions.hand_over(PETRA, reason="for a day", actor=BOSS, use_case=bank.NAME)
    await services.champions.hand_over("nadia@bank.example", reason="for good", actor=BOSS, use_case=bank.NAME)
    for name in ("luca", "petra"):
        await refuse(services, await stages.account(services, name, "legal"))
    assert "boss" not in await built(services), "who hands over has built nothing"


async def test_who_owned_or_championed_it_before_goes_on_counting(services: Services) -> None:
    """Their word had counted, and does not from the moment on when they own it, also once they do not any more."""
    await stages.approve_all(services)
    assert (await criterion(services)).status == "pass"
    await bank.apply(services, use_cases=[bank.use_case(owner="legal-person@bank.example", champion="it-person@bank.example")])
    await bank.apply(services)
    found = await criterion(services)
    assert (found.status, found.n) == ("unknown", 2)
    assert "legal: user:legal-person owns, champions or has built it since, somebody else decides" in found.missing
    async with services.database.read() as connection:
        holders = (await builders(connection, bank.NAME)).holders
    assert holders == {bank.OWNER, bank.CHAMPION, "legal-person@bank.example", "it-person@bank.example"}


async def test_owners_of_earlier_releases_are_told_from_kept_documents(services: Services) -> None:
    """Entries that name nobody: of the declaration before last only the document is left."""
    for owner in ("olga@bank.example", "otto@bank.example"):
        item = msgspec.structs.replace(await services.use_cases.get(bank.NAME), owner=owner)
        async with services.database.write("user:maria") as writer:
            await catalog.USE_CASES.put(writer, item, "apply", details={"fields": ["owner"]})
    await bank.apply(services)
    assert {"olga", "otto", "maria"} <= await built(services)
    async with services.database.read() as connection:
        kept = _BUILT.get(connection, bank.NAME)
    assert kept is not None
    assert "olga@bank.example" in kept.builders.holders, "read once"


async def test_who_was_named_is_told_by_every_name(services: Services) -> None:
    await stages.account(services, "Eva.Frei@bank.example", "legal")
    async with services.database.read() as connection:
        assert await all_names(connection, ["cli:eva.frei"]) == {"eva.frei", "eva.frei@bank.example"}
        assert await all_names(connection, ["@odd", " ", "user:Ida"]) == {"@odd", "ida"}
    assert stored_addresses(["ida", "ida@bank.example"]).isdisjoint({"ida", "ida@bank.example"})


async def test_only_who_did_not_build_it_judges_its_answers(services: Services) -> None:
    item, reviewer = await services.use_cases.get(bank.NAME), "reviewer"
    await stages.account(services, "tess", reviewer)
    await stages.account(services, "luca", reviewer)
    users = {each.name: each for each in await services.users.find()}
    assert await services.labels.refusal(item, users["tess"]) == ""
    await services.registry.apply(bank.declarations(use_cases=[bank.use_case(title="Mail")]), actor="user:tess")
    for name in ("tess", "luca"):
        assert "has built" in await services.labels.refusal(item, users[name])
        with pytest.raises(NotAllowed, match="has built"):
            await services.labels.next(bank.NAME, users[name])
    assert await services.labels.refusal(item, None) == "a key can not label"


async def test_raters_whom_an_application_names_by_an_address_of_old_are_refused(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(owner=PETRA)])
    for rater in (bank.OWNER, PETRA, "petra"):
        with pytest.raises(NotAllowed, match="someone who did not build it rates it"):
            await services.feedback.rate(NewRating(stars=5, rater=rater, use_case=bank.NAME, case_id="c-1"), actor="key:1")
