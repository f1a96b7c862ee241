"""Trying a target again: only before its first byte, after failures that pass, with random pauses, within its time.

Pauses are "full jitter": random between 0 and a bound that doubles with every retry (M. Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015), so that callers that failed together do not come back together.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from groundcrew.domain.provider import Target
from groundcrew.errors import CircuitOpen, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from groundcrew.gateway.breaker import Breaker, Breakers
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings

#: Less time than this is not worth a request.
TRY_S_MIN = 0.05
#: Less than this was not spent but passed between two looks at the clock.
TIME_SLACK_S = 0.001
#: Failures of our own set-up, and how often they are logged for each provider.
_SET_UP = frozenset({"401", "403", "404", "not_sent"})
TOLD_AGAIN_S = 60.0

log = logging.getLogger("groundcrew.gateway")

Result = TypeVar("Result")


class Timing:
    """Time and chance, to be replaced in tests: seconds that never go back, how to wait, and where jitter comes from."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self.clock, self.sleep, self.chance = clock, sleep, chance or random.Random()


def passes(error: UpstreamError) -> bool:
    """Whether the same request may well succeed at the same target in a moment."""
    return isinstance(error, UpstreamUnreachable) or error.status == 429 or (error.status is not None and error.status >= 500)


def counts_against(error: UpstreamError) -> bool:
    """Whether `error` is the target's failure and not that of the request or of our own set-up."""
    return isinstance(error, UpstreamTimeout) or passes(error)


def reason_of(error: UpstreamError) -> str:
    """What went wrong, as one of few words: the provider's HTTP status, or where it gave none, how far the call came."""
    if error.status is not None:
        return str(error.status) if 100 <= error.status <= 599 else "bad_answer"
    if isinstance(error, UpstreamTimeout):
        return "timeout"
    if isinstance(error, UpstreamUnreachable):
        return "no_connection"
    return "bad_answer" if error.is_sent else "not_sent"


def pause_s(retry: int, error: UpstreamError, chance: random.Random, settings: GatewaySettings) -> float | None:
    """How long to wait before the retry with this number, from 0; None where the provider asks for more than we wait."""
    jitter = chance.uniform(0.0, min(settings.retry_pause_s_max, settings.retry_base_s * 2.0**retry))
    asked_s: float = getattr(error, "retry_after_s", None) or 0.0
    return None if asked_s > settings.retry_after_s_max else asked_s + jitter


class Retrier:
    """Runs attempts at targets: breaker, retries and time limits."""

    def __init__(self, settings: GatewaySettings, breakers: Breakers, metrics: Metrics, timing: Timing) -> None:
        self._settings, self._breakers, self._metrics, self._timing = settings, breakers, metrics, timing
        #: When (on the clock) it was last logged of a provider that our own set-up keeps it from answering.
        self._told: dict[str, float] = {}

    def deadline_s(self) -> float:
        """When a call that starts now has to have its first byte, on the clock of `run`."""
        return self._timing.clock() + self._settings.upstream_s_max

    async def run(
        self,
        route: Route,
        ends_s: float,
        attempt: Callable[[Route, Target], Awaitable[Result]],
        failed: Callable[[Route, UpstreamError], None] = lambda _route, _error: None,
    ) -> Result:
        """What `attempt` gives for the route's target, whose `timeout_s` is then the time that is left for it.

        Raises the last failure, or CircuitOpen where the target is left alone. `failed` hears of each failure that another try
        follows. All tries and pauses end with the target's `timeout_s`, and with `ends_s`.
        """
        target, clock = route.target, self._timing.clock
        if route.provider.embedded:  # it keeps to its time itself
            return await attempt(route, target)
        ends_s = min(ends_s, clock() + target.timeout_s)
        retry = 0
        while True:
            asked, breaker, ticket = self._enter(route, ends_s)
            try:
                result = await attempt(route, asked)
            except UpstreamError as error:
                self._tell(route.provider.name, error)
                _book(error, breaker, ticket, asked)
                if retry >= target.retries or not passes(error):
                    raise
                wait_s = pause_s(retry, error, self._timing.chance, self._settings)
                if wait_s is None or clock() + wait_s + TRY_S_MIN > ends_s or self._breaker(route).state != "closed":
                    raise
                failed(route, error)
            except BaseException:
                breaker.abandoned(ticket)
                raise
            else:
                breaker.succeeded(ticket)
                return result
            retry += 1
            self._metrics.retries.labels(route.provider.name).inc()
            await self._timing.sleep(wait_s)

    def _enter(self, route: Route, ends_s: float) -> tuple[Target, Breaker, int]:
        """The route's target with the time that is left for it, and the ticket of its breaker; UpstreamTimeout where no time is
        left, CircuitOpen where the target is left alone."""
        target, name = route.target, route.provider.name
        left_s = ends_s - self._timing.clock()
        if left_s <= 0:
            raise UpstreamTimeout(f"provider {name}: no time is left for this call")
        if left_s < target.timeout_s - TIME_SLACK_S:
            target = msgspec.structs.replace(target, timeout_s=left_s)
        breaker = self._breaker(route)
        ticket = breaker.enter()
        if ticket is None:
            after_s = breaker.retry_after_s()
            raise CircuitOpen(
                f"provider {name}: {target.model} failed too often and is left alone for another {after_s:.1f} s",
                retry_after_s=after_s,
            )
        return target, breaker, ticket

    def _tell(self, provider: str, error: UpstreamError) -> None:
        """Count a failed try, and log one that no later try mends: a key or address that is wrong is for an operator to see."""
        reason, now_s = reason_of(error), self._timing.clock()
        self._metrics.upstream_failures.labels(provider, reason).inc()
        if reason in _SET_UP and now_s - self._told.get(provider, -math.inf) >= TOLD_AGAIN_S:
            self._told[provider] = now_s
            log.error("%s: check how the provider is declared, and its key", error)

    def _breaker(self, route: Route) -> Breaker:
        target = route.target
        return self._breakers.of((route.provider.name, route.provider.base_url, target.model, target.role == "shadow"))


def _book(error: UpstreamError, breaker: Breaker, ticket: int, target: Target) -> None:
    """Tell the breaker of a target how an attempt failed."""
    if counts_against(error):
        breaker.failed(ticket, target.breaker)
    elif error.status is not None:
        breaker.succeeded(ticket)  # it answered: the request was wrong, not the target
    else:
        breaker.abandoned(ticket)
