"""A server between two upstreams under load, swapped and reverted meanwhile; and an alternate that is asked over real trials."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from tests.integration.server import groundcrew, running
from tests.load.clients import CLIENTS, Load
from tests.unit.services import bank
from tests.unit.services.rehearsing import ALTERNATE, other, recorded, rehearse
from tests.unit.services.rehearsing import model as declared_model

from groundcrew.app import TrialPoint
from groundcrew.domain.call import SourceReference
from groundcrew.domain.use_case import Budget
from groundcrew.grounding.trust import TrustScorer
from groundcrew.metrics.swap_report import RehearsalReport
from groundcrew.services.bundle import open_services
from groundcrew.settings import Settings
from groundcrew.testing import FakeUpstream, Reply
from groundcrew.testing.upstream import ReceivedRequest

DECLARATION = """
kind: Provider
name: first
api: openai
base_url: {first}
data_classes: [public, internal]
---
kind: Provider
name: second
api: openai
base_url: {second}
data_classes: [public, internal]
---
kind: Model
name: writer
targets: [{{provider: first, model: first-1, timeout_s: 60, price: {{input_usd: 1, output_usd: 2}}}}]
alternates: [{{provider: second, model: second-1, timeout_s: 60, price: {{input_usd: 1, output_usd: 2}}}}]
---
kind: UseCase
name: load
title: Load
owner: owner@bank.example
business_unit: operations
purpose: Take the load of a test
affected_persons: nobody
solution: product
autonomy: assist
data_classes: [internal]
model: writer
budget: {{tokens_per_day: 10000000}}
"""
#: Words of an answer, each a piece of its stream: long enough that a swap comes in the middle of many.
WORDS = 24
CALLS_MAX = 1_000_000
SWAPS_S_MAX = 600.0
SOURCE = SourceReference(
    passage_id="p", document="fees.md", title="Fees", text="The everyday account costs CHF 3 a month. A new card costs CHF 20."
)
QUESTION = "What does the everyday account cost?"
GOOD, BAD = "The everyday account costs CHF 3 a month.", "Members travel free on every airline of the alliance."


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the callers met: complete answers of each upstream, streams among them, and everything that went wrong."""

    clients: int
    answers: int
    by_first: int
    by_second: int
    failed: int
    broken: int
    incomplete: int
    swaps: int
    in_flight_at_swaps: tuple[int, ...]


def spoken(name: str) -> Callable[[ReceivedRequest], Reply]:
    """An upstream that answers in WORDS words, some milliseconds apart."""
    return lambda _request: Reply(text=" ".join([name, *("word" for _ in range(WORDS - 2)), "end"]), chunk_delay_s=0.004)


class EndlessLoad(Load):
    """Callers that go on until they are told that it is `over`."""

    def __init__(self, url: str, secret: str) -> None:
        super().__init__(url, secret, 0)
        self.over = False
        self._numbers = self._until_over()

    def _until_over(self) -> Iterator[int]:
        for number in range(CALLS_MAX):
            if self.over:
                return
            yield number

    def answered_by(self, name: str) -> int:
        """How many complete answers began with that upstream's word."""
        return sum(text.startswith(f"{name} ") for text in self.received.answers.values())


async def swap_under_load(folder: Path, *, answers: int, turns: int = 2) -> Figures:
    """CLIENTS callers, every second call a stream, while the model is swapped and reverted by turns, `turns` times in all: each
    time once `answers` more have come of who answers now."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    with FakeUpstream(spoken("first")) as first, FakeUpstream(spoken("second")) as second:
        (data / "load.yaml").write_text(DECLARATION.format(first=first.url, second=second.url))
        applied = await asyncio.to_thread(groundcrew, "apply", data / "load.yaml", "--data", data)
        assert applied.status == 0, applied.err
        created = await asyncio.to_thread(groundcrew, "key", "create", "load", "--data", data)
        with running(data) as server:
            load = EndlessLoad(server.url, created.out.strip())
            asking = asyncio.ensure_future(load.run())
            try:
                under_way = await asyncio.wait_for(_swap(data, load, answers, turns, (first, second)), SWAPS_S_MAX)
            finally:
                load.over = True
            received = await asking
        whole = [each for each in received.answers.values() if each.endswith(" end") and each.count(" ") == WORDS - 1]
        return Figures(
            clients=CLIENTS,
            answers=len(received.answers),
            by_first=sum(each.startswith("first ") for each in whole),
            by_second=sum(each.startswith("second ") for each in whole),
            failed=len(received.errors),
            broken=received.broken,
            incomplete=len(received.answers) - len(whole),
            swaps=turns,
            in_flight_at_swaps=tuple(under_way),
        )


async def _swap(
    data: Path, load: EndlessLoad, answers: int, turns: int, upstreams: tuple[FakeUpstream, FakeUpstream]
) -> list[int]:
    """Swap and revert by turns, from another process than the server's; how many calls were under way each time."""
    services = await open_services(f"sqlite:///{data / 'groundcrew.db'}", data)
    try:
        await services.users.create("beat", "a long password", roles=("on_call",), actor="system:test")
        under_way = []
        for turn in range(turns):
            await _more(load, "first" if turn % 2 == 0 else "second", answers)
            under_way.append(sum(len(each.requests) for each in upstreams) - len(load.received.answers))
            if turn % 2 == 0:
                await services.models.swap(
                    "writer", ("second", "second-1"), actor="user:beat", reason="test", without_rehearsal=True
                )
            else:
                await services.models.revert("writer", actor="user:beat", reason="test")
        await _more(load, "first" if turns % 2 == 0 else "second", answers)
        return under_way
    finally:
        await services.database.close()


async def _more(load: EndlessLoad, name: str, answers: int) -> None:
    """Wait until so many more complete answers have come of an upstream."""
    wanted = load.answered_by(name) + answers
    await bank.until(lambda: asyncio.sleep(0, load.answered_by(name) >= wanted), within_s=SWAPS_S_MAX, every_s=0.05)


async def rehearse_over_http(folder: Path, *, calls: int, bad_every: int, present_bad_every: int = 50) -> RehearsalReport:
    """Rehearse an alternate behind HTTP over real trials: retrieval, the upstream, the shipped scorer, records and budgets.

    Every `bad_every`th answer of it (0: none) rests on nothing, besides one in `present_bad_every`, which is what the present
    model's own answers do, if other ones.
    """
    numbers = iter(range(CALLS_MAX))

    def script(_request: ReceivedRequest) -> Reply:
        number = next(numbers)
        worse = bad_every and number % bad_every == 0
        return Reply(text=BAD if worse or number % present_bad_every == 1 else GOOD, usage=(100, 20))

    (article := folder / "fees.md").write_text(f"# Fees\n\n{SOURCE.text}\n")
    scorer = TrustScorer.shipped()
    with FakeUpstream(script) as upstream:
        async with bank.opened(f"sqlite:///{folder / 'swap.db'}", folder) as services:
            await bank.apply(
                services,
                providers=[bank.provider(), other(base_url=upstream.url)],
                models=[declared_model()],
                use_cases=[bank.use_case(policy=None, mask="patterns", budget=Budget(tokens_per_day=100_000_000))],
            )
            revision = await services.knowledge.add(bank.BASE, [article], actor="user:desk")
            await services.knowledge.approve(bank.BASE, revision.id, actor="user:desk")
            for bad in (True, False):
                share = calls // present_bad_every if bad else calls - calls // present_bad_every
                text = BAD if bad else GOOD
                trust = scorer.score(text, [SOURCE.text], QUESTION)
                await recorded(services, share, sources=(SOURCE,), request=f"user: {QUESTION}", answer=text, trust=trust)
            async with TrialPoint(Settings(data=folder), services):
                view, report = await rehearse(services, calls=calls, alternate=ALTERNATE)
            assert view.phase == "done"
            return report
