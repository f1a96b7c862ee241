"""Verifiers that compute, behind a thread of their own, so that the event loop never waits for arithmetic. A model that is not
loaded, or whose thread is busy for too long, gives no verdict."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from groundcrew.grounding.trust import TrustScorer
from groundcrew.grounding.verifiers.local import LocalModel
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, VerifierFailure

#: Answers whose claims may wait for one model; beyond it their claims are unknown at once.
WAITING_MAX = 64


class ThreadedVerifier:
    """A local model in one thread. `load` runs there with the first claims; what it raises is raised for each of them."""

    def __init__(self, name: str, load: Callable[[], LocalModel]) -> None:
        self.name = name
        self._load = load
        self._model: LocalModel | None = None
        self._failure: Exception | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"groundcrew-verifier-{name}")
        self._waiting = 0

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        """As the protocol says. A caller that is cancelled frees the thread after the claim that it is at."""
        if self._waiting >= WAITING_MAX:
            raise VerifierFailure(f"more than {WAITING_MAX} answers wait for this model")
        stopped = threading.Event()
        self._waiting += 1
        loop = asyncio.get_running_loop()

        def finished(_: Future[list[ClaimVerdict]]) -> None:
            try:
                loop.call_soon_threadsafe(self._leave)
            except RuntimeError:  # the loop has closed
                self._leave()

        try:
            future = self._executor.submit(self._run, tuple(claims), stopped)
        except BaseException:
            self._waiting -= 1
            raise
        future.add_done_callback(finished)
        try:
            return await asyncio.wrap_future(future)
        finally:
            stopped.set()

    async def warm(self) -> None:
        """Load the model; what loading raises is raised."""
        await asyncio.wrap_future(self._executor.submit(self._loaded))

    def _leave(self) -> None:
        self._waiting -= 1

    def _run(self, claims: Sequence[ClaimToVerify], stopped: threading.Event) -> list[ClaimVerdict]:
        return self._loaded().verdicts(claims, stopped)

    def _loaded(self) -> LocalModel:
        if self._failure is not None:
            raise self._failure
        if self._model is None:
            try:
                self._model = self._load()
            except Exception as error:
                self._failure = error
                raise
        return self._model

    def close(self) -> None:
        """Stop the thread; claims that wait are not judged."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class ShippedStack:
    """The shipped trust scorer as a verifier of single claims. Blocking inside: for files and comparison, not for a gateway."""

    name = "shipped"

    def __init__(self, scorer: TrustScorer) -> None:
        self._scorer = scorer

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        """As the protocol says: the least supported claim that the text holds counts; a text that claims nothing is unknown."""
        return [self._verdict(claim) for claim in claims]

    def _verdict(self, claim: ClaimToVerify) -> ClaimVerdict:
        report = self._scorer.score(claim.text, claim.passages, claim.question or None)
        if not report.claims:
            return ClaimVerdict(support=None, detail=report.reason or report.state)
        contradicted = any(each.contradicted for each in report.claims)
        support = min(each.support for each in report.claims)
        return ClaimVerdict(support=min(support, 0.5) if contradicted else support, contradicted=contradicted)
