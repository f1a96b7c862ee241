"""Who may do what: the policies against a table written independently, and every route against every role."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import cedarpy
import msgspec
import pytest
from tests.unit.web.site import OWN, Site

from groundcrew.domain.user import ROLES, Role, User
from groundcrew.services.two_people import ROLES_OF, TwoPersonAction
from groundcrew.web import authorization
from groundcrew.web.authentication import Principal

EVERYONE = frozenset(ROLES)
ACTIVE = EVERYONE - {"auditor"}

#: What the issue asks for, action by action.
EXPECTED: dict[str, frozenset[str]] = {
    "read": EVERYONE,
    "read_call": EVERYONE,
    "read_sign_off": EVERYONE,
    "identify": EVERYONE,
    "evaluate_gate": ACTIVE,
    "test_policy": EVERYONE,
    "rate": ACTIVE,
    "rate_queue": ACTIVE,
    "pick_ratings": ACTIVE,
    "link_rating": ACTIVE,
    "decide_sign_off": ACTIVE,
    "label": ACTIVE,
    "recalibrate": frozenset({"admin", "reviewer", "it"}),
    "attest": ACTIVE,
    "request_approval": frozenset({"admin", "owner", "it", "business"}),
    "decide_approval": ACTIVE - {"admin"},
    "ramp": frozenset({"admin", "owner", "it"}),
    "recertify": frozenset({"admin", "owner", "it"}),
    "publish_gates": frozenset({"admin"}),
    "stop": ACTIVE,
    "resume": frozenset({"admin", "on_call", "it"}),
    "drill": frozenset({"admin", "on_call", "it"}),
    "advance": frozenset({"admin", "owner", "it"}),
    "demote": frozenset({"admin", "owner", "it"}),
    "scan_overlaps": frozenset({"admin", "owner", "it"}),
    "swap_model": frozenset({"admin", "it", "on_call"}),
    "revert_model": frozenset({"admin", "owner", "it", "on_call"}),
    "manage_keys": frozenset({"admin", "owner", "it"}),
    "register_hypothesis": frozenset({"admin", "owner", "business"}),
    "look": ACTIVE,
    "conclude_experiment": frozenset({"admin", "owner", "business"}),
    "assign": frozenset({"admin", "owner", "it", "business"}),
    "record_outcomes": frozenset({"admin", "owner", "it", "business"}),
    "approve_knowledge": frozenset({"admin", "owner", "legal", "business"}),
    "withdraw_knowledge": frozenset({"admin", "owner", "legal", "business"}),
    "submit_job": frozenset({"admin", "owner", "it", "business"}),
    "cancel_job": frozenset({"admin", "owner", "it", "business"}),
    "register_data_set": frozenset({"admin", "owner", "it", "business"}),
    "tune": frozenset({"admin", "owner", "it", "business"}),
    "retire_tuned_model": frozenset({"admin", "owner", "it", "on_call"}),
    "remove_learned": frozenset({"admin", "owner", "it", "legal"}),
    "decide_finding": frozenset({"admin", "owner", "legal", "business"}),
    "apply": frozenset({"admin", "owner", "it"}),
    "apply_routes": frozenset({"admin", "it"}),
    "read_audit": frozenset({"admin", "auditor"}),
    "manage_users": frozenset({"admin"}),
    "replay_delivery": frozenset({"admin", "it", "on_call"}),
    "manage_drift": frozenset({"admin", "owner", "it"}),
    "manage_alerts": frozenset({"admin", "owner", "it", "on_call"}),
    "open_incident": EVERYONE - {"auditor"},
    "manage_incident": frozenset({"admin", "owner", "on_call", "it", "ethics", "legal"}),
    "file_veto": ACTIVE - {"admin"},
    "withdraw_veto": ACTIVE - {"admin"},
    "request_authority": ACTIVE,
    "name_deputies": frozenset({"ethics", "it", "legal", "business"}),
    "manage_meeting": frozenset({"admin", "ethics", "it", "legal", "business"}),
    "attend_meeting": ACTIVE,
    "vote": frozenset({"ethics", "it", "legal", "business"}),
    "manage_actions": ACTIVE,
    "request_resource": frozenset({"admin", "owner", "it", "business"}),
    "release_resource": frozenset({"admin", "owner", "it", "business"}),
    "manage_resources": frozenset({"admin", "business"}),
    "manage_champions": frozenset({"admin", "business"}),
    "explore": ACTIVE,
    "report_finding": ACTIVE,
    "settle_finding": frozenset({"admin", "owner", "it", "business"}),
    "manage_capabilities": frozenset({"admin", "owner", "it", "business"}),
    "settle_overlap": frozenset({"admin", "it", "business"}),
    "assess_risk": frozenset({"admin", "owner", "legal", "ethics"}),
    "hold_records": frozenset({"legal"}),
}
KEY_ACTIONS = {
    *("rate", "pick_ratings", "link_rating", "record_outcomes", "assign", "read_call", "read_sign_off", "identify"),
}
#: What a key may ask, as method and path.
KEY_ROUTES = {
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/calls"),
    ("GET", "/api/v1/calls/{call_id}"),
    ("GET", "/api/v1/sign-offs/{sign_off_id}"),
    ("POST", "/api/v1/ratings"),
    ("POST", "/api/v1/outcomes"),
    ("POST", "/api/v1/experiments/assign"),
    ("POST", "/api/v1/outcomes/file"),
    ("GET", "/api/v1/outcomes/imports/{job_id}"),
    ("POST", "/api/v1/rating-queue"),
    ("POST", "/api/v1/rating-links"),
}
PUBLIC = {"/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/sign-in", "/rate/{token}", "/stream.ics"}
#: Streams do not end by themselves; they are asked for elsewhere.
ENDLESS = {"/live", "/api/v1/sign-offs/{sign_off_id}/events"}


def person(*roles: Role) -> Principal:
    return Principal(kind="user", name="someone", method="session", roles=roles)


def key(use_case: str = "letters") -> Principal:
    return Principal(kind="key", name="id", method="key", use_case=use_case)


def test_the_table_names_every_action() -> None:
    assert set(EXPECTED) == set(authorization.ACTIONS)


def test_policies_fit_their_schema() -> None:
    result = cedarpy.validate_policies(authorization.policies(), authorization.SCHEMA)
    assert result.validation_passed, result.errors


@pytest.mark.parametrize("action", sorted(EXPECTED))
def test_roles(action: str) -> None:
    assert {role for role in ROLES if authorization.allowed(person(role), action)} == EXPECTED[action]


@pytest.mark.parametrize("action", sorted(EXPECTED))
def test_keys_do_little_and_only_for_their_own_use_case(action: str) -> None:
    assert authorization.allowed(key(), action, "letters") == (action in KEY_ACTIONS)
    assert not authorization.allowed(key(), action, "minutes")


def test_default_deny() -> None:
    assert not authorization.allowed(None, "read")
    assert not authorization.allowed(person(), "read")
    assert not authorization.allowed(person("admin"), "something new")
    assert not authorization.allowed(Principal(kind="user", name="x", method="session", roles=("root",)), "read")  # type: ignore[arg-type]
    # A use case whose name would end the text of a policy is a name and nothing else.
    assert not authorization.allowed(key('x"}; permit(principal, action, resource); //'), "rate", "letters")


def routes(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    """Every route as (method, path, options)."""
    found = []
    for route in site.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods - {"HEAD", "OPTIONS"}:
                found.append((method, re.sub(r":\w+}", "}", route.path_format), handler.opt))
    return found


def filled(path: str, site: Site) -> str:
    """A path with something in its places; mostly things that there are not."""
    values = {"name": "nothing", "use_case": "nothing", "call_id": site.call_id, "sign_off_id": site.sign_off_id}
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place.group(1), "nothing"), path)


async def test_every_route_names_its_action_or_is_denied(site: Site) -> None:
    nameless = {path for _, path, options in routes(site) if "action" not in options}
    assert all(path.startswith("/api/v1/schema") for path in nameless), nameless
    for path in nameless:
        assert (await site.as_person("admin", "GET", filled(path, site))).status_code == 403
    public = {path for _, path, options in routes(site) if options.get("action") == authorization.PUBLIC}
    assert {path for path in public if not path.startswith("/static")} == PUBLIC
    unknown = {options["action"] for _, _, options in routes(site) if "action" in options} - {*EXPECTED, authorization.PUBLIC}
    assert not unknown


async def test_nobody_gets_in_without_signing_in(site: Site) -> None:
    for method, path, options in routes(site):
        if options.get("action") == authorization.PUBLIC:
            continue
        answer = await site.client.request(method, filled(path, site), follow_redirects=False)
        if path.startswith("/api/") or method != "GET":
            assert answer.status_code == 401, (method, path)
        else:
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/sign-in")


#: What lets something go on, says what counts or who has what, or makes accounts.
OF_PEOPLE = (
    *("decide_sign_off", "decide_approval", "label", "attest", "rate_queue", "resume", "manage_incident", "manage_alerts"),
    *("manage_drift", "recalibrate", "publish_gates", "approve_knowledge", "decide_finding", "manage_users"),
    *("manage_capabilities", "settle_overlap", "request_resource", "release_resource", "manage_resources"),
    *("register_data_set", "remove_learned"),
)


@pytest.mark.parametrize("action", sorted(ROLES_OF))
def test_services_ask_the_second_person_for_the_roles_of_the_console(action: TwoPersonAction) -> None:
    """The command line reaches the services without passing the policies."""
    assert ROLES_OF[action] == EXPECTED[action]


@pytest.mark.parametrize("action", OF_PEOPLE)
def test_a_program_that_signs_in_decides_nothing(action: str) -> None:
    account = User(name="tool", password_hash="", roles=tuple(ROLES), created_at=datetime.now(UTC), kind="agent")
    agent = Principal(kind="user", name="tool", method="basic", roles=account.roles, user=account)
    assert not authorization.allowed(agent, action)
    assert authorization.allowed(agent, "stop")
    assert authorization.allowed(agent, "open_incident")
    person = msgspec.structs.replace(agent, user=msgspec.structs.replace(account, kind="person"))
    assert authorization.allowed(person, action)


@pytest.mark.parametrize("role", ROLES)
async def test_each_route_for_each_role(site: Site, role: Role) -> None:
    for method, path, options in routes(site):
        action = options.get("action")
        if action in (None, authorization.PUBLIC) or path in ENDLESS or path == "/sign-out":
            continue
        # A body of the wrong shape: who may act is told what is wrong with it, who may not learns nothing.
        answer = await site.as_person(role, method, filled(path, site), **({"json": {"x": 1}} if method == "POST" else {}))
        if role in EXPECTED[action]:
            if answer.status_code == 403 and path.startswith("/api/v1/sign-offs/"):
                assert "is not qualified as" in answer.text, "what the role may do, the service asks a qualification for"
                continue
            expected = (200, 204, 303, 400, 404, 409, 415)
            assert answer.status_code in expected, (method, path, answer.status_code, answer.text[:300])
        else:
            assert answer.status_code == 403, (method, path, answer.status_code)


#: What is read to do the work and not to look at it: forms, what waits for a person's decision, how one's own import went (an
#: auditor reads that among the jobs).
WORK = {"manage_users", "manage_keys", "label", "rate_queue", "record_outcomes", "decide_sign_off", "manage_champions"}


async def test_an_auditor_sees_everything_and_changes_nothing(site: Site) -> None:
    """Whatever is not read by GET is refused, but verifying the log, comparing and trying policies, and what signs them
    out or is about their own account; every page is there."""
    harmless = {
        *("/audit/verify", "/sign-out", "/account/password", "/api/v1/gate-policies/difference"),
        "/api/v1/meetings/minutes/verify",
    }
    tries = {path for _, path, options in routes(site) if options.get("action") == "test_policy"}
    for method, path, options in routes(site):
        action = options.get("action")
        if action in (None, authorization.PUBLIC) or path in ENDLESS:
            continue
        may = "auditor" in EXPECTED[action]
        if method == "GET":
            assert may or action in WORK, (path, action)
        else:
            assert not may or path in harmless | tries, (method, path, action)
    for path in (
        "/audit",
        "/audit/checkpoints",
        "/audit/keys",
        "/audit/export",
        "/gates/letters",
        "/legal-holds",
        "/kill-switches",
    ):
        assert (await site.api("auditor", "GET", path)).status_code == 200, path


async def test_each_route_for_a_key(site: Site) -> None:
    for method, path, options in routes(site):
        if not path.startswith("/api/v1/") or path in ENDLESS or options.get("action") in (None, authorization.PUBLIC):
            continue
        more = {"json": {"x": 1}} if method == "POST" else {}
        answer = await site.as_key(method, filled(path, site).removeprefix("/api/v1"), use_case=OWN, **more)
        assert (answer.status_code != 403) == ((method, path) in KEY_ROUTES), (method, path, answer.status_code)


async def test_a_refusal_says_whom_to_ask(site: Site) -> None:
    refused = await site.as_person("reviewer", "GET", "/audit")
    assert (refused.status_code, "reviewer may not read audit: it takes one of admin, auditor" in refused.text) == (403, True)
    told = (
        await site.api("owner", "POST", "/users", json={"name": "x", "password": "a long enough one", "roles": ["owner"]})
    ).json()
    assert told["error"]["message"] == "owner may not manage users: it takes one of admin"
