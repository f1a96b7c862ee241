"""Models over HTTP: shown with their rehearsals, swapped after the alias is typed, reverted, rehearsed."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.unit.services import bank
from tests.unit.services.rehearsing import ALTERNATE, losing, other, rehearse
from tests.unit.web.site import OTHER, OWN, Site, call

from groundcrew.domain.provider import Model, Price, Target
from groundcrew.services import evidence as proofs
from groundcrew.services.declared import Declarations, Declared
from groundcrew.services.rehearsals import EVIDENCE, VALID_S

TO = {"provider": ALTERNATE[0], "model": ALTERNATE[1]}


async def with_alternate(site: Site) -> Model:
    """The site's alias with somebody who stands by."""
    present = (await site.services.models.get("writer")).model
    stand_by = Target(provider=ALTERNATE[0], model=ALTERNATE[1], price=Price(input_usd=1.0, output_usd=2.0))
    model = msgspec.structs.replace(present, alternates=(stand_by,))
    declared = Declarations(
        providers=(Declared(value=other(), file="a.yaml", line=1),), models=(Declared(value=model, file="a.yaml", line=9),)
    )
    await site.services.registry.apply(declared, actor="user:test")
    return model


async def clear(site: Site, *use_cases: str) -> None:
    """Rehearsals that hold, as evidence."""
    for name in use_cases:
        _, report = await rehearse(site.services, use_case=name)
        content = msgspec.to_builtins(msgspec.structs.replace(report, holds=True, why="", pairs=300))
        async with site.services.database.write("system:jobs") as writer:
            item = await site.services.use_cases.get(name)
            await proofs.record(writer, item, kind=EVIDENCE, subject="/".join(ALTERNATE), content=content, valid_s=VALID_S)


async def swap(site: Site, role: str = "it", **fields: Any) -> Any:
    form = {"alias": "writer", "to": "/".join(ALTERNATE), "reason": "cheaper", "confirm": "writer"} | fields
    return await site.as_person(role, "POST", "/models/swap", data=form)


async def test_a_swap_takes_a_rehearsal_and_the_alias_typed(site: Site) -> None:
    assert "Nobody stands by" in (await site.as_person("auditor", "GET", "/models")).text
    await with_alternate(site)
    refused = await swap(site)
    assert refused.status_code == 409
    assert "letters: never rehearsed" in refused.text
    await clear(site, OWN, OTHER)
    assert (await swap(site, confirm="swap")).status_code == 400
    assert (await swap(site, reason=" ")).status_code == 400
    assert (await swap(site, to="nonsense")).status_code == 400
    assert (await swap(site, to="other/other-9")).status_code == 404
    assert (await swap(site)).headers["location"] == "/models?done=swapped"
    page = (await site.as_person("auditor", "GET", "/models?done=swapped")).text
    assert "Swapped." in page
    assert "groundcrew model rehearse letters --alternate extractive/extractive" in page
    assert "Swap now" not in page, "an auditor only looks"
    back = await site.as_person(
        "owner", "POST", "/models/revert", data={"alias": "writer", "reason": "complaints", "confirm": "writer"}
    )
    assert back.headers["location"] == "/models?done=reverted"
    assert (await site.services.models.get("writer")).in_force is None


async def test_without_a_rehearsal_it_takes_the_role(site: Site) -> None:
    await with_alternate(site)
    assert (await swap(site, "admin", without_rehearsal="on")).status_code == 403
    assert (await swap(site, "on_call", without_rehearsal="on")).status_code == 303
    assert "without a rehearsal" in (await site.as_person("auditor", "GET", "/models")).text


async def test_a_rehearsal_is_asked_for_and_its_report_shown(site: Site) -> None:
    await with_alternate(site)
    form = {"use_case": OWN, "alternate": "/".join(ALTERNATE), "calls": "40", "cost_max": ""}
    assert (await site.as_person("business", "POST", "/models/rehearse", data=form | {"calls": "many"})).status_code == 400
    asked = await site.as_person("business", "POST", "/models/rehearse", data=form)
    assert asked.headers["location"].startswith("/jobs/")
    digest = await bank.digest_of(site.services, OWN)
    answered = {"provider": "extractive", "target_model": "extractive", "answer": "Two days."}
    made = [call(version_digest=digest, request=f"user: letter {each}", **answered) for each in range(40)]
    await site.services.calls.ship(made, gateway="g")
    await rehearse(site.services, losing(2), use_case=OWN)
    page = (await site.as_person("auditor", "GET", "/models")).text
    assert "not cleared" in page
    assert "Answers that passages support" in page
    assert "95 %" in page
    job = asked.headers["location"].partition("?")[0]
    assert "does not hold" in (await site.as_person("auditor", "GET", job)).text


async def test_the_api_says_the_same(site: Site) -> None:
    await with_alternate(site)
    found = (await site.api("auditor", "GET", "/models/writer")).json()
    assert {each["use_case"]: each["cleared"] for each in found["clearances"]} == {OWN: False, OTHER: False}
    assert (await site.api("auditor", "GET", "/models")).json()["models"][0]["model"]["name"] == "writer"
    assert (await site.api("auditor", "GET", "/independence")).json() == {"use_cases": []}
    assert (await site.api("auditor", "GET", "/models/nobody")).status_code == 404
    body = {"to": TO, "reason": "cheaper"}
    assert (await site.api("it", "POST", "/models/writer/swap", json=body)).status_code == 409
    assert (await site.api("business", "POST", "/models/writer/swap", json=body)).status_code == 403
    asked = await site.api("business", "POST", "/rehearsals", json={"use_case": OWN, "alternate": TO, "calls": 30})
    assert (asked.status_code, asked.json()["arguments"]["calls"]) == (202, 30)
    swapped = await site.api("it", "POST", "/models/writer/swap", json=body | {"without_rehearsal": True})
    assert swapped.json()["swap"]["without_rehearsal"] is True
    assert {each["use_case"] for each in swapped.json()["consequences"]} == {OWN, OTHER}
    reverted = await site.api("owner", "POST", "/models/writer/revert", json={"reason": "over"})
    assert reverted.json()["model"]["targets"][0]["provider"] == "extractive"
    assert (await site.api("owner", "POST", "/models/writer/revert", json={"reason": "over"})).status_code == 409
