"""Guards that are asked over HTTP: what they are told, what counts as their answer, and what never leaves."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.guards.guard_server import PASS, GuardServer, http

from groundcrew.domain.guard import Finding, GuardRule, Place, RemoteGuard, Verdict
from groundcrew.domain.provider import Provider
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Grounding
from groundcrew.errors import GroundcrewError
from groundcrew.guards.redaction import redact
from groundcrew.guards.registry import FINDINGS_MAX
from groundcrew.guards.remote import _unmasked, address_problem, read_answer
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

PASSAGE = "The replacement card costs CHF 20."
QUESTION = "What does a replacement card cost?"
KNOWLEDGE = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(PASSAGE) as fake:
        yield fake


@pytest.fixture
async def server() -> AsyncIterator[GuardServer]:
    async with GuardServer() as made:
        yield made


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Build]:
    made: list[MemoryGateway] = []

    provider = Provider(name="fake", api="openai", base_url=upstream.url, data_classes=("phi",), baa=True)

    def make(*guards: GuardRule, **fields: Any) -> MemoryGateway:
        use_case = memory_use_case(**fields)
        snapshot = memory_snapshot("", use_case=use_case, providers=(provider,), guards=guards, knowledge=(KNOWLEDGE,))
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=FakeGrounding(PASSAGE))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


def rule(server: GuardServer, name: str = "tone", **fields: Any) -> GuardRule:
    own = {name: fields.pop(name) for name in ("headers", "data_classes", "baa") if name in fields}
    remote = RemoteGuard(url=server.url, plain_http=True, **{"data_classes": ("public", "internal"), **own})
    return GuardRule(guard="http", name=name, remote=remote, **{"timeout_ms": 5_000, **fields})


def found(start: int, end: int, kind: str = "RUDE", score: float = 0.9) -> dict[str, Any]:
    return {"start": start, "end": end, "type": kind, "score": score}


async def test_a_guard_is_told_text_place_role_and_context(build: Build, server: GuardServer) -> None:
    places: tuple[Place, ...] = ("input", "tool_results", "passages", "output")
    memory = build(
        rule(server, on=places, settings={"level": 3}),
        grounding=Grounding(knowledge="kb", mode="advisory"),
        data_classes=("internal",),
    )
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "tool", "tool_call_id": "call_1", "content": "none"},
    ]
    response = await chat(memory.gateway, TEST_KEY, messages=messages)
    assert response.status == 200
    told = [(each["place"], each["role"], each["text"]) for each in server.asked]
    assert ("input", "user", QUESTION) in told
    assert ("input", "tool", "none") in told
    assert ("tool_results", "tool", "none") in told
    assert ("passages", "passage", PASSAGE) in told
    assert ("output", "assistant", PASSAGE) in told
    (last,) = [each["context"] for each in server.asked if each["place"] == "output"]
    assert last == {
        "request": QUESTION,
        "knowledge": [PASSAGE],
        "today": memory.calls()[0].received_at.date().isoformat(),
        "level": 3,
    }
    assert server.headers[0][""] == "POST /check HTTP/1.1"
    assert memory.calls()[0].scan == "scanned"


async def test_several_guards_in_one_policy_keep_their_names(build: Build, server: GuardServer, upstream: FakeUpstream) -> None:
    async with GuardServer(lambda question: {"verdict": "block", "score": 0.9, "findings": [found(0, 4)]}) as other:
        memory = build(rule(server, on=("input",)), rule(other, "legal", on=("input",), action="refuse"))
        response = await chat(memory.gateway, TEST_KEY, text="text")
        assert "'legal'" in response.json()["error"]["message"]
        (call,) = memory.calls()
        assert [(each.guard, each.verdict) for each in call.guards] == [("tone", "pass"), ("legal", "block")]
        assert call.guards[1].types == {"RUDE": 1}
        assert (
            'groundcrew_guard_verdicts_total{guard="legal",place="input",verdict="block"} 1.0'
            in memory.gateway.metrics.render().decode()
        )
    assert upstream.requests == []


def flagging(word: str) -> Callable[[dict[str, Any]], Any]:
    def script(question: dict[str, Any]) -> Any:
        start = question["text"].find(word)
        findings = [found(start, start + len(word))] if start >= 0 else []
        return {"verdict": "block" if findings else "pass", "score": 0.9 if findings else 0.0, "findings": findings}

    return script


async def test_a_guard_sees_masked_texts_and_its_findings_fit_the_unmasked_one(
    build: Build, server: GuardServer, upstream: FakeUpstream
) -> None:
    server.script = flagging("stupid")
    memory = build(rule(server, on=("input",), action="redact"), GuardRule(guard="pii", on=("input",), action="redact"))
    text = "anna@bank.example is stupid, call +41 44 668 18 00"
    assert (await chat(memory.gateway, TEST_KEY, text=text)).status == 200
    assert [each["text"] for each in server.asked] == ["[EMAIL] is stupid, call [PHONE]"]
    assert upstream.requests[0].last_user_text() == "[EMAIL] is [RUDE], call [PHONE]"


@given(
    text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    spans=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 12)), max_size=5),
    data=st.data(),
)
def test_findings_in_a_masked_text_cover_what_they_cover_in_the_text(text: str, spans: list[tuple[int, int]], data: Any) -> None:
    masked, offsets = redact(text, [Finding(start=a, end=a + n, type="PII", score=1.0) for a, n in spans])
    if not masked:
        return
    start = data.draw(st.integers(0, len(masked) - 1))
    end = data.draw(st.integers(start + 1, len(masked)))
    verdict = Verdict(verdict="flag", score=1.0, findings=(Finding(start=start, end=end, type="X", score=1.0),))
    (finding,) = _unmasked(verdict, offsets).findings
    assert 0 <= finding.start < finding.end <= len(text)
    for place in range(len(text)):
        now = offsets.start(place), offsets.end(place + 1)
        touches = now[0] < end and start < now[1]
        assert (finding.start <= place < finding.end) == touches


async def test_a_call_of_a_higher_class_is_not_shown(build: Build, server: GuardServer, upstream: FakeUpstream) -> None:
    pii = GuardRule(guard="pii", on=("input",), mode="monitor")
    memory = build(rule(server, on=("input",)), pii)
    response = await chat(memory.gateway, TEST_KEY, text="I am anna@bank.example")
    assert response.status == 403
    assert server.asked == upstream.requests == []
    (call,) = memory.calls()
    assert (call.guards[0].verdict, call.guards[0].reason) == ("failed", "the guard may not see pii data")
    declared = build(rule(server, on=("input",), on_failure="open"))
    headers = {"groundcrew-data-class": "pii"}
    response = await chat(declared.gateway, TEST_KEY, text="hello", headers=headers)
    assert (response.status, response.headers["groundcrew-scan"]) == (200, "not_scanned")
    assert server.asked == []
    allowed = build(rule(server, on=("input",), data_classes=("pii",)), pii)
    assert (await chat(allowed.gateway, TEST_KEY, text="I am anna@bank.example")).status == 200
    assert len(server.asked) == 1


async def test_a_guard_of_phi_needs_an_agreement(build: Build, server: GuardServer) -> None:
    for baa, asked in ((False, 0), (True, 1)):
        memory = build(
            rule(server, on=("input",), data_classes=("phi",), baa=baa, mode="monitor"),
            data_classes=("internal", "phi"),
        )
        await chat(memory.gateway, TEST_KEY, text="hello", headers={"groundcrew-data-class": "phi"})
        assert len(server.asked) == asked


async def test_a_text_that_is_stopped_here_or_could_not_be_masked_does_not_leave(build: Build, server: GuardServer) -> None:
    secret = "password: hunter2Secret9x"
    memory = build(rule(server, on=("input",)), GuardRule(guard="secrets", on=("input",)))
    assert (await chat(memory.gateway, TEST_KEY, text=secret)).status == 403
    (call,) = memory.calls()
    assert ([each.guard for each in call.guards], call.scan) == (["secrets"], "partial")
    unmasked = build(
        rule(server, on=("input",), mode="monitor"), GuardRule(guard="gone", on=("input",), action="redact", on_failure="open")
    )
    assert (await chat(unmasked.gateway, TEST_KEY, text=secret)).status == 200
    assert unmasked.calls()[0].guards[0].reason == "the text could not be masked before it would leave"
    assert server.asked == []


BAD_ANSWERS: list[tuple[str, Any, str]] = [
    ("no JSON", http(b"pass"), "no verdict"),
    ("empty", http(b""), "no verdict"),
    ("not UTF-8", http(b'{"verdict": "pass", "score": 0, "findings": [], "x": "\xff"}'), "no verdict"),
    ("another verdict", {"verdict": "maybe", "score": 0, "findings": []}, "no verdict"),
    ("no score", {"verdict": "pass", "findings": []}, "no verdict"),
    ("a score of words", {"verdict": "pass", "score": "0", "findings": []}, "no verdict"),
    ("a score above one", {"verdict": "pass", "score": 2, "findings": []}, "score"),
    ("not a number", http(b'{"verdict": "pass", "score": NaN, "findings": []}'), "no verdict"),
    ("a finding after the end", {"verdict": "flag", "score": 1, "findings": [found(0, 99)]}, "outside"),
    ("a finding before the start", {"verdict": "flag", "score": 1, "findings": [found(-1, 2)]}, "outside"),
    ("an empty finding", {"verdict": "flag", "score": 1, "findings": [found(2, 2)]}, "outside"),
    ("a broken offset", {"verdict": "flag", "score": 1, "findings": [{**found(0, 2), "start": 0.5}]}, "no verdict"),
    ("a type with spaces", {"verdict": "flag", "score": 1, "findings": [found(0, 2, "A B")]}, "type"),
    ("too many findings", {"verdict": "flag", "score": 1, "findings": [found(0, 1)] * (FINDINGS_MAX + 1)}, "more than"),
    ("a huge answer", http(b" " * 600_000), "larger than"),
    ("an error", http(b"{}", status="500 Internal Server Error"), "HTTP 500"),
    ("a redirection", http(b"", status="307 Temporary Redirect", headers="location: http://127.0.0.1:1/\r\n"), "HTTP 307"),
    ("another type", http(msgspec.json.encode(PASS), headers="content-type: text/plain\r\n"), "not the JSON"),
    ("compressed", http(b"{}", headers="content-type: application/json\r\ncontent-encoding: gzip\r\n"), "not the JSON"),
    ("no HTTP", b"hello\r\n\r\n", "can not be asked"),
    ("nothing", None, "no verdict within"),
    ("partly", {**PASS, "complete": False}, "a part of the text"),
]


@pytest.mark.parametrize(("answer", "says"), [each[1:] for each in BAD_ANSWERS], ids=[each[0] for each in BAD_ANSWERS])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_what_is_no_answer_is_a_failed_scan(
    build: Build, server: GuardServer, answer: Any, says: str, stream: bool
) -> None:
    server.script = lambda _question: answer
    timeout_ms = 60 if answer is None else 5_000
    memory = build(rule(server, on=("output",), timeout_ms=timeout_ms))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=stream)
    assert (response.status, response.json()["error"]["code"]) == (403, "guard_blocked")
    assert PASSAGE.encode() not in response.body
    opened = build(rule(server, on=("output",), timeout_ms=timeout_ms, on_failure="open"))
    assert (await chat(opened.gateway, TEST_KEY, text=QUESTION, stream=stream)).text() == PASSAGE
    for each in (memory, opened):
        (call,) = each.calls()
        assert says in call.guards[0].reason
        assert (call.guards[0].verdict, call.scan != "scanned") == ("failed", True)


async def test_secrets_go_into_headers_and_nowhere_else(
    build: Build, server: GuardServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TONE_KEY", "s3cret-of-the-guard")
    (tmp_path / "key").write_text("from-a-file\n")
    headers = {"authorization": "Bearer env:TONE_KEY", "x-key": f"file:{tmp_path / 'key'}", "x-team": "retail"}
    memory = build(rule(server, on=("input",), headers=headers))
    assert (await chat(memory.gateway, TEST_KEY, text="hello")).status == 200
    sent = server.headers[0]
    assert (sent["authorization"], sent["x-key"], sent["x-team"]) == ("Bearer s3cret-of-the-guard", "from-a-file", "retail")
    server.script = lambda _question: http(b"s3cret-of-the-guard", status="403 Forbidden")
    response = await chat(memory.gateway, TEST_KEY, text="hello")
    monkeypatch.delenv("TONE_KEY")
    missing = build(rule(server, on=("input",), headers={"authorization": "Bearer env:TONE_KEY"}))
    refused = await chat(missing.gateway, TEST_KEY, text="hello")
    assert refused.status == response.status == 403
    assert len(server.asked) == 2
    records = msgspec.json.encode([*memory.calls(), *missing.calls()])
    for place in (response.body, refused.body, records, caplog.text.encode(), memory.gateway.metrics.render()):
        assert b"s3cret-of-the-guard" not in place


async def test_an_address_that_is_not_allowed_is_not_asked_whatever_the_snapshot_says(build: Build, server: GuardServer) -> None:
    remote = RemoteGuard(url=server.url)
    memory = build(GuardRule(guard="http", name="tone", on=("input",), remote=remote))
    assert (await chat(memory.gateway, TEST_KEY, text="hello")).status == 403
    nowhere = build(GuardRule(guard="http", name="tone", on=("input",)))
    assert (await chat(nowhere.gateway, TEST_KEY, text="hello")).status == 403
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "plain_http", "is_fine"),
    [
        ("https://guard.example/check", False, True),
        ("http://guard.example/check", True, False),
        ("http://127.0.0.1:9/", False, False),
        ("http://127.0.0.1:9/", True, True),
        ("http://localhost/", True, True),
        ("http://[::1]:9/", True, True),
        ("http://10.1.2.3/", True, True),
        ("http://192.168.0.9/", True, True),
        ("http://[fd00::1]/", True, True),
        ("http://8.8.8.8/", True, False),
        ("http://169.254.169.254/", True, False),
        ("http://0.0.0.0/", True, False),
        ("http://localhost.evil.example/", True, False),
        ("https://user:pass@guard.example/", False, False),
        ("https://guard.example/?key=x", False, False),
        ("https://guard.example/a b", False, False),
        ("https://guard.example/\r\nx: y", False, False),
        ("ftp://guard.example/", False, False),
        ("https://", False, False),
        ("https://guard.example:99999/", False, False),
    ],
)
def test_addresses(url: str, plain_http: bool, is_fine: bool) -> None:
    assert (address_problem(url, plain_http=plain_http) == "") == is_fine


@given(st.binary(max_size=200))
def test_no_bytes_make_an_answer_by_chance(body: bytes) -> None:
    with pytest.raises(GroundcrewError):
        read_answer(b"{" + body, "text")
