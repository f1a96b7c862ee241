"""An enforcement point: a process that lets calls through, and what it last said of itself."""

from __future__ import annotations

from typing import Literal

import msgspec

#: A server that serves calls; or a worker or command that asks models on purpose.
PointKind = Literal["gateway", "trial"]


class EnforcementPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a process acknowledges: that it refuses what `snapshot_version` stops and has none of it in flight.

    `machine` says where its process id means something, and `process_started` when that process began, as the system counts:
    "" where nothing tells. `seen_at_s` is when the database last heard of it, by the database's own clock, and `silent_s` how
    long that was ago when it was read. `refuses_after_s`: seconds without the database after which it refuses every call and has
    none in flight; None where it may go on for ever. `cut` counts the calls that it cut in flight, by scope that is stopped now.
    The other times ending in `_at_s` are Unix seconds by its own clock; `paused_s` is how long it last stood still, 0 if never,
    and `resumed_at_s` when it went on.
    """

    id: str
    host: str
    process_id: int
    snapshot_version: int
    seen_at_s: float = 0.0
    silent_s: float = 0.0
    machine: str = ""
    process_started: str = ""
    refuses_after_s: float | None = None
    kind: PointKind = "gateway"
    cut: dict[str, int] = {}
    started_at_s: float = 0.0
    enforced_at_s: float = 0.0
    paused_s: float = 0.0
    resumed_at_s: float | None = None

    @property
    def refuses(self) -> bool:
        """Whether it must be refusing everything by now, by what it said itself: merely not being heard of is no refusal."""
        return self.refuses_after_s is not None and self.silent_s > self.refuses_after_s

    def __str__(self) -> str:
        return f"{self.id} (process {self.process_id} on {self.host})"
