"""Puts values back in the place of their tags in texts that leave in pieces: a tag that is cut by the pieces waits until it is
whole. What is checked, gathered and recorded keeps the tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from groundcrew.guards.redaction import Pseudonyms

#: Texts of one stream that are restored apart; what comes in further ones leaves with its tags.
TEXTS_MAX = 512


class Restoring:
    """One text that leaves in pieces."""

    __slots__ = ("_is_json", "_pseudonyms", "_waiting")

    def __init__(self, pseudonyms: Pseudonyms, *, is_json: bool = False) -> None:
        self._pseudonyms, self._is_json = pseudonyms, is_json
        self._waiting = ""

    def some(self, text: str) -> str:
        """What may leave once `text` has come."""
        text = self._waiting + text
        cut = len(text) - self._pseudonyms.open_tail(text)
        self._waiting = text[cut:]
        return self._restored(text[:cut])

    def rest(self) -> str:
        """What is left when the text has ended."""
        text, self._waiting = self._waiting, ""
        return self._restored(text)

    def _restored(self, text: str) -> str:
        return self._pseudonyms.restore_json(text) if self._is_json else self._pseudonyms.restore(text)


class RestoringChunks:
    """All texts of a stream of chat completion chunks: content and refusals of every choice, the arguments of every tool call.
    Reasoning stays as it came, since providers sign it."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        #: By choice and kind; the kind of a tool call's arguments is its index.
        self._texts: dict[tuple[int, str | int], Restoring] = {}

    def chunk(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """`chunk` with values in the place of tags. A text ends when another of its choice goes on, or the choice ends."""
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return chunk
        return {**chunk, "choices": [self._choice(each) if isinstance(each, dict) else each for each in choices]}

    def rest(self) -> list[dict[str, Any]]:
        """Chunks for what is left where the stream ended without telling so."""
        found = []
        for index in sorted({of for of, _ in self._texts}):
            delta: dict[str, Any] = {name: rest for name in ("content", "refusal") if (rest := self._rest(index, name))}
            kinds = [kind for of, kind in self._texts if of == index and isinstance(kind, int)]
            if calls := self._tails(index, kinds):
                delta["tool_calls"] = calls
            if delta:
                found.append({"choices": [{"index": index, "delta": delta, "finish_reason": None}]})
        return found

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        index, delta = choice.get("index", 0), choice.get("delta")
        delta = dict(delta) if isinstance(delta, dict) else {}
        if not isinstance(index, int):
            return choice
        calls = delta.get("tool_calls")
        calls = list(calls) if isinstance(calls, list) else []
        going_on: set[str | int] = {name for name in ("content", "refusal") if delta.get(name)}
        going_on |= {_index(each) for each in calls}
        ended = bool(choice.get("finish_reason"))
        for name in ("content", "refusal"):
            given = delta.get(name)
            text = self._text(index, name).some(given) if isinstance(given, str) and given else ""
            if ended or going_on - {name}:
                text += self._rest(index, name)
            if text or given:
                delta[name] = text
        pieces = [self._call(index, each) for each in calls]
        others = [kind for of, kind in self._texts if of == index and isinstance(kind, int) and kind not in going_on]
        before = self._tails(index, others) if ended or going_on else []
        restored = [*before, *pieces, *(self._tails(index, map(_index, calls)) if ended else ())]
        if restored:
            delta["tool_calls"] = restored
        return {**choice, "delta": delta}

    def _call(self, choice: int, call: Any) -> Any:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(arguments := function.get("arguments"), str) or not arguments:
            return call
        text = self._text(choice, _index(call), is_json=True).some(arguments)
        return {**call, "function": {**function, "arguments": text}}

    def _tails(self, choice: int, kinds: Iterable[int]) -> list[dict[str, Any]]:
        rests = [(kind, self._rest(choice, kind)) for kind in kinds]
        return [{"index": kind, "function": {"arguments": rest}} for kind, rest in rests if rest]

    def _text(self, choice: int, kind: str | int, *, is_json: bool = False) -> Restoring:
        key = (choice, kind)
        if key not in self._texts and len(self._texts) >= TEXTS_MAX:
            return Restoring(Pseudonyms())
        return self._texts.setdefault(key, Restoring(self._pseudonyms, is_json=is_json))

    def _rest(self, choice: int, kind: str | int) -> str:
        text = self._texts.get((choice, kind))
        return text.rest() if text is not None else ""


def _index(call: Any) -> int:
    index = call.get("index", 0) if isinstance(call, dict) else 0
    return index if isinstance(index, int) else 0
