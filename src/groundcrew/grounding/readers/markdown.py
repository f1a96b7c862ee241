"""Markdown files: headings stay, emphasis and link markup go, wrapped lines are joined and table rows become readable lines,
so that a sentence can be quoted word for word."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groundcrew.grounding.readers.extract import Extract, as_paragraph, decode_utf8, one_line, table_lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_CODE_INDENT = "    "
_LIST_INDENT = "  "


def read_markdown(data: bytes, name: str) -> list[Extract]:
    """One document. Its title is the front matter's, or else the first heading."""
    source = decode_utf8(data, name).replace("\r\n", "\n").replace("\r", "\n")
    title, body = _front_matter(source)
    lines, first_heading = _Writer().write(_parser().parse(body))
    return [Extract(text="\n".join(lines), title=title or first_heading, content=data)]


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _front_matter(source: str) -> tuple[str, str]:
    """(title, the rest). A leading block that is not a YAML mapping is text, not front matter."""
    match = _FRONT_MATTER.match(source)
    if match is None:
        return "", source
    import yaml

    try:
        fields: Any = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return "", source
    if not isinstance(fields, dict):
        return "", source
    title = fields.get("title")
    return (one_line(title) if isinstance(title, str) else ""), source[match.end() :]


class _Writer:
    """Walks the parser's flat token list and writes lines; keeps the list and table it is in."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first_heading = ""
        self._lists: list[int | None] = []
        self._list_starts = False
        self._marker = ""
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._header_rows = 0

    def write(self, tokens: Sequence[Token]) -> tuple[list[str], str]:
        """(lines, the first heading)."""
        heading_level = 0
        for token in tokens:
            kind = token.type
            if kind == "heading_open":
                heading_level = int(token.tag[1])
            elif kind == "inline":
                self._inline(token, heading_level)
                heading_level = 0
            elif kind in ("fence", "code_block"):
                self._block([_CODE_INDENT + line for line in token.content.splitlines()])
            elif kind == "html_block":
                self._html(token.content)
            else:
                self._structure(kind, token)
        return self.lines, self.first_heading

    def _structure(self, kind: str, token: Token) -> None:
        if kind in ("bullet_list_open", "ordered_list_open"):
            self._list_starts = self._list_starts or not self._lists
            # The parser leaves the start out where it is 1.
            start = token.attrGet("start")
            self._lists.append(None if kind == "bullet_list_open" else 1 if start is None else int(start))
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif kind == "list_item_open":
            self._open_item()
        elif kind == "table_open":
            self._rows, self._header_rows = [], 0
        elif kind == "tr_open":
            self._row = []
        elif kind == "tr_close":
            self._rows.append(self._row)
        elif kind == "thead_close":
            self._header_rows = len(self._rows)
        elif kind == "table_close":
            header = self._rows[0] if self._header_rows else []
            self._block(table_lines(header, self._rows[self._header_rows :]))
        elif kind in ("th_open", "td_open"):
            self._row.append("")

    def _open_item(self) -> None:
        number = self._lists[-1]
        self._marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _inline(self, token: Token, heading_level: int) -> None:
        text = _inline_text(token.children or [])
        if heading_level:
            heading = one_line(text)
            if heading:
                self.first_heading = self.first_heading or heading
                self._block([f"{'#' * heading_level} {heading}"])
        elif self._row and token.level >= 4 and not self._row[-1]:
            self._row[-1] = one_line(text)
        elif text.strip():
            self._paragraph(text)

    def _paragraph(self, text: str) -> None:
        """In a list the item's first paragraph takes the marker; items stay together without blank lines."""
        lines = [as_paragraph(line) for line in text.split("\n") if line.strip()]
        if not self._lists:
            self._block(lines)
            return
        indent = _LIST_INDENT * (len(self._lists) - 1)
        if self._list_starts:
            self.lines.append("")
            self._list_starts = False
        self.lines.extend(f"{indent}{self._marker or _LIST_INDENT}{line.strip()}" for line in lines)
        self._marker = ""

    def _html(self, content: str) -> None:
        from groundcrew.grounding.readers.html import html_lines

        self._block([line for line in html_lines(content) if line])

    def _block(self, lines: list[str]) -> None:
        if lines:
            self.lines.extend(["", *lines])


def _inline_text(children: Sequence[Token]) -> str:
    """The words of a paragraph: a wrapped line is joined, a forced break stays, an image stands for its description."""
    parts: list[str] = []
    for child in children:
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak" or (child.type == "html_inline" and child.content.startswith("<br")):
            parts.append("\n")
    return "".join(parts)
