"""Guards in API and console: findings without texts, policies, and a policy tried on labelled texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.web.site import OTHER, OWN, Site, call

from groundcrew.domain.call import GuardResult
from groundcrew.services import declarations

POLICY = """
kind: Policy
name: keys
guards:
  - {guard: secrets, on: [output], mode: enforce, action: refuse}
  - {guard: pii, on: [input], mode: monitor}
"""
SECRET = "AKIA" + "IOSFODNN7EXAMPLA"
ROWS = [
    {"id": 1, "text": f"the key is {SECRET}", "label": "block", "kind": "cloud"},
    {"id": 2, "text": "nothing to see", "label": "pass", "kind": "plain"},
]


def result(**fields: object) -> GuardResult:
    return GuardResult(
        **{"guard": "secrets", "place": "output", "verdict": "pass", "action": "allow", "mode": "enforce", **fields}
    )  # type: ignore[arg-type]


@pytest.fixture
async def policy(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    await site.services.registry.apply(declarations.load([path]), actor="user:test")


async def test_policies_are_read(site: Site, policy: None) -> None:
    listed = (await site.api("auditor", "GET", "/policies")).json()
    assert [each["name"] for each in listed] == ["keys"]
    assert (await site.api("auditor", "GET", "/policies/keys")).json()["guards"][0]["guard"] == "secrets"
    assert (await site.api("auditor", "GET", "/policies/none")).status_code == 404
    assert (await site.as_key("GET", "/policies")).status_code == 403
    page = await site.as_person("auditor", "GET", "/guards")
    assert page.status_code == 200
    assert "/guards/keys" in page.text
    assert "the call is refused" in (await site.as_person("auditor", "GET", "/guards/keys")).text
    assert (await site.as_person("auditor", "GET", "/guards/none")).status_code == 404


async def test_a_site_without_policies_says_how_to_begin(site: Site) -> None:
    page = (await site.as_person("owner", "GET", "/guards")).text
    assert "No policy is declared" in page
    assert "No guard has run" in page


async def test_findings_and_counts(site: Site) -> None:
    blocked = call(
        status="refused", guards=(result(verdict="block", action="refuse", types={"SECRET": 1}, score=1.0, latency_ms=2.0),)
    )
    await site.services.calls.ship(
        [
            blocked,
            call(guards=(result(), result(guard="pii", place="input", verdict="flag", action="redact", types={"EMAIL": 2}))),
            call(use_case=OTHER, guards=(result(verdict="failed", reason="no verdict within 5 ms"),)),
            call(sample=True, guards=(result(verdict="block", action="refuse"),)),
        ],
        gateway="test",
    )
    found = (await site.api("auditor", "GET", "/guard-findings")).json()
    assert found["findings_total"] == 4
    counts = {(each["guard"], each["place"]): each for each in found["counts"]}
    secrets = counts["secrets", "output"]
    assert (secrets["runs"], secrets["blocked"], secrets["failed"], secrets["acted"]) == (3, 1, 1, 1)
    assert secrets["act_rate"]["n"] == 2
    assert counts["pii", "input"]["masked"] == 1
    own = (await site.api("auditor", "GET", f"/guard-findings?use_case={OTHER}&guard=secrets&limit=1")).json()
    assert [each["use_case"] for each in own["findings"]] == [OTHER]
    assert (await site.api("auditor", "GET", "/guard-findings?limit=0")).status_code == 400
    page = (await site.as_person("auditor", "GET", f"/guards?use_case={OWN}&guard=secrets")).text
    assert f"/calls/{blocked.id}" in page
    assert "SECRET 1" in page
    assert "no verdict within" not in page


async def test_a_policy_is_tried(site: Site, policy: None) -> None:
    answer = await site.api("auditor", "POST", "/policies/keys/test", json={"rows": ROWS, "by": "kind"})
    assert answer.status_code == 200
    report = answer.json()
    assert (report["blocked"]["caught"], report["blocked"]["wrong"]) == (1, 0)
    assert [each["value"] for each in report["groups"]] == ["cloud", "plain"]
    assert SECRET not in answer.text
    for wrong in ({"rows": []}, {"rows": [{"id": 1}]}, {"rows": ROWS, "place": "attic"}, {"rows": ROWS, "place": "passages"}, {}):
        assert (await site.api("owner", "POST", "/policies/keys/test", json=wrong)).status_code == 400, wrong
    assert (await site.api("owner", "POST", "/policies/none/test", json={"rows": ROWS})).status_code == 404
    assert (await site.as_key("POST", "/policies/keys/test", json={"rows": ROWS})).status_code == 403


async def test_the_form_tries_a_policy(site: Site, policy: None) -> None:
    rows = "\n".join(json.dumps(each) for each in ROWS)
    page = await site.as_person("owner", "POST", "/guards/keys/test", data={"rows": rows, "place": "output", "by": "kind"})
    assert page.status_code == 200
    results = page.text.split('id="results"')[1].split("</section>")[0]
    assert "1.000" in results
    assert "cloud" in results
    assert "Every row went as its label says." in page.text
    for wrong, said in (("{", "rows:1: is not JSON"), ("\n[]", "rows:2: is no JSON object"), ('{"id": 1, "text": "x"}', "label")):
        answer = await site.as_person("owner", "POST", "/guards/keys/test", data={"rows": wrong, "place": "output"})
        assert answer.status_code == 400
        assert said in answer.text
