"""Trials: questions asked of a model on purpose, by this process and over no connection. They go the way of every call, with its
admission, budgets, guards, retrieval, upstream, trust and record. What is meant for people served is left out: exposure, the
answer cache, shadow copies, sign-offs. What trials cost counts; what they say is no evidence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.clock import Clock
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.errors import RecorderUnavailable, RefusedCall
from groundcrew.gateway.admission import authenticate, check_stopped, scopes_of
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.cache import AnswerCache
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.entrance import Entrance
from groundcrew.gateway.finish import Finisher, keep_back
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.masking import without_message
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.outbound import describe
from groundcrew.gateway.protocols import Recorder, SnapshotSource
from groundcrew.gateway.proxy import Proxy
from groundcrew.gateway.respond import Event
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import Targets
from groundcrew.gateway.trial_snapshots import TrialSnapshots
from groundcrew.gateway.wire import Headers, Inside

log = logging.getLogger("groundcrew.gateway")

#: Trials under way in one process; the next one is told to come back.
TRIALS_MAX = 64
#: Ways of asking (use case, model, target, prompt) that are kept ready.
WAYS_MAX = 32
#: Members of a chat completion that a trial sets itself, or that mean more than one answer.
_OWN_MEMBERS = frozenset({"messages", "model", "stream", "stream_options", "n", "user"})


class GatewayTrials:
    """The trials of one gateway process; implements `domain.trial.Trials`. `running` holds those under way, so that a stop finds
    them; `watch` starts looking for one. `targets`, `checks` and `metrics` are apart from those of calls that count."""

    def __init__(
        self,
        *,
        targets: Targets,
        checks: Checks,
        recorder: Recorder,
        ledger: Ledger,
        snapshots: SnapshotSource,
        clock: Clock,
        settings: GatewaySettings,
        metrics: Metrics,
        watch: Callable[[], None],
    ) -> None:
        self._targets, self._checks, self._ledger = targets, checks, ledger
        self._snapshots, self._clock, self._settings = snapshots, clock, settings
        self._metrics, self._watch = metrics, watch
        self._recorder = _Remembering(recorder)
        self._finisher = Finisher(self._recorder, ledger, clock, metrics, settings)
        self._ways: OrderedDict[bytes, _Way] = OrderedDict()
        self.running = Registry()
        self._tasks: set[asyncio.Task[TrialAnswer]] = set()
        self._closing = False

    async def ask(self, request: TrialRequest) -> TrialAnswer:
        """As the protocol says. Cancelled, the trial is cut and recorded as such."""
        flight = Flight(new_id(), self._clock.now())
        flight.trial = request.trial
        if self._closing:
            return _refused(flight, "kill_switch", "the gateway is shutting down")
        if len(self._tasks) >= TRIALS_MAX:
            return _refused(flight, "rate_limited", f"{TRIALS_MAX} trials are under way already")
        task = asyncio.create_task(self._run(flight, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await task

    async def _run(self, flight: Flight, request: TrialRequest) -> TrialAnswer:
        error = ""
        try:
            await self._serve(flight, request)
        except asyncio.CancelledError:
            error = await self._cut(flight)
        except Exception as problem:
            error = await self._failed(flight, problem)
        finally:
            if flight.inflight is not None:
                self.running.remove(flight.inflight)
            self._finisher.settle(flight)
        call = self._recorder.take(flight.call_id)
        if call is None:
            return _refused(flight, flight.error_code or "recorder_unavailable", error)
        return _answer(call, error)

    async def _serve(self, flight: Flight, request: TrialRequest) -> None:
        """Take the trial to its end by the way of every call; errors are raised."""
        way = self._way(request)
        flight.headers = Headers(
            secret=Inside(request.use_case), case_id=request.case_id, data_class=request.data_class, no_store=True
        )
        flight.snapshot = way.snapshots.current
        flight.key, flight.entry = authenticate(flight.snapshot, flight.headers.secret, flight.received_at.timestamp())
        scopes = scopes_of(flight.key, flight.entry.use_case)
        inflight = flight.inflight = Inflight(flight.call_id, scopes, flight.headers.secret)
        inflight.task = asyncio.current_task()
        self.running.add(inflight)
        self._watch()
        check_stopped(flight.snapshot, flight.key, flight.entry.use_case)
        way.snapshots.check()
        parameters = {name: value for name, value in request.parameters.items() if name not in _OWN_MEMBERS}
        await way.proxy.run(flight, msgspec.json.encode({**parameters, "messages": request.messages}), _nobody)

    def _way(self, request: TrialRequest) -> _Way:
        """How questions that are asked alike go through: a pipeline of their own over their own view of the registry."""
        place = msgspec.json.encode((request.use_case, request.model, request.target, request.prompt, request.plain))
        way = self._ways.get(place)
        if way is None:
            snapshots = TrialSnapshots(self._snapshots, request)
            proxy = Proxy(
                snapshots=snapshots,
                checks=self._checks,
                targets=self._targets,
                finisher=self._finisher,
                entrance=Entrance(snapshots, self._ledger, self._clock, self._settings),
                settings=self._settings,
                metrics=self._metrics,
                cache=AnswerCache(),
            )
            way = self._ways[place] = _Way(snapshots, proxy)
            while len(self._ways) > WAYS_MAX:
                self._ways.popitem(last=False)
        self._ways.move_to_end(place)
        return way

    async def _cut(self, flight: Flight) -> str:
        """The trial was cut: by a stop, which is its answer, or by whoever asked, who gets the cancellation back."""
        refusal = flight.inflight.refusal if flight.inflight is not None else None
        interrupt = flight.inflight.interrupt if flight.inflight is not None else None
        task = asyncio.current_task()
        if interrupt is not None and task is not None:
            task.uncancel()
        if flight.is_recorded:
            return ""
        keep_back(flight)
        if refusal is not None:
            flight.details["cut_in_flight"] = True
            await self._finisher.refuse(flight, "refused", refusal.code)
            return refusal.message
        flight.details["interrupted"] = interrupt or "given_up"
        flight.error_code = "kill_switch" if interrupt is not None else None
        self._finisher.settle(flight)
        if flight.key is not None:
            with contextlib.suppress(RecorderUnavailable):
                await self._finisher.commit(flight, "cancelled")
        if interrupt is None:
            self._recorder.take(flight.call_id)
            raise asyncio.CancelledError
        return "the gateway is shutting down"

    async def _failed(self, flight: Flight, problem: Exception) -> str:
        """What went wrong, recorded like any other end of a call."""
        keep_back(flight)
        code, message, _, _ = describe(problem, flight)
        if code == "internal_error":
            log.error("trial %s failed: %s", flight.call_id, without_message(problem))
        flight.status = "refused" if isinstance(problem, RefusedCall) else "failed"
        if isinstance(problem, RecorderUnavailable):
            flight.error_code = code
        else:
            await self._finisher.refuse(flight, flight.status, code)
        return message

    async def close(self) -> None:
        """Start no more trials and cut those that run; each still gets its record, if the recorder is quick."""
        self._closing = True
        await self.running.close(self._tasks)


class _Way(msgspec.Struct, frozen=True):
    snapshots: TrialSnapshots
    proxy: Proxy


class _Remembering:
    """A recorder that keeps what it recorded until it is taken: a trial's answer is its record, which is masked."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._kept: dict[str, Call] = {}

    async def opened(self, call: Call) -> None:
        """As the protocol says."""
        await self._recorder.opened(call)

    async def record(self, call: Call) -> None:
        """As the protocol says."""
        await self._recorder.record(call)
        self._kept[call.id] = call

    def later(self, call: Call) -> None:
        """As the protocol says."""
        self._recorder.later(call)

    def missed(self, call: Call, *, answered: bool) -> None:
        """As the protocol says."""
        self._recorder.missed(call, answered=answered)

    def take(self, call_id: str) -> Call | None:
        """What was recorded under this id, once."""
        return self._kept.pop(call_id, None)


async def _nobody(_message: Event) -> None:
    """Where the answer to a trial goes: it was recorded before."""


def _answer(call: Call, error: str) -> TrialAnswer:
    withheld = bool(call.withheld_answer)
    return TrialAnswer(
        call_id=call.id,
        status=call.status,
        text=call.answer,
        generated=call.withheld_answer,
        provider=call.provider,
        target_model=call.target_model,
        error_code=call.error_code,
        error=error,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cost_usd=call.cost_usd,
        latency_ms=call.latency_ms.get("total", 0.0),
        trust=call.withheld_trust if withheld else call.trust,
        sources=call.sources,
    )


def _refused(flight: Flight, code: str, error: str) -> TrialAnswer:
    """The answer to a trial without a record: it was refused at the door, or its record could not be written."""
    status = flight.status if flight.status in ("refused", "failed") else "refused"
    return TrialAnswer(call_id=flight.call_id, status=status, error_code=code, error=error)
