"""Markdown that people wrote, as HTML that is safe on a page: raw HTML and images are shown as text, and links are checked."""

from __future__ import annotations

import functools
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

#: Where a link may lead. What is not here is text.
LINK_SCHEMES = ("https://", "http://", "mailto:", "/", "#")
#: Deeper nesting is text: nobody writes it to be read.
NESTING_MAX = 20
#: A page has one first heading, its title, so that headings within start at the next level.
_HEADINGS = {"h1": "h2", "h2": "h3", "h3": "h4", "h4": "h5"}


def rendered(text: str) -> Markup:
    """`text` as HTML."""
    # Every text in it was escaped by the renderer, which knows no raw HTML.
    return Markup(_parser().render(text))


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING_MAX}).enable(["table", "strikethrough"])
    parser.disable(["image", "html_block", "html_inline"])
    parser.validateLink = _leads_somewhere  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    parser.add_render_rule("td_open", _cell)
    parser.add_render_rule("th_open", _cell)
    return parser


def _leads_somewhere(url: str) -> bool:
    address = url.strip().lower()
    return address.startswith(LINK_SCHEMES) and not address.startswith("//") and "\\" not in address


def _link(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]) -> str:
    """A link to elsewhere says nothing of this console to where it leads."""
    token = tokens[index]
    if not str(token.attrGet("href") or "").startswith(("/", "#")):
        token.attrSet("rel", "noopener noreferrer")
    return self.renderToken(tokens, index, options, environment)


def _heading(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]) -> str:
    tokens[index].tag = _HEADINGS.get(tokens[index].tag, "h6")
    return self.renderToken(tokens, index, options, environment)


def _cell(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]) -> str:
    """Without the style that aligns a column: no style stands in a page."""
    tokens[index].attrs.pop("style", None)
    return self.renderToken(tokens, index, options, environment)
