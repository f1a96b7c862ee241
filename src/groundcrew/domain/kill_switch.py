"""The kill switch: scopes, states, and the rule that an unreachable state denies."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.errors import InputError

ScopeKind = Literal["all", "use-case", "model", "provider", "unit", "key"]
SCOPE_KINDS: tuple[ScopeKind, ...] = ("all", "use-case", "model", "provider", "unit", "key")
KillSwitchState = Literal["armed", "tripping", "confirmed_stopped", "stop_failed", "reset_pending"]


class Scope(msgspec.Struct, frozen=True, order=True):
    """What a kill switch stops, e.g. ``use-case:bank-email``; `all` has an empty name."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return "all" if self.kind == "all" else f"{self.kind}:{self.name}"


def parse_scope(text: str) -> Scope:
    """Read ``all`` or ``KIND:NAME``; InputError says which kinds there are."""
    if text == "all":
        return Scope("all")
    kind, colon, name = text.partition(":")
    if colon and name and kind in SCOPE_KINDS and kind != "all":
        return Scope(kind, name)
    raise InputError(
        f"{text!r} is not a scope: use all, " + ", ".join(f"{each}:NAME" for each in SCOPE_KINDS if each != "all"),
        field="scope",
    )


class KillSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """One scope's switch. Everything but `armed` denies."""

    scope: Scope
    state: KillSwitchState = "armed"
    reason: str = ""
    tripped_by: str | None = None
    tripped_at: datetime | None = None
    confirmed_at: datetime | None = None
    reset_requested_by: str | None = None
    reset_reason: str = ""
    drill: bool = False
    #: The registry's version that stops it, and when the registry learnt of it: later than `tripped_at` where it was tripped on a
    #: gateway's own host while the database was away.
    snapshot_version: int = 0
    recorded_at: datetime | None = None
    #: Gateways that had not confirmed it when it was last looked at, as people read them, and by their ids.
    silent: tuple[str, ...] = ()
    silent_points: tuple[str, ...] = ()
    #: Seconds from the trip to the last confirmation, calls that were cut in flight, and gateways that confirmed.
    seconds: float | None = None
    cut_calls: int = 0
    gateways: int = 0
    #: Stops on gateways' own hosts that are part of it. They stay when it is reset: their files go when they are found here.
    local_stops: tuple[str, ...] = ()

    @property
    def denies(self) -> bool:
        """Whether calls in this scope are refused."""
        return self.state != "armed"

    @property
    def failed(self) -> bool:
        """Whether it denies and a gateway is known not to have confirmed that. Asking for the reset changes nothing about it."""
        return self.state == "stop_failed" or (self.denies and bool(self.silent_points))
