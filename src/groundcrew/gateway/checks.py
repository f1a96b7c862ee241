"""What a call is checked against: guards on what goes in and out, the passages it may rest on, the trust of its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from groundcrew.domain.call import GuardResult
from groundcrew.domain.data_class import DataClass, highest
from groundcrew.domain.guard import GuardRule, Place, Policy
from groundcrew.domain.trust import TrustReport
from groundcrew.errors import GroundcrewError, RefusedCall
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.classify import class_of, classify, found_unasked, has_failed
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.protocols import ComposedAnswer, Grounding, Source
from groundcrew.gateway.request_sources import is_from_request, request_sources
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.grounding.withdrawn import without_withdrawn
from groundcrew.guards.runner import SEVERITY, Clearance, GuardOutcome, GuardRunner, RuleScan
from groundcrew.guards.turns import ANSWER, BESIDE, TOOL_CALLS

if TYPE_CHECKING:
    from groundcrew.gateway.verification import Verification

#: Who says the parts of an answer, for guards that judge them differently.
PARTS: tuple[str, ...] = (ANSWER, BESIDE, TOOL_CALLS)
#: Who says what a tool has found.
TOOL_ROLES = frozenset({"tool", "function"})
#: Code points of a request that patterns look through in the event loop itself.
INLINE_LENGTH_MAX = 20_000
#: What the gateway itself says when approved knowledge holds no answer.
DECLINED_TEXT = "I have no verified answer to this question."
#: How long verifiers that are out of time may take to give up, so that what was decided before them stands.
VERIFYING_SLACK_S = 1.0
#: Digits of a passage's score in the record.
SCORE_DIGITS = 4
Result = TypeVar("Result")


class CheckedInput(msgspec.Struct, frozen=True, kw_only=True):
    """A request after its guards: what they ask for, its texts where some were masked, and the class that a provider will see as
    far as its passages are not known."""

    outcome: GuardOutcome
    texts: list[str] | None
    provider_class: DataClass


class Checks:
    """Runs guards and grounding for calls, with their time limits; whatever fails is unknown and counts against the call."""

    def __init__(
        self,
        guards: GuardRunner,
        grounding: Grounding | None,
        settings: GatewaySettings,
        metrics: Metrics,
        verification: Verification | None = None,
    ) -> None:
        self._guards, self._grounding, self._settings, self._metrics = guards, grounding, settings, metrics
        self._verification = verification

    async def request(self, flight: Flight, admitted: Admitted, asked: Asked) -> CheckedInput:
        """Guards on the request. Raises the call's data class to what was found, and refuses where that is too high. The flight
        then has the question as a provider may see it."""
        started_s = time.perf_counter()
        flight.output_waits, flight.question = admitted.looks_at_answers, asked.question()
        names = flight.pseudonyms
        names.reserve((*asked.texts, admitted.entry.use_case.prompt))
        unasked: DataClass = "public" if admitted.looks_for_phi else await _found_unasked(admitted.policy, asked.texts)
        clearance = self._clearance(flight, admitted, unasked)
        outcome = await self._guards.run(
            admitted.policy,
            "input",
            asked.texts,
            {"newest": flight.question},
            roles=asked.roles,
            clearance=clearance,
            pseudonyms=names,
        )
        self._book(flight, outcome)
        current = list(outcome.texts)
        if not TOOL_ROLES.isdisjoint(asked.roles):
            tools = [position for position, role in enumerate(asked.roles) if role in TOOL_ROLES]
            results = [current[each] for each in tools]
            roles = [asked.roles[each] for each in tools]
            found = await self._guards.run(
                admitted.policy, "tool_results", results, roles=roles, clearance=clearance, pseudonyms=names
            )
            self._book(flight, found)
            for position, text in zip(tools, found.texts, strict=True):
                current[position] = text
            if SEVERITY.index(found.action) > SEVERITY.index(outcome.action):
                outcome = found
        if flight.scans_ran and asked.hides_text():
            flight.scans_missing += 1
        texts = flight.shown_texts = current if current != asked.texts else None
        if texts is not None:
            flight.question = asked.question(texts)
        if has_failed(flight):  # a scan that failed open says nothing of what it did not see
            unasked = highest((unasked, await _found_unasked(None, current)))
        provider_class = classify(flight, admitted, found=unasked)
        flight.timed("guards", started_s, "guards input")
        return CheckedInput(outcome=outcome, texts=texts, provider_class=provider_class)

    def _clearance(self, flight: Flight, admitted: Admitted, found: DataClass = "public") -> Clearance:
        """Of what class texts are that guards on other machines would get: like that which a provider would see, and what the
        rules of the place itself found and did not mask."""

        def clearance(results: Sequence[GuardResult]) -> DataClass:
            return class_of(highest((admitted.seen_class, found)), [*flight.guards, *results], with_masked=False)

        return clearance

    async def output(
        self, flight: Flight, admitted: Admitted, generated: Generated, *, monitor_only: bool = False
    ) -> GuardOutcome:
        """Guards on an answer: its text, the text beside it, its tool calls, in this order (all three, empty ones included).

        Where nothing is checked before it leaves, further choices are looked at too, and what can not be makes the
        scan partial.
        """
        started_s = time.perf_counter()
        texts = [generated.text, generated.side_text, generated.tool_text()]
        leaves_whole = not admitted.holds_back
        roles = PARTS
        if leaves_whole and generated.others:
            texts += generated.others
            roles = (*PARTS, *[ANSWER] * len(generated.others))
        context = _output_context(flight)
        clearance = self._clearance(flight, admitted)
        outcome = await self._guards.run(
            admitted.policy,
            "output",
            texts,
            context,
            roles=roles,
            monitor_only=monitor_only,
            clearance=clearance,
            pseudonyms=flight.pseudonyms,
        )
        self._book(flight, outcome)
        flight.output_waits = False
        if leaves_whole and outcome.ran and generated.hides_text():
            flight.scans_missing += 1
        flight.timed("guards", started_s, "guards output")
        if len(texts) == len(PARTS):
            return outcome
        return msgspec.structs.replace(outcome, texts=outcome.texts[:3], offsets=outcome.offsets[:3])

    async def beginning(self, flight: Flight, rules: Sequence[GuardRule], text: str) -> tuple[RuleScan, ...]:
        """What `rules` say about the beginning of an answer. Nothing is booked but the time: the whole answer is scanned too."""
        started_s = time.perf_counter()
        scans = await self._guards.scan(rules, "output", text, _output_context(flight))
        flight.timed("guards", started_s, "guards output")
        return scans

    def book_failure(self, flight: Flight, result: GuardResult) -> None:
        """Book a scan of an answer's beginning that failed."""
        flight.guards.append(result)
        flight.scans_missing += 1
        self._metrics.guards((result,))

    def _book(self, flight: Flight, outcome: GuardOutcome) -> None:
        flight.guards += outcome.results
        flight.scans_ran += outcome.ran
        flight.scans_missing += outcome.failed
        self._metrics.guards(outcome.results)

    async def retrieve(self, flight: Flight, admitted: Admitted, seen: DataClass) -> DataClass:
        """Find the passages for the question; none where the knowledge base is missing, expired or can not be read. Returns
        the class that a provider will see, which was `seen` without passages; RefusedCall where theirs is too high. Where the
        request is the source, they are what it says: guards have read that as input, and its class is the call's own."""
        grounding = admitted.entry.use_case.grounding
        if grounding is not None and grounding.source == "request":
            if flight.asked is not None:
                flight.sources = request_sources(flight.asked, flight.shown_texts, marked=grounding.marked)
            return seen
        if admitted.knowledge is None or self._grounding is None or not flight.question.strip():
            return seen
        started_s = time.perf_counter()
        knowledge = admitted.knowledge
        try:
            found = await self._bounded(self._grounding.retrieve(knowledge, flight.question, self._settings.passages_max))
        except GroundcrewError as error:
            flight.details["retrieval_error"] = str(error)
            self._metrics.grounding_failures.inc()
            return seen
        finally:
            flight.timed("retrieval", started_s)
        flight.knowledge_revision = knowledge.revision
        flight.details["hit_scores"] = [round(each.score, SCORE_DIGITS) for each in found]
        before = len(flight.guards)
        flight.sources = await self._safe_passages(flight, admitted, found)
        seen = classify(flight, admitted, seen=seen, since=before)
        if flight.sources:
            flight.data_class = highest((flight.data_class, knowledge.data_class))
        return seen

    async def _safe_passages(self, flight: Flight, admitted: Admitted, found: Sequence[Source]) -> tuple[Source, ...]:
        place: Place = "passages"
        started_s = time.perf_counter()
        texts = [*(source.text for source in found), *(source.title for source in found)]
        roles = ["passage"] * len(texts)
        flight.pseudonyms.reserve(texts)
        clearance = self._clearance(flight, admitted)
        outcome = await self._guards.run(
            admitted.policy, place, texts, roles=roles, clearance=clearance, pseudonyms=flight.pseudonyms
        )
        self._book(flight, outcome)
        flight.timed("guards", started_s, "guards passages")
        if outcome.is_closed:  # a failed scan that fails closed
            raise RefusedCall("guard_blocked", f"the guard {outcome.guard!r} could not scan the passages: {outcome.reason}")
        return tuple(
            msgspec.structs.replace(source, text=outcome.texts[index], title=outcome.texts[len(found) + index])
            for index, source in enumerate(found)
            if index not in outcome.blocked and len(found) + index not in outcome.blocked
        )

    async def score(self, flight: Flight, text: str) -> TrustReport | None:
        """The trust of `text` against the call's passages; None when it can not be told, which never counts as supported."""
        if self._grounding is None:
            flight.details["trust_error"] = "no grounding is set up"
            return None
        started_s = time.perf_counter()
        try:
            scored = await self._bounded(self._scored(flight, text, self._grounding), VERIFYING_SLACK_S)
            return self._calibrated(flight, scored)
        except GroundcrewError as error:
            flight.details["trust_error"] = str(error)
            self._metrics.grounding_failures.inc()
            return None
        finally:
            flight.timed("trust", started_s)

    def _calibrated(self, flight: Flight, report: TrustReport) -> TrustReport:
        """`report` with the name of what scored it, and its trust as the use case's own labels read it."""
        if report.verifier is None:
            report = msgspec.structs.replace(report, verifier=getattr(self._grounding, "verifier", None))
        return flight.entry.trust.calibrated(report) if flight.entry is not None else report

    async def _scored(self, flight: Flight, text: str, grounding: Grounding) -> TrustReport:
        """The shipped stack's report, with what it leaves open decided by the use case's verifiers. Those get, in all of a call,
        the time of one scoring."""
        loop = asyncio.get_running_loop()
        started_s, first_s = loop.time(), time.perf_counter()
        question, sources = flight.question, flight.sources
        if _rests_on_request(flight):  # what it says is all in the sources, but for what it takes back itself
            question, sources = "", tuple(msgspec.structs.replace(each, text=without_withdrawn(each.text)) for each in sources)
        report = await grounding.score(text, sources, question)
        first_ms = (time.perf_counter() - first_s) * 1000
        if self._verification is None or not self._verification.verifiers_of(flight):
            return report
        verifying_s = loop.time()
        left_s = self._settings.grounding_s_max - flight.verifying.seconds
        try:
            return await self._verification.decide(
                flight,
                text,
                [source.text for source in sources],
                report,
                first_ms=first_ms,
                ends_s=min(started_s + self._settings.grounding_s_max, verifying_s + left_s),
            )
        finally:
            flight.verifying.seconds += loop.time() - verifying_s

    async def compose(self, flight: Flight, admitted: Admitted) -> ComposedAnswer:
        """An answer of verbatim sentences; the text that says there is none where nothing can be composed."""
        declined = ComposedAnswer(text=DECLINED_TEXT, answered=False, confidence=0.0)
        if admitted.knowledge is None or self._grounding is None or not flight.sources:
            return declined
        started_s = time.perf_counter()
        try:
            return await self._bounded(self._grounding.compose(admitted.knowledge, flight.question, flight.sources))
        except GroundcrewError as error:
            flight.details["compose_error"] = str(error)
            self._metrics.grounding_failures.inc()
            return declined
        finally:
            flight.timed("compose", started_s)

    async def _bounded(self, work: Awaitable[Result], slack_s: float = 0.0) -> Result:
        """`work` within its time limit; every failure becomes a GroundcrewError that names its kind."""
        try:
            async with asyncio.timeout(self._settings.grounding_s_max + slack_s):
                return await work
        except TimeoutError:
            raise GroundcrewError(f"grounding took longer than {self._settings.grounding_s_max:g} s") from None
        except GroundcrewError:
            raise
        except Exception as error:
            raise GroundcrewError(f"grounding failed ({type(error).__name__})") from error


def _rests_on_request(flight: Flight) -> bool:
    return flight.entry is not None and is_from_request(flight.entry.use_case.grounding)


async def _found_unasked(policy: Policy | None, texts: Sequence[str]) -> DataClass:
    """As `found_unasked`, which for a request of megabytes takes seconds."""
    if sum(map(len, texts)) <= INLINE_LENGTH_MAX:
        return found_unasked(policy, texts)
    return await asyncio.to_thread(found_unasked, policy, texts)


def _knowledge(flight: Flight) -> list[str]:
    if flight.reads_request:
        return list(flight.own_words)
    return [] if _rests_on_request(flight) else [source.text for source in flight.sources]


def _output_context(flight: Flight) -> dict[str, Any]:
    """What guards on an answer may look at beside it. What a request says is no approved knowledge: nobody may write himself a
    ground for a promise."""
    return {
        "request": flight.question,
        "knowledge": _knowledge(flight),
        **({"own_words": list(flight.own_words)} if flight.own_words else {}),
        "today": flight.received_at.date(),
        "response_schema": flight.response_schema,
    }
