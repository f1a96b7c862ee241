"""The provider of tuned models: suggestions for the last message of the user, each with the words that it rests on.

It needs no key and no network, and no text of a request leaves the process.
"""

from __future__ import annotations

import asyncio
import time

from groundcrew.domain.provider import Target
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.errors import RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway.answer import Generated, Tokens
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import Source
from groundcrew.gateway.request_sources import DOCUMENT
from groundcrew.gateway.tuned_models import TunedModels
from groundcrew.tuned.answer import Answer, answer_of, places

#: Code points of a text that a model reads; a longer one is refused rather than read in part.
TEXT_LENGTH_MAX = 200_000


async def generate(flight: Flight, target: Target, models: TunedModels, *, bytes_per_token: int) -> Generated:
    """Ask `target`'s model about `flight`'s question. Sets the call's sources to the text that was read, and the answer's own
    trust; UpstreamError where the model can not be used.

    Token counts are estimates, so that budgets bound this provider like any other; it has no price.
    """
    text = flight.question
    if len(text) > TEXT_LENGTH_MAX:
        raise RefusedCall("invalid_request", f"messages: a tuned model reads texts of {TEXT_LENGTH_MAX} characters at most")
    entry = flight.snapshot.tuned.get(target.model) if flight.snapshot is not None else None
    if entry is None:
        raise UpstreamError(f"there is no tuned model {target.model!r} to be served: not registered, retired, or kept elsewhere")
    flight.upstream_started = True
    started_s = time.perf_counter()
    try:
        async with asyncio.timeout(target.timeout_s):
            prediction = await models.predict(entry, text)
    except TimeoutError:
        raise UpstreamTimeout(f"tuned model {target.model}: no answer within {target.timeout_s:g} s") from None
    answer = answer_of(prediction, text, model=target.model, digest=entry.digest)
    generated = Generated()
    generated.text, generated.finish_reason = answer.text, "stop"
    generated.own_trust = report_of(answer, generated.text)
    if answer.needs_person:
        generated.needs_person = answer.reason or "the model leaves this case to a person"
    flight.sources = (Source(passage_id="request-newest", document=DOCUMENT, title="the newest message", text=text),)
    flight.reads_request = True
    flight.own_words = (answer.model, answer.digest, *own_words(answer))
    flight.details["tuned"] = {"model": target.model, "digest": entry.digest, "ms": _since_ms(started_s)}
    generated.usage = Tokens(
        prompt_tokens=-(-len(text.encode()) // bytes_per_token),
        completion_tokens=-(-len(generated.text.encode()) // bytes_per_token),
    )
    return generated


def own_words(answer: Answer) -> tuple[str, ...]:
    """Names and titles of the labels: the model's, whatever was asked, so that nothing in them is anybody's personal data."""
    return tuple(word for each in answer.suggestions for word in (each.label, each.title) if word)


def report_of(answer: Answer, written: str) -> TrustReport:
    """The model's own trust as the report of the answer: a claim for every piece of evidence, in order, over the words that quote
    it. Without calibration there is no trust, which counts as unknown."""
    claims = tuple(
        ClaimScore(
            start=each.start,
            end=each.end,
            support=each.suggested.score or 0.0,
            source=0,
            quote=(each.evidence.start, each.evidence.end) if each.evidence is not None else None,
        )
        for each in places(answer, written)
    )
    return TrustReport(
        trust=answer.trust,
        state="unsupported" if answer.needs_person or answer.trust is None else "supported",
        claims=claims,
        reason="the model is not calibrated" if answer.trust is None else (answer.reason or None),
        verifier=f"tuned:{answer.model}:{answer.digest[:16]}",
    )


def _since_ms(started_s: float) -> float:
    return round((time.perf_counter() - started_s) * 1000, 3)
