"""Says in words why a claim is held to be unsupported: the figures that spoke most against it, and the words that are missing."""

from __future__ import annotations

from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.features import FEATURES
from groundcrew.grounding.reading import ClaimReading
from groundcrew.grounding.trees import Matrix

#: Most reasons given for one claim, and most words named in one.
REASONS_MAX, WORDS_MAX = 2, 6
#: Least part of the log odds that a reason must have taken away.
WEIGHT_MIN = 0.1
_NETWORK_REASON = "read beside its source, it does not follow from it"
_UNKNOWN = "words that no source has"
_OPEN = "words that its evidence lacks"


def explain(claim: ClaimReading, evidence: Evidence, contributions: Matrix) -> list[str]:
    """One or two reasons, weightiest first; never empty. `contributions` are those of the claim's features to its log odds, the
    network's last."""
    against: dict[str, float] = {}
    for feature, added in zip(FEATURES, contributions.tolist(), strict=False):
        if feature.reason and added < 0:
            against[feature.reason] = against.get(feature.reason, 0.0) - added
    network = -float(contributions[len(FEATURES) :].sum())
    if network > 0:
        against[_NETWORK_REASON] = network
    ordered = sorted((reason for reason, weight in against.items() if weight >= WEIGHT_MIN), key=lambda reason: -against[reason])
    reasons: list[str] = [finding.reason for finding in claim.findings][:1]
    for reason in ordered:
        worded = _worded(reason, claim, evidence)
        if worded and worded not in reasons and len(reasons) < REASONS_MAX:
            reasons.append(worded)
    return reasons or [_missing(claim, evidence) or "no sentence of the sources says this"]


def _worded(reason: str, claim: ClaimReading, evidence: Evidence) -> str:
    if reason == _UNKNOWN:
        return _missing(claim, evidence)
    if reason == _OPEN:
        return "" if _missing(claim, evidence) else _missing(claim, evidence, nearby=True)
    return reason


def _missing(claim: ClaimReading, evidence: Evidence, *, nearby: bool = False) -> str:
    """The words that no source has, or with `nearby` those that the claim's window lacks; empty where there are none."""
    window = claim.window.sentences if nearby and claim.window is not None else None
    missing = []
    for token in claim.statement.content():
        forms = evidence.forms(token.stem)
        if not forms or (window is not None and not any(form in each.stems for each in window for form in forms)):
            missing.append(token.text)
    named = ", ".join(dict.fromkeys(missing[:WORDS_MAX]))
    return f"{'not near its evidence' if nearby else 'not in the sources'}: {named}" if named else ""
