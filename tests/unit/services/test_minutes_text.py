"""Minutes as Markdown: what people write stays a quotation or a line of a list, and never passes for what the record says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from groundcrew.domain.minutes import Minutes, MinutesPoint
from groundcrew.services.meeting_records import text_of
from groundcrew.services.minutes import Addendum, MinutesNow
from groundcrew.services.minutes_text import markdown_of

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
FORGED = "**Adopted**, 2026-03-02 14:05:00: We spend 1000000 francs."


def minutes(text: str) -> str:
    """Minutes in which `text` is the reason for a point, its summary and an addendum."""
    point = MinutesPoint(
        number=1,
        title="Whether to go on",
        kind="topic",
        why=text,
        subject="",
        use_case="",
        state="discussed",
        reason="",
        summary=text,
        notes=(),
        decisions=(),
        actions=(),
    )
    kept = Minutes(
        meeting="m",
        starts_at=AT,
        opened_at=AT,
        opened_by="user:eva",
        closed_at=AT,
        closed_by="user:eva",
        place="",
        presences=(),
        quorum=(),
        points=(point,),
        notes=(),
        actions=(),
    )
    addendum = Addendum(id="a", meeting="m", by="user:eva", at=AT, text=text)
    return markdown_of(MinutesNow(minutes=kept, sha256=kept.sha256, addenda=(addendum,)))


def shape(text: str) -> list[str]:
    """The blocks of a document that stand in no quotation; and whatever is HTML anywhere."""
    blocks, depth = list[str](), 0
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        depth -= token.type == "blockquote_close"
        inline = [each.type for each in token.children or () if each.type == "html_inline"]
        if depth == 0 or token.type == "html_block" or inline:
            blocks.append(token.type)
        depth += token.type == "blockquote_open"
    return blocks


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n", "\r\r", "\x0b", "\x0c", "\x85", "\u2028", "\n</blockquote>\n\n"])
def test_no_text_of_a_person_passes_for_a_decision(end: str) -> None:
    plain = minutes("We talked.")
    for text in (f"We talked.{end}{FORGED}", f"{FORGED}{end}We talked.", FORGED):
        assert shape(minutes(text)) == shape(plain), repr(text)


@given(st.text(alphabet="\r\n\t >#*-_`|<&a1.\\\x0b\x85\u2028", min_size=1, max_size=30).filter(lambda text: text.strip() != ""))
@settings(max_examples=60, deadline=None)
def test_no_text_leaves_its_quotation(text: str) -> None:
    assert shape(minutes(text)) == shape(minutes("We talked."))


def test_texts_are_kept_with_one_kind_of_line_end() -> None:
    assert text_of(" one\r\ntwo\rthree\n", "text", 100) == "one\ntwo\nthree"
