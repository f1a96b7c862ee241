"""Authority of experts: granted by a decision, for a scope and a time, to others than who records it; and that a word counts only
while whoever gave it may speak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.approval import Approval
from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.meeting import Decision, Vote
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services import decision_effects, veto_agenda
from groundcrew.services.approvals import ApprovalNow
from groundcrew.services.bundle import Services
from groundcrew.store import catalog, deciding
from groundcrew.testing import FakeClock

TERMS = {"person": "expert", "function": "legal", "rights": ["approve", "veto"], "scope": f"use_case:{bank.NAME}", "days": 60}


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        for name, roles in {
            "expert": ("reviewer",),
            "chair": ("business",),
            "lena": ("legal",),
            "lars": ("legal",),
            "eva": ("ethics",),
            "ida": ("it",),
            "root": ("admin",),
            "audit": ("auditor", "admin"),
        }.items():
            await stages.account(made, name, *roles)  # type: ignore[arg-type]
        yield made


async def grant(services: Services, *, actor: str = "user:chair", decision: str = "d1", **changes: Any) -> str:
    async with services.database.write(actor) as writer:
        await decision_effects.grant_authority(writer, decision=decision, terms={**TERMS, **changes})
    return (await services.authorities.find())[0].authority.id


async def asked(services: Services, function: str = "legal") -> Approval:
    found = await services.approvals.request(bank.NAME, actor="user:root", to="pilot")
    return next(each for each in found if each.function == function)


async def newest(services: Services, function: str = "legal") -> ApprovalNow:
    return [each for each in await services.approvals.find(bank.NAME) if each.approval.function == function][-1]


async def criterion(services: Services) -> CriterionResult:
    await stages.without(services, "scale")
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:root", to="scale", save=False)
    return next(each for each in evaluation.results if each.key == "approvals")


async def change(services: Services, name: str, **changes: Any) -> None:
    async with services.database.write("system:test") as writer:
        user = await catalog.USERS.get(writer.connection, name)
        assert user is not None
        await catalog.USERS.put(writer, msgspec.structs.replace(user, **changes), "update")


async def test_an_authority_lets_an_expert_approve_within_its_scope_and_time(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    request = await asked(services)
    with pytest.raises(NotAllowed, match="does not hold the function legal"):
        await services.approvals.decide(request.id, "approved", actor="user:expert", statement="lawful")
    authority = await grant(services)
    decided = await services.approvals.decide(request.id, "approved", actor="user:expert", statement="lawful")
    assert decided.authority == authority
    it = await asked(services, "it")
    with pytest.raises(NotAllowed, match="does not hold the function it"):
        await services.approvals.decide(it.id, "approved", actor="user:expert", statement="safe")
    assert (await newest(services)).silent == ""
    clock.advance(61 * bank.DAY_S)
    assert "does not hold the function legal any more" in (await newest(services)).silent
    assert (await services.authorities.find())[0].state == "ended"


@pytest.mark.parametrize(
    "changes",
    [
        {"rights": ["veto"]},
        {"function": "ethics"},
        {"scope": "business_unit:retail-two"},
        {"scope": {"kind": "use_case", "name": "other"}},
    ],
)
async def test_an_authority_for_something_else_is_none_here(services: Services, changes: dict[str, Any]) -> None:
    other = bank.use_case(name="other", business_unit="retail-two")
    await bank.apply(services, use_cases=[bank.use_case(), other])
    await grant(services, **changes)
    request = await asked(services)
    with pytest.raises(NotAllowed):
        await services.approvals.decide(request.id, "approved", actor="user:expert", statement="lawful")


async def test_what_is_not_granted(services: Services) -> None:
    await bank.accounts(services, "user:bot", roles=("reviewer",), kind="agent")
    now = services.database.clock.now()
    for changes in (
        *({"person": each} for each in ("nobody", "bot", "root", "audit")),
        *({"rights": []}, {"rights": ["rule"]}, {"function": "admin"}, {"scope": "galaxy"}, {"scope": "all:x"}, {"more": 1}),
        *({"scope": "business_unit:none"}, {"days": 0}, {"days": 367}, {"until": now.isoformat()}),
        {"until": (now + timedelta(days=9)).replace(tzinfo=None).isoformat()},
    ):
        with pytest.raises(InputError):
            await grant(services, **changes)
    with pytest.raises(NotFound):
        await grant(services, scope="use_case:none")
    with pytest.raises(NotAllowed, match="nobody grants themselves"):
        await grant(services, actor="user:expert")
    vote = Vote(function="legal", person="expert", word="for", at=now, text_revision=1)
    decision = Decision(
        id="d9", meeting="m", item="i", kind="grant_authority", text="x", proposed_by="user:eva", proposed_at=now, votes=(vote,)
    )
    async with services.database.write("user:eva") as writer:
        await deciding.DECISIONS.put(writer, decision, "propose")
    with pytest.raises(NotAllowed, match="leaves the vote on it to the others"):
        await grant(services, decision="d9")
    assert await services.authorities.find() == []


async def test_a_request_is_granted_denied_or_called_off_and_stands_on_the_agenda(services: Services) -> None:
    def ask(**changes: Any) -> Any:
        given = {"person": "expert", "function": "legal", "rights": ["veto"], "reason": "knows the law", "actor": "user:expert"}
        return services.authorities.request(**{**given, **changes})

    for changes in ({"reason": " "}, {"rights": []}, {"rights": ["rule"]}, {"function": "x"}, {"days": 0}, {"person": "root"}):
        with pytest.raises(InputError):
            await ask(**changes)
    with pytest.raises(NotAllowed):
        await ask(actor="cli:expert")
    first, second, third = await ask(), await ask(), await ask()
    async with services.database.read() as connection:
        entries = await veto_agenda.agenda_entries(connection, services.database.clock.now())
    assert [each.kind for each in entries] == ["authority"] * 3
    with pytest.raises(InputError, match="is about expert and legal"):
        await grant(services, request=first.id, function="it")
    await grant(services, request=first.id)
    with pytest.raises(Conflict, match="granted already"):
        await grant(services, request=first.id)
    async with services.database.write("user:chair") as writer:
        await decision_effects.deny_authority(writer, decision="d2", request=second.id, reason="there are two already")
    with pytest.raises(NotAllowed):
        await services.authorities.withdraw_request(third.id, reason="no", actor="user:lena")
    await services.authorities.withdraw_request(third.id, reason="not needed", actor="user:expert")
    assert [each.state for each in await services.authorities.requests(every=True)] == ["granted", "denied", "withdrawn"]
    assert await services.authorities.requests() == []


async def test_what_is_revoked_ends_at_once(services: Services) -> None:
    authority = await grant(services)
    request = await asked(services)
    await services.approvals.decide(request.id, "approved", actor="user:expert", statement="lawful")
    async with services.database.write("user:chair") as writer:
        await decision_effects.revoke_authority(writer, decision="d2", authority=authority, reason="they have left the field")
    assert (await newest(services)).silent != ""
    with pytest.raises(Conflict, match="revoked already"):
        async with services.database.write("user:chair") as writer:
            await decision_effects.revoke_authority(writer, decision="d3", authority=authority, reason="again")
    (again,) = [
        each for each in await services.approvals.request(bank.NAME, actor="user:root", to="pilot") if each.function == "legal"
    ]
    assert (again.state, again.replaces) == ("pending", request.id)


async def test_deputies_by_a_decision(services: Services) -> None:
    async with services.database.write("user:chair") as writer:
        terms = {"function": "legal", "people": ["lars", "lena"], "reason": "the Stream says so"}
        await decision_effects.name_deputies(writer, decision="d1", terms=terms)
    assert (await services.authorities.deputies())["legal"].people == ("lars", "lena")


@pytest.mark.parametrize("how", ["role", "disabled", "agent", "owner"])
async def test_a_word_does_not_count_once_its_speaker_may_not_give_it(services: Services, how: str) -> None:
    for each in await services.approvals.request(bank.NAME, actor="user:root", to="scale"):
        who = {"legal": "user:lena", "ethics": "user:eva", "it": "user:ida", "business": "user:chair"}[each.function]
        await services.approvals.decide(each.id, "approved", actor=who, statement="looked at it")
    assert (await criterion(services)).status == "pass"
    if how == "owner":
        await bank.apply(services, use_cases=[bank.use_case(champion="lena")])
    else:
        now: dict[str, Any] = {"role": {"roles": ("owner",)}, "disabled": {"disabled": True}, "agent": {"kind": "agent"}}[how]
        await change(services, "lena", **now)
    found = await criterion(services)
    assert (found.status, found.n) == ("unknown", 3)
    assert "somebody else decides" in found.missing
    again = [
        each for each in await services.approvals.request(bank.NAME, actor="user:root", to="scale") if each.state == "pending"
    ]
    assert [each.function for each in again] == ["legal"]
    await services.approvals.decide(again[0].id, "approved", actor="user:lars", statement="looked at it")
    assert (await criterion(services)).status == "pass"


async def test_a_request_that_nobody_answers_lapses_visibly(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    request = await asked(services)
    assert request.answer_by - clock.now() == timedelta(days=14)
    clock.advance(14 * bank.DAY_S)
    assert (await newest(services)).state == "lapsed"
    assert {each.approval.function for each in await services.approvals.lapsed()} == {"ethics", "it", "legal", "business"}
    with pytest.raises(Conflict, match="lapsed on"):
        await services.approvals.decide(request.id, "approved", actor="user:lena", statement="late")
    async with services.database.read() as connection:
        (entry,) = await veto_agenda.agenda_entries(connection, clock.now())
    assert (entry.kind, "lapsed" in entry.why, len(entry.functions)) == ("gate_request", True, 4)
    again = await asked(services)
    assert (again.replaces, again.id != request.id) == (request.id, True)
    assert await services.approvals.lapsed() == []
    await services.approvals.decide(again.id, "approved", actor="user:lena", statement="in time")
    clock.advance(30 * bank.DAY_S)
    assert (await newest(services)).state == "approved", "a word that was given does not lapse"


async def test_what_made_it_stale_is_told(services: Services) -> None:
    request = await asked(services)
    await services.approvals.decide(request.id, "approved", actor="user:lena", statement="lawful")
    declared = bank.declarations(use_cases=[bank.use_case(prompt="Answer.", purpose="Answer everybody")])
    await services.registry.apply(declared, actor="user:ida")
    found = await newest(services)
    assert (found.state, found.stale is not None) == ("stale", True)
    assert found.stale is not None
    assert (found.stale.by, found.stale.parts) == ("user:ida", ("prompt", "purpose"))
    again = await asked(services)
    assert again.replaces == request.id
    with pytest.raises(Conflict, match="has changed since"):
        await services.approvals.decide(request.id, "abstained", actor="user:lena", statement="too late")
