"""Live events: order, bounds, what a slow page loses, and the stream that a page follows."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.web.site import Site

from groundcrew.errors import Conflict
from groundcrew.web.console import stream
from groundcrew.web.live import LiveEvents


async def take(live: LiveEvents, number: int, use_case: str | None = None) -> list[dict[str, object]]:
    found = []
    async for event in live.follow(use_case=use_case, heartbeat_s=5):
        assert event is not None
        found.append(event)
        if len(found) == number:
            break
    return found


async def test_events_come_in_order_and_only_to_whom_they_concern() -> None:
    live = LiveEvents()
    tasks = [asyncio.create_task(take(live, 2, "letters")), asyncio.create_task(take(live, 3))]
    await asyncio.sleep(0)
    for event in ({"type": "call", "use_case": "letters"}, {"type": "call", "use_case": "minutes"}, {"type": "registry"}):
        live.publish(event)
    narrow, wide = await asyncio.gather(*tasks)
    assert [each.get("use_case") for each in narrow] == ["letters", None]
    assert [each.get("use_case") for each in wide] == ["letters", "minutes", None]
    assert live.subscribers == 0


async def test_a_slow_page_loses_the_oldest_and_is_told() -> None:
    live = LiveEvents(queue_events_max=3)
    subscription = live.subscribe()
    for number in range(10):
        live.publish({"type": "call", "number": number})
    got = [await subscription.next(0.1) for _ in range(5)]
    assert got[0] == {"type": "lost", "count": 7}
    assert [each["number"] for each in got[1:4] if each] == [7, 8, 9]
    assert got[4] is None


async def test_pages_are_limited_and_ending_twice_is_harmless() -> None:
    live = LiveEvents(subscribers_max=2)
    first, _ = live.subscribe(), live.subscribe()
    with pytest.raises(Conflict):
        live.subscribe()
    live.unsubscribe(first)
    live.unsubscribe(first)
    live.subscribe()
    live.close()
    assert live.subscribers == 0
    assert first.closed


async def test_close_ends_those_who_wait() -> None:
    live = LiveEvents()
    task = asyncio.create_task(take(live, 1))
    await asyncio.sleep(0)
    live.close()
    assert await asyncio.wait_for(task, 20) == []


async def test_the_stream_carries_events_and_signs_of_life(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    lines: list[bytes] = []

    async def follow() -> None:
        async for line in stream._lines(site.live, "letters", None):
            lines.append(line)

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.06)
    site.live.publish({"type": "call", "use_case": "letters", "id": "x"})
    site.live.publish({"type": "call", "use_case": "minutes"})
    await asyncio.sleep(0.02)
    site.live.close()
    await asyncio.wait_for(task, 20)
    assert lines[0].startswith(b"retry:")
    assert b": still here\n\n" in lines
    assert [line for line in lines if line.startswith(b"event: call")] == [
        b'event: call\ndata: {"type":"call","use_case":"letters","id":"x"}\n\n'
    ]


async def test_a_change_that_gateways_must_know_is_told(site: Site) -> None:
    subscription = site.live.subscribe()
    await site.services.keys.create("letters", actor="user:test")
    assert await subscription.next(1) == {"type": "registry"}


async def test_a_stream_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(stream, "STREAM_S_MAX", 0.05)
    lines = [line async for line in stream._lines(LiveEvents(), None, None)]
    assert len(lines) < 20
