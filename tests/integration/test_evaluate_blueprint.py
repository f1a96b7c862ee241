"""The blueprint's suite on the blueprint's knowledge, with the embedded provider, without a server and without a key."""

from __future__ import annotations

from pathlib import Path

from tests.integration.server import groundcrew

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "bank-email"


def test_the_suite_of_the_blueprint_runs(tmp_path: Path) -> None:
    place = ("--data", tmp_path / "data")
    applied = groundcrew("apply", BLUEPRINT, *place)
    assert "EvaluationSuite bank-email-core" in applied.out, applied.err
    revision = groundcrew("knowledge", "add", "bank-policies", BLUEPRINT / "knowledge", "--json", *place).json()["id"]
    groundcrew("knowledge", "approve", "bank-policies", revision, *place)
    ran = groundcrew("eval", "run", "bank-email-core", "--fail-under", "grounded=0.6", "--json", *place)
    assert ran.status == 0, ran.out[-2_000:] + ran.err
    found = ran.json()
    assert found["report"]["is_whole"]
    assert found["report"]["spent_usd"] == 0
    figures = {each["name"]: each["interval"] for each in found["report"]["figures"]["figures"]}
    assert figures["behaves"]["estimate"] >= 0.6
    assert figures["contains"]["estimate"] >= 0.6
    assert figures["excludes"]["estimate"] == 1.0
    declined = {"eval-none-weather", "eval-none-recipe"}
    assert not declined & {each["case_id"] for each in found["report"]["figures"]["worst"]}
