"""Attempts to get around a sign-off: what is held counts, what leaks is named, and the gate reads both."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared, prepared

from groundcrew.cli.sign_off_probing import send_sign_off_probes
from groundcrew.domain.use_case import SignOffRule
from groundcrew.errors import Conflict

__all__ = ["prepared"]

HELD = {"groundcrew": {"status": "pending_sign_off", "sign_off_id": "s-1", "call_id": "c-1"}}


@contextmanager
def gateway(leaks: frozenset[str]) -> Iterator[str]:
    """A server that holds every answer as the gateway would, but for the paths in `leaks`."""

    class Handler(BaseHTTPRequestHandler):
        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            text = "the draft" if self.path in leaks else None
            kept = "the draft" if self.path in leaks else ""
            call = {"id": "c-1", "withheld_answer": kept}
            if "/calls?" in self.path:
                self._say(200, json.dumps({"calls": [call]}).encode())
            elif "/calls/" in self.path:
                self._say(200, json.dumps(call).encode())
            else:
                self._say(200, json.dumps({"state": "pending", "text": text, "call_id": "c-1"}).encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path.endswith("/decide"):
                self._say(200 if self.path in leaks else 403, b"{}")
            elif self.path in leaks:
                self._say(200, b'{"choices": [{"message": {"content": "an answer"}}]}')
            elif asked.get("stream"):
                self._say(200, b"event: held\ndata: " + json.dumps(HELD).encode() + b"\n\ndata: [DONE]\n\n")
            else:
                self._say(202, json.dumps(HELD).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("leaks", "bypasses", "status"),
    [
        (frozenset(), 0, "pass"),
        (frozenset({"/v1/messages"}), 2, "fail"),
        (frozenset({"/api/v1/sign-offs/s-1", "/api/v1/sign-offs/s-1/decide"}), 2, "fail"),
        (frozenset({"/api/v1/calls/c-1", "/api/v1/calls?status=held"}), 2, "fail"),
    ],
)
async def test_the_gate_reads_what_the_attempts_came_to(
    sqlite_url: str, tmp_path: Path, prepared: Prepared, leaks: frozenset[str], bypasses: int, status: str
) -> None:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        with gateway(leaks) as url:
            with pytest.raises(Conflict, match="nothing to get around"):
                await send_sign_off_probes(services, bank.NAME, url, actor="user:maria")
            rule = SignOffRule(when="always", qualification="agent")
            await bank.apply(services, use_cases=[bank.use_case(sign_off=rule, risk_answers={"decides_credit": True})])

            async def criterion() -> str:
                evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="scale", save=False)
                return next(each.status for each in evaluation.results if each.key == "sign_off")

            assert await criterion() == "unknown"
            content = await send_sign_off_probes(services, bank.NAME, url, actor="user:maria")
            assert (content["sent"], len(content["bypasses"])) == (9, bypasses)
            assert await criterion() == status
        keys = await services.keys.find(bank.NAME)
        assert all(each.revoked_at is not None for each in keys)
