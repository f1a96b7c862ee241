"""The event stream of one sign-off: it is held open until a person has decided, and ends with the decision."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from groundcrew.errors import GroundcrewError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.web.api.common import ApiRequest, principal_of, services_of
from groundcrew.web.api.sign_offs import Released, released, require_no_blinding
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import require_own
from groundcrew.web.decisions import Decisions, came

#: How often a silent stream says that it is alive: less than what proxies and clients wait for.
KEEP_ALIVE_S = 5.0
#: A stream ends after this long; the application opens the next one, and with it the key is looked at again.
STREAM_S_MAX = 300.0
RETRY_MS = 1_000
#: How often a decision whose text is withheld, because its use case is stopped, is looked at again.
LOOK_AGAIN_S = 2.0


@get("/sign-offs/{sign_off_id:str}/events", action="read_sign_off", tags=["sign-offs"], summary="Wait for a decision")
async def sign_off_events(request: ApiRequest, sign_off_id: FromPath[str]) -> Stream:
    """Server-sent events: `state` at once, `decision` when a person has decided or the time is over (with the text once it is
    released), then the end. After 300 s `later` and the end: open the next one. Keys follow their own."""
    services, principal = services_of(request), principal_of(request)
    found = (await services.sign_offs.released(sign_off_id)).sign_off
    require_own(principal, found.use_case, f"sign-off {sign_off_id!r}")
    require_no_blinding(principal, found)
    decisions: Decisions = request.app.state.decisions
    decisions.check(principal.actor)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_lines(services, decisions, sign_off_id, principal), media_type="text/event-stream", headers=headers)


async def _lines(services: Services, decisions: Decisions, sign_off_id: str, principal: Principal) -> AsyncIterator[bytes]:
    ends_s = time.monotonic() + STREAM_S_MAX
    # Here and not before: a stream that nobody reads any more never begins, and would hold its place for ever.
    waiting = decisions.begin(sign_off_id, principal.actor)
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        told = await _told(services, sign_off_id, principal)
        if told.state == "pending":
            yield _event("state", told)
        while told.state == "pending":
            if waiting.over() or time.monotonic() >= ends_s:
                yield _event("later", {})
                return
            if not await came(waiting, min(KEEP_ALIVE_S, max(0.0, ends_s - time.monotonic()))):
                yield b": still here\n\n"
                continue
            if waiting.over():
                continue
            told = await _told(services, sign_off_id, principal)
            if told.state == "pending":
                # Decided, and withheld for the time being.
                yield b": withheld\n\n"
                await asyncio.sleep(LOOK_AGAIN_S)
                waiting.decided.clear()
        yield _event("decision", told)
    except GroundcrewError as error:
        # The head is sent: what is refused now is said as an event, and polling says it with its status.
        yield _event("error", {"message": str(error)})
    finally:
        decisions.end(waiting)


async def _told(services: Services, sign_off_id: str, principal: Principal) -> Released:
    """What may be told now: the person who waited for a decision may be the one who is to judge it without knowing it, and the
    key may have been stopped meanwhile."""
    if principal.kind == "key" and not await services.keys.lives(principal.name):
        raise NotAllowed("the key is revoked, expired or stopped")
    release = await services.sign_offs.released(sign_off_id)
    require_no_blinding(principal, release.sign_off)
    return released(release)


def _event(name: str, data: Released | dict[str, str]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


HANDLERS = [sign_off_events]
