"""Fits when the extractive engine answers and with which sentence, measures it out of fold (no article in both), and writes
models/trust/answerability.json. One command: python training/trust/fit_answerability.py"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import answer_data
import logistic
import msgspec
import numpy as np
import numpy.typing as npt
from answer_data import Situation, is_answer

from groundcrew.grounding.answer import (
    ANSWERABLE_FEATURES,
    CANDIDATE_FEATURES,
    SENTENCES_PER_QUESTION_MAX,
    AnswerWeights,
    Candidate,
    ExtractiveEngine,
    Linear,
    answerable_features,
    best_sentences,
)
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.questions import Ask, asks

VERSION = "2026-11-22"
TARGET = answer_data.REPOSITORY / "src" / "groundcrew" / "models" / "trust" / "answerability.json"
#: How much each set counts in the fit: the engine is made for mail to a firm, the others keep it general.
IMPORTANCE = {"bank_email": 1.0, "xquad": 1.0, "medquad": 1.0, "pubmedqa": 1.0, "clinc_oos": 1.0, "banking77": 1.0}
#: Highest accepted share of answers to what the knowledge base does not answer: out of scope, and near misses.
FALSE_OUT_OF_SCOPE_MAX, FALSE_NEAR_MISS_MAX = 0.05, 0.15
SIZES = {"xquad": 700, "medquad": 300, "pubmedqa": 200, "clinc_oos": 400, "banking77": 400}
#: Likeness and coverage can not count against a sentence.
CANDIDATE_SIGNS = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 0, 0, -1]


class Case:
    """One question of one situation, with its candidates and which of them answer."""

    def __init__(self, situation: Situation, ask: Ask, evidence: Evidence, candidates: list[Candidate]) -> None:
        self.situation, self.ask, self.evidence, self.candidates = situation, ask, evidence, candidates
        self.features = np.stack([candidate.features for candidate in candidates])
        texts = [candidate.sentence.statement.text for candidate in candidates]
        self.right = np.array([bool(situation.expected) and is_answer(text, situation.expected) for text in texts])

    def answers(self, logits: npt.NDArray[np.float64]) -> bool:
        """Whether one of the sentences that would be quoted answers."""
        quoted = best_sentences(self.candidates, logits, SENTENCES_PER_QUESTION_MAX)
        return any(is_answer(candidate.sentence.statement.text, self.situation.expected) for candidate in quoted)

    def answerable(self, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The features of the decision, given the ranking."""
        return answerable_features(self.ask, self.situation.message, self.situation.hits, self.evidence, self.candidates, logits)


def load(scratch: Path, encoder: Encoder) -> list[Situation]:
    """All situations; retrieval runs once and is kept in `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    situations: list[Situation] = []
    for name in ("bank_email", *SIZES):
        path = scratch / f"situations_{name}.json"
        if not path.exists():
            if name == "bank_email":
                found = answer_data.bank_situations(encoder)
            elif name in ("clinc_oos", "banking77"):
                found = answer_data.foreign_situations(name, encoder, SIZES[name])
            else:
                found = answer_data.question_situations(name, encoder, SIZES[name])
            path.write_bytes(msgspec.json.encode(found))
        situations.extend(msgspec.json.decode(path.read_bytes(), type=list[Situation]))
    return situations


def cases_of(situations: Sequence[Situation], encoder: Encoder) -> list[Case]:
    """Every question of every situation, described by the product's own code."""
    blank = Linear(features=(), means=(), scales=(), weights=(), intercept=0.0)
    engine = ExtractiveEngine(encoder, weights=AnswerWeights(version="", candidate=blank, answerable=blank, threshold=0.5))
    cases = []
    for situation in situations:
        if not situation.hits:
            continue
        evidence = Evidence([hit.passage.text for hit in situation.hits])
        for ask in asks(situation.message):
            candidates = engine.candidates(ask, situation.message, situation.hits, evidence)
            if candidates:
                cases.append(Case(situation, ask, evidence, candidates))
    return cases


def fit_candidates(cases: Sequence[Case]) -> logistic.Fitted:
    """Which sentence answers."""
    chosen = [case for case in cases if case.right.any() and not case.right.all()]
    groups = [(case.features, case.right) for case in chosen]
    return logistic.fit_choice(groups, [IMPORTANCE[case.situation.dataset] for case in chosen], 40.0, CANDIDATE_SIGNS)


def fit_answerable(cases: Sequence[Case], logits: Sequence[npt.NDArray[np.float64]]) -> logistic.Fitted:
    """Whether the quoted sentences answer."""
    features = np.stack([case.answerable(scores) for case, scores in zip(cases, logits, strict=True)])
    labels = np.array([case.answers(scores) for case, scores in zip(cases, logits, strict=True)])
    importance = np.array([IMPORTANCE[case.situation.dataset] for case in cases])
    return logistic.fit(features, labels, importance, penalty=10.0)


def out_of_fold(cases: Sequence[Case]) -> tuple[list[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Ranking and certainty of every case by weights that have not seen its article."""
    groups = [f"{case.situation.dataset}:{case.situation.group}" for case in cases]
    ranking: list[npt.NDArray[np.float64]] = [np.zeros(0)] * len(cases)
    certainty = np.zeros(len(cases))
    for train, test in logistic.folds(groups):
        seen = [case for case, use in zip(cases, train, strict=True) if use]
        inner = _ranking_of(seen)
        ranker, decider = fit_candidates(seen), fit_answerable(seen, inner)
        for number in np.flatnonzero(test):
            ranking[number] = ranker.logits(cases[number].features)
            certainty[number] = 1 / (1 + np.exp(-decider.logits(cases[number].answerable(ranking[number])[None, :])[0]))
    return ranking, certainty


def _ranking_of(cases: Sequence[Case]) -> list[npt.NDArray[np.float64]]:
    """Rankings of the cases, each by a fit on the other folds, so that the decision is fitted on honest rankings."""
    groups = [f"{case.situation.dataset}:{case.situation.group}" for case in cases]
    ranking: list[npt.NDArray[np.float64]] = [np.zeros(0)] * len(cases)
    for train, test in logistic.folds(groups, count=3, seed=11):
        ranker = fit_candidates([case for case, use in zip(cases, train, strict=True) if use])
        for number in np.flatnonzero(test):
            ranking[number] = ranker.logits(cases[number].features)
    return ranking


def measure(
    cases: Sequence[Case], ranking: Sequence[npt.NDArray[np.float64]], certainty: npt.NDArray[np.float64], threshold: float
) -> dict[str, dict[str, float]]:
    """Rates by kind of situation: answered, and right among the answered."""
    by_message: dict[str, list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        by_message[f"{case.situation.dataset}:{case.situation.id}"].append(number)
    rates: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for numbers in by_message.values():
        situation = cases[numbers[0]].situation
        given = [number for number in numbers if certainty[number] >= threshold]
        right = any(cases[number].answers(ranking[number]) for number in given)
        rates[kind_of(situation)].append((bool(given), right))
    return {
        kind: {
            "n": len(found),
            "answered": float(np.mean([answered for answered, _ in found])),
            "right": float(np.mean([right for answered, right in found if answered]))
            if any(a for a, _ in found)
            else float("nan"),
        }
        for kind, found in sorted(rates.items())
    }


def kind_of(situation: Situation) -> str:
    """The row of the table that a situation belongs to."""
    if situation.dataset == "bank_email":
        return (
            "bank_email answerable"
            if situation.answerable
            else f"bank_email {'out_of_scope' if situation.kind == 'out_of_scope' else 'near_miss'}"
        )
    if situation.dataset in ("clinc_oos", "banking77"):
        return f"{situation.dataset} out_of_scope" + (" (oos)" if situation.kind == "oos" else "")
    return f"{situation.dataset} {'answerable' if situation.answerable else 'near_miss'}"


def choose_threshold(
    cases: Sequence[Case], ranking: Sequence[npt.NDArray[np.float64]], certainty: npt.NDArray[np.float64]
) -> float:
    """The lowest threshold at which no kind of unanswerable mail is answered more often than accepted."""
    for threshold in np.linspace(0.1, 0.95, 86):
        rates = measure(cases, ranking, certainty, float(threshold))
        if rates["bank_email near_miss"]["answered"] <= FALSE_NEAR_MISS_MAX and all(
            rate["answered"] <= FALSE_OUT_OF_SCOPE_MAX
            for kind, rate in rates.items()
            if "out_of_scope" in kind and rate["n"] >= 100
        ):
            return float(threshold)
    return 0.95


def linear(names: tuple[str, ...], fitted: logistic.Fitted) -> Linear:
    """The shipped form of a fit."""
    return Linear(
        features=names,
        means=tuple(np.round(fitted.means, 6).tolist()),
        scales=tuple(np.round(fitted.scales, 6).tolist()),
        weights=tuple(np.round(fitted.weights, 5).tolist()),
        intercept=round(fitted.intercept, 5),
    )


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder for what retrieval found")
    parser.add_argument("--keep", action="store_true", help="measure only, leave the shipped weights")
    arguments = parser.parse_args()
    encoder = Encoder.shipped(threads=1)
    cases = cases_of(load(arguments.scratch, encoder), encoder)
    ranking, certainty = out_of_fold(cases)
    threshold = choose_threshold(cases, ranking, certainty)
    print(f"{len(cases)} questions; threshold {threshold:.2f}; out of fold:")
    for kind, rate in measure(cases, ranking, certainty, threshold).items():
        print(f"  {kind:32s} n {rate['n']:4.0f}  answered {rate['answered']:.3f}  right among answered {rate['right']:.3f}")
    inner = _ranking_of(cases)
    ranker, decider = fit_candidates(cases), fit_answerable(cases, inner)
    for names, fitted in ((CANDIDATE_FEATURES, ranker), (ANSWERABLE_FEATURES, decider)):
        print({name: round(float(weight), 2) for name, weight in zip(names, fitted.weights, strict=True)})
    if not arguments.keep:
        weights = AnswerWeights(
            version=VERSION,
            candidate=linear(CANDIDATE_FEATURES, ranker),
            answerable=linear(ANSWERABLE_FEATURES, decider),
            threshold=round(threshold, 3),
        )
        TARGET.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")


if __name__ == "__main__":
    main()
