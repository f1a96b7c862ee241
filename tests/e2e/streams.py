"""A bank with a pilot that is ready for its gate, the people of its Stream, and browsers in which they sign in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from argon2 import PasswordHasher
from playwright.async_api import Browser, Page, Playwright
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.resource import Resource
from groundcrew.domain.user import Role, User
from groundcrew.services import users
from groundcrew.services.bundle import Services
from groundcrew.store import catalog, deciding
from groundcrew.testing import FakeClock
from groundcrew.web.app import create_web
from groundcrew.web.live import LiveEvents

PASSWORD = "a long enough password"
CHIEF = "carla.chief"
PEOPLE: dict[str, tuple[Role, ...]] = {
    CHIEF: ("admin", "owner", "business"),
    "eva": ("ethics",),
    "ivan": ("it",),
    "lea": ("legal",),
    "bert": ("business",),
}
MONEY = Resource(name="ai-budget", measure="usd", owner="bert", period="quarter", capacity=50_000, budget_line="4711")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")

BROWSERS = 2


class Stream:
    """The running console, its services, and browsers for its people."""

    def __init__(self, base: str, services: Services, clock: FakeClock, playwright: Playwright, chromium_path: str) -> None:
        self.base, self.services, self.clock = base, services, clock
        self.trouble: list[str] = []
        self._playwright, self._chromium_path = playwright, chromium_path
        self._browsers: list[Browser] = []
        self._opened = 0

    async def page_of(self, name: str, **options: Any) -> Page:
        """A page in which this person has signed in."""
        browser = await self._browser()
        context = await browser.new_context(**options)
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: self.trouble.append(f"script: {error.error}"))
        context.on("console", lambda message: self.trouble.append(message.text) if "Security Policy" in message.text else None)
        page = await context.new_page()
        await page.goto(f"{self.base}/account")
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{self.base}/account")
        return page

    async def _browser(self) -> Browser:
        """The first two people each have a browser of their own; further ones share them, each with a profile of their own."""
        self._opened += 1
        if self._opened > BROWSERS:
            return self._browsers[self._opened % BROWSERS]
        browser = await self._playwright.chromium.launch(executable_path=self._chromium_path, args=FLAGS)
        self._browsers.append(browser)
        return browser

    async def close(self) -> None:
        """Close the browsers."""
        for each in self._browsers:
            await each.close()


async def populate(services: Services) -> None:
    """The people, and the money that there is; the chief executive owns the use case."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    users._hasher = lambda: hasher
    hashed = hasher.hash(PASSWORD)
    async with services.database.write("system:test") as writer:
        for name, roles in PEOPLE.items():
            user = User(name=name, password_hash=hashed, roles=roles, created_at=writer.clock.now())
            await catalog.USERS.put(writer, user, "create")
        owned = msgspec.structs.replace(await services.use_cases.get(bank.NAME), owner=CHIEF)
        await catalog.USE_CASES.put(writer, owned, "apply")
        await writer.touch_snapshot()
        await deciding.RESOURCES.put(writer, MONEY, "apply")


@asynccontextmanager
async def served(folder: Path, prepared: Prepared, chromium_path: str, playwright: Playwright) -> AsyncIterator[Stream]:
    """The bank's console on a socket, as far along as `results`, with a clock that stands."""
    url = f"sqlite:///{folder / 'bank.db'}"
    clock = prepared.copy("results", url)
    async with bank.opened(url, folder, clock, bare=True) as services:
        await populate(services)
        live = LiveEvents()

        async def readiness() -> dict[str, dict[str, Any]]:
            return {"database": {"ok": True}}

        app = create_web(services, gateway_metrics=lambda: b"", readiness=readiness, live=live)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        stream = Stream(base, services, clock, playwright, chromium_path)
        try:
            yield stream
        finally:
            await stream.close()
            live.close()
            server.should_exit = True
            await task
