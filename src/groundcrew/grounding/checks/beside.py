"""What stands beside a figure in its source: the words of its clause, the subject of its sentence, and what a count counts."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.grounding.checks.place import Item, Placed, agrees, comparable
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.facts.dates import Moment
from groundcrew.grounding.facts.quantities import Quantity
from groundcrew.grounding.lexicon import same_word
from groundcrew.grounding.statement import Statement

#: Words between a count and what it counts.
COUNTED_GAP_MAX = 2


def key(item: Item) -> str:
    """A figure as a word of context."""
    return f"#{item.readings[0]}" if isinstance(item, Moment) else f"#{item.code or item.values[0]}"


def subject_end(statement: Statement) -> int:
    """Where the first clause's words before its figure end: what the whole sentence is about."""
    first = [figure.start for figure in statement.figures() if statement.clause_of(figure.start) == 0]
    return min(first, default=statement.clauses[0][1] if statement.clauses else 0)


def opens_clause(statement: Statement, clause: int, item: Item) -> bool:
    """Whether the figure stands before every word of its clause ("… and CHF 5 at the counter"): the subject is the first
    clause's."""
    start = statement.clauses[clause][0]
    return not any(start <= token.start < item.start for token in statement.content())


def is_of_one_unit(item: Item, other: Item) -> bool:
    """Whether two quantities are told in the same unit; "45 minutes" is seldom taken for "10 days"."""
    if not (isinstance(item, Quantity) and isinstance(other, Quantity)):
        return True
    if item.dimension.startswith("currency") and other.dimension.startswith("currency"):
        return True
    return item.dimension == other.dimension and item.factor == other.factor


def is_of_another_row(item: Item, claim: Statement, rival: Placed, own: Sequence[Placed], evidence: Evidence) -> bool:
    """Whether the rival's row has every word of the claim and no row of the claim's own figure has: the limit told as the fee."""
    others = [figure for figure in claim.figures() if figure is not item]
    return is_held(claim, rival, others, evidence) and not any(is_held(claim, placed, others, evidence) for placed in own)


def is_held(claim: Statement, rival: Placed, others: Sequence[Item], evidence: Evidence) -> bool:
    """Whether the rival's sentence has every word and every other figure of the claim."""
    near = rival.sentence.stems | rival.sentence.lead
    stated = rival.sentence.statement.figures()
    return all(any(form in near for form in evidence.forms(token.stem)) for token in claim.content()) and all(
        any(comparable(other, each) and agrees(other, each) for each in stated) for other in others
    )


def beside(placed: Placed, other: Placed, words: set[str], figures: Sequence[Item]) -> set[str]:
    """The claim's words and other figures beside a figure: in its clause and the subject where both stand in one sentence, else
    in its sentence and heading."""
    statement = placed.sentence.statement
    near = placed.sentence.stems | placed.sentence.lead
    stated = [figure for figure in statement.figures() if figure is not placed.item]
    if placed.sentence.number == other.sentence.number:
        clause = statement.clause_of(placed.item.start)
        end = subject_end(statement) if clause and opens_clause(statement, clause, placed.item) else 0
        near = frozenset(
            token.stem for token in statement.tokens if statement.clause_of(token.start) == clause or token.end <= end
        )
        stated = [figure for figure in stated if statement.clause_of(figure.start) == clause]
    held = {key(figure) for figure in figures if any(comparable(figure, each) and agrees(figure, each) for each in stated)}
    return (words & near) | held


def _counted(statement: Statement, item: Item) -> str:
    """The stem of the word that a plain count counts: the next word of its clause ("62 companies"), "" for none."""
    clause = statement.clause_of(item.start)
    following = [token for token in statement.content() if token.start >= item.end and statement.clause_of(token.start) == clause]
    if not following or len(statement.text[item.end : following[0].start].split()) > COUNTED_GAP_MAX:
        return ""
    return following[0].stem


def is_counted_alike(item: Item, claim: Statement, rival: Placed) -> bool:
    """Whether two figures count the same thing; only plain counts can differ in that."""
    if not (isinstance(item, Quantity) and isinstance(rival.item, Quantity) and item.dimension == rival.item.dimension):
        return True
    if item.dimension not in ("", "ordinal"):
        return True
    mine, theirs = _counted(claim, item), _counted(rival.sentence.statement, rival.item)
    return not mine or (bool(theirs) and same_word(mine, theirs)) or (not theirs and mine in rival.sentence.stems)
