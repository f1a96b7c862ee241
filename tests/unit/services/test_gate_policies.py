"""Policies of gates: immutable once published, stricter freely, looser with a reason, an empty one denies."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.gate import Criterion, GatePolicy, policy_digest
from groundcrew.errors import GateNotPassed, InputError
from groundcrew.services.declared import DeclarationErrors
from groundcrew.services.gate_policies import load_policies, looser
from groundcrew.services.gates import default_policies

DEFAULTS = {each.stage: each for each in default_policies()}
ADMIN = {"actor": "user:admin"}


def changed(key: str, **settings: object) -> GatePolicy:
    policy = DEFAULTS["pilot"]
    criteria = tuple(
        msgspec.structs.replace(each, settings=each.settings | settings) if each.key == key else each for each in policy.criteria
    )
    return msgspec.structs.replace(policy, criteria=criteria)


async def test_publishing_makes_the_next_version_and_leaves_the_old_one(
    database_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    clock = prepared.copy("ready", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        stricter = changed("kill_switch", seconds_max=1)
        (difference,) = await services.gate_policies.difference([stricter])
        assert (difference.looser, len(difference.changes)) == ((), 1)
        (made,) = await services.gate_policies.publish([stricter], **ADMIN)
        assert (made.version, made.state) == (DEFAULTS["pilot"].version + 1, "published")
        old, new = await services.gate_policies.find("pilot", all_versions=True)
        assert (old.state, old.criteria, policy_digest(old)) == (
            "superseded",
            DEFAULTS["pilot"].criteria,
            policy_digest(DEFAULTS["pilot"]),
        )
        assert new == made
        assert await services.gate_policies.publish([stricter], **ADMIN) == [], "what is in force is not published again"
        evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="pilot")
        assert (evaluation.policy_version, evaluation.policy_digest) == (made.version, policy_digest(made))
        assert (await services.audit.verify()).problems == ()


async def test_looser_takes_a_reason_and_an_empty_policy_denies(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        slow = changed("kill_switch", seconds_max=60)
        with pytest.raises(InputError, match=r"reason: .*kill_switch\.seconds_max is 60, the default is 5"):
            await services.gate_policies.publish([slow], **ADMIN)
        (made,) = await services.gate_policies.publish([slow], **ADMIN, reason="satellite links")
        assert made.reason == "satellite links"
        entry = (await services.audit.latest(subject=f"gate-policy/pilot@{made.version:06d}", limit=1))[0]
        assert (entry.reason, entry.details["looser"]) == (
            "satellite links",
            ["kill_switch.seconds_max is 60, the default is 5"],
        )
        empty = GatePolicy(stage="pilot", version=0, state="draft", criteria=())
        with pytest.raises(InputError, match="is not asked for"):
            await services.gate_policies.publish([empty], **ADMIN)
        await services.gate_policies.publish([empty], **ADMIN, reason="all doors open?")
        with pytest.raises(GateNotPassed):
            await services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="nothing is asked for")


def test_what_counts_as_looser() -> None:
    assert looser(DEFAULTS["pilot"], DEFAULTS["pilot"]) == []
    assert looser(changed("phi_probes", probes_min=40), DEFAULTS["pilot"]) == []
    assert looser(changed("phi_probes", probes_min=1), DEFAULTS["pilot"]) != []
    assert looser(changed("champion", use_cases_max=None), DEFAULTS["pilot"]) != []
    assert looser(changed("overlaps", whatever=True), DEFAULTS["pilot"]) != []
    other = tuple(msgspec.structs.replace(each, check="declared") for each in DEFAULTS["pilot"].criteria)
    assert len(looser(msgspec.structs.replace(DEFAULTS["pilot"], criteria=other), DEFAULTS["pilot"])) == len(other)
    scale = DEFAULTS["scale"]
    worse = tuple(
        msgspec.structs.replace(each, settings={"grade_min": "D"}) if each.check == "evidence_grade" else each
        for each in scale.criteria
    )
    assert looser(msgspec.structs.replace(scale, criteria=worse), scale) == ["evidence_grade.grade_min is D, the default is C"]


def test_a_file_becomes_policies_or_names_each_place(tmp_path: Path) -> None:
    file = tmp_path / "gates.yaml"
    file.write_text(
        "kind: GatePolicy\nstage: discovery\ncriteria:\n"
        "  - {key: declared, title: Who and what, check: declared}\n"
        "  - {key: budget, check: token_budget, settings: {}}\n"
    )
    (policy,) = load_policies(file)
    assert policy.criteria == (
        Criterion(key="declared", title="Who and what", check="declared"),
        Criterion(key="budget", title="Budget", check="token_budget"),
    )
    file.write_text(
        "stage: moon\ncriteria: [{key: a, check: x, settings: 3}, {key: a, check: ramp, settings: {steps: [50, 5]}}]\n"
    )
    with pytest.raises(DeclarationErrors) as raised:
        load_policies(file)
    said = "\n".join(map(str, raised.value.errors))
    for place in ("stage: expected one of", "settings: expected a mapping", "steps climb", "a key of its own"):
        assert place in said
