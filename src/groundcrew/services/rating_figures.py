"""What the ratings of one version say: counts that are kept as ratings come, and the mean with a bound that may be read at any
time, carried on from where it was last read."""

from __future__ import annotations

import asyncio

import msgspec

from groundcrew.domain.feedback import STARS_MAX, STARS_MIN
from groundcrew.stats.betting_state import BettingState, betting_state
from groundcrew.stats.intervals import Interval
from groundcrew.store import rating_sums
from groundcrew.store.database import Connection
from groundcrew.store.memory import Memory

#: Versions whose sequences are kept in memory, those read last; about 30 KB each at most.
SEQUENCES_MAX = 512
#: More new ratings than this are worked through beside the event loop.
RATINGS_IN_LOOP_MAX = 64


class RatingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings of one version that count: of several by one rater of one call or case the newest. `counts` are by star, 1 to
    5; `lower` and `upper` are the mean's betting confidence sequence; of `asked` who were asked whether they saw harm, `harms`
    did."""

    counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    lower: float = float(STARS_MIN)
    upper: float = float(STARS_MAX)
    asked: int = 0
    harms: int = 0

    @property
    def n(self) -> int:
        """How many ratings count."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Their mean; None of none."""
        return sum(stars * number for stars, number in enumerate(self.counts, start=STARS_MIN)) / self.n if self.n else None


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    rewrites: int
    place: str
    state: BettingState
    interval: Interval


_Key = tuple[str, str, bool]
_KEPT: Memory[_Key, _Kept] = Memory(SEQUENCES_MAX)


async def rating_figures(connection: Connection, use_case: str, version_digest: str, *, sample: bool) -> RatingFigures:
    """The figures of one version's ratings, real or sample ones.

    Reads the ratings that came since they were last read; all of them where one of the earlier ones was replaced or came late,
    and once in the life of a process.
    """
    sums = await rating_sums.of_version(connection, use_case, version_digest, sample=sample)
    if not sums.n:
        return RatingFigures()
    key = (use_case, version_digest, sample)
    known = _KEPT.get(connection, key)
    if known is None or (known.rewrites, known.place, known.state.n) != (sums.rewrites, sums.newest, sums.n):
        known = _KEPT.put(connection, key, await _carried_on(connection, key, sums, known))
    lower, upper = known.interval.lower or float(STARS_MIN), known.interval.upper or float(STARS_MAX)
    return RatingFigures(counts=sums.counts, lower=lower, upper=upper, asked=sums.asked, harms=sums.harms)


async def _carried_on(connection: Connection, key: _Key, sums: rating_sums.RatingSums, known: _Kept | None) -> _Kept:
    use_case, version_digest, sample = key
    state, stars = betting_state(minimum=float(STARS_MIN), maximum=float(STARS_MAX)), None
    if known is not None and known.rewrites == sums.rewrites:
        fresh = await rating_sums.after(connection, use_case, version_digest, known.place, sample=sample)
        if known.state.n + len(fresh) == sums.n:
            state, stars = known.state, [each.stars for each in fresh]
    if stars is None:
        every = await rating_sums.in_order(connection, use_case, version_digest, sample=sample)
        stars = [each.stars for each in every]

    def work() -> tuple[BettingState, Interval]:
        after = state.extended(stars)
        return after, after.interval()

    extended, interval = work() if len(stars) <= RATINGS_IN_LOOP_MAX else await asyncio.to_thread(work)
    return _Kept(rewrites=sums.rewrites, place=sums.newest, state=extended, interval=interval)
