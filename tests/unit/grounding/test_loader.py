"""Loading: every format gives quotable text, and whatever cannot be read is refused with file and line."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path

import docx
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from groundcrew.errors import InputError
from groundcrew.grounding import loader
from groundcrew.grounding.loader import load_file, load_paths
from groundcrew.grounding.readers import READERS
from groundcrew.grounding.readers.extract import clean_text


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def text_of(folder: Path, name: str, content: str | bytes) -> str:
    (document,) = load_file(write(folder, name, content))
    return document.text


def test_markdown_keeps_headings_and_loses_markup(tmp_path: Path) -> None:
    source = (
        "---\ntitle: Cards and fees\n---\n# Cards *and* [fees](https://x.example)\n\nThe **Gold** card costs `CHF 100`\n"
        'a year, see [the list](fees.md "all").\n\n- one ![logo](a.png)\n  - nested\n- two\n\n3. third\n4. fourth\n\n> Quoted.\n'
        "\n```sh\n# no heading\n```\n\n<p>Raw <b>HTML</b></p>\n<script>no()</script>\n\n\\# not a heading\n"
    )
    (document,) = load_file(write(tmp_path, "cards.md", source))
    assert document.title == "Cards and fees"
    assert document.text.split("\n") == [
        "# Cards and fees",
        "",
        "The Gold card costs CHF 100 a year, see the list.",
        "",
        "- one logo",
        "  - nested",
        "- two",
        "",
        "3. third",
        "4. fourth",
        "",
        "Quoted.",
        "",
        "    # no heading",
        "",
        "Raw HTML",
        "",
        " # not a heading",
    ]


def test_a_markdown_table_becomes_lines_that_can_be_quoted(tmp_path: Path) -> None:
    table = "| Card | Fee **p.a.** | Note |\n|---|--:|---|\n| Debit | CHF 0 | |\n| Gold | CHF 100 | free from\\| 30k |\n"
    assert text_of(tmp_path, "a.md", table) == "Card: Debit; Fee p.a.: CHF 0\nCard: Gold; Fee p.a.: CHF 100; Note: free from| 30k"


def test_titles_come_from_the_heading_or_the_file_name(tmp_path: Path) -> None:
    assert load_file(write(tmp_path, "a.md", "intro\n\n## Lost cards\n\ntext"))[0].title == "Lost cards"
    assert load_file(write(tmp_path, "lost-card_abroad.txt", "text"))[0].title == "lost card abroad"


def test_html_drops_the_furniture_of_a_page(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>Bank | Fees</title><style>p{}</style><script>var x="leak";</script></head><body>
      <header>Logo</header><nav><a>Home</a></nav><main><h1>Fees &amp; prices</h1><p>The account<br>costs <b>CHF&nbsp;5</b>
      per&#8203;month.</p><div>Loose <i>text</i><p>Inner.</p>tail</div><ul><li>one</li><li>two<ol><li>deep</li></ol></li></ul>
      <table><tr><th>Card</th><th>Fee</th></tr><tr><td>Gold</td><td>CHF 100</td></tr></table>
      <table><tr><th>Phone</th><td>041</td></tr><tr><th>Fax</th><td>none</td></tr></table>
      <form>Search</form><p hidden>secret</p><!-- note --><aside>Ad</aside></main><footer>Imprint</footer></body></html>"""
    (document,) = load_file(write(tmp_path, "fees.html", page))
    assert document.title == "Fees & prices"
    assert [line for line in document.text.split("\n") if line] == [
        "# Fees & prices",
        "The account",
        "costs CHF 5 permonth.",
        "Loose text",
        "Inner.",
        "tail",
        "- one",
        "- two",
        "  1. deep",
        "Card: Gold; Fee: CHF 100",
        "Phone: 041",
        "Fax: none",
    ]


def test_html_honours_a_declared_charset_and_refuses_endless_nesting(tmp_path: Path) -> None:
    page = '<meta charset="iso-8859-1"><h1>Gebühren</h1><p>Zürich</p>'.encode("iso-8859-1")
    assert "Zürich" in text_of(tmp_path, "a.htm", page)
    with pytest.raises(InputError, match="UTF-8"):
        load_file(write(tmp_path, "b.html", page.replace(b"iso-8859-1", b"klingon")))
    with pytest.raises(InputError, match=r"deep\.html"):
        load_file(write(tmp_path, "deep.html", "<div>" * 5_000 + "x"))


def pdf(*pages: list[str], password: str | None = None) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 780 - 14 * number, line)
        canvas.showPage()
    canvas.save()
    if password is None:
        return buffer.getvalue()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(buffer.getvalue()))
    writer.encrypt(password, algorithm="RC4-128")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def test_pdf_joins_wrapped_lines_and_drops_running_headers(tmp_path: Path) -> None:
    pages = [
        [
            "Bergsee Bank fee list",
            f"Part {number}",
            "A lost card is blocked at once by the desk, which can be reached at all",
            "hours of the day; a replace-",
            "ment is posted within three working days and costs twenty francs, always",
            f"at least. Page text {number}.",
            f"Page {number} of 3",
        ]
        for number in (1, 2, 3)
    ]
    text = text_of(tmp_path, "fees.pdf", pdf(*pages))
    assert "fee list" not in text
    assert "of 3" not in text
    assert (
        "A lost card is blocked at once by the desk, which can be reached at all hours of the day; a replacement is posted "
        "within three working days and costs twenty francs, always at least. Page text 2."
    ) in text
    assert "Part 2\n" in text


def test_pdf_keeps_numbered_headings_and_short_pages(tmp_path: Path) -> None:
    pages = [[f"Article {number}", "Some rule.", f"{number * 7} more words."] for number in (3, 8, 9, 15)]
    assert [f"Article {number}" in text_of(tmp_path, "a.pdf", pdf(*pages)) for number in (3, 8, 9, 15)] == [True] * 4
    assert text_of(tmp_path, "b.pdf", pdf(*[["The fee is CHF 5."]] * 4)).count("The fee is CHF 5.") == 4


def test_pdfs_without_readable_text_are_refused(tmp_path: Path) -> None:
    cases = {
        "locked.pdf": (pdf(["secret"], password="open sesame"), "password"),
        "scan.pdf": (pdf([], []), "no text layer"),
        "cut.pdf": (pdf(["text"])[:300], "PDF|damaged"),
        "junk.pdf": (b"hello", "PDF|damaged"),
    }
    for name, (content, message) in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            load_file(write(tmp_path, name, content))
        assert name in str(caught.value)


def test_a_pdf_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    assert "The fee is CHF 5." in text_of(tmp_path, "open.pdf", pdf(["The fee is CHF 5."], password=""))


def test_word_files_are_read_in_order_with_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Card rules", level=0)
    document.add_heading("Fees", level=2)
    document.add_paragraph("The card costs CHF 40.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Number")
    table = document.add_table(rows=2, cols=3)
    for column, (head, cell) in enumerate([("Card", "Gold"), ("Fee", "CHF 100"), ("Note", "")]):
        table.rows[0].cells[column].text, table.rows[1].cells[column].text = head, cell
    merged = document.add_table(rows=1, cols=2)
    merged.rows[0].cells[0].merge(merged.rows[0].cells[1]).text = "Valid from 2027"
    document.add_paragraph("The end.")
    buffer = io.BytesIO()
    document.save(buffer)
    (loaded,) = load_file(write(tmp_path, "rules.docx", buffer.getvalue()))
    assert loaded.title == "Card rules"
    assert [line for line in loaded.text.split("\n") if line] == [
        "# Card rules",
        "## Fees",
        "The card costs CHF 40.",
        "- first",
        "- second",
        "Card: Gold; Fee: CHF 100",
        "Valid from 2027",
        "The end.",
    ]
    half = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    for name, content in {"half.docx": half, "old.docx": b"\xd0\xcf\x11\xe0rest", "zip.docx": _empty_zip()}.items():
        with pytest.raises(InputError, match=name):
            load_file(write(tmp_path, name, content))


def _empty_zip() -> bytes:
    import zipfile

    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


def test_rows_become_documents(tmp_path: Path) -> None:
    rows = '{"id": "a", "title": "Fees", "text": "CHF 5", "more": [1]}\n\n{"id": 7, "title": null, "text": "CHF 6"}\n'
    expected = [("#7", "", "CHF 6"), ("#a", "Fees", "CHF 5")]
    for name, content in {
        "rows.jsonl": rows.encode(),
        "rows.jsonl.gz": gzip.compress(b"\xef\xbb\xbf" + rows.encode()),
        "rows.csv": b"id,title,text\r\na,Fees,CHF 5\r\n7,,CHF 6\r\n",
        "semicolons.csv": b'\xef\xbb\xbftext;id;title\n"CHF 5";a;Fees\nCHF 6;7;\n',
    }.items():
        path = write(tmp_path, name, content)
        found = [(each.path.removeprefix(name), each.title, each.text) for each in load_paths([path])]
        assert found == expected, name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"id": "a", "text": "x"}\n{"id": "b"', r"a\.jsonl:2: is not a JSON object"),
        ("a.jsonl", '{"id": "a", "text": "x"}\n[1]', r"a\.jsonl:2: is not a JSON object"),
        ("a.jsonl", '{"id": "a", "text": "x"}\n{"text": "x"}', r"a\.jsonl:2: id: is missing"),
        ("a.jsonl", '{"id": "a", "text": 5}', r"a\.jsonl:1: text: must be text"),
        ("a.jsonl", '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', r"a\.jsonl:2: id: 'a' stands in line 1 already"),
        ("a.jsonl", '{"id": "a", "text": "\\ud800"}', r"a\.jsonl:1"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl:1"),
        ("a.csv", "id,words\n1,x", r"a\.csv:1: the first row names no column 'text'"),
        ("a.csv", 'id,text\n1,"two\nlines"\n2,', r"a\.csv:4: text: is missing"),
        ("a.csv", "id,text\n1,x,y", r"a\.csv:2: has more cells"),
        ("a.csv", 'id,text\n1,"x', r"a\.csv:2: is not readable CSV"),
        ("a.txt", b"one\ntwo \xff", r"a\.txt:2: is not UTF-8 \(byte 0xff\)"),
        ("a.md", "caf\u00e9".encode("utf-16"), r"a\.md:1: is not UTF-8"),
        ("a.txt", "", r"a\.txt: is empty"),
        ("a.md", " \n\t\n", r"a\.md: is empty"),
        ("a.md", "---\n***\n", r"a\.md: holds no text"),
        ("a.html", "<nav>menu</nav>", r"a\.html: holds no text"),
        ("a.jsonl.gz", b"not gzip", r"a\.jsonl\.gz: is not a readable gzip"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 1000, mtime=0)[:-20], r"a\.jsonl\.gz: is .*gzip"),
        ("a.xlsx", "x", r"a\.xlsx: has no format that can be read; supported: \.md, .*\.docx"),
        ("a.pdf.gz", "x", r"a\.pdf\.gz: has no format"),
        ("README", "x", "README: has no format"),
    ],
)
def test_bad_files_are_refused_by_name_and_line(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    write(tmp_path, name, content)
    with pytest.raises(InputError, match=message):
        load_paths([tmp_path])


def test_folders_are_walked_in_a_fixed_order_and_hidden_files_skipped(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "a/b.md", "c.txt", ".git/x.exe", ".hidden.md", "a/~$lock.docx"):
        write(tmp_path, name, f"Text of {name}")
    expected = ["a/b.md", "a/z.txt", "b.md", "c.txt"]
    assert [each.path for each in load_paths([tmp_path])] == expected
    assert [each.path for each in load_paths([tmp_path, tmp_path / "b.md"])] == expected
    assert load_paths([tmp_path / "c.txt", tmp_path / "b.md"])[0].path == "b.md"


def test_the_same_content_elsewhere_gives_the_same_documents(tmp_path: Path) -> None:
    for root in ("one", "two"):
        write(tmp_path, f"{root}/a.md", "# A\n\ntext")
    assert load_paths([tmp_path / "one"]) == load_paths([tmp_path / "two"])
    with pytest.raises(InputError, match=r"two/a\.md: has the same name"):
        load_paths([tmp_path / "one", tmp_path / "two"])


def test_what_is_not_there_or_leads_outside_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    inside = write(base, ".data/a.md", "inside")
    (base / "a.md").symlink_to(inside)
    assert [each.text for each in load_paths([base])] == ["inside"]
    (base / "b.md").symlink_to(write(tmp_path, "secret.md", "outside"))
    with pytest.raises(InputError, match=r"b\.md: links to something outside"):
        load_paths([base])
    with pytest.raises(InputError, match="no such file or folder"):
        load_paths([tmp_path / "nothing"])
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        load_paths([tmp_path / "pipe.md"])


def test_limits_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.txt", "x" * 1_000)
    packed = write(tmp_path, "rows.jsonl.gz", gzip.compress(json.dumps({"id": "1", "text": "y" * 9_000}).encode()))
    for limit, message in {
        "FILE_BYTES_MAX": "has 1000 bytes, limit 999",
        "DOCUMENTS_MAX": "more than 1 documents",
        "DOCUMENT_CHARACTERS_MAX": "has 1000 characters, limit 999",
        "UNPACKED_BYTES_MAX": "unpacks to more than",
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(loader, limit, 1 if limit == "DOCUMENTS_MAX" else 999)
            with pytest.raises(InputError, match=message):
                load_paths([packed] if limit == "UNPACKED_BYTES_MAX" else [tmp_path])


@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)))
def test_no_bytes_break_a_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    try:
        documents = load_file(path)
    except InputError as error:
        documents, refusal = [], str(error)
        named = path.name in refusal
    else:
        named = True
    assert named
    assert all(document.text.strip() and document.text == clean_text(document.text) for document in documents)


@given(st.text())
def test_cleaning_is_done_once(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert "\r" not in clean
    assert "\x00" not in clean
