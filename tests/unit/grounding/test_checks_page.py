"""The page about the checks: what its table says is what the checks say."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcrew.grounding.checks import CHECK_NAMES, run_checks
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.ranking import choose_window
from groundcrew.grounding.reading import ANCHORS_MAX
from groundcrew.grounding.statement import read_statement

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "checks.md"


def rows() -> list[list[str]]:
    table = PAGE.read_text(encoding="utf-8").split("| claim | source | kind | says |\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


@pytest.mark.parametrize(("claim", "source", "kind", "says"), rows())
def test_each_row_is_what_the_check_says(claim: str, source: str, kind: str, says: str) -> None:
    evidence, statement = Evidence([source]), read_statement(claim)
    window = choose_window(statement, frozenset(), evidence)
    anchors = [evidence.sentences[number] for number in window.ranked[:ANCHORS_MAX]] if window is not None else []
    found = run_checks(statement, frozenset(), evidence, anchors, lambda _: -1.0)
    assert (kind, says) in [(finding.check, finding.reason) for finding in found]


def test_the_table_shows_every_kind() -> None:
    assert {row[2] for row in rows()} == set(CHECK_NAMES)
