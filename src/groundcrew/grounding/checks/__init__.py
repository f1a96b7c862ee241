"""Certain checks of a claim against its evidence, each with a reason that names both texts. A veto caps the support
of its claim, whatever the score would say; a finding that is none is a hint for the stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from groundcrew.grounding.checks.attachment import check_figures, shares_word
from groundcrew.grounding.checks.attributed import check_attributed
from groundcrew.grounding.checks.conditions import Told, check_condition, told_by
from groundcrew.grounding.checks.coverage import check_coverage
from groundcrew.grounding.checks.finding import CHECK_NAMES, CheckName, Finding
from groundcrew.grounding.checks.laterality import check_laterality
from groundcrew.grounding.checks.merged import check_merged
from groundcrew.grounding.checks.names import check_dosed, check_names
from groundcrew.grounding.checks.offers import check_offers
from groundcrew.grounding.checks.parallel import check_parallel
from groundcrew.grounding.checks.places import check_places
from groundcrew.grounding.checks.polarity import check_polarity
from groundcrew.grounding.checks.quantifiers import check_quantifier
from groundcrew.grounding.checks.rates import check_rates
from groundcrew.grounding.checks.roles import check_roles
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.statement import Statement

__all__ = ["CHECK_NAMES", "CheckName", "Finding", "Told", "run_checks", "told_by"]


def run_checks(
    claim: Statement,
    context: frozenset[str],
    evidence: Evidence,
    anchors: Sequence[SourceSentence],
    similarity: Callable[[SourceSentence], float],
    around: Told | None = None,
    asked: Statement | None = None,
) -> list[Finding]:
    """All findings against `claim`, vetoes and contradictions first. `anchors` are the best evidence sentences, best first;
    `context` the stems of the heading that the claim stands under; `similarity(sentence)` a cosine 0..1, or -1 where unknown;
    `around` what the rest of the answer and the question say, where a condition may be told; `asked` the question, which
    excuses what it names itself and supports nothing."""
    parallel = check_parallel(claim, anchors)
    findings = check_figures(claim, context, evidence, anchors, similarity, parallel.confirmed, asked)
    findings += parallel.findings
    findings += check_names(claim, evidence, anchors)
    findings += check_dosed(claim, evidence)
    findings += check_places(claim, evidence, anchors)
    findings += check_offers(claim.text, evidence)
    findings += check_attributed(claim, evidence)
    if anchors:
        own = [token.stem for token in claim.content()]
        share = sum(shares_word(word, anchors[0].stems) for word in own) / len(own) if own else 0.0
        findings += check_rates(claim, anchors, share, evidence)
        findings += check_laterality(claim, anchors)
        findings += check_polarity(claim.text, [anchor.statement.text for anchor in anchors])
        findings += check_merged(claim, evidence)
        findings += check_roles(claim, [anchor.statement for anchor in anchors])
        findings += check_quantifier(claim, anchors[0], share)
        findings += check_condition(claim, around or Told(), evidence, anchors)
        findings += check_coverage(claim, evidence)
    unique = {(finding.check, finding.reason): finding for finding in findings}
    return sorted(unique.values(), key=lambda finding: (not finding.veto, not finding.contradicted))
