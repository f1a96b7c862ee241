"""Finds exchanged roles: the same words as the source, but the one who acts and the one acted upon have changed places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.lexicon import STOP_WORDS, Token, same_word, tokens
from groundcrew.grounding.statement import Statement, is_german
from groundcrew.grounding.wordlists import word_set

#: Share of the words of claim and source clause, both ways, that must be the same before their order says anything.
SAME_WORDS_MIN = 0.8
#: A clause needs this many words of its own: one who acts, what is done, one acted upon.
CLAUSE_WORDS_MIN = 3
#: In a longer one too much may change places.
CLAUSE_WORDS_MAX = 30
CLAUSE_CACHE_SIZE = 16_384

_BREAK = re.compile(r"[;:()]|,\s|(?<![\w-])(?:and|but|while|und|aber|während|et|mais|e|ma)(?![\w-])", re.IGNORECASE)
#: A passive or another turn that rightly changes the order.
_TURNED = re.compile(
    r"\b(?:by|from|to|of|for|between|von|vom|an|für|zwischen|durch|wird|werden|wurde|wurden|par|"
    r"pour|da|dal|dalla|per)\b",
    re.IGNORECASE,
)
_COPULA = re.compile(r"\b(?:is|are|was|were|ist|sind|war|waren|heisst|est|sont|è|sono)\b", re.IGNORECASE)
_BEFORE_FIRST = word_set(
    "in on at for from during with between within under by after before to of as if when bei für "
    "im in am an ab von zu mit nach vor für"
)


def check_roles(claim: Statement, anchors: Sequence[Statement]) -> list[Finding]:
    """A finding where a source clause has the claim's words with its first one and another exchanged."""
    german = is_german(claim.tokens)
    named = {name.text.split()[0] for name in claim.names}
    for clause in _clauses(claim.text):
        for anchor in anchors:
            for other in _clauses(anchor.text):
                exchanged = _exchanged(clause, other)
                if exchanged is not None and (not german or set(exchanged) & named):
                    first, second = exchanged
                    reason = f"“{second}” acts in the source, “{first}” in the answer"
                    return [
                        Finding(
                            check="role",
                            contradicted=True,
                            reason=reason,
                            veto=bool(set(exchanged) & named) or _is_same(clause, other),
                        )
                    ]
    return []


def _is_same(claim: str, source: str) -> bool:
    """Whether both clauses have the very same words."""
    mine, theirs = _content(claim), _content(source)
    return _share(mine, theirs) == _share(theirs, mine) == 1.0


def _clauses(text: str) -> list[str]:
    return [part.strip() for part in _BREAK.split(text) if part and len(part.split()) >= CLAUSE_WORDS_MIN]


def _exchanged(claim: str, source: str) -> tuple[str, str] | None:
    """The claim's and the source's first word, where each stands first in one clause and later in the other."""
    mine, theirs = _content(claim), _content(source)
    if not CLAUSE_WORDS_MIN <= len(mine) <= CLAUSE_WORDS_MAX or not CLAUSE_WORDS_MIN <= len(theirs) <= CLAUSE_WORDS_MAX:
        return None
    first, second = mine[0], theirs[0]
    if same_word(first.stem, second.stem) or _after_preposition(claim, first) or _after_preposition(source, second):
        return None
    later_in_source = _place(first, theirs)
    later_in_claim = _place(second, mine)
    if (
        later_in_source < 2
        or later_in_claim < 2
        or _share(mine, theirs) < SAME_WORDS_MIN
        or _share(theirs, mine) < SAME_WORDS_MIN
    ):
        return None
    if _COPULA.search(claim) or _COPULA.search(source):
        return None  # "the head is Eva Frei", "Eva Frei is the head"
    if sorted(word.lower() for word in _TURNED.findall(claim)) != sorted(word.lower() for word in _TURNED.findall(source)):
        return None
    return first.text, second.text


@lru_cache(maxsize=CLAUSE_CACHE_SIZE)
def _content(clause: str) -> tuple[Token, ...]:
    return tuple(
        token
        for token in tokens(clause)
        if token.text.lower() not in STOP_WORDS and token.text.lower().strip(".") not in ("mr", "mrs", "ms", "dr", "herr", "frau")
    )


def _after_preposition(clause: str, token: Token) -> bool:
    before = clause[: token.start].lower().split()
    return any(word in _BEFORE_FIRST for word in before)


def _place(token: Token, others: Sequence[Token]) -> int:
    return next((number for number, other in enumerate(others) if same_word(token.stem, other.stem)), -1)


def _share(words: Sequence[Token], others: Sequence[Token]) -> float:
    return sum(any(same_word(word.stem, other.stem) for other in others) for word in words) / len(words)
