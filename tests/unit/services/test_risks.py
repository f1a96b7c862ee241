"""Risk as people answer it: a yes takes effect at once, a no never lowers, and lowering takes two functions and two people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain import risk
from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.risk import RiskAnswer
from groundcrew.domain.use_case import Answer
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.declared import DeclarationErrors
from groundcrew.services.risks import ROLES
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import allowed

LEGAL, ETHICS, BOTH, OWNER = "user:lea", "user:emil", "user:bo", "user:olga"


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await people(services)
        yield services


async def people(services: Services) -> None:
    await bank.accounts(services, LEGAL, roles=("legal",))
    await bank.accounts(services, ETHICS, roles=("ethics",))
    await bank.accounts(services, BOTH, roles=("legal", "ethics"))
    await bank.accounts(services, OWNER, roles=("owner",))
    await bank.accounts(services, "user:bot", roles=("legal", "ethics"), kind="agent")


def said(question: str, answer: Answer, reason: str = "it is so") -> RiskAnswer:
    return RiskAnswer(question=question, answer=answer, reason=reason)


async def tier(services: Services) -> str:
    return risk.assess(await services.use_cases.get(bank.NAME)).tier


async def lower(services: Services, actor: str, function: str, to: str = "limited") -> str:
    made = await services.risks.lower(bank.NAME, to, function=function, reason="nothing of it is decided", actor=actor)
    return made.state


async def test_a_yes_raises_at_once_demotes_and_a_no_does_not_lower(services: Services) -> None:
    await stages.put_in(services, "scale")
    view = await services.risks.answer(bank.NAME, [said("decides_credit", "yes", "it sets limits")], actor="user:bot")
    assert (view.assessment.tier, await bank.stage_of(services)) == ("high", "pilot")
    question = next(each for each in view.questions if each.question == "decides_credit")
    assert question.said == said("decides_credit", "yes", "it sets limits")
    assert question.by == "user:bot"
    entries = (await services.audit.search(Wanted(action="answer", subject="risk-sheet/"))).entries
    assert [each.reason for each in entries] == ["it sets limits"], "the log says why, and is searched for it"
    view = await services.risks.answer(bank.NAME, [said("decides_credit", "no")], actor=OWNER)
    assert (view.assessment.tier, view.assessment.computed) == ("high", "limited")
    assert "until legal and ethics lower it" in view.assessment.reasons[0]
    assert [len(each.answers) for each in await services.risks.sheets(bank.NAME)] == [1, 1], "both answers are kept"
    assert (await services.audit.verify()).problems == ()


async def test_a_prohibited_answer_stops_calls_and_closes_every_gate(services: Services) -> None:
    await services.risks.answer(bank.NAME, [said("scrapes_faces", "yes")], actor=OWNER)
    item = await services.use_cases.get(bank.NAME)
    assert [(each.kind, each.stops_calls) for each in item.holds] == [("evidence", True)]
    await bank.apply(services, use_cases=[bank.use_case(title="Another title")])
    assert (await services.use_cases.get(bank.NAME)).holds == item.holds, "a declaration lifts no hold"
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", save=False)
    assert next(each for each in evaluation.results if each.key == "risk_tier").status == "fail"
    await services.risks.answer(bank.NAME, [said("scrapes_faces", "no", "it was a mistake")], actor=OWNER)
    assert await lower(services, LEGAL, "legal") == "open"
    assert await lower(services, ETHICS, "ethics") == "done"
    assert (await services.use_cases.get(bank.NAME)).holds == ()
    with pytest.raises(DeclarationErrors, match="prohibited"):
        await bank.apply(services, use_cases=[bank.use_case(risk_answers={"scrapes_faces": True})])


@pytest.mark.parametrize(
    ("actor", "answer", "why"),
    [
        ("user:bot", "no", "takes a person"),
        ("key:app", "unknown", "takes a person"),
        ("user:nobody", "no", "takes a person"),
        ("user:rita", "no", "a no takes one of"),
    ],
)
async def test_a_no_takes_a_person_with_a_role(services: Services, actor: str, answer: Answer, why: str) -> None:
    await bank.accounts(services, "user:rita", roles=("reviewer",))
    with pytest.raises(NotAllowed, match=why):
        await services.risks.answer(bank.NAME, [said("decides_credit", answer)], actor=actor)
    assert (await services.risks.view(bank.NAME)).sheets == 0


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ([], "answers"),
        ([said("decides_credits", "yes")], "question"),
        ([said("decides_credit", "maybe")], "decides_credit"),  # type: ignore[arg-type]
        ([said("decides_credit", "no", "  ")], "decides_credit"),
        ([said("decides_credit", "no", "x" * 5_001)], "decides_credit"),
        ([said("decides_credit", "no"), said("decides_credit", "yes")], "answers"),
    ],
)
async def test_what_is_wrong_with_answers_is_named(services: Services, answers: list[RiskAnswer], field: str) -> None:
    with pytest.raises(InputError) as caught:
        await services.risks.answer(bank.NAME, answers, actor=OWNER)
    assert caught.value.field == field


async def test_lowering_takes_legal_and_ethics_two_people_who_did_not_build_it(
    database_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        await people(services)
        await bank.accounts(services, "user:maria", "user:luca@bank.example", roles=("legal", "ethics"))
        await services.risks.answer(bank.NAME, [said("decides_credit", "yes")], actor=OWNER)
        with pytest.raises(Conflict, match="at least high by its answers"):
            await lower(services, LEGAL, "legal")
        await services.risks.answer(bank.NAME, [said("decides_credit", "no", "it was the old version")], actor=OWNER)
        for actor, function, why in (
            (OWNER, "legal", "does not hold the function"),
            (LEGAL, "ethics", "does not hold the function"),
            ("user:bot", "legal", "people under their account"),
            ("cli:lea", "legal", "people under their account"),
            ("user:maria", "legal", "has built"),
            ("user:luca@bank.example", "ethics", "champions"),
        ):
            with pytest.raises(NotAllowed, match=why):
                await lower(services, actor, function)
        with pytest.raises(Conflict, match="is not lower"):
            await lower(services, LEGAL, "legal", to="high")
        assert await lower(services, BOTH, "legal") == "open"
        with pytest.raises(NotAllowed, match="it takes two people"):
            await lower(services, BOTH, "ethics")
        with pytest.raises(Conflict, match="has agreed already"):
            await lower(services, LEGAL, "legal")
        both = await asyncio.gather(lower(services, ETHICS, "ethics"), lower(services, ETHICS, "ethics"), return_exceptions=True)
        assert sorted(each if isinstance(each, str) else type(each).__name__ for each in both) == ["Conflict", "done"]
        assert await tier(services) == "limited"
        made = (await services.risks.lowerings(bank.NAME))[0]
        assert [(each.function, each.by) for each in made.words] == [("legal", BOTH), ("ethics", ETHICS)]
        assert (await services.audit.verify()).problems == ()


async def test_a_word_lapses_when_the_answers_change_or_its_speaker_may_speak_no_more(services: Services) -> None:
    await services.risks.answer(bank.NAME, [said("decides_credit", "yes")], actor=OWNER)
    await services.risks.answer(bank.NAME, [said("decides_credit", "no")], actor=OWNER)
    assert await lower(services, LEGAL, "legal") == "open"
    await services.risks.answer(bank.NAME, [said("profiles_persons", "unknown")], actor=OWNER)
    assert (await services.risks.view(bank.NAME)).lowering is None
    assert await lower(services, ETHICS, "ethics") == "open", "legal spoke of other answers"
    assert await lower(services, LEGAL, "legal") == "done"
    await services.risks.answer(bank.NAME, [said("decides_credit", "yes")], actor=OWNER)
    await services.risks.answer(bank.NAME, [said("decides_credit", "no")], actor=OWNER)
    assert await lower(services, LEGAL, "legal") == "open"
    await bank.accounts(services, LEGAL, roles=("reviewer",))
    assert await lower(services, ETHICS, "ethics") == "open", "who held the function then holds it no more"
    assert await lower(services, BOTH, "legal") == "done"


async def test_an_exception_counts_when_both_agreed_and_only_while_nobody_is_profiled(services: Services) -> None:
    answers = [said("recruits_persons", "yes"), said("exception_narrow_task", "yes"), said("profiles_persons", "no")]
    view = await services.risks.answer(bank.NAME, answers, actor=OWNER)
    assert (view.assessment.tier, view.lowest) == ("high", "limited")
    await lower(services, LEGAL, "legal")
    assert await lower(services, ETHICS, "ethics") == "done"
    found = risk.assess(await services.use_cases.get(bank.NAME))
    assert (found.tier, "as legal and ethics agreed" in " ".join(found.reasons)) == ("limited", True)
    view = await services.risks.answer(bank.NAME, [said("profiles_persons", "yes")], actor=LEGAL)
    assert view.assessment.tier == "high"


async def test_a_declaration_never_lowers_the_tier_and_says_so(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(risk_answers={"decides_credit": True})])
    changes = await bank.apply(services)
    notes = next(each for each in changes if each.kind == "UseCase").notes
    assert any("only legal and ethics together lower it" in note for note in notes)
    assert await tier(services) == "high"
    await bank.apply(services, use_cases=[bank.use_case(data_classes=("internal", "pii", "phi"))])
    await bank.apply(services)
    assert await tier(services) == "high"
    again = await bank.apply(services)
    assert {each.action for each in again} == {"unchanged"}


async def test_an_assessment_is_due_when_questions_are_open_or_what_was_judged_has_changed(services: Services) -> None:
    assert (await services.risks.view(bank.NAME)).due == ()
    assert bank.NAME not in await services.risks.due()
    await services.risks.answer(bank.NAME, [said("decides_credit", "unknown", "the desk has to say")], actor=OWNER)
    assert "1 questions are not answered" in (await services.risks.view(bank.NAME)).due[0]
    await services.risks.answer(bank.NAME, [said("decides_credit", "no")], actor=OWNER)
    await bank.apply(services, use_cases=[bank.use_case(purpose="Something else altogether")])
    assert "1 answers were given before purpose" in (await services.risks.view(bank.NAME)).due[0]
    assert bank.NAME in await services.risks.due()


async def test_the_pilot_gate_wants_every_question_answered(services: Services) -> None:
    await services.risks.answer(bank.NAME, [said("decides_credit", "unknown")], actor=OWNER)
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", save=False)
    found = next(each for each in evaluation.results if each.key == "risk_tier")
    assert (found.status, found.figure) == ("unknown", "limited, 1 questions open")
    assert "decides_credit" in found.missing


def test_who_may_say_no_is_who_the_web_lets_assess() -> None:
    def may(role: str) -> bool:
        return allowed(Principal(kind="user", name="x", method="session", roles=(role,)), "assess_risk")  # type: ignore[arg-type]

    assert {
        role for role in ("admin", "owner", "reviewer", "on_call", "auditor", "ethics", "it", "legal", "business") if may(role)
    } == ROLES


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(
                st.just("answer"),
                st.sampled_from(
                    ["decides_credit", "scrapes_faces", "recruits_persons", "profiles_persons", "exception_prepares"]
                ),
                st.sampled_from(risk.ANSWERS),
            ),
            st.tuples(
                st.just("lower"),
                st.sampled_from([LEGAL, ETHICS, BOTH, OWNER, "user:bot", "user:maria"]),
                st.sampled_from(["legal", "ethics"]),
            ),
        ),
        max_size=10,
    )
)
async def test_no_sequence_lowers_a_tier_without_two_people_of_two_functions(
    services: Services, steps: list[tuple[str, str, str]]
) -> None:
    done = {each.id for each in await services.risks.lowerings(bank.NAME) if each.state == "done"}
    before = await tier(services)
    for kind, one, other in steps:
        try:
            if kind == "answer":
                await services.risks.answer(bank.NAME, [said(one, other)], actor=OWNER)  # type: ignore[arg-type]
            else:
                await services.risks.lower(bank.NAME, "limited", function=other, reason="no", actor=one)
        except (Conflict, NotAllowed):
            pass
        now = await tier(services)
        if risk.higher(before, now):  # type: ignore[arg-type]
            made = next(
                each for each in await services.risks.lowerings(bank.NAME) if each.state == "done" and each.id not in done
            )
            assert {each.function for each in made.words} == {"legal", "ethics"}
            assert len({each.by for each in made.words}) == 2
            assert not {each.by for each in made.words} & {OWNER, "user:bot", "user:maria"}
            done.add(made.id)
        before = now
