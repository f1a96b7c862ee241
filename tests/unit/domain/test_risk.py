"""The questionnaire as data, and the tier that follows from answers: never lower by a yes, never lower by itself."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank

from groundcrew.domain import risk
from groundcrew.domain.questionnaire import annex_iii_keys, questionnaire, questions_by_key, questions_of
from groundcrew.domain.use_case import Answer, RiskStanding, RiskTier, UseCase

KEYS = sorted(questions_by_key())
answers_given = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(risk.ANSWERS), max_size=12)


def with_answers(answers: dict[str, Answer], tier: RiskTier = "minimal", excepted: tuple[str, ...] = ()) -> UseCase:
    standing = RiskStanding(tier=tier, questionnaire=2, answers=answers, excepted=excepted)
    return msgspec.structs.replace(bank.use_case(), risk_answers={}, risk=standing)


def test_the_data_are_whole() -> None:
    known = questionnaire()
    assert len(questions_by_key()) == len(known.questions)
    sections = {each.key for each in known.sections}
    for each in known.questions:
        assert each.section in sections
        assert known.dates[each.dates], each.key
        assert 1 <= each.since <= known.version
        assert (each.tier is not None) == (each.kind == "rule"), each.key
        assert each.question.endswith("?"), each.key
    assert set(known.changes) == {str(number) for number in range(1, known.version + 1)}
    assert all(each.covers and set(each.covers) <= set(KEYS) for each in known.earlier)
    assert "lawyer" in known.note
    assert known.checked_on >= known.published_on


def test_every_point_of_the_law_is_asked() -> None:
    bases = " ".join(each.basis for each in questionnaire().questions)
    for letter in "abcdefgh":
        assert f"Art. 5(1)({letter})" in bases
    points = {1: "abc", 2: "", 3: "abcd", 4: "ab", 5: "abcd", 6: "abcde", 7: "abcd", 8: "ab"}
    for area, letters in points.items():
        assert all(f"Annex III {area}({letter})" in bases for letter in letters)
        assert f"Annex III {area}" in bases
    assert all(f"Art. 6(3)({letter})" in bases for letter in "abcd")
    assert all(f"Art. 50({number})" in bases for number in "1234")
    assert len(annex_iii_keys()) == 25


def test_dates_say_how_sure_they_are() -> None:
    dates = questionnaire().dates
    assert [(each.starts, each.status) for each in dates["article_5"]] == [(date(2025, 2, 2), "in_force")]
    assert {each.status for each in dates["annex_iii"]} == {"superseded", "adopted"}


@given(answers_given, st.sampled_from(KEYS))
def test_one_more_yes_never_lowers_the_tier(answers: dict[str, Answer], question: str) -> None:
    before, after = risk.assess(with_answers(answers)), risk.assess(with_answers(answers | {question: "yes"}))
    assert not risk.higher(before.tier, after.tier)


@given(answers_given, st.sampled_from(risk.ORDER))
def test_the_tier_never_falls_by_itself_and_its_reasons_are_kept(answers: dict[str, Answer], tier: RiskTier) -> None:
    found = risk.assess(with_answers(answers, tier))
    assert not risk.higher(tier, found.tier)
    assert not risk.higher(found.computed, found.tier)
    assert found.reasons
    assert not risk.higher(risk.lowest(with_answers(answers, tier)), found.tier)


@given(answers_given)
def test_whatever_is_not_answered_stays_open(answers: dict[str, Answer]) -> None:
    left = set(risk.assess(with_answers(answers)).unanswered)
    wanted = {each.key for each in questionnaire().questions if each.must_be_answered}
    assert left == {key for key in wanted if answers.get(key, "unknown") == "unknown"}


@given(st.text(max_size=80), answers_given)
def test_words_of_the_purpose_are_hints_and_no_tier(words: str, answers: dict[str, Answer]) -> None:
    plain = with_answers(answers)
    told = msgspec.structs.replace(plain, purpose=f"{words} credit scoring of applicants by emotion")
    assert risk.assess(told) == risk.assess(plain)
    assert "decides_credit" in risk.hints(told) or risk.says_yes(told, "decides_credit")


EXCEPTED: dict[str, Answer] = {"recruits_persons": "yes", "exception_narrow_task": "yes", "profiles_persons": "no"}


@pytest.mark.parametrize(
    ("answers", "excepted", "tier", "lowest"),
    [
        # An exception that is claimed lowers nothing before both have agreed to it.
        (EXCEPTED, (), "high", "limited"),
        (EXCEPTED, ("recruits_persons",), "limited", "limited"),
        # Whoever is profiled is never excepted, nor where nobody said that they are not.
        (EXCEPTED | {"profiles_persons": "yes"}, ("recruits_persons",), "high", "high"),
        (EXCEPTED | {"profiles_persons": "unknown"}, ("recruits_persons",), "high", "high"),
        # What was agreed for one area is not agreed for another one, nor for a product.
        (EXCEPTED | {"grades_learning": "yes"}, ("recruits_persons",), "high", "limited"),
        (EXCEPTED | {"medical_device": "yes"}, ("recruits_persons",), "high", "high"),
        (EXCEPTED | {"scrapes_faces": "yes"}, ("recruits_persons",), "prohibited", "prohibited"),
    ],
)
def test_exceptions(answers: dict[str, Answer], excepted: tuple[str, ...], tier: RiskTier, lowest: RiskTier) -> None:
    use_case = with_answers(answers, excepted=excepted)
    assert (risk.assess(use_case).tier, risk.lowest(use_case)) == (tier, lowest)


@pytest.mark.parametrize(
    ("declared", "said", "answer"),
    [
        (True, "no", "yes"),
        (False, "yes", "yes"),
        (False, "unknown", "unknown"),
        (None, "no", "no"),
        (False, None, "no"),
        (None, None, None),
    ],
)
def test_of_what_is_declared_and_what_is_said_the_more_cautious_counts(
    declared: bool | None, said: Answer | None, answer: Answer | None
) -> None:
    use_case = with_answers({} if said is None else {"decides_credit": said})
    use_case = msgspec.structs.replace(use_case, risk_answers={} if declared is None else {"decides_credit": declared})
    assert risk.answers_of(use_case).get("decides_credit") == answer


def test_a_question_of_the_first_version_still_counts() -> None:
    yes = msgspec.structs.replace(bank.use_case(), risk_answers={"employment_decisions": True})
    assert risk.assess(yes).tier == "high"
    assert risk.decides_on_persons(yes)
    no = msgspec.structs.replace(bank.use_case(), risk_answers={"employment_decisions": False})
    assert {"recruits_persons", "decides_on_workers"}.isdisjoint(risk.unanswered(no))
    assert "decides_credit" in risk.unanswered(no)


def test_a_no_to_a_section_answers_what_was_asked_then() -> None:
    assert set(questions_of("annex_iii", 2)) == annex_iii_keys()
    assert set(questions_of("services_and_benefits", 1)) == {"decides_credit", "decides_insurance"}
    assert questions_of("nothing", 2) == ()
