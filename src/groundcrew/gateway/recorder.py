"""The recorder over the spool: masks a call's content, whatever the policy says, and makes it durable before it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.guard import Finding
from groundcrew.domain.trust import TrustReport
from groundcrew.gateway.spool import Spool
from groundcrew.guards import pii
from groundcrew.guards.redaction import redact, remap_report

#: Code points that are masked in the event loop itself: about a millisecond.
INLINE_LENGTH_MAX = 20_000


class SpoolRecorder:
    """Records calls in a `Spool`. Whoever opened the spool closes it."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def opened(self, call: Call) -> None:
        """Record that a stream is about to send its first byte; RecorderUnavailable when that can not be made durable."""
        await self._spool.record(await _masked(call), "opened")

    async def record(self, call: Call) -> None:
        """Record a call's end; RecorderUnavailable when that can not be made durable."""
        await self._spool.record(await _masked(call))

    def later(self, call: Call) -> None:
        """Record the end of a stream as soon as the spool can be written again."""
        self._spool.later(mask_call(call))

    def missed(self, call: Call, *, answered: bool) -> None:
        """Count a call that has no record; the count itself is recorded as soon as the spool can be written again."""
        self._spool.missed(call.use_case, call.key_id, answered=answered)


async def _masked(call: Call) -> Call:
    """`mask_call`, in a thread for long texts, so that one long call does not hold up the others."""
    if len(call.request) + len(call.answer) + len(call.withheld_answer) <= INLINE_LENGTH_MAX:
        return mask_call(call)
    return await asyncio.to_thread(mask_call, call)


def mask_call(call: Call) -> Call:
    """`call` with personal data in its texts masked and the offsets of its claims carried over.

    What an approved passage of the call itself says (a hotline, an address of the firm) stays readable in answers.
    """
    request, _ = redact(call.request, pii.find(call.request))
    answer, trust = mask_answer(call.answer, call.trust, call.sources)
    withheld, withheld_trust = mask_answer(call.withheld_answer, call.withheld_trust, call.sources)
    return msgspec.structs.replace(
        call, request=request, answer=answer, trust=trust, withheld_answer=withheld, withheld_trust=withheld_trust
    )


def mask_answer(text: str, report: TrustReport | None, sources: Sequence[SourceReference]) -> tuple[str, TrustReport | None]:
    """An answer with personal data masked that none of `sources` says, and its report with the offsets carried over."""
    if not text:
        return text, report
    findings: list[Finding] = [
        each for each in pii.find(text) if not any(text[each.start : each.end] in source.text for source in sources)
    ]
    masked, offsets = redact(text, findings)
    return masked, _mask_reasons(remap_report(report, offsets)) if report is not None else None


def _mask_reasons(report: TrustReport) -> TrustReport:
    """Reasons quote words of the answer."""
    if not any(pii.find(reason) for claim in report.claims for reason in claim.reasons):
        return report
    claims = tuple(
        msgspec.structs.replace(claim, reasons=tuple(redact(each, pii.find(each))[0] for each in claim.reasons))
        for claim in report.claims
    )
    return msgspec.structs.replace(report, claims=claims)
