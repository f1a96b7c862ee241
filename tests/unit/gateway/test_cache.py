"""The response cache: the same request gets the same answer without an upstream, and never anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.domain.guard import GuardRule
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import CacheRule, SignOffRule
from groundcrew.gateway.cache import ENTRY_OVERHEAD_BYTES, AnswerCache, CachedAnswer, cache_key
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
)

RULE = CacheRule(ttl_s=3_600)
CUT_OFF = {"index": 0, "message": {"role": "assistant", "content": "cut"}, "finish_reason": "length"}


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream("one two three four") as fake:
        yield fake


def build(upstream: FakeUpstream, folder: Path, *, guards: tuple[GuardRule, ...] = (), **fields: Any) -> MemoryGateway:
    use_case = memory_use_case(**({"cache": RULE} | fields))
    return memory_gateway(memory_snapshot(upstream.url, use_case=use_case, guards=guards), folder)


@pytest.fixture
async def memory(upstream: FakeUpstream, tmp_path: Path) -> Iterator[MemoryGateway]:
    made = build(upstream, tmp_path)
    yield made
    await made.gateway.close()
    made.spool.close()


async def ask(memory: MemoryGateway, text: str = "hi", **fields: Any) -> Response:
    return await chat(memory.gateway, TEST_KEY, text=text, **fields)


def looked(response: Response) -> str | None:
    return response.headers.get("groundcrew-cache")


async def test_the_second_time_no_upstream_is_asked(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    first, second = await ask(memory), await ask(memory)
    assert (looked(first), looked(second)) == ("miss", "hit")
    assert (second.status, second.text()) == (200, first.text())
    assert len(upstream.requests) == 1
    asked, again = memory.calls()
    assert (again.cached_from, asked.cached_from) == (asked.id, None)
    assert again.id != asked.id
    assert (again.input_tokens, again.output_tokens, again.cost_usd, again.provider) == (0, 0, 0.0, None)
    assert (again.answer, again.answer_sha256, again.status) == (asked.answer, asked.answer_sha256, "answered")
    assert second.json()["usage"]["total_tokens"] == 0
    assert second.json()["id"] == "chatcmpl-" + again.id
    assert memory.gateway.ledger.used("demo", memory.gateway.clock.now()).tokens_today == asked.input_tokens + asked.output_tokens


@pytest.mark.parametrize("first", [False, True])
async def test_streams_and_plain_answers_share_what_is_kept(memory: MemoryGateway, upstream: FakeUpstream, first: bool) -> None:
    asked, again = await ask(memory, stream=first), await ask(memory, stream=not first)
    assert (looked(again), again.text()) == ("hit", asked.text())
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("change", [{"temperature": 0.5}, {"user": "anna"}, {"max_tokens": 9}, {"text": "ho"}])
async def test_another_request_is_another_key(memory: MemoryGateway, upstream: FakeUpstream, change: dict[str, Any]) -> None:
    await ask(memory)
    assert looked(await ask(memory, **change)) == "miss"


async def test_another_data_class_is_another_key(memory: MemoryGateway) -> None:
    await ask(memory)
    assert looked(await ask(memory, headers={"groundcrew-data-class": "pii"})) == "miss"


@pytest.mark.parametrize("reply", [Reply(extra={"choices": [CUT_OFF]}), Reply(status=500), Reply(text="x", fault="malformed")])
async def test_only_whole_answers_are_kept(memory: MemoryGateway, upstream: FakeUpstream, reply: Reply) -> None:
    upstream.script = reply
    await ask(memory)
    upstream.script = Reply(text="whole")
    response = await ask(memory)
    assert (looked(response), response.text()) == ("miss", "whole")


async def test_who_wants_none_gets_none_and_leaves_none(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    no_store = {"cache-control": "no-store"}
    assert looked(await ask(memory, headers=no_store)) is None
    assert looked(await ask(memory)) == "miss"
    assert looked(await ask(memory, headers=no_store)) is None
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("fields", [{"n": 2}, {"logprobs": True}])
async def test_answers_of_more_than_one_text_are_not_kept(memory: MemoryGateway, fields: dict[str, Any]) -> None:
    assert looked(await ask(memory, **fields)) is None


async def test_nothing_is_kept_unless_declared_nor_where_people_sign(upstream: FakeUpstream, tmp_path: Path) -> None:
    rule = SignOffRule(when="always", qualification="agent")
    for number, fields in enumerate(({"cache": None}, {"sign_off": rule})):
        memory = build(upstream, tmp_path / str(number), **fields)
        assert [looked(await ask(memory)) for _ in range(2)] == [None, None]
        assert len(memory.gateway.cache) == 0
        await memory.gateway.close()
        memory.spool.close()


async def test_a_change_of_the_use_case_forgets_its_answers(memory: MemoryGateway) -> None:
    await ask(memory)
    memory.snapshots.change()
    assert looked(await ask(memory)) == "hit", "another version of the snapshot with the same entry"
    memory.snapshots.change_use_case("demo", prompt="Be brief.")
    assert looked(await ask(memory)) == "miss"
    memory.snapshots.change_use_case("demo", prompt="")
    assert looked(await ask(memory)) == "miss"


async def test_stops_and_keys_count_before_the_cache(memory: MemoryGateway) -> None:
    await ask(memory)
    memory.snapshots.stop(Scope("use-case", "demo"))
    assert (await ask(memory)).json()["error"]["code"] == "kill_switch"
    memory.snapshots.change(stopped=frozenset(), keys={})
    assert (await ask(memory)).json()["error"]["code"] == "invalid_key"


async def test_guards_look_at_what_is_given_again(upstream: FakeUpstream, tmp_path: Path) -> None:
    guards = (GuardRule(guard="pii", on=("input", "output"), mode="enforce", action="redact"),)
    memory = build(upstream, tmp_path, guards=guards)
    await ask(memory)
    again = await ask(memory)
    assert (looked(again), again.headers["groundcrew-scan"]) == ("hit", "scanned")
    assert {each.place for each in memory.calls()[-1].guards} == {"input", "output"}
    upstream.script = Reply(text="Write to anna.berger@bank.example today.")
    for _ in range(2):
        response = await ask(memory, text="whom?")
        assert looked(response) == "miss", "what had to be masked is not kept"
        assert "anna.berger" not in response.text()
    await memory.gateway.close()
    memory.spool.close()


PARTS = {
    "use_case": st.text(max_size=5),
    "version_digest": st.text(max_size=5),
    "knowledge_revision": st.none() | st.text(max_size=5),
    "data_classes": st.tuples(st.sampled_from(DATA_CLASSES), st.sampled_from(DATA_CLASSES)),
    "body": st.binary(max_size=20),
}


@given(st.fixed_dictionaries(PARTS), st.fixed_dictionaries(PARTS))
def test_keys_are_equal_only_where_everything_is(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert (cache_key(**first) == cache_key(**second)) == (first == second)


@given(st.fixed_dictionaries(PARTS), st.sampled_from(sorted(PARTS)), st.data())
def test_any_one_difference_is_another_key(parts: dict[str, Any], name: str, data: st.DataObject) -> None:
    other = data.draw(PARTS[name].filter(lambda value: value != parts[name]))
    assert cache_key(**parts) != cache_key(**(parts | {name: other}))


def put(cache: AnswerCache, key: str, text: str = "x", *, use_case: str = "demo", entries_max: int = 100) -> None:
    cache.store(key, CachedAnswer(call_id=key, text=text), use_case=use_case, ttl_s=10.0, entries_max=entries_max)


def test_answers_go_when_their_time_is_over() -> None:
    now = [0.0]
    cache = AnswerCache(clock_s=lambda: now[0])
    put(cache, "a")
    now[0] = 9.9
    assert cache.lookup("a") is not None
    now[0] = 10.0
    assert cache.lookup("a") is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_what_was_used_least_recently_goes_first() -> None:
    cache = AnswerCache()
    for key in "abc":
        put(cache, key, entries_max=3)
    assert cache.lookup("a")
    put(cache, "d", entries_max=3)
    assert [key for key in "abcd" if cache.lookup(key)] == ["a", "c", "d"]
    put(cache, "e", use_case="other", entries_max=1)
    assert len(cache) == 4, "use cases do not push each other out by number"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["demo", "other"]), st.integers(0, 400)), max_size=40))
def test_memory_is_bounded_and_counted(steps: list[tuple[str, str, int]]) -> None:
    limit = 3 * (ENTRY_OVERHEAD_BYTES + 200)
    cache = AnswerCache(bytes_max=limit)
    for key, use_case, size in steps:
        put(cache, key + use_case, "é" * size, use_case=use_case)
        assert cache.bytes <= limit
        kept = [cache.lookup(name + other) for name in "abcdef" for other in ("demo", "other")]
        assert cache.bytes == sum(len(each.text.encode()) + ENTRY_OVERHEAD_BYTES for each in kept if each)
    cache.clear("demo")
    cache.clear("other")
    assert (cache.bytes, len(cache)) == (0, 0)


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    cache = AnswerCache(bytes_max=1_000)
    put(cache, "a", "x" * 1_000)
    assert len(cache) == 0
    assert msgspec.json.encode(cache.lookup("a")) == b"null"
