"""Asks guards on other machines, over the same HTTP client as providers but connections of their own. Nothing is followed or
decompressed: an answer is 200 and JSON, or there is none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from groundcrew import __version__
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.http_client import HttpClient
from groundcrew.gateway.http_connection import HttpFailure, TimedOut, TooLarge
from groundcrew.gateway.secret_references import SecretReferences

CONNECTIONS_MAX = 64
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9-]{0,31}) )?((?:env|file):.+)")
_COMMON = {
    "user-agent": f"groundcrew/{__version__}",
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "identity",
}


class GuardClient:
    """Sends questions to guards. Implements `guards.remote.Poster`; use and close it in one event loop."""

    def __init__(self, *, connect_s_max: float) -> None:
        self._client = HttpClient(connections_max=CONNECTIONS_MAX, connect_s_max=connect_s_max)
        self._secrets = SecretReferences()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float, bytes_max: int) -> bytes:
        """The body of an answer that is 200 and JSON; GroundcrewError for everything else."""
        lines = "".join(f"{name}: {self._value(name, value)}\r\n" for name, value in (_COMMON | dict(headers)).items())
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        try:
            connection = await self._client.post(
                url, lines.encode("latin-1"), body, deadline_s=deadline_s, limit=bytes_max, whole=True
            )
        except TimedOut:
            raise GroundcrewError(f"the guard gave no answer within {timeout_s:g} s") from None
        except TooLarge:
            raise GroundcrewError(f"the guard's answer is larger than {bytes_max} bytes") from None
        except (HttpFailure, UnicodeEncodeError) as failure:
            raise GroundcrewError(f"the guard can not be asked ({type(failure).__name__})") from None
        try:
            if connection.status != 200:
                raise GroundcrewError(f"the guard answered with HTTP {connection.status}")
            found = connection.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if found != b"application/json" or connection.headers.get(b"content-encoding", b"identity").lower() != b"identity":
                raise GroundcrewError("the guard's answer is not the JSON that was asked for")
            return await connection.everything()
        finally:
            connection.done()

    def _value(self, name: str, value: str) -> str:
        reference = _REFERENCE.fullmatch(value)
        if reference is None:
            return value
        secret = self._secrets.resolve(reference[2])
        if not secret:
            raise GroundcrewError(f"the secret for the guard's header {name} can not be resolved")
        return f"{reference[1]} {secret}" if reference[1] else secret

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
