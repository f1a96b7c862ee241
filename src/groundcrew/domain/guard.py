"""What a guard says (verdict) and what is then done (action): apart, so that a policy can be changed without a guard."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

VerdictKind = Literal["pass", "flag", "block"]
Place = Literal["input", "passages", "tool_results", "output"]
Action = Literal["allow", "redact", "replace", "fallback", "hold", "refuse"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a guard found; offsets count code points in the scanned text."""

    start: int
    end: int
    type: str
    score: float
    reason: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A guard's judgement of one text. `score` 0..1 is the highest finding's score, 0 with none. `complete` is False where the
    guard looked at a part of the text only: nothing then counts as scanned that was not."""

    verdict: VerdictKind
    score: float = 0.0
    findings: tuple[Finding, ...] = ()
    complete: bool = True


class GuardRule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a policy: which guard, where, and what follows. `on_failure` closed = a failed scan refuses the call."""

    guard: str
    on: tuple[Place, ...] = ("input", "output")
    mode: Literal["enforce", "monitor"] = "enforce"
    action: Action = "refuse"
    on_failure: Literal["open", "closed"] = "closed"
    timeout_ms: int = 500
    settings: dict[str, Any] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A named, ordered set of guard rules."""

    name: str
    guards: tuple[GuardRule, ...] = ()
