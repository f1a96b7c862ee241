"""HTML pages: headings, paragraphs, lists and tables of the page's main part; navigation, scripts, forms and other
furniture are dropped, because a menu is not policy."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from groundcrew.errors import InputError
from groundcrew.grounding.readers.extract import Extract, as_paragraph, decode_utf8, one_line, table_lines

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import PageElement, Tag

#: Deeper nesting is no page a person wrote; it would exhaust the stack.
DEPTH_MAX = 200
_DECLARED_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset=["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_CHARSET_SEARCH_BYTES = 4096

# fmt: off
_FURNITURE = [
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "nav", "aside",
    "footer", "form", "button", "select", "input", "textarea", "dialog", "head",
]
_FURNITURE_ROLES = frozenset(["navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alert"])
_BLOCKS = frozenset([
    "address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p",
    "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
])
# fmt: on
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def read_html(data: bytes, name: str) -> list[Extract]:
    """One document. Its title is the first h1, or else the page's title element."""
    markup = _decode(data, name)
    soup = _parse(markup)
    page_title = one_line(soup.title.get_text(" ")) if soup.title else ""
    _drop_furniture(soup)
    first = soup.find("h1")
    title = one_line(first.get_text(" ")) if first else page_title
    try:
        lines = list(_lines(_main_part(soup), 0))
    except RecursionError as error:
        raise InputError(f"tags are nested deeper than {DEPTH_MAX}", file=name) from error
    return [Extract(text="\n".join(lines), title=title, content=data)]


def html_lines(markup: str) -> list[str]:
    """The readable lines of a fragment, such as raw HTML inside Markdown."""
    soup = _parse(markup)
    _drop_furniture(soup)
    return list(_lines(soup, 0))


def _parse(markup: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        # bs4 warns of XHTML, and of text that looks like a file name; neither is of use to the person who adds a page.
        warnings.simplefilter("ignore", UserWarning)
        return BeautifulSoup(markup, "html.parser")


def _decode(data: bytes, name: str) -> str:
    """UTF-8, or else what the page itself declares."""
    try:
        return decode_utf8(data, name)
    except InputError:
        declared = _DECLARED_CHARSET.search(data[:_CHARSET_SEARCH_BYTES])
        if declared is None:
            raise
        try:
            return data.decode(declared.group(1).decode("ascii"))
        except (LookupError, UnicodeDecodeError) as error:
            raise InputError("is neither UTF-8 nor what its charset declares", file=name) from error


def _drop_furniture(soup: BeautifulSoup) -> None:
    from bs4.element import Comment

    for tag in soup.find_all(_FURNITURE):
        tag.decompose()
    for tag in soup.find_all(_is_furniture):
        if not tag.decomposed:
            tag.decompose()
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()


def _is_furniture(tag: Tag) -> bool:
    if tag.has_attr("hidden") or tag.get("aria-hidden") == "true" or tag.get("role") in _FURNITURE_ROLES:
        return True
    return tag.name == "header" and tag.find("h1") is None and tag.find_parent(["main", "article"]) is None


def _main_part(soup: BeautifulSoup) -> Tag:
    """<main>, else the only <article>, else everything."""
    main = soup.find("main")
    articles = soup.find_all("article", limit=2)
    return main or (articles[0] if len(articles) == 1 else soup)


def _lines(tag: Tag, depth: int) -> Iterator[str]:
    """Blocks of `tag` with blank lines between them; text that stands between blocks becomes a paragraph."""
    if depth > DEPTH_MAX:
        raise RecursionError
    inline: list[str] = []
    for child in tag.children:
        if _is_block(child):
            yield from _paragraph(inline)
            inline = []
            yield from _block(child, depth + 1)  # type: ignore[arg-type]
        else:
            inline.append(_inline(child, depth))
    yield from _paragraph(inline)


def _is_block(node: PageElement) -> bool:
    from bs4.element import Tag

    return isinstance(node, Tag) and (node.name in _BLOCKS or node.find(list(_BLOCKS)) is not None)


def _inline(node: PageElement, depth: int) -> str:
    from bs4.element import NavigableString, Tag

    if isinstance(node, NavigableString):
        return re.sub(r"\s+", " ", str(node))
    if not isinstance(node, Tag) or depth > DEPTH_MAX:
        return ""
    if node.name == "br":
        return "\n"
    if node.name == "img":
        return str(node.get("alt") or "")
    return "".join(_inline(child, depth + 1) for child in node.children)


def _paragraph(inline: list[str]) -> Iterator[str]:
    lines = [as_paragraph(line) for line in "".join(inline).split("\n") if line.strip()]
    if lines:
        yield from ("", *lines)


def _block(tag: Tag, depth: int) -> Iterator[str]:
    if tag.name in _HEADINGS:
        heading = one_line(tag.get_text(" "))
        if heading:
            yield from ("", f"{'#' * _HEADINGS[tag.name]} {heading}")
    elif tag.name in ("ul", "ol"):
        yield from ("", *_list_lines(tag, depth))
    elif tag.name == "table" and tag.find("table") is None and tag.find(["td", "th"]):
        yield from ("", *_table(tag))
    elif tag.name == "pre":
        yield from ("", *(f"    {line}" for line in tag.get_text().splitlines()))
    elif tag.name == "hr":
        yield ""
    else:
        yield from _lines(tag, depth)


def _list_lines(tag: Tag, depth: int) -> Iterator[str]:
    for number, item in enumerate(tag.find_all("li", recursive=False), start=1):
        marker = "- " if tag.name == "ul" else f"{number}. "
        for position, line in enumerate(line for line in _lines(item, depth + 1) if line.strip()):
            yield f"{marker if position == 0 else '  '}{line.strip() if position == 0 else line}"


def _table(table: Tag) -> list[str]:
    rows = [row.find_all(["th", "td"], recursive=False) for row in table.find_all("tr")]
    rows = [row for row in rows if row]
    header: list[str] = []
    if len(rows) > 1 and all(cell.name == "th" for cell in rows[0]):
        header = [cell.get_text(" ") for cell in rows[0]]
        rows = rows[1:]
    elif all(len(row) == 2 and row[0].name == "th" for row in rows):
        # A table of facts: the label stands at the left of every row.
        return [line for row in rows for line in table_lines([row[0].get_text(" ")], [[row[1].get_text(" ")]])]
    caption = table.find("caption")
    lines = [as_paragraph(caption.get_text(" "))] if caption else []
    return lines + table_lines(header, [[cell.get_text(" ") for cell in row] for row in rows])
