"""The HTTP client towards providers: one pooled session, every size and wait bounded. The only module that imports aiohttp."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import aiohttp
import msgspec

from groundcrew import __version__
from groundcrew.domain.provider import Provider
from groundcrew.errors import UpstreamError, UpstreamTimeout
from groundcrew.gateway.protocols import UpstreamRequest
from groundcrew.gateway.settings import GatewaySettings

#: How much of a provider's error text is passed on.
ERROR_TEXT_LENGTH_MAX = 300
ERROR_BODY_BYTES_MAX = 64 * 1024
SECRET_FILE_BYTES_MAX = 16 * 1024
#: How long a secret read from a file is kept before the file is read again, so that rotation needs no restart.
SECRET_AGE_S_MAX = 60.0


class UpstreamRefused(UpstreamError):
    """The provider answered with an HTTP error. `detail` is its message where it is safe to show; `retry_after_s` its wish."""

    def __init__(self, message: str, *, status: int, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, status=status)
        self.detail, self.retry_after_s = detail, retry_after_s


class _Secrets:
    """Resolves references to secrets. The secret itself never shows in an error or a log."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    def resolve(self, provider: Provider) -> str | None:
        reference = provider.api_key
        if reference is None:
            return None
        now_s = time.monotonic()
        known = self._known.get(reference)
        if known is not None and now_s - known[0] < SECRET_AGE_S_MAX:
            return known[1]
        kind, _, name = reference.partition(":")
        secret = ""
        if kind == "env":
            secret = os.environ.get(name, "").strip()
        elif kind == "file":
            try:
                with Path(name).open("rb") as file:
                    secret = file.read(SECRET_FILE_BYTES_MAX).decode().strip()
            except (OSError, UnicodeDecodeError):
                secret = ""
        if not secret or not secret.isprintable():
            raise UpstreamError(f"provider {provider.name}: its api key ({kind}:{name}) can not be resolved")
        self._known[reference] = (now_s, secret)
        return secret


class HttpStream:
    """An open event stream of one provider."""

    def __init__(self, response: aiohttp.ClientResponse, provider: str, settings: GatewaySettings) -> None:
        self._response, self._provider, self._settings = response, provider, settings
        self._bytes = 0
        self._ends_s = time.monotonic() + settings.stream_s_max

    async def read(self) -> bytes:
        """The next bytes as they came, b"" at the end."""
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise UpstreamTimeout(f"provider {self._provider}: the stream ran longer than {self._settings.stream_s_max:g} s")
        try:
            async with asyncio.timeout(min(left_s, self._settings.chunk_gap_s_max)):
                data = await self._response.content.readany()
        except TimeoutError:
            raise UpstreamTimeout(f"provider {self._provider}: the stream stood still for too long") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(f"provider {self._provider}: the stream broke off ({type(error).__name__})") from error
        self._bytes += len(data)
        if self._bytes > self._settings.response_bytes_max:
            raise UpstreamError(f"provider {self._provider}: the stream is larger than {self._settings.response_bytes_max} bytes")
        return data

    def close(self) -> None:
        """Drop the connection now."""
        self._response.close()


class HttpUpstream:
    """Speaks the OpenAI chat completions API to any base URL."""

    def __init__(self, settings: GatewaySettings | None = None) -> None:
        self._settings = settings or GatewaySettings()
        self._session: aiohttp.ClientSession | None = None
        self._secrets = _Secrets()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._settings.connections_max, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_s_max),
                headers={"user-agent": f"groundcrew/{__version__}"},
            )
        return self._session

    async def _open(self, request: UpstreamRequest, accept: str) -> aiohttp.ClientResponse:
        provider = request.provider
        if provider.api != "openai" or not provider.base_url:
            raise UpstreamError(f"provider {provider.name}: this gateway does not speak {provider.api} over HTTP")
        headers = {"content-type": "application/json", "accept": accept, "x-request-id": request.call_id}
        secret = self._secrets.resolve(provider)
        if secret is not None:
            headers["authorization"] = "Bearer " + secret
        url = provider.base_url.rstrip("/") + "/chat/completions"
        try:
            response = await self._client().post(url, data=request.body, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(f"provider {provider.name}: no connection in time") from None
            raise UpstreamError(f"provider {provider.name}: no connection ({type(error).__name__})") from None
        if response.status != 200:
            try:
                raise await _refused(response, provider.name, secret)
            finally:
                response.close()
        return response

    async def complete(self, request: UpstreamRequest) -> bytes:
        """The provider's whole JSON answer."""
        name = request.provider.name
        try:
            async with asyncio.timeout(request.target.timeout_s):
                response = await self._open(request, "application/json")
                try:
                    _check_type(response, "application/json", name)
                    return await self._read_all(response, name)
                finally:
                    response.release()
        except TimeoutError:
            raise UpstreamTimeout(f"provider {name}: no answer within {request.target.timeout_s:g} s") from None

    async def _read_all(self, response: aiohttp.ClientResponse, provider: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while data := await response.content.readany():
                parts.append(data)
                size += len(data)
                if size > self._settings.response_bytes_max:
                    response.close()
                    raise UpstreamError(
                        f"provider {provider}: the answer is larger than {self._settings.response_bytes_max} bytes"
                    )
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise UpstreamError(f"provider {provider}: the answer broke off ({type(error).__name__})") from None
        except BaseException:
            response.close()
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def open_stream(self, request: UpstreamRequest) -> HttpStream:
        """An event stream that has answered 200 with the right content type."""
        name = request.provider.name
        try:
            async with asyncio.timeout(request.target.timeout_s):
                response = await self._open(request, "text/event-stream")
        except TimeoutError:
            raise UpstreamTimeout(f"provider {name}: no answer within {request.target.timeout_s:g} s") from None
        try:
            _check_type(response, "text/event-stream", name)
        except UpstreamError:
            response.close()
            raise
        return HttpStream(response, name, self._settings)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _check_type(response: aiohttp.ClientResponse, expected: str, provider: str) -> None:
    if response.content_type != expected:
        raise UpstreamError(f"provider {provider}: answered with content type {response.content_type[:80]!r}, not {expected!r}")


async def _refused(response: aiohttp.ClientResponse, provider: str, secret: str | None) -> UpstreamRefused:
    """What an HTTP error of the provider becomes. Its text is shown only where the client's own request was wrong, and never
    where it repeats our key."""
    detail = ""
    if response.status in (400, 413, 422):
        try:
            body = b""
            while len(body) < ERROR_BODY_BYTES_MAX and (data := await response.content.read(ERROR_BODY_BYTES_MAX)):
                body += data
            message = msgspec.json.decode(body)["error"]["message"]
            detail = str(message)
            detail = "" if secret is not None and secret in detail else detail[:ERROR_TEXT_LENGTH_MAX]
        except (msgspec.DecodeError, KeyError, TypeError, aiohttp.ClientError):
            detail = ""
    after = response.headers.get("retry-after", "")
    return UpstreamRefused(
        f"provider {provider}: answered with HTTP {response.status}",
        status=response.status,
        detail=detail,
        retry_after_s=float(after) if after.isdigit() and len(after) < 6 else None,
    )
