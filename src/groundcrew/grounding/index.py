"""One immutable index folder a knowledge revision: words (tantivy), vectors (usearch), passages, and a manifest that
vouches for every file. Built beside its place and renamed into it, so that a reader sees a whole index or none.

    REVISION/
      manifest.json      versions, encoder, number of passages, SHA-256 of every file
      passages.msgpack   the passages, in row order
      vectors.usearch    row → unit vector (float16)
      words/             row → terms of title, heading and text, for BM25
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.canonical import digest
from groundcrew.domain.knowledge import Document, Passage
from groundcrew.errors import Conflict, InputError
from groundcrew.grounding.chunking import CHUNKER_VERSION
from groundcrew.grounding.encoder import DIMENSIONS, SHIPPED_MODEL, Encoder, model_sha256

if TYPE_CHECKING:
    from tantivy import Schema, TextAnalyzer

#: Raise it when the folder's layout, the terms or the text that is encoded change: older folders are then rebuilt.
INDEX_VERSION = 1
PASSAGES_MAX = 2_000_000
TERM_CHARACTERS_MAX = 40
MANIFEST_FILE, PASSAGES_FILE, VECTORS_FILE, WORDS_FOLDER = (
    "manifest.json",
    "passages.msgpack",
    "vectors.usearch",
    "words",
)
#: A build that was killed leaves its scratch folder; the next build sweeps those of this age.
ABANDONED_BUILD_S = 6 * 3600
_WRITER_HEAP_BYTES = 64_000_000
_ANALYZER = "passage"
_HASH_CHUNK_BYTES = 1 << 20

Progress = Callable[[int, int], None]
Vectors = Mapping[str, npt.NDArray[np.float16]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an index folder says of itself. `files` maps each relative path to its SHA-256."""

    index_version: int
    encoder_sha256: str
    passages_sha256: str
    passages: int
    libraries: dict[str, str]
    files: dict[str, str]


def revision_id(documents: Sequence[Document]) -> str:
    """SHA-256 over the documents (path, title, bytes, extracted text; in any order), how they are cut, how they are indexed
    and the shipped encoder: equal ids mean that the same question gets the same passages."""
    described = sorted(
        (each.path, each.title, each.sha256, hashlib.sha256(each.text.encode("utf-8", "surrogatepass")).hexdigest())
        for each in documents
    )
    return digest(
        {
            "chunker": CHUNKER_VERSION,
            "index": INDEX_VERSION,
            "encoder": model_sha256(SHIPPED_MODEL),
            "documents": described,
        }
    )


def build(
    folder: Path,
    passages: Sequence[Passage],
    encoder: Encoder,
    progress: Progress | None = None,
    *,
    reuse: Path | None = None,
) -> None:
    """Write the index of `passages` as `folder`; `progress` is called with (passages encoded, passages in all).

    Does nothing where the folder holds just that already; replaces a damaged one. A folder with other passages is a
    `Conflict`: revisions are immutable. Killed half-way, it leaves nothing under `folder`. `reuse` is an earlier revision's
    folder: what stands in both is not encoded again, which takes nearly all of the time; a folder of no use is ignored.
    """
    if len(passages) > PASSAGES_MAX:
        raise InputError(f"{len(passages)} passages, limit {PASSAGES_MAX}; split the knowledge base")
    passages_sha256 = _passages_digest(passages)
    if folder.exists():
        try:
            present = verify(folder)
        except InputError:
            present = None
        if present is not None:
            if (present.passages_sha256, present.encoder_sha256) == (passages_sha256, encoder.sha256):
                return
            raise Conflict(f"{folder} holds the index of other passages; a revision never changes")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep_abandoned(folder)
    scratch = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.building"
    scratch.mkdir()
    try:
        known = _known_vectors(reuse, encoder) if reuse is not None else {}
        _write(scratch, passages, passages_sha256, encoder, known, progress)
        _move_into_place(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def verify(folder: Path) -> Manifest:
    """Check every file against the manifest; a missing or altered one, or another layout, is an `InputError`."""
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise InputError("a file of the index is missing; build the revision again", file=str(path))
        if _file_sha256(path) != expected:
            raise InputError("a file of the index is damaged; build the revision again", file=str(path))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest, without checking the files that it names."""
    path = folder / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise InputError("there is no index here; add the documents again", file=str(folder)) from error
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"the index's manifest is not readable: {error}", file=str(path)) from error
    if manifest.index_version != INDEX_VERSION:
        raise InputError(
            f"the index has layout {manifest.index_version}, this version reads {INDEX_VERSION}; add the documents again",
            file=str(path),
        )
    return manifest


def read_passages(folder: Path) -> tuple[Passage, ...]:
    """The passages of an index, without opening the rest of it; InputError where they can not be read."""
    path = folder / PASSAGES_FILE
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=tuple[Passage, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"the passages can not be read: {error}", file=str(path)) from error


def passage_context(passage: Passage) -> str:
    """What is indexed and encoded for a passage: title and heading tell what "it" in the text is about."""
    return "\n".join(part for part in (passage.title, passage.heading, passage.text) if part)


@functools.cache
def analyzer() -> TextAnalyzer:
    """Text → terms, for passages and queries alike: words, lower case, without accents, Snowball's English stems."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(TERM_CHARACTERS_MAX))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stemmer("english"))
        .build()
    )


@functools.cache
def schema() -> Schema:
    """`row`: the passage's number; `body`: its terms with their counts."""
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
    return builder.build()


def open_words(folder: Path) -> Any:
    """The tantivy index in `folder`, ready to search."""
    from tantivy import Index

    words = Index.open(str(folder))
    words.register_tokenizer(_ANALYZER, analyzer())
    words.config_reader("manual")
    return words


def _write(
    scratch: Path,
    passages: Sequence[Passage],
    passages_sha256: str,
    encoder: Encoder,
    known: Vectors,
    progress: Progress | None,
) -> None:
    (scratch / PASSAGES_FILE).write_bytes(msgspec.msgpack.encode(list(passages)))
    _write_words(scratch / WORDS_FOLDER, passages)
    _write_vectors(scratch / VECTORS_FILE, passages, encoder, known, progress)
    # tantivy's lock files say nothing and are made anew by whoever needs them.
    for lock in (scratch / WORDS_FOLDER).glob(".*.lock"):
        lock.unlink()
    files = sorted(path for path in scratch.rglob("*") if path.is_file())
    manifest = Manifest(
        index_version=INDEX_VERSION,
        encoder_sha256=encoder.sha256,
        passages_sha256=passages_sha256,
        passages=len(passages),
        libraries=_library_versions(),
        files={path.relative_to(scratch).as_posix(): _file_sha256(path) for path in files},
    )
    (scratch / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))


def _write_words(folder: Path, passages: Sequence[Passage]) -> None:
    import tantivy

    folder.mkdir()
    words = tantivy.Index(schema(), path=str(folder))
    words.register_tokenizer(_ANALYZER, analyzer())
    writer = words.writer(heap_size=_WRITER_HEAP_BYTES, num_threads=1)
    for row, passage in enumerate(passages):
        entry = tantivy.Document()
        entry.add_unsigned("row", row)
        entry.add_text("body", passage_context(passage).encode("utf-8", "replace").decode("utf-8"))
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()


def vector_index() -> Any:
    """The class of usearch's indexes. Imported after onnxruntime: loaded the other way round, onnxruntime crashes."""
    import onnxruntime  # noqa: F401
    from usearch.index import Index

    return Index


def _write_vectors(file: Path, passages: Sequence[Passage], encoder: Encoder, known: Vectors, progress: Progress | None) -> None:
    usearch_index = vector_index()

    # One thread, so that the same passages give the same graph.
    vectors = usearch_index(ndim=DIMENSIONS, metric="cos", dtype="f16")
    contexts = [passage_context(passage) for passage in passages]
    encoded = encoder.encode_each(context for context in contexts if context not in known)
    for row, context in enumerate(contexts):
        vector = known[context] if context in known else next(encoded)
        vectors.add(row, vector, threads=1)
        if progress is not None:
            progress(row + 1, len(contexts))
    vectors.save(str(file))


def _known_vectors(folder: Path, encoder: Encoder) -> Vectors:
    """What an earlier revision has encoded: context → vector; nothing where the folder is damaged or of another encoder."""
    usearch_index = vector_index()

    try:
        if verify(folder).encoder_sha256 != encoder.sha256:
            return {}
        content = (folder / PASSAGES_FILE).read_bytes()
        passages = msgspec.msgpack.decode(content, type=list[Passage])
        vectors = usearch_index.restore(str(folder / VECTORS_FILE), view=True)
    except (InputError, OSError, msgspec.DecodeError):
        return {}
    if vectors is None or not passages or len(vectors) != len(passages):
        return {}
    stored: Any = vectors.get(np.arange(len(passages), dtype=np.uint64))
    return {passage_context(passage): vector for passage, vector in zip(passages, stored, strict=True)}


def _move_into_place(scratch: Path, folder: Path) -> None:
    """Everything is on the disk before the name is. A damaged predecessor makes way; another builder's whole one stays."""
    for path in (*scratch.rglob("*"), scratch):
        _sync(path)
    try:
        os.rename(scratch, folder)
    except OSError:
        try:
            verify(folder)
            return
        except InputError:
            shutil.rmtree(folder)
            os.rename(scratch, folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep_abandoned(folder: Path) -> None:
    oldest_s = time.time() - ABANDONED_BUILD_S
    for left in folder.parent.glob(f".{folder.name}.*.building"):
        if left.stat().st_mtime < oldest_s:
            shutil.rmtree(left, ignore_errors=True)


def _passages_digest(passages: Sequence[Passage]) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(list(passages))).hexdigest()


def _file_sha256(path: Path) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest()


def _library_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"tantivy": version("tantivy"), "usearch": version("usearch"), "numpy": np.__version__}
