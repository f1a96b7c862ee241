"""What a provider's request and answer say about themselves, as attributes of the GenAI conventions: read leniently, in any
dialect that the gateway speaks, and without their content."""

from __future__ import annotations

from typing import Any

import msgspec

#: Bytes of a body that are looked at; a larger one is not decoded a second time for telemetry.
BODY_BYTES_MAX = 1024 * 1024
#: Length of a text attribute, and number of values in a list (stop sequences, finish reasons).
TEXT_LENGTH_MAX = 256
VALUES_MAX = 16
#: What a client writes itself.
STOP_SEQUENCES = "gen_ai.request.stop_sequences"


class _Options(msgspec.Struct):
    """The names of OpenAI and Anthropic, then those inside of Gemini's generationConfig and Converse's inferenceConfig."""

    stream: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    n: Any = None
    temperature: Any = None
    top_p: Any = None
    top_k: Any = None
    stop: Any = None
    stop_sequences: Any = None
    frequency_penalty: Any = None
    presence_penalty: Any = None
    seed: Any = None
    encoding_format: Any = None
    dimensions: Any = None
    response_format: Any = None
    maxTokens: Any = None
    maxOutputTokens: Any = None
    topP: Any = None
    topK: Any = None
    stopSequences: Any = None
    candidateCount: Any = None
    frequencyPenalty: Any = None
    presencePenalty: Any = None
    responseMimeType: Any = None


class _Request(_Options):
    generationConfig: _Options | None = None
    inferenceConfig: _Options | None = None


_REQUEST = msgspec.json.Decoder(_Request)

#: Attribute → its type and the members that may hold it.
_OPTIONS: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    (
        "gen_ai.request.max_tokens",
        int,
        ("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens"),
    ),
    ("gen_ai.request.temperature", float, ("temperature",)),
    ("gen_ai.request.top_p", float, ("top_p", "topP")),
    ("gen_ai.request.top_k", int, ("top_k", "topK")),
    ("gen_ai.request.frequency_penalty", float, ("frequency_penalty", "frequencyPenalty")),
    ("gen_ai.request.presence_penalty", float, ("presence_penalty", "presencePenalty")),
    ("gen_ai.request.seed", int, ("seed",)),
    ("gen_ai.embeddings.dimension.count", int, ("dimensions",)),
)


def request_attributes(body: bytes) -> dict[str, Any]:
    """What a request asks for: limits, sampling, streaming. {} for what can not be read."""
    if len(body) > BODY_BYTES_MAX:
        return {}
    try:
        request = _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    found: dict[str, Any] = {}
    for options in (request, request.generationConfig, request.inferenceConfig):
        if options is not None:
            _read_options(options, found)
    return found


def _read_options(options: _Options, found: dict[str, Any]) -> None:
    for attribute, kind, members in _OPTIONS:
        for member in members:
            value = _number(getattr(options, member), kind)
            if value is not None:
                found.setdefault(attribute, value)
    choices = _number(options.n or options.candidateCount, int)
    if choices is not None and choices != 1:
        found["gen_ai.request.choice.count"] = choices
    if stops := _texts(options.stop or options.stop_sequences or options.stopSequences):
        found[STOP_SEQUENCES] = stops
    if options.stream is True:
        found["gen_ai.request.stream"] = True
    if formats := _texts(options.encoding_format):
        found["gen_ai.request.encoding_formats"] = formats
    asked = options.response_format.get("type") if isinstance(options.response_format, dict) else None
    if asked in ("json_object", "json_schema") or options.responseMimeType == "application/json":
        found["gen_ai.output.type"] = "json"
    elif asked == "text":
        found["gen_ai.output.type"] = "text"


class _Usage(msgspec.Struct):
    prompt_tokens_details: Any = None
    input_tokens_details: Any = None
    completion_tokens_details: Any = None
    output_tokens_details: Any = None
    cache_read_input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cacheReadInputTokens: Any = None
    cacheWriteInputTokens: Any = None


class _Ending(msgspec.Struct):
    finish_reason: Any = None
    finishReason: Any = None


class _Answer(msgspec.Struct):
    id: Any = None
    responseId: Any = None
    model: Any = None
    modelVersion: Any = None
    choices: list[_Ending] | None = None
    candidates: list[_Ending] | None = None
    stop_reason: Any = None
    stopReason: Any = None
    usage: _Usage | None = None


class _Enveloped(_Answer):
    """Anthropic's and the Responses API's streams begin with the answer inside of a member."""

    message: _Answer | None = None
    response: _Answer | None = None


_ANSWER = msgspec.json.Decoder(_Enveloped)


def response_attributes(body: bytes) -> dict[str, Any]:
    """What a plain answer, or a stream's first event, says about itself. {} for what can not be read."""
    if len(body) > BODY_BYTES_MAX:
        return {}
    try:
        outer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    answer = outer.message or outer.response or outer
    found: dict[str, Any] = {}
    if answer_id := _text(answer.id or answer.responseId):
        found["gen_ai.response.id"] = answer_id
    if model := _text(answer.model or answer.modelVersion):
        found["gen_ai.response.model"] = model
    endings = [each.finish_reason or each.finishReason for each in (answer.choices or answer.candidates or ())]
    if reasons := _texts(endings or [answer.stop_reason or answer.stopReason]):
        found["gen_ai.response.finish_reasons"] = reasons
    if answer.usage is not None:
        _read_usage(answer.usage, found)
    return found


def _read_usage(usage: _Usage, found: dict[str, Any]) -> None:
    asked, answered = usage.prompt_tokens_details or usage.input_tokens_details, usage.completion_tokens_details
    answered = answered or usage.output_tokens_details
    cached = asked.get("cached_tokens") if isinstance(asked, dict) else None
    reasoning = answered.get("reasoning_tokens") if isinstance(answered, dict) else None
    counts = {
        "gen_ai.usage.cache_read.input_tokens": cached or usage.cache_read_input_tokens or usage.cacheReadInputTokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_creation_input_tokens or usage.cacheWriteInputTokens,
        "gen_ai.usage.reasoning.output_tokens": reasoning,
    }
    found.update({name: value for name, value in counts.items() if _number(value, int) is not None})


def _number(value: Any, kind: type) -> Any:
    """`value` as `kind`, None where it is none; OTLP knows integers of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind is float:
        return float(value) if abs(value) < 1e300 else None
    return value if isinstance(value, int) and abs(value) < 2**63 else None


def _text(value: Any) -> str | None:
    return value[:TEXT_LENGTH_MAX] if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for each in values[:VALUES_MAX] if (text := _text(each)) is not None)
