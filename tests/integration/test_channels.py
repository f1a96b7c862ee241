"""A channel on a real server: declared, tried from the shell, heard by a receiver that checks the signature; and a stream for a
decision, which a server that stops does not wait for."""

from __future__ import annotations

import asyncio
import base64
import time
import urllib.request
from datetime import timedelta
from pathlib import Path

from tests.integration.server import Server, groundcrew, running
from tests.receiver import SECRET, Receiver

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import SignOff
from groundcrew.services.bundle import open_services
from groundcrew.store import catalog

CHANNEL = """
kind: Channel
name: app
via: webhook
url: {url}
secret: env:HOOK_SECRET
networks: [127.0.0.1]
"""
#: A server ends streams when it stops; past this it would have waited for one of 300 s, or been killed.
STOP_S_MAX = 15.0


async def test_a_channel_and_a_stream_on_a_real_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with Receiver() as receiver:
        (tmp_path / "channel.yaml").write_text(CHANNEL.format(url=receiver.url))
        await asyncio.to_thread(groundcrew, "apply", tmp_path / "channel.yaml", "--data", data)
        sign_off_id = await held(data)
        await asyncio.to_thread(use_and_stop, data, sign_off_id)
        assert [each.type for each in receiver.messages] == ["channel.test"]
        assert receiver.refused == []


async def held(data: Path) -> str:
    """A sign-off that waits."""
    services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
    try:
        now = services.database.clock.now()
        waits = SignOff(
            id=new_id(),
            use_case="letters",
            call_id=new_id(),
            qualification="reviewer",
            draft="Dear Ms Keller",
            reason="held",
            requested_at=now,
            expires_at=now + timedelta(days=7),
        )
        async with services.database.write("test") as writer:
            await catalog.SIGN_OFFS.put(writer, waits, "request")
        return waits.id
    finally:
        await services.database.close()


def use_and_stop(data: Path, sign_off_id: str) -> None:
    with running(data, extra={"HOOK_SECRET": SECRET}) as server:
        done = groundcrew("channel", "test", "app", "--wait", "60", "--data", data)
        assert (done.status, done.out) == (0, "app took it at attempt 1\n"), done.err
        with urllib.request.urlopen(stream_of(server, sign_off_id), timeout=30) as stream:
            while stream.readline() != b"event: state\n":
                pass
            started_s = time.monotonic()
            server.process.terminate()
            assert b"event: later" in stream.read()
        server.process.wait(STOP_S_MAX)
        assert server.process.returncode == 0
        assert time.monotonic() - started_s < STOP_S_MAX


def stream_of(server: Server, sign_off_id: str) -> urllib.request.Request:
    who = base64.b64encode(f"admin:{server.password}".encode()).decode()
    return urllib.request.Request(
        f"{server.url}/api/v1/sign-offs/{sign_off_id}/events", headers={"Authorization": f"Basic {who}"}
    )
