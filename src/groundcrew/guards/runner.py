"""Runs a policy's rules over the texts of one place and says what follows: which action wins, what is masked, how much was
scanned. A rule that fails or runs out of time counts as failed, and refuses where its policy is closed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec

from groundcrew.domain.call import GuardResult
from groundcrew.domain.guard import Action, Finding, GuardRule, Place, Policy, Verdict
from groundcrew.errors import GroundcrewError
from groundcrew.guards.redaction import OffsetMap, redact
from groundcrew.guards.registry import Guard, find_guard

#: From least to most severe: where several rules ask for something, the most severe wins.
SEVERITY: tuple[Action, ...] = ("allow", "redact", "replace", "fallback", "hold", "refuse")
#: Where the texts of one place are longer than this together, they are checked in a thread even by guards that are quick.
INLINE_LENGTH_MAX = 8_000
THREADS = 2
#: Checks that may wait for a thread; beyond it a scan fails at once.
QUEUE_MAX = 128


class GuardOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says about one place. `texts` line up with the given ones, masked where a rule asked for it;
    `blocked` holds the indexes of texts that an enforced rule acted on with more than masking."""

    action: Action = "allow"
    guard: str = ""
    reason: str = ""
    replacement: str = ""
    texts: tuple[str, ...] = ()
    #: For each text, how its offsets moved when it was masked.
    offsets: tuple[OffsetMap, ...] = ()
    blocked: frozenset[int] = frozenset()
    results: tuple[GuardResult, ...] = ()
    ran: int = 0
    failed: int = 0


_NOTHING = Verdict(verdict="pass")
_UNCHANGED = OffsetMap()
#: Policies whose rules are kept sorted out by place; beyond it they are sorted out anew.
POLICIES_MAX = 256
#: Verdicts that are remembered, of texts that are checked inline.
RECENT_MAX = 2_048


class _RuleRun(msgspec.Struct, frozen=True, kw_only=True):
    result: GuardResult
    action: Action = "allow"
    blocked: frozenset[int] = frozenset()
    redactions: dict[int, tuple[Finding, ...]] = {}


class GuardRunner:
    """Runs guards for one process; owns the threads of those that need one."""

    def __init__(self, *, threads: int = THREADS, queue_max: int = QUEUE_MAX) -> None:
        self._threads, self._queue_max = threads, queue_max
        self._executor: ThreadPoolExecutor | None = None
        self._waiting = 0
        #: By the policy's identity, which is kept beside the rules so that it stays one; a snapshot's policies do not change.
        self._rules: dict[tuple[int, Place, bool], tuple[Policy, list[GuardRule]]] = {}
        #: Verdicts by guard, role and text, the oldest forgotten first.
        self._recent: dict[tuple[str, str | None, str], Verdict] = {}

    def _rules_of(self, policy: Policy, place: Place, *, monitor_only: bool) -> list[GuardRule]:
        key = (id(policy), place, monitor_only)
        known = self._rules.get(key)
        if known is None:
            if len(self._rules) >= POLICIES_MAX:
                self._rules.clear()
            rules = [rule for rule in policy.guards if place in rule.on and (rule.mode == "monitor" or not monitor_only)]
            known = self._rules[key] = (policy, rules)
        return known[1]

    async def run(
        self,
        policy: Policy | None,
        place: Place,
        texts: Sequence[str],
        context: Mapping[str, Any] | None = None,
        *,
        roles: Sequence[str] | None = None,
        monitor_only: bool = False,
    ) -> GuardOutcome:
        """Run the rules of `policy` for `place` over `texts`; `context` is what every guard may look at.

        `roles` gives each text's message role, as `context["role"]`; `monitor_only` leaves out rules that are enforced.
        """
        rules = self._rules_of(policy, place, monitor_only=monitor_only) if policy is not None else ()
        if not rules or not texts:
            return GuardOutcome(texts=tuple(texts), offsets=(_UNCHANGED,) * len(texts))
        long = sum(map(len, texts)) > INLINE_LENGTH_MAX
        runs: list[_RuleRun] = []
        for rule in rules:
            quick = None if long else self._run_inline(rule, place, texts, context, roles)
            runs.append(quick or await self._run_rule(rule, place, texts, context, roles, long=long))
        results = tuple([run.result for run in runs])
        failed = sum([run.result.verdict == "failed" for run in runs])
        ran = len(runs) - failed
        if not [run for run in runs if run.action != "allow"]:
            offsets = (_UNCHANGED,) * len(texts)
            return GuardOutcome(texts=tuple(texts), offsets=offsets, results=results, ran=ran, failed=failed)
        winner = max(range(len(runs)), key=lambda index: (SEVERITY.index(runs[index].action), -index))
        action = runs[winner].action
        redactions: dict[int, list[Finding]] = {}
        for run in runs:
            for index, findings in run.redactions.items():
                redactions.setdefault(index, []).extend(findings)
        masked = [redact(text, redactions.get(index, ())) for index, text in enumerate(texts)]
        return GuardOutcome(
            action=action,
            guard=rules[winner].guard if action != "allow" else "",
            reason=runs[winner].result.reason if action != "allow" else "",
            replacement=str(rules[winner].settings.get("text", "")) if action == "replace" else "",
            texts=tuple(text for text, _ in masked),
            offsets=tuple(offsets for _, offsets in masked),
            blocked=frozenset().union(*(run.blocked for run in runs)),
            results=results,
            ran=ran,
            failed=failed,
        )

    def _run_inline(
        self, rule: GuardRule, place: Place, texts: Sequence[str], context: Mapping[str, Any] | None, roles: Sequence[str] | None
    ) -> _RuleRun | None:
        """A rule whose guard finds nothing, without waiting for anything; None for every other one, and where it fails.

        A verdict of a guard that looks at nothing but the text and its role is remembered: system prompts and the history of a
        conversation come again with every call.
        """
        guard = _known_guard(rule.guard)
        if guard is None or guard.by is None or rule.settings or (context and any(map(context.get, guard.by))):
            return None
        started_s = time.perf_counter()
        recent, given, name = self._recent, context or {}, guard.name
        with_role = roles is not None and "role" in guard.by
        for index, text in enumerate(texts):
            role = roles[index] if roles is not None and with_role else None
            verdict = recent.get((name, role, text))
            if verdict is None:
                try:
                    verdict = guard.check(text, {**given, "role": role} if role is not None else given) if text else _NOTHING
                except Exception:
                    return None
                if len(recent) >= RECENT_MAX:
                    del recent[next(iter(recent))]
                recent[name, role, text] = verdict
            if verdict.findings or verdict.score or verdict.verdict != "pass":
                return None
        return _RuleRun(result=_passed(rule, place, 0.0, round((time.perf_counter() - started_s) * 1000, 3)))

    async def _run_rule(
        self,
        rule: GuardRule,
        place: Place,
        texts: Sequence[str],
        context: Mapping[str, Any] | None,
        roles: Sequence[str] | None,
        *,
        long: bool,
    ) -> _RuleRun:
        started_s = time.perf_counter()
        verdicts: list[Verdict] = []
        problem = ""
        try:
            guard = find_guard(rule.guard)
            given = {**(context or {}), **rule.settings}
            contexts = [{"role": role, **given} for role in roles] if roles else [given] * len(texts)
            if guard.inline and not long:  # nothing is waited for: a verdict that is here counts, however busy the machine is
                verdicts = [guard.check(text, each) if text else _NOTHING for text, each in zip(texts, contexts, strict=True)]
            else:
                async with asyncio.timeout(rule.timeout_ms / 1000):
                    for text, each in zip(texts, contexts, strict=True):
                        verdicts.append(await self._check(guard, text, each) if text else _NOTHING)
        except TimeoutError:
            problem = f"no verdict within {rule.timeout_ms} ms"
        except GroundcrewError as error:
            problem = str(error)
        except Exception as error:
            problem = f"the guard failed ({type(error).__name__})"
        latency_ms = round((time.perf_counter() - started_s) * 1000, 3)
        if not problem and not any(each.findings or each.verdict != "pass" for each in verdicts):
            return _RuleRun(result=_passed(rule, place, max((each.score for each in verdicts), default=0.0), latency_ms))
        return _conclude(rule, place, verdicts, problem, latency_ms)

    async def _check(self, guard: Guard, text: str, context: Mapping[str, Any]) -> Verdict:
        """The verdict of a guard that needs a thread."""
        if self._waiting >= self._queue_max:
            raise GroundcrewError("too many texts wait to be scanned")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="groundcrew-guard")
        future = self._executor.submit(guard.check, text, context)
        self._waiting += 1
        loop = asyncio.get_running_loop()

        def finished(_: object) -> None:
            try:
                loop.call_soon_threadsafe(self._release)
            except RuntimeError:  # the loop has closed
                self._waiting -= 1

        future.add_done_callback(finished)
        return await asyncio.wrap_future(future)

    def _release(self) -> None:
        self._waiting -= 1

    def close(self) -> None:
        """Stop the threads; a check that still runs is left to end by itself."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def _known_guard(name: str) -> Guard | None:
    try:
        return find_guard(name)
    except GroundcrewError:
        return None


def _passed(rule: GuardRule, place: Place, score: float, latency_ms: float) -> GuardResult:
    return GuardResult(
        guard=rule.guard, place=place, verdict="pass", action="allow", mode=rule.mode, score=score, latency_ms=latency_ms
    )


def _conclude(rule: GuardRule, place: Place, verdicts: list[Verdict], problem: str, latency_ms: float) -> _RuleRun:
    """What a rule's verdicts mean under its mode, action and failure behaviour."""
    enforced = rule.mode == "enforce"
    block_at = rule.settings.get("block_at")
    score = max((each.score for each in verdicts), default=0.0)
    types = Counter(finding.type for verdict in verdicts for finding in verdict.findings)
    blocking = {
        index
        for index, each in enumerate(verdicts)
        if each.verdict == "block" or (isinstance(block_at, int | float) and each.findings and each.score >= block_at)
    }
    action: Action = "allow"
    redactions: dict[int, tuple[Finding, ...]] = {}
    verdict: Literal["pass", "flag", "block", "failed"] = "failed"
    if problem:
        action = "refuse" if enforced and rule.on_failure == "closed" else "allow"
    else:
        verdict = "block" if blocking else ("flag" if any(each.verdict != "pass" for each in verdicts) else "pass")
        if enforced and rule.action == "redact":
            redactions = {index: each.findings for index, each in enumerate(verdicts) if each.findings}
            action = "redact" if redactions else "allow"
        elif enforced and blocking:
            action = rule.action
    reasons = [finding.reason for index in sorted(blocking) for finding in verdicts[index].findings if finding.reason]
    acted = action not in ("allow", "redact")
    result = GuardResult(
        guard=rule.guard,
        place=place,
        verdict=verdict,
        action=action,
        mode=rule.mode,
        score=score,
        types=dict(types),
        latency_ms=latency_ms,
        reason=problem or (reasons[0] if reasons else ""),
    )
    return _RuleRun(result=result, action=action, blocked=frozenset(blocking) if acted else frozenset(), redactions=redactions)
