"""Streams whose answers are checked while they come: text leaves as soon as every rule has settled it, masked as it would be in
a whole answer, and nothing leaves after what a rule refuses. The upstream is then cut, and paid for what it gave."""

from __future__ import annotations

import time

import msgspec

from groundcrew.domain.guard import GuardRule
from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.answer_writer import AnswerWriter
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.leaving import Leaving, early_headers
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.relay import Reading
from groundcrew.gateway.release import Release, Releaser
from groundcrew.gateway.respond import Send, send_events, start_events
from groundcrew.gateway.sentence_release import SentenceRelease
from groundcrew.gateway.stops import Stops
from groundcrew.gateway.targets import OpenStream
from groundcrew.gateway.window import OPEN_FAILURES_MAX, Judged, Window, judge
from groundcrew.guards.runner import RuleScan


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A checked answer whose stream has ended: what was generated, its text before it was masked, what leaves. Where the
    response `is_over`, all of it has left and the call is recorded; otherwise nothing has."""

    generated: Generated
    text: str
    release: Release
    is_over: bool


class HoldBack:
    """Lets streams out through a window."""

    def __init__(self, snapshots: SnapshotSource, checks: Checks, releaser: Releaser, finisher: Finisher) -> None:
        self._snapshots, self._checks, self._releaser, self._finisher = snapshots, checks, releaser, finisher

    async def run(
        self, flight: Flight, admitted: Admitted, asked: Asked, opened: OpenStream, leaving: Leaving, send: Send
    ) -> Held:
        """Let `opened` out to the client as far as it may. Raises what went wrong; the flight then holds what had left as its
        answer, and where a rule ended it all that was generated as withheld."""
        started_s = time.perf_counter()
        passage = _Passage(self._checks, self._finisher, flight, admitted, asked, leaving, send)
        reading = Reading(flight.provider or "", opened.dialect)
        stops = Stops(self._snapshots, admitted, flight.provider or "")
        try:
            frames = opened.frames
            while True:
                done = reading.take(frames)
                stops.check()
                if done:
                    opened.stream.finish()
                    break
                await passage.take(reading)
                data = await opened.stream.read()
                if not data:
                    if not reading.ended() or opened.splitter.rest().strip():
                        raise UpstreamError(f"provider {flight.provider}: the stream ended in the middle")
                    break
                frames = opened.splitter.feed(data)
        except _NothingMore as end:
            opened.stream.close()
            self._gathered(flight, reading, passage)
            await passage.refused(reading.gathering.generated(), end)
            raise RefusedCall(end.code, end.reason) from None
        except BaseException:
            self._gathered(flight, reading, passage)
            raise
        finally:
            opened.stream.close()
            flight.timed("upstream", started_s)
        self._gathered(flight, reading, passage)
        return await self._end(flight, admitted, reading.gathering.generated(), passage)

    @staticmethod
    def _gathered(flight: Flight, reading: Reading, passage: _Passage) -> None:
        """Book what the upstream gave."""
        gathered = reading.gathering.generated()
        flight.trace.finished(gathered.finish_reason)
        flight.answer = passage.window.left_text
        passage.given_bytes = len(gathered.recorded_text().encode()) + len(gathered.side_text.encode())
        passage.book_size()
        if (usage := reading.usage()) is not None:
            flight.used(usage)

    async def _end(self, flight: Flight, admitted: Admitted, generated: Generated, passage: _Passage) -> Held:
        """The whole answer is here: check it as any other, and let out what has not left."""
        text = generated.text
        left = passage.window.left > 0
        booked = len(flight.guards)
        try:
            release = await self._releaser.decide(flight, admitted, generated, extractive=False, under_way=left)
            rest = passage.rest(release) if left else ""
        except BaseException:
            if left:
                passage.keep_record()
            raise
        finally:
            passage.book_time(booked)
            passage.book_size()
        if left:
            await passage.end(release, rest)
        return Held(generated=generated, text=text, release=release, is_over=left)


class _NothingMore(Exception):
    """A rule lets nothing more out."""

    def __init__(self, code: str, reason: str, scan: RuleScan | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.scan = code, reason, scan


class _Passage:
    """One answer on its way through the window."""

    def __init__(
        self,
        checks: Checks,
        finisher: Finisher,
        flight: Flight,
        admitted: Admitted,
        asked: Asked,
        leaving: Leaving,
        send: Send,
    ) -> None:
        self._checks, self._finisher, self._flight, self._send = checks, finisher, flight, send
        self._admitted, self._asked, self._rules = admitted, asked, leaving.rules
        self._sentences = SentenceRelease(checks, flight, leaving.release) if leaving.release is not None else None
        self._writer: AnswerWriter | None = None
        self._pieces = 0
        #: Failed scans by rule, where the rule fails open, and the time that scans of beginnings took.
        self._failures: dict[int, int] = {}
        self._spent_ms: dict[str, float] = {}
        self.window = Window(flight.pseudonyms)
        #: Bytes that the upstream generated.
        self.given_bytes = 0

    async def take(self, reading: Reading) -> None:
        """Let out what the text that has come allows. _NothingMore where a rule ends it."""
        pieces = reading.gathering.content(self._pieces)
        self._pieces += len(pieces)
        self.window.add(pieces)
        if not self.window.is_due() or (self._sentences is not None and self._sentences.waits):
            return
        text = self.window.text
        judged = await self._judge(text)
        limit = len(text)
        if self._sentences is not None:
            limit = await self._sentences.limit(text, min(limit, judged.limit))
            if self._sentences.problem:
                if self.window.left:
                    raise _NothingMore("not_grounded", self._sentences.problem)
                return  # the whole answer is judged as if it were no stream
        if leaves := self.window.release(judged, limit):
            await self._send_text(leaves)

    async def _judge(self, text: str) -> Judged:
        rules = [rule for rule in self._rules if self._failures.get(id(rule), 0) < OPEN_FAILURES_MAX]
        scans = await self._checks.beginning(self._flight, rules, text)
        self.window.looked()
        for scan in scans:
            spent_ms = self._spent_ms.get(scan.result.guard, 0.0)
            self._spent_ms[scan.result.guard] = spent_ms + scan.result.latency_ms
            if scan.failed and not scan.refuses:
                self._failed(scan.rule)
                if self._failures[id(scan.rule)] == 1:
                    self._checks.book_failure(self._flight, scan.result)
        judged = judge(text, scans)
        if judged.refusal is not None:
            result = judged.refusal.result
            reason = f"blocked by the guard {result.guard!r}" + (f": {result.reason}" if result.reason else "")
            raise _NothingMore("guard_blocked", reason, judged.refusal)
        return judged

    def _failed(self, rule: GuardRule) -> None:
        self._failures[id(rule)] = self._failures.get(id(rule), 0) + 1

    async def _send_text(self, text: str) -> None:
        """Send what leaves next; before the first of it, make durable that a stream begins."""
        flight = self._flight
        if self._writer is None:
            await self._finisher.opened(flight)
            flight.response_started = True
            self._writer = AnswerWriter(self._asked, flight, self._admitted.entry.use_case.model)
            await start_events(self._send, 200, early_headers(flight, self._admitted, ran=bool(self._rules)))
        if data := self._writer.text(text):
            await send_events(self._send, data)

    async def refused(self, generated: Generated, end: _NothingMore) -> None:
        """Book the end that a rule sets: all that was generated is scanned once more for the record, as withheld."""
        flight = self._flight
        if end.scan is not None and end.scan.failed:
            self._checks.book_failure(flight, end.scan.result)
        outcome = await self._checks.output(flight, self._admitted, generated)
        text, _, tools = outcome.texts
        flight.withheld_answer = "\n\n".join(each for each in (text, tools) if each)
        self.book_size()
        if self._sentences is not None:
            flight.trust = self._sentences.report_until(self.window.left)
            flight.withheld_trust = self._sentences.failed

    def rest(self, release: Release) -> str:
        """What of a checked answer has not left. RefusedCall where a guard says otherwise now about what has left."""
        start = release.offsets.end(self.window.left)
        if release.text[:start] != self.window.left_text and not self._failures:
            raise RefusedCall("guard_blocked", "a guard judges the beginning of the answer otherwise than before")
        return release.text[start:]

    def keep_record(self) -> None:
        """The call ends although some of its answer has left: that is its answer, and all of it is what was withheld."""
        flight, left_text = self._flight, self.window.left_text
        whole = flight.withheld_answer or flight.answer
        flight.withheld_answer, flight.answer = whole if whole != left_text else "", left_text
        flight.withheld_trust = flight.withheld_trust or flight.trust
        flight.trust = self._sentences.report_until(self.window.left) if self._sentences is not None else None

    def book_time(self, booked: int) -> None:
        """Add the time that scans of the beginning took to the results of the whole answer's."""
        results = self._flight.guards
        for index in range(booked, len(results)):
            spent_ms = self._spent_ms.pop(results[index].guard, 0.0) if results[index].place == "output" else 0.0
            latency_ms = round(results[index].latency_ms + spent_ms, 3)
            results[index] = msgspec.structs.replace(results[index], latency_ms=latency_ms)

    def book_size(self) -> None:
        """What was generated beside the text that stands for it in the record, for an estimate of what it costs."""
        flight = self._flight
        flight.side_bytes = max(0, self.given_bytes - len((flight.answer or flight.withheld_answer).encode()))

    async def end(self, release: Release, rest: str) -> None:
        """Send what has not left, record the call, and then tell the client that this was all."""
        flight = self._flight
        assert self._writer is not None
        calls, flight.answer = flight.answer[len(release.text) :], self.window.left_text
        await send_events(self._send, self._writer.rest(release, rest))
        flight.answer += rest + calls
        self.book_size()
        await self._finisher.commit(flight, flight.status)
        if flight.pseudonyms.restores:
            _, flight.restored = flight.pseudonyms.restore_mapped(release.text)
        await send_events(self._send, self._writer.end(), more=False)
