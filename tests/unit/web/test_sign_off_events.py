"""Waiting for a decision over an event stream: told at once, bounded in time and number, ended with the server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest
import pytest_asyncio
import uvicorn
from tests.unit.services.bank import until
from tests.unit.web.site import OTHER, OWN, Site
from tests.unit.web.test_sign_off_work import declare, hold

from groundcrew import client as sdk
from groundcrew.client import AsyncClient, Client, SignOff, StillWaiting
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.store import catalog
from groundcrew.web import decisions
from groundcrew.web.api import sign_off_events
from groundcrew.web.authentication import SESSION_COOKIE
from groundcrew.web.decisions import Decisions, TooManyStreams

DRAFT = "The draft that nobody has released."


@pytest_asyncio.fixture
async def address(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Where the site listens."""
    decisions_of(site)._poll_s = 0.01
    monkeypatch.setattr(sign_off_events, "LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(sdk, "POLL_S_MIN", 0.01)
    server = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    site.live.close()
    server.should_exit = True
    await task


def decisions_of(site: Site) -> Decisions:
    found: Decisions = site.app.state.decisions
    return found


async def decide(site: Site, decision: Any, **more: Any) -> None:
    reviewer = next(each for each in await site.services.users.find() if each.name == "reviewer")
    await site.services.sign_offs.decide(site.sign_off_id, decision, signer=reviewer, **more)


async def follow(
    address: str, site: Site, use_case: str = OWN, *, headers: dict[str, str] | None = None, sign_off_id: str = ""
) -> list[tuple[str, dict[str, Any]]]:
    """The events of the stream until it ends."""
    found, name = [], ""
    headers = headers or {"Authorization": f"Bearer {site.secrets[use_case]}"}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", f"{address}/api/v1/sign-offs/{sign_off_id or site.sign_off_id}/events", headers=headers) as answer,
    ):
        if answer.status_code != 200:
            return [(str(answer.status_code), json.loads(await answer.aread()))]
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


async def waits(site: Site, number: int = 1) -> None:
    async def look() -> bool:
        return len(decisions_of(site)) == number

    await until(look, within_s=20)


async def test_a_decision_ends_every_stream_that_waits_for_it(site: Site, address: str) -> None:
    following = [asyncio.create_task(follow(address, site)) for _ in range(3)]
    await waits(site, 3)
    await decide(site, "approve")
    for events in await asyncio.gather(*following):
        (first, before), (last, after) = events
        assert (first, before["state"], before["text"]) == ("state", "pending", None)
        assert (last, after["state"], after["text"]) == ("decision", "approved", DRAFT)
        assert DRAFT not in json.dumps(before)
    await waits(site, 0)
    ((only, told),) = await follow(address, site)
    assert (only, told["text"]) == ("decision", DRAFT), "one that is decided already is told at once"
    ((status, _),) = await follow(address, site, OTHER)
    assert status == "404"


async def test_who_is_to_judge_it_again_is_not_told_the_decision_that_they_waited_for(site: Site, address: str) -> None:
    await declare(site, second_review_share=1.0)
    item = await hold(site, DRAFT)
    session = {"Cookie": f"{SESSION_COOKIE}={site.sessions['business']}"}
    following = asyncio.create_task(follow(address, site, headers=session, sign_off_id=item))
    await waits(site)
    body = {"decision": "approve", "comment": "I am sure"}
    assert (await site.api("reviewer", "POST", f"/sign-offs/{item}/decide", json=body)).status_code == 200
    (first, before), (last, after) = await following
    assert (first, before["state"], last) == ("state", "pending", "error")
    assert "you may judge" in after["message"]
    assert not any(each in json.dumps(after) for each in ("approved", "I am sure", DRAFT))


async def test_a_key_that_is_stopped_meanwhile_hears_nothing(site: Site, address: str) -> None:
    following = asyncio.create_task(follow(address, site))
    await waits(site)
    (key,) = [each for each in await site.services.keys.find() if each.use_case == OWN]
    async with site.services.database.write("user:on_call") as writer:
        stopped = KillSwitch(scope=Scope("key", key.id), state="confirmed_stopped", reason="leaked")
        await catalog.KILL_SWITCHES.put(writer, stopped, "trip")
    await decide(site, "approve")
    events = await following
    assert events[-1][0] == "error"
    assert DRAFT not in json.dumps(events)


async def test_what_is_decided_but_withheld_is_told_when_it_may_leave(site: Site, address: str) -> None:
    following = asyncio.create_task(follow(address, site))
    await waits(site)
    scope = Scope("use-case", OWN)
    await decide(site, "approve")
    await site.services.kill_switches.stop(scope, actor="user:on-call", reason="wrong letters")
    second = asyncio.create_task(follow(address, site))
    await waits(site, 1 if following.done() else 2)
    for who in ("user:on-call", "user:it"):
        await site.services.kill_switches.resume(scope, actor=who, reason="repaired")
    assert [name for name, _ in await second] == ["state", "decision"]
    assert (await following)[-1][0] == "decision"


async def test_streams_are_bounded_in_number_and_time_and_end_with_the_server(
    site: Site, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions_of(site)._per_caller_max = 1
    following = asyncio.create_task(follow(address, site))
    await waits(site)
    ((status, told),) = await follow(address, site)
    assert (status, told["error"]["code"]) == ("429", "too_many_attempts")
    assert "poll instead" in told["error"]["message"]
    site.live.close()
    assert [name for name, _ in await following] == ["state", "later"]
    ((status, _),) = await follow(address, site)
    assert status == "429", "a server that stops begins nothing"


async def test_a_stream_says_that_it_is_alive_and_ends_in_time(site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_off_events, "KEEP_ALIVE_S", 0.02)
    monkeypatch.setattr(sign_off_events, "STREAM_S_MAX", 0.2)
    assert [name for name, _ in await follow(address, site)] == ["state", "later"]
    with pytest.raises(StillWaiting):
        await AsyncClient(address, site.secrets[OWN]).wait_for_sign_off(site.sign_off_id, timeout_s=0.4)
    with pytest.raises(StillWaiting):
        await asyncio.to_thread(Client(address, site.secrets[OWN]).wait_for_sign_off, site.sign_off_id, timeout_s=0.4)


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
async def test_the_client_hears_of_a_decision_without_polling(site: Site, address: str, kind: str) -> None:
    polls: list[str] = []

    class Counted(Client):
        def sign_off(self, sign_off_id: str) -> SignOff:
            polls.append(sign_off_id)
            return super().sign_off(sign_off_id)

    if kind == "threads":
        waiting = asyncio.create_task(
            asyncio.to_thread(Counted(address, site.secrets[OWN]).wait_for_sign_off, site.sign_off_id, timeout_s=30)
        )
    else:
        client = AsyncClient(address, site.secrets[OWN])
        client._client = Counted(address, site.secrets[OWN])
        waiting = asyncio.create_task(client.wait_for_sign_off(site.sign_off_id, timeout_s=30))
    await waits(site)
    assert polls == []
    await decide(site, "edit", text="Dear Ms Keller")
    found = await waiting
    assert (found.state, found.text, len(polls)) == ("edited", "Dear Ms Keller", 1)


async def test_a_database_that_is_away_ends_no_stream(
    site: Site, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, failures = decisions.no_longer_pending, []

    async def fail_at_first(*arguments: Any) -> set[str]:
        if len(failures) < 3:
            failures.append(1)
            raise OSError("away")
        return await real(*arguments)

    monkeypatch.setattr(decisions, "no_longer_pending", fail_at_first)
    following = asyncio.create_task(follow(address, site))
    await waits(site)
    await decide(site, "reject", comment="no")
    assert [(name, told["state"]) for name, told in await following] == [("state", "pending"), ("decision", "rejected")]
    assert "could not be looked for: OSError" in caplog.text


def test_places_are_given_back() -> None:
    class Idle(Decisions):
        async def _look(self) -> None:
            """Nothing is looked for."""

    async def run() -> None:
        made = Idle(None, streams_max=2, per_caller_max=2)  # type: ignore[arg-type]
        first, second = made.begin("a", "key:1"), made.begin("b", "key:2")
        with pytest.raises(TooManyStreams):
            made.begin("c", "key:3")
        for _ in range(2):
            made.end(first)
        made.begin("c", "key:3")
        made.end(second)
        assert len(made) == 1

    asyncio.run(run())


class _Old(BaseHTTPRequestHandler):
    """A server of before there were streams, and then worse ones."""

    events: ClassVar[tuple[int, str]] = (404, "{}")
    polls: ClassVar[int] = 0

    def do_GET(self) -> None:
        if self.path.endswith("/events"):
            status, body = type(self).events
        else:
            type(self).polls += 1
            state = "approved" if type(self).polls >= 3 else "pending"
            status, body = 200, json.dumps({"id": "x", "state": state, "text": None, "sha256": None, "comment": None})
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("answer", [(404, "{}"), (429, "{}"), (200, ""), (200, "no events\n"), (302, "")])
def test_without_a_stream_it_polls(monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str]) -> None:
    monkeypatch.setattr(sdk, "POLL_S_MIN", 0.01)
    _Old.events = answer
    with ThreadingHTTPServer(("127.0.0.1", 0), _Old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        _Old.polls = 0
        assert Client(url, "gc_x").wait_for_sign_off("x", timeout_s=20).state == "approved"
        _Old.polls = 0
        assert asyncio.run(AsyncClient(url, "gc_x").wait_for_sign_off("x", timeout_s=20)).state == "approved"
        assert _Old.polls == 3
        server.shutdown()
