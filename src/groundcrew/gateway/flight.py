"""One call while it is under way: everything known about it so far, and the record that this becomes."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Literal

from groundcrew.domain.call import Call, CallStatus, GuardResult, ScanStatus, SourceReference
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.provider import Price
from groundcrew.domain.snapshot import KeyEntry, UseCaseEntry
from groundcrew.domain.trust import TrustReport
from groundcrew.gateway.budget import Reservation, cost_usd
from groundcrew.gateway.inflight import Inflight
from groundcrew.gateway.protocols import Citation, Source
from groundcrew.gateway.respond import HeaderList
from groundcrew.gateway.wire import Headers


class Flight:
    """A call under way. Filled in as it advances; `call` turns it into a record at any moment."""

    def __init__(self, call_id: str, received_at: datetime) -> None:
        self.call_id, self.received_at = call_id, received_at
        self.started_s = time.perf_counter()
        self.headers = Headers()
        self.key: KeyEntry | None = None
        self.entry: UseCaseEntry | None = None
        self.inflight: Inflight | None = None
        self.snapshot_version = 0
        self.stream = False
        self.data_class: DataClass = "public"
        self.question = self.request_text = ""
        #: What the request already puts into the answer's mouth: the text of a last message of the assistant.
        self.prefill = ""
        self.offers_tools = False
        self.provider: str | None = None
        self.target_model: str | None = None
        self.price: Price | None = None
        self.upstream_started = self.response_started = self.is_recorded = False
        #: Whether it is on the disk that a stream began.
        self.is_opened = False
        self.reservation: Reservation | None = None
        self.estimated_input_tokens = self.input_tokens = self.output_tokens = 0
        #: True once the upstream, not our estimate, told the token counts.
        self.usage_known = False
        self.answer = self.withheld_answer = ""
        self.status: CallStatus = "answered"
        self.error_code: str | None = None
        self.trust: TrustReport | None = None
        self.withheld_trust: TrustReport | None = None
        self.sources: tuple[Source, ...] = ()
        self.citations: tuple[Citation, ...] = ()
        self.knowledge_revision: str | None = None
        self.guards: list[GuardResult] = []
        #: Scans that ran, and scans that failed or could not look at everything.
        self.scans_ran = self.scans_missing = 0
        self.sign_off_id: str | None = None
        #: What the cache had for the call ("" where it was not asked), and whose answer it gets again.
        self.cache: Literal["", "hit", "miss"] = ""
        self.cached_from: str | None = None
        #: Why an answer that was sent should be looked at.
        self.flags: list[str] = []
        self.latency_ms: dict[str, float] = {}
        self.details: dict[str, Any] = {}

    @property
    def scan(self) -> ScanStatus:
        """How much of what the policy asks for was scanned so far."""
        if not self.scans_ran:
            return "not_scanned"
        return "partial" if self.scans_missing else "scanned"

    def timed(self, part: str, since_s: float) -> None:
        """Book the time since `since_s` (perf_counter) under `part`."""
        self.latency_ms[part] = round(self.latency_ms.get(part, 0.0) + (time.perf_counter() - since_s) * 1000, 3)

    def estimate_missing_usage(self, prompt_bytes_per_token: int) -> None:
        """Where the upstream told no token counts, put our estimate in their place; nothing for a call that never left."""
        if self.usage_known or not self.upstream_started:
            return
        text = self.answer or self.withheld_answer
        self.input_tokens = self.estimated_input_tokens
        self.output_tokens = -(-len(text.encode()) // prompt_bytes_per_token)
        self.details["usage"] = "estimated"

    def cost_usd(self) -> float | None:
        """What the call has cost so far; 0 for a call that never reached an upstream."""
        return cost_usd(self.price, self.input_tokens, self.output_tokens) if self.upstream_started else 0.0

    def call(self, status: CallStatus, finished_at: datetime | None) -> Call:
        """The record. Needs an authenticated call."""
        assert self.key is not None
        assert self.entry is not None
        use_case = self.entry.use_case
        return Call(
            id=self.call_id,
            use_case=use_case.name,
            business_unit=use_case.business_unit,
            stage=use_case.stage,
            version_digest=self.entry.version_digest,
            key_id=self.key.id,
            model=use_case.model,
            received_at=self.received_at,
            status=status,
            provider=self.provider,
            target_model=self.target_model,
            finished_at=finished_at,
            error_code=self.error_code,
            stream=self.stream,
            case_id=self.headers.case_id,
            unit_id=self.headers.unit_id,
            data_class=self.data_class,
            request=self.request_text,
            answer=self.answer,
            withheld_answer=self.withheld_answer,
            answer_sha256=sha256_hex(self.answer.encode()) if self.answer else None,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd(),
            latency_ms=self.latency_ms,
            trust=self.trust,
            withheld_trust=self.withheld_trust,
            sources=source_references(self.sources),
            knowledge_revision=self.knowledge_revision,
            guards=tuple(self.guards),
            scan=self.scan,
            snapshot_version=self.snapshot_version,
            sign_off_id=self.sign_off_id,
            cached_from=self.cached_from,
            details={**self.details, "flags": self.flags} if self.flags else self.details,
        )

    def response_headers(self) -> HeaderList:
        """The contract's response headers, as far as they are known now."""
        headers: HeaderList = [(b"groundcrew-call-id", self.call_id.encode())]
        if self.entry is not None:
            headers.append((b"groundcrew-use-case", self.entry.use_case.name.encode()))
            headers.append((b"groundcrew-stage", self.entry.use_case.stage.encode()))
            headers.append((b"groundcrew-scan", self.scan.encode()))
        if self.cache:
            headers.append((b"groundcrew-cache", self.cache.encode()))
        trust = self.trust or self.withheld_trust
        if trust is not None and trust.trust is not None:
            headers.append((b"groundcrew-trust", f"{trust.trust:.4f}".encode()))
        return headers

    def report(self) -> dict[str, Any]:
        """The `groundcrew` member of a body: what the client may know about its answer."""
        trust = self.trust
        return {
            "call_id": self.call_id,
            "status": self.status,
            "trust": trust.trust if trust is not None else None,
            "state": trust.state if trust is not None else None,
            "reason": trust.reason if trust is not None else None,
            "claims": trust.claims if trust is not None else (),
            "unsupported": trust.unsupported if trust is not None else (),
            "sources": source_references(self.sources),
            "citations": self.citations,
            "verdicts": self.guards,
            "flags": self.flags,
            "scan": self.scan,
        }


def source_references(sources: tuple[Source, ...]) -> tuple[SourceReference, ...]:
    """Sources as a record and a client see them."""
    return tuple(
        SourceReference(passage_id=each.passage_id, document=each.document, title=each.title, text=each.text) for each in sources
    )
