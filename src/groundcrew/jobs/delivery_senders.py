"""How a message gets to its receiver: a signed webhook, Slack's or Teams' shape of one, an e-mail. One attempt each; what the
keeper does about one that failed is its own business."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from groundcrew.domain.delivery import ATTEMPT_S_MAX, Channel, Delivery, Message, NotTaken, Poster
from groundcrew.domain.webhook import signed_headers
from groundcrew.errors import InputError
from groundcrew.jobs.mail import Mail
from groundcrew.services.delivery_shapes import email_message, notice, slack_body, teams_body, webhook_body
from groundcrew.settings import Settings

#: The receiver says that it wants nothing any more (RFC 9110, 15.5.11).
GONE = 410


#: Gives what leaves of a message at the moment at which it is asked; raises what keeps it from leaving.
Data = Callable[[], Awaitable[Mapping[str, Any]]]


class Sender(Protocol):
    """Sends one message."""

    async def send(self, delivery: Delivery, channel: Channel, data: Data) -> None:
        """Make one attempt, within ATTEMPT_S_MAX; returns when the receiver has taken it, NotTaken otherwise. `data` is asked for
        as late as can be: with a webhook once there is a connection, right before the body is written."""
        ...

    async def close(self) -> None:
        """Let go of what is held for sending."""
        ...


class Senders:
    """Sends through every kind of channel."""

    def __init__(self, poster: Poster, settings: Settings) -> None:
        self._poster, self._mail = poster, Mail(settings, poster.secret)

    async def send(self, delivery: Delivery, channel: Channel, data: Data) -> None:
        """As the protocol says."""
        if channel.kind == "email":
            told = notice(delivery, await data())
            await self._mail.send(
                lambda sender: email_message(delivery, told, sender=sender, to=channel.to), timeout_s=ATTEMPT_S_MAX
            )
            return

        async def message() -> Message:
            said = await data()
            if channel.kind == "webhook":
                body = webhook_body(delivery, said)
                return Message(self._signed(delivery, channel, body), body)
            return Message({}, (slack_body if channel.kind == "slack" else teams_body)(notice(delivery, said)))

        await self._post(channel, message)

    async def _post(self, channel: Channel, message: Callable[[], Awaitable[Message]]) -> None:
        url = self._url(channel)
        try:
            async with asyncio.timeout(ATTEMPT_S_MAX):
                reply = await self._poster.post(url, message, timeout_s=ATTEMPT_S_MAX, networks=channel.networks)
        except TimeoutError:
            raise NotTaken(f"no answer within {ATTEMPT_S_MAX:g} s") from None
        if 200 <= reply.status < 300:
            return
        if reply.status == GONE:
            raise NotTaken("the receiver answered with HTTP 410: it is gone for good", is_final=True)
        note = " (a redirect, which is not followed)" if 300 <= reply.status < 400 else ""
        raise NotTaken(f"the receiver answered with HTTP {reply.status}{note}", retry_after_s=reply.retry_after_s)

    def _url(self, channel: Channel) -> str:
        url = channel.url or ""
        if url.startswith(("env:", "file:")):
            resolved = self._poster.secret(url)
            if not resolved:
                raise NotTaken(f"the channel's url ({url}) can not be resolved")
            return resolved
        return url

    def _signed(self, delivery: Delivery, channel: Channel, body: bytes) -> dict[str, str]:
        if channel.secret is None:
            raise NotTaken("the channel has no secret: nothing leaves unsigned")
        secret = self._poster.secret(channel.secret)
        if not secret:
            raise NotTaken(f"the channel's secret ({channel.secret}) can not be resolved")
        # One on its way out may be gone already: what it signed is then signed by the new one alone.
        old = [each for each in map(self._poster.secret, channel.old_secrets) if each]
        try:
            return signed_headers(delivery.id, body, [secret, *old], now_s=int(time.time()))
        except InputError as error:
            raise NotTaken(f"the channel's secret can not be used: {error.message}") from None

    async def close(self) -> None:
        """As the protocol says."""
        self._mail.close()
        await self._poster.close()
