"""Models that judge claims for a call: through the same targets, breakers and stops as any call, charged to the call's own
accounts, and only where their provider may see what is in the claims."""

from __future__ import annotations

import asyncio
from datetime import date

import msgspec

from groundcrew.domain.clock import Clock
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.errors import RefusedCall
from groundcrew.gateway.accounting import dearest_usd
from groundcrew.gateway.admission import Admitted, check_still_allowed, routes_for
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.asked import Dialect, Outgoing
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.dialects.chat import AskedChat
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.routing import Route, caller_of, order
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import Targets
from groundcrew.grounding.verifiers.judge import Answered, Prompt
from groundcrew.grounding.verifiers.protocol import VerifierFailure

#: Questions to judges that are under way in one process; beyond it claims are left open at once.
QUESTIONS_MAX = 512


class Judges:
    """The judges of one gateway process. `running` holds the questions under way, so that a stop finds them."""

    def __init__(
        self, targets: Targets, snapshots: SnapshotSource, ledger: Ledger, clock: Clock, settings: GatewaySettings
    ) -> None:
        self._targets, self._snapshots, self._ledger = targets, snapshots, ledger
        self._clock, self._settings = clock, settings
        self.running = Registry()
        #: What each judge was charged on a UTC day, since this process began; and what is held for questions under way.
        self._day: tuple[date | None, dict[str, float]] = (None, {})
        self._held: dict[str, float] = {}

    def asker(self, flight: Flight, judge: Declared, data_class: DataClass) -> FlightAsker:
        """What asks `judge` for the call `flight`, whose claims and passages are of `data_class`."""
        return FlightAsker(self, flight, judge, data_class)

    def _charged_today(self) -> dict[str, float]:
        today = self._clock.now().date()
        if self._day[0] != today:
            self._day = (today, {})
        return self._day[1]

    async def ask(self, flight: Flight, judge: Declared, data_class: DataClass, prompt: Prompt) -> Answered:
        """One question. GroundcrewError where nobody may be asked, no budget is left, or nobody answers."""
        assert flight.key is not None
        assert flight.entry is not None
        assert judge.model is not None
        snapshot, use_case = self._snapshots.current, flight.entry.use_case
        model, allowed = routes_for(snapshot, flight.key, use_case, data_class, judge.model)
        caller = caller_of(flight.call_id, user=flight.user_id, unit_id=flight.headers.unit_id, case_id=flight.headers.case_id)
        routes = order(model.name, allowed, call_id=flight.call_id, caller=caller, tries_max=self._settings.targets_max).tries
        routes = tuple(each for each in routes if not each.provider.embedded)
        if not routes:
            raise VerifierFailure("the judge's model has no target that generates")
        if len(self.running) >= QUESTIONS_MAX:
            raise VerifierFailure("too many questions to judges are under way")
        asked = AskedChat(_chat_body(judge.model, prompt), self._settings)
        copy = self._copy(flight, judge.model)
        copy.inflight = Inflight(copy.call_id, routes[0].scopes, flight.headers.secret)
        check_still_allowed(snapshot, flight.headers.secret, routes[0].scopes)
        admitted = Admitted(
            snapshot=snapshot,
            key=flight.key,
            entry=flight.entry,
            model=model,
            routes=routes,
            policy=None,
            knowledge=None,
            data_class=data_class,
            seen_class=data_class,
            holds_back=False,
            looks_at_answers=False,
        )

        def body_for(name: str, dialect: Dialect) -> bytes:
            body = asked.body(Outgoing(dialect=dialect, model=name))
            copy.estimated_input_tokens = -(-len(body) // self._settings.prompt_bytes_per_token)
            return body

        return await self._charged(flight, copy, judge, prompt, routes, self._targets.complete(copy, admitted, routes, body_for))

    async def _charged(
        self, flight: Flight, copy: Flight, judge: Declared, prompt: Prompt, routes: tuple[Route, ...], answering: object
    ) -> Answered:
        """Hold what the question may cost, ask it, and book what it did cost, whichever way it ends."""
        tokens = -(-len(prompt.system + "".join(prompt.messages)) // self._settings.prompt_bytes_per_token) * 2
        usd = dearest_usd(routes, tokens, prompt.output_tokens_max)
        try:
            held = self._hold(flight, judge, tokens + prompt.output_tokens_max, usd)
        except BaseException:
            answering.close()  # type: ignore[attr-defined]
            raise
        assert copy.inflight is not None
        task: asyncio.Task[Generated] = asyncio.create_task(answering)  # type: ignore[arg-type]
        copy.inflight.task = task  # type: ignore[assignment]
        self.running.add(copy.inflight)
        try:
            generated = await task
            if generated.usage is not None:
                copy.used(generated.usage)
            copy.answer = generated.recorded_text()
        except asyncio.CancelledError:
            if copy.inflight.interrupt is None:
                raise
            raise VerifierFailure("the judge was stopped by the kill switch") from None
        finally:
            self.running.remove(copy.inflight)
            copy.estimate_missing_usage(self._settings.prompt_bytes_per_token)
            self._book(flight, copy, judge, held)
        return Answered(text=generated.text, cost_usd=copy.cost_usd())

    def _hold(self, flight: Flight, judge: Declared, tokens: int, usd: float) -> tuple[int, float]:
        spent, day = flight.verifying.judges.by_judge.get(judge.name, 0.0), self._charged_today().get(judge.name, 0.0)
        if judge.usd_per_answer_max is not None and spent + usd > judge.usd_per_answer_max:
            raise VerifierFailure(
                f"the judge's ceiling of {judge.usd_per_answer_max:g} USD an answer does not cover the question"
            )
        held = self._held.get(judge.name, 0.0)
        if judge.usd_per_day_max is not None and day + held + usd > judge.usd_per_day_max:
            raise VerifierFailure(f"the judge's ceiling of {judge.usd_per_day_max:g} USD a day is reached")
        if flight.reservation is None or flight.reservation.settled:
            raise VerifierFailure("the call has no budget that a judge could be charged to")
        self._ledger.extend(flight.reservation, tokens, usd, self._clock.now())
        self._held[judge.name] = held + usd
        return tokens, usd

    def _book(self, flight: Flight, copy: Flight, judge: Declared, held: tuple[int, float]) -> None:
        tokens, usd = held
        self._held[judge.name] = max(0.0, self._held.get(judge.name, 0.0) - usd)
        charged = copy.charged_usd() if copy.upstream_started else 0.0
        used = copy.input_tokens + copy.output_tokens
        if flight.reservation is not None:
            self._ledger.shrink(flight.reservation, tokens - used, usd - charged)
        if not copy.upstream_started:
            return
        today = self._charged_today()
        today[judge.name] = today.get(judge.name, 0.0) + charged
        flight.verifying.judges.book(
            judge.name,
            input_tokens=copy.input_tokens,
            output_tokens=copy.output_tokens,
            cost_usd=copy.cost_usd(),
            charged_usd=charged,
        )

    def _copy(self, flight: Flight, alias: str) -> Flight:
        copy = Flight(new_id(), self._clock.now())
        copy.key, copy.entry, copy.snapshot, copy.headers = flight.key, flight.entry, flight.snapshot, flight.headers
        copy.model, copy.user_id = alias, flight.user_id
        return copy


class FlightAsker:
    """Asks one judge for one call. Implements `grounding.verifiers.judge.Asker`."""

    def __init__(self, judges: Judges, flight: Flight, judge: Declared, data_class: DataClass) -> None:
        self._judges, self._flight, self._judge, self._data_class = judges, flight, judge, data_class

    async def ask(self, prompt: Prompt) -> Answered:
        """As the protocol says."""
        try:
            return await self._judges.ask(self._flight, self._judge, self._data_class, prompt)
        except RefusedCall as refusal:
            raise VerifierFailure(f"the judge may not be asked: {refusal.code}") from None


def _chat_body(alias: str, prompt: Prompt) -> bytes:
    messages = [{"role": "system", "content": prompt.system}]
    messages += [{"role": "user", "content": "\n\n".join(prompt.messages)}]
    return msgspec.json.encode(
        {
            "model": alias,
            "messages": messages,
            "temperature": 0,
            "max_tokens": prompt.output_tokens_max,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdicts", "strict": True, "schema": prompt.schema},
            },
        }
    )
