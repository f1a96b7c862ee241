"""Drift of a use case: which features of calls are watched, the references that newer calls are held against, and what was found.
Rows hold figures and ids of calls, never a text: they stay when texts are removed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.canonical import digest

FeatureKind = Literal["number", "category", "embedding"]
FeatureGroup = Literal["input", "retrieval", "output", "cost and latency"]
#: first_calls = the first ones of a version; by_hand = of a time that somebody named; acknowledged = what an alarm showed.
ReferenceOrigin = Literal["first_calls", "by_hand", "acknowledged"]
#: window = a window differs from the reference; slow = all windows together do; version = a version differs from the one before.
DriftKind = Literal["window", "slow", "version"]
AlarmState = Literal["open", "acknowledged"]
#: What an alarm came to: it was meant to be so; its cause is gone; what it showed is usual from now on.
Resolution = Literal["expected", "fixed", "new_reference"]


#: Calls of a window and of a reference: fewer tell nothing, more are not needed to see what matters.
WINDOW_CALLS_MIN, WINDOW_CALLS_MAX = 30, 1_000
REFERENCE_CALLS_MIN, REFERENCE_CALLS_MAX = 50, 2_000
WINDOW_S_MIN = 3_600
ALPHA_MAX = 0.2


class Feature(msgspec.Struct, frozen=True):
    """One figure of a call that is watched. `up` and `down` say what it does when it rises and falls: ``requests got longer``."""

    name: str
    title: str
    group: FeatureGroup
    kind: FeatureKind
    unit: str = ""
    up: str = ""
    down: str = ""


FEATURES: tuple[Feature, ...] = (
    Feature("request_length", "Request length", "input", "number", "characters", "requests got longer", "requests got shorter"),
    Feature("request_language", "Request language", "input", "category"),
    Feature("request_topic", "Request topic", "input", "category"),
    Feature("request_entities", "Personal data in requests", "input", "category"),
    Feature("request_meaning", "Meaning of requests", "input", "embedding"),
    Feature("hit_score", "Score of the best passage", "retrieval", "number", "", "passages fit better", "passages fit worse"),
    Feature("outcome", "What became of calls", "output", "category"),
    Feature("answer_length", "Answer length", "output", "number", "characters", "answers got longer", "answers got shorter"),
    Feature("answer_topic", "Answer topic", "output", "category"),
    Feature("answer_meaning", "Meaning of answers", "output", "embedding"),
    Feature(
        "answer_courtesy",
        "Courtesy of answers",
        "output",
        "number",
        "words in 100",
        "answers got more courteous",
        "answers got less courteous",
    ),
    Feature("trust", "Trust", "output", "number", "", "trust rose", "trust fell"),
    Feature("stars", "Ratings", "output", "number", "stars", "ratings rose", "ratings fell"),
    Feature("cost", "Cost of a call", "cost and latency", "number", "USD", "calls got dearer", "calls got cheaper"),
    Feature("latency", "Latency", "cost and latency", "number", "ms", "calls got slower", "calls got faster"),
)
FEATURE: dict[str, Feature] = {each.name: each for each in FEATURES}
FEATURE_GROUPS: tuple[FeatureGroup, ...] = ("input", "retrieval", "output", "cost and latency")


class CallFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one call to watch: figures, labels, and vectors of its texts (base64 of float16), by feature; what the
    call does not have is absent. `at` is Unix time, `user` a digest of who asked."""

    id: str
    at: float
    user: str = ""
    numbers: dict[str, float] = {}
    labels: dict[str, str] = {}
    vectors: dict[str, str] = {}


class PackedNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of each call: base64 of float32, NaN where a call has none."""

    data: str


class PackedLabels(msgspec.Struct, frozen=True, kw_only=True):
    """A label of each call: the labels, and base64 of the place of each call's own in them (int16), -1 where it has none."""

    labels: tuple[str, ...]
    data: str


class PackedVectors(msgspec.Struct, frozen=True, kw_only=True):
    """A vector of each call: base64 of float16, row by row, zeros where a call has none."""

    dimensions: int
    data: str


class ReferenceHead(msgspec.Struct, frozen=True, kw_only=True):
    """What of a reference is looked up and shown."""

    id: str
    use_case: str
    version_digest: str
    origin: ReferenceOrigin
    made_at: datetime
    made_by: str
    since: datetime
    until: datetime
    calls: int
    reason: str = ""


class DriftReference(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that newer ones of a version are held against. `id` is the hash of what it holds, whoever made it and when; `topics`
    are the middles of the groups that the vectors fall into; `encoder` says which vectors they are."""

    id: str
    use_case: str
    version_digest: str
    origin: ReferenceOrigin
    made_at: datetime
    made_by: str
    since: datetime
    until: datetime
    calls: int
    call_ids: tuple[str, ...]
    at: tuple[float, ...]
    users: PackedLabels
    encoder: str
    reason: str = ""
    numbers: dict[str, PackedNumbers] = {}
    labels: dict[str, PackedLabels] = {}
    vectors: dict[str, PackedVectors] = {}
    topics: dict[str, PackedVectors] = {}


def reference_id(reference: DriftReference) -> str:
    """SHA-256 over what a reference holds."""
    content: dict[str, object] = msgspec.to_builtins(reference)
    about = ("id", "origin", "made_at", "made_by", "reason")
    return digest({name: value for name, value in content.items() if name not in about})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a feature in a window or a reference, with its 95 % interval: a mean, the share of calls with another label
    than `of`, or how near texts are to the reference's middle. None where no call has it."""

    feature: str
    n: int
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    of: str = ""


class FeatureDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What a test said of one feature. `p_value` is corrected over the features of the test; None with a `reason` where nothing
    could be told, which is no sign that nothing has changed. `words` says what changed in plain words."""

    feature: str
    drifted: bool | None
    statistic_name: str = ""
    statistic: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    words: str = ""
    reason: str = ""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that show a change best: some from before it and some from after it, by id."""

    feature: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class DriftWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One window held against the reference, once. `drifted` is None, with a `reason`, where nothing could be told. `permuted`
    says what was kept together when the threshold was found: users, days, hours or single calls."""

    id: str
    use_case: str
    version_digest: str
    reference: str
    number: int
    since: datetime
    until: datetime
    calls: int
    first_call: str
    last_call: str
    looked_at: datetime
    drifted: bool | None
    alpha: float
    kind: DriftKind = "window"
    p_value: float | None = None
    permuted: str = ""
    features: tuple[FeatureDrift, ...] = ()
    points: tuple[Point, ...] = ()
    reason: str = ""


class DriftAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something has changed: which `features`, worst first, in which window of which version, against which reference. Open until
    somebody acknowledges it with a reason."""

    id: str
    use_case: str
    version_digest: str
    kind: DriftKind
    reference: str
    window: str
    since: datetime
    until: datetime
    features: tuple[FeatureDrift, ...]
    raised_at: datetime
    examples: tuple[Example, ...] = ()
    owner: str = ""
    state: AlarmState = "open"
    resolution: Resolution | None = None
    reason: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None

    @property
    def words(self) -> str:
        """What changed, in one line."""
        return "; ".join(each.words for each in self.features if each.words)
