"""A bad row of an experiment's CSV names its file, line and field."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.metrics.experiments import declared

from groundcrew.errors import InputError
from groundcrew.metrics.observations import read_observations

HEADER = "unit_id,arm,metric,value,time\n"
GOOD = "t1,human,handle_time,812.5,2026-03-02T08:00:00Z\n"


def read(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    return read_observations(file, declared())


def test_good_rows_any_column_order_extra_columns_and_blank_lines(tmp_path: Path) -> None:
    text = "\ufefftime,note,value,metric,arm,unit_id\n2026-03-02T09:00:00+01:00,x,812.5,handle_time,human,t1\n\n"
    (row,) = read(tmp_path, text)
    assert (row.unit_id, row.value, row.time) == ("t1", 812.5, datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    assert read(tmp_path, HEADER) == []
    assert len(read(tmp_path, HEADER + GOOD)) == 1


def test_gzipped_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress((HEADER + GOOD).encode()))
    assert len(read_observations(file, declared())) == 1


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("t1,human,handle_time,abc,2026-03-02T08:00:00Z", "line 3: value: 'abc' is not a number"),
        ("t1,human,handle_time,,2026-03-02T08:00:00Z", "line 3: value: is empty"),
        ("t1,human,handle_time,nan,2026-03-02T08:00:00Z", "line 3: value: nan is not a finite"),
        ("t1,human,handle_time,1,yesterday", "line 3: time: 'yesterday'"),
        ("t1,humann,handle_time,1,2026-03-02", "line 3: arm: unknown arm 'humann'; is human meant"),
        ("t1,human,handletime,1,2026-03-02", "line 3: metric: unknown metric 'handletime'; is handle_time meant"),
        ("t1,human,zzz,1,2026-03-02", "the plan declares handle_time, complaint"),
        ("t1,human,complaint,2,2026-03-02", "line 3: value: 2 is not 0 or 1"),
        (",human,complaint,1,2026-03-02", "line 3: unit_id: is empty"),
        ("t1,human,complaint", "line 3: has 3 cells, the header has 5"),
        ('t1,"human,complaint,1,2026', "line 3: is not CSV"),
    ],
)
def test_bad_row_names_its_line(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, HEADER + GOOD + row + "\n")
    assert says.replace("line 3", "rows.csv:3") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("unit,arm,metric,value,time\n", "rows.csv:1: unit_id: the column is missing; is unit meant"),
        ("unit_id,arm,metric,value\n", "time: the column is missing"),
        (HEADER.replace("time", "time,time"), "stands 2 times"),
    ],
)
def test_bad_header(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_observations(tmp_path / "none.csv", declared())
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_observations(tmp_path / "bytes.csv", declared())
    (tmp_path / "fake.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot be read"):
        read_observations(tmp_path / "fake.csv.gz", declared())


def test_declared_clusters_must_be_given(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(HEADER + GOOD, encoding="utf-8")
    with pytest.raises(InputError, match="cluster: is empty"):
        read_observations(file, declared(cluster="employee"))
