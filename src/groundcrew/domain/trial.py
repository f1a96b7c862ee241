"""A trial: a question asked of a model on purpose, to learn how it answers. It goes the way of any call and nobody is served."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from groundcrew.domain.call import CallStatus, SourceReference
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.trust import TrustReport

TrialPurpose = Literal["evaluation", "replay", "judge"]


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and of whom.

    `messages` are a chat completion's (role and content). `model` is an alias, None for the use case's own; `target` pins one
    of its providers and that provider's model, whatever the alias's weights, or names one that the alias does not hold yet.
    `plain` asks the model alone: no guards but those that keep data in, no retrieval, no trust score (a judge's question).
    """

    trial: str
    use_case: str
    purpose: TrialPurpose
    messages: tuple[dict[str, Any], ...]
    model: str | None = None
    target: tuple[str, str] | None = None
    prompt: str | None = None
    data_class: DataClass | None = None
    parameters: dict[str, Any] = {}
    case_id: str | None = None
    plain: bool = False


class TrialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, masked as it is recorded.

    `text` is what would have been sent, `generated` what the model wrote where that was held back or replaced; `trust` is that of
    what the model wrote. An answer that would wait for a signature has status `held`, one that another would have taken the place
    of `fallback`. `cost_usd` is None where the price is unknown. A trial that failed has status `failed` or `refused` and its
    `error_code`; one that was refused at the door has no record under its `call_id`.
    """

    call_id: str
    status: CallStatus
    text: str = ""
    generated: str = ""
    provider: str | None = None
    target_model: str | None = None
    error_code: str | None = None
    error: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    latency_ms: float = 0.0
    trust: TrustReport | None = None
    sources: tuple[SourceReference, ...] = ()


class Trials(Protocol):
    """Asks trial questions. Budgets, kill switches and data classes hold as for any call; the call is recorded with its
    `trial`, counts as spending, and is no evidence."""

    async def ask(self, request: TrialRequest) -> TrialAnswer:
        """The answer; a model that can not be asked is an answer of status `refused` or `failed`, not an exception."""
        ...
