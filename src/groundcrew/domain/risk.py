"""Risk tier from answered questions: the maximum over rules, with the reasons kept.

Rules after the EU AI Act: Art. 5, Art. 6 with Annex III, Art. 50.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain.use_case import RiskTier, UseCase

_ORDER: tuple[RiskTier, ...] = ("minimal", "limited", "high", "prohibited")


class RiskRule(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the questionnaire and the tier that a yes implies."""

    question: str
    tier: RiskTier
    basis: str
    text: str


#: The short questionnaire. An unanswered question is a no only for the limited tier; prohibited and high must be answered
#: by the declaration's `risk:` section or follow from declared facts.
RULES: tuple[RiskRule, ...] = (
    RiskRule(
        question="manipulates_or_scores_persons",
        tier="prohibited",
        basis="EU AI Act Art. 5",
        text="manipulates people, exploits vulnerabilities or scores them socially",
    ),
    RiskRule(
        question="emotion_recognition_at_work",
        tier="prohibited",
        basis="EU AI Act Art. 5(1)(f)",
        text="infers emotions at the workplace or in education",
    ),
    RiskRule(
        question="decides_credit", tier="high", basis="EU AI Act Annex III 5(b)", text="evaluates creditworthiness of persons"
    ),
    RiskRule(
        question="decides_insurance",
        tier="high",
        basis="EU AI Act Annex III 5(c)",
        text="prices or assesses risk in life or health insurance",
    ),
    RiskRule(
        question="employment_decisions", tier="high", basis="EU AI Act Annex III 4", text="recruits, promotes or monitors workers"
    ),
    RiskRule(
        question="essential_services", tier="high", basis="EU AI Act Annex III 5", text="decides access to essential services"
    ),
    RiskRule(
        question="medical_device", tier="high", basis="EU AI Act Art. 6(1)", text="is a safety component or a medical device"
    ),
    RiskRule(
        question="talks_to_persons", tier="limited", basis="EU AI Act Art. 50(1)", text="interacts directly with natural persons"
    ),
    RiskRule(
        question="generates_content", tier="limited", basis="EU AI Act Art. 50(2)", text="generates text, image, audio or video"
    ),
)

QUESTIONS: frozenset[str] = frozenset(rule.question for rule in RULES)


class RiskAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """The computed tier and the reasons for it."""

    tier: RiskTier
    reasons: tuple[str, ...]


def assess(use_case: UseCase) -> RiskAssessment:
    """The tier of `use_case`: maximum over the rules that its answers and declared facts meet.

    Facts count without being asked: phi with anything but sign-off is high; any generated text is at least limited.
    """
    reasons: list[tuple[RiskTier, str]] = [("limited", "generates text that persons read (EU AI Act Art. 50)")]
    for rule in RULES:
        if use_case.risk_answers.get(rule.question):
            reasons.append((rule.tier, f"{rule.text} ({rule.basis})"))
    if "phi" in use_case.data_classes:
        reasons.append(("high", "handles protected health information"))
    if use_case.solution == "vendor_feature" and len(reasons) == 1 and use_case.autonomy == "assist":
        reasons = [("minimal", "a vendor's feature that only assists")]
    tier = max((each for each, _ in reasons), key=_ORDER.index)
    return RiskAssessment(tier=tier, reasons=tuple(text for each, text in reasons if each == tier))
