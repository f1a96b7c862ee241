"""A handful of documents is a knowledge base too: what they say is answered, what they do not say is declined."""

from __future__ import annotations

import pytest

from groundcrew.grounding.answer import ExtractiveEngine, search_message
from groundcrew.grounding.chunking import split
from groundcrew.grounding.encoder import shipped_encoder
from groundcrew.grounding.index import build
from groundcrew.grounding.loader import load_paths
from groundcrew.grounding.retrieval import KnowledgeIndex

PAGES = {
    "bicycles.md": "# Bicycles\n\nA bicycle is lent for three days at most. Returning a bicycle late costs 4 euros a day.\n",
    "hours.md": "# Opening hours\n\nThe library is open from Monday to Friday, 9:00 to 18:00. On Saturdays it closes at 13:00.\n",
    "membership.md": "# Membership\n\nAn annual membership costs 25 euros. Students and pensioners pay 12 euros.\n",
    "books.md": "# Books\n\nA book may be kept for 28 days. It can be renewed twice unless another reader has reserved it.\n",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeIndex:
    folder = tmp_path_factory.mktemp("small")
    (folder / "pages").mkdir()
    for name, text in PAGES.items():
        (folder / "pages" / name).write_text(text, encoding="utf-8")
    passages = [passage for document in load_paths([folder / "pages"]) for passage in split(document)]
    build(folder / "index", passages, shipped_encoder())
    return KnowledgeIndex.open(folder / "index")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much does it cost if I return the bicycle late?", "4 euros"),
        ("What is the fee for late return of a bike?", "4 euros"),
        ("When do you close on Saturday?", "13:00"),
        ("How long may I keep a book?", "28 days"),
        ("How many times can a book be renewed?", "twice"),
    ],
)
def test_what_the_pages_say_is_quoted(index: KnowledgeIndex, question: str, expected: str) -> None:
    answer = ExtractiveEngine(shipped_encoder()).compose(question, search_message(index, question))
    assert answer.answered
    assert expected in answer.text


@pytest.mark.parametrize(
    "question",
    ["What is the capital of Mongolia?", "Can I borrow a laptop?", "Do you have parking?", "Write me a poem about spring"],
)
def test_what_they_do_not_say_is_declined(index: KnowledgeIndex, question: str) -> None:
    assert not ExtractiveEngine(shipped_encoder()).compose(question, search_message(index, question)).answered
