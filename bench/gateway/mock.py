"""A provider that costs next to nothing: a raw protocol on uvloop that answers every chat completion with the same bytes.

    python mock.py PORT

Plain: one completion of about 1 kB with token counts. Stream: 30 chunks, the token counts and the end mark, each a write of
its own. `[[gap=MS]]` in a request spaces the chunks of its stream, `[[hang]]` gives no answer (a stream stops early).
`GET /dropped` tells when (`time.monotonic`, the same clock for all processes of a machine) callers dropped hanging requests, as
a JSON list, and forgets them; `GET /hanging` how many hang now.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time

import uvloop

TEXT = (
    "Thank you for writing to us. A card that was lost is blocked at once, by telephone or in the app, at any hour. A new one "
    "is sent within three working days to the address that we have on file. What was paid with it before the report is "
    "settled under the conditions of the account: the holder bears at most the excess that they name, and nothing where no "
    "code was used. Please check the list of payments in the app and tell us of each one that is not yours. You do not have "
    "to go to a branch for any of this, and the new card works with the code that you know."
)
WORDS = TEXT.split()
CHUNKS = 30
#: As few as can be: a use case in its first stage has 10 million tokens a day, and a long run makes a million calls.
USAGE = {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}
HEAD = {"id": "chatcmpl-bench", "created": 1_790_000_000, "model": "bench-1"}

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_GAP = re.compile(rb"\[\[gap=([\d.]+)\]\]")


def _sized(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _plain() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    return _sized(json.dumps({**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}).encode())


def _chunk(delta: dict[str, str] | None, reason: str | None = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    more = {} if choices else {"usage": USAGE}
    data = json.dumps({**HEAD, "object": "chat.completion.chunk", "choices": choices, **more}).encode()
    return _piece(b"data: " + data + b"\n\n")


def _piece(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _pieces() -> list[bytes]:
    count = CHUNKS - 2
    edges = [len(WORDS) * number // count for number in range(count + 1)]
    texts = [" ".join(WORDS[start:end]) + " " for start, end in itertools.pairwise(edges)]
    chunks = [_chunk({"role": "assistant", "content": ""}), *(_chunk({"content": text}) for text in texts), _chunk({}, "stop")]
    return [*chunks, _chunk(None), _piece(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


PLAIN, PIECES = _plain(), _pieces()
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
MODELS = _sized(b'{"object": "list", "data": [{"id": "bench-1", "object": "model", "created": 1, "owned_by": "bench"}]}')

dropped: list[float] = []
hanging: set[asyncio.BaseTransport] = set()


class Provider(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport in hanging:
            hanging.discard(self.transport)
            dropped.append(time.monotonic())
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.buffer, 0, end)
            size = end + 4 + (int(length.group(1)) if length else 0)
            if len(self.buffer) < size:
                return
            head, body = self.buffer[:end], self.buffer[end + 4 : size]
            self.buffer = self.buffer[size:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        write = self.transport.write
        if head.startswith(b"GET /dropped"):
            write(_sized(json.dumps(dropped).encode()))
            dropped.clear()
        elif head.startswith(b"GET /hanging"):
            write(_sized(json.dumps(len(hanging)).encode()))
        elif head.startswith(b"GET"):
            write(MODELS)
        elif b"[[hang]]" in body:
            if _STREAM.search(body):
                write(STREAM_HEAD + PIECES[0] + PIECES[1])
            hanging.add(self.transport)
        elif not _STREAM.search(body):
            write(PLAIN)
        elif gap := _GAP.search(body):
            self.task = asyncio.get_running_loop().create_task(self.slowly(float(gap.group(1)) / 1000))
        else:
            write(STREAM_HEAD)
            for piece in PIECES:
                write(piece)

    async def slowly(self, gap_s: float) -> None:
        self.transport.write(STREAM_HEAD + PIECES[0])
        for piece in PIECES[1:]:
            await asyncio.sleep(gap_s)
            self.transport.write(piece)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
