"""What labels have earned, held to by the gateway: a calibrated header, a guaranteed threshold, and nothing without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from groundcrew.domain.calibration import CalibrationMap, Guarantee
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.trust_rules import TrustRules
from groundcrew.domain.use_case import Grounding, GuaranteeRule, SpotChecks
from groundcrew.testing import (
    TEST_KEY,
    FakeGrounding,
    FakeUpstream,
    MemoryGateway,
    chat,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)

PASSAGE = "The replacement card costs CHF 20."
INVENTED = "The replacement card costs CHF 99."
QUESTION = "What does a replacement card cost?"
HALVED = CalibrationMap(method="isotonic", labels=40, floor=0.01, ceiling=0.99, knots=((0.0, 0.02), (1.0, 0.5)))
PROMISED = Guarantee(
    threshold=0.9,
    unsupported_max=0.05,
    confidence=0.95,
    method="betting",
    monitoring="sequential",
    sampling="uniform",
    labels=200,
    released=150,
    unsupported=1,
    share=0.7,
    share_lower=0.6,
    share_upper=0.8,
    risk=0.007,
    risk_upper=0.05,
    reason="",
)
Build = Callable[..., MemoryGateway]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(PASSAGE) as fake:
        yield fake


@pytest.fixture
async def build(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Build]:
    made: list[MemoryGateway] = []

    def make(trust: TrustRules, *, guarantee: bool = True, below: Any = "refuse", **fields: Any) -> MemoryGateway:
        promise = GuaranteeRule() if guarantee else None
        grounding = Grounding(
            knowledge="kb", threshold=None if guarantee else 0.7, below=below, spot_checks=SpotChecks(), guarantee=promise
        )
        snapshot = memory_snapshot(
            upstream.url,
            use_case=memory_use_case(grounding=grounding, **fields),
            knowledge=(KnowledgeEntry(name="kb", revision="r1", folder="unused", expires_at_s=4e9),),
        )
        (name,) = snapshot.use_cases
        entry = msgspec.structs.replace(snapshot.use_cases[name], trust=trust)
        snapshot = msgspec.structs.replace(snapshot, use_cases={name: entry})
        memory = memory_gateway(snapshot, tmp_path / str(len(made)), grounding=FakeGrounding(PASSAGE))
        made.append(memory)
        return memory

    yield make
    for memory in made:
        await memory.gateway.close()
        memory.spool.close()


BOTH = pytest.mark.parametrize("stream", [False, True])


@BOTH
async def test_without_a_guarantee_in_force_nothing_leaves_on_trust(build: Build, stream: bool) -> None:
    memory = build(TrustRules(problem="40 labels are too few"))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=stream)
    assert (response.status, response.json()["error"]["code"]) == (403, "not_grounded")
    assert "nothing is released on trust: 40 labels are too few" in response.json()["error"]["message"]
    (call,) = memory.calls()
    assert (call.status, call.withheld_answer) == ("refused", PASSAGE)


async def test_quotes_take_its_place_since_they_rest_on_no_score(build: Build, upstream: FakeUpstream) -> None:
    upstream.script = INVENTED
    memory = build(TrustRules(problem="too few"), below="fallback")
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert (response.status, response.text()) == (200, PASSAGE)
    assert response.json()["groundcrew"]["status"] == "fallback"


@BOTH
async def test_a_guaranteed_threshold_lets_out_what_reaches_it(build: Build, upstream: FakeUpstream, stream: bool) -> None:
    memory = build(TrustRules(guarantee=PROMISED))
    assert (await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=stream)).text() == PASSAGE
    upstream.script = INVENTED
    refused = await chat(memory.gateway, TEST_KEY, text=QUESTION, stream=stream)
    assert (refused.status, "below the guaranteed threshold 0.90" in refused.json()["error"]["message"]) == (403, True)


async def test_another_verifier_than_the_labelled_one_releases_nothing(build: Build) -> None:
    memory = build(TrustRules(guarantee=PROMISED, guarantee_verifier="v7"))
    refused = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert (refused.status, "another verifier" in refused.json()["error"]["message"]) == (403, True)


async def test_the_calibrated_trust_is_what_clients_read_and_the_guarantee_ignores_it(build: Build) -> None:
    memory = build(TrustRules(guarantee=PROMISED, calibration=HALVED))
    response = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert (response.status, response.headers["groundcrew-trust"]) == (200, "0.5000")
    assert response.json()["groundcrew"]["trust"] == 0.5
    (call,) = memory.calls()
    assert call.trust is not None
    assert (call.trust.trust, call.trust.uncalibrated) == (0.5, 1.0)


async def test_a_declared_threshold_is_held_against_the_calibrated_trust(build: Build) -> None:
    memory = build(TrustRules(calibration=HALVED), guarantee=False)
    refused = await chat(memory.gateway, TEST_KEY, text=QUESTION)
    assert "trust 0.50 is below the threshold 0.70" in refused.json()["error"]["message"]
    unknown = build(TrustRules(calibration=HALVED, calibration_verifier="v7"), guarantee=False)
    assert (await chat(unknown.gateway, TEST_KEY, text=QUESTION)).headers["groundcrew-trust"] == "1.0000"


async def test_metrics_say_what_is_in_doubt_and_what_holds(build: Build) -> None:
    from groundcrew.gateway.metrics import Metrics

    memory = build(TrustRules(calibration=HALVED, in_doubt=True, problem="in doubt"))
    metrics = Metrics()
    metrics.watch_trust(lambda: memory.snapshots.current.use_cases)
    shown = metrics.render().decode()
    (name,) = memory.snapshots.current.use_cases
    assert f'groundcrew_calibration_in_doubt{{use_case="{name}"}} 1.0' in shown
    assert f'groundcrew_guarantee_holds{{use_case="{name}"}} 0.0' in shown
