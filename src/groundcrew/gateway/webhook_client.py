"""Posts to receivers of deliveries, over the gateway's HTTP client but connections of its own: to public addresses and declared
networks alone, over TLS except on this machine, never to where a redirect points. Only the status of an answer is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from groundcrew import __version__
from groundcrew.domain.delivery import Message, NotTaken, Reply
from groundcrew.gateway.addresses import NotReachable, addresses_of, is_loopback
from groundcrew.gateway.http_client import HttpClient
from groundcrew.gateway.http_connection import Connection, HttpFailure, NoConnection, TimedOut
from groundcrew.gateway.http_origins import split_url
from groundcrew.gateway.secret_references import SecretReferences
from groundcrew.gateway.upstream import retry_after_s

CONNECTIONS_MAX = 256
CONNECT_S_MAX = 5.0
ANSWER_BYTES_MAX = 64 * 1024
#: Addresses of one name that are tried.
ADDRESSES_MAX = 4
_COMMON = {
    "user-agent": f"groundcrew/{__version__}",
    "content-type": "application/json",
    "accept-encoding": "identity",
}


class WebhookClient:
    """Implements `domain.delivery.Poster`. Use and close it in one event loop."""

    def __init__(self) -> None:
        self._client = HttpClient(connections_max=CONNECTIONS_MAX, connect_s_max=CONNECT_S_MAX)
        self._secrets = SecretReferences()

    def secret(self, reference: str) -> str:
        """As the protocol says."""
        return self._secrets.resolve(reference)

    async def post(
        self, url: str, message: Callable[[], Awaitable[Message]], *, timeout_s: float, networks: Sequence[str]
    ) -> Reply:
        """As the protocol says."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        try:
            origin, _, _ = split_url(url)
            addresses = await addresses_of(origin.host, origin.port, networks, timeout_s=timeout_s)
        except ValueError:
            raise NotTaken("the channel's url is no http or https address") from None
        except NotReachable as problem:
            raise NotTaken(f"{problem} ({origin.host})") from None
        if not origin.tls and not all(is_loopback(each) for each in addresses):
            raise NotTaken(f"plain http goes to this machine only, and {origin.host} is another one: use https")

        async def late() -> tuple[bytes, bytes]:
            headers, body = await message()
            lines = "".join(f"{name}: {value}\r\n" for name, value in {**_COMMON, **headers}.items())
            return lines.encode("latin-1"), body

        connection = await self._first(url, origin.host, addresses[:ADDRESSES_MAX], late, deadline_s)
        after = connection.headers.get(b"retry-after", b"").decode("latin-1")
        reply = Reply(status=connection.status, retry_after_s=retry_after_s(after, time.time()))
        connection.finish()
        return reply

    async def _first(
        self, url: str, host: str, addresses: Sequence[str], late: Callable[[], Awaitable[tuple[bytes, bytes]]], deadline_s: float
    ) -> Connection:
        """The answer's head from the first address that can be connected to."""
        problem = f"{host} can not be reached"
        for address in addresses:
            try:
                return await self._client.post(
                    url,
                    b"",
                    b"",
                    deadline_s=deadline_s,
                    limit=ANSWER_BYTES_MAX,
                    whole=False,
                    address=address,
                    late=late,
                )
            except NoConnection as failure:
                problem = f"{host} can not be reached ({failure})"
            except TimedOut:
                raise NotTaken(f"{host} gave no answer in time") from None
            except HttpFailure as failure:
                raise NotTaken(f"{host}: {failure}") from None
        raise NotTaken(problem)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
