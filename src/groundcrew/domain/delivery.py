"""Deliveries: what must reach somebody outside, and the channels that lead there. Each is a row before it is sent, and is sent
until it was taken or its time is over: at least once, under an id by which a receiver makes it exactly once."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from groundcrew.errors import GroundcrewError

ChannelKind = Literal["webhook", "slack", "teams", "email"]
DeliveryState = Literal["pending", "delivered", "failed"]

#: What one message may hold, as JSON.
BODY_BYTES_MAX = 64 * 1024
#: Addresses of one channel of kind email, secrets that are on their way out, and networks that one channel may lead into.
RECIPIENTS_MAX, OLD_SECRETS_MAX, NETWORKS_MAX = 50, 3, 16
#: The pause after the n-th attempt that failed is drawn from 0 to BACKOFF_S · 2^(n-1), or to BACKOFF_S_MAX once that is less.
BACKOFF_S, BACKOFF_S_MAX = 2.0, 3_600.0
#: How long an attempt may take, and how long attempts go on before the delivery has failed.
ATTEMPT_S_MAX, GIVE_UP_AFTER_S = 15.0, 72 * 3_600.0
#: The longest wish of a receiver (retry-after) that is granted.
RETRY_AFTER_S_MAX = 24 * 3_600.0
#: What is kept of why an attempt failed.
ERROR_LENGTH_MAX = 300


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """Where deliveries go. `url` (all kinds but email) is an address, or env:NAME or file:PATH where the address itself is a
    secret; `secret` (env:NAME, file:PATH) is what webhooks are signed with, and `old_secrets` what they are signed with too
    while receivers change over; `to` are the addresses of a channel of kind email. `networks` are the private networks (CIDR)
    that it may lead into: without them it reaches public addresses alone."""

    name: str
    kind: ChannelKind
    url: str | None = None
    secret: str | None = None
    old_secrets: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one channel. `id` is its idempotency key: the same one is never two effects. `body` is what the receiver
    learns; the shape around it is the channel's. `attempts` and `last_error` are noted when it has ended."""

    id: str
    channel: str
    #: What happened, e.g. ``sign_off.released`` or ``alert.raised``.
    event: str
    #: What it is about, as the audit log names it, e.g. ``sign-off/ID``. Those about the same are sent in their order.
    subject: str
    body: dict[str, Any]
    created_at: datetime
    state: DeliveryState = "pending"
    attempts: int = 0
    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    last_error: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver answered: its HTTP status, and for how long it wishes to be left alone."""

    status: int
    retry_after_s: float | None = None


class NotTaken(GroundcrewError):
    """The receiver did not take a message. `is_final` where another attempt makes no sense."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, is_final: bool = False) -> None:
        self.retry_after_s, self.is_final = retry_after_s, is_final
        super().__init__(message)


class Held(GroundcrewError):
    """A message may not leave now, such as a released text while its use case is stopped. It waits, and no attempt is counted."""


class Message(NamedTuple):
    """What is posted: its own headers and its body."""

    headers: Mapping[str, str]
    body: bytes


class Poster(Protocol):
    """Posts to receivers. Implemented over the gateway's HTTP client."""

    def secret(self, reference: str) -> str:
        """What `reference` (env:NAME, file:PATH) leads to; "" where that can not be had."""
        ...

    async def post(
        self, url: str, message: Callable[[], Awaitable[Message]], *, timeout_s: float, networks: Sequence[str]
    ) -> Reply:
        """Post a message and give the answer's status; redirects are not followed. `message` is asked for once there is a
        connection, right before it is written, each time that it is written; what it raises goes on, and nothing leaves.
        NotTaken where there is no answer, or where the address is neither public nor within `networks`. The error holds nothing
        of `url` but its host."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def backoff_s(attempts: int, wish_s: float | None = None) -> float:
    """How long to wait after `attempts` (1 or more) that failed: exponential with full jitter (Brooker, AWS Architecture Blog,
    2015), and not less than the receiver's wish."""
    ceiling_s = min(BACKOFF_S_MAX, BACKOFF_S * 2.0 ** min(attempts - 1, 32))
    return max(random.uniform(0.0, ceiling_s), min(wish_s or 0.0, RETRY_AFTER_S_MAX))
