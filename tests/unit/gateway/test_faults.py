"""What the gateway makes of upstreams that misbehave and clients that send nonsense: a clear error, a record, nothing more."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcrew.domain.call import Call
from groundcrew.domain.provider import Price, Provider, Target
from groundcrew.domain.use_case import SignOffRule
from groundcrew.errors import RecorderUnavailable
from groundcrew.gateway.protocols import Recorder
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    Reply,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)

QUICK = GatewaySettings(drain_s_max=1.0, chunk_gap_s_max=0.3, body_read_s_max=0.3, response_bytes_max=2_000_000)
CHAT = "/v1/chat/completions"
AUTHORIZATION = {"authorization": f"Bearer {TEST_KEY}"}


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("one two three four") as fake:
        yield fake


def build(upstream: FakeUpstream, folder: Path, *, recorder: Recorder | None = None, **fields: object) -> MemoryGateway:
    """A gateway whose use case has `fields`."""
    targets = (Target(provider="fake", model="fake-model-1", timeout_s=0.4),)
    snapshot = memory_snapshot(upstream.url, targets=targets, use_case=memory_use_case(**fields))
    return memory_gateway(snapshot, folder, settings=QUICK, recorder=recorder)


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> Iterator[MemoryGateway]:
    made = build(upstream, tmp_path)
    yield made
    await made.gateway.close()
    made.spool.close()


def error_of(response: Response) -> tuple[int, str]:
    return response.status, response.json()["error"]["code"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(status=429, headers={"retry-after": "7"}), (429, "rate_limited")),
        (Reply(status=500), (502, "upstream_error")),
        (Reply(status=401, error_message="bad key sk-secret"), (502, "upstream_error")),
        (Reply(status=400, error_message="temperature too high"), (400, "invalid_request")),
        (Reply(fault="hang"), (504, "upstream_timeout")),
        (Reply(fault="reset"), (502, "upstream_error")),
        (Reply(fault="malformed"), (502, "upstream_error")),
        (Reply(fault="wrong_content_type"), (502, "upstream_error")),
        (Reply(fault="huge"), (502, "upstream_error")),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failing_upstream_is_told_in_the_callers_dialect(
    memory: MemoryGateway, upstream: FakeUpstream, reply: Reply, expected: tuple[int, str], stream: bool
) -> None:
    upstream.script = reply
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=stream)
    if response.status == 200:
        assert stream, "only what has begun to leave may end in an error event"
        assert response.events()[-1]["error"]["code"] == expected[1]
        assert b"[DONE]" not in response.body
    else:
        assert error_of(response) == expected
    assert b"sk-secret" not in response.body
    assert b"Traceback" not in response.body
    (call,) = memory.calls()
    assert (call.status, call.error_code) == ("failed", expected[1])
    assert memory.gateway.inflight() == 0


async def test_the_upstreams_wish_to_wait_is_passed_on(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = Reply(status=429, headers={"retry-after": "7"})
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).headers["retry-after"] == "7"


async def test_a_wrong_request_shows_the_upstreams_reason(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = Reply(status=400, error_message="temperature too high")
    response = await chat(memory.gateway, TEST_KEY, text="hi")
    assert "temperature too high" in response.json()["error"]["message"]


@pytest.mark.parametrize("fault", ["hang_mid_stream", "reset_mid_stream", "no_end"])
async def test_a_stream_that_breaks_ends_with_an_error_event(memory: MemoryGateway, upstream: FakeUpstream, fault: str) -> None:
    upstream.script = Reply(text="one two three four", fault=fault, chunk_delay_s=0.03)  # type: ignore[arg-type]
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=True)
    assert response.status == 200
    last = response.events()[-1]
    assert last["error"]["code"] == ("upstream_timeout" if fault == "hang_mid_stream" else "upstream_error")
    (call,) = memory.calls()
    assert call.status == "failed"
    assert call.answer == response.text()
    assert call.answer.startswith("one")
    assert (call.output_tokens, call.details["usage"]) == (-(-len(call.answer) // 3), "estimated")


@pytest.mark.parametrize("missing", ["key", "connection"])
@pytest.mark.parametrize("fields", [{}, {"stream": True}])
async def test_a_call_of_which_nothing_left_costs_nothing(tmp_path: Path, missing: str, fields: dict[str, bool]) -> None:
    with FakeUpstream() as gone:
        url = gone.url
    key = "env:GROUNDCREW_TEST_NO_SUCH_KEY" if missing == "key" else None
    providers = (Provider(name="away", api="openai", base_url=url, api_key=key, data_classes=("internal",)),)
    targets = (Target(provider="away", model="writer", retries=0),)
    memory = memory_gateway(memory_snapshot(url, providers=providers, targets=targets), tmp_path, settings=QUICK)
    response = await chat(memory.gateway, TEST_KEY, text="hi", **fields)
    assert response.status == 502
    (call,) = memory.calls()
    assert (call.status, call.input_tokens, call.output_tokens, call.cost_usd) == ("failed", 0, 0, 0.0)
    assert len(call.details["upstream_failures"]) == 1
    await memory.gateway.close()
    memory.spool.close()


async def test_the_next_target_answers_when_the_first_fails(upstream: FakeUpstream, tmp_path: Path) -> None:
    with FakeUpstream(Reply(status=503)) as broken:
        providers = tuple(
            Provider(name=name, api="openai", base_url=url, data_classes=("internal",))
            for name, url in (("broken", broken.url), ("sound", upstream.url))
        )
        targets = (Target(provider="broken", model="a", retries=0), Target(provider="sound", model="b"))
        memory = memory_gateway(memory_snapshot("", providers=providers, targets=targets), tmp_path, settings=QUICK)
        plain = await chat(memory.gateway, TEST_KEY, text="hi")
        streamed = await chat(memory.gateway, TEST_KEY, text="hi", stream=True)
        assert plain.text() == streamed.text() == "one two three four"
        assert [(call.provider, call.target_model, call.status) for call in memory.calls()] == [("sound", "b", "answered")] * 2
        assert memory.calls()[0].details["upstream_failures"] == ["a: provider broken: answered with HTTP 503"]
        assert len(broken.requests) == 2
        await memory.gateway.close()
        memory.spool.close()


async def test_no_other_target_is_tried_for_a_request_that_is_wrong(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.script = Reply(status=400)
    targets = (Target(provider="fake", model="a"), Target(provider="fake", model="b"))
    memory = memory_gateway(memory_snapshot(upstream.url, targets=targets), tmp_path, settings=QUICK)
    assert error_of(await chat(memory.gateway, TEST_KEY, text="hi")) == (400, "invalid_request")
    assert len(upstream.requests) == 1
    await memory.gateway.close()
    memory.spool.close()


async def test_a_client_that_leaves_cancels_the_upstream_and_settles(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = Reply(text="one two three four", chunk_delay_s=0.1)
    leave = asyncio.Event()
    work = asyncio.ensure_future(chat(memory.gateway, TEST_KEY, text="hi", stream=True, leave=leave))
    await asyncio.sleep(0.25)
    assert memory.gateway.inflight() == 1
    leave.set()
    await work
    assert memory.gateway.inflight() == 0
    (call,) = memory.calls()
    assert call.status == "cancelled"
    assert 0 < len(call.answer) < len("one two three four")
    used = memory.gateway.ledger.used("demo", memory.gateway.clock.now())
    assert used.tokens_today == call.input_tokens + call.output_tokens > 0
    for _ in range(50):
        if upstream.dropped:
            break
        await asyncio.sleep(0.02)
    assert upstream.dropped == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "object"),
        (b"{}", "messages: is required"),
        (b'{"messages": []}', "messages:"),
        (b'{"messages": "hi"}', "messages:"),
        (b'{"messages": [{"role": "user", "content": 3}]}', "messages[0].content"),
        (b'{"messages": [{"role": "user", "content": "x"}], "stream": "yes"}', "stream:"),
        (b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": -1}', "max_tokens:"),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}', "temperature:"),
        (b'{"messages": [{"role": "user", "content": "x"}], "x": ' + b"[" * 200 + b"]" * 200 + b"}", "nests deeper"),
    ],
)
async def test_a_wrong_body_is_refused_by_the_name_of_its_field(
    memory: MemoryGateway, upstream: FakeUpstream, body: bytes, says: str
) -> None:
    response = await request(memory.gateway, CHAT, headers=AUTHORIZATION, body=body)
    assert error_of(response) == (400, "invalid_request")
    assert says in response.json()["error"]["message"]
    assert upstream.requests == []
    assert [call.status for call in memory.calls()] == ["refused"]


async def test_brackets_inside_texts_are_no_nesting(memory: MemoryGateway) -> None:
    assert (await chat(memory.gateway, TEST_KEY, text='[{"' * 500 + "\\")).status == 200


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/v1/audio/speech", "POST", (404, "not_found")),
        ("/v1", "GET", (404, "not_found")),
        ("/v1/chat/completions/", "POST", (404, "not_found")),
        (CHAT, "GET", (405, "method_not_allowed")),
        ("/v1/models", "POST", (405, "method_not_allowed")),
    ],
)
async def test_unknown_routes_deny(memory: MemoryGateway, path: str, method: str, expected: tuple[int, str]) -> None:
    assert error_of(await request(memory.gateway, path, method=method, headers=AUTHORIZATION)) == expected


async def test_an_unknown_route_is_denied_in_the_shape_of_its_dialect(memory: MemoryGateway) -> None:
    answer = await request(memory.gateway, "/v1/messages/count_tokens", headers=AUTHORIZATION, body=b"{}")
    assert answer.status == 404
    assert (answer.json()["type"], answer.json()["error"]["code"]) == ("error", "not_found")


@pytest.mark.parametrize(("name", "status"), [("", 200), ("/writer", 200), ("/default", 200), ("/demo", 200), ("/gpt-9", 404)])
async def test_models_are_there_under_each_name_that_a_request_may_use(memory: MemoryGateway, name: str, status: int) -> None:
    answer = await request(memory.gateway, f"/v1/models{name}", method="GET", headers=AUTHORIZATION)
    assert answer.status == status
    if status == 200:
        assert (answer.json() if name else answer.json()["data"][0])["id"] == "writer"


async def test_an_answer_that_nobody_could_fetch_is_not_asked_for(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    body = msgspec.json.encode({"input": "hi", "background": True})
    answer = await request(memory.gateway, "/v1/responses", headers=AUTHORIZATION, body=body)
    assert error_of(answer) == (400, "invalid_request")
    assert answer.json()["error"]["message"].startswith("background: ")
    assert upstream.requests == []


async def test_a_compressed_body_is_refused_as_one(memory: MemoryGateway) -> None:
    headers = {**AUTHORIZATION, "content-encoding": "gzip"}
    answer = await request(memory.gateway, CHAT, headers=headers, body=gzip.compress(b'{"messages": []}'))
    assert error_of(answer) == (400, "invalid_request")
    assert "the body is compressed" in answer.json()["error"]["message"]


async def test_an_oversized_body_is_refused_with_and_without_a_declared_length(memory: MemoryGateway) -> None:
    body = b'{"messages": [{"role": "user", "content": "' + b"x" * (4 * 1024 * 1024) + b'"}]}'
    declared = await request(memory.gateway, CHAT, headers={**AUTHORIZATION, "content-length": str(len(body))}, body=body)
    silent = await request(memory.gateway, CHAT, headers=AUTHORIZATION, body=body)
    assert error_of(declared) == error_of(silent) == (413, "body_too_large")


async def test_a_body_that_never_ends_times_out(memory: MemoryGateway) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in AUTHORIZATION.items()]
    await memory.gateway({"type": "http", "method": "POST", "path": CHAT, "headers": headers}, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    "headers",
    [
        {"groundcrew-data-class": "secret"},
        {"groundcrew-case-id": "x" * 300},
        {"groundcrew-unit-id": "\x07"},
        {"x-long": "y" * 40_000},
    ],
)
async def test_headers_that_make_no_sense_are_refused(memory: MemoryGateway, headers: dict[str, str]) -> None:
    assert error_of(await chat(memory.gateway, TEST_KEY, headers=headers, text="hi")) == (400, "invalid_request")


async def test_a_stream_whose_process_ends_keeps_booked_what_was_held_for_it(upstream: FakeUpstream, tmp_path: Path) -> None:
    begun: list[Call] = []

    class Begun(BrokenRecorder):
        async def opened(self, call: Call) -> None:
            begun.append(call)

    price = Price(input_usd=2.0, output_usd=8.0)
    recorder = Begun(opened=False, record=False)
    memory = memory_gateway(memory_snapshot(upstream.url, price=price), tmp_path, settings=QUICK, recorder=recorder)
    await chat(memory.gateway, TEST_KEY, text="hi", stream=True, max_tokens=100)
    (call,) = begun
    assert (call.status, call.cost_usd, call.details["usage"]) == ("opened", None, "held")
    assert call.input_tokens + call.output_tokens > 100
    assert call.details["assumed_usd"] > 100 * 8.0 / 1e6
    await memory.gateway.close()
    memory.spool.close()


class BrokenRecorder:
    """Fails from the given record on."""

    def __init__(self, *, opened: bool, record: bool) -> None:
        self._opened, self._record = opened, record
        self.late: list[Call] = []
        self.gaps: list[tuple[str, bool]] = []

    async def opened(self, call: Call) -> None:
        if self._opened:
            raise RecorderUnavailable("the disk is full")

    async def record(self, call: Call) -> None:
        if self._record:
            raise RecorderUnavailable("the disk is full")

    def later(self, call: Call) -> None:
        self.late.append(call)

    def missed(self, call: Call, *, answered: bool) -> None:
        self.gaps.append((call.use_case, answered))


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_leaves_when_the_recorder_is_down(upstream: FakeUpstream, tmp_path: Path, stream: bool) -> None:
    recorder = BrokenRecorder(opened=True, record=True)
    memory = build(upstream, tmp_path, recorder=recorder, recording="closed")
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=stream)
    assert error_of(response) == (503, "recorder_unavailable")
    assert b"one" not in response.body
    assert memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today > 0, "the upstream was paid all the same"
    assert recorder.gaps == ([] if stream else [("demo", False)])
    await memory.gateway.close()
    memory.spool.close()


async def test_a_stream_is_not_called_complete_when_its_end_can_not_be_recorded(upstream: FakeUpstream, tmp_path: Path) -> None:
    recorder = BrokenRecorder(opened=False, record=True)
    memory = build(upstream, tmp_path, recorder=recorder, recording="closed")
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=True)
    assert response.events()[-1]["error"]["code"] == "recorder_unavailable"
    assert b"[DONE]" not in response.body
    (late,) = recorder.late
    assert (late.status, late.error_code, late.answer) == ("failed", "recorder_unavailable", response.text())
    await memory.gateway.close()
    memory.spool.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_where_it_is_declared_calls_go_on_without_a_record_and_are_counted(
    upstream: FakeUpstream, tmp_path: Path, stream: bool
) -> None:
    recorder = BrokenRecorder(opened=True, record=True)
    memory = build(upstream, tmp_path, recorder=recorder, recording="shed")
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=stream)
    assert (response.status, response.text()) == (200, "one two three four")
    assert (recorder.gaps, recorder.late) == ([("demo", True)], [])
    assert b'groundcrew_shed_calls_total{use_case="demo"} 1.0' in memory.gateway.metrics.render()
    await memory.gateway.close()
    memory.spool.close()


async def test_a_stream_that_goes_on_gets_its_record_later(upstream: FakeUpstream, tmp_path: Path) -> None:
    recorder = BrokenRecorder(opened=False, record=True)
    memory = build(upstream, tmp_path, recorder=recorder, recording="shed")
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=True)
    assert b"[DONE]" in response.body
    assert ([each.status for each in recorder.late], recorder.gaps) == (["answered"], [])
    await memory.gateway.close()
    memory.spool.close()


async def test_what_waits_for_a_sign_off_is_never_shed(upstream: FakeUpstream, tmp_path: Path) -> None:
    rule = SignOffRule(when="always", qualification="agent")
    recorder = BrokenRecorder(opened=True, record=True)
    memory = build(upstream, tmp_path, recorder=recorder, recording="shed", sign_off=rule)
    assert error_of(await chat(memory.gateway, TEST_KEY, text="hi")) == (503, "recorder_unavailable")
    assert recorder.gaps == [("demo", False)]
    await memory.gateway.close()
    memory.spool.close()


@pytest.mark.parametrize(("fails_closed", "status"), [(True, 503), (False, 200)])
async def test_the_risk_tier_decides_where_nothing_is_declared(
    upstream: FakeUpstream, tmp_path: Path, fails_closed: bool, status: int
) -> None:
    recorder = BrokenRecorder(opened=True, record=True)
    memory = memory_gateway(memory_snapshot(upstream.url, fails_closed=fails_closed), tmp_path, recorder=recorder, settings=QUICK)
    assert (await chat(memory.gateway, TEST_KEY, text="hi")).status == status
    assert recorder.gaps == [("demo", not fails_closed)]
    await memory.gateway.close()
    memory.spool.close()


async def test_an_unforeseen_error_shows_nothing_but_the_call_id(
    memory: MemoryGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("groundcrew.gateway.entrance.floor_class", explode)
    response = await chat(memory.gateway, TEST_KEY, text="hi")
    assert error_of(response) == (500, "internal_error")
    assert b"secret detail" not in response.body
    assert response.json()["error"]["call_id"] == response.headers["groundcrew-call-id"]
    assert "ZeroDivisionError" in caplog.text
    assert [call.status for call in memory.calls()] == ["failed"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(st.fixed_dictionaries({}, optional={"role": JSON | st.just("user"), "content": JSON}), max_size=3)
        | JSON,
        "model": JSON | st.just("writer"),
        "stream": JSON,
        "stream_options": JSON,
        "n": JSON,
        "max_tokens": JSON,
        "tools": JSON,
        "temperature": JSON,
    },
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | JSON.map(msgspec.json.encode) | REQUESTS.map(msgspec.json.encode))
async def test_no_body_whatever_makes_the_gateway_fail(memory: MemoryGateway, body: bytes) -> None:
    response = await request(memory.gateway, CHAT, headers=AUTHORIZATION, body=body)
    assert response.status in (200, 400, 403)
