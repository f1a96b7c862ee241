"""Finds figures, dates and codes that the sources do not give, or give for something else: every figure of a claim must
stand in the sources next to the words that the claim puts it next to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from groundcrew.grounding.checks.beside import (
    beside,
    is_counted_alike,
    is_held,
    is_of_another_row,
    is_of_one_unit,
    key,
    opens_clause,
    subject_end,
)
from groundcrew.grounding.checks.bounds import bound_conflict
from groundcrew.grounding.checks.derived import is_age, is_computed, is_rounded
from groundcrew.grounding.checks.finding import CheckName, Finding
from groundcrew.grounding.checks.place import Item, Placed, agrees, comparable, is_money, is_period
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.facts.dates import Moment
from groundcrew.grounding.facts.quantities import Quantity, is_loosely_same
from groundcrew.grounding.lexicon import is_among, stem
from groundcrew.grounding.statement import Statement, is_german
from groundcrew.grounding.wordlists import word_set

#: Weight of a word in the same clause, the same sentence, and in a neighbouring sentence or heading.
SAME_CLAUSE, SAME_SENTENCE, NEARBY = 1.0, 0.7, 0.45
#: By how much a rival figure must fit the claim's words better before the claim's own figure counts as misplaced.
RIVAL_MARGIN, RIVAL_MARGIN_WITHIN = 0.12, 0.04
#: A figure must share at least this part of the claim's words with its place in the sources.
FIT_MIN = 0.15
#: Counts up to here that are written as words are often the writer's own ("two ways to pay").
LIGHT_COUNT_MAX = 4
#: Added to the fit of a rival that is the same figure in another unit, when the reason names one.
LIKE_FIGURE_BONUS = 0.15
#: How well the rival must fit, and the most places of the claim's own figure, for a misplaced figure to be certain; in tables a
#: rival must fit so well.
RIVAL_FIT_MIN, OWN_PLACES_MAX, TABULAR_FIT_MIN = 0.25, 3, 0.6
#: How many times as telling the claim's words beside the rival only must be as those beside its own figure only.
RIVAL_WEIGHT_MIN = 2.0
#: Words that must stand beside the rival only where the two figures stand in different sentences.
MORE_WORDS_MIN = 2
#: Rivals, best first, that are asked whether the claim's subject stands beside them, and how much worse they may fit.
RIVALS_MAX, LED_MARGIN = 3, 0.1
#: That is asked of short claims on short sources only.
LED_WORDS_MAX, LED_RIVALS_MAX = 6, 6
#: Share of the fit that the encoder's similarity of the two sentences makes up, where there is an encoder.
SIMILARITY_SHARE = 0.3


#: Words that relate a figure to others and name nothing.
_RELATIONS = word_set(
    "after before until while during without first then afterwards nach vor während danach zuerst avant après prima dopo"
)


_DIGITS = re.compile(r"\d+")


class _Scene:
    """What all figures of one claim are judged against. `is_encoded`: every place in question has a similarity, so that
    they can be compared with it."""

    def __init__(
        self, evidence: Evidence, anchors: Sequence[SourceSentence], similarity: Callable[[SourceSentence], float]
    ) -> None:
        self.evidence, self.anchors, self.similarity = evidence, anchors, similarity
        self.is_encoded = False

    def is_foreign(self, claim: Statement) -> bool:
        """Whether the claim is told in another language than its evidence, so that no word says what a figure is of."""
        return any(is_german(anchor.statement.tokens) != is_german(claim.tokens) for anchor in self.anchors[:1])

    def fit(self, words: dict[str, float], item: Item, sentence: SourceSentence) -> float:
        """How well the place of a figure fits words of the claim, 0..1."""
        lexical = _fit(words, item, sentence, self.evidence)
        if not self.is_encoded:
            return lexical
        return (1 - SIMILARITY_SHARE) * lexical + SIMILARITY_SHARE * self.similarity(sentence)


def check_figures(
    claim: Statement,
    context: frozenset[str],
    evidence: Evidence,
    anchors: Sequence[SourceSentence],
    similarity: Callable[[SourceSentence], float],
    confirmed: frozenset[int] = frozenset(),
    asked: Statement | None = None,
) -> list[Finding]:
    """Findings for each figure, date and code of `claim`. `context` holds the stems around the claim (its heading);
    `anchors` are the sentences that support it best; `similarity` is the encoder's cosine with a source sentence, 0..1.
    Figures that start at `confirmed` are known to stand where an enumeration of the source puts them. What `asked`, the
    question, names ("Windows 10", "form 1040") an answer may repeat: no source needs to give it."""
    findings: list[Finding] = []
    scene = _Scene(evidence, anchors, similarity)
    for item in claim.figures():
        words = _context_words(claim, item, context)
        places = [
            (sentence, other)
            for sentence in evidence.sentences
            for other in sentence.statement.figures()
            if comparable(item, other) and not _is_only_a_name(item, other, sentence)
        ]
        scene.is_encoded = all(similarity(sentence) >= 0 for sentence, _ in places)
        found = [Placed(other, sentence, scene.fit(words, other, sentence)) for sentence, other in places]
        if item.start in confirmed:
            # No other figure can fit better than the one that the same sentence gives for the same word.
            found = [placed for placed in found if agrees(item, placed.item)]
        finding = _judge(item, claim, context, found, scene)
        if finding is not None and (_is_repeated(item, asked) or (finding.check == "merged" and scene.is_foreign(claim))):
            finding = msgspec.structs.replace(finding, veto=False)
        if finding is not None:
            findings.append(finding)
    return findings


_NUMBERED = re.compile(r"(?<![^\W\d_])[A-ZÄÖÜ][^\W\d_]{2,}\s$")


def _is_only_a_name(item: Item, other: Item, sentence: SourceSentence) -> bool:
    """Whether an amount of money meets a number that is part of a name: "Product 48" does not say "CHF 48"."""
    if not (isinstance(item, Quantity) and isinstance(other, Quantity) and item.dimension.startswith("currency")):
        return False
    before = _NUMBERED.search(sentence.statement.text[: other.start])
    return other.dimension == "" and before is not None and stem(before.group().strip()) != stem("fee")


def _is_repeated(item: Item, asked: Statement | None) -> bool:
    """Whether the question has the figure as a number without a unit, or as a code: what a thing is called, no amount."""
    if (
        asked is None
        or not isinstance(item, Quantity)
        or not (item.dimension in ("", "code") or item.dimension.startswith("label"))
    ):
        return False
    if item.dimension != "code" and not any(char.isdigit() for char in item.text):
        return False
    known = {digits for each in asked.quantities for digits in _DIGITS.findall(each.text)}
    own = _DIGITS.findall(item.text)
    return bool(own) and all(digits in known for digits in own)


def _context_words(claim: Statement, item: Item, context: frozenset[str]) -> dict[str, float]:
    """Stems around the claim's figure with their weight: its own clause counts most."""
    clause = claim.clause_of(item.start)
    words: dict[str, float] = dict.fromkeys(context, 0.3)
    for token in claim.content():
        weight = 1.0 if claim.clause_of(token.start) == clause else 0.5
        words[token.stem] = max(weight, words.get(token.stem, 0.0))
    words.update({key(other): 1.0 for other in claim.figures() if other is not item and _is_label(other)})
    return words


def _is_label(item: Item) -> bool:
    """A plain number, a code or a date may be what tells two figures apart ("Product 150", "from 2027")."""
    return isinstance(item, Moment) or item.dimension in ("", "code", "ordinal")


def _fit(words: dict[str, float], other: Item, sentence: SourceSentence, evidence: Evidence) -> float:
    """How much of the claim's words stand near the source's figure, weighted by how telling they are: 0..1."""
    near = _near(other, sentence, evidence)
    total = shared = 0.0
    for word, own in words.items():
        forms = [word] if word.startswith("#") else evidence.forms(word)
        weight = own * evidence.weight(forms[0] if forms else word)
        total += weight
        shared += weight * max((near.get(form, 0.0) for form in forms), default=0.0)
    return shared / total if total else 0.0


def _near(other: Item, sentence: SourceSentence, evidence: Evidence) -> dict[str, float]:
    """The words around a source's figure with their weight: its clause, its sentence, the sentences beside it."""
    key_of = ("near", sentence.number, other.start, other.end)
    if key_of not in evidence.kept:
        evidence.kept[key_of] = _weighed(other, sentence, evidence)
    found: dict[str, float] = evidence.kept[key_of]
    return found


def _weighed(other: Item, sentence: SourceSentence, evidence: Evidence) -> dict[str, float]:
    statement = sentence.statement
    clause = statement.clause_of(other.start)
    near: dict[str, float] = {}
    for neighbour in evidence.neighbours(sentence):
        near.update(dict.fromkeys(neighbour.stems, NEARBY if neighbour.number < sentence.number else NEARBY / 2))
    near.update(dict.fromkeys(sentence.lead, NEARBY))
    end = subject_end(statement) if clause > 0 and opens_clause(statement, clause, other) else 0
    for token in statement.tokens:
        place = statement.clause_of(token.start)
        weight = SAME_CLAUSE if place == clause or token.end <= end else SAME_SENTENCE
        near[token.stem] = max(weight, near.get(token.stem, 0.0))
    near.update({key(figure): SAME_SENTENCE for figure in statement.figures() if figure is not other})
    return near


def _margin(best: Placed, rival: Placed) -> float:
    """Two figures of one sentence share all but a word or two, so that less tells them apart."""
    return RIVAL_MARGIN if best.sentence.number != rival.sentence.number else RIVAL_MARGIN_WITHIN


def _judge(item: Item, claim: Statement, context: frozenset[str], found: list[Placed], scene: _Scene) -> Finding | None:
    own = [placed for placed in found if agrees(item, placed.item)]
    rivals = [placed for placed in found if not agrees(item, placed.item) and _rivals(item, placed.item)]
    best = max(own, key=lambda placed: placed.fit, default=None)
    if best is None:
        return _unstated(item, claim, rivals, scene)
    if not _context_words(claim, item, context):
        return None
    named = _named_otherwise(item, claim, best, rivals)
    if named is not None:
        return _misplaced(item, claim, named, veto=is_counted_alike(item, claim, named))
    conflict = bound_conflict(item, claim, best, own, scene.evidence.neighbours(best.sentence))
    if conflict is not None:
        return conflict
    rival = max(rivals, key=lambda placed: placed.fit, default=None)
    if (
        rival is not None
        and rival.fit > best.fit + _margin(best, rival)
        and not _gives_both_rightly(item, claim, context, best, rival, scene)
    ):
        return _misplaced(item, claim, rival, veto=_is_surely_misplaced(item, claim, rival, own, scene))
    short = (
        not (isinstance(item, Quantity) and item.dimension == "code")
        and len(claim.content()) <= LED_WORDS_MAX
        and len(rivals) <= LED_RIVALS_MAX
    )
    for other in sorted(rivals, key=lambda placed: -placed.fit)[:RIVALS_MAX] if short else ():
        if other.fit >= best.fit - LED_MARGIN and _is_surely_misplaced(item, claim, other, own, scene, led_only=True):
            return _misplaced(item, claim, other, veto=True)
    anchored = {anchor.number for anchor in scene.anchors}
    elsewhere = all(placed.sentence.number not in anchored for placed in own)
    if elsewhere and best.fit < FIT_MIN and rival is not None:
        reason = f"“{item.text}” stands in the sources only for something else"
        return Finding(check=_name(item), contradicted=False, reason=reason, veto=False)
    return None


def _unstated(item: Item, claim: Statement, rivals: Sequence[Placed], scene: _Scene) -> Finding | None:
    """The finding against a figure that no source gives, with what the best place gives instead; None where it says little."""
    rivals = [placed for placed in rivals if is_counted_alike(item, claim, placed)]
    rival = max(rivals, key=lambda placed: placed.fit + LIKE_FIGURE_BONUS * _is_like(item, placed.item), default=None)
    if isinstance(item, Quantity) and _is_light(item) and (rival is None or rival.fit < 2 * FIT_MIN):
        return None
    if isinstance(item, Quantity) and item.dimension == "code" and rival is None and _is_spelled(item, scene.evidence):
        return None
    if isinstance(item, Moment) and _is_assembled(item, scene.anchors):
        return None
    if isinstance(item, Moment) and _is_denied_day(item, claim, scene.anchors):
        return None
    if isinstance(item, Quantity) and item.dimension == "ordinal" and _is_counted_elsewhere(item, scene.anchors):
        return None
    if isinstance(item, Quantity) and is_age(item, scene.evidence):
        return None
    if is_rounded(item, scene.evidence) or is_computed(item, claim, scene.anchors):
        return None
    anchored = {anchor.number for anchor in scene.anchors}
    if rival is not None and (rival.sentence.number in anchored or rival.fit >= 2 * FIT_MIN):
        reason = f"“{rival.item.text}” in the source, “{item.text}” in the answer"
        return Finding(check=_kind(item, rival.item), contradicted=True, reason=reason, veto=_is_certain(item, rival, scene))
    label = isinstance(item, Quantity) and item.dimension.startswith("label")
    certain = not label and not scene.evidence.is_tabular
    return Finding(check=_name(item), contradicted=False, reason=f"“{item.text}” is not in the sources", veto=certain)


_DENIES = re.compile(
    r"\b(?:not|no|never|cannot|closed|\w+n't|nicht|kein\w*|geschlossen|zu|pas|fermée?s?|non|chius[oiae])\b", re.IGNORECASE
)


def _is_denied_day(item: Moment, claim: Statement, anchors: Sequence[SourceSentence]) -> bool:
    """ "It does not run at weekends" where the source says that it runs on weekdays."""
    if item.kind != "weekday" or not _DENIES.search(claim.text):
        return False
    stated = [set(moment.readings[0]) for anchor in anchors for moment in anchor.statement.moments if moment.kind == "weekday"]
    return bool(stated) and not any(set(item.readings[0]) & days for days in stated)


def _is_counted_elsewhere(item: Quantity, anchors: Sequence[SourceSentence]) -> bool:
    """ "Up to the thirtieth birthday" where the source says "until they turn 30"."""
    return any(
        other.dimension == "" and other.values == item.values for anchor in anchors for other in anchor.statement.quantities
    )


def _is_certain(item: Item, rival: Placed, scene: _Scene) -> bool:
    """In tables and records writers compute and round: there only a row that fits well says that the figure is wrong.
    "Two months" for "60 days" is how people talk."""
    if isinstance(item, Quantity) and isinstance(rival.item, Quantity) and is_loosely_same(item, rival.item):
        return False
    return not scene.evidence.is_tabular or rival.fit >= TABULAR_FIT_MIN or isinstance(item, Moment)


def _misplaced(item: Item, claim: Statement, rival: Placed, *, veto: bool) -> Finding:
    reason = f"“{rival.item.text}” in the source for this, “{item.text}” in the answer stands for something else"
    return Finding(check="merged", contradicted=True, reason=reason, veto=veto)


def _is_surely_misplaced(
    item: Item, claim: Statement, rival: Placed, own: Sequence[Placed], scene: _Scene, *, led_only: bool = False
) -> bool:
    """Whether the claim's subject, or far more of its words, stand beside the rival than beside any place of its own figure."""
    if len(own) > OWN_PLACES_MAX or not is_counted_alike(item, claim, rival) or not is_of_one_unit(item, rival.item):
        return False
    if scene.evidence.is_tabular:
        return is_of_another_row(item, claim, rival, own, scene.evidence)
    if any(other is not item and comparable(other, rival.item) and agrees(other, rival.item) for other in claim.figures()):
        return False
    telling = [token for token in claim.content() if token.text.lower() not in _RELATIONS]
    words = {form for token in telling for form in scene.evidence.forms(token.stem)}
    subject = {form for token in telling if token.end <= item.start for form in scene.evidence.forms(token.stem)}
    others = [figure for figure in claim.figures() if figure is not item]
    before = {token.stem for token in rival.sentence.statement.tokens if token.end <= rival.item.start} | rival.sentence.lead
    whole = is_held(claim, rival, others, scene.evidence)
    for placed in own:
        mine, theirs = beside(placed, rival, words, others), beside(rival, placed, words, others)
        led = bool((theirs - mine) & subject & before) and not (mine - theirs) & subject
        weight = scene.evidence.weight
        told = whole or len(theirs - mine) >= MORE_WORDS_MIN or placed.sentence.number == rival.sentence.number
        gain, loss = sum(map(weight, theirs - mine)), sum(map(weight, mine - theirs))
        if not led and (led_only or not (told and gain > 0 and gain >= RIVAL_WEIGHT_MIN * loss)):
            return False
    return rival.fit >= RIVAL_FIT_MIN


def _is_like(item: Item, other: Item) -> bool:
    """Whether two quantities are the same figure in another unit ("14 days", "14 weeks")."""
    return (
        isinstance(item, Quantity)
        and isinstance(other, Quantity)
        and bool(item.values)
        and bool(other.values)
        and any(abs(one / item.factor - two / other.factor) < 1e-9 for one in item.values for two in other.values)
    )


def _kind(item: Item, rival: Item) -> CheckName:
    """What is wrong: the unit or the currency where the figure itself is the same, else the figure or the date."""
    if not isinstance(item, Quantity) or not isinstance(rival, Quantity):
        return _name(item)
    if item.dimension != rival.dimension and item.dimension.startswith("currency") and rival.dimension.startswith("currency"):
        return "currency"
    return "unit" if _is_like(item, rival) else "number"


def _named_otherwise(item: Item, claim: Statement, best: Placed, rivals: Sequence[Placed]) -> Placed | None:
    """The rival that stands beside a name of the claim, where the claim's own figure stands beside another name."""
    clause = claim.clause_of(item.start)
    for name in claim.names:
        if len(claim.names) > 1 and claim.clause_of(name.start) != clause:
            continue
        words = [stem(word) for word in name.words]
        around = best.sentence.stems | best.sentence.lead
        if not best.sentence.statement.names or all(shares_word(word, around) for word in words):
            continue
        for rival in rivals:
            if any(
                other is not item and comparable(other, rival.item) and agrees(other, rival.item) for other in claim.figures()
            ):
                continue
            if rival.fit >= 2 * FIT_MIN and all(shares_word(word, rival.sentence.stems) for word in words):
                return rival
    return None


def _is_light(item: Quantity) -> bool:
    """Said in passing as often as not ("first", "a week", "two ways", "half"): counts only beside a rival."""
    if item.is_article or item.dimension == "fraction":
        return True
    spelled = not any(char.isdigit() for char in item.text)
    return spelled and item.dimension in ("", "ordinal") and item.values[0] <= LIGHT_COUNT_MAX


def _is_spelled(item: Quantity, evidence: Evidence) -> bool:
    """ "COVID-19" where the sources say "COVID": the letters of the code are a word there."""
    letters = re.match(r"[a-z]+", item.code)
    return letters is not None and len(letters.group()) >= 4 and letters.group() in evidence.stems


def _gives_both_rightly(
    item: Item, claim: Statement, context: frozenset[str], best: Placed, rival: Placed, scene: _Scene
) -> bool:
    """Whether the claim gives the rival figure too, and swapping the two would not fit the sources better."""
    for other in claim.figures():
        if other is item or not comparable(other, rival.item) or not agrees(other, rival.item):
            continue
        words = _context_words(claim, other, context)
        straight = best.fit + scene.fit(words, rival.item, rival.sentence)
        swapped = rival.fit + scene.fit(words, best.item, best.sentence)
        return swapped <= straight + 2 * RIVAL_MARGIN
    return False


def _rivals(item: Item, other: Item) -> bool:
    """Whether `other` could be what the source gives instead of `item`."""
    if isinstance(item, Quantity) and isinstance(other, Quantity):
        if other.is_article:
            return False
        if item.dimension == other.dimension == "code":
            return _shape(item.code) == _shape(other.code)
        return item.dimension == other.dimension or is_period(item, other) or is_money(item, other)
    return isinstance(item, Moment) and isinstance(other, Moment)


def _shape(code: str) -> str:
    """Codes of one kind look alike: the same letters before the digits, or only digits."""
    letters = re.match(r"[^\d]*", code)
    return letters.group() if letters else ""


def _is_assembled(item: Moment, anchors: Sequence[SourceSentence]) -> bool:
    """A date whose year the anchor gives apart from its day and month, or days that it names one by one."""
    if item.kind == "weekday":
        days = [
            {day for moment in anchor.statement.moments if moment.kind == "weekday" for day in moment.readings[0]}
            for anchor in anchors
        ]
        return any(set(item.readings[0]) <= each for each in days)
    if item.kind != "date" or not item.readings[0][0]:
        return False
    year, month, day = item.readings[0]
    for anchor in anchors:
        dated = [moment for moment in anchor.statement.moments if moment.kind == "date"]
        has_year = any(reading[0] == year for moment in dated for reading in moment.readings)
        has_day = any(reading[:3] in ((0, month, day), (year, month, day)) for moment in dated for reading in moment.readings)
        if has_year and has_day:
            return True
    return False


def _name(item: Item) -> CheckName:
    return "number" if isinstance(item, Quantity) else "date"


def shares_word(word: str, others: frozenset[str]) -> bool:
    """Whether some stem of `others` is a form of `word`."""
    return is_among(word, others)
