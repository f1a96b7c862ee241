"""Tuned models in this process: each is loaded once by its digest, verified, and asked in a thread of its own, so that the event
loop never waits for arithmetic. What is missing or damaged gives no answer, and says so."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from groundcrew.domain.snapshot import Snapshot, TunedEntry
from groundcrew.errors import InputError, UpstreamError

if TYPE_CHECKING:
    from groundcrew.tuned.model import Loaded, Prediction

log = logging.getLogger("groundcrew.gateway")

#: Models kept loaded; the one that was used least recently is dropped first.
MODELS_MAX = 4
#: Calls that may wait for one model; beyond it a call fails at once.
WAITING_MAX = 64
#: How long a model that did not load is left alone before its folder is read again.
RETRY_S = 30.0
#: How a queue that is full is told, so that another target may answer.
_BUSY_STATUS = 503


class TunedModels:
    """The models that answer calls of one gateway process."""

    def __init__(self, *, models_max: int = MODELS_MAX, waiting_max: int = WAITING_MAX, retry_s: float = RETRY_S) -> None:
        self._models_max, self._waiting_max, self._retry_s = models_max, waiting_max, retry_s
        self._models: OrderedDict[str, _Threaded] = OrderedDict()

    async def predict(self, entry: TunedEntry, text: str) -> Prediction:
        """What the model of `entry` says of `text`. UpstreamError where it can not be used, or too many calls wait for it."""
        return await self._model(entry).predict(text)

    async def warm(self, snapshot: Snapshot) -> None:
        """Load the models that aliases name; one that fails is left to the calls that need it."""
        for entry in list(named(snapshot))[: self._models_max]:
            try:
                await self._model(entry).warm()
            except Exception as error:
                log.warning("tuned model %s@%d: %s", entry.name, entry.version, error)

    def _model(self, entry: TunedEntry) -> _Threaded:
        model = self._models.get(entry.digest)
        if model is None:
            model = self._models[entry.digest] = _Threaded(entry, self._waiting_max, self._retry_s)
            while len(self._models) > self._models_max:
                self._models.popitem(last=False)[1].close()
        self._models.move_to_end(entry.digest)
        return model

    def close(self) -> None:
        """Stop the models' threads."""
        for model in self._models.values():
            model.close()
        self._models.clear()


def named(snapshot: Snapshot) -> Iterable[TunedEntry]:
    """The tuned models that aliases of `snapshot` name, each once."""
    found: dict[str, TunedEntry] = {}
    for model in snapshot.models.values():
        for target in (*model.targets, *model.alternates):
            provider = snapshot.providers.get(target.provider)
            entry = snapshot.tuned.get(target.model)
            if provider is not None and provider.api == "tuned" and entry is not None:
                found.setdefault(entry.digest, entry)
    return found.values()


class _Threaded:
    """One model in one thread: a model is asked from one thread at a time."""

    def __init__(self, entry: TunedEntry, waiting_max: int, retry_s: float) -> None:
        self._entry, self._waiting_max, self._retry_s = entry, waiting_max, retry_s
        self._loaded: Loaded | None = None
        self._failure: UpstreamError | None = None
        self._failed_at_s = 0.0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"groundcrew-tuned-{entry.name}")
        self._waiting = 0

    @property
    def _name(self) -> str:
        return f"tuned model {self._entry.name}@{self._entry.version}"

    async def predict(self, text: str) -> Prediction:
        """What the model says of `text`. A caller that goes away before its turn costs no computing."""
        if self._waiting >= self._waiting_max:
            raise UpstreamError(f"{self._name}: {self._waiting_max} calls wait for it already; try again", status=_BUSY_STATUS)
        gone = threading.Event()
        self._waiting += 1
        loop = asyncio.get_running_loop()

        def finished(_: Future[Prediction]) -> None:
            try:
                loop.call_soon_threadsafe(self._leave)
            except RuntimeError:  # the loop has closed
                self._leave()

        try:
            future = self._executor.submit(self._predict, text, gone)
        except RuntimeError:  # it was dropped while this call came
            self._waiting -= 1
            raise UpstreamError(f"{self._name} is being replaced; try again", status=_BUSY_STATUS) from None
        future.add_done_callback(finished)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the caller is gone, or was cut
                raise
            raise UpstreamError(f"{self._name} is being replaced; try again", status=_BUSY_STATUS) from None
        finally:
            gone.set()

    async def warm(self) -> None:
        """Load the model; what loading raises is raised."""
        await asyncio.wrap_future(self._executor.submit(self._model))

    def _leave(self) -> None:
        self._waiting -= 1

    def _predict(self, text: str, gone: threading.Event) -> Prediction:
        if gone.is_set():
            raise UpstreamError(f"{self._name}: nobody waits for it any more")
        model = self._model()
        try:
            found = model.predict([text])
        except Exception as error:  # whatever it is, its message may repeat what a client sent
            raise UpstreamError(f"{self._name} failed ({type(error).__name__})") from None
        if len(found) != 1:
            raise UpstreamError(f"{self._name} gave {len(found)} predictions for one text")
        return found[0]

    def _model(self) -> Loaded:
        if self._loaded is not None:
            return self._loaded
        if self._failure is not None and time.monotonic() - self._failed_at_s < self._retry_s:
            raise self._failure
        try:
            from groundcrew.tuned.loading import load_model

            self._loaded, self._failure = load_model(Path(self._entry.folder), digest=self._entry.digest), None
        except Exception as error:
            log.error("%s can not be used: %s", self._name, error)
            self._failed_at_s, self._failure = time.monotonic(), UpstreamError(f"{self._name} can not be used: {_plain(error)}")
            raise self._failure from error
        return self._loaded

    def close(self) -> None:
        """Stop the thread; calls that wait are not answered."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _plain(error: Exception) -> str:
    """What is wrong with a model's files, without where they lie on this host."""
    if not isinstance(error, InputError):
        return type(error).__name__
    return ": ".join(part for part in (Path(error.file).name if error.file else "", error.field or "", error.message) if part)
