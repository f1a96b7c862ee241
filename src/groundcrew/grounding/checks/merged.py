"""Finds what a source says of one thing told of its neighbour: "the Starter account includes unlimited transfers" where only the
Business account does. Figures that changed places are found by `attachment` and `parallel`."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import Token, is_among, same_word
from groundcrew.grounding.statement import Statement

#: Words at the start of a sentence among which its subject is looked for.
SUBJECT_WORDS_MAX = 3
#: Share of the rest of the claim that the other sentence must hold, and that no sentence about the claim's own subject may reach.
STATED_SHARE_MIN, OWN_SHARE_MAX = 0.95, 0.7
#: Words of the rest that are needed to compare.
REST_WORDS_MIN = 2


def check_merged(claim: Statement, evidence: Evidence) -> list[Finding]:
    """A finding where another subject's sentence says the claim, and no sentence about the claim's own subject does."""
    content = claim.content()
    if len(content) < REST_WORDS_MIN or evidence.is_tabular:
        return []
    for token in content[:SUBJECT_WORDS_MAX]:
        about = [sentence for sentence in evidence.sentences if _holds(token.stem, sentence)]
        if not about or len(about) > len(evidence.sentences) / 2 + 1:
            continue
        rest = [other.stem for other in content if other.stem != token.stem and evidence.forms(other.stem)]
        if not rest or len(rest) < len(content) - 2:
            continue
        given = [other.stem for other in content]
        led = [sentence for sentence in about if _leads(token, sentence)]
        own = max(_share(rest, _about(token, sentence, led, given, evidence), evidence) for sentence in about)
        if own > OWN_SHARE_MAX:
            continue
        for sentence in evidence.sentences:
            rival = _rival(token, sentence, led, given)
            few = len(rest) < REST_WORDS_MIN and not _is_labelled(sentence)
            if rival is not None and not few and _share(rest, [sentence], evidence) >= STATED_SHARE_MIN:
                reason = f"said of “{rival.text}” in the source, of “{token.text}” in the answer"
                return [Finding(check="merged", contradicted=True, reason=reason, veto=_are_named(token, rival, sentence))]
    return []


def _about(
    token: Token, sentence: SourceSentence, led: Sequence[SourceSentence], given: Sequence[str], evidence: Evidence
) -> list[SourceSentence]:
    """The sentence with the one after it, unless that one has a subject of its own."""
    following = [other for other in evidence.neighbours(sentence) if other.number > sentence.number]
    return [sentence, *(other for other in following if _rival(token, other, led, given) is None)]


def _holds(word: str, sentence: SourceSentence) -> bool:
    return is_among(word, sentence.stems) or is_among(word, sentence.lead)


def _leads(token: Token, sentence: SourceSentence) -> bool:
    """Whether the claim's subject is among the words that open the sentence."""
    return any(same_word(word.stem, token.stem) for word in sentence.statement.meaning[:SUBJECT_WORDS_MAX])


def _rival(token: Token, sentence: SourceSentence, led: Sequence[SourceSentence], given: Sequence[str]) -> Token | None:
    """The word that stands in the other sentence where the claim's subject stands in its own, None where the two are no
    neighbours of a kind. `led` are the sentences that the subject opens, `given` the claim's words."""
    if not led or _holds(token.stem, sentence):
        return None
    opening = sentence.statement.meaning[:SUBJECT_WORDS_MAX]
    new = [other for other in opening if not any(same_word(other.stem, word) for word in given)]
    if not new:
        return None
    for own in led:
        mine = own.statement.meaning[:SUBJECT_WORDS_MAX]
        shared = [word for word in opening if any(same_word(word.stem, other.stem) for other in mine)]
        for other in new:
            capitals = other.text[0].isupper() and token.text[0].isupper()
            if (shared and other in opening[:2]) or (
                capitals and other is opening[0] and _is_labelled(own) and _is_labelled(sentence)
            ):
                return other
    return None


def _are_named(token: Token, rival: Token, sentence: SourceSentence) -> bool:
    """Whether both subjects are names: other words at the start of two sentences differ in wording as often as in matter."""
    opens = sentence.statement.tokens[0].start == rival.start
    return token.text[0].isupper() and rival.text[0].isupper() and (not opens or _is_labelled(sentence))


def _is_labelled(sentence: SourceSentence) -> bool:
    """ "AutoKomfort: liability and partial casco"."""
    return ":" in sentence.statement.text[:40]


def _share(words: Sequence[str], sentences: Sequence[SourceSentence], evidence: Evidence) -> float:
    total = held = 0.0
    for word in words:
        forms = evidence.forms(word)
        weight = evidence.weight(forms[0] if forms else word)
        total += weight
        held += weight * any(form in sentence.stems for sentence in sentences for form in forms)
    return held / total if total else 0.0
