"""Files of what vendors sell: YAML and CSV say the same, complaints name their place, and nothing of a wrong file counts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.capability import RECHECK_DAYS, capability_id
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.declaration_capabilities import STARTER, capability_problems, load_capabilities
from groundcrew.services.declared import DeclarationErrors

CATALOGUE = """
kind: VendorCatalogue
vendor: Officia
checked_on: 2026-11-20
capabilities:
- product: Work
  name: Meeting recap
  description: Lists decisions and tasks
  status: ga
  source: https://officia.example/work
  tags: [meetings, notes]
- product: Work
  name: Contract review
  description: Compares clauses with a playbook
  status: roadmap
  ships_on: 2027-06-30
  confidence: medium
  source: https://officia.example/roadmap
  data_classes: [internal]
"""
TABLE = """vendor,product,name,description,status,source,checked_on,ships_on,confidence,tags,data_classes
Officia,Work,Meeting recap,Lists decisions and tasks,ga,https://officia.example/work,2026-11-20,,,meetings; notes,
Officia,Work,Contract review,Compares clauses with a playbook,roadmap,https://officia.example/roadmap,2026-11-20,2027-06-30,medium,,internal
"""
ONE = """kind: VendorCapability
vendor: Officia
product: Work
name: Recap
description: Lists decisions
status: ga
source: https://officia.example/work
checked_on: 2026-11-20
"""


def written(folder: Path, text: str, name: str = "vendors.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml_and_csv_say_the_same(tmp_path: Path) -> None:
    yaml = load_capabilities(written(tmp_path, CATALOGUE))
    table = load_capabilities(written(tmp_path, TABLE, "vendors.csv"))
    assert [each.value for each in yaml] == [each.value for each in table]
    assert yaml[0].value.tags == ("meetings", "notes")
    assert (table[1].line, yaml[1].value.ships_on) == (3, date(2027, 6, 30))


@pytest.mark.parametrize(
    ("was", "becomes", "line", "field", "says"),
    [
        ("status: ga", "status: sold", 6, "status", "expected one of ga, preview, roadmap"),
        ("status: ga", "status: roadmap\nconfidence: low", 1, "ships_on", "is required for a roadmap item"),
        ("status: ga", "status: roadmap\nships_on: 2027-01-01", 1, "confidence", "is required"),
        ("status: ga", "status: ga\nships_on: 2027-01-01", 7, "ships_on", "is for roadmap items"),
        ("https://officia.example/work", "officia.example", 7, "source", "expected the address"),
        ("https://officia.example/work", "https://me:secret@officia.example/", 7, "source", "expected the address"),
        ("checked_on: 2026-11-20", "checked_on: lately", 8, "checked_on", "expected a date"),
        ("checked_on: 2026-11-20\n", "", 1, "checked_on", "is required"),
        ("name: Recap", "nmae: Recap", 4, "nmae", "did you mean 'name'"),
        ("kind: VendorCapability", "kind: Capability", 1, "kind", "VendorCapability"),
        ("description: Lists decisions", "description: " + "x" * 1_001, 5, "description", "longer than 1000"),
    ],
)
def test_a_complaint_names_file_line_and_field(tmp_path: Path, was: str, becomes: str, line: int, field: str, says: str) -> None:
    assert was in ONE
    path = written(tmp_path, ONE.replace(was, becomes))
    with pytest.raises(DeclarationErrors, match=says) as raised:
        load_capabilities(path)
    found = next(each for each in raised.value.errors if each.field == field)
    assert (found.file, found.line) == (str(path), line)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vendor,product,nam\n", "'nam' is no column; did you mean 'name'"),
        ("vendor,vendor\n", "is there twice"),
        (TABLE + "a,b,c,d,ga,https://x.example,2026-01-01,,,,,,more,\n", "more cells"),
        (TABLE + TABLE.splitlines()[1] + "\n", "is there twice, first at"),
        ("vendor,product\n", "holds no capability"),
        ('vendor,product\n"open', "no valid CSV"),
    ],
)
def test_a_csv_file_that_is_wrong_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        load_capabilities(written(tmp_path, text, "vendors.csv"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.yaml, \.yml or \.csv"):
        load_capabilities(written(tmp_path, "", "vendors.xlsx"))
    with pytest.raises(InputError, match="no such file"):
        load_capabilities(tmp_path / "none.csv")


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name in ("any.csv", "any.yaml"):
        path = folder / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises((InputError, DeclarationError)):
            load_capabilities(path)


def test_nobody_has_checked_anything_in_the_future(tmp_path: Path) -> None:
    declared = load_capabilities(written(tmp_path, ONE))
    assert capability_problems(declared, date(2026, 11, 20)) == []
    (problem,) = capability_problems(declared, date(2026, 11, 19))
    assert (problem.field, problem.line) == ("checked_on", 8)


def test_the_starter_catalogue_is_honest() -> None:
    found = [each.value for each in load_capabilities(STARTER)]
    assert 40 <= len(found) <= 60
    assert len({each.vendor for each in found}) >= 8
    assert all(each.source.startswith("https://") for each in found)
    assert all(each.is_stale(date(2026, 11, 27)) for each in found), "it says when it was known, and that is long ago"
    assert RECHECK_DAYS == 90


def test_a_name_is_one_whatever_its_case_and_spaces() -> None:
    assert capability_id("Officia", "Work", "Recap") == capability_id("officia ", " WORK", "recap")
    assert capability_id("Officia", "Work", "Recap") != capability_id("Officia", "Work Recap", "")
