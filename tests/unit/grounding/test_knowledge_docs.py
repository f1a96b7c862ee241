"""What docs/how-to/knowledge-bases.md promises holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundcrew.grounding import chunking, index, loader, retrieval
from groundcrew.grounding.loader import load_paths
from groundcrew.grounding.readers import READERS, pdf

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "knowledge-bases.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_every_format_is_named(suffix: str) -> None:
    assert f"`{suffix}`" in PAGE


def test_the_limits_are_those_of_the_code() -> None:
    for shown in (
        f"{loader.FILE_BYTES_MAX // 2**20} MiB; {loader.UNPACKED_BYTES_MAX // 2**30} GiB",
        f"{loader.DOCUMENT_CHARACTERS_MAX:,} characters, {pdf.PAGES_MAX:,} PDF pages",
        f"{loader.DOCUMENTS_MAX:,}; {index.PASSAGES_MAX:,}",
        f"{chunking.PASSAGE_CHARACTERS_MAX} characters: a longer section",
        f"{retrieval.QUERY_CHARACTERS_MAX:,} characters, its {retrieval.QUERY_TERMS_MAX} rarest terms",
        f"weighted {100 - round(100 * retrieval.COSINE_WEIGHT)} to\n{round(100 * retrieval.COSINE_WEIGHT)}",
    ):
        assert shown in PAGE


def test_the_row_file_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```jsonl\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rows.jsonl").write_text(example, encoding="utf-8")
    assert [each.title for each in load_paths([tmp_path])] == ["Card fees", "Lost card"]
