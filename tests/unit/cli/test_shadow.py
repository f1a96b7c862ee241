"""`groundcrew shadow` prints what the copies say."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.unit.cli.conftest import Run
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import Call
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust import TrustReport


def test_a_comparison_is_printed_with_its_disagreements(run: Run, data: Path, prepared: Prepared) -> None:
    url = f"sqlite:///{data / 'groundcrew.db'}"
    prepared.copy("declared", url)
    shipped: list[Call] = []

    async def ship() -> None:
        async with bank.opened(url, data, bare=True) as services:
            digest = await bank.digest_of(services)
            for number in range(4):
                main = bank.call(version_digest=digest, latency_ms={"upstream": 100.0 + number})
                copy = bank.call(
                    version_digest=digest,
                    id=new_id(),
                    shadow_of=main.id,
                    target_model="trial",
                    trust=TrustReport(trust=0.1 * number, state="unsupported"),
                    latency_ms={"upstream": 50.0 + 2 * number},
                )
                shipped.extend((main, copy))
            await services.calls.ship(shipped, gateway="g")

    asyncio.run(ship())
    printed = run("shadow", bank.NAME).out
    assert f"{bank.PROVIDER} / trial: 4 pairs" in printed
    assert "meaning: cosine 1.000" in printed
    assert "4 disagreements (only one supported 4)" in printed
    assert all(call.id in printed for call in shipped)
    answer = run("shadow", bank.NAME, "--json").json()
    (target,) = answer["targets"]
    assert (target["pairs"], target["latency_ms_difference"]["estimate"]) == (4, -48.5)
    assert "did you mean" in run("shadow", bank.NAME + "x", status=2).err
