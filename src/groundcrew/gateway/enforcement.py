"""What the newest snapshot no longer allows is cut: calls, and the questions, copies and trials that run beside them."""

from __future__ import annotations

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.snapshot import Snapshot
from groundcrew.errors import RefusedCall
from groundcrew.gateway.admission import check_still_allowed
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.protocols import SnapshotSource


class Enforcement:
    """Holds everything in flight in one process against its snapshot. Only `calls` have a client; `beside` runs without one."""

    def __init__(self, snapshots: SnapshotSource, calls: Registry, beside: tuple[Registry, ...]) -> None:
        self._snapshots, self._calls, self._beside = snapshots, calls, beside

    def running(self) -> bool:
        """Whether anything is in flight."""
        return any(len(each) for each in (self._calls, *self._beside))

    def cut(self) -> int:
        """Cut what may not go on; how many calls with a client were cut."""
        snapshot = self._snapshots.current
        for registry in self._beside:
            for each in registry:
                if (refusal := _no_longer_allowed(snapshot, each)) is not None:
                    each.cut("refused", refusal)
        cut = 0
        for call in self._calls:
            refusal = _no_longer_allowed(snapshot, call)
            if refusal is not None and call.cut("refused", refusal):
                cut += 1
        return cut

    def holds(self) -> bool:
        """Whether nothing is in flight that the newest snapshot does not allow."""
        snapshot = self._snapshots.current
        return all(_no_longer_allowed(snapshot, call) is None for each in (self._calls, *self._beside) for call in each)

    def stopped(self, scope: Scope) -> bool:
        """Whether new calls in `scope` are refused and none is in flight there."""
        running = sum(each.count(scope) for each in (self._calls, *self._beside))
        return scope in self._snapshots.current.stopped and running == 0


def _no_longer_allowed(snapshot: Snapshot, call: Inflight) -> RefusedCall | None:
    try:
        check_still_allowed(snapshot, call.secret, call.scopes)
    except RefusedCall as refusal:
        return refusal
    return None
