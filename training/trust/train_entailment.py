"""Trains entailment networks from the arrays that assemble_entailment.py wrote: the networks of the folds, which never saw a
group of their fold, and the final one. Runs on a GPU where there is one and on a CPU else; fixed seeds.

    python training/trust/train_entailment.py --arrays FOLDER --output FOLDER --fold 0
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from entailment_network import EntailmentNetwork
from torch.func import functional_call
from torch.nn import functional

CHUNK_BATCHES = 16
WARM_UP = 0.06
#: Steps between 0 and the largest weight of an output in stored weights; the shipped ones have 63.
STORED_STEPS = 100
#: How often each set is drawn, first over all data and then, in the last part of the steps, near the use. The two schedules
#: give networks whose mean is better than either.
SHARES = {
    "short": {
        "infotabs": (0.17, 0.17), "quintd": (0.12, 0.13), "summedits": (0.14, 0.17), "planted": (0.14, 0.08),
        "business_en": (0.035, 0.04), "business_de": (0.025, 0.03), "wikisplit_en": (0.04, 0.03), "sgd_en": (0.07, 0.05),
        "deplain_web_de": (0.012, 0.012), "pawsx_de": (0.03, 0.02), "rte3_de": (0.02, 0.02), "forum_te_de": (0.01, 0.01),
        "xquad_xling": (0.006, 0.006), "med_en": (0.025, 0.01), "dart_en": (0.004, 0.003), "stsb_en": (0.008, 0.004),
        "xquad_en": (0.04, 0.03), "mnli_dev_en": (0.12, 0.05), "e2e_clean_en": (0.02, 0.01), "wice_tok": (0.015, 0.02),
        "frank": (0.03, 0.03), "fib": (0.03, 0.03), "own_cases": (0.006, 0.01), "ragtruth_qa": (0.03, 0.12),
    },
    "long": {
        "infotabs": (0.12, 0.13), "quintd": (0.06, 0.08), "summedits": (0.09, 0.12), "planted": (0.22, 0.18),
        "business_en": (0.05, 0.05), "business_de": (0.035, 0.035), "wikisplit_en": (0.025, 0.02), "sgd_en": (0.05, 0.04),
        "deplain_web_de": (0.012, 0.012), "pawsx_de": (0.02, 0.015), "rte3_de": (0.015, 0.015), "forum_te_de": (0.006, 0.006),
        "xquad_xling": (0.006, 0.006), "med_en": (0.03, 0.02), "dart_en": (0.003, 0.003), "stsb_en": (0.006, 0.004),
        "xquad_en": (0.03, 0.025), "mnli_dev_en": (0.14, 0.08), "wice_tok": (0.012, 0.015),
        "frank": (0.022, 0.025), "fib": (0.022, 0.022), "own_cases": (0.003, 0.005), "ragtruth_qa": (0.01, 0.045),
    },
}  # fmt: skip
STEPS = {"short": 2_000, "long": 5_245}


class Arrays:
    """All pairs as padded token matrices in memory of the device; see assemble_entailment.py for the fields."""

    def __init__(self, path: Path, device: torch.device) -> None:
        with np.load(path) as stored:
            self.lengths, self.labels = stored["lengths"].astype(np.int64), stored["labels"].astype(np.int64)
            self.sets, self.folds, self.names = stored["sets"], stored["folds"], [str(name) for name in stored["names"]]
            width, total = int(self.lengths.max()), len(self.lengths)
            inside = np.arange(width)[None, :] < self.lengths[:, None]
            ids = np.zeros((total, width), dtype=np.int16)
            marks, unsupported = np.zeros((total, width), dtype=np.uint8), np.full((total, width), -1, dtype=np.int8)
            ids[inside], marks[inside], unsupported[inside] = stored["ids"], stored["marks"], stored["unsupported"]
        self.ids, self.marks = torch.from_numpy(ids).to(device), torch.from_numpy(marks).to(device)
        self.unsupported = torch.from_numpy(unsupported).to(device)
        self.targets = torch.from_numpy(self.labels).to(device)
        self.sizes = torch.from_numpy(self.lengths).to(device)
        self.device = device

    def batch(self, rows: np.ndarray, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """ids, marks, mask, unsupported, labels of the rows, padded to the longest; `index` is `rows` on the device."""
        width = int(self.lengths[rows].max())
        mask = (torch.arange(width, device=self.device)[None, :] < self.sizes[index][:, None]).long()
        return (
            self.ids[index, :width].long(),
            self.marks[index, :width].long(),
            mask,
            self.unsupported[index, :width],
            self.targets[index],
        )


def plan(
    arrays: Arrays, usable: np.ndarray, steps: int, draw: np.random.Generator, options: argparse.Namespace
) -> Iterator[np.ndarray]:
    """The rows of each step: sets by their shares, rows of a set in turn, those of about one length together."""
    left_out = set(options.without.split(",")) if options.without else set()
    shares_of = SHARES[options.schedule]
    names = [name for name in arrays.names if name in shares_of and name not in left_out]
    pools = {name: draw.permutation(np.flatnonzero(usable & (arrays.sets == arrays.names.index(name)))) for name in names}
    names = [name for name in names if len(pools[name])]
    places = dict.fromkeys(names, 0)
    shares = np.array([shares_of[name] for name in names])
    done = 0
    while done < steps:
        phase = int(done >= steps * (1 - options.near))
        chances = shares[:, phase] / shares[:, phase].sum()
        wanted = draw.multinomial(options.batch * CHUNK_BATCHES, chances)
        rows: list[np.ndarray] = []
        for name, count in zip(names, wanted, strict=True):
            pool = pools[name]
            taken = (places[name] + np.arange(count)) % len(pool)
            places[name] += int(count)
            rows.append(pool[taken])
        chunk = draw.permutation(np.concatenate(rows))
        chunk = chunk[np.argsort(arrays.lengths[chunk], kind="stable")]
        for start in draw.permutation(np.arange(0, len(chunk), options.batch)):
            if done < steps:
                yield chunk[start : start + options.batch]
                done += 1


def loss_of(
    logits: torch.Tensor, tokens: torch.Tensor, unsupported: torch.Tensor, labels: torch.Tensor, options: argparse.Namespace
) -> torch.Tensor:
    """Log loss of the pair's label, where "unsupported" is the sum of its two kinds and 4 counts nothing, and of the claim's
    marked tokens."""
    chances = functional.log_softmax(logits.float(), -1)
    either = torch.logsumexp(chances[:, 1:], -1)
    known = chances.gather(1, labels.clamp(max=2)[:, None])[:, 0]
    pair = -torch.where(labels == 3, either, known)
    if options.smoothing:
        opposite = torch.where(labels == 0, either, chances[:, 0])
        pair = (1 - options.smoothing) * pair - options.smoothing * opposite
    marked = (unsupported >= 0).float()
    wanted = unsupported.clamp(min=0).float()
    each = functional.binary_cross_entropy_with_logits(tokens.float(), wanted, reduction="none") * (1.0 + wanted)
    pair = torch.where(labels == 4, torch.zeros_like(pair), pair)
    return pair.mean() + options.token_weight * (each * marked).sum() / marked.sum().clamp(min=1.0)


def learn(arrays: Arrays, network: EntailmentNetwork, usable: np.ndarray, options: argparse.Namespace) -> None:
    """AdamW with warm-up and linear decay; the weights of the last tenth of the steps are averaged (Izmailov et al. 2018)."""
    heads = [*network.tokens.parameters(), *network.pair.parameters(), network.trunk.written]
    names = {id(each) for each in heads}
    if options.freeze_words:
        network.trunk.words.requires_grad_(False)
    body = [each for each in network.parameters() if id(each) not in names and each.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": options.rate}, {"params": heads, "lr": 3 * options.rate}], weight_decay=0.01, fused=True
    )
    steps = options.steps
    warm_up = max(1, int(steps * WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, max(0.02, (steps - step) / max(1, steps - warm_up)))
    )
    averaged, averages = None, 0
    network.train()
    weights = dict(network.named_parameters())
    started, total = time.monotonic(), torch.zeros((), device=arrays.device)
    planned = list(plan(arrays, usable, steps, np.random.default_rng(options.seed), options))
    indices = torch.from_numpy(np.stack(planned)).to(arrays.device)  # once: a copy a step would wait for the device each time
    for step, rows in enumerate(planned, 1):
        ids, marks, mask, unsupported, labels = arrays.batch(rows, indices[step - 1])
        half = {name: value.to(torch.bfloat16) for name, value in weights.items()}
        logits, tokens = functional_call(network, half, (ids, marks, mask))
        loss = loss_of(logits, tokens, unsupported, labels, options)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=True)
        optimizer.step()
        schedule.step()
        total += loss.detach()
        if step > steps * 0.9 and step % 10 == 0:
            state = {name: value.detach().float() for name, value in network.state_dict().items()}
            averages += 1
            averaged = (
                {name: value.clone() for name, value in state.items()}
                if averaged is None
                else {name: averaged[name] + (state[name] - averaged[name]) / averages for name in state}
            )
        if step % 250 == 0 or step == steps:
            print(
                f"{options.name} step {step}/{steps} loss {total.item() / 250:.3f} {time.monotonic() - started:.1f} s", flush=True
            )
            total.zero_()
    if averaged is not None:
        network.load_state_dict(averaged)


@torch.no_grad()
def predict(arrays: Arrays, network: EntailmentNetwork, rows: np.ndarray) -> np.ndarray:
    """(rows, 3): P(supported), P(contradicted), and the highest P(unsupported) of a token of the claim."""
    network.eval()
    found = np.zeros((len(rows), 3), dtype=np.float32)
    order = np.argsort(arrays.lengths[rows], kind="stable")
    for start in range(0, len(order), 512):
        part = order[start : start + 512]
        ids, marks, mask, _, _ = arrays.batch(rows[part], torch.from_numpy(rows[part]).to(arrays.device))
        with torch.autocast(arrays.device.type, dtype=torch.bfloat16):
            logits, tokens = network(ids, marks, mask)
        chances = torch.softmax(logits.float(), -1)[:, :2]
        mine = ((marks // 2) % 2).bool()
        worst = torch.sigmoid(torch.where(mine, tokens.float(), torch.full_like(tokens.float(), -math.inf)).max(1).values)
        found[part] = torch.cat((chances, worst[:, None]), 1).cpu().numpy()
    return found


def packed(network: EntailmentNetwork) -> dict[str, np.ndarray]:
    """The weights in half precision, the matrices in 8 bits with a scale per output."""
    stored: dict[str, np.ndarray] = {}
    for name, value in network.state_dict().items():
        value = value.detach().float().cpu()
        if value.ndim == 2 and value.shape[0] > 300:
            scale = value.abs().amax(1, keepdim=True).clamp(min=1e-9) / STORED_STEPS
            stored[f"{name}|8"] = torch.round(value / scale).to(torch.int8).numpy()
            stored[f"{name}|scale"] = scale.numpy()
        else:
            stored[name] = value.half().numpy() if value.numel() > 10_000 else value.numpy()
    return stored


def unpacked(path: Path) -> dict[str, torch.Tensor]:
    """The weights that `packed` stored."""
    with np.load(path) as stored:
        state = {name: torch.from_numpy(stored[name]).float() for name in stored.files if "|" not in name}
        for name in stored.files:
            if name.endswith("|8"):
                state[name[:-2]] = torch.from_numpy(stored[name]).float() * torch.from_numpy(stored[name[:-2] + "|scale"])
    return state


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--name", default="final")
    parser.add_argument("--fold", default="-1", help="the folds that are left out, with commas; -1: none")
    parser.add_argument("--layers", default="0,1,2,3")
    parser.add_argument("--schedule", choices=sorted(SHARES), default="short")
    parser.add_argument("--steps", type=int, default=0, help="0: the schedule's own")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--near", type=float, default=0.3, help="share of the steps that is drawn near the use")
    parser.add_argument("--token-weight", type=float, default=0.5)
    parser.add_argument("--smoothing", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--without", default="", help="sets that are left out, with commas")
    parser.add_argument("--freeze-words", action="store_true")
    parser.add_argument("--predict", action="store_true", help="store scores of all that was left out too, to compare runs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train one network and store its weights."""
    options = options_of(arguments)
    options.steps = options.steps or STEPS[options.schedule]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.manual_seed(options.seed)
    arrays = Arrays(options.arrays / "pairs.npz", device)
    places = json.loads((options.arrays / "places.json").read_text())
    network = EntailmentNetwork(places, [int(number) for number in options.layers.split(",")]).float().to(device)
    measured = np.array([name.startswith("dev:") for name in arrays.names])[arrays.sets]
    held = np.isin(arrays.folds, [int(fold) for fold in options.fold.split(",")]) | measured
    learn(arrays, network, ~held, options)
    options.output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.output / f"{options.name}.weights.npz", **packed(network))
    if options.predict:
        rows = np.flatnonzero(held)
        scores = predict(arrays, network, rows).astype(np.float16)
        np.savez_compressed(options.output / f"{options.name}.scores.npz", rows=rows, scores=scores)


if __name__ == "__main__":
    main()
