"""The one stream of live events that an open page follows, and the alarm that it refreshes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from groundcrew.web.api.common import views_of
from groundcrew.web.console.page import Page, PageRequest, fragment
from groundcrew.web.live import LiveEvents

HEARTBEAT_S = 15.0
#: A stream ends after this long; the browser opens the next one, and with it the session is looked at again.
STREAM_S_MAX = 600.0
RETRY_MS = 3_000


@get("/alarm", action="read")
async def alarm(request: PageRequest) -> Page:
    """What is stopped now, for the head of an open page."""
    return fragment("alarm.html", overview=await views_of(request).overview())


@get("/live", action="read")
async def live(request: PageRequest, use_case: Annotated[str | None, QueryParameter(max_length=64)] = None) -> Stream:
    """Server-sent events: `call`, `registry`, `lost`; about one use case where given."""
    events: LiveEvents = request.app.state.live
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_lines(events, use_case), media_type="text/event-stream", headers=headers)


async def _lines(events: LiveEvents, use_case: str | None) -> AsyncIterator[bytes]:
    ends = time.monotonic() + STREAM_S_MAX
    yield f"retry: {RETRY_MS}\n\n".encode()
    async for event in events.follow(use_case=use_case, heartbeat_s=HEARTBEAT_S):
        if event is None:
            yield b": still here\n\n"
        else:
            kind = str(event.get("type", "message")).split()[0]
            yield b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"
        if time.monotonic() >= ends:
            return


HANDLERS = [alarm, live]
