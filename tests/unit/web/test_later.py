"""The console while it is being made: what comes for it waits, calls do not, and a process without one ends."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundcrew.app import App
from groundcrew.settings import load
from groundcrew.web import app as web_app
from groundcrew.web.later import Later

WAIT_S = 30.0


async def _ok(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"made"})


def _client(application: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://127.0.0.1")


async def test_calls_are_answered_before_the_console_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, make = threading.Event(), web_app.create_web

    def slowly(*args: Any, **named: Any) -> Any:
        assert may_go_on.wait(WAIT_S)
        return make(*args, **named)

    monkeypatch.setattr(web_app, "create_web", slowly)
    try:
        async with App(load(port=0, data=tmp_path)) as app, _client(app) as client:
            answer = await client.get("/v1/models")
            assert answer.status_code == 401, "the gateway answers"
            page = asyncio.create_task(client.get("/healthz"))
            await asyncio.sleep(0.05)
            assert not page.done()
            may_go_on.set()
            assert (await asyncio.wait_for(page, WAIT_S)).json() == {"status": "ok"}
    finally:
        may_go_on.set()


async def test_a_console_that_can_not_be_made_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)

    def broken() -> Any:
        raise ValueError("a template is missing")

    later = Later(broken)
    with pytest.raises(ValueError, match="a template is missing"):
        await later({}, None, None)
    await later.close()
    assert raised == [signal.SIGTERM]


async def test_whoever_leaves_while_it_is_made_leaves_it_to_the_others() -> None:
    may_go_on = threading.Event()

    def make() -> Any:
        assert may_go_on.wait(WAIT_S)
        return _ok

    later = Later(make)
    async with _client(later) as client:
        gone, stays = asyncio.create_task(client.get("/")), asyncio.create_task(client.get("/"))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        may_go_on.set()
        assert (await stays).text == "made"
    await later.close()
