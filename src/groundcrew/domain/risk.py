"""Risk tier from answered questions and declared facts: the maximum over rules, with the reasons kept, and never lower by
itself.

Rules after the EU AI Act: Art. 5, Art. 6 with Annexes I and III, Art. 50, as the data in `risk_questionnaire.json` has them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.questionnaire import (
    EarlierQuestion,
    Question,
    annex_iii_keys,
    earlier_by_key,
    questionnaire,
    questions_by_key,
)
from groundcrew.domain.use_case import Answer, RiskTier, UseCase

ORDER: tuple[RiskTier, ...] = ("minimal", "limited", "high", "prohibited")
#: What a tier brings, in a sentence for whoever has just answered.
WHAT_FOLLOWS: dict[RiskTier, str] = {
    "minimal": "passed gates count for 180 days",
    "limited": "passed gates count for 180 days",
    "high": "the gate into scale asks for a sign-off on every answer that can not be bypassed; a call that can not be recorded"
    " fails, unless declared otherwise; the technical file asks for the impact on fundamental rights; passed gates count"
    " for 90 days",
    "prohibited": "it answers no calls and passes no gate",
}
ANSWERS: tuple[Answer, ...] = get_args(Answer)
REASON_LENGTH_MAX = 5_000
#: Everything that a declaration may answer under `risk`.
QUESTIONS: frozenset[str] = frozenset(questions_by_key()) | frozenset(earlier_by_key())
_EXCEPTIONS = tuple(each.key for each in questionnaire().questions if each.kind == "exception")
_BARS = tuple(each.key for each in questionnaire().questions if each.kind == "bar")

LoweringFunction = Literal["legal", "ethics"]
#: The functions that together lower a tier.
LOWERING_FUNCTIONS: tuple[LoweringFunction, ...] = get_args(LoweringFunction)
LoweringState = Literal["open", "done", "lapsed"]


class RiskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to one question, and why."""

    question: str
    answer: Answer
    reason: str


class RiskSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a person answered at one time. Kept for ever; of several answers to a question the newest counts. `context` is what
    was declared of the use case then: where that changed, the answers are due again."""

    id: str
    use_case: str
    by: str
    at: datetime
    questionnaire: int
    context: str
    answers: tuple[RiskAnswer, ...]


class LoweringWord(msgspec.Struct, frozen=True, kw_only=True):
    """What one function said to lowering a tier: it is for it, and why."""

    function: LoweringFunction
    by: str
    at: datetime
    reason: str


class RiskLowering(msgspec.Struct, frozen=True, kw_only=True):
    """A tier that is to become lower. It is lowered when legal and ethics have said so, two different people, about the same
    answers (`basis`)."""

    id: str
    use_case: str
    before: RiskTier
    to: RiskTier
    basis: str
    words: tuple[LoweringWord, ...]
    state: LoweringState = "open"


class RiskAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """The tier and the reasons for it. `computed` is what the answers give by themselves, where the tier was higher before it
    stays; `unanswered` are questions whose yes would be prohibited or high and that nobody answered."""

    tier: RiskTier
    reasons: tuple[str, ...]
    computed: RiskTier
    unanswered: tuple[str, ...] = ()


def higher(one: RiskTier, other: RiskTier) -> bool:
    """Whether `one` is a higher tier than `other`."""
    return ORDER.index(one) > ORDER.index(other)


def answers_of(use_case: UseCase) -> dict[str, Answer]:
    """What is answered, by declaration or by a person: of several the most cautious, a yes before an unknown before a no."""
    said = use_case.risk.answers if use_case.risk is not None else {}
    found: dict[str, Answer] = dict(said)
    for key, value in use_case.risk_answers.items():
        covered = earlier_by_key()[key].covers if key in earlier_by_key() and not value else (key,)
        for each in covered:
            if value:
                found[each] = "yes"
            elif each not in found:
                found[each] = "no"
    # A language model generates text: that follows, unless somebody says that this one only picks sentences.
    found.setdefault("generates_content", "yes")
    return found


def says_yes(use_case: UseCase, question: str) -> bool:
    """Whether a question is answered with yes."""
    return answers_of(use_case).get(question) == "yes"


def decides_on_persons(use_case: UseCase) -> bool:
    """Whether an answer says that it decides about persons."""
    yes = {key for key, answer in answers_of(use_case).items() if answer == "yes"}
    asked: list[Question | EarlierQuestion] = [*questions_by_key().values(), *earlier_by_key().values()]
    return any(each.decides_on_persons and each.key in yes for each in asked)


def exception_claimed(use_case: UseCase) -> str | None:
    """The exception of Art. 6(3) that an answer claims, unless people are profiled or nobody said that they are not."""
    answers = answers_of(use_case)
    if any(answers.get(each) != "no" for each in _BARS):
        return None
    return next((each for each in _EXCEPTIONS if answers.get(each) == "yes"), None)


def assess(use_case: UseCase) -> RiskAssessment:
    """The tier of `use_case`: the maximum over the rules that its answers and declared facts meet, and no lower than it was.

    Facts count without being asked: protected health information is high; any generated text is at least limited. What the
    purpose says in words is a hint (`hints`) and gives no tier.
    """
    return _assess(use_case, use_case.risk.excepted if use_case.risk is not None else ())


def lowest(use_case: UseCase) -> RiskTier:
    """How low legal and ethics may set the tier: what the answers give where a claimed exception of Art. 6(3) holds."""
    return _assess(use_case, tuple(sorted(annex_iii_keys()))).computed


def unanswered(use_case: UseCase) -> tuple[str, ...]:
    """Questions whose yes would be prohibited or high and that are not answered, or with unknown."""
    answers = answers_of(use_case)
    open_ = (each.key for each in questionnaire().questions if each.must_be_answered)
    return tuple(key for key in open_ if answers.get(key, "unknown") == "unknown")


def hints(use_case: UseCase) -> dict[str, str]:
    """Questions that the words of title, purpose or affected persons suggest to look at → the word. Never an answer."""
    text = f"{use_case.title} {use_case.purpose} {use_case.affected_persons}".casefold()
    found = {}
    for each in questionnaire().questions:
        word = next((word for word in each.keywords if word in text), None)
        if word is not None and not says_yes(use_case, each.key):
            found[each.key] = word
    return found


def context_of(use_case: UseCase) -> str:
    """SHA-256 over what a person looks at who answers: where it changes, the answers are due again."""
    return digest(
        {
            "purpose": use_case.purpose,
            "affected_persons": use_case.affected_persons,
            "data_classes": sorted(use_case.data_classes),
            "autonomy": use_case.autonomy,
            "solution": use_case.solution,
        }
    )


def basis_of(use_case: UseCase) -> str:
    """SHA-256 over all that a tier follows from: legal and ethics speak of the same."""
    return digest(
        {
            "answers": answers_of(use_case),
            "context": context_of(use_case),
            "questionnaire": questionnaire().version,
            "tier": assess(use_case).tier,
        }
    )


def _assess(use_case: UseCase, excepted: tuple[str, ...]) -> RiskAssessment:
    answers, exception = answers_of(use_case), exception_claimed(use_case)
    reasons: list[tuple[RiskTier, str]] = [("limited", "generates text that persons read (EU AI Act Art. 50)")]
    rules: tuple[Question | EarlierQuestion, ...] = (*questionnaire().questions, *earlier_by_key().values())
    for rule in rules:
        if rule.tier is None or rule.key == "generates_content" or answers.get(rule.key) != "yes":
            continue
        if rule.key in excepted and exception is not None:
            why = questions_by_key()[exception]
            reasons.append(("limited", f"{rule.text} ({rule.basis}), but {why.text} ({why.basis}), as legal and ethics agreed"))
            continue
        reasons.append((rule.tier, f"{rule.text} ({rule.basis})"))
    if "phi" in use_case.data_classes:
        reasons.append(("high", "handles protected health information"))
    only_assists = use_case.solution == "vendor_feature" and use_case.autonomy == "assist"
    if only_assists and len(reasons) == 1:
        reasons = [("minimal", "a vendor's feature that only assists")]
    computed = max((each for each, _ in reasons), key=ORDER.index)
    floor = use_case.risk.tier if use_case.risk is not None else computed
    told = tuple(text for each, text in reasons if each == computed)
    if higher(floor, computed):
        told = (f"it was {floor}, and stays so until legal and ethics lower it; the answers now give {computed}", *told)
    tier = floor if higher(floor, computed) else computed
    return RiskAssessment(tier=tier, reasons=told, computed=computed, unanswered=unanswered(use_case))
