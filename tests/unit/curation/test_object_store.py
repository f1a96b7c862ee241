"""Reading from an object store: a local server that speaks as much S3 as reading needs, credentials from the environment."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pyarrow.parquet as parquet
import pytest
from tests.unit.curation.conftest import BASE, good, recipe_of, write_csv, write_json_lines, write_parquet

from groundcrew.curation.addresses import refuse_bad_address
from groundcrew.curation.data_set import curate
from groundcrew.errors import InputError

pytestmark = pytest.mark.usefixtures("daft")


class Store(http.server.ThreadingHTTPServer):
    """One bucket, `bucket`, that holds `objects`; `signed` counts the requests that were signed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.signed: list[str] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.signed.append(self.headers.get("Authorization", ""))
        parts = urlsplit(self.path)
        _, _, key = unquote(parts.path).lstrip("/").partition("/")
        if not key:
            self._list(parse_qs(parts.query).get("prefix", [""])[0])
            return
        data = self.server.objects.get(key)
        if data is None:
            self._answer(404, b"")
            return
        begin, end, status = 0, len(data), 200
        if (asked := self.headers.get("Range")) is not None:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end, status = int(first), min(int(last) + 1 if last else len(data), len(data)), 206
        self._answer(status, data[begin:end], {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"} if status == 206 else {})

    def _list(self, prefix: str) -> None:
        count = sum(key.startswith(prefix) for key in self.server.objects)
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, data in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        self._answer(
            200,
            f"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>{count}</KeyCount>{found}</ListBucketResult>".encode(),
        )

    def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "ETag": '"x"', **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    server = Store()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-a-test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_records_of_a_bucket_are_those_of_a_folder(store: Store, tmp_path: Path) -> None:
    rows = good(30)
    (tmp_path / "in").mkdir()
    files = [
        write_json_lines(tmp_path / "in" / "a.jsonl", rows[:10]),
        write_json_lines(tmp_path / "in" / "b.jsonl.gz", rows[10:15]),
        write_csv(tmp_path / "in" / "c.csv", rows[15:20]),
        write_parquet(tmp_path / "in" / "d.parquet", rows[20:]),
    ]
    store.objects = {f"exports/{each.name}": each.read_bytes() for each in files} | {
        "exports/notes.txt": b"x",
        "exports/.h.jsonl": b"{",
    }
    recipe = recipe_of(BASE)
    local = curate(recipe, [tmp_path / "in"], tmp_path / "local")
    remote = curate(recipe, ["s3://bucket/exports/"], tmp_path / "remote")
    assert remote.funnel.revision == local.funnel.revision
    assert [each.name for each in remote.funnel.files] == [f"s3://bucket/exports/{each.name}" for each in files]
    assert [each.sha256 for each in remote.funnel.files] == [each.sha256 for each in local.funnel.files]
    assert remote.funnel.ignored_files == ("s3://bucket/exports/notes.txt",)
    one = curate(recipe, ["s3://bucket/exports/a.jsonl"], tmp_path / "one")
    assert one.funnel.kept == 10
    assert all("AKIDEXAMPLE" in each for each in store.signed)
    for name in ("remote", "one"):
        for file in (tmp_path / name).iterdir():
            assert b"secret-of-a-test" not in file.read_bytes()
    assert parquet.read_metadata(tmp_path / "remote" / "records.parquet").num_rows == 30


def test_what_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    for address in ("s3://bucket/none.jsonl", "s3://bucket/none/"):
        with pytest.raises(InputError, match="no such file") as refused:
            curate(recipe_of(BASE), [address], tmp_path / "out")
        assert refused.value.file == address


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://key:word@bucket/a.jsonl", "credentials belong into the environment"),
        ("s3://bucket/a.jsonl?secret_key=word", "credentials belong into the environment"),
        ("ftp://host/word.jsonl", "unknown kind of address"),
    ],
)
def test_an_address_holds_no_credentials(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        refuse_bad_address(address)
    assert "key:word" not in str(refused.value)
    assert "secret_key" not in str(refused.value)


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "a.jsonl", good(3))
    assert curate(recipe_of(BASE), [f"file://{source}"], tmp_path / "out").funnel.kept == 3
