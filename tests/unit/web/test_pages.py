"""Pages: hostile texts stay text, every kind of call has its page, samples say so, and every form works without JavaScript."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest
from tests.unit.web.site import OTHER, OWN, Site, call

from groundcrew.domain.call import CallStatus, GuardResult, SourceReference
from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding, OverlapKind, OverlapReason, OverlapState, pair_id
from groundcrew.domain.trust import ClaimScore, StageCost, TrustReport
from groundcrew.services.feedback import NewOutcome, NewRating
from groundcrew.services.views import Views
from groundcrew.store import catalog, deciding
from groundcrew.store.tables import enforcement_points

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} \u202e"


def hostile_call(**fields: object) -> object:
    """A call in which every text is hostile."""
    report = TrustReport(
        trust=0.2,
        state="unsupported",
        reason=HOSTILE,
        claims=(
            ClaimScore(start=0, end=12, support=0.1, source=0, quote=(0, 20), reasons=(HOSTILE,), contradicted=True),
            ClaimScore(start=6, end=30, support=0.1, source=7, quote=(5, 900)),
            ClaimScore(start=-3, end=900, support=0.1, decided_by=HOSTILE),
        ),
        stages=(
            StageCost(name="shipped", claims=3, latency_ms=2.0),
            StageCost(name=HOSTILE, claims=1, latency_ms=9.0, cost_usd=None),
        ),
        unsupported=((0, 12),),
    )
    guard = GuardResult(
        guard=HOSTILE, place="input", verdict="flag", action=HOSTILE, mode="enforce", types={HOSTILE: 2}, reason=HOSTILE
    )
    values: dict[str, object] = {
        "request": HOSTILE,
        "answer": HOSTILE,
        "withheld_answer": HOSTILE,
        "trust": report,
        "withheld_trust": report,
        "sources": (SourceReference(passage_id=HOSTILE, document=HOSTILE, title=HOSTILE, text=HOSTILE),),
        "guards": (guard,),
        "case_id": HOSTILE,
        "error_code": HOSTILE,
        "details": {"held_because": HOSTILE, "verifier_problems": [HOSTILE], "judges": {"cost_usd": None}},
        "latency_ms": {HOSTILE: 3.0, "total": 4.0},
    }
    return call(**{**values, **fields})


def assert_harmless(page: str) -> None:
    assert "<script>alert" not in page
    assert "<img src=x" not in page


async def test_hostile_texts_are_only_text(site: Site) -> None:
    sign_off = "01a20000-0000-7000-8000-000000000001"
    shown = hostile_call()
    await site.services.calls.ship([shown, hostile_call(status="held", sign_off_id=sign_off)], gateway="test")  # type: ignore[list-item]
    await site.services.feedback.rate(
        NewRating(stars=1, rater=HOSTILE, call_id=shown.id, comment=HOSTILE, corrected_text=HOSTILE),
        actor="user:test",  # type: ignore[attr-defined]
    )
    for path in (
        f"/calls/{shown.id}",  # type: ignore[attr-defined]
        "/calls",
        f"/use-cases/{OWN}",
        f"/use-cases/{OWN}/calls",
        f"/sign-offs/{sign_off}",
        "/sign-offs",
        "/",
    ):
        answer = await site.as_person("admin", "GET", path)
        assert answer.status_code == 200, path
        assert_harmless(answer.text)
    for path in (f"/?q={HOSTILE}", f"/audit?subject={HOSTILE}", f"/calls?use_case={HOSTILE}", "/kill-switches?scope=" + HOSTILE):
        assert_harmless((await site.as_person("admin", "GET", path)).text)
    assert_harmless((await site.client.get("/sign-in?next=" + HOSTILE)).text)
    form = {"scope": HOSTILE, "reason": HOSTILE, "confirm": "stop"}
    assert_harmless((await site.as_person("admin", "POST", "/kill-switches/stop", data=form)).text)
    assert_harmless((await site.as_person("admin", "POST", "/users", data={"name": HOSTILE[:60], "roles": "owner"})).text)


@pytest.mark.parametrize("status", get_args(CallStatus))
async def test_every_kind_of_call_has_its_page(site: Site, status: CallStatus) -> None:
    bare = call(status=status, request="")
    states = ("supported", "unsupported", "no_claims", "no_sources")
    scored = [call(status=status, answer="x", trust=TrustReport(trust=None, state=state)) for state in states]  # type: ignore[arg-type]
    await site.services.calls.ship([bare, *scored], gateway="test")
    for each in (bare, *scored):
        page = await site.as_person("auditor", "GET", f"/calls/{each.id}")
        assert page.status_code == 200
        assert status in page.text


async def test_samples_say_so_wherever_they_show(site: Site) -> None:
    sample = call(answer="x", sample=True)
    await site.services.calls.ship([sample], gateway="test")
    await site.services.feedback.rate(NewRating(stars=5, rater="a", use_case=OWN, case_id="c", sample=True), actor="user:test")
    await site.services.feedback.add_outcomes(OWN, [NewOutcome(metric="m", value=1, case_id="c", sample=True)], actor="user:test")
    page = (await site.as_person("owner", "GET", f"/use-cases/{OWN}")).text
    for section in ("ratings", "outcomes", "calls"):
        part = page.split(f'id="{section}"')[1].split("</section>")[0]
        assert ">SAMPLE<" in part, section
    assert ">SAMPLE<" in (await site.as_person("owner", "GET", f"/calls/{sample.id}")).text


async def test_a_refused_advance_shows_the_list(site: Site) -> None:
    answer = await site.as_person("owner", "POST", f"/use-cases/{OWN}/advance", data={"to": "pilot", "reason": "now"})
    assert answer.status_code == 409
    refusal = answer.text.split('id="refusal"')[1].split("</section>")[0]
    assert "Hypothesis registered" in refusal
    assert "state good" not in refusal
    for data in ({"to": "pilot", "reason": ""}, {"to": "scale", "reason": "x"}, {"to": "moon", "reason": "x"}):
        assert (await site.as_person("owner", "POST", f"/use-cases/{OWN}/advance", data=data)).status_code in (400, 409)


async def test_forms_that_change_a_use_case(site: Site) -> None:
    base = f"/use-cases/{OWN}"
    for role, path, data in (
        ("business", f"{base}/hypothesis/register", {}),
        ("reviewer", f"{base}/gate", {}),
        ("legal", f"{base}/attest", {"subject": "impact_assessment", "statement": "Sound."}),
        ("it", f"/use-cases/{OTHER}/demote", {"to": "rejected", "reason": "Nobody needs it."}),
    ):
        answer = await site.as_person(role, "POST", path, data=data)
        assert answer.status_code == 303, answer.text
        assert (await site.as_person(role, "GET", answer.headers["location"])).status_code == 200
    again = await site.as_person("business", "POST", f"{base}/hypothesis/register", data={})
    assert again.status_code == 409
    assert "is registered and cannot become registered" in again.text
    page = (await site.as_person("auditor", "GET", base)).text
    assert "unaltered" in page
    assert "impact_assessment" in page


async def test_a_person_rates_a_call(site: Site) -> None:
    data = {"stars": "4", "comment": "Good.", "critical_harm": "no", "corrected_text": ""}
    answer = await site.as_person("reviewer", "POST", f"/calls/{site.call_id}/rate", data=data)
    assert answer.status_code == 303
    (rating,) = await site.services.feedback.ratings(OWN)
    assert (rating.stars, rating.rater, rating.critical_harm, rating.corrected_text) == (4, "reviewer", False, "")
    for wrong in ({"stars": "9"}, {"stars": "x"}, {}, {"stars": "4", "other": "1"}):
        assert (await site.as_person("reviewer", "POST", f"/calls/{site.call_id}/rate", data=wrong)).status_code == 400


async def test_a_qualified_person_signs_off(site: Site) -> None:
    path = f"/sign-offs/{site.sign_off_id}"
    assert "Sign as" not in (await site.as_person("admin", "GET", path)).text
    assert "Sign as reviewer" in (await site.as_person("reviewer", "GET", path)).text
    assert (await site.as_person("admin", "POST", f"{path}/decide", data={"decision": "approve"})).status_code == 403
    assert (await site.as_person("reviewer", "POST", f"{path}/decide", data={"decision": "reject"})).status_code == 400
    kept = await site.as_person(
        "reviewer", "POST", f"{path}/decide", data={"decision": "edit", "text": "  ", "comment": "My words."}
    )
    assert kept.status_code == 400
    assert "My words." in kept.text
    assert (await site.as_person("reviewer", "POST", f"{path}/decide", data={"decision": "approve"})).status_code == 303
    assert "approved" in (await site.as_person("reviewer", "GET", path)).text


async def test_a_gateway_that_ended_elsewhere_is_forgotten(site: Site) -> None:
    database = site.services.database
    await site.services.snapshots.acknowledge(gateway="gateway-9", host="there", process_id=1, version=1, on="another boot")
    form = {"gateway": "gateway-9", "reason": "its machine was sold"}
    assert (await site.as_person("on_call", "POST", "/kill-switches/forget", data=form)).status_code == 409
    assert 'id="forget"' not in (await site.as_person("on_call", "GET", "/kill-switches")).text
    async with database.operate() as connection:
        await connection.execute(enforcement_points.update().values(seen_at_s=1.0))
    assert 'id="forget"' in (await site.as_person("on_call", "GET", "/kill-switches")).text
    assert 'id="forget"' not in (await site.as_person("auditor", "GET", "/kill-switches")).text
    assert (await site.as_person("auditor", "POST", "/kill-switches/forget", data=form)).status_code == 403
    assert (await site.as_person("on_call", "POST", "/kill-switches/forget", data=form)).status_code == 303
    assert await site.services.kill_switches.points() == []
    (entry,) = await site.services.audit.latest(subject="gateway/gateway-9")
    assert entry.reason == "its machine was sold"


async def test_stopping_and_starting_again(site: Site) -> None:
    form = {"scope": f"use-case:{OWN}", "reason": "A wrong fee.", "confirm": "no"}
    refused = await site.as_person("owner", "POST", "/kill-switches/stop", data=form)
    assert refused.status_code == 400
    assert "A wrong fee." in refused.text  # What was typed is not lost.
    assert (await site.as_person("owner", "POST", "/kill-switches/stop", data={**form, "confirm": "Stop"})).status_code == 303
    everywhere = await site.as_person("auditor", "GET", "/knowledge")
    assert f"<strong>use-case:{OWN}</strong>: confirmed stopped" in everywhere.text
    resume = {"scope": form["scope"], "reason": "Corrected."}
    assert (await site.as_person("on_call", "POST", "/kill-switches/resume", data=resume)).status_code == 303
    assert "A second person confirms" in (await site.as_person("on_call", "GET", "/kill-switches")).text
    assert (await site.as_person("on_call", "POST", "/kill-switches/resume", data=resume)).status_code == 409
    assert (await site.as_person("it", "POST", "/kill-switches/resume", data=resume)).status_code == 303
    assert "confirmed stopped" not in (await site.as_person("auditor", "GET", "/")).text


async def test_the_stop_button_is_on_every_page(site: Site) -> None:
    for path in (
        "/",
        f"/use-cases/{OWN}",
        f"/calls/{site.call_id}",
        "/calls",
        "/sign-offs",
        "/knowledge",
        "/knowledge/rules",
        "/spend",
        f"/use-cases/{OWN}/metrics",
        "/audit",
    ):
        page = (await site.as_person("admin", "GET", path)).text
        assert 'class="stop-link" href="/kill-switches' in page, path
    missing = await site.as_person("admin", "GET", "/use-cases/nothing")
    assert missing.status_code == 404
    assert "stop-link" in missing.text


async def test_secrets_show_once(site: Site) -> None:
    made = await site.as_person("it", "POST", f"/use-cases/{OWN}/keys", data={"days": "30"})
    secret = re.findall(r"gc_[\w-]{43}", made.text)[0]
    assert made.headers["cache-control"] == "no-store"
    page = await site.as_person("it", "GET", f"/use-cases/{OWN}/keys")
    assert secret not in page.text
    key_id = re.findall(r"keys/([0-9a-f-]{36})/revoke", page.text)[0]
    revoked = await site.as_person("it", "POST", f"/use-cases/{OWN}/keys/{key_id}/revoke", data={"reason": "leaked"})
    assert revoked.status_code == 303
    account = await site.as_person(
        "admin", "POST", "/users", data={"name": "anna", "roles": ["owner", "legal"], "qualifications": "a, b"}
    )
    assert account.status_code == 201
    password = re.findall(r'class="secret">([^<]+)<', account.text)[0]
    assert password not in (await site.as_person("admin", "GET", "/users")).text
    anna = next(each for each in await site.services.users.find() if each.name == "anna")
    assert (anna.roles, anna.qualifications) == (("owner", "legal"), ("a", "b"))
    for wrong in ({"name": "anna", "roles": "owner"}, {"name": "bert", "roles": "root"}, {"name": "bert"}):
        assert (await site.as_person("admin", "POST", "/users", data=wrong)).status_code in (400, 409)


async def test_an_account_is_changed_and_closed_in_the_console(site: Site) -> None:
    users = site.services.users
    await users.create("leaver", "a long enough password", roles=("owner",), actor="user:admin")
    session = await users.open_session(await users.get("leaver"))
    page = (await site.as_person("admin", "GET", "/users")).text
    assert 'action="/users/leaver/close"' in page
    assert 'action="/users/admin/close"' not in page, "nobody closes their own account"
    changed = await site.as_person("admin", "POST", "/users/leaver/change", data={"roles": ["legal"], "reason": "moved"})
    assert changed.status_code == 303
    assert (await users.get("leaver")).roles == ("legal",)
    renewed = await site.as_person("admin", "POST", "/users/leaver/password", data={})
    secret = re.findall(r'<code class="secret">([^<]*)</code>', renewed.text)
    assert (await users.authenticate("leaver", secret[0])).name == "leaver"
    for path, data in (("close", {"reason": ""}), ("change", {"roles": [], "reason": "x"}), ("reopen", {"reason": "x"})):
        refused = await site.as_person("admin", "POST", f"/users/leaver/{path}", data=data)
        assert refused.status_code in (400, 409)
        assert "New account" in refused.text, "the page says what is wrong, and stays"
    assert (await site.as_person("reviewer", "POST", "/users/leaver/close", data={"reason": "x"})).status_code == 403
    assert (await site.as_person("admin", "POST", "/users/leaver/close", data={"reason": "left"})).status_code == 303
    assert await users.session_user(session) is None
    assert 'action="/users/leaver/reopen"' in (await site.as_person("admin", "GET", "/users")).text


async def test_what_one_may_not_do_is_not_offered(site: Site) -> None:
    page = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}")).text
    for action in ("advance", "demote", "attest", "hypothesis/register", "overlap-scan"):
        assert f'action="/use-cases/{OWN}/{action}"' not in page
    assert 'href="/users"' not in page
    assert 'href="/audit"' in page
    assert 'href="/audit' not in (await site.as_person("legal", "GET", f"/use-cases/{OWN}")).text


async def test_what_was_decided_of_an_overlap_is_told_on_the_page_of_a_use_case_at_any_stage(site: Site) -> None:
    today = site.services.database.clock.now().date()
    item = VendorCapability(
        vendor="Officia",
        product="Officia Work",
        name=HOSTILE,
        description="Answer letters",
        status="ga",
        source="https://officia.example/work",
        checked_on=today,
    )
    moment = site.services.database.clock.now()
    decided: dict[str, Any] = {
        "score": 0.9,
        "reason": OverlapReason(similarity=1, terms=1, task=1),
        "found_at": moment,
        "since": moment,
    }
    decided |= {"settled_by": "user:bea", "settled_at": moment, "why": HOSTILE, "use_case": OWN}
    pairs: list[tuple[OverlapKind, str, OverlapState, str | None]] = [
        ("use_case", OTHER, "join_existing", OTHER),
        ("capability", item.id, "adopt_vendor", None),
    ]
    async with site.services.database.write("user:bea") as writer:
        await deciding.CAPABILITIES.put(writer, item, "import")
        for kind, other, state, into in pairs:
            finding = OverlapFinding(id=pair_id(kind, OWN, other), kind=kind, other=other, state=state, into=into, **decided)
            await deciding.OVERLAPS.put(writer, finding, "settle")
    for stage in ("pilot", "scale"):
        async with site.services.database.write("user:bea") as writer:
            use_case = await catalog.USE_CASES.get(writer.connection, OWN)
            assert use_case is not None
            await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, stage=stage), "advance")
        page = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}")).text
        assert f'it joins <a href="/use-cases/{OTHER}">{OTHER}</a>; retire this one.' in page
        assert "takes its place. Declare <code>solution: vendor_feature</code>, or retire it." in page
        assert_harmless(page)
    assert "retire this one" not in (await site.as_person("auditor", "GET", f"/use-cases/{OTHER}")).text


async def test_the_portfolio_finds(site: Site) -> None:
    page = (await site.as_person("auditor", "GET", "/?q=minutes")).text
    assert f"/use-cases/{OTHER}" in page
    assert f"/use-cases/{OWN}" not in page
    assert "Nothing fits" in (await site.as_person("auditor", "GET", "/?q=zzz")).text


async def test_the_spending_page_shows_calls_and_budgets_and_keeps_what_it_is_given_inert(site: Site) -> None:
    for by in ("use-case", "unit", "model", "key", "user", "day"):
        page = (await site.as_person("auditor", "GET", f"/spend?by={by}&since=3000d")).text
        assert "Calls of unknown cost" in page
        assert "Budgets of use cases now" in page
    assert f'href="/use-cases/{OWN}"' in (await site.as_person("owner", "GET", "/spend?since=3000d")).text
    assert (await site.as_person("owner", "GET", "/spend?since=" + "%3Cscript%3E")).status_code == 400
    assert (await site.as_person("owner", "GET", "/spend?by=colour")).status_code == 400
    api = await site.as_person("auditor", "GET", "/api/v1/spend?by=model&since=2020-01-01")
    assert {"rows", "total", "warnings"} <= set(api.json())


async def test_the_audit_page_verifies(site: Site) -> None:
    assert "Sound:" in (await site.as_person("auditor", "POST", "/audit/verify", data={})).text
    assert "Nothing is like that" in (await site.as_person("auditor", "GET", "/audit?subject=use-case/none")).text


async def test_shadow_copies_show_in_their_own_table_and_nowhere_else(site: Site) -> None:
    digest = (await site.services.shadows.compare(OWN)).version_digest
    main = call(version_digest=digest, answer="Main text")
    copies = [
        call(version_digest=digest, shadow_of=main.id, target_model="trial", answer="Shadow text", trust=trust)
        for trust in (TrustReport(trust=0.1, state="unsupported"), main.trust)
    ]
    await site.services.calls.ship([main, *copies], gateway="test")
    page = (await site.as_person("owner", "GET", f"/use-cases/{OWN}")).text
    assert "Shadow − main" in page
    assert "/ trial, 2 pairs of this version" in page
    assert "Shadow text" not in page
    for listed in (f"/use-cases/{OWN}/calls", "/calls"):
        rows = (await site.as_person("owner", "GET", listed)).text
        assert main.id in rows
        assert copies[0].id not in rows
    shown = (await site.as_person("owner", "GET", f"/calls/{copies[0].id}")).text
    assert "sent to nobody" in shown
    assert f"/calls/{main.id}" in shown
    assert f"/calls/{copies[0].id}/rate" not in shown
    answer = (await site.as_person("owner", "GET", f"/api/v1/use-cases/{OWN}/shadow")).json()
    assert [(each["model"], each["pairs"]) for each in answer["targets"]] == [("trial", 2)]
    assert answer["targets"][0]["similarity"]["n"] == 2
    listed = (await site.as_person("owner", "GET", f"/api/v1/calls?use_case={OWN}&shadows=true")).json()["calls"]
    assert {each.id for each in copies} <= {each["id"] for each in listed}


async def test_a_call_shows_who_decided_each_claim_at_what_price(site: Site) -> None:
    text = "It costs CHF 20. It is free. It is blue. It is old."
    deciders = ("checks", "second-look", None, "second-look")
    claims = tuple(
        ClaimScore(start=start, end=start + 10, support=0.9 if name else 0.2, decided_by=name)
        for start, name in zip((0, 17, 29, 41), deciders, strict=True)
    )
    stages = (
        StageCost(name="shipped", claims=4, latency_ms=3.0),
        StageCost(name="second-look", claims=3, latency_ms=412.0, cost_usd=0.0042),
    )
    report = TrustReport(trust=0.2, state="unsupported", claims=claims, unsupported=((29, 39),), stages=stages)
    details = {"judges": {"cost_usd": 0.0042}, "verifier_problems": ["second-look: no verdict"]}
    shown = call(answer=text, trust=report, details=details)
    await site.services.calls.ship([shown], gateway="test")
    page = (await site.as_person("admin", "GET", f"/calls/{shown.id}")).text
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "decided by second-look" in words
    assert "shipped stack 4 1 3.0 ms" in words
    assert re.search(r"second-look 3 2 412 ms \$0.004", words)
    assert "1 claim left open" in words
    assert "second-look: no verdict" in words


async def test_the_metrics_page_shows_intervals_and_calls_that_measures_disagree_about(site: Site) -> None:
    services = site.services
    view = await services.metrics.report(OWN, meanings=False)
    now, answer = services.database.clock.now(), "A letter takes two days."
    calls = [call(version_digest=view.version_digest, received_at=now, answer=answer) for _ in range(12)]
    await services.calls.ship(calls, gateway="gateway-1")
    for place, each in enumerate(calls):
        rating = NewRating(stars=1 + place % 5, rater="lin", call_id=each.id, corrected_text=HOSTILE if place == 4 else "")
        await services.feedback.rate(rating, actor="user:lin")
    page = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}/metrics")).text
    assert_harmless(page)
    for words in ("Stars", "Kept of the draft", "Resolved without a human", "Handle time, median", "Do the measures agree?"):
        assert words in page
    assert 'class="whisker"' in page
    assert f'href="/calls/{calls[4].id}"' in page
    assert "5 stars, but" in page
    bad = await site.as_person("auditor", "GET", f"/use-cases/{OWN}/metrics?since=" + "%3Cscript%3E")
    assert bad.status_code == 400
    assert_harmless(bad.text)
    assert (await site.as_person("auditor", "GET", f"/use-cases/{OWN}/metrics?version=zz")).status_code == 400
    report = await site.as_person("auditor", "GET", f"/api/v1/use-cases/{OWN}/metrics?meanings=false")
    assert {"stars", "automation_rate"} <= {each["name"] for each in report.json()["figures"]}
    signals = await site.as_person("auditor", "GET", f"/api/v1/use-cases/{OWN}/signals")
    assert signals.json()["calls"] == 12
    assert (await site.as_person("auditor", "GET", "/api/v1/use-cases/none/metrics")).status_code == 404
    assert len((await site.as_person("auditor", "GET", "/api/v1/metrics")).json()) > 15


async def test_the_navigation_marks_where_one_is_and_leads_only_where_one_may_go(site: Site) -> None:
    for path, entry, menu in (
        ("/ratings", "Ratings", None),
        ("/models", "Models", "Operate"),
        ("/evaluations", "Evaluations", "Evidence"),
        ("/audit", "Audit", "Records"),
    ):
        page = (await site.as_person("auditor", "GET", path)).text
        found = page.split('<nav class="nav"')[1].split("</nav>")[0]
        assert re.findall(r'aria-current="page">([^<]*)<', found) == [entry]
        marked = re.findall(r'<summary class="here">([^<]*)<span class="visually-hidden">, you are at ([^<]*)<', found)
        assert marked == ([(menu, entry)] if menu else [])
        assert "Users" not in found, "an auditor manages nobody"
        assert "onclick" not in found
    reviewer = (await site.as_person("reviewer", "GET", "/")).text
    assert ("/audit" in reviewer) is ("Records" in reviewer)
    assert "stop-link" in reviewer


async def test_every_page_of_a_use_case_leads_to_all_the_others(site: Site) -> None:
    base = f"/use-cases/{OWN}"
    pages = [base, *(f"{base}/{each}" for each in ("governance", "experiment", "metrics", "ratings", "trust"))]
    for path in (*pages, f"/evaluations?use_case={OWN}"):
        row = (await site.as_person("auditor", "GET", path)).text.split('<nav class="pages"')[1].split("</nav>")[0]
        assert {f'href="{each}"' for each in (*pages, f"/evaluations?use_case={OWN}")} <= set(re.findall(r'href="[^"]*"', row))
        assert re.findall(r'href="([^"]*)" aria-current="page"', row) == [path]
        assert "/keys" not in row, "an auditor creates no keys"
    assert (await site.as_person("auditor", "GET", "/evaluations?use_case=nobody")).status_code == 404


async def test_what_blocks_the_next_gate_comes_first(site: Site) -> None:
    page = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}")).text
    blocks = page.split('id="blocks"')[1].split("</div>")[0]
    assert "criteria keep it out of Pilot" in blocks
    for key in re.findall(r'href="#check-([^"]*)"', blocks):
        assert f'class="check pass" id="check-{key}"' not in page
        assert f'id="check-{key}"' in page
    assert page.index('id="blocks"') < page.index('id="gate"') < page.index('id="about"') < page.index('id="calls"')


async def test_an_outcome_that_is_a_share_keeps_within_its_bounds(site: Site) -> None:
    none, some = [
        [NewOutcome(metric=name, value=float(each < hits), unit="share", case_id=f"{name}-{each}") for each in range(240)]
        for name, hits in (("nobody", 0), ("few", 3))
    ]
    slow = [NewOutcome(metric="waits", value=0.0, unit="s", case_id=f"w-{each}") for each in range(3)]
    await site.services.feedback.add_outcomes(OWN, [*none, *some, *slow], actor="user:test")
    rows = {each.metric: each.mean for each in (await Views(site.services.database).use_case(OWN)).outcomes}
    assert rows["nobody"].lower == 0
    assert 0.01 < rows["nobody"].upper < 0.02, "0 of 240 has a bound"
    assert 0 < rows["few"].lower < 3 / 240 < rows["few"].upper
    assert rows["waits"].method != rows["few"].method, "seconds are no share"


async def test_what_was_not_answered_is_not_rated_and_words_say_which_ratings_there_are(site: Site) -> None:
    refused, answered = call(status="refused", error_code="data_class_not_allowed"), call(answer="x")
    await site.services.calls.ship([refused, answered], gateway="test")
    pages = [(await site.as_person("reviewer", "GET", f"/calls/{each.id}")).text for each in (refused, answered)]
    assert ["How good is this answer?" in page for page in pages] == [False, True]
    assert "there is nothing to rate" in pages[0]
    await site.services.feedback.rate(NewRating(stars=5, rater="a", use_case=OWN, case_id="c9", sample=True), actor="user:test")
    page = (await site.as_person("owner", "GET", f"/use-cases/{OWN}")).text
    assert "Only sample ratings of this version so far." in page
