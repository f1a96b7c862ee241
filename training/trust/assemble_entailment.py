"""Builds the pairs, prunes the vocabulary to them and writes everything as arrays, so that training needs nothing else.

python training/trust/assemble_entailment.py --output FOLDER
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "compact"), str(HERE.parents[1] / "src")]

from network import pruned_tokenizer  # noqa: E402
from pairs import SUPPORTED, Pair, Windows, all_pairs, answer_pairs, case_pairs, fold_of  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from groundcrew.grounding.entailment import encode_pair  # noqa: E402

VOCABULARY = 12_000
#: Never learnt from nor chosen by; their windows are the product's.
MEASURED = ("infotabs_dev", "wice_claim_dev", "begin_wow_dev", "begin_tc_dev")


def measured_pairs() -> list[Pair]:
    """The pairs of the sets that only measure, under names that training leaves out, and the own cases held back."""
    windows = Windows()
    found = [(f"dev:{name}", pair) for name in MEASURED for pair in answer_pairs(name, windows)]
    found += [("dev:own_cases", pair) for pair in case_pairs(held_back=True)]
    return [msgspec.structs.replace(pair, set=name) for name, pair in found]


def write_arrays(pairs: list[Pair], tokenizer: Tokenizer, path: Path) -> None:
    """Token ids, marks and token labels (1 unsupported, 0 supported, −1 unknown or not of the claim), flat, with a length,
    label, set and fold for each pair."""
    names = sorted({pair.set for pair in pairs})
    ids: list[int] = []
    marks: list[int] = []
    unsupported: list[int] = []
    lengths = []
    for pair in pairs:
        mine, theirs, first, offsets = encode_pair(tokenizer, pair.evidence, pair.claim)
        labels = [-1] * len(mine)
        if pair.spans is not None:
            for place, (left, right) in enumerate(offsets):
                labels[first + place] = int(any(left < stop and right > begin for begin, stop in pair.spans))
        ids += mine
        marks += theirs
        unsupported += labels
        lengths.append(len(mine))
    np.savez_compressed(
        path,
        ids=np.array(ids, dtype=np.int16),
        marks=np.array(marks, dtype=np.uint8),
        unsupported=np.array(unsupported, dtype=np.int8),
        lengths=np.array(lengths, dtype=np.int16),
        labels=np.array([pair.label for pair in pairs], dtype=np.int8),
        sets=np.array([names.index(pair.set) for pair in pairs], dtype=np.int8),
        folds=np.array([fold_of(pair.group) for pair in pairs], dtype=np.int8),
        names=np.array(names),
    )


def main() -> None:
    """Pairs → tokenizer → arrays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    stored = arguments.output / "pairs.json"
    if stored.exists():
        pairs = msgspec.json.decode(stored.read_bytes(), type=list[Pair])
    else:
        pairs = all_pairs() + measured_pairs()
        stored.write_bytes(msgspec.json.encode(pairs))
    learnt = [pair for pair in pairs if not pair.set.startswith("dev:")]
    tokenizer, places = pruned_tokenizer((f"{pair.evidence} {pair.claim}" for pair in learnt), VOCABULARY)
    tokenizer.save(str(arguments.output / "tokenizer.json"), pretty=False)
    (arguments.output / "places.json").write_text(json.dumps(places))
    write_arrays(pairs, tokenizer, arguments.output / "pairs.npz")
    print(len(pairs), "pairs, supported", sum(pair.label == SUPPORTED for pair in pairs))


if __name__ == "__main__":
    main()
