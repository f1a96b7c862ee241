"""Makes the tiny models that the tests load: random weights, real architectures, as ONNX folders and as Hugging Face folders.

    python tests/unit/grounding/verifiers/make_tiny_models.py FOLDER [--onnx]

Needs torch and transformers, and onnx for `--onnx`. The ONNX folders in `tiny/` come from `--onnx`, with the seed below.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SEED = 7
WORDS = """
the a an of to and is are was in on for fee card account bank costs month year free chf eur usd replacement opening hours
branch monday friday days refund within not no paid waived customers under age interest rate loan mortgage transfer claim
premise hypothesis predict determine if true given context question supported 0 1 2 3 4 5 6 7 8 9 10 20 26 30 : . , ? - %
"""
KINDS = ("modernbert_tokens", "deberta_nli", "roberta_nli", "bert_cross", "t5_tokens", "t5_seq2seq", "hhem")


def tokenizer(kind: str, folder: Path) -> int:
    """A word tokenizer with the special tokens of `kind`; the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    t5, roberta = kind.startswith(("t5", "hhem")), kind.startswith("roberta")
    first, last, pad, unknown = ("<s>", "</s>", "<pad>", "<unk>") if t5 or roberta else ("[CLS]", "[SEP]", "[PAD]", "[UNK]")
    special = [pad, first, last, unknown]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*special, *WORDS.split(), *letters]))}
    found = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    found.add_special_tokens(special)
    found.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=False)])
    found.normalizer = normalizers.Lowercase()
    ids = [(last, vocabulary[last])] if t5 else [(first, vocabulary[first]), (last, vocabulary[last])]
    if t5:
        found.post_processor = processors.TemplateProcessing(
            single=f"$A {last}", pair=f"$A {last} $B:1 {last}:1", special_tokens=ids
        )
    else:
        found.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=ids
        )
    found.save(str(folder / "tokenizer.json"))
    return len(vocabulary)


def model(kind: str, size: int) -> Any:
    """A random model of the architecture that `kind` names."""
    import torch
    import transformers as t

    torch.manual_seed(SEED)
    small = {"vocab_size": size, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    small |= {"max_position_embeddings": 130, "pad_token_id": 0}
    nli = {"num_labels": 3, "id2label": {0: "contradiction", 1: "neutral", 2: "entailment"}}
    t5 = {"vocab_size": size, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "pad_token_id": 0}
    t5 |= {"decoder_start_token_id": 0, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "eos_token_id": 2}
    if kind == "modernbert_tokens":
        own = {"cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2, "local_attention": 16, "num_labels": 2}
        config = t.ModernBertConfig(**small, **own, reference_compile=False, attn_implementation="eager")
        found = t.ModernBertForTokenClassification(config)
    elif kind == "deberta_nli":
        own = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16, "type_vocab_size": 0}
        found = t.DebertaV2ForSequenceClassification(t.DebertaV2Config(**small, **own, **nli))
    elif kind == "roberta_nli":
        found = t.RobertaForSequenceClassification(t.RobertaConfig(**small, type_vocab_size=1, **nli))
    elif kind == "bert_cross":
        found = t.BertForSequenceClassification(t.BertConfig(**small, num_labels=1))
    elif kind in ("t5_tokens", "hhem"):
        found = t.T5ForTokenClassification(t.T5Config(**t5, num_labels=2))
    else:
        found = t.T5ForConditionalGeneration(t.T5Config(**t5))
    with torch.no_grad():  # far enough apart that scores differ from input to input
        for parameter in found.parameters():
            if parameter.ndim > 1:
                parameter.mul_({"deberta_nli": 3.0, "modernbert_tokens": 1.5}.get(kind, 6.0))
    return found.eval()


def save(kind: str, folder: Path) -> Any:
    """`kind` as a Hugging Face folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = model(kind, tokenizer(kind, folder))
    if kind == "hhem":
        from safetensors.torch import save_file

        weights = {f"t5.{name}": tensor.contiguous().clone() for name, tensor in found.state_dict().items()}
        save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
        config = {
            "architectures": ["HHEMv2ForSequenceClassification"],
            "model_type": "HHEMv2",
            "foundation": "google/flan-t5-base",
        }
        (folder / "config.json").write_text(json.dumps(config))
    else:
        found.save_pretrained(str(folder))
    return found


def export(kind: str, folder: Path) -> None:
    """`kind` as an ONNX folder: model.onnx, tokenizer.json, config.json."""
    import tempfile
    import warnings

    import torch

    with tempfile.TemporaryDirectory() as name:
        found = save(kind, Path(name))
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("tokenizer.json", "config.json"):
            (folder / file).write_bytes((Path(name) / file).read_bytes())
    ids = torch.tensor([[1, 5, 6, 7, 2, 8, 9, 2]])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if kind == "bert_cross":
        inputs["token_type_ids"] = torch.zeros_like(ids)
    if kind == "t5_seq2seq":
        inputs["decoder_input_ids"] = torch.tensor([[0]])

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = found

        def forward(self, *values: Any) -> Any:
            return self.inner(**dict(zip(inputs, values, strict=True)), return_dict=True).logits

    axes = {name: {0: "batch", 1: "tokens"} for name in inputs if name != "decoder_input_ids"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits().eval(),
            tuple(inputs.values()),
            str(folder / "model.onnx"),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "batch", **({1: "tokens"} if kind.endswith("tokens") else {})}},
            opset_version=17,
            dynamo=False,
        )


def main() -> None:
    """Write every kind below the folder that is given."""
    folder = Path(sys.argv[1])
    for kind in KINDS:
        if "--onnx" in sys.argv:
            if kind != "hhem":
                export(kind, folder / kind)
        else:
            save(kind, folder / kind)


if __name__ == "__main__":
    main()
