"""Trains the token classifier of the guard `pii` and writes it as int8 ONNX, with the figures on what was held out beside it.
`python training/pii/train.py` from the repository's root, with src, training/compact and training/pii on the path."""

from __future__ import annotations

import argparse
import collections
import json
import math
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "training" / "compact"), str(Path(__file__).parent)]

import data  # noqa: E402
import generate  # noqa: E402
import network  # noqa: E402
import torch  # noqa: E402
from export import export  # noqa: E402
from generate import Example  # noqa: E402
from plan import (  # noqa: E402
    BATCH_TOKENS,
    EVERYDAY,
    GENERATED,
    LAYERS,
    MESSAGES,
    NOTE_ROUNDS,
    PIECES,
    PIECES_CLINICAL,
    RATE,
    RATE_HEAD,
    SCATTERED,
    SEED,
    SENTENCE_ROUNDS,
    WARM_UP,
)
from tokenizers import Tokenizer  # noqa: E402
from torch.nn import functional  # noqa: E402

from groundcrew.guards.network import WINDOW_TOKENS, Network, written  # noqa: E402
from groundcrew.guards.pii_network import LABELS  # noqa: E402
from groundcrew.guards.pii_text import segments  # noqa: E402

Item = tuple[list[int], list[int], list[int]]


def gather(folder: Path, generated: int, *, everything: bool) -> list[Example]:
    """All training examples, shuffled; fold 0 stays out unless `everything`."""
    r = random.Random(SEED)
    sentences = [row for row in data.presidio(folder) if everything or row.fold]
    notes = [row for row in data.notes(folder) if everything or row.fold]
    held_out = (
        set()
        if everything
        else {row["id"] for row in data._rows(folder / "aci_bench" / "train.jsonl.gz") if not data._fold(str(row["id"]))}
    )
    harvest: dict[str, list[str]] = collections.defaultdict(list)
    for row in sentences:
        for start, end, kind in row.spans:
            if kind in ("PERSON", "LOCATION", "ORG", "PHONE") or (kind == "ADDRESS" and end - start > 9):
                harvest[kind].append(row.text[start:end])
    unlabelled = data.clinical(folder, held_out)
    r.shuffle(unlabelled)
    body = [piece for piece in unlabelled if not data.ruled(piece) and len(piece) < 500]
    examples: list[Example] = [generate.example(r, body, harvest) for _ in range(generated)]
    whole = min(1.0, generated / GENERATED)
    for turn in range(max(1, round(SENTENCE_ROUNDS * whole))):
        examples += (
            Example(text=row.text, spans=row.spans) if turn == 0 else generate.roughened(data.swapped(row, r, harvest), r)
            for row in sentences
        )
    for turn in range(max(1, round(NOTE_ROUNDS * whole))):
        for row in notes:
            made = Example(text=row.text, spans=row.spans) if turn == 0 else data.swapped(row, r, harvest)
            examples.append(Example(text=made.text, spans=data.ruled(made.text, made.spans)))
    plain = [Example(text=piece, spans=data.ruled(piece)) for piece in unlabelled[: round(PIECES_CLINICAL * whole)]]
    plain += [Example(text=row.text, spans=[]) for row in data.messages(folder) if row.fold][: round(MESSAGES * whole)]
    everyday = data.everyday(folder)
    r.shuffle(everyday)
    plain += [generate.roughened(Example(text=piece, spans=[]), r) for piece in everyday[: round(EVERYDAY * whole)]]
    plain = [generate.scattered(each, r, harvest) if r.random() < SCATTERED else each for each in plain]
    return examples + plain


def items(examples: list[Example], tokenizer: Tokenizer) -> list[Item]:
    """(ids, how they are written, labels) of every segment, cut as the product cuts."""
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    made: list[Item] = []
    for example in examples:
        for context, _, stop in segments(example.text):
            text = example.text[context:stop]
            encoding = tokenizer.encode(text, add_special_tokens=False)
            ids, offsets = encoding.ids[:250], encoding.offsets[:250]
            if not ids:
                continue
            labels = [0] * len(ids)
            for begin, until, kind in example.spans:
                for index, (first, last) in enumerate(offsets):
                    if first + context < until and last + context > begin:
                        labels[index] = LABELS.index(kind)
            made.append(([start, *ids, end], [0, *written(text, offsets), 0], [-100, *labels, -100]))
    return made


def batches(made: list[Item], r: random.Random) -> list[list[Item]]:
    """Items of like length together, so that little is padding; in random order."""
    order = sorted(made, key=lambda each: len(each[0]) + r.random() * 6)
    result: list[list[Item]] = []
    for each in order:
        if not result or len(each[0]) * (len(result[-1]) + 1) > BATCH_TOKENS:
            result.append([])
        result[-1].append(each)
    r.shuffle(result)
    return result


def train(made: list[Item], places: list[int], layers: int, threads: int) -> network.Tagger:
    """One pass over the items: the generator makes enough that none need come twice."""
    torch.manual_seed(SEED)
    torch.set_num_threads(threads)
    tagger = network.Tagger(network.Trunk(layers, places), len(LABELS))
    # The pieces' vectors stay: a rare name keeps the place among its like that the encoder gave it.
    tagger.trunk.words.requires_grad = False
    groups = [
        {
            "params": [each for name, each in tagger.named_parameters() if each.requires_grad and not name.startswith("head")],
            "lr": RATE,
        },
        {"params": list(tagger.head.parameters()), "lr": RATE_HEAD},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = batches(made, random.Random(SEED))
    warm_up = max(1, int(len(steps) * WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * min(1.0, step / len(steps)))) + 0.02)
    )
    tagger.train()
    began_s, losses = time.monotonic(), []
    for number, batch in enumerate(steps):
        longest = max(len(ids) for ids, _, _ in batch)
        ids, kinds, labels = (
            torch.tensor([each[part] + [fill] * (longest - len(each[part])) for each in batch])
            for part, fill in ((0, 0), (1, 0), (2, -100))
        )
        mask = torch.tensor([[1] * len(each[0]) + [0] * (longest - len(each[0])) for each in batch])
        loss = functional.cross_entropy(tagger(ids, mask, kinds).flatten(0, 1), labels.flatten(), ignore_index=-100)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if number % 50 == 49:
            print(f"{number + 1}/{len(steps)} loss {sum(losses[-50:]) / 50:.4f} {time.monotonic() - began_s:.0f} s", flush=True)
    return tagger.eval()


def agreement(tagger: network.Tagger, folder: Path, texts: list[str]) -> tuple[int, int]:
    """Tokens of `texts` to which the exported int8 network gives the same label as the float one, and all tokens."""
    exported = Network(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    same = total = 0
    for text in texts:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        if not 0 < len(encoding.ids) <= WINDOW_TOKENS:
            continue
        ids, kinds = torch.tensor([[start, *encoding.ids, end]]), torch.tensor([[0, *written(text, encoding.offsets), 0]])
        with torch.no_grad():
            plain = tagger(ids, torch.ones_like(ids), kinds)[0, 1:-1].argmax(-1).numpy()
        windows, _ = exported.windows(text, windows_max=1)
        same += int((plain == windows[0].logits.argmax(-1)).sum())
        total += len(encoding.ids)
    return same, total


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--output", type=Path, default=ROOT / "src" / "groundcrew" / "models" / "pii")
    parser.add_argument("--generated", type=int, default=GENERATED)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float", type=Path, help="where to keep the weights before they become int8, to compare")
    parser.add_argument("--everything", action="store_true", help="train on the held-out third too")
    chosen = parser.parse_args()
    examples = gather(chosen.data, chosen.generated, everything=chosen.everything)
    tokenizer, places = network.pruned_tokenizer((each.text for each in examples), PIECES)
    made = items(examples, tokenizer)
    print(len(examples), "examples", len(made), "segments", sum(len(each[0]) for each in made), "tokens", flush=True)
    tagger = train(made, places, chosen.layers, chosen.threads)
    if chosen.float is not None:
        torch.save({"state": tagger.state_dict(), "places": places}, chosen.float)
    size = export(tagger, tokenizer, chosen.output, per_token=True)
    same, total = agreement(tagger, chosen.output, [row.text for row in data.presidio(chosen.data) if not row.fold][::4])
    print(json.dumps({"bytes": size, "int8_as_float": same, "tokens": total, "folder": str(chosen.output)}))


if __name__ == "__main__":
    main()
