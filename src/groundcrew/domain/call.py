"""One call through the gateway as it is recorded: asked, answered, checked, spent. Content is masked before it gets here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

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
    """A recorded call. `request` and `answer` are masked; `answer_sha256` is over the bytes of text that left the gateway, before
    values were put back in the place of their tags."""

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
    #: The trial (an evaluation, a replay, a judge's question) that asked: nobody was served, and it is no evidence.
    trial: str | None = None
    #: The experiment that the call's unit takes part in, by its hypothesis's digest, and the arm that the unit is in.
    experiment: str | None = None
    arm: str | None = None
    #: The call whose answer this one got again.
    cached_from: str | None = None
    #: When its texts were removed, since they were kept long enough.
    redacted_at: datetime | None = None


#: Details that may quote an answer which was kept from the client.
_QUOTING = frozenset({"held_because", "replaced_because"})


def as_served(call: Call) -> Call:
    """The call without what its client did not get: a draft that waits or was replaced, what was found of it, and why."""
    return msgspec.structs.replace(
        call,
        withheld_answer="",
        withheld_trust=None,
        guards=tuple(msgspec.structs.replace(each, reason="") for each in call.guards),
        details={name: value for name, value in call.details.items() if name not in _QUOTING},
    )


class TrustHead(msgspec.Struct, frozen=True, kw_only=True):
    """What of a trust report is looked up."""

    trust: float | None
    state: str


class CallHead(msgspec.Struct, frozen=True, kw_only=True):
    """What of a recorded call is looked up; decoded from the call's JSON at a fraction of the whole record's cost."""

    id: str
    use_case: str
    version_digest: str
    key_id: str
    received_at: datetime
    status: CallStatus
    business_unit: str = ""
    provider: str | None = None
    target_model: str | None = None
    case_id: str | None = None
    user_id: str | None = None
    trace_id: str | None = None
    shadow_of: str | None = None
    trial: str | None = None
    experiment: str | None = None
    arm: str | None = None
    unit_id: str | None = None
    details: dict[str, Any] = {}
    request: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    latency_ms: dict[str, float] = {}
    trust: TrustHead | None = None
    sample: bool = False
    redacted_at: datetime | None = None


class RecordingGap(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one use case that have no record, since none could be written: how many, with which key, from when to when.

    `answered` of the `calls` were answered all the same; the others got an error. `key_id` is "" where the keys were too many
    to count apart.
    """

    id: str
    use_case: str
    key_id: str
    calls: int
    answered: int
    first_at: datetime
    last_at: datetime


#: Members of a call's details that hold no text of people or models.
PLAIN_DETAILS = frozenset(
    {
        *("usage", "interrupted", "cut_in_flight", "dialect", "role", "price", "assumed_usd", "masking", "judges"),
        *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens"),
        *("experiment", "cluster", "hit_scores", "tuned"),
    }
)


def redacted(call: Call, at: datetime) -> Call:
    """`call` without any text that a person or a model wrote, and without the passages; figures, times and hashes stay."""
    return msgspec.structs.replace(
        call,
        request="",
        answer="",
        withheld_answer="",
        trust=_without_words(call.trust),
        withheld_trust=_without_words(call.withheld_trust),
        sources=tuple(msgspec.structs.replace(each, text="") for each in call.sources),
        guards=tuple(msgspec.structs.replace(each, reason="") for each in call.guards),
        details={name: value for name, value in call.details.items() if name in PLAIN_DETAILS},
        redacted_at=at,
    )


def _without_words(report: TrustReport | None) -> TrustReport | None:
    if report is None:
        return None
    claims = tuple(msgspec.structs.replace(each, reasons=()) for each in report.claims)
    return msgspec.structs.replace(report, claims=claims)
