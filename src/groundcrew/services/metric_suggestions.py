"""Figures of what reviewers make of suggested labels: of a version as a whole, and label by label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from groundcrew.domain.sign_off import SignOff
from groundcrew.metrics.label_edits import label_edits
from groundcrew.metrics.suggestion_acceptance import suggestion_acceptance
from groundcrew.metrics.suggestion_precision import suggestion_precision
from groundcrew.metrics.suggestion_recall import suggestion_recall
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.metric_figures import MetricFigure, Period, by_week, figure
from groundcrew.services.suggested_labels import LabelChange, change_of
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.store import texts
from groundcrew.store.database import Connection, Database
from groundcrew.store.rows import stamp
from groundcrew.tuned.answer import read_answer

#: Newest decisions that figures are taken over, and labels that a table shows.
DECISIONS_MAX, LABELS_MAX = 2_000, 200
_MISSING = "signed drafts of a tuned model (sign_off: {when: always})"

#: When something was decided, and what it did to the labels.
Dated = tuple[str, LabelChange]


class LabelUse(msgspec.Struct, frozen=True, kw_only=True):
    """One label at work: how often it was suggested, and of that let stand; how often reviewers added it. `precision` is of what
    was suggested, `recall` of what left."""

    label: str
    title: str
    suggested: int
    kept: int
    added: int
    precision: Interval
    recall: Interval


class LabelUses(msgspec.Struct, frozen=True, kw_only=True):
    """The labels of the newest decisions on the current version, those that are used most first. `sample`: these are sample data,
    since there are no real ones."""

    use_case: str
    version_digest: str
    decisions: int
    rejected: int
    labels: tuple[LabelUse, ...]
    left_out: int
    sample: bool


async def of_suggestions(connection: Connection, period: Period) -> list[MetricFigure]:
    """Acceptance, precision, recall and edit size; nothing at all where no draft of the version holds labels."""
    since, until = period.stamps
    decided = await texts.decided(connection, period.use_case, period.version_digest, sample=period.sample, limit=DECISIONS_MAX)
    found: list[Dated] = []
    for each in decided:
        change, moment = change_of(each), stamp(each.signed_at or each.requested_at)
        if change is not None and since <= moment <= until:
            found.append((moment, change))
    if not found:
        return []
    note = f"the newest {DECISIONS_MAX:,} decisions" if len(decided) == DECISIONS_MAX else ""
    made = []
    for name, title, compute, better in (
        ("suggestion_acceptance", "Suggestions accepted as they were", _acceptance, True),
        ("suggestion_precision", "Suggested labels let stand", _precision, True),
        ("suggestion_recall", "Signed labels that were suggested", _recall, True),
        ("label_edits", "Labels changed a case", _edits, False),
    ):
        made.append(
            figure(
                name,
                title,
                "people",
                compute(found),
                source="decisions of signers on suggested labels",
                note=note,
                missing=_MISSING,
                higher_is_better=better,
                weeks=by_week(found[::-1], lambda each: each[0], compute),
            )
        )
    return made


async def suggestions_or_sample(connection: Connection, period: Period) -> list[MetricFigure]:
    """The figures of real decisions; those of sample data, marked so, where there are none."""
    if real := await of_suggestions(connection, period):
        return real
    sample = await of_suggestions(connection, msgspec.structs.replace(period, sample=True))
    return [msgspec.structs.replace(each, sample=True) for each in sample]


class LabelUsage:
    """Single labels at work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, use_case: str) -> LabelUses | None:
        """What became of each label in the newest decisions on the current version; None where there are none."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            digest = await current_digest(connection, item)
            for sample in (False, True):
                decided = await texts.decided(connection, use_case, digest, sample=sample, limit=DECISIONS_MAX)
                if (found := _uses(decided)) is not None:
                    return msgspec.structs.replace(found, use_case=use_case, version_digest=digest, sample=sample)
        return None


def _uses(decided: Sequence[SignOff]) -> LabelUses | None:
    suggested: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    added: Counter[str] = Counter()
    titles: dict[str, str] = {}
    decisions = rejected = 0
    for each in decided:
        change = change_of(each)
        if change is None:
            continue
        decisions += 1
        rejected += change.rejected
        if change.final is None:
            continue  # which of its labels are wrong is not known
        for text in (each.draft, each.final_text or ""):
            answer = read_answer(text)
            titles |= {one.label: one.title for one in (answer.suggestions if answer is not None else ()) if one.title}
        suggested.update(change.suggested)
        kept.update(change.suggested & change.final)
        added.update(change.final - change.suggested)
    if not decisions:
        return None
    order = sorted(suggested.keys() | added.keys(), key=lambda label: (-suggested[label] - added[label], label))
    labels = tuple(
        LabelUse(
            label=label,
            title=titles.get(label, ""),
            suggested=suggested[label],
            kept=kept[label],
            added=added[label],
            precision=wilson(kept[label], suggested[label]),
            recall=wilson(kept[label], kept[label] + added[label]),
        )
        for label in order[:LABELS_MAX]
    )
    return LabelUses(
        use_case="",
        version_digest="",
        decisions=decisions,
        rejected=rejected,
        labels=labels,
        left_out=max(0, len(order) - LABELS_MAX),
        sample=False,
    )


def _acceptance(rows: Sequence[Dated]) -> Interval:
    return suggestion_acceptance(sum(change.accepted for _, change in rows), len(rows))


def _known(rows: Sequence[Dated]) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Suggested and final labels, where it is known which ones are right."""
    return [(change.suggested, change.final) for _, change in rows if change.final is not None]


def _precision(rows: Sequence[Dated]) -> Interval:
    known = _known(rows)
    return suggestion_precision([len(one & other) for one, other in known], [len(one) for one, _ in known])


def _recall(rows: Sequence[Dated]) -> Interval:
    known = _known(rows)
    return suggestion_recall([len(one & other) for one, other in known], [len(other) for _, other in known])


def _edits(rows: Sequence[Dated]) -> Interval:
    return label_edits([len(one ^ other) for one, other in _known(rows)])
