"""Writes a trained entailment network as int8 ONNX.

python training/trust/export_entailment.py --weights FILE [FILE …] --arrays FOLDER --output FOLDER
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from entailment_network import EntailmentNetwork
from onnxruntime.quantization import QuantType, quantize_dynamic
from train_entailment import unpacked

OPSET = 17


class Exported(torch.nn.Module):
    """The network for one pair at a time, without a mask."""

    def __init__(self, network: EntailmentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: torch.Tensor, marks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network(ids, marks)


def average(paths: list[Path]) -> dict[str, torch.Tensor]:
    """The mean of several runs' weights (of the same start and data)."""
    states = [unpacked(path) for path in paths]
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}


def export(state: dict[str, torch.Tensor], places: list[int], layers: list[int], target: Path) -> int:
    """Write `target`; its size in bytes. Weights to 7 bits per channel, for processors without VNNI saturate on 8 and the same
    pair must get the same score on every machine."""
    network = EntailmentNetwork(places, layers).float()
    network.load_state_dict(state)
    ids = torch.randint(5, 100, (1, 21))
    marks = torch.tensor([[0] * 10 + [2] * 11])
    axes = {0: "batch", 1: "tokens"}
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(scratch) / "float.onnx"
        torch.onnx.export(
            Exported(network).eval(),
            (ids, marks),
            str(plain),
            input_names=["input_ids", "marks"],
            output_names=["logits", "tokens"],
            dynamic_axes={"input_ids": axes, "marks": axes, "logits": {0: "batch"}, "tokens": axes},
            opset_version=OPSET,
            dynamo=False,
        )
        quantize_dynamic(plain, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    onnx.checker.check_model(str(target))
    return target.stat().st_size


def main() -> None:
    """Average, export, print the size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--layers", default="0,1,2,3")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--name", default="model.onnx")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    places = json.loads((arguments.arrays / "places.json").read_text())
    layers = [int(number) for number in arguments.layers.split(",")]
    size = export(average(arguments.weights), places, layers, arguments.output / arguments.name)
    shutil.copy(arguments.arrays / "tokenizer.json", arguments.output / "tokenizer.json")
    print(arguments.name, size, "bytes")


if __name__ == "__main__":
    main()
