"""Drift of a use case: which features of calls are watched, the references that newer calls are held against, and what was found.
Rows hold figures and ids of calls, never a text: they stay when texts are removed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

FeatureKind = Literal["number", "category", "embedding"]
FeatureGroup = Literal["input", "retrieval", "output", "cost and latency"]
#: first_calls = the first ones of a version; by_hand = of a time that somebody named; acknowledged = what an alarm showed.
ReferenceOrigin = Literal["first_calls", "by_hand", "acknowledged"]
#: window = a window differs from the reference; slow = all windows together do; version = a version differs from the one before.
DriftKind = Literal["window", "slow", "version"]
AlarmState = Literal["open", "acknowledged"]
#: What an alarm came to: it was meant to be so; its cause is gone; what it showed is usual from now on.
Resolution = Literal["expected", "fixed", "new_reference"]


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


class FeatureDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What a test said of one feature. `p_value` is corrected over the features of the test; None with a `reason` where nothing
    could be told, which is no sign that nothing has changed. `words` says what changed in plain words."""

    feature: str
    drifted: bool
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
