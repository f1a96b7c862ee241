"""What entailment networks say of the claims in the fit, each by a network that has not seen the claim's source; kept in a
scratch file by network and text, since reading takes minutes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from extract import AnswerRow, ClaimRow
from pairs import FOLDS, fold_of

from groundcrew.grounding.entailment import Entailment
from groundcrew.grounding.trust import Verdict, Verdicts, entailment_features


def verdicts_of(
    rows: Sequence[AnswerRow], networks: Path, scratch: Path, *, seen: bool, jobs: int = 1
) -> list[list[Verdict | None]]:
    """For each answer and claim: P(supported), P(contradicted), the worst and the mean word; None for a claim that is verbatim,
    which the network is not asked about. With `seen` each group is read by the network of its own fold
    (`networks`/fold_0.onnx …), else by the shipped one (`networks`/model.onnx)."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        name = f"fold_{fold_of(row.group)}" if seen else "model"
        wanted.setdefault(name, []).extend((claim.evidence, claim.text) for claim in row.claims if _is_read(claim))
    with ProcessPoolExecutor(jobs) as pool:
        found = dict(
            zip(
                wanted,
                pool.map(_read, [networks / f"{name}.onnx" for name in wanted], wanted.values(), [scratch] * len(wanted)),
                strict=True,
            )
        )
    answers: list[list[Verdict | None]] = []
    for row in rows:
        name = f"fold_{fold_of(row.group)}" if seen else "model"
        answers.append([None if not _is_read(claim) else found[name][claim.evidence, claim.text] for claim in row.claims])
    return answers


def _is_read(claim: ClaimRow) -> bool:
    return claim.features is not None


def as_features(verdicts: Sequence[Verdict]) -> npt.NDArray[np.float64]:
    """(n, 4): the features that the product makes of verdicts."""
    return np.array([entailment_features(verdict) for verdict in verdicts]).reshape(len(verdicts), -1)


def _read(network: Path, pairs: Sequence[tuple[str, str]], scratch: Path) -> dict[tuple[str, str], Verdict]:
    identity = hashlib.sha256(network.read_bytes()).hexdigest()[:12]
    path = scratch / f"verdicts-{identity}.msgpack"
    kept = msgspec.msgpack.decode(path.read_bytes(), type=dict[str, Verdict]) if path.exists() else {}
    keys = {pair: hashlib.sha256("\0".join(pair).encode("utf-8", "replace")).hexdigest()[:24] for pair in pairs}
    missing = [pair for pair, key in keys.items() if key not in kept]
    if missing:
        folder = scratch / f"network-{identity}"
        folder.mkdir(exist_ok=True)
        shutil.copy(network, folder / "model.onnx")
        shutil.copy(network.parent / "tokenizer.json", folder / "tokenizer.json")
        reader = Verdicts(Entailment(folder))
        for start in range(0, len(missing), 256):
            chunk = missing[start : start + 256]
            kept.update(zip((keys[pair] for pair in chunk), reader.read(chunk), strict=True))
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.msgpack.encode(kept))
        part.replace(path)
    return {pair: kept[key] for pair, key in keys.items()}


__all__ = ["FOLDS", "Verdict", "as_features", "fold_of", "verdicts_of"]
