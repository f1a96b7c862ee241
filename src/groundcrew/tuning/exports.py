"""Writes a data set in the formats that others learn from: chat fine-tuning files, and classification with its features.

Formats: the chat of OpenAI's fine-tuning guide (JSON Lines of ``{"messages": […]}``); the conversational formats of Hugging
Face TRL (language modelling, prompt-completion); and text classification with a ``dataset_info.json`` of Hugging Face datasets
(ClassLabel features). All looked up on 2026-11-28. The same data set, splits and prompt give the same bytes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from groundcrew.curation.sources import sha256_of
from groundcrew.domain.canonical import digest
from groundcrew.errors import Conflict, InputError
from groundcrew.tuning.examples import Description, Example, count, fields_of, read_description, read_examples

Format: TypeAlias = Literal["openai-chat", "hf-chat", "hf-prompt-completion", "classification"]
FORMATS: tuple[Format, ...] = get_args(Format)
SPLITS = ("train", "validation", "test")
INFO = "dataset_info.json"
PROMPT_CHARACTERS_MAX = 100_000
#: What stands for "no label applies" in a chat.
NONE = "none"
PROMPT_ONE = "Read the text and answer with the one label that applies to it, and nothing else."
PROMPT_SEVERAL = (
    f"Read the text and answer with the labels that apply to it, one a line, and nothing else. Where none applies, answer: {NONE}"
)


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an export. `rows` is 0 for what holds no examples."""

    name: str
    rows: int
    sha256: str


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written where. `digest` is over the names and digests of all files."""

    data_set: str
    revision: str
    format: Format
    splits: tuple[str, ...]
    output: str
    digest: str
    files: tuple[ExportedFile, ...]


def default_prompt(*, multiple: bool) -> str:
    """What a chat's system message says where no prompt is given."""
    return PROMPT_SEVERAL if multiple else PROMPT_ONE


def answer_of(labels: Iterable[str]) -> str:
    """Labels as a chat's answer: one a line, in the order of the record."""
    return "\n".join(labels) or NONE


def read_prompt(path: Path) -> str:
    """The text of a prompt file, without the white space around it."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can not be read: {getattr(error, 'strerror', None) or 'not UTF-8'}", file=str(path)) from None
    if not text or len(text) > PROMPT_CHARACTERS_MAX:
        raise InputError(f"expected 1 to {PROMPT_CHARACTERS_MAX:,} characters", file=str(path))
    return text


def messages_of(example: Example, prompt: str) -> list[dict[str, str]]:
    """One example as a chat: what is asked, the text, and the true answer."""
    return [
        {"role": "system", "content": prompt},
        {"role": "user", "content": example.text},
        {"role": "assistant", "content": answer_of(example.labels)},
    ]


def row_of(example: Example, format: Format, prompt: str, *, multiple: bool) -> dict[str, Any]:
    """One line of an export."""
    if format == "classification":
        labels: dict[str, Any] = {"labels": list(example.labels)} if multiple else {"label": example.labels[0]}
        return {"text": example.text, **labels}
    messages = messages_of(example, prompt)
    if format == "hf-prompt-completion":
        return {"prompt": messages[:-1], "completion": messages[-1:]}
    return {"messages": messages}


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSON Lines, UTF-8, readable by their owner alone; how many."""
    number = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")
            number += 1
        file.flush()
        os.fsync(file.fileno())
    return number


def export(
    folder: Path,
    format: Format,
    splits: Sequence[str],
    output: Path,
    *,
    prompt: str | None = None,
    before: Callable[[Exported], None] | None = None,
) -> Exported:
    """Write `splits` of the data set in `folder` into the new folder `output`, which appears whole or not at all. `before` is
    called with what is about to appear. Conflict where `output` is there already."""
    chosen = tuple(each for each in SPLITS if each in splits)
    if not chosen or len(chosen) != len(set(splits)):
        raise InputError(f"expected some of {', '.join(SPLITS)}", field="split")
    description = read_description(folder)
    fields = fields_of(folder, description)
    if fields.label is None:
        raise InputError("has no label to learn: name it in the recipe", file=str(folder), field="label")
    if output.exists() or output.is_symlink():
        raise Conflict(f"{output} is there already: name a new folder")
    text = prompt or default_prompt(multiple=fields.multiple)
    output.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        files = []
        for split in chosen:
            path = building / f"{split}.jsonl"
            examples = read_examples(folder, split)
            rows = write_jsonl(path, (row_of(each, format, text, multiple=fields.multiple) for each in examples))
            files.append(ExportedFile(name=path.name, rows=rows, sha256=sha256_of(path)))
        if format != "openai-chat":
            information = _info(folder, description, format, files, multiple=fields.multiple)
            (building / INFO).write_bytes(msgspec.json.format(msgspec.json.encode(information), indent=2) + b"\n")
            files.append(ExportedFile(name=INFO, rows=0, sha256=sha256_of(building / INFO)))
        exported = Exported(
            data_set=description.name,
            revision=description.revision,
            format=format,
            splits=chosen,
            output=str(output),
            digest=digest({each.name: each.sha256 for each in files}),
            files=tuple(files),
        )
        if before is not None:
            before(exported)
        building.rename(output)
        return exported
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _info(
    folder: Path, description: Description, format: Format, files: Sequence[ExportedFile], *, multiple: bool
) -> dict[str, Any]:
    """What ``dataset_info.json`` says. Class names are those of all splits: a later export numbers them alike. Lists are written
    as releases 2, 3 and 4 of Hugging Face datasets all read them (tried on 2.21.0, 3.6.0 and 4.4.1)."""
    string = {"dtype": "string", "_type": "Value"}
    chat = [{"role": string, "content": string}]
    features: dict[str, Any]
    if format == "classification":
        label: dict[str, Any] = {"names": list(count(folder).labels), "_type": "ClassLabel"}
        features = (
            {"text": string, "labels": {"_type": "Sequence", "feature": label}} if multiple else {"text": string, "label": label}
        )
    elif format == "hf-prompt-completion":
        features = {"prompt": chat, "completion": chat}
    else:
        features = {"messages": chat}
    return {
        "description": f"{description.name}, revision {description.revision}. Source: {description.source}",
        "license": description.licence,
        "features": features,
        "splits": {each.name.removesuffix(".jsonl"): {"num_examples": each.rows} for each in files},
    }
