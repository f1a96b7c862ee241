"""The ramp: one step at a time on guardrails that held, back at once when one falls, and what the gateway makes of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.exposure import effective_exposure, place_of, share_of
from groundcrew.domain.ramp import RAMP_STEPS, Ramp, RampStep
from groundcrew.domain.snapshot import KeyEntry
from groundcrew.domain.use_case import Exposure, Hold
from groundcrew.errors import Conflict, InputError
from groundcrew.gateway.landing import plan_for
from groundcrew.services.bundle import Services
from groundcrew.services.declared import DeclarationErrors
from groundcrew.testing import FakeClock

WHO = {"actor": "user:maria", "reason": "guardrails hold"}


async def percent(services: Services) -> float:
    ramp = (await services.use_cases.get(bank.NAME)).ramp
    assert ramp is not None
    return ramp.percent


async def test_each_step_needs_its_own_data(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        with pytest.raises(Conflict, match="begins when it enters scale"):
            await services.ramps.step(bank.NAME, **WHO)
        await stages.put_in(services, "scale", percent=5)
        with pytest.raises(Conflict, match="no outcomes since the last step"):
            await services.ramps.step(bank.NAME, **WHO)
        await stages.measure(services, clock, tag="a")
        with pytest.raises(Conflict, match="the next step is 25 %"):
            await services.ramps.step(bank.NAME, to=50, **WHO)
        with pytest.raises(InputError, match="reason"):
            await services.ramps.step(bank.NAME, actor="user:maria", reason=" ")
        stepped = await services.ramps.step(bank.NAME, **WHO)
        assert stepped.ramp is not None
        assert (stepped.ramp.percent, stepped.ramp.steps[-1].figure) == (25, "1 of 1 guardrails hold, 600 units")
        with pytest.raises(Conflict, match="no outcomes since the last step"):
            await services.ramps.step(bank.NAME, **WHO)
        await stages.measure(services, clock, tag="b", days=3)
        with pytest.raises(Conflict, match=r"3\.0 of 7 days"):
            await services.ramps.step(bank.NAME, **WHO)
        assert (await services.ramps.of(bank.NAME)).following == 50
        await services.ramps.step(bank.NAME, actor="user:maria", reason="careful", to=5)
        assert await percent(services) == 5
        entry = (await services.audit.latest(subject=f"use-case/{bank.NAME}", limit=1))[0]
        assert (entry.action, entry.details["to_percent"]) == ("ramp_back", 5)
        assert (await services.audit.verify()).problems == ()


async def test_few_units_and_a_hold_stop_a_step(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "scale", percent=5)
        await stages.measure(services, clock, tag="few", units=20)
        with pytest.raises(Conflict, match="40 of 100 units"):
            await services.ramps.step(bank.NAME, **WHO)
        await stages.put_in(services, "scale", percent=5, holds=(Hold(kind="incident", reason="leak", since=clock.now()),))
        with pytest.raises(Conflict, match="while held: leak"):
            await services.ramps.step(bank.NAME, **WHO)


async def test_a_fallen_guardrail_steps_back_at_once_and_at_the_bottom_serves_nobody(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "scale", percent=25)
        assert await services.ramps.watch() == []
        await stages.measure(services, clock, tag="good")
        assert await services.ramps.watch() == []
        await stages.measure(services, clock, tag="bad", complaints=0.4)
        with pytest.raises(Conflict):
            await services.ramps.step(bank.NAME, **WHO)
        version = await services.snapshots.version()
        assert [each.name for each in await services.ramps.watch()] == [bank.NAME]
        assert await percent(services) == 5
        assert await services.snapshots.version() > version, "gateways hear of it"
        assert await services.ramps.watch() == [], "the same outcomes do not count against the next step"
        await stages.measure(services, clock, tag="worse", complaints=0.4)
        await services.ramps.watch()
        assert await percent(services) == 0
        with pytest.raises(Conflict, match="the gate into scale is closed"):
            await services.ramps.step(bank.NAME, **WHO)
        entry = (await services.audit.latest(subject=f"use-case/{bank.NAME}", limit=1))[0]
        assert (entry.actor, entry.reason) == ("system:ramp", "guardrail fell: complaint")


async def test_demotion_ends_the_ramp(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "scale", percent=50)
        await bank.apply(services, use_cases=[bank.use_case(title="Mail")])
        assert await percent(services) == 50, "a declaration does not touch it"
        await bank.apply(services, use_cases=[bank.use_case(purpose="Answer everything")])
        found = await services.use_cases.get(bank.NAME)
        assert (found.stage, found.ramp) == ("pilot", None)


async def test_who_is_moved_back_serves_no_more_than_the_ramp_began_with(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "scale", percent=50)
        await bank.apply(services, use_cases=[bank.use_case(exposure=Exposure(ceiling_percent=100))])
        await services.use_cases.demote(bank.NAME, "production_readiness", actor="user:maria", reason="complaints")
        moved = await services.use_cases.get(bank.NAME)
        assert effective_exposure(moved) == Exposure(ceiling_percent=RAMP_STEPS[0])
        for wanted in (100, 50):
            with pytest.raises(DeclarationErrors, match="is in production_readiness: lower exposure"):
                await bank.apply(services, use_cases=[bank.use_case(exposure=Exposure(ceiling_percent=wanted))])


def at(percent: float, exposure: Exposure | None, stage: str = "scale") -> object:
    clock = FakeClock()
    ramp = Ramp(steps=(RampStep(percent=percent, at=clock.now(), by="x", reason="x"),))
    return msgspec.structs.replace(bank.use_case(exposure=exposure), stage=stage, ramp=ramp)


@given(
    declared=st.one_of(st.none(), st.floats(0.1, 100)),
    low=st.sampled_from((0.0, *RAMP_STEPS)),
    high=st.sampled_from(RAMP_STEPS),
    users=st.lists(st.text(min_size=1, max_size=8), max_size=20),
)
def test_the_gateway_serves_the_lower_of_ceiling_and_ramp_and_a_step_up_loses_nobody(
    declared: float | None, low: float, high: float, users: list[str]
) -> None:
    low, high = min(low, high), max(low, high)
    exposure = None if declared is None else Exposure(ceiling_percent=declared)
    key = KeyEntry(id="k", use_case=bank.NAME, expires_at_s=2e9)
    ceiling = 100.0 if declared is None else declared

    def served(percent: float) -> set[str]:
        share = plan_for(at(percent, exposure), key).share  # type: ignore[arg-type]
        return {user for user in users if share is None or place_of(bank.NAME, user) < share}

    assert served(low) <= served(high)
    wanted = min(ceiling, high)
    assert served(high) == {user for user in users if wanted >= 100 or place_of(bank.NAME, user) < share_of(wanted)}


def test_named_users_stay_named_and_before_scale_the_declared_exposure_holds() -> None:
    named = Exposure(ceiling_percent=80, users=frozenset({"anna"}))
    assert effective_exposure(at(25, named)) == Exposure(ceiling_percent=25, users=frozenset({"anna"}))  # type: ignore[arg-type]
    assert effective_exposure(at(25, named, "pilot")) == named  # type: ignore[arg-type]
    only = Exposure(users=frozenset({"anna"}))
    assert effective_exposure(at(100, only)) == only  # type: ignore[arg-type]
