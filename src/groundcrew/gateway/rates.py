"""Rate limits by the generic cell rate algorithm in its virtual scheduling form (ITU-T I.371; ATM Forum Traffic Management 4.0,
section 4.4.2).

A meter is one number, the theoretical arrival time: until when what was admitted is paid for. Each unit moves it on by the
emission interval 60 / limit, and what would move it more than a minute past now has to wait. That is a bucket of one minute's
worth which fills evenly: in any window of w seconds at most limit × (1 + w / 60) units are admitted.
"""

from __future__ import annotations

#: The bucket's size in seconds of the limit.
BURST_S = 60.0
#: How far past now a meter may lie: tokens beyond their estimate, or a clock that was set back, lock nobody out for longer.
DEBT_S_MAX = 600.0


def admitted_at(arrival_s: float, now_s: float, cost_s: float) -> float:
    """The meter after admitting what costs `cost_s` (units × emission interval) at `now_s`."""
    if arrival_s > now_s + DEBT_S_MAX:
        arrival_s = now_s + DEBT_S_MAX
    return (arrival_s if arrival_s > now_s else now_s) + cost_s


def wait_s(after_s: float, now_s: float, cost_s: float) -> float:
    """How long what would move the meter to `after_s` has to wait; 0 or less: it may come in now.

    What costs more than a whole bucket comes in when the bucket is full.
    """
    return after_s - now_s - (BURST_S if cost_s < BURST_S else cost_s)


def remaining(arrival_s: float, now_s: float, emission_s: float) -> int:
    """Units that would be admitted now."""
    used_s = arrival_s - now_s if arrival_s > now_s else 0.0
    return max(0, int((BURST_S - used_s) / emission_s + 1e-9))
