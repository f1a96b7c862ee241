"""Re-certification: what lapses is warned of, held, and demoted in the end; what is renewed stays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.certification import HOLD_DAYS, VALID_DAYS_HIGH, VALID_DAYS_OTHERS, WARNING_DAYS
from groundcrew.errors import Conflict, GateNotPassed
from groundcrew.services.bundle import Services
from groundcrew.store import catalog

LONGER = bank.DAY_S * 0.01


async def state(services: Services) -> str:
    found = await services.certifications.of(bank.NAME)
    return found.state if found is not None else "none"


async def test_from_a_lapse_to_the_stage_below(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        assert await services.certifications.keep() == []
        found = await services.certifications.of(bank.NAME)
        assert found is not None
        assert found.valid_until is not None
        assert (found.state, (found.valid_until - clock.now()).days) == ("certified", VALID_DAYS_OTHERS)
        await bank.apply(services, use_cases=[bank.use_case(prompt="Answer.")])
        assert [each.state for each in await services.certifications.keep()] == ["warning"]
        found = await services.certifications.of(bank.NAME)
        assert found is not None
        assert "the version has changed" in found.reasons[0]
        assert any("groundcrew probe" in each for each in found.reasons), "it says what must be renewed, and how"
        assert (await services.use_cases.get(bank.NAME)).holds == ()
        clock.advance(WARNING_DAYS * bank.DAY_S + LONGER)
        await services.certifications.keep()
        held = await services.use_cases.get(bank.NAME)
        assert [each.kind for each in held.holds] == ["evidence"]
        with pytest.raises((Conflict, GateNotPassed)):
            await services.use_cases.advance(bank.NAME, "production_readiness", actor="user:maria", reason="go on")
        assert await services.certifications.keep() == [], "once is enough"
        clock.advance(HOLD_DAYS * bank.DAY_S + LONGER)
        await services.certifications.keep()
        down = await services.use_cases.get(bank.NAME)
        assert (down.stage, down.holds) == ("discovery", ())
        entry = (await services.audit.latest(subject=f"use-case/{bank.NAME}", limit=1))[0]
        assert (entry.actor, entry.action) == ("system:certification", "demote")
        assert "14 days of warning and 14 of hold" in entry.reason
        assert (await services.audit.verify()).problems == ()


async def test_renewing_in_time_lifts_the_hold(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.apply(services, use_cases=[bank.use_case(prompt="Answer.")])
        await services.certifications.keep()
        clock.advance(WARNING_DAYS * bank.DAY_S + LONGER)
        await services.certifications.keep()
        refused = await services.certifications.recertify(bank.NAME, actor="user:maria")
        assert (refused.evaluation.passed, refused.certification.state) == (False, "held")
        await bank.record_entry_evidence(services)
        renewed = await services.certifications.recertify(bank.NAME, actor="user:maria")
        assert (renewed.evaluation.passed, renewed.certification.state) == (True, "certified")
        assert (await services.use_cases.get(bank.NAME)).holds == ()
        assert await services.certifications.keep() == []


async def test_what_passes_again_is_renewed_by_itself(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await services.certifications.keep()
        clock.advance((VALID_DAYS_OTHERS - 1) * bank.DAY_S)
        assert await state(services) == "warning", "the drill has expired by then"
        await bank.approve_knowledge(services, bank.REVISION)
        await bank.record_entry_evidence(services)
        assert await state(services) == "due_soon"
        clock.advance(bank.DAY_S + LONGER)
        kept = await services.certifications.keep()
        assert [(each.state, each.certified_at) for each in kept] == [("certified", clock.now())]
        evaluation = (await services.gates.evaluations(bank.NAME, limit=1))[0]
        assert (evaluation.stage, evaluation.passed) == ("pilot", True)


async def test_revoked_evidence_is_a_lapse_and_other_valid_evidence_of_its_kind_heals_it(
    sqlite_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await services.certifications.keep()
        async with services.database.write(bank.PERSON) as writer:
            for each in await catalog.EVIDENCE.find(writer.connection, use_case=bank.NAME, kind="kill_switch_drill"):
                await catalog.EVIDENCE.put(writer, msgspec.structs.replace(each, state="revoked"), "revoke")
        assert await state(services) == "warning"
        await bank.record_entry_evidence(services)
        assert await state(services) != "warning"


async def test_the_high_tier_is_certified_for_half_as_long(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.apply(services, use_cases=[bank.use_case(risk_answers={"decides_credit": True})])
        clock.advance((VALID_DAYS_HIGH - 1) * bank.DAY_S)
        assert await state(services) == "due_soon"
        clock.advance(bank.DAY_S + LONGER)
        found = await services.certifications.of(bank.NAME)
        assert found is not None
        assert found.state == "warning"
        assert "which was valid until" in found.reasons[0]


async def test_a_stage_without_any_passed_evaluation_is_warned_of(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("pilot", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.put_in(services, "scale", percent=5)
        (found,) = await services.certifications.keep()
        assert (found.state, found.reasons[0]) == ("warning", "no passed evaluation of this stage is on record")
        clock.advance((WARNING_DAYS + HOLD_DAYS) * bank.DAY_S + LONGER)
        await services.certifications.keep()
        down = await services.use_cases.get(bank.NAME)
        assert (down.stage, down.ramp) == ("production_readiness", None)
        await services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="x")
        with pytest.raises(Conflict, match="from pilot on"):
            await services.certifications.recertify(bank.NAME, actor="user:maria")
