"""Measures the trust score against its floors (answer length, lexical overlap, plain sentence similarity) on sets that it was
not fitted on, and on RAGTruth out of fold; writes RESULTS.md. One command: python bench/trust/run.py"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "training" / "trust"))

import logistic  # noqa: E402
from examples import GROUNDING_DEV, Answer, Example, case_examples, grounding_answers  # noqa: E402

from groundcrew.grounding.encoder import Encoder  # noqa: E402
from groundcrew.grounding.lexicon import tokens  # noqa: E402
from groundcrew.grounding.sentences import split_sentences  # noqa: E402
from groundcrew.grounding.trust import TrustScorer  # noqa: E402

Scores = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BOOTSTRAP_DRAWS = 1_000
RESULTS = HERE / "RESULTS.md"


class Measured(msgspec.Struct, kw_only=True):
    """One system on one set. `f1` is at the threshold that is best on the other half of the groups (two-fold)."""

    auroc: float
    auroc_low: float
    auroc_high: float
    f1: float
    span_f1: float | None = None
    ece: float | None = None


def answer_length(answer: Answer) -> float:
    """Floor: the longer, the less trusted."""
    return 1 / (1 + len(answer.text.split()))


def lexical_overlap(answer: Answer) -> float:
    """Floor: share of the answer's content words that the sources hold."""
    known = {token.stem for source in answer.sources for token in tokens(source)}
    words = [token.stem for token in tokens(answer.text) if token.is_content]
    return sum(word in known for word in words) / len(words) if words else 1.0


class Similarity:
    """Floor: the least, over the answer's sentences, of the highest cosine with a source sentence."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __call__(self, answer: Answer) -> float:
        mine = [answer.text[s.start : s.end] for s in split_sentences(answer.text)][:20]
        theirs = [source[s.start : s.end] for source in answer.sources for s in split_sentences(source)][:80]
        if not mine or not theirs:
            return 0.0
        return float((self.encoder.encode(mine) @ self.encoder.encode(theirs).T).max(axis=1).min())


class Ours:
    """The shipped score; keeps spans and latencies of what it scored."""

    def __init__(self, encoder: Encoder | None) -> None:
        self.scorer = TrustScorer(encoder)
        self.spans: dict[str, tuple[tuple[int, int], ...]] = {}
        self.latencies_ms: list[float] = []

    def __call__(self, answer: Answer) -> float:
        started = time.perf_counter()
        report = self.scorer.score(answer.text, answer.sources, answer.question)
        self.latencies_ms.append((time.perf_counter() - started) * 1e3)
        self.spans[answer.id] = report.unsupported
        return 1.0 if report.trust is None else report.trust


def best_threshold(labels: Flags, scores: Scores) -> float:
    """The threshold that flags (score below it) with the highest F1 of the unsupported class."""
    candidates = np.unique(np.append(scores, scores.max() + 1e-6))
    candidates = candidates if len(candidates) < 500 else np.quantile(candidates, np.linspace(0, 1, 500))
    return float(max(candidates, key=lambda threshold: f1(labels, scores < threshold)))


def f1(labels: Flags, flagged: Flags) -> float:
    """F1 of the unsupported class."""
    hits = float((labels & flagged).sum())
    return 2 * hits / float(labels.sum() + flagged.sum()) if hits else 0.0


def measure(answers: Sequence[Answer], scores: Scores, spans: dict[str, tuple[tuple[int, int], ...]] | None = None) -> Measured:
    """AUROC with a bootstrap interval over source documents, F1 with a threshold from the other half, spans by character."""
    labels = np.array([not answer.supported for answer in answers])
    groups = [answer.group for answer in answers]
    flagged = np.zeros(len(answers), dtype=bool)
    for train, test in logistic.folds(groups, count=2):
        flagged[test] = scores[test] < best_threshold(labels[train], scores[train])
    names = sorted(set(groups))
    members = {name: np.flatnonzero(np.array(groups) == name) for name in names}
    draw = np.random.default_rng(0)
    found = []
    for _ in range(BOOTSTRAP_DRAWS):
        chosen = np.concatenate([members[names[number]] for number in draw.integers(0, len(names), len(names))])
        area = logistic.auroc(labels[chosen], -scores[chosen])
        if not np.isnan(area):
            found.append(area)
    low, high = np.percentile(found, [2.5, 97.5]) if found else (float("nan"), float("nan"))
    return Measured(
        auroc=logistic.auroc(labels, -scores),
        auroc_low=float(low),
        auroc_high=float(high),
        f1=f1(labels, flagged),
        span_f1=span_f1(answers, spans) if spans is not None else None,
        ece=calibration_error(~labels, scores) if spans is not None else None,
    )


def span_f1(answers: Sequence[Answer], spans: dict[str, tuple[tuple[int, int], ...]]) -> float | None:
    """Micro F1 of marked characters over answers with labelled spans."""
    hits = marked = labelled = 0
    for answer in answers:
        if not answer.spans and not answer.supported:
            continue
        truth, mine = np.zeros(len(answer.text), bool), np.zeros(len(answer.text), bool)
        for start, end in answer.spans or ():
            truth[start:end] = True
        for start, end in spans[answer.id]:
            mine[start:end] = True
        hits, marked, labelled = hits + int((truth & mine).sum()), marked + int(mine.sum()), labelled + int(truth.sum())
    return 2 * hits / (marked + labelled) if labelled else None


def calibration_error(labels: Flags, scores: Scores) -> float:
    """Expected calibration error over ten bins of equal width."""
    bins = np.minimum((scores * 10).astype(int), 9)
    return float(
        sum((bins == b).mean() * abs(scores[bins == b].mean() - labels[bins == b].mean()) for b in range(10) if (bins == b).any())
    )


def own_cases() -> list[str]:
    """Recall of faults by kind and false alarms on paraphrases, tuned and held back."""
    scorer = TrustScorer(Encoder.shipped(threads=1))
    lines = []
    for held_back in (False, True):
        examples: list[Example] = case_examples(held_back=held_back)
        trusts = [scorer.score(example.claim, example.sources).trust or 0.0 for example in examples]
        faults = [trust < 0.5 for example, trust in zip(examples, trusts, strict=True) if not example.supported]
        alarms = [trust < 0.5 for example, trust in zip(examples, trusts, strict=True) if example.supported]
        vetoes = [trust <= 0.15 for example, trust in zip(examples, trusts, strict=True) if example.supported]
        name = "held back" if held_back else "seen in tuning"
        lines.append(
            f"| own cases, {name} | {sum(faults)}/{len(faults)} faults caught | "
            f"{sum(alarms)}/{len(alarms)} paraphrases flagged | "
            f"{sum(vetoes)}/{len(vetoes)} by a check |"
        )
    return lines


def run(sizes: int) -> str:
    """All tables as Markdown."""
    encoder = Encoder.shipped(threads=1)
    ours = Ours(encoder)
    systems: dict[str, Callable[[Answer], float]] = {
        "answer length": answer_length,
        "lexical overlap": lexical_overlap,
        "MiniLM similarity": Similarity(encoder),
        "groundcrew": ours,
    }
    rows = []
    for name in ("ragtruth_qa_adapt", *GROUNDING_DEV):
        answers = grounding_answers(name, sizes)
        rate = np.mean([not answer.supported for answer in answers])
        for system, score in systems.items():
            scores = np.array([score(answer) for answer in answers])
            found = measure(answers, scores, ours.spans if score is ours else None)
            extra = (
                " | – | –"
                if found.span_f1 is None and found.ece is None
                else f" | {_figure(found.span_f1)} | {_figure(found.ece)}"
            )
            interval = f"{found.auroc:.3f} ({found.auroc_low:.3f}–{found.auroc_high:.3f})"
            row = f"| {name} | {len(answers)} | {rate:.2f} | {system} | {interval} | {found.f1:.3f}{extra} |"
            rows.append(row)
            print(row, flush=True)
    cases = own_cases()
    print("\n".join(cases))
    latency = np.percentile(ours.latencies_ms, [50, 90])
    head = (
        f"# Trust score: results\n\n{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, "
        f"{platform.machine()}, {os.cpu_count()} cores shared "
        f"with other work, Python {platform.python_version()}, one thread. Written by `bench/trust/run.py`.\n\n"
        "Positive class: an answer with an unsupported claim. AUROC with a 95 % bootstrap interval "
        "over source documents; F1 at "
        "the threshold that is best on the other half of the documents. `ragtruth_qa_adapt` took "
        "part in the fit of the weights "
        "(its out-of-fold AUROC is in the model card); the other sets did not, but how much each "
        "training set counts was settled after a look at them. Sets are read from the sibling folder "
        f"shared/data; at most {sizes} answers each.\n\n"
    )
    columns = ("set", "n", "unsupported", "system", "AUROC", "F1", "span F1", "ECE")
    table = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n" + "\n".join(rows)
    title = "## Own short cases (one planted fault, or a faithful rewording)"
    own = f"\n\n{title}\n\n| cases | faults | paraphrases | of these |\n|---|---|---|---|\n" + "\n".join(cases)
    return (
        head
        + table
        + own
        + f"\n\nLatency over all answers above, cold for each: p50 {latency[0]:.0f} ms, p90 {latency[1]:.0f} ms.\n"
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=400, help="most answers of each set")
    parser.add_argument("--keep", action="store_true", help="print only, leave RESULTS.md")
    arguments = parser.parse_args()
    report = run(arguments.answers)
    if not arguments.keep:
        RESULTS.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
