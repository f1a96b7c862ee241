"""Drafts that wait for the browser tests of sign-off: two agents, three use cases with different rules, and hostile texts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from argon2 import PasswordHasher
from playwright.async_api import Browser, Dialog, Page
from tests.unit.web.site import call

from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.user import User
from groundcrew.services import declarations, users
from groundcrew.services.bundle import Services, open_services
from groundcrew.web.app import create_web
from groundcrew.web.authentication import SESSION_COOKIE
from groundcrew.web.live import LiveEvents

PASSWORD = "a long enough password"
PEOPLE = {
    "lin": (("reviewer",), ("service-agent",)),
    "mia": (("reviewer",), ("service-agent",)),
    "noa": (("on_call", "it"), ()),
    "sam": (("auditor",), ()),
}

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
""" + "---\n".join(
    f"""
kind: UseCase
name: {name}
title: {name.title()}
owner: maria@bank.example
champion: luca@bank.example
business_unit: service
purpose: Answer {name}
affected_persons: customers
solution: customized
autonomy: draft_and_sign_off
data_classes: [internal]
model: writer
sign_off: {{when: always, qualification: service-agent{more}}}
"""
    for name, more in (
        ("letters", ", respond_within: 1h"),
        ("memos", ", readers: 2"),
        ("notes", ", second_review_share: 1"),
    )
)

SOURCE = (
    "A lost or stolen debit card is blocked at once in the app or by phone, day and night, and blocking is free. "
    "A replacement debit card costs CHF 20 and arrives within five working days."
)
DRAFT = (
    "Dear customer, blocking your card is free. A replacement debit card costs CHF 35, and we charge a security fee of CHF 15. "
    "The new card reaches you in a week."
)
#: What must only ever be text: markup, a word without end, writing from right to left, and a turn of direction.
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"' " + "Donaudampfschifffahrtsgesellschaft" * 12
    + " שלום, הכרטיס החדש עולה 20 פרנק. مرحبا بكم في البنك. \u202egnihton tnemyap\u202c & more"
)  # fmt: skip


def scored(draft: str, text: str, support: float, quote: str = "", *, source: str = SOURCE, **more: Any) -> ClaimScore:
    """A claim placed by its text, and by its quote where it has one."""
    start = draft.index(text)
    place = (source.index(quote), source.index(quote) + len(quote)) if quote else None
    return ClaimScore(start=start, end=start + len(text), support=support, quote=place, source=0 if quote else None, **more)


def report(*claims: ClaimScore) -> TrustReport:
    """What the check said: claims below one half are unsupported."""
    weak = tuple((each.start, each.end) for each in claims if each.support < 0.5)
    return TrustReport(trust=0.12, state="unsupported" if weak else "supported", claims=claims, unsupported=weak)


CHECKED = report(
    scored(DRAFT, "blocking your card is free", 0.98, "blocking is free"),
    scored(
        DRAFT,
        "A replacement debit card costs CHF 35",
        0.04,
        "A replacement debit card costs CHF 20",
        contradicted=True,
        reasons=("the answer says CHF 35, the passage CHF 20",),
    ),
    scored(DRAFT, "we charge a security fee of CHF 15", 0.06, reasons=("no passage names such a fee",)),
    scored(DRAFT, "The new card reaches you in a week", 0.4, "arrives within five working days"),
)


def held(use_case: str, *, draft: str = DRAFT, trust: TrustReport | None = CHECKED, source: str = SOURCE, **more: Any) -> Call:
    """A call whose answer waits for a person."""
    return call(
        use_case=use_case,
        status="held",
        request="How much is a new card?",
        withheld_answer=draft,
        withheld_trust=trust,
        sources=(SourceReference(passage_id="card#0", document="debit-card.md", title="Debit card", text=source),),
        sign_off_id=new_id(),
        details={"held_because": "the rule asks for it always"},
        **more,
    )


class Desk:
    """The running console, its services, and people in their browsers."""

    def __init__(self, base: str, services: Services, browser: Browser, accounts: dict[str, User]) -> None:
        self.base, self.services, self.browser, self.accounts = base, services, browser, accounts
        self.trouble: list[str] = []

    async def hold(self, use_case: str, *, waiting: timedelta = timedelta(0), **more: Any) -> str:
        """Hold a draft; its sign-off's id."""
        made = held(use_case, received_at=datetime.now(UTC) - waiting, **more)
        await self.services.calls.ship([made], gateway="gateway-1")
        assert made.sign_off_id is not None
        return made.sign_off_id

    async def page(self, name: str, **options: Any) -> Page:
        """A page of somebody who has signed in; what goes wrong on it is noted."""
        context = await self.browser.new_context(**options)
        context.set_default_timeout(20_000)
        context.on("weberror", lambda error: self.trouble.append(f"script: {error.error}"))
        context.on("console", lambda said: self.trouble.append(said.text) if "Security Policy" in said.text else None)
        context.on("dialog", self._answer)
        secret = await self.services.users.open_session(self.accounts[name])
        await context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": self.base}])
        return await context.new_page()

    async def _answer(self, dialog: Dialog) -> None:
        """Leaving an edit behind asks; anything else that asks is a script that should not have run."""
        if dialog.type != "beforeunload":
            self.trouble.append(f"dialog: {dialog.message}")
        await dialog.accept()

    async def get(self, sign_off_id: str) -> SignOff:
        """A sign-off as it is kept."""
        return await self.services.sign_offs.get(sign_off_id)

    async def clear(self) -> None:
        """Reject whatever waits, so that a test begins with an empty queue."""
        for each in await self.services.sign_offs.find(state="pending"):
            signer = next(one for one in self.accounts.values() if one.name == "mia")
            for one in self.accounts.values():
                await self.services.sign_offs.release_claim(each.id, one)
            await self.services.sign_offs.decide(each.id, "reject", signer=signer, comment="cleared")


@asynccontextmanager
async def desk(folder: Path, browser: Browser) -> AsyncIterator[Desk]:
    """A console with people and rules, served on a socket, and nothing that waits."""
    users._hasher = lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    services = await open_services(f"sqlite:///{folder / 'groundcrew.db'}", folder)
    (folder / "declared.yaml").write_text(DECLARATION, encoding="utf-8")
    await services.registry.apply(declarations.load([folder / "declared.yaml"]), actor="user:test")
    accounts = {
        name: await services.users.create(name, PASSWORD, roles=roles, qualifications=named, actor="user:test")  # type: ignore[arg-type]
        for name, (roles, named) in PEOPLE.items()
    }

    async def readiness() -> dict[str, dict[str, Any]]:
        return {"database": {"ok": True}}

    live = LiveEvents()
    app = create_web(services, gateway_metrics=lambda: b"", readiness=readiness, live=live)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield Desk(f"http://127.0.0.1:{listening.getsockname()[1]}", services, browser, accounts)
    finally:
        live.close()
        server.should_exit = True
        await task
        await services.database.close()
