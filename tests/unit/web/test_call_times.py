"""A call's times and its trace on the console and in the API."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from tests.unit.web.site import OTHER, OWN, Site, call

from groundcrew.domain.call import LATENCY_PARTS
from groundcrew.services.latency import rank, summarise
from groundcrew.web.console.calls import latency_parts

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TIMES = {"admission": 0.4, "guards": 9.8, "retrieval": 6.1, "upstream": 640.0, "trust": 31.0, "record": 1.2, "other": 1.5}
LATENCY = {**TIMES, "total": sum(TIMES.values())}


def test_parts_fill_the_bar_in_the_order_of_a_call() -> None:
    parts = latency_parts(LATENCY)
    assert [each.name for each in parts] == [each for each in LATENCY_PARTS if each != "compose"]
    assert len({each.colour for each in parts}) == len(parts)
    assert sum(each.width for each in parts) == pytest.approx(100, abs=0.05)
    for before, after in pairwise(parts):
        assert after.start == pytest.approx(before.start + before.width, abs=0.02)


async def test_a_calls_page_shows_its_times_and_its_trace(site: Site) -> None:
    shown = call(latency_ms=LATENCY, trace_id=TRACE)
    await site.services.calls.ship([shown], gateway="test")
    page = (await site.as_person("auditor", "GET", f"/calls/{shown.id}")).text
    assert re.search(r'role="img" aria-label="Time by part: admission 0\.4 ms, guards 9\.8 ms.*other 1\.5 ms"', page)
    assert page.count("<rect class=") == 2 * len(TIMES)
    assert re.search(r"upstream</th>\s*<td class=\"number\">640 ms</td>\s*<td class=\"number\">93 %</td>", page)
    assert f'href="/calls?trace={TRACE}"' in page
    assert " style=" not in page


async def test_calls_are_found_by_their_trace(site: Site) -> None:
    wanted = [call(trace_id=TRACE), call(trace_id=TRACE, use_case=OTHER)]
    await site.services.calls.ship([*wanted, call(trace_id="f" * 32), call()], gateway="test")
    page = (await site.as_person("auditor", "GET", f"/calls?trace=+{TRACE.upper()}+")).text
    assert set(re.findall(r'href="/calls/([0-9a-f-]{36})"', page)) == {each.id for each in wanted}
    assert f'value="{TRACE}"' in page
    found = (await site.api("auditor", "GET", f"/calls?trace_id={TRACE}")).json()["calls"]
    assert {each["id"] for each in found} == {each.id for each in wanted}
    own = (await site.as_key("GET", f"/calls?trace_id={TRACE}")).json()["calls"]
    assert [(each["id"], each["trace_id"]) for each in own] == [(wanted[0].id, TRACE)]
    assert (await site.api("auditor", "GET", "/calls?trace_id=nonsense")).status_code == 400


async def test_a_use_cases_page_shows_percentiles_by_part(site: Site) -> None:
    made = [call(latency_ms={"upstream": float(value), "other": 1.0, "total": value + 1.0}) for value in range(1, 101)]
    sample = call(latency_ms={"upstream": 9_000.0, "total": 9_000.0}, sample=True)
    await site.services.calls.ship([*made, sample], gateway="test")
    page = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}")).text
    assert "newest 100 calls: median 51 ms, 95 of 100 within 96 ms" in page
    assert re.search(
        r"upstream</th><td class=\"number\">100</td><td class=\"number\">50 ms</td><td class=\"number\">95 ms</td>", page
    )


def test_percentiles_are_nearest_ranks() -> None:
    assert [rank([5.0], share) for share in (0.0, 0.5, 1.0)] == [5.0, 5.0, 5.0]
    assert [rank([3.0, 1.0, 2.0, 4.0], share) for share in (0.25, 0.5, 0.51, 0.95)] == [1.0, 2.0, 3.0, 4.0]
    view = summarise([{"total": 2.0, "guards_input": 1.0, "other": 0.5}, {"total": 4.0, "upstream": 3.0}])
    assert [(each.name, each.calls) for each in view.parts] == [("upstream", 1), ("guards_input", 1), ("other", 1), ("total", 2)]
    assert summarise([]).parts == ()
