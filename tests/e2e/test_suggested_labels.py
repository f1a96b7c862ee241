"""Suggested labels in a real browser: read beside their words, taken out and added by keyboard and on a phone, and signed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect
from tests.e2e.signing import HOSTILE, Desk, desk
from tests.e2e.test_console import CONTRAST, FLAGS, PHONE, STRUCTURE

from groundcrew.domain.call import SourceReference
from groundcrew.domain.canonical import sha256_hex
from groundcrew.gateway.providers.tuned import report_of
from groundcrew.tuned.answer import answer_of, read_answer
from groundcrew.tuned.model import Prediction, Span, Suggestion

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NOTE = (
    "Discharge note. 71-year-old woman, admitted for three days of fever and a productive cough. Chest film: infiltrate of the "
    "right lower lobe, treated as bacterial pneumonia with ceftriaxone. Known type 2 diabetes on metformin, sugars between 7 and "
    "11. Blood pressure 160/95 on admission, amlodipine resumed for her hypertension. No fall, no fracture. Discharged home on "
    "day five."
)
FOUND = (
    ("J15.9", "Unspecified bacterial pneumonia", 0.91, True, ("bacterial pneumonia", "infiltrate of the right lower lobe")),
    ("E11.9", "Type 2 diabetes mellitus without complications", 0.88, True, ("type 2 diabetes",)),
    ("I10", "Essential (primary) hypertension", 0.82, True, ("hypertension",)),
    ("R50.9", "Fever, unspecified", 0.57, True, ("fever",)),
    ("R05.9", "Cough, unspecified", 0.34, False, ("cough",)),
    ("Z79.84", "Long term (current) use of oral hypoglycemic drugs", 0.29, False, ("metformin",)),
    ("Z87.891", "Personal history of nicotine dependence", 0.06, False, ()),
)


def made(note: str = NOTE, found: tuple[Any, ...] = FOUND) -> dict[str, Any]:
    """What a held call of a tuned model holds."""
    suggestions = tuple(
        Suggestion(
            label=label,
            title=title,
            score=score,
            kept=kept,
            evidence=tuple(Span(start=note.index(each), end=note.index(each) + len(each)) for each in quotes),
            because="words of the title and of training notes" if quotes else "often together with the other codes",
        )
        for label, title, score, kept, quotes in found
    )
    prediction = Prediction(suggestions=suggestions, trust=0.61, needs_person=True, reason="the trust is below 0.70")
    answer = answer_of(prediction, note, model="coder@3", digest="ab" * 32)
    source = SourceReference(passage_id="request-newest", document="the request", title="the newest message", text=note)
    return {"draft": answer.text, "trust": report_of(answer, answer.text), "sources": (source,)}


async def hold(at: Desk, **changes: Any) -> str:
    held = made(**changes)
    sources = held.pop("sources")
    held["version_digest"] = (await at.services.snapshots.build()).use_cases["letters"].version_digest
    return await at.hold("letters", source=sources[0].text, **held)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory, chromium_path: str) -> AsyncIterator[Desk]:
    """One console and one browser for the whole module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        async with desk(tmp_path_factory.mktemp("desk"), browser) as made_desk:
            yield made_desk
            await browser.close()


async def shown(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=name.endswith("whole"))


async def opened(at: Desk, page: Page, sign_off_id: str) -> None:
    await page.goto(f"{at.base}/sign-offs/{sign_off_id}")
    await expect(page.locator("#lease")).to_contain_text("Yours until")


async def test_labels_are_decided_by_keyboard_alone(at: Desk) -> None:
    sign_off = await hold(at)
    page = await at.page("lin", viewport={"width": 1280, "height": 900})
    await opened(at, page, sign_off)
    said = page.locator(".claim-now")
    await expect(said).to_contain_text("J15.9 Unspecified bacterial pneumonia, score 0.91")
    await expect(page.locator("mark.quote.now")).to_have_count(2)
    await shown(page, "labels-desktop")
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate(STRUCTURE) == []
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    await expect(said).to_contain_text("R50.9")
    await page.keyboard.press("Space")
    await expect(page.locator('input[value="R50.9"]')).not_to_be_checked()
    await expect(page.locator('[name="decision"][value="edit"]')).to_be_checked()
    await page.keyboard.press("Space")
    await expect(page.locator('[name="decision"][value="approve"]')).to_be_checked()
    await page.keyboard.press("Space")
    await page.keyboard.press("+")
    await page.keyboard.type("z79.4")
    await shown(page, "labels-changed")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("main")).to_contain_text("You signed")
    decided = await at.get(sign_off)
    assert decided.state == "edited"
    assert decided.final_text is not None
    assert decided.signed_sha256 == sha256_hex(decided.final_text.encode())
    answer = read_answer(decided.final_text)
    assert answer is not None
    assert answer.labels == ("J15.9", "E11.9", "I10", "z79.4")
    await page.goto(f"{at.base}/sign-offs/{sign_off}")
    await expect(page.locator("#decided")).to_contain_text("Taken out: R50.9. Added: z79.4.")
    await expect(page.locator('input[value="R50.9"]')).not_to_be_checked()
    await expect(page.locator('input[value="z79.4"]')).to_be_checked()
    await shown(page, "labels-decided")
    await page.goto(f"{at.base}/use-cases/letters/metrics")
    row = page.locator("#labels tr", has_text="R50.9")
    await expect(row).to_contain_text("never signed")
    await shown(page, "labels-metrics-whole")
    assert await page.evaluate(CONTRAST) == []


async def test_on_a_phone_a_label_is_taken_out_by_touch(at: Desk) -> None:
    sign_off = await hold(at)
    page = await at.page("mia", viewport=PHONE, has_touch=True, is_mobile=True)
    await opened(at, page, sign_off)
    await shown(page, "labels-phone")
    await shown(page, "labels-phone-whole")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.locator('input[value="I10"]').tap()
    await page.locator("#sign").tap()
    await expect(page.locator("main")).to_contain_text("You signed")
    answer = read_answer((await at.get(sign_off)).final_text or "")
    assert answer is not None
    assert answer.labels == ("J15.9", "E11.9", "R50.9")


async def test_without_script_the_form_signs_what_is_checked(at: Desk) -> None:
    accepted, rejected = await hold(at), await hold(at)
    page = await at.page("lin", java_script_enabled=False)
    await page.goto(f"{at.base}/sign-offs/{accepted}")
    await page.locator('[name="decision"][value="approve"]').check()
    await page.locator("#sign").click()
    found = await at.get(accepted)
    assert (found.state, found.final_text) == ("approved", found.draft)
    await page.goto(f"{at.base}/sign-offs/{rejected}")
    await page.locator('[name="decision"][value="reject"]').check()
    await page.locator("#comment").fill("another patient")
    await page.locator("#sign").click()
    assert (await at.get(rejected)).state == "rejected"


async def test_hostile_words_stay_text(at: Desk) -> None:
    found = (("A00", HOSTILE[:120], 0.9, True, (HOSTILE[:40],)),)
    sign_off = await hold(at, note=HOSTILE, found=found)
    page = await at.page("lin")
    await opened(at, page, sign_off)
    assert await page.locator("main script, main img").count() == 0
    assert not at.trouble
