"""Which clients in a file the gateway's address reaches, where the address is set apart from the client: by the names that hold
it, function by function, so that one governed client does not hide another beside it."""

from __future__ import annotations

import re
from bisect import bisect_right

from groundcrew.scanning.lexing import Lexed, Text

#: How far back a statement, or the head of a function, is read; through how many assignments a name is followed.
STATEMENT_MAX, HEAD_MAX, FOLLOW_MAX = 600, 240, 3
_FUNCTION = re.compile(r"(?:\)|\bdo)\s*(?:(?:->|=>|:|throws\b|const\b|async\b|noexcept\b)?[\w\s.*&<>\[\](),?:|]*)\s*$")
_NO_FUNCTION = re.compile(
    r"\b(?:if|for|foreach|while|switch|catch|using|lock|class|struct|interface|else|new|namespace|impl)\b[^;{}]*$"
)
_ASSIGNMENT = re.compile(r"(?P<to>[\w$@]+)(?:(?:\.|->)[\w$]+)*\s*(?::\s*[\w<>?\[\]]+\s*)?(?::=|=|<-)(?![=>~])(?P<of>[^;\n]*)")
_ROOT = re.compile(r"^\s*(?:return\s+)?([\w$@]+)\s*(?:\.|->)")
_WORD = re.compile(r"[\w$@]+")
#: What settles the address for the whole program.
_EVERYWHERE = re.compile(r"(?i)setenv|set_var|putenv|setProperty|SetEnvironmentVariable|\bENV\s*\[|\bconfigure\b|process\.env")

Name = tuple[str, int | None]


class GatewayReach:
    """The names of one file that hold the gateway's address. `texts` are the texts in it that are one."""

    def __init__(self, lexed: Lexed, texts: list[Text]) -> None:
        self._lexed = lexed
        self._functions: list[tuple[int, int]] = []
        self._names: set[Name] = set()
        self.everywhere = False
        if not texts:
            return
        self._functions = _functions(lexed.code)
        for each in texts:
            statement = self._statement(each.start)
            self.everywhere = self.everywhere or _EVERYWHERE.search(statement[0]) is not None
            self._keep(statement[0], each.start)
        self._follow()

    def reaches(self, start: int, opening: int, end: int) -> bool:
        """Whether the client that is made at `start`, with what stands from `opening` to `end`, goes to the gateway."""
        if self.everywhere:
            return True
        if not self._names:
            return False
        head, _ = self._statement(start)
        words = {*_WORD.findall(head), *_WORD.findall(self._lexed.code[opening : end + 1])}
        function = self._function(start)
        return any(name in words and (place is None or place == function) for name, place in self._names)

    def _statement(self, place: int) -> tuple[str, int]:
        """The code before `place` that belongs to its statement, and where it begins."""
        code, depth = self._lexed.code, 0
        start = place
        while start > max(0, place - STATEMENT_MAX):
            mark = code[start - 1]
            if mark in ")]}":
                depth += 1
            elif mark in "([{":
                if depth == 0 and mark == "{" and _opens_block(code, start - 1):
                    break
                depth = max(0, depth - 1)
            elif depth == 0 and (mark == ";" or (mark == "\n" and not self._goes_on(start - 1))):
                break
            start -= 1
        return code[start:place], start

    def _goes_on(self, newline: int) -> bool:
        """Whether a statement goes on over the end of a line."""
        code = self._lexed.code
        first = max(0, newline - STATEMENT_MAX)
        before = code[first:newline].rstrip()
        after = code[newline : newline + STATEMENT_MAX].lstrip()[:1]
        if self._lexed.within(first + len(before), newline):
            return after in (*".?+|&)",)  # It ends with a text.
        return before[-1:] in ("", *",({[=+&|:?.") or after in ("", *".?+|&)")

    def _keep(self, statement: str, place: int) -> None:
        function = self._function(place)
        for match in _ASSIGNMENT.finditer(statement):
            self._names.add((match["to"], function))
        root = _ROOT.match(statement)
        if root is not None and "=" not in statement.partition("(")[0]:
            self._names.add((root[1], function))

    def _follow(self) -> None:
        code = self._lexed.code
        every = [
            (match["to"], self._function(match.start()), set(_WORD.findall(match["of"]))) for match in _ASSIGNMENT.finditer(code)
        ]
        for _ in range(FOLLOW_MAX):
            known = dict.fromkeys(self._names)
            more = {
                (to, function)
                for to, function, words in every
                if any((word, function) in known or (word, None) in known for word in words)
            }
            if more <= self._names:
                return
            self._names |= more

    def _function(self, place: int) -> int | None:
        """Where the outermost function around a place begins, or None outside of functions."""
        at = bisect_right(self._functions, (place, len(self._lexed.code))) - 1
        return self._functions[at][0] if at >= 0 and place <= self._functions[at][1] else None


def _functions(code: str) -> list[tuple[int, int]]:
    """Where the outermost functions begin and end, in order."""
    found: list[tuple[int, int]] = []
    depth, began = 0, -1
    for match in re.finditer(r"[{}]", code):
        if match[0] == "{":
            if began < 0 and _is_function(code, match.start()):
                began, depth = match.start(), 0
            depth += 1
        elif began >= 0:
            depth -= 1
            if depth == 0:
                found.append((began, match.start()))
                began = -1
    if began >= 0:
        found.append((began, len(code)))
    return found


def _head(code: str, brace: int) -> str:
    return re.split(r"[;{}]", code[max(0, brace - HEAD_MAX) : brace])[-1]


def _is_function(code: str, brace: int) -> bool:
    head = _head(code, brace)
    return _FUNCTION.search(head) is not None and _NO_FUNCTION.search(head) is None


def _opens_block(code: str, brace: int) -> bool:
    head = _head(code, brace)
    return (
        _FUNCTION.search(head) is not None
        or re.search(r"\b(?:class|struct|interface|else|namespace|impl|try)\b", head) is not None
    )
