"""Fits the trust score's two small logistic regressions on permissively licensed sets and our own cases, measures them out
of fold (no source document in both), and writes models/trust/weights.json. One command: python training/trust/fit.py"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import logistic
import msgspec
import numpy as np
import numpy.typing as npt
from examples import REPOSITORY
from extract import Extracted, training_rows

from groundcrew.grounding.features import FEATURE_NAMES
from groundcrew.grounding.trust import SUPPORT_MAX, VERBATIM_SUPPORT, TrustWeights, answer_features, answer_trust

VERSION = "2026-11-22"
TARGET = REPOSITORY / "src" / "groundcrew" / "models" / "trust" / "weights.json"
Matrix = npt.NDArray[np.float64]

#: How much each set counts in the claim fit. Free rewordings by people and question answering are what the product meets;
#: inference over tables is what it cannot decide.
IMPORTANCE = {
    "own_cases": 6.0,
    "ragtruth_qa": 4.0,
    "sgd_en": 2.0,
    "wikisplit_en": 1.0,
    "rte3_de": 0.5,
    "pawsx_de": 0.05,
    "deplain_web_de": 1.0,
    "stsb_en": 0.5,
    "summedits": 0.5,
    "fib": 0.5,
    "frank": 1.0,
    "xsumhal": 0.5,
    "quintd": 0.05,
    "infotabs": 0.05,
    "forum_te_de": 0.3,
    "dart_en": 0.3,
    "xquad_xling": 0.2,
    "swapped": 1.5,
    "appended": 1.5,
    "inserted": 1.5,
}
#: Sets that the answer fit is made on, and how much each counts: their rates of unsupported answers are those of real ones,
#: so that the result is calibrated for them.
ANSWER_SETS = {"ragtruth_qa": 4.0, "own_cases": 0.5}
#: What may only speak for a claim, and what only against it.
SIGNS = [1, 1, 1, 1, -1, 1, 1, 1, 1, -1, -1, 0, 0]


def fit_claims(rows: Sequence[Extracted], *, encoded: bool) -> logistic.Fitted:
    """Support of a claim that no check objects to and that is not verbatim: where the features decide."""
    chosen = [row for row in rows if row.cap == 1.0 and not row.verbatim]
    counts: dict[str, int] = defaultdict(int)
    for row in chosen:
        counts[row.dataset] += 1
    weights = np.array([IMPORTANCE[row.dataset] / counts[row.dataset] for row in chosen])
    features = np.array([row.features if encoded else row.plain for row in chosen])
    return logistic.fit(features, np.array([row.supported for row in chosen]), weights, penalty=15.0, signs=SIGNS)


def supports(rows: Sequence[Extracted], fitted: logistic.Fitted, *, encoded: bool = True) -> Matrix:
    """Support of each claim as the product gives it: capped by the checks, near certain where verbatim."""
    logits = fitted.logits(np.array([row.features if encoded else row.plain for row in rows]))
    probability = np.minimum(1 / (1 + np.exp(-logits)), SUPPORT_MAX)
    caps = np.array([row.cap for row in rows])
    verbatim = np.array([row.verbatim for row in rows])
    return np.where(verbatim, VERBATIM_SUPPORT, np.minimum(probability, caps))


def out_of_fold(rows: Sequence[Extracted], *, encoded: bool = True) -> Matrix:
    """Support of each claim by weights that have not seen its source."""
    scores = np.zeros(len(rows))
    for train, test in logistic.folds([row.group for row in rows]):
        fitted = fit_claims([row for row, use in zip(rows, train, strict=True) if use], encoded=encoded)
        scores[test] = supports([row for row, use in zip(rows, test, strict=True) if use], fitted, encoded=encoded)
    return scores


def by_answer(rows: Sequence[Extracted], scores: Matrix) -> tuple[Matrix, Matrix, npt.NDArray[np.bool_], list[str], list[str]]:
    """Of each answer: its features, its least support, whether all claims are supported, its set and its group."""
    answers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        answers[row.dataset, row.answer].append(number)
    found = list(answers.values())
    held = np.array([1.0 if row.verbatim else row.features[FEATURE_NAMES.index("coverage_sources")] for row in rows])
    return (
        np.stack([answer_features(scores[numbers].tolist(), held[numbers].tolist()) for numbers in found]),
        np.array([scores[numbers].min() for numbers in found]),
        np.array([all(rows[number].supported for number in numbers) for numbers in found]),
        [rows[numbers[0]].dataset for numbers in found],
        [rows[numbers[0]].group for numbers in found],
    )


def fit_answers(rows: Sequence[Extracted], scores: Matrix) -> logistic.Fitted:
    """P(all claims supported); no feature can count against its meaning."""
    features, _, labels, datasets, _ = by_answer(rows, scores)
    importance = np.array([ANSWER_SETS.get(dataset, 0.0) / datasets.count(dataset) for dataset in datasets])
    use = importance > 0
    return logistic.fit(features[use], labels[use], importance[use], penalty=2.0, signs=[1, 1, 1])


def report(rows: Sequence[Extracted], scores: Matrix) -> None:
    """AUROC of claims by set, and at .5 the share of supported claims kept and of unsupported ones caught."""
    for dataset in IMPORTANCE:
        chosen = [number for number, row in enumerate(rows) if row.dataset == dataset]
        labels, found = np.array([rows[number].supported for number in chosen]), scores[chosen]
        kept = float((found[labels] >= 0.5).mean()) if labels.any() else float("nan")
        caught = float((found[~labels] < 0.5).mean()) if (~labels).any() else float("nan")
        print(
            f"  {dataset:16s} n {len(chosen):5d}  AUROC {logistic.auroc(labels, found):.3f}  kept {kept:.3f}  caught {caught:.3f}"
        )


def calibration_error(labels: npt.NDArray[np.bool_], scores: Matrix) -> float:
    """Expected calibration error over ten bins of equal width, 0..1."""
    bins = np.minimum((scores * 10).astype(int), 9)
    return float(
        sum((bins == b).mean() * abs(scores[bins == b].mean() - labels[bins == b].mean()) for b in range(10) if (bins == b).any())
    )


def answer_report(rows: Sequence[Extracted], scores: Matrix) -> None:
    """AUROC and calibration of whole answers by set, out of fold by source."""
    features, least, labels, datasets, groups = by_answer(rows, scores)
    trust = np.zeros(len(labels))
    importance = np.array([ANSWER_SETS.get(dataset, 0.0) / datasets.count(dataset) for dataset in datasets])
    for train, test in logistic.folds(groups):
        use = train & (importance > 0)
        fitted = logistic.fit(features[use], labels[use], importance[use], 2.0, [1, 1, 1])
        trust[test] = 1 / (1 + np.exp(-fitted.logits(features[test])))
    trust = np.array([answer_trust(float(probability), float(lowest)) for probability, lowest in zip(trust, least, strict=True)])
    for dataset in ANSWER_SETS:
        chosen = np.array(datasets) == dataset
        truth = labels[chosen]
        area, error = logistic.auroc(truth, trust[chosen]), calibration_error(truth, trust[chosen])
        means = f"mean {trust[chosen].mean():.3f} of {truth.mean():.3f}"
        print(f"  answers {dataset:14s} n {chosen.sum():4d}  AUROC {area:.3f}  ECE {error:.3f}  {means}")


def main() -> None:
    """Extract, fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder for extracted features")
    parser.add_argument("--keep", action="store_true", help="measure only, leave the shipped weights")
    arguments = parser.parse_args()
    rows = training_rows(arguments.scratch, lambda _: None)
    scores = out_of_fold(rows)
    print("claims, out of fold, with encoder:")
    report(rows, scores)
    print("without encoder:")
    report(rows, out_of_fold(rows, encoded=False))
    answer_report(rows, scores)
    claim, plain, answer = fit_claims(rows, encoded=True), fit_claims(rows, encoded=False), fit_answers(rows, scores)
    for name, fitted in (("with encoder", claim), ("without", plain)):
        print(
            name,
            {feature: round(float(weight), 2) for feature, weight in zip(FEATURE_NAMES, fitted.weights, strict=True)},
            round(fitted.intercept, 2),
        )
    print("answer", answer.weights.round(2), round(answer.intercept, 2))
    if not arguments.keep:
        TARGET.write_bytes(msgspec.json.format(msgspec.json.encode(_weights(claim, plain, answer)), indent=1) + b"\n")


def _weights(claim: logistic.Fitted, plain: logistic.Fitted, answer: logistic.Fitted) -> TrustWeights:
    """The shipped form; the second model is restated in the first one's scale, the third in raw features."""
    restated = plain.weights * claim.scales / plain.scales
    plain_intercept = plain.intercept + float(((claim.means - plain.means) / plain.scales * plain.weights).sum())
    slopes = answer.weights / answer.scales
    return TrustWeights(
        version=VERSION,
        features=FEATURE_NAMES,
        means=_rounded(claim.means),
        scales=_rounded(claim.scales),
        claim=_rounded(claim.weights),
        claim_intercept=round(claim.intercept, 5),
        claim_without_encoder=_rounded(restated),
        claim_without_encoder_intercept=round(plain_intercept, 5),
        answer=(float(slopes[0].round(5)), float(slopes[1].round(5)), float(slopes[2].round(5))),
        answer_intercept=round(answer.intercept - float((answer.means * slopes).sum()), 5),
    )


def _rounded(values: Matrix) -> tuple[float, ...]:
    return tuple(float(value) for value in values.round(5))


if __name__ == "__main__":
    main()
