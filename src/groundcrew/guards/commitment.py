"""Commitments that an answer makes in the firm's name: prices, discounts, refunds, credits, deadlines, guarantees, contracts.

Each must be covered by the authority table or by approved knowledge. What is covered passes; what is not blocks where the firm
clearly commits itself, and flags where it only may. First version: patterns over sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.amounts import Amount, Percent, amounts, percents
from groundcrew.guards.commitment_patterns import CONDITIONAL, FIRM, KINDS, NEGATED, OFFER, SENTENCE, STOP_WORDS, WORD
from groundcrew.guards.registry import Context, guard, verdict_of

BLOCK_SCORE = 0.8
SENTENCES_MAX = 500
KNOWLEDGE_SENTENCES_MAX = 5_000
#: Share of a commitment's content words that the covering passage sentence must hold.
OVERLAP_MIN = 0.5


class Authority(msgspec.Struct, frozen=True):
    """One line of the authority table: what may be promised without anybody's approval. Absent limits do not limit."""

    type: str
    max_amount: float | None = None
    currency: str | None = None
    max_percent: float | None = None
    until: date | None = None
    note: str = ""


class _Commitment(msgspec.Struct, frozen=True, kw_only=True):
    start: int
    end: int
    kind: str
    score: float
    text: str
    amounts: tuple[Amount, ...]
    percents: tuple[Percent, ...]


@guard("commitment", inline=True)
def check(text: str, context: Context) -> Verdict:
    """Findings of the types price, discount, refund, credit, deadline, guarantee and contract that nothing covers.

    `context`: `authority` (rows as in `Authority`; a row that does not parse covers nothing), `knowledge` (passages),
    `request` (what the customer wrote: never a ground to commit), `today` (ISO date; default: no row has run out).
    """
    commitments = [each for sentence in _sentences(text) for each in _commitments(*sentence)]
    if not commitments:
        return Verdict(verdict="pass")
    authority = _authority(context.get("authority") or ())
    knowledge = [passage for passage in context.get("knowledge") or () if isinstance(passage, str)]
    known = [part for passage in knowledge for _, part in _sentences(passage)][:KNOWLEDGE_SENTENCES_MAX]
    today = _today(context.get("today"))
    findings = [
        Finding(start=each.start, end=each.end, type=each.kind, score=each.score, reason=f"a {each.kind} that nothing covers")
        for each in commitments
        if not _authorised(each, authority, today) and not _published(each, known)
    ]
    return verdict_of(findings, block_at=BLOCK_SCORE)


def _sentences(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for match in SENTENCE.finditer(text):
        sentence = match.group()
        if sentence.strip():
            found.append((match.start() + len(sentence) - len(sentence.lstrip()), sentence.strip()))
        if len(found) >= SENTENCES_MAX:
            break
    return found


def _commitments(start: int, sentence: str) -> list[_Commitment]:
    """What one sentence commits the firm to; a binding formula counts whoever speaks."""
    money, shares = amounts(sentence), percents(sentence)
    kinds = [(kind, score) for kind, score, pattern in KINDS if pattern.search(sentence)]
    binding = any(kind == "contract" for kind, _ in kinds)
    if not binding and (NEGATED.search(sentence) or CONDITIONAL.search(sentence)):
        return []
    firm = binding or FIRM.search(sentence) is not None
    if money and OFFER.search(sentence) and not {"refund", "credit", "discount"} & {kind for kind, _ in kinds}:
        kinds.append(("price", 0.85))
    if shares and not kinds and OFFER.search(sentence):
        kinds.append(("price", 0.85))
    result: list[_Commitment] = []
    for kind, score in kinds:
        if kind == "deadline" and not firm:
            continue
        if not firm and not money and not shares and kind != "contract":
            continue
        result.append(
            _Commitment(
                start=start,
                end=start + len(sentence),
                kind=kind,
                score=score if firm or kind in ("price", "discount") else 0.6,
                text=sentence,
                amounts=tuple(money),
                percents=tuple(shares),
            )
        )
    return result


def _authority(rows: object) -> list[Authority]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return []
    result: list[Authority] = []
    for row in rows:
        try:
            result.append(msgspec.convert(row, Authority))
        except msgspec.ValidationError:
            continue
    return result


def _today(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _authorised(commitment: _Commitment, authority: Sequence[Authority], today: date | None) -> bool:
    """Whether one row of the table covers the commitment with every amount and percentage that it names."""
    for row in authority:
        if row.type != commitment.kind or (row.until is not None and today is not None and today > row.until):
            continue
        if commitment.amounts and (row.max_amount is None and row.max_percent is not None):
            continue
        money_fits = all(
            (row.max_amount is None or each.value <= row.max_amount)
            and (row.currency is None or each.currency is None or each.currency == row.currency)
            for each in commitment.amounts
        )
        if commitment.percents and row.max_percent is None and row.max_amount is not None:
            continue
        shares_fit = all(row.max_percent is None or each.value <= row.max_percent for each in commitment.percents)
        limited = row.max_amount is not None or row.max_percent is not None
        named = bool(commitment.amounts or commitment.percents)
        if money_fits and shares_fit and (named or not limited or commitment.kind in ("deadline", "guarantee", "contract")):
            return True
    return False


def _published(commitment: _Commitment, known: Sequence[str]) -> bool:
    """Whether approved knowledge says the same: one sentence of it holds the commitment's figures and most of its words."""
    if commitment.kind == "contract":
        return False
    words = _content_words(commitment.text)
    for index in range(len(known)):
        around = " ".join(known[max(0, index - 1) : index + 2])
        money, shares = amounts(around), percents(around)
        if not all(any(each.same(other) for other in money) for each in commitment.amounts):
            continue
        if not all(any(abs(each.value - other.value) < 1e-9 for other in shares) for each in commitment.percents):
            continue
        figures = set(re.findall(r"\d+", commitment.text))
        if not figures <= set(re.findall(r"\d+", around)):
            continue
        overlap = len(words & _content_words(around)) / len(words) if words else 0.0
        if overlap >= OVERLAP_MIN:
            return True
    return False


def _content_words(text: str) -> set[str]:
    """Stems, roughly: the first six letters of every word that is no stop word, without a plural's s."""
    return {word.removesuffix("s")[:6] for word in WORD.findall(text.lower()) if word not in STOP_WORDS}
