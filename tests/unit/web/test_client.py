"""The SDK against a real server on a socket: what it sends, what it raises, how it waits, and that it needs nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio
import uvicorn
from tests.unit.web.site import OTHER, OWN, Site

from groundcrew import client as sdk
from groundcrew.client import AsyncClient, Client, Outcome, ServerFailed, StillWaiting, Unreachable
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services import outcome_import
from groundcrew.services.job_runner import run


@pytest_asyncio.fixture
async def address(site: Site) -> AsyncIterator[str]:
    """Where the site listens."""
    server = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_ratings_and_outcomes(site: Site, address: str) -> None:
    client = AsyncClient(address + "/v1", site.secrets[OWN])
    rating = await client.rate(site.call_id, 4, rater="agent-1", comment="fine", critical_harm=False)
    assert [each.id for each in await site.services.feedback.ratings(OWN)] == [rating]
    await client.rate(None, 5, rater="agent-1", case_id="c-1")
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    rows = [
        Outcome("handle_time", 400 + each, f"c-{each}", unit="s", arm="treatment", unit_id=f"u-{each}", at=at)
        for each in range(3)
    ]
    assert await client.outcomes(rows) == (3, 0)
    assert await client.outcomes(rows) == (0, 3)
    assert await client.outcome("handle_time", 399, "c-0", unit="s", arm="treatment", unit_id="u-0", at=at) == (1, 0)
    assert {each.value for each in await site.services.feedback.outcomes(OWN)} == {399, 401, 402}
    assert (await client.call(site.call_id))["answer"] == "Letters take two days."


async def test_a_file_of_outcomes(site: Site, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "POLL_S_MIN", 0.01)
    client = AsyncClient(address, site.secrets[OWN])
    path = tmp_path / "outcomes.csv"

    async def imported(content: str) -> tuple[int, int]:
        path.write_text("metric,value,case_id\n" + content)
        importing = asyncio.create_task(client.import_outcomes(path, timeout_s=60))
        while (task := await site.services.jobs.claim([outcome_import.KIND])) is None:  # noqa: ASYNC110  (no worker runs here)
            await asyncio.sleep(0.01)
        await run(site.services, task)
        return await importing

    assert await imported("m,1,c-1\nm,2,c-2\n") == (2, 0)
    assert await imported("m,1,c-1\nm,3,c-2\n") == (1, 1)
    with pytest.raises(InputError, match="body:3: value: is not a number"):
        await imported("m,1,c-1\nm,x,c-2\n")
    for name in ("outcomes.xlsx", "outcomes.parquet.gz", "absent.csv"):
        with pytest.raises(InputError):
            await client.import_outcomes(tmp_path / name)


async def test_links_and_calls_to_rate(site: Site, address: str) -> None:
    client = AsyncClient(address, site.secrets[OWN])
    link = await client.rating_link(site.call_id, expires_s=3_600)
    assert link.url.startswith(f"{address}/rate/")
    assert link.expires_at > datetime.now(UTC)
    assert await client.put_up_for_rating([site.call_id], raters=1) == 1
    assert await client.put_up_for_rating([site.call_id]) == 0


async def test_errors_have_types(site: Site, address: str) -> None:
    client = AsyncClient(address, site.secrets[OWN])
    with pytest.raises(InputError) as wrong:
        await client.rate(site.call_id, 9, rater="agent-1")
    assert wrong.value.field == "stars"
    with pytest.raises(NotFound):
        await client.rate("no-such-call", 5, rater="agent-1")
    with pytest.raises(NotFound):
        await AsyncClient(address, site.secrets[OTHER]).call(site.call_id)
    with pytest.raises(NotAllowed):
        await AsyncClient(address, "gc_wrong").rate(site.call_id, 5, rater="agent-1")
    with pytest.raises(InputError):
        await client.outcome("m", 1.0, "c", at=datetime(2026, 1, 1))  # noqa: DTZ001
    for bad in ("ftp://x", "file:///etc/passwd", "localhost:8400", ""):
        with pytest.raises(InputError):
            Client(bad, "gc_x")


async def test_waiting_for_a_person(site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "POLL_S_MIN", 0.01)
    client = AsyncClient(address, site.secrets[OWN])
    with pytest.raises(StillWaiting):
        await client.wait_for_sign_off(site.sign_off_id, timeout_s=0.05)
    waiting = asyncio.create_task(client.wait_for_sign_off(site.sign_off_id, timeout_s=10))
    await asyncio.sleep(0.05)
    reviewer = next(each for each in await site.services.users.find() if each.name == "reviewer")
    await site.services.sign_offs.decide(site.sign_off_id, "approve", signer=reviewer)
    found = await waiting
    assert (found.state, found.released, found.text) == ("approved", True, "The draft that nobody has released.")
    assert (await asyncio.to_thread(Client(address, site.secrets[OWN]).wait_for_sign_off, site.sign_off_id, timeout_s=5)) == found
    for timeout_s in (0, -1, sdk.WAIT_S_MAX + 1):
        with pytest.raises(InputError):
            await client.wait_for_sign_off(site.sign_off_id, timeout_s=timeout_s)


class _Scripted(BaseHTTPRequestHandler):
    """Answers from a list."""

    answers: ClassVar[list[tuple[int, str, dict[str, str]]]] = []
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).seen.append(self.path)
        status, body, headers = type(self).answers.pop(0) if type(self).answers else (200, "{}", {})
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that answers as told."""
    monkeypatch.setattr(sdk, "RETRY_S_MIN", 0.001)
    _Scripted.answers, _Scripted.seen = [], []
    server = HTTPServer(("127.0.0.1", 0), _Scripted)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_busy_server_is_asked_again_and_no_more_than_the_maximum(scripted: str) -> None:
    _Scripted.answers = [(503, "", {}), (429, "", {}), (200, '{"id": "x"}', {})]
    assert Client(scripted, "gc_x").call("x") == {"id": "x"}
    _Scripted.seen.clear()
    _Scripted.answers = [(503, "", {})] * 10
    with pytest.raises(ServerFailed):
        Client(scripted, "gc_x").call("x")
    assert len(_Scripted.seen) == sdk.ATTEMPTS_MAX


def test_answers_that_make_no_sense(scripted: str) -> None:
    for status, body in ((200, "[]"), (200, "nonsense"), (500, "<html>"), (418, '{"error": {"message": "teapot"}}')):
        _Scripted.answers = [(status, body, {})]
        with pytest.raises(ServerFailed) as failed:
            Client(scripted, "gc_x").call("x")
        assert failed.value.status == status
    _Scripted.answers = [(409, '{"error": {"message": "taken"}}', {})]
    with pytest.raises(Conflict):
        Client(scripted, "gc_x").call("x")


def test_a_key_does_not_follow_a_redirect(scripted: str) -> None:
    _Scripted.answers = [(302, "", {"Location": f"{scripted}/elsewhere"})]
    with pytest.raises(ServerFailed):
        Client(scripted, "gc_x").call("x")
    assert _Scripted.seen == ["/api/v1/calls/x"]


def test_names_can_not_leave_their_place_in_the_address(scripted: str) -> None:
    Client(scripted, "gc_x").call("../users?x=1#y")
    assert _Scripted.seen == ["/api/v1/calls/..%2Fusers%3Fx%3D1%23y"]


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "RETRY_S_MIN", 0.001)
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:9", "gc_x", timeout_s=0.2).call("x")


def test_it_needs_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import groundcrew.client; "
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(name for name in loaded if name not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['groundcrew']"
