"""The radiology blueprint end to end on a real server: dictated, drafted, held, read beside its dictation, signed, released."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server import running

from groundcrew.app import main
from groundcrew.domain.call import Call
from groundcrew.services.bundle import open_services
from groundcrew.settings import Settings

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "radiology-draft"
STOP_S_MAX = 20.0
SWAPPED = "Solid nodule in the left upper lobe"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (BLUEPRINT / "data" / name).read_text(encoding="utf-8").splitlines()]


DICTATIONS = {row["id"]: row for row in rows("dictations.jsonl")}


@pytest.fixture
def writer() -> Iterator[str]:
    """The blueprint's scripted writer on a free port; it swaps a side in one draft."""
    process = subprocess.Popen(
        [sys.executable, str(BLUEPRINT / "scripted_writer.py"), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().partition(" on ")[2].partition(",")[0]
    finally:
        process.terminate()
        process.wait(STOP_S_MAX)
        assert process.stdout is not None
        process.stdout.close()


def send(url: str, secret: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "groundcrew-user-id": "reading-room-1"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, data=data, headers=headers), timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def dictate(url: str, secret: str, dictation: str) -> tuple[int, Any]:
    content = f"Please draft the report.\n<source>\n{DICTATIONS[dictation]['text']}\n</source>"
    return send(
        url, secret, "/v1/chat/completions", {"model": "report-writer", "messages": [{"role": "user", "content": content}]}
    )


def recorded(data: Path, call_id: str) -> Call:
    async def read() -> Call:
        services = await open_services(Settings(data=data).database, data)
        try:
            return await services.feedback.call(call_id)
        finally:
            await services.database.close()

    return asyncio.run(read())


class Shell:
    """Commands on the test's data, in this process."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._data, self._capsys = data, capsys

    def type(self, *words: str | Path, status: int = 0) -> str:
        ended = main([*map(str, words), "--data", str(self._data)])
        out, errors = self._capsys.readouterr()
        assert ended == status, f"{words}: status {ended}: {out}{errors}"
        return out.strip()


@pytest.mark.slow
def test_a_draft_is_dictated_held_read_signed_and_released(
    writer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, data = tmp_path / "radiology-draft", tmp_path / "data"
    shutil.copytree(BLUEPRINT, folder)
    declared = (folder / "use_case.yaml").read_text()
    (folder / "use_case.yaml").write_text(declared.replace("http://127.0.0.1:8498/v1", writer))
    shell = Shell(data, capsys)
    shell.type("apply", folder)
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long enough pass phrase")
    for name, qualification in (("dr-sommer", "radiologist"), ("ms-frei", "service-agent")):
        shell.type("user", "add", name, "--role", "reviewer", "--qualification", qualification)
    secret = shell.type("key", "create", "radiology-draft")
    with running(data) as server:
        held = {}
        for dictation in ("ct-chest-01", "mr-knee-01"):
            status, body = dictate(server.url, secret, dictation)
            assert status == 202, body
            assert "lobe" not in json.dumps(body)
            held[dictation] = body["groundcrew"]
        server.wait_until_shipped()
        wrong, fine = (held[each]["sign_off_id"] for each in ("ct-chest-01", "mr-knee-01"))
        polled = send(server.url, secret, f"/api/v1/sign-offs/{wrong}")[1]
        assert (polled["state"], polled["text"]) == ("pending", None)

        _check_the_swap_is_seen(data, held["ct-chest-01"], shell)
        right = recorded(data, held["mr-knee-01"]["call_id"])
        assert right.withheld_trust is not None
        assert not right.withheld_trust.contradicted

        corrected = tmp_path / "corrected.txt"
        corrected.write_text(DICTATIONS["ct-chest-01"]["draft"])
        shell.type("sign-off", "approve", fine, "--as", "ms-frei", status=2)
        shell.type("sign-off", "approve", fine, "--as", "dr-sommer")
        why = ("--not-grounded", "--comment", "left for right", "--as", "dr-sommer")
        # Whether the changed word is the right one a person has to say.
        shell.type("sign-off", "edit", wrong, "--text-file", corrected, *why, status=2)
        shell.type("sign-off", "edit", wrong, "--text-file", corrected, "--contradictions-checked", *why)
        for dictation, sign_off, state in (("ct-chest-01", wrong, "edited"), ("mr-knee-01", fine, "approved")):
            polled = send(server.url, secret, f"/api/v1/sign-offs/{sign_off}")[1]
            assert (polled["state"], polled["text"]) == (state, DICTATIONS[dictation]["draft"])
            assert polled["sha256"] == hashlib.sha256(polled["text"].encode()).hexdigest()
    shell.type("audit", "verify")


def _check_the_swap_is_seen(data: Path, held: dict[str, Any], shell: Shell) -> None:
    """The signer sees the swapped side marked as contradicted, beside the words of the dictation."""
    assert "the sources contradict the answer" in shell.type("sign-off", "show", held["sign_off_id"])
    call = recorded(data, held["call_id"])
    assert (call.status, call.data_class, call.answer) == ("held", "phi", "")
    assert call.withheld_trust is not None
    marked = [each for each in call.withheld_trust.claims if each.contradicted]
    assert [call.withheld_answer[each.start : each.end].count(SWAPPED) for each in marked] == [1]
    (claim,) = marked
    assert claim.source is not None
    assert claim.quote is not None
    source = call.sources[claim.source]
    assert source.title == "the request, message 1"
    assert "nodule right upper lobe" in source.text[slice(*claim.quote)]
    assert any("right" in each and "left" in each for each in claim.reasons)
