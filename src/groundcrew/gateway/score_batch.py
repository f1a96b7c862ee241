"""Micro-batching: answers of concurrent calls that wait for a scorer are scored together.

While a thread is free, an answer starts at once, together with those that arrived in the same moment; while all are busy, answers
gather, and the next free thread takes them. A call that is cancelled leaves its batch; one whose scoring fails fails alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

import msgspec

from groundcrew.domain.trust import TrustReport
from groundcrew.errors import GroundcrewError

#: Answers that are scored together, and the code points of answers and sources in one batch, unless one alone has more.
BATCH_MAX, BATCH_LENGTH_MAX = 16, 200_000
#: How long an answer waits for others that come at nearly the same time, while something is being scored anyway.
WINDOW_S = 0.002
#: Answers that may wait; beyond it the trust of the next one is unknown at once.
WAITING_MAX = 256


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to score."""

    answer: str
    sources: tuple[str, ...]
    question: str

    @property
    def length(self) -> int:
        """Code points of answer and sources."""
        return len(self.answer) + sum(map(len, self.sources))


#: Scores some requests, in a thread: a report, or why there is none, for each.
ScoreAll = Callable[[Sequence[ScoreRequest]], Sequence[TrustReport | Exception]]


class ScoreBatcher:
    """Gathers requests into batches. Lives in one event loop; `score_all` runs in the threads of `executor`."""

    def __init__(
        self,
        score_all: ScoreAll,
        executor: Executor,
        *,
        threads: int,
        batch_max: int = BATCH_MAX,
        window_s: float = WINDOW_S,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._score_all, self._executor = score_all, executor
        self._threads, self._batch_max, self._window_s, self._waiting_max = threads, batch_max, window_s, waiting_max
        self._waiting: deque[tuple[ScoreRequest, asyncio.Future[TrustReport]]] = deque()
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        #: How many answers each batch held, for measurements; the newest ones.
        self.sizes: deque[int] = deque(maxlen=1_000)

    async def score(self, request: ScoreRequest) -> TrustReport:
        """The report on `request`. GroundcrewError where too many wait; otherwise what scoring it raises."""
        if len(self._waiting) >= self._waiting_max:
            raise GroundcrewError("too many calls wait for grounding")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[TrustReport] = loop.create_future()
        entry = (request, future)
        self._waiting.append(entry)
        if len(self._waiting) >= self._batch_max and self._running < self._threads:
            self._start()
        elif self._timer is None:
            self._timer = loop.call_later(self._window_s if self._running else 0.0, self._start)
        try:
            return await future
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            raise

    def _start(self) -> None:
        """Give waiting requests to free threads; what is left is taken when one gets free."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._running < self._threads:
            batch = self._next_batch()
            if not batch:
                continue
            self._running += 1
            self.sizes.append(len(batch))
            loop = asyncio.get_running_loop()
            try:
                done = loop.run_in_executor(self._executor, self._score_all, [request for request, _ in batch])
            except RuntimeError as error:  # the executor is shut down
                self._running -= 1
                _deliver(batch, [error] * len(batch))
                continue
            done.add_done_callback(partial(self._finished, batch))

    def _next_batch(self) -> list[tuple[ScoreRequest, asyncio.Future[TrustReport]]]:
        batch: list[tuple[ScoreRequest, asyncio.Future[TrustReport]]] = []
        length = 0
        while self._waiting and len(batch) < self._batch_max:
            request, future = self._waiting[0]
            if batch and length + request.length > BATCH_LENGTH_MAX:
                break
            self._waiting.popleft()
            if not future.done():
                batch.append((request, future))
                length += request.length
        return batch

    def _finished(
        self,
        batch: list[tuple[ScoreRequest, asyncio.Future[TrustReport]]],
        done: asyncio.Future[Sequence[TrustReport | Exception]],
    ) -> None:
        self._running -= 1
        found: Sequence[TrustReport | BaseException]
        if done.cancelled():
            found = [GroundcrewError("grounding is closed")] * len(batch)
        elif (error := done.exception()) is not None:
            found = [error] * len(batch)
        else:
            found = done.result()
        if len(found) != len(batch):
            found = [GroundcrewError("the scorer lost count of its answers")] * len(batch)
        _deliver(batch, found)
        self._start()


def _deliver(
    batch: Sequence[tuple[ScoreRequest, asyncio.Future[TrustReport]]], found: Sequence[TrustReport | BaseException]
) -> None:
    for (_, future), result in zip(batch, found, strict=True):
        if future.done():  # its call was cancelled meanwhile
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
