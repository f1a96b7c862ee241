"""Plants one fault in a faithful claim, and matches every fault with a faithful counterpart that was edited just as much: the
same word exchanged in evidence and claim alike. What tells them apart is then the evidence, never the edit."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pairs import Pair

#: Sets whose supported claims are rewordings by people or answers of models, worth planting faults in, and how often.
BASES = {
    "summedits": 3.0,
    "ragtruth_qa": 3.0,
    "sgd_en": 2.0,
    "wikisplit_en": 2.0,
    "infotabs": 2.0,
    "mnli_dev_en": 2.0,
    "deplain_web_de": 1.5,
    "rte3_de": 1.5,
    "quintd": 1.5,
    "frank": 1.0,
    "xquad_en": 1.0,
    "pawsx_de": 1.0,
    "dart_en": 0.3,
    "stsb_en": 0.3,
    "own_cases": 0.5,
}

#: Words of one kind: each may be exchanged for another of its set. English, then German.
SETS: dict[str, list[list[str]]] = {
    "direction": [
        ["increase", "decrease"],
        ["increased", "decreased"],
        ["increases", "decreases"],
        ["rise", "fall"],
        ["rose", "fell"],
        ["higher", "lower"],
        ["above", "below"],
        ["more", "less"],
        ["more", "fewer"],
        ["before", "after"],
        ["earlier", "later"],
        ["maximum", "minimum"],
        ["highest", "lowest"],
        ["first", "last"],
        ["gain", "loss"],
        ["buy", "sell"],
        ["up", "down"],
        ["longer", "shorter"],
        ["larger", "smaller"],
        ["bigger", "smaller"],
        ["older", "younger"],
        ["win", "lose"],
        ["won", "lost"],
        ["income", "expenses"],
        ["credit", "debit"],
        ["import", "export"],
        ["improve", "worsen"],
        ["improved", "worsened"],
        ["erhöht", "gesenkt"],
        ["steigt", "sinkt"],
        ["gestiegen", "gesunken"],
        ["höher", "tiefer"],
        ["höher", "niedriger"],
        ["mehr", "weniger"],
        ["über", "unter"],
        ["vor", "nach"],
        ["maximal", "mindestens"],
        ["früher", "später"],
        ["grösser", "kleiner"],
        ["größer", "kleiner"],
        ["länger", "kürzer"],
        ["erste", "letzte"],
        ["gewann", "verlor"],
    ],
    "quantifier": [
        ["all", "some", "most", "no"],
        ["every", "no"],
        ["always", "sometimes", "never"],
        ["at least", "at most"],
        ["both", "neither"],
        ["many", "few"],
        ["often", "rarely"],
        ["usually", "rarely"],
        ["everyone", "nobody"],
        ["entirely", "partly"],
        ["alle", "einige", "keine"],
        ["jeder", "keiner"],
        ["immer", "manchmal", "nie"],
        ["viele", "wenige"],
        ["oft", "selten"],
        ["mindestens", "höchstens"],
        ["meistens", "selten"],
    ],
    "laterality": [
        ["left", "right"],
        ["upper", "lower"],
        ["north", "south"],
        ["northern", "southern"],
        ["east", "west"],
        ["eastern", "western"],
        ["front", "back"],
        ["inside", "outside"],
        ["anterior", "posterior"],
        ["proximal", "distal"],
        ["inner", "outer"],
        ["links", "rechts"],
        ["linke", "rechte"],
        ["linken", "rechten"],
        ["obere", "untere"],
        ["oberen", "unteren"],
        ["Norden", "Süden"],
        ["nördlich", "südlich"],
        ["Osten", "Westen"],
        ["östlich", "westlich"],
        ["innen", "aussen"],
    ],
    "date": [
        ["January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December"],
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        ["spring", "summer", "autumn", "winter"],
        ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
        ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        ["morning", "evening"],
        ["yesterday", "tomorrow"],
        ["gestern", "morgen"],
        ["Morgen", "Abend"],
    ],
    "unit": [
        ["days", "weeks", "months", "years", "hours", "minutes"],
        ["day", "week", "month", "year", "hour"],
        ["kilometers", "miles"],
        ["km", "miles"],
        ["kilograms", "pounds"],
        ["kg", "g"],
        ["mg", "g"],
        ["million", "billion"],
        ["thousand", "million"],
        ["percent", "percentage points"],
        ["monthly", "yearly", "weekly", "daily"],
        ["annually", "monthly"],
        ["meters", "feet"],
        ["Tage", "Wochen", "Monate", "Jahre", "Stunden"],
        ["Tagen", "Wochen", "Monaten", "Jahren", "Stunden"],
        ["Tag", "Woche", "Monat", "Jahr"],
        ["Millionen", "Milliarden"],
        ["monatlich", "jährlich", "wöchentlich"],
        ["Meter", "Kilometer"],
        ["GB", "MB"],
        ["seconds", "minutes"],
        ["inches", "feet"],
    ],
    "currency": [
        ["$", "€", "£"],
        ["USD", "EUR", "CHF", "GBP"],
        ["dollars", "euros", "pounds", "francs"],
        ["Franken", "Euro", "Dollar"],
    ],
    "opposite": [
        ["open", "closed"],
        ["opened", "closed"],
        ["free", "paid"],
        ["male", "female"],
        ["man", "woman"],
        ["boy", "girl"],
        ["men", "women"],
        ["brother", "sister"],
        ["father", "mother"],
        ["son", "daughter"],
        ["husband", "wife"],
        ["he", "she"],
        ["his", "her"],
        ["positive", "negative"],
        ["included", "excluded"],
        ["includes", "excludes"],
        ["allowed", "forbidden"],
        ["approved", "rejected"],
        ["accept", "reject"],
        ["accepted", "rejected"],
        ["support", "oppose"],
        ["supported", "opposed"],
        ["agree", "disagree"],
        ["agreed", "refused"],
        ["public", "private"],
        ["hot", "cold"],
        ["old", "new"],
        ["good", "bad"],
        ["best", "worst"],
        ["same", "different"],
        ["possible", "impossible"],
        ["easy", "difficult"],
        ["rich", "poor"],
        ["local", "foreign"],
        ["indoor", "outdoor"],
        ["active", "inactive"],
        ["enabled", "disabled"],
        ["enable", "disable"],
        ["married", "divorced"],
        ["alive", "dead"],
        ["born", "died"],
        ["start", "end"],
        ["started", "ended"],
        ["starts", "ends"],
        ["began", "ended"],
        ["with", "without"],
        ["must", "may"],
        ["can", "cannot"],
        ["will", "may"],
        ["required", "optional"],
        ["and", "or"],
        ["only", "also"],
        ["success", "failure"],
        ["safe", "dangerous"],
        ["black", "white"],
        ["cause", "prevent"],
        ["causes", "prevents"],
        ["temporary", "permanent"],
        ["internal", "external"],
        ["employer", "employee"],
        ["buyer", "seller"],
        ["offen", "geschlossen"],
        ["kostenlos", "kostenpflichtig"],
        ["Mann", "Frau"],
        ["positiv", "negativ"],
        ["erlaubt", "verboten"],
        ["mit", "ohne"],
        ["muss", "kann"],
        ["müssen", "können"],
        ["und", "oder"],
        ["nur", "auch"],
        ["alt", "neu"],
        ["gut", "schlecht"],
        ["gleich", "verschieden"],
        ["möglich", "unmöglich"],
        ["einfach", "schwierig"],
        ["öffentlich", "privat"],
        ["innerhalb", "ausserhalb"],
        ["Bruder", "Schwester"],
        ["Vater", "Mutter"],
        ["Sohn", "Tochter"],
        ["er", "sie"],
        ["wird", "wurde"],
        ["geboren", "gestorben"],
        ["angenommen", "abgelehnt"],
        ["aktiv", "inaktiv"],
        ["arbeitgeber", "arbeitnehmer"],
    ],
    "number_word": [
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        ["first", "second", "third", "fourth"],
        ["zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"],
        ["once", "twice"],
        ["ersten", "zweiten", "dritten"],
        ["double", "triple"],
        ["einmal", "zweimal"],
        ["hundred", "thousand"],
    ],
}
_NUMBER = re.compile(r"(?<![\w.,'’])\d[\d.,'’]*\d|(?<![\w.,'’])\d(?![\w])")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-ZÄÖÜ][a-zäöüéèß]{2,}(?:\s[A-ZÄÖÜ][a-zäöüéèß]{2,})?\b")
_CONDITION = re.compile(
    r"(?:,?\s+(?:if|unless|provided that|except|only if|as long as|until|when|because|after|before|during|according to)"
    r"\s[^,.;]{6,80}"
    r"|,\s+(?:wenn|sofern|falls|ausser|solange|bis|weil|nachdem|bevor)\s[^,.;]{6,80})(?=[.,;]|$)"
)
_AUXILIARY = re.compile(r"\b(is|are|was|were|has|have|had|can|will|does|did|could|would|should)\b(?! not\b)(?!n't)")
_NOT = re.compile(r"\b(?:not|never)\s|(?<=[a-z])n't\b")
_GERMAN_VERB = re.compile(
    r"\b(ist|sind|war|waren|hat|haben|wird|werden|wurde|wurden|kann|können|muss|müssen|darf|dürfen)\b(?! nicht)"
)
_GERMAN_NOT = re.compile(r"\bnicht\s")
PREFIXES_EN = (
    "According to the documents, ",
    "Please note that ",
    "In short, ",
    "As stated, ",
    "Based on the passages, ",
    "Yes, ",
    "Thus ",
)
PREFIXES_DE = ("Laut den Unterlagen gilt: ", "Bitte beachten Sie: ", "Kurz gesagt: ", "Wie angegeben: ", "Zur Information: ")


class Edit(msgspec.Struct, frozen=True):
    """`text[start:end]` becomes `new`."""

    kind: str
    start: int
    end: int
    new: str


def _word(term: str) -> re.Pattern[str]:
    body = re.escape(term)
    return re.compile(body if not term[0].isalnum() else rf"(?<!\w){body}(?!\w)", re.IGNORECASE)


_TERMS: dict[str, list[tuple[str, list[str]]]] = {}
for _kind, _groups in SETS.items():
    for _group in _groups:
        for _term in _group:
            _TERMS.setdefault(_term.lower().split()[0], []).append((_kind, _group))


def edits(claim: str, evidence: str, names: Sequence[str], draw: random.Random) -> list[Edit]:
    """Every fault that could be planted in `claim`, one edit each; `names` are names to take strangers from."""
    found: list[Edit] = []
    lowered = claim.lower()
    for first in dict.fromkeys(re.findall(r"[\w]+|[$€£]", lowered)):
        for kind, group in _TERMS.get(first, ()):
            for term in group:
                if term.lower().split()[0] != first:
                    continue
                for match in list(_word(term).finditer(claim))[:2]:
                    other = draw.choice([each for each in group if each != term])
                    found.append(Edit(kind, match.start(), match.end(), _cased(match.group(), other)))
    for match in _NUMBER.finditer(claim):
        found.append(Edit("number", match.start(), match.end(), other_number(match.group(), evidence, draw)))
    local = [name for name in _NAME.findall(evidence) if name not in claim]
    for match in _NAME.finditer(claim):
        pool = local if local and draw.random() < 0.6 else names
        if pool:
            found.append(Edit("name", match.start(), match.end(), draw.choice(list(pool))))
    for match in _CONDITION.finditer(claim):
        found.append(Edit("condition", match.start(), match.end(), ""))
    for pattern, suffix in ((_AUXILIARY, " not"), (_GERMAN_VERB, " nicht")):
        match = pattern.search(claim)
        if match:
            found.append(Edit("negation", match.start(), match.end(), match.group() + suffix))
    for pattern in (_NOT, _GERMAN_NOT):
        match = pattern.search(claim)
        if match:
            found.append(Edit("negation", match.start(), match.end(), ""))
    return [edit for edit in found if claim[edit.start : edit.end] != edit.new]


def _cased(old: str, new: str) -> str:
    return new[:1].upper() + new[1:] if old[:1].isupper() and new[:1].islower() else new


def other_number(text: str, evidence: str, draw: random.Random) -> str:
    """Another number written the same way: often one that stands elsewhere in the evidence."""
    nearby = [
        each for each in _NUMBER.findall(evidence) if each.strip(".,") != text.strip(".,") and abs(len(each) - len(text)) <= 1
    ]
    if nearby and draw.random() < 0.4:
        return str(draw.choice(nearby))
    digits = [position for position, char in enumerate(text) if char.isdigit()]
    chosen = draw.choice(digits[:3])
    others = [d for d in "0123456789" if d != text[chosen] and not (d == "0" and chosen == digits[0])]
    return text[:chosen] + draw.choice(others) + text[chosen + 1 :]


def matched(bases: Sequence[Pair], draw: random.Random, size: int) -> Iterator[Pair]:
    """About `size` pairs of which half are faithful. Where the exchanged word stands in the evidence too, both are edited for
    the counterpart, and the untouched claim beside the edited evidence is a second fault."""
    from pairs import CONTRADICTED, NOT_MENTIONED, SUPPORTED, UNSUPPORTED, fold_of

    names_by_fold: dict[int, list[str]] = {}
    for pair in bases:
        names_by_fold.setdefault(fold_of(pair.group), []).extend(_NAME.findall(pair.evidence)[:2])
    by_set: dict[str, list[Pair]] = {}
    for pair in bases:
        if len(pair.claim) < 400:
            by_set.setdefault(pair.set, []).append(pair)
    made, counts = 0, dict.fromkeys([*SETS, "number", "name", "condition", "negation", "merged"], 1)
    names = sorted(by_set)
    shares = [BASES[name] for name in names]
    while made < size:
        pair = draw.choice(by_set[draw.choices(names, shares)[0]])
        found = edits(pair.claim, pair.evidence, names_by_fold[fold_of(pair.group)], draw)
        if not found or draw.random() < 0.05:
            merged = _merged(pair, by_set, draw)
            if merged is not None:
                yield merged
                made += 1
                counts["merged"] += 1
            continue
        kinds = sorted({edit.kind for edit in found})
        kind = draw.choices(kinds, [1 / counts[each] ** 0.5 for each in kinds])[0]
        edit = draw.choice([each for each in found if each.kind == kind])
        counts[kind] += 1
        old = pair.claim[edit.start : edit.end]
        claim = re.sub(r"\s+", " ", pair.claim[: edit.start] + edit.new + pair.claim[edit.end :]).strip()
        prefix = _prefix(pair.set, draw)
        span = (len(prefix) + edit.start, min(len(prefix) + len(claim), len(prefix) + edit.start + max(1, len(edit.new))))
        changed = {"set": "planted", "kind": kind, "answer": f"planted-{made}"}

        def version(
            evidence: str,
            text: str,
            label: int,
            spans: list[tuple[int, int]],
            prefix: str = prefix,
            pair: Pair = pair,
            **more: str,
        ) -> Pair:
            return msgspec.structs.replace(pair, evidence=evidence, claim=prefix + text, label=label, spans=spans, **more)

        if kind == "condition":
            # Leaving something out is a fault where it narrows the statement, and none where it only adds to it.
            narrowing = re.search(r"\b(?:if|unless|only|except|provided|as long as|wenn|sofern|falls|ausser|solange)\b", old)
            if not narrowing:
                yield version(pair.evidence, claim, SUPPORTED, [], **changed)
                made += 1
                continue
            yield version(pair.evidence, claim, NOT_MENTIONED, [(len(prefix), len(prefix) + len(claim))], **changed)
            yield version(pair.evidence, pair.claim, SUPPORTED, [], **changed)
            made += 2
            continue
        fault = UNSUPPORTED if kind == "name" else CONTRADICTED
        yield version(pair.evidence, claim, fault, [span], **changed)
        made += 1
        pattern = _word(old) if old.strip() else None
        if kind not in ("negation",) and pattern is not None and pattern.search(pair.evidence):
            evidence = pattern.sub(lambda match, new=edit.new: _cased(match.group(), new), pair.evidence)
            yield version(evidence, claim, SUPPORTED, [], **changed)
            made += 1
            if draw.random() < 0.5 and kind not in ("opposite", "quantifier"):
                old_span = (len(prefix) + edit.start, len(prefix) + edit.end)
                yield version(evidence, pair.claim, fault, [old_span], **changed)
                made += 1
        yield version(pair.evidence, pair.claim, SUPPORTED, [], **changed)
        made += 1


def _prefix(name: str, draw: random.Random) -> str:
    if draw.random() < 0.8:
        return ""
    return draw.choice(PREFIXES_DE if name.endswith("_de") else PREFIXES_EN)


def _merged(pair: Pair, by_set: dict[str, list[Pair]], draw: random.Random) -> Pair | None:
    """The claim joined with what another claim of the set says, or faithfully with another claim on the same evidence."""
    from pairs import NOT_MENTIONED, SUPPORTED, fold_of

    others = [other for other in draw.choices(by_set[pair.set], k=6) if fold_of(other.group) == fold_of(pair.group)]
    others = [other for other in others if other.evidence != pair.evidence and len(other.claim) < 200]
    if not others or len(pair.claim) > 250:
        return None
    other, link = others[0], " und " if pair.set.endswith("_de") else " and "
    first = pair.claim.rstrip(" .!")
    if draw.random() < 0.45 and len(pair.evidence) + len(other.evidence) < 700:
        both = [pair.evidence, other.evidence]
        draw.shuffle(both)
        text = f"{first}{link}{other.claim}"
        return msgspec.structs.replace(
            pair, set="planted", kind="merged", evidence="\n".join(both), claim=text, spans=[], label=SUPPORTED
        )
    text = f"{first}{link}{other.claim}"
    span = [(len(first) + len(link), len(text))]
    return msgspec.structs.replace(pair, set="planted", kind="merged", claim=text, spans=span, label=NOT_MENTIONED)
