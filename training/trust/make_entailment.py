"""Makes models/entailment from the data: pairs → vocabulary → two runs a fold → means → int8 → measurements → card. One command:

    python training/trust/make_entailment.py --scratch FOLDER

Steps whose result lies in the scratch folder are not done again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "compact"), str(HERE.parents[1] / "src")]

from export_entailment import average, export  # noqa: E402
from pairs import FOLDS  # noqa: E402
from train_entailment import SHARES  # noqa: E402
from train_entailment import main as train  # noqa: E402

MODEL = HERE.parents[1] / "src" / "groundcrew" / "models" / "entailment"
LAYERS = [0, 1, 2, 3]
MODEL_BYTES_MAX = 16_000_000


def run(script: str, *arguments: str) -> None:
    """One of the scripts beside this one, in a process of its own."""
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


def main() -> None:
    """Everything, in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=0, help="steps of every run, to try the command; 0: as shipped")
    arguments = parser.parse_args()
    arrays, runs, networks = (arguments.scratch / name for name in ("arrays", "runs", "networks"))
    if not (arrays / "pairs.npz").exists():
        run("assemble_entailment.py", "--output", str(arrays))
    networks.mkdir(parents=True, exist_ok=True)
    shutil.copy(arrays / "tokenizer.json", networks / "tokenizer.json")
    places = json.loads((arrays / "places.json").read_text())
    weights: list[Path] = []
    for fold in range(FOLDS):
        mine = []
        for schedule in sorted(SHARES):
            name = f"{schedule}{fold}"
            mine.append(runs / f"{name}.weights.npz")
            if not mine[-1].exists():
                options = ["--schedule", schedule, "--steps", str(arguments.steps), "--fold", str(fold)]
                train(["--arrays", str(arrays), "--output", str(runs), "--name", name, *options])
        export(average(mine), places, LAYERS, networks / f"fold_{fold}.onnx")
        weights += mine
    size = export(average(weights), places, LAYERS, networks / "model.onnx")
    if size > MODEL_BYTES_MAX:
        raise SystemExit(f"model.onnx has {size} bytes, more than {MODEL_BYTES_MAX}")
    MODEL.mkdir(parents=True, exist_ok=True)
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copy(networks / name, MODEL / name)
    run("measure_entailment.py", "--arrays", str(arrays), "--networks", str(networks))


if __name__ == "__main__":
    main()
