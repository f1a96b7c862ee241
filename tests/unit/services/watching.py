"""Calls that are watched for drift: made up, with an encoder that takes no time, and a monitor on a real database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from tests.unit.services import bank

from groundcrew.domain.call import Call
from groundcrew.domain.drift import DriftAlarm
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import DriftRule
from groundcrew.services.bundle import Services
from groundcrew.services.drift import Drift

DIMENSIONS = 16
START = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
EVERY = timedelta(minutes=10)
RULE = DriftRule(window_calls=60, reference_calls=200, owner="watch@bank.example")
ABOUT = {
    "card": ["my", "card", "was", "lost", "and", "I", "need", "a", "new", "one", "please", "block", "it", "now"],
    "loan": ["what", "interest", "would", "a", "loan", "over", "ten", "years", "cost", "me", "and", "when", "is", "it", "due"],
    "tax": ["send", "the", "certificate", "of", "taxes", "for", "last", "year", "to", "my", "accountant", "in", "the", "city"],
}


class WordEncoder:
    """The mean of vectors drawn by each word's hash: texts of the same words are near each other."""

    def __init__(self, name: str = "words") -> None:
        self.encoded = 0
        self.sha256 = hashlib.sha256(name.encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += len(texts)
        rows = np.array([np.mean([_vector(word) for word in each.lower().split()], axis=0) for each in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _vector(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=DIMENSIONS)


class Traffic:
    """A stream of calls, the same for the same seed; `changes` of a batch are what its calls have instead."""

    def __init__(self, digest: str, *, seed: int = 1, start: datetime = START, every: timedelta = EVERY) -> None:
        self.digest, self._random, self._start, self._every = digest, np.random.default_rng(seed), start, every
        self.number = 0

    def calls(self, n: int, *, about: Sequence[str] = ("card", "loan"), answer_words: float = 30, **changes: Any) -> list[Call]:
        return [self._call(about, answer_words, changes) for _ in range(n)]

    def _call(self, about: Sequence[str], answer_words: float, changes: dict[str, Any]) -> Call:
        random, at = self._random, self._start + self.number * self._every
        self.number += 1
        words = random.choice(ABOUT[str(random.choice(list(about)))], size=int(random.integers(6, 16)))
        trust = float(random.beta(9, 1))
        call = bank.call(
            id=f"{self.number:08d}-{self.digest[:8]}",
            version_digest=self.digest,
            received_at=at,
            request="user: " + " ".join(words),
            answer=" ".join(random.choice(ABOUT["tax"], size=max(6, int(random.normal(answer_words, 5))))),
            cost_usd=float(random.lognormal(-7, 0.3)),
            latency_ms={"total": float(random.lognormal(6, 0.4))},
            trust=TrustReport(trust=trust, state="supported"),
            details={"hit_scores": [round(float(random.beta(6, 2)), 4)]},
        )
        return msgspec.structs.replace(call, **changes)


async def declared(services: Services, rule: DriftRule | None = RULE, **changes: Any) -> str:
    """The bank with a rule of drift; the digest of its version."""
    await bank.apply(services, use_cases=[bank.use_case(drift=rule, **changes)])
    return await bank.digest_of(services)


def monitor(services: Services, encoder: WordEncoder | None = None) -> Drift:
    own = encoder or WordEncoder()
    return Drift(services.database, lambda: own)


async def served(services: Services, drift: Drift, calls: Sequence[Call]) -> list[DriftAlarm]:
    """Ship calls, let the monitor read them; the alarms that are open then."""
    await services.calls.ship(calls, gateway="gateway-1")
    await drift.keep()
    return await drift.open_alarms(bank.NAME)


async def watched(services: Services, calls: int = 200) -> Drift:
    """The current version with an owner of alarms, and a reference of `calls` calls that came just now."""
    digest = await declared(services, msgspec.structs.replace(RULE, reference_calls=calls))
    start = services.database.clock.now() - timedelta(minutes=calls)
    drift = monitor(services)
    await served(services, drift, Traffic(digest, start=start, every=timedelta(minutes=1)).calls(calls))
    return drift
