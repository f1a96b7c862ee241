"""The kill switch: scopes, states, and the rule that an unreachable state denies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.use_case import UseCase
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


def stops_whole(scope: Scope, use_case: UseCase, providers: Collection[str]) -> bool:
    """Whether a scope stops a use case as a whole; `providers` are those of its model's targets that are no canaries. A provider
    stops it where it has no other one. A key's scope stops one caller, not its use case."""
    name = scope.name
    return (
        scope.kind == "all"
        or (scope.kind == "use-case" and name == use_case.name)
        or (scope.kind == "unit" and name == use_case.business_unit)
        or (scope.kind == "model" and name == use_case.model)
        or (scope.kind == "provider" and set(providers) == {name})
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
