"""What a drift test says: of each column, and of all together. Unknown is None with a reason, and never "no drift"."""

from __future__ import annotations

import msgspec

from groundcrew.stats.drift.columns import Kind


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one column.

    `statistic` is the strongest of the kind's statistics, named in `statistic_name`, and drift is where it lies above
    `threshold`, which is calibrated for these windows' sizes and for all columns of the test together; that is the same as
    `p_value` ≤ alpha. `p_value` is corrected over the columns, `p_value_alone` is not. `effect` in 0..1 says how large the
    change is (0 none, 1 nothing in common): numbers, the largest gap between the shares below a value; categories, the share
    of rows that would have to change; vectors, how far a classifier tells the windows apart beyond chance. `drifted` is
    None, with a `reason`, where the data cannot say.
    """

    column: str
    kind: Kind
    statistic_name: str
    statistic: float | None
    threshold: float | None
    p_value: float | None
    p_value_alone: float | None
    drifted: bool | None
    effect: float | None
    reference_rows: int
    current_rows: int
    reference_missing: int
    current_missing: int
    reason: str = ""


class DriftTest(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on all columns: drifted where any is, None where none is and some is unknown.

    `false_alarm_rate` is the chance that a test of windows without drift raises any alarm (at most; alpha). `permutations`
    were made, `p_value_least` is the smallest that they can give; `blocks` were permuted whole where they were given.
    """

    columns: tuple[ColumnDrift, ...]
    drifted: bool | None
    p_value: float | None
    false_alarm_rate: float
    permutations: int
    p_value_least: float
    blocks: int | None = None
    reason: str = ""
