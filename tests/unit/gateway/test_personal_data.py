"""Personal data on their way: consistent tags for the provider, values back for the client, nothing of them in any record."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import CacheRule, Grounding
from groundcrew.gateway import masking
from groundcrew.guards import pii, registry, runner
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
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

ANNA, LUCA = "anna.muster@bank.example", "luca.rossi@bank.example"
#: What these tests send is found by patterns; the network has its own.
PATTERNS = {"detect": "patterns"}
RESTORE = GuardRule(guard="pii", on=("input", "tool_results"), action="redact", settings={"restore": True, "detect": "patterns"})
CHECKED = GuardRule(guard="secrets", on=("output",), action="refuse")
MRN = "MRN: 48210977"
MONITOR = GuardRule(guard="pii", on=("input", "passages", "tool_results"), mode="monitor", settings=PATTERNS)
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("fine") as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule, api: Any = "openai", passages: tuple[str, ...] = (), baa: bool = False, **fields: Any) -> Any:
        classes = fields.pop("provider_classes", ("public", "internal", "pii"))
        provider = Provider(name="fake", api=api, base_url=upstream.url, data_classes=classes, baa=baa)
        knowledge = KnowledgeEntry(
            name="kb", revision="r1", folder="unused", expires_at_s=4e9, data_class=fields.pop("knowledge_class", "internal")
        )
        snapshot = memory_snapshot(
            upstream.url, providers=(provider,), use_case=memory_use_case(**fields), guards=guards, knowledge=(knowledge,)
        )
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=FakeGrounding(*passages))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


async def say(memory: MemoryGateway, dialect: str, *texts: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    messages = [{"role": "user", "content": text} for text in texts]
    named = "input" if dialect == "responses" else "messages"
    body = {named: messages, **({"max_tokens": 99} if dialect == "messages" else {}), **more}
    given = {"authorization": f"Bearer {TEST_KEY}", **(headers or {})}
    return await request(memory.gateway, PATHS[dialect], headers=given, body=msgspec.json.encode(body))


def recorded(memory: MemoryGateway) -> str:
    """Everything that was written, as text."""
    return msgspec.json.encode(memory.calls()).decode()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", ["openai", "anthropic"])
@pytest.mark.parametrize("dialect", sorted(PATHS))
async def test_the_client_gets_its_values_back_and_nobody_else(
    build: Build, upstream: FakeUpstream, dialect: str, api: str, stream: bool
) -> None:
    """Tags go out, values come back in the answer's text and in the arguments of its tool calls; records keep the tags."""
    call = {"id": "call_1", "type": "function", "function": {"name": "mail", "arguments": '{"to": "[EMAIL_2]", "n": 1}'}}
    upstream.script = Reply(text="Dear [EMAIL], as [EMAIL_2] said to [EMAIL_7].", tool_calls=(call,))
    memory = build(RESTORE, CHECKED, api=api)
    tool: dict[str, Any] = {"name": "mail", "description": "mails", "parameters": {"type": "object"}}
    tools = {
        "chat": [{"type": "function", "function": tool}],
        "responses": [{"type": "function", **tool}],
        "messages": [{"name": "mail", "input_schema": {"type": "object"}}],
    }[dialect]
    response = await say(memory, dialect, f"I am {ANNA}", f"and {LUCA}, {ANNA.upper()}", tools=tools, stream=stream)
    assert response.status == 200, response.body
    sent = upstream.requests[-1].text()
    assert "I am [EMAIL]" in sent
    assert "and [EMAIL_2], [EMAIL]" in sent
    assert "bank.example" not in sent.lower()
    seen = response.body.decode()
    assert "[EMAIL]" not in seen.replace("\\", "")
    assert f"Dear {ANNA}, as {LUCA} said to [EMAIL_7]." in (seen if not stream else _joined(seen))
    assert LUCA in seen
    assert "bank.example" not in recorded(memory).lower()
    assert "Dear [EMAIL], as [EMAIL_2] said to [EMAIL_7]." in memory.calls()[-1].answer


def _joined(events: str) -> str:
    """The text of a stream in any dialect."""
    found: list[str] = []
    for line in events.splitlines():
        if not line.startswith("data: {"):
            continue
        value = json.loads(line[6:])
        delta = value.get("delta")
        if isinstance(delta, str) and value.get("type") == "response.output_text.delta":
            found.append(delta)
        elif isinstance(delta, dict):
            found.append(delta.get("text") or "")
        for choice in value.get("choices") or ():
            found.append(choice.get("delta", {}).get("content") or "")
    return "".join(found)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", sorted(PATHS))
@pytest.mark.parametrize("api", ["openai", "anthropic"])
async def test_an_answer_that_leaves_as_it_came_is_restored_too(
    build: Build, upstream: FakeUpstream, dialect: str, api: str, stream: bool
) -> None:
    """Without output rules the provider's own JSON leaves: with values in its texts, and nothing else changed."""
    call = {"id": "call_1", "type": "function", "function": {"name": "mail", "arguments": '{"to": "[EMAIL]"}'}}
    upstream.script = Reply(text="To [EMAIL].", reasoning="It is [EMAIL].", tool_calls=(call,))
    memory = build(RESTORE, api=api)
    response = await say(memory, dialect, f"I am {ANNA}", stream=stream)
    assert response.status == 200, response.body
    assert f"To {ANNA}." in (_joined(response.body.decode()) if stream else response.body.decode())
    assert "To [EMAIL]." not in response.body.decode()
    assert response.body.decode().count(ANNA) >= 2
    assert "bank.example" not in recorded(memory)


async def test_a_value_is_escaped_in_the_arguments_of_a_tool(build: Build, upstream: FakeUpstream) -> None:
    secret = "Pa55-word-with-a-\\-77yz"
    arguments = '{"key": "[SECRET]"}'
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    upstream.script = Reply(text="", tool_calls=(call,))
    memory = build(GuardRule(guard="secrets", on=("input",), action="redact", settings={"restore": True}))
    response = await say(memory, "chat", f"password: {secret}")
    assert secret not in upstream.requests[-1].text()
    got = response.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(got) == {"key": secret}
    assert "77yz" not in recorded(memory)  # letters that no id has


async def test_what_one_text_gives_away_is_masked_in_the_others(build: Build, upstream: FakeUpstream) -> None:
    """Also beside other findings; and it comes back, since the client sent it."""
    upstream.script = "About [MRN] and [EMAIL]."
    classes = ("internal", "pii", "phi")
    memory = build(RESTORE, data_classes=classes, provider_classes=classes)
    response = await say(memory, "chat", f"QX-7741902 is for {ANNA}", "MRN: QX-7741902", "what is QX-7741902?")
    assert response.text() == f"About QX-7741902 and {ANNA}."
    assert "7741902" not in upstream.requests[-1].text()


async def test_without_restore_the_client_sees_tags(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = "Dear [EMAIL]."
    memory = build(GuardRule(guard="pii", on=("input",), action="redact", settings=PATTERNS))
    assert (await say(memory, "chat", f"I am {ANNA}")).text() == "Dear [EMAIL]."


async def test_claims_point_into_the_restored_answer(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = "Dear [EMAIL]. The card costs CHF 20."
    memory = build(RESTORE, passages=("The card costs CHF 20.",), grounding=Grounding(knowledge="kb", mode="advisory"))
    response = await say(memory, "chat", f"I am {ANNA}, what does the card cost?")
    answer, claims = response.text(), response.json()["groundcrew"]["claims"]
    assert ANNA in answer
    assert [answer[each["start"] : each["end"]] for each in claims][-1] == "The card costs CHF 20."
    (call,) = memory.calls()
    assert call.trust is not None
    assert call.answer[call.trust.claims[-1].start : call.trust.claims[-1].end] == "The card costs CHF 20."


async def test_a_stream_masks_and_restores_like_a_whole_answer(build: Build, upstream: FakeUpstream) -> None:
    """Another value that the answer gives away has a tag of its own, however the answer leaves, and is not put back; offsets of
    claims point into what the client got."""
    other = "petra.frei@bank.example"
    upstream.script = f"Dear [EMAIL], ask {other} about it. " + "The card costs CHF 20. " * 20
    output = GuardRule(guard="pii", on=("output",), action="redact", settings=PATTERNS)
    answers = []
    for guards in ((RESTORE, output), (output,)):
        for stream in (False, True):
            memory = build(*guards, passages=("The card costs CHF 20.",), grounding=Grounding(knowledge="kb", mode="advisory"))
            response = await say(memory, "chat", f"I am {ANNA}, what does the card cost?", stream=stream)
            answer = _joined(response.body.decode()) if stream else response.text()
            report = (response.events()[-2] if stream else response.json())["groundcrew"]
            texts = [answer[each["start"] : each["end"]] for each in report["claims"]]
            assert [each for each in texts if "CHF" in each] == ["The card costs CHF 20."] * 20
            answers.append(answer)
            assert other not in recorded(memory)
    assert answers[0] == answers[1]
    assert answers[0].startswith(f"Dear {ANNA}, ask [EMAIL_2] about it.")
    assert answers[2] == answers[3]


async def test_output_guards_judge_what_the_model_said(build: Build, upstream: FakeUpstream) -> None:
    """What is put back is no finding: the client's own address does not block its answer."""
    upstream.script = "Dear [EMAIL]."
    memory = build(RESTORE, GuardRule(guard="pii", on=("output",), action="refuse", settings=PATTERNS))
    response = await say(memory, "chat", f"I am {ANNA}")
    assert (response.status, response.text()) == (200, f"Dear {ANNA}.")


async def test_one_callers_values_never_reach_another_one_through_the_cache(build: Build, upstream: FakeUpstream) -> None:
    """The masked request is the cache's key, so both get the same answer, each with its own values."""
    upstream.script = "Dear [EMAIL]."
    memory = build(RESTORE, cache=CacheRule(ttl_s=60))
    first = await say(memory, "chat", f"I am {ANNA}")
    second = await say(memory, "chat", f"I am {LUCA}")
    assert (first.text(), second.text()) == (f"Dear {ANNA}.", f"Dear {LUCA}.")
    assert second.headers["groundcrew-cache"] == "hit"
    assert len(upstream.requests) == 1


async def test_a_value_found_in_one_text_is_masked_in_all_of_the_record(build: Build, upstream: FakeUpstream) -> None:
    """Where only one place tells what a number is, the others are masked with it; so is what an upstream repeats."""
    upstream.script = Reply(status=400, error_message="no such patient: QX-7741902")
    classes = ("internal", "pii", "phi")
    memory = build(data_classes=classes, provider_classes=classes, baa=True)
    response = await say(memory, "chat", "the number is QX-7741902", "I mean my MRN: QX-7741902")
    assert response.status == 400
    assert "7741902" not in recorded(memory)
    assert memory.calls()[-1].request.startswith("user: the number is ")


async def test_names_are_masked_where_personal_data_are_declared(build: Build, upstream: FakeUpstream) -> None:
    """What only the network finds is in no record, also without any policy; `mask: patterns` leaves it."""
    upstream.script = "Dear Verena Hugentobler, the card costs CHF 20."
    for mask, found in ((None, False), ("full", False), ("patterns", True)):
        memory = build(mask=mask)
        await say(memory, "chat", "My name is Verena Hugentobler. I live in Aarau and lost my card.")
        assert ("Hugentobler" in recorded(memory)) is found
    only_internal = build(mask=None, data_classes=("internal",))
    await say(only_internal, "chat", "My name is Verena Hugentobler.")
    assert "Hugentobler" in recorded(only_internal)
    looked_for = build(GuardRule(guard="pii", on=("output",), mode="monitor"), mask=None, data_classes=("internal",))
    await say(looked_for, "chat", "My name is Verena Hugentobler.")
    assert "Hugentobler" not in recorded(looked_for)


async def test_no_more_of_a_text_is_recorded_than_was_looked_at(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pii, "TEXT_LENGTH_MAX", 400)
    memory = build(mask="full")
    assert (await say(memory, "chat", "All is well today. " * 30 + "I am Verena Hugentobler.")).status == 200
    (call,) = memory.calls()
    assert "Hugentobler" not in call.request
    assert call.request.endswith("too long to be masked)")


async def test_names_spelt_in_escapes_of_json_are_masked(build: Build, upstream: FakeUpstream) -> None:
    arguments = '{"to": "anna\\u002emuster@bank.example"}'
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    upstream.script = Reply(text="", tool_calls=(call,))
    memory = build(GuardRule(guard="pii", on=("output",), action="redact", settings=PATTERNS))
    response = await say(memory, "chat", 'the row was {"mail": "luca\\u002erossi@bank.example"}')
    assert response.status == 200
    assert "bank.example" not in response.body.decode() + recorded(memory)


@pytest.mark.parametrize("stream", [False, True])
async def test_numbers_behind_a_line_break_in_a_tool_call_are_masked(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    arguments = json.dumps({"body": "Dear team,\n+41 44 668 18 00\n4111 1111 1111 1111"})
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    upstream.script = Reply(text="", tool_calls=(call,))
    memory = build(GuardRule(guard="pii", on=("input", "output"), action="redact", settings=PATTERNS))
    response = await say(memory, "chat", json.dumps({"mail": "Regards\nCH9300762011623852957"}), stream=stream)
    assert response.status == 200
    everything = response.body.decode() + recorded(memory) + upstream.requests[-1].text()
    assert not [each for each in ("668 18", "1111 1111", "CH9300762011623852957") if each in everything]
    assert "[PHONE]" in response.body.decode()
    if not stream:
        told = response.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        assert json.loads(told) == {"body": "Dear team,\n[PHONE]\n[CREDIT_CARD]"}


async def test_a_call_that_can_not_be_masked_is_refused(
    build: Build, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed, and its refusal is recorded without any text, also where the use case would shed."""

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError(f"I saw {ANNA}")

    monkeypatch.setattr(masking, "mask_text", broken)
    for stream in (False, True):
        memory = build(recording="shed")
        response = await say(memory, "chat", f"I am {ANNA}", stream=stream)
        assert response.status == 503, response.body
        assert response.json()["error"]["code"] == "recorder_unavailable"
        (call,) = memory.calls()
        assert (call.status, call.request, call.answer, call.details["masking"]) == ("refused", "", "", "failed")
        assert "fine" not in response.body.decode() + recorded(memory)
        assert ANNA not in recorded(memory)


async def test_passages_of_personal_knowledge_are_masked_in_the_record(build: Build, upstream: FakeUpstream) -> None:
    passage = f"Ask {LUCA} about cards. The card costs CHF 20."
    upstream.script = "The card costs CHF 20."
    memory = build(passages=(passage,), grounding=Grounding(knowledge="kb", mode="advisory"), knowledge_class="pii")
    assert (await say(memory, "chat", "what about cards?")).status == 200
    (call,) = memory.calls()
    assert LUCA not in recorded(memory)
    assert call.sources[0].text == "Ask [EMAIL] about cards. The card costs CHF 20."
    quotes = [each.quote for each in call.trust.claims if each.quote]  # type: ignore[union-attr]
    assert all(call.sources[0].text[start:end] == "The card costs CHF 20." for start, end in quotes)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"groundcrew-user-id": ANNA}, 400),
        ({"groundcrew-case-id": "+41 79 123 45 67"}, 400),
        ({"groundcrew-unit-id": "MRN: 48210977"}, 400),
        ({"groundcrew-user-id": "Anna Muster"}, 200),
        ({"groundcrew-case-id": "4710-22"}, 200),
    ],
)
async def test_identifiers_that_are_personal_data(build: Build, headers: dict[str, str], status: int) -> None:
    memory = build()
    response = await say(memory, "chat", "hi", headers=headers)
    assert response.status == status
    assert not any(value in recorded(memory) for name, value in headers.items() if value != "4710-22")


async def test_whom_a_body_names_is_no_persons_name_in_the_record(build: Build) -> None:
    memory = build()
    await say(memory, "chat", "hi", user="Anna Muster")
    assert str(memory.calls()[0].user_id).startswith("sha256-")


#: What only the health system gives to a person, in the words of letters, forms and questions. All invented.
PHI = (
    "Please look up MRN 48210977.",
    "The patient's medical record number is 88-40213.",
    "Medical Record No. A4471902 was merged last week.",
    "patient id: 5512093, has he paid?",
    "Patient ID #77120045 complains of headaches",
    "chart number 90031277 is missing from the folder",
    "Patientennummer: 4419023",
    "mrn=00912847&ward=3",
    "Her health plan id is XKQ4471920.",
    "member ID: W883104725, group 12",
    "Member number WQ-1190342 is not active.",
    "Medicare beneficiary number 1EG4TE5MK73",
    "insurance policy number HP-448120-7",
    "Medicaid ID: 88104417",
    "Versichertennummer: A123456780",
    "KVNR: M310119800",
)


@pytest.mark.parametrize(
    "rules", [(), (GuardRule(guard="pii", on=("input",), mode="monitor", settings=PATTERNS),)], ids=["no policy", "monitor"]
)
@pytest.mark.parametrize("probe", PHI)
async def test_phi_never_reaches_a_provider_without_a_baa(
    build: Build, upstream: FakeUpstream, probe: str, rules: tuple[GuardRule, ...]
) -> None:
    """Every probe, whatever the policy says, on a use case that may see phi: no request leaves, none costs."""
    classes = ("internal", "pii", "phi")
    memory = build(*rules, data_classes=classes, provider_classes=classes)
    response = await say(memory, "chat", "A question about a letter.", probe)
    assert (response.status, response.json()["error"]["code"]) == (403, "data_class_not_allowed")
    assert not upstream.requests
    (call,) = memory.calls()
    assert (call.data_class, call.cost_usd, call.status) == ("phi", 0.0, "refused")


def _tool_result(dialect: str) -> dict[str, Any]:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    if dialect == "chat":
        said: list[Any] = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": calls}]
        return {"messages": [*said, {"role": "tool", "tool_call_id": "c", "content": MRN}]}
    if dialect == "responses":
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        return {
            "input": [{"role": "user", "content": "go"}, call, {"type": "function_call_output", "call_id": "c", "output": MRN}]
        }
    used = [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]
    result = [{"type": "tool_result", "tool_use_id": "c", "content": MRN}]
    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": used}, {"role": "user", "content": result}]
    return {"messages": said, "max_tokens": 9}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", sorted(PATHS))
@pytest.mark.parametrize("where", ["user", "system", "tool"])
async def test_phi_is_found_on_every_path(build: Build, upstream: FakeUpstream, dialect: str, where: str, stream: bool) -> None:
    classes = ("internal", "pii", "phi")
    memory = build(MONITOR, data_classes=classes, provider_classes=classes)
    body: dict[str, Any] = {"input" if dialect == "responses" else "messages": [{"role": "user", "content": "hello"}]}
    if where == "tool":
        body = _tool_result(dialect)
    elif where == "user":
        body = {"input" if dialect == "responses" else "messages": [{"role": "user", "content": MRN}]}
    elif dialect == "chat":
        body["messages"].insert(0, {"role": "system", "content": MRN})
    else:
        body["instructions" if dialect == "responses" else "system"] = MRN
    if dialect == "messages":
        body["max_tokens"] = 9
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    response = await request(
        memory.gateway, PATHS[dialect], headers=headers, body=msgspec.json.encode({**body, "stream": stream})
    )
    assert response.status == 403, response.body
    assert not upstream.requests
    assert memory.calls()[-1].data_class == "phi"


async def test_phi_in_embeddings_and_passages(build: Build, upstream: FakeUpstream) -> None:
    classes = ("internal", "pii", "phi")
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    memory = build(data_classes=classes, provider_classes=classes)
    answer = await request(memory.gateway, "/v1/embeddings", headers=headers, body=msgspec.json.encode({"input": ["a", MRN]}))
    assert (answer.status, answer.json()["error"]["code"]) == (403, "data_class_not_allowed")
    grounded = build(
        MONITOR,
        data_classes=classes,
        provider_classes=classes,
        passages=(f"The patient with {MRN} is seen on Monday.",),
        grounding=Grounding(knowledge="kb", mode="advisory"),
    )
    assert (await say(grounded, "chat", "who is seen on Monday?")).status == 403
    assert not upstream.requests


async def test_only_a_provider_with_a_baa_is_asked_and_shadows_are_none(build: Build, upstream: FakeUpstream) -> None:
    """Of several targets those that may see phi; a copy goes to no other either."""
    classes = ("internal", "pii", "phi")
    memory = build(MONITOR, data_classes=classes, provider_classes=classes)
    safe = Provider(name="safe", api="openai", base_url=upstream.url, data_classes=classes, baa=True)
    targets = (
        Target(provider="fake", model="unsafe"),
        Target(provider="safe", model="safe"),
        Target(provider="fake", model="shadow", role="shadow"),
    )
    current = memory.snapshots.current
    memory.snapshots.change(
        providers={**current.providers, "safe": safe}, models={"writer": Model(name="writer", targets=targets)}
    )
    for _ in range(3):
        assert (await say(memory, "chat", MRN)).status == 200
    assert await memory.gateway.shadows.drained(2.0)
    assert {each.body["model"] for each in upstream.requests} == {"safe"}


async def test_what_was_masked_counts_for_the_record_and_not_for_the_provider(build: Build, upstream: FakeUpstream) -> None:
    classes = ("internal", "pii", "phi")
    rule = GuardRule(guard="pii", on=("input",), action="redact", settings=PATTERNS)
    memory = build(rule, data_classes=classes, provider_classes=("internal",))
    assert (await say(memory, "chat", MRN)).status == 200
    assert "48210977" not in upstream.requests[-1].text()
    assert memory.calls()[-1].data_class == "phi"


async def test_a_scan_that_failed_open_hides_no_phi(
    build: Build, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = ("internal", "pii", "phi")
    rule = GuardRule(guard="pii", on=("input",), action="redact", on_failure="open")
    memory = build(rule, data_classes=classes, provider_classes=classes)

    def failing(*_: object) -> Any:
        raise RuntimeError("down")

    monkeypatch.setitem(
        registry._GUARDS, "pii", msgspec.structs.replace(registry.find_guard("pii"), check=failing, quick=failing)
    )
    assert (await say(memory, "chat", MRN)).status == 403
    assert not upstream.requests


@pytest.mark.parametrize("last", [MRN, f"write to {ANNA}"])
async def test_what_is_left_of_a_text_with_too_many_findings_counts_for_the_provider(
    build: Build, upstream: FakeUpstream, last: str
) -> None:
    """A rule masks the first thousand findings; what lies beyond reaches no provider that may not see it."""
    classes = ("internal", "pii", "phi")
    rule = GuardRule(guard="pii", on=("input",), action="redact", on_failure="open", settings=PATTERNS, timeout_ms=20_000)
    memory = build(rule, data_classes=classes, provider_classes=("internal",))
    mails = " ".join(f"a{index}@bank.example" for index in range(1_100))
    assert (await say(memory, "chat", f"{mails} {last}")).status == 403
    assert not upstream.requests


@pytest.mark.parametrize(
    "guards", [(), (GuardRule(guard="pii", on=("input",), action="redact", settings=PATTERNS, timeout_ms=20_000),)]
)
async def test_a_long_request_is_looked_through_and_masked_beside_the_event_loop(
    build: Build, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, guards: tuple[GuardRule, ...]
) -> None:
    """Megabytes of numbers take seconds, in which all other calls would stand still."""
    lengths: list[int] = []

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(text: str, *given: Any, **more: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                lengths.append(len(text))
            return work(text, *given, **more)

        return noted

    monkeypatch.setattr(pii, "find", noting(pii.find))
    monkeypatch.setattr(runner, "redact", noting(runner.redact))
    text = f"My number is 12 and I write from {ANNA}. " * 600
    assert (await say(build(*guards), "chat", text)).status == 200
    assert (ANNA in upstream.requests[-1].text()) is not bool(guards)
    assert max(lengths, default=0) < 20_000


@pytest.mark.parametrize("kind", ["tool_calls", "function_call"])
async def test_arguments_of_earlier_tool_calls_are_masked_for_the_provider_and_the_record(
    build: Build, upstream: FakeUpstream, kind: str
) -> None:
    memory = build(GuardRule(guard="pii", on=("input",), action="redact", settings={"detect": "patterns"}))
    function = {"name": "look_up", "arguments": json.dumps({"to": "anna.keller@example.com", "limit": 3})}
    calls: dict[str, Any] = {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    said = {"role": "assistant", "content": None, **(calls if kind == "tool_calls" else {"function_call": function})}
    messages = [{"role": "user", "content": "Look her up."}, said, {"role": "user", "content": "And?"}]
    assert (await chat(memory.gateway, TEST_KEY, messages=messages)).status == 200
    (sent,) = upstream.requests
    got = sent.body["messages"][1]
    own = got["tool_calls"][0]["function"] if kind == "tool_calls" else got["function_call"]
    assert (own["name"], json.loads(own["arguments"])) == ("look_up", {"to": "[EMAIL]", "limit": 3})
    assert sent.body["messages"][2] == messages[2]
    (call,) = memory.calls()
    assert "anna.keller" not in call.request
    assert call.scan == "partial", "ids and names of calls are not read"
