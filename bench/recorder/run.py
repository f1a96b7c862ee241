"""CPU time per recorded and per shipped call: what making a call durable costs, apart from everything else.

    python bench/recorder/run.py [--records 20000] [--concurrency 32] [--upstream-ms 20]

Coroutines record calls of about 3 kB into a spool in a temporary folder; afterwards the spool is shipped into an embedded
database. CPU is of the whole process (writer thread included), median of five rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from groundcrew.domain.call import Call, GuardResult
from groundcrew.domain.identifiers import new_id
from groundcrew.gateway.spool import Spool
from groundcrew.jobs.shipper import Shipper
from groundcrew.services.bundle import open_services

ROUNDS = 5
TEXT = "The card is blocked at once; a new one arrives within five working days, free of charge. "


def example() -> Call:
    """A call whose record has about 3 kB."""
    passed = GuardResult(guard="pii", place="input", verdict="pass", action="allow", mode="enforce")
    return Call(
        id="",
        use_case="email-assistant",
        business_unit="retail-service",
        stage="pilot",
        version_digest="d" * 64,
        key_id=new_id(),
        model="mail-writer",
        received_at=datetime.now(UTC),
        finished_at=datetime.now(UTC),
        status="answered",
        provider="acme",
        target_model="writer-1",
        request=TEXT * 15,
        answer=TEXT * 8,
        answer_sha256="a" * 64,
        input_tokens=300,
        output_tokens=160,
        cost_usd=0.001,
        latency_ms={"admission": 0.1, "guards_input": 0.2, "upstream": 20.0, "guards_output": 0.2, "total": 21.0},
        guards=(passed, msgspec.structs.replace(passed, place="output")),
        scan="scanned",
        snapshot_version=7,
    )


async def record(spool: Spool, calls: list[Call], concurrency: int, upstream_ms: float) -> tuple[float, float, float]:
    """CPU and wall microseconds per record, and the wait in milliseconds that 99 % of the records stay below."""
    waiting, waits = iter(calls), []

    async def worker() -> None:
        for call in waiting:
            if upstream_ms:
                await asyncio.sleep(upstream_ms / 1000 * random.uniform(0.5, 1.5))
            started_s = time.perf_counter()
            await spool.record(call)
            waits.append(time.perf_counter() - started_s)

    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return cpu_s / len(calls) * 1e6, wall_s / len(calls) * 1e6, sorted(waits)[int(len(waits) * 0.99)] * 1000


async def main(records: int, concurrency: int, upstream_ms: float) -> None:
    """Measure and print."""
    template = example()
    recording, shipping = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool.open(Path(folder) / "spool.db")
            calls = [msgspec.structs.replace(template, id=new_id()) for _ in range(records // ROUNDS)]
            recording.append(await record(spool, calls, concurrency, upstream_ms))
            services = await open_services(f"sqlite:///{folder}/groundcrew.db", Path(folder))
            shipper = Shipper(spool, services.calls, gateway="bench", every_ms=200, batch_max=500)
            cpu_s = time.process_time()
            await shipper.drain()
            shipping.append((time.process_time() - cpu_s) / len(calls) * 1e6)
            assert spool.pending() == 0
            await services.database.close()
            spool.close()
    cpu, wall, wait = (statistics.median(each) for each in zip(*recording, strict=True))
    size, version = len(msgspec.json.encode(template)), sys.version.split()[0]
    print(f"record of {size} bytes, {concurrency} at a time, upstream {upstream_ms:g} ms, Python {version}")
    print(f"recording: {cpu:.0f} us CPU, {wall:.0f} us wall per call; 99 % waited at most {wait:.1f} ms")
    print(f"shipping:  {statistics.median(shipping):.0f} us CPU per call")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--upstream-ms", type=float, default=0.0, help="what each call waits before it is recorded")
    given = parser.parse_args()
    import uvloop

    uvloop.run(main(given.records, given.concurrency, given.upstream_ms))
