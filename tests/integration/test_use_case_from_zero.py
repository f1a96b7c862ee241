"""The page that walks from nothing to a pilot does what it says: its files, commands and programs, on a real server."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.server import Server, running
from tests.integration.test_docs import blocks, commands, write_files

from groundcrew.app import main

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-case-from-zero.md"
URL = "http://127.0.0.1:8400"


class Walk:
    """Does what a reader does: types each command, and puts in what an earlier one printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], stack: contextlib.ExitStack) -> None:
        self._data, self._capsys, self._stack = folder / "data", capsys, stack
        self._server: Server | None = None
        self._revision = self._secret = ""
        self._names: dict[str, object] = {}
        self.printed: list[str] = []

    def type(self, line: str, status: int) -> str:
        words = shlex.split(line.partition("  #")[0].replace("REVISION", self._revision))
        if words.pop(0) != "groundcrew":
            subprocess.run(["bash", "-c", line], cwd=self._data.parent, check=True)
            return ""
        if words == ["up"]:
            self._server = self._stack.enter_context(running(self._data))
            return ""
        if words[0] == "probe":
            words += ["--url", self._url]
        if words[0] != "experiment" and "--file" not in words:
            words += ["--data", str(self._data)]
        ended = main(words)
        out, errors = self._capsys.readouterr()
        assert ended == status, f"{line}: status {ended}: {out}{errors}"
        if words[:2] == ["knowledge", "add"]:
            self._revision = out.split()[1]
        if words[:2] == ["key", "create"]:
            self._secret = out.strip()
        return out

    def run(self, program: str) -> str:
        text = program.replace(URL, self._url).replace("gc_…", self._secret)
        exec(compile(text, str(PAGE), "exec"), self._names)  # noqa: S102
        return self._capsys.readouterr().out

    @property
    def _url(self) -> str:
        assert self._server is not None, "the page starts the server before it is used"
        return self._server.url

    def close(self) -> None:
        client = self._names.get("client")
        if client is not None:
            client.close()  # type: ignore[attr-defined]


@pytest.fixture
def walk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        walk = Walk(tmp_path, capsys, stack)
        stack.callback(walk.close)
        yield walk


@pytest.mark.slow
def test_the_page_does_what_it_says(walk: Walk) -> None:
    said: list[tuple[str, str]] = []
    for block in blocks(PAGE):
        if block.language == "console":
            said += [(line, walk.type(line, status)) for line, status in commands(block)]
        elif block.language == "python":
            said.append(("python", walk.run(block.text)))
    by_line = {line.partition("  #")[0].strip(): out for line, out in said}

    applied = [out.splitlines()[-1] for line, out in said if line == "groundcrew apply lending/"]
    assert applied == ["6 changed, 0 unchanged", "0 changed, 6 unchanged", "2 changed, 5 unchanged", "2 changed, 5 unchanged"]
    answers = next(out for line, out in said if line == "python").splitlines()
    assert "28 days" in answers[0]
    assert "between 10:00 and 16:00" in answers[1]
    assert "no verified answer" in answers[2]
    refused = by_line['groundcrew advance lending --to pilot --reason "it looks good"']
    assert refused.splitlines()[0].endswith("closed: 4 of 12 criteria are not met"), refused
    gates = [out for line, out in said if line.startswith("groundcrew gate lending")]
    assert "closed: 4 of 12" in gates[0]
    assert gates[1].startswith("gate → pilot for lending: open")
    assert gates[2].startswith("gate → production_readiness for lending: closed")
    assert re.search(r"Rating +5\.00 stars \[1\.\d\d, 5\.00\], n = 1", gates[2]), gates[2]
    assert len(re.findall(r"stale", gates[3])) == 3
    assert gates[4].startswith("gate → pilot for lending: open")
    assert "confirmed by the gateway in " in by_line['groundcrew stop use-case:lending --reason "wrong opening hours"']
    # The export has signed the log to its end.
    head = by_line["groundcrew audit verify"].split()[-1]
    signed = by_line["groundcrew audit verify --file audit.jsonl"].splitlines()
    assert any("signed up to entry" in each and each.endswith(head) for each in signed), signed
