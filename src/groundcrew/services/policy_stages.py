"""Says in words how a policy's rules differ by stage, and where a later stage is laxer than an earlier one: that is for the
owner to decide, and must not go unnoticed."""

from __future__ import annotations

from groundcrew.domain.guard import Action, GuardRule, Policy, policy_in
from groundcrew.domain.use_case import STAGES

_SEVERITY: tuple[Action, ...] = ("allow", "redact", "replace", "fallback", "hold", "refuse")


def stage_notes(policy: Policy) -> tuple[str, ...]:
    """One line for each stage in which a rule changes, with what its rules are there; none where no rule has stages."""
    notes: list[str] = []
    before: dict[int, GuardRule | None] = {}
    for stage in STAGES:
        there = {index: _rule_in(policy, index, stage) for index in range(len(policy.guards))}
        changed = [index for index, rule in enumerate(policy.guards) if stage in rule.stages]
        laxer = [index for index in there if before and _is_laxer(there[index], before[index])]
        words = [f"{policy.guards[index].label} {_words(there[index])}" for index in sorted({*changed, *laxer})]
        if words:
            names = ", ".join(policy.guards[index].label for index in laxer)
            notes.append(f"in {stage}: {'; '.join(words)}" + (f" (laxer than in the stage before: {names})" if laxer else ""))
        before = there
    return tuple(notes)


def _rule_in(policy: Policy, index: int, stage: str) -> GuardRule | None:
    one = policy_in(Policy(name=policy.name, guards=(policy.guards[index],)), stage).guards
    return one[0] if one else None


def _words(rule: GuardRule | None) -> str:
    if rule is None:
        return "is skipped"
    acts = "monitors" if rule.mode == "monitor" else f"enforces {rule.action}"
    block_at = f", from {rule.settings['block_at']:g}" if "block_at" in rule.settings else ""
    return f"{acts}, {rule.on_failure}, {rule.timeout_ms} ms{block_at}"


def _is_laxer(rule: GuardRule | None, before: GuardRule | None) -> bool:
    """Whether `rule` may let something through that `before` would have stopped."""
    if rule is None or before is None:
        return rule is None and before is not None
    if before.mode == "monitor":
        return False
    if rule.mode == "monitor":
        return True
    return (
        _SEVERITY.index(rule.action) < _SEVERITY.index(before.action)
        or (rule.on_failure == "open" and before.on_failure == "closed")
        or _acts_from(rule) > _acts_from(before) > 0
    )


def _acts_from(rule: GuardRule) -> float:
    """The score from which a rule acts; 0 where its guard decides, which is neither laxer nor stricter than any score."""
    return float(rule.settings.get("block_at", 0))
