"""Micro-batching: who is scored together, who leaves, and that one failure is nobody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from groundcrew.domain.trust import TrustReport
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.grounded import LocalGrounding
from groundcrew.gateway.protocols import Source
from groundcrew.gateway.score_batch import BATCH_LENGTH_MAX, ScoreBatcher, ScoreRequest


class Scorer:
    """Scores when it is let; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.broken = False

    def __call__(self, requests: Sequence[ScoreRequest]) -> list[TrustReport | Exception]:
        self.batches.append([each.answer for each in requests])
        assert self.may_go.wait(5)
        if self.broken:
            raise RuntimeError("broken")
        return [
            ValueError("bad") if each.answer == "bad" else TrustReport(trust=None, state="no_claims", reason=each.answer)
            for each in requests
        ]


@pytest.fixture
def scorer() -> Scorer:
    return Scorer()


@pytest.fixture
async def batcher(scorer: Scorer) -> AsyncIterator[ScoreBatcher]:
    executor = ThreadPoolExecutor(1)
    yield ScoreBatcher(scorer, executor, threads=1, batch_max=4, waiting_max=10)
    scorer.may_go.set()
    executor.shutdown()


def request(answer: str, length: int = 0) -> ScoreRequest:
    return ScoreRequest(answer=answer, sources=("x" * length,), question="")


async def waiting(batcher: ScoreBatcher, *answers: str) -> list[asyncio.Task[TrustReport]]:
    tasks = [asyncio.create_task(batcher.score(request(answer))) for answer in answers]
    await asyncio.sleep(0.02)
    return tasks


async def test_calls_that_come_together_are_scored_together_each_with_its_own_report(
    batcher: ScoreBatcher, scorer: Scorer
) -> None:
    reports = await asyncio.gather(*(batcher.score(request(f"answer {number}")) for number in range(3)))
    assert [each.reason for each in reports] == ["answer 0", "answer 1", "answer 2"]
    assert scorer.batches == [["answer 0", "answer 1", "answer 2"]]


async def test_calls_gather_while_the_thread_is_busy_up_to_a_batch(batcher: ScoreBatcher, scorer: Scorer) -> None:
    scorer.may_go.clear()
    tasks = await waiting(batcher, "first")
    tasks += await waiting(batcher, *"abcdef")
    assert scorer.batches == [["first"]]
    scorer.may_go.set()
    await asyncio.gather(*tasks)
    assert scorer.batches == [["first"], list("abcd"), list("ef")]


async def test_a_cancelled_call_leaves_the_batch_and_the_others_go_on(batcher: ScoreBatcher, scorer: Scorer) -> None:
    scorer.may_go.clear()
    (running,) = await waiting(batcher, "running")
    first, second, third = await waiting(batcher, "a", "b", "c")
    second.cancel()
    running.cancel()
    scorer.may_go.set()
    assert [(await task).reason for task in (first, third)] == ["a", "c"]
    assert scorer.batches == [["running"], ["a", "c"]]


async def test_one_that_can_not_be_scored_fails_alone(batcher: ScoreBatcher) -> None:
    good, bad = await asyncio.gather(batcher.score(request("a")), batcher.score(request("bad")), return_exceptions=True)
    assert isinstance(good, TrustReport)
    assert isinstance(bad, ValueError)


async def test_a_scorer_that_breaks_fails_its_batch_and_not_the_next(batcher: ScoreBatcher, scorer: Scorer) -> None:
    scorer.broken = True
    failed = await asyncio.gather(*(batcher.score(request(each)) for each in "ab"), return_exceptions=True)
    assert all(isinstance(each, RuntimeError) for each in failed)
    scorer.broken = False
    assert (await batcher.score(request("c"))).reason == "c"


async def test_too_many_waiting_calls_are_turned_away_at_once(batcher: ScoreBatcher, scorer: Scorer) -> None:
    scorer.may_go.clear()
    tasks = await waiting(batcher, "first")
    tasks += await waiting(batcher, *(str(number) for number in range(10)))
    with pytest.raises(GroundcrewError, match="too many calls"):
        await batcher.score(request("one more"))
    scorer.may_go.set()
    await asyncio.gather(*tasks)


async def test_a_long_answer_is_not_made_to_wait_for_others(batcher: ScoreBatcher, scorer: Scorer) -> None:
    await asyncio.gather(*(batcher.score(request(each, BATCH_LENGTH_MAX)) for each in "ab"))
    assert scorer.batches == [["a"], ["b"]]


async def test_a_closed_pool_answers_with_an_error(scorer: Scorer) -> None:
    executor = ThreadPoolExecutor(1)
    closed = ScoreBatcher(scorer, executor, threads=1)
    executor.shutdown()
    with pytest.raises(RuntimeError):
        await closed.score(request("a"))


async def test_answers_scored_together_get_what_each_gets_alone() -> None:
    passages = ["The card costs CHF 20.", "The account is free.", "Branches open at nine."]
    answers = ["A card costs CHF 20.", "A card costs CHF 30.", "The account is free.", "Branches open at ten."]
    sources = [Source(passage_id=str(n), document="d", title="t", text=text) for n, text in enumerate(passages)]
    grounding = LocalGrounding(threads=1)
    together = await asyncio.gather(*(grounding.score(answer, sources, "") for answer in answers))
    alone = [await grounding.score(answer, sources, "") for answer in answers]
    assert together == alone
    assert max(grounding._batcher.sizes) > 1
    await grounding.close()
