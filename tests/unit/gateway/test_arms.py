"""A call's unit decides which model and prompt answer it, the same ones for ever; the record and the headers say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.unit.gateway.scripted import DIALECTS, ScriptedGateway, ScriptedUpstream, ask, error_of, scripted_gateway

from groundcrew.domain.assignment import ExperimentEntry, arm_of
from groundcrew.domain.call import Call
from groundcrew.domain.hypothesis import Arms, Variant
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.use_case import CacheRule

DIGEST = "e" * 64
UNITS = [f"unit-{each}" for each in range(12)]
TREATED = Variant(model="writer-2", prompt="Be brief.")


def serving(upstream: ScriptedUpstream, *, stopped: bool = False, design: Any = "randomized", **arms: Any) -> ScriptedGateway:
    """A gateway whose use case runs an experiment with these arms, and that knows a second model."""
    memory = scripted_gateway(upstream, prompt="Be kind.", cache=arms.pop("cache", None))
    declared = Arms(control="plain", treatment="brief", **{"variants": {"treatment": TREATED}, **arms})
    experiment = ExperimentEntry(digest=DIGEST, arms=declared, stopped=stopped, design=design)
    snapshot = memory.snapshots.current
    entry = msgspec.structs.replace(snapshot.use_cases["demo"], experiment=experiment)
    second = Model(name="writer-2", targets=(Target(provider="fake", model="second-model"),))
    memory.snapshots.change(use_cases={"demo": entry}, models={**snapshot.models, "writer-2": second})
    return memory


def arm(unit: str, **arms: Any) -> str | None:
    experiment = ExperimentEntry(digest=DIGEST, arms=Arms(control="plain", treatment="brief", **arms))
    return arm_of(experiment, unit, at=datetime.now(UTC))


async def call(memory: ScriptedGateway, unit: str | None, dialect: str = "chat", **more: Any) -> tuple[Any, Call]:
    headers = {} if unit is None else {"groundcrew-unit-id": unit}
    response = await ask(memory, dialect, headers={**headers, **more.pop("headers", {})}, **more)
    return response, memory.ended()[-1]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_arm_answers_with_its_model_and_prompt(dialect: str, stream: bool) -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    seen = set()
    for unit in UNITS:
        response, recorded = await call(memory, unit, dialect, stream=stream)
        expected = arm(unit)
        seen.add(expected)
        asked = upstream.requests[-1]
        treated = expected == "treatment"
        assert asked.target.model == ("second-model" if treated else "fake-model-1")
        assert (b"Be brief." in asked.body, b"Be kind." in asked.body) == (treated, not treated)
        assert response.headers["groundcrew-arm"] == expected
        assert (recorded.experiment, recorded.arm, recorded.unit_id) == (DIGEST, expected, unit)
        assert recorded.model == ("writer-2" if treated else "writer")
    assert seen == {"control", "treatment"}
    await memory.gateway.close()


async def test_the_client_names_the_alias_that_it_knows() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    unit = next(each for each in UNITS if arm(each) == "treatment")
    response, recorded = await call(memory, unit, stream=False, model="writer")
    assert (response.status, recorded.model) == (200, "writer-2")
    other, _ = await call(memory, unit, stream=False, model="writer-2")
    assert error_of("chat", other) == "model_not_allowed", "nobody chooses an arm by naming its model"
    await memory.gateway.close()


async def test_without_a_unit_a_call_is_no_part_of_it() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    response, recorded = await call(memory, None, stream=False)
    assert upstream.requests[-1].target.model == "fake-model-1"
    assert "groundcrew-arm" not in response.headers
    assert (recorded.experiment, recorded.arm, recorded.details["experiment"]) == (None, None, "no unit id")
    await memory.gateway.close()


async def test_a_stopped_treatment_is_given_to_nobody() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream, stopped=True)
    for unit in UNITS:
        _, recorded = await call(memory, unit, stream=False)
        assert (recorded.arm, recorded.model) == (None, "writer")
        assert recorded.details["experiment"] == "the treatment is stopped"
    await memory.gateway.close()


async def test_holdout_units_are_on_the_control() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream, holdout=0.5)
    arms = {unit: arm(unit, holdout=0.5) for unit in UNITS}
    assert set(arms.values()) == {"holdout", "control", "treatment"}
    for unit, expected in arms.items():
        _, recorded = await call(memory, unit, stream=False)
        assert (recorded.arm, recorded.model) == (expected, "writer-2" if expected == "treatment" else "writer")
    await memory.gateway.close()


async def test_a_wedge_goes_by_the_cluster_that_the_call_names() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    today = datetime.now(UTC).date()
    memory = serving(upstream, design="stepped_wedge", steps={"bern": today, "basel": today.replace(year=today.year + 1)})
    found = []
    for cluster in ("bern", "basel", "elsewhere"):
        _, recorded = await call(memory, "unit-1", stream=False, headers={"groundcrew-cluster-id": cluster})
        found.append((recorded.arm, recorded.details.get("cluster"), recorded.details.get("experiment")))
    assert found == [
        ("treatment", "bern", None),
        ("control", "basel", None),
        (None, None, "no step of this cluster"),
    ]
    await memory.gateway.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_cases_that_people_do_get_a_clear_refusal(dialect: str) -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream, variants={"control": Variant(human_only=True)})
    for unit in UNITS:
        response, recorded = await call(memory, unit, dialect, stream=False)
        treated = arm(unit) == "treatment"
        assert response.status == (200 if treated else 409)
        assert recorded.arm == arm(unit), "who is refused is in the control all the same"
        if not treated:
            assert (recorded.status, recorded.error_code) == ("refused", "assigned_to_control")
            assert response.headers["x-should-retry"] == "false"
            assert b"people alone" in response.body
            assert recorded.input_tokens == 0
    asked = len(upstream.requests)
    response, recorded = await call(memory, None, dialect, stream=False)
    assert (response.status, recorded.arm, len(upstream.requests)) == (409, None, asked), "no way round by naming no unit"
    await memory.gateway.close()


async def test_what_refuses_a_call_before_it_exposes_nobody() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    memory.snapshots.change_use_case("demo", run_state="suspended")
    response, recorded = await call(memory, UNITS[0], stream=False)
    assert (response.status, recorded.arm) == (403, None)
    await memory.gateway.close()


async def test_a_stop_of_an_arms_model_stops_that_arm_alone() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    for stopped, refused in (("writer-2", "treatment"), ("writer", "control")):
        memory.snapshots.change(stopped=frozenset({Scope("model", stopped)}))
        for unit in UNITS:
            response, _ = await call(memory, unit, stream=False)
            assert error_of("chat", response) == ("kill_switch" if arm(unit) == refused else None)
    await memory.gateway.close()


async def test_a_variant_needs_a_provider_that_may_see_the_data() -> None:
    upstream = ScriptedUpstream()
    upstream.say("Hello.")
    memory = serving(upstream)
    snapshot = memory.snapshots.current
    narrow = Provider(name="narrow", api="openai", base_url="http://127.0.0.1:9/v1", data_classes=("public",))
    second = Model(name="writer-2", targets=(Target(provider="narrow", model="second-model"),))
    memory.snapshots.change(providers={**snapshot.providers, "narrow": narrow}, models={**snapshot.models, "writer-2": second})
    unit = next(each for each in UNITS if arm(each) == "treatment")
    response, recorded = await call(memory, unit, stream=False)
    assert (error_of("chat", response), recorded.arm) == ("data_class_not_allowed", None)
    await memory.gateway.close()


async def test_an_answer_of_one_arm_is_not_given_again_in_the_other() -> None:
    upstream = ScriptedUpstream()
    memory = serving(upstream, cache=CacheRule(ttl_s=600))
    treated = [each for each in UNITS if arm(each) == "treatment"]
    others = [each for each in UNITS if arm(each) == "control"]
    upstream.say("From the first.")
    await call(memory, others[0], stream=False)
    upstream.say("From the second.")
    await call(memory, treated[0], stream=False)
    asked = len(upstream.requests)
    found = [(await call(memory, unit, stream=False))[1] for unit in (others[1], treated[1], others[2])]
    assert [each.answer for each in found] == ["From the first.", "From the second.", "From the first."]
    assert len(upstream.requests) == asked, "one arm's use of the cache does not clear the other's"
    await memory.gateway.close()
