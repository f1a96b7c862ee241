"""Nothing that a client sends makes the gateway fail, hang or answer outside its dialect: valid requests changed at random, and
requests drawn from the gateway's own OpenAPI document. GROUNDCREW_FUZZ sets how many examples each search tries (300)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.integration.gateway_routes import AUTHORIZATION, ROUTES, Route, error_of

from groundcrew.domain.call import Call
from groundcrew.errors import REFUSAL_STATUS
from groundcrew.gateway.openapi import document
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import FakeUpstream, MemoryGateway, Response, memory_gateway, memory_snapshot, request, serve

#: Read on import: the settings of a developer's environment are taken away from each test.
EXAMPLES = int(os.environ.get("GROUNDCREW_FUZZ", "300"))
#: Over a real socket every example costs some ten times as much.
SOCKET_EXAMPLES = max(30, EXAMPLES // 6)
END_S_MAX = 20.0
LIMITS = GatewaySettings(drain_s_max=1.0, body_read_s_max=0.2, body_bytes_max=256 * 1024)
#: What may follow from a request alone, while provider, recorder and policy are as they should be.
CODES = {code for code, status in REFUSAL_STATUS.items() if status < 500}

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"card": "1"}'}}
#: Requests with many members, so that there is much to change; each valid for its route.
RICH: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "writer",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "found"},
            {"role": "user", "content": "three", "name": "anna"},
        ],
        "stream": False,
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
        "temperature": 0.5,
        "n": 1,
        "stop": ["."],
        "tools": [TOOL],
        "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        "metadata": {"a": "b"},
    },
    "messages": {
        "model": "writer",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look_up", "input": {"card": "1"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "found"}]},
        ],
        "tools": [{"name": "look_up", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["."],
        "temperature": 0.5,
        "stream": False,
        "metadata": {"user_id": "a"},
    },
    "responses": {
        "model": "writer",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "one"}]},
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "found"},
            {"role": "user", "content": "two"},
        ],
        "tools": [{"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}],
        "max_output_tokens": 50,
        "temperature": 0.5,
        "stream": False,
        "text": {"format": {"type": "text"}},
    },
}

TEXTS = (
    st.text(max_size=30)
    | st.text(alphabet=st.characters(codec="utf-8", categories=["Cc", "Cf", "Mn", "So", "Zs", "Co"]), max_size=20)
    | st.sampled_from(["", "\u0000", "\u202e", "gc_", "data: [DONE]\n\n", "https://x.example/\r\nx: y", "a" * 70_000])
)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**18, 1e308, -0.0])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every member and item in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*at, key)
        yield from places(each, (*at, key))


def changed(value: dict[str, Any], at: tuple[Any, ...], how: str, new: Any) -> None:
    """Change a JSON value in place, at one path."""
    parent: Any = value
    for key in at[:-1]:
        parent = parent[key]
    key, old = at[-1], parent[at[-1]]
    if how == "remove":
        del parent[key]
    elif how == "wrap":
        parent[key] = [old] if not isinstance(new, dict) else {"type": old}
    elif how == "repeat":
        parent[key] = [old] * 40
    elif how == "deepen":
        for _ in range(100):
            old = [old]
        parent[key] = old
    elif how == "rename" and isinstance(parent, dict):
        parent[str(new)[:20]] = parent.pop(key)
    else:
        parent[key] = new


HOW = ("replace", "replace", "replace", "remove", "wrap", "repeat", "deepen", "rename")


@st.composite
def bodies(draw: st.DrawFn, route: Route) -> bytes:
    """A valid body of `route`, changed in up to four places; then, seldom, damaged as bytes."""
    value = msgspec.json.decode(msgspec.json.encode(RICH[route.name]))
    value["stream"] = draw(st.booleans())
    for _ in range(draw(st.integers(0, 4))):
        found = list(places(value))
        if found:
            changed(value, draw(st.sampled_from(found)), draw(st.sampled_from(HOW)), draw(VALUES))
    raw = msgspec.json.encode(value)
    damage = draw(st.sampled_from(("none", "none", "none", "twice", "number", "cut", "insert", "flip", "encode")))
    at = draw(st.integers(0, len(raw)))
    if damage == "twice":  # a member that stands there twice
        name = draw(st.sampled_from(sorted(RICH[route.name])))
        raw = raw[:-1] + b"," + msgspec.json.encode({name: draw(VALUES)})[1:]
    elif damage == "number":
        raw = raw.replace(b"50", draw(st.sampled_from((b"1e999", b"-0", b"9" * 400, b"NaN", b"0x1F", b"1.5e-400", b"01"))))
    elif damage == "cut":
        raw = raw[:at]
    elif damage == "insert":
        raw = raw[:at] + draw(st.binary(min_size=1, max_size=8)) + raw[at:]
    elif damage == "flip" and raw:
        at = min(at, len(raw) - 1)
        raw = raw[:at] + bytes([raw[at] ^ (1 << draw(st.integers(0, 7)))]) + raw[at + 1 :]
    elif damage == "encode":
        raw = raw.decode().encode(draw(st.sampled_from(("utf-16", "utf-32-le", "utf-8-sig", "utf-7"))))
    return raw


HEADER_TEXTS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            *("content-type", "accept", "content-encoding", "user-agent", "anthropic-version", "x-api-key", "traceparent"),
            *("groundcrew-case-id", "groundcrew-unit-id", "groundcrew-data-class", "openai-organization", "x-request-id"),
        )
    ),
    HEADER_TEXTS | st.sampled_from(("application/xml", "multipart/form-data; boundary=x", "gzip", "internal", "phi")),
    max_size=4,
)
KEYS = st.just(AUTHORIZATION) | st.just(AUTHORIZATION) | HEADER_TEXTS.map(lambda text: {"authorization": text}) | st.just({})


class Counting:
    """A recorder that keeps nothing but how often each call was recorded: a disk would make ten thousand examples slow."""

    def __init__(self) -> None:
        self.ends: dict[str, int] = {}

    async def opened(self, call: Call) -> None:
        """A stream begins."""

    async def record(self, call: Call) -> None:
        """A call ends."""
        self.later(call)

    def later(self, call: Call) -> None:
        """The same, late."""
        msgspec.json.encode(call)  # a record that can not be written would be lost
        self.ends[call.id] = self.ends.get(call.id, 0) + 1


@pytest.fixture
def recorder() -> Counting:
    return Counting()


@contextlib.contextmanager
def built(folder: Path, recorder: Counting) -> Iterator[MemoryGateway]:
    with FakeUpstream("one two") as upstream:
        made = memory_gateway(memory_snapshot(upstream.url), folder, settings=LIMITS, recorder=recorder)
        yield made
        made.spool.close()


@pytest.fixture
async def memory(tmp_path: Path, recorder: Counting) -> AsyncIterator[MemoryGateway]:
    with built(tmp_path, recorder) as made:
        yield made
        await made.gateway.close()


@pytest.fixture
def served(tmp_path: Path, recorder: Counting) -> Iterator[str]:
    """The URL of a gateway that listens; the server closes it in its own loop."""
    with built(tmp_path, recorder) as made, serve(made.gateway) as url:
        yield url


def check(response: Response, codes: set[str] = CODES) -> None:
    """An answer, or an error that is documented, in JSON."""
    if "text/event-stream" in response.headers.get("content-type", ""):
        assert response.status == 200
        assert response.events(), "a stream holds events"
        return
    assert response.headers.get("content-type", "").startswith("application/json"), response
    body = response.json()
    if response.status == 200:
        assert not error_of(response)
        assert isinstance(body, dict)
        return
    error = error_of(response)
    assert error.get("code") in codes, response.body[:500]
    assert response.status == REFUSAL_STATUS[error["code"]]
    assert error["message"]
    assert b"Traceback" not in response.body


def check_ended(memory: MemoryGateway, recorder: Counting) -> None:
    """Nothing runs on, nothing is reserved, no call was recorded twice."""
    assert memory.gateway.inflight() == 0
    assert set(recorder.ends.values()) <= {1}
    assert memory.gateway.ledger.held() == []


SEARCH = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@SEARCH
@given(data=st.data())
async def test_a_changed_request_is_answered_or_refused(memory: MemoryGateway, recorder: Counting, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(ROUTES))
    body, headers = data.draw(bodies(route)), {**data.draw(HEADERS), **data.draw(KEYS)}
    before = len(recorder.ends)
    async with asyncio.timeout(END_S_MAX):
        response = await request(memory.gateway, route.path, headers=headers, body=body)
    check(response)
    known = response.status not in (401,) and "groundcrew-use-case" in response.headers
    assert len(recorder.ends) - before == known, "a call of a known key is recorded, once"
    check_ended(memory, recorder)


@SEARCH
@given(
    method=st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get")),
    path=st.sampled_from([*(route.path for route in ROUTES), "/v1/models", "/v1"]).flatmap(
        lambda path: st.sampled_from((path, path + "/", path.upper(), "/" + path, path + "/..", path[:-1]))
    )
    | st.text(max_size=40).map(lambda text: "/v1/" + text),
    headers=HEADERS,
    key=KEYS,
    body=st.binary(max_size=50),
)
async def test_no_path_and_no_method_makes_it_fail(
    memory: MemoryGateway, recorder: Counting, method: str, path: str, headers: dict[str, str], key: dict[str, str], body: bytes
) -> None:
    async with asyncio.timeout(END_S_MAX):
        check(await request(memory.gateway, path, method=method, headers={**headers, **key}, body=body))
    check_ended(memory, recorder)


def exchange(url: str, head: list[bytes], body: bytes, *, leave: bool) -> bytes:
    """Send raw bytes, say that this was all where `leave`, and read until the server closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), END_S_MAX) as connection:
        received = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"\r\n".join([*head, b"", b""]) + body)
            if leave:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65_536):
                received += data
        return received


@settings(SEARCH, max_examples=SOCKET_EXAMPLES)
@given(data=st.data())
def test_what_comes_over_a_socket_is_answered_or_dropped(served: str, data: st.DataObject) -> None:
    """Bodies that are shorter or longer than announced, chunked well or badly, heads with anything in them."""
    route = data.draw(st.sampled_from(ROUTES))
    body = data.draw(bodies(route))[:4_000]
    framing = data.draw(st.sampled_from(("right", "more", "less", "chunked", "bad chunks", "both", "none", "negative")))
    lines = [b"POST " + route.path.encode() + b" HTTP/1.1", b"host: test", b"connection: close"]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in {**data.draw(HEADERS), **AUTHORIZATION}.items()]
    sizes = {"right": len(body), "more": len(body) + 10, "less": max(0, len(body) - 10), "both": len(body), "negative": -1}
    if framing in sizes:
        lines.append(b"content-length: %d" % sizes[framing])
    if framing in ("chunked", "bad chunks", "both"):
        lines.append(b"transfer-encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if framing == "chunked" else b"zz\r\n" + body
    leave = framing not in ("right", "chunked") and data.draw(st.booleans())
    received = exchange(served, lines, body, leave=leave)
    if not received:
        assert leave, "who waits gets an answer"
        return
    status = int(received[9:12])
    assert status < 500, received[:500]
    if framing in ("right", "chunked"):
        head, _, content = received.partition(b"\r\n\r\n")
        assert status == 200 or b'"error"' in content or b"Invalid HTTP" in content, received[:500]
        assert b"traceback" not in head.lower() + content.lower()


DOCUMENT = schemathesis.openapi.from_dict(document())


@DOCUMENT.parametrize()
@settings(SEARCH, max_examples=SOCKET_EXAMPLES)
def test_what_the_document_describes_is_what_the_gateway_does(served: str, case: schemathesis.Case) -> None:
    response = case.call(base_url=served, headers=AUTHORIZATION, timeout=END_S_MAX)
    checks = schemathesis.checks
    case.validate_response(
        response,
        checks=[
            checks.not_a_server_error,
            checks.CHECKS.get_one("status_code_conformance"),
            checks.CHECKS.get_one("content_type_conformance"),
            checks.CHECKS.get_one("response_schema_conformance"),
        ],
    )
