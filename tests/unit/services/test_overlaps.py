"""Overlaps: what a scan raises and keeps, who settles it, what follows, and when it opens again by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.overlap import OverlapFinding, OverlapReason, pair_id
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.jobs.overlap_keeper import OverlapKeeper
from groundcrew.services import overlap_agenda
from groundcrew.services.bundle import Services
from groundcrew.services.decision_effects import dispose_overlap
from groundcrew.services.declaration_capabilities import STARTER, load_capabilities
from groundcrew.services.declared import Declared
from groundcrew.services.overlap_languages import language_of, said
from groundcrew.services.overlap_scan import REFRESH_TRIES_MAX, Scanned, keep, scan
from groundcrew.services.overlaps import SETTLERS, Terms
from groundcrew.services.views import Views
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Database
from groundcrew.testing import FakeClock
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import allowed

BEA, MARIA = "user:bea", "user:maria"
TWIN = pair_id("use_case", bank.NAME, "twin")
FALSE = Terms(disposition="false_positive", reason="another country, another law")


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("ready", url), bare=True) as made:
        await bank.accounts(made, BEA, roles=("business",))
        yield made


def today(services: Services) -> date:
    return services.database.clock.now().date()


def later(services: Services, days: float) -> None:
    assert isinstance(services.database.clock, FakeClock)
    services.database.clock.advance(days * bank.DAY_S)


def capability(services: Services, **changes: Any) -> VendorCapability:
    item = bank.use_case()
    fields: dict[str, Any] = {
        "vendor": "Officia",
        "product": "Officia Work",
        "name": item.title,
        "description": item.purpose,
        "status": "ga",
        "source": "https://officia.example/work",
        "checked_on": today(services),
    }
    return VendorCapability(**fields | changes)


async def sell(services: Services, item: VendorCapability) -> str:
    await services.capabilities.load([Declared(value=item, file="vendors.yaml", line=1)], actor=BEA)
    return pair_id("capability", bank.NAME, item.id)


async def with_twin(services: Services, **changes: Any) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin", **changes)])
    await services.overlaps.scan(bank.NAME, actor=MARIA)


async def state(services: Services, overlap: str) -> str:
    return (await services.overlaps.get(overlap)).state


async def gate(services: Services, name: str = bank.NAME) -> tuple[str, str]:
    evaluation = await services.gates.evaluate(name, actor=MARIA, to="pilot", save=False)
    found = next(each for each in evaluation.results if each.key == "overlaps")
    return found.status, found.missing


async def test_a_pair_has_one_finding_whoever_is_scanned_and_it_says_why(services: Services) -> None:
    await with_twin(services)
    await services.overlaps.scan("twin", actor=MARIA)
    (found,) = await services.overlaps.find()
    assert (found.finding.id, found.finding.names, found.state) == (TWIN, (bank.NAME, "twin"), "open")
    assert found.finding.score > 0.9
    assert found.finding.reason.words
    assert found.finding.reason.people
    assert f"unit {bank.use_case().business_unit}" in found.finding.reason.shared
    way_out = f"decide the overlap with twin: `groundcrew settle-overlap {TWIN} DISPOSITION --reason WHY`"
    assert await gate(services) == ("fail", way_out)
    assert (await gate(services, "twin"))[0] == "fail", "it stands in the way of both"
    evaluation = await services.gates.evaluate("twin", actor=MARIA, to="pilot", save=False)
    rested_on = next(each.source for each in evaluation.results if each.key == "overlaps")
    assert rested_on == "compared with 1 use case; nothing is known of what vendors sell", "what was not compared is said"


async def test_a_scan_twice_writes_one_finding_and_no_more_entries(services: Services) -> None:
    await with_twin(services)
    before = len([each for each in await services.audit.latest() if each.subject == f"overlap/{TWIN}"])
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    after = len([each for each in await services.audit.latest() if each.subject == f"overlap/{TWIN}"])
    assert (before, after) == (1, 1)


async def test_what_does_other_work_is_not_found(services: Services) -> None:
    await with_twin(services, title="Bed planning", purpose="Predicts how many beds a ward needs", affected_persons="nurses")
    assert await services.overlaps.find() == []
    assert (await gate(services))[0] == "pass"


@pytest.mark.parametrize(
    ("actor", "says"),
    [
        ("cli:root", "under their account"),
        (MARIA, "owns, champions or has built"),
        ("user:gone", "under their account"),
        ("user:robot", "under their account"),
        ("user:otto", "may not settle"),
        ("key:app", "under their account"),
        ("system:overlaps", "under their account"),
    ],
)
async def test_only_a_person_who_did_not_build_it_and_may_settles(services: Services, actor: str, says: str) -> None:
    await bank.accounts(services, MARIA, roles=("admin",))
    await bank.accounts(services, "user:otto", roles=("owner",))
    await bank.accounts(services, "user:robot", roles=("business",), kind="agent")
    await with_twin(services)
    with pytest.raises(NotAllowed, match=says):
        await services.overlaps.settle(TWIN, FALSE, actor=actor)
    with pytest.raises(NotAllowed, match=says):
        await services.overlaps.reopen(TWIN, "look again", actor=actor)
    assert await state(services, TWIN) == "open"


def test_who_may_settle_here_may_in_the_web_and_nobody_else() -> None:
    for role in ("admin", "owner", "reviewer", "on_call", "auditor", "ethics", "it", "legal", "business"):
        principal = Principal(kind="user", name="x", method="session", roles=(role,))
        assert allowed(principal, "settle_overlap") == (role in SETTLERS), role


async def test_what_is_decided_twice_or_not_as_it_can_be_is_refused(services: Services) -> None:
    await with_twin(services)
    day = today(services)
    for terms, field in (
        (Terms(disposition="adopt_vendor", reason="it sells it"), "disposition"),
        (Terms(disposition="false_positive", reason=" "), "reason"),
        (Terms(disposition="justified_build", reason="faster"), "expires_on"),
        (Terms(disposition="justified_build", reason="faster", expires_on=day), "expires_on"),
        (Terms(disposition="justified_build", reason="faster", expires_on=day + timedelta(days=367)), "expires_on"),
        (Terms(disposition="false_positive", reason="other", expires_on=day + timedelta(days=2)), "expires_on"),
        (Terms(disposition="join_existing", reason="the same", into="elsewhere"), "into"),
        (Terms(disposition="false_positive", reason="other", into="twin"), "into"),
    ):
        with pytest.raises(InputError) as raised:
            await services.overlaps.settle(TWIN, terms, actor=BEA)
        assert raised.value.field == field
    await services.overlaps.settle(TWIN, FALSE, actor=BEA)
    with pytest.raises(Conflict, match="false positive"):
        await services.overlaps.settle(TWIN, FALSE, actor=BEA)
    with pytest.raises(NotFound):
        await services.overlaps.settle("nothing", FALSE, actor=BEA)


async def test_who_joins_another_use_case_becomes_no_pilot_and_the_other_goes_on(services: Services) -> None:
    await with_twin(services)
    await services.overlaps.scan("twin", actor=MARIA)
    terms = Terms(disposition="join_existing", reason="one is enough", into=bank.NAME)
    await services.overlaps.settle(TWIN, terms, actor=BEA)
    assert (await gate(services))[0] == "pass"
    assert await gate(services, "twin") == ("fail", f"join {bank.NAME}, as was decided, and retire twin")
    await services.use_cases.demote("twin", "retired", actor=MARIA, reason="it joined")
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert await state(services, TWIN) == "gone"


async def test_a_vendors_feature_is_taken_or_the_gate_stays_shut(services: Services) -> None:
    overlap = await sell(services, capability(services))
    assert await state(services, overlap) == "open", "an import compares what is new with all that lives"
    await services.overlaps.settle(overlap, Terms(disposition="adopt_vendor", reason="it is in our licence"), actor=BEA)
    status, missing = await gate(services)
    assert (status, "solution: vendor_feature" in missing) == ("fail", True)
    await bank.apply(services, use_cases=[bank.use_case(solution="vendor_feature")])
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert (await gate(services))[0] == "pass"


async def test_what_nobody_checked_lately_is_unknown_and_nobody_adopts_it(services: Services) -> None:
    overlap = await sell(services, capability(services))
    later(services, 91)
    evidence = await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert (evidence.content["capabilities"], evidence.content["capabilities_stale"]) == (1, 1)
    assert await state(services, overlap) == "open", "unknown is not absent"
    assert (await services.overlaps.get(overlap)).stale
    with pytest.raises(Conflict, match="checked lately"):
        await services.overlaps.settle(overlap, Terms(disposition="adopt_vendor", reason="they sell it"), actor=BEA)
    evaluation = await services.gates.evaluate(bank.NAME, actor=MARIA, to="discovery", save=False)
    found = next(each for each in evaluation.results if each.key == "overlap_scan")
    assert found.figure == "compared with 0 use cases and 1 capability of vendors, 1 of them not checked for 90 days"


async def test_a_justified_build_ends_with_its_last_day_before_anybody_notes_it(services: Services) -> None:
    await with_twin(services)
    last = today(services) + timedelta(days=10)
    terms = Terms(disposition="justified_build", reason="the other is not there yet", expires_on=last)
    await services.overlaps.settle(TWIN, terms, actor=BEA)
    assert (await gate(services))[0] == "pass"
    later(services, 10)
    assert (await gate(services))[0] == "pass", "its last day counts"
    later(services, 1)
    assert (await gate(services))[0] == "fail"
    assert await state(services, TWIN) == "open"
    await OverlapKeeper(services).look()
    found = (await services.overlaps.get(TWIN)).finding
    assert (found.state, found.reopened) == ("open", f"its justification ended on {last}")
    assert await services.overlaps.watch() == []


async def test_a_roadmap_item_that_ships_opens_what_was_justified_by_its_absence(services: Services) -> None:
    ships = today(services) + timedelta(days=20)
    planned = capability(services, status="roadmap", ships_on=ships, confidence="medium")
    overlap = await sell(services, planned)
    terms = Terms(
        disposition="justified_build", reason="they do not sell it yet", expires_on=today(services) + timedelta(days=90)
    )
    await services.overlaps.settle(overlap, terms, actor=BEA)
    later(services, 19)
    assert await state(services, overlap) == "justified_build"
    later(services, 1)
    assert await state(services, overlap) == "open", "the day has come"
    (found,) = await services.overlaps.watch()
    assert "said to have shipped on" in found.reopened
    await services.overlaps.settle(overlap, terms, actor=BEA)
    assert await state(services, overlap) == "justified_build", "decided with the day in sight"
    assert await services.overlaps.watch() == []
    shipped = msgspec.structs.replace(planned, status="ga", ships_on=None, confidence=None, checked_on=today(services))
    await sell(services, shipped)
    assert await state(services, overlap) == "open"
    assert "has shipped" in (await services.overlaps.get(overlap)).finding.reopened


async def test_a_decision_stays_through_scans_until_what_was_compared_changes(services: Services) -> None:
    await with_twin(services)
    await services.overlaps.settle(TWIN, FALSE, actor=BEA)
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert await state(services, TWIN) == "false_positive"
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin", affected_persons="all clients")])
    await services.overlaps.scan("twin", actor=MARIA)
    found = (await services.overlaps.get(TWIN)).finding
    assert (found.state, "has changed" in found.reopened) == ("open", True)
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin", title="Beds", purpose="Plans beds")])
    await services.overlaps.scan("twin", actor=MARIA)
    assert await state(services, TWIN) == "open", "what opened again is decided, not reworded"


async def test_other_words_close_nothing_and_what_is_decided_of_them_ends_with_them(services: Services) -> None:
    true = capability(services)
    false = msgspec.structs.replace(true, description="Plans which beds a ward has free")
    overlap = await sell(services, true)
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    await sell(services, false)
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    day = today(services)
    found = (await services.overlaps.get(overlap)).finding
    assert (found.state, found.unfound) == ("open", day)
    status, missing = await gate(services)
    assert (status, f"no longer found since the scan of {day}" in missing) == ("fail", True)
    async with services.database.read() as connection:
        (entry,) = await overlap_agenda.agenda_entries(connection, services.database.clock.now())
    assert "no longer found" in entry.why
    later(services, 1)
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert (await services.overlaps.get(overlap)).finding.unfound == day, "since when, not when last"
    await services.overlaps.settle(overlap, FALSE, actor=BEA)
    assert (await services.overlaps.get(overlap)).finding.unfound is None
    assert (await gate(services))[0] == "pass"
    await sell(services, true)
    found = (await services.overlaps.get(overlap)).finding
    assert (found.state, "has changed" in found.reopened) == ("open", True), "it was decided of other words"
    assert (await gate(services))[0] == "fail"


@pytest.mark.parametrize(
    "changes", [{"title": "Beds"}, {"affected_persons": "nurses"}, {"business_unit": "wards"}, {"solution": "customized"}]
)
async def test_a_scan_of_other_words_than_now_is_none(services: Services, changes: dict[str, Any]) -> None:
    """None of these is part of the version that evidence is bound to."""
    await bank.apply(services, use_cases=[bank.use_case(**changes)])
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert (await gate(services))[0] == "pass"
    await bank.apply(services, use_cases=[bank.use_case()])
    for to in ("discovery", "pilot"):
        evaluation = await services.gates.evaluate(bank.NAME, actor=MARIA, to=to, save=False)
        found = next(each for each in evaluation.results if each.key in ("overlap_scan", "overlaps"))
        assert (found.status, found.figure) == ("unknown", "described otherwise since")
    await services.overlaps.scan(bank.NAME, actor=MARIA)
    assert (await gate(services))[0] == "pass"


async def test_who_took_the_vendors_feature_and_builds_after_all_is_back_before_the_gate(services: Services) -> None:
    overlap = await sell(services, capability(services))
    await services.overlaps.settle(overlap, Terms(disposition="adopt_vendor", reason="it is in our licence"), actor=BEA)
    bought = bank.use_case(solution="vendor_feature")
    await bank.apply(services, use_cases=[bought])
    async with services.database.write("system:test") as writer:
        item = await services.use_cases.get(bank.NAME)
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(item, stage="pilot"), "advance")
    await bank.apply(services, use_cases=[msgspec.structs.replace(bought, title="Answers to clients")])
    assert (await bank.stage_of(services), await state(services, overlap)) == ("pilot", "adopt_vendor")
    await bank.apply(services, use_cases=[bank.use_case()])
    found = (await services.overlaps.get(overlap)).finding
    assert (found.state, "is declared as product" in found.reopened) == ("open", True)
    assert await bank.stage_of(services) == "discovery"
    assert (await services.audit.verify()).problems == ()


async def test_who_has_passed_the_gate_is_told_on_its_own_page(services: Services) -> None:
    """The gate into a pilot alone would say it to nobody who is past it."""
    await with_twin(services)
    await services.overlaps.settle(TWIN, Terms(disposition="join_existing", reason="one is enough", into=bank.NAME), actor=BEA)
    overlap = await sell(services, capability(services))
    await services.overlaps.settle(overlap, Terms(disposition="adopt_vendor", reason="it is in our licence"), actor=BEA)
    async with services.database.write(BEA) as writer:
        for name in (bank.NAME, "twin"):
            item = await catalog.USE_CASES.get(writer.connection, name)
            assert item is not None
            await catalog.USE_CASES.put(writer, msgspec.structs.replace(item, stage="scale"), "advance")
    views = Views(services.database)
    twin, own = (await views.use_case("twin")).overlaps, (await views.use_case(bank.NAME)).overlaps
    assert [(each.id, each.into) for each in twin.joins] == [(TWIN, bank.NAME)]
    assert not own.joins
    assert [(each.id, own.title(each, bank.NAME)) for each in own.adopts] == [(overlap, "Officia Work: E-mail assistant")]


GERMAN = {
    "title": "Zuweisung von Störungen",
    "purpose": "Ordnet die Störungsmeldungen der Mitarbeitenden der richtigen Gruppe zu",
}


async def test_a_scan_says_which_texts_were_in_another_language_and_raises_no_finding_of_it(services: Services) -> None:
    english = {
        "title": "Sorting of tickets",
        "purpose": "Assigns the messages of employees about faults to the right support group",
    }
    await bank.apply(
        services,
        use_cases=[
            bank.use_case(**english),
            bank.use_case(name="de", **GERMAN),
            bank.use_case(name="xy", title="X", purpose="Y"),
        ],
    )
    content = (await services.overlaps.scan(bank.NAME, actor=MARIA)).content
    assert (content["language"], content["other_languages"], content["languages_untold"]) == ("en", {"de": 1}, 1)
    assert content["findings"] == []
    evaluation = await services.gates.evaluate(bank.NAME, actor=MARIA, to="discovery", save=False)
    figure = next(each.figure for each in evaluation.results if each.key == "overlap_scan")
    assert "1 text in another language (de 1; this one in en), hardly comparable" in str(figure)
    untold = (await services.overlaps.scan("xy", actor=MARIA)).content
    assert untold["language"] is None
    assert "can not be told" in said(untold), "unknown is not the same language"
    assert said({"compared": 1}) == "", "scans of earlier releases say nothing of it"
    assert (await services.overlaps.languages("de")).others == {"en": 1}


def test_words_that_languages_share_are_in_none() -> None:
    starter = [each.value for each in load_capabilities(STARTER)]
    told = {language_of(each.name, each.description) for each in starter if isinstance(each, VendorCapability)}
    assert told == {"en", None}


async def test_what_changed_while_it_was_compared_is_not_written(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin")])
    scanned = await scan(services.database, (bank.NAME,))
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin", purpose="Plans beds")])
    with pytest.raises(Conflict, match="scan again"):
        async with services.database.write(MARIA) as writer:
            await keep(writer, scanned)
    assert await services.overlaps.find() == []


async def test_an_import_is_compared_though_something_else_changes_meanwhile(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def disturbed(database: Database) -> Scanned:
        nonlocal tries
        tries += 1
        scanned = await scan(database)
        if tries < REFRESH_TRIES_MAX:
            await bank.apply(services, use_cases=[bank.use_case(title=f"Title {tries}")])
        return scanned

    monkeypatch.setattr("groundcrew.services.overlap_scan.scan", disturbed)
    overlap = await sell(services, capability(services))
    assert (await state(services, overlap), tries) == ("open", REFRESH_TRIES_MAX)


async def test_open_ones_are_on_the_agenda_and_the_stream_can_settle_them(services: Services) -> None:
    await with_twin(services)
    async with services.database.read() as connection:
        (entry,) = await overlap_agenda.agenda_entries(connection, services.database.clock.now())
    assert (entry.key, entry.blocks, entry.kind) == (f"overlap/{TWIN}", 2, "overlap")
    async with services.database.write("user:chair") as writer:
        with pytest.raises(InputError, match="do not settle"):
            await dispose_overlap(writer, decision="d-1", overlap=TWIN, terms={"disposition": "maybe"})
        terms = {"disposition": "join_existing", "reason": "one is enough", "into": "twin"}
    async with services.database.write(MARIA) as writer:
        with pytest.raises(NotAllowed, match="maria owns, champions or has built"):
            await dispose_overlap(writer, decision="d-1", overlap=TWIN, terms=terms)
    async with services.database.write("user:chair") as writer:
        await dispose_overlap(writer, decision="d-1", overlap=TWIN, terms=terms)
    found = (await services.overlaps.get(TWIN)).finding
    assert (found.state, found.decision, found.into) == ("join_existing", "d-1", "twin")
    async with services.database.read() as connection:
        assert await overlap_agenda.agenda_entries(connection, services.database.clock.now()) == []


async def test_every_live_use_case_is_scanned_and_one_that_is_over_is_not(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(), bank.use_case(name="twin"), bank.use_case(name="old")])
    await services.use_cases.demote("old", "rejected", actor=MARIA, reason="no use")
    assert set(await services.overlaps.scan_all(actor=MARIA)) == {bank.NAME, "twin"}
    assert [each.finding.id for each in await services.overlaps.find(state="open")] == [TWIN]
    with pytest.raises(Conflict, match="rejected"):
        await services.overlaps.scan("old", actor=MARIA)


DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2027, 12, 31))


@given(settled=DAYS, expires=DAYS, ships=st.none() | DAYS, today=DAYS)
def test_no_justification_outlives_its_day_or_the_shipping(settled: date, expires: date, ships: date | None, today: date) -> None:
    """The state depends on the dates alone, never on whether a keeper ran."""
    moment = FakeClock().now().replace(year=settled.year, month=settled.month, day=settled.day)
    finding = OverlapFinding(
        id="x",
        use_case="a",
        kind="capability",
        other="b",
        score=0.9,
        reason=OverlapReason(similarity=1, terms=1, task=1),
        found_at=moment,
        since=moment,
        settled_at=moment,
        state="justified_build",
        expires_on=expires,
    )
    shipped = ships is not None and settled < ships <= today
    assert (finding.state_on(today, ships) == "open") == (expires < today or shipped)


async def test_the_row_names_what_it_is_looked_up_by(services: Services) -> None:
    await with_twin(services)
    async with services.database.read() as connection:
        assert await deciding.OVERLAPS.count(connection, other="twin", state="open") == 1
