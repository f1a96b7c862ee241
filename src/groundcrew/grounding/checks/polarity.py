"""Finds claims that turn their source round: a dropped or added negation, or the opposite of a pair (before/after,
included/excluded, left/right). Only clauses that otherwise say the same are compared, so that paraphrases pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from groundcrew.grounding.checks.finding import CheckName, Finding
from groundcrew.grounding.checks.oppositions import AXES, CONVERSE_AXES, DENIED, NEGATIVE_WORDS, NEGATORS, PHRASES
from groundcrew.grounding.lexicon import STOP_WORDS, fold, is_among, same_word, stem

#: Share of a claim clause's own words that the source clause must hold before their polarity is compared.
ALIGNED_SHARE_MIN = 0.6
#: Fewer own words than this say too little to align on.
ALIGNED_WORDS_MIN = 2
#: A lone difference in negation counts from this share of the claim's words on, with so much of the source clause back;
#: a claim whose every word is in the source clause needs less back.
NEGATION_SHARE_MIN, LIKE_SHARE_MIN, WHOLE_SHARE, PART_SHARE_MIN = 0.7, 0.5, 0.95, 0.25
#: A difference that may be one of view only ("send", "receive"), or a negation that the claim lacks, is certain from here on.
ALIKE_SHARE_MIN, ALIKE_BACK_MIN = 0.8, 0.5
#: Words that each side of an "and" needs to be compared as a clause of its own.
JOINED_WORDS_MIN = 3
#: A denial without a verb ("no fever") has so few words, and a claim that is compared with it so few.
FRAGMENT_WORDS_MAX, FRAGMENT_CLAIM_WORDS_MAX = 2, 4
#: Fewer words say too little to compare whole sentences.
WHOLE_WORDS_MIN = 3
#: Words after "before" or "after" that say before what.
COMPLEMENT_WORDS = 3
#: A shorter word in "-frei" is no compound.
LACKING_CHARS_MIN = 8
#: Among source clauses that hold the claim clause alike, the one that the claim covers better is compared.
BACK_SHARE = 0.3
POLARITY_CACHE_SIZE = 8_192

_SPLIT = re.compile(
    r"[;:()|]|,\s|(?<![\w-])(?:but|while|whereas|although|though|aber|während|sondern|mais|ma|mentre|because|weil)(?![\w-])",
    re.IGNORECASE,
)
_AND = re.compile(r"(?<![\w-])(?:and|or|und|oder|et|ou|e|o)(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"n't\b|n’t\b|[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:[.,:]\d+)*", re.UNICODE)
_DIGIT = re.compile(r"\d")
#: A case told from its other side: "only after the check-up" and "not before the check-up".
_UNTIL_THEN = re.compile(
    r"\b(?:erst|only after|only once|only when|only from|not until|not before|bis|until|unless|except|ausser|außer)\b",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"\s*(?:no|without|kein[e]?|keine[nr]?|ohne|pas de|sans|senza|nessuna?)\b", re.IGNORECASE)
#: "No other fracture" denies no fracture that was named.
_OTHER = re.compile(
    r"\b(?:other|further|additional|more|else|new|weitere\w*|andere\w*|sonstige\w*|neue\w*|autres?|altr[aeio])\b", re.I
)
#: Negators that deny what follows and nothing before them: "within 30 days without giving reasons".
_PREPOSITIONS = frozenset(("without", "ohne", "sans", "senza"))
_ADJUNCT = re.compile(r"\W*(?:without|ohne|sans|senza)\b", re.IGNORECASE)
#: Who acts in a clause: "you receive" is no contradiction of "we send".
_SUBJECT = re.compile(r"\b(?:i|we|you|he|she|they|it|wir|ich|sie|er|man|nous|vous|noi|lei)\b", re.IGNORECASE)
_DIRECTION_AXES = frozenset(("change", "order", "vertical", "extreme", "comparison", "timing", "rank", "speed"))


class Clause(msgspec.Struct, frozen=True):
    """A clause as polarity sees it: own words as stems, the words that each negator denies (empty: a word like "excluded"
    that denies by itself), and the poles that its words take."""

    text: str
    words: frozenset[str]
    denied: tuple[frozenset[str], ...]
    poles: tuple[tuple[str, int, str], ...]
    stems: frozenset[str]
    negatives: frozenset[str] = frozenset()
    #: The word that each negator stands before, or after where it closes the clause.
    refused: tuple[str, ...] = ()


def _compile_axes() -> tuple[dict[str, list[tuple[str, int]]], list[tuple[str, str, int]]]:
    exact: dict[str, list[tuple[str, int]]] = {}
    prefixes: list[tuple[str, str, int]] = []
    for axis, sides in AXES.items():
        for pole, words in enumerate(sides.split("|")[:2]):
            for word in words.split():
                spellings = [word.replace("[sz]", letter) for letter in "sz"] if "[sz]" in word else [word]
                for spelling in spellings:
                    if spelling.endswith("*"):
                        prefixes.append((fold(spelling[:-1]), axis, pole))
                    else:
                        exact.setdefault(fold(spelling), []).append((axis, pole))
    return exact, prefixes


_EXACT, _PREFIXES = _compile_axes()
_PHRASE_PATTERNS = [(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), replacement) for pattern, replacement in PHRASES]


@lru_cache(maxsize=50_000)
def _poles_of(word: str) -> tuple[tuple[str, int], ...]:
    found = list(_EXACT.get(word, ()))
    found.extend((axis, pole) for prefix, axis, pole in _PREFIXES if word.startswith(prefix) and (axis, pole) not in found)
    axes = [axis for axis, _ in found]
    return tuple((axis, pole) for axis, pole in found if axes.count(axis) == 1)


_NEGATIVE_EXACT = frozenset(fold(word) for word in NEGATIVE_WORDS if not word.endswith("*"))
_NEGATIVE_PREFIXES = tuple(fold(word[:-1]) for word in NEGATIVE_WORDS if word.endswith("*"))


def _is_negative(word: str) -> bool:
    return word in _NEGATIVE_EXACT or word.startswith(_NEGATIVE_PREFIXES)


@lru_cache(maxsize=POLARITY_CACHE_SIZE)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a sentence in order."""
    normal = text.replace("’", "'")
    for pattern, replacement in _PHRASE_PATTERNS:
        normal = pattern.sub(replacement, normal)
    read: list[Clause] = []
    for part in _SPLIT.split(normal):
        if not part or len(part.split()) < 2:
            continue
        joined = [_read(piece) for piece in _AND.split(part) if len(piece.split()) >= JOINED_WORDS_MIN]
        whole = _read(part)
        if len(joined) > 1:
            read.extend(joined)
        if len(joined) < 2 or not _is_mixed(whole):
            read.append(whole)
    return tuple(read) or (_read(normal),)


@lru_cache(maxsize=POLARITY_CACHE_SIZE)
def _denial_count(text: str) -> int:
    """Negations of the whole text."""
    normal = text.replace("’", "'")
    for pattern, replacement in _PHRASE_PATTERNS:
        normal = pattern.sub(replacement, normal)
    return len(_read(normal).denied)


def _is_mixed(clause: Clause) -> bool:
    """Whether the clause holds both sides of a pair ("lowers … and raises …"), so that as a whole it says neither."""
    taken = {(axis, pole) for axis, pole, _ in clause.poles}
    return any((axis, 1 - pole) in taken for axis, pole in taken)


def _lacking(word: str, before: str) -> str | None:
    """What a word says is lacking: "schaden" of "schadenfrei", "" for the "free" of "claim-free"; None for any other word."""
    if before == "-" and word in ("free", "frei"):
        return ""
    if word.endswith("frei") and len(word) >= LACKING_CHARS_MIN and word not in ("gebuhrenfrei", "kostenfrei"):
        return word.removesuffix("frei")
    return None


_ATTRIBUTES = frozenset(("free", "gratis", "complimentary"))
_NOUN_AFTER = re.compile(
    r"\s+(?!of\b|for\b|to\b|from\b|up\b|if\b|when\b|until\b|at\b|in\b|on\b|with\b|and\b|or\b|as\b|the\b|within\b)[a-z]{2,}", re.I
)


def _is_attribute(word: str, text: str, end: int) -> bool:
    """ "a free test" describes the test; "the test is free" says that no fee is due."""
    return word in _ATTRIBUTES and _NOUN_AFTER.match(text, end) is not None


def _read(text: str) -> Clause:
    words: set[str] = set()
    stems: list[str] = []
    poles: list[tuple[str, int, str]] = []
    negators: list[tuple[int, bool]] = []
    negatives: list[str] = []
    for match in _WORD.finditer(text):
        word = fold(match.group())
        if word in NEGATORS or word.endswith("n't"):
            negators.append((len(stems), word in _PREPOSITIONS))
            continue
        lacking = _lacking(word, text[match.start() - 1 : match.start()])
        if lacking is not None:
            negatives.append("without")
            stems.extend([stem(lacking)] if lacking else [])
            words.update([stem(lacking)] if lacking else [])
            continue
        if _is_negative(word) and text[match.start() - 1 : match.start()] != "-" and not _is_attribute(word, text, match.end()):
            negatives.append(word)
            plain = next((stem(positive) for start, positive in DENIED.items() if word.startswith(start)), None)
            if plain is not None:
                stems.append(plain)
                words.add(plain)
            continue
        if word in STOP_WORDS and word not in _EXACT:
            continue
        taken = _poles_of(word)
        poles.extend((axis, pole, match.group()) for axis, pole in taken)
        stems.append(stem(word))
        if not taken:
            words.add(stem(word))
    denied = [_scope(stems, place, ahead=ahead) for place, ahead in negators]
    denied += [frozenset()] * len(negatives)
    refused = tuple(stems[min(place, len(stems) - 1)] for place, _ in negators if stems)
    return Clause(text.strip(), frozenset(words), tuple(denied), tuple(poles), frozenset(stems), frozenset(negatives), refused)


def _scope(stems: list[str], place: int, *, ahead: bool) -> frozenset[str]:
    """The words that a negator denies: the next two, and unless it only looks `ahead` the one before, which it may close ("…
    akzeptieren wir nicht")."""
    return frozenset(stems[place if ahead else max(0, place - 1) : place + 2])


_SUPPOSES = re.compile(r"\W*(?:if|in case|wenn|falls|si|se)\b", re.IGNORECASE)


def check_polarity(claim: str, evidence: Sequence[str]) -> list[Finding]:
    """A finding where the source clause that is most like a clause of the claim says the opposite. `evidence` holds the
    sentences that support the claim best; one of them that agrees settles it."""
    stated = [clause for sentence in evidence for clause in clauses(sentence)]
    notes = [
        clause
        for sentence in evidence
        for number, clause in enumerate(clauses(sentence))
        if number or len(clauses(sentence)) == 1 or not _ADJUNCT.match(clause.text)
    ]
    own = clauses(claim)
    denials = _denial_count(claim)
    known = frozenset(word for clause in stated for word in clause.negatives)
    fragment = _denied_fragment(own, notes) if not denials else _denied_by_fragment(own, stated)
    if fragment is not None:
        return [fragment]
    for clause in own:
        if clause.negatives & known and not any(
            clause.negatives & other.negatives for other in stated if _overlap(clause, other) >= ALIGNED_SHARE_MIN
        ):
            continue  # the sources say it in a clause that is told otherwise
        aligned = [(_overlap(clause, other), other) for other in stated]
        aligned = [(share, other) for share, other in aligned if share >= ALIGNED_SHARE_MIN]
        if len(clause.stems) < ALIGNED_WORDS_MIN:
            aligned = [(share, other) for share, other in aligned if other.stems == clause.stems]
        if not aligned:
            continue
        if len(clause.words) <= 1:  # a label ("left kidney: …") is in every clause about its part; one that agrees settles it
            most = max(share for share, _ in aligned)
            if any(_compare(clause, other, denials) is None for share, other in aligned if share == most):
                continue
        ranked = [(share + BACK_SHARE * _overlap(other, clause), other) for share, other in aligned]
        best = max(rank for rank, _ in ranked)
        verdicts = [_compare(clause, other, denials) for rank, other in ranked if rank >= best - 0.02]
        if all(verdict is not None for verdict in verdicts):
            return [verdict for verdict in verdicts[:1] if verdict is not None]
    return _turned_whole(claim, evidence)


@lru_cache(maxsize=POLARITY_CACHE_SIZE)
def _whole(text: str) -> Clause:
    """The whole sentence read as one clause."""
    normal = text.replace("’", "'")
    for pattern, replacement in _PHRASE_PATTERNS:
        normal = pattern.sub(replacement, normal)
    return _read(normal)


def _turned_whole(claim: str, evidence: Sequence[str]) -> list[Finding]:
    """A finding where a sentence has the claim's words in other clauses ("not covered are …", "…, are covered") and one negation
    more or less."""
    mine = _whole(claim)
    if len(mine.words) < WHOLE_WORDS_MIN:
        return []
    for sentence in evidence:
        theirs = _whole(sentence)
        odd = (len(mine.denied) - len(theirs.denied) + _prefixed(mine, theirs) + _prefixed(theirs, mine)) % 2 == 1
        alike = _overlap(mine, theirs) >= WHOLE_SHARE and _overlap(theirs, mine) >= WHOLE_SHARE
        if odd and alike and not _flips(mine, theirs) and not _UNTIL_THEN.search(sentence):
            where, where_not = ("answer", "source") if len(mine.denied) > len(theirs.denied) else ("source", "answer")
            both = f"“{_short(sentence)}” in the source, “{_short(claim)}” in the answer"
            reason = f"a negation in the {where} that is not in the {where_not}: {both}"
            return [Finding(check="negation", contradicted=True, reason=reason)]
    return []


def _denied_fragment(own: Sequence[Clause], stated: Sequence[Clause]) -> Finding | None:
    """ "No obstruction" in a note against a claim that says little more than that there is one."""
    if len(own) != 1 or len(own[0].stems) > FRAGMENT_CLAIM_WORDS_MAX:
        return None
    if any(not clause.denied and own[0].stems <= clause.stems for clause in stated):
        return None  # denied of something else: it is said of this
    for clause in stated:
        if _is_fragment(clause) and all(any(same_word(word, other) for other in own[0].stems) for word in clause.stems):
            reason = f"“{_short(clause.text)}” in the source, “{_short(own[0].text)}” in the answer"
            return Finding(check="negation", contradicted=True, reason=reason)
    return None


def _denied_by_fragment(own: Sequence[Clause], stated: Sequence[Clause]) -> Finding | None:
    """A claim that is a denial and no more ("no effusion") against a note that says little more than that there is one, where no
    other denies it."""
    if len(own) != 1 or not _is_fragment(own[0]):
        return None
    told = [each for each in stated if all(any(same_word(word, other) for other in each.stems) for word in own[0].stems)]
    short = next((each for each in told if len(each.stems) <= FRAGMENT_CLAIM_WORDS_MAX), None)
    if short is None or any(each.denied for each in told):
        return None
    reason = f"“{_short(short.text)}” in the source, “{_short(own[0].text)}” in the answer"
    return Finding(check="negation", contradicted=True, reason=reason)


def _is_fragment(clause: Clause) -> bool:
    short = 1 <= len(clause.stems) <= FRAGMENT_WORDS_MAX
    denies = short and bool(clause.denied) and not clause.negatives and _FRAGMENT.match(clause.text) is not None
    return denies and _OTHER.search(clause.text) is None


def _overlap(claim: Clause, evidence: Clause) -> float:
    """Share of the claim clause's words that the other holds, a word of a pair of opposites counting for its pair: 0..1."""
    axes = {axis for axis, _, _ in claim.poles}
    total = len(claim.words) + len(axes)
    if not total:
        return 0.0
    shared = sum(is_among(word, evidence.stems) for word in claim.words)
    return (shared + len(axes & {axis for axis, _, _ in evidence.poles})) / total


def _denials(clause: Clause, other: Clause) -> int:
    """Negations in `clause` that deny something the other clause speaks of."""
    return sum(not scope or any(same_word(word, stated) for word in scope for stated in other.stems) for scope in clause.denied)


def _compare(claim: Clause, evidence: Clause, denials: int) -> Finding | None:
    """A finding where parity of negation and opposites together turn the clause round. `denials` counts the negations of the
    whole claim: one that stands in another of its clauses may be the one that this source clause has."""
    flips = _flips(claim, evidence)
    odd = (len(claim.denied) - len(evidence.denied) + _prefixed(claim, evidence) + _prefixed(evidence, claim)) % 2 == 1
    if odd and flips:
        return None
    if odd and (denials - len(evidence.denied)) % 2 == 1 and (_denials(claim, evidence) - _denials(evidence, claim)) % 2 == 1:
        return _negation(claim, evidence)
    if not odd and flips:
        axis, mine, theirs = flips[0]
        name: CheckName = "direction" if axis in _DIRECTION_AXES else "laterality" if axis == "side" else "negation"
        alike = _overlap(claim, evidence) >= ALIKE_SHARE_MIN and _overlap(evidence, claim) >= ALIKE_BACK_MIN
        veto = axis not in CONVERSE_AXES or (alike and _actor(claim.text, mine) == _actor(evidence.text, theirs))
        return Finding(check=name, contradicted=True, reason=f"“{theirs}” in the source, “{mine}” in the answer", veto=veto)
    return None


def _actor(text: str, word: str) -> str:
    """The pronoun that stands last before `word`, "" for none."""
    found = _SUBJECT.findall(text[: max(0, text.find(word))])
    return found[-1].lower() if found else ""


_PREFIX = re.compile(r"(?:un|in|im|ir|non|dis)(?=[a-z]{4})")


def _prefixed(clause: Clause, other: Clause) -> int:
    """Words of `clause` that are the opposite of a word of the other by their prefix ("unchanged", "changed")."""
    count = 0
    for word in clause.stems - other.stems:
        prefix = _PREFIX.match(word)
        if prefix is not None and _poles_of(word):
            continue  # compared as one of a pair
        count += prefix is not None and any(same_word(word[prefix.end() :], each) for each in other.stems)
    return count


def _negation(claim: Clause, evidence: Clause) -> Finding | None:
    shared, back = _overlap(claim, evidence), _overlap(evidence, claim)
    if shared < NEGATION_SHARE_MIN or back < (LIKE_SHARE_MIN if shared < WHOLE_SHARE else PART_SHARE_MIN):
        return None
    dropped = len(claim.denied) < len(evidence.denied)
    implied = dropped and all(not scope for scope in evidence.denied)
    turned = _UNTIL_THEN.search(evidence.text) is not None and _UNTIL_THEN.search(claim.text) is not None
    certain = (not dropped and not turned) or (
        dropped and shared >= ALIKE_SHARE_MIN and (back >= LIKE_SHARE_MIN if implied else _is_told(claim, evidence))
    )
    if _SUPPOSES.match(claim.text) and not (dropped and _SUPPOSES.match(evidence.text)):
        certain = False  # "if you don't have one, …" tells another case
    if not dropped and claim.refused and not any(is_among(word, evidence.stems) for word in claim.refused):
        certain = False  # what the claim denies, the source does not say either
    if not dropped and _bounds_differ(claim.text, evidence.text):
        certain = False  # "after 30 days it can not be restored" says what "it can be restored for 30 days" says
    where, where_not = ("answer", "source") if len(claim.denied) > len(evidence.denied) else ("source", "answer")
    both = f"“{_short(evidence.text)}” in the source, “{_short(claim.text)}” in the answer"
    return Finding(
        check="negation",
        contradicted=True,
        veto=certain,
        reason=f"a negation in the {where} that is not in the {where_not}: {both}",
    )


_LATER = re.compile(r"\b(?:after|once|from|beyond|over|more than|nach|ab|später|über|mehr als|après|dopo|oltre)\b", re.IGNORECASE)


def _bounds_differ(claim: str, evidence: str) -> bool:
    """Whether both give a figure and only one of them speaks of what lies beyond it."""
    both = _DIGIT.search(claim) is not None and _DIGIT.search(evidence) is not None
    return both and (_LATER.search(claim) is None) != (_LATER.search(evidence) is None)


def _is_told(claim: Clause, evidence: Clause) -> bool:
    """Whether the claim says what the source denies: all words of a denial but one at most."""
    for scope in evidence.denied:
        told = sum(any(same_word(word, other) for other in claim.stems) for word in scope)
        if scope and told >= max(1, len(scope) - 1):
            return True
    return False


def _flips(claim: Clause, evidence: Clause) -> list[tuple[str, str, str]]:
    """Axes on which the claim takes one pole and the evidence only the other: (axis, claim's word, source's word)."""
    flips: list[tuple[str, str, str]] = []
    for axis in dict.fromkeys(axis for axis, _, _ in claim.poles):
        mine = {pole for name, pole, _ in claim.poles if name == axis}
        theirs = {pole for name, pole, _ in evidence.poles if name == axis}
        if len(mine) == 1 and len(theirs) == 1 and mine != theirs:
            word = next(word for name, _, word in claim.poles if name == axis)
            other = next(word for name, _, word in evidence.poles if name == axis)
            if axis == "order" and not _is_of_same(claim.text, word, evidence.text, other):
                continue
            flips.append((axis, word, other))
    return flips


def _is_of_same(claim: str, mine: str, evidence: str, theirs: str) -> bool:
    """Whether "before" and "after" are followed by the same thing: "report before ordering" is "order after reporting"."""
    left, right = _complement(claim, mine), _complement(evidence, theirs)
    return any(same_word(one, other) for one in left for other in right) or bool(_DIGIT.search(claim))


def _complement(text: str, word: str) -> list[str]:
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
    following = _WORD.findall(text[found.end() :]) if found else []
    content = [fold(each) for each in following if fold(each) not in STOP_WORDS]
    return [stem(each) for each in content[:COMPLEMENT_WORDS]]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "…"
