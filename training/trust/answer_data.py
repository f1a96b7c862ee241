"""The situations that the extractive engine is fitted and measured in: a message, the hits that retrieval finds for it in a
knowledge base, and which sentences, if any, answer it."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from examples import DATA, REPOSITORY, read_rows, sample

from groundcrew.domain.knowledge import Document, Passage
from groundcrew.grounding import chunking, index
from groundcrew.grounding.answer import search_message
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.retrieval import Hit, KnowledgeIndex

BANK = REPOSITORY / "blueprints" / "bank-email"


class Situation(msgspec.Struct, kw_only=True):
    """One message with its hits. `expected`: texts of which an answering sentence holds or is part; empty where the
    knowledge base has no answer."""

    dataset: str
    group: str
    id: str
    message: str
    expected: list[str]
    hits: list[Hit]
    kind: str = ""

    @property
    def answerable(self) -> bool:
        """Whether the knowledge base answers it."""
        return bool(self.expected)


def is_answer(sentence: str, expected: Sequence[str]) -> bool:
    """Whether a sentence holds an expected text, or is a part of it of three words or more."""
    squeezed = " ".join(sentence.lower().split())
    for text in expected:
        wanted = " ".join(text.lower().split())
        if wanted in squeezed or (squeezed in wanted and len(squeezed.split()) >= 3):
            return True
    return False


def open_index(documents: Sequence[Document], encoder: Encoder) -> KnowledgeIndex:
    """An index over the documents in a temporary folder."""
    passages: list[Passage] = [passage for document in documents for passage in chunking.split(document)]
    folder = Path(tempfile.mkdtemp(prefix="groundcrew-index-")) / "index"
    index.build(folder, passages, encoder)
    return KnowledgeIndex.open(folder, encoder)


def document(path: str, title: str, text: str) -> Document:
    """A document as the loader would make it."""
    return Document(path=path, title=title, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())


def bank_documents() -> list[Document]:
    """The blueprint's articles."""
    documents = []
    for path in sorted((BANK / "knowledge").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")), path.stem)
        documents.append(document(path.name, title, text))
    return documents


def bank_situations(encoder: Encoder) -> list[Situation]:
    """The blueprint's e-mails against its articles; grouped by first article so that folds keep articles apart."""
    found = open_index(bank_documents(), encoder)
    rows = [json.loads(line) for line in (BANK / "data" / "emails.jsonl").read_text(encoding="utf-8").splitlines() if line]
    return [
        Situation(
            dataset="bank_email",
            group=row["articles"][0] if row["articles"] else row["id"],
            id=row["id"],
            message=row["text"] if not row.get("subject") else f"{row['subject']}\n\n{row['text']}",
            expected=row["expected"],
            hits=search_message(found, row["text"] if not row.get("subject") else f"{row['subject']}\n\n{row['text']}"),
            kind=row["kind"],
        )
        for row in rows
    ]


def foreign_situations(name: str, encoder: Encoder, size: int) -> list[Situation]:
    """Messages that the given knowledge base cannot answer: clinc_oos against the bank, banking77 against the retailer."""
    if name == "clinc_oos":
        rows = list(read_rows(DATA / "clinc_oos" / "train.jsonl.gz"))
        found = open_index(bank_documents(), encoder)
    else:
        rows = list(read_rows(DATA / "banking77" / "train.jsonl.gz"))
        found = open_index(retail_documents(), encoder)
    return [
        Situation(
            dataset=name,
            group=row["id"],
            id=row["id"],
            message=row["text"],
            expected=[],
            hits=search_message(found, row["text"]),
            kind=row["intent"],
        )
        for row in sample(rows, size)
    ]


def retail_documents() -> list[Document]:
    """The retailer's manual, one document a subflow."""
    flows: dict[tuple[str, str], list[str]] = {}
    for row in read_rows(DATA / "abcd_policy_kb" / "guidelines.jsonl.gz"):
        lines = flows.setdefault((row["flow"], row["subflow"]), [])
        lines.extend([row["text"], *row["subtext"], *row["instructions"]])
    return [
        document(f"{flow}-{subflow}.md", subflow, f"# {flow}: {subflow}\n\n" + "\n\n".join(dict.fromkeys(lines)))
        for (flow, subflow), lines in flows.items()
    ]


def question_situations(name: str, encoder: Encoder, size: int) -> list[Situation]:
    """XQuAD, MedQuAD or PubMedQA questions; for every other one the passage that answers it is taken out of the hits, which
    leaves a near miss: the same field, often the same article, and no answer."""
    documents, questions = _LOADERS[name](size)
    found = open_index(documents, encoder)
    situations = []
    for number, (path, question, expected) in enumerate(questions):
        hits = search_message(found, question)
        unanswerable = number % 2 == 1
        if unanswerable:
            hits = [
                hit
                for hit in hits
                if hit.passage.document != path and not any(is_answer(hit.passage.text, [text]) for text in expected)
            ]
        situations.append(
            Situation(
                dataset=name,
                group=path,
                id=f"{name}-{number}",
                message=question,
                expected=[] if unanswerable else expected,
                hits=hits,
                kind="removed" if unanswerable else "kept",
            )
        )
    return situations


Loaded = tuple[list[Document], list[tuple[str, str, list[str]]]]


def _xquad(size: int) -> Loaded:
    rows = list(read_rows(DATA / "xquad_en" / "kb.jsonl.gz"))
    documents = [document(row["id"], row["title"].replace("_", " "), row["text"]) for row in rows]
    texts = {row["id"]: row["text"] for row in rows}
    questions = []
    for row in sample(list(read_rows(DATA / "xquad_en" / "qa_dev.jsonl.gz")), size):
        sentences = [_sentence_around(texts[row["kb_id"]], answer["answer_start"]) for answer in row["answers"]]
        questions.append((row["kb_id"], row["question"], list(dict.fromkeys(sentences))))
    return documents, questions


def _sentence_around(text: str, offset: int) -> str:
    from groundcrew.grounding.sentences import split_sentences

    return next(text[s.start : s.end] for s in split_sentences(text) if s.start <= offset < s.end)


def _medquad(size: int) -> Loaded:
    rows = [row for row in read_rows(DATA / "medquad" / "kb_dev.jsonl.gz") if len(row["answer"]) > 80]
    rows = sample(rows, 900)
    documents = [document(row["id"], row["focus"], row["answer"][:4000]) for row in rows]
    questions = [(row["id"], row["question"], [row["answer"][:4000]]) for row in random.Random(5).sample(rows, size)]
    return documents, questions


def _pubmedqa(size: int) -> Loaded:
    rows = sample(list(read_rows(DATA / "pubmedqa" / "dev.jsonl.gz")), size)
    documents = [document(row["id"], row["question"][:0] or "Abstract", "\n\n".join(row["contexts"])) for row in rows]
    return documents, [(row["id"], row["question"], list(row["contexts"])) for row in rows]


_LOADERS: dict[str, Callable[[int], Loaded]] = {"xquad": _xquad, "medquad": _medquad, "pubmedqa": _pubmedqa}
