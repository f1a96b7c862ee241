"""What of a call may be written: its record with personal data and secrets masked, in every text and whatever the policy says.

Nothing else hands a call to the recorder, and telemetry exports the texts that were masked here. What a guard has found already
is remembered by text, so a message is masked as it was scanned, one by one, before a transcript is made of them.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.call import PLAIN_DETAILS, Call, CallStatus, SourceReference, redacted
from groundcrew.domain.data_class import DataClass, highest, rank
from groundcrew.domain.trust import TrustReport
from groundcrew.errors import RefusedCall
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.request_sources import is_from_request
from groundcrew.guards.masking import are_plain, detect_for, mask, mask_text, unescaped
from groundcrew.guards.pii import Detect
from groundcrew.guards.redaction import Pseudonyms, redact, remap_report
from groundcrew.guards.registry import find_guard

log = logging.getLogger("groundcrew.gateway")

#: Code points that are masked with patterns in the event loop itself: about a millisecond. Longer ones, and whatever the network
#: has to look at, are masked in a thread.
INLINE_LENGTH_MAX = 20_000
#: Ends of a call from which nothing leaves: where it can not be masked, it is recorded without its texts.
_NOTHING_LEAVES: frozenset[CallStatus] = frozenset({"refused", "failed", "cancelled"})
#: The innermost calls that the log shows of an error that nobody expected.
TRACE_FRAMES_MAX = 16
#: How deep lists and objects in a call's details are masked; what lies deeper is left out.
DETAILS_DEPTH_MAX = 8


class MaskingFailed(RefusedCall):
    """A call could not be masked, so that neither its texts nor its answer may go anywhere."""

    def __init__(self) -> None:
        super().__init__("recorder_unavailable", "the call could not be masked for its record")


async def masked_call(flight: Flight, status: CallStatus, finished_at: datetime | None) -> Call:
    """The record of `flight`. MaskingFailed where it can not be masked and something would leave: then nothing does, and the
    refusal that follows is recorded without texts."""
    if flight.unmaskable:
        return _without_texts(flight.call(status, finished_at))
    try:
        detect = detect_of(flight)
        if _is_plain(flight, detect):
            return _unmasked(flight, status, finished_at)
        call, data_class = flight.call(status, finished_at), _knowledge_class(flight)
        if _is_quick(flight, call, detect):
            return _mask(flight, call, detect, data_class)
        return await asyncio.to_thread(_mask, flight, call, detect, data_class)
    except Exception as error:  # whatever it is, its message may hold what could not be masked
        log.error("call %s: its record could not be masked (%s)", flight.call_id, type(error).__name__)
        flight.unmaskable = True
    if status in _NOTHING_LEAVES or flight.shadow_of is not None:
        return _without_texts(flight.call(status, finished_at))
    raise MaskingFailed


def without_message(error: BaseException) -> str:
    """Where an error came from and of which kind it is, for the log: its message may repeat what a client sent."""
    frames = traceback.format_tb(error.__traceback__, -TRACE_FRAMES_MAX)
    return f"{type(error).__name__}, at\n{''.join(frames).rstrip()}"


def detect_of(flight: Flight) -> Detect:
    """What looks for personal data in what is recorded of `flight`."""
    assert flight.entry is not None
    use_case = flight.entry.use_case
    policy = flight.snapshot.policies.get(use_case.policy) if flight.snapshot is not None and use_case.policy else None
    return detect_for(use_case, policy)


def _without_texts(call: Call) -> Call:
    bare = redacted(call, call.finished_at or call.received_at)
    return msgspec.structs.replace(bare, case_id=None, unit_id=None, details={**bare.details, "masking": "failed"})


def _knowledge_class(flight: Flight) -> DataClass:
    use_case = flight.entry.use_case if flight.entry is not None else None
    if flight.reads_request or (
        use_case is not None and is_from_request(use_case.grounding)
    ):  # what a client sent is masked wherever it stands
        return highest((flight.data_class, "pii"))
    name = use_case.grounding.knowledge if use_case is not None and use_case.grounding is not None else None
    known = flight.snapshot.knowledge.get(name) if flight.snapshot is not None and name is not None else None
    return known.data_class if known is not None else "internal"


def _is_plain(flight: Flight, detect: Detect) -> bool:
    """Whether nothing in the call's record has to be masked, where that can be told from its texts alone; False in doubt."""
    if (
        flight.asked is None
        or flight.pseudonyms.tags
        or flight.sources
        or flight.trust is not None
        or flight.withheld_trust is not None
        or flight.flags
    ):
        return False
    headers = flight.headers
    if not flight.details.keys() <= PLAIN_DETAILS or _may_be_name(headers.case_id) or _may_be_name(headers.unit_id):
        return False
    for result in flight.guards:
        if result.reason:
            return False
    texts = (*_shown(flight), flight.answer, flight.withheld_answer)
    return _are_quick(texts, detect) and are_plain(texts, detect)


def _may_be_name(identifier: str | None) -> bool:
    """Whether an identifier has white space in it, as names have."""
    return identifier is not None and len(identifier.split()) > 1


def _unmasked(flight: Flight, status: CallStatus, finished_at: datetime | None) -> Call:
    """The record of a call in which there is nothing to mask."""
    assert flight.asked is not None
    flight.recorded_names, flight.masked_texts, flight.masked_answer = None, list(_shown(flight)), flight.answer
    return flight.call(status, finished_at, flight.asked.transcript(flight.shown_texts))


def _is_quick(flight: Flight, call: Call, detect: Detect) -> bool:
    """Whether masking takes no more than a moment."""
    if detect != "patterns" and (call.trust is not None or call.withheld_trust is not None):
        return False
    return _are_quick((*(() if flight.asked is None else _shown(flight)), call.answer, call.withheld_answer), detect)


def _are_quick(texts: Sequence[str], detect: Detect) -> bool:
    """Whether what is to be masked in `texts` is found in a moment: they are short, and the network has read them before."""
    if sum(map(len, texts)) > INLINE_LENGTH_MAX:
        return False
    if detect == "patterns":
        return True
    quick, given = find_guard("pii").quick, {"detect": detect}
    return quick is not None and all(not each or quick(each, given) is not None for each in texts)


def _shown(flight: Flight) -> Sequence[str]:
    """The request's texts as a provider may see them: what a policy has masked is not recorded either."""
    assert flight.asked is not None
    return flight.shown_texts if flight.shown_texts is not None else flight.asked.texts


def _mask(flight: Flight, call: Call, detect: Detect, data_class: DataClass) -> Call:
    # What is masked for the record alone must not change which tags the provider and the client see: hence a copy.
    names = flight.recorded_names = flight.pseudonyms.copy()
    texts: list[str] | None = None
    if flight.asked is not None:
        names.reserve(flight.asked.texts)
        texts = [mask_text(text, detect, names) for text in _shown(flight)]
    masked, texts = mask_call(
        call, names, detect=detect, data_class=data_class, asked=flight.asked, texts=texts, own_words=flight.own_words
    )
    flight.masked_texts, flight.masked_answer = texts, masked.answer
    return masked


def mask_call(
    call: Call,
    names: Pseudonyms | None = None,
    *,
    detect: Detect = "patterns",
    data_class: DataClass = "internal",
    asked: Asked | None = None,
    texts: list[str] | None = None,
    own_words: Sequence[str] = (),
) -> tuple[Call, list[str] | None]:
    """`call` with personal data and secrets masked in all its texts, and the offsets of its claims carried over; and `texts`,
    the masked ones of the request, with what was found elsewhere in the call masked as well.

    What an approved passage of the call itself says (a hotline, an address of the firm) stays readable in answers, unless the
    knowledge that it comes from is declared as personal (`data_class`): then passages are masked too. `own_words` are the names
    and titles that a tuned model answers with, which stay readable where they stand as such.
    """
    names = names or Pseudonyms()
    is_personal = rank(data_class) >= rank("pii")
    published = () if is_personal else tuple(each.text for each in call.sources)
    names.avoid((call.answer, call.withheld_answer, call.request))

    def short(text: str) -> str:
        return mask_text(text, detect, names)

    request = short(call.request)
    answer, trust = mask_answer(call.answer, call.trust, published, names, detect, own_words)
    withheld, withheld_trust = mask_answer(call.withheld_answer, call.withheld_trust, published, names, detect, own_words)
    sources = call.sources
    if is_personal:
        sources, (trust, withheld_trust) = _mask_sources(sources, (trust, withheld_trust), short, names, detect)
    result = msgspec.structs.replace(
        call,
        request=request,
        answer=answer,
        withheld_answer=withheld,
        trust=trust,
        withheld_trust=withheld_trust,
        sources=sources,
        guards=tuple(msgspec.structs.replace(each, reason=short(each.reason)) if each.reason else each for each in call.guards),
        details={
            name: value if name in PLAIN_DETAILS else _mask_value(value, short, DETAILS_DEPTH_MAX)
            for name, value in call.details.items()
        },
        case_id=short(call.case_id) if call.case_id and _may_be_name(call.case_id) else call.case_id,
        unit_id=short(call.unit_id) if call.unit_id and _may_be_name(call.unit_id) else call.unit_id,
    )
    if asked is not None and texts is not None:
        if names.tags:  # what one text gave away is masked in those before it as well
            texts = [again(text, names) for text in texts]
        result = msgspec.structs.replace(result, request=asked.transcript(texts))
    return result, texts


def again(text: str, names: Pseudonyms) -> str:
    """A masked text with the values masked that were found in others since."""
    found = names.occurrences(text)
    return redact(text, names.without_tags(text, found), names)[0] if found else text


def mask_answer(
    text: str,
    report: TrustReport | None,
    published: Sequence[str],
    names: Pseudonyms,
    detect: Detect,
    own_words: Sequence[str] = (),
) -> tuple[str, TrustReport | None]:
    """An answer with everything masked that none of the `published` passages says and that is none of a model's `own_words`, and
    its report with the offsets carried over."""
    if not text:
        return text, report
    if report is None:
        return mask(unescaped(text), names, detect=detect, published=published, own_words=own_words)[0], None
    masked, offsets = mask(text, names, detect=detect, published=published, own_words=own_words)
    return masked, _mask_reasons(remap_report(report, offsets), names, detect)


def _mask_reasons(report: TrustReport, names: Pseudonyms, detect: Detect) -> TrustReport:
    """Reasons quote words of the answer."""
    return msgspec.structs.replace(
        report,
        reason=mask_text(report.reason, detect, names) if report.reason else report.reason,
        claims=tuple(
            msgspec.structs.replace(claim, reasons=tuple(mask_text(each, detect, names) for each in claim.reasons))
            if claim.reasons
            else claim
            for claim in report.claims
        ),
    )


def _mask_sources(
    sources: tuple[SourceReference, ...],
    reports: tuple[TrustReport | None, TrustReport | None],
    short: Callable[[str], str],
    names: Pseudonyms,
    detect: Detect,
) -> tuple[tuple[SourceReference, ...], tuple[TrustReport | None, ...]]:
    """Passages of personal knowledge, masked, and reports whose quotes point into the masked ones."""
    masked = [mask(each.text, names, detect=detect) for each in sources]
    kept = tuple(
        msgspec.structs.replace(each, title=short(each.title), text=text) for each, (text, _) in zip(sources, masked, strict=True)
    )

    def moved(report: TrustReport | None) -> TrustReport | None:
        if report is None:
            return None
        claims = []
        for claim in report.claims:
            if claim.quote is not None and claim.source is not None and claim.source < len(masked):
                offsets = masked[claim.source][1]
                quote = (offsets.start(claim.quote[0]), offsets.end(claim.quote[1]))
                claim = msgspec.structs.replace(claim, quote=quote)
            claims.append(claim)
        return msgspec.structs.replace(report, claims=tuple(claims))

    return kept, tuple(moved(each) for each in reports)


def _mask_value(value: Any, short: Callable[[str], str], depth: int) -> Any:
    if isinstance(value, str):
        return short(value)
    if depth <= 0:
        return None
    if isinstance(value, dict):
        return {
            short(name) if isinstance(name, str) else name: _mask_value(each, short, depth - 1) for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_mask_value(each, short, depth - 1) for each in value]
    return value
