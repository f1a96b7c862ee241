"""A key that is revoked is refused within a second, in every gateway process over the same database."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.integration.server import Server, running
from tests.load.clients import declare

from groundcrew.services.bundle import open_services

REFUSED_S_MAX = 1.0


def answers(server: Server, secret: str) -> int:
    """The status that the gateway answers this key with."""
    asked = urllib.request.Request(f"{server.url}/v1/models", headers={"authorization": f"Bearer {secret}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_revoked_and_rotated_keys_are_refused_everywhere(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    storage = ("--database-url", f"sqlite:///{data / 'groundcrew.db'}")
    secret = declare("http://127.0.0.1:9/v1", data, *storage)
    with running(data, *storage) as first, running(other, *storage) as second:
        servers = (first, second)
        assert [answers(each, secret) for each in servers] == [200, 200]

        async def change() -> tuple[str, float]:
            services = await open_services(storage[1], data)
            try:
                (key,) = await services.keys.find("load")
                heir = await services.keys.rotate(key.id, actor="user:test", overlap_s=3_600)
                for text in (secret, heir.secret):
                    assert [await asyncio.to_thread(answers, each, text) for each in servers] == [200, 200]
                started_s = time.monotonic()
                await services.keys.revoke(key.id, actor="user:test", reason="lost")
                return heir.secret, started_s
            finally:
                await services.database.close()

        heir, started_s = asyncio.run(change())
        took_s = time.monotonic() - started_s
        assert [answers(each, secret) for each in servers] == [401, 401]
        assert took_s < REFUSED_S_MAX
        assert [answers(each, heir) for each in servers] == [200, 200]
