"""Trains the sentence encoder along with a linear head, with early stop, and leaves it as int8 ONNX beside the classifier's other
files. Needs the extra `train`; a GPU is used where there is one.

The same texts, settings and seed give the same weights on one machine: batches are drawn with the seed, and dropout is seeded
anew in each step, so that a run which was stopped goes on in the middle as if it had not been.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundcrew.grounding.encoder import CHARACTERS_MAX, MODEL_FILE, SHIPPED_MODEL, TOKENIZER_FILE
from groundcrew.tuned.classifier_scores import Head
from groundcrew.tuning.architecture import checked_loss
from groundcrew.tuning.checkpoints import Checkpoints
from groundcrew.tuning.classifier_network import HIDDEN_SIZE, export, new_network, start_weights
from groundcrew.tuning.classifier_settings import Settings

WARM_UP = 0.1
HEAD_RATE = 10.0
WEIGHT_DECAY = 0.01
GRADIENT_MAX = 1.0
STEPS_A_CHECKPOINT = 200
STEPS_A_TICK = 5
#: Texts that are sorted by length together, so that a batch holds little padding and batches still differ from epoch to epoch.
BATCHES_SORTED = 50

Truth = npt.NDArray[np.bool_]
Tick = Callable[..., None]


def tune_encoder(
    texts: Sequence[str],
    truth: Truth,
    inside: Truth,
    *,
    multi_label: bool,
    settings: Settings,
    seed: int,
    folder: Path,
    checkpoints: Checkpoints,
    tick: Tick,
) -> Head:
    """Trains on the texts that are `inside`; the others' loss says after each epoch whether to go on, and which epoch is kept.
    Writes the encoder's files into `folder`; the head that was trained with it."""
    stored = checkpoints.load("encoder-done")
    model = checkpoints.folder / "encoder.onnx"
    if stored is None or not model.is_file():
        weights = start_weights()
        with _one_thread_and_seed(seed):
            stored = _Training(weights, texts, truth, inside, multi_label, settings, seed, checkpoints, tick).run(model)
        checkpoints.save("encoder-done", stored)
    shutil.copyfile(model, folder / MODEL_FILE)
    shutil.copyfile(SHIPPED_MODEL / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    return _as_head(stored["weight"], stored["bias"])


class _Training:
    """One training: network, optimiser, and how far it is."""

    def __init__(
        self,
        weights: dict[str, Any],
        texts: Sequence[str],
        truth: Truth,
        inside: Truth,
        multi_label: bool,
        settings: Settings,
        seed: int,
        checkpoints: Checkpoints,
        tick: Tick,
    ) -> None:
        import torch
        from tokenizers import Tokenizer

        self.truth, self.multi_label, self.settings, self.seed = truth, multi_label, settings, seed
        self.checkpoints, self.tick = checkpoints, tick
        tokenizer = Tokenizer.from_file(str(SHIPPED_MODEL / TOKENIZER_FILE))
        tokenizer.no_padding()
        tokenizer.enable_truncation(settings.tokens)
        self.ids = [tokenizer.encode(text[:CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")).ids for text in texts]
        self.inside, self.outside = np.flatnonzero(inside), np.flatnonzero(~inside)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = new_network(weights, truth.shape[1]).to(self.device)
        self.trained = {name: value for name, value in self.network.named_parameters() if value.requires_grad}
        heads = [value for name, value in self.trained.items() if name.startswith("head")]
        rest = [value for name, value in self.trained.items() if not name.startswith("head")]
        self.optimizer = torch.optim.AdamW(
            [{"params": rest}, {"params": heads}], lr=settings.learning_rate, weight_decay=WEIGHT_DECAY
        )
        self.epoch_steps = math.ceil(len(self.inside) / settings.batch)
        self.steps = self.epoch_steps * settings.epochs

    def run(self, target: Path) -> dict[str, npt.NDArray[Any]]:
        """Trains, writes the best epoch's encoder to `target`, and gives its head."""
        step, losses = self._resumed()
        while step < self.steps and not self._is_enough(losses):
            for batch in self._batches(step // self.epoch_steps)[step % self.epoch_steps :]:
                self._step(batch, step)
                step += 1
                if step % STEPS_A_TICK == 0:
                    self.tick(f"training the encoder: step {step:,} of at most {self.steps:,}")
                if step % STEPS_A_CHECKPOINT == 0 and step % self.epoch_steps:
                    self._keep(step, losses)
            losses.append(self._loss_outside())
            self.tick(f"epoch {len(losses)}", {"epoch": float(len(losses)), "held_out_loss": losses[-1]})
            if losses[-1] <= min(losses):
                self.checkpoints.save("encoder-best", self._arrays())
            self._keep(step, losses)
        best = self.checkpoints.load("encoder-best")
        assert best is not None, "the first epoch is the best until another is"
        self._restore(best)
        export(self.network, target)
        head = self.network.head
        return {
            "weight": head.weight.detach().numpy(),
            "bias": head.bias.detach().numpy(),
            "losses": np.array(losses),
        }

    def _is_enough(self, losses: list[float]) -> bool:
        """`patience` epochs in a row without a better loss."""
        return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= self.settings.patience

    def _batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        drawn = random.Random(f"{self.seed}-{epoch}")
        order = [int(at) for at in self.inside]
        drawn.shuffle(order)
        size, found = self.settings.batch, []
        for start in range(0, len(order), size * BATCHES_SORTED):
            some = sorted(order[start : start + size * BATCHES_SORTED], key=lambda at: (len(self.ids[at]), at))
            found += [np.array(some[at : at + size]) for at in range(0, len(some), size)]
        drawn.shuffle(found)
        return found

    def _step(self, batch: npt.NDArray[np.int64], step: int) -> None:
        import torch

        torch.manual_seed(self.seed * 1_000_003 + step)
        self.network.train()
        for group, rate in zip(self.optimizer.param_groups, (1.0, HEAD_RATE), strict=True):
            group["lr"] = rate * self._rate(step)
        loss = self._loss(batch).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.trained.values()), GRADIENT_MAX)
        self.optimizer.step()

    def _rate(self, step: int) -> float:
        """Up in a straight line for the first tenth, then down to nothing at the last step."""
        warm = max(1, round(WARM_UP * self.steps))
        return self.settings.learning_rate * min((step + 1) / warm, max(0.0, (self.steps - step) / max(1, self.steps - warm)))

    def _loss(self, batch: npt.NDArray[np.int64]) -> Any:
        """The loss of each text."""
        import torch
        from torch.nn import functional

        longest = max(len(self.ids[at]) for at in batch)
        ids = torch.tensor([self.ids[at] + [0] * (longest - len(self.ids[at])) for at in batch], device=self.device)
        mask = torch.tensor([[1] * len(self.ids[at]) + [0] * (longest - len(self.ids[at])) for at in batch], device=self.device)
        logits = self.network.logits(self.network(ids, mask))
        truth = torch.tensor(self.truth[batch], device=self.device)
        if self.multi_label:
            return functional.binary_cross_entropy_with_logits(logits, truth.float(), reduction="none").sum(1)
        return functional.cross_entropy(logits, truth.float().argmax(1), reduction="none")

    def _loss_outside(self) -> float:
        import torch

        self.network.eval()
        order = sorted((int(at) for at in self.outside), key=lambda at: (len(self.ids[at]), at))
        total = 0.0
        with torch.no_grad():
            for start in range(0, len(order), self.settings.batch):
                self.tick(f"held-out loss: {start:,} of {len(order):,} texts")
                total += float(self._loss(np.array(order[start : start + self.settings.batch])).sum())
        return checked_loss(total / max(1, len(order)))

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {f"weight/{name}": value.detach().cpu().numpy() for name, value in self.trained.items()}

    def _restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        import torch

        with torch.no_grad():
            for name, value in self.trained.items():
                value.copy_(torch.from_numpy(arrays[f"weight/{name}"]))

    def _keep(self, step: int, losses: list[float]) -> None:
        arrays = self._arrays() | {"step": np.array(step), "losses": np.array(losses)}
        for name, value in self.trained.items():
            state = self.optimizer.state[value]
            arrays |= {f"{each}/{name}": state[each].cpu().numpy() for each in ("exp_avg", "exp_avg_sq", "step")}
        self.checkpoints.save("encoder-last", arrays)

    def _resumed(self) -> tuple[int, list[float]]:
        import torch

        arrays = self.checkpoints.load("encoder-last")
        if arrays is None:
            return 0, []
        self._restore(arrays)
        for name, value in self.trained.items():
            kept = {each: torch.from_numpy(arrays[f"{each}/{name}"]) for each in ("exp_avg", "exp_avg_sq", "step")}
            self.optimizer.state[value] = {
                each: tensor if each == "step" else tensor.to(self.device) for each, tensor in kept.items()
            }
        return int(arrays["step"]), [float(each) for each in arrays["losses"]]


@contextmanager
def _one_thread_and_seed(seed: int) -> Iterator[None]:
    """One thread, so that sums are added in one order; what was set before is set again afterwards."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _as_head(weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Head:
    """A linear head as one with a hidden layer: each score is its positive part less its negative part."""
    labels = weight.shape[0]
    inner = weight.astype(np.float64).T
    assert inner.shape == (HIDDEN_SIZE, labels), "one row a label"
    identity = np.eye(labels)
    return Head(
        np.concatenate((inner, -inner), axis=1),
        np.zeros(2 * labels),
        np.concatenate((identity, -identity), axis=0),
        bias.astype(np.float64),
    )
