"""Words beside a mention that change what it means: what is denied, what a relative has, what was once (es, en, de).

Short lists of our own, in the manner of NegEx (Chapman et al. 2001); how much each counts is learned.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.tuned.coder_text import Words, fold, stem

#: Words after which a cue ends, at the latest; words before a mention's end that a cue may follow.
REACH, REACH_BACK = 6, 3

_DENIED = "no sin niega negaba ni ausencia descarta descarto descartar descartandose nunca without denies denied nor neither"
_DENIED += " absence never not kein keine keinen keiner ohne nicht verneint weder"
_DENIED_AFTER = (
    "negativo negativa negativos negativas descartado descartada ausente ausentes negative absent excluded ausgeschlossen negativ"
)
_RELATIVE = (
    "madre padre hermano hermana hermanos abuelo abuela tio tia hijo hija familiar familiares mother father brother sister"
)
_RELATIVE += (
    " grandmother grandfather aunt uncle son daughter relatives family familial mutter vater bruder schwester familie grossmutter"
)
_ONCE = "antecedente antecedentes previo previa previos previas historia operado operada intervenido intervenida history previous"
_ONCE += " previously prior past ex former vorgeschichte anamnese fruher zustand bekannt"
_BUT = "pero aunque salvo excepto but although except aber jedoch"


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(fold(word)) for word in words.split())


DENIED, DENIED_AFTER, RELATIVE, ONCE, BUT = map(_stems, (_DENIED, _DENIED_AFTER, _RELATIVE, _ONCE, _BUT))
CUES = ("denied", "relative", "once")


class Cues:
    """For every word of a text which cues reach it."""

    def __init__(self, words: Words) -> None:
        self._flags = [[False] * len(words.stems) for _ in CUES]
        for at, each in enumerate(words.stems):
            for number, cue in enumerate((DENIED, RELATIVE, ONCE)):
                if each in cue:
                    self._reach(words, number, at)
            if each in DENIED_AFTER:
                for place in range(max(0, at - REACH_BACK), at):
                    if words.sentence[place] == words.sentence[at]:
                        self._flags[0][place] = True

    def _reach(self, words: Words, number: int, at: int) -> None:
        for place in range(at, min(len(words.stems), at + REACH + 1)):
            if words.sentence[place] != words.sentence[at] or words.stems[place] in BUT:
                break
            self._flags[number][place] = True

    def of(self, mentions: Sequence[tuple[int, ...]]) -> list[float]:
        """The share of the mentions that each cue reaches."""
        return [sum(flags[each[0]] for each in mentions) / max(1, len(mentions)) for flags in self._flags]
