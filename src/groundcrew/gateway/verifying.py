"""What verifying one call has led to so far: verdicts, failures, time, and what its judges have cost beside its own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from groundcrew.grounding.cascade import Memory


class JudgeSpending(msgspec.Struct, eq=False):
    """Sums over all questions that one call put to judges. `cost_usd` is None once a price was unknown; `charged_usd` reckons
    those at the highest known price."""

    questions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    charged_usd: float = 0.0
    #: Charged so far, by judge: what its ceiling for an answer is held against.
    by_judge: dict[str, float] = {}

    def book(self, judge: str, *, input_tokens: int, output_tokens: int, cost_usd: float | None, charged_usd: float) -> None:
        """Add one question and its answer, or what of them a provider will charge."""
        self.questions += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd
        self.charged_usd += charged_usd
        self.by_judge[judge] = self.by_judge.get(judge, 0.0) + charged_usd

    def spent_usd(self, judge: str) -> float | None:
        """What one judge has cost; None once any price was unknown."""
        return None if self.cost_usd is None else self.by_judge.get(judge, 0.0)

    def details(self) -> dict[str, Any]:
        """What the record says of it; the record's own tokens and cost hold these too."""
        return {
            "questions": self.questions,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 9),
        }


class Verifying(msgspec.Struct, eq=False):
    """What is known of one call's verifiers: `verdicts` so far, how often each failed, and seconds spent on all of them."""

    verdicts: Memory = {}
    failures: dict[str, int] = {}
    seconds: float = 0.0
    judges: JudgeSpending = msgspec.field(default_factory=JudgeSpending)
