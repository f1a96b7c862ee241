"""Tries a policy on labelled texts: what it keeps back of what it should, what it keeps back wrongly, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from groundcrew.domain.guard import Place, Policy
from groundcrew.errors import InputError
from groundcrew.guards.batch import read_lines
from groundcrew.guards.runner import GuardOutcome, GuardRunner
from groundcrew.stats.intervals import Interval, wilson

Label = Literal["block", "pass"]

#: Mistakes that a report lists, and groups that it tells apart; beyond that they are only counted.
MISTAKES_MAX = 1_000
GROUPS_MAX = 200
#: What a field of a row may say.
CHOICES: dict[str, tuple[str, ...]] = {"label": get_args(Label), "place": get_args(Place)}
#: Where a row does not say.
DEFAULT_PLACE: Place = "output"


class TrialRow(msgspec.Struct, frozen=True):
    """One labelled text. `label` is what should become of it: `block`, kept back in any way but masking, or `pass`. `place`,
    `role` and `context` are as in a call; unknown fields are ignored, null counts as absent."""

    id: str | int
    text: str
    label: Label
    place: Place | None = None
    role: str | None = None
    context: dict[str, Any] | None = None


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of rows and what follows from them. `caught` of the `to_block` rows were blocked, and `wrong` of the `to_pass` rows.

    `recall` = caught / to_block, `precision` = caught / (caught + wrong), `false_block_rate` = wrong / to_pass, each with
    its 95 % score interval (Wilson 1927). Precision depends on the file's mixture of labels, the other two do not.
    """

    to_block: int
    to_pass: int
    caught: int
    wrong: int
    recall: Interval
    precision: Interval
    false_block_rate: Interval


class GuardRates(msgspec.Struct, frozen=True, kw_only=True):
    """One guard in one place, whatever its mode: `blocked` counts its verdict block, `noticed` flag or block."""

    guard: str
    place: str
    mode: str
    blocked: Rates
    noticed: Rates
    failed: int
    latency_ms_p50: float | None


class GroupRates(msgspec.Struct, frozen=True, kw_only=True):
    """The policy over the rows that have one value in the field that was asked for; "" stands for rows without it."""

    value: str
    blocked: Rates


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A row whose text the policy treated otherwise than its label says. No text is repeated."""

    id: str | int
    line: int
    label: Label
    action: str
    guard: str
    reason: str


class TrialReport(msgspec.Struct, frozen=True, kw_only=True):
    """A policy over a file. `partial` rows were not looked at as a whole; `failed` ones had a guard that gave no verdict."""

    policy: str
    rows: int
    masked: int
    partial: int
    failed: int
    blocked: Rates
    guards: tuple[GuardRates, ...]
    group_field: str | None
    groups: tuple[GroupRates, ...]
    groups_left_out: int
    mistakes: tuple[Mistake, ...]
    mistakes_total: int


class _Tally:
    """Counts of one view of the rows."""

    def __init__(self) -> None:
        self.to_block = self.to_pass = self.caught = self.wrong = 0

    def add(self, label: Label, *, blocked: bool) -> None:
        if label == "block":
            self.to_block += 1
            self.caught += blocked
        else:
            self.to_pass += 1
            self.wrong += blocked

    def rates(self) -> Rates:
        return Rates(
            to_block=self.to_block,
            to_pass=self.to_pass,
            caught=self.caught,
            wrong=self.wrong,
            recall=wilson(self.caught, self.to_block),
            precision=wilson(self.caught, self.caught + self.wrong),
            false_block_rate=wilson(self.wrong, self.to_pass),
        )


class _GuardTally:
    def __init__(self, mode: str) -> None:
        self.mode, self.failed = mode, 0
        self.blocked, self.noticed = _Tally(), _Tally()
        self.times_ms: list[float] = []


def as_enforced(policy: Policy) -> Policy:
    """`policy` with every rule enforced: what would happen if those that only monitor were switched on."""
    return msgspec.structs.replace(policy, guards=tuple(msgspec.structs.replace(rule, mode="enforce") for rule in policy.guards))


def read_trial(path: Path, group_field: str | None = None) -> list[tuple[int, TrialRow, str]]:
    """The rows of a JSON Lines file, each with its line and its group; InputError names file, line and field."""
    return rows_of(read_lines(path, dict[str, Any]), str(path), group_field)


def rows_of(
    values: Iterable[tuple[int, dict[str, Any]]], source: str, group_field: str | None = None
) -> list[tuple[int, TrialRow, str]]:
    """Numbered JSON objects as rows, each with its group; InputError names `source`, the number and the field."""
    rows = [_row(value, source, number, group_field) for number, value in values]
    if not rows:
        raise InputError("holds no rows", file=source)
    return rows


def _row(value: dict[str, Any], file: str, line: int, group_field: str | None) -> tuple[int, TrialRow, str]:
    try:
        row = msgspec.convert({name: each for name, each in value.items() if each is not None}, TrialRow)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`")
        if field in CHOICES:
            message += f"; expected one of {', '.join(CHOICES[field])}"
        raise InputError(message, file=file, line=line, field=field or None) from None
    group = value.get(group_field) if group_field is not None else None
    return line, row, "" if group is None else str(group)[:100]


async def try_policy(
    policy: Policy,
    rows: Sequence[tuple[int, TrialRow, str]],
    *,
    runner: GuardRunner,
    group_field: str | None = None,
    place: Place = DEFAULT_PLACE,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrialReport:
    """Run `policy` over labelled `rows`; `place` counts where a row names none. InputError where no rule runs in any row's
    place, since nothing would then be tested."""
    places = {row.place or place for _, row, _ in rows}
    if not any(each in rule.on for rule in policy.guards for each in places):
        where = " or ".join(sorted(places))
        raise InputError(f"no rule of the policy {policy.name!r} runs on {where}: name the rows' place", field="place")
    whole = _Tally()
    guards: dict[tuple[str, str], _GuardTally] = {}
    groups: dict[str, _Tally] = {}
    mistakes: list[Mistake] = []
    masked = partial = failed = left_out = mistakes_total = 0
    for number, (line, row, group) in enumerate(rows, 1):
        roles = [row.role] if row.role is not None else None
        outcome = await runner.run(policy, row.place or place, [row.text], row.context, roles=roles)
        blocked = outcome.action not in ("allow", "redact")
        whole.add(row.label, blocked=blocked)
        masked += outcome.texts[0] != row.text
        failed += any(result.verdict == "failed" for result in outcome.results)
        partial += outcome.failed > 0
        _book(guards, row.label, outcome)
        if group_field is not None:
            if group in groups or len(groups) < GROUPS_MAX:
                groups.setdefault(group, _Tally()).add(row.label, blocked=blocked)
            else:
                left_out += 1
        if blocked != (row.label == "block"):
            mistakes_total += 1
            if len(mistakes) < MISTAKES_MAX:
                mistakes.append(_mistake(line, row, outcome))
        progress(number, len(rows))
    return TrialReport(
        policy=policy.name,
        rows=len(rows),
        masked=masked,
        partial=partial,
        failed=failed,
        blocked=whole.rates(),
        guards=tuple(_guard_rates(*each) for each in guards.items()),
        group_field=group_field,
        groups=tuple(GroupRates(value=value, blocked=tally.rates()) for value, tally in sorted(groups.items())),
        groups_left_out=left_out,
        mistakes=tuple(mistakes),
        mistakes_total=mistakes_total,
    )


def _book(guards: dict[tuple[str, str], _GuardTally], label: Label, outcome: GuardOutcome) -> None:
    for result in outcome.results:
        tally = guards.setdefault((result.guard, result.place), _GuardTally(result.mode))
        if result.verdict == "failed":
            tally.failed += 1
            continue
        tally.blocked.add(label, blocked=result.verdict == "block")
        tally.noticed.add(label, blocked=result.verdict != "pass")
        tally.times_ms.append(result.latency_ms)


def _guard_rates(key: tuple[str, str], tally: _GuardTally) -> GuardRates:
    times_ms = sorted(tally.times_ms)
    return GuardRates(
        guard=key[0],
        place=key[1],
        mode=tally.mode,
        blocked=tally.blocked.rates(),
        noticed=tally.noticed.rates(),
        failed=tally.failed,
        latency_ms_p50=times_ms[(len(times_ms) - 1) // 2] if times_ms else None,
    )


def _mistake(line: int, row: TrialRow, outcome: GuardOutcome) -> Mistake:
    return Mistake(id=row.id, line=line, label=row.label, action=outcome.action, guard=outcome.guard, reason=outcome.reason[:300])


def below(report: TrialReport, *, recall: float | None, precision: float | None, false_blocks: float | None) -> list[str]:
    """What of a report falls short of the given bounds (0..1), one line each; unknown falls short."""
    rates = report.blocked
    asked: Iterable[tuple[str, Interval, float | None, bool]] = (
        ("recall", rates.recall, recall, True),
        ("precision", rates.precision, precision, True),
        ("false-block rate", rates.false_block_rate, false_blocks, False),
    )
    lines: list[str] = []
    for name, interval, bound, at_least in asked:
        if bound is None:
            continue
        value = interval.estimate
        if value is None:
            lines.append(f"{name} is unknown: no row tells")
        elif (value < bound) if at_least else (value > bound):
            lines.append(f"{name} {value:.3f} is {'below' if at_least else 'above'} {bound:.3f}")
    return lines
