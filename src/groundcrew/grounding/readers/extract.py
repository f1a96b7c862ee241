"""What every reader hands over, and the cleaning that all text goes through: decoding, white space, table rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec

from groundcrew.errors import InputError

_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xE000, 0xE020)])
_SPACES = dict.fromkeys([0x00A0, 0x2007, 0x2009, 0x202F, 0x3000, 0x0009, 0x000C, 0x000B], " ")
_CONTROL = dict.fromkeys([code for code in range(0x20) if code != 0x0A] + list(range(0x7F, 0xA0)), " ")
_CLEANING = {**_CONTROL, **_SPACES, **_INVISIBLE}
_TRAILING_SPACE = re.compile(r" +$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_WHITE_SPACE = re.compile(r"\s+")


class Extract(msgspec.Struct, frozen=True, kw_only=True):
    """One document out of a file. `key` tells the documents of one file apart; `content` are the bytes it was made of."""

    text: str
    title: str = ""
    key: str = ""
    content: bytes


def decode_utf8(data: bytes, name: str) -> str:
    """Strict UTF-8, with or without a byte-order mark; anything else names file and line, because guessed encodings turn
    amounts and names into others."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"is not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8", file=name, line=line) from error


def clean_text(text: str) -> str:
    """NFC, `\\n` line ends, plain spaces, no invisible or control characters, at most one blank line in a row."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).translate(_CLEANING)
    return _BLANK_LINES.sub("\n\n", _TRAILING_SPACE.sub("", text)).strip("\n")


def one_line(text: str) -> str:
    """`text` with every run of white space as one space."""
    return _WHITE_SPACE.sub(" ", text).strip()


def as_paragraph(text: str) -> str:
    """A line of running text. One that would read as a heading is set off by a space."""
    line = one_line(text)
    return f" {line}" if line.startswith("#") else line


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line a row, "Header: cell; Header: cell", so that each row can be read and quoted by itself; empty cells are left
    out. Without a header the cells are joined by semicolons."""
    lines: list[str] = []
    for row in rows:
        parts = []
        for column, cell in enumerate(one_line(cell) for cell in row):
            label = one_line(header[column]) if column < len(header) else ""
            if cell:
                parts.append(f"{label.rstrip(':')}: {cell}" if label else cell)
        if parts:
            lines.append("; ".join(parts))
    return lines
