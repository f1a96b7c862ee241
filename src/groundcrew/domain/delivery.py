"""Deliveries: what must reach somebody outside, and the channels that lead there. Each is a row before it is sent, and is sent
until it was taken or its time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

ChannelKind = Literal["webhook", "slack", "teams", "email"]
DeliveryState = Literal["pending", "delivered", "failed"]


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """Where deliveries go. `url` (all kinds but email) and `secret` (what webhooks are signed with) are env:NAME or file:PATH, a
    `url` may be a literal too; `to` are the addresses of a channel of kind email."""

    name: str
    kind: ChannelKind
    url: str | None = None
    secret: str | None = None
    to: tuple[str, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one channel. `id` is its idempotency key: the same one is never sent as two effects. `body` is what the
    receiver learns; the shape around it is the channel's."""

    id: str
    channel: str
    #: What happened, e.g. ``sign_off.released`` or ``alert.raised``.
    event: str
    #: What it is about, as the audit log names it, e.g. ``sign-off/ID``.
    subject: str
    body: dict[str, Any]
    created_at: datetime
    state: DeliveryState = "pending"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    last_error: str = ""
