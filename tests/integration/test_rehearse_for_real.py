"""An alternate rehearsed over real trials: by the command, by a worker's process and beside a running server. What is asked is
recorded and paid for, and counts nowhere as something that was said to people."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import sqlalchemy as sa
from tests.integration.server import groundcrew, running
from tests.unit.services import bank

from groundcrew.domain.call import Call
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Price, Provider, Target
from groundcrew.domain.use_case import Budget, Grounding, SignOffRule, SpotChecks
from groundcrew.services.bundle import Services
from groundcrew.store import catalog, tables
from groundcrew.testing import FakeUpstream, Reply
from groundcrew.testing.upstream import ReceivedRequest

CALLS = 32
ALTERNATE = "other/other-1"
PRICE = Price(input_usd=1.0, output_usd=2.0)
TOKENS = (100, 20)
ARTICLE = "# Fees\n\nThe everyday account costs CHF 3 a month. A new card costs CHF 20.\n"
#: Where something would stand if trials counted as what people were served.
COUNTED = (
    *(tables.call_sums, tables.call_spreads, tables.label_draws, tables.trust_labels, tables.rating_requests, tables.sign_offs),
    *(tables.exposures, tables.experiment_looks, tables.ratings, tables.outcomes, tables.budget_warnings),
)
T = TypeVar("T")
Upstreams = tuple[FakeUpstream, FakeUpstream]


@pytest.fixture
def upstreams() -> Iterator[Upstreams]:
    """The present model, and the alternate, which now and then says what no article does."""

    def answer(request: ReceivedRequest) -> Reply:
        account = "account 1" in json.dumps(request.body["messages"])
        return Reply(text="A new card costs CHF 90." if account else "A new card costs CHF 20.", usage=TOKENS)

    with FakeUpstream(Reply(text="A new card costs CHF 20.", usage=TOKENS)) as first, FakeUpstream(answer) as second:
        yield first, second


@pytest.fixture
def data(tmp_path: Path, upstreams: Upstreams) -> Path:
    """An embedded database whose use case is grounded on an article; every answer of it waits for a signature."""
    folder = tmp_path / "data"
    folder.mkdir()
    article = tmp_path / "fees.md"
    article.write_text(ARTICLE)

    async def declare(services: Services) -> None:
        first, second = (
            Provider(name=name, api="openai", base_url=each.url, data_classes=("internal", "pii"))
            for name, each in zip((bank.PROVIDER, "other"), upstreams, strict=True)
        )
        model = msgspec.structs.replace(
            bank.model(),
            targets=(Target(provider=bank.PROVIDER, model="m-1", price=PRICE),),
            alternates=(Target(provider="other", model="other-1", price=PRICE),),
        )
        use_case = bank.use_case(
            grounding=Grounding(knowledge=bank.BASE, spot_checks=SpotChecks(share=1.0)),
            mask="patterns",
            policy=None,
            sign_off=SignOffRule(when="always", qualification="agent"),
            budget=Budget(tokens_per_day=10_000_000),
        )
        await bank.apply(services, providers=[first, second], models=[model], use_cases=[use_case])
        revision = await services.knowledge.add(bank.BASE, [article], actor="user:desk")
        await services.knowledge.approve(bank.BASE, revision.id, actor="user:desk")

    on(folder, declare)
    return folder


def on(folder: Path, work: Callable[[Services], Awaitable[T]]) -> T:
    """Do something with the services on the data of `folder`."""

    async def body() -> T:
        async with bank.opened(f"sqlite:///{folder / 'groundcrew.db'}", folder, bare=True) as services:
            return await work(services)

    return asyncio.run(body())


async def record(services: Services) -> None:
    """What the present model was asked, as a gateway records it."""
    digest = await bank.digest_of(services)
    calls = [
        bank.call(
            version_digest=digest,
            target_model="m-1",
            request=f"system: Be short.\nuser: What does a new card cost for account {each}?",
            answer="A new card costs CHF 20.",
            received_at=services.database.clock.now(),
            latency_ms={"upstream": 200.0, "total": 210.0},
        )
        for each in range(CALLS)
    ]
    await services.calls.ship(calls, gateway="gateway-1")


async def counted(services: Services) -> dict[str, int]:
    """How many rows stand where only what people were served may stand."""
    async with services.database.read() as connection:
        return {
            each.name: int((await connection.execute(sa.select(sa.func.count()).select_from(each))).scalar_one())
            for each in COUNTED
        }


async def trials(services: Services) -> list[Call]:
    return [each for each in await services.calls.latest(use_case=bank.NAME, shadows=True, limit=200) if each.trial]


async def seen(services: Services) -> dict[str, Any]:
    """What the pages, gates and budgets see."""
    spent = await services.spending.seed(services.database.clock.now())
    return {
        "statuses": await services.calls.status_counts(bank.NAME),
        "latest": len(await services.calls.latest(use_case=bank.NAME, limit=200)),
        "rows": await counted(services),
        "tokens": next((each.tokens for each in spent.spent if each.account.kind == "use-case"), 0),
    }


def check(data: Path, before: dict[str, Any], result: dict[str, Any]) -> None:
    """The report and the records of one rehearsal of all recorded calls."""
    report = result["report"]
    compared = {each["name"]: each for each in report["compared"]}
    assert (report["pairs"], report["stopped"], report["unusable"]) == (CALLS, "", {})
    assert report["cost_usd"] == pytest.approx(CALLS * 140 / 1e6)
    assert compared["failed"]["result"]["second"] == 0
    assert compared["findings"]["result"]["finding"] != "unknown", "the records came in time"
    wrong = sum("account 1" in f"account {each}" for each in range(CALLS))
    assert compared["supported"]["result"]["second"] == pytest.approx(1 - wrong / CALLS), "what the model wrote is scored"
    after = on(data, seen)
    assert after["tokens"] - before["tokens"] == CALLS * sum(TOKENS)
    assert {**after, "tokens": 0} == {**before, "tokens": 0}, "nothing of it counts"
    asked = on(data, trials)
    assert len(asked) == CALLS
    assert {(each.provider, each.target_model, each.sign_off_id) for each in asked} == {("other", "other-1", None)}
    assert all(each.sources and each.withheld_answer and each.withheld_trust for each in asked)
    replaced = [each for each in asked if each.status == "fallback"]
    assert {each.withheld_answer for each in replaced} == {"A new card costs CHF 90."}
    assert len(replaced) == wrong
    assert {each.withheld_answer for each in asked if each.status == "held"} == {"A new card costs CHF 20."}


def test_the_command_and_a_workers_process(data: Path, upstreams: Upstreams) -> None:
    on(data, record)
    before = on(data, seen)
    assert before["statuses"]
    rehearse = ("model", "rehearse", bank.NAME, "--alternate", ALTERNATE, "--cost-max", "1", "--data", data)
    done = groundcrew(*rehearse, "--json")
    assert done.status == 1, done.err
    check(data, before, done.json())
    messages = [each.body["messages"] for each in upstreams[1].requests]
    assert all(any("Be short." in str(one) for one in each) for each in messages)
    assert not upstreams[0].requests, "the model that answers is not asked anew"

    assert "waits for a worker" in groundcrew(*rehearse, "--no-wait").out
    asked = len(upstreams[1].requests)
    worked = groundcrew("jobs", "work", "--drain", "--data", data)
    assert worked.out == "1 jobs done\n", worked.err
    assert len(upstreams[1].requests) == 2 * asked == 2 * CALLS

    async def evidence(services: Services) -> list[dict[str, Any]]:
        async with services.database.read() as connection:
            found = await catalog.EVIDENCE.find(connection, use_case=bank.NAME, kind="model_swap_rehearsal")
        return [each.content for each in found]

    reports = on(data, evidence)
    assert [each["pairs"] for each in reports] == [CALLS, CALLS]

    async def stop(services: Services) -> None:
        await services.kill_switches.stop(Scope("use-case", bank.NAME), actor=bank.PERSON, reason="odd answers")

    on(data, stop)
    stopped = groundcrew(*rehearse)
    assert stopped.status == 2
    assert "kill_switch" in stopped.err
    assert len(upstreams[1].requests) == 2 * CALLS
    assert len(on(data, evidence)) == 2, "a stop says nothing about the alternate"


def test_beside_a_running_server(data: Path, upstreams: Upstreams) -> None:
    secret = groundcrew("key", "create", bank.NAME, "--data", data).out.strip()
    with running(data) as server:
        for each in range(CALLS):
            call(server.url, secret, f"What does a new card cost for account {each}?")
        server.wait_until_shipped()
        before = on(data, seen)
        done = groundcrew("model", "rehearse", bank.NAME, "--alternate", ALTERNATE, "--json", "--data", data)
        assert done.status == 1, done.err
        check(data, before, done.json())
    first, second = ([each.body["messages"] for each in one.requests] for one in upstreams)
    assert sorted(map(told, first)) == sorted(map(told, second)), "the alternate is told what the present model was told"


def told(messages: object) -> str:
    """Messages without the mark that each call gives its passages."""
    return re.sub(r"passage-[0-9a-f]+", "passage", str(messages))


def call(url: str, secret: str, question: str) -> None:
    body = {"model": bank.MODEL, "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": question}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {secret}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status in (200, 202)
