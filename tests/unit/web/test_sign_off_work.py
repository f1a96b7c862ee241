"""The API of those who sign: queue, claims, two people, blind second reviews, absences, and stops that keep texts back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from tests.unit.services import bank
from tests.unit.web.site import OWN, Site

from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import SignOffRule
from groundcrew.store import catalog

PATH = "/sign-offs"


async def declare(site: Site, **rule: Any) -> None:
    """A rule for the use case of the site, and the qualification for some of its people."""
    use_case = await site.services.use_cases.get(OWN)
    said = SignOffRule(**{"when": "always", "qualification": "clerk"} | rule)
    async with site.services.database.write("test") as writer:
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, sign_off=said), "declare")
        for each in await site.services.users.find():
            if each.name in ("reviewer", "business", "legal", "auditor"):
                qualified = msgspec.structs.replace(each, qualifications=("clerk",))
                await catalog.USERS.put(writer, qualified, "qualify")


async def hold(site: Site, draft: str = "A draft.", *, trust: TrustReport | None = None) -> str:
    now = site.services.database.clock.now()
    call = bank.call(
        use_case=OWN,
        status="held",
        answer="",
        withheld_answer=draft,
        withheld_trust=trust,
        sign_off_id=new_id(),
        received_at=now,
    )
    await site.services.calls.ship([call], gateway="gateway-1")
    return str(call.sign_off_id)


async def test_two_people_claim_and_sign_what_they_saw(site: Site) -> None:
    await declare(site, readers=2, respond_within_s=600)
    item = await hold(site)
    taken = (await site.api("reviewer", "POST", f"{PATH}/next", params={"use_case": OWN})).json()["next"]
    assert (taken["waiting"]["sign_off"]["id"], taken["text"]) == (item, "A draft.")
    refused = await site.api("business", "POST", f"{PATH}/{item}/claim")
    assert (refused.status_code, "reviewer has sign-off" in refused.text) == (409, True)
    (queued,) = (await site.api("business", "GET", f"{PATH}/queue", params={"mine": "true"})).json()["waiting"]
    assert (queued["claim"]["holder"], queued["timing"], queued["why_not"]) == ("reviewer", "due", "reviewer has it before them")
    edit = {"decision": "edit", "text": "Another text."}
    assert (await site.api("reviewer", "POST", f"{PATH}/{item}/decide", json=edit)).json()["state"] == "pending"
    polled = (await site.as_key("GET", f"{PATH}/{item}")).json()
    assert (polled["state"], polled["text"], polled["sha256"], polled["comment"]) == ("pending", None, None, None)
    stands = (await site.api("business", "GET", f"{PATH}/{item}/draft")).json()
    assert stands["text"] == "Another text."
    blind = await site.api("business", "POST", f"{PATH}/{item}/decide", json={"decision": "approve"})
    assert (blind.status_code, "sha256" in blind.text) == (409, True)
    approve = {"decision": "approve", "sha256": stands["sha256"]}
    signed = (await site.api("business", "POST", f"{PATH}/{item}/decide", json=approve)).json()
    assert (signed["state"], signed["text"], signed["sha256"]) == ("edited", "Another text.", stands["sha256"])
    assert (await site.api("business", "POST", f"{PATH}/{item}/release-claim")).status_code == 204
    assert (await site.api("reviewer", "POST", f"{PATH}/next", params={"use_case": OWN})).json() == {"next": None}


async def test_a_key_takes_judges_and_is_away_from_nothing(site: Site) -> None:
    await declare(site)
    item = await hold(site)
    for method, path in (
        ("POST", f"{PATH}/next"),
        ("POST", f"{PATH}/{item}/claim"),
        ("POST", f"{PATH}/{item}/decide"),
        ("POST", f"{PATH}/{item}/second-review"),
        ("GET", f"{PATH}/{item}/draft"),
        ("GET", f"{PATH}/queue"),
        ("POST", "/absences"),
    ):
        answer = await site.as_key(method, path, **({"json": {"decision": "approve"}} if method == "POST" else {}))
        assert answer.status_code == 403, (path, answer.text)


async def test_a_second_review_is_blind(site: Site) -> None:
    await declare(site, second_review_share=1.0)
    item = await hold(site)
    await site.api("reviewer", "POST", f"{PATH}/{item}/decide", json={"decision": "approve", "comment": "I am sure"})
    (task,) = (await site.api("business", "GET", f"{PATH}/second-reviews")).json()["tasks"]
    assert (task["sign_off_id"], task["draft"]) == (item, "A draft.")
    for path in (f"{PATH}/{item}", f"{PATH}/{item}/draft"):
        assert (await site.api("business", "GET", path)).status_code == 409
    listed = (await site.api("business", "GET", PATH, params={"use_case": OWN})).text
    assert item not in listed
    assert "I am sure" not in listed
    assert item in (await site.api("reviewer", "GET", PATH)).text
    assert (await site.as_key("GET", f"{PATH}/{item}")).json()["state"] == "approved", (
        "the application waits for no second review"
    )
    judged = {"decision": "reject", "comment": "wrong"}
    answer = await site.api("business", "POST", f"{PATH}/{item}/second-review", json=judged)
    assert answer.json() == {"agrees": False}
    (found,) = (await site.api("auditor", "GET", f"{PATH}/agreement")).json()["agreement"]
    assert (found["share"]["n"], found["disagreements"]) == (1, [item])
    assert (await site.api("business", "GET", f"{PATH}/{item}")).json()["state"] == "approved"


async def test_no_way_round_tells_a_second_reviewer_the_first_decision(site: Site) -> None:
    await declare(site, second_review_share=1.0, webhook="app")
    hook = Channel(name="app", kind="webhook", url="https://app.example/hooks", secret="env:S")
    async with site.services.database.write("test") as writer:
        await catalog.CHANNELS.put(writer, hook, "apply")
    item = await hold(site, trust=TrustReport(trust=0.9, state="supported", verifier="v1"))
    call_id = (await site.services.sign_offs.get(item)).call_id
    signed = await site.api("reviewer", "POST", f"{PATH}/{item}/decide", json={"decision": "approve"})
    sha256 = signed.json()["sha256"]
    key = f"sign-off/{item}/released"
    for path, body in (("claim", None), ("decide", {"decision": "reject", "comment": "no"})):
        answer = await site.api("business", "POST", f"{PATH}/{item}/{path}", **({"json": body} if body else {}))
        assert (answer.status_code, "you may judge it a second time" in answer.text) == (409, True)
        assert "approved" not in answer.text
        page = await site.as_person("business", "POST", f"{PATH}/{item}/{path}", data=body or {})
        assert (page.status_code, "is approved" in page.text) == (409, False)
    paths = ("/deliveries", f"/deliveries?subject=sign-off/{item}", f"/labels?use_case={OWN}")
    for path in paths:
        shown = await site.api("business", "GET", path)
        assert shown.status_code == 200
        assert not any(each in shown.text for each in (item, call_id, sha256)), path
        seen = (await site.api("reviewer", "GET", path)).text
        assert item in seen or call_id in seen, path
    for event in ("released", "rejected"):
        hidden = await site.api("business", "GET", f"/deliveries/sign-off/{item}/{event}")
        assert (hidden.status_code, sha256 in hidden.text) == (409, False), "that there is none would tell as well"
    assert (await site.api("reviewer", "GET", f"/deliveries/{key}")).status_code == 200
    assert item not in (await site.as_person("business", "GET", "/deliveries")).text
    assert item in (await site.as_person("reviewer", "GET", "/deliveries")).text
    for role, shown in (("business", False), ("it", True)):
        page = (await site.as_person(role, "GET", f"/spot-checks/{OWN}")).text.split("<main")[1]
        assert (call_id in page) == shown, role
    await site.api("business", "POST", f"{PATH}/{item}/second-review", json={"decision": "approve"})
    assert (await site.api("business", "GET", f"/deliveries/{key}")).status_code == 200
    assert call_id in (await site.api("business", "GET", f"/labels?use_case={OWN}")).text


async def test_a_stop_keeps_the_signed_text_back(site: Site) -> None:
    await declare(site)
    item = await hold(site)
    await site.api("reviewer", "POST", f"{PATH}/{item}/decide", json={"decision": "approve"})
    async with site.services.database.write("test") as writer:
        await catalog.KILL_SWITCHES.put(writer, KillSwitch(scope=Scope("all"), state="tripping"), "trip")
    polled = (await site.as_key("GET", f"{PATH}/{item}")).json()
    assert (polled["state"], polled["text"], polled["sha256"]) == ("pending", None, None)
    assert polled["withheld"] == "stopped by the kill switch all (tripping)"


async def test_people_say_that_they_are_away(site: Site) -> None:
    await declare(site, readers=2)
    now = site.services.database.clock.now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(days=3)).isoformat()}
    made = (await site.api("reviewer", "POST", "/absences", json={**times, "delegate": "business"})).json()
    assert (made["person"], made["delegate"]) == ("reviewer", "business")
    naive = {**times, "ends_at": "2027-01-01T00:00:00"}
    assert "with its zone" in (await site.api("business", "POST", "/absences", json=naive)).text
    other = {**times, "person": "business"}
    assert (await site.api("legal", "POST", "/absences", json=other)).status_code == 403
    for name in ("business", "legal"):
        answer = await site.api("admin", "POST", "/absences", json={**times, "person": name})
        assert answer.status_code == 201, answer.text
    found = (await site.api("auditor", "GET", f"{PATH}/unattended")).json()["unattended"]
    alone = next(each for each in found if each["qualification"] == "clerk")
    assert (alone["use_case"], alone["present"], alone["needed"]) == (OWN, [], 2), "an auditor only looks"
    assert (await site.api("business", "POST", f"/absences/{made['id']}/end")).status_code == 404
    assert (await site.api("reviewer", "POST", f"/absences/{made['id']}/end")).json()["ended_at"] is not None
    away = (await site.api("auditor", "GET", "/absences")).json()["absences"]
    assert {each["person"] for each in away} == {"business", "legal"}
