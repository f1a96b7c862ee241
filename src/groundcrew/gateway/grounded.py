"""Grounding in this process: opened indexes, the encoder and the trust scorer behind a few threads, so that the event loop
never waits for arithmetic. Its libraries load with the first call that needs them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.trust import TrustReport
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.protocols import Citation, ComposedAnswer, Source

if TYPE_CHECKING:
    from groundcrew.grounding.answer import ExtractiveEngine
    from groundcrew.grounding.encoder import Encoder
    from groundcrew.grounding.retrieval import KnowledgeIndex
    from groundcrew.grounding.trust import TrustScorer

log = logging.getLogger("groundcrew.gateway")

THREADS = 2
#: Pieces of work that may wait for a thread; beyond it a call's grounding is unknown at once.
QUEUE_MAX = 256
#: Indexes kept open; the one that was used least recently is dropped first.
INDEXES_MAX = 8

Result = TypeVar("Result")


class LocalGrounding:
    """Retrieval, trust and composition over the index folders that a snapshot names."""

    def __init__(
        self,
        *,
        threads: int = THREADS,
        encoder_threads: int = 1,
        queue_max: int = QUEUE_MAX,
        indexes_max: int = INDEXES_MAX,
    ) -> None:
        """`threads` work at a time; `encoder_threads` are for one run inside onnxruntime."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="groundcrew-grounding")
        self._encoder_threads, self._queue_max, self._indexes_max = encoder_threads, queue_max, indexes_max
        self._pending = 0
        self._indexes: OrderedDict[str, KnowledgeIndex] = OrderedDict()
        self._opening = threading.Lock()
        self._loaded: Encoder | None = None
        self._own = threading.local()

    async def warm(self, knowledge: Sequence[KnowledgeEntry]) -> None:
        """Load the encoder, the scorer and the indexes of `knowledge`; one that fails is left to the call that needs it."""

        def load() -> None:
            self._scorer()
            for entry in knowledge[: self._indexes_max]:
                try:
                    self._index(entry.folder)
                except GroundcrewError as error:
                    log.warning("knowledge base %s: %s", entry.name, error)

        await self._work(load)

    async def retrieve(self, knowledge: KnowledgeEntry, question: str, limit: int) -> tuple[Source, ...]:
        """The passages nearest to `question`, best first. InputError when the index is missing or damaged."""

        def search() -> tuple[Source, ...]:
            from groundcrew.grounding.answer import search_message

            hits = search_message(self._index(knowledge.folder), question, limit)
            return tuple(
                Source(
                    passage_id=hit.passage.id,
                    document=hit.passage.document,
                    title=hit.passage.title,
                    text=hit.passage.text,
                    score=hit.score,
                    origin=hit,
                )
                for hit in hits[:limit]
            )

        return await self._work(search)

    async def score(self, answer: str, sources: Sequence[Source], question: str) -> TrustReport:
        """How far `sources` support `answer`."""
        texts = [source.text for source in sources]
        return await self._work(lambda: self._scorer().score(answer, texts, question))

    async def compose(self, knowledge: KnowledgeEntry, question: str, sources: Sequence[Source]) -> ComposedAnswer:
        """An answer of verbatim sentences. A passage that a guard has masked is not quoted."""

        def build() -> ComposedAnswer:
            hits = [each.origin for each in sources if each.origin is not None and each.origin.passage.text == each.text]
            answer = self._engine().compose(question, hits)
            citations = tuple(
                Citation(
                    passage_id=each.passage_id,
                    document=each.document,
                    title=each.title,
                    quote=each.quote,
                    start=each.start,
                    end=each.end,
                )
                for each in answer.citations
            )
            return ComposedAnswer(text=answer.text, answered=answer.answered, confidence=answer.confidence, citations=citations)

        return await self._work(build)

    async def close(self) -> None:
        """Stop the threads and drop the indexes."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._indexes.clear()

    def _index(self, folder: str) -> KnowledgeIndex:
        from groundcrew.grounding.retrieval import KnowledgeIndex

        encoder = self._encoder()
        with self._opening:
            index = self._indexes.get(folder)
            if index is None:
                index = self._indexes[folder] = KnowledgeIndex.open(Path(folder), encoder)
                while len(self._indexes) > self._indexes_max:
                    self._indexes.popitem(last=False)
            self._indexes.move_to_end(folder)
            return index

    def _encoder(self) -> Encoder:
        from groundcrew.grounding.encoder import Encoder

        with self._opening:
            if self._loaded is None:
                self._loaded = Encoder.shipped(self._encoder_threads)
            return self._loaded

    def _scorer(self) -> TrustScorer:
        """This thread's scorer: one is not safe across threads."""
        from groundcrew.grounding.trust import TrustScorer

        scorer: TrustScorer | None = getattr(self._own, "scorer", None)
        if scorer is None:
            scorer = self._own.scorer = TrustScorer.shipped()
        return scorer

    def _engine(self) -> ExtractiveEngine:
        """This thread's extractive engine: one is not safe across threads."""
        from groundcrew.grounding.answer import ExtractiveEngine

        engine: ExtractiveEngine | None = getattr(self._own, "engine", None)
        if engine is None:
            engine = self._own.engine = ExtractiveEngine(self._encoder())
        return engine

    async def _work(self, work: Callable[[], Result]) -> Result:
        if self._pending >= self._queue_max:
            raise GroundcrewError("too many calls wait for grounding")
        loop = asyncio.get_running_loop()
        self._pending += 1
        try:
            future: Future[Result] = self._executor.submit(work)
        except BaseException:
            self._pending -= 1
            raise

        def release() -> None:
            self._pending -= 1

        def finished(_: Future[Result]) -> None:
            try:
                loop.call_soon_threadsafe(release)
            except RuntimeError:  # the loop has closed
                release()

        future.add_done_callback(finished)
        return await asyncio.wrap_future(future)
