"""Measures the trust score on every set against its floors, with intervals, and its latency and memory; writes RESULTS.md. One
command: python bench/trust/run.py --scratch FOLDER --networks FOLDER, in the environment that fits the weights."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "training" / "trust"), str(HERE)]

import fit as fitting  # noqa: E402
import logistic  # noqa: E402
from examples import GROUNDING_DEV, GROUNDING_TRAIN, Answer, own_cases, training_answers  # noqa: E402
from extract import AnswerRow, rows_of  # noqa: E402
from floors import Similarity, answer_length, lexical_overlap  # noqa: E402
from measures import Flags, Measured, Scores, f1, interval, measure, span_f1  # noqa: E402
from verdicts import Verdict, verdicts_of  # noqa: E402

from groundcrew.grounding.trust import TrustScorer  # noqa: E402
from groundcrew.grounding.weights import Model, load_weights  # noqa: E402

RESULTS = HERE / "RESULTS.md"
#: Sets whose supported claims are rewordings by people: what must not be flagged.
REWORDINGS = ("wikisplit_en", "sgd_en", "dart_en", "stsb_en", "deplain_web_de", "rte3_de", "own_cases")
#: Answers of a set that the product itself scores, and how far it may be from the table (rounded supports).
SAMPLE, TOLERANCE = 12, 0.02
#: Sets on which the similarity floor is measured: encoding every sentence of the others would take longer than all the rest.
SIMILARITY_SETS = ("ragtruth_qa_adapt", "infotabs_dev", "begin_wow_dev", "begin_tc_dev")
WITHOUT_FOLDS = "; the networks of the folds were not at hand, so that the stack is missing there"
#: What the networks of the folds are called; without them the stack is not measured out of fold.
FIRST_FOLD = "fold_0.onnx"


#: The set on half of which, by source document, the network's share of claims on rows was chosen.
CHOSEN_ON = "infotabs_dev"


def is_chosen_on(group: str) -> bool:
    """Whether a source document is of the half that choices were made on."""
    return hashlib.sha256(group.encode()).digest()[0] % 2 == 0


class Scored(msgspec.Struct, kw_only=True):
    """One answer of a set with everything that is compared: unsupported spans are those below the claim threshold."""

    group: str
    supported: bool
    length: int
    labelled: list[tuple[int, int]] | None
    marked: list[tuple[int, int]]
    trust: float
    plain: float


def from_fit(fit: fitting.Fit) -> dict[str, dict[str, Scored]]:
    """Out-of-fold scores of the sets that took part in the fit, by file and id."""
    found: dict[str, dict[str, Scored]] = defaultdict(dict)
    for number, row in enumerate(fit.rows):
        marked = [
            (claim.start, claim.end) for claim, support in zip(row.claims, fit.supports[number], strict=True) if support < 0.5
        ]
        found[row.file][row.id] = Scored(
            group=row.group,
            supported=row.supported,
            length=row.length,
            labelled=row.spans,
            marked=marked,
            trust=float(fit.trust[number]),
            plain=float(fit.plain_trust[number]),
        )
    return found


def from_weights(rows: Sequence[AnswerRow], model: Model, scratch: Path, networks: Path | None) -> dict[str, Scored]:
    """Scores of a set that took no part, by the shipped weights and network, by id."""
    verdicts = None if networks is None else verdicts_of(rows, networks, scratch, seen=False)
    table = fitting.Table(rows, verdicts)
    plain = model.plain(table.features)
    plain_supports, read = fitting.supports_of(table, plain, None)
    plain_trust = fitting.trust_of(
        rows, plain_supports, model.weights.answer_plain.logits(fitting.answer_matrix(rows, plain_supports, read))
    )
    supports, trust = plain_supports, plain_trust
    if table.stacked is not None:
        supports, read = fitting.supports_of(table, plain, model.stacked(table.stacked, table.on_rows))
        trust = fitting.trust_of(rows, supports, model.weights.answer_stacked.logits(fitting.answer_matrix(rows, supports, read)))
    return {
        row.id: Scored(
            group=row.group,
            supported=row.supported,
            length=row.length,
            labelled=row.spans,
            marked=[(claim.start, claim.end) for claim, each in zip(row.claims, supports[number], strict=True) if each < 0.5],
            trust=float(trust[number]),
            plain=float(plain_trust[number]),
        )
        for number, row in enumerate(rows)
    }


def check_product(rows: dict[str, Scored], answers: Sequence[Answer], scorer: TrustScorer) -> None:
    """The table's figures are the product's: a sample is scored by the product itself."""
    for answer in [answer for answer in answers if answer.id in rows][:: max(1, len(answers) // SAMPLE)]:
        trust = scorer.score(answer.text, answer.sources, answer.question).trust
        if trust is None or abs(trust - rows[answer.id].trust) > TOLERANCE:
            raise SystemExit(f"{answer.id}: the product says {trust}, the table {rows[answer.id].trust}; fit the weights first")


def set_rows(
    name: str,
    scored: dict[str, Scored],
    answers: Sequence[Answer],
    scratch: Path,
    threshold: float | None,
    *,
    stacked: bool = True,
) -> list[str]:
    """The lines of one set, floors first; without `stacked` no line of the stack, which was not measured."""
    known = [answer for answer in answers if answer.id in scored]
    unsupported = np.array([not answer.supported for answer in known])
    groups = [answer.group for answer in known]
    every = [scored[answer.id] for answer in known]
    systems: dict[str, Scores] = {
        "answer length": np.array([answer_length(answer) for answer in known]),
        "lexical overlap": np.array([lexical_overlap(answer) for answer in known]),
        **({"MiniLM similarity": similarity(name, known, scratch)} if name in SIMILARITY_SETS else {}),
        "features and checks": np.array([each.plain for each in every]),
        **({"**groundcrew**": np.array([each.trust for each in every])} if stacked else {}),
    }
    lines = []
    for system, scores in systems.items():
        ours = system in ("features and checks", "**groundcrew**")
        found = measure(unsupported, scores, groups, calibrated=ours)
        marked = span_figure(every) if system == "**groundcrew**" else None
        fixed = f1(unsupported, scores < threshold) if threshold is not None and system == "**groundcrew**" else None
        lines.append(_line(name, found, system, fixed, marked))
        print(lines[-1], flush=True)
    return lines


def similarity(name: str, answers: Sequence[Answer], scratch: Path) -> Scores:
    """The similarity floor, kept in `scratch`: encoding every sentence takes minutes."""
    path = scratch / f"similarity-{name}.json"
    kept: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    if any(answer.id not in kept for answer in answers):
        score = Similarity()
        kept |= {answer.id: score(answer) for answer in answers if answer.id not in kept}
        path.write_text(json.dumps(kept))
    return np.array([kept[answer.id] for answer in answers])


def span_figure(every: Sequence[Scored]) -> float | None:
    """Span F1 over answers whose unsupported characters are labelled, or which are supported."""
    chosen = [each for each in every if each.labelled or each.supported]
    if not any(each.labelled for each in chosen):
        return None
    return span_f1([each.length for each in chosen], [each.labelled or [] for each in chosen], [each.marked for each in chosen])


def gains(fit: fitting.Fit) -> list[str]:
    """AUROC that the network adds, with an interval over source documents."""
    lines = []
    for file in GROUNDING_TRAIN:
        chosen = np.array([number for number, row in enumerate(fit.rows) if row.file == file])
        unsupported = np.array([not fit.rows[number].supported for number in chosen])
        groups = [fit.rows[number].group for number in chosen]

        def gain(rows: Scores, chosen: Scores = chosen, unsupported: Flags = unsupported) -> float:
            with_network = logistic.auroc(unsupported[rows], -fit.trust[chosen][rows])
            return with_network - logistic.auroc(unsupported[rows], -fit.plain_trust[chosen][rows])

        every = np.arange(len(chosen))
        low, high = interval(groups, gain)
        lines.append(f"| {file} | {gain(every):+.3f} | {low:+.3f} to {high:+.3f} |")
    return lines


def rewordings(fit: fitting.Fit, alone: Sequence[Sequence[Verdict | None]] | None) -> list[str]:
    """False alarms on claims that people reworded faithfully: by the score, by a veto, by the network alone."""
    lines = []
    for file in REWORDINGS:
        kept: list[tuple[float, bool, float | None]] = []
        for number, row in enumerate(fit.rows):
            if row.file != file:
                continue
            for place, claim in enumerate(row.claims):
                if claim.supported and claim.features is not None:
                    verdict = alone[number][place] if alone is not None else None
                    kept.append((fit.supports[number][place], claim.vetoed, None if verdict is None else verdict[0]))
        flagged, vetoed = np.mean([s < 0.5 for s, _, _ in kept]), np.mean([veto for _, veto, _ in kept])
        network = [verdict < 0.5 for _, _, verdict in kept if verdict is not None]
        lines.append(
            f"| {file} | {len(kept)} | {flagged:.3f} | {vetoed:.3f} | {_figure(float(np.mean(network)) if network else None)} |"
        )
    return lines


def own_case_lines(scorer: TrustScorer) -> list[str]:
    """Recall by kind of fault, and false alarms on rewordings, of cases seen in tuning and held back."""
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for held_back in (False, True):
        for case in own_cases(held_back=held_back):
            report = scorer.score(case["answer"], case["sources"])
            trust = report.trust or 0.0
            vetoed = any(claim.decided_by == "checks" for claim in report.claims)
            kind = "faithful rewording" if case["supported"] else case["kind"]
            counts[kind]["held back" if held_back else "seen"].append(trust < 0.5)
            if case["supported"]:
                counts["faithful rewording, by a veto"]["held back" if held_back else "seen"].append(vetoed)
    return [f"| {kind} | {_share(found['seen'])} | {_share(found['held back'])} |" for kind, found in sorted(counts.items())]


def _share(flags: Sequence[bool]) -> str:
    return f"{sum(flags)}/{len(flags)}" if flags else "–"


def _line(name: str, found: Measured, system: str, fixed: float | None, marked: float | None) -> str:
    interval_text = f"{found.auroc:.3f} ({found.low:.3f}–{found.high:.3f})"
    figures = " | ".join(_figure(value) for value in (found.f1, fixed, marked, found.ece))
    return f"| {name} | {found.n} | {found.rate:.2f} | {system} | {interval_text} | {figures} |"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def latency() -> str:
    """One sentence on time and memory, measured in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = json.loads(
        subprocess.run(
            [sys.executable, str(HERE / "latency.py")], env=environment, check=True, capture_output=True, text=True
        ).stdout
    )
    (cold, cold_90), (warm, warm_90) = found["cold_ms"], found["warm_ms"]
    return (
        f"{found['answers']} answers of five to seven claims with {found['tokens']:.0f} tokens of passages on average, of whose "
        f"claims {found['asked']:.1f} reach the network; one thread. Cold (no sentence and no pair read before): p50 {cold:.0f} "
        f"ms, p90 {cold_90:.0f} ms. Warm: p50 {warm:.0f} ms, p90 {warm_90:.0f} ms. Of processor time, which other work on the "
        f"machine does not lengthen: cold p50 {found['cold_cpu_ms'][0]:.0f} ms, p90 {found['cold_cpu_ms'][1]:.0f} ms, warm p50 "
        f"{found['warm_cpu_ms'][0]:.0f} ms. Memory of the process: {found['memory_mb']:.0f} MB."
    )


HEAD = """# Trust score: results

{date}, {machine}, {cores} cores shared with other work, Python {python}, one thread. Written by `bench/trust/run.py`.

Positive class: an answer with an unsupported claim. AUROC with a 95 % bootstrap interval over source documents. F1 with
thresholds from the other documents of the same set (five folds), and at the one threshold of the fit ({threshold:.3f}, from
out-of-fold scores on RAGTruth). Span F1: characters of claims below 0.5. ECE: ten bins of equal width.

Sets under "out of fold" took part in the fit; every figure on them is by weights, and by a network, that have not seen the
answer's source document{left_out}. Sets under "unseen" took no part, but that on half of InfoTabs dev, by table, it was
chosen how far the network outweighs words on rows: "other half" is the half that was not looked at. How much each training
set counts was settled after a look at out-of-fold figures. Sets are read from the sibling folder shared/data.
"""


def run(fit: fitting.Fit, scratch: Path, networks: Path | None, jobs: int) -> str:
    """All tables as Markdown."""
    folds = networks if networks is not None and (networks / FIRST_FOLD).exists() else None
    alone = None if folds is None else verdicts_of(fit.rows, folds, scratch, seen=True, jobs=jobs)
    model = Model(load_weights())
    shipped_threshold = model.weights.answer_threshold
    scorer = TrustScorer.shipped()
    columns = ("set", "n", "unsupported", "system", "AUROC", "F1", "F1 at the fit's threshold", "span F1", "ECE")
    header = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    seen: list[str] = []
    by_fit = from_fit(fit)
    for name in GROUNDING_TRAIN:
        threshold = fit.answer_threshold if name == "ragtruth_qa_adapt" else None
        seen += set_rows(name, by_fit[name], training_answers(name), scratch, threshold, stacked=folds is not None)
    unseen: list[str] = []
    for name in GROUNDING_DEV:
        answers = training_answers(name)
        scored = from_weights(rows_of([name], scratch), model, scratch, networks)
        check_product(scored, answers, scorer)
        unseen += set_rows(name, scored, answers, scratch, shipped_threshold)
        if name == CHOSEN_ON:
            other = {key: each for key, each in scored.items() if not is_chosen_on(each.group)}
            unseen += set_rows(f"{name}, other half", other, answers, scratch, shipped_threshold)
    parts = [
        HEAD.format(
            date=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            machine=platform.machine(),
            cores=os.cpu_count(),
            python=platform.python_version(),
            threshold=shipped_threshold,
            left_out=""
            if folds is not None
            else "; the networks of the folds were not at hand, so that the stack is missing there",
        ),
        "## Out of fold\n\n" + header + "\n".join(seen),
        "## Unseen\n\n" + header + "\n".join(unseen),
    ]
    if folds is not None:
        parts.append("## What the network adds\n\n| set | AUROC | 95 % interval |\n|---|---|---|\n" + "\n".join(gains(fit)))
    columns = ("set", "faithful claims", "flagged", "vetoed by a check", "flagged by the network alone")
    parts.append(
        "## False alarms on rewordings\n\n"
        + f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
        + "\n".join(rewordings(fit, alone))
        + ("" if folds is not None else "\n\nFlagged by features and checks, without the network.")
    )
    parts.append(
        "## Own short cases\n\nFlagged (trust below 0.5), of all; one planted fault each, or a faithful rewording.\n\n"
        "| kind | seen in tuning | held back |\n|---|---|---|\n" + "\n".join(own_case_lines(scorer))
    )
    parts.append("## Latency and memory\n\n" + latency())
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder for what was read; kept between runs")
    parser.add_argument("--networks", type=Path, help="folder with model.onnx and fold_0.onnx … of the network")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="print only, leave RESULTS.md")
    arguments = parser.parse_args()
    has_folds = arguments.networks is not None and (arguments.networks / FIRST_FOLD).exists()
    fit = fitting.fitted(arguments.scratch, arguments.networks if has_folds else None, jobs=arguments.jobs)
    report = run(fit, arguments.scratch, arguments.networks, arguments.jobs)
    print(report)
    if not arguments.keep:
        RESULTS.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
