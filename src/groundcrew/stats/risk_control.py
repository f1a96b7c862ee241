"""The release threshold with a guarantee: risk control on labelled answers, whatever the quality of the score."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.calibration import Guarantee, LabelledScore, Monitoring, RiskTest


def release_threshold(
    labels: Sequence[LabelledScore],
    unsupported_max: float = 0.05,
    confidence: float = 0.95,
    *,
    monitoring: Monitoring = "fixed",
    test: RiskTest | None = None,
    probability_min: float | None = None,
    unlabelled: Sequence[float] | None = None,
) -> Guarantee:
    """The lowest threshold at which at most `unsupported_max` of released answers are unsupported, with `confidence`.

    Labels in the order they came. `fixed` is for one look, `sequential` holds when it is asked again after each label.
    `probability_min` is the least probability that the sampling could give (the least one seen where left out);
    `unlabelled` are scores of other answers of the same kind, which place the candidate thresholds.
    """
    raise NotImplementedError
