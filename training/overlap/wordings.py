"""The works in many wordings that the encoder of overlaps is tuned on: what works*.txt hold, and whose field each work is of."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


class Work:
    """One work: its name, the number of its field, and its wordings."""

    def __init__(self, name: str, field: int, wordings: list[str]) -> None:
        self.name, self.field, self.wordings = name, field, wordings


def works(folder: Path = FOLDER) -> list[Work]:
    """Every work of works*.txt, in the order of files and lines; an empty line ends a field.

    Works of one field share their things and people and differ in what is done: the hardest to tell apart. Raises ValueError for
    a line without a name or with fewer than two wordings, and for a name that repeats.
    """
    found: list[Work] = []
    names: set[str] = set()
    field = 0
    for path in sorted(folder.glob("works*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                field += 1
            elif not line.startswith("#"):
                name, _, rest = line.partition(":")
                wordings = [each.strip() for each in rest.split(" | ") if each.strip()]
                if not name or len(wordings) < 2 or name in names:
                    raise ValueError(f"{path.name}, line {number}: a name of its own and at least two wordings are needed")
                names.add(name)
                found.append(Work(name, field, wordings))
        field += 1
    return found
