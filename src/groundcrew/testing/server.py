"""Ways to reach an ASGI application in a test: over a real socket with uvicorn, or directly, one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

START_S_MAX = 10.0
#: Where a line of an event stream ends; JSON may hold further characters that Python takes for line ends.
_LINE = re.compile(r"\r\n|\n|\r")


@contextlib.contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application with uvicorn on an ephemeral port of 127.0.0.1, in a thread; yields its URL."""
    import uvicorn

    from groundcrew.gateway.connections import BoundedProtocol

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=2, ws="none", http=BoundedProtocol)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="test-server", daemon=True)
    thread.start()
    deadline_s = time.monotonic() + START_S_MAX
    while not server.started:
        if time.monotonic() > deadline_s or not thread.is_alive():
            raise RuntimeError("the test server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S_MAX)
        listener.close()


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What an ASGI application answered; `sent` are the single pieces of its body."""

    status: int
    headers: dict[str, str]
    body: bytes
    sent: tuple[bytes, ...]

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    def events(self) -> list[Any]:
        """The JSON data of each server-sent event; the end marker as the text `[DONE]`."""
        found: list[Any] = []
        for block in self.body.decode().replace("\r\n", "\n").split("\n\n"):
            data = [line[6:] for line in _LINE.split(block) if line.startswith("data: ")]
            if data:
                found.append(data[0] if data[0] == "[DONE]" else msgspec.json.decode(data[0]))
        return found

    def text(self) -> str:
        """The answer's text, streamed or not."""
        if "text/event-stream" not in self.headers.get("content-type", ""):
            return str(self.json()["choices"][0]["message"]["content"])
        events = [each for each in self.events() if isinstance(each, dict)]
        return "".join(choice["delta"].get("content") or "" for each in events for choice in each.get("choices", ()))


async def request(
    app: Any,
    path: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    leave: asyncio.Event | None = None,
) -> Response:
    """Send one request straight into `app`. Setting `leave` makes the client go away."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []
    gone = leave or asyncio.Event()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b"", "http_version": "1.1"}
    await app(scope, receive, send)
    start: dict[str, Any] = sent[0] if sent else {"status": 0, "headers": []}
    pieces = tuple(message.get("body", b"") for message in sent[1:])
    return Response(
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        body=b"".join(pieces),
        sent=pieces,
    )


async def chat(app: Any, key: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Response:
    """Send one chat completion; `fields` are the body's members, `text` a shorthand for one user message."""
    text = fields.pop("text", None)
    leave = fields.pop("leave", None)
    if text is not None:
        fields["messages"] = [{"role": "user", "content": text}]
    return await request(
        app,
        "/v1/chat/completions",
        headers={"authorization": f"Bearer {key}", **(headers or {})},
        body=msgspec.json.encode(fields),
        leave=leave,
    )
