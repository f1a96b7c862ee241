"""People's labels all the way round, through a live gateway with the shipped verifier: nothing is released, answers are judged,
the guarantee takes hold, the calibration changes what clients read, the gate counts, and a change of version ends it all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.services import bank

from groundcrew.app import App
from groundcrew.domain.user import User
from groundcrew.services.bundle import Services
from groundcrew.services.declarations import load
from groundcrew.settings import Settings
from groundcrew.testing import FakeUpstream, ReceivedRequest, Reply

DECLARATION = """
kind: Provider
name: scripted
api: openai
base_url: URL
api_key: env:GROUNDCREW_TEST_KEY
data_classes: [public, internal]
---
kind: Model
name: writer
targets: [{provider: scripted, model: writer-1}]
---
kind: KnowledgeBase
name: handbook
owner: desk@bank.example
paths: [handbook/]
---
kind: UseCase
name: assistant
title: Assistant
owner: maria@bank.example
champion: luca@bank.example
business_unit: retail
purpose: Answer questions from approved articles
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
PROMPT
grounding:
  knowledge: handbook
  below: refuse
  spot_checks: {share: 1.0}
  guarantee: {unsupported_max: 0.05, confidence: 0.95}
budget: {tokens_per_day: 10000000}
exposure: {ceiling_percent: 100}
"""
ARTICLE = (
    "# Fees\n\nThe everyday account costs CHF 3 a month. A replacement debit card costs CHF 20 and arrives within five working "
    "days.\n\n# Opening hours\n\nThe branch in Aarau is open on weekdays from 09:00 to 17:00.\n"
)
QUESTION = "What does the everyday account cost a month, and a replacement debit card? No. {number}"
RIGHT = "The everyday account costs CHF 3 a month. A replacement card costs CHF 20 and comes within five working days."
WRONG = "The everyday account costs CHF 3 a month. Customers also get a free concert ticket every summer."
ANSWERS, WRONG_EVERY, JUDGED_ONE_BY_ONE = 180, 4, 12


def scripted(request: ReceivedRequest) -> Reply:
    number = int(request.last_user_text().rpartition(" ")[2])
    return Reply(text=WRONG if number % WRONG_EVERY == 0 else RIGHT)


def is_right(answer: str) -> bool:
    """What a person finds who reads the article."""
    return "concert" not in answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "fees.md").write_text(ARTICLE)
    return tmp_path


class Desk:
    """A running product, and short ways to ask it."""

    def __init__(self, app: App, folder: Path, upstream: str, reviewer: User) -> None:
        self.app, self.folder, self.upstream, self.reviewer = app, folder, upstream, reviewer
        self.services: Services = app.services
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://groundcrew")
        self.secret = ""

    async def declare(self, prompt: str) -> None:
        path = self.folder / "use_case.yaml"
        path.write_text(DECLARATION.replace("URL", self.upstream).replace("PROMPT", f"prompt: {prompt}"))
        await self.services.registry.apply(load([path]), actor="user:maria")
        await self.heard()

    async def heard(self) -> None:
        """Until the gateway enforces the newest snapshot."""
        version = await self.services.snapshots.version()

        async def newest() -> bool:
            return self.app.keeper.current.version >= version

        await bank.until(newest)

    async def ask(self, number: int) -> httpx.Response:
        body = {"model": "assistant", "messages": [{"role": "user", "content": QUESTION.format(number=number)}]}
        return await self.client.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {self.secret}"})

    async def judge(self, number: int) -> None:
        """The reviewer judges what they are handed, without seeing a score."""
        for _ in range(number):
            task = await self.services.labels.next("assistant", self.reviewer)
            assert task is not None
            await self.services.labels.label(task.call.id, labeller=self.reviewer, supported=is_right(task.answer.text))

    async def judge_the_rest(self) -> None:
        """The same for all that is left, at once."""
        judged = {each.call_id for each in await self.services.labels.find("assistant", limit=1_000)}
        calls = [each for each in await self.services.calls.latest(limit=1_000) if each.id not in judged]
        await bank.label_all(self.services, calls, said=[is_right(each.withheld_answer) for each in calls])
        await self.services.trust.refresh("assistant")

    async def grounded(self) -> Any:
        evaluation = await self.services.gates.evaluate("assistant", actor="user:maria", to="production_readiness", save=False)
        return next(each for each in evaluation.results if each.key == "grounded")


async def test_labels_all_the_way_round(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDCREW_TEST_KEY", "not-a-secret")
    with FakeUpstream(scripted) as upstream:
        async with App(Settings(data=folder / "data")) as app:
            reviewer = await app.services.users.create("dora", "a long password", roles=("reviewer",), actor="user:admin")
            desk = Desk(app, folder, upstream.url, reviewer)
            await desk.declare("Answer politely.")
            revision = await app.services.knowledge.add("handbook", [], actor="user:desk")
            await app.services.knowledge.approve("handbook", revision.id, actor="user:desk")
            desk.secret = (await app.services.keys.create("assistant", actor="user:maria")).secret
            await desk.heard()
            await _fails_closed(desk)
            await _earns_its_guarantee(desk)
            await _is_calibrated(desk)
            await _ends_with_the_version(desk)
            assert (await app.services.audit.verify()).problems == ()
            await desk.client.aclose()


async def _fails_closed(desk: Desk) -> None:
    """A right answer is refused, since nobody has judged any yet; and the gate says what is missing."""
    refused = await desk.ask(1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_grounded")
    assert "nothing is released on trust: nobody has labelled" in refused.json()["error"]["message"]
    found = await desk.grounded()
    assert found.status == "unknown"
    assert "/spot-checks/assistant" in found.missing


async def _earns_its_guarantee(desk: Desk) -> None:
    """Withheld answers are judged too, and once enough are, the next right one leaves while the wrong one does not."""
    answers = await asyncio.gather(*(desk.ask(number) for number in range(2, ANSWERS)))
    assert {each.status_code for each in answers} == {403}
    await desk.judge(JUDGED_ONE_BY_ONE)
    await desk.heard()
    assert desk.app.keeper.current.use_cases["assistant"].release_rule.guarantee is None, "too few labels"
    await desk.judge_the_rest()
    assert (await desk.services.labels.queue("assistant")).judged == ANSWERS - 1
    await desk.heard()
    rule = desk.app.keeper.current.use_cases["assistant"].release_rule
    assert rule.guarantee is not None
    right, wrong = await desk.ask(1), await desk.ask(WRONG_EVERY)
    assert (right.status_code, right.json()["groundcrew"]["status"]) == (200, "answered")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "not_grounded")
    found = await desk.grounded()
    assert (found.status, found.lower >= 0.95) == ("pass", True)
    assert 'groundcrew_guarantee_holds{use_case="assistant"} 1.0' in (await desk.client.get("/metrics")).text


async def _is_calibrated(desk: Desk) -> None:
    """The header's trust becomes a probability of this use case; the score before it stays in the record."""
    before = float((await desk.ask(1)).headers["groundcrew-trust"])
    made = await desk.services.trust.recalibrate("assistant", actor="user:dora")
    await desk.heard()
    answer = await desk.ask(1)
    after = float(answer.headers["groundcrew-trust"])
    assert after == pytest.approx(made.map.apply(before), abs=2e-4)
    assert after != before
    await desk.app.shipper.flush()
    call = await desk.services.calls.get(answer.headers["groundcrew-call-id"])
    assert call.trust is not None
    assert call.trust.uncalibrated == pytest.approx(before, abs=1e-4)
    assert call.trust.verifier == made.verifier


async def _ends_with_the_version(desk: Desk) -> None:
    await desk.declare("Answer curtly.")
    refused = await desk.ask(1)
    assert refused.status_code == 403
    assert "another version" in refused.json()["error"]["message"]
    assert (await desk.grounded()).status == "unknown"
