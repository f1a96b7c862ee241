"""Who may do what: every route names its action, Cedar decides, and a route that names none is denied."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

from groundcrew.domain.user import ROLES
from groundcrew.errors import NotAllowed, NotFound
from groundcrew.web.authentication import NotAuthenticated, Principal

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler

Action = Literal[
    "read",
    "read_call",
    "read_sign_off",
    "identify",
    "evaluate_gate",
    "test_policy",
    "rate",
    "rate_queue",
    "pick_ratings",
    "link_rating",
    "record_outcomes",
    "assign",
    "decide_sign_off",
    "label",
    "recalibrate",
    "attest",
    "request_approval",
    "decide_approval",
    "ramp",
    "recertify",
    "publish_gates",
    "scan_overlaps",
    "stop",
    "resume",
    "drill",
    "advance",
    "demote",
    "register_hypothesis",
    "look",
    "conclude_experiment",
    "approve_knowledge",
    "withdraw_knowledge",
    "submit_job",
    "cancel_job",
    "decide_finding",
    "register_data_set",
    "tune",
    "retire_tuned_model",
    "remove_learned",
    "apply",
    "apply_routes",
    "swap_model",
    "revert_model",
    "manage_keys",
    "manage_users",
    "read_audit",
    "replay_delivery",
    "manage_drift",
    "manage_alerts",
    "open_incident",
    "manage_incident",
    "file_veto",
    "withdraw_veto",
    "request_authority",
    "name_deputies",
    "manage_meeting",
    "attend_meeting",
    "vote",
    "manage_actions",
    "request_resource",
    "release_resource",
    "manage_resources",
    "manage_champions",
    "explore",
    "report_finding",
    "settle_finding",
    "manage_capabilities",
    "settle_overlap",
    "assess_risk",
    "hold_records",
]
ACTIONS: tuple[str, ...] = get_args(Action)
#: What a route names that needs no one to be signed in: signing in, probes, static files.
PUBLIC = "public"
DECISIONS_CACHED_MAX = 4_096

#: The shape that the policies are validated against (in the tests).
SCHEMA = {
    "": {
        "entityTypes": {
            "Role": {},
            "User": {"memberOfTypes": ["Role"]},
            "Key": {"shape": {"type": "Record", "attributes": {"use_case": {"type": "String"}}}},
            "UseCase": {"shape": {"type": "Record", "attributes": {"name": {"type": "String"}}}},
        },
        "actions": {
            action: {"appliesTo": {"principalTypes": ["User", "Key"], "resourceTypes": ["UseCase"]}} for action in ACTIONS
        },
    }
}


@lru_cache(maxsize=1)
def policies() -> str:
    """The text of the shipped policies."""
    return resources.files("groundcrew.web").joinpath("policies.cedar").read_text(encoding="utf-8")


def allowed(principal: Principal | None, action: str, use_case: str | None = None) -> bool:
    """Whether `principal` may do `action`, on `use_case` where it matters. Nobody and unknown actions are denied."""
    if principal is None or action not in ACTIONS:
        return False
    roles = tuple(sorted(set(principal.roles) & set(ROLES)))
    is_agent = principal.user is not None and principal.user.kind == "agent"
    return _decide(principal.kind, roles, is_agent, principal.use_case or "", action, use_case or principal.use_case or "")


def require(principal: Principal | None, action: Action, use_case: str | None = None) -> Principal:
    """`principal` if they may do `action`; NotAllowed otherwise."""
    if principal is None:
        raise NotAuthenticated
    if not allowed(principal, action, use_case):
        raise NotAllowed(_refusal(principal, action))
    return principal


def require_own(principal: Principal, use_case: str, what: str) -> None:
    """Hide what belongs to another use case from a key: NotFound, as if it did not exist."""
    if principal.kind == "key" and principal.use_case != use_case:
        raise NotFound(f"no {what}")


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The app-wide guard: the route's `action` is public, or the principal may do it."""
    action = handler.opt.get("action")
    if action == PUBLIC:
        return
    principal = connection.scope.get("user")
    if not isinstance(principal, Principal):
        raise NotAuthenticated
    if action is None or not allowed(principal, action):
        raise NotAllowed(_refusal(principal, str(action)) if action else f"{principal.actor} may not use this route")


def _refusal(principal: Principal, action: str) -> str:
    """Who may not do what, and for a person the roles that may, so that they know whom to ask."""
    what = f"may not {action.replace('_', ' ')}"
    if principal.kind != "user":
        return f"{principal.actor} {what}"
    if principal.user is not None and principal.user.kind == "agent":
        return f"{principal.name} {what}: it is the account of a program"
    takes = [role for role in ROLES if _decide("user", (role,), False, "", action, "")]
    return f"{principal.name} {what}" + (f": it takes one of {', '.join(takes)}" if takes else "")


@lru_cache(maxsize=DECISIONS_CACHED_MAX)
def _decide(kind: str, roles: tuple[str, ...], is_agent: bool, own: str, action: str, resource: str) -> bool:
    import cedarpy

    # Names are attributes, never part of an entity's id: nothing that a user typed is parsed as Cedar.
    groups = ("anyone", *roles, *(("agent",) if is_agent else ())) if roles else ()
    principal = "User" if kind == "user" else "Key"
    entities: list[dict[Any, Any]] = [
        {
            "uid": {"type": principal, "id": "principal"},
            "attrs": {} if kind == "user" else {"use_case": own},
            "parents": [{"type": "Role", "id": role} for role in groups] if kind == "user" else [],
        },
        {"uid": {"type": "UseCase", "id": "resource"}, "attrs": {"name": resource}, "parents": []},
    ]
    request = {
        "principal": f'{principal}::"principal"',
        "action": f'Action::"{action}"',
        "resource": 'UseCase::"resource"',
        "context": {},
    }
    result = cedarpy.is_authorized(request, policies(), entities)
    return bool(result.allowed) and not result.diagnostics.errors
