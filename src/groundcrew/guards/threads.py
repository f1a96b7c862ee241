"""Threads for guards that need one. Waiting is bounded, and a guard that hangs costs its thread but nobody else's.

Not the standard library's pool: there, checks that nobody waits for any more would pile up behind a guard that hangs, and the
process could not end.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from groundcrew.errors import GroundcrewError

#: Jobs that may wait for a thread; beyond it a scan fails at once.
QUEUE_MAX = 128
#: How long a job may wait for a thread. A rule's own time limit begins when its check does: many texts at once are no fault of
#: the guard.
QUEUE_S_MAX = 2.0
#: The longest that a job may take where nobody says.
LIMIT_S_MAX = 3_600.0
#: A thread whose job goes on this long after nobody waits for it any more counts as lost, and another takes its place.
LOST_AFTER_S = 1.0
#: Threads that may be lost at a time; beyond it none is replaced until one comes back.
LOST_MAX = 16
#: How long the process waits at its end for checks that still run: a network that is cut off in the middle aborts the process.
EXIT_S_MAX = 5.0

Result = TypeVar("Result")
#: The work: it asks now and then whether it is still wanted.
Work = Callable[[Callable[[], bool]], Result]


class _Job:
    __slots__ = ("future", "is_done", "is_lost", "is_started", "is_unwanted", "limit", "limit_s", "loop", "work")

    def __init__(self, work: Work[Any], loop: asyncio.AbstractEventLoop, limit: asyncio.Timeout, limit_s: float) -> None:
        self.work: Work[Any] | None = work
        self.loop, self.limit, self.limit_s = loop, limit, limit_s
        self.future: asyncio.Future[Any] = loop.create_future()
        self.is_started = self.is_done = self.is_unwanted = self.is_lost = False

    def begun(self) -> None:
        """In the event loop: its time runs from now on."""
        if not self.future.done() and not self.is_unwanted and not self.limit.expired():
            self.limit.reschedule(self.loop.time() + self.limit_s)

    def wanted(self) -> bool:
        return not self.is_unwanted


#: Jobs that run now, of all pools.
_running: set[_Job] = set()


@atexit.register
def _wait_for_jobs() -> None:
    until_s = time.monotonic() + EXIT_S_MAX
    while (jobs := list(_running)) and time.monotonic() < until_s:
        for job in jobs:
            job.is_unwanted = True
        time.sleep(0.01)


class GuardThreads:
    """A few threads that live as long as the process; they are started when first needed."""

    def __init__(self, threads: int, *, queue_max: int = QUEUE_MAX, lost_after_s: float = LOST_AFTER_S) -> None:
        self._threads, self._queue_max, self._lost_after_s = threads, queue_max, lost_after_s
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._running = self._lost = 0
        self._closed = False

    async def run(self, work: Work[Result], *, limit_s: float = math.inf, wait_s: float = QUEUE_S_MAX) -> Result:
        """Run `work` in a thread. TimeoutError where it takes longer than `limit_s` from its beginning; GroundcrewError where too
        many wait already, or no thread is free within `wait_s`. Where the caller stops waiting, work that has not begun
        never does."""
        if self._queue.qsize() >= self._queue_max or self._closed:
            raise GroundcrewError("too many texts wait to be scanned")
        self._start()
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(wait_s)
        job = _Job(work, loop, limit, min(limit_s, LIMIT_S_MAX))
        try:
            async with limit:
                self._queue.put(job)
                result: Result = await job.future
                return result
        except TimeoutError:
            if job.is_started:
                raise
            raise GroundcrewError(f"no thread was free within {wait_s:g} s") from None
        finally:
            if not job.is_done:
                self._leave(job)

    def _start(self) -> None:
        with self._lock:
            missing = self._threads - self._running
            self._running += missing
        for _ in range(missing):
            threading.Thread(target=self._serve, name="groundcrew-guard", daemon=True).start()

    def _leave(self, job: _Job) -> None:
        """Nobody waits for `job` any more."""
        with self._lock:
            job.is_unwanted = True
            if not job.is_started:
                job.work = None
                return
        job.loop.call_later(self._lost_after_s, self._replace, job)

    def _replace(self, job: _Job) -> None:
        with self._lock:
            if job.is_done or self._closed:
                return
            if self._lost < LOST_MAX:
                job.is_lost = True
                self._lost += 1
                self._running -= 1  # the next job starts another
        if not job.is_lost:
            job.loop.call_later(self._lost_after_s, self._replace, job)
            return
        if not self._queue.empty():
            self._start()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                work, job.work = job.work, None
                job.is_started = True
            if work is None:
                continue
            _running.add(job)
            _tell(job, job.begun)
            result, error = None, None
            try:
                result = work(job.wanted)
            except BaseException as raised:  # a guard that ends its thread has failed like any other
                error = raised
            _running.discard(job)
            with self._lock:
                job.is_done = True
                self._lost -= job.is_lost
            if not job.is_unwanted:
                _deliver(job, result, error)
            if job.is_lost:
                return
            del work, result, error, job

    def close(self) -> None:
        """End the threads; a job that still runs is left to end by itself."""
        self._closed = True
        with self._lock:
            running, self._running = self._running, 0
        for _ in range(running):
            self._queue.put(None)


def _deliver(job: _Job, result: Any, error: BaseException | None) -> None:
    def settle() -> None:
        if job.future.done():
            return
        if error is None:
            job.future.set_result(result)
        else:
            plain = isinstance(error, Exception) and not isinstance(error, StopIteration)
            job.future.set_exception(error if plain else RuntimeError(type(error).__name__))

    _tell(job, settle)


def _tell(job: _Job, call: Callable[[], None]) -> None:
    try:
        job.loop.call_soon_threadsafe(call)
    except RuntimeError:  # the loop has closed
        return
