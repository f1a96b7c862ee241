"""Features of many calls as columns: packed for a reference's row, unpacked for tests, and topics found in vectors."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.drift import (
    FEATURE,
    FEATURES,
    CallFeatures,
    DriftReference,
    PackedLabels,
    PackedNumbers,
    PackedVectors,
    ReferenceOrigin,
    reference_id,
)
from groundcrew.stats.drift import Column

Floats: TypeAlias = NDArray[np.float64]

#: feature of topics → the feature whose vectors they are found in.
TOPICS = {"request_topic": "request_meaning", "answer_topic": "answer_meaning"}
#: Groups that a reference's vectors are put into, and the calls that it takes to look for any.
TOPICS_MAX, TOPIC_CALLS_MIN = 8, 100
#: The groups are found in one call in so many, so that hardly any call is judged by a group that was drawn around it.
TOPIC_FIT_EVERY = 4
TOPIC_ROUNDS_MAX = 25
TOPIC_SEED = 1


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The features of some calls as columns, in the order of their ids: each as long as `ids`."""

    ids: tuple[str, ...]
    at: Floats
    users: tuple[str, ...]
    numbers: dict[str, Floats]
    labels: dict[str, tuple[str | None, ...]]
    vectors: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def since(self) -> datetime:
        """When the first of them was received."""
        return moment(float(self.at.min()))

    @property
    def until(self) -> datetime:
        """When the last of them was received."""
        return moment(float(self.at.max()))

    def column(self, feature: str) -> Column | None:
        """A feature as a column of a drift test; None where no call has it."""
        if feature in self.numbers and not np.isnan(self.numbers[feature]).all():
            return Column(kind="number", values=self.numbers[feature])  # type: ignore[arg-type]
        if feature in self.labels and any(each is not None for each in self.labels[feature]):
            return Column(kind="category", values=self.labels[feature])
        if feature in self.vectors and self.vectors[feature].any():
            return Column(kind="embedding", vectors=self.vectors[feature])
        return None


def moment(unix_s: float) -> datetime:
    """Unix time as a time in UTC."""
    return datetime.fromtimestamp(unix_s, UTC)


def frame_of(calls: Sequence[CallFeatures]) -> Frame:
    """Columns of calls, in the order given."""
    return Frame(
        ids=tuple(each.id for each in calls),
        at=np.array([each.at for each in calls], dtype=np.float64),
        users=tuple(each.user for each in calls),
        numbers={
            each.name: np.array([call.numbers.get(each.name, np.nan) for call in calls], dtype=np.float64)
            for each in FEATURES
            if each.kind == "number" and any(each.name in call.numbers for call in calls)
        },
        labels={
            each.name: tuple(call.labels.get(each.name) for call in calls)
            for each in FEATURES
            if each.kind == "category" and any(each.name in call.labels for call in calls)
        },
        vectors={
            each.name: _stacked([call.vectors.get(each.name) for call in calls])
            for each in FEATURES
            if each.kind == "embedding" and any(each.name in call.vectors for call in calls)
        },
    )


def with_topics(frame: Frame, reference: DriftReference) -> Frame:
    """`frame` with the topic of each call: the group of the reference that its vector is nearest to."""
    labels = dict(frame.labels)
    for topic, meaning in TOPICS.items():
        if topic in reference.topics and meaning in frame.vectors:
            labels[topic] = _nearest(frame.vectors[meaning], unpack_vectors(reference.topics[topic]))
    return msgspec.structs.replace(frame, labels=labels)


def pin(
    calls: Sequence[CallFeatures],
    *,
    use_case: str,
    version_digest: str,
    origin: ReferenceOrigin,
    encoder: str,
    made_at: datetime,
    made_by: str,
    reason: str = "",
) -> DriftReference:
    """A reference of these calls, in the order of their ids."""
    frame = frame_of(sorted(calls, key=lambda each: each.id))
    made = DriftReference(
        id="",
        use_case=use_case,
        version_digest=version_digest,
        origin=origin,
        made_at=made_at,
        made_by=made_by,
        since=frame.since,
        until=frame.until,
        calls=len(frame),
        call_ids=frame.ids,
        at=tuple(frame.at.tolist()),
        users=_pack_labels(frame.users),
        encoder=encoder,
        reason=reason,
        numbers={name: PackedNumbers(data=_text(values.astype("<f4"))) for name, values in frame.numbers.items()},
        labels={name: _pack_labels(values) for name, values in frame.labels.items()},
        vectors={name: _pack_vectors(rows) for name, rows in frame.vectors.items()},
        topics={
            topic: _pack_vectors(found)
            for topic, meaning in TOPICS.items()
            if meaning in frame.vectors and (found := _groups(frame.vectors[meaning])) is not None
        },
    )
    return msgspec.structs.replace(made, id=reference_id(made))


def unpinned(reference: DriftReference) -> Frame:
    """The columns of a reference, with topics."""
    frame = Frame(
        ids=reference.call_ids,
        at=np.array(reference.at, dtype=np.float64),
        users=tuple(each or "" for each in _unpack_labels(reference.users)),
        numbers={
            name: np.frombuffer(base64.b64decode(each.data), dtype="<f4").astype(np.float64)
            for name, each in reference.numbers.items()
            if name in FEATURE
        },
        labels={name: _unpack_labels(each) for name, each in reference.labels.items() if name in FEATURE},
        vectors={name: unpack_vectors(each) for name, each in reference.vectors.items() if name in FEATURE},
    )
    return with_topics(frame, reference)


def unpack_vectors(packed: PackedVectors) -> NDArray[np.float32]:
    """Vectors as they were packed."""
    found: NDArray[np.float32] = np.frombuffer(base64.b64decode(packed.data), dtype="<f2").astype(np.float32)
    return found.reshape(-1, packed.dimensions)


def _pack_vectors(rows: NDArray[np.float32]) -> PackedVectors:
    return PackedVectors(dimensions=rows.shape[1], data=_text(rows.astype("<f2")))


def _stacked(packed: Sequence[str | None]) -> NDArray[np.float32]:
    """Vectors of calls row by row, zeros where a call has none, or one of another encoder's length."""
    found = [np.frombuffer(base64.b64decode(each), dtype="<f2") if each else None for each in packed]
    dimensions = max(each.size for each in found if each is not None)
    rows = np.zeros((len(found), dimensions), dtype=np.float32)
    for place, each in enumerate(found):
        if each is not None and each.size == dimensions:
            rows[place] = each
    return rows


def _pack_labels(values: Sequence[str | None]) -> PackedLabels:
    labels = tuple(sorted({each for each in values if each is not None}))
    places = {label: place for place, label in enumerate(labels)}
    codes = np.array([-1 if each is None else places[each] for each in values], dtype="<i2")
    return PackedLabels(labels=labels, data=_text(codes))


def _unpack_labels(packed: PackedLabels) -> tuple[str | None, ...]:
    codes = np.frombuffer(base64.b64decode(packed.data), dtype="<i2")
    return tuple(None if code < 0 else packed.labels[code] for code in codes.tolist())


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


def _groups(rows: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The middles of the groups that vectors fall into, those of most calls first; None for too few calls to tell.

    k-means (Lloyd) from k-means++ starts (Arthur & Vassilvitskii 2007) with a fixed seed, over one call in TOPIC_FIT_EVERY.
    """
    present = rows[rows.any(axis=1)]
    if len(present) < TOPIC_CALLS_MIN:
        return None
    from scipy.cluster.vq import kmeans2

    fitted = present[::TOPIC_FIT_EVERY].astype(np.float64)
    middles, own = kmeans2(fitted, TOPICS_MAX, iter=TOPIC_ROUNDS_MAX, minit="++", seed=TOPIC_SEED, missing="warn")
    sizes = np.bincount(own, minlength=len(middles))
    order = [place for place in np.argsort(-sizes, kind="stable") if sizes[place]]
    found: NDArray[np.float32] = middles[order].astype(np.float32)
    return found


def _nearest(rows: NDArray[np.float32], middles: NDArray[np.float32]) -> tuple[str | None, ...]:
    distances = (middles**2).sum(axis=1)[None, :] - 2 * rows @ middles.T
    nearest: list[int] = distances.argmin(axis=1).tolist()
    present: list[bool] = np.any(rows, axis=1).tolist()
    return tuple(f"topic {place + 1}" if there else None for place, there in zip(nearest, present, strict=True))
