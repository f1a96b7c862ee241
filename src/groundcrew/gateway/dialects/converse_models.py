"""What families of models on Bedrock take past Converse's own fields: sampling, thinking, effort, cache points.

Claude before 4.6 thinks within a budget, from 4.6 on by an effort, and from 4.7 on takes no sampling members. What is not known
here gets Converse's own fields and no effort, which is a hint.
"""

from __future__ import annotations

import re
from typing import Any

from groundcrew.gateway.dialects.chat_shapes import ChatRequest

TEMPERATURE_MAX = 1.0
#: Members of a request's `anthropic` member that go to a Claude model as they are.
CLAUDE_MEMBERS = ("thinking", "top_k")
#: The least thinking budget that Claude takes, and what an effort is worth where there is a budget, in tokens.
BUDGET_MIN = 1_024
BUDGETS = {"low": 1_024, "medium": 4_096, "high": 16_384, "xhigh": 32_768, "max": 32_768}
#: An effort where only low, medium and high are known.
THREE_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
#: Claude versions: the first that can think, the first that takes an effort, the first without sampling members.
_THINKS, _ADAPTS, _UNSAMPLED = (3, 7), (4, 6), (4, 7)
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")


def is_claude(model: str) -> bool:
    """Whether `model` is named as one of Anthropic's."""
    return "anthropic." in model


def caches(model: str) -> bool:
    """Whether `model` takes cache points."""
    return is_claude(model) or "amazon.nova" in model


def tune(body: dict[str, Any], asked: ChatRequest, vendor: object, model: str) -> None:
    """Put what `asked` says of sampling, thinking and effort into `body`, as `model` takes it. `vendor` is the request's own
    `anthropic` member."""
    sampling: dict[str, Any] = {"topP": asked.top_p}
    if asked.temperature is not None:
        sampling["temperature"] = min(asked.temperature, TEMPERATURE_MAX)
    fields: dict[str, Any] = {}
    effort = asked.reasoning_effort
    if is_claude(model):
        given = vendor if isinstance(vendor, dict) else {}
        fields = {name: given[name] for name in CLAUDE_MEMBERS if given.get(name) is not None}
        if asked.top_k is not None:
            fields["top_k"] = asked.top_k
        _tune_claude(body, asked, sampling, fields, model)
    elif effort in THREE_EFFORTS and "openai.gpt-oss" in model:
        fields["reasoning_effort"] = THREE_EFFORTS[effort]
    elif effort in THREE_EFFORTS and "openai." in model:
        fields["reasoning"] = {"effort": effort}
    elif effort in THREE_EFFORTS and "amazon.nova-2" in model:
        fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": THREE_EFFORTS[effort]}
    inference = {"maxTokens": asked.output_tokens(), **sampling, "stopSequences": asked.stops() or None}
    if inference := {name: value for name, value in inference.items() if value is not None}:
        body["inferenceConfig"] = inference
    if fields:
        body["additionalModelRequestFields"] = fields


def _tune_claude(body: dict[str, Any], asked: ChatRequest, sampling: dict[str, Any], fields: dict[str, Any], model: str) -> None:
    found = _VERSION.search(model)
    version = (int(found.group(1)), int(found.group(2) or 0)) if found else None
    effort = asked.reasoning_effort
    if effort is not None and "thinking" not in fields:
        _think(body, asked, fields, version)
    thinking = fields.get("thinking")
    if version is not None and version >= _UNSAMPLED:
        sampling.clear()
        fields.pop("top_k", None)
    elif isinstance(thinking, dict) and thinking.get("type") == "enabled":
        # Then Claude takes no temperature but 1 and no top_k.
        sampling.pop("temperature", None)
        fields.pop("top_k", None)


def _think(body: dict[str, Any], asked: ChatRequest, fields: dict[str, Any], version: tuple[int, int] | None) -> None:
    """What an effort is for this version. Where a tool is forced there is no thinking: Claude refuses the two together."""
    effort = asked.reasoning_effort or "none"
    forced = bool({"any", "tool"} & set((body.get("toolConfig") or {}).get("toolChoice") or ()))
    if version is None or version >= _ADAPTS:
        if effort == "none":
            fields["thinking"] = {"type": "disabled"}
            return
        body["outputConfig"] = {**body.get("outputConfig", {}), "effort": "low" if effort == "minimal" else effort}
        if effort != "minimal" and not forced:
            fields["thinking"] = {"type": "adaptive"}
        return
    limit = asked.output_tokens()
    budget = BUDGETS.get(effort, 0)
    if limit is not None:
        budget = min(budget, limit // 2)  # It counts towards the limit; half is left for the answer.
    if version >= _THINKS and budget >= BUDGET_MIN and not forced:
        fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
