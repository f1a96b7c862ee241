"""Asking one case of an evaluation: the question, its judges, and what both are worth; and what that may cost at most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.evaluation import EvaluationCase, EvaluationOrder, EvaluationResult, Judgement, JudgeRule, SuiteContent
from groundcrew.domain.prices import assumed_price, highest_usd, price_of
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.trial import TrialAnswer, TrialRequest, Trials
from groundcrew.errors import GroundcrewError
from groundcrew.metrics.evaluation_figures import Answered, figures_of
from groundcrew.metrics.semantic_similarity import Encode, pair_similarities
from groundcrew.services import judge_rubric

#: Refusals that every further question would meet as well: the run ends there, and says so.
ENDING = frozenset(
    {
        *("kill_switch", "budget_exceeded", "use_case_not_running", "model_not_allowed", "stale_policy"),
        *("recorder_unavailable", "invalid_key"),
    }
)
#: How often a question waits for a rate limit, and how long each time.
WAITS_MAX, WAIT_S = 30, 2.0
#: Tokens of an answer where a run has a cost ceiling and its suite names no maximum.
OUTPUT_TOKENS_MAX = 1_024
#: For the most that a question may cost: bytes of a prompt for each token, and of what the gateway adds to it.
BYTES_PER_TOKEN, ADDED_BYTES = 3, 8_192
Route = tuple[Provider, Target]


class RunEnds(GroundcrewError):
    """Nothing more can be asked: a stop, a budget, a model that is not there."""


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """Who may answer the questions, and each judge's; and the size of the prompt that goes with every question."""

    asked: tuple[Route, ...]
    prompt_bytes: int
    judges: dict[str, tuple[Route, ...]]


class Asking:
    """Asks the cases of one run. `recorded` holds the calls whose answers are looked at, where nothing is to be asked."""

    def __init__(
        self,
        trials: Trials,
        *,
        job_id: str,
        order: EvaluationOrder,
        content: SuiteContent,
        encode: Encode,
        wait_s: float = WAIT_S,
    ) -> None:
        self._trials, self._job_id, self._order = trials, job_id, order
        self._content, self._encode, self._wait_s = content, encode, wait_s

    def cost_usd_max(self, case: EvaluationCase, prices: Prices) -> float:
        """The most that asking `case` once may cost, its judges included; unknown prices count as the highest known one."""
        size = sum(len(str(each["content"]).encode()) for each in case.messages)
        parameters = self._parameters()
        output = int(parameters.get("max_completion_tokens") or parameters.get("max_tokens") or OUTPUT_TOKENS_MAX)
        prompt_tokens = (size + prices.prompt_bytes + ADDED_BYTES) // BYTES_PER_TOKEN
        total = 0.0 if self._order.recorded else _dearest(prices.asked, prompt_tokens, output)
        for judge in self._content.judges:
            shown = size + len((case.reference or "").encode()) + output * 4 + len(judge.rubric.encode()) + ADDED_BYTES
            once = _dearest(prices.judges.get(judge.name, ()), shown // BYTES_PER_TOKEN, judge_rubric.OUTPUT_TOKENS_MAX)
            total += once * judge.repeats * 2  # each may be asked to say it again
        return total

    async def case(self, case: EvaluationCase, repeat: int, *, at: datetime, recorded: Call | None = None) -> EvaluationResult:
        """Ask one case once. RunEnds where nothing more can be asked."""
        answer = self._recorded(case, recorded) if self._order.recorded else await self._asked(case)
        text = answer.text or answer.generated
        similarity = None
        if case.reference is not None and text:
            similarity = (await asyncio.to_thread(pair_similarities, [text], [case.reference], self._encode))[0]
        figures = figures_of(
            case,
            Answered(
                status=answer.status,
                text=text,
                trust=answer.trust,
                latency_ms=answer.latency_ms or None,
                cost_usd=answer.cost_usd,
            ),
            similarity,
        )
        judged = text if answer.status in ("answered", "held", "fallback") and not case.declines else ""
        judgements = tuple([await self._judge(each, case, judged) for each in self._content.judges if judged])
        costs = [0.0 if self._order.recorded else answer.cost_usd, *(each.cost_usd for each in judgements)]
        return EvaluationResult(
            job_id=self._job_id,
            suite=self._content.name,
            case_id=case.id,
            repeat=repeat,
            at=at,
            call_id=answer.call_id,
            status=answer.status,
            error_code=answer.error_code,
            provider=answer.provider,
            target_model=answer.target_model,
            cost_usd=None if any(each is None for each in costs) else sum(each or 0.0 for each in costs),
            figures=figures,
            judgements=judgements,
        )

    async def prefer(
        self, judge: JudgeRule, case: EvaluationCase, first: str, second: str
    ) -> tuple[judge_rubric.Better | None, str, float | None]:
        """Which of two answers a judge finds better as they stand: (which, why it can not be told, what it cost)."""
        messages = judge_rubric.pair(judge, case, first, second)
        said: judge_rubric.Better | None = None
        problem = "an answer speaks to the judge"
        costs: list[float | None] = [0.0]
        if judge_rubric.speaks_to_judge(first) or judge_rubric.speaks_to_judge(second):
            return None, problem, 0.0
        for more in ((), ({"role": "user", "content": judge_rubric.REPAIR},)):
            answer = await self._judged(judge, (*messages, *more), judge_rubric.pair_schema())
            costs.append(answer.cost_usd)
            said, problem = judge_rubric.read_preference(answer.text, first, second)
            if said is not None or answer.status != "answered":
                break
        return said, problem, _sum(costs)

    def _parameters(self) -> dict[str, Any]:
        found = dict(self._content.parameters)
        if self._order.cost_usd_max is not None and not {"max_tokens", "max_completion_tokens"} & found.keys():
            found["max_tokens"] = OUTPUT_TOKENS_MAX
        return found

    async def _asked(self, case: EvaluationCase) -> TrialAnswer:
        order = self._order
        return await self._patiently(
            TrialRequest(
                trial=self._job_id,
                use_case=order.use_case,
                purpose="evaluation",
                messages=case.messages,
                model=order.model,
                target=order.target,
                parameters=self._parameters(),
                case_id=case.id,
            )
        )

    async def _patiently(self, request: TrialRequest) -> TrialAnswer:
        return await ask_patiently(self._trials, request, wait_s=self._wait_s)

    @staticmethod
    def _recorded(case: EvaluationCase, call: Call | None) -> TrialAnswer:
        if call is None or call.redacted_at is not None:
            return TrialAnswer(call_id=case.call_id or "", status="answered" if case.recorded else "failed", text=case.recorded)
        return TrialAnswer(
            call_id=call.id,
            status=call.status,
            text=case.recorded,
            provider=call.provider,
            target_model=call.target_model,
            cost_usd=call.cost_usd,
            latency_ms=call.latency_ms.get("total", 0.0),
            trust=call.withheld_trust or call.trust,
        )

    async def _judge(self, judge: JudgeRule, case: EvaluationCase, text: str) -> Judgement:
        """What one judge says of one answer, as often as it is to say it."""
        scores: list[float] = []
        calls: list[str] = []
        problems: list[str] = []
        costs: list[float | None] = [0.0]
        if judge_rubric.speaks_to_judge(text):
            return Judgement(judge=judge.name, problems=("the answer speaks to the judge",))
        for _ in range(judge.repeats):
            messages = judge_rubric.single(judge, case, text)
            problem = ""
            for more in ((), ({"role": "user", "content": judge_rubric.REPAIR},)):
                answer = await self._judged(judge, (*messages, *more), judge_rubric.score_schema(judge))
                costs.append(answer.cost_usd)
                score, problem = judge_rubric.read_score(answer.text, judge, text)
                if answer.status != "answered":
                    problem = f"{answer.error_code or answer.status}"
                    break
                calls.append(answer.call_id)
                if score is not None:
                    scores.append(score)
                    break
            if problem:
                problems.append(problem)
        return Judgement(
            judge=judge.name, scores=tuple(scores), call_ids=tuple(calls), problems=tuple(problems), cost_usd=_sum(costs)
        )

    async def _judged(
        self, judge: JudgeRule, messages: tuple[dict[str, Any], ...], response_format: dict[str, Any]
    ) -> TrialAnswer:
        return await self._patiently(
            TrialRequest(
                trial=self._job_id,
                use_case=self._order.use_case,
                purpose="judge",
                messages=messages,
                model=judge.model,
                parameters={"response_format": response_format, "max_tokens": judge_rubric.OUTPUT_TOKENS_MAX},
                plain=True,
            )
        )


async def ask_patiently(trials: Trials, request: TrialRequest, *, wait_s: float = WAIT_S) -> TrialAnswer:
    """The answer, waited for where a rate limit says so. RunEnds for what every further question would meet as well."""
    answer = await trials.ask(request)
    for _ in range(WAITS_MAX):
        if answer.error_code != "rate_limited":
            break
        await asyncio.sleep(wait_s)
        answer = await trials.ask(request)
    if answer.error_code in ENDING or answer.error_code == "rate_limited":
        raise RunEnds(f"{answer.error_code}: {answer.error}")
    return answer


def _dearest(routes: Sequence[Route], input_tokens: int, output_tokens: int) -> float:
    dearest = 0.0
    for provider, target in routes:
        known = price_of(provider, target)
        dearest = max(dearest, highest_usd(known.price if known else assumed_price(), input_tokens, output_tokens))
    return dearest


def _sum(costs: Sequence[float | None]) -> float | None:
    return None if any(each is None for each in costs) else sum(each or 0.0 for each in costs)
