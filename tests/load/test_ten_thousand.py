"""32 clients at once against a real server: no error, and every call recorded exactly once.

GROUNDCREW_LOAD_CALLS sets how many calls (1,000 by default).
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.integration.server import groundcrew, running
from tests.load.clients import CLIENTS, Load, declare

from groundcrew.services.bundle import open_services
from groundcrew.testing import FakeUpstream, ReceivedRequest, Reply

CALLS = int(os.environ.get("GROUNDCREW_LOAD_CALLS", "1000"))


def answer(request: ReceivedRequest) -> Reply:
    return Reply(text=f"answer to {request.last_user_text()}", usage=(11, 7))


async def test_many_calls_at_once_meet_no_error_and_are_recorded_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with FakeUpstream(answer) as upstream:
        secret = await asyncio.to_thread(declare, upstream.url, data)
        with running(data) as server:
            started = time.monotonic()
            found = await Load(server.url, secret, CALLS).run()
            seconds = time.monotonic() - started
            await asyncio.to_thread(server.wait_until_shipped)
        assert len(upstream.requests) == CALLS
    assert (found.errors, found.broken, len(found.answers)) == ([], 0, CALLS)
    services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
    try:
        counts = await services.calls.status_counts("load")
        usage = (await services.spending.usage(services.database.clock.now()))["load"]
        sample = [await services.calls.get(identifier) for identifier in list(found.answers)[:50]]
    finally:
        await services.database.close()
    assert sum(counts.values()) == CALLS
    assert {status for status, _ in counts} == {"answered"}
    assert usage.tokens_today == 18 * CALLS
    assert [call.answer for call in sample] == [found.answers[call.id] for call in sample]
    verified = groundcrew("audit", "verify", "--data", data)
    assert verified.status == 0, verified.err
    print(f"{CALLS} calls from {CLIENTS} clients in {seconds:.1f} s: {CALLS / seconds:.0f} a second, no error")
