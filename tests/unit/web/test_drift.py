"""Drift through API and page: what is said while there are too few calls, alarms with their calls, what people say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from tests.unit.services.watching import Traffic, monitor
from tests.unit.web.site import OTHER, OWN, Site

from groundcrew.domain.use_case import DriftRule
from groundcrew.services.drift import Drift
from groundcrew.services.lookups import current_digest
from groundcrew.store import catalog

RULE = DriftRule(window_calls=30, reference_calls=60, features=("request_meaning", "answer_length"), owner="watch@bank.example")
BASE = f"/use-cases/{OWN}/drift"


async def watched(site: Site) -> tuple[Drift, Traffic]:
    """A use case with small windows, and calls of it that came until now."""
    site.services.drift = drift = monitor(site.services)
    async with site.services.database.write("user:test") as writer:
        use_case = await catalog.USE_CASES.get(writer.connection, OWN)
        assert use_case is not None
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, drift=RULE), "apply")
        digest = await current_digest(writer.connection, use_case)
    return drift, Traffic(digest, start=datetime.now(UTC) - timedelta(days=2), every=timedelta(minutes=20))


async def arrive(site: Site, drift: Drift, traffic: Traffic, n: int, **changes: object) -> None:
    calls = [msgspec.structs.replace(each, use_case=OWN) for each in traffic.calls(n, **changes)]  # type: ignore[arg-type]
    await site.services.calls.ship(calls, gateway="test")
    await drift.keep()


async def test_from_too_few_calls_to_an_alarm_that_is_acknowledged(site: Site) -> None:
    drift, traffic = await watched(site)
    await arrive(site, drift, traffic, 37)
    page = (await site.as_person("auditor", "GET", BASE)).text
    assert "Not enough calls yet: 37 of 60" in page
    assert "What will be watched" in page
    await arrive(site, drift, traffic, 23 + 30)
    page = (await site.as_person("auditor", "GET", BASE)).text
    assert "No alarm is open" in page
    assert "covers less than a day" in page
    await arrive(site, drift, traffic, 30, answer_words=12)
    status = (await site.api("auditor", "GET", BASE)).json()
    [alarm] = status["alarms"]
    assert [each["feature"] for each in alarm["features"]] == ["answer_length"]
    page = (await site.as_person("owner", "GET", BASE)).text
    assert "answers got shorter by" in page
    for call_id in (*alarm["examples"][0]["before"], *alarm["examples"][0]["after"]):
        assert f'href="/calls/{call_id}"' in page
    said = f"{BASE}/alarms/{alarm['id']}"
    refused = await site.as_person("owner", "POST", said, data={"resolution": "expected", "reason": ""})
    assert (refused.status_code, "say why" in refused.text) == (400, True)
    other = {"resolution": "fixed", "reason": "!"}
    assert (
        await site.as_person("owner", "POST", f"/use-cases/{OTHER}/drift/alarms/{alarm['id']}", data=other)
    ).status_code == 404
    taken = await site.as_person("owner", "POST", said, data={"resolution": "expected", "reason": "a <b>campaign</b>"})
    assert taken.headers["location"] == f"{BASE}?done=acknowledged"
    page = (await site.as_person("owner", "GET", BASE)).text
    assert "a &lt;b&gt;campaign&lt;/b&gt;" in page
    again = await site.api("owner", "POST", f"{BASE}/alarms/{alarm['id']}/acknowledge", json=other)
    assert again.status_code == 409
    assert (await site.api("reviewer", "POST", f"{BASE}/alarms/{alarm['id']}/acknowledge", json=other)).status_code == 403
    listed = (await site.api("auditor", "GET", "/drift/alarms", params={"use_case": OWN})).json()["alarms"]
    assert [(each["id"], each["resolution"]) for each in listed] == [(alarm["id"], "expected")]


async def test_a_reference_is_asked_for_and_made(site: Site) -> None:
    drift, traffic = await watched(site)
    await arrive(site, drift, traffic, 55)
    days = {"since": f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}", "until": f"{datetime.now(UTC):%Y-%m-%d}"}
    wrong = await site.as_person("it", "POST", f"{BASE}/reference", data={"since": "yesterday", "reason": "usual days"})
    assert (wrong.status_code, "no day" in wrong.text) == (400, True)
    few = await site.api(
        "it", "POST", f"{BASE}/reference", json={"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z", "reason": "!"}
    )
    assert few.status_code == 400
    asked = await site.as_person("it", "POST", f"{BASE}/reference", data={**days, "until": "", "reason": "usual days"})
    assert asked.status_code == 303
    assert "has asked for a new reference" in (await site.as_person("it", "GET", BASE)).text
    twice = await site.api("it", "POST", f"{BASE}/reference", json={"reason": "again"})
    assert twice.status_code == 409
    await arrive(site, drift, traffic, 5)
    status = (await site.api("auditor", "GET", BASE)).json()
    assert (status["reference"]["origin"], status["reference"]["calls"]) == ("by_hand", 60)
    references = (await site.api("auditor", "GET", f"{BASE}/references")).json()["references"]
    assert [each["id"] for each in references] == [status["reference"]["id"]]
    assert (await site.as_person("auditor", "GET", f"{BASE}?version=ffff")).status_code == 400
