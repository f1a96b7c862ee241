"""What a guard says (verdict) and what is then done (action): apart, so that a policy can be changed without a guard."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from groundcrew.domain.data_class import DataClass

VerdictKind = Literal["pass", "flag", "block"]
Place = Literal["input", "passages", "tool_results", "output"]
Action = Literal["allow", "redact", "replace", "fallback", "hold", "refuse"]
Mode = Literal["enforce", "monitor"]
OnFailure = Literal["open", "closed"]


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


class StageChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule does otherwise while a use case is in one stage; None leaves it as it is, `skip` leaves the rule out."""

    mode: Mode | None = None
    action: Action | None = None
    on_failure: OnFailure | None = None
    timeout_ms: int | None = None
    block_at: float | None = None
    skip: bool = False


class RemoteGuard(msgspec.Struct, frozen=True, kw_only=True):
    """Where a guard that is asked over HTTP is, and what it may be told.

    Values of `headers` that begin with env: or file: are references to secrets, never the secrets themselves. `data_classes` are
    those of calls whose texts it may get; phi takes `baa` as well. `plain_http` allows http, to this machine or a private
    address only.
    """

    url: str
    headers: dict[str, str] = {}
    data_classes: tuple[DataClass, ...] = ("public", "internal")
    baa: bool = False
    plain_http: bool = False


class GuardRule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a policy: which guard, where, and what follows. `on_failure` closed = a failed scan refuses the call.

    `name` is what results and metrics call the rule where the guard's own name would not tell it apart; `stages` changes it by
    the stage of the use case.
    """

    guard: str
    on: tuple[Place, ...] = ("input", "output")
    mode: Mode = "enforce"
    action: Action = "refuse"
    on_failure: OnFailure = "closed"
    timeout_ms: int = 500
    settings: dict[str, Any] = {}
    name: str = ""
    remote: RemoteGuard | None = None
    stages: dict[str, StageChange] = {}

    @property
    def label(self) -> str:
        """What results and metrics call it."""
        return self.name or self.guard


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A named, ordered set of guard rules."""

    name: str
    guards: tuple[GuardRule, ...] = ()


def policy_in(policy: Policy, stage: str) -> Policy:
    """`policy` as it is in `stage`: its rules with what they declare for that stage, and without those that it skips. The same
    object where nothing changes."""
    if not any(stage in rule.stages for rule in policy.guards):
        return policy
    rules = [_rule_in(rule, rule.stages.get(stage)) for rule in policy.guards]
    return msgspec.structs.replace(policy, guards=tuple(each for each in rules if each is not None))


def _rule_in(rule: GuardRule, change: StageChange | None) -> GuardRule | None:
    if change is None:
        return rule
    if change.skip:
        return None
    settings = rule.settings if change.block_at is None else {**rule.settings, "block_at": change.block_at}
    return msgspec.structs.replace(
        rule,
        mode=change.mode or rule.mode,
        action=change.action or rule.action,
        on_failure=change.on_failure or rule.on_failure,
        timeout_ms=rule.timeout_ms if change.timeout_ms is None else change.timeout_ms,
        settings=settings,
    )


def policy_content(policy: Policy) -> dict[str, Any]:
    """`policy` as it is hashed. What a rule does not declare of `name`, `remote` and `stages` is left out, so that policies
    without them keep the digest that evidence is bound to."""
    content: dict[str, Any] = msgspec.to_builtins(policy)
    for rule in content["guards"]:
        for field in ("name", "remote", "stages"):
            if not rule[field]:
                del rule[field]
    return content
