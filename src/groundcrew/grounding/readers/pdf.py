"""PDF files: the text layer, page by page, with wrapped lines joined and running headers and footers dropped."""

from __future__ import annotations

import collections
import io
import logging
import re

from groundcrew.errors import InputError
from groundcrew.grounding.readers.extract import Extract, one_line

PAGES_MAX = 5_000
#: A first or last line that stands on at least this many pages, and on half of them, is a running header or footer.
RUNNING_PAGES_MIN = 3
#: A line at least this share of the page's longest was wrapped by the page's width, not ended by its writer.
WRAPPED_SHARE_MIN = 0.7
#: Numbers in a line that are tried as its page number.
PAGE_NUMBERS_MAX = 4
_DIGITS = re.compile(r"(?<!\d)\d{1,6}(?!\d)")
_SENTENCE_END = re.compile(r"[.!?:;]['\"”’)]?$")
_BULLET = re.compile(r"^(?:[-*•‣–—▪]|\(?\d{1,3}[.)])\s")


def read_pdf(data: bytes, name: str) -> list[Extract]:
    """One document. Encrypted, damaged, over-long and purely scanned files are refused."""
    import pypdf
    from pypdf.errors import PdfReadError

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError("is protected by a password; save it without one", file=name)
        if len(reader.pages) > PAGES_MAX:
            raise InputError(f"has {len(reader.pages)} pages, limit {PAGES_MAX}; split it", file=name)
        pages = [page.extract_text().splitlines() for page in reader.pages]
        title = one_line(str((reader.metadata.title if reader.metadata else "") or ""))
    except pypdf.errors.DependencyError as error:
        raise InputError("is encrypted; save it without protection", file=name) from error
    except PdfReadError as error:
        raise InputError(f"is not a readable PDF: {error}", file=name) from error
    pages = [[line for line in (one_line(line) for line in page) if line] for page in pages]
    if not any(pages):
        raise InputError("has no text layer (a scan?); run text recognition on it first", file=name)
    text = "\n\n".join("\n".join(_unwrap(page)) for page in _drop_running_lines(pages) if page)
    return [Extract(text=text, title=title, content=data)]


def _drop_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """Drops a first or last line that comes back page after page, the same or counting the pages. A page of one or two
    lines keeps them: there they are the content."""
    counts: collections.Counter[str] = collections.Counter()
    for number, page in enumerate(pages):
        counts.update(set().union(*(_running_keys(line, number) for line in (*page[:1], *page[-1:]))))
    needed = max(RUNNING_PAGES_MIN, len(pages) / 2)

    def runs(line: str, number: int) -> bool:
        return any(counts[key] >= needed for key in _running_keys(line, number))

    kept = []
    for number, page in enumerate(pages):
        if len(page) > 2:
            page = page[1:] if runs(page[0], number) else page
            page = page[:-1] if runs(page[-1], number) else page
        kept.append(page)
    return kept


def _running_keys(line: str, page_number: int) -> set[str]:
    """What stays equal from page to page: the line itself, or the line with its page number told from the page's place."""
    keys = {line}
    for match in list(_DIGITS.finditer(line))[:PAGE_NUMBERS_MAX]:
        keys.add(f"{line[: match.start()]}\0{int(match.group()) - page_number}\0{line[match.end() :]}")
    return keys


def _unwrap(lines: list[str]) -> list[str]:
    """Joins lines that the page's width broke; a word broken by a hyphen becomes whole again."""
    longest = max((len(line) for line in lines), default=0)
    joined: list[str] = []
    previous_length = 0
    for line in lines:
        before = joined[-1] if joined else ""
        wrapped = previous_length >= longest * WRAPPED_SHARE_MIN and not _BULLET.match(line)
        if before.endswith("-") and before[-2:-1].isalpha() and line[:1].islower():
            joined[-1] = before[:-1] + line
        elif before and (wrapped or (line[:1].islower() and not _SENTENCE_END.search(before))):
            joined[-1] = f"{before} {line}"
        else:
            # A line of its own: a blank line before it keeps later readers from joining it again.
            joined.extend(["", line] if joined and not _BULLET.match(line) else [line])
        previous_length = len(line)
    return joined
