"""The thread between calls and the collector: a bounded queue in front, batches behind. A call leaves what it has to tell and
goes on; where the queue is full or the collector takes nothing, it is counted and dropped."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from groundcrew.gateway.telemetry.content import content_of
from groundcrew.gateway.telemetry.measures import measures_of
from groundcrew.gateway.telemetry.signals import Ended, Signals, signals_of
from groundcrew.gateway.trace import SAMPLED
from groundcrew.guards.masking import mask_text

if TYPE_CHECKING:
    from groundcrew.gateway.telemetry.export import Export

log = logging.getLogger("groundcrew.gateway")

#: Ended calls that wait for the thread; the next one is dropped.
QUEUE_MAX = 2_048
#: Code points of texts that wait, where content is exported.
QUEUE_TEXT_MAX = 32_000_000
#: Calls sent in one request, and how long the first of them waits for others.
BATCH_MAX = 256
BATCH_WAIT_S = 1.0
GATHER_STEP_S = 0.05
#: How often metrics are sent where OTEL_METRIC_EXPORT_INTERVAL says nothing.
METRICS_EVERY_S = 60.0


class Worker:
    """Takes ended calls and exports them. `dropped` is told of calls whose spans and events did not leave, from any thread."""

    def __init__(
        self,
        export: Export,
        *,
        content: str,
        dropped: Callable[[int], None],
        queue_max: int = QUEUE_MAX,
        text_max: int = QUEUE_TEXT_MAX,
        wait_s: float = BATCH_WAIT_S,
        metrics_every_s: float = METRICS_EVERY_S,
    ) -> None:
        self._export, self._content, self._told, self._queue_max, self._wait_s = export, content, dropped, queue_max, wait_s
        self._queue: deque[Ended] = deque()
        self._text_max = text_max
        self._metrics_every_s = metrics_every_s
        self._metrics_s = time.monotonic() + metrics_every_s
        self._wake = threading.Event()
        self._closing = threading.Event()
        #: Calls that were dropped, and how many of them the collector was told of.
        self._lost = self._lost_told = 0
        #: Code points of texts that were put in (by calls) and taken out (by the thread).
        self._text_in = self._text_out = 0
        #: Calls whose spans and events are being sent right now.
        self._sending = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="groundcrew-telemetry", daemon=True)
        self._thread.start()

    def put(self, ended: Ended) -> bool:
        """Leave an ended call; False where it is dropped. Never waits."""
        length = ended.text_length()
        full = len(self._queue) >= self._queue_max or self._text_in - self._text_out + length > self._text_max
        if self._closing.is_set() or full:
            self._drop(1)
            return False
        self._text_in += length
        self._queue.append(ended)
        if not self._wake.is_set():
            self._wake.set()
        return True

    def close(self, wait_s: float) -> bool:
        """Send what waits, for at most `wait_s`; whether everything left. The thread may go on behind: it holds up nothing."""
        self._closing.set()
        self._wake.set()
        done = self._closed.wait(wait_s)
        if not done:
            self._drop(len(self._queue) + self._sending)
            self._queue.clear()
        return done

    def _drop(self, number: int) -> None:
        if number:
            self._lost += number
            self._told(number)

    def _run(self) -> None:
        try:
            while True:
                woken = self._wake.wait(max(self._metrics_s - time.monotonic(), 0.0))
                if time.monotonic() >= self._metrics_s and not self._closing.is_set():
                    self._send_metrics()
                if not woken:
                    continue
                self._gather()
                self._wake.clear()
                while self._queue:
                    self._work()
                if self._closing.is_set():
                    return
        finally:
            try:
                self._export.close()
            except Exception as error:
                log.warning("telemetry could not be closed: %s", error)
            self._closed.set()

    def _send_metrics(self) -> None:
        self._metrics_s = time.monotonic() + self._metrics_every_s
        try:
            self._export.send_metrics()
        except Exception as error:
            log.warning("metrics could not be sent: %s", type(error).__name__)

    def _gather(self) -> None:
        """Wait a little for more calls, so that they share a request."""
        until_s = time.monotonic() + self._wait_s
        while len(self._queue) < BATCH_MAX and (left_s := until_s - time.monotonic()) > 0:
            if self._closing.wait(min(left_s, GATHER_STEP_S)):
                return

    def _work(self) -> None:
        """Export one batch. Whatever goes wrong costs this batch and nothing else."""
        batch: list[tuple[int, int, Signals]] = []
        lost = 0
        for _ in range(min(len(self._queue), BATCH_MAX)):
            try:
                ended = self._queue.popleft()
            except IndexError:
                break
            self._text_out += ended.text_length()
            try:
                self._export.measure(measures_of(ended))
                if ended.trace.sampled:
                    _mask_errors(ended)
                    signals = signals_of(ended, content_of(ended, self._content))
                    batch.append((int(ended.trace.trace_id, 16), SAMPLED, signals))
            except Exception as error:
                lost += 1
                log.warning("call %s: its telemetry could not be built (%s)", ended.call_id, type(error).__name__)
        self._sending = len(batch)
        try:
            if batch and not self._export.send(batch):
                lost += len(batch)
        except Exception as error:
            lost += len(batch)
            log.warning("telemetry could not be sent: %s", type(error).__name__)
        self._sending = 0
        self._drop(lost)
        self._export.dropped(self._lost - self._lost_told)
        self._lost_told = self._lost


def _mask_errors(ended: Ended) -> None:
    """What providers say when they fail, with all masked that is found in it; the call's own values are masked already."""
    if ended.detect == "full":
        for attempt in ended.trace.attempts:
            if attempt.error_message:
                attempt.error_message = mask_text(attempt.error_message, ended.detect)
