"""Files are found once each, every record is read or named as unreadable, a file that can not be read stops the run."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.curation.conftest import write_csv, write_json_lines, write_parquet

from groundcrew.curation import sources
from groundcrew.curation.sources import Line, find_files, read_lines, shown
from groundcrew.errors import InputError


def lines_of(path: Path, data: bytes | None = None) -> list[Line]:
    if data is not None:
        path.write_bytes(data)
    return list(read_lines(str(path), ["id", "text"]))


def rows_of(path: Path, data: bytes | None = None) -> list[object]:
    return [
        json.loads(each.text) if each.text is not None and not each.damage else each.damage or each.error
        for each in lines_of(path, data)
    ]


def test_a_folder_is_searched_and_what_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("b.jsonl", "deep/a.CSV", ".cache/c.jsonl", ".d.jsonl", "README.md"):
        (tmp_path / name).write_text("id\n", encoding="utf-8")
    found = find_files([tmp_path, tmp_path / "b.jsonl"])
    assert [each.name for each in found.files] == [f"{tmp_path}/b.jsonl", f"{tmp_path}/deep/a.CSV"]
    assert found.ignored == (f"{tmp_path}/README.md",)


@pytest.mark.parametrize(
    ("name", "words"), [("none.jsonl", "no such file"), ("notes.txt", "unknown format"), ("empty", "no file")]
)
def test_what_can_not_be_an_input_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=words) as refused:
        find_files([tmp_path / name])
    assert refused.value.file == str(tmp_path / name)


def test_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LINE_BYTES_MAX", 20)
    found = lines_of(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"id": 1}\r\n\n  \n\xff\xfe\n' + b"x" * 70 + b'\n{"id": 2}')
    assert [(each.line, each.text, each.damage or each.error) for each in found] == [
        (1, '{"id": 1}', None),
        (4, "\ufffd\ufffd", "is not UTF-8: byte 0xff at offset 0"),
        (5, None, "longer than 20 bytes"),
        (6, '{"id": 2}', None),
    ]


def test_csv_rows_keep_their_line_and_bad_ones_their_reason(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfid;text\n1;"a\nb;c"\n2\n3;x;y\n\n4;"a"b\n5;\xff\n6;\n'
    found = lines_of(tmp_path / "a.csv", data)
    assert [each.line for each in found] == [2, 4, 5, 7, 8, 9]
    assert rows_of(tmp_path / "a.csv") == [
        {"id": "1", "text": "a\nb;c"},
        "has 1 cells, the first row 2",
        "has 3 cells, the first row 2",
        "is not a readable row: ';' expected after '\"'",
        "is not UTF-8",
        {"id": "6", "text": ""},
    ]
    assert not any(each.typed for each in found if each.text)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,id\n1,2\n", "names the column 'id' twice"),
        ("a.csv", b"\xff\xfei\x00d\x00\n", "not readable UTF-8"),
        ("a.csv", b'id,text\n1,a\n2,"b\n3,c\n', "quote is never closed"),
        ("a.jsonl.gz", b"plain", "damaged or no gzip"),
        ("a.jsonl.gz", gzip.compress(b'{"id": 1}\n' * 1000, mtime=0)[:-9], "damaged or no gzip"),
        ("a.csv.gz", gzip.compress(b"id\n1\n" * 1000, mtime=0)[:20], "damaged or no gzip"),
        ("a.parquet", b"PAR1 no", "no Parquet"),
    ],
)
def test_a_file_that_can_not_be_read_is_an_error(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        lines_of(tmp_path / name, data)


def test_an_open_quote_is_found_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        lines_of(tmp_path / "a.csv", b'id,text\n1,a\n2,"b\n' + b"3,c\n" * 300_000)
    assert refused.value.line == 3


def test_the_formats_agree(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": 'grüezi, "you"\n;'}, {"id": "2", "text": "x"}]
    for path in (
        write_json_lines(tmp_path / "a.jsonl", rows),
        write_json_lines(tmp_path / "a.jsonl.gz", rows),
        write_csv(tmp_path / "a.csv", rows),
        write_parquet(tmp_path / "a.parquet", rows),
    ):
        assert rows_of(path) == rows


def test_parquet_values_become_json(tmp_path: Path) -> None:
    rows = [{"id": Decimal("1.50"), "text": b"bytes", "other": b"\xff"}, {"id": None, "text": b"\xff", "other": None}]
    assert rows_of(write_parquet(tmp_path / "a.parquet", rows)) == [
        {"id": 1.5, "text": "bytes"},
        "holds a value that JSON has no form for (UnicodeDecodeError)",
    ]


def test_a_file_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RECORDS_OF_FILE_MAX", 2)
    with pytest.raises(InputError, match="more than 2 records"):
        lines_of(tmp_path / "a.jsonl", b"{}\n{}\n{}\n")


def test_the_names_that_travel_with_a_data_set_say_nothing_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here/a.jsonl", "one/x.jsonl", "two/x.jsonl", "folder/deep/b.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_json_lines(tmp_path / name, [{"id": name}])
    (tmp_path / "folder" / "notes.txt").write_text("x")
    monkeypatch.chdir(tmp_path / "here")
    given = [tmp_path / "here" / "a.jsonl", tmp_path / "one/x.jsonl", tmp_path / "two/x.jsonl", tmp_path / "folder"]
    found = shown(find_files(given), given)
    assert {each.name for each in found.files} == {"a.jsonl", "one/x.jsonl", "two/x.jsonl", "folder/deep/b.jsonl"}
    assert found.ignored == ("folder/notes.txt",)
    assert [each.name for each in shown(find_files(["a.jsonl"]), ["a.jsonl"]).files] == ["a.jsonl"]
