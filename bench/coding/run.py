"""Trains the coder on CodiEsp's training cases, reports on its development cases in both languages, and writes RESULTS.md.

One command: python bench/coding/run.py. All that is chosen is chosen by cross-validation in the training cases.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from data import FOLDER, LANGUAGES, examples  # noqa: E402

from groundcrew.tuned.coder import LoadedCoder, load_coder  # noqa: E402
from groundcrew.tuned.model import FORMAT, Manifest, Prediction  # noqa: E402
from groundcrew.tuning.architecture import Fitted, Step  # noqa: E402
from groundcrew.tuning.coder import CoderArchitecture  # noqa: E402
from groundcrew.tuning.coder_metrics import calibration_error, measure  # noqa: E402
from groundcrew.tuning.examples import Example  # noqa: E402

SEED = 7
SETTINGS = {"code_system": "icd-10-cm"}
_DRAWS = 1_000
_TIMED = 40
_FIGURES = (
    ("micro_f1", "micro F1"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("macro_f1", "macro F1"),
    ("map", "MAP"),
    ("precision_at_1", "P@1"),
    ("precision_at_5", "P@5"),
    ("precision_at_10", "P@10"),
    ("micro_f1_seen", "micro F1, codes seen in training"),
    ("micro_f1_unseen", "micro F1, codes not seen"),
    ("recall_unseen", "recall, codes not seen"),
    ("ece", "calibration error of the scores"),
    ("all_right", "cases with exactly the right codes"),
)


def fitted_coder(train: Sequence[Example], work: Path, settings: dict[str, object]) -> tuple[Fitted, LoadedCoder, float]:
    """The fit, the model as it is served, and CPU seconds of training."""
    folder = work / "model"
    folder.mkdir(parents=True, exist_ok=True)
    last = [""]

    def progress(step: Step) -> None:
        if step.message != last[0]:
            last[0] = step.message
            print(f"{step.done}/{step.total} {step.message}", file=sys.stderr, flush=True)

    begun = time.process_time()
    fitted = CoderArchitecture().fit(
        train,
        [],
        settings={**SETTINGS, **settings},
        seed=SEED,
        folder=folder,
        checkpoints=work / "checkpoints",
        progress=progress,
    )
    spent = time.process_time() - begun
    manifest = Manifest(
        format=FORMAT,
        name="coding",
        architecture="coder",
        multi_label=True,
        labels=fitted.labels,
        data_set="codiesp",
        data_revision="",
        seed=SEED,
        threshold=fitted.threshold,
        files={},
        person_below=fitted.person_below,
    )
    return fitted, load_coder(folder, manifest), spent


def interval(predictions: Sequence[Prediction], truth: Sequence[set[str]], key: str, known: set[str]) -> tuple[float, float]:
    """95 % interval of a figure: the cases are drawn again and again (bootstrap, Efron 1979)."""
    draw = np.random.default_rng(SEED)
    kept = [set(each.labels) for each in predictions]
    counts = np.array([[len(one & other), len(one), len(other)] for one, other in zip(kept, truth, strict=True)])
    values = []
    for _ in range(_DRAWS if key == "micro_f1" else 100):
        chosen = draw.integers(0, len(truth), len(truth))
        if key == "micro_f1":
            right, said, there = counts[chosen].sum(axis=0)
            values.append(2 * right / (said + there))
        else:
            scores = [s.score for at in chosen for s in predictions[at].suggestions]
            hits = [float(s.label in truth[at]) for at in chosen for s in predictions[at].suggestions]
            values.append(calibration_error(scores, hits))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def milliseconds(model: LoadedCoder, texts: Sequence[str]) -> tuple[float, float]:
    """CPU milliseconds a case, each asked for alone: the mean and the 95th percentile."""
    spent = []
    for text in texts[:_TIMED]:
        begun = time.process_time()
        model.predict([text])
        spent.append(1000 * (time.process_time() - begun))
    return float(np.mean(spent)), float(np.quantile(spent, 0.95))


def report(development: Sequence[Example], fitted: Fitted, model: LoadedCoder, known: set[str]) -> list[str]:
    """The table of figures by language."""
    columns, predicted = [], {}
    for language in LANGUAGES:
        chosen = [example for example in development if example.language == language]
        truth = [set(example.labels) for example in chosen]
        predictions = predicted[language] = model.predict([example.text for example in chosen])
        figures = measure(predictions, truth, known)
        cells = {key: f"{figures[key]:.3f}" for key, _ in _FIGURES}
        for key in ("micro_f1", "ece"):
            low, high = interval(predictions, truth, key, known)
            cells[key] += f" ({low:.3f}–{high:.3f})"
        held_out = fitted.metrics.get(f"cross_validated_micro_f1_{language}")
        cells["held"] = "—" if held_out is None else f"{held_out:.3f}"
        mean, slow = milliseconds(model, [example.text for example in chosen])
        cells["ms"] = f"{mean:.0f} ({slow:.0f})"
        columns.append(cells)
    rows = [*_FIGURES, ("held", "micro F1, cross-validated in train"), ("ms", "CPU ms a case, mean (95th percentile)")]
    lines = ["| | " + " | ".join(LANGUAGES) + " |", "|---|" + "---|" * len(LANGUAGES)]
    return lines + [f"| {name} | " + " | ".join(cells[key] for cells in columns) + " |" for key, name in rows]


def held_out(fitted: Fitted, name: str) -> str:
    """A figure of the cross-validation with its interval."""
    ends = [fitted.metrics.get(f"cross_validated_{name}{end}") for end in ("", "_low", "_high")]
    value, low, high = ("—" if each is None else f"{each:.3f}" for each in ends)
    return f"{value} ({low}–{high})"


def answered(development: Sequence[Example], model: LoadedCoder) -> str:
    """How many of the development cases go without a person, and how good they are."""
    found = []
    for example in development:
        (prediction,) = model.predict([example.text])
        kept, truth = set(prediction.labels), set(example.labels)
        if not prediction.needs_person:
            found.append(2 * len(kept & truth) / max(1, len(kept) + len(truth)))
    mean = f"{np.mean(found):.3f}" if found else "—"
    return f"on the development cases {len(found) / len(development):.3f} and {mean}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="keeps the model and checkpoints here, and goes on with them")
    parser.add_argument("--settings", default="{}", help="settings of the architecture, as JSON")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md")
    arguments = parser.parse_args()
    if not FOLDER.is_dir():
        sys.exit(f"the data is not there: {FOLDER}")
    work = arguments.work or Path(tempfile.mkdtemp(prefix="coding-"))
    train, development = examples("train"), examples("dev", evidence=False)
    fitted, model, spent = fitted_coder(train, work, json.loads(arguments.settings))
    known = {label for example in train for label in example.labels}
    lines = report(development, fitted, model, known)
    today = datetime.datetime.now(datetime.UTC).date()
    size = sum(path.stat().st_size for path in (work / "model").iterdir()) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    facts = [
        f"Trained {today} on {len(train)} examples ({len(train) // len(LANGUAGES)} cases in {len(LANGUAGES)}",
        f"languages, evidence in Spanish only), {spent:.0f} CPU seconds, {memory:.1f} GB at most; model folder {size:.1f} MB.",
        f"Threshold {fitted.threshold:.3f}. {platform.processor() or platform.machine()}, Python {platform.python_version()},",
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}. Micro F1 and calibration error with 95 % bootstrap",
        "intervals over cases.",
        "",
        f"Below a trust of {fitted.person_below:.3f} a person codes. On held-out training cases (95 % intervals):",
        f"{held_out(fitted, 'answered_share')} go without, their mean F1 is {held_out(fitted, 'answered_f1')};",
        answered(development, model),
    ]
    heading = "# Codes for clinical cases: the development cases of CodiEsp"
    note = HERE / "NOTES.md"
    told = [note.read_text(encoding="utf-8").rstrip()] if note.is_file() else []
    arguments.output.write_text("\n".join([heading, "", *facts, "", *lines, "", *told, ""]), encoding="utf-8")
    print("\n".join(lines))
    if arguments.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
