"""Writes a trained network as int8 ONNX with its tokenizer, the files that `groundcrew.guards.network` loads."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from torch import nn

OPSET = 17


def export(network: nn.Module, tokenizer: Tokenizer, folder: Path, *, per_token: bool) -> int:
    """Write model.onnx and tokenizer.json into `folder`; the model's size in bytes. Weights to 7 bits per channel, for processors
    without VNNI saturate on 8 and the same text must get the same scores on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    ids = torch.randint(5, 100, (1, 19))
    axes = {0: "batch", 1: "tokens"}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(scratch) / "float.onnx"
        torch.onnx.export(
            network.eval(),
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            str(plain),
            input_names=["input_ids", "attention_mask", "written"],
            output_names=["logits"],
            dynamic_axes={
                "input_ids": axes,
                "attention_mask": axes,
                "written": axes,
                "logits": axes if per_token else {0: "batch"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
        quantize_dynamic(plain, folder / "model.onnx", per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    return (folder / "model.onnx").stat().st_size
