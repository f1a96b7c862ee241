"""The authority table: what an answer may promise by itself, up to how much, by whom and until when, and what a row covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from groundcrew.guards.commitments.figures import Figure, read, words_of
from groundcrew.guards.commitments.promises import Commitment
from groundcrew.guards.commitments.reading import CommitmentKind

ROWS_MAX = 1_000
#: Kind → the rows' types that cover it. Money that comes back and a fee that is waived are customarily booked as one another.
COVERED_BY: dict[CommitmentKind, tuple[str, ...]] = {
    "refund": ("refund",),
    "credit": ("credit",),
    "waiver": ("credit", "refund", "discount"),
    "discount": ("discount",),
    "free": ("discount", "credit", "price"),
    "price": ("price",),
    "deadline": ("deadline",),
    "guarantee": ("guarantee",),
    "terms": ("contract",),
    "contract": ("contract",),
}
#: Who in `by` is the one that answers; a row for anybody else covers nothing that is said automatically.
ANSWERING = frozenset(("assistant", "ai", "model", "bot", "chatbot", "automatic", "anyone", "anybody", "any", "everyone", "all"))
_MOST = frozenset(("up", "to", "max", "maximum", "most", "bis", "hochstens", "maximal", "jusqu", "fino", "massimo"))


class Authority(msgspec.Struct, frozen=True):
    """One line of the authority table: what may be promised without anybody's approval. Absent limits do not limit.

    `max_amount` is in `currency`, `max_percent` in percent, `until` the last day on which the row holds (UTC); `by` names who may
    promise it. Periods of time in the `note` of a deadline are its limit.
    """

    type: str
    max_amount: float | None = None
    currency: str | None = None
    max_percent: float | None = None
    until: date | None = None
    by: str | None = None
    note: str | None = None


def rows_of(rows: object) -> list[Authority]:
    """The rows that parse; one that does not covers nothing."""
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return []
    result: list[Authority] = []
    for row in rows[:ROWS_MAX]:
        try:
            result.append(msgspec.convert(row, Authority))
        except msgspec.ValidationError:
            continue
    return result


def day_of(value: Any) -> date:
    """The day that rows are held against: `value` as a date or ISO text, otherwise today (UTC)."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else datetime.now(UTC).date()
    except ValueError:
        return datetime.now(UTC).date()


def authorised(commitment: Commitment, rows: Sequence[Authority], today: date) -> bool:
    """Whether one row covers the commitment with every figure that it names."""
    return any(_covers(row, commitment, today) for row in rows if row.type in _types(commitment))


def nearest(commitment: Commitment, rows: Sequence[Authority], today: date) -> str:
    """Why no row covers the commitment, in words: the limit of a row of its type, or that there is none."""
    mine = [row for row in rows if row.type in _types(commitment)]
    if not mine:
        return f"the authority table has no row for a {_types(commitment)[0]}"
    row = mine[-1]
    for each in mine:
        if each.until is not None and today > each.until:
            return f"the row of the authority table ran out on {each.until.isoformat()}"
        if not _answering(each):
            return f"the authority table leaves it to {each.by}"
    limits = []
    if row.max_amount is not None:
        limits.append(f"{row.max_amount:g}{' ' + row.currency if row.currency else ''}")
    if row.max_percent is not None:
        limits.append(f"{row.max_percent:g} %")
    return f"the table allows {' or '.join(limits)}" if limits else "the table's row does not reach that far"


def _types(commitment: Commitment) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for kind in commitment.kinds for name in COVERED_BY[kind]))


def _answering(row: Authority) -> bool:
    return row.by is None or row.by.strip().lower() in ANSWERING


def _covers(row: Authority, commitment: Commitment, today: date) -> bool:
    if (row.until is not None and today > row.until) or not _answering(row):
        return False
    kind = commitment.kinds[0]
    if kind in ("terms", "contract"):
        return True
    if kind == "deadline":
        return _in_time(row, commitment.figures)
    limited = row.max_amount is not None or row.max_percent is not None
    money = [each for each in commitment.figures if each.kind in ("money", "number")]
    shares = [each for each in commitment.figures if each.kind == "percent"]
    if kind == "guarantee" and not limited:
        return True
    if kind == "free":
        return not limited or (row.max_percent is not None and row.max_percent >= 100)
    if not money and not shares:
        return not limited
    if shares and row.max_percent is None and row.max_amount is not None:
        return False
    if money and row.max_amount is None and row.max_percent is not None:
        return False
    if row.max_amount is not None and kind in ("refund", "credit", "waiver"):
        # "$80 back and another $70": one promise may not go over the limit in parts.
        parts = {each.value for each in money if each.bound == "exact"}
        if sum(parts) > row.max_amount:
            return False
    return all(_within(row, each) for each in money) and all(
        each.bound != "least" and (row.max_percent is None or each.value <= row.max_percent) for each in shares
    )


def _within(row: Authority, amount: Figure) -> bool:
    """Whether an amount stays under the row's limit; "at least 20" has none, and another currency is another amount."""
    if row.currency is not None and amount.unit and amount.unit != row.currency:
        return False
    return row.max_amount is None or (amount.bound != "least" and amount.value <= row.max_amount)


def _in_time(row: Authority, figures: Sequence[Figure]) -> bool:
    """Whether a deadline is one that the row's note names; a row without periods covers every deadline."""
    if not row.note:
        return True
    marked, limits = read(words_of(row.note))
    limits = [each for each in limits if each.kind == "duration"]
    if not limits:
        return True
    upwards = bool(_MOST & set(marked))
    return all(
        any(each.same(limit) or (upwards and each.unit == limit.unit and each.value <= limit.value) for limit in limits)
        for each in figures
        if each.kind == "duration"
    ) and all(each.kind == "duration" for each in figures)
