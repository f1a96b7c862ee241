"""The cascade: cheap stages decide the claims that they are sure of, and only what they leave open goes to the dearer ones.

Each stage but the last has bounds: support from `accept` up, or `reject` down, is decided. A claim that passages contradict is
decided at once. A stage that fails decides nothing: what is open then stays open, and open is unsupported.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from groundcrew.domain.trust import ClaimScore, StageCost, TrustReport
from groundcrew.domain.verifier import ACCEPT_DEFAULT, REJECT_DEFAULT
from groundcrew.errors import GroundcrewError
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, Verifier, checked

#: A verifier's support below this means that a claim is not supported.
SUPPORT_THRESHOLD = 0.5
#: Support of a claim that no stage has decided, at most; and of one that a verifier supports: none is certain.
OPEN_SUPPORT_MAX, SUPPORT_MAX = 0.49, 0.98
#: What reports call the shipped stack.
SHIPPED = "shipped"
#: Code points before a claim that are shown as its context.
CONTEXT_LENGTH = 300
#: Verdicts that are remembered for one answer.
VERDICTS_MAX = 2_000

#: Verdicts on one answer's claims so far, by stage and claim, so that an answer that is scored as it grows asks once.
Memory = dict[tuple[str, str, str], ClaimVerdict]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage decides: support ≥ `accept`, or ≤ `reject`. 0 ≤ reject < .5 ≤ accept ≤ 1 keeps a stage from deciding against
    its own word. `veto` says whether a contradiction that it finds decides, whatever the support."""

    accept: float = ACCEPT_DEFAULT
    reject: float = REJECT_DEFAULT
    veto: bool = True

    def decide(self, support: float) -> bool:
        """Whether a claim of this support is decided."""
        return support >= self.accept or support <= self.reject


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier with its bounds (those of the last stage do not count) and the longest time that it may take for one answer.
    `spent` tells what the verifier has cost so far (None: unknown), where that is known better than from its verdicts."""

    verifier: Verifier
    bounds: Bounds = Bounds()
    timeout_s: float = 5.0
    spent: Callable[[], float | None] | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was scored, with what it may rest on."""

    answer: str
    sources: Sequence[str]
    question: str = ""


class Cascade:
    """The stages after the shipped stack, which has scored the answer already. `first` bounds what the shipped stack decides."""

    def __init__(self, first: Bounds, stages: Sequence[Stage]) -> None:
        self._first, self._stages = first, tuple(stages)

    async def decide(
        self,
        report: TrustReport,
        asked: Asked,
        *,
        first_ms: float = 0.0,
        ends_s: float | None = None,
        memory: Memory | None = None,
        failed: Callable[[str, str], None] = lambda _stage, _why: None,
    ) -> TrustReport:
        """`report` of the shipped stack with the claims that it left open decided by the stages.

        `first_ms` is what the shipped stack took; all is over at `ends_s` on the running loop's clock; `failed` hears which stage
        failed and why. Never raises for what a verifier does.
        """
        costs = [StageCost(name=SHIPPED, claims=len(report.claims), latency_ms=round(first_ms, 3))]
        if report.state not in ("supported", "unsupported") or not report.claims:
            return msgspec.structs.replace(report, stages=tuple(costs))
        claims = [self._started(claim) for claim in report.claims]
        open_now = [index for index, claim in enumerate(claims) if claim.decided_by is None]
        passed_on = frozenset(open_now)
        memory = memory if memory is not None else {}
        for number, stage in enumerate(self._stages):
            if not open_now:
                break
            started_s, before_usd = time.perf_counter(), stage.spent() if stage.spent is not None else None
            wanted = [self._to_verify(asked, claims[index]) for index in open_now]
            known = [memory.get((stage.verifier.name, each.text, each.context)) for each in wanted]
            new = [each for each, verdict in zip(wanted, known, strict=True) if verdict is None]
            verdicts, problem = await _verdicts(stage, new, ends_s)
            if problem:
                failed(stage.verifier.name, problem)
            for each, verdict in zip(new, verdicts, strict=True):
                if verdict.support is not None and len(memory) < VERDICTS_MAX:
                    memory[stage.verifier.name, each.text, each.context] = verdict
            fresh = iter(verdicts)
            all_verdicts = [each if each is not None else next(fresh) for each in known]
            is_last = number == len(self._stages) - 1
            bounds = None if is_last else stage.bounds
            for index, verdict in zip(open_now, all_verdicts, strict=True):
                claims[index] = _judged(claims[index], verdict, stage.verifier.name, bounds)
            costs.append(
                StageCost(
                    name=stage.verifier.name,
                    claims=len(new),
                    latency_ms=round((time.perf_counter() - started_s) * 1000, 3),
                    cost_usd=_cost_usd(stage, before_usd, verdicts),
                    failed=any(verdict.support is None for verdict in all_verdicts),
                )
            )
            open_now = [index for index in open_now if claims[index].decided_by is None]
        return _decided_report(report, [_left_open(claim) for claim in claims], passed_on, tuple(costs))

    def _started(self, claim: ClaimScore) -> ClaimScore:
        """`claim` with the name of what in the shipped stack decides it, None where it is open: not sure, or, without veto,
        contradicted."""
        decided = self._first.veto if claim.contradicted else self._first.decide(claim.support)
        return msgspec.structs.replace(claim, decided_by=(claim.decided_by or SHIPPED) if decided else None)

    @staticmethod
    def _to_verify(asked: Asked, claim: ClaimScore) -> ClaimToVerify:
        before = asked.answer[max(0, claim.start - CONTEXT_LENGTH) : claim.start].strip()
        return ClaimToVerify(
            text=asked.answer[claim.start : claim.end], passages=tuple(asked.sources), question=asked.question, context=before
        )


def _decided_report(
    report: TrustReport, claims: Sequence[ClaimScore], passed_on: frozenset[int], stages: tuple[StageCost, ...]
) -> TrustReport:
    """`report` with `claims`, of which those `passed_on` were judged by others. Then the answer is no more trustworthy than its
    least supported claim."""
    if not passed_on:
        return msgspec.structs.replace(report, claims=tuple(claims), stages=stages)
    before = set(report.unsupported)
    unsupported = tuple(
        (claim.start, claim.end)
        for index, claim in enumerate(claims)
        if (claim.support < SUPPORT_THRESHOLD if index in passed_on else (claim.start, claim.end) in before)
    )
    return msgspec.structs.replace(
        report,
        trust=min(claim.support for claim in claims),
        state="unsupported" if unsupported else "supported",
        claims=tuple(claims),
        unsupported=unsupported,
        stages=stages,
    )


async def _verdicts(stage: Stage, claims: Sequence[ClaimToVerify], ends_s: float | None) -> tuple[list[ClaimVerdict], str]:
    """What the stage's verifier says within its time, each verdict checked; and what went wrong, "" where nothing did."""
    if not claims:
        return [], ""
    timeout_s = stage.timeout_s
    if ends_s is not None:
        timeout_s = min(timeout_s, ends_s - asyncio.get_running_loop().time())
    nothing = ClaimVerdict(support=None)
    if timeout_s <= 0:
        return [nothing] * len(claims), "no time was left"
    try:
        async with asyncio.timeout(timeout_s):
            verdicts = checked(claims, await stage.verifier.verify(claims))
    except TimeoutError:
        return [msgspec.structs.replace(nothing, cost_usd=None)] * len(claims), f"no verdict within {timeout_s:.3g} s"
    except GroundcrewError as error:
        cost: float | None = getattr(error, "cost_usd", 0.0)
        return [msgspec.structs.replace(nothing, cost_usd=cost and cost / len(claims))] * len(claims), str(error)
    except Exception as error:
        return [nothing] * len(claims), f"it failed ({type(error).__name__})"
    return verdicts, next((verdict.detail or "no verdict" for verdict in verdicts if verdict.support is None), "")


def _judged(claim: ClaimScore, verdict: ClaimVerdict, name: str, bounds: Bounds | None) -> ClaimScore:
    """`claim` after a stage: decided where the verdict is known and sure, or where the stage is the last (no `bounds`)."""
    if verdict.support is None:
        return claim
    is_veto = verdict.contradicted and (bounds is None or bounds.veto)
    if not is_veto and bounds is not None and not bounds.decide(verdict.support):
        return claim
    support = round(min(SUPPORT_MAX, verdict.support), 4)
    reasons: tuple[str, ...] = ()
    if verdict.contradicted:
        reasons = (f"{name}: the sources contradict this",)
    elif support < SUPPORT_THRESHOLD:
        reasons = (f"{name}: the sources do not say this",)
    source, place = claim.source, claim.quote
    if verdict.quote is not None:
        source, place = verdict.quote[0], verdict.quote[1:]
    return msgspec.structs.replace(
        claim,
        support=support,
        contradicted=verdict.contradicted,
        reasons=reasons,
        decided_by=name,
        source=source,
        quote=place,
    )


def _left_open(claim: ClaimScore) -> ClaimScore:
    """A claim that no stage has decided is not supported, whatever the stages leant to."""
    if claim.decided_by is not None:
        return claim
    support = min(claim.support, OPEN_SUPPORT_MAX)
    return msgspec.structs.replace(claim, support=support, reasons=(*claim.reasons, "left open: no verifier could tell"))


def _cost_usd(stage: Stage, before_usd: float | None, verdicts: Sequence[ClaimVerdict]) -> float | None:
    """What the stage has cost; None where that is unknown."""
    if stage.spent is not None:
        after_usd = stage.spent()
        return None if after_usd is None or before_usd is None else round(after_usd - before_usd, 9)
    total = 0.0
    for verdict in verdicts:
        if verdict.cost_usd is None:
            return None
        total += verdict.cost_usd
    return round(total, 9)
