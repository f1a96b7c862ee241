"""What a client gets, in the dialect that it asked in: a whole answer, a checked answer as a stream, one that waits for a
signature, an error."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.errors import CircuitOpen, RecorderUnavailable, RefusedCall, UpstreamError, UpstreamTimeout
from groundcrew.gateway.answer import Generated, Tokens, answer_chunks, chunk_object, completion_fields, usage_object
from groundcrew.gateway.asked import Asked, Dialect
from groundcrew.gateway.budget import LimitReached
from groundcrew.gateway.dialects.registry import client_dialect
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.release import Release
from groundcrew.gateway.respond import DONE, error_object, error_status, event

#: Dialects whose errors are written here.
OPENAI_SHAPED: frozenset[Dialect] = frozenset({"chat", "embeddings"})


def answer_body(asked: Asked, flight: Flight, generated: Generated | None, release: Release, model: str) -> bytes:
    """A whole answer: the upstream's own JSON where it may leave as it is and its dialect is the client's."""
    report = flight.report()
    if release.as_is and generated is not None and generated.native and generated.dialect == asked.dialect:
        own: dict[str, Any] = {"model": model, "groundcrew": report}
        if "instructions" in generated.native:  # a provider repeats what it was sent, our own system message included
            own["instructions"] = asked.request.get("instructions")
        return msgspec.json.encode({**generated.native, **own})
    created_s = int(flight.received_at.timestamp())
    fields = completion_fields(
        generated if release.as_is else None,
        call_id=flight.call_id,
        model=model,
        created_s=created_s,
        text=release.text,
        tool_calls=release.tool_calls,
        usage=Tokens(prompt_tokens=flight.input_tokens, completion_tokens=flight.output_tokens),
        is_refusal=release.is_refusal,
        finish_reason=release.finish_reason,
    )
    if asked.dialect == "chat":
        fields["groundcrew"] = report
        return msgspec.json.encode(fields)
    completion = msgspec.json.decode(msgspec.json.encode(fields))
    written = client_dialect(asked.dialect).write_completion(
        completion, call_id=flight.call_id, model=model, created_s=created_s, request=asked.request
    )
    return msgspec.json.encode({**written, "groundcrew": report})


def answer_events(asked: Asked, flight: Flight, release: Release, model: str) -> list[bytes]:
    """A checked answer as the events of a stream, its end included."""
    created_s = int(flight.received_at.timestamp())
    usage = usage_object(Tokens(prompt_tokens=flight.input_tokens, completion_tokens=flight.output_tokens))
    chunks = answer_chunks(
        release.text,
        release.tool_calls,
        call_id=flight.call_id,
        model=model,
        created_s=created_s,
        is_refusal=release.is_refusal,
        finish_reason=release.finish_reason,
    )
    if asked.dialect == "chat":
        if asked.wants_usage:
            chunks.append(chunk_object(flight.call_id, model, created_s, [], usage=usage))
        chunks.append(chunk_object(flight.call_id, model, created_s, [], groundcrew=flight.report()))
        return [*map(event, chunks), DONE]
    writer = client_dialect(asked.dialect).EventWriter(
        call_id=flight.call_id, model=model, created_s=created_s, request=asked.request
    )
    return [*filter(None, map(writer.chunk, chunks)), writer.end(flight.report(), usage)]


def held_report(flight: Flight, reason: str) -> dict[str, Any]:
    """What a client learns of an answer that waits for a signature."""
    return {
        "status": "pending_sign_off",
        "sign_off_id": flight.sign_off_id,
        "call_id": flight.call_id,
        "reason": reason,
    }


def held_body(asked: Asked, flight: Flight, report: dict[str, Any], model: str) -> bytes:
    """The whole answer that stands for one that waits for a signature."""
    created_s = int(flight.received_at.timestamp())
    if asked.dialect != "chat":
        module = client_dialect(asked.dialect)
        return msgspec.json.encode(module.held_body(report, call_id=flight.call_id, model=model, created_s=created_s))
    held = {**chunk_object(flight.call_id, model, created_s, []), "object": "chat.completion", "groundcrew": report}
    return msgspec.json.encode(held)


def held_events(asked: Asked, flight: Flight, report: dict[str, Any], model: str) -> bytes:
    """The same as a stream."""
    created_s = int(flight.received_at.timestamp())
    if asked.dialect != "chat":
        writer = client_dialect(asked.dialect).EventWriter(
            call_id=flight.call_id, model=model, created_s=created_s, request=asked.request
        )
        return writer.held(report)
    return event(chunk_object(flight.call_id, model, created_s, [], groundcrew=report), "held") + DONE


def error_body(dialect: Dialect, code: str, message: str, extra: dict[str, Any]) -> bytes:
    """An error as the whole answer."""
    if dialect not in OPENAI_SHAPED:
        return msgspec.json.encode(client_dialect(dialect).error_body(code, message, error_status(code), extra))
    return msgspec.json.encode(error_object(code, message, param=_param(code, message), extra=extra))


def error_event(dialect: Dialect, flight: Flight, code: str, message: str, extra: dict[str, Any]) -> bytes:
    """An error as the end of a stream."""
    if dialect not in OPENAI_SHAPED:
        writer = flight.writer or client_dialect(dialect).EventWriter(
            call_id=flight.call_id, model="", created_s=int(flight.received_at.timestamp()), request={}
        )
        return writer.error(code, message, error_status(code))
    return event(error_object(code, message, param=_param(code, message), extra=extra))


def _param(code: str, message: str) -> str | None:
    """The field that an invalid request is refused for, where the message names one."""
    if code != "invalid_request" or ":" not in message:
        return None
    param = message.partition(":")[0].removeprefix("header ")
    return None if " " in param else param


def model_card(alias: str) -> dict[str, Any]:
    """One model of the list."""
    openai = {"id": alias, "object": "model", "created": 0, "owned_by": "groundcrew"}
    return {**openai, "type": "model", "display_name": alias, "created_at": "1970-01-01T00:00:00Z"}


def describe(error: Exception, flight: Flight) -> tuple[str, str, dict[str, Any] | None, float | None]:
    """Code, message, further members and retry-after for what went wrong; nothing internal shows."""
    if isinstance(error, LimitReached):
        return error.code, error.message, {"details": error.details}, error.reset_in_s
    if isinstance(error, RefusedCall):
        return error.code, error.message, None, None
    if isinstance(error, RecorderUnavailable):
        return "recorder_unavailable", "the call could not be recorded, so its answer is withheld; try again later", None, None
    if isinstance(error, UpstreamTimeout):
        return "upstream_timeout", str(error), None, None
    if isinstance(error, UpstreamError):
        detail = getattr(error, "detail", "")
        if error.status == 429:
            return "rate_limited", f"{error}; its limit is reached", None, getattr(error, "retry_after_s", None)
        if error.status in (400, 413, 422):
            return "invalid_request", f"{error}" + (f": {detail}" if detail else ""), None, None
        return "upstream_error", str(error), None, error.retry_after_s if isinstance(error, CircuitOpen) else None
    return "internal_error", f"something went wrong inside the gateway; quote the call id {flight.call_id}", None, None
