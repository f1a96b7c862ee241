"""Writes a checked answer as a client's stream while it is still being generated: each text that may leave, then the rest, then
the end with the report. Nothing of the provider's own events is in it."""

from __future__ import annotations

from typing import Any

from groundcrew.gateway.answer import Tokens, chunk_object, text_pieces, tool_members, usage_object
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.dialects.registry import client_dialect
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.release import Release
from groundcrew.gateway.respond import DONE, event
from groundcrew.gateway.restored_answer import restored_calls
from groundcrew.gateway.restoring_streams import Restoring


class AnswerWriter:
    """The stream of one checked answer, in the dialect that its client speaks. Values come back in the place of their tags."""

    def __init__(self, asked: Asked, flight: Flight, model: str) -> None:
        self._flight, self._model = flight, model
        self._wants_usage = asked.wants_usage
        self._created_s = int(flight.received_at.timestamp())
        self._restoring = Restoring(flight.pseudonyms)
        self._begun = False
        self._writer = None
        if asked.dialect != "chat":
            self._writer = flight.writer = client_dialect(asked.dialect).EventWriter(
                call_id=flight.call_id, model=model, created_s=self._created_s, request=asked.request
            )

    def text(self, text: str) -> bytes:
        """The events for a further piece of the answer's text."""
        return self._text(self._restoring.some(text), "content")

    def rest(self, release: Release, text: str) -> bytes:
        """The events for `text`, the last of the answer's text, for the tool calls of `release` and for why it ended."""
        name = "refusal" if release.is_refusal else "content"
        events = self._text(self._restoring.some(text) + self._restoring.rest(), name)
        if release.tool_calls:
            members = tool_members(restored_calls(release.tool_calls, self._flight.pseudonyms))
            if "tool_calls" in members:
                members["tool_calls"] = [{"index": index, **each} for index, each in enumerate(members["tool_calls"])]
            events += self._chunk([self._choice(members)])
        return events + self._chunk([self._choice({}, release.finish_reason)])

    def end(self) -> bytes:
        """The closing events, with the call's report and, where it is wanted, its token counts."""
        flight = self._flight
        usage = usage_object(Tokens(prompt_tokens=flight.input_tokens, completion_tokens=flight.output_tokens))
        if self._writer is not None:
            return self._writer.end(flight.report(), usage)
        events = self._chunk([], usage=usage) if self._wants_usage else b""
        return events + self._chunk([], groundcrew=flight.report()) + DONE

    def _text(self, text: str, name: str) -> bytes:
        events = b"" if self._begun else self._chunk([self._choice({"role": "assistant", "content": ""})])
        self._begun = True
        return events + b"".join(self._chunk([self._choice({name: piece})]) for piece in text_pieces(text))

    @staticmethod
    def _choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": reason}

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = chunk_object(self._flight.call_id, self._model, self._created_s, choices, **more)
        return event(chunk) if self._writer is None else self._writer.chunk(chunk)
