"""The one way in which a call of any route is charged: held before it leaves, settled by `Finisher.settle` after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from groundcrew.domain.prices import assumed_price, highest_usd, price_of
from groundcrew.gateway.budget import Ask, Ledger
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.routing import Route


def hold(
    ledger: Ledger, flight: Flight, routes: Sequence[Route], *, input_tokens: int, output_tokens: int, now: datetime
) -> None:
    """Hold an upper estimate of what the call may use at whichever of its targets; RefusedCall where a limit or the exposure
    does not allow it. `flight` knows its key, its use case and its user."""
    assert flight.key is not None
    assert flight.entry is not None
    flight.reservation = ledger.reserve(
        Ask(
            use_case=flight.entry.use_case,
            key=flight.key,
            user=flight.user_id,
            tokens=input_tokens + output_tokens,
            usd=dearest_usd(routes, input_tokens, output_tokens),
            now=now,
        )
    )


def dearest_usd(routes: Sequence[Route], input_tokens: int, output_tokens: int) -> float:
    """What the call costs at most; an unknown price is taken for the highest known one."""
    dearest = 0.0
    for route in routes:
        known = price_of(route.provider, route.target)
        price = known.price if known is not None else assumed_price()
        dearest = max(dearest, highest_usd(price, input_tokens, output_tokens))
    return dearest
