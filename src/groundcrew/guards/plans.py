"""A policy's rules for one place, with their guards found once, and the verdicts that were given before.

System prompts and the history of a conversation come again with every call, and most texts have nothing in them: what all rules
of a place say of such a text is one look into a dictionary.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import count
from typing import Any

from groundcrew.domain.guard import GuardRule, Place, Policy, Verdict
from groundcrew.errors import GroundcrewError, NotFound
from groundcrew.guards.registry import Guard, Quick, find_guard

log = logging.getLogger("groundcrew.guards")

#: Policies whose rules are kept sorted out; beyond it they are sorted out anew.
POLICIES_MAX = 256
#: Texts whose verdicts are remembered, and their length together, in code points: of each of two generations, of which the older
#: one is forgotten when the younger is full. Longer texts than `TEXT_LENGTH_MAX` are looked at anew.
TEXTS_MAX = 2_048
LENGTH_MAX = 1_000_000
TEXT_LENGTH_MAX = 32_000
#: What the rules of a plan that may be remembered say of one text, in the plan's order: their verdicts, None where one is not
#: known. CLEAN: each has passed it, with nothing to remark.
Known = tuple[Verdict | None, ...]
CLEAN: Known = ()


class PlannedRule:
    """A rule and its guard. Without one, `problem` says why it fails."""

    __slots__ = ("at_once", "by", "guard", "is_first", "label", "mode", "problem", "rule", "settings")

    def __init__(self, rule: GuardRule) -> None:
        self.rule, self.label, self.mode = rule, rule.label, rule.mode
        self.guard: Guard | None = None
        self.problem = ""
        try:
            self.guard = find_guard(rule.guard)
        except NotFound:
            self.problem = "there is no such guard here"
        except GroundcrewError as error:
            self.problem = "the guard does not load"  # whom it keeps from an answer is not told why
            log.error("%s", error)
        self.settings = rule.settings
        #: What of the call, besides text and role, the verdict depends on; None where it can not be remembered.
        self.by: frozenset[str] | None = None
        if self.guard is not None and self.guard.by is not None and rule.remote is None:
            self.by = self.guard.by - {"role"} - rule.settings.keys()
        #: Says without a thread what the guard says, or None where it can not; None for a guard that always needs one.
        self.at_once: Quick | None = None
        if self.guard is not None:
            self.at_once = self.guard.check if self.guard.inline else self.guard.quick
        #: Whether texts leave this machine for other guards only once this rule has run: it may mask or block them, or say of
        #: what class they are.
        self.is_first = rule.mode == "enforce" or rule.guard == "pii"


class Plan:
    """The rules of one policy for one place, in their order."""

    __slots__ = ("by", "is_quick", "left_out", "number", "place", "remembers", "rules", "with_role")

    def __init__(self, number: int, place: Place, rules: list[GuardRule], *, left_out: int = 0) -> None:
        self.number, self.place = number, place
        #: Rules for the place that do not run this time: scans that are missing.
        self.left_out = left_out
        self.rules = tuple(PlannedRule(each) for each in rules)
        known = [each for each in self.rules if each.by is not None]
        self.remembers = bool(known)
        self.by = frozenset().union(*(each.by for each in known if each.by is not None))
        self.with_role = any(each.guard is not None and "role" in (each.guard.by or ()) for each in known)
        #: Whether all that the rules do may be remembered, and may need no thread.
        self.is_quick = all(each.by is not None and each.at_once is not None for each in self.rules)

    def may_remember(self, context: Mapping[str, Any]) -> bool:
        """Whether verdicts in a call with this context are those of any other call."""
        return self.remembers and not (context and self.by and any(map(context.get, self.by)))


class Plans:
    """The plans of one process. A snapshot's policies do not change, so each is known by its identity."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Place, bool], tuple[Policy, Plan | None]] = {}
        self._numbers = count(1)

    def find(self, policy: Policy, place: Place, *, monitor_only: bool) -> Plan | None:
        """The plan of `policy` for `place`, with rules that only monitor where `monitor_only`; None where no rule applies."""
        key = (id(policy), place, monitor_only)
        known = self._known.get(key)
        if known is None or known[0] is not policy:
            if len(self._known) >= POLICIES_MAX:
                self._known.clear()
            placed = [each for each in policy.guards if place in each.on]
            rules = [each for each in placed if each.mode == "monitor" or not monitor_only]
            plan = Plan(next(self._numbers), place, rules, left_out=len(placed) - len(rules)) if placed else None
            # The policy is kept beside its plan, so that its identity stays its own.
            known = self._known[key] = (policy, plan)
        return known[1]


class Memory:
    """What the rules of a plan said of a text before, by plan, role and text."""

    def __init__(self) -> None:
        #: The younger generation, where most of what is known is found without a call.
        self.young: dict[tuple[int, str | None, str], Known] = {}
        self._old: dict[tuple[int, str | None, str], Known] = {}
        self._length = 0

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def find(self, key: tuple[int, str | None, str]) -> Known | None:
        """What is known; None where nothing is."""
        known = self.young.get(key)
        if known is None and (known := self._old.get(key)) is not None:
            self.keep(key, known)
        return known

    def keep(self, key: tuple[int, str | None, str], known: Known) -> None:
        """Remember `known`."""
        length = len(key[2])
        if length > TEXT_LENGTH_MAX:
            return
        if len(self.young) >= TEXTS_MAX or self._length + length > LENGTH_MAX:
            self._old, self.young, self._length = self.young, {}, 0
        if key not in self.young:
            self._length += length
        self.young[key] = known
