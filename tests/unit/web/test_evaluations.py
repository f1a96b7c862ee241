"""Evaluations over HTTP and in the console: asked for by who may, followed, compared; texts stay texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.services.test_evaluations import ScriptedTrials, _quick_encoder, answer
from tests.unit.web.site import Site
from tests.unit.web.test_pages import HOSTILE, assert_harmless

from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.jobs.worker import JobWorker

__all__ = ["_quick_encoder"]

SUITE = "post"
CASES = [
    {"id": "fee", "input": "What does a letter cost?", "contains": ["CHF 2"], "tags": ["fee"]},
    {"id": "odd", "input": HOSTILE, "reference": HOSTILE, "excludes": [HOSTILE[:20]]},
    {"id": "none", "input": "Will it rain?", "declines": True},
]
DECLARED = """
kind: EvaluationSuite
name: post
title: Letters
use_case: letters
cases: data/cases.jsonl
mask: patterns
judges: [{name: tone, model: writer, rubric: "Is it polite?"}]
"""


def files(rows: list[dict[str, Any]] = CASES, declared: str = DECLARED) -> dict[str, str]:
    return {"suite.yaml": declared, "data/cases.jsonl": "".join(json.dumps(each) + "\n" for each in rows)}


async def declare(site: Site, **given: Any) -> Any:
    return await site.api("it", "POST", "/apply", json={"files": files(**given)})


def say(request: TrialRequest) -> TrialAnswer | str:
    if request.purpose == "judge":
        return json.dumps({"score": 4, "quote": "CHF 2"})
    if request.case_id == "none":
        return answer("I have no verified answer.", request, status="declined")
    return answer("It costs CHF 2.", request)


async def finished(site: Site, **order: Any) -> str:
    site.services.trials = ScriptedTrials(say)
    asked = await site.api("business", "POST", f"/evaluations/{SUITE}/runs", json=order)
    assert asked.status_code == 202
    await JobWorker(site.services).drain()
    return str(asked.json()["id"])


async def test_a_suite_comes_with_its_rows_and_is_run(site: Site) -> None:
    applied = await declare(site)
    assert applied.status_code == 200, applied.text
    (listed,) = (await site.api("auditor", "GET", "/evaluations")).json()["evaluations"]
    assert (listed["name"], listed["cases"], listed["newest_run"]) == (SUITE, 3, None)
    run = await finished(site)
    report = (await site.api("auditor", "GET", f"/evaluations/{SUITE}/runs/{run}")).json()
    assert report["is_whole"]
    assert "suite" not in report, "its texts are read elsewhere"
    figures = {each["name"]: each["interval"] for each in report["figures"]["figures"]}
    assert figures["contains"]["estimate"] == 1.0
    assert figures["behaves"]["n"] == 3
    other = await finished(site, repeats=2)
    path = f"/evaluations/{SUITE}/comparison?first={run}&second={other}&margin=contains%3D0.5"
    compared = (await site.api("auditor", "GET", path)).json()
    assert compared["comparison"]["cases"] == 3
    assert (await site.api("auditor", "GET", f"/evaluations/other/runs/{run}")).status_code == 404
    assert (await site.api("auditor", "GET", path.replace("0.5", "x"))).status_code == 400


async def test_pages_show_the_run_and_what_people_wrote_stays_text(site: Site) -> None:
    empty = await site.as_person("auditor", "GET", "/evaluations")
    assert "None yet" in empty.text
    await declare(site)
    page = await site.as_person("business", "GET", f"/evaluations/{SUITE}")
    assert "Never run" in page.text
    assert_harmless(page.text)
    assert 'action="/evaluations/post/runs"' in page.text
    assert 'action="/evaluations/post/runs"' not in (await site.as_person("auditor", "GET", f"/evaluations/{SUITE}")).text
    first = await finished(site)
    nothing = await site.as_person("auditor", "GET", f"/evaluations/{SUITE}/compare")
    assert "Two runs that have ended are needed" in nothing.text
    second = await finished(site)
    run = await site.as_person("auditor", "GET", f"/evaluations/{SUITE}/runs/{second}")
    assert all(text in run.text for text in ("holds every expected fact", "95 % intervals", "judge tone", "Worst cases"))
    assert_harmless(run.text)
    compared = await site.as_person("auditor", "GET", f"/evaluations/{SUITE}/compare")
    assert f"/runs/{first}" in compared.text
    assert_harmless(compared.text)
    assert f"/evaluations/{SUITE}/runs/{second}" in (await site.as_person("auditor", "GET", f"/jobs/{second}")).text


async def test_a_run_is_started_from_the_page(site: Site) -> None:
    await declare(site)
    started = await site.as_person("business", "POST", f"/evaluations/{SUITE}/runs", data={"repeats": "2", "cost_usd_max": "1"})
    assert started.status_code == 303
    run = started.headers["location"].rpartition("/")[2]
    waiting = await site.as_person("business", "GET", started.headers["location"])
    assert "No case has a result yet" in waiting.text
    assert 'hx-trigger="every 2s"' in waiting.text
    order = (await site.api("auditor", "GET", f"/jobs/{run}")).json()["job"]["arguments"]["order"]
    assert (order["repeats"], order["cost_usd_max"]) == (2, 1.0)
    wrong = await site.as_person("business", "POST", f"/evaluations/{SUITE}/runs", data={"model": "unknown"})
    assert wrong.status_code == 400
    assert "no model named" in wrong.text


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([{"id": "a"}], "line 1"),
        ([CASES[0], CASES[0]], "is there already"),
        ([{"id": "a", "input": "x", "weight": 0}], "weight"),
        ([{"id": "a", "input": "x", "declines": True, "contains": ["y"]}], "declines"),
        ([{"id": "a", "input": "x", "unknown": 1}], "unknown"),
    ],
)
async def test_bad_rows_name_their_place(site: Site, rows: list[dict[str, Any]], place: str) -> None:
    refused = await declare(site, rows=rows)
    assert refused.status_code == 400
    assert "data/cases.jsonl" in refused.text
    assert place in refused.text or "1" in refused.text


async def test_no_file_of_the_server_can_be_named(site: Site) -> None:
    refused = await declare(site, declared=DECLARED.replace("data/cases.jsonl", "/etc/hostname"))
    assert refused.status_code == 400
    assert "must lead to a file of this request" in refused.text


async def test_keys_and_onlookers_ask_for_nothing(site: Site) -> None:
    await declare(site)
    assert (await site.api("auditor", "POST", f"/evaluations/{SUITE}/runs", json={})).status_code == 403
    for path in ("/evaluations", f"/evaluations/{SUITE}"):
        assert (await site.as_key("GET", path)).status_code in (403, 404)
