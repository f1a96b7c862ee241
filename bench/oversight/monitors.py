"""What drift monitors cost beside a gateway at 100 calls a second: CPU seconds of the keeper over a simulated hour of calls.

    PYTHONPATH=src python bench/oversight/monitors.py [--calls-per-second 100] [--minutes 60] [--use-cases 1]

Calls with texts, passages and a trust report are shipped into an embedded database as a gateway's shipper would; shipping is not
measured. Then the keeper's turn runs once a minute of the simulated clock, with the shipped encoder. Reported is its CPU time as
a share of one core, for the first hour of a version and for the hour after it.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.use_case import UseCase
from groundcrew.grounding.encoder import shipped_encoder
from groundcrew.services.bundle import Services
from groundcrew.services.declared import Declarations, Declared
from groundcrew.services.drift import Drift
from groundcrew.store.database import Database

#: Calls in one shipped batch.
BATCH = 1_000
WORDS = (
    *("account", "card", "payment", "transfer", "mortgage", "interest", "statement", "branch", "address", "fee", "limit", "loan"),
    *("insurance", "please", "when", "how", "where", "much", "cost", "block", "replace", "abroad", "currency", "instant"),
    *("standing", "order", "cancel", "open", "close", "joint", "signature", "phone", "the", "my", "a", "for", "is", "and"),
)
PASSAGE = "A lost or stolen debit card is blocked at once in the app or by phone, day and night, and blocking is free. " * 4


class BenchClock:
    """The clock of the simulated hour."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def now(self) -> datetime:
        """The simulated time."""
        return self.moment


def made_call(number: int, use_case: str, digest: str, at: datetime, chance: random.Random) -> Call:
    """A call such as an assistant's: some 60 words asked, 80 answered, three passages, four claims."""
    words = chance.choices(WORDS, k=chance.randrange(30, 90))
    answer = " ".join(chance.choices(WORDS, k=80))
    claims = tuple(ClaimScore(start=at, end=at + 40, support=0.9, source=0, quote=(0, 40)) for at in range(0, 160, 40))
    return Call(
        id=new_id(),
        use_case=use_case,
        business_unit="retail",
        stage="pilot",
        version_digest=digest,
        key_id="k",
        model="writer",
        received_at=at,
        status="answered",
        request="user: " + " ".join(words),
        answer=answer,
        cost_usd=chance.lognormvariate(-7, 0.3),
        latency_ms={"total": chance.lognormvariate(6, 0.4)},
        trust=TrustReport(trust=chance.betavariate(9, 1), state="supported", claims=claims),
        sources=tuple(SourceReference(passage_id=f"p-{each}", document="d.md", title="Cards", text=PASSAGE) for each in range(3)),
        details={"hit_scores": [chance.random()]},
        user_id=f"u-{number % 5_000}",
    )


async def run(calls_per_second: float, minutes: int, use_cases: int) -> None:
    """Two spans of `minutes`, each reported."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    clock, chance = BenchClock(start), random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(f"sqlite:///{folder}/bench.db", clock)
        services = Services(database, Path(folder) / "knowledge")
        names = [f"assistant-{number}" for number in range(use_cases)]
        digests = await declared(services, names)
        shipped_encoder().encode(["warm"])
        drift, number = Drift(database), 0
        print(f"{platform.machine()}, Python {platform.python_version()}, {use_cases} use cases, {calls_per_second:g} calls/s")
        for span in ("first", "second"):
            cpu_s = wall_s = 0.0
            taken = looks = read = 0
            for _ in range(minutes):
                batch = []
                for _ in range(int(60 * calls_per_second)):
                    at = start + timedelta(seconds=number / calls_per_second)
                    name = names[number % use_cases]
                    batch.append(made_call(number, name, digests[name], at, chance))
                    number += 1
                for first in range(0, len(batch), BATCH):
                    records = [canonical_json(each) for each in batch[first : first + BATCH]]
                    await services.calls.ship_records(records, gateway="g")
                clock.moment += timedelta(minutes=1)
                before, began = time.process_time(), time.perf_counter()
                turn = await drift.keep()
                cpu_s, wall_s = cpu_s + time.process_time() - before, wall_s + time.perf_counter() - began
                taken, looks, read = taken + turn.taken, looks + turn.looks, read + turn.read
            share = cpu_s / (minutes * 60)
            print(
                f"{span} {minutes} min: {read:,} calls read, {taken:,} taken, {looks} references and windows; "
                f"{cpu_s:.1f} CPU s, {share:.2%} of one core (wall {wall_s:.1f} s)",
                flush=True,
            )
        await database.close()


async def declared(services: Services, names: list[str]) -> dict[str, str]:
    """Use cases of one model; the digest of each one's version."""
    from groundcrew.services.lookups import current_digest

    def of(value: object) -> Declared[object]:
        return Declared(value=value, file="bench", line=1)

    cases = [
        UseCase(
            name=name,
            title=name,
            owner="o@bank.example",
            business_unit="retail",
            purpose="Answer",
            affected_persons="customers",
            solution="customized",
            autonomy="assist",
            data_classes=("internal",),
            model="writer",
        )
        for name in names
    ]
    provider = Provider(name="own", api="extractive", data_classes=("internal",))
    model = Model(name="writer", targets=(Target(provider="own", model="m"),))
    made = Declarations(providers=(of(provider),), models=(of(model),), use_cases=tuple(map(of, cases)))  # type: ignore[arg-type]
    await services.registry.apply(made, actor="user:bench")
    async with services.database.read() as connection:
        return {each.name: await current_digest(connection, msgspec.structs.replace(each)) for each in cases}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls-per-second", type=float, default=100)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--use-cases", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(run(given.calls_per_second, given.minutes, given.use_cases))
