"""A model alias as judge: asked by a fixed rubric, read strictly, with one repair; whatever is not clearly a verdict is unknown.

A verdict of support counts only with a quote that stands in a passage, so that a judge that was talked into something, or that
invents, supports nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.errors import GroundcrewError
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, unknown
from groundcrew.grounding.verifiers.rubric import (
    CLAIMS_TOGETHER_MAX,
    EVIDENCE_LENGTH_MAX,
    REPAIR,
    SCHEMA,
    SYSTEM,
    TOKENS_BESIDE,
    TOKENS_PER_CLAIM,
    JudgedClaim,
    find_quote,
    read_judgement,
    shown,
    speaks_to_judge,
)
from groundcrew.grounding.verifiers.windows import nearest, windows

#: Supports that the verdicts of one judge stand for; a judge is never certain.
SUPPORTED, NOT_STATED, CONTRADICTED = 0.95, 0.05, 0.02
#: Code points of a window of the evidence, where all of it is too long to be shown.
WINDOW_LENGTH = 1_500


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a judge: what the system says, the messages after it, the schema of the answer and its longest length."""

    system: str
    messages: tuple[str, ...]
    schema: dict[str, Any]
    output_tokens_max: int


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's answer and what it cost; None where the price is unknown."""

    text: str
    cost_usd: float | None = 0.0


class Asker(Protocol):
    """Asks a model. Implemented by the gateway: it picks the target, charges the budget and enforces what the target may see."""

    async def ask(self, prompt: Prompt) -> Answered:
        """The answer at temperature 0. GroundcrewError where nobody may be asked, or nobody answers."""
        ...


class JudgeVerifier:
    """Asks a judge. `is_steering` says whether a text tries to give orders; such claims are not judged, such passages not
    shown."""

    def __init__(self, declared: Declared, asker: Asker, is_steering: Callable[[str], bool] = lambda _: False) -> None:
        self._declared, self._asker = declared, asker
        self._is_steering: Callable[[str], bool] = lambda text: speaks_to_judge(text) or is_steering(text)

    @property
    def name(self) -> str:
        """As it is declared."""
        return self._declared.name

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        """As the protocol says. Claims are asked about together, as they share their passages."""
        verdicts: list[ClaimVerdict] = [unknown("the claim looks like an order to the judge")] * len(claims)
        asked = [index for index, claim in enumerate(claims) if not self._is_steering(f"{claim.context}\n{claim.text}")]
        for start in range(0, len(asked), CLAIMS_TOGETHER_MAX):
            indexes = asked[start : start + CLAIMS_TOGETHER_MAX]
            found = await self._together([claims[index] for index in indexes])
            for index, verdict in zip(indexes, found, strict=True):
                verdicts[index] = verdict
        return verdicts

    async def _together(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        passages = [each for each in self._evidence(claims) if not self._is_steering(each)]
        if not passages:
            return [unknown("there is no evidence")] * len(claims)
        rounds: list[list[JudgedClaim]] = []
        costs: list[float | None] = []
        problem = ""
        for _ in range(self._declared.repeats):
            try:
                found = await self._round(claims, passages, costs)
            except GroundcrewError as error:
                problem = str(error)
                break
            if found is None:
                problem = "the judge's answer is no verdict"
                break
            rounds.append(found)
        total = None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)
        each_usd = None if total is None else total / len(claims)
        if len(rounds) < self._declared.repeats:
            return [unknown(problem, cost_usd=each_usd)] * len(claims)
        return [self._verdict(claim, [each[index] for each in rounds], passages, each_usd) for index, claim in enumerate(claims)]

    def _evidence(self, claims: Sequence[ClaimToVerify]) -> list[str]:
        """The passages of all claims, each once; where they are too long, the windows nearest to the claims."""
        passages = list(dict.fromkeys(passage for claim in claims for passage in claim.passages))
        if sum(map(len, passages)) <= EVIDENCE_LENGTH_MAX:
            return passages
        pieces = windows(passages, lambda texts: [len(text) for text in texts], WINDOW_LENGTH)
        return nearest(" ".join(claim.text for claim in claims), pieces, EVIDENCE_LENGTH_MAX // WINDOW_LENGTH)

    async def _round(
        self, claims: Sequence[ClaimToVerify], passages: Sequence[str], costs: list[float | None]
    ) -> list[JudgedClaim] | None:
        """One answer of the judge, asked once more where the first has not the right form; None where neither has."""
        question = claims[0].question
        message = shown(claims, passages, "" if self._is_steering(question) else question)
        for messages in ((message,), (message, REPAIR)):
            prompt = Prompt(
                system=SYSTEM,
                messages=messages,
                schema=SCHEMA,
                output_tokens_max=TOKENS_BESIDE + TOKENS_PER_CLAIM * len(claims),
            )
            answered = await self._asker.ask(prompt)
            costs.append(answered.cost_usd)
            found = read_judgement(answered.text, len(claims))
            if found is not None:
                return found
        return None

    def _verdict(
        self, claim: ClaimToVerify, said: Sequence[JudgedClaim], passages: Sequence[str], cost_usd: float | None
    ) -> ClaimVerdict:
        """The mean over the repeats. A verdict without words of a passage is no evidence for anything."""
        supports: list[float] = []
        contradictions, quote = 0, None
        for each in said:
            if each.verdict != "not_stated" and find_quote(each.quote, passages) is None:
                if each.verdict == "supported":
                    return unknown("the judge's quote stands in no passage", cost_usd=cost_usd)
                supports.append(NOT_STATED)
                continue
            contradictions += each.verdict == "contradicted"
            if each.verdict != "not_stated":
                quote = find_quote(each.quote, claim.passages)
            supports.append({"supported": SUPPORTED, "contradicted": CONTRADICTED, "not_stated": NOT_STATED}[each.verdict])
        mean = sum(supports) / len(supports)
        variance = sum((each - mean) ** 2 for each in supports) / len(supports)
        detail = f"{len(said)} answers, variance {variance:.3f}" if len(said) > 1 else "1 answer"
        contradicted = mean < 0.5 and contradictions * 2 > len(said)
        return ClaimVerdict(support=mean, contradicted=contradicted, quote=quote, cost_usd=cost_usd, detail=detail)
