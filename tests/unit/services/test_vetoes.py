"""Vetoes: who files one, what it holds, what lifts it, whose it is, and that no rank clears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.gate import CriterionResult
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import ActionItem, Attendance, StreamMeeting
from groundcrew.domain.veto import (
    ActionDone,
    ApprovalGiven,
    CriterionPasses,
    DateReached,
    EvidenceValid,
    IncidentClosed,
    LiftCondition,
    MetricBound,
    ResourceAllocated,
    VersionChanged,
    Veto,
)
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound, RefusedCall
from groundcrew.gateway.admission import check_running
from groundcrew.services import decision_effects, veto_agenda
from groundcrew.services.bundle import Services, open_services
from groundcrew.services.vetoes import NewVeto
from groundcrew.store import catalog, deciding
from groundcrew.testing import FakeClock

GROUND = "It tells customers wrong fees"
EXPLANATION = "Of 40 drafts that I read, 7 named a fee that is in no article. Nobody would find out before a customer does."
EVIDENCE = EvidenceValid(evidence="attestation", subject="impact_assessment")


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        await people(made)
        yield made


async def people(services: Services) -> None:
    """Two of ethics, one of each other function, who administers, and the chief executive, who owns the use case."""
    for name, roles in {
        "eva": ("ethics",),
        "emil": ("ethics",),
        "ida": ("it",),
        "lena": ("legal",),
        "bert": ("business",),
        "root": ("admin",),
        "chief": ("admin", "owner", "business", "it", "legal"),
        "audit": ("auditor",),
        "otto": ("on_call",),
    }.items():
        await stages.account(services, name, *roles)  # type: ignore[arg-type]


def new(*conditions: LiftCondition, **changes: Any) -> NewVeto:
    item = NewVeto(
        use_case=bank.NAME,
        function="ethics",
        ground=GROUND,
        explanation=EXPLANATION,
        need="remediation",
        conditions=conditions or (EVIDENCE,),
    )
    return msgspec.structs.replace(item, **changes)


async def filed(services: Services, *conditions: LiftCondition, actor: str = "user:eva", **changes: Any) -> Veto:
    return await services.vetoes.file(new(*conditions, **changes), actor=actor)


async def only_approvals(services: Services, stage: str = "pilot") -> None:
    """A gate that asks for nothing but approvals."""
    found = {each.stage: each for each in await services.gate_policies.find() if each.state == "published"}
    criterion = next(each for each in found["scale"].criteria if each.check == "approvals")
    short = msgspec.structs.replace(found[stage], criteria=(criterion,))  # type: ignore[index]
    await services.gate_policies.publish([short], actor="user:root", reason="a short gate for this test")


async def approved(services: Services, stage: str = "pilot") -> None:
    names = {"ethics": "user:emil", "it": "user:ida", "legal": "user:lena", "business": "user:bert"}
    for each in await services.approvals.request(bank.NAME, actor="user:root", to=stage):  # type: ignore[arg-type]
        if each.state == "pending":
            await services.approvals.decide(each.id, "approved", actor=names[each.function], statement="looked at it")


async def criterion(services: Services, stage: str = "pilot") -> CriterionResult:
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:root", to=stage, save=False)  # type: ignore[arg-type]
    return next(each for each in evaluation.results if each.key == "approvals")


async def advance(services: Services) -> None:
    await services.use_cases.advance(bank.NAME, "pilot", actor="user:chief", reason="it is time")


async def change(services: Services, name: str, **changes: Any) -> None:
    async with services.database.write("system:test") as writer:
        user = await catalog.USERS.get(writer.connection, name)
        assert user is not None
        await catalog.USERS.put(writer, msgspec.structs.replace(user, **changes), "update")


async def met(services: Services, quorate: bool = True) -> None:
    """A meeting of the Stream that was held now, for an hour, with its quorum or without ethics."""
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    begun = clock.now()
    clock.advance(3_600)
    meeting = StreamMeeting(
        id=new_id(),
        slot=new_id(),
        starts_at=begun,
        ends_at=clock.now(),
        created_at=begun,
        created_by="system:test",
        changed_at=begun,
        state="closed",
        opened_at=begun,
        closed_at=clock.now(),
    )
    async with services.database.write("system:test") as writer:
        await deciding.MEETINGS.put(writer, meeting, "close")
        for function in FUNCTIONS if quorate else FUNCTIONS[1:]:
            span = Attendance(
                id=new_id(), meeting=meeting.id, person=function, function=function, joined_at=begun, left_at=clock.now()
            )
            await deciding.ATTENDANCE.put(writer, span, "join")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ground": ""}, "ground"),
        ({"ground": " \n\t"}, "ground"),
        ({"ground": "No!"}, "ground"),
        ({"ground": "x " * 400}, "ground"),
        ({"explanation": "\u2003"}, "explanation"),
        ({"explanation": "because"}, "explanation"),
        ({"explanation": "- - !"}, "explanation"),
        ({"need": "revenge"}, "need"),
        ({"function": "admin"}, "function"),
        ({"stage": "retired"}, "stage"),
        ({"conditions": ()}, "conditions"),
        ({"conditions": (EVIDENCE,) * 11}, "conditions"),
        ({"need": "funding"}, "requests"),
        ({"need": "resources"}, "requests"),
        ({"stops_calls": True, "stop_reason": " "}, "stop_reason"),
        ({"conditions": (CriterionPasses(stage="scale", key="approvals"),)}, "conditions[0].key"),
        ({"conditions": (EVIDENCE, CriterionPasses(stage="pilot", key="luck"))}, "conditions[1].key"),
        ({"conditions": (MetricBound(metric="luck", side="at_least", value=1),)}, "conditions[0].metric"),
        ({"conditions": (MetricBound(metric="stars", side="at_least", value=float("nan")),)}, "conditions[0].value"),
        ({"conditions": (ResourceAllocated(),)}, "conditions[0].amount_min"),
        ({"conditions": (ResourceAllocated(measure="usd", amount_min=-1),)}, "conditions[0].amount_min"),
        ({"conditions": (ResourceAllocated(measure="gold", amount_min=1),)}, "conditions[0].measure"),
    ],
)
async def test_what_says_nothing_or_can_not_be_checked_is_refused(
    services: Services, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        await filed(services, **changes)
    assert caught.value.field == field
    assert await services.vetoes.find() == []
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_what_there_is_not_and_what_is_met_already_is_refused(services: Services) -> None:
    now = services.database.clock.now()
    for condition in (
        ActionDone(action="none"),
        IncidentClosed(incident="none"),
        ResourceAllocated(request="none"),
        ResourceAllocated(resource="none", amount_min=1),
    ):
        with pytest.raises(NotFound):
            await filed(services, condition)
    for at in (now - timedelta(days=1), now.replace(tzinfo=None) + timedelta(days=5)):
        with pytest.raises(InputError):
            await filed(services, DateReached(at=at))
    for days in (0, 91):
        with pytest.raises(InputError, match="review"):
            await filed(services, review_at=now + timedelta(days=days))
    with pytest.raises(NotFound):
        await filed(services, use_case="assistent")
    await services.evidence.attest(bank.NAME, "impact_assessment", actor="user:lena", statement="done")
    with pytest.raises(Conflict, match="met already"):
        await filed(services, EVIDENCE)
    assert await services.vetoes.find() == []


async def test_who_may_not_file_one(services: Services) -> None:
    await bank.accounts(services, "user:bot", roles=("ethics",), kind="agent")
    await stages.account(services, "gone", "ethics")
    await change(services, "gone", disabled=True)
    for actor in (
        *("user:root", "user:chief", "user:ida", "user:audit", "user:otto"),
        *("user:bot", "user:gone", "user:nobody", "cli:eva", "key:eva", "system:eva", "eva"),
    ):
        with pytest.raises(NotAllowed):
            await filed(services, actor=actor)
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def test_a_veto_holds_every_gate_until_its_filer_withdraws_it_whoever_asks(services: Services) -> None:
    await only_approvals(services)
    await approved(services)
    assert (await criterion(services)).status == "pass"
    veto = await filed(services, stage="pilot")
    assert (veto.state, veto.filed_by, veto.function) == ("active", "user:eva", "ethics")
    assert veto.review_at - veto.filed_at == timedelta(days=14)
    (hold,) = (await services.use_cases.get(bank.NAME)).holds
    assert (hold.kind, hold.stops_calls, veto.id in hold.reason, GROUND in hold.reason) == ("veto", False, True, True)
    found = await criterion(services)
    assert (found.status, found.link) == ("fail", f"/vetoes/{veto.id}")
    assert "1 active veto" in found.figure
    assert GROUND in found.missing
    with pytest.raises(Conflict, match="can not advance while held"):
        await advance(services)
    # No role, no owner, no function, not even another holder of the same one, and no other name for the filer.
    for actor in (
        *("user:root", "user:chief", "user:emil", "user:ida", "user:lena", "user:bert", "user:audit", "user:otto"),
        *("user:maria", bank.OWNER, "cli:eva", "key:eva", "system:vetoes", "user:Eva"),
    ):
        for end in (services.vetoes.withdraw, services.vetoes.satisfy):
            with pytest.raises(NotAllowed):
                await end(veto.id, "it is to go on", actor=actor)
        with pytest.raises(NotAllowed):
            await services.vetoes.review(veto.id, "it is to go on", actor=actor)
    for reason in ("", "   ", "ok"):
        with pytest.raises(InputError):
            await services.vetoes.withdraw(veto.id, reason, actor="user:eva")
    withdrawn = await services.vetoes.withdraw(veto.id, "the drafts name their source now", actor="user:eva")
    assert (withdrawn.state, withdrawn.settled_by) == ("withdrawn", "user:eva")
    assert (await services.use_cases.get(bank.NAME)).holds == ()
    with pytest.raises(Conflict, match="withdrawn already"):
        await services.vetoes.withdraw(veto.id, "twice over", actor="user:eva")
    await advance(services)
    view = await services.vetoes.get(veto.id)
    assert [each.kind for each in view.events] == ["filed", "withdrawn"]
    assert (view.holders, view.ready) == ((), False)
    assert (await services.audit.verify()).problems == ()


async def test_a_veto_on_another_gate_holds_but_is_not_counted_there(services: Services) -> None:
    await only_approvals(services)
    await approved(services)
    await filed(services, stage="scale")
    assert (await criterion(services)).status == "pass", "it does not speak about this gate"
    with pytest.raises(Conflict, match="held"):
        await advance(services)
    whole = await filed(services, actor="user:emil")
    assert whole.id in (await criterion(services)).link
    assert len((await services.use_cases.get(bank.NAME)).holds) == 2


async def test_holds_of_vetoes_outlive_apply_demotion_and_a_restart(services: Services, tmp_path: Path) -> None:
    await stages.put_in(services, "production_readiness")
    veto = await filed(services)
    await bank.apply(services, use_cases=[bank.use_case(title="Mail", prompt="Answer briefly.")])
    await services.use_cases.demote(bank.NAME, "pilot", actor="user:chief", reason="back to learning")
    again = await open_services(f"sqlite:///{tmp_path / 'bank.db'}", tmp_path)
    try:
        (hold,) = (await again.use_cases.get(bank.NAME)).holds
        assert veto.id in hold.reason
        assert (await again.vetoes.get(veto.id)).veto.active
    finally:
        await again.database.close()
    # A hold that somebody took out of the row is put back.
    await stages.put_in(services, "pilot", holds=())
    assert await services.vetoes.keep() == []
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1


async def test_calls_stop_only_where_the_filer_says_so_and_people_are_exposed(services: Services) -> None:
    stopping = {"stops_calls": True, "stop_reason": "customers are harmed while it answers"}
    with pytest.raises(Conflict, match="from pilot on"):
        await filed(services, **stopping)
    await stages.put_in(services, "pilot")
    quiet = await filed(services, actor="user:ida", function="it")
    check_running((await services.snapshots.build()).use_cases[bank.NAME].use_case)
    await services.vetoes.withdraw(quiet.id, "it was a misunderstanding", actor="user:ida")
    veto = await filed(services, **stopping)
    with pytest.raises(RefusedCall, match="customers are harmed"):
        check_running((await services.snapshots.build()).use_cases[bank.NAME].use_case)
    await services.vetoes.withdraw(veto.id, "the harm is ended", actor="user:eva")
    check_running((await services.snapshots.build()).use_cases[bank.NAME].use_case)


async def test_conditions_are_looked_up_and_lift_nothing_by_themselves(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    incident = await services.incidents.open(title="Wrong fee", severity=3, use_cases=[bank.NAME], actor="user:eva")
    action = ActionItem(
        id=new_id(), title="ask legal", owner="lena", due=clock.now().date(), created_at=clock.now(), created_by="user:lena"
    )
    async with services.database.write("user:lena") as writer:
        await deciding.ACTION_ITEMS.put(writer, action, "add")
    at = clock.now() + timedelta(days=3)
    veto = await filed(
        services,
        EVIDENCE,
        CriterionPasses(stage="discovery", key="declared"),
        ActionDone(action=action.id),
        IncidentClosed(incident=incident.id),
        VersionChanged(),
        DateReached(at=at),
        ApprovalGiven(function="legal", stage="pilot"),
        MetricBound(metric="stars", side="at_least", value=4),
    )

    async def states() -> list[str]:
        return [each.check.status for each in (await services.vetoes.get(veto.id)).conditions]

    first = ["not_met", "met", "not_met", "not_met", "not_met", "not_met", "not_met", "unknown"]
    assert await states() == first
    with pytest.raises(Conflict, match="not satisfied yet"):
        await services.vetoes.satisfy(veto.id, "as good as met", actor="user:eva")
    await bank.apply(services, use_cases=[bank.use_case(prompt="Answer with the article's number.")])
    await services.evidence.attest(bank.NAME, "impact_assessment", actor="user:lena", statement="looked into")
    done = msgspec.structs.replace(action, state="done", done_at=clock.now(), done_by="user:lena", result="they agree")
    async with services.database.write("user:lena") as writer:
        await deciding.ACTION_ITEMS.put(writer, done, "done")
    for asked in await services.approvals.request(bank.NAME, actor="user:root", to="pilot"):
        if asked.function == "legal":
            await services.approvals.decide(asked.id, "approved", actor="user:lena", statement="fine by law")
    await services.incidents.mitigate(incident.id, "put right", actor="user:eva")
    await services.incidents.close(incident.id, "knowledge", "an old article", actor="user:eva")
    clock.advance(4 * bank.DAY_S)
    await services.feedback.rate_many(bank.ratings(300), actor="system:ratings")
    assert await states() == ["met"] * 8
    assert await services.vetoes.keep() == [veto.id]
    assert await services.vetoes.keep() == [], "what is known is no news"
    view = await services.vetoes.get(veto.id)
    assert (view.ready, view.veto.state, view.holders) == (True, "active", ("eva",))
    assert view.events[-1].kind == "conditions_met"
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1, "met conditions lift nothing"
    await bank.apply(services, use_cases=[bank.use_case(prompt="Answer.")])
    assert (await states())[0] == "not_met", "evidence of an earlier version is stale"
    await services.vetoes.check(veto.id, actor="user:otto")
    assert "condition_lost" in [each.kind for each in (await services.vetoes.get(veto.id)).events]
    await bank.apply(services, use_cases=[bank.use_case(prompt="Answer with the article's number.")])
    satisfied = await services.vetoes.satisfy(veto.id, "all of it has come", actor="user:eva")
    assert (satisfied.state, (await services.use_cases.get(bank.NAME)).holds) == ("satisfied", ())


async def test_a_veto_passes_to_the_deputy_and_never_lapses(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    veto = await filed(services)
    for people, actor in ((["eva"], "user:eva"), (["lena"], "user:eva"), (["emil"], "user:root"), (["emil"], "user:lena")):
        with pytest.raises((NotAllowed, InputError)):
            await services.authorities.name_deputies("ethics", people, reason="I am away", actor=actor)
    await services.authorities.name_deputies("ethics", ["emil"], reason="in case that I am away", actor="user:eva")
    clock.advance(15 * bank.DAY_S)
    with pytest.raises(NotAllowed, match="eva filed this veto"):
        await services.vetoes.withdraw(veto.id, "nobody cares for it", actor="user:emil")
    await met(services)
    await met(services, quorate=False)
    await met(services)
    assert (await services.vetoes.keep(), (await services.vetoes.get(veto.id)).missed) == ([], 1), "an afternoon is one occasion"
    clock.advance(11 * bank.DAY_S)
    await met(services)
    assert (await services.vetoes.keep(), (await services.vetoes.get(veto.id)).missed) == ([], 1)
    clock.advance(1.5 * bank.DAY_S)
    await met(services)
    assert await services.vetoes.keep() == [veto.id]
    view = await services.vetoes.get(veto.id)
    assert view.veto.passed is not None
    assert (view.veto.passed.why, view.deputy, view.holders, view.veto.state) == ("unreviewed", "emil", ("eva", "emil"), "active")
    assert len((await services.use_cases.get(bank.NAME)).holds) == 1
    # Who built the system is nobody's deputy.
    await services.registry.apply(bank.declarations(use_cases=[bank.use_case(title="Mail")]), actor="user:emil")
    with pytest.raises(NotAllowed, match="there is none"):
        await services.vetoes.withdraw(veto.id, "my own work is good", actor="user:emil")
    await stages.account(services, "elsa", "ethics")
    with pytest.raises(NotAllowed, match="the Stream decides who that is"):
        await services.authorities.name_deputies("ethics", ["emil", "elsa"], reason="emil has built it", actor="user:eva")
    await named(services, ["emil", "elsa"])
    await services.vetoes.withdraw(veto.id, "I have read the drafts anew", actor="user:elsa")
    assert (await services.use_cases.get(bank.NAME)).holds == ()


async def named(services: Services, people: list[str]) -> None:
    """Who stands in for ethics, by a decision of the Stream."""
    terms = {"function": "ethics", "people": people, "reason": "so decided"}
    async with services.database.write("user:ida") as writer:
        await decision_effects.name_deputies(writer, decision="d1", terms=terms)


async def test_one_holder_replaces_no_deputy_of_the_stream_and_none_for_their_own_use_case(services: Services) -> None:
    await stages.account(services, "elsa", "ethics")
    await services.authorities.name_deputies("ethics", ["emil"], reason="in case that I am away", actor="user:eva")
    await services.authorities.name_deputies("ethics", ["elsa"], reason="emil is too busy", actor="user:eva")
    veto = await filed(services)
    await services.registry.apply(bank.declarations(use_cases=[bank.use_case(title="Mail")]), actor="user:emil")
    with pytest.raises(NotAllowed, match="emil owns, champions or has built"):
        await services.authorities.name_deputies("ethics", ["elsa"], reason="a friend of mine", actor="user:emil")
    # Passed on, whether or not anybody has noted it yet.
    await change(services, "eva", disabled=True)
    for _ in range(2):
        with pytest.raises(NotAllowed, match="the Stream decides who that is"):
            await services.authorities.name_deputies("ethics", ["emil"], reason="a friend of mine", actor="user:elsa")
        await services.vetoes.keep()
    await named(services, ["elsa"])
    await services.vetoes.withdraw(veto.id, "I have read the drafts anew", actor="user:elsa")
    with pytest.raises(NotAllowed, match="it decides so anew"):
        await services.authorities.name_deputies("ethics", ["emil"], reason="it is over", actor="user:elsa")


async def test_a_review_in_a_meeting_keeps_it_with_its_filer(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    veto = await filed(services)
    clock.advance(15 * bank.DAY_S)
    await met(services)
    clock.advance(14 * bank.DAY_S)
    async with services.database.write("user:ida") as writer:
        await decision_effects.review_veto(writer, decision="d1", veto=veto.id, note="we wait for the assessment")
    await met(services)
    assert (await services.vetoes.keep(), (await services.vetoes.get(veto.id)).missed) == ([], 0)
    kept = (await services.vetoes.get(veto.id)).veto
    assert (kept.passed, kept.state) == (None, "active")
    await services.vetoes.withdraw(veto.id, "it is put right", actor="user:eva")
    with pytest.raises(Conflict):
        async with services.database.write("user:ida") as writer:
            await decision_effects.review_veto(writer, decision="d2", veto=veto.id, note="again")


@pytest.mark.parametrize("why", ["disabled", "left_function", "absent"])
async def test_a_filer_who_can_not_see_to_it(services: Services, why: str) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    await services.authorities.name_deputies("ethics", ["emil"], reason="in case that I am away", actor="user:eva")
    veto = await filed(services)
    if why == "disabled":
        await change(services, "eva", disabled=True)
    elif why == "left_function":
        await change(services, "eva", roles=("owner",))
    else:
        clock.advance(15 * bank.DAY_S)
        until = clock.now() + timedelta(days=9)
        await services.absences.start(await services.users.get("eva"), starts_at=clock.now(), ends_at=until)
    await asyncio.gather(*(services.vetoes.keep() for _ in range(3)))
    view = await services.vetoes.get(veto.id)
    assert view.veto.passed is not None
    assert (view.veto.passed.why, view.deputy, view.veto.state) == (why, "emil", "active")
    assert [each.kind for each in view.events].count("passed") == 1, "of three keepers one passes it on"
    if why != "absent":
        with pytest.raises(NotAllowed):
            await services.vetoes.withdraw(veto.id, "I am still somebody", actor="user:eva")
    async with services.database.read() as connection:
        (entry,) = await veto_agenda.agenda_entries(connection, clock.now())
    assert (entry.kind, entry.blocks, "emil" in entry.why) == ("veto", 1, True)
    await services.vetoes.withdraw(veto.id, "I looked into it for her", actor="user:emil")


async def test_an_absence_counts_by_ones_own_word_and_until_one_is_back(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    await services.authorities.name_deputies("ethics", ["emil"], reason="in case that I am away", actor="user:eva")
    veto = await filed(services)
    clock.advance(15 * bank.DAY_S)
    eva, until = await services.users.get("eva"), clock.now() + timedelta(days=9)
    for actor in ("user:root", "cli:eva"):
        said = await services.absences.start(eva, starts_at=clock.now(), ends_at=until, actor=actor)
        assert said.said_by == actor
        assert await services.vetoes.keep() == [], "nobody takes it from her by saying that she is away"
        with pytest.raises(NotAllowed):
            await services.vetoes.withdraw(veto.id, "she is away they say", actor="user:emil")
        await services.absences.end(said.id, actor=actor)
    away = await services.absences.start(eva, starts_at=clock.now(), ends_at=until, actor="user:eva")
    assert await services.vetoes.keep() == [veto.id]
    assert (await services.vetoes.get(veto.id)).holders == ("eva", "emil")
    await services.absences.end(away.id, actor="user:eva")
    with pytest.raises(NotAllowed, match="eva filed this veto"):
        await services.vetoes.withdraw(veto.id, "I was asked to", actor="user:emil")
    assert (await services.vetoes.get(veto.id)).holders == ("eva",)
    assert await services.vetoes.keep() == [veto.id]
    view = await services.vetoes.get(veto.id)
    assert (view.veto.passed, view.events[-1].kind, view.veto.active) == (None, "returned", True)
    assert await services.vetoes.keep() == []


async def test_one_person_vetoes_for_one_function_and_builders_may_object(services: Services) -> None:
    await stages.account(services, "both", "ethics", "legal")
    await filed(services, actor="user:both")
    with pytest.raises(Conflict, match="one person speaks for one function"):
        await filed(services, actor="user:both", function="legal")
    await services.registry.apply(bank.declarations(use_cases=[bank.use_case(title="Mail")]), actor="user:ida")
    inside = await filed(services, actor="user:ida", function="it")
    assert inside.active, "an objection from inside is the one that is hardest to make"


async def test_what_is_over_is_not_vetoed_and_wants_no_ones_time(services: Services) -> None:
    await filed(services)
    await services.use_cases.demote(bank.NAME, "retired", actor="user:chief", reason="nobody needs it")
    with pytest.raises(Conflict, match="nothing left to object to"):
        await filed(services, actor="user:ida", function="it")
    async with services.database.read() as connection:
        assert await veto_agenda.agenda_entries(connection, services.database.clock.now()) == []


async def test_personal_data_in_a_veto_is_masked(services: Services) -> None:
    veto = await filed(services, explanation="The draft for jane.doe@mail.example named a fee that is wrong.")
    assert "jane.doe" not in veto.explanation
    await services.vetoes.note(veto.id, "told jane.doe@mail.example", actor="user:otto")
    view = await services.vetoes.get(veto.id)
    assert "jane.doe" not in view.events[-1].text


async def test_a_veto_filed_while_the_gate_opens_is_never_passed_by(
    database_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await people(services)
        await only_approvals(services)
        await approved(services)
        results = await asyncio.gather(advance(services), filed(services), return_exceptions=True)
        entries = await services.audit.latest(limit=200)
    order = [each.action for each in sorted(entries, key=lambda each: each.sequence) if each.action in ("advance", "activate")]
    if isinstance(results[0], BaseException):
        assert isinstance(results[0], Conflict)
        assert order == ["activate"]
    else:
        assert order == ["advance", "activate"], "whichever came first, the other saw it"
