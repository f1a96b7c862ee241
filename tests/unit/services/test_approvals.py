"""Approvals: who may give them, what makes them stale, and that the gate into scale counts nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain import risk
from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.use_case import Hold
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.store import catalog


async def criterion(services: Services) -> CriterionResult:
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="scale", save=False)
    return next(each for each in evaluation.results if each.key == "approvals")


async def test_four_people_of_four_functions_open_the_criterion(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        assert (await criterion(services)).status == "unknown"
        await stages.approve_all(services)
        found = await criterion(services)
        assert (found.status, found.n) == ("pass", 4)
        await stages.put_in(services, "pilot", holds=(Hold(kind="veto", reason="biased", since=clock.now()),))
        vetoed = await criterion(services)
        assert (vetoed.status, "veto: biased" in vetoed.missing) == ("fail", True)
        await stages.put_in(services, "pilot", holds=())
        await bank.apply(services, use_cases=[bank.use_case(prompt=bank.use_case().prompt + ".")])
        assert {each.state for each in await services.approvals.find(bank.NAME)} == {"stale"}
        assert (await criterion(services)).status == "unknown", "one character more, and nobody has approved it"
        await bank.apply(services)
        assert (await criterion(services)).status == "pass"
        assert (await services.audit.verify()).problems == ()


async def test_who_may_not_say_a_functions_word(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        asker = await stages.account(services, "asker", "legal", "admin")
        asked = {each.function: each for each in await services.approvals.request(bank.NAME, actor=asker, to="scale")}
        cases = {
            "somebody else gives it": asker,
            "does not hold the function": await stages.account(services, "root", "admin", "owner", "it"),
            "under their account": "cli:root",
            "owns, champions or has built": await stages.account(services, bank.OWNER, "legal"),
            "has built": await stages.account(services, "maria", "legal"),
        }
        for message, actor in cases.items():
            with pytest.raises(NotAllowed, match=message):
                await services.approvals.decide(asked["legal"].id, "approved", actor=actor, statement="fine")
        both = await stages.account(services, "both", "legal", "it")
        await services.approvals.decide(asked["legal"].id, "abstained", actor=both, statement="conflict of interest")
        with pytest.raises(NotAllowed, match="one person fills one function"):
            await services.approvals.decide(asked["it"].id, "approved", actor=both, statement="fine")
        other = await stages.account(services, "other", "legal")
        with pytest.raises(Conflict, match="only they change their word"):
            await services.approvals.decide(asked["legal"].id, "approved", actor=other, statement="fine")
        await services.approvals.decide(asked["legal"].id, "changes_requested", actor=both, statement="name the basis")
        assert (await criterion(services)).status == "fail"
        for decision, statement in (("maybe", "x"), ("approved", " ")):
            with pytest.raises(InputError):
                await services.approvals.decide(asked["ethics"].id, decision, actor=both, statement=statement)


async def test_a_word_on_an_earlier_version_is_refused(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        first = await services.approvals.request(bank.NAME, actor="user:maria", to="scale")
        assert await services.approvals.request(bank.NAME, actor="user:maria", to="scale") == first, "asking twice asks once"
        await bank.apply(services, use_cases=[bank.use_case(prompt="Answer.")])
        who = await stages.account(services, "nora", "legal")
        legal = next(each for each in first if each.function == "legal")
        with pytest.raises(Conflict, match="ask again"):
            await services.approvals.decide(legal.id, "approved", actor=who, statement="fine")
        with pytest.raises(Conflict, match="was not asked about this version"):
            await services.approvals.open_for(bank.NAME, "legal", "scale")


async def test_who_builds_after_attesting_has_not_attested(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await services.evidence.attest(bank.NAME, "load_test", actor="user:tess", statement="held 2,000 a minute")

        async def load_test() -> CriterionResult:
            evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="scale", save=False)
            return next(each for each in evaluation.results if each.key == "load_test")

        assert (await load_test()).status == "pass"
        await services.registry.apply(bank.declarations(use_cases=[bank.use_case(title="Mail")]), actor="user:Tess")
        assert (await load_test()).figure == "attested by someone who built it"
        with pytest.raises(NotAllowed, match="someone who did not build it"):
            await services.evidence.attest(bank.NAME, "rollback", actor="cli:tess", statement="rolled back")


async def test_a_program_attests_nothing(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.accounts(services, "user:Bot", kind="agent")
        for actor in ("user:Bot", "cli:bot"):
            with pytest.raises(NotAllowed, match="the account of a program"):
                await services.evidence.attest(bank.NAME, "load_test", actor=actor, statement="held 2,000 a minute")


@pytest.mark.parametrize("subject", ["verdict", "evidence_grade", "kill_switch", "approvals", "approval:legal", "logs", "ramp"])
async def test_nobodys_word_stands_for_what_is_computed(
    sqlite_url: str, tmp_path: Path, prepared: Prepared, subject: str
) -> None:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        with pytest.raises(InputError, match="subject: "):
            await services.evidence.attest(bank.NAME, subject, actor="user:legal", statement="it is so")


async def test_who_builds_after_approving_has_not_approved(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.approve_all(services)
        assert (await criterion(services)).status == "pass"
        changed = bank.declarations(use_cases=[bank.use_case(title="Mail")])
        await services.registry.apply(changed, actor="user:legal-person")
        found = await criterion(services)
        assert (found.status, found.n) == ("unknown", 3), "the version is the same, and yet it is their own work by now"
        assert "has built it since" in found.missing
        asked = await services.approvals.request(bank.NAME, actor="user:maria", to="scale")
        legal = next(each for each in asked if each.function == "legal")
        other = await stages.account(services, "other", "legal")
        await services.approvals.decide(legal.id, "approved", actor=other, statement="looked at it")
        assert (await criterion(services)).status == "pass"


async def test_a_word_does_not_reach_a_higher_risk_tier(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.approve_all(services)
        assert (await criterion(services)).status == "pass"
        risen = bank.use_case(risk_answers={"watches_tests": True})
        assert risk.higher(risk.assess(risen).tier, risk.assess(await services.use_cases.get(bank.NAME)).tier)
        await bank.apply(services, use_cases=[risen])
        found = await criterion(services)
        assert (found.status, found.n) == ("unknown", 0), "the version is the same, and what they spoke of is not"
        told = "the risk tier is high now and was limited when legal-person spoke: to be asked again"
        assert f"legal: {told}" in found.missing
        assert {each.silent.partition(" and ")[0] for each in await services.approvals.find(bank.NAME)} == {
            "the risk tier is high now"
        }
        asked = {each.function: each for each in await services.approvals.request(bank.NAME, actor="user:maria", to="scale")}
        for function, each in asked.items():
            assert (each.state, each.tier) == ("pending", "high")
            said = await services.approvals.decide(each.id, "approved", actor=f"user:{function}-person", statement="as high risk")
            assert said.tier == "high"
        assert (await criterion(services)).status == "pass"
        assert (await services.audit.verify()).problems == ()


async def test_a_pending_request_is_answered_of_the_tier_of_that_day(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """And a word that names no tier, of an earlier release, reaches the lowest alone: whoever gave it may say it again."""
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        asked = await services.approvals.request(bank.NAME, actor="user:maria", to="scale")
        await bank.apply(services, use_cases=[bank.use_case(risk_answers={"watches_tests": True})])
        who = await stages.account(services, "nora", "legal")
        legal = next(each for each in asked if each.function == "legal")
        said = await services.approvals.decide(legal.id, "approved", actor=who, statement="fine")
        assert (legal.tier, said.tier) == ("limited", "high")
        assert (await criterion(services)).n == 1
        async with services.database.write("system:test") as writer:
            await catalog.APPROVALS.put(writer, msgspec.structs.replace(said, tier=None), "earlier")
        found = await criterion(services)
        assert found.n == 0
        assert "is not on record for when nora spoke" in found.missing
        await services.approvals.decide(legal.id, "approved", actor=who, statement="fine, as high risk")
        assert (await criterion(services)).n == 1
