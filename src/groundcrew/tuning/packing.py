"""Makes a model folder whole: the card, then the manifest that names the digest of every file; and puts it where models lie."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

from groundcrew.errors import InputError
from groundcrew.tuned.loading import CARD, verify_folder, write_manifest
from groundcrew.tuned.model import FORMAT, Manifest
from groundcrew.tuning.architecture import Fitted


def pack(folder: Path, fitted: Fitted, *, name: str, architecture: str, data_set: str, data_revision: str, seed: int) -> str:
    """Write card and manifest into `folder`, which holds the architecture's files; the model's digest. Nothing in it tells of the
    run, the day or the machine: the same files give the same digest. InputError where a figure is no number: the learning ran
    away."""
    figures = {**fitted.metrics, "threshold": fitted.threshold, "person_below": fitted.person_below or 0.0}
    if wrong := [key for key, value in sorted(figures.items()) if not math.isfinite(value)]:
        raise InputError("is not a number: the learning ran away; learn more slowly, or look at the data", field=wrong[0])
    (folder / CARD).write_text(_card(fitted, name, architecture, data_set, data_revision, seed), encoding="utf-8")
    manifest = Manifest(
        format=FORMAT,
        name=name,
        architecture=architecture,
        multi_label=fitted.multi_label,
        labels=fitted.labels,
        data_set=data_set,
        data_revision=data_revision,
        seed=seed,
        threshold=fitted.threshold,
        files={},
        languages=fitted.languages,
        code_system=fitted.code_system,
        person_below=fitted.person_below,
        settings=fitted.settings,
        metrics=fitted.metrics,
    )
    return write_manifest(folder, manifest)


def place(folder: Path, models: Path, expected: str) -> Path:
    """Move the whole model `folder` to ``models/DIGEST``, in one step and flushed to disk. What lies there already is checked and
    left. InputError where either is not whole, or not the model of that digest."""
    verify_folder(folder, digest=expected)
    target = models / expected
    if target.exists():
        verify_folder(target, digest=expected)
        shutil.rmtree(folder)
        return target
    models.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in [*folder.rglob("*"), folder]:
        _sync(path)
    try:
        os.replace(folder, target)
    except OSError:
        # Another run that made the same bytes was here meanwhile.
        if not target.is_dir():
            raise
        verify_folder(target, digest=expected)
        shutil.rmtree(folder)
        return target
    _sync(models)
    return target


def _card(fitted: Fitted, name: str, architecture: str, data_set: str, data_revision: str, seed: int) -> str:
    figures = "\n".join(f"| {key} | {value:.4f} |" for key, value in sorted(fitted.metrics.items())) or "| none were taken | |"
    person = "not calibrated" if fitted.person_below is None else f"{fitted.person_below:.4f}"
    return f"""# Model card: {name}

| | |
|---|---|
| architecture | {architecture} |
| learned from | {data_set}, revision `{data_revision}` |
| labels | {fitted.labels:,}{", several a text" if fitted.multi_label else ", one a text"} |
| languages | {", ".join(fitted.languages) or "not stated"} |
| code system | {fitted.code_system or "none"} |
| threshold | {fitted.threshold:.4f} |
| a person decides below | {person} |
| seed | {seed} |

## Figures on the validation examples

| figure | value |
|---|---|
{figures}

These chose the model, so that they flatter it: what it is worth is measured on examples that it has never seen.

{fitted.card.strip()}

## Whose data is in it

What was learned is made of the records: words of their texts, or numbers that stand for them, lie in these files. Whoever may not
see the data set may not have the folder either, and whoever is to be forgotten is forgotten by a new model without their records.
"""


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
