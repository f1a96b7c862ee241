"""The small template language of the texts: named lists of lines, `{name}` draws one of a list, `[a|b]` draws one of a few."""

from __future__ import annotations

import random
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "texts"
DEPTH_MAX = 8
_PART = re.compile(r"\{(\w+)\}|\[([^\[\]]*\|[^\[\]]*)\]")


class Grammar:
    """Lists of templates by name, read from files; `write` turns one into a text."""

    def __init__(self, *files: str) -> None:
        self.lists: dict[str, list[str]] = {}
        for file in files:
            current: list[str] | None = None
            for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
                if line.startswith("== "):
                    current = self.lists.setdefault(line[3:].strip(), [])
                elif current is not None and line.strip():
                    current.append(line.replace("\\n", "\n"))

    def write(self, name: str, chance: random.Random) -> str:
        """One text from the list `name`; a trailing `_lower` in a name begins the text in lower case."""
        return self.fill(chance.choice(self.lists[name]), chance)

    def fill(self, template: str, chance: random.Random, depth: int = 0) -> str:
        """`template` with everything drawn."""
        if depth > DEPTH_MAX:
            raise ValueError(f"templates nest too deeply: {template[:60]!r}")

        def drawn(match: re.Match[str]) -> str:
            if match[2] is not None:
                return self.fill(chance.choice(match[2].split("|")), chance, depth + 1)
            name = match[1]
            lower = name not in self.lists and name.endswith("_lower")
            text = self.fill(chance.choice(self.lists[name.removesuffix("_lower") if lower else name]), chance, depth + 1)
            return text[:1].lower() + text[1:] if lower else text

        return _PART.sub(drawn, template)
