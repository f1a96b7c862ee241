"""Finds names in a claim (people, firms, products, places) that no source gives, or that the sources put elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from groundcrew.grounding.checks.attachment import shares_word
from groundcrew.grounding.checks.demonyms import LANGUAGES, RELATED
from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import STOP_WORDS, fold, stem
from groundcrew.grounding.statement import Name, Statement, is_german, is_marked, is_titled
from groundcrew.grounding.wordlists import word_set

#: A source sentence must hold this share of the claim's other words before its name counts instead of the claim's.
STATED_SHARE_MIN = 0.75
#: Shared start from which two names count as relatives ("German", "Germany").
RELATIVE_PREFIX_CHARS = 4
#: By how much that sentence must fit better than any sentence near the claim's own name.
RIVAL_MARGIN = 0.3
#: Letters of an abbreviation that may be the initials of any words of a sentence, not only of a name.
INITIALS_MIN, INITIALS_MAX = 3, 6
#: Shorter words are not told apart by their spelling.
RESPELT_CHARS_MIN = 4
#: Likeness of two spellings, 0..1, from which one is taken for the other's place ("Anja", "Anna").
ALIKE_MIN = 0.6


def check_names(claim: Statement, evidence: Evidence, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """Findings for each name of `claim`: not in any source, or another name stands where the source says the same. In a
    language whose nouns have capitals only abbreviations, mixed case, titles and like spellings are certain enough to veto.
    A heading before a colon is no name; a name that only the question has is none of the sources'."""
    findings: list[Finding] = []
    german = is_german(claim.tokens) or any(is_german(anchor.statement.tokens) for anchor in anchors[:2])
    for name in claim.names:
        if all(word in LANGUAGES for word in name.words) or _is_of_money(claim.text, name, evidence):
            continue
        sure = not german or is_titled(claim.text, name) or any(is_marked(word) for word in name.text.split())
        if german and not sure and len(name.words) < 2:
            continue
        titled = is_titled(claim.text, name)
        missing = [word for word in name.words if not _is_known(_telling(word, name) if german else word, evidence)]
        if len(name.words) > 1 or titled:
            missing += [
                word for word in name.words if word not in missing and _is_respelt(word, evidence, inflects=german and not titled)
            ]
        if missing and _is_spelled_out(name, evidence):
            continue
        if len(missing) == len(name.words) and not (titled and _alike(name, evidence) is not None):
            findings.append(
                _missing(name, claim, anchors, veto=sure and not evidence.is_tabular and not _is_heading(claim.text, name))
            )
        elif missing:
            rival = _differing(name, missing, evidence) or _alike(name, evidence)
            if rival is not None:
                marked = any(is_marked(word) for word in name.text.split() if fold(word) in missing)
                veto = (
                    not german or titled or marked or _is_certain(name, rival) or _stands_bare(claim.text, name)
                ) and not evidence.is_tabular
                findings.append(_finding(f"“{rival.text}” in the source, “{name.text}” in the answer", True, veto))
        else:
            other = _rival(name, claim, evidence)
            if other is not None:
                findings.append(_finding(f"“{other.text}” in the source for this, “{name.text}” in the answer", True, False))
    return findings


#: A country that only says whose money it is ("32 US dollars") → how sources write that money.
_MONEY = {"us": re.compile(r"USD|US\$|US-Dollar"), "u.s.": re.compile(r"USD|US\$"), "swiss": re.compile(r"CHF|Fr\.|SFr")}
_UNIT_OF_MONEY = re.compile(r"\s+(?:dollars?|francs?)\b", re.IGNORECASE)


def _is_of_money(text: str, name: Name, evidence: Evidence) -> bool:
    written = _MONEY.get(name.text.lower())
    if written is None or not _UNIT_OF_MONEY.match(text, name.end):
        return False
    return any(written.search(sentence.statement.text) for sentence in evidence.sentences)


def _is_heading(text: str, name: Name) -> bool:
    """ "Scope of Coverage: …": words of a list's label rather than a name."""
    return not text[: name.start].strip() and text[name.end : name.end + 1] == ":" and " of " in name.text


_INFLECTIONS = frozenset(("", "s", "es", "'s", "'"))
_GERMAN_INFLECTIONS = _INFLECTIONS | frozenset(("e", "en", "er", "em", "n"))


def _is_respelt(word: str, evidence: Evidence, *, inflects: bool) -> bool:
    """Whether the sources have only a near spelling of the word ("Daniel" for "Daniela"), not the word or its inflections."""
    endings = _GERMAN_INFLECTIONS if inflects else _INFLECTIONS
    if len(word) < RESPELT_CHARS_MIN or not word.isalpha() or word in evidence.spellings or RELATED.get(word):
        return False
    near = [other for other in evidence.spellings if other[:2] == word[:2] and _shared_prefix(word, other) >= len(word) - 2]
    if not near:
        return False
    return not any(
        (word.startswith(other) and word[len(other) :] in endings) or (other.startswith(word) and other[len(word) :] in endings)
        for other in near
    )


def _alike(name: Name, evidence: Evidence) -> Name | None:
    """A source's name that is spelled almost like the claim's ("Hess" for "Hesse", "Deniz Kaya" for "Denis Kara")."""
    for sentence in evidence.sentences:
        for other in sentence.statement.names:
            if (
                len(other.words) == len(name.words)
                and other.words != name.words
                and all(
                    one[0] == two[0] and SequenceMatcher(None, one, two).ratio() >= ALIKE_MIN
                    for one, two in zip(name.words, other.words, strict=True)
                )
            ):
                return other
    return None


_BARE_BEFORE = re.compile(r"(?:^|[(,:;–]\s*|\b(?:durch|von|bei|mit|ist|sind|an|war|heisst|heißt|leitet|und|oder|für|unter)\s+)$")


def _stands_bare(text: str, name: Name) -> bool:
    """Whether a German name stands without article or adjective, as people's names do and nouns do not."""
    return _BARE_BEFORE.search(text[max(0, name.start - 12) : name.start]) is not None and name.start > 0


#: Words before a dose that are no medicine.
_FORMS = word_set(
    """tablet tablets capsule capsules dose doses pill pills drops syrup daily maximum another about further tablette tabletten
    kapsel kapseln dosis tropfen täglich maximal comprimé comprimés gélule dose compressa compresse capsula dosaggio"""
)
_DOSED = re.compile(r"(?<![\w-])(?P<drug>[A-Za-zÄÖÜäöü][a-zäöüéè]{5,24})\s\d[\d.,]*\s?(?:mg|g|ml|µg|mcg|IE|IU)\b")


def check_dosed(claim: Statement, evidence: Evidence) -> list[Finding]:
    """A finding where a medicine stands before a dose that the sources give for another one ("Amoxicillin 500 mg")."""
    findings: list[Finding] = []
    for match in _DOSED.finditer(claim.text):
        if match["drug"].lower() in _FORMS | STOP_WORDS or _is_known(fold(match["drug"]), evidence):
            continue
        for sentence in evidence.sentences:
            other = _DOSED.search(sentence.statement.text)
            if other is not None and other["drug"].lower() not in _FORMS and other["drug"].lower() not in claim.text.lower():
                findings.append(_finding(f"“{other['drug']}” in the source, “{match['drug']}” in the answer", True, True))
                break
    return findings[:1]


def _telling(word: str, name: Name) -> str:
    """Of a German compound with an abbreviation ("EU-Beitritt") the abbreviation: its noun may stand for another."""
    spelled = next((each for each in name.text.split() if fold(each) == word), "")
    head, hyphen, rest = spelled.partition("-")
    return fold(head) if hyphen and is_marked(head) and not is_marked(rest) else word


def _finding(reason: str, contradicted: bool, veto: bool) -> Finding:
    return Finding(check="name", contradicted=contradicted, reason=reason, veto=veto)


def _differing(name: Name, missing: Sequence[str], evidence: Evidence) -> Name | None:
    """A source's name that shares a word with the claim's and has another word in place of the missing one. A title before
    the source's own name ("Judge …") is no difference."""
    for sentence in evidence.sentences:
        for other in sentence.statement.names:
            shared = set(name.words) & set(other.words)
            if shared and set(other.words) - shared and not set(name.words) >= set(other.words):
                return other
    return None


def _is_certain(name: Name, rival: Name) -> bool:
    """Whether two German names surely differ: in their last word, or in a spelling that is almost the same. In front of the
    shared word a noun may stand for another ("Bezirk Thun", "Stadt Thun")."""
    if name.words[-1] != rival.words[-1] and name.words[0] == rival.words[0]:
        return True
    mine, theirs = (
        [word for word in name.words if word not in rival.words],
        [word for word in rival.words if word not in name.words],
    )
    return any(
        one[0] == other[0] and SequenceMatcher(None, one, other).ratio() >= ALIKE_MIN
        for one in mine
        for other in theirs
        if len(one) > 2 and len(other) > 2
    )


def _is_known(word: str, evidence: Evidence) -> bool:
    """Whether a source gives the name: as a word, as initials, or spelled with a hyphen or dot."""
    if len(word) <= 1 or word in evidence.spellings or evidence.forms(stem(word)) or _has_relative(word, evidence):
        return True
    plain = word.replace(".", "").replace("-", "").replace("'", "")
    if any(plain == other.replace(".", "").replace("-", "") for other in evidence.stems):
        return True
    parts = [part for part in word.replace("-", " ").split() if len(part) > 1]
    if len(parts) > 1 and all(evidence.forms(stem(part)) or part in evidence.spellings for part in parts):
        return True
    related = RELATED.get(plain, RELATED.get(word, frozenset()))
    if not related.isdisjoint(evidence.stems) or not related.isdisjoint(evidence.spellings):
        return True
    if _are_initials(plain, evidence):
        return True
    return any(plain in source.text for source in evidence.folded) if len(plain) >= 4 else False


def _are_initials(plain: str, evidence: Evidence) -> bool:
    """ "SNB" where the sources say "Swiss National Bank", "YoY" where they say "year-over-year"."""
    if not 2 <= len(plain) <= INITIALS_MAX or not plain.isalpha():
        return False
    for sentence in evidence.sentences:
        names = sentence.statement.names
        if any(len(other.words) > 1 and plain == "".join(each[0] for each in other.words) for other in names):
            return True
        if len(plain) >= INITIALS_MIN:
            words = [part for token in sentence.statement.tokens for part in token.text.lower().split("-") if part]
            if plain in "".join(each[0] for each in words):
                return True
    return False


def _is_spelled_out(name: Name, evidence: Evidence) -> bool:
    """ "Swiss National Bank" where the sources say "SNB"."""
    initials = "".join(word[0] for word in name.words)
    return len(name.words) > 1 and initials in evidence.stems


def _has_relative(word: str, evidence: Evidence) -> bool:
    """ "German" and "Germany", "Yugoslav" and "Yugoslavia": a word of the sources with the same start and little more. A name
    with another ending of two or three letters ("Daniel", "Daniela") is another person."""
    return any(
        other.startswith(word[:RELATIVE_PREFIX_CHARS])
        and _shared_prefix(word, other) >= max(RELATIVE_PREFIX_CHARS, 0.7 * max(len(word), len(other)))
        for other in evidence.stems
    )


def _shared_prefix(left: str, right: str) -> int:
    return next(
        (position for position, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )


def _missing(name: Name, claim: Statement, anchors: Sequence[SourceSentence], *, veto: bool) -> Finding:
    """Names the source's own name where the best sentence gives one that the claim lacks."""
    given = {word for other in claim.names for word in other.words}
    for anchor in anchors[:1]:
        for other in anchor.statement.names:
            if not set(other.words) & given:
                return _finding(f"“{other.text}” in the source, “{name.text}” in the answer", False, veto)
    return _finding(f"“{name.text}” is not in the sources", False, veto)


def _rival(name: Name, claim: Statement, evidence: Evidence) -> Name | None:
    """The name in a sentence that says what the claim says, where no sentence near the claim's own name says it."""
    own_words = {token.stem for token in claim.content() if fold(token.text).removesuffix("'s") not in name.words}
    if len(own_words) < 2:
        return None
    best_own, best_other, rival = 0.0, 0.0, None
    for sentence in evidence.sentences:
        share = _share(own_words, sentence.stems, evidence)
        around = [sentence, *evidence.neighbours(sentence)]
        near = any(_gives(name, other) for other in around) or any(shares_word(stem(word), sentence.lead) for word in name.words)
        if near:
            best_own = max(best_own, share)
            continue
        others = [
            other for other in sentence.statement.names if not set(other.words) & set(name.words) and not _in_claim(other, claim)
        ]
        if others and share > best_other:
            best_other, rival = share, others[0]
    if rival is not None and best_other >= STATED_SHARE_MIN and best_other > best_own + RIVAL_MARGIN:
        return rival
    return _swapped_within(name, claim, evidence, own_words)


def _swapped_within(name: Name, claim: Statement, evidence: Evidence, own_words: set[str]) -> Name | None:
    """Two names in one source sentence, each with its own clause: the claim takes the other one's clause."""
    clause = claim.clause_of(name.start)
    words = {token.stem for token in claim.content() if claim.clause_of(token.start) == clause and token.stem in own_words}
    if len(words) < 2:
        return None
    for sentence in evidence.sentences:
        statement = sentence.statement
        mine = [other for other in statement.names if set(name.words) <= set(other.words)]
        theirs = [other for other in statement.names if not set(other.words) & set(name.words) and not _in_claim(other, claim)]
        if not mine or not theirs or _share(words, sentence.stems, evidence) < STATED_SHARE_MIN:
            continue
        own_share = max(_clause_share(words, statement, other, evidence) for other in mine)
        best = max(theirs, key=lambda other: _clause_share(words, statement, other, evidence))
        if (
            statement.clause_of(best.start) != statement.clause_of(mine[0].start)
            and _clause_share(words, statement, best, evidence) > own_share + RIVAL_MARGIN
        ):
            return best
    return None


def _clause_share(words: set[str], statement: Statement, name: Name, evidence: Evidence) -> float:
    clause = statement.clause_of(name.start)
    stems = frozenset(token.stem for token in statement.tokens if statement.clause_of(token.start) == clause)
    return _share(words, stems, evidence)


def _share(words: set[str], stems: frozenset[str], evidence: Evidence) -> float:
    total = sum(evidence.weight(word) for word in words)
    held = sum(evidence.weight(word) for word in words if shares_word(word, stems))
    return held / total if total else 0.0


def _gives(name: Name, sentence: SourceSentence) -> bool:
    return all(shares_word(stem(word), sentence.stems) for word in name.words)


def _in_claim(name: Name, claim: Statement) -> bool:
    stems = frozenset(token.stem for token in claim.tokens)
    return any(shares_word(stem(word), stems) for word in name.words)
