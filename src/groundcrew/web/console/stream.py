"""The one stream of live events that an open page follows, and the alarm that it refreshes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from groundcrew.web.api.common import views_of
from groundcrew.web.console.page import Page, PageRequest, fragment
from groundcrew.web.live import LiveEvents
from groundcrew.web.pulses import Pulses

HEARTBEAT_S = 15.0
#: A stream ends after this long; the browser opens the next one, and with it the session is looked at again.
STREAM_S_MAX = 600.0
RETRY_MS = 3_000


@get("/alarm", action="read")
async def alarm(request: PageRequest) -> Page:
    """What is stopped now, for the head of an open page."""
    return fragment("alarm.html", overview=await views_of(request).overview())


@get("/live", action="read")
async def live(
    request: PageRequest,
    use_case: Annotated[str | None, QueryParameter(max_length=64)] = None,
    meeting: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> Stream:
    """Server-sent events: `call`, `registry`, `lost`, about one use case where given; and `meeting`, where one is given."""
    events: LiveEvents = request.app.state.live
    pulses: Pulses = request.app.state.pulses
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = _lines(events, use_case, meeting) if meeting is None else _followed(events, use_case, meeting, pulses)
    return Stream(lines, media_type="text/event-stream", headers=headers)


async def _followed(events: LiveEvents, use_case: str | None, meeting: str, pulses: Pulses) -> AsyncIterator[bytes]:
    with pulses.following(meeting):
        async with contextlib.aclosing(_lines(events, use_case, meeting)) as lines:
            async for line in lines:
                yield line


async def _lines(events: LiveEvents, use_case: str | None, meeting: str | None) -> AsyncGenerator[bytes]:
    ends = time.monotonic() + STREAM_S_MAX
    yield f"retry: {RETRY_MS}\n\n".encode()
    async for event in events.follow(use_case=use_case, heartbeat_s=HEARTBEAT_S):
        if event is not None and event.get("meeting") not in (None, meeting):
            continue
        if event is None:
            yield b": still here\n\n"
        else:
            kind = str(event.get("type", "message")).split()[0]
            yield b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"
        if time.monotonic() >= ends:
            return


HANDLERS = [alarm, live]
