"""Towns and countries that bank, insurance and hospital letters name, with their names in four languages: in German a town looks
like any noun, so that only knowing it tells it apart."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import fold
from groundcrew.grounding.statement import Statement

#: One place a line; left out are names that are common words ("Essen", "Baden", "Nice").
_PLACES = """
zürich zurich zurigo
bern berne berna
basel basle bâle basilea
genf geneva genève ginevra
lausanne losanna
luzern lucerne lucerna
winterthur
gallen gall
lugano
bellinzona
zug
schwyz
aarau
solothurn soleure
freiburg fribourg friburgo
neuenburg neuchâtel
sitten sion
thun
chur coira coire
schaffhausen
frauenfeld
biel bienne
köniz
sursee
olten
berlin berlino
hamburg amburgo
münchen munich monaco
köln cologne colonia
frankfurt francoforte
stuttgart stoccarda
düsseldorf
leipzig lipsia
dresden dresda
nürnberg nuremberg norimberga
hannover hanover
bremen brême brema
wien vienna vienne
graz
linz
salzburg salisburgo
innsbruck
paris parigi
lyon lione
marseille marsiglia
strassburg strasbourg strasburgo
rom rome roma
mailand milan milano
turin torino
venedig venice venise venezia
florenz florence firenze
london londra londres
madrid
barcelona barcellona barcelone
lissabon lisbon lisbonne lisbona
brüssel brussels bruxelles
amsterdam
luxemburg luxembourg lussemburgo
kopenhagen copenhagen copenhague
stockholm stoccolma
oslo
helsinki
warschau warsaw varsovie varsavia
prag prague praga
budapest
vaduz
"""

_GROUPS: dict[str, frozenset[str]] = {}
for _line in _PLACES.strip().splitlines():
    _group = frozenset(fold(_word) for _word in _line.split())
    for _word in _group:
        _GROUPS[_word] = _group


def check_places(claim: Statement, evidence: Evidence, anchors: Sequence[SourceSentence]) -> list[Finding]:
    """A finding for each town of the claim that no source names, with the town that the best evidence names instead."""
    if evidence.is_tabular:
        return []
    if not any(_is_place(token.text) for token in claim.tokens):
        return []
    spelled = {fold(word) for word in evidence.spellings}
    findings: list[Finding] = []
    for token in claim.tokens:
        group = _GROUPS.get(fold(token.text))
        if group is None or not token.text[0].isupper() or any(word.startswith(tuple(group)) for word in spelled):
            continue
        other = next((each.text for anchor in anchors for each in anchor.statement.tokens if _is_place(each.text)), None)
        reason = f"“{other}” in the source, “{token.text}” in the answer" if other else f"“{token.text}” is not in the sources"
        findings.append(Finding(check="name", contradicted=other is not None, reason=reason))
    return findings


def _is_place(text: str) -> bool:
    return text[0].isupper() and fold(text) in _GROUPS
