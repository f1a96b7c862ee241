"""What the newest snapshot no longer allows is cut: calls, and the questions, copies and trials that run beside them. What
was cut is counted, and that nothing more would get in is tried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.snapshot import KeyEntry, Snapshot, UseCaseEntry
from groundcrew.errors import GroundcrewError, RefusedCall
from groundcrew.gateway.admission import admit, check_still_allowed, floor_class, scopes_of
from groundcrew.gateway.inflight import Inflight, Registry
from groundcrew.gateway.protocols import SnapshotSource

#: Keys of one stopped scope that the probe tries.
PROBED_KEYS_MAX = 100


class Enforcement:
    """Holds everything in flight in one process against its snapshot. Only `calls` have a client; `beside` runs without one.
    `counted` is told of every call with a client that a stop ended."""

    def __init__(
        self,
        snapshots: SnapshotSource,
        calls: Registry,
        beside: tuple[Registry, ...],
        counted: Callable[[], None] = lambda: None,
    ) -> None:
        self._snapshots, self._calls, self._beside, self._counted = snapshots, calls, beside, counted
        self._cuts: dict[Scope, int] = {}

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
                self.count(call)
        return cut

    def count(self, call: Inflight) -> None:
        """Count a call in flight that was cut, once, under each stopped scope that was not yet when it came in."""
        hit = (call.scopes & self._snapshots.current.stopped) - call.stopped_before
        if call.is_counted or (not hit and call.refusal is None):
            return
        call.is_counted = True
        self._counted()
        for scope in hit:
            self._cuts[scope] = self._cuts.get(scope, 0) + 1

    def cuts(self) -> dict[str, int]:
        """The calls that were cut in flight, by scope that is stopped now."""
        stopped = self._snapshots.current.stopped
        self._cuts = {scope: self._cuts.get(scope, 0) for scope in stopped}
        return {str(scope): number for scope, number in self._cuts.items()}

    def holds(self) -> bool:
        """Whether nothing is in flight that the newest snapshot does not allow."""
        snapshot = self._snapshots.current
        return all(_no_longer_allowed(snapshot, call) is None for each in (self._calls, *self._beside) for call in each)

    def stopped(self, scope: Scope) -> bool:
        """Whether new calls in `scope` are refused and none is in flight there."""
        running = sum(each.count(scope) for each in (self._calls, *self._beside))
        return scope in self._snapshots.current.stopped and running == 0

    def covers(self, scope: Scope) -> int:
        """How many keys have calls that fall under `scope`."""
        return sum(1 for _ in _covered(self._snapshots.current, scope))

    def probe(self) -> int:
        """Ask for admission as a call in every stopped scope would, PROBED_KEYS_MAX keys of each; how many were tried.

        GroundcrewError where one would be let in, or would reach a stopped provider: then nothing may be acknowledged.
        """
        snapshot, tried = self._snapshots.current, 0
        for scope in snapshot.stopped:
            for number, (key, entry) in enumerate(_covered(snapshot, scope)):
                if number >= PROBED_KEYS_MAX:
                    break
                tried += 1
                if _would_pass(snapshot, key, entry, scope):
                    raise GroundcrewError(f"a call of key {key.id} would still pass although {scope} is stopped")
        return tried


def _covered(snapshot: Snapshot, scope: Scope) -> Iterator[tuple[KeyEntry, UseCaseEntry]]:
    for key in snapshot.keys.values():
        entry = snapshot.use_cases.get(key.use_case)
        if entry is None:
            continue
        if scope.kind == "provider":
            model = snapshot.models.get(entry.use_case.model)
            if model is not None and any(target.provider == scope.name for target in model.targets):
                yield key, entry
        elif scope in scopes_of(key, entry.use_case):
            yield key, entry


def _would_pass(snapshot: Snapshot, key: KeyEntry, entry: UseCaseEntry, scope: Scope) -> bool:
    """Whether a call of `key` would get in where `scope` is stopped; with a stopped provider it may, and go to another one."""
    try:
        admitted = admit(snapshot, key, entry, asked_model=None, data_class=floor_class(entry.use_case), now_s=0.0)
    except RefusedCall:
        return False
    return scope.kind != "provider" or any(route.provider.name == scope.name for route in admitted.routes)


def _no_longer_allowed(snapshot: Snapshot, call: Inflight) -> RefusedCall | None:
    try:
        check_still_allowed(snapshot, call.secret, call.scopes)
    except RefusedCall as refusal:
        return refusal
    return None
