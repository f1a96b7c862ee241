"""One call while it is under way: everything known about it so far, and the record that this becomes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from groundcrew.domain.call import Call, CallStatus, GuardResult, LatencyPart, ScanStatus, SourceReference
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.prices import KnownPrice, TokenCount, assumed_price, cost_usd, highest_usd
from groundcrew.domain.provider import Role
from groundcrew.domain.snapshot import KeyEntry, Snapshot, UseCaseEntry
from groundcrew.domain.trust import TrustReport
from groundcrew.gateway.answer import Tokens
from groundcrew.gateway.asked import Asked, Dialect
from groundcrew.gateway.budget import Reservation
from groundcrew.gateway.dialects.registry import EventWriter
from groundcrew.gateway.inflight import Inflight
from groundcrew.gateway.protocols import Citation, Source
from groundcrew.gateway.respond import HeaderList
from groundcrew.gateway.timing import Parts
from groundcrew.gateway.trace import NO_TRACE, CallTrace
from groundcrew.gateway.verifying import Verifying
from groundcrew.gateway.wire import NO_HEADERS, Headers
from groundcrew.guards.redaction import OffsetMap, Pseudonyms, remap_report

if TYPE_CHECKING:
    from groundcrew.gateway.shadow import ShadowOrder


@dataclass(slots=True, eq=False)
class Flight:
    """A call under way. Filled in as it advances; `call` turns it into a record at any moment."""

    call_id: str
    received_at: datetime
    parts: Parts = field(default_factory=Parts)  # where its time went, from now on
    trace: CallTrace = NO_TRACE
    #: The request, once it is read, and its texts as a provider may see them, where guards masked some.
    asked: Asked | None = None
    shown_texts: list[str] | None = None
    #: The request's texts and the answer as they are recorded, once they are; whether they could not be masked.
    masked_texts: list[str] | None = None
    masked_answer: str = ""
    #: The tags of the record: those of the call, and more for what no policy masks.
    recorded_names: Pseudonyms | None = None
    unmaskable: bool = False
    #: The class of what a provider saw of the request, once it is known: without what was masked.
    seen_class: DataClass | None = None
    #: The experiment that its unit takes part in, by its digest, and the unit's arm.
    experiment: str | None = None
    arm: str | None = None
    #: Whether its sources are what the client sent, and are masked wherever they stand.
    reads_request: bool = False
    #: What the model that answered brings along itself (names and titles of labels): nothing of the client's in it.
    own_words: tuple[str, ...] = ()
    #: Why the model that answered leaves the case to a person; "" where it does not.
    needs_person: str = ""
    #: How offsets move in an answer that its client gets with values in the place of their tags.
    restored: OffsetMap | None = None
    #: `latency_ms` at the moment when the record was durable, that wait included.
    recorded_ms: dict[str, float] | None = None
    headers: Headers = NO_HEADERS
    #: What the client speaks, and what writes its stream where that is not the chat completion's.
    dialect: Dialect = "chat"
    writer: EventWriter | None = None
    #: Providers that said in this call that they have no endpoint for responses.
    without_responses: set[str] = field(default_factory=set)
    key: KeyEntry | None = None
    entry: UseCaseEntry | None = None
    inflight: Inflight | None = None
    snapshot: Snapshot | None = None  # that key and entry come from
    stream: bool = False
    user_id: str | None = None
    #: The alias that is asked, once it is known.
    model: str | None = None
    data_class: DataClass = "public"
    question: str = ""
    #: What the request already puts into the answer's mouth: the text of a last message of the assistant.
    prefill: str = ""
    offers_tools: bool = False
    response_schema: dict[str, Any] | bool | None = None  # only where the policy holds the answer to it
    provider: str | None = None
    target_model: str | None = None
    price: KnownPrice | None = None
    role: Role = "primary"
    #: Copies of this call that go out once it is over; and the call that this one is a copy of.
    shadows: ShadowOrder | None = None
    shadow_of: str | None = None
    trial: str | None = None  # that asks, where one does: nobody is served
    upstream_started: bool = False
    response_started: bool = False
    is_recorded: bool = False
    #: Whether it is on the disk that a stream began.
    is_opened: bool = False
    reservation: Reservation | None = None
    estimated_input_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    #: Parts of the input and of the output, where the upstream tells them.
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    #: True once the upstream, not our estimate, told the token counts.
    usage_known: bool = False
    answer: str = ""
    withheld_answer: str = ""
    #: Bytes that were generated beside the recorded answer, such as reasoning.
    side_bytes: int = 0
    status: CallStatus = "answered"
    error_code: str | None = None
    trust: TrustReport | None = None
    withheld_trust: TrustReport | None = None
    sources: tuple[Source, ...] = ()
    citations: tuple[Citation, ...] = ()
    knowledge_revision: str | None = None
    verifying: Verifying = field(default_factory=Verifying)
    guards: list[GuardResult] = field(default_factory=list)
    #: What the tags of masked values stand for. Never written anywhere.
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)
    #: Scans that ran, and scans that failed or could not look at everything.
    scans_ran: int = 0
    scans_missing: int = 0
    #: Whether guards on the output have still to look at the answer. What leaves before counts as not scanned.
    output_waits: bool = False
    sign_off_id: str | None = None
    #: What the cache had for the call ("" where it was not asked), and whose answer it gets again.
    cache: Literal["", "hit", "miss"] = ""
    cached_from: str | None = None
    #: Why an answer that was sent should be looked at.
    flags: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def scan(self) -> ScanStatus:
        """How much of what the policy asks for was scanned so far."""
        if not self.scans_ran:
            return "not_scanned"
        waits = self.output_waits and (self.stream or self.answer or self.withheld_answer) and self.upstream_started
        return "partial" if self.scans_missing or waits else "scanned"

    @property
    def latency_ms(self) -> dict[str, float]:
        """The parts of the call's time so far and their `total`, in milliseconds."""
        return self.parts.latency_ms(time.perf_counter())

    def timed(self, part: LatencyPart, since_s: float, place: str | None = None) -> None:
        """Book the time since `since_s` (perf_counter) under `part`; time already booked inside of it stays where it is.
        `place` tells apart in a trace what is one part in the record."""
        now_s = time.perf_counter()
        self.parts.book(part, since_s, now_s)
        if self.trace is not NO_TRACE:
            self.trace.part(place or part, since_s, now_s)

    def used(self, usage: Tokens) -> None:
        """Take over the token counts that the upstream told."""
        self.usage_known = True
        self.input_tokens, self.output_tokens = usage.prompt_tokens, usage.completion_tokens
        if usage.prompt_tokens_details is not None:
            self.cached_input_tokens = usage.prompt_tokens_details.cached_tokens or 0
            self.cache_write_tokens = usage.prompt_tokens_details.cache_write_tokens or 0
        if usage.completion_tokens_details is not None:
            self.reasoning_tokens = usage.completion_tokens_details.reasoning_tokens or 0

    def estimate_missing_usage(self, prompt_bytes_per_token: int) -> None:
        """Where the upstream told no token counts, put our estimate in their place; nothing for a call that never left."""
        if self.usage_known or not self.upstream_started:
            return
        text = self.answer or self.withheld_answer
        self.input_tokens = self.estimated_input_tokens
        self.output_tokens = -(-(len(text.encode()) + self.side_bytes) // prompt_bytes_per_token)
        self.details["usage"] = "estimated"

    def cost_usd(self) -> float | None:
        """What the call has cost so far, its judges included; 0 for a call that never reached an upstream."""
        own, judged = self._own_usd(), self.verifying.judges.cost_usd
        return None if own is None or judged is None else own + judged

    def _own_usd(self) -> float | None:
        if not self.upstream_started:
            return 0.0
        tokens = TokenCount(
            input=self.input_tokens,
            output=self.output_tokens,
            cached_input=self.cached_input_tokens,
            cache_write=self.cache_write_tokens,
            reasoning=self.reasoning_tokens,
        )
        return cost_usd(self.price.price if self.price is not None else None, tokens)

    def charged_usd(self) -> float:
        """What budgets are charged: the cost, or at the highest known price where it is unknown."""
        own = self._own_usd()
        charged = highest_usd(assumed_price(), self.input_tokens, self.output_tokens) if own is None else own
        return charged + self.verifying.judges.charged_usd

    def charged_tokens(self) -> int:
        """What budgets are charged in tokens: the call's own and its judges'."""
        return self.input_tokens + self.output_tokens + self.verifying.judges.input_tokens + self.verifying.judges.output_tokens

    def _details(self, cost_usd: float | None) -> dict[str, Any]:
        """What the record adds: why the answer should be looked at, and which price its cost was reckoned with."""
        details = {**self.details, "flags": self.flags} if self.flags else dict(self.details)
        if self.role == "canary":
            details["role"] = self.role
        if self.upstream_started:
            details["price"] = self.price.source if self.price is not None else "unknown"
            if self.cached_input_tokens:
                details["cached_input_tokens"] = self.cached_input_tokens
            if self.cache_write_tokens:
                details["cache_write_tokens"] = self.cache_write_tokens
            if self.reasoning_tokens:
                details["reasoning_tokens"] = self.reasoning_tokens
        if self.verifying.judges.questions:
            details["judges"] = self.verifying.judges.details()
        if cost_usd is None:
            details["assumed_usd"] = round(self.charged_usd(), 9)
        return details

    def call(self, status: CallStatus, finished_at: datetime | None, request: str = "") -> Call:
        """The record, not masked yet: see `masking`. `request` is what was asked, where it is known that it needs no masking.
        Needs an authenticated call."""
        assert self.key is not None
        assert self.entry is not None
        use_case, judges, cost_usd = self.entry.use_case, self.verifying.judges, self.cost_usd()
        return Call(
            id=self.call_id,
            use_case=use_case.name,
            business_unit=use_case.business_unit,
            stage=use_case.stage,
            version_digest=self.entry.version_digest,
            key_id=self.key.id,
            model=self.model or use_case.model,
            received_at=self.received_at,
            status=status,
            provider=self.provider,
            target_model=self.target_model,
            finished_at=finished_at,
            error_code=self.error_code,
            stream=self.stream,
            case_id=self.headers.case_id,
            unit_id=self.headers.unit_id,
            user_id=self.user_id,
            data_class=self.data_class,
            request=request,
            answer=self.answer,
            withheld_answer=self.withheld_answer,
            answer_sha256=sha256_hex(self.answer.encode()) if self.answer else None,
            input_tokens=self.input_tokens + judges.input_tokens,
            output_tokens=self.output_tokens + judges.output_tokens,
            cost_usd=cost_usd,
            latency_ms=self.parts.latency_ms(time.perf_counter()),
            trust=self.trust,
            withheld_trust=self.withheld_trust,
            sources=source_references(self.sources),
            knowledge_revision=self.knowledge_revision,
            guards=tuple(self.guards),
            scan=self.scan,
            snapshot_version=self.snapshot.version if self.snapshot is not None else 0,
            sign_off_id=self.sign_off_id,
            cached_from=self.cached_from,
            trace_id=self.trace.trace_id,
            details=self._details(cost_usd),
            shadow_of=self.shadow_of,
            trial=self.trial,
            experiment=self.experiment,
            arm=self.arm,
        )

    def response_headers(self) -> HeaderList:
        """The contract's response headers, as far as they are known now."""
        headers: HeaderList = [(b"groundcrew-call-id", self.call_id.encode())]
        if self.entry is not None:
            headers.append((b"groundcrew-use-case", self.entry.use_case.name.encode()))
            headers.append((b"groundcrew-stage", self.entry.use_case.stage.encode()))
            headers.append((b"groundcrew-scan", self.scan.encode()))
        if self.reservation is not None:
            headers.extend(self.reservation.headers())
        if self.cache:
            headers.append((b"groundcrew-cache", self.cache.encode()))
        if self.arm is not None:
            headers.append((b"groundcrew-arm", self.arm.encode()))
        trust = self.trust or self.withheld_trust
        if trust is not None and trust.trust is not None:
            headers.append((b"groundcrew-trust", f"{trust.trust:.4f}".encode()))
        return headers

    def report(self) -> dict[str, Any]:
        """The `groundcrew` member of a body: what the client may know about its answer."""
        trust = self.trust
        if trust is not None and self.restored is not None:
            trust = remap_report(trust, self.restored, reasons_stay=True)
        return {
            "call_id": self.call_id,
            "status": self.status,
            "trust": trust.trust if trust is not None else None,
            "state": trust.state if trust is not None else None,
            "reason": trust.reason if trust is not None else None,
            "claims": trust.claims if trust is not None else (),
            "unsupported": trust.unsupported if trust is not None else (),
            "stages": trust.stages if trust is not None else (),
            "sources": source_references(self.sources),
            "citations": self.citations,
            "verdicts": self.guards,
            "flags": self.flags,
            "scan": self.scan,
            "latency_ms": self.recorded_ms or self.latency_ms,
        }


def source_references(sources: tuple[Source, ...]) -> tuple[SourceReference, ...]:
    """Sources as a record and a client see them."""
    if not sources:
        return ()
    return tuple(
        SourceReference(passage_id=each.passage_id, document=each.document, title=each.title, text=each.text) for each in sources
    )
