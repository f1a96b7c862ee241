"""Tuned models behind an alias: one JSON answer over every route, verified before use, with guards, budgets, stops and sign-off
as for any provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.tuned import keywords

from groundcrew.domain.guard import GuardRule
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.snapshot import TunedEntry
from groundcrew.domain.use_case import Budget, SignOffCondition, SignOffRule
from groundcrew.testing import (
    TEST_KEY,
    FakeUpstream,
    MemoryGateway,
    Response,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
    request,
)
from groundcrew.tuned.answer import decided, places, read_answer

TEXT = 'Ein Fall von "fever" – später auch fever und cough, rash.'
Build = Callable[..., MemoryGateway]
CLASSES = ("public", "internal", "confidential", "pii")


@pytest.fixture
async def build(tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(
        *, model: dict[str, Any] | None = None, damage: str = "", others: tuple[Target, ...] = (), url: str = "", **fields: Any
    ) -> MemoryGateway:
        folder = tmp_path / f"model-{len(made)}"
        digest = keywords.write(folder, **(model or {}))
        if damage:
            (folder / damage).write_text("{}")
        snapshot = memory_snapshot(
            "",
            use_case=memory_use_case(solution="customized", **{k: v for k, v in fields.items() if k not in ("guards", "price")}),
            providers=(
                Provider(name="in-house", api="tuned", data_classes=CLASSES),
                Provider(name="fake", api="openai", base_url=url or "http://127.0.0.1:9", data_classes=CLASSES),
            ),
            targets=(Target(provider="in-house", model="coder@3", timeout_s=5.0, price=fields.get("price")), *others),
            guards=fields.get("guards", ()),
        )
        entry = TunedEntry(name="coder", version=3, digest=digest, architecture="keywords", folder=str(folder))
        memory = memory_gateway(snapshot, tmp_path / str(len(made)))
        memory.snapshots.change(tuned={"coder@3": entry})
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


async def post(memory: MemoryGateway, path: str, body: dict[str, Any]) -> Response:
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    return await request(memory.gateway, path, headers=headers, body=json.dumps({"model": "writer", **body}).encode())


BOTH = pytest.mark.parametrize("stream", [False, True])
BY_RULES = SignOffRule(when="rules", qualification="coder", rules=(SignOffCondition(share=0.0),))


@BOTH
async def test_the_answer_names_labels_with_their_evidence(build: Build, stream: bool) -> None:
    memory = build(model={"person_below": 0.5})
    response = await chat(memory.gateway, TEST_KEY, text=TEXT, stream=stream)
    assert response.status == 200
    found = json.loads(response.text())
    assert found["labels"] == ["A01.1", "B02.2"]
    assert (found["model"], found["trust"], found["needs_person"]) == ("coder@3", 0.6, False)
    assert [each["kept"] for each in found["suggestions"]] == [True, True, False]
    for suggestion in found["suggestions"]:
        assert suggestion["evidence"]
        for each in suggestion["evidence"]:
            assert TEXT[each["start"] : each["end"]] == each["text"]
    assert response.headers["groundcrew-trust"] == "0.6000"
    report = response.events()[-2]["groundcrew"] if stream else response.json()["groundcrew"]
    assert (report["trust"], report["state"], len(report["claims"])) == (0.6, "supported", 4)
    for claim in report["claims"]:
        quoted = report["sources"][claim["source"]]["text"][slice(*claim["quote"])]
        assert json.loads(response.text()[claim["start"] : claim["end"]]) == quoted
    (call,) = memory.calls()
    assert (call.status, call.provider, call.target_model, call.cost_usd) == ("answered", "in-house", "coder@3", 0.0)
    assert call.details["price"] == "embedded"
    assert call.details["tuned"]["digest"] == found["digest"]
    assert (call.input_tokens, call.output_tokens) == (-(-len(TEXT.encode()) // 3), -(-len(response.text().encode()) // 3))


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        ("/v1/responses", {"input": TEXT}, lambda body: body["output"][0]["content"][0]["text"]),
        (
            "/v1/messages",
            {"max_tokens": 500, "messages": [{"role": "user", "content": TEXT}]},
            lambda body: body["content"][0]["text"],
        ),
    ],
)
async def test_other_routes_say_the_same(build: Build, path: str, body: dict[str, Any], read: Callable[[Any], str]) -> None:
    memory = build()
    response = await post(memory, path, body)
    assert response.status == 200
    assert json.loads(read(response.json()))["labels"] == ["A01.1", "B02.2"]
    plain = await chat(memory.gateway, TEST_KEY, text=TEXT)
    assert read(response.json()) == plain.text()
    streamed = await post(memory, path, {"stream": True, **body})
    assert streamed.status == 200
    assert b"A01.1" in streamed.body


async def test_only_the_last_message_of_the_user_is_read(build: Build) -> None:
    memory = build()
    messages = [
        {"role": "system", "content": "cough"},
        {"role": "user", "content": "rash"},
        {"role": "assistant", "content": "cough"},
        {"role": "user", "content": "fever"},
    ]
    response = await chat(memory.gateway, TEST_KEY, messages=messages)
    assert json.loads(response.text())["labels"] == ["A01.1"]
    assert json.loads(response.text())["suggestions"][0]["evidence"] == [{"start": 0, "end": 5, "text": "fever"}]


async def test_a_model_below_its_bound_is_held_wherever_a_person_may_sign(build: Build) -> None:
    held = await chat(build(sign_off=BY_RULES).gateway, TEST_KEY, text=TEXT)
    assert held.status == 202
    assert "leaves this case to a person" in held.json()["groundcrew"]["reason"]
    assert b"A01.1" not in held.body
    sure = await chat(build(sign_off=BY_RULES).gateway, TEST_KEY, text="only fever")
    assert sure.status == 200
    nobody = build()
    flagged = await chat(nobody.gateway, TEST_KEY, text=TEXT)
    assert flagged.status == 200
    assert flagged.json()["groundcrew"]["flags"] == ["a person should decide: below the bound"]
    assert flagged.json()["groundcrew"]["state"] == "unsupported"
    assert json.loads(flagged.text())["needs_person"]


async def test_a_rule_on_trust_reads_the_models_own(build: Build) -> None:
    rule = SignOffRule(when="rules", qualification="coder", rules=(SignOffCondition(trust_below=0.8),))
    memory = build(sign_off=rule, model={"person_below": None})
    assert (await chat(memory.gateway, TEST_KEY, text=TEXT)).status == 202
    assert (await chat(memory.gateway, TEST_KEY, text="fever")).status == 200
    nothing = await chat(memory.gateway, TEST_KEY, text="nothing of the kind")  # not calibrated: unknown is never a pass
    assert nothing.status == 202
    held = memory.calls()[0]
    assert held.status == "held"
    assert held.withheld_trust is not None
    assert held.withheld_trust.claims
    assert read_answer(held.withheld_answer) is not None


@pytest.mark.parametrize(
    ("damage", "expected"), [(keywords.FILE, "labels.json: was changed"), ("more.json", "more.json: is no part of the model")]
)
async def test_a_damaged_model_answers_nothing_and_says_why(build: Build, damage: str, expected: str) -> None:
    memory = build(damage=damage)
    for _ in range(2):
        response = await chat(memory.gateway, TEST_KEY, text=TEXT)
        assert (response.status, response.json()["error"]["code"]) == (502, "upstream_error")
        assert expected in response.json()["error"]["message"]
        assert str(Path(memory.snapshots.current.tuned["coder@3"].folder).parent) not in response.json()["error"]["message"]


async def test_a_model_that_is_not_there_or_fails_leaves_the_call_to_the_next_target(build: Build) -> None:
    with FakeUpstream("from elsewhere") as upstream:
        memory = build(others=(Target(provider="fake", model="fake-model-1"),), url=upstream.url)
        memory.snapshots.change(tuned={})
        assert (await chat(memory.gateway, TEST_KEY, text=TEXT)).text() == "from elsewhere"
        failing = build(model={"settings": {"fail": True}})
        response = await chat(failing.gateway, TEST_KEY, text=TEXT)
        assert response.status == 502
        assert "nonsense" not in response.json()["error"]["message"]


async def test_guards_mask_what_the_model_reads_and_what_it_quotes(build: Build) -> None:
    rules = (GuardRule(guard="pii", action="redact", on=("input", "output"), settings={"detect": "patterns"}),)
    memory = build(guards=rules, model={"person_below": 0.5})
    response = await chat(memory.gateway, TEST_KEY, text="anna.muster@example.org has fever")
    found = json.loads(response.text())
    assert found["labels"] == ["A01.1"]
    (source,) = response.json()["groundcrew"]["sources"]
    assert "anna.muster" not in source["text"]
    (call,) = memory.calls()
    assert "anna.muster" not in json.dumps([call.request, call.answer, [each.text for each in call.sources]])


@pytest.mark.parametrize("mask", ["patterns", "full"])
async def test_what_is_recorded_is_masked_though_no_policy_asks(build: Build, mask: str) -> None:
    memory = build(sign_off=SignOffRule(when="always", qualification="coder"), mask=mask)
    await chat(memory.gateway, TEST_KEY, text="Mail anna.muster@example.org: fever")
    (call,) = memory.calls()
    recorded = json.dumps([call.request, call.withheld_answer, [each.text for each in call.sources], call.details])
    assert "anna.muster" not in recorded
    assert call.withheld_trust is not None
    (claim,) = call.withheld_trust.claims
    assert claim.quote is not None
    assert call.sources[0].text[slice(*claim.quote)] == "fever"
    answer = read_answer(call.withheld_answer)
    assert answer is not None
    assert (answer.digest, answer.labels) == (call.details["tuned"]["digest"], ("A01.1",))


async def test_the_usual_guards_leave_the_answer_readable(build: Build) -> None:
    rules = tuple(GuardRule(guard=name, action="redact", on=("output",)) for name in ("pii", "secrets"))
    memory = build(guards=rules, model={"person_below": 0.5})
    answer = read_answer((await chat(memory.gateway, TEST_KEY, text=TEXT)).text())
    assert answer is not None
    assert answer.digest == memory.snapshots.current.tuned["coder@3"].digest


async def test_budgets_bound_it(build: Build) -> None:
    memory = build(budget=Budget(tokens_per_day=400))
    statuses = [(await chat(memory.gateway, TEST_KEY, text=TEXT, max_tokens=50)).status for _ in range(4)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


async def test_a_stop_cuts_a_call_that_computes_and_refuses_the_next(build: Build) -> None:
    memory = build(model={"settings": {"slow_s": 0.4}})
    running = asyncio.create_task(chat(memory.gateway, TEST_KEY, text=TEXT))
    for _ in range(500):
        if memory.gateway.inflight():
            break
        await asyncio.sleep(0.01)
    memory.snapshots.stop(Scope("provider", "in-house"))
    response = await running
    assert response.status == 503
    assert (await chat(memory.gateway, TEST_KEY, text=TEXT)).status == 503


async def test_the_event_loop_goes_on_and_the_queue_is_bounded(build: Build) -> None:
    memory = build(model={"settings": {"slow_s": 0.2}})
    memory.gateway._tuned._waiting_max = 2
    running = [asyncio.create_task(chat(memory.gateway, TEST_KEY, text=TEXT)) for _ in range(4)]
    statuses = sorted([(await each).status for each in running])
    assert statuses == [200, 200, 502, 502]
    assert (await chat(memory.gateway, TEST_KEY, text=TEXT)).status == 200


async def test_a_model_that_takes_too_long_is_a_timeout(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = build(model={"settings": {"slow_s": 0.5}})
    model = memory.snapshots.current.models["writer"]
    slow = Target(provider="in-house", model="coder@3", timeout_s=0.05)
    memory.snapshots.change(models={"writer": type(model)(name="writer", targets=(slow,))})
    response = await chat(memory.gateway, TEST_KEY, text=TEXT)
    assert (response.status, response.json()["error"]["code"]) == (504, "upstream_timeout")


async def test_a_model_is_loaded_once_and_anew_for_another_digest(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundcrew.tuned import loading

    loaded: list[str] = []
    monkeypatch.setitem(
        loading.LOADERS, keywords.NAME, lambda folder, manifest: loaded.append(folder.name) or keywords.load(folder, manifest)
    )
    memory = build()
    for _ in range(3):
        await chat(memory.gateway, TEST_KEY, text=TEXT)
    assert loaded == ["model-0"]
    other = Path(memory.snapshots.current.tuned["coder@3"].folder).parent / "other"
    digest = keywords.write(other, threshold=0.65)
    entry = TunedEntry(name="coder", version=3, digest=digest, architecture="keywords", folder=str(other))
    memory.snapshots.change(tuned={"coder@3": entry})
    assert json.loads((await chat(memory.gateway, TEST_KEY, text=TEXT)).text())["labels"] == ["A01.1"]
    assert loaded == ["model-0", "other"]


async def test_a_person_changes_labels_and_the_rest_stays(build: Build) -> None:
    answer = read_answer((await chat(build().gateway, TEST_KEY, text=TEXT)).text())
    assert answer is not None
    left = decided(answer, ["C03.3", "Z99.9", "A01.1"], {"Z99.9": "By hand"})
    assert read_answer(left.text) == left
    assert [(each.label, each.kept, each.added_by_person) for each in left.suggestions] == [
        ("A01.1", True, False),
        ("B02.2", False, False),
        ("C03.3", True, False),
        ("Z99.9", True, True),
    ]
    assert left.labels == ("C03.3", "Z99.9", "A01.1")
    assert len(list(places(left, left.text))) == 5
    assert read_answer("I would rather not") is None


BOX = "anna.muster@example.org"
MAILBOXES = {"mail": keywords.Label(word=BOX, score=0.9, title=f"Mailbox {BOX}")}


async def test_a_word_of_a_title_is_masked_where_it_is_quoted_from_a_request(build: Build) -> None:
    """A title may hold a name, as diseases and mailboxes do; whoever bears it in a request is a person."""
    guards = (GuardRule(guard="pii", action="redact", on=("output",), settings={"detect": "patterns"}),)
    for rules in ((), guards):
        memory = build(model={"labels": MAILBOXES}, guards=rules)
        response = await chat(memory.gateway, TEST_KEY, text=f"write to {BOX} today")
        (call,) = memory.calls()
        for answer in (read_answer(call.answer), read_answer(response.text()) if rules else None):
            if answer is not None:
                (found,) = answer.suggestions
                assert (found.label, found.title) == ("mail", f"Mailbox {BOX}")
                assert BOX not in found.evidence[0].text
        assert BOX not in call.request


async def test_a_model_that_is_dropped_for_another_fails_its_callers_with_an_answer(build: Build) -> None:
    memory = build(model={"settings": {"slow_s": 0.2}})
    models = memory.gateway._tuned
    models._models_max = 1
    running = [asyncio.create_task(chat(memory.gateway, TEST_KEY, text=TEXT)) for _ in range(3)]
    for _ in range(500):
        if memory.gateway.inflight() == 3 and models._models:
            break
        await asyncio.sleep(0.01)
    other = Path(memory.snapshots.current.tuned["coder@3"].folder).parent / "other"
    entry = TunedEntry(
        name="coder", version=4, digest=keywords.write(other, threshold=0.65), architecture=keywords.NAME, folder=str(other)
    )
    assert (await models.predict(entry, TEXT)).labels == ("A01.1",)
    answers = await asyncio.gather(*running)
    assert {each.status for each in answers} <= {200, 502}
    assert any(each.status == 502 and each.json()["error"]["code"] == "upstream_error" for each in answers)


@pytest.mark.parametrize(("autonomy", "status"), [("assist", 200), ("act_and_review", 202), ("autonomous", 202)])
async def test_what_is_left_to_a_person_waits_without_a_rule_where_nobody_else_looks(
    build: Build, autonomy: str, status: int
) -> None:
    memory = build(autonomy=autonomy)
    for stream in (False, True):
        response = await chat(memory.gateway, TEST_KEY, text=TEXT, stream=stream)
        assert (b"A01.1" in response.body) == (status == 200)
        assert stream or response.status == status
    assert (await chat(memory.gateway, TEST_KEY, text="only fever")).status == 200


@pytest.mark.parametrize(
    "content", ["", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}], "\x00 fever " * 2_000]
)
async def test_a_message_without_words_and_one_that_is_long_are_answered(build: Build, content: Any) -> None:
    response = await chat(build().gateway, TEST_KEY, messages=[{"role": "user", "content": content}])
    assert response.status in (200, 400)
    if response.status == 200 and not isinstance(content, str | None):
        assert json.loads(response.text())["needs_person"]


async def test_half_a_character_is_refused(build: Build) -> None:
    headers = {"authorization": f"Bearer {TEST_KEY}"}
    body = b'{"model": "writer", "messages": [{"role": "user", "content": "fever \\ud800"}]}'
    assert (await request(build().gateway, "/v1/chat/completions", headers=headers, body=body)).status in (200, 400)
