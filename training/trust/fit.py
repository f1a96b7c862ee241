"""Fits the trust score on permissively licensed sets and our own cases, measures it out of fold (no source document on both
sides), and writes models/trust/weights.json. One command: python training/trust/fit.py --scratch FOLDER --networks FOLDER"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import boosting
import logistic
import msgspec
import numpy as np
import numpy.typing as npt
from examples import GROUNDING_TRAIN, PARAPHRASE_TRAIN, REPOSITORY
from extract import AnswerRow, rows_of
from verdicts import FOLDS, as_features, fold_of, verdicts_of

from groundcrew.grounding.features import FEATURE_NAMES, FEATURES
from groundcrew.grounding.summary import ANSWER_FEATURE_NAMES, ANSWER_FEATURES, is_unheard, support_figures
from groundcrew.grounding.trees import Forest, Trees
from groundcrew.grounding.trust import NETWORK_CLAIMS_MAX, SUPPORT_MAX, Verdict, capped
from groundcrew.grounding.weights import ENTAILMENT_FEATURES, JOINT_FEATURES, Linear, TrustWeights, joint_rows, sigmoid

VERSION = "2026-11-27.2"
TARGET = REPOSITORY / "src" / "groundcrew" / "models" / "trust" / "weights.json"
Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: How much each set counts in the fit of claims. Question answering, summaries and free rewordings are what the product meets.
IMPORTANCE = {
    "ragtruth_qa_adapt": 4.0,
    "own_cases": 5.0,
    "summedits_train": 3.0,
    "infotabs_train": 2.5,
    "quintd_train": 2.0,
    "frank_train": 1.0,
    "fib_train": 0.5,
    "xsumhal_train": 0.3,
    "sgd_en": 1.5,
    "wikisplit_en": 1.0,
    "rte3_de": 0.7,
    "pawsx_de": 0.2,
    "forum_te_de": 0.3,
    "dart_en": 0.3,
    "stsb_en": 0.4,
    "deplain_web_de": 0.7,
    "xquad_xling": 0.2,
    "constructed": 1.5,
}
#: Sets on whose rates a claim's probability is calibrated, and those that an answer's weights are fitted on, of which the first
#: gives the rates.
CALIBRATION = {"ragtruth_qa_adapt": 1.0, "own_cases": 2.0, "sgd_en": 0.5, "constructed": 0.5, "summedits_train": 0.5}
ANSWER_SETS = {"ragtruth_qa_adapt": 1.0, "summedits_train": 0.5, "quintd_train": 1.0}
ANSWER_PENALTY = 30.0
JOINT_PENALTY = 1.0
#: Of a claim on rows: the network's share of its log odds, and what raises these, so that no more supported claims are flagged
#: than without. Chosen on one half of InfoTabs dev, by table; RESULTS.md reports the other.
ROWS_SHARE, ROWS_SHIFT = 0.75, 1.0
#: Stands for the joint regression where there is no network: the plain trees alone.
NO_JOINT = Linear(
    means=(0.0,) * len(JOINT_FEATURES),
    scales=(1.0,) * len(JOINT_FEATURES),
    weights=(1.0, *[0.0] * (len(JOINT_FEATURES) - 1)),
    intercept=0.0,
)
#: Plain probabilities beyond these are final: the network is not asked.
SETTLED = (0.15, 0.9)
#: Stands for the verdict on a claim that the network is not asked about; its stacked figure is never used.
UNREAD: Verdict = (0.5, 0.5, 0.5, 0.5)
TRAINING_SETS = (*GROUNDING_TRAIN, *PARAPHRASE_TRAIN, "own_cases", "constructed")


class Table:
    """The claims with features, as arrays, and where each stands: `place` is (answer, claim)."""

    def __init__(self, rows: Sequence[AnswerRow], verdicts: Sequence[Sequence[Verdict | None]] | None) -> None:
        self.rows = rows
        self.place = [(a, c) for a, row in enumerate(rows) for c, claim in enumerate(row.claims) if claim.features is not None]
        claims = [rows[a].claims[c] for a, c in self.place]
        self.features = np.array([claim.features for claim in claims], dtype=np.float64)
        self.known = np.array([claim.supported is not None for claim in claims], dtype=bool)
        self.supported = np.array([bool(claim.supported) for claim in claims], dtype=bool)
        self.free = np.array([not claim.vetoed for claim in claims], dtype=bool)
        self.limits = np.array([claim.limit for claim in claims])
        self.files = np.array([rows[a].file for a, _ in self.place])
        self.folds = np.array([fold_of(rows[a].group) for a, _ in self.place])
        self.on_rows = np.array([claim.on_rows for claim in claims], dtype=bool)
        self.stacked: Matrix | None = None
        self.verdicts: list[Verdict] = []
        if verdicts is not None:
            read = [verdicts[a][c] or UNREAD for a, c in self.place]
            self.stacked = np.hstack([self.features, as_features(read)])
            self.verdicts = read

    def importance(self, weights: dict[str, float], use: Flags) -> Matrix:
        """(claims,): each set counts as `weights` says however many claims it has; 0 outside `use`."""
        found = np.zeros(len(self.place))
        for file, weight in weights.items():
            chosen = use & (self.files == file)
            if chosen.any():
                found[chosen] = weight / chosen.sum()
        return found


def fit_claims(table: Table, use: Flags, *, stacked: bool) -> Trees:
    """P(supported) of a claim before any limit."""
    importance = table.importance(IMPORTANCE, use & table.known)
    chosen = importance > 0
    signs = [feature.sign for feature in FEATURES] + ([sign for _, sign in ENTAILMENT_FEATURES] if stacked else [])
    features = table.stacked if stacked and table.stacked is not None else table.features
    return boosting.fit(features[chosen], table.supported[chosen], importance[chosen], signs)


def out_of_fold(table: Table, *, stacked: bool) -> Matrix:
    """(claims,) log odds by trees that have not seen the claim's source."""
    features = table.stacked if stacked and table.stacked is not None else table.features
    logits = np.zeros(len(table.place))
    for fold in range(FOLDS):
        trees = fit_claims(table, table.folds != fold, stacked=stacked)
        test = table.folds == fold
        logits[test] = Forest(trees).logits(features[test])
    return logits


def fit_calibration(table: Table, logits: Matrix) -> tuple[float, float]:
    """Slope and intercept that calibrate log odds (Platt 1999) on the sets of `CALIBRATION`."""
    importance = table.importance(CALIBRATION, table.known & table.free)
    use = importance > 0
    fitted = logistic.fit(logits[use][:, None], table.supported[use], importance[use], penalty=0.01, signs=[1])
    slope = float(fitted.weights[0] / fitted.scales[0])
    return slope, float(fitted.intercept - fitted.means[0] * slope)


def fit_joint(table: Table, plain: Matrix, stacked: Matrix, use: Flags) -> Linear:
    """The mean of the log odds of the stacked trees and of a regression over the plain trees' and the network's figures, with
    weights of their own for rows. `plain` and `stacked` are out-of-fold log odds."""
    assert table.stacked is not None
    rows = joint_rows(plain, stacked, table.stacked)
    rows[:, 1] = 0.0  # the stacked trees come in at full weight below
    importance = table.importance(IMPORTANCE, use & table.known & table.free)
    chosen = importance > 0
    signs = [sign for _, sign in JOINT_FEATURES]
    fitted = logistic.fit(rows[chosen], table.supported[chosen], importance[chosen], JOINT_PENALTY, signs)
    means, scales, weights = fitted.means.copy(), fitted.scales.copy(), fitted.weights / 2
    means[1], scales[1], weights[1] = 0.0, 1.0, 0.5
    return Linear(means=tuple(means), scales=tuple(scales), weights=tuple(weights), intercept=fitted.intercept / 2)


def joint_out_of_fold(table: Table, plain: Matrix, stacked: Matrix) -> Matrix:
    """(claims,) joint log odds by a regression that has not seen the claim's source."""
    assert table.stacked is not None
    logits = np.zeros(len(table.place))
    for fold in range(FOLDS):
        test = table.folds == fold
        joint = fit_joint(table, plain, stacked, ~test)
        logits[test] = joint.logits(joint_rows(plain[test], stacked[test], table.stacked[test]))
    return logits


def calibrated(joint: Linear, slope: float, intercept: float) -> Linear:
    """The same regression with log odds `slope` · x + `intercept`."""
    return Linear(
        means=_rounded(np.asarray(joint.means)),
        scales=_rounded(np.asarray(joint.scales)),
        weights=_rounded(np.asarray(joint.weights) * slope),
        intercept=round(joint.intercept * slope + intercept, 5),
    )


def supports_of(table: Table, plain: Matrix, stacked: Matrix | None) -> tuple[list[list[float]], list[dict[int, Verdict]]]:
    """The support of every claim of every answer as the product gives it, from probabilities, and by answer the verdicts that it
    would have asked for."""
    supports = [[claim.fixed for claim in row.claims] for row in table.rows]
    read: list[dict[int, Verdict]] = [{} for _ in table.rows]
    order = np.argsort(np.abs(plain - 0.5), kind="stable")
    asked: dict[int, int] = {}
    for number in order:
        answer, claim = table.place[number]
        value = plain[number]
        is_open = SETTLED[0] < value < SETTLED[1] or table.on_rows[number]
        if stacked is not None and is_open and asked.get(answer, 0) < NETWORK_CLAIMS_MAX:
            asked[answer] = asked.get(answer, 0) + 1
            value = stacked[number]
            read[answer][claim] = table.verdicts[number]
        limit = float(table.limits[number])
        supports[answer][claim] = float(value) * limit if limit < SUPPORT_MAX else min(float(value), limit)
    return supports, read


def answer_matrix(rows: Sequence[AnswerRow], supports: Sequence[Sequence[float]], read: Sequence[dict[int, Verdict]]) -> Matrix:
    """(answers, features) in the order of `ANSWER_FEATURE_NAMES`."""
    return np.array(
        [
            [*support_figures(each, [claim.words for claim in row.claims], said), *row.figures]
            for row, each, said in zip(rows, supports, read, strict=True)
        ]
    )


def doubted(rows: Sequence[AnswerRow], supports: Sequence[Sequence[float]]) -> Flags:
    """(answers,) whether a claim is vetoed or unheard of, which keeps the answer below one half."""
    return np.array(
        [
            any(
                claim.vetoed or (claim.features is not None and is_unheard(np.array(claim.features), claim.words, support))
                for claim, support in zip(row.claims, each, strict=True)
            )
            for row, each in zip(rows, supports, strict=True)
        ]
    )


def fit_answers(rows: Sequence[AnswerRow], matrix: Matrix, use: Flags) -> logistic.Fitted:
    """P(all claims supported) of answers with several claims. The sets share their weights but not their rates: the intercept is
    that of the first set."""
    files = np.array([row.file for row in rows])
    several = np.array([len(row.claims) > 1 for row in rows])
    importance = np.zeros(len(rows))
    for file, weight in ANSWER_SETS.items():
        chosen = use & several & (files == file)
        importance[chosen] = weight / max(1, chosen.sum())
    chosen = importance > 0
    labels = np.array([row.supported for row in rows])
    others = np.array([files == file for file in list(ANSWER_SETS)[1:]], dtype=np.float64).reshape(-1, len(rows)).T
    signs = [*(sign for _, sign in ANSWER_FEATURES), *[0] * others.shape[1]]
    both = np.hstack([matrix, others])[chosen]
    fitted = logistic.fit(both, labels[chosen], importance[chosen], ANSWER_PENALTY, signs)
    size = matrix.shape[1]
    intercept = fitted.intercept - float((fitted.means[size:] / fitted.scales[size:] * fitted.weights[size:]).sum())
    return logistic.Fitted(fitted.means[:size], fitted.scales[:size], fitted.weights[:size], intercept)


def trust_of(rows: Sequence[AnswerRow], supports: Sequence[Sequence[float]], logits: Matrix) -> Matrix:
    """(answers,) trust as the product gives it."""
    trust, kept_down = sigmoid(logits), doubted(rows, supports)
    for number, (row, each) in enumerate(zip(rows, supports, strict=True)):
        if len(each) == 1:
            trust[number] = each[0]
            continue
        limits = [claim.limit for claim in row.claims if claim.certain]
        trust[number] = capped(float(trust[number]), doubted=bool(kept_down[number]), limits=limits)
    return trust


def trust_out_of_fold(rows: Sequence[AnswerRow], supports: Sequence[Sequence[float]], matrix: Matrix) -> Matrix:
    """(answers,) trust by a regression that has not seen the answer's source, over out-of-fold supports."""
    folds = np.array([fold_of(row.group) for row in rows])
    logits = np.zeros(len(rows))
    for fold in range(FOLDS):
        logits[folds == fold] = fit_answers(rows, matrix, folds != fold).logits(matrix[folds == fold])
    return trust_of(rows, supports, logits)


def linear(fitted: logistic.Fitted) -> Linear:
    """The regression in its shipped form."""
    return Linear(
        means=_rounded(fitted.means),
        scales=_rounded(fitted.scales),
        weights=_rounded(fitted.weights),
        intercept=round(fitted.intercept, 5),
    )


def _rounded(values: Matrix) -> tuple[float, ...]:
    return tuple(float(value) for value in values.round(5))


def best_threshold(unsupported: Flags, scores: Matrix) -> float:
    """The threshold that flags what lies below it with the highest F1 of the unsupported."""
    candidates = np.quantile(scores, np.linspace(0.01, 0.99, 197))
    return float(max(candidates, key=lambda each: f1(unsupported, scores < each)))


def f1(unsupported: Flags, flagged: Flags) -> float:
    """F1 of the unsupported class."""
    hits = float((unsupported & flagged).sum())
    return 2 * hits / float(unsupported.sum() + flagged.sum()) if hits else 0.0


def report(rows: Sequence[AnswerRow], supports: Sequence[Sequence[float]], trust: Matrix) -> None:
    """By set: claims' AUROC, share kept and caught at one half, and answers' AUROC, mean trust and rate."""
    for file in dict.fromkeys(row.file for row in rows):
        chosen = [number for number, row in enumerate(rows) if row.file == file]
        pairs = [
            (claim.supported, support)
            for number in chosen
            for claim, support in zip(rows[number].claims, supports[number], strict=True)
            if claim.supported is not None
        ]
        labels, found = np.array([label for label, _ in pairs], dtype=bool), np.array([support for _, support in pairs])
        truth = np.array([rows[number].supported for number in chosen])
        kept = float((found[labels] >= 0.5).mean()) if labels.any() else float("nan")
        caught = float((found[~labels] < 0.5).mean()) if (~labels).any() else float("nan")
        print(
            f"  {file:18s} claims {len(pairs):5d} AUROC {logistic.auroc(labels, found):.3f} kept {kept:.2f} caught {caught:.2f}"
            f" | answers {len(chosen):4d} AUROC {logistic.auroc(truth, trust[chosen]):.3f}"
            f" mean {trust[chosen].mean():.2f} of {truth.mean():.2f}"
        )


class Fit:
    """Everything fitted and its out-of-fold scores; the stacked half is that of the features alone without networks."""

    def __init__(self, rows: Sequence[AnswerRow], verdicts: Sequence[Sequence[Verdict | None]] | None) -> None:
        self.rows = rows
        table = Table(rows, verdicts)
        everything, everyone = np.ones(len(table.place), dtype=bool), np.ones(len(rows), dtype=bool)
        logits = out_of_fold(table, stacked=False)
        scale = fit_calibration(table, logits)
        plain_logits = logits * scale[0] + scale[1]
        plain = sigmoid(plain_logits)
        self.plain_supports, read = supports_of(table, plain, None)
        matrix = answer_matrix(rows, self.plain_supports, read)
        self.supports = self.plain_supports
        self.plain_trust = self.trust = trust_out_of_fold(rows, self.plain_supports, matrix)
        self.plain_trees = self.trees = boosting.calibrated(fit_claims(table, everything, stacked=False), *scale)
        self.plain_answer = self.answer = fit_answers(rows, matrix, everyone)
        self.joint = NO_JOINT
        if table.stacked is not None:
            trees_logits = out_of_fold(table, stacked=True)
            logits = joint_out_of_fold(table, plain_logits, trees_logits)
            scale = fit_calibration(table, logits)
            logits = logits * scale[0] + scale[1]
            share = ROWS_SHARE * table.on_rows
            entailed = table.stacked[:, len(FEATURE_NAMES)] + ROWS_SHIFT
            self.supports, read = supports_of(table, plain, sigmoid((1 - share) * logits + share * entailed))
            matrix = answer_matrix(rows, self.supports, read)
            self.trust = trust_out_of_fold(rows, self.supports, matrix)
            self.trees = boosting.calibrated(fit_claims(table, everything, stacked=True), 1.0, 0.0)
            self.joint = calibrated(fit_joint(table, plain_logits, trees_logits, everything), *scale)
            self.answer = fit_answers(rows, matrix, everyone)
        labels = np.array([row.supported for row in rows])
        asked = np.array([row.file == "ragtruth_qa_adapt" for row in rows])
        self.answer_threshold = best_threshold(~labels[asked], self.trust[asked])
        self.answer_f1 = f1(~labels[asked], self.trust[asked] < self.answer_threshold)

    def weights(self) -> TrustWeights:
        """The shipped form."""
        return TrustWeights(
            version=VERSION,
            features=FEATURE_NAMES,
            answer_features=ANSWER_FEATURE_NAMES,
            plain=self.plain_trees,
            stacked=self.trees,
            joint=self.joint,
            rows_share=ROWS_SHARE,
            rows_shift=ROWS_SHIFT,
            answer_plain=linear(self.plain_answer),
            answer_stacked=linear(self.answer),
            settled=SETTLED,
            threshold=0.5,
            answer_threshold=round(self.answer_threshold, 4),
        )


def fitted(scratch: Path, networks: Path | None, *, jobs: int = 1) -> Fit:
    """Reads the training sets (from `scratch` where that was done) and fits everything."""
    rows = rows_of(TRAINING_SETS, scratch, jobs=jobs)
    return Fit(rows, None if networks is None else verdicts_of(rows, networks, scratch, seen=True, jobs=jobs))


def main() -> None:
    """Read, fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder for what was read")
    parser.add_argument(
        "--networks", type=Path, help="folder with fold_0.onnx … of the entailment network; without, features alone"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="measure only, leave the shipped weights")
    arguments = parser.parse_args()
    fit = fitted(arguments.scratch, arguments.networks, jobs=arguments.jobs)
    print("features and checks, out of fold:")
    report(fit.rows, fit.plain_supports, fit.plain_trust)
    if arguments.networks is not None:
        print("with the entailment network, out of fold:")
        report(fit.rows, fit.supports, fit.trust)
    print("answer weights", dict(zip(ANSWER_FEATURE_NAMES, fit.answer.weights.round(2).tolist(), strict=True)))
    print("answer threshold", round(fit.answer_threshold, 3), "F1 there", round(fit.answer_f1, 3))
    if not arguments.keep:
        TARGET.write_bytes(msgspec.json.encode(fit.weights()) + b"\n")
        print(f"{TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
