"""What calls a provider: where and how, what its errors mean, and how long and how much it may answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from email.utils import parsedate_to_datetime

from groundcrew import __version__
from groundcrew.domain.provider import Provider
from groundcrew.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from groundcrew.gateway.http_client import HttpClient
from groundcrew.gateway.http_connection import BrokenOff, Connection, HttpFailure, NoConnection, TimedOut, TooLarge
from groundcrew.gateway.protocols import UpstreamRequest
from groundcrew.gateway.providers.aws import AwsSigner
from groundcrew.gateway.providers.endpoints import Endpoint, Kind, endpoint
from groundcrew.gateway.providers.failures import error_text, is_key_refused
from groundcrew.gateway.secret_references import SecretReferences
from groundcrew.gateway.settings import GatewaySettings

#: How much of a provider's error text is passed on.
ERROR_TEXT_LENGTH_MAX = 300
ERROR_BODY_BYTES_MAX = 64 * 1024
#: Longest number of seconds that is believed in a retry-after.
RETRY_AFTER_DIGITS_MAX = 6
#: Addresses and headers that are kept made up.
PLACES_MAX = 1_024
_COMMON_HEADERS = {
    "user-agent": f"groundcrew/{__version__}",
    "content-type": "application/json",
    "accept-encoding": "identity",
}


class UpstreamRefused(UpstreamError):
    """The provider answered with an HTTP error. `detail` is its message where it is safe to show; `retry_after_s` its wish."""

    def __init__(self, message: str, *, status: int, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, status=status)
        self.detail, self.retry_after_s = detail, retry_after_s


class _Secrets:
    """Resolves the api keys of providers."""

    def __init__(self) -> None:
        self._references = SecretReferences()

    def resolve(self, provider: Provider) -> str | None:
        reference = provider.api_key
        if reference is None:
            return None
        secret = self._references.resolve(reference)
        if not secret:
            raise UpstreamError(f"provider {provider.name}: its api key ({reference}) can not be resolved", is_sent=False)
        return secret


class HttpStream:
    """An open event stream of one provider."""

    def __init__(self, connection: Connection, provider: str, settings: GatewaySettings) -> None:
        self._connection: Connection | None = connection
        self._provider, self._settings = provider, settings
        self._loop = asyncio.get_running_loop()
        self._ends_s = self._loop.time() + settings.stream_s_max

    async def read(self) -> bytes:
        """The next bytes as they came, b"" at the end."""
        now_s = self._loop.time()
        if now_s >= self._ends_s:
            raise UpstreamTimeout(f"provider {self._provider}: the stream ran longer than {self._settings.stream_s_max:g} s")
        if self._connection is None:
            return b""
        try:
            return await self._connection.some(min(self._ends_s, now_s + self._settings.chunk_gap_s_max))
        except TimedOut:
            raise UpstreamTimeout(f"provider {self._provider}: the stream stood still for too long") from None
        except TooLarge:
            limit = self._settings.response_bytes_max
            raise UpstreamError(f"provider {self._provider}: the stream is larger than {limit} bytes") from None
        except HttpFailure as failure:
            raise UpstreamUnreachable(f"provider {self._provider}: the stream broke off ({failure})") from None

    def finish(self) -> None:
        """The end of the stream was told: give the connection back as soon as it is free."""
        if self._connection is not None:
            self._connection.finish()
            self._connection = None

    def close(self) -> None:
        """Give the connection back if the stream is at its end, drop it now if not."""
        if self._connection is not None:
            self._connection.done()
            self._connection = None


class _Place:
    """An endpoint with its headers as they are sent. The provider is kept, so that its identity stays its own."""

    __slots__ = ("endpoint", "lines", "provider")

    def __init__(self, provider: Provider, at: Endpoint) -> None:
        self.provider, self.endpoint = provider, at
        self.lines = _lines({**_COMMON_HEADERS, "accept": at.content_type, **at.headers})


def _lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


class HttpUpstream:
    """Speaks to every provider's API over HTTP: `providers.endpoints` says where, the request's body is already in its shape."""

    def __init__(self, settings: GatewaySettings | None = None) -> None:
        self._settings = settings or GatewaySettings()
        self._client = HttpClient(connections_max=self._settings.connections_max, connect_s_max=self._settings.connect_s_max)
        self._secrets = _Secrets()
        self._signer = AwsSigner()
        self._places: dict[tuple[int, str, Kind, bool, str | None], _Place] = {}

    def _place(self, request: UpstreamRequest, secret: str | None, *, stream: bool) -> _Place:
        key = (id(request.provider), request.target.model, request.kind, stream, secret)
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            at = endpoint(request.provider, request.target.model, request.kind, stream=stream, secret=secret)
            place = self._places[key] = _Place(request.provider, at)
        return place

    async def _open(self, request: UpstreamRequest, *, stream: bool) -> Connection:
        provider, name = request.provider, request.provider.name
        secret = self._secrets.resolve(provider)
        place = self._place(request, secret, stream=stream)
        headers = place.lines + b"x-request-id: %b\r\n" % request.call_id.encode()
        if request.headers:
            headers += _lines(dict(request.headers))
        if place.endpoint.signs:
            if provider.region is None:
                raise UpstreamError(f"provider {name}: declare its region, or an api_key", is_sent=False)
            signed = await self._signer.headers(place.endpoint.url, request.body, provider.region, name)
            signed.pop("content-type", None)  # the same as ours
            headers += _lines(signed)
        timeout_s = request.target.timeout_s
        try:
            connection = await self._client.post(
                place.endpoint.url,
                headers,
                request.body,
                deadline_s=asyncio.get_running_loop().time() + timeout_s,
                limit=self._settings.response_bytes_max,
                whole=not stream,
            )
        except TimedOut:
            raise UpstreamTimeout(f"provider {name}: no answer within {timeout_s:g} s") from None
        except TooLarge:
            raise UpstreamError(f"provider {name}: the answer is larger than {self._settings.response_bytes_max} bytes") from None
        except BrokenOff as failure:
            raise UpstreamUnreachable(f"provider {name}: the answer broke off ({failure})") from None
        except HttpFailure as failure:
            is_sent = not isinstance(failure, NoConnection)
            raise UpstreamUnreachable(f"provider {name}: no connection ({failure})", is_sent=is_sent) from None
        except ValueError as failure:
            raise UpstreamError(f"provider {name}: no connection ({failure})") from None
        try:
            if connection.status != 200:
                raise await _refused(connection, name, secret)
            _check_type(connection, place.endpoint.content_type, name)
        except BaseException:
            connection.done()
            raise
        return connection

    async def complete(self, request: UpstreamRequest) -> bytes:
        """The provider's whole JSON answer."""
        connection = await self._open(request, stream=False)
        body = connection.body()
        connection.done()
        return body

    async def open_stream(self, request: UpstreamRequest) -> HttpStream:
        """An event stream that has answered 200 with the right content type."""
        return HttpStream(await self._open(request, stream=True), request.provider.name, self._settings)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def _check_type(connection: Connection, expected: str, provider: str) -> None:
    found = connection.headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
    if found != expected:
        raise UpstreamError(f"provider {provider}: answered with content type {found[:80]!r}, not {expected!r}")
    if b"content-encoding" not in connection.headers:
        return
    encoding = connection.headers[b"content-encoding"].strip().lower().decode("latin-1")
    if encoding not in ("identity", ""):
        raise UpstreamError(f"provider {provider}: answered with content encoding {encoding[:80]!r}, which was not asked for")


async def _refused(connection: Connection, provider: str, secret: str | None) -> UpstreamRefused:
    """What an HTTP error of the provider becomes. Its text is shown only where the client's own request was wrong, and never
    where it repeats our key."""
    detail, status = "", connection.status
    if status in (400, 413, 422):
        with contextlib.suppress(HttpFailure):
            body = (await connection.everything())[:ERROR_BODY_BYTES_MAX]
            detail = error_text(body)
            detail = "" if secret is not None and secret in detail else detail[:ERROR_TEXT_LENGTH_MAX]
            if is_key_refused(body):
                status, detail = 401, ""
    after = connection.headers.get(b"retry-after", b"")
    return UpstreamRefused(
        f"provider {provider}: answered with HTTP {connection.status}",
        status=status,
        detail=detail,
        retry_after_s=retry_after_s(after.decode("latin-1"), time.time()),
    )


def retry_after_s(text: str, now_s: float) -> float | None:
    """Seconds that a retry-after header asks for: a number of them, or a date (RFC 9110, 10.2.3). None where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= RETRY_AFTER_DIGITS_MAX else None
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None
