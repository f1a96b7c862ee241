"""Low-rank adapters of a causal model (Hu et al., 2021, "LoRA"): the true answer of each chat is learned, its prompt is not.

The loop is our own and short, so that a run that was killed goes on and ends with the same bytes: the order of the examples and
every random draw follow from the seed and the number of the step, and a checkpoint is adapter and optimiser in safetensors.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError
from groundcrew.tuning.architecture import Fitted, Step, checked_loss
from groundcrew.tuning.examples import Example
from groundcrew.tuning.exports import PROMPT_CHARACTERS_MAX, answer_of, default_prompt

ADAPTER, CONFIG, STATE = "adapter_model.safetensors", "adapter_config.json", "state.json"
#: What the loss of tokens that are not learned counts as in torch.
IGNORED = -100
NUMBERS: dict[str, tuple[type, float, float]] = {
    "rank": (int, 1, 512),
    "alpha": (float, 0.0, 4_096),
    "dropout": (float, 0.0, 0.9),
    "epochs": (int, 1, 100),
    "batch_size": (int, 1, 1_024),
    "learning_rate": (float, 1e-8, 1.0),
    "weight_decay": (float, 0.0, 1.0),
    "tokens_max": (int, 16, 131_072),
    "evaluate_every": (int, 1, 1_000_000),
    "patience": (int, 1, 1_000),
    "validation_max": (int, 1, 100_000),
}


class LoraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a run. `base` names a folder in DATA/bases. A text of more than `tokens_max` tokens loses its middle, never its
    answer. Every `evaluate_every` steps the loss on up to `validation_max` validation examples is taken; after `patience` looks
    without a better one the run ends, and the best adapter is kept. `targets` are names of layers ("all-linear": every one)."""

    base: str
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: str = "all-linear"
    epochs: int = 3
    batch_size: int = 8
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    tokens_max: int = 2_048
    evaluate_every: int = 100
    patience: int = 5
    validation_max: int = 500
    prompt: str = ""
    base_folder: str = ""


class Lora:
    """The architecture of the runner lora."""

    name = "lora"

    def settings_problem(self, settings: dict[str, Any]) -> str | None:
        """What is wrong with `settings`, naming the key."""
        if "base_folder" in settings:
            return "base_folder: is not known"
        try:
            given = msgspec.convert(settings, LoraSettings)
        except msgspec.ValidationError as error:
            return f"settings: {error}"
        if problem := name_problem(given.base.lower()):
            return f"base: {problem}"
        for key, (_, low, high) in NUMBERS.items():
            value = getattr(given, key)
            if not low <= value <= high or (key == "alpha" and value == 0):
                return f"{key}: expected {low:g} to {high:g}"
        if len(given.prompt) > PROMPT_CHARACTERS_MAX:
            return f"prompt: more than {PROMPT_CHARACTERS_MAX:,} characters"
        return None

    def fit(
        self,
        train: Sequence[Example],
        validation: Sequence[Example],
        *,
        settings: dict[str, Any],
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Callable[[Step], None],
    ) -> Fitted:
        """Learn, or go on from the checkpoint; the adapter's files lie in `folder`."""
        given = msgspec.convert(settings, LoraSettings)
        several = any(len(each.labels) != 1 for each in (*train, *validation))
        loop = _Loop(given, seed, checkpoints, several=several)
        best = loop.run(train, validation[: given.validation_max], progress)
        loop.write(folder)
        labels = {label for each in train for label in each.labels}
        kept = {key: value for key, value in msgspec.to_builtins(given).items() if key != "base_folder"}
        return Fitted(
            multi_label=several,
            labels=max(1, len(labels)),
            threshold=0.0,
            person_below=None,
            metrics=best["metrics"],
            best_step=best["step"],
            settings=kept,
            card=_CARD.format(base=given.base, rank=given.rank, alpha=given.alpha, tokens=given.tokens_max),
        )


_CARD = """## Method

A low-rank adapter (Hu et al., 2021) of the causal model `{base}`: rank {rank}, alpha {alpha:g}. The answer's tokens are learned,
the prompt's are not. Texts beyond {tokens} tokens lost their middle.

## Limits

An adapter says nothing of its own certainty, and may answer with labels that there are none of: check answers against the code
system, and measure them on examples that it has never seen. It needs the very base model that it was tuned on.
"""


class _Loop:
    """Model, optimiser and where they stand."""

    def __init__(self, given: LoraSettings, seed: int, checkpoints: Path, *, several: bool) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.given, self.seed, self._checkpoints = given, seed, checkpoints
        self._prompt = given.prompt or default_prompt(multiple=several)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Only what lies there, and no code of its own: a model is data.
        only = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(given.base_folder, **only)
        model = AutoModelForCausalLM.from_pretrained(given.base_folder, use_safetensors=True, dtype=torch.float32, **only)
        targets: Any = given.targets if given.targets == "all-linear" else given.targets.split(",")
        config = LoraConfig(
            r=given.rank,
            lora_alpha=given.alpha,
            lora_dropout=given.dropout,
            target_modules=targets,
            task_type="CAUSAL_LM",
        )
        self.model = get_peft_model(model, config).to(self.device)
        self._learned = {name: each for name, each in self.model.named_parameters() if each.requires_grad}
        self.optimiser = torch.optim.AdamW(list(self._learned.values()), lr=given.learning_rate, weight_decay=given.weight_decay)
        self._state: dict[str, Any] = {"step": 0, "best": {"step": 0, "metrics": {}}, "stale": 0, "ended": False}

    def run(self, train: Sequence[Example], validation: Sequence[Example], progress: Callable[[Step], None]) -> dict[str, Any]:
        """Learn to the end; the best look: its step and figures."""
        self._restore()
        learned = [self._tokens(each) for each in train]
        judged = [self._tokens(each) for each in validation]
        per_epoch = math.ceil(len(learned) / self.given.batch_size)
        total = per_epoch * self.given.epochs
        while self._state["step"] < total and not self._state["ended"]:
            step = self._state["step"]
            loss = self._learn(learned, step, per_epoch, total)
            self._state["step"] = step + 1
            if (step + 1) % self.given.evaluate_every == 0 or step + 1 == total:
                metrics = {"validation_loss": self._loss(judged, progress, step, total), "train_loss": loss}
                self._look(step + 1, metrics)
                progress(Step(done=step + 1, total=total, metrics=metrics))
            else:
                progress(Step(done=step + 1, total=total))
        best: dict[str, Any] = self._state["best"]
        return best

    def write(self, folder: Path) -> None:
        """The best adapter, as inference servers read it. It names its base as the run did, not where that lay."""
        shutil.copyfile(self._checkpoints / f"best-{ADAPTER}", folder / ADAPTER)
        config = self.model.peft_config["default"].to_dict()
        config = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
        config |= {
            "base_model_name_or_path": self.given.base,
            "inference_mode": True,
            "task_type": "CAUSAL_LM",
            "peft_type": "LORA",
        }
        text = json.dumps(config, indent=2, sort_keys=True, default=str)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")

    def _tokens(self, example: Example) -> tuple[list[int], int]:
        """The tokens of a chat with its answer, and how many of them are the prompt; one that is too long loses its middle."""
        chat = [{"role": "system", "content": self._prompt}, {"role": "user", "content": example.text}]
        if self.tokenizer.chat_template:
            prompt = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        else:
            prompt = f"{self._prompt}\n\n{example.text}\n\n"
        asked = self.tokenizer(prompt, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]
        end = [self.tokenizer.eos_token_id] if self.tokenizer.eos_token_id is not None else []
        answer = (self.tokenizer(answer_of(example.labels), add_special_tokens=False)["input_ids"] + end)[
            : self.given.tokens_max // 2
        ]
        room = self.given.tokens_max - len(answer)
        if len(asked) > room:
            asked = asked[: room // 2] + asked[len(asked) - (room - room // 2) :]
        return asked + answer, len(asked)

    def _learn(self, examples: list[tuple[list[int], int]], step: int, per_epoch: int, total: int) -> float:
        import torch

        order = list(range(len(examples)))
        random.Random(f"{self.seed}/{step // per_epoch}").shuffle(order)
        first = (step % per_epoch) * self.given.batch_size
        torch.manual_seed((self.seed * 1_000_003 + step) % 2**63)
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.given.learning_rate * (1 - step / total)
        loss = self.model(**self._batch([examples[each] for each in order[first : first + self.given.batch_size]])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self._learned.values()), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _loss(self, examples: list[tuple[list[int], int]], progress: Callable[[Step], None], step: int, total: int) -> float:
        """Mean loss of a token over the answers of `examples`."""
        import torch

        self.model.eval()
        summed = tokens = 0.0
        with torch.no_grad():
            for first in range(0, len(examples), self.given.batch_size):
                some = examples[first : first + self.given.batch_size]
                count = sum(len(each) - prompt for each, prompt in some)
                summed += float(self.model(**self._batch(some)).loss) * count
                tokens += count
                progress(Step(done=step, total=total))
        return checked_loss(summed / tokens)

    def _batch(self, examples: list[tuple[list[int], int]]) -> dict[str, Any]:
        import torch

        longest = max(len(each) for each, _ in examples)
        fill = self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0
        inputs = [each + [fill] * (longest - len(each)) for each, _ in examples]
        labels = [[IGNORED] * prompt + each[prompt:] + [IGNORED] * (longest - len(each)) for each, prompt in examples]
        attention = [[1] * len(each) + [0] * (longest - len(each)) for each, _ in examples]
        named = {"input_ids": inputs, "attention_mask": attention, "labels": labels}
        return {key: torch.tensor(value, device=self.device) for key, value in named.items()}

    def _look(self, step: int, metrics: dict[str, float]) -> None:
        """Keep the adapter where it is the best so far, end after `patience` looks without a better one; keep where it stands."""
        best = self._state["best"]["metrics"].get("validation_loss", math.inf)
        better = metrics["validation_loss"] < best
        if better or not self._state["best"]["metrics"]:
            self._state |= {"best": {"step": step, "metrics": metrics}, "stale": 0}
            self._save(f"best-{ADAPTER}", self._adapter())
        else:
            self._state["stale"] += 1
        self._state["ended"] = self._state["stale"] >= self.given.patience
        self._keep()

    def _adapter(self) -> dict[str, Any]:
        from peft import get_peft_model_state_dict

        return {key: value.detach().cpu().contiguous() for key, value in get_peft_model_state_dict(self.model).items()}

    def _keep(self) -> None:
        """Write where it stands: the tensors under a name of their own, then the state that names them, in one step."""
        tensors = {f"parameter/{name}": each.detach().cpu().contiguous() for name, each in self._learned.items()}
        for name, parameter in self._learned.items():
            for key, value in self.optimiser.state[parameter].items():
                tensors[f"optimiser/{key}/{name}"] = value.detach().cpu().contiguous()
        step = self._state["step"]
        self._save(f"step-{step}.safetensors", tensors)
        part = self._checkpoints / f".{STATE}.part"
        part.write_bytes(msgspec.json.encode(self._state))
        os.replace(part, self._checkpoints / STATE)
        for old in self._checkpoints.glob("step-*.safetensors"):
            if old.name != f"step-{step}.safetensors":
                old.unlink()

    def _save(self, name: str, tensors: dict[str, Any]) -> None:
        from safetensors.torch import save_file

        part = self._checkpoints / f".{name}.part"
        save_file(tensors, part)
        os.replace(part, self._checkpoints / name)

    def _restore(self) -> None:
        import torch
        from safetensors.torch import load_file

        path = self._checkpoints / STATE
        if not path.is_file():
            return
        self._state = msgspec.json.decode(path.read_bytes())
        tensors = load_file(self._checkpoints / f"step-{self._state['step']}.safetensors")
        with torch.no_grad():
            for name, parameter in self._learned.items():
                kept = tensors.get(f"parameter/{name}")
                if kept is None:
                    raise InputError(f"the checkpoint lacks {name}", file=str(path))
                parameter.copy_(kept)
                self.optimiser.state[parameter] = {
                    key: tensors[f"optimiser/{key}/{name}"].to("cpu" if key == "step" else parameter.device)
                    for key in ("step", "exp_avg", "exp_avg_sq")
                }
