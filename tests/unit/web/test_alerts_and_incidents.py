"""Alerts and incidents over HTTP and in the console: who may say what, and that forms do what they say."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.web.site import OWN, Site

from groundcrew.domain.alert import AlertRule
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.services.declared import Declarations, Declared
from groundcrew.store import catalog


async def firing(site: Site) -> str:
    """The id of an alert of severity 1 that fires."""
    rule = AlertRule(
        name="tripped", title="A switch is down", metric="switches_tripped", when="estimate_above", threshold=0, severity=1
    )
    declared = Declarations(alert_rules=(Declared(value=rule, file="a.yaml", line=1),))
    await site.services.registry.apply(declared, actor="user:maria")
    now = site.services.database.clock.now()
    switch = KillSwitch(scope=Scope("use-case", OWN), state="confirmed_stopped", tripped_by="user:anna", tripped_at=now)
    async with site.services.database.write("user:anna") as writer:
        await catalog.KILL_SWITCHES.put(writer, switch, "trip")
    await site.services.alerts.look(every_s=0)
    return next(each.id for each in await site.services.alerts.find(state="firing") if each.rule == "tripped")


async def test_an_alert_is_seen_everywhere_and_somebody_sees_to_it(site: Site) -> None:
    alert = await firing(site)
    for path in ("/", f"/use-cases/{OWN}", "/alerts"):
        page = (await site.as_person("auditor", "GET", path)).text
        assert "A switch is down" in page, path
        assert 'class="count">2<' in page, "the shipped rule and the declared one fire"
    form = {"reason": "on it", "minutes": "60"}
    path = f"/alerts/{alert}/acknowledge"
    assert (await site.as_person("auditor", "POST", path, data=form)).status_code == 403
    assert (await site.as_person("on_call", "POST", path, data={**form, "minutes": "10080"})).status_code == 400
    assert (await site.as_person("on_call", "POST", path, data={**form, "reason": ""})).status_code == 400
    assert (await site.as_person("on_call", "POST", path, data=form)).status_code == 303
    page = (await site.as_person("auditor", "GET", f"/alerts/{alert}")).text
    assert "on it" in page
    assert "I see to it" not in page
    assert "A switch is down" not in (await site.as_person("auditor", "GET", "/users")).text, "the head names it no more"
    found = (await site.api("auditor", "GET", "/alerts?state=firing")).json()["alerts"]
    assert [each["acknowledged_by"] is not None for each in found if each["id"] == alert] == [True]
    figures = (await site.api("auditor", "GET", "/alerts/rules/tripped/figures")).json()["figures"]
    assert figures[""]["estimate"] == 1
    assert (await site.api("auditor", "GET", "/alerts/rules/none/figures")).status_code == 404


async def test_silences_through_the_console_and_the_api(site: Site) -> None:
    form = {"rule": "error-rate", "minutes": "60", "reason": "the provider moves"}
    assert (await site.as_person("auditor", "POST", "/alert-silences", data=form)).status_code == 403
    assert (await site.as_person("on_call", "POST", "/alert-silences", data={**form, "rule": "none"})).status_code == 400
    assert (await site.as_person("on_call", "POST", "/alert-silences", data=form)).status_code == 303
    (made,) = (await site.api("auditor", "GET", "/alerts/silences")).json()["silences"]
    assert "the provider moves" in (await site.as_person("auditor", "GET", "/alerts")).text
    ended = await site.api("on_call", "POST", f"/alerts/silences/{made['id']}/end")
    assert ended.status_code == 200
    again = await site.as_person("on_call", "POST", f"/alert-silences/{made['id']}/end", data={})
    assert again.status_code == 409
    too_long = {"for_s": 86_400, "reason": "all of it"}
    assert (await site.api("on_call", "POST", "/alerts/silences", json=too_long)).status_code == 400
    assert len((await site.api("auditor", "GET", "/alerts/metrics")).json()["metrics"]) > 20
    assert "stop-failed" in (await site.api("auditor", "GET", "/alerts/rules")).text


async def test_an_incident_from_the_first_line_to_the_cause(site: Site) -> None:
    form = {"title": "A fee that is none", "severity": "1", "use_cases": [OWN], "text": "five letters"}
    assert (await site.as_person("auditor", "POST", "/incidents", data=form)).status_code == 403
    assert (await site.as_person("reviewer", "POST", "/incidents", data={**form, "title": " "})).status_code == 400
    assert (await site.as_person("reviewer", "POST", "/incidents", data={**form, "use_cases": ["none"]})).status_code == 404
    opened = await site.as_person("reviewer", "POST", "/incidents", data=form)
    assert opened.status_code == 303, opened.text
    path = opened.headers["location"].partition("?")[0]
    assert "A fee that is none" in (await site.as_person("auditor", "GET", "/")).text
    assert "answers no calls" in (await site.as_person("auditor", "GET", path)).text
    for role, step, data, status in (
        ("reviewer", "tell", {"text": "<b>seen</b>", "kind": "note"}, 303),
        ("reviewer", "link", {"kind": "call", "item": "none"}, 404),
        ("reviewer", "use-cases", {"use_case": "minutes", "reason": "the same table"}, 403),
        ("on_call", "use-cases", {"use_case": "none", "reason": "the same table"}, 404),
        ("on_call", "use-cases", {"use_case": "minutes", "reason": "the same table"}, 303),
        ("reviewer", "mitigate", {"text": "stopped"}, 403),
        ("on_call", "close", {"category": "prompt", "cause": "left out"}, 409),
        ("on_call", "mitigate", {"text": "stopped"}, 303),
        ("on_call", "actions", {"title": "test it", "owner": "maria", "due": "soon"}, 400),
        ("on_call", "severity", {"severity": "3", "reason": "small"}, 303),
        ("on_call", "severity", {"severity": "3", "reason": "small"}, 409),
        ("on_call", "close", {"category": "prompt", "cause": "left out"}, 303),
        ("on_call", "review", {"verdict": "accept", "comment": "fine"}, 409),
        ("owner", "review", {"verdict": "refuse", "comment": "which?"}, 303),
        ("on_call", "close", {"category": "prompt", "cause": "left out"}, 303),
        ("owner", "review", {"verdict": "accept", "comment": "fine"}, 303),
    ):
        answer = await site.as_person(role, "POST", f"{path}/{step}", data=data)
        assert answer.status_code == status, (role, step, answer.text[:2000])
    page = (await site.as_person("auditor", "GET", path)).text
    assert "&lt;b&gt;seen" in page
    assert "left out" in page
    assert "minutes: the same table" in page
    report = await site.api("auditor", "GET", f"{path}/report")
    assert report.headers["content-type"].startswith("text/markdown")
    assert "reviewed by" in report.text


async def test_actions_and_the_rest_over_the_api(site: Site) -> None:
    body = {"title": "Slow", "severity": 3, "use_cases": [OWN]}
    made = (await site.api("reviewer", "POST", "/incidents", json=body)).json()
    path = f"/incidents/{made['id']}"
    due = site.services.database.clock.now().date() + timedelta(days=1)
    action = {"title": "a bigger machine", "owner": "it", "due": f"{due}"}
    added = await site.api("on_call", "POST", f"{path}/actions", json=action)
    assert added.status_code == 201, added.text
    done = await site.api("on_call", "POST", f"/incidents/actions/{added.json()['id']}/done", json={"result": "it runs"})
    assert done.json()["state"] == "done"
    assert (
        await site.api("reviewer", "POST", f"{path}/notes", json={"text": "slow at noon", "decision": True})
    ).status_code == 201
    more = {"use_case": "minutes", "reason": "the same provider"}
    assert (await site.api("on_call", "POST", f"{path}/use-cases", json=more)).json()["use_cases"] == sorted([OWN, "minutes"])
    linked = await site.api("reviewer", "POST", f"{path}/links", json={"reference": f"incident/{made['id']}"})
    assert linked.json() == {"added": True}
    view = (await site.api("auditor", "GET", path)).json()
    assert [each["kind"] for each in view["events"]] == [
        "opened",
        "action",
        "action_done",
        "decision",
        "use_case_added",
        "linked",
    ]
    assert (await site.api("auditor", "GET", "/incidents?state=open")).json()["incidents"][0]["id"] == made["id"]
    assert (await site.api("auditor", "POST", "/incidents", json=body)).status_code == 403
    assert (await site.as_key("POST", "/incidents", json=body)).status_code == 403, "a key opens nothing"
    page = (await site.as_person("on_call", "GET", path)).text
    assert "a bigger machine" in page
