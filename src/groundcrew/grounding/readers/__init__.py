"""One reader a file format, each a function from bytes to plain text with Markdown headings, so that a new format is one
new file and one line in `READERS`. A reader imports its library itself: most bases need none of them."""

from __future__ import annotations

from collections.abc import Callable

from groundcrew.grounding.readers.extract import Extract
from groundcrew.grounding.readers.html import read_html
from groundcrew.grounding.readers.markdown import read_markdown
from groundcrew.grounding.readers.pdf import read_pdf
from groundcrew.grounding.readers.plain import read_plain
from groundcrew.grounding.readers.rows import read_csv, read_json_lines
from groundcrew.grounding.readers.word import read_word

#: (bytes, file name for messages) → what the file holds. Raises `InputError` that names the file.
Reader = Callable[[bytes, str], list[Extract]]

#: By file extension, in lower case.
READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_plain,
    ".text": read_plain,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_word,
    ".jsonl": read_json_lines,
    ".csv": read_csv,
}

__all__ = ["READERS", "Extract", "Reader"]
