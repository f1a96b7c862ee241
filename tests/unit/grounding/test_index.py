"""Index folders: the same content has the same name, a folder is whole or absent, and damage is found on opening."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.knowledge import Document, Passage
from groundcrew.errors import Conflict, InputError
from groundcrew.grounding import index
from groundcrew.grounding.chunking import split
from groundcrew.grounding.encoder import SHIPPED_MODEL, Encoder, shipped_encoder
from groundcrew.grounding.index import build, revision_id, verify
from groundcrew.grounding.retrieval import KnowledgeIndex

TEXTS = ["A lost card is blocked at once.", "The account costs CHF 5 per month.", "Branches open at nine."]
DOCUMENTS = [
    Document(path=f"{number}.md", title=f"Article {number}", text=text, sha256=f"{number:064}")
    for number, text in enumerate(TEXTS)
]
PASSAGES = [passage for document in DOCUMENTS for passage in split(document)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "bases" / "revision"
    build(built, PASSAGES, shipped_encoder())
    return built


@given(st.randoms(use_true_random=False))
def test_a_revision_has_one_id_whatever_the_order(shuffler: random.Random) -> None:
    shuffled = list(DOCUMENTS)
    shuffler.shuffle(shuffled)
    assert revision_id(shuffled) == revision_id(DOCUMENTS)


def test_any_change_of_content_is_another_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {revision_id(DOCUMENTS), revision_id(DOCUMENTS[:2]), revision_id([])}
    for field in ("path", "title", "text", "sha256"):
        changed = {"path": "z", "title": "z", "text": "z", "sha256": "f" * 64}[field]
        ids.add(revision_id([*DOCUMENTS[:2], _replaced(DOCUMENTS[2], field, changed)]))
    monkeypatch.setattr(index, "CHUNKER_VERSION", 999)
    ids.add(revision_id(DOCUMENTS))
    assert len(ids) == 8


def _replaced(document: Document, field: str, value: str) -> Document:
    fields = {name: getattr(document, name) for name in ("path", "title", "text", "sha256")}
    return Document(**{**fields, field: value})


def test_building_reports_progress_and_opens_again(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build(tmp_path / "r", PASSAGES, shipped_encoder(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    knowledge = KnowledgeIndex.open(tmp_path / "r")
    assert list(knowledge.passages) == PASSAGES
    assert len(knowledge) == 3
    assert os.listdir(tmp_path) == ["r"]


def test_what_an_earlier_revision_encoded_is_not_encoded_again(folder: Path, tmp_path: Path) -> None:
    class Counting(Encoder):
        texts = 0

        def encode_each(self, texts: Iterable[str]) -> Iterator[npt.NDArray[np.float32]]:
            for vector in super().encode_each(texts):
                self.texts += 1
                yield vector

    extra = split(Document(path="new.md", title="New", text="A new thing.", sha256="f" * 64))
    counting = Counting(SHIPPED_MODEL)
    build(tmp_path / "next", [*extra, *PASSAGES], counting, reuse=folder)
    assert counting.texts == 1
    build(tmp_path / "fresh", [*extra, *PASSAGES], shipped_encoder(), reuse=tmp_path / "nowhere")
    for query in ("What is new?", "lost card", "monthly cost"):
        found, expected = (KnowledgeIndex.open(tmp_path / name).search(query) for name in ("next", "fresh"))
        assert [hit.passage for hit in found] == [hit.passage for hit in expected]
        assert [hit.cosine for hit in found] == pytest.approx([hit.cosine for hit in expected], abs=1e-6)


def test_building_again_changes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    build(folder, PASSAGES, shipped_encoder())
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_revision_never_changes(folder: Path) -> None:
    with pytest.raises(Conflict, match="never changes"):
        build(folder, PASSAGES[:1], shipped_encoder())
    assert len(KnowledgeIndex.open(folder)) == 3


@pytest.mark.parametrize("name", ["passages.msgpack", "vectors.usearch", "words/meta.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_damage_is_found_on_opening_and_mended_by_building(folder: Path, name: str, damage: str) -> None:
    file = folder / name
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[0] ^= 0xFF
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"again|manifest"):
        KnowledgeIndex.open(folder)
    build(folder, PASSAGES, shipped_encoder())
    assert len(KnowledgeIndex.open(folder)) == 3
    assert os.listdir(folder.parent) == ["revision"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: there is no index here"):
        KnowledgeIndex.open(tmp_path / "nowhere")


def test_another_layout_or_encoder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "INDEX_VERSION", 999)
    with pytest.raises(InputError, match="layout"):
        KnowledgeIndex.open(folder)
    monkeypatch.undo()
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(shipped_encoder().sha256, "0" * 64))
    with pytest.raises(InputError, match="another encoder"):
        KnowledgeIndex.open(folder)


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        if done == 2:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        build(tmp_path / "revision", PASSAGES, shipped_encoder(), progress=fail)
    assert os.listdir(tmp_path) == []


KILLED_BUILD = """
    import sys, time
    from pathlib import Path
    from tests.unit.grounding.test_index import PASSAGES
    from groundcrew.grounding.encoder import shipped_encoder
    from groundcrew.grounding.index import build

    def hang(done, total):
        if done == 2:
            print("half-way", flush=True)
            time.sleep(60)

    build(Path(sys.argv[1]), PASSAGES, shipped_encoder(), hang)
"""


def test_a_killed_build_leaves_no_half_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "revision"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED_BUILD), str(folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"half-way\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not folder.exists()
    left = os.listdir(tmp_path)
    assert len(left) == 1
    assert left[0].endswith(".building")

    monkeypatch.setattr(index, "ABANDONED_BUILD_S", -1)
    time.sleep(0.01)
    build(folder, PASSAGES, shipped_encoder())
    assert os.listdir(tmp_path) == ["revision"]
    assert verify(folder).passages == 3


def test_no_passages_make_an_index_that_finds_nothing(tmp_path: Path) -> None:
    build(tmp_path / "empty", [], shipped_encoder())
    assert KnowledgeIndex.open(tmp_path / "empty").search("anything") == []


def test_text_that_is_no_valid_unicode_is_indexed(tmp_path: Path) -> None:
    odd = Passage(id="1", document="a", title="", heading="", text="cost \ud800 CHF 5", start=0, end=12)
    with pytest.raises((UnicodeEncodeError, InputError)):
        build(tmp_path / "odd", [odd], shipped_encoder())
    assert os.listdir(tmp_path) == []
