"""The reference page of errors names every code of the data plane with its status, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from groundcrew.errors import REFUSAL_STATUS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"


def test_the_page_lists_exactly_the_codes_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert {code: int(status) for code, status in rows} == REFUSAL_STATUS
