"""A rehearsal: what an alternate answers to recorded calls, beside what was answered then. Kept as figures, without any text."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import Call, CallStatus
from groundcrew.domain.trial import TrialAnswer
from groundcrew.domain.trust import TrustReport

#: replay: recorded requests are asked anew. shadows: the copies that a shadow target got.
RehearsalSource = Literal["replay", "shadows"]
#: Why a recorded call can not be replayed. removed: its texts were kept long enough. another_model: something else answered it.
#: cached: it got an answer of before. not_text: it holds tools, images or no conversation at all. cut: it has no end of its own.
Unusable = Literal["removed", "another_model", "cached", "not_text", "cut"]

#: What a rehearsal compares, and what margins may be declared for: see metrics/swap_report.py.
MEASURE_NAMES = (
    *("supported", "trust", "likeness", "declined", "failed", "findings", "critical"),
    *("to_final", "kept", "length", "latency_ms", "cost_usd"),
)

#: Turns of a recorded request; whoever says them, the alternate hears in the same role.
_TURN = re.compile(r"^(system|developer|user|assistant|tool|function|model|other): ", re.MULTILINE)
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant"}
_TAG = re.compile(r"\[[A-Z_]{2,40}(?:_\d+)?\]")
#: Refusals that say something about an answer, not about who may ask.
_ABOUT_ANSWERS = frozenset({"guard_blocked", "not_grounded"})
_NO_ANSWER = frozenset({"upstream_error", "upstream_timeout", "rate_limited"})


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side's answer to one call, as figures. `trust` is before calibration; None is unknown. `found`: a guard on the output
    flagged or blocked it; `critical`: a guard blocked it or an approved passage contradicts it. `to_final`: cosine with what
    people finally sent, `kept` the share of characters kept (1 − edit distance / longer length)."""

    answered: bool
    declined: bool
    failed: bool
    length: int
    trust: float | None = None
    supported: bool | None = None
    found: bool | None = None
    critical: bool | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    to_final: float | None = None
    kept: float | None = None


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded call and the alternate's answer to it. `similarity` is the cosine of both answers; `final` says what people
    did with the recorded one; `masked`: tags stand in the request in the place of personal data."""

    id: str
    job_id: str
    use_case: str
    call_id: str
    answer_call_id: str
    at: datetime
    source: RehearsalSource
    present: Side
    alternate: Side
    similarity: float | None = None
    final: Literal["", "approved", "corrected"] = ""
    masked: bool = False


def unusable(call: Call, answering: frozenset[tuple[str, str]]) -> Unusable | None:
    """Why a recorded call says nothing about who answers now, None where it does."""
    if call.redacted_at is not None:
        return "removed"
    if call.cached_from is not None:
        return "cached"
    if call.status in ("opened", "cancelled") or (call.status == "refused" and call.error_code not in _ABOUT_ANSWERS):
        return "cut"
    if (call.provider or "", call.target_model or "") not in answering:
        return "cut" if call.provider is None else "another_model"
    return None if messages_of(call) else "not_text"


def messages_of(call: Call) -> tuple[dict[str, Any], ...]:
    """The conversation that a record's request spells, () where that is not one of texts alone that ends with a question."""
    turns = list(_TURN.finditer(call.request))
    if call.details.get("dialect") == "embeddings" or not call.request.strip():
        return ()
    if not turns or turns[0].start() != 0:
        # Records of applications that are not the gateway's hold the question alone.
        return ({"role": "user", "content": call.request},)
    found: list[dict[str, Any]] = []
    for turn, following in zip(turns, [*turns[1:], None], strict=True):
        role = _ROLES.get(turn.group(1))
        if role is None:
            return ()
        text = call.request[turn.end() : following.start() if following else len(call.request)]
        found.append({"role": role, "content": text.rstrip("\n")})
    return tuple(found) if found[-1]["role"] == "user" else ()


def holds_tags(call: Call) -> bool:
    """Whether tags stand in the recorded request in the place of personal data."""
    return _TAG.search(call.request) is not None


def generated(call: Call) -> str:
    """What the model wrote for a recorded call, whether it left or not; "" where only what took its place is recorded."""
    return "" if was_replaced(call) else call.withheld_answer or call.answer


def was_replaced(call: Call) -> bool:
    """Whether another answer than the model's own waited for a signature: that one is recorded, and the model's is not."""
    return call.status == "held" and "replaced_because" in call.details


def side_of_call(call: Call, *, grounded: bool) -> Side:
    """The figures of a recorded call."""
    if was_replaced(call):
        by_guard = blocked(call)
        return Side(
            answered=False,
            declined=True,
            failed=False,
            length=0,
            supported=None if by_guard or not grounded else False,
            found=findings(call),
            critical=True if by_guard else None,
        )
    text = generated(call)
    return _side(
        call.status,
        text,
        call.withheld_trust or call.trust,
        grounded=grounded,
        failed=call.status == "failed",
        found=findings(call),
        cost_usd=call.cost_usd,
        latency_ms=call.latency_ms.get("upstream"),
        blocked=blocked(call),
    )


def side_of_answer(answer: TrialAnswer, *, grounded: bool) -> Side:
    """The figures of a trial's answer. What guards found is not part of it: see `with_record`."""
    about_answer = answer.status == "refused" and answer.error_code in _ABOUT_ANSWERS
    return _side(
        answer.status,
        answer.generated or answer.text,
        answer.trust,
        grounded=grounded,
        failed=answer.status in ("failed", "cancelled") or (answer.status == "refused" and not about_answer),
        found=True if answer.error_code == "guard_blocked" else None,
        cost_usd=answer.cost_usd,
        latency_ms=answer.latency_ms or None,
        blocked=True if answer.error_code == "guard_blocked" else None,
    )


def with_record(side: Side, record: Call) -> Side:
    """`side` with what its own record says: what guards found, and how long the provider alone took."""
    contradicted = (report := record.withheld_trust or record.trust) is not None and report.contradicted
    return msgspec.structs.replace(
        side,
        found=findings(record),
        critical=blocked(record) or contradicted,
        latency_ms=record.latency_ms.get("upstream", side.latency_ms),
    )


def findings(call: Call) -> bool:
    """Whether a guard on the output flagged or blocked the answer of a call."""
    return any(each.place == "output" and each.verdict in ("flag", "block") for each in call.guards)


def blocked(call: Call) -> bool:
    """Whether a guard on the output blocked the answer of a call."""
    return any(each.place == "output" and each.verdict == "block" for each in call.guards)


def no_answer(answer: TrialAnswer) -> bool:
    """Whether the alternate itself could not be asked, or nobody may ask it."""
    return answer.status == "failed" or answer.error_code in _NO_ANSWER


def _side(
    status: CallStatus,
    text: str,
    report: TrustReport | None,
    *,
    grounded: bool,
    failed: bool,
    found: bool | None,
    cost_usd: float | None,
    latency_ms: float | None,
    blocked: bool | None,
) -> Side:
    contradicted = report is not None and report.contradicted
    return Side(
        answered=bool(text) and not failed,
        declined=status in ("declined", "fallback") or (status == "refused" and not failed),
        failed=failed,
        length=len(text),
        trust=report.raw if report is not None else None,
        supported=(report is not None and report.state == "supported") if grounded else None,
        found=found,
        critical=None if blocked is None and not contradicted else bool(blocked) or contradicted,
        cost_usd=cost_usd if text else None,
        latency_ms=latency_ms if text else None,
    )
