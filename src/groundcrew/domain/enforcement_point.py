"""An enforcement point: a process that lets calls through, and what it last said of itself."""

from __future__ import annotations

from typing import Literal

import msgspec

#: A server that serves calls; or a worker or command that asks models on purpose.
PointKind = Literal["gateway", "trial"]


class EnforcementPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a process acknowledges: that it refuses what `snapshot_version` stops and has none of it in flight.

    `cut` counts the calls that it cut in flight, by scope that is stopped now. Times ending in `_at_s` are Unix seconds by its
    own clock; `paused_s` is how long it last stood still, 0 if never, and `resumed_at_s` when it went on.
    """

    id: str
    host: str
    process_id: int
    snapshot_version: int
    seen_at_s: float
    kind: PointKind = "gateway"
    cut: dict[str, int] = {}
    started_at_s: float = 0.0
    enforced_at_s: float = 0.0
    paused_s: float = 0.0
    resumed_at_s: float | None = None

    def __str__(self) -> str:
        return f"{self.id} (process {self.process_id} on {self.host})"
