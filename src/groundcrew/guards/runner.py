"""Runs a policy's rules over the texts of one place, side by side, and says what follows: which action wins, what is masked, how
much was scanned. A rule that fails or runs out of time counts as failed, and refuses where its policy is closed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from groundcrew.domain.call import GuardResult
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.guard import Action, Finding, GuardRule, Place, Policy, Verdict
from groundcrew.errors import GroundcrewError
from groundcrew.guards.judging import NOTHING, RuleRun, conclude, failed, is_clean, nonsense_in, passed
from groundcrew.guards.plans import CLEAN, Known, Memory, Plan, PlannedRule, Plans
from groundcrew.guards.redaction import OffsetMap, Pseudonyms, apart_from, redact
from groundcrew.guards.registry import BUILT_IN, Context
from groundcrew.guards.remote import Poster, Question, RemoteCall, RemoteTexts
from groundcrew.guards.threads import QUEUE_MAX, GuardThreads
from groundcrew.guards.warming import Readiness

#: From least to most severe: where several rules ask for something, the most severe wins.
SEVERITY: tuple[Action, ...] = ("allow", "redact", "replace", "fallback", "hold", "refuse")
#: Where the texts that one rule has to look at are longer than this together, even guards that are quick check them in a thread.
INLINE_LENGTH_MAX = 8_000
#: Where the texts of a place are longer than this together, they are masked in a thread.
MASK_INLINE_LENGTH_MAX = 20_000
#: Threads for guards that need one.
THREADS = max(2, min(8, os.cpu_count() or 2))

#: Says of what class the texts of a place are after masking, from what rules found in them.
Clearance = Callable[[Sequence[GuardResult]], DataClass]


class GuardOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says about one place. `texts` line up with the given ones, masked where a rule asked for it;
    `blocked` holds the indexes of texts that an enforced rule acted on with more than masking. `ran` and `failed` count scans;
    one that could look at a part only counts in both. `is_closed`: a scan that had to succeed did not."""

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
    is_closed: bool = False
    #: Every rule that ran has passed every text, with nothing to remark.
    is_clean: bool = False


class RuleScan(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says about the beginning of a text, and how many code points of it are judged for good. `blocks` where the
    verdict is one that blocks, `failed` where there is none; `refuses` where the rule is closed and the scan did not succeed."""

    rule: GuardRule
    result: GuardResult
    verdict: Verdict
    settled: int = 0
    blocks: bool = False
    failed: bool = False
    refuses: bool = False


Result = TypeVar("Result")
_UNCHANGED = OffsetMap()
_NO_CONTEXT: Mapping[str, Any] = {}


class GuardRunner:
    """Runs guards for one process; owns the threads of those that need one. `poster` asks guards on other machines; without one
    they fail."""

    def __init__(self, *, threads: int = THREADS, queue_max: int = QUEUE_MAX, poster: Poster | None = None) -> None:
        self._threads = GuardThreads(threads, queue_max=queue_max)
        self._readiness = Readiness(self._threads)
        self._remote = RemoteCall(poster)
        self._plans, self._memory = Plans(), Memory()

    async def run(
        self,
        policy: Policy | None,
        place: Place,
        texts: Sequence[str],
        context: Mapping[str, Any] | None = None,
        *,
        roles: Sequence[str] | None = None,
        monitor_only: bool = False,
        clearance: Clearance | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> GuardOutcome:
        """Run the rules of `policy` for `place` over `texts`; `context` is what every guard may look at.

        `roles` gives each text's message role, as `context["role"]`; `monitor_only` leaves out rules that are enforced.
        `clearance` says of what class the texts are that guards on other machines would get; without it they get none.
        `pseudonyms` are the tags of the call that the texts belong to.
        """
        plan = self._plans.find(policy, place, monitor_only=monitor_only) if policy is not None and texts else None
        if plan is None or not plan.rules:
            left_out = plan.left_out if plan is not None else 0
            return GuardOutcome(texts=tuple(texts), offsets=(_UNCHANGED,) * len(texts), failed=left_out)
        given = context or _NO_CONTEXT
        remembers = plan.may_remember(given)
        if remembers and plan.is_quick and (results := self._clean(plan, texts, given, roles)) is not None:
            return GuardOutcome(
                texts=tuple(texts),
                offsets=(_UNCHANGED,) * len(texts),
                results=results,
                ran=len(results),
                failed=plan.left_out,
                is_clean=True,
            )
        placed = _Place(plan, texts, given, roles, self._memory if remembers else None, pseudonyms)
        return await self._run(placed, clearance)

    async def scan(
        self, rules: Sequence[GuardRule], place: Place, text: str, context: Mapping[str, Any] | None = None
    ) -> tuple[RuleScan, ...]:
        """What each of `rules`, none of them on another machine, says about `text`, the beginning of one that is still being
        written. Masks and remembers nothing: what follows is for the caller to say."""
        placed = _Place(Plan(0, place, list(rules)), (text,), context or _NO_CONTEXT, None, None, None, is_beginning=True)
        waiting = [each for each in range(len(rules)) if placed.begin(each)]
        if waiting:
            await asyncio.gather(*(self._finish(placed, each) for each in waiting))
        return tuple([_scan(placed, each) for each in range(len(rules))])

    def _clean(
        self, plan: Plan, texts: Sequence[str], given: Mapping[str, Any], roles: Sequence[str] | None
    ) -> tuple[GuardResult, ...] | None:
        """What the rules of a plan whose guards are quick say where nothing in the texts is worth a remark; None otherwise, and
        in doubt.

        What was remembered took no guard any time: the look-ups are shared out among the rules.
        """
        started_s = time.perf_counter()
        memory, number, rules = self._memory, plan.number, plan.rules
        roles = roles if plan.with_role else None
        spent_s = [0.0] * len(rules)
        length = 0
        for index, text in enumerate(texts):
            if not text:
                continue
            role = roles[index] if roles is not None else None
            key = (number, role, text)
            known = memory.young.get(key)
            if known is None:
                known = memory.find(key)
            if known is CLEAN:
                continue
            length += len(text)
            if known is not None or length > INLINE_LENGTH_MAX:
                return None
            if not self._find_clean(plan, text, {**given, "role": role, "place": plan.place}, spent_s):
                return None
            memory.keep(key, CLEAN)
        shared_ms = max(0.0, time.perf_counter() - started_s - sum(spent_s)) / len(rules) * 1000
        place = plan.place
        return tuple(
            [
                GuardResult(
                    guard=each.label,
                    place=place,
                    verdict="pass",
                    action="allow",
                    mode=each.mode,
                    latency_ms=int((own_s * 1000 + shared_ms) * 1000) / 1000,
                )
                for each, own_s in zip(rules, spent_s, strict=True)
            ]
        )

    @staticmethod
    def _find_clean(plan: Plan, text: str, own: Mapping[str, Any], spent_s: list[float]) -> bool:
        """Whether no rule of a plan whose guards are quick has a remark on `text`. Adds to `spent_s` how long each took."""
        for position, each in enumerate(plan.rules):
            assert each.at_once is not None
            begun_s = time.perf_counter()
            try:
                verdict = each.at_once(text, {**own, **each.settings} if each.settings else own)
            except Exception:
                return False
            if verdict is None or not is_clean(verdict):
                return False
            spent_s[position] += time.perf_counter() - begun_s
        return True

    async def _run(self, placed: _Place, clearance: Clearance | None) -> GuardOutcome:
        """Local rules together; those on other machines beside them, or after those whose word they depend on."""
        rules = placed.plan.rules
        runs: list[RuleRun | None] = [None] * len(rules)
        local = [each for each, planned in enumerate(rules) if planned.rule.remote is None]
        remote = [each for each, planned in enumerate(rules) if planned.rule.remote is not None]
        waiting = [each for each in local if placed.begin(each)]
        for each in local:
            if each not in waiting:
                runs[each] = placed.conclude(each)

        async def finish(each: int) -> None:
            await self._finish(placed, each)
            runs[each] = placed.conclude(each)

        async def ask() -> None:
            first = [
                (planned.rule, run) for planned, run in zip(rules, runs, strict=True) if planned.is_first and run is not None
            ]
            before = [run for _, run in first]
            masked = await placed.beside(any(run.redactions for run in before), lambda: _masked(placed, first))
            data_class = clearance([run.result for run in before]) if clearance is not None else "phi"
            outside = RemoteTexts(
                texts=[text for text, _ in masked],
                offsets=[offsets for _, offsets in masked],
                data_class=data_class,
                is_unmasked=any(run.missing and rules[each].rule.action == "redact" for each in local if (run := runs[each])),
            )
            if any(run.action not in ("allow", "redact") for run in before):
                return  # nothing leaves this machine that would not leave it otherwise
            answers = await asyncio.gather(*(self._remote.run(placed.question(each), outside) for each in remote))
            for each, answer in zip(remote, answers, strict=True):
                runs[each] = answer

        if len(waiting) == 1 and not remote:
            await finish(waiting[0])
        elif waiting or remote:
            early = [each for each in waiting if not remote or rules[each].is_first]
            async with asyncio.TaskGroup() as group:
                firsts = [group.create_task(finish(each)) for each in early]
                for each in waiting:
                    if each not in early:
                        group.create_task(finish(each))
                if remote:
                    await asyncio.gather(*firsts)
                    group.create_task(ask())
        placed.remember()
        return await placed.beside(any(run is not None and run.redactions for run in runs), lambda: _outcome(placed, runs))

    async def _finish(self, placed: _Place, each: int) -> None:
        """Check in a thread what could not be told at once, within the rule's time."""
        planned, pending = placed.plan.rules[each], placed.pending[each]
        guard, verdicts = planned.guard, placed.verdicts[each]
        assert guard is not None
        work = [(index, placed.texts[index], placed.context(planned, index)) for index in pending]

        def check(wanted: Callable[[], bool]) -> None:
            for index, text, context in work:
                if wanted():
                    verdicts[index] = guard.check(text, context)
            if placed.is_beginning and guard.settled is not None and wanted():
                placed.settled[each] = guard.settled(placed.texts[0])

        try:
            await self._readiness.wait(guard, planned.rule.settings)
            await self._threads.run(check, limit_s=planned.rule.timeout_ms / 1000)
        except Exception as error:
            placed.problems[each] = _problem(planned, error)

    def close(self) -> None:
        """Stop the threads; a check that still runs is left to end by itself."""
        self._readiness.close()
        self._threads.close()


#: Where values that a rule masks may be put back into the client's answer: it sent them itself.
RESTORED_PLACES: frozenset[Place] = frozenset({"input", "tool_results"})


class _Place:
    """One run of a plan: its texts, and what is known of each by now."""

    def __init__(
        self,
        plan: Plan,
        texts: Sequence[str],
        given: Mapping[str, Any],
        roles: Sequence[str] | None,
        memory: Memory | None,
        pseudonyms: Pseudonyms | None,
        *,
        is_beginning: bool = False,
    ) -> None:
        #: Whether the one text may go on; then how much of it is judged for good, where a thread has found out.
        self.is_beginning = is_beginning
        self.settled: list[int | None] = [None] * len(plan.rules)
        self.plan, self.texts, self._given, self._roles, self._memory = plan, texts, given, roles, memory
        self.pseudonyms = pseudonyms
        self.started_s = time.perf_counter()
        self.verdicts: list[list[Verdict | None]] = [[None] * len(texts) for _ in plan.rules]
        self.pending: list[list[int]] = [[] for _ in plan.rules]
        self.problems = [each.problem for each in plan.rules]
        self._known = [memory.find(self._key(index)) if memory is not None else None for index in range(len(texts))]
        self._spent_s = [0.0] * len(plan.rules)

    def _key(self, index: int) -> tuple[int, str | None, str]:
        role = self._roles[index] if self._roles is not None and self.plan.with_role else None
        return self.plan.number, role, self.texts[index]

    def context(self, planned: PlannedRule, index: int) -> Context:
        """What the guard of a rule may look at: the rule's settings win over what the call gives."""
        role = self._roles[index] if self._roles is not None else None
        own: dict[str, Any] = {**self._given, "place": self.plan.place, **planned.settings}
        if role is not None:
            own["role"] = role
        return own

    def begin(self, each: int) -> bool:
        """Take what a rule says at once: of empty texts, what is remembered, what its guard knows or finds quickly. Whether
        anything is left that needs a thread."""
        planned = self.plan.rules[each]
        guard, verdicts = planned.guard, self.verdicts[each]
        if guard is None:
            return False
        began_s = time.perf_counter()
        try:
            pending: list[int] = []
            for index, text in enumerate(self.texts):
                verdicts[index] = self._at_once(planned, each, index) if text else NOTHING
                if verdicts[index] is None:
                    pending.append(index)
            if pending and guard.inline and sum(len(self.texts[index]) for index in pending) <= INLINE_LENGTH_MAX:
                for index in pending:
                    verdict = guard.check(self.texts[index], self.context(planned, index))
                    verdicts[index] = NOTHING if is_clean(verdict) else verdict
                pending = []
            self.pending[each] = pending
        except Exception as error:
            self.problems[each] = _problem(planned, error)
            pending = []
        self._spent_s[each] = time.perf_counter() - began_s
        return bool(pending)

    def _at_once(self, planned: PlannedRule, each: int, index: int) -> Verdict | None:
        known = self._known[index] if planned.by is not None else None
        if known is CLEAN:
            return NOTHING
        if known is not None and (verdict := known[each]) is not None:
            return verdict
        quick = planned.guard.quick if planned.guard is not None else None
        return quick(self.texts[index], self.context(planned, index)) if quick is not None else None

    def conclude(self, each: int) -> RuleRun:
        """What the rule's verdicts, all of them there or a problem instead, lead to."""
        rule, verdicts = self.plan.rules[each].rule, self.verdicts[each]
        spent_s = time.perf_counter() - self.started_s if self.pending[each] else self._spent_s[each]
        latency_ms = round(spent_s * 1000, 3)
        is_plain = True
        if not self.problems[each]:
            for index, verdict in enumerate(verdicts):
                if verdict is NOTHING:
                    continue
                is_plain = False
                known = self._known[index]
                if known and known[each] is verdict:  # it made sense before
                    continue
                if wrong := nonsense_in(verdict, self.texts[index]):
                    self.problems[each] = f"the guard {wrong}"
                    break
        if self.problems[each]:
            self.verdicts[each] = [None] * len(verdicts)
            return failed(rule, self.plan.place, self.problems[each], latency_ms)
        if is_plain:
            return passed(rule, self.plan.place, latency_ms)
        return conclude(rule, self.plan.place, [each for each in verdicts if each is not None], latency_ms)

    async def beside(self, is_masked: bool, work: Callable[[], Result]) -> Result:
        """What `work` gives; in a thread beside the event loop where it masks long texts."""
        if is_masked and sum(map(len, self.texts)) > MASK_INLINE_LENGTH_MAX:
            return await asyncio.to_thread(work)
        return work()

    def question(self, each: int) -> Question:
        """What a guard on another machine is asked with, besides the texts."""
        rule = self.plan.rules[each].rule
        return Question(rule=rule, place=self.plan.place, roles=self._roles, context=self._given)

    def remember(self) -> None:
        """Keep what was found out of each text for the next call."""
        if self._memory is None:
            return
        rows = [self.verdicts[each] if planned.by is not None else None for each, planned in enumerate(self.plan.rules)]
        for index, text in enumerate(self.texts):
            if not text or self._known[index] is CLEAN:
                continue
            known = self._known[index]
            if known and all(row is None or row[index] is before for row, before in zip(rows, known, strict=True)):
                continue
            found: Known = tuple([row[index] if row is not None else None for row in rows])
            told = [verdict for row, verdict in zip(rows, found, strict=True) if row is not None]
            is_clear = all(verdict is not None and is_clean(verdict) for verdict in told)
            self._memory.keep(self._key(index), CLEAN if is_clear else found)


def _scan(placed: _Place, each: int) -> RuleScan:
    """What a rule says about the one text of `placed`."""
    planned, text = placed.plan.rules[each], placed.texts[0]
    run, settled = placed.conclude(each), 0
    if run.ran and planned.guard is not None and planned.guard.settled is not None:
        try:
            told = placed.settled[each]
            settled = max(0, min(len(text), planned.guard.settled(text) if told is None else told))
        except Exception as error:
            run = failed(planned.rule, placed.plan.place, _problem(planned, error), run.result.latency_ms)
    return RuleScan(
        rule=planned.rule,
        result=run.result,
        verdict=placed.verdicts[each][0] or NOTHING if run.ran else NOTHING,
        settled=settled,
        blocks=run.result.verdict == "block",
        failed=not run.ran,
        refuses=run.is_closed,
    )


def _problem(planned: PlannedRule, error: Exception) -> str:
    """Why a rule failed, without anything of the text: what a plug-in's own errors say is not shown."""
    if isinstance(error, TimeoutError):
        return f"no verdict within {planned.rule.timeout_ms} ms; long texts need a higher `timeout_ms` in the rule"
    if isinstance(error, GroundcrewError) and planned.rule.guard in BUILT_IN:
        return str(error)
    return f"the guard failed ({type(error).__name__})"


def _masked(placed: _Place, pairs: Sequence[tuple[GuardRule, RuleRun]]) -> list[tuple[str, OffsetMap]]:
    """The texts with everything masked that the rules want masked, and values that were masked in one text masked in all of the
    input. What the client itself sent, a rule may have put back into its answer."""
    names, place = placed.pseudonyms, placed.plan.place
    final: dict[int, list[Finding]] = {}
    restorable: dict[int, list[Finding]] = {}
    for rule, run in pairs:
        restores = rule.settings.get("restore") is True and place in RESTORED_PLACES
        for index, findings in run.redactions.items():
            (restorable if restores else final).setdefault(index, []).extend(findings)
    masked = [
        redact(text, final.get(index, ()), names, restorable=restorable.get(index, ())) for index, text in enumerate(placed.texts)
    ]
    if names is None or place == "output" or not (final or restorable):
        return masked
    for index, text in enumerate(placed.texts):
        own = (*final.get(index, ()), *restorable.get(index, ()))
        more = apart_from(names.occurrences(text), [(each.start, each.end) for each in own])
        if more:
            masked[index] = redact(text, [*final.get(index, ()), *more], names, restorable=restorable.get(index, ()))
    return masked


def _outcome(placed: _Place, all_runs: Sequence[RuleRun | None]) -> GuardOutcome:
    """What the runs of the rules add up to. A rule that was not asked any more is a scan that is missing."""
    rules, texts = placed.plan.rules, placed.texts
    pairs = [(planned.rule, run) for planned, run in zip(rules, all_runs, strict=True) if run is not None]
    runs = [run for _, run in pairs]
    if not placed.plan.left_out and not [run for run in all_runs if run is None or run.has_effect]:  # as almost always
        offsets, results = (_UNCHANGED,) * len(texts), tuple([run.result for run in runs])
        return GuardOutcome(texts=tuple(texts), offsets=offsets, results=results, ran=sum([run.ran for run in runs]))
    winner_rule, winner = max(pairs, key=lambda pair: SEVERITY.index(pair[1].action))
    action = winner.action
    masked = _masked(placed, pairs)
    return GuardOutcome(
        action=action,
        guard=winner_rule.label if action != "allow" else "",
        reason=winner.result.reason if action != "allow" else "",
        replacement=str(winner_rule.settings.get("text", "")) if action == "replace" else "",
        texts=tuple([text for text, _ in masked]),
        offsets=tuple([offsets for _, offsets in masked]),
        blocked=frozenset().union(*(run.blocked for run in runs)),
        results=tuple([run.result for run in runs]),
        ran=sum(run.ran for run in runs),
        failed=sum(run.missing for run in runs) + len(all_runs) - len(runs) + placed.plan.left_out,
        is_closed=any(run.is_closed for run in runs),
    )
