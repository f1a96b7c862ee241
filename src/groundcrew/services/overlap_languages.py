"""Languages of what is compared for overlaps: across languages next to nothing is found, so that a scan says which texts it could
hardly compare. That is a note and never a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from groundcrew.guards.language import is_sure
from groundcrew.guards.language_profiles import tell_language

#: Texts whose language is kept in memory; telling one takes half a millisecond.
TEXTS_KEPT_MAX = 16_384


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """The language of one text, None where it can not be told surely, and those of what it is compared with."""

    own: str | None
    #: Language that is surely another one → how many texts are in it; the most frequent first.
    others: dict[str, int]
    #: Texts whose language can not be told surely.
    untold: int

    @property
    def content(self) -> dict[str, Any]:
        """As the evidence of a scan keeps it."""
        return {"language": self.own, "other_languages": self.others, "languages_untold": self.untold}


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def language_of(title: str, purpose: str) -> str | None:
    """The language of a description, a code such as de; None where it is too short or too mixed to be sure.

    Titles are often words that languages share ("job descriptions", "questions"): the purpose alone must say the same.
    """
    told = tell_language(f"{title}. {purpose}")
    return told.language if is_sure(told) and tell_language(purpose).language == told.language else None


def spoken(own: str | None, others: Iterable[str | None]) -> Spoken:
    """How the language `own` stands among `others`."""
    counts = Counter(others)
    untold = counts.pop(None, 0)
    return Spoken(own=own, others={str(key): number for key, number in counts.most_common() if key != own}, untold=untold)


def said(content: Mapping[str, Any]) -> str:
    """What the content of a scan's evidence says of languages, "" where nothing is to be said or an earlier release wrote it."""
    others = content.get("other_languages") or {}
    if not others:
        return ""
    if content["language"] is None:
        return f"its language can not be told, and others are in {listed(others)}: across languages next to nothing is found"
    number = sum(others.values())
    return (
        f"{number} text{'' if number == 1 else 's'} in another language ({listed(others)}; this one in {content['language']}), "
        "hardly comparable: across languages next to nothing is found"
    )


def listed(languages: Mapping[str, int]) -> str:
    """Languages with how many texts are in each."""
    return ", ".join(f"{language} {number}" for language, number in languages.items())
