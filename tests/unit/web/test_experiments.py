"""Experiments over HTTP: applications ask for arms, the SDK falls to the control, and people conclude with typed confirmation."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import uvicorn
from tests.unit.metrics.experiments import declared, experiment
from tests.unit.web.site import OTHER, OWN, Site

from groundcrew.client import Assigned, AsyncClient
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.metrics.conclusion import conclude
from groundcrew.metrics.experiment_look import Analysis
from groundcrew.web.console.sequence import BOTTOM, LEFT, RIGHT, TOP, metric_whisker, sequence


@pytest_asyncio.fixture
async def address(site: Site) -> AsyncIterator[str]:
    """Where the site listens; its experiment is registered."""
    await site.services.hypotheses.register(OWN, actor="user:maria")
    server = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_an_application_asks_for_arms(site: Site, address: str) -> None:
    client = AsyncClient(address + "/v1", site.secrets[OWN])
    one = await client.assign("t-1")
    assert (one.unit_id, one.enrolled, one.why) == ("t-1", True, "")
    assert one.name == ("assistant" if one.arm == "treatment" else "human")
    many = await client.assign_many([f"t-{each}" for each in range(40)])
    assert many[1] == one
    assert {each.arm for each in many} == {"control", "treatment"}
    status = (await site.api("auditor", "GET", f"/experiments/{OWN}")).json()
    assert sum(status["exposed"].values()) == 40
    assert status["hypothesis"]["state"] == "running"
    exposures = (await site.api("auditor", "GET", f"/experiments/{OWN}/exposures?limit=3")).json()["exposures"]
    assert len(exposures) == 3
    listed = (await site.api("auditor", "GET", "/experiments?search=handle")).json()["experiments"]
    assert [(each["use_case"], each["is_newest"]) for each in listed] == [(OWN, True)]


async def test_what_the_sdk_raises_and_what_it_does_not(site: Site, address: str) -> None:
    with pytest.raises(InputError):
        await AsyncClient(address, site.secrets[OWN]).assign("maria.keller@bank.example")
    with pytest.raises(NotAllowed):
        await AsyncClient(address, "gc_unknown").assign("t-1")
    with pytest.raises(Conflict, match="no registered hypothesis"):
        await AsyncClient(address, site.secrets[OTHER]).assign("t-1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = AsyncClient(f"http://127.0.0.1:{taken.getsockname()[1]}", site.secrets[OWN], timeout_s=1.0)
        alone = await away.assign("t-9")
    assert (alone.arm, alone.enrolled) == ("control", False)
    assert "can not be reached" in alone.why
    assert (await site.services.experiments.status(OWN)).exposed == {}, "who falls to the control is not exposed"


async def test_a_key_asks_for_its_own_use_case_only(site: Site) -> None:
    await site.services.hypotheses.register(OWN, actor="user:maria")
    refused = await site.as_key("POST", "/experiments/assign", use_case=OTHER, json={"use_case": OWN, "unit_id": "t-1"})
    assert refused.status_code == 404
    for body in ({}, {"unit_id": "t-1", "units": [{"unit_id": "t-2"}]}):
        wrong = await site.as_key("POST", "/experiments/assign", json=body)
        assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "unit_id")


async def run(site: Site, *, treatment: float) -> list[Assigned]:
    """400 units of the last three weeks, with outcomes. The clock is the real one, so that their times are set back."""
    await site.services.hypotheses.register(OWN, actor="user:maria")
    asked = {"units": [{"unit_id": f"t-{each}"} for each in range(400)]}
    answer = (await site.as_key("POST", "/experiments/assign", json=asked)).json()["assignments"]
    numbers, now = np.random.default_rng(4), datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for each in answer:
        more = {"case_id": each["unit_id"], "unit_id": each["unit_id"], "at": (now + timedelta(seconds=1)).isoformat()}
        mean = treatment if each["arm"] == "treatment" else 900
        rows.append({"metric": "handle_time", "value": float(max(1, numbers.normal(mean, 200))), "unit": "s", **more})
        rows.append({"metric": "complaint", "value": 0.0, **more})
    assert (await site.as_key("POST", "/outcomes", json={"outcomes": rows})).status_code == 201
    return [Assigned(each["unit_id"], each["arm"], each["name"], each["enrolled"]) for each in answer]


async def test_pages_show_an_experiment_and_conclude_it(site: Site) -> None:
    path = f"/use-cases/{OWN}/experiment"
    assert "Register it" in (await site.as_person("admin", "GET", path)).text
    assert "No hypothesis is declared" in (await site.as_person("admin", "GET", f"/use-cases/{OTHER}/experiment")).text
    await run(site, treatment=2_000)
    assert (await site.as_person("auditor", "POST", f"{path}/conclude", data={"state": "refuted"})).status_code == 403
    assert (await site.as_person("reviewer", "POST", f"{path}/look", data={})).status_code == 303
    page = (await site.as_person("owner", "GET", path)).text
    for words in ("Rollback:", "Conclude as refuted", "treat", "Crossed units", "Sample ratio, sequential", "handle time"):
        assert words in page
    assert "people are still treated" in (await site.as_person("auditor", "GET", "/")).text, "every page says so"
    listed = (await site.as_person("auditor", "GET", "/experiments?q=refuted")).text
    assert "Nothing holds" in listed
    form = {"state": "refuted", "reason": "it takes longer", "confirm": "somewhere else"}
    wrong = await site.as_person("owner", "POST", f"{path}/conclude", data=form)
    assert (wrong.status_code, "type the use case" in wrong.text) == (400, True)
    other = await site.as_person("owner", "POST", f"{path}/conclude", data={**form, "state": "supported", "confirm": OWN})
    assert (other.status_code, "as refuted by now" in other.text) == (409, True)
    stopped = await site.as_person("owner", "POST", f"{path}/stop-treatment", data={"reason": "harm", "confirm": OWN})
    assert stopped.status_code == 303
    done = await site.as_person("owner", "POST", f"{path}/conclude", data={**form, "confirm": OWN})
    assert (done.status_code, done.headers["location"]) == (303, f"{path}?done=concluded")
    assert "Concluded" in (await site.as_person("auditor", "GET", path)).text
    assert "refuted" in (await site.as_person("auditor", "GET", "/experiments?q=refuted")).text, "refuted ones stay visible"
    assert (await site.services.audit.verify()).problems == ()


async def test_the_api_concludes_and_says_why_not(site: Site) -> None:
    await run(site, treatment=890)
    looked = (await site.api("reviewer", "POST", f"/experiments/{OWN}/look")).json()
    assert looked["report"]["verdict"] == "hold"
    refused = await site.api("owner", "POST", f"/experiments/{OWN}/conclude", json={"reason": "enough"})
    ended = refused.json()
    if refused.status_code == 409:
        assert "can not be concluded yet" in ended["error"]["message"]
    else:
        assert ended["state"] == "refuted"
    assert len((await site.api("auditor", "GET", f"/experiments/{OWN}/looks")).json()["looks"]) == 1
    stopped = await site.api("owner", "POST", f"/experiments/{OTHER}/stop-treatment", json={"reason": "none runs"})
    assert stopped.status_code == 404


def test_drawings_stay_in_their_frames() -> None:
    from groundcrew.metrics.analysis import analyze

    plan = declared(monitoring="sequential")
    rows = experiment(n=200)
    looks = []
    for share in (0.1, 0.3, 0.6, 1.0):
        some = [row for row in rows if int(row.unit_id.rsplit("-", 1)[1]) < 200 * share]
        looks.append(Analysis(report=analyze(plan, some), as_of=datetime(2026, 3, 2, tzinfo=UTC)))
    for metric in plan.metrics:
        found = sequence(metric, looks)
        assert found is not None
        assert [found.points[0].x, found.points[-1].x] == [LEFT, RIGHT]
        for point in found.points:
            assert point.y is not None
            assert TOP <= point.high <= point.y <= point.low <= BOTTOM
        assert sequence(metric, looks[:1]) is None
        report = looks[-1].report
        assert report is not None
        result = next(each for each in report.metrics if each.name == metric.name)
        drawn = metric_whisker(metric, result)
        assert drawn is not None
        assert drawn.bound is not None


def test_a_conclusion_asks_for_the_plans_time() -> None:
    from groundcrew.metrics.analysis import analyze

    plan = declared(monitoring="sequential", duration_days=30, planned_n=400)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    assert conclude(plan, None, started=start, now=start).state is None
    assert conclude(plan, None, started=start, now=start + timedelta(days=30)).state == "inconclusive"
    report = analyze(plan, experiment(n=200, treatment_mean=300))
    assert conclude(plan, report, started=start, now=start + timedelta(days=21)).state == "supported"
    early = analyze(plan, experiment(n=200, treatment_mean=300, days=5.0))
    assert conclude(plan, early, started=start, now=start + timedelta(days=6)).state is None, "minimum_days holds"
