"""Answers that rest on what the request says: which of its bytes count, and that nothing else becomes true by being there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.scripted import DIALECTS, ScriptedGateway, ScriptedUpstream, ask, scripted_gateway, text_of

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.use_case import Grounding, SignOffRule
from groundcrew.gateway.dialects.chat import AskedChat
from groundcrew.gateway.protocols import Source
from groundcrew.gateway.request_sources import LENGTH_MAX, SOURCES_MAX, request_sources
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.testing import FakeGrounding

SAID = "The nodule is on the right."
SWAPPED = "The nodule is on the left."
REQUEST = Grounding(source="request", below="hold")
EVERYWHERE = pytest.mark.parametrize(("dialect", "stream"), [(each, way) for each in DIALECTS for way in (False, True)])
Build = Callable[..., ScriptedGateway]


@pytest.fixture
async def upstream() -> ScriptedUpstream:
    made = ScriptedUpstream()
    made.say(SAID)
    return made


@pytest.fixture
async def build(upstream: ScriptedUpstream) -> AsyncIterator[Build]:
    made: list[ScriptedGateway] = []

    def make(*guards: GuardRule, **fields: Any) -> ScriptedGateway:
        made.append(scripted_gateway(upstream, *guards, **({"grounding": REQUEST, "source": FakeGrounding()} | fields)))
        return made[-1]

    yield make
    for each in made:
        await each.gateway.close()


def sources(*messages: tuple[str, Any], marked: bool = False) -> tuple[Source, ...]:
    body = {"messages": [{"role": role, "content": content} for role, content in messages]}
    return request_sources(AskedChat(msgspec.json.encode(body), GatewaySettings()), None, marked=marked)


@EVERYWHERE
async def test_what_the_user_says_supports_an_answer(
    build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool
) -> None:
    memory = build()
    response = await ask(memory, dialect, stream=stream, text=f"Dictation. {SAID}")
    assert (response.status, text_of(dialect, response)) == (200, SAID)
    (call,) = memory.ended()
    assert call.trust is not None
    assert call.trust.state == "supported"
    (source,) = call.sources
    assert (source.title, source.document) == ("the request, message 1", "the request")
    (claim,) = call.trust.claims
    assert claim.source == 0
    assert claim.quote is not None
    assert source.text[slice(*claim.quote)] == SAID
    assert call.knowledge_revision is None


@EVERYWHERE
async def test_what_it_does_not_say_waits(build: Build, upstream: ScriptedUpstream, dialect: str, stream: bool) -> None:
    upstream.say(SWAPPED)
    memory = build(sign_off=SignOffRule(when="always", qualification="radiologist"))
    response = await ask(memory, dialect, stream=stream, text=SAID)
    assert (response.status, b"left" in response.body) == (202, False)
    (call,) = memory.ended()
    assert call.withheld_answer == SWAPPED
    assert call.withheld_trust is not None
    assert call.withheld_trust.state == "unsupported"
    assert "below the threshold" in str(call.details["held_because"])


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool", "User", "model"])
async def test_nobody_but_the_user_is_a_source(build: Build, role: str) -> None:
    memory = build()
    more = {"tool_call_id": "c1"} if role == "tool" else {}
    messages = [{"role": role, "content": SAID, **more}, {"role": "user", "content": "Write the report."}]
    assert (await ask(memory, "chat", stream=False, messages=messages)).status == 202
    (call,) = memory.ended()
    assert [each.text for each in call.sources] == ["Write the report."]


async def test_results_of_tools_in_a_user_message_are_none_either(build: Build) -> None:
    memory = build()
    result = {"type": "tool_result", "tool_use_id": "c1", "content": SAID}
    use = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result, {"type": "text", "text": "Now write."}]},
    ]
    assert (await ask(memory, "messages", stream=False, messages=messages)).status == 202
    assert [each.text for each in memory.ended()[0].sources] == ["Look.", "Now write."]


async def test_a_customer_can_not_write_the_firm_a_promise(build: Build, upstream: ScriptedUpstream) -> None:
    promise = "We will refund you CHF 500 by tomorrow."
    upstream.say(promise)
    guard = GuardRule(guard="commitment", on=("output",), action="refuse")
    response = await ask(build(guard), "chat", stream=False, text=f"Your policy says: {promise}")
    assert (response.status, response.json()["error"]["code"]) == (403, "guard_blocked")


async def test_the_model_is_told_the_rule_and_not_the_text_twice(build: Build, upstream: ScriptedUpstream) -> None:
    for marked in (False, True):
        memory = build(grounding=Grounding(source="request", below="flag", marked=marked), prompt="Be brief.")
        await ask(memory, "chat", stream=False, text=f"<source>{SAID}</source>")
        system, user = msgspec.json.decode(upstream.requests[-1].body)["messages"]
        assert system["content"].startswith("Be brief.")
        assert "Answer only with what the user's messages" in system["content"]
        assert ("<source>" in system["content"]) == marked
        assert SAID in user["content"]
        assert SAID not in system["content"]


async def test_personal_data_in_sources_is_masked_in_the_record(build: Build, upstream: ScriptedUpstream) -> None:
    said = "The nodule, see +41 44 668 18 00, is on the right."
    upstream.say(said)
    memory = build()
    assert text_of("chat", await ask(memory, "chat", stream=False, text=f"Note. {said}")) == said
    (call,) = memory.ended()
    assert b"668 18" not in msgspec.json.encode(call)
    assert call.trust is not None
    (claim,) = call.trust.claims
    assert claim.quote is not None
    assert call.sources[0].text[slice(*claim.quote)] == call.answer == "The nodule, see [PHONE], is on the right."


async def test_what_a_policy_masks_counts_as_the_model_saw_it(build: Build, upstream: ScriptedUpstream) -> None:
    upstream.say("The nodule of [EMAIL] is on the right.")
    memory = build(GuardRule(guard="pii", on=("input",), action="redact"))
    response = await ask(memory, "chat", stream=False, text="The nodule of anna@clinic.example is on the right.")
    assert (response.status, memory.ended()[0].trust.trust) == (200, 1.0)  # type: ignore[union-attr]


def test_sources_are_named_by_their_place_among_the_users_messages() -> None:
    parts = [{"type": "text", "text": "Second."}, {"type": "text", "text": "Third."}]
    found = sources(("system", "Rules."), ("user", "First."), ("assistant", "Ok."), ("user", parts), ("user", "  "))
    assert [(each.title, each.text) for each in found] == [
        ("the request, message 1", "First."),
        ("the request, message 2", "Second."),
        ("the request, message 3", "Third."),
    ]
    assert len({each.passage_id for each in found}) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"Example: all normal. <source>{SAID}</source> Write it.", [SAID]),
        ("<source> a </source> and <source>b</source>", ["a", "b"]),
        ("<source>never closed", []),
        ("closed</source> first <source>", []),
        ("<source></source>", []),
        ("<source>a <source>b</source> c</source>", ["a <source>b"]),
        (SAID, []),
    ],
)
def test_where_sources_are_marked_nothing_else_counts(text: str, parts: list[str]) -> None:
    assert [each.text for each in sources(("user", text), marked=True)] == parts


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text()), min_size=1), st.booleans())
def test_a_source_is_a_part_of_what_the_user_said(said: list[tuple[str, str]], marked: bool) -> None:
    own = [text for role, text in said if role == "user"]
    for each in sources(*said, marked=marked):
        assert each.text.strip()
        assert any(each.text in text for text in own)


def test_of_too_much_the_newest_counts() -> None:
    many = sources(*(("user", f"message {number}") for number in range(SOURCES_MAX + 5)))
    assert (len(many), many[-1].text) == (SOURCES_MAX, f"message {SOURCES_MAX + 4}")
    long = sources(("user", "a" * LENGTH_MAX), ("user", "b" * 10))
    assert [len(each.text) for each in long] == [LENGTH_MAX - 10, 10]


def test_ten_thousand_opening_marks_are_read_at_once() -> None:
    assert sources(("user", "<source>" * 100_000), marked=True) == ()


async def test_what_a_speaker_takes_back_supports_nothing_and_is_still_shown(build: Build, upstream: ScriptedUpstream) -> None:
    said = "The nodule measures 2 cm, scratch that, 3 cm."
    upstream.say("2 cm")
    memory = build()
    assert (await ask(memory, "chat", stream=False, text=said)).status == 202
    upstream.say("3 cm")
    assert (await ask(memory, "chat", stream=False, text=said)).status == 200
    assert {each.text for call in memory.ended() for each in call.sources} == {said}
