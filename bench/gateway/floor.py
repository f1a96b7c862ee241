"""The bare floor: the least that a Python proxy on the same server and client does, with no key, no check and no record.

UPSTREAM=http://127.0.0.1:PORT/v1 uvicorn --app-dir bench/gateway floor:app
"""

from __future__ import annotations

import os
from typing import Any

import aiohttp

URL = os.environ.get("UPSTREAM", "http://127.0.0.1:9100/v1") + "/chat/completions"
KEPT = frozenset({"content-type", "content-length"})
sessions: list[aiohttp.ClientSession] = []


def session() -> aiohttp.ClientSession:
    if not sessions:
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False))
    return sessions[0]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Forward the body, and the answer's bytes as they come."""
    if scope["type"] != "http":
        return
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = {"content-type": "application/json", "authorization": "Bearer upstream"}
    async with session().post(URL, data=b"".join(parts), headers=headers) as response:
        kept = [(name.lower().encode(), value.encode()) for name, value in response.headers.items() if name.lower() in KEPT]
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        if "content-length" in response.headers:
            await send({"type": "http.response.body", "body": await response.read()})
            return
        async for data in response.content.iter_any():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
