"""For tests of streams: an upstream in this process whose chunks are exactly as told, guards that find planted marks, and what a
client of each dialect has read."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.guard import Finding, GuardRule, Verdict
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.errors import RecorderUnavailable, UpstreamError
from groundcrew.gateway.app import Gateway
from groundcrew.gateway.protocols import Grounding, UpstreamRequest
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.guards.redaction import Pseudonyms, redact
from groundcrew.guards.registry import Context, find_guard, guard, verdict_of
from groundcrew.testing import TEST_KEY, FakeSnapshots, Reply, Response, memory_snapshot, memory_use_case, request
from groundcrew.testing.upstream_apis import MessagesShape, ResponsesShape
from groundcrew.testing.upstream_clouds import ConverseShape, GeminiShape
from groundcrew.testing.upstream_shapes import Shape

APIS = ("openai", "anthropic", "gemini", "bedrock")
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
DIALECTS = tuple(PATHS)
#: Says where the bytes of a stream, its events in order, are cut.
Cut = Callable[[Sequence[bytes]], Iterable[bytes]]


def every_event(events: Sequence[bytes]) -> Iterable[bytes]:
    """One chunk an event."""
    return events


def at_once(events: Sequence[bytes]) -> Iterable[bytes]:
    """Everything in one chunk."""
    return [b"".join(events)]


def every(size: int) -> Cut:
    """Chunks of `size` bytes, through characters and frames."""

    def cut(events: Sequence[bytes]) -> Iterable[bytes]:
        data = b"".join(events)
        return [data[start : start + size] for start in range(0, len(data), size)]

    return cut


def at(offsets: Iterable[int]) -> Cut:
    """Chunks that begin at `offsets`, taken modulo the stream's length."""

    def cut(events: Sequence[bytes]) -> Iterable[bytes]:
        data = b"".join(events)
        places = sorted({0, len(data), *(each % len(data) for each in offsets)})
        return [data[start:end] for start, end in itertools.pairwise(places)]

    return cut


class Scripted(msgspec.Struct, kw_only=True):
    """What the upstream says. `deltas` are the pieces of the text in a stream, one event each."""

    deltas: Sequence[str] = ()
    cut: Cut = every_event
    reasoning: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    usage: tuple[int, int] | None = (11, 7)
    #: After so many chunks the stream breaks off; before this chunk `wait` is waited for.
    breaks_after: int | None = None
    waits_before: int | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.deltas)


class ScriptedStream:
    """A stream that is read chunk by chunk."""

    def __init__(self, upstream: ScriptedUpstream, chunks: Iterable[bytes]) -> None:
        self._upstream, self._chunks = upstream, iter(chunks)
        self.read_count = 0

    async def read(self) -> bytes:
        """The next chunk."""
        told = self._upstream.scripted
        if told.breaks_after == self.read_count:
            raise UpstreamError("the scripted stream broke off")
        if told.waits_before == self.read_count:
            self._upstream.is_waiting.set()
            await self._upstream.go_on.wait()
        self.read_count += 1
        chunk = next(self._chunks, b"")
        self._upstream.ended = self._upstream.ended or not chunk
        return chunk

    def finish(self) -> None:
        """Its end was told."""
        self._upstream.ended = True

    def close(self) -> None:
        """It is dropped."""
        self._upstream.closed += 1


class ScriptedUpstream:
    """Answers every request as `scripted` says, in the shape of the provider's API."""

    def __init__(self) -> None:
        self.scripted = Scripted()
        self.requests: list[UpstreamRequest] = []
        self.ended, self.closed = False, 0
        self.is_waiting, self.go_on = asyncio.Event(), asyncio.Event()

    def say(self, *deltas: str, **more: Any) -> None:
        """What to answer from now on."""
        self.scripted = Scripted(deltas=deltas, **more)
        self.ended, self.closed = False, 0
        self.is_waiting, self.go_on = asyncio.Event(), asyncio.Event()

    def _reply(self) -> Reply:
        told = self.scripted
        return Reply(text=told.text, reasoning=told.reasoning, tool_calls=told.tool_calls, usage=told.usage)

    def _shape(self, asked: UpstreamRequest, *, stream: bool) -> Shape:
        body = msgspec.json.decode(asked.body)
        kinds = {"openai": Shape, "anthropic": MessagesShape, "gemini": GeminiShape, "bedrock": ConverseShape}
        kind = ResponsesShape if asked.kind == "responses" else kinds[asked.provider.api]
        return kind(body, asked.target.model, stream=stream)

    async def complete(self, asked: UpstreamRequest) -> bytes:
        """The whole answer."""
        self.requests.append(asked)
        return msgspec.json.encode(self._shape(asked, stream=False).plain(self._reply()))

    async def open_stream(self, asked: UpstreamRequest) -> ScriptedStream:
        """The stream."""
        self.requests.append(asked)
        shape, reply = self._shape(asked, stream=True), self._reply()
        events = [*shape.start(reply)]
        events += [shape.piece(each) for each in self.scripted.deltas if each]
        events += [*shape.tools(reply), *shape.end(reply)]
        return ScriptedStream(self, self.scripted.cut(events))

    async def close(self) -> None:
        """Nothing to close."""


class Kept:
    """A recorder that keeps masked calls in memory, in order; what began a stream too."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.fails = False

    async def opened(self, call: Call) -> None:
        """Keep it."""
        await self.record(call)

    async def record(self, call: Call) -> None:
        """Keep it, unless it `fails`."""
        if self.fails:
            raise RecorderUnavailable("scripted")
        self.calls.append(call)

    def later(self, call: Call) -> None:
        """Keep it."""
        self.calls.append(call)

    def missed(self, call: Call, *, answered: bool) -> None:
        """Not kept."""


class ScriptedGateway(msgspec.Struct, kw_only=True):
    """A gateway, its snapshot and what it records."""

    gateway: Gateway
    snapshots: FakeSnapshots
    recorder: Kept

    def ended(self) -> list[Call]:
        """The calls that are over, oldest first."""
        return [each for each in self.recorder.calls if each.finished_at is not None]


def scripted_gateway(
    upstream: ScriptedUpstream,
    *guards: GuardRule,
    api: str = "openai",
    source: Grounding | None = None,
    targets: tuple[Target, ...] | None = None,
    **fields: Any,
) -> ScriptedGateway:
    """A gateway over `upstream` whose use case has `fields`."""
    provider = Provider(name="fake", api=api, base_url="http://127.0.0.1:9/v1", data_classes=("public", "internal", "pii"))  # type: ignore[arg-type]
    knowledge = KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9)
    snapshot = memory_snapshot(
        "unused",
        providers=(provider,),
        targets=targets,
        use_case=memory_use_case(**fields),
        guards=guards,
        knowledge=(knowledge,),
    )
    snapshots, recorder = FakeSnapshots(snapshot), Kept()
    settings = GatewaySettings(drain_s_max=1.0)
    gateway = Gateway(snapshots=snapshots, recorder=recorder, upstream=upstream, grounding=source, settings=settings)
    return ScriptedGateway(gateway=gateway, snapshots=snapshots, recorder=recorder)


async def ask(memory: ScriptedGateway, dialect: str, *, stream: bool = True, text: str = "Tell me.", **more: Any) -> Response:
    """One call in `dialect`; `leave` is the event that makes the client go away, `seen` is called with what it gets."""
    leave, headers = more.pop("leave", None), more.pop("headers", {})
    body: dict[str, Any] = {"stream": stream, **more}
    if dialect == "responses":
        body["input"] = text
    elif "messages" not in body:
        body["messages"] = [{"role": "user", "content": text}]
    if dialect == "messages":
        body["max_tokens"] = 500
    given = {"authorization": f"Bearer {TEST_KEY}", **headers}
    return await request(memory.gateway, PATHS[dialect], headers=given, body=msgspec.json.encode(body), leave=leave)


def text_of(dialect: str, response: Response) -> str:
    """The text that a client of `dialect` has read, as far as it came."""
    streamed = "text/event-stream" in response.headers.get("content-type", "")
    if not streamed:
        body = response.json()
        if body.get("error"):
            return ""
        if dialect == "chat":
            return str(body["choices"][0]["message"]["content"] or "")
        if dialect == "messages":
            return "".join(each.get("text", "") for each in body["content"])
        return "".join(part.get("text", "") for item in body["output"] for part in item.get("content") or ())
    found: list[str] = []
    for each in response.events():
        if not isinstance(each, dict):
            continue
        if dialect == "chat":
            found += [choice["delta"].get("content") or "" for choice in each.get("choices", ())]
        elif dialect == "messages" and each.get("type") == "content_block_delta":
            found.append(each["delta"].get("text", ""))
        elif dialect == "responses" and each.get("type") == "response.output_text.delta":
            found.append(each["delta"])
    return "".join(found)


def error_of(dialect: str, response: Response) -> str | None:
    """The code that a call ended with, None where it ended well."""
    if "text/event-stream" not in response.headers.get("content-type", ""):
        error = response.json().get("error")
        return None if not error else error.get("code") or response.json().get("code")
    for each in response.events():
        error = each.get("error") if isinstance(each, dict) else None
        if error:
            return str(error.get("code"))
    return None


# --- planted marks ---

#: Characters that stand nowhere but in marks: brackets of three kinds, one that makes what it stands in block, fillers, runs.
BRACKETS = {"planted_a": ("\ue000", "\ue001"), "planted_b": ("\ue002", "\ue003")}
LOUD, RUN = "\ue010", "\ue011"
FILLERS = "\ue020\ue021\U000f0000"
MARK_CHARACTERS = {*itertools.chain(*BRACKETS.values()), LOUD, RUN, *FILLERS}
#: Longest mark in brackets, with them, in code points.
MARK_LENGTH_MAX = 200
BLOCK_SCORE = 0.8


def _pairs(text: str, opening: str, closing: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Brackets that belong together, as spans, and those that are still open."""
    pairs: list[tuple[int, int]] = []
    waiting: list[int] = []
    for place, character in enumerate(text):
        if character == opening:
            waiting.append(place)
        elif character == closing and waiting:
            start = waiting.pop()
            if place + 1 - start <= MARK_LENGTH_MAX:
                pairs.append((start, place + 1))
    return pairs, waiting


def plant(name: str, opening: str, closing: str) -> None:
    """A guard that finds what stands in brackets, also nested."""

    def settled(text: str) -> int:
        _, waiting = _pairs(text, opening, closing)
        return min((each for each in waiting if len(text) - each < MARK_LENGTH_MAX), default=len(text))

    @guard(name, inline=True, settled=settled)
    def check(text: str, context: Context) -> Verdict:
        spans, _ = _pairs(text, opening, closing)
        findings = [
            Finding(start=start, end=end, type=name.upper(), score=0.9 if text[start + 1] == LOUD else 0.5)
            for start, end in spans
        ]
        return verdict_of(findings, block_at=BLOCK_SCORE)


def _runs(text: str) -> list[tuple[int, int]]:
    spans, start = [], None
    for place, character in enumerate(text + " "):
        if character == RUN and start is None:
            start = place
        elif character != RUN and start is not None:
            spans.append((start, place))
            start = None
    return spans


for _name, (_opening, _closing) in BRACKETS.items():
    plant(_name, _opening, _closing)


@guard("planted_runs", inline=True, settled=lambda text: len(text.rstrip(RUN)))
def runs(text: str, context: Context) -> Verdict:
    """Finds runs of one character; long ones block."""
    findings = [Finding(start=start, end=end, type="RUN", score=0.85 if end - start >= 3 else 0.4) for start, end in _runs(text)]
    return verdict_of(findings, block_at=BLOCK_SCORE)


def decision(text: str, rules: Sequence[GuardRule], context: dict[str, Any] | None = None) -> tuple[str, int | None, str]:
    """What `rules` make of a whole answer: its masked text, where in it the first finding begins that is refused (None: nowhere),
    and the characters of `text` that may not leave."""
    masks: list[Finding] = []
    first: int | None = None
    for rule in rules:
        verdict = find_guard(rule.guard).check(text, {**(context or {}), **rule.settings})
        block_at = rule.settings.get("block_at", BLOCK_SCORE)
        if rule.action == "redact":
            masks += verdict.findings
        elif rule.action == "refuse":
            starts = [each.start for each in verdict.findings if each.score >= min(block_at, BLOCK_SCORE)]
            first = min([*starts, *([first] if first is not None else [])], default=None)
    masked, offsets = redact(text, masks, Pseudonyms())
    hidden = "".join(text[each.start : each.end] for each in masks) + (text[first:] if first is not None else "")
    return masked, None if first is None else offsets.start(first), hidden
