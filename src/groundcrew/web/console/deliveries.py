"""Deliveries in the console: the channels, what waits, what failed and why, and a button that sends it again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.delivery import Channel, DeliveryState
from groundcrew.errors import Conflict, InputError
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.api.deliveries import KEY_LENGTH_MAX, require_visible, visible
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

SHOWN_MAX = 100


class ReplayForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which delivery to send again, and why."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_LENGTH_MAX)]
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class TestForm(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing: the channel is in the address."""


@get("/deliveries", action="read")
async def deliveries_page(
    request: PageRequest,
    state_now: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
    channel: Annotated[str, QueryParameter(max_length=64)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """The channels and the newest deliveries."""
    return await _page(request, state_now, channel, message=DONE.get(done))


@post("/deliveries/replay", action="replay_delivery")
async def replay(request: PageRequest) -> Page:
    """Send a delivery again."""
    form = await read_form(request, ReplayForm)
    try:
        await require_visible(request, form.id)
        await services_of(request).deliveries.replay(form.id, actor=principal_of(request).actor, reason=form.reason)
    except (Conflict, InputError) as error:
        return await _page(request, None, "", status=409 if isinstance(error, Conflict) else 400, problem=str(error))
    return see("/deliveries?done=replayed")


@post("/channels/{name:str}/test", action="replay_delivery")
async def try_channel(request: PageRequest, name: FromPath[str]) -> Page:
    """Send a message that only tries a channel."""
    await read_form(request, TestForm)
    await services_of(request).deliveries.test(name, actor=principal_of(request).actor)
    return see("/deliveries?done=tried")


async def _page(
    request: PageRequest,
    state: DeliveryState | None,
    channel: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
) -> Page:
    deliveries = services_of(request).deliveries
    channels = await deliveries.channels()
    return await render(
        request,
        "deliveries.html",
        status=status,
        here="deliveries",
        channels=channels,
        places={each.channel.name: place(each.channel) for each in channels},
        found=await visible(request, await deliveries.find(state=state, channel=channel or None, limit=SHOWN_MAX)),
        shown_max=SHOWN_MAX,
        state=state,
        channel=channel,
        message=message,
        problem=problem,
    )


def place(channel: Channel) -> str:
    """Where a channel leads, for people: addresses, a host, or the reference behind which the address is."""
    if channel.kind == "email":
        return ", ".join(channel.to)
    url = channel.url or ""
    return url if url.startswith(("env:", "file:")) else urlsplit(url).netloc


HANDLERS = [deliveries_page, replay, try_channel]
