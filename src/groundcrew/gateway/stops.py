"""The kill switch, as a stream under way looks at it with every piece that comes."""

from __future__ import annotations

from groundcrew.domain.snapshot import Snapshot
from groundcrew.errors import RefusedCall
from groundcrew.gateway.admission import Admitted, scopes_of
from groundcrew.gateway.protocols import SnapshotSource


class Stops:
    """The stops of one call. A look costs nothing while the snapshot stays the same."""

    __slots__ = ("_admitted", "_provider", "_seen", "_snapshots")

    def __init__(self, snapshots: SnapshotSource, admitted: Admitted, provider: str) -> None:
        self._snapshots, self._admitted, self._provider = snapshots, admitted, provider
        self._seen: Snapshot | None = None

    def check(self) -> None:
        """RefusedCall kill_switch where the newest snapshot stops the call."""
        snapshot = self._snapshots.current
        if snapshot is self._seen:
            return
        self._seen = snapshot
        if snapshot.stopped:
            hit = sorted(scopes_of(self._admitted.key, self._admitted.entry.use_case, self._provider) & snapshot.stopped)
            if hit:
                raise RefusedCall("kill_switch", "stopped by the kill switch: " + ", ".join(str(scope) for scope in hit))
