"""Signing in a real browser: by keyboard, on a phone, beside another person, under hostile texts, and without JavaScript."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect
from tests.e2e.signing import DRAFT, HOSTILE, Desk, desk, report, scored
from tests.e2e.test_console import CONTRAST, FLAGS, PHONE, STRUCTURE

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.kill_switch import parse_scope

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> AsyncIterator[Desk]:
    """One console and one browser for the whole module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        async with desk(tmp_path_factory.mktemp("desk"), browser) as made:
            yield made
            await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def at(shared: Desk) -> AsyncIterator[Desk]:
    """The console with an empty queue; no page may have had trouble."""
    await shared.clear()
    shared.trouble.clear()
    yield shared
    assert not shared.trouble
    for context in shared.browser.contexts:
        await context.close()


async def shown(page: Page, name: str) -> None:
    """Keep a picture of the page where SCREENSHOTS names a folder: pages are looked at before they are called done."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def opened(at: Desk, page: Page, sign_off_id: str) -> None:
    """Open a draft, and wait until its claim is taken."""
    await page.goto(f"{at.base}/sign-offs/{sign_off_id}")
    await expect(page.locator("#lease")).to_contain_text("Yours until")


async def test_a_queue_is_worked_by_keyboard_alone(at: Desk) -> None:
    first = await at.hold("letters", waiting=timedelta(hours=4))
    second = await at.hold("letters", waiting=timedelta(minutes=50))
    third = await at.hold("letters")
    page = await at.page("lin")
    await page.goto(f"{at.base}/sign-offs")
    mine = page.locator("#mine")
    await expect(mine).to_contain_text("3 wait, 1 overdue, 1 due soon")
    await expect(mine.locator("tbody tr").first).to_contain_text("overdue by 3 h")
    await expect(page.locator("nav.nav .count")).to_have_text("3 wait for you")
    await shown(page, "queue")
    await page.get_by_role("button", name="Take the most urgent").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{at.base}/sign-offs/{first}")
    await expect(page.locator("#lease")).to_contain_text("Yours until")
    # What is contradicted comes first, then what has no source, what is weak, what is supported.
    said = page.locator(".claim-now")
    await expect(said).to_have_text("Claim 2 of 4: contradicted – the answer says CHF 35, the passage CHF 20")
    for key, claim in (("ArrowRight", 3), ("ArrowRight", 4), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("4", 4)):
        await page.keyboard.press(key)
        await expect(said).to_contain_text(f"Claim {claim} of 4")
        await expect(page.locator(f"#draft-claim-{claim}")).to_be_focused()
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    quote = page.locator('mark[data-claims="2"]')
    await expect(quote).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#draft-claim-2")).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await page.keyboard.press("Escape")
    # Approving beside a contradiction is said twice.
    await page.keyboard.press("a")
    tick = page.get_by_label("I have checked the contradicted claims (2)")
    await expect(tick).to_be_focused()
    await page.keyboard.press("Control+Enter")
    assert (await at.get(first)).state == "pending"
    await page.keyboard.press("Space")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(f"{at.base}/sign-offs/{second}?after={first}")
    await expect(page.get_by_role("status").first).to_contain_text(sha256_hex(DRAFT.encode())[:12])
    await expect(page.get_by_role("status").first).to_contain_text("A signature can not be taken back.")
    approved = await at.get(first)
    assert (approved.state, approved.signer, approved.final_text, approved.grounded) == ("approved", "lin", DRAFT, True)
    await _edit_and_reject(at, page, second, third)


async def _edit_and_reject(at: Desk, page: Page, second: str, third: str) -> None:
    """The rest of the queue: keys do nothing while one types, and the changes are shown as one makes them."""
    await page.keyboard.press("e")
    text = page.get_by_label("Text to release, in place of the draft")
    await expect(text).to_be_focused()
    better = "Blocking your card is free. A replacement debit card costs CHF 20. Are there other questions?"
    await page.keyboard.press("Control+a")
    await page.keyboard.type(better)
    await expect(text).to_have_value(better)
    await expect(page.locator('[name="decision"]:checked')).to_have_value("edit")
    await expect(page.locator("#live-changes del").first).to_be_visible()
    await expect(page.locator("#live-changes ins").filter(has_text="20")).to_be_visible()
    await shown(page, "edit")
    await page.keyboard.press("Escape")
    await page.get_by_label("I have checked the contradicted claims").check()
    await text.focus()
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(f"{at.base}/sign-offs/{third}?after={second}")
    edited = await at.get(second)
    assert (edited.state, edited.final_text, edited.signed_sha256) == ("edited", better, sha256_hex(better.encode()))
    await page.keyboard.press("r")
    await expect(page.get_by_label("Reason for the rejection")).to_be_focused()
    await page.keyboard.press("Control+Enter")
    assert (await at.get(third)).state == "pending"
    await page.keyboard.type("are fees 1 2 3?")
    await page.keyboard.press("Meta+Enter")
    await page.wait_for_url(f"{at.base}/sign-offs?after={third}&done=nothing_waits")
    await expect(page.get_by_role("main")).to_contain_text("You rejected the draft: nothing of it leaves.")
    await expect(page.locator("#mine")).to_contain_text("Nothing waits for you as service-agent.")
    assert (await at.get(third)).comment == "are fees 1 2 3?"
    await page.goto(f"{at.base}/sign-offs/{second}")
    await expect(page.locator("#signed-text")).to_have_text(better)
    await expect(page.locator("#decided del").first).to_be_visible()
    await expect(page.locator("#decided")).to_contain_text(sha256_hex(better.encode()))


async def test_a_draft_without_claims_says_so_and_arrows_lead_to_the_next(at: Desk) -> None:
    first = await at.hold("letters", waiting=timedelta(minutes=3), trust=None)
    second = await at.hold("letters", trust=None)
    page = await at.page("lin")
    await opened(at, page, first)
    await expect(page.get_by_role("main")).to_contain_text("read every sentence yourself")
    await page.keyboard.press("ArrowRight")
    await page.wait_for_url(f"{at.base}/sign-offs/{second}")
    await expect(page.locator("#lease")).to_contain_text("Yours until")
    await page.keyboard.press("ArrowLeft")
    await page.wait_for_url(f"{at.base}/sign-offs/{first}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_has_everything_within_reach(at: Desk, scheme: str) -> None:
    waiting = await at.hold("letters")
    page = await at.page("lin", viewport=PHONE, has_touch=True, color_scheme=scheme)
    await opened(at, page, waiting)
    for place in (page.locator(".stop-link"), page.locator(".segments")):
        await expect(place).to_be_in_viewport(ratio=1)
    await shown(page, f"phone-{scheme}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.get_by_role("button", name="Next claim").tap()
    await expect(page.locator(".claim-now")).to_contain_text("Claim 3 of 4: no source")
    await page.locator("#draft-claim-2 sup").tap()
    await expect(page.locator('mark[data-claims="2"]')).to_be_in_viewport()
    await page.get_by_role("link", name="back to claim 2").tap()
    await expect(page.locator("#draft-claim-2")).to_be_in_viewport()
    await page.locator(".segments label").nth(1).tap()
    await expect(page.get_by_label("Text to release")).to_be_in_viewport()
    await page.get_by_label("Text to release").fill("A replacement debit card costs CHF 20.")
    await expect(page.locator("#live-changes del").first).to_be_in_viewport()
    for place in (page.locator(".stop-link"), page.locator("#sign")):
        await expect(place).to_be_in_viewport(ratio=1)
    await shown(page, f"phone-edit-{scheme}")
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.get_by_label("I have checked the contradicted claims").check()
    await expect(page.locator("#sign")).to_be_in_viewport(ratio=1)
    await page.locator("#sign").tap()
    await page.wait_for_url(lambda url: "done=nothing_waits" in url)
    assert (await at.get(waiting)).final_text == "A replacement debit card costs CHF 20."


async def test_a_draft_is_one_persons_until_they_leave_it(at: Desk) -> None:
    waiting = await at.hold("letters")
    lin, mia = await at.page("lin"), await at.page("mia")
    await opened(at, lin, waiting)
    await mia.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(mia.locator("#lease")).to_contain_text("lin holds this draft until")
    await expect(mia.locator("#sign")).to_be_disabled()
    await shown(mia, "held-by-another")
    await mia.goto(f"{at.base}/sign-offs")
    await expect(mia.locator("#mine tbody tr")).to_contain_text("lin until")
    await mia.get_by_role("button", name="Take the most urgent").click()
    await expect(mia.get_by_role("status")).to_contain_text("held by others")
    # An old page does not sign past the lease either.
    token = await mia.locator('[name="csrf_token"]').first.get_attribute("value")
    refused = await mia.request.post(
        f"{at.base}/sign-offs/{waiting}/decide",
        form={"csrf_token": token or "", "decision": "reject", "comment": "mine"},
    )
    assert refused.status == 409
    assert "lin has sign-off" in await refused.text()
    # Lin goes elsewhere: the page that Mia has open notices, and takes the draft.
    await mia.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(mia.locator("#lease")).to_contain_text("lin holds")
    await lin.goto(f"{at.base}/calls")
    for _ in range(100):
        if (await at.services.sign_off_queue.standing(waiting)).claim is None:
            break
        await asyncio.sleep(0.1)
    for holder in ("Nobody holds", "Yours until"):
        await mia.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(mia.locator("#lease")).to_contain_text(holder)
    await expect(mia.locator("#sign")).to_be_enabled()
    await lin.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(lin.locator("#lease")).to_contain_text("mia holds this draft until")
    await mia.get_by_role("button", name="Leave it to others").click()
    await expect(mia.get_by_role("status")).to_contain_text("The draft is left to others.")


async def test_two_browsers_race_for_one_draft_and_one_signs(at: Desk) -> None:
    waiting = await at.hold("letters")
    pages = [await at.page(name, java_script_enabled=False) for name in ("lin", "mia")]
    for page in pages:
        await page.goto(f"{at.base}/sign-offs/{waiting}")
        await page.locator('[value="reject"]').check()
        await page.get_by_label("Reason for the rejection").fill("A wrong fee.")
    await asyncio.gather(*(page.locator("#sign").click() for page in pages))
    outcomes = [await page.get_by_role("main").inner_text() for page in pages]
    assert sum("You rejected the draft" in each for each in outcomes) == 1, outcomes
    assert sum("is rejected" in each for each in outcomes) == 1, outcomes
    assert len((await at.get(waiting)).readings) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_hostile_and_strange_texts_are_only_text(at: Desk, scheme: str) -> None:
    claims = report(scored(HOSTILE, "<script>alert(1)</script>", 0.1, "<script>alert(1)", source=HOSTILE, reasons=(HOSTILE,)))
    waiting = await at.hold("letters", draft=HOSTILE, source=HOSTILE, trust=claims)
    page = await at.page("lin", viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    await opened(at, page, waiting)
    await expect(page.locator("#draft-text")).to_contain_text("<script>alert(1)</script>")
    await expect(page.get_by_role("alert")).to_contain_text("right-to-left override")
    await page.keyboard.press("e")
    await page.get_by_label("Text to release").fill("<b>bold</b> " + HOSTILE)
    await expect(page.locator("#live-changes ins").first).to_contain_text("b>bold</b>")
    for size in ({"width": 1440, "height": 900}, {"width": 1100, "height": 760}, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert await page.evaluate(STRUCTURE) == []
        assert await page.evaluate(CONTRAST) == []
        await shown(page, f"hostile-{size['width']}-{scheme}")
    await page.goto(f"{at.base}/sign-offs")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await page.evaluate(STRUCTURE) == []


async def test_two_people_sign_the_same_text(at: Desk) -> None:
    waiting = await at.hold("memos", trust=None)
    lin, mia = await at.page("lin"), await at.page("mia")
    await opened(at, lin, waiting)
    await expect(lin.get_by_role("main")).to_contain_text("2 people must sign the same text")
    await lin.keyboard.press("a")
    await lin.keyboard.press("Control+Enter")
    await expect(lin.get_by_role("main")).to_contain_text("leaves when a second person signs the same text")
    await expect(lin.locator("nav.nav .count")).to_have_count(0)
    await lin.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(lin.get_by_role("main")).to_contain_text("you have signed it")
    await opened(at, mia, waiting)
    await expect(mia.get_by_role("main")).to_contain_text("lin signed the text below.")
    await mia.keyboard.press("e")
    await mia.get_by_label("Text to release").fill(DRAFT.replace("CHF 35", "CHF 20"))
    await mia.keyboard.press("Control+Enter")
    await expect(mia.get_by_role("main")).to_contain_text("leaves when a second person signs the same text")
    # The changed text needs Lin's signature anew, and shows what changed.
    await opened(at, lin, waiting)
    await expect(lin.get_by_role("heading", name="Text that the first reader signed")).to_be_visible()
    await expect(lin.locator("#draft ins").first).to_have_text("20")
    await shown(lin, "second-reader")
    await lin.keyboard.press("a")
    await lin.keyboard.press("Control+Enter")
    await lin.wait_for_url(lambda url: f"after={waiting}" in url)
    released = await at.get(waiting)
    assert (released.state, released.final_text) == ("edited", DRAFT.replace("CHF 35", "CHF 20"))
    assert {each.reader for each in released.standing} == {"lin", "mia"}


async def test_who_judges_second_sees_nothing_of_the_first_decision(at: Desk) -> None:
    waiting = await at.hold("notes", trust=None)
    await at.services.sign_offs.decide(waiting, "reject", signer=at.accounts["lin"], comment="A telling remark.")
    mia = await at.page("mia")
    call_id = (await at.get(waiting)).call_id
    for path in (f"/sign-offs/{waiting}", "/sign-offs", "/sign-offs?state=all", "/sign-offs?state=rejected", f"/calls/{call_id}"):
        await mia.goto(at.base + path)
        seen = await mia.get_by_role("main").inner_text()
        assert "telling remark" not in seen, path
        # Of others' decisions a list may tell; of this one not even that it is among those that were decided.
        await expect(mia.locator(f'#all a[href="/sign-offs/{waiting}"]')).to_have_count(0)
        assert "?" in path or path == "/sign-offs" or "lin" not in seen.split(), path
    await mia.goto(f"{at.base}/sign-offs?state=rejected")
    await mia.get_by_role("button", name="Take the most urgent").click()
    await mia.wait_for_url(f"{at.base}/sign-offs/{waiting}")
    await expect(mia.get_by_role("heading", level=1)).to_contain_text("Second review of notes")
    await shown(mia, "second-review")
    await mia.keyboard.press("e")
    await mia.keyboard.type("The fee is wrong.")
    await mia.keyboard.press("Control+Enter")
    await mia.wait_for_url(lambda url: f"after={waiting}" in url)
    judged = (await at.get(waiting)).second_reading
    assert judged is not None
    assert (judged.reader, judged.decision, judged.comment) == ("mia", "edit", "The fee is wrong.")
    await mia.goto(f"{at.base}/sign-offs")
    await expect(mia.locator("#agreement")).to_contain_text("notes")
    await expect(mia.locator("#agreement").get_by_role("img")).to_be_visible()
    await mia.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(mia.locator("#readings")).to_contain_text("without seeing the first decision: not the same")


async def test_an_absence_frees_what_one_holds_and_names_who_signs(at: Desk) -> None:
    waiting = await at.hold("letters", trust=None)
    lin, mia = await at.page("lin"), await at.page("mia")
    await lin.goto(f"{at.base}/sign-offs")
    await lin.get_by_text("I will be absent").click()
    await lin.get_by_label("From, UTC").fill("2026-01-01T08:00")
    await lin.get_by_label("Until, UTC").fill("2020-01-01T08:00")
    await lin.get_by_role("button", name="Record the absence").click()
    await expect(lin.get_by_role("alert")).to_contain_text("ends after it begins")
    await lin.get_by_label("Until, UTC").fill("2026-12-31T08:00")
    await lin.get_by_label("Who may sign on your behalf").select_option("mia")
    await lin.get_by_role("button", name="Record the absence").click()
    await expect(lin.get_by_text("You are absent", exact=True)).to_be_visible()
    await shown(lin, "absent")
    await expect(lin.locator("nav.nav .count")).to_have_count(0)
    await lin.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(lin.get_by_role("main")).to_contain_text("you are away until")
    await mia.goto(f"{at.base}/sign-offs")
    await expect(mia.get_by_role("main")).to_contain_text("You may sign on behalf of lin")
    await opened(at, mia, waiting)
    await mia.keyboard.press("a")
    await mia.get_by_label("You sign").select_option("lin")
    await mia.keyboard.press("Control+Enter")
    await mia.wait_for_url(lambda url: f"after={waiting}" in url)
    (reading,) = (await at.get(waiting)).readings
    assert (reading.reader, reading.on_behalf_of) == ("mia", "lin")
    await lin.goto(f"{at.base}/sign-offs")
    await lin.get_by_role("button", name="I am back").click()
    await expect(lin.get_by_role("status")).to_contain_text("You are present again.")


async def test_a_stopped_draft_waits_and_says_so(at: Desk) -> None:
    waiting = await at.hold("letters")
    page = await at.page("lin")
    await opened(at, page, waiting)
    scope = parse_scope("use-case:letters")
    await at.services.kill_switches.stop(scope, actor="user:noa", reason="A wrong fee.")
    await page.keyboard.press("r")
    await page.keyboard.type("Wrong.")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("main").get_by_role("alert").first).to_contain_text("nothing is signed")
    await expect(page.locator("#decision")).to_have_count(0)
    await expect(page.locator("#kept")).to_contain_text("Wrong.")
    await shown(page, "stopped")
    assert (await at.get(waiting)).state == "pending"
    for actor in ("cli:root", "user:noa"):
        await at.services.kill_switches.resume(scope, actor=actor, reason="test")
    await opened(at, page, waiting)
    await expect(page.locator("#decision")).to_have_count(1)


async def test_the_form_stands_without_javascript(at: Desk) -> None:
    waiting = await at.hold("letters")
    page = await at.page("lin", java_script_enabled=False)
    await page.goto(f"{at.base}/sign-offs/{waiting}")
    await page.get_by_role("button", name="Take it").click()
    await expect(page.locator("#lease")).to_contain_text("Yours until")
    await page.locator('[value="approve"]').check()
    await page.locator("#sign").click()
    await expect(page.get_by_role("alert")).to_contain_text("checked the contradicted claims")
    await page.locator('[value="edit"]').check()
    await page.get_by_label("Text to release").fill(DRAFT.replace("35", "20"))
    await page.get_by_role("button", name="Show what I change").click()
    await expect(page.locator("#preview del")).to_have_text("35")
    await expect(page.locator("#preview ins")).to_have_text("20")
    assert (await at.get(waiting)).state == "pending"
    await page.get_by_label("I have checked the contradicted claims").check()
    await page.locator("#sign").click()
    await expect(page.get_by_role("main")).to_contain_text("You signed: the text of letters leaves.")
    assert (await at.get(waiting)).final_text == DRAFT.replace("35", "20")


async def test_personal_data_that_one_types_is_shown_masked_before_it_is_signed(at: Desk) -> None:
    waiting = await at.hold("letters")
    page = await at.page("lin")
    await opened(at, page, waiting)
    await page.keyboard.press("e")
    await page.get_by_label("Text to release").fill("Please write to anna@bank.example.")
    await page.get_by_label("I have checked the contradicted claims").check()
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was signed yet")
    assert (await at.get(waiting)).readings == ()
    await expect(page.get_by_label("Text to release")).to_have_value("Please write to [EMAIL].")
    await expect(page.locator("#live-changes ins").last).to_contain_text("[EMAIL]")
    await shown(page, "masked")
    await page.locator("#sign").click()
    await expect(page.get_by_role("main")).to_contain_text("You signed: the text of letters leaves.")
    assert (await at.get(waiting)).final_text == "Please write to [EMAIL]."


async def test_stopping_is_typed_on_a_phone_and_by_keyboard_alone(at: Desk) -> None:
    waiting = await at.hold("letters")
    page = await at.page("mia", viewport=PHONE, has_touch=True)
    await page.goto(f"{at.base}/sign-offs/{waiting}")
    await page.locator(".stop-link").tap()
    await expect(page.get_by_label("What")).to_have_value("use-case:letters")
    await page.get_by_label("Why").tap()
    await page.keyboard.type("A wrong fee.")
    await page.keyboard.press("Enter")  # The word is not typed yet: nothing happens.
    assert not [each for each in await at.services.kill_switches.find() if each.denies]
    await expect(page.get_by_label("Type stop to confirm")).to_be_focused()
    await page.keyboard.type("Stop")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").first).to_contain_text("use-case:letters: confirmed stopped, by mia")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for actor in ("cli:root", "user:noa"):
        await at.services.kill_switches.resume(parse_scope("use-case:letters"), actor=actor, reason="test")


async def test_an_auditor_looks_and_signs_nothing(at: Desk) -> None:
    waiting = await at.hold("letters")
    page = await at.page("sam")
    await page.goto(f"{at.base}/sign-offs/{waiting}")
    await expect(page.get_by_role("main")).to_contain_text("This needs someone qualified as service-agent; sam is not.")
    await expect(page.locator("#decision")).to_have_count(0)
    await expect(page.locator("#draft-text")).to_contain_text("blocking your card")
    await page.goto(f"{at.base}/sign-offs")
    await expect(page.locator("#mine")).to_contain_text("Your roles only look")
    await page.set_viewport_size(PHONE)
    await expect(page.get_by_role("link", name="Kill switches")).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
