"""What the gateway reads of a request, and that it says so where something was not read or could be read in two ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.gateway.masking import mask_call
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    Reply,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)

Build = Callable[..., MemoryGateway]
HEADERS = {"authorization": f"Bearer {TEST_KEY}"}


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("fine") as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule, **fields: Any) -> MemoryGateway:
        snapshot = memory_snapshot(upstream.url, use_case=memory_use_case(**fields), guards=guards)
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=FakeGrounding())
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


SECRETS = GuardRule(guard="secrets", on=("input",), action="refuse")


async def test_a_member_that_stands_twice_is_sent_as_it_was_read(build: Build, upstream: FakeUpstream) -> None:
    body = b'{"messages": [{"role": "user", "content": "AKIAZQ3DSQW7PLK9M2XB", "content": "hi"}]}'
    response = await request(build(SECRETS).gateway, "/v1/chat/completions", headers=HEADERS, body=body)
    assert response.status == 200
    assert upstream.requests[-1].body["messages"] == [{"role": "user", "content": "hi"}]


async def test_a_number_beyond_all_range_is_a_bad_request(build: Build, upstream: FakeUpstream) -> None:
    body = b'{"messages": [{"role": "user", "content": "hi", "x": ' + b"9" * 5_000 + b"}]}"
    response = await request(build(SECRETS).gateway, "/v1/chat/completions", headers=HEADERS, body=body)
    assert (response.status, response.json()["error"]["param"]) == (400, "messages")


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "description": "write to a@b.ch"}}]},
        {"user": "a@b.ch"},
        {"metadata": {"customer": "a@b.ch"}},
        {"vendor_option": "a@b.ch"},
        {"response_format": {"type": "json_schema", "json_schema": {"description": "a@b.ch"}}},
        {"messages": [{"role": "user", "content": "hi", "name": "Anna"}]},
        {"messages": [{"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "a@b.ch"}}]},
    ],
)
async def test_text_in_places_that_no_guard_reads_makes_a_partial_scan(build: Build, fields: dict[str, Any]) -> None:
    asked = {"messages": [{"role": "user", "content": "hi"}], **fields}
    assert (await chat(build(SECRETS).gateway, TEST_KEY, **asked)).headers["groundcrew-scan"] == "partial"


async def test_plain_settings_leave_a_scan_whole(build: Build) -> None:
    plain = {"temperature": 0.1, "seed": 3, "user": None, "response_format": {"type": "json_object"}, "stop": None}
    parts = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    response = await chat(build(SECRETS).gateway, TEST_KEY, messages=parts, **plain)
    assert response.headers["groundcrew-scan"] == "scanned"


async def test_the_head_of_a_stream_does_not_call_scanned_what_is_still_to_come(build: Build) -> None:
    memory = build(GuardRule(guard="secrets", on=("input", "output"), mode="monitor"))
    response = await chat(memory.gateway, TEST_KEY, text="hi", stream=True)
    assert response.headers["groundcrew-scan"] == "partial"
    assert response.events()[-2]["groundcrew"]["scan"] == "scanned"


async def test_a_tool_result_does_not_soften_what_the_input_asks_for(build: Build, upstream: FakeUpstream) -> None:
    memory = build(
        GuardRule(guard="secrets", on=("input",), action="refuse"),
        GuardRule(guard="secrets", on=("tool_results",), action="replace", settings={"text": "no"}),
    )
    messages = [{"role": "user", "content": "hi"}, {"role": "tool", "content": "AKIAZQ3DSQW7PLK9M2XB", "tool_call_id": "c"}]
    response = await chat(memory.gateway, TEST_KEY, messages=messages)
    assert (response.status, response.json()["error"]["code"]) == (403, "guard_blocked")
    assert upstream.requests == []


@pytest.mark.parametrize("value", ["anna.muster@mail.example", "case of anna@b.ch", "CH93 0076 2011 6238 5295 7"])
@pytest.mark.parametrize("header", ["groundcrew-case-id", "groundcrew-unit-id"])
async def test_personal_data_is_no_identifier(build: Build, upstream: FakeUpstream, header: str, value: str) -> None:
    memory = build()
    response = await chat(memory.gateway, TEST_KEY, text="hi", headers={header: value})
    assert (response.status, response.json()["error"]["param"]) == (400, header)
    assert value not in response.body.decode()
    assert upstream.requests == []
    assert all(value not in str(call) for call in memory.calls())


@pytest.mark.parametrize("value", ["ticket-4711", "2026-03-02/000123", "4111111111111111", "0445551212", "f" * 32])
async def test_ordinary_identifiers_pass(build: Build, value: str) -> None:
    memory = build()
    assert (await chat(memory.gateway, TEST_KEY, text="hi", headers={"groundcrew-case-id": value})).status == 200
    assert memory.calls()[0].case_id == value


async def test_a_second_data_class_can_only_raise_the_first(build: Build) -> None:
    memory = build()
    for order in (("phi", "public"), ("public", "phi")):
        sent = [(b"authorization", HEADERS["authorization"].encode())]
        sent += [(b"groundcrew-data-class", each.encode()) for each in order]
        status = await _status(memory, sent)
        assert status == 403


async def _status(memory: MemoryGateway, headers: list[tuple[bytes, bytes]]) -> int:
    sent: list[Any] = []
    body = [{"type": "http.request", "body": b'{"messages": [{"role": "user", "content": "hi"}]}', "more_body": False}]

    async def receive() -> dict[str, Any]:
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    await memory.gateway(scope, receive, send)
    return int(sent[0]["status"])


async def test_brackets_in_a_text_are_no_structure(build: Build) -> None:
    assert (await chat(build().gateway, TEST_KEY, text="[" * 200_000)).status == 200


async def test_a_providers_error_never_repeats_our_key(
    build: Build, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_PROVIDER_KEY", "sk-very-secret")
    upstream.script = Reply(status=400, error_message="bad header: Bearer sk-very-secret")
    memory = build()
    provider = memory.snapshots.current.providers["fake"]
    memory.snapshots.change(providers={"fake": type(provider)(**{**_fields(provider), "api_key": "env:FAKE_PROVIDER_KEY"})})
    response = await chat(memory.gateway, TEST_KEY, text="hi")
    assert response.status == 400
    assert "sk-very-secret" not in response.body.decode() + str(memory.calls())


def _fields(provider: Any) -> dict[str, Any]:
    return {name: getattr(provider, name) for name in provider.__struct_fields__}


async def test_reasons_do_not_repeat_what_is_masked(build: Build) -> None:
    memory = build()
    await chat(memory.gateway, TEST_KEY, text="hi")
    (call,) = memory.calls()
    text = "Write to anna@b.ch now."
    claims = (
        ClaimScore(start=0, end=len(text), support=0.0, reasons=("not in the sources: anna@b.ch",)),
        ClaimScore(start=20, end=22, support=0.0, reasons=("near anna@b.ch",)),
    )
    changed = type(call)(
        **{
            **{name: getattr(call, name) for name in call.__struct_fields__},
            "answer": text,
            "trust": TrustReport(trust=0.0, state="unsupported", claims=claims),
        }
    )
    masked, _ = mask_call(changed)
    assert masked.answer == "Write to [EMAIL] now."
    assert "anna" not in str(masked)
