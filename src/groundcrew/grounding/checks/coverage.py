"""Says how much of a claim no source speaks of. A hint for the stack, never a veto: a good rewording has words of its own."""

from __future__ import annotations

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.statement import Statement

#: Share of the claim's words from which on it is worth saying that the sources lack them, and the fewest such words.
UNKNOWN_SHARE_MIN, UNKNOWN_WORDS_MIN = 0.4, 2
#: Words that the reason names.
NAMED_WORDS_MAX = 6


def check_coverage(claim: Statement, evidence: Evidence) -> list[Finding]:
    """A hint where the sources hold no form of a large part of the claim's words."""
    own = {token.stem: token.text for token in claim.content()}
    unknown = [text for word, text in own.items() if not evidence.forms(word)]
    if len(unknown) < UNKNOWN_WORDS_MIN or len(unknown) < UNKNOWN_SHARE_MIN * len(own):
        return []
    reason = f"not in the sources: {', '.join(unknown[:NAMED_WORDS_MAX])}"
    return [Finding(check="coverage", contradicted=False, reason=reason, veto=False)]
