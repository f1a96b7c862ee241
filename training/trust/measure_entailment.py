"""Measures the int8 networks that ship: the folds' networks on groups that they never saw, the final one on sets that were never
learnt from; writes the figures into the model card.

    python training/trust/measure_entailment.py --arrays FOLDER --networks FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import logistic
import msgspec
import numpy as np
import numpy.typing as npt
from pairs import FOLDS, SUPPORTED, WORDS_ONLY, Pair, fold_of
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "src"))

from groundcrew.grounding.entailment import SHIPPED_MODEL, Entailment, encode_pair  # noqa: E402

Scores = npt.NDArray[np.float64]
#: Pairs of each set that are measured; answers are taken whole.
SIZES = {
    "ragtruth_qa": 10_000, "summedits": 1_400, "infotabs": 1_000, "quintd": 1_200, "frank": 500, "fib": 400, "xquad_en": 300,
    "sgd_en": 300, "wikisplit_en": 200, "deplain_web_de": 400, "stsb_en": 250, "dart_en": 202, "med_en": 250, "mnli_dev_en": 500,
    "rte3_de": 600, "pawsx_de": 300, "forum_te_de": 250, "xquad_xling": 250, "own_cases": 200, "business_en": 400,
    "business_de": 300, "planted": 600, "dev:infotabs_dev": 1_000, "dev:wice_claim_dev": 400, "dev:begin_wow_dev": 450,
    "dev:begin_tc_dev": 400, "dev:own_cases": 100,
}  # fmt: skip
#: Sets whose supported claims are free rewordings by people.
REWORDINGS = ("sgd_en", "wikisplit_en", "deplain_web_de", "stsb_en", "dart_en", "mnli_dev_en", "rte3_de", "xquad_en", "own_cases")
#: The operating point flags this share of the rewordings, each set counting the same.
ALARMS = 0.20
DRAWS = 500


def chosen(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs that are measured, by set, all claims of an answer together."""
    found: dict[str, list[Pair]] = {}
    for name, size in SIZES.items():
        mine = [pair for pair in pairs if pair.set == name and pair.label != WORDS_ONLY]
        answers = sorted({pair.answer for pair in mine})
        random.Random(3).shuffle(answers)
        by_answer: dict[str, list[Pair]] = {}
        for pair in mine:
            by_answer.setdefault(pair.answer, []).append(pair)
        taken: list[Pair] = []
        for answer in answers:
            if len(taken) >= size:
                break
            taken += by_answer[answer]
        found[name] = taken
    return found


def score(networks: Callable[[str], Entailment], pairs: Sequence[Pair], name: str) -> Scores:
    """(n, 3): P(supported), the highest and the mean P(unsupported) of the claim's tokens; out of fold for learnt sets."""
    scores = np.zeros((len(pairs), 3))
    for number, pair in enumerate(pairs):
        network = networks("final" if name.startswith("dev:") else str(fold_of(pair.group)))
        (reading,) = network.read([(pair.evidence, pair.claim)])
        words = [chance for _, _, chance in reading.words] or [1.0]
        scores[number] = reading.supported, max(words), float(np.mean(words))
    return scores


def doubt(scores: Scores) -> Scores:
    """(n,): how unsupported, from the pair's head and the tokens' head together, in log odds."""
    clipped = np.clip(scores, 1e-4, 1 - 1e-4)
    odds = np.log(clipped / (1 - clipped))
    return np.asarray(-odds[:, 0] + 0.5 * odds[:, 1])


def by_answer(pairs: Sequence[Pair], scores: Scores) -> tuple[npt.NDArray[np.bool_], Scores, list[str]]:
    """Of each answer: whether a claim is unsupported, the highest score, and its group."""
    found: dict[str, tuple[bool, float, str]] = {}
    for pair, value in zip(pairs, scores, strict=True):
        before = found.get(pair.answer, (False, -np.inf, pair.group))
        found[pair.answer] = (before[0] or pair.label != SUPPORTED, max(before[1], float(value)), pair.group)
    values = list(found.values())
    return np.array([v[0] for v in values]), np.array([v[1] for v in values]), [v[2] for v in values]


def interval(labels: npt.NDArray[np.bool_], scores: Scores, groups: Sequence[str]) -> str:
    """AUROC with a 95 % bootstrap interval over groups, or a dash where there is one class only."""
    area = logistic.auroc(labels, scores)
    if np.isnan(area):
        return "–"
    names = sorted(set(groups))
    members = {name: np.flatnonzero(np.array(groups) == name) for name in names}
    draw, areas = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = np.concatenate([members[names[number]] for number in draw.integers(0, len(names), len(names))])
        areas.append(logistic.auroc(labels[rows], scores[rows]))
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    return f"{area:.3f} ({low:.3f}–{high:.3f})"


def operating_point(measured: dict[str, tuple[list[Pair], Scores]]) -> float:
    """The P(supported) below which `ALARMS` of the supported rewordings lie, each set counting the same."""
    supported = [
        np.array([value for pair, value in zip(pairs, scores[:, 0], strict=True) if pair.label == SUPPORTED])
        for pairs, scores in (measured[name] for name in REWORDINGS)
    ]
    grid = np.linspace(0.02, 0.9, 441)
    rates = np.array([np.mean([(values < threshold).mean() for values in supported]) for threshold in grid])
    return float(grid[np.flatnonzero(rates <= ALARMS)[-1]]) if (rates <= ALARMS).any() else float(grid[0])


def table(measured: dict[str, tuple[list[Pair], Scores]], threshold: float) -> list[str]:
    """The card's rows."""
    lines = [
        "| set | pairs | unsupported | claims: AUROC, pair head | both heads | answers: both heads "
        "| supported flagged | unsupported flagged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (pairs, scores) in measured.items():
        labels = np.array([pair.label != SUPPORTED for pair in pairs])
        groups = [pair.group for pair in pairs]
        answers, worst, answer_groups = by_answer(pairs, doubt(scores))
        flagged = scores[:, 0] < threshold
        alarms = f"{flagged[~labels].mean():.2f}" if (~labels).any() else "–"
        caught = f"{flagged[labels].mean():.2f}" if labels.any() else "–"
        whole = interval(answers, worst, answer_groups) if len(answers) < len(pairs) else "–"
        lines.append(
            f"| {name.removeprefix('dev:')}{' *' if name.startswith('dev:') else ''} | {len(pairs)} | {labels.mean():.2f} | "
            f"{interval(labels, -scores[:, 0], groups)} | {interval(labels, doubt(scores), groups)} | {whole} | "
            f"{alarms} | {caught} |"
        )
    return lines


def latency(network: Entailment, tokenizer: Tokenizer) -> str:
    """Milliseconds a pair at three lengths on one thread, with tokenising: the tenth percentile of 60, which other work on the
    machine disturbs least."""
    evidence = "Withdrawals at machines of other banks cost CHF 2.00 each and the daily limit is CHF 2'000 on every card. "
    claim = "Taking out cash at the machine of another bank costs {} francs every time."
    found = []
    for repeats in (2, 3, 4):
        times = []
        for number in range(60):
            started = time.perf_counter()
            network.score([(evidence * repeats, claim.format(number))])
            times.append((time.perf_counter() - started) * 1e3)
        tokens = len(encode_pair(tokenizer, evidence * repeats, claim.format(5))[0])
        found.append(f"{np.percentile(times, 10):.1f} ms at {tokens} tokens")
    return ", ".join(found)


def main() -> None:
    """Measure and write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=Path, required=True, help="where assemble_entailment.py wrote pairs.json")
    parser.add_argument("--networks", type=Path, required=True, help="fold_0.onnx …, model.onnx and tokenizer.json")
    parser.add_argument("--card", type=Path, default=SHIPPED_MODEL / "MODEL_CARD.md")
    arguments = parser.parse_args()
    loaded: dict[str, Entailment] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ["final", *map(str, range(FOLDS))]:
            folder = Path(scratch) / name
            folder.mkdir()
            file = "model.onnx" if name == "final" else f"fold_{name}.onnx"
            shutil.copy(arguments.networks / file, folder / "model.onnx")
            shutil.copy(arguments.networks / "tokenizer.json", folder / "tokenizer.json")
            loaded[name] = Entailment(folder)
    pairs = msgspec.json.decode((arguments.arrays / "pairs.json").read_bytes(), type=list[Pair])
    measured = {}
    for name, mine in chosen(pairs).items():
        measured[name] = (mine, score(loaded.__getitem__, mine, name))
        print(name, len(mine), flush=True)
    threshold = operating_point(measured)
    figures = "\n".join(table(measured, threshold))
    template = (HERE / "ENTAILMENT_CARD.template.md").read_text(encoding="utf-8")
    model = arguments.networks / "model.onnx"
    card = template.format(
        bytes=f"{model.stat().st_size:,}",
        figures=figures,
        threshold=f"{threshold:.2f}",
        alarms=f"{ALARMS:.2f}",
        latency=latency(loaded["final"], Tokenizer.from_file(str(arguments.networks / "tokenizer.json"))),
        learnt=f"{sum(not pair.set.startswith('dev:') for pair in pairs):,}",
        model=hashlib.sha256(model.read_bytes()).hexdigest(),
        tokenizer=hashlib.sha256((arguments.networks / "tokenizer.json").read_bytes()).hexdigest(),
    )
    arguments.card.write_text(card, encoding="utf-8")
    print(figures)


if __name__ == "__main__":
    main()
