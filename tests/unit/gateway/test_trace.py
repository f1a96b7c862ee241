"""Trace context: what is taken from a client, what is handed on, and what of it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.gateway.trace import TraceParent, parse_parent, read_parent
from groundcrew.testing import TEST_KEY, FakeUpstream, MemoryGateway, chat, memory_gateway, memory_snapshot

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
BOTH = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("Hello.") as fake:
        yield fake


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> Iterator[MemoryGateway]:
    made = memory_gateway(memory_snapshot(upstream.url), tmp_path)
    yield made
    await made.gateway.close()
    made.spool.close()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"FF-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01more",
        f"01-{TRACE}-{SPAN}-01more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00–{TRACE}–{SPAN}–01",
    ],
)
def test_a_malformed_parent_is_none(value: str) -> None:
    assert parse_parent(value.encode()) is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    found = parse_parent(f"cc-{TRACE}-{SPAN}-03-what-comes".encode())
    assert found is not None
    assert found.headers() == (("traceparent", f"00-{TRACE}-{SPAN}-03"),)
    assert parse_parent(f"cc-{TRACE}-{SPAN}-01".encode()) is not None


def test_flags_that_are_not_known_are_not_handed_on() -> None:
    found = parse_parent(f"00-{TRACE}-{SPAN}-ff".encode())
    assert found is not None
    assert found.sampled
    assert found.headers() == (("traceparent", f"00-{TRACE}-{SPAN}-03"),)


def test_two_parents_are_none() -> None:
    header = (b"traceparent", PARENT.encode())
    assert read_parent([header]) is not None
    assert read_parent([header, header]) is None


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (["a=1,b=2"], "a=1,b=2"),
        (["a=1", " b=2 ,, ", "c=3"], "a=1,b=2,c=3"),
        (["tenant@vendor=x y"], "tenant@vendor=x y"),
        (["a=1,a=2"], ""),
        (["a"], ""),
        (["A=1"], ""),
        (["a=1=2"], ""),
        (["a=\x7f"], ""),
        (["a="], ""),
        ([",".join(f"k{index}=1" for index in range(32))], ",".join(f"k{index}=1" for index in range(32))),
        ([",".join(f"k{index}=1" for index in range(33))], ""),
        (["a=" + "x" * 257], ""),
        (["a=" + "x" * 250 + ",b=" + "x" * 250 + ",c=" + "x" * 250], ""),
    ],
)
def test_a_malformed_state_is_left_behind_and_the_trace_goes_on(values: list[str], state: str) -> None:
    found = parse_parent(PARENT.encode(), [each.encode("latin-1") for each in values])
    assert found is not None
    assert (found.trace_id, found.state) == (TRACE, state)


_HEX = "0123456789abcdef"


@given(
    trace_id=st.text(_HEX, min_size=32, max_size=32).filter(lambda text: text.strip("0") != ""),
    span_id=st.text(_HEX, min_size=16, max_size=16).filter(lambda text: text.strip("0") != ""),
    flags=st.integers(0, 3),
)
def test_what_is_handed_on_reads_as_it_was(trace_id: str, span_id: str, flags: int) -> None:
    parent = TraceParent(trace_id=trace_id, span_id=span_id, flags=flags, state="a=1")
    headers = [(name.encode(), value.encode()) for name, value in parent.headers()]
    assert read_parent(headers) == parent


@given(st.binary(max_size=80), st.lists(st.binary(max_size=80), max_size=3))
def test_nothing_that_a_client_sends_raises(parent: bytes, states: list[bytes]) -> None:
    parse_parent(parent, states)
    found = parse_parent(PARENT.encode(), states)
    assert found is not None
    assert all(value.isprintable() for _, value in found.headers())


@BOTH
async def test_a_clients_trace_reaches_the_provider_and_the_record(
    memory: MemoryGateway, upstream: FakeUpstream, stream: bool
) -> None:
    parent = PARENT.replace("-01", "-00")
    headers = {"traceparent": parent, "tracestate": "vendor=1", "baggage": "user=anna"}
    response = await chat(memory.gateway, TEST_KEY, headers=headers, text="Hi", stream=stream)
    assert response.status == 200
    (request,) = upstream.requests
    assert request.headers["traceparent"] == parent
    assert request.headers["tracestate"] == "vendor=1"
    assert "baggage" not in request.headers
    assert memory.calls()[-1].trace_id == TRACE


@BOTH
async def test_without_a_trace_none_is_made_up(memory: MemoryGateway, upstream: FakeUpstream, stream: bool) -> None:
    for headers in ({}, {"traceparent": "garbage", "tracestate": "vendor=1"}):
        response = await chat(memory.gateway, TEST_KEY, headers=headers, text="Hi", stream=stream)
        assert response.status == 200
    for request in upstream.requests:
        assert not {"traceparent", "tracestate"} & set(request.headers)
    assert [each.trace_id for each in memory.calls() if each.status == "answered"] == [None, None]


async def test_a_refused_call_is_recorded_with_its_trace(memory: MemoryGateway) -> None:
    response = await chat(memory.gateway, TEST_KEY, headers={"traceparent": PARENT}, text="Hi", model="other")
    assert response.status == 403
    assert memory.calls()[-1].trace_id == TRACE
