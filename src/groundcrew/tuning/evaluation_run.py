"""Asks a tuned model about cases, one at a time as calls come, and takes the time; reads cases from files; finds cases that the
model has learned from."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.errors import InputError
from groundcrew.tuned.answer import Answer, answer_of
from groundcrew.tuned.loading import load_model
from groundcrew.tuned.model import Loaded
from groundcrew.tuning.evaluation import CASES_MAX
from groundcrew.tuning.evaluation_figures import Case, case_of
from groundcrew.tuning.examples import Example

LINE_BYTES_MAX = 8 * 1024 * 1024
ID_LENGTH_MAX = 200

Progress = Callable[[int, int], None]


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file with cases. `labels` are the true ones, or those of a baseline."""

    id: str | int
    text: str = ""
    labels: tuple[str, ...] | str | None = None
    group: str | int = ""


def open_model(folder: Path, digest: str) -> tuple[Loaded, float]:
    """The verified model and the seconds that loading it took."""
    started_s = time.perf_counter()
    loaded = load_model(folder, digest=digest)
    return loaded, time.perf_counter() - started_s


def cases_of(loaded: Loaded, examples: Sequence[Example], progress: Progress) -> list[Case]:
    """Each example's case, with the seconds (wall clock, one at a time) that its prediction took. The first text is read twice:
    what a model sets up with its first call is no part of a case's time."""
    if examples:
        loaded.predict([examples[0].text])
    found = []
    for number, example in enumerate(examples, start=1):
        started_s = time.perf_counter()
        (prediction,) = loaded.predict([example.text])
        found.append(case_of(example, prediction, time.perf_counter() - started_s))
        progress(number, len(examples))
    return found


def suggestions(
    loaded: Loaded, examples: Sequence[Example], progress: Progress, *, model: str, digest: str
) -> Iterator[tuple[str, Answer]]:
    """For each example its id and the answer that the gateway would give."""
    for number, example in enumerate(examples, start=1):
        (prediction,) = loaded.predict([example.text])
        yield example.id, answer_of(prediction, example.text, model=model, digest=digest)
        progress(number, len(examples))


def read_cases(path: Path, *, labelled: bool, texts: bool = True) -> list[Example]:
    """The cases of a JSONL file: `id`, `text` unless no `texts` are wanted, `labels` (a list, or one text) where they must be
    there (`labelled`), and a `group` that cases may share. InputError names the line and field that is wrong."""
    found: list[Example] = []
    seen: set[str] = set()
    for number, line in _lines(path):
        example = _example(line, number, path, labelled=labelled, texts=texts)
        if example.id in seen:
            raise InputError(f"{example.id!r} occurs twice", file=str(path), line=number, field="id")
        seen.add(example.id)
        found.append(example)
        if len(found) > CASES_MAX:
            raise InputError(f"holds more than {CASES_MAX:,} cases", file=str(path))
    if not found:
        raise InputError("holds no cases", file=str(path))
    return found


def baseline_cases(examples: Sequence[Example]) -> list[Case]:
    """Cases of a baseline that only names labels: in their order, all of them kept."""
    return [
        Case(
            id=each.id,
            truth=frozenset(),
            ranked=tuple((label, 1.0) for label in each.labels),
            kept=frozenset(each.labels),
        )
        for each in examples
    ]


def leaked(cases: Sequence[Example], learned: Sequence[Example]) -> tuple[str, ...]:
    """The ids of cases that the model has learned from: the same text but for case, accents, white space and punctuation, or
    another text of the same group."""
    texts = {_folded(each.text) for each in learned}
    groups = {each.group for each in learned if each.group}
    return tuple(each.id for each in cases if _folded(each.text) in texts or (each.group and each.group in groups))


def _folded(text: str) -> bytes:
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if each.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise InputError(f"is longer than {LINE_BYTES_MAX:,} bytes", file=str(path), line=number)
                if line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror or error}", file=str(path)) from error


def _example(data: bytes, number: int, path: Path, *, labelled: bool, texts: bool) -> Example:
    def wrong(message: str, field: str | None = None) -> InputError:
        return InputError(message, file=str(path), line=number, field=field)

    try:
        raw: Any = msgspec.json.decode(data)
        line = msgspec.convert(raw, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"is no case: {error}") from None
    name = str(line.id).strip()
    if not 1 <= len(name) <= ID_LENGTH_MAX:
        raise wrong(f"1 to {ID_LENGTH_MAX} characters", "id")
    if texts and "text" not in raw:
        raise wrong("is missing", "text")
    if labelled and line.labels is None:
        raise wrong("is missing", "labels")
    labels = (line.labels,) if isinstance(line.labels, str) else line.labels or ()
    if any(not each.strip() for each in labels):
        raise wrong("a label is empty", "labels")
    return Example(id=name, text=line.text, labels=tuple(dict.fromkeys(labels)), group=str(line.group))
