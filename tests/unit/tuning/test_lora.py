"""An adapter of a causal model that is made here, tiny and random: learned, killed and gone on with to the same bytes."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.unit.tuning.folders import write_data_set

from groundcrew.errors import InputError
from groundcrew.tuning.architecture import Fitted, Step
from groundcrew.tuning.examples import read_examples
from groundcrew.tuning.lora import Lora

MISSING = [each for each in ("torch", "transformers", "peft", "safetensors") if find_spec(each) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"the extra train is not installed: {', '.join(MISSING)} is missing"),
    # What peft says of itself to transformers.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

SETTINGS: dict[str, Any] = {
    "base": "tiny",
    "rank": 2,
    "alpha": 4.0,
    "dropout": 0.1,
    "epochs": 2,
    "batch_size": 6,
    "learning_rate": 0.02,
    "tokens_max": 48,
    "evaluate_every": 4,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of two layers, with a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("bases") / "tiny"
    texts = [each.text for each in read_examples(write_data_set(folder.parent / "set"), "train")]
    words = sorted({word for text in [*texts, "access hardware network"] for word in text.split()})
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<pad>", "<end>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", eos_token="<end>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(vocabulary), num_key_value_heads=2, max_position_embeddings=64, **shape)
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    return folder


class Killed(Exception):
    """The process is gone."""


def fit(base: Path, place: Path, *, dies_at: int | None = None, seed: int = 7, **changes: Any) -> tuple[Fitted, list[Step]]:
    told: list[Step] = []

    def progress(step: Step) -> None:
        told.append(step)
        if step.done == dies_at:
            raise Killed

    folder, checkpoints = place / "model", place / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.mkdir(exist_ok=True)
    data = base.parent / "set"
    fitted = Lora().fit(
        read_examples(data, "train"),
        read_examples(data, "validation"),
        settings={**SETTINGS, **changes, "base_folder": str(base)},
        seed=seed,
        folder=folder,
        checkpoints=checkpoints,
        progress=progress,
    )
    return fitted, told


def content(place: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in sorted((place / "model").iterdir())}


def test_an_adapter_is_learned_and_saved_without_pickle(base: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    fitted, told = fit(base, tmp_path)
    looks = [each.metrics for each in told if each.metrics]
    assert [each.done for each in told if each.metrics] == [4, 8, 12]
    assert looks[-1]["validation_loss"] < looks[0]["validation_loss"]
    assert fitted.metrics["validation_loss"] == min(each["validation_loss"] for each in looks)
    assert (fitted.labels, fitted.multi_label, "base_folder" in fitted.settings) == (3, False, False)
    assert sorted(content(tmp_path)) == ["adapter_config.json", "adapter_model.safetensors"]
    config = json.loads(content(tmp_path)["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["r"], config["peft_type"]) == ("tiny", 2, "LORA")
    assert str(base.parent) not in content(tmp_path)["adapter_config.json"].decode()
    # What is served reads it: the adapter loads onto its base.
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "model")
    assert any("lora_B" in name and each.abs().sum() > 0 for name, each in model.named_parameters())


@pytest.mark.parametrize("dies_at", [3, 7, 12])
def test_killed_and_gone_on_with_it_ends_with_the_same_bytes(base: Path, tmp_path: Path, dies_at: int) -> None:
    undisturbed, _ = fit(base, tmp_path / "whole")
    with pytest.raises(Killed):
        fit(base, tmp_path / "killed", dies_at=dies_at)
    gone_on, told = fit(base, tmp_path / "killed")
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert gone_on == undisturbed
    assert all(each.done >= dies_at // 4 * 4 for each in told)


def test_another_seed_learns_something_else(base: Path, tmp_path: Path) -> None:
    fit(base, tmp_path / "a", epochs=1)
    fit(base, tmp_path / "b", epochs=1, seed=8)
    assert content(tmp_path / "a") != content(tmp_path / "b")


def test_it_ends_early_where_nothing_gets_better(base: Path, tmp_path: Path) -> None:
    fitted, told = fit(base, tmp_path, learning_rate=1.0, epochs=20, evaluate_every=1, patience=2)
    assert told[-1].done < told[-1].total
    assert fitted.best_step is not None
    assert fitted.best_step <= told[-1].done - 2


def test_learning_that_runs_away_says_so(base: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    broken = tmp_path / "bases" / "tiny"
    shutil.copytree(base, broken)
    shutil.copytree(base.parent / "set", broken.parent / "set")
    model = AutoModelForCausalLM.from_pretrained(broken)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    model.save_pretrained(broken, safe_serialization=True)
    with pytest.raises(InputError, match="the learning ran away"):
        fit(broken, tmp_path)
