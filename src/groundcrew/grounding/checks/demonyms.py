"""Peoples and languages with the places that they belong to, so that "a Swiss bank" follows from "a bank in Switzerland"."""

from __future__ import annotations

from groundcrew.grounding.lexicon import fold

#: places | words for their people, language or things
_LINES = """
us usa u.s. united-states america | american americans
uk u.k. united-kingdom britain england great-britain | british english briton britons
scotland | scottish scots
wales | welsh
ireland | irish
switzerland schweiz suisse svizzera | swiss schweizer schweizerisch
germany deutschland allemagne | german germans deutsche deutscher
austria österreich | austrian austrians österreicher
france frankreich | french franzose
italy italien italia | italian italians italiener
spain spanien | spanish spaniard spanier
portugal | portuguese
netherlands holland niederlande | dutch niederländer
belgium belgien | belgian
denmark dänemark | danish dane
sweden schweden | swedish swede
norway norwegen | norwegian
finland finnland | finnish finn
poland polen | polish
czech-republic czechia tschechien | czech
hungary ungarn | hungarian
greece griechenland | greek
turkey türkei | turkish
russia russland | russian
ukraine | ukrainian
japan | japanese
china | chinese
korea | korean
india indien | indian
canada kanada | canadian
mexico mexiko | mexican
brazil brasilien | brazilian
argentina argentinien | argentine argentinian
australia australien | australian
israel | israeli
egypt ägypten | egyptian
europe europa eu | european europeans europäer
id | identity identification identitätskarte ausweis personalausweis
mac macs macos | macbook macbooks
atm atms | cash bancomat geldautomat geldautomaten bankomat
gp | practitioner hausarzt hausärztin
tv | television fernseher
"""

#: Languages: said of texts and speakers in passing.
LANGUAGES: frozenset[str] = frozenset(("english", "german", "french", "italian", "spanish", "romansh", "portuguese"))

#: word (folded) → all words of its line
RELATED: dict[str, frozenset[str]] = {}
for _line in _LINES.strip().splitlines():
    _words = frozenset(part for word in _line.replace("|", " ").split() for part in (fold(word), *fold(word).split("-")) if part)
    _telling = _words - frozenset(("united", "great", "republic"))
    for _word in _telling:
        RELATED[_word] = _telling
