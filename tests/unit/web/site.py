"""A control plane to test: an embedded database, one person for each role, two use cases, their keys and a call."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from argon2 import PasswordHasher
from litestar import Litestar

from groundcrew.domain.call import Call
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.user import ROLES, Role, User
from groundcrew.services import declarations, users
from groundcrew.services.bundle import Services, open_services
from groundcrew.web.app import create_web
from groundcrew.web.authentication import SESSION_COOKIE, Principal
from groundcrew.web.live import LiveEvents

PASSWORD = "correct horse battery"
OWN, OTHER = "letters", "minutes"
DATABASE = "groundcrew.db"

DECLARATION = """
kind: Provider
name: extractive
api: extractive
data_classes: [public, internal]
---
kind: Model
name: writer
targets: [{provider: extractive, model: extractive}]
---
kind: KnowledgeBase
name: rules
owner: desk@bank.example
---
kind: UseCase
name: letters
title: Letters
owner: maria@bank.example
champion: luca@bank.example
business_unit: service
purpose: Answer letters
affected_persons: customers
solution: product
autonomy: draft_and_sign_off
data_classes: [internal]
model: writer
grounding: {knowledge: rules}
sign_off: {when: always, qualification: service-agent}
hypothesis: {plan: plan.yaml}
---
kind: UseCase
name: minutes
title: Minutes
owner: petra@bank.example
business_unit: it
purpose: Write minutes
affected_persons: employees
solution: product
autonomy: assist
data_classes: [internal]
model: writer
"""

PLAN = """
name: handle-time
unit: ticket
arms: {control: human, treatment: assistant}
duration_days: 28
planned_n: 1200
metrics:
  - {name: handle_time, role: success, kind: mean, direction: decrease, unit: s, mde: 180,
     baseline: {mean: 900, sd: 540, n: 400, days: 30, source: tickets}}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.02,
     baseline: {mean: 0.02, n: 400, days: 30, source: register}}
"""


_KEPT = tempfile.TemporaryDirectory(prefix="groundcrew-site-")
_FILLED: list[Filling] = []


class Filling:
    """What was put into the database: secrets by use case, sessions by role, ids."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.key_ids: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.call_id = ""
        self.sign_off_id = ""


class Site:
    """The running control plane and short ways to ask it."""

    def __init__(self, services: Services, app: Litestar, client: httpx.AsyncClient, live: LiveEvents, filling: Filling) -> None:
        self.services, self.app, self.client, self.live = services, app, client, live
        # This test's own: what it adds or replaces is in its own database alone.
        self.secrets, self.key_ids, self.sessions = dict(filling.secrets), dict(filling.key_ids), dict(filling.sessions)
        self.call_id, self.sign_off_id = filling.call_id, filling.sign_off_id

    async def as_key(self, method: str, path: str, *, use_case: str = OWN, **more: Any) -> Any:
        """Ask the API with a use case's key."""
        headers = {"Authorization": f"Bearer {self.secrets[use_case]}", **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    async def as_person(self, role: str, method: str, path: str, **more: Any) -> Any:
        """Ask with the session of the person who has only this role; forms carry their token as a field, others in a header."""
        secret = self.sessions[role]
        headers = {"Cookie": f"{SESSION_COOKIE}={secret}", **more.pop("headers", {})}
        if "data" in more:
            more["data"] = {**more["data"], "csrf_token": csrf_token(secret)}
        else:
            headers["x-csrf-token"] = csrf_token(secret)
        self.client.cookies.clear()
        return await self.client.request(method, path, headers=headers, follow_redirects=False, **more)

    async def api(self, role: str, method: str, path: str, **more: Any) -> Any:
        """Ask the API as a person."""
        return await self.as_person(role, method, f"/api/v1{path}", **more)


def csrf_token(session: str) -> str:
    """The token that the forms of a session carry."""
    return Principal(kind="user", name="x", method="session", session=session).csrf_token


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def user_name(role: Role) -> str:
    """The account with this role: each is called like its role."""
    return role.replace("_", "-")


@asynccontextmanager
async def running_site(folder: Path, *, database_url: str | None = None) -> AsyncIterator[Site]:
    """A site with everything in place. Passwords are hashed cheaply: their cost is argon2's concern, not these tests'.

    Without a URL it stands on a copy of one embedded database that is filled once.
    """
    users._hasher = lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    if database_url is not None:
        services = await open_services(database_url, folder)
        filling = await _fill(services, folder)
    else:
        filling = await _copy_of_filled(folder)
        services = await open_services(f"sqlite:///{folder / DATABASE}", folder)
    live = LiveEvents()

    async def readiness() -> dict[str, dict[str, Any]]:
        return {"database": {"ok": True}, "snapshot": {"ok": True, "age_s": 0.2}, "spool": {"ok": True}}

    app = create_web(services, gateway_metrics=lambda: b"groundcrew_calls_total 1\n", readiness=readiness, live=live)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local", follow_redirects=True) as client:
            yield Site(services, app, client, live, filling)
    finally:
        await services.database.close()


async def _copy_of_filled(folder: Path) -> Filling:
    if not _FILLED:
        source = Path(_KEPT.name)
        services = await open_services(f"sqlite:///{source / DATABASE}", source)
        _FILLED.append(await _fill(services, source))
        await services.database.close()
    shutil.copytree(_KEPT.name, folder, dirs_exist_ok=True)
    return _FILLED[0]


async def _fill(services: Services, folder: Path) -> Filling:
    declared = folder / "declared"
    declared.mkdir()
    (declared / "all.yaml").write_text(DECLARATION, encoding="utf-8")
    (declared / "plan.yaml").write_text(PLAN, encoding="utf-8")
    await services.registry.apply(declarations.load([declared]), actor="user:test")
    filling = Filling()
    for role in ROLES:
        qualifications = ("service-agent",) if role == "reviewer" else ()
        user: User = await services.users.create(
            user_name(role), PASSWORD, roles=(role,), actor="user:test", qualifications=qualifications
        )
        filling.sessions[role] = await services.users.open_session(user)
    for name in (OWN, OTHER):
        created = await services.keys.create(name, actor="user:test")
        filling.secrets[name], filling.key_ids[name] = created.secret, created.key.id
    filling.sign_off_id = new_id()
    held = call(status="held", withheld_answer="The draft that nobody has released.", sign_off_id=filling.sign_off_id)
    answered = call(answer="Letters take two days.")
    filling.call_id = answered.id
    await services.calls.ship([held, answered, call(use_case=OTHER)], gateway="test")
    return filling


def call(**fields: Any) -> Call:
    """A recorded call."""
    values: dict[str, Any] = {
        "id": new_id(),
        "use_case": OWN,
        "business_unit": "service",
        "stage": "discovery",
        "version_digest": "0" * 64,
        "key_id": "key",
        "model": "writer",
        "received_at": datetime.now(UTC),
        "status": "answered",
        "request": "How long do letters take?",
    }
    return msgspec.convert({**values, **fields}, Call, from_attributes=True)
