"""Which of four languages a sentence is in, by its function words, and each language's phrases."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.guards.commitments import english, french, german, italian
from groundcrew.guards.commitments.words import Phrases

#: Function words that one language must be ahead by, where the sentences before spoke another one.
LEAD_MIN = 2.0
#: Where two languages are this close, their own vocabulary decides too.
UNDECIDED_WITHIN = 2.0
#: Share of longer words that end in a vowel, from which they look Italian.
ITALIAN_SHARE_MIN = 0.75


class Language(msgspec.Struct, frozen=True):
    """A language's ISO 639-1 code, function words and phrases."""

    code: str
    stop: frozenset[str]
    phrases: Phrases


LANGUAGES = (
    Language("en", english.STOP, Phrases(english.LISTS)),
    Language("de", german.STOP, Phrases(german.LISTS, umlauts=True)),
    Language("fr", french.STOP, Phrases(french.LISTS)),
    Language("it", italian.STOP, Phrases(italian.LISTS)),
)
_SPOKEN_IN: dict[str, tuple[int, ...]] = {
    word: tuple(index for index, language in enumerate(LANGUAGES) if word in language.stop)
    for word in frozenset().union(*(each.stop for each in LANGUAGES))
}
STOP_WORDS = frozenset().union(*(each.stop for each in LANGUAGES))


def language_of(words: Sequence[str], before: Language | None) -> Language:
    """The language whose function words are most in `words`; where that is open, the one `before`, else English."""
    counts = [0.0] * len(LANGUAGES)
    for word in words:
        for index in _SPOKEN_IN.get(word, ()):
            counts[index] += 2.0
    if max(counts) - sorted(counts)[-2] <= UNDECIDED_WITHIN:
        for index, language in enumerate(LANGUAGES):
            counts[index] += sum(len(word) > 3 and bool(language.phrases.starting(word)) for word in words)
        long = [word for word in words if len(word) > 3 and word.isalpha()]
        if long and sum(word[-1] in "aeio" for word in long) >= ITALIAN_SHARE_MIN * len(long):
            counts[3] += 1.5
    best = max(range(len(LANGUAGES)), key=lambda index: (counts[index], LANGUAGES[index] is before))
    if before is not None and counts[best] < counts[LANGUAGES.index(before)] + LEAD_MIN:
        return before
    if counts[best] == 0:
        return before or LANGUAGES[0]
    return LANGUAGES[best]
