"""Answers that may be given again: exact, in memory, for one use case, one version, one data class and one request only.

Only what an upstream said is kept, and only where it was released as it was. A hit takes the place of the call to the upstream
and of nothing else: admission, guards, trust and recording run as for any other call.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from groundcrew.domain.snapshot import UseCaseEntry
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.release import Release

#: Size of all answers that one gateway process keeps, keys and bookkeeping included.
CACHE_BYTES_MAX = 64 * 1024 * 1024
#: Longest answer that is kept.
ANSWER_BYTES_MAX = 256 * 1024
#: What an entry takes beside its text: key, call id, places in the orders.
ENTRY_OVERHEAD_BYTES = 500
#: Members of a request whose answers are more than one text, or depend on more than the request, so that they are not kept.
_NOT_PLAIN = frozenset(
    {
        *("logprobs", "top_logprobs", "modalities", "audio", "store", "background", "tools", "functions", "mcp_servers"),
        # What a provider keeps: the same request means something else the next time.
        *("conversation", "previous_response_id", "prompt", "context_management", "container"),
    }
)


class CachedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was released: its text, and the call that it was first given to."""

    call_id: str
    text: str


class _Kept(msgspec.Struct, kw_only=True):
    answer: CachedAnswer
    use_case: str
    size: int
    until_s: float


class AnswerCache:
    """The answers of one process, least recently used first. For one event loop; nothing in it waits."""

    def __init__(self, *, bytes_max: int = CACHE_BYTES_MAX, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._bytes_max, self._clock_s = bytes_max, clock_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._by_use_case: dict[str, OrderedDict[str, None]] = {}
        self._entries: dict[str, UseCaseEntry] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def lookup(self, key: str) -> CachedAnswer | None:
        """The answer under `key`; None where there is none or its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock_s() >= kept.until_s:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        self._by_use_case[kept.use_case].move_to_end(key)
        return kept.answer

    def store(self, key: str, answer: CachedAnswer, *, use_case: str, ttl_s: float, entries_max: int) -> None:
        """Keep `answer` for `ttl_s`. The least recently used ones go where there are too many or too much."""
        size = len(answer.text.encode()) + ENTRY_OVERHEAD_BYTES
        if size > min(ANSWER_BYTES_MAX, self._bytes_max):
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Kept(answer=answer, use_case=use_case, size=size, until_s=self._clock_s() + ttl_s)
        mine = self._by_use_case.setdefault(use_case, OrderedDict())
        mine[key] = None
        self.bytes += size
        while len(mine) > entries_max:
            self._drop(next(iter(mine)))
        while self.bytes > self._bytes_max:
            self._drop(next(iter(self._kept)))

    def follow(self, entry: UseCaseEntry) -> None:
        """Forget what is kept of a use case whose entry in the snapshot is not the one that it was."""
        name = entry.use_case.name
        known = self._entries.get(name)
        if known is entry:
            return
        if known is not None and known != entry:
            self.clear(name)
        self._entries[name] = entry

    def clear(self, use_case: str) -> None:
        """Forget everything of one use case."""
        for key in list(self._by_use_case.get(use_case, ())):
            self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key)
        del self._by_use_case[kept.use_case][key]
        self.bytes -= kept.size


def cache_key(
    *,
    use_case: str,
    version_digest: str,
    knowledge_revision: str | None,
    data_classes: tuple[str, ...],
    body: bytes,
    dialect: str = "chat",
) -> str:
    """SHA-256 over everything that an answer depends on. Any difference in any of it is another key.

    `body` is the masked body in the client's dialect byte by byte, with the alias as its model and without stream. It is not
    brought to one form first: JSON with a member twice means different things to different readers, and must not find another
    one's answer.
    """
    digest = hashlib.sha256()
    for part in (use_case, version_digest, knowledge_revision, dialect, *data_classes):
        data = b"-" if part is None else b"+" + part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    digest.update(body)
    return digest.hexdigest()


class CacheUse:
    """What one call does with the cache: looks once, and keeps its answer afterwards where it may."""

    def __init__(self, cache: AnswerCache, flight: Flight, admitted: Admitted, key: str) -> None:
        self._cache, self._flight, self._admitted, self._key = cache, flight, admitted, key

    def find(self) -> Generated | None:
        """The answer of an earlier call, as if an upstream had just said it; None where there is none."""
        answer = self._cache.lookup(self._key)
        self._flight.cache = "miss" if answer is None else "hit"
        if answer is None:
            return None
        self._flight.cached_from, self._flight.usage_known = answer.call_id, True
        generated = Generated()
        generated.text, generated.finish_reason = answer.text, "stop"
        return generated

    def keep(self, generated: Generated, text: str, release: Release | None) -> None:
        """Keep `text`, what the upstream said, where it left unchanged and with nothing to remark, and the call was recorded."""
        flight, rule = self._flight, self._admitted.entry.use_case.cache
        plain = not (generated.side_text or generated.others or generated.tool_calls or generated.is_refusal)
        finished = generated.finish_reason == "stop" and plain and bool(text) and generated.text == text
        released = release is None or (release.kind == "sent" and release.text == text and not release.reason)
        clean = flight.status == "answered" and not flight.flags and not flight.scans_missing and not flight.withheld_answer
        if flight.role != "primary":  # a canary answers its share of callers, and nobody else
            return
        if rule is None or flight.cache != "miss" or not (finished and released and clean and flight.is_recorded):
            return
        self._cache.store(
            self._key,
            CachedAnswer(call_id=flight.call_id, text=text),
            use_case=self._admitted.entry.use_case.name,
            ttl_s=rule.ttl_s,
            entries_max=rule.entries_max,
        )


def may_use(flight: Flight, admitted: Admitted, asked: Asked) -> bool:
    """Whether a call may look into the cache: its use case says so, not every answer of it is signed, and its client does not
    mind. Where some are signed by a rule, the rule is asked about a cached answer as about a new one."""
    use_case = admitted.entry.use_case
    signed = use_case.sign_off is not None and use_case.sign_off.when == "always"
    return (
        use_case.cache is not None
        and not signed
        and not flight.headers.no_store
        and asked.choices == 1
        and not _NOT_PLAIN & asked.members()
    )
