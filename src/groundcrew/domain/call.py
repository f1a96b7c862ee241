"""One call through the gateway as it is recorded: asked, answered, checked, spent. Content is masked before it gets here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import Stage

#: opened = a stream whose end is not recorded (the process died); the others are final.
CallStatus = Literal["opened", "answered", "declined", "fallback", "held", "refused", "failed", "cancelled"]
ScanStatus = Literal["scanned", "partial", "not_scanned"]
#: admission: reading the request's fields, the key's rights, the budget. guards: on what goes in and out and on passages.
#: retrieval: finding passages. upstream: the provider, for a stream until its end. compose: an answer of verbatim sentences.
#: trust: scoring an answer. record: waiting until a stream's beginning is durable (the record can not hold how long its own
#: writing took). other: what is in none of them, the client's sending above all.
LatencyPart = Literal["admission", "guards", "retrieval", "upstream", "compose", "trust", "record", "other"]
LATENCY_PARTS: tuple[LatencyPart, ...] = get_args(LatencyPart)


class SourceReference(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that the answer was checked against; `text` is the approved passage."""

    passage_id: str
    document: str
    title: str
    text: str


class GuardResult(msgspec.Struct, frozen=True, kw_only=True):
    """One guard's run in a call. `action` is what followed; findings are counted by type, never with their text."""

    guard: str
    place: str
    verdict: Literal["pass", "flag", "block", "failed"]
    action: str
    mode: str
    score: float = 0.0
    types: dict[str, int] = {}
    latency_ms: float = 0.0
    reason: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded call. `request` and `answer` are masked; `answer_sha256` is over the bytes of text that left the gateway."""

    id: str
    use_case: str
    business_unit: str
    stage: Stage
    version_digest: str
    key_id: str
    model: str
    received_at: datetime
    status: CallStatus
    provider: str | None = None
    target_model: str | None = None
    finished_at: datetime | None = None
    error_code: str | None = None
    stream: bool = False
    case_id: str | None = None
    unit_id: str | None = None
    #: Who asked, as far as the application says: an identifier or its digest, never a person's data.
    user_id: str | None = None
    data_class: DataClass = "public"
    request: str = ""
    answer: str = ""
    withheld_answer: str = ""
    answer_sha256: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    #: Where the call's time went until its record was handed over: `LatencyPart`s, which do not overlap, and `total`, their sum.
    latency_ms: dict[str, float] = {}
    trust: TrustReport | None = None
    #: The trust report of the generated answer when a fallback or refusal replaced it.
    withheld_trust: TrustReport | None = None
    sources: tuple[SourceReference, ...] = ()
    knowledge_revision: str | None = None
    guards: tuple[GuardResult, ...] = ()
    scan: ScanStatus = "not_scanned"
    snapshot_version: int = 0
    sign_off_id: str | None = None
    sample: bool = False
    #: The distributed trace that the call belongs to, 32 hexadecimal digits.
    trace_id: str | None = None
    details: dict[str, Any] = {}
    #: The call that this one is a copy of: its answer was sent to nobody and counts for nothing but comparison and budgets.
    shadow_of: str | None = None


def call_digest(call: Call) -> str:
    """SHA-256 over the whole record, so that an edited row is found."""
    return digest(call)
