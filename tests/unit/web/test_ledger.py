"""Resources, champions, the playbook and the backlog over HTTP and in the console: who may say what, and that forms do it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.site import OTHER, OWN, Site, call

from groundcrew.domain.resource import Resource, period_of
from groundcrew.services import decision_effects
from groundcrew.services.declared import Declarations, Declared
from groundcrew.web.console.markdown import rendered

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }}"


async def declared(site: Site) -> str:
    """A resource of people and one of money; returns this month."""
    resources = (
        Resource(name="analysts", measure="people_days", owner="head@bank.example", capacity=20, title=HOSTILE),
        Resource(name="budget", measure="usd", owner="cfo@bank.example", capacity=1_000, period="quarter"),
    )
    found = tuple(Declared(value=each, file="r.yaml", line=1) for each in resources)
    await site.services.registry.apply(Declarations(resources=found), actor="user:maria")
    return period_of(site.services.database.clock.now().date(), "month")


async def allocate(site: Site, request: str, **terms: Any) -> None:
    async with site.services.database.write("system:stream") as writer:
        await decision_effects.allocate_resource(writer, decision="decision-1", request=request, terms=terms)


async def test_a_request_through_the_console_from_asking_to_releasing(site: Site) -> None:
    month = await declared(site)
    form = {"resource": "analysts", "use_case": OWN, "amount": "12.5", "periods": [month], "purpose": HOSTILE, "needed_by": ""}
    assert (await site.as_person("auditor", "POST", "/resources", data=form)).status_code == 403
    for change in (
        {"amount": "12,5"},
        {"amount": "many"},
        {"amount": ""},
        {"purpose": " "},
        {"needed_by": "soon"},
        {"periods": ["2020-01"]},
    ):
        refused = await site.as_person("owner", "POST", "/resources", data={**form, **change})
        assert refused.status_code == 400, change
        assert "<script>alert" not in refused.text
    asked = await site.as_person("owner", "POST", "/resources", data=form)
    assert asked.status_code == 303, asked.text
    path = asked.headers["location"].partition("?")[0]
    listed = (await site.as_person("auditor", "GET", "/resources")).text
    assert "12.5 days" in listed
    assert "<script>alert" not in listed
    await allocate(site, path.rpartition("/")[2], amount=10)
    page = (await site.as_person("auditor", "GET", path)).text
    assert "partly allocated" in page
    assert "<script>alert" not in page
    assert "nobody: it was free" in page
    api = (await site.api("owner", "POST", "/resource-requests", json=asking(amount=18, use_case=OTHER))).json()
    await allocate(site, api["id"], donors=[{"request": path.rpartition("/")[2], "amount": 8}])
    page = (await site.as_person("auditor", "GET", path)).text
    assert "maria@bank.example gave up 8 days" in page, "the donor's page names its owner"
    assert f'/resources/requests/{api["id"]}">{OTHER}</a>' in page
    assert OWN in (await site.as_person("auditor", "GET", f"/resources/requests/{api['id']}")).text
    missing = await site.as_person("owner", "POST", f"{path}/release", data={"used": "", "reason": "done"})
    assert missing.status_code == 400
    assert "say how much of" in missing.text
    released = await site.as_person("owner", "POST", f"{path}/release", data={"used": "2", "reason": "done"})
    assert released.status_code == 303
    assert "Released" in (await site.as_person("auditor", "GET", path)).text
    assert (await site.as_person("owner", "POST", f"{path}/release", data={"used": "2", "reason": "done"})).status_code == 409
    assert (await site.as_person("auditor", "GET", "/resources/requests/none")).status_code == 404


def asking(**changes: Any) -> dict[str, Any]:
    return {"resource": "analysts", "use_case": OWN, "amount": 5, "purpose": "label answers"} | changes


async def test_capacity_and_requests_over_the_api(site: Site) -> None:
    month = await declared(site)
    capacity = {"amount": 25, "period": month, "reason": "one more"}
    assert (await site.api("owner", "POST", "/resources/analysts/capacity", json=capacity)).status_code == 403
    assert (await site.api("business", "POST", "/resources/analysts/capacity", json=capacity)).json()["capacity_of"] == {
        month: 25
    }
    form = {"amount": "3", "period": "", "reason": "as it is"}
    assert (await site.as_person("business", "POST", "/resources/analysts/capacity", data=form)).status_code == 303
    assert (
        await site.as_person("business", "POST", "/resources/analysts/capacity", data={**form, "amount": "x"})
    ).status_code == 400
    assert "not declared" not in (await site.as_person("auditor", "GET", "/resources/analysts")).text
    assert (await site.api("auditor", "POST", "/resource-requests", json=asking())).status_code == 403
    assert (await site.as_key("POST", "/resource-requests", json=asking())).status_code == 403
    made = (await site.api("it", "POST", "/resource-requests", json=asking())).json()
    assert (await site.api("it", "POST", "/resource-requests", json=asking(amount=-1))).status_code == 400
    found = (await site.api("auditor", "GET", f"/resource-requests?state=requested&use_case={OWN}")).json()["requests"]
    assert [each["id"] for each in found] == [made["id"]]
    one = (await site.api("auditor", "GET", f"/resource-requests/{made['id']}")).json()
    assert (one["owner"], one["use"][0]["held"]) == ("maria@bank.example", 0)
    listed = (await site.api("auditor", "GET", "/resources?periods=2")).json()["resources"]
    assert [len(each["periods"]) for each in listed] == [2, 2]
    assert (await site.api("auditor", "GET", "/resources/analysts")).json()["periods"][0]["asked"] == 5
    release = f"/resource-requests/{made['id']}/release"
    assert (await site.api("owner", "POST", release, json={"reason": "ours first"})).status_code == 403, "of another use case"
    withdrawn = await site.api("it", "POST", release, json={"reason": "not needed"})
    assert withdrawn.json()["state"] == "released"


async def test_champions_through_the_console_and_the_api(site: Site) -> None:
    form = {"name": "petra@bank.example", "business_unit": "it", "account": "", "reason": ""}
    assert (await site.as_person("owner", "POST", "/champions", data=form)).status_code == 403
    assert (await site.as_person("business", "POST", "/champions", data={**form, "business_unit": "I T"})).status_code == 400
    assert "it</th>" in (await site.as_person("auditor", "GET", "/champions")).text
    assert (await site.as_person("business", "POST", "/champions", data=form)).status_code == 303
    coverage = (await site.api("auditor", "GET", "/champions")).json()
    assert [each["uncarried"] for each in coverage["units"] if each["business_unit"] == "it"] == [
        [[OTHER, "no champion is declared"]]
    ]
    hand = {"to": "petra@bank.example", "use_case": OTHER, "source": "", "reason": "hers"}
    assert (await site.as_person("business", "POST", "/champions/hand-over", data={**hand, "use_case": OWN})).status_code == 409
    assert (await site.as_person("business", "POST", "/champions/hand-over", data=hand)).status_code == 303
    assert (await site.api("auditor", "GET", "/champions/Petra@bank.example")).json()["use_cases"] == [OTHER]
    back = {"to": "petra@bank.example", "from": "petra@bank.example", "reason": "again"}
    assert (await site.api("business", "POST", "/champions/hand-over", json=back)).status_code == 409
    lapse = {"name": "petra@bank.example", "reason": HOSTILE}
    assert (await site.api("owner", "POST", "/champions/lapse", json=lapse)).status_code == 403
    assert (await site.as_person("business", "POST", "/champions/lapse", data={**lapse, "reason": ""})).status_code == 400
    assert (await site.as_person("business", "POST", "/champions/lapse", data=lapse)).status_code == 303
    page = (await site.as_person("auditor", "GET", "/champions")).text
    assert "<script>alert" not in page
    assert "no champion any more" in page
    appointed = await site.api("business", "POST", "/champions", json={"name": "petra@bank.example", "business_unit": "it"})
    assert appointed.json()["state"] == "active"


async def test_the_playbook_is_read_written_and_never_runs_what_it_holds(site: Site) -> None:
    pages = (await site.api("auditor", "GET", "/playbooks")).json()["pages"]
    for each in pages:
        assert each["title"] in (await site.as_person("auditor", "GET", f"/champions/playbook/{each['name']}")).text
    edit = await site.as_person("business", "GET", "/champions/playbook/baseline/edit")
    assert "Without the first number" in edit.text
    assert (await site.as_person("owner", "GET", "/champions/playbook/baseline/edit")).status_code == 403
    text = f"# Ours\n\n{HOSTILE}\n\n[go](javascript:alert(3)) [on](/stream)"
    form = {"title": HOSTILE, "text": text, "note": HOSTILE, "based_on": "0"}
    assert (await site.as_person("owner", "POST", "/champions/playbook/baseline", data=form)).status_code == 403
    assert (await site.as_person("business", "POST", "/champions/playbook/baseline", data=form)).status_code == 303
    stale = await site.as_person("business", "POST", "/champions/playbook/baseline", data=form)
    assert stale.status_code == 409
    assert "wrote version 1 meanwhile" in stale.text
    page = (await site.as_person("auditor", "GET", "/champions/playbook/baseline")).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert '<a href="/stream">on</a>' in page
    earlier = (await site.as_person("auditor", "GET", "/champions/playbook/baseline?version=0")).text
    assert "This is an earlier version" in earlier
    started = await site.as_person("business", "POST", "/champions/playbook", data={"name": "our-own"})
    assert started.headers["location"] == "/champions/playbook/our-own/edit"
    assert (await site.as_person("business", "GET", "/champions/playbook/our-own/edit")).status_code == 200
    assert (await site.as_person("business", "POST", "/champions/playbook", data={"name": "Our own"})).status_code == 400
    body = {"title": "Our own", "text": "Words.", "based_on": 0}
    assert (await site.api("business", "POST", "/playbooks/our-own", json=body)).json()["version"] == 1
    assert len((await site.api("auditor", "GET", "/playbooks/our-own")).json()["versions"]) == 1
    assert (await site.api("auditor", "GET", "/playbooks/none")).status_code == 404


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.sampled_from(["", "[a](", "<", "![", "|a|\n|-|\n|", "    ", "`"]))
def test_whatever_is_written_renders_without_scripts_styles_and_handlers(text: str, before: str) -> None:
    tags = re.findall(r"<(\w+)([^>]*)>", rendered(before + text))
    allowed = {"p", "a", "em", "strong", "code", "pre", "ul", "ol", "li", "h2", "h3", "h4", "h5", "h6", "hr", "br", "s"}
    assert {name for name, _ in tags} <= allowed | {"blockquote", "table", "thead", "tbody", "tr", "th", "td"}
    assert not any(re.search(r"\b(on\w+|style|src)=", attributes) for name, attributes in tags if name != "a")


async def test_an_exploration_through_the_console_until_it_is_a_use_case(site: Site) -> None:
    form = {
        "title": "Short letters",
        "hypothesis": HOSTILE + " customers ask back less often when letters about fees are short",
        "why": "they call",
        "business_unit": "service",
        "owner": "olga@bank.example",
        "days": "10",
        "tokens": "",
        "usd": "",
        "tags": "letters, fees",
        "use_case": "",
        "key_id": "",
    }
    assert (await site.as_person("auditor", "POST", "/backlog", data=form)).status_code == 403
    for change in ({"days": ""}, {"days": "ten"}, {"title": ""}, {"usd": "much"}):
        assert (await site.as_person("owner", "POST", "/backlog", data={**form, **change})).status_code == 400, change
    added = await site.as_person("owner", "POST", "/backlog", data=form)
    path = added.headers["location"].partition("?")[0]
    listed = (await site.as_person("auditor", "GET", "/backlog?q=FEES")).text
    assert "Short letters" in listed
    assert "<script>alert" not in listed
    assert "Nothing like that" in (await site.as_person("auditor", "GET", "/backlog?q=nothing")).text
    assert (await site.as_person("auditor", "GET", "/backlog?q=" + "+a" * 11)).status_code == 400
    like = {"title": "Letters", "hypothesis": "Customers call less often when letters about fees are short"}
    assert "Short letters" in (await site.as_person("auditor", "GET", "/backlog/similar", params=like)).text
    assert (await site.as_person("auditor", "GET", "/backlog/similar")).text.strip() == ""
    assert (await site.as_person("owner", "POST", f"{path}/start", data={})).status_code == 303
    assert (await site.as_person("owner", "POST", f"{path}/start", data={})).status_code == 409
    wider = {"days": "5", "reason": "the data came late"}
    assert (await site.as_person("owner", "POST", f"{path}/extend", data=wider)).status_code == 403, "who started it"
    assert (await site.as_person("it", "POST", f"{path}/extend", data={**wider, "reason": ""})).status_code == 400
    assert (await site.as_person("it", "POST", f"{path}/extend", data=wider)).status_code == 303
    assert (await site.as_person("owner", "POST", f"{path}/finish", data={"outcome": "supported"})).status_code == 400
    done = {"outcome": "supported", "learned": "calls fell by a fifth"}
    assert (await site.as_person("owner", "POST", f"{path}/finish", data=done)).status_code == 303
    page = (await site.as_person("owner", "GET", path)).text
    assert "calls fell by a fifth" in page
    assert "<script>alert" not in page
    draft = {"name": "short-letters", "model": "writer", "autonomy": "assist", "affected_persons": "customers"}
    assert (await site.as_person("owner", "POST", f"{path}/become", data={**draft, "name": OWN})).status_code == 409
    assert (
        await site.as_person("owner", "POST", f"{path}/become", data={**draft, "data_classes": ["internal"]})
    ).status_code == 303
    answer = await site.api("auditor", "GET", f"/explorations/{path.rpartition('/')[2]}/declaration")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert "name: short-letters" in answer.text
    assert "Became short-letters" in (await site.as_person("auditor", "GET", path)).text


async def test_an_exploration_over_the_api(site: Site) -> None:
    body = {
        "title": "Short letters",
        "hypothesis": "Customers call less often when letters are short",
        "why": "they call",
        "business_unit": "service",
        "owner": "olga@bank.example",
        "box": {"days": 5, "tokens": 100, "usd": 2.5},
        "tags": ["letters"],
        "use_case": OTHER,
        "key_id": site.key_ids[OTHER],
    }
    assert (await site.api("auditor", "POST", "/explorations", json=body)).status_code == 403
    assert (await site.api("owner", "POST", "/explorations", json={**body, "box": {"days": 0}})).status_code == 400
    made = (await site.api("owner", "POST", "/explorations", json=body)).json()
    path = f"/explorations/{made['id']}"
    assert (await site.api("owner", "POST", f"{path}/start")).json()["state"] == "running"
    now = site.services.database.clock.now() + timedelta(seconds=1)
    used = call(use_case=OTHER, key_id=site.key_ids[OTHER], received_at=now, input_tokens=100, output_tokens=1, cost_usd=None)
    await site.services.calls.ship([used], gateway="gateway-1")
    view = (await site.api("auditor", "GET", path)).json()
    assert (view["used_up"], view["use"]["tokens"], view["use"]["unknown_calls"]) == (["tokens"], 101, 1)
    page = (await site.as_person("auditor", "GET", f"/backlog/{made['id']}")).text
    assert "Its tokens are used up" in page
    assert "calls of unknown price" in page
    wider = {"tokens": 500, "reason": "nearly there"}
    assert (await site.api("owner", "POST", f"{path}/extend", json=wider)).status_code == 403
    assert (await site.api("it", "POST", f"{path}/extend", json=wider)).json()["extensions"][0]["more"]["tokens"] == 500
    done = {"outcome": "refuted", "learned": "they call as often"}
    assert (await site.api("owner", "POST", f"{path}/finish", json=done)).json()["outcome"] == "refuted"
    draft = {"name": "short-letters", "model": "writer", "affected_persons": "customers"}
    assert (await site.api("owner", "POST", f"{path}/become", json=draft)).status_code == 409
    assert (await site.api("auditor", "GET", f"{path}/declaration")).status_code == 409
    found = (await site.api("auditor", "GET", "/explorations?q=letters&state=finished")).json()["explorations"]
    assert [each["exploration"]["id"] for each in found] == [made["id"]]
    like = await site.api(
        "auditor", "GET", "/explorations/similar", params={"text": "Customers call less when letters are short"}
    )
    assert [each["exploration"]["id"] for each in like.json()["similar"]] == [made["id"]]
