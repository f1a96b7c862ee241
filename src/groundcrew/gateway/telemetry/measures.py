"""An ended call as measurements of the GenAI and HTTP conventions' metrics, with the buckets that they advise."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.gateway.telemetry.providers import EMBEDDED
from groundcrew.gateway.telemetry.signals import Attributes, Ended, attempt_error, http_attributes, operation_attributes

_OPERATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(float(4**power) for power in range(14))
_HTTP_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PART_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Histogram(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A metric: its name, unit, and upper bounds of buckets. There is one object for each."""

    name: str
    unit: str
    text: str
    bounds: tuple[float, ...]


CLIENT_TOKENS = Histogram(
    name="gen_ai.client.token.usage", unit="{token}", text="Number of input and output tokens used", bounds=_TOKENS
)
CLIENT_DURATION = Histogram(
    name="gen_ai.client.operation.duration", unit="s", text="Duration of one request to a provider", bounds=_OPERATION_S
)
CLIENT_FIRST_CHUNK = Histogram(
    name="gen_ai.client.operation.time_to_first_chunk", unit="s", text="Time to a stream's first event", bounds=_FIRST_S
)
SERVER_DURATION = Histogram(
    name="gen_ai.server.request.duration", unit="s", text="Duration of one call of the gateway", bounds=_OPERATION_S
)
SERVER_FIRST_TOKEN = Histogram(
    name="gen_ai.server.time_to_first_token",
    unit="s",
    text="Time until the first byte of a streamed answer left",
    bounds=_FIRST_S,
)
SERVER_PER_TOKEN = Histogram(
    name="gen_ai.server.time_per_output_token", unit="s", text="Time per token after the first one", bounds=_PER_TOKEN_S
)
HTTP_DURATION = Histogram(name="http.server.request.duration", unit="s", text="Duration of HTTP server requests", bounds=_HTTP_S)
PART_DURATION = Histogram(
    name="groundcrew.call.part.duration", unit="s", text="Time that a call spends in one of its parts", bounds=_PART_S
)
HISTOGRAMS = (
    *(CLIENT_TOKENS, CLIENT_DURATION, CLIENT_FIRST_CHUNK),
    *(SERVER_DURATION, SERVER_FIRST_TOKEN, SERVER_PER_TOKEN, HTTP_DURATION, PART_DURATION),
)

#: A metric, a value and its attributes.
Measure = tuple[Histogram, float, Attributes]


def measures_of(ended: Ended) -> list[Measure]:
    """The measurements of a call. Attributes have few values: declared names, codes, never what a client or provider sends."""
    found: list[Measure] = [(HTTP_DURATION, ended.ended_s - ended.trace.started_s, http_attributes(ended))]
    found += _client(ended)
    if ended.trace.request.operation is not None and ended.entry is not None:
        found += _server(ended)
        for part, value in ended.latency_ms.items():
            if part != "total":
                found.append((PART_DURATION, value / 1000, {"groundcrew.part": part}))
    return found


def _client(ended: Ended) -> list[Measure]:
    found: list[Measure] = []
    for attempt in ended.trace.attempts:
        names = operation_attributes(ended, attempt)
        error = attempt_error(ended, attempt)
        duration_s = (attempt.ended_s or ended.ended_s) - attempt.started_s
        found.append((CLIENT_DURATION, duration_s, names if error is None else {**names, "error.type": error}))
        if attempt.first_chunk_s is not None:
            found.append((CLIENT_FIRST_CHUNK, attempt.first_chunk_s - attempt.started_s, names))
        if error is None and ended.usage_known and attempt is ended.trace.attempts[-1]:
            found.append((CLIENT_TOKENS, ended.input_tokens, {**names, "gen_ai.token.type": "input"}))
            if names["gen_ai.operation.name"] != "embeddings":
                found.append((CLIENT_TOKENS, ended.output_tokens, {**names, "gen_ai.token.type": "output"}))
    return found


def _server(ended: Ended) -> list[Measure]:
    """The call as its client sees it: the gateway is the provider, the alias is the model."""
    assert ended.entry is not None
    use_case, trace = ended.entry.use_case, ended.trace
    names: dict[str, Any] = {
        "gen_ai.operation.name": trace.request.operation,
        "gen_ai.provider.name": EMBEDDED,
        "gen_ai.request.model": use_case.model,
        "groundcrew.use_case": use_case.name,
    }
    duration_s = ended.ended_s - trace.started_s
    outcome = {**names, "groundcrew.status": ended.status}
    if ended.error_code is not None:
        outcome["error.type"] = ended.error_code
    found: list[Measure] = [(SERVER_DURATION, duration_s, outcome)]
    streamed = ended.stream and trace.first_byte_s is not None and trace.http_status == 200 and ended.error_code is None
    if streamed and trace.first_byte_s is not None and ended.status != "cancelled":
        found.append((SERVER_FIRST_TOKEN, trace.first_byte_s - trace.started_s, names))
        passed = bool(trace.attempts) and trace.attempts[-1].first_chunk_s is not None
        if passed and ended.usage_known and ended.output_tokens > 1:
            per_token_s = (ended.ended_s - trace.first_byte_s) / (ended.output_tokens - 1)
            found.append((SERVER_PER_TOKEN, per_token_s, names))
    return found
