"""The Stream in two browsers at once: a veto against the chief executive, the meeting that funds what it asks for, and the
minutes that tell of it; and people who write at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, ViewportSize, async_playwright, expect
from pypdf import PdfReader
from tests.e2e.streams import CHIEF, Stream, served
from tests.e2e.test_console import CONTRAST, STRUCTURE
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared, prepared

from groundcrew.domain.canonical import sha256_hex
from groundcrew.errors import NotAllowed

__all__ = ["prepared"]

pytestmark = pytest.mark.browser

PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest_asyncio.fixture
async def stream(tmp_path: Path, prepared: Prepared, chromium_path: str) -> AsyncIterator[Stream]:
    async with async_playwright() as playwright, served(tmp_path, prepared, chromium_path, playwright) as made:
        yield made


async def post(page: Page, base: str, path: str, form: dict[str, str]) -> int:
    """Send a form past the page that has none: its status."""
    token = await page.locator('input[name="csrf_token"]').first.get_attribute("value")
    answer = await page.request.post(base + path, form={**form, "csrf_token": token or ""}, max_redirects=0)
    return answer.status


async def look_over(page: Page, base: str, paths: tuple[str, ...]) -> None:
    """Every field has a name, every id is there once, and every text can be read."""
    for path in paths:
        await page.goto(base + path)
        assert await page.evaluate(STRUCTURE) == [], path
        assert await page.evaluate(CONTRAST) == [], path


async def test_a_veto_against_the_chief_executive(stream: Stream) -> None:
    services, base = stream.services, stream.base
    now = services.database.clock.now()
    period = f"{now.year}-Q{(now.month + 2) // 3}"
    request = await services.resources.request(
        resource="ai-budget",
        use_case=bank.NAME,
        amount=12_000,
        periods=[period],
        purpose="Somebody who reads what complaints are answered",
        actor=f"user:{CHIEF}",
    )
    lea, ivan = await stream.page_of("lea"), await stream.page_of("ivan")
    # An expert objects: without a reason to nobody's effect, with one the use case is held.
    await lea.goto(f"{base}/vetoes/new?use_case={bank.NAME}")
    await lea.get_by_label("Ground, in one line").fill(" ")
    await lea.get_by_label("Explanation").fill(" ")
    await lea.get_by_label("funding").check()
    await lea.get_by_label("A resource request is allocated").select_option(request.id)
    await lea.get_by_role("button", name="File the veto").click()
    await expect(lea.get_by_role("alert")).to_be_visible()
    assert not await services.vetoes.find()
    await lea.get_by_label("Ground, in one line").fill("Nobody reads what complaints are answered")
    await lea.get_by_label("Explanation").fill("The pilot answers complaints by itself, and nobody with training reads them.")
    await lea.get_by_role("button", name="File the veto").click()
    await lea.wait_for_url(f"{base}/vetoes/*")
    (veto,) = await services.vetoes.find()

    # The chief executive owns it, is an administrator, and can do nothing about it.
    chief = await stream.page_of(CHIEF)
    await chief.goto(f"{base}/use-cases/{bank.NAME}")
    await chief.get_by_label("Reason, kept in the audit log").fill("I say so")
    await chief.get_by_role("button", name="Advance").click()
    await expect(chief.get_by_role("alert").filter(has_text="can not advance while held")).to_be_visible()
    assert await post(chief, base, f"/vetoes/{veto.id}/withdraw", {"text": "I say so"}) == 403
    with pytest.raises(NotAllowed):
        await services.vetoes.withdraw(veto.id, "I say so, as the chief executive", actor=f"user:{CHIEF}")
    assert await bank.stage_of(services) == "pilot"

    # The next meeting. Who is missing is said loudly, and nothing binding is counted without them.
    await ivan.goto(f"{base}/stream")
    soon = now + timedelta(hours=2)
    await ivan.get_by_label("First day; then every 14 days").fill(soon.date().isoformat())
    await ivan.get_by_label("At", exact=True).fill(f"{soon:%H:%M}")
    await ivan.get_by_label("Time zone").fill("UTC")
    await ivan.get_by_role("button", name="Set the cadence").click()
    await ivan.get_by_role("link", name="See the agenda").click()
    await expect(ivan.locator("#agenda")).to_contain_text("Veto of legal on assistant")
    await ivan.get_by_role("button", name="Open the meeting").click()
    await ivan.get_by_role("button", name="Join for IT").click()
    await expect(ivan.locator("#quorum")).to_contain_text("Nothing binding can be decided: Ethics, Legal, Business are missing.")
    meeting = (await services.meetings.now()).open
    assert meeting is not None
    await lea.goto(f"{base}/stream/{meeting.id}")
    await lea.get_by_role("button", name="Join for Legal").click()
    await expect(ivan.locator("#quorum")).to_contain_text("Ethics, Business are missing.")
    await services.meetings.join(meeting.id, actor="user:eva", function="ethics")
    await services.meetings.join(meeting.id, actor="user:bert", function="business")
    for page in (ivan, lea):
        await expect(page.locator("#quorum")).to_contain_text("All four functions are here")
    stream.clock.advance(60)

    # Both see the same point, without a reload.
    await ivan.locator("#agenda li").filter(has_text="asks for").get_by_role("button", name="Take up").click()
    for page in (ivan, lea):
        await expect(page.locator("#seen")).to_contain_text("Somebody who reads what complaints are answered")
    evaluation = await services.gates.evaluate(bank.NAME, actor="user:ivan")
    note = lea.get_by_label("For the minutes, with your name")
    await note.fill("With the reviewer my condition")
    await ivan.get_by_label("What is to be decided").fill("We fund the reviewer.")
    await ivan.get_by_label("Terms, one a line as name: value").fill("amount: 12000")
    await ivan.get_by_label("It rests on, one a line as KIND/ID").fill(f"gate-evaluation/{evaluation.id}\nveto/{veto.id}")
    await ivan.get_by_role("button", name="Propose it").click()
    await expect(lea.locator("#decisions")).to_contain_text("We fund the reviewer.")
    await expect(note).to_have_value("With the reviewer my condition")
    await note.press("End")
    await note.type(" is met.")
    await lea.get_by_role("button", name="Say it").click()
    await expect(ivan.locator("#notes")).to_contain_text("With the reviewer my condition is met.")
    await expect(note).to_have_value("")
    await lea.get_by_role("button", name="For", exact=True).click()
    await expect(ivan.locator("#decisions")).to_contain_text("Legal for")
    (proposed,) = await services.meeting_decisions.find()
    for actor in ("user:eva", "user:bert"):
        await services.meeting_decisions.vote(proposed.id, "for", actor=actor)
    await ivan.get_by_role("button", name="For", exact=True).click()
    await expect(lea.locator("#decisions")).to_contain_text("IT for")
    await ivan.get_by_role("button", name="Count the votes").click()
    for page in (ivan, lea):
        await expect(page.locator("#decisions")).to_contain_text("4 for, 0 against")
    assert (await services.resources.request_now(request.id)).request.state == "allocated"
    assert (await services.vetoes.get(veto.id)).veto.active, "a decision lifts no veto"
    assert await bank.stage_of(services) == "pilot", "and moves no stage"

    # The expert sees the condition met and withdraws it; only then the gate opens.
    await ivan.locator("#agenda li").filter(has_text="Veto of legal").get_by_role("button", name="Take up").click()
    await expect(lea.locator("#seen")).to_contain_text("Veto of legal on assistant")
    await lea.goto(f"{base}/vetoes/{veto.id}")
    await lea.get_by_label("Why, kept in the record").fill("The reviewer is funded, which is what I asked for.")
    await lea.get_by_role("button", name="It is satisfied").click()
    await expect(lea.locator("main")).to_contain_text("satisfied")
    await chief.goto(f"{base}/use-cases/{bank.NAME}")
    await chief.get_by_label("Reason, kept in the audit log").fill("Funded and agreed")
    await chief.get_by_role("button", name="Advance").click()
    await expect(chief.get_by_role("status").first).to_be_visible()
    assert await bank.stage_of(services) == "production_readiness"

    stream.clock.advance(60)
    await ivan.get_by_text("Close the meeting…").click()
    await ivan.get_by_role("button", name="Close it").click()
    await ivan.wait_for_url(f"{base}/stream/{meeting.id}/minutes?done=meeting_closed")
    told = (
        "We fund the reviewer.",
        "With the reviewer my condition is met.",
        "4 for, 0 against, 0 abstain",
        "Rating – 5.00 stars",
        f"resource request {request.id}: allocated",
        f"veto {veto.id}: satisfied",
        f"use case {bank.NAME}: production_readiness, running",
    )
    for each in told:
        await expect(ivan.locator("main")).to_contain_text(each)
    pdf = await ivan.request.get(f"{base}/stream/{meeting.id}/minutes.pdf")
    pages = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(await pdf.body())).pages).split())
    for each in told[:3]:
        assert each in pages, each
    kept = await ivan.request.get(f"{base}/stream/{meeting.id}/minutes.json")
    assert sha256_hex(await kept.body()) == (await services.meetings.get(meeting.id)).minutes_sha256
    assert (await services.audit.verify()).problems == ()
    assert not stream.trouble


async def test_people_who_write_at_once_lose_nothing(stream: Stream) -> None:
    services, base = stream.services, stream.base
    at = services.database.clock.now() + timedelta(hours=1)
    meeting = await services.meetings.schedule(at, length_min=60, actor="user:ivan")
    point = await services.meeting_points.add_topic(meeting.id, "Names", why="Three teams use three words", actor="user:eva")
    await services.meetings.open(meeting.id, actor="user:ivan")
    for name, function in (("ivan", "it"), ("lea", "legal"), ("eva", "ethics")):
        await services.meetings.join(meeting.id, actor=f"user:{name}", function=function)
    await services.meeting_points.discuss(meeting.id, point.id, actor="user:ivan")
    lea, ivan = await stream.page_of("lea", viewport=PHONE), await stream.page_of("ivan")
    for page in (lea, ivan):
        await page.goto(f"{base}/stream/{meeting.id}")
        await expect(page.locator(".live-text")).to_have_text("live")
    text = "Everybody may write here"
    # The keyboard leads to the field; both write; the second one is told, and nothing of either text is gone.
    await ivan.locator("h1").click()
    await ivan.keyboard.press("s")
    await ivan.keyboard.type("Ivan wrote this.")
    await lea.get_by_label(text).fill("Lea wrote this.")
    await lea.get_by_role("button", name="Save the text").click()
    await expect(lea.locator("#written")).to_contain_text("Lea wrote this.")
    await expect(ivan.locator("#written")).to_contain_text("Lea wrote this.")
    await ivan.get_by_role("button", name="Save the text").click()
    await expect(ivan.locator("#notices")).to_contain_text("lea has changed this text since you began")
    await expect(ivan.get_by_label(text)).to_have_value("Ivan wrote this.")
    await ivan.get_by_label(text).fill("Lea wrote this. Ivan wrote this.")
    await ivan.get_by_role("button", name="Save the text").click()
    await expect(lea.locator("#written")).to_contain_text("Lea wrote this. Ivan wrote this.")
    # A form that is being filled in keeps its text, and the keyboard its place, while others change the part around it.
    await ivan.get_by_label("What to do").fill("Write a list of words")
    await lea.get_by_label("What to do").fill("Ask the third team")
    await lea.get_by_label("Who does it").fill("eva")
    await lea.locator("#to-do").get_by_role("button", name="Add").click()
    await expect(ivan.locator("#actions")).to_contain_text("Ask the third team")
    await expect(ivan.get_by_label("What to do")).to_have_value("Write a list of words")
    # Who leaves is missed at once, and what is refused is said where it was asked.
    await ivan.get_by_label("What is to be decided").fill("One word")
    await ivan.get_by_role("button", name="Propose it").click()
    await expect(lea.locator("#decisions")).to_contain_text("One word")
    await expect(ivan.get_by_role("button", name="Count the votes")).to_be_disabled()
    await lea.get_by_role("button", name="Leave").click()
    await expect(ivan.locator("#quorum")).to_contain_text("Legal, Business are missing")
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
    assert await lea.evaluate(wide), "the page is as wide as a phone"
    await look_over(ivan, base, (f"/stream/{meeting.id}", "/stream", "/stream/actions"))
    await services.meetings.close(meeting.id, actor="user:ivan")
    await expect(lea.locator("main")).to_contain_text("closed")
    await look_over(ivan, base, (f"/stream/{meeting.id}", f"/stream/{meeting.id}/minutes"))
    assert not stream.trouble
