"""Passages: exact offsets, nothing lost, headings respected, sentences whole."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.knowledge import Document
from groundcrew.grounding.chunking import PASSAGE_CHARACTERS_MAX, split

LINES = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="#"), max_size=80),
        st.sampled_from(
            [
                "# Fees",
                "## Cards abroad",
                "### Deep ###",
                "- an item",
                "2. second thing",
                "> quoted",
                "Fee: CHF 5; Card: debit",
                "---",
                "",
                "One sentence. Another one! A third?",
                "word " * 300,
                "x" * 2_000,
            ]
        ),
    ),
    max_size=30,
)


def document(text: str, title: str = "", path: str = "a.md") -> Document:
    return Document(path=path, title=title, text=text, sha256="0" * 64)


@given(LINES.map("\n".join))
def test_offsets_are_exact_and_no_word_is_lost(text: str) -> None:
    passages = split(document(text))
    covered = set()
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text == passage.text.strip()
        assert len(passage.text) <= PASSAGE_CHARACTERS_MAX
        span = set(range(passage.start, passage.end))
        assert not covered & span
        covered |= span
    for line in re.finditer(r"^#{1,6}[ \t]+.*$", text, re.MULTILINE):
        covered |= set(range(line.start(), line.end()))
    lost = [position for position in range(len(text)) if re.match(r"\w", text[position]) and position not in covered]
    assert not lost
    assert len({passage.id for passage in passages}) == len(passages)
    assert split(document(text)) == passages


def test_a_passage_never_crosses_a_heading_and_knows_its_path() -> None:
    text = "# Cards\n\nIntro here.\n\n## Lost\n\nBlock it at once.\n\n### Abroad\n\nCall us.\n\n## Price\n\nIt costs CHF 40."
    passages = split(document(text, title="Cards"))
    assert [(passage.heading, passage.text) for passage in passages] == [
        ("", "Intro here."),
        ("Lost", "Block it at once."),
        ("Lost > Abroad", "Call us."),
        ("Price", "It costs CHF 40."),
    ]
    assert {passage.title for passage in passages} == {"Cards"}


def test_a_heading_alone_is_kept_as_a_passage() -> None:
    assert [passage.text for passage in split(document("# Open daily\n\n# Closed on Sunday\n"))] == [
        "# Open daily",
        "# Closed on Sunday",
    ]


def test_long_text_is_cut_evenly_between_sentences() -> None:
    sentences = [f"Sentence number {number} tells something about the fees of the bank." for number in range(40)]
    passages = split(document(" ".join(sentences)))
    assert " ".join(passage.text for passage in passages) == " ".join(sentences)
    assert all(passage.text.startswith("Sentence") and passage.text.endswith("bank.") for passage in passages)
    lengths = [len(passage.text) for passage in passages]
    assert min(lengths) > PASSAGE_CHARACTERS_MAX / 2


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"Country: Number {number}; Fee: CHF {number}; Limit: CHF {number}000" for number in range(100)]
    passages = split(document("# Fees\n\n" + "\n".join(rows)))
    assert len(passages) > 3
    assert [line for passage in passages for line in passage.text.split("\n")] == rows


def test_list_markers_stay_with_their_items() -> None:
    text = "Bring along:\n\n- a passport\n- a bill"
    assert [passage.text for passage in split(document(text))] == [text]


def test_a_sentence_beyond_the_limit_is_cut_at_white_space() -> None:
    words = [f"word{number}" for number in range(500)]
    passages = split(document(" ".join(words)))
    assert [word for passage in passages for word in passage.text.split()] == words


def test_ids_depend_on_path_bytes_and_place() -> None:
    text = "One thing.\n\n# Two\n\nAnother thing."
    first, second = split(document(text))
    assert first.id != second.id
    assert split(document(text, path="b.md"))[0].id != first.id
    assert split(document(text, title="Other"))[0].id == first.id


def test_an_empty_document_has_no_passages() -> None:
    assert split(document("")) == []
    assert split(document(" \n---\n***\n")) == []
