"""Topics, languages and schemas through the gateway: which texts of a request and parts of an answer they judge, and that a
blocked request reaches nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from groundcrew.domain.guard import GuardRule
from groundcrew.testing import TEST_KEY, FakeUpstream, MemoryGateway, chat, memory_gateway, memory_snapshot, request

Build = Callable[..., MemoryGateway]
GERMAN = "Der Zug nach Chur hat zwanzig Minuten Verspätung wegen eines umgestürzten Baumes."
FRENCH = "Le train de Lausanne a vingt minutes de retard à cause d'un arbre tombé sur la voie."
PRICE = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"], "additionalProperties": False}
ASKED = {"type": "json_schema", "json_schema": {"name": "price", "schema": PRICE}}
REQUEST_RULE = GuardRule(guard="schema", on=("output",), settings={"schema": "request"}, timeout_ms=20_000)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream('{"price": 3}') as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(*guards: GuardRule) -> MemoryGateway:
        memory = memory_gateway(memory_snapshot(upstream.url, guards=guards), tmp_path / str(len(made)))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


async def test_only_the_newest_message_of_the_user_is_judged(build: Build, upstream: FakeUpstream) -> None:
    memory = build(GuardRule(guard="language", on=("input",), settings={"allowed": ["de"]}))
    history = [
        {"role": "system", "content": "You answer the customers of a bank in German."},
        {"role": "user", "content": FRENCH},
        {"role": "assistant", "content": FRENCH},
    ]
    fine = await chat(memory.gateway, TEST_KEY, messages=[*history, {"role": "user", "content": GERMAN}])
    blocked = await chat(memory.gateway, TEST_KEY, messages=[*history, {"role": "user", "content": FRENCH + " Merci !"}])
    assert (fine.status, blocked.status) == (200, 403)
    assert len(upstream.requests) == 1


async def test_a_rule_is_made_ready_before_the_first_call(build: Build) -> None:
    examples = {
        "cards": ["My card has not arrived", "I lost my credit card", "How do I block my card?", "My card was declined"],
        "accounts": ["What is my balance?", "How do I open an account?", "Close my savings account", "Send me a statement"],
    }
    allowed = [{"topic": name, "examples": texts} for name, texts in examples.items()]
    memory = build(GuardRule(guard="topic", on=("input",), settings={"allowed": allowed}, timeout_ms=20_000))
    await memory.gateway.start()
    assert (await chat(memory.gateway, TEST_KEY, text="My new card is lost")).status == 200
    assert (await chat(memory.gateway, TEST_KEY, text="How do I cook lasagne for six people?")).status == 403


async def test_an_answer_is_held_to_what_the_request_asks_for(build: Build) -> None:
    memory = build(REQUEST_RULE)
    stricter = json.loads(json.dumps(ASKED))
    stricter["json_schema"]["schema"]["properties"]["price"]["minimum"] = 5
    for response_format, status in (
        (None, 200),
        ({"type": "json_object"}, 200),
        (ASKED, 200),
        (stricter, 403),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "https://a.example/x"}}}, 403),
    ):
        more: dict[str, Any] = {"response_format": response_format} if response_format else {}
        assert (await chat(memory.gateway, TEST_KEY, text="What does it cost?", **more)).status == status, response_format
    assert [each.guards[0].verdict for each in memory.calls()] == ["pass", "pass", "pass", "block", "failed"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/responses",
            {"input": "hello", "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "array"}}}},
        ),
        (
            "/v1/messages",
            {
                "messages": [{"role": "user", "content": "hello"}],
                "max_tokens": 50,
                "output_config": {"format": {"type": "json_schema", "schema": {"type": "array"}}},
            },
        ),
    ],
)
async def test_other_dialects_say_their_schema_elsewhere(build: Build, path: str, body: dict[str, Any]) -> None:
    memory = build(REQUEST_RULE)
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    response = await request(memory.gateway, path, headers=headers, body=json.dumps(body).encode())
    assert response.status == 403
    assert memory.calls()[0].guards[0].reason == "$: not of type array"
