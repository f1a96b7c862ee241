"""Makes a model folder whole: the card, then the manifest that names the digest of every file; and puts it where models lie."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from groundcrew.curation.sources import sha256_of
from groundcrew.domain.canonical import digest
from groundcrew.errors import Conflict, InputError
from groundcrew.tuned.model import FORMAT, MANIFEST, Manifest
from groundcrew.tuning.architecture import Fitted

CARD = "CARD.md"
MANIFEST_BYTES_MAX = 1 << 20
FILES_MAX = 1_000


def pack(folder: Path, fitted: Fitted, *, name: str, architecture: str, data_set: str, data_revision: str, seed: int) -> Manifest:
    """Write card and manifest into `folder`, which holds the architecture's files. Nothing in it tells of the run, the day or
    the machine: the same files give the same digest."""
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
        files=_digests(folder),
        languages=fitted.languages,
        code_system=fitted.code_system,
        person_below=fitted.person_below,
        settings=fitted.settings,
        metrics=fitted.metrics,
    )
    text = msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(manifest, order="sorted")), indent=2)
    (folder / MANIFEST).write_bytes(text + b"\n")
    return manifest


def read_whole(folder: Path) -> tuple[Manifest, str]:
    """The manifest of a folder whose files all bear it out, and its digest. InputError for any other folder."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = msgspec.json.decode(file.read(MANIFEST_BYTES_MAX + 1), type=Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise InputError(f"no manifest of a model: {type(error).__name__}", file=str(folder / MANIFEST)) from None
    if manifest.format != FORMAT:
        raise InputError(f"format {manifest.format} is not known here", file=str(folder / MANIFEST), field="format")
    found = _digests(folder)
    for each in sorted(found.keys() | manifest.files.keys()):
        if found.get(each) != manifest.files.get(each):
            why = "is not what the manifest says" if each in found and each in manifest.files else "is missing or additional"
            raise InputError(why, file=str(folder / each))
    return manifest, digest(manifest)


def place(folder: Path, models: Path, expected: str) -> Path:
    """Move the whole model `folder` to ``models/DIGEST``, in one step and flushed to disk. What lies there already is checked and
    left. Conflict where the digest is not `expected`."""
    _, found = read_whole(folder)
    if found != expected:
        raise Conflict(f"the model in {folder} is {found[:12]}, not {expected[:12]}")
    target = models / found
    if target.exists():
        read_whole(target)
        shutil.rmtree(folder)
        return target
    models.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in [*folder.rglob("*"), folder]:
        _sync(path)
    os.replace(folder, target)
    _sync(models)
    return target


def _digests(folder: Path) -> dict[str, str]:
    """Name (with /) → SHA-256 of every file in the folder but the manifest. InputError for what is no plain file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError("is no plain file", file=str(path))
        if path.is_file() and name != MANIFEST:
            found[name] = sha256_of(path)
        if len(found) > FILES_MAX:
            raise InputError(f"more than {FILES_MAX:,} files", file=str(folder))
    return found


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
"""


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
