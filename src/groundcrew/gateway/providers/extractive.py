"""The embedded provider: it answers only with sentences from approved passages, or says that it has no verified answer.

It needs no key and no network, and no text of a request leaves the process.
"""

from __future__ import annotations

from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import Generated, Tokens
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.flight import Flight


async def generate(flight: Flight, admitted: Admitted, checks: Checks, *, bytes_per_token: int) -> Generated:
    """Compose an answer for `flight`'s question. Sets its citations, and its status to declined when there is no answer.

    Token counts are estimates, so that budgets bound this provider like any other; it has no price.
    """
    composed = await checks.compose(flight, admitted)
    if not composed.answered:
        flight.status = "declined"
    flight.citations = composed.citations
    generated = Generated()
    generated.text, generated.finish_reason = composed.text, "stop"
    generated.usage = Tokens(
        prompt_tokens=-(-len(flight.question.encode()) // bytes_per_token),
        completion_tokens=-(-len(composed.text.encode()) // bytes_per_token),
    )
    return generated
