"""Channels and deliveries: where messages go, what became of each, and sending one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from groundcrew.domain.delivery import Delivery, DeliveryState
from groundcrew.domain.sign_off import SignOff
from groundcrew.services.deliveries import ChannelView, DeliveryView
from groundcrew.services.sign_off_deliveries import sign_off_of
from groundcrew.web.api.common import PAGE_ROWS_DEFAULT, REASON_LENGTH_MAX, ApiRequest, PageSize, principal_of, services_of
from groundcrew.web.api.sign_offs import require_no_blinding

KEY_LENGTH_MAX = 500


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which delivery to send again, and why."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_LENGTH_MAX)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


@get("/channels", action="read", tags=["deliveries"], summary="List channels")
async def list_channels(request: ApiRequest) -> dict[str, list[ChannelView]]:
    """Every declared channel, with how many of its deliveries wait, were taken and failed."""
    return {"channels": await services_of(request).deliveries.channels()}


@post("/channels/{name:str}/test", action="replay_delivery", status_code=202, tags=["deliveries"], summary="Try a channel")
async def try_channel(request: ApiRequest, name: FromPath[str]) -> Delivery:
    """Send a message that only tries the channel; look at the delivery to see what came of it."""
    return await services_of(request).deliveries.test(name, actor=principal_of(request).actor)


@get("/deliveries", action="read", tags=["deliveries"], summary="List deliveries")
async def list_deliveries(
    request: ApiRequest,
    state_now: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
    channel: FromQuery[str | None] = None,
    subject: FromQuery[str | None] = None,
    limit: PageSize = PAGE_ROWS_DEFAULT,
) -> dict[str, list[DeliveryView]]:
    """The newest first, in one state, of one channel or about one subject where given. Those about a sign-off that the person may
    still judge a second time are left out: they would tell what was decided."""
    found = await services_of(request).deliveries.find(channel=channel, state=state_now, subject=subject, limit=limit)
    return {"deliveries": await visible(request, found)}


@get("/deliveries/{delivery_id:path}", action="read", tags=["deliveries"], summary="One delivery")
async def get_delivery(request: ApiRequest, delivery_id: FromPath[str]) -> DeliveryView:
    """One delivery by its id, which may hold slashes: attempts, what the last one ended with, when the next one is."""
    delivery_id = delivery_id.removeprefix("/")
    await require_visible(request, delivery_id)
    return await services_of(request).deliveries.get(delivery_id)


@post("/deliveries/replay", action="replay_delivery", status_code=202, tags=["deliveries"], summary="Send a delivery again")
async def replay(request: ApiRequest, data: JSONBody[Replay]) -> DeliveryView:
    """Send a delivery again, at once and under its id: a receiver that knows it already does nothing twice."""
    await require_visible(request, data.id)
    return await services_of(request).deliveries.replay(data.id, actor=principal_of(request).actor, reason=data.reason)


async def visible(request: ApiRequest, found: Sequence[DeliveryView]) -> list[DeliveryView]:
    """`found` without what would tell the person who asks how a draft was decided that they may judge a second time."""
    about = [sign_off_of(each.delivery.subject) for each in found]
    hidden = {each.id for each in await _hidden(request, [each for each in about if each is not None])}
    return [each for each, sign_off_id in zip(found, about, strict=True) if sign_off_id not in hidden]


async def require_visible(request: ApiRequest, delivery_id: str) -> None:
    """Conflict where that delivery, or that there is none, would tell the person what they must not know yet."""
    sign_off_id = sign_off_of(delivery_id)
    for each in await _hidden(request, [] if sign_off_id is None else [sign_off_id]):
        require_no_blinding(principal_of(request), each)


async def _hidden(request: ApiRequest, ids: Sequence[str]) -> list[SignOff]:
    return await services_of(request).second_reviews.hidden_from(principal_of(request).user, ids=ids)


HANDLERS = [list_channels, try_channel, list_deliveries, get_delivery, replay]
