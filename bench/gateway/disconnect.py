"""Measures how long our gateway goes on with a call whose client has left: from the client's close until the provider sees its
connection dropped. One command: python bench/gateway/disconnect.py [--times 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import get_json, machine, mock_provider, note  # noqa: E402
from run import wait_until_it_answers  # noqa: E402
from targets import Target, groundcrew  # noqa: E402

WAIT_S_MAX = 30.0
PROMISED_MS = 100.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how soon the upstream call of a client that left is dropped.")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="gateway-disconnect-") as folder, mock_provider(Path(folder)) as upstream:
        target = groundcrew(upstream, Path(folder), None)
        try:
            wait_until_it_answers(target)
            for name, stream in (("plain", False), ("stream", True)):
                times = sorted(leave(target, upstream, stream=stream) for _ in range(options.times))
                found[name] = {
                    "p50_ms": times[len(times) // 2],
                    "p99_ms": times[min(len(times) - 1, len(times) * 99 // 100)],
                    "max_ms": times[-1],
                }
        finally:
            target.stop()
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{options.times} clients each left in the middle of a call, on {machine()}")
        print("ms from their close until the provider saw its connection dropped:")
        for name, times_ms in found.items():
            print(f"  {name:7}" + ", ".join(f"{what.removesuffix('_ms')} {value:.1f}" for what, value in times_ms.items()))
    late = [name for name, times_ms in found.items() if times_ms["p99_ms"] > PROMISED_MS]
    if late:
        note(f"more than one in a hundred took longer than {PROMISED_MS:g} ms: {', '.join(late)}")
    return 1 if late else 0


def leave(target: Target, upstream: str, *, stream: bool) -> float:
    """Ask, leave once the provider works on it, and see when it learns of that, in ms."""
    parts = urllib.parse.urlsplit(target.url)
    body = target.body(stream=stream, mark="[[hang]] ")
    lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in {"content-type": "application/json", **target.headers}.items()]
    until_s = time.monotonic() + WAIT_S_MAX
    with socket.create_connection((parts.hostname or "", parts.port or 80), WAIT_S_MAX) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        received = b""
        while stream and b"data:" not in received:
            data = connection.recv(65_536)
            if not data:
                raise RuntimeError(f"the stream ended before it began: {received[-300:]!r}")
            received += data
        while not get_json(f"{upstream}/hanging".replace("/v1/", "/")):
            if time.monotonic() > until_s:
                raise RuntimeError("the call does not reach the provider")
        left_s = time.monotonic()
    while not (dropped := get_json(f"{upstream}/dropped".replace("/v1/", "/"))):
        if time.monotonic() > until_s:
            raise RuntimeError(f"{WAIT_S_MAX:g} s after the client left, the provider's call goes on")
        time.sleep(0.002)
    return (dropped[0] - left_s) * 1e3


if __name__ == "__main__":
    sys.exit(main())
