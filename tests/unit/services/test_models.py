"""A swap takes a rehearsal that holds, or a person who answers for it; it is undone by one command, and no old file undoes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.services.rehearsing import ALTERNATE, declare, model, other, record_rehearsal, recorded, rehearse

from groundcrew.domain.gate import Criterion, CriterionResult
from groundcrew.domain.model_swap import named
from groundcrew.domain.provider import Model, Target, vendor_of
from groundcrew.domain.use_case import Grounding
from groundcrew.domain.verifier import Verifier
from groundcrew.errors import Conflict, DeclarationError, InputError, NotAllowed, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.criteria import swap as criterion
from groundcrew.services.gate_facts import gather
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

PRESENT = (bank.PROVIDER, "extractive-1")
THIRD = Target(provider="third", model="third-1")


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await declare(services)
        yield services


cleared = record_rehearsal


async def swap(services: Services, **options: object) -> object:
    return await services.models.swap(bank.MODEL, ALTERNATE, actor="user:maria", reason="cheaper", **options)  # type: ignore[arg-type]


async def answering(services: Services) -> list[str]:
    return sorted(named(each) for each in (await services.models.get(bank.MODEL)).model.answering)


async def judged(services: Services, **settings: object) -> CriterionResult:
    item = await services.use_cases.get(bank.NAME)
    async with services.database.read() as connection:
        facts = await gather(connection, item, services.database.clock.now())
    return criterion.model_swap(facts, Criterion(key="swap", title="Model swap", check="model_swap", settings=settings))


async def test_a_swap_says_what_went_stale_and_a_revert_makes_it_valid_again(
    database_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("ready", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await declare(services)
        await recorded(services, 160)
        _, rehearsed = await rehearse(services)
        assert rehearsed.holds, rehearsed.why
        await _there_and_back(services)


async def _there_and_back(services: Services) -> None:
    before = await bank.digest_of(services)
    report = await services.models.swap(bank.MODEL, ALTERNATE, actor="user:maria", reason="cheaper")
    assert await answering(services) == ["other/other-1"]
    assert [named((each.provider, each.model)) for each in report.model.alternates] == ["quotes/extractive-1"]
    assert (report.swap.stepped_in, report.swap.stepped_back) == ((ALTERNATE,), (PRESENT,))
    (follows,) = report.consequences
    assert follows.version_before == before != follows.version_after == await bank.digest_of(services)
    assert {each.kind for each in follows.stale} == {"overlap_scan", "phi_probe", "kill_switch_drill", "model_swap_rehearsal"}
    assert "groundcrew drill use-case:assistant" in {each.renew for each in follows.stale}
    assert "groundcrew model rehearse assistant --alternate quotes/extractive-1" in {each.renew for each in follows.stale}
    assert follows.hypothesis.endswith("registered")
    assert (await services.use_cases.get(bank.NAME)).purpose == follows.purpose
    back = await services.models.revert(bank.MODEL, actor="user:beat", reason="complaints")
    assert await answering(services) == ["quotes/extractive-1"]
    assert await bank.digest_of(services) == before
    assert len(back.consequences[0].valid_again) == 4
    assert {each.state for each in await services.evidence.find(bank.NAME)} == {"valid"}
    assert (await services.audit.verify()).problems == ()


async def test_what_was_before_is_remembered_over_several_swaps(services: Services) -> None:
    third = msgspec.structs.replace(other(), name="third", base_url="https://third.example/v1")
    stand_by = (*model().alternates, THIRD)
    several = msgspec.structs.replace(model(), alternates=stand_by)
    await bank.apply(services, providers=[bank.provider(), other(), third], models=[several])
    start = (await services.models.get(bank.MODEL)).model
    await services.users.create("beat", "a long password", roles=("it",), actor="system:test")
    for to in (ALTERNATE, ("third", "third-1")):
        await services.models.swap(bank.MODEL, to, actor="user:beat", reason="outage", without_rehearsal=True)
    assert await answering(services) == ["third/third-1"]
    await services.models.revert(bank.MODEL, actor="user:maria", reason="over")
    assert await answering(services) == ["other/other-1"]
    await services.models.revert(bank.MODEL, actor="user:maria", reason="over")
    assert (await services.models.get(bank.MODEL)).model == start
    with pytest.raises(Conflict, match="nothing was swapped"):
        await services.models.revert(bank.MODEL, actor="user:maria", reason="over")
    view = await services.models.get(bank.MODEL)
    assert [each.action for each in view.swaps] == ["revert", "revert", "swap", "swap"]
    assert [each.without_rehearsal for each in view.swaps] == [False, False, True, True]
    assert (await services.audit.verify()).problems == ()


async def test_only_a_rehearsal_that_holds_clears(services: Services) -> None:
    with pytest.raises(Conflict, match="never rehearsed: groundcrew model rehearse assistant --alternate other/other-1"):
        await swap(services)
    await cleared(services, holds=False, why="supported worse")
    with pytest.raises(Conflict, match="does not hold"):
        await swap(services)
    with pytest.raises(InputError, match="say why"):
        await services.models.swap(bank.MODEL, ALTERNATE, actor="user:maria", reason=" ")
    assert await answering(services) == ["quotes/extractive-1"]


async def test_a_rehearsal_wears_out(services: Services) -> None:
    await cleared(services)
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    await bank.apply(services, providers=[other(base_url="https://elsewhere.example/v1")], models=[], use_cases=[])
    with pytest.raises(Conflict, match="another address since"):
        await swap(services)
    await bank.apply(services, providers=[other()], models=[], use_cases=[])
    clock.advance(90 * bank.DAY_S)
    with pytest.raises(Conflict, match="its rehearsal is expired"):
        await swap(services)
    await bank.apply(services, models=[], providers=[], use_cases=[bank.use_case(prompt="Answer shortly.")])
    with pytest.raises(Conflict, match="its rehearsal is stale"):
        await swap(services)


async def test_every_use_case_on_the_alias_must_be_cleared(services: Services) -> None:
    await cleared(services)
    second = bank.use_case(name="second", title="Second")
    third = bank.use_case(name="embedder", model="lookup", embedding_model=bank.MODEL)
    lookup = Model(name="lookup", targets=bank.model().targets)
    judge = Verifier(name="judge", api="judge", model=bank.MODEL)
    graded = bank.use_case(name="graded", model="lookup", grounding=Grounding(knowledge=bank.BASE, verifiers=("judge",)))
    await bank.apply(services, providers=[], models=[lookup], use_cases=[second, third, graded], verifiers=[judge])
    with pytest.raises(Conflict) as refused:
        await swap(services)
    assert "second: never rehearsed" in str(refused.value)
    assert "embedder: it embeds with it" in str(refused.value)
    assert "graded: it judges answers" in str(refused.value)
    await services.use_cases.demote("second", "retired", actor="user:maria", reason="over")
    with pytest.raises(Conflict) as refused:
        await swap(services)
    assert "second" not in str(refused.value)


async def test_without_a_rehearsal_a_person_in_the_role_answers_for_it(services: Services) -> None:
    await services.users.create("owner", "a long password", roles=("owner",), actor="system:test")
    await services.users.create("beat", "a long password", roles=("on_call",), actor="system:test")
    for actor in ("user:owner", "cli:root", "user:nobody", "key:1"):
        with pytest.raises(NotAllowed, match="may not swap without a rehearsal"):
            await services.models.swap(bank.MODEL, ALTERNATE, actor=actor, reason="outage", without_rehearsal=True)
    report = await services.models.swap(bank.MODEL, ALTERNATE, actor="user:beat", reason="outage", without_rehearsal=True)
    assert report.swap.without_rehearsal
    (entry,) = await services.audit.latest(subject=f"model-swap/{report.swap.id}")
    assert (entry.actor, entry.reason, entry.details["without_rehearsal"]) == ("user:beat", "outage", True)


async def test_never_to_a_provider_that_may_not_see_the_data(services: Services) -> None:
    await services.users.create("beat", "a long password", roles=("it",), actor="system:test")
    async with services.database.write("user:anna") as writer:
        await catalog.PROVIDERS.put(writer, other(data_classes=("internal",)), "apply")
    with pytest.raises(NotAllowed, match="other may not see pii, which assistant handles"):
        await services.models.swap(bank.MODEL, ALTERNATE, actor="user:beat", reason="outage", without_rehearsal=True)


async def test_who_is_no_alternate_is_not_swapped_in(services: Services) -> None:
    for to, error, words in (
        (PRESENT, Conflict, "answers writer already"),
        (("other", "other-9"), NotFound, "it has other/other-1"),
    ):
        with pytest.raises(error, match=words):
            await services.models.swap(bank.MODEL, to, actor="user:maria", reason="r")
    with pytest.raises(NotFound, match="did you mean 'writer'"):
        await services.models.swap("writter", ALTERNATE, actor="user:maria", reason="r")


async def test_an_old_declaration_does_not_undo_a_swap(services: Services) -> None:
    await cleared(services)
    await swap(services)
    with pytest.raises(
        DeclarationError, match=r"bank.yaml:1: targets: out of date: writer was swapped to other/other-1 by user:maria"
    ):
        await bank.apply(services, models=[model()], providers=[], use_cases=[])
    reweighted = msgspec.structs.replace(
        model(), targets=(msgspec.structs.replace(bank.model().targets[0], timeout_s=5.0), THIRD), alternates=()
    )
    third = msgspec.structs.replace(other(), name="third", base_url="https://third.example/v1")
    with pytest.raises(DeclarationError, match="out of date"):
        await bank.apply(services, models=[reweighted], providers=[third], use_cases=[])
    present = (await services.models.get(bank.MODEL)).model
    (change,) = await bank.apply(services, models=[present], providers=[], use_cases=[], policies=[], bases=[])
    assert change.action == "unchanged"
    # A file that has caught up may go on to something else, but not back: that is a revert.
    with pytest.raises(DeclarationError, match="model revert writer"):
        await bank.apply(services, models=[model()], providers=[], use_cases=[])
    await bank.apply(services, models=[reweighted], providers=[third], use_cases=[])
    assert await answering(services) == ["quotes/extractive-1", "third/third-1"]


async def test_after_a_revert_the_swapped_declaration_is_the_old_one(services: Services) -> None:
    await cleared(services)
    await swap(services)
    swapped_to = (await services.models.get(bank.MODEL)).model
    await services.models.revert(bank.MODEL, actor="user:maria", reason="complaints")
    with pytest.raises(DeclarationError, match="reverted to quotes/extractive-1"):
        await bank.apply(services, models=[swapped_to], providers=[], use_cases=[])
    await bank.apply(services, models=[model()], providers=[], use_cases=[])


async def test_one_primary_of_several_is_replaced(services: Services) -> None:
    third = msgspec.structs.replace(other(), name="third", base_url="https://third.example/v1")
    first = msgspec.structs.replace(bank.model().targets[0], weight=70)
    several = msgspec.structs.replace(model(), targets=(first, msgspec.structs.replace(THIRD, weight=30)))
    await bank.apply(services, providers=[third, other(), bank.provider()], models=[several])
    await services.users.create("beat", "a long password", roles=("it",), actor="system:test")
    with pytest.raises(NotFound, match="no primary"):
        await services.models.swap(
            bank.MODEL, ALTERNATE, actor="user:beat", reason="r", replace=("x", "y"), without_rehearsal=True
        )
    report = await services.models.swap(
        bank.MODEL, ALTERNATE, actor="user:beat", reason="r", replace=PRESENT, without_rehearsal=True
    )
    assert [(each.provider, each.weight) for each in report.model.targets] == [("other", 70), ("third", 30)]
    assert [each.provider for each in report.model.alternates] == ["quotes"]


async def test_the_gate_asks_for_an_alternate_of_another_vendor(services: Services) -> None:
    found = await judged(services)
    assert found.status == "unknown"
    assert "groundcrew model rehearse assistant --alternate other/other-1" in found.missing
    await cleared(services)
    found = await judged(services)
    assert (found.status, found.n) == ("pass", 160)
    assert "other/other-1" in found.figure
    await services.models.swap(bank.MODEL, ALTERNATE, actor="user:maria", reason="cheaper")
    assert (await judged(services)).status == "unknown", "the version that answers now was not rehearsed"
    await services.models.revert(bank.MODEL, actor="user:maria", reason="back")
    assert (await judged(services)).status == "pass"
    vendor = vendor_of(bank.provider())
    await bank.apply(services, providers=[other(vendor=vendor)], models=[], use_cases=[])
    assert (await judged(services)).status != "pass"
    assert (await judged(services, same_vendor=True)).status == "pass"
    await bank.apply(services, models=[bank.model()], providers=[], use_cases=[])
    assert (await judged(services)).figure == "no alternate"


async def test_a_rehearsal_that_does_not_hold_fails_the_gate(services: Services) -> None:
    await cleared(services, holds=False, why="supported worse")
    found = await judged(services)
    assert found.status == "fail"
    assert "supported worse" in found.missing


async def test_who_is_tied_to_one_vendor(services: Services) -> None:
    assert await services.models.independence() == []
    await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="go")
    (found,) = await services.models.independence()
    assert (found.tied, found.vendors, found.alternates, found.ready) == (True, ("embedded",), ("other/other-1",), ())
    assert "never rehearsed" in found.why
    await cleared(services)
    (found,) = await services.models.independence()
    assert (found.tied, found.ready, found.why) == (False, ("other/other-1",), "")
    await bank.apply(services, models=[bank.model()], providers=[], use_cases=[])
    (found,) = await services.models.independence()
    assert found.why == "declare alternates on the model writer"
