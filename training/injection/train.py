"""Trains the guard's injection network, sets its calibration on held-back texts, measures it and writes model, calibration and
model card with the figures. One thread, fixed seeds."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "compact"), str(HERE), str(HERE.parents[1] / "src")]

import evaluate  # noqa: E402
import generate  # noqa: E402
from export import export  # noqa: E402
from generate import Example, training_set  # noqa: E402
from model import Batch, InjectionNetwork, loss_of  # noqa: E402
from network import Trunk, pruned_tokenizer  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from groundcrew.guards.injection_patterns import plain_text  # noqa: E402
from groundcrew.guards.network import WINDOW_TOKENS, written  # noqa: E402

MODEL = HERE.parents[1] / "src" / "groundcrew" / "models" / "injection"
SEED, LAYERS, VOCABULARY = 20, 3, 15_000
BATCH_TOKENS, CHUNK = 2_600, 768
LEARNING_RATE, HEAD_RATE, WARM_UP = 2.0e-4, 1.0e-3, 0.06


def windows_of(
    examples: list[Example], tokenizer: Tokenizer, chance: random.Random
) -> list[tuple[list[int], list[int], list[tuple[int, int]], int]]:
    """Each example's window of tokens: ids, how they were written, two labels a token, and the label of the whole."""
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    made = []
    for example in examples:
        plain = plain_text(example.text)  # as the guard reads it
        text = example.text if plain is None else plain.text
        encoding = tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"), add_special_tokens=False)
        ids, offsets = encoding.ids, encoding.offsets
        if not ids:
            continue
        places = [place if plain is None else plain.starts[place] for place, _ in offsets]
        inside = [any(left <= place < right for left, right in example.spans) for place in places]
        first = 0
        if len(ids) > WINDOW_TOKENS:
            last = len(ids) - WINDOW_TOKENS
            middle = inside.index(True) if True in inside else chance.randint(0, len(ids))
            first = min(last, max(0, middle - chance.randint(0, WINDOW_TOKENS - 20)))
        chosen = slice(first, first + WINDOW_TOKENS)
        labels = [(1, 1) if each else (example.planted, example.order) for each in inside[chosen]]
        kinds = written(text, offsets[chosen])
        made.append(([start, *ids[chosen], end], [0, *kinds, 0], [(-1, -1), *labels, (-1, -1)], example.direct))
    return made


def batches(rows: list, chance: random.Random) -> Iterator[Batch]:
    """All rows once, those of about one length together."""
    order = list(range(len(rows)))
    chance.shuffle(order)
    groups: list[list[int]] = []
    for place in range(0, len(order), CHUNK):
        chunk = sorted(order[place : place + CHUNK], key=lambda each: len(rows[each][0]))
        group: list[int] = []
        for index in chunk:
            if group and len(rows[index][0]) * (len(group) + 1) > BATCH_TOKENS:
                groups.append(group)
                group = []
            group.append(index)
        groups.append(group)
    chance.shuffle(groups)
    for group in groups:
        length = max(len(rows[index][0]) for index in group)
        ids = torch.zeros(len(group), length, dtype=torch.long)
        mask, kinds = torch.zeros_like(ids), torch.zeros_like(ids)
        labels = torch.full((len(group), length, 2), -1, dtype=torch.long)
        for row, index in enumerate(group):
            part = rows[index]
            ids[row, : len(part[0])] = torch.tensor(part[0])
            kinds[row, : len(part[0])] = torch.tensor(part[1])
            mask[row, : len(part[0])] = 1
            labels[row, : len(part[0])] = torch.tensor(part[2])
        yield Batch(ids, mask, kinds, labels, torch.tensor([rows[index][3] for index in group]))


def learn(network: InjectionNetwork, rows: list, epochs: int, chance: random.Random) -> None:
    """AdamW with a short warm-up and a linear decay."""
    heads = [*network.tokens.parameters(), *network.whole.parameters()]
    names = {id(each) for each in heads}
    trunk = [each for each in network.parameters() if id(each) not in names]
    optimizer = torch.optim.AdamW(
        [{"params": trunk, "lr": LEARNING_RATE}, {"params": heads, "lr": HEAD_RATE}], weight_decay=0.01, fused=True
    )
    plan = [batch for _ in range(epochs) for batch in batches(rows, chance)]
    warm_up = int(len(plan) * WARM_UP)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, (len(plan) - step) / (len(plan) - warm_up))
    )
    network.train()
    started_s, total = time.monotonic(), 0.0
    for step, batch in enumerate(plan, 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(batch.ids, batch.mask, batch.written)
        loss = loss_of(logits.float(), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 0 or step == len(plan):
            print(f"step {step}/{len(plan)} loss {total / 100:.3f} {time.monotonic() - started_s:.0f} s", flush=True)
            total = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.85, help="share of the generated examples")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=MODEL)
    parser.add_argument("--data", type=Path, default=generate.SHARED, help="the folder of shared data")
    arguments = parser.parse_args()
    generate.SHARED = arguments.data
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    examples = training_set(SEED, arguments.scale)
    tokenizer, places = pruned_tokenizer((example.text for example in examples), VOCABULARY)
    network = InjectionNetwork(Trunk(LAYERS, places))
    chance = random.Random(SEED)
    rows = windows_of(examples, tokenizer, chance)
    print(len(rows), "windows,", sum(len(row[0]) for row in rows), "tokens", flush=True)
    learn(network, rows, arguments.epochs, chance)
    print("bytes", export(network, tokenizer, arguments.output, per_token=True))
    evaluate.write_card(arguments.output, windows=len(rows), tokens=sum(len(row[0]) for row in rows))


if __name__ == "__main__":
    main()
