"""Code of any language apart from its comments and its texts: enough to tell a call from a remark about one."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import Literal

import msgspec

Family = Literal["script", "c", "rust", "hash", "php", "sql"]

_DOUBLE, _SINGLE = r'"(?:\\.|[^"\\\n])*"', r"'(?:\\.|[^'\\\n])*'"
_TRIPLE = r'"""(?:\\.|[^\\])*?"""' + r"|'''(?:\\.|[^\\])*?'''"
_SLASHES, _STARS, _HASH = r"//[^\n]*", r"/\*.*?(?:\*/|\Z)", r"#[^\n]*"
#: A regular expression in code, where one can stand. None is as long as its bounds, which keep time linear.
_SLASHED = r"(?<=[=(,:!&|?;]) ?/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n]){0,100}\]|[^/\\\n\[]){1,500}/[a-z]*"
#: family → what it writes comments and texts as. The first that fits at a place counts.
_PATTERNS: dict[Family, tuple[str, str]] = {
    "script": (
        rf"{_SLASHES}|{_STARS}",
        rf"{_DOUBLE}|{_SINGLE}|`(?:\\.|[^`\\])*`|{_SLASHED}",
    ),
    "c": (rf"{_SLASHES}|{_STARS}", rf'{_TRIPLE}|@"(?:""|[^"])*"|{_DOUBLE}|{_SINGLE}|`[^`]*`'),
    "rust": (rf"{_SLASHES}|{_STARS}", rf'r#+".*?(?:"#+|\Z)|{_DOUBLE}'),
    "hash": (_HASH, rf"{_TRIPLE}|{_DOUBLE}|{_SINGLE}"),
    "php": (rf"{_SLASHES}|{_STARS}|{_HASH}", rf"{_DOUBLE}|{_SINGLE}"),
    "sql": (rf"--[^\n]*|{_STARS}", rf"{_DOUBLE}|{_SINGLE}"),
}


class Text(msgspec.Struct, frozen=True):
    """A text in code: where it stands, quotes included, and what it says."""

    start: int
    end: int
    value: str


class Lexed(msgspec.Struct, frozen=True):
    """Code whose comments and texts are blanks, its texts, and where lines begin. Places are those of the original."""

    code: str
    texts: tuple[Text, ...]
    starts: list[int]
    by_start: dict[int, Text]

    def line(self, place: int) -> int:
        """The line of a place, from 1."""
        return bisect_right(self.starts, place)

    def text_at(self, place: int) -> Text | None:
        """The text that begins at a place, blanks aside."""
        while place < len(self.code) and self.code[place] in " \t\n(":
            found = self.by_start.get(place)
            if found is not None:
                return found
            place += 1
        return self.by_start.get(place)

    def within(self, start: int, end: int) -> list[Text]:
        """The texts between two places."""
        first = bisect_left(self.texts, start, key=lambda each: each.start)
        last = bisect_right(self.texts, end, key=lambda each: each.start)
        return [each for each in self.texts[first:last] if each.end <= end]


@lru_cache(maxsize=8)
def _pattern(family: Family) -> re.Pattern[str]:
    comment, text = _PATTERNS[family]
    # A mark that a backslash takes away begins nothing: looked at as one thing, a text without an end is looked for once a file.
    return re.compile(rf"(?P<comment>{comment})|(?P<text>{text})|\\.", re.S)


def lex(source: str, family: Family) -> Lexed:
    """Tell code, comments and texts apart."""
    texts: list[Text] = []

    def blank(match: re.Match[str]) -> str:
        whole = match[0]
        if match.lastgroup is None:
            return whole
        if match.lastgroup == "text":
            quoted = whole.lstrip(" @r#")
            mark = 3 if quoted[:3] in ('"""', "'''") else 1
            # A text keeps its place: one mark stands where it begins, for whoever looks at what is called with it.
            texts.append(Text(match.start() + len(whole) - len(whole.lstrip(" ")), match.end(), quoted.rstrip("#")[mark:-mark]))
        return re.sub(r"[^\n]", " ", whole)

    code = _pattern(family).sub(blank, source)
    starts = [0, *(match.end() for match in re.finditer("\n", source))]
    return Lexed(code, tuple(texts), starts, {each.start: each for each in texts})


def closing(code: str, opening: int, limit: int = 4_000) -> int:
    """The place of the bracket that closes the one at `opening`, or where looking for it ends."""
    depth = 0
    for place in range(opening, min(len(code), opening + limit)):
        if code[place] in "([{":
            depth += 1
        elif code[place] in ")]}":
            depth -= 1
            if depth == 0:
                return place
    return min(len(code), opening + limit)
