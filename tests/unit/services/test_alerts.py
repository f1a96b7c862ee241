"""Alerts on a real database: what is raised, told, resolved, once, whichever server looks, through restarts and quiet times."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.alert import DAMPED_S, AlertRule, Figure
from groundcrew.domain.delivery import Channel, Delivery
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.quiet_time import QuietTime
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, DeclarationError, InputError
from groundcrew.services import alerts, gateway_health
from groundcrew.services.alert_evaluation import default_rules
from groundcrew.services.alert_metrics import metrics
from groundcrew.services.bundle import Services
from groundcrew.services.declared import Declarations, Declared
from groundcrew.services.gateway_health import GatewayHealth
from groundcrew.store import catalog, oversight_tables
from groundcrew.testing import FakeClock

LOOK_S = 15


class Site:
    """A bank, its clock, and what its servers do."""

    def __init__(self, services: Services, clock: FakeClock) -> None:
        self.services, self.clock = services, clock

    async def look(self, looks: int = 1) -> list[Any]:
        """Look as often, each time one look later."""
        found = []
        for _ in range(looks):
            self.clock.advance(LOOK_S)
            found.append(await self.services.alerts.look())
        return found

    async def calls(self, status: str, number: int) -> None:
        now = self.clock.now()
        made = [bank.call(status=status, received_at=now, version_digest="v" * 64) for _ in range(number)]
        await self.services.calls.ship(made, gateway="g")

    async def declare(self, *rules: AlertRule) -> None:
        channel = Channel(name="desk", kind="email", to=("desk@bank.example",))
        found = Declarations(
            channels=(Declared(value=channel, file="a.yaml", line=1),),
            alert_rules=tuple(Declared(value=each, file="a.yaml", line=1) for each in rules),
        )
        await self.services.registry.apply(found, actor="user:maria")

    async def messages(self) -> list[Delivery]:
        async with self.services.database.read() as connection:
            found = await catalog.DELIVERIES.find(connection)
        return sorted((each for each in found if each.event.startswith("alert.")), key=lambda each: each.body["id"] + each.id)

    async def switch(self, state: str) -> None:
        """The kill switch of the use case in a state, as a row."""
        switch = KillSwitch(scope=Scope("use-case", bank.NAME), state=state, tripped_by="user:anna", tripped_at=self.clock.now())  # type: ignore[arg-type]
        async with self.services.database.write("user:anna") as writer:
            await catalog.KILL_SWITCHES.put(writer, switch, "trip")


@pytest_asyncio.fixture
async def site(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    clock = prepared.copy("declared", url)
    async with bank.opened(url, tmp_path, clock, bare=True) as services:
        yield Site(services, clock)


def rule(**changes: Any) -> AlertRule:
    """Tells the desk as soon as a switch is tripped: the simplest figure to turn on and off."""
    made = AlertRule(
        name="tripped",
        title="A switch is tripped",
        metric="switches_tripped",
        when="estimate_above",
        threshold=0,
        severity=2,
        clear_looks=1,
        channels=("desk",),
    )
    return msgspec.structs.replace(made, **changes)


async def test_shipped_rules_watch_what_there_is_and_say_nothing_of_a_healthy_platform(site: Site) -> None:
    assert {each.metric for each in default_rules()} <= set(metrics())
    assert {"stop-failed", "sign-off-overdue", "budget-80", "budget-exhausted", "error-rate", "drift", "spool-problem"} <= {
        each.name for each in default_rules()
    }
    await gateway_health.say(site.services.database, "s1", 1, GatewayHealth(snapshot_age_s=0.1))
    await site.calls("answered", 50)
    looks = await site.look(4)
    assert all(each is not None and not each.raised for each in looks)
    assert await site.services.alerts.find() == []


async def test_failing_calls_are_an_alert_with_their_interval_and_end_with_it(site: Site) -> None:
    await site.calls("answered", 100)
    await site.calls("failed", 30)
    await site.look(6)
    (alert,) = await site.services.alerts.find(state="firing")
    assert (alert.rule, alert.use_case, alert.severity) == ("error-rate", bank.NAME, 2)
    assert alert.figure.lower is not None
    assert 0.05 < alert.figure.lower < 30 / 130 < (alert.figure.upper or 0)
    assert alert.figure.text == "30 of 130 calls"
    # Two hours on the window holds other calls, and the alert ends after its looks.
    site.clock.advance(7_200)
    await site.calls("answered", 400)
    await site.look(2)
    (ended,) = await site.services.alerts.find()
    assert ended.state == "resolved"
    assert ended.resolved_at == site.clock.now()
    assert (await site.services.audit.verify()).problems == ()


async def test_few_failed_calls_prove_nothing(site: Site) -> None:
    await site.calls("failed", 1)
    await site.calls("answered", 6)
    await site.look(6)
    assert await site.services.alerts.find() == [], "1 of 7 is 14 %, and may well be 1 %"


async def test_it_is_told_once_and_its_end_once(site: Site) -> None:
    await site.declare(rule(repeat_every_s=600))
    await site.switch("confirmed_stopped")
    await site.look(10)
    (raised,) = await site.messages()
    assert raised.event == "alert.raised"
    assert raised.channel == "desk"
    assert raised.body["rule"] == "tripped"
    assert raised.body["value"] == 1
    assert raised.body["threshold"] == 0
    assert raised.body["link"] == f"/alerts/{raised.body['id']}"
    site.clock.advance(600)
    await site.look(2)
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.repeated"]
    await site.switch("armed")
    await site.look(3)
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.repeated", "alert.resolved"]


async def test_a_restart_forgets_nothing_and_repeats_nothing(site: Site, tmp_path: Path) -> None:
    await site.declare(rule())
    await site.switch("confirmed_stopped")
    await site.look(2)
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, site.clock, bare=True) as again:
        site.clock.advance(LOOK_S)
        looked = await again.alerts.look()
        assert looked is not None
        assert not looked.raised
        assert not looked.told
        assert {each.rule for each in await again.alerts.find(state="firing")} == {"tripped", "switch-tripped"}
    assert len(await site.messages()) == 1


async def test_one_server_looks_while_the_others_wait(site: Site, tmp_path: Path) -> None:
    await site.declare(rule(looks=3))
    await site.switch("confirmed_stopped")
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, site.clock, bare=True) as other:
        for _ in range(5):
            site.clock.advance(LOOK_S)
            found = await asyncio.gather(*(each.alerts.look() for each in (site.services, other, site.services, other)))
            assert sum(each is not None for each in found) == 1
    (track,) = [each for view in await site.services.alerts.rules() for each in view.tracks if each.rule == "tripped"]
    assert (track.phase, track.looks) == ("firing", 3), "a look that four servers wanted counts once"
    assert len(await site.messages()) == 1


async def test_two_looks_at_once_raise_one_alert(site: Site, tmp_path: Path) -> None:
    """Even where turns do not keep them apart: whoever writes second sees that the track has moved, and leaves it."""
    await site.declare(rule())
    await site.switch("confirmed_stopped")
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, site.clock, bare=True) as other:
        found = await asyncio.gather(*(each.alerts.look(every_s=0) for each in (site.services, other)))
    raised = [each for look in found if look is not None for each in look.raised]
    ours = [each for each in await site.services.alerts.find() if each.rule == "tripped"]
    assert len(ours) == 1
    assert raised.count(ours[0].id) == 1
    assert len(await site.messages()) == 1


async def test_servers_on_postgresql_take_turns_and_raise_once(postgres_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """Four servers look at once, again and again: what is raised is raised and told once."""
    clock = prepared.copy("declared", postgres_url)
    async with contextlib.AsyncExitStack() as stack:
        several = [await stack.enter_async_context(bank.opened(postgres_url, tmp_path, clock, bare=True)) for _ in range(3)]
        site = Site(several[0], clock)
        await site.declare(rule(looks=2))
        await site.switch("confirmed_stopped")
        for every_s in (LOOK_S, 0, LOOK_S, 0):
            clock.advance(LOOK_S)
            found = await asyncio.gather(*(each.alerts.look(every_s=every_s) for each in several))
            assert every_s == 0 or sum(each is not None for each in found) == 1
        assert len([each for each in await several[1].alerts.find() if each.rule == "tripped"]) == 1
        assert len(await site.messages()) == 1
        assert (await several[2].audit.verify()).problems == ()


async def test_quiet_times_keep_messages_back_and_let_them_out_when_they_end(site: Site) -> None:
    now = site.clock.now()
    assert now == datetime.fromisoformat("2026-03-02T09:00:00+00:00"), "a Monday morning, ten in Zurich"
    quiet = QuietTime(start=time(10), end=time(11), zone="Europe/Zurich")
    await site.declare(rule(quiet=(quiet,)), rule(name="severe", severity=1, quiet=(quiet,)))
    await site.switch("confirmed_stopped")
    await site.look(3)
    assert [each.body["rule"] for each in await site.messages()] == ["severe"], "severity 1 breaks through"
    assert len(await site.services.alerts.find(state="firing")) >= 2, "both are raised and shown"
    site.clock.advance(3_600)
    await site.look()
    assert sorted(each.body["rule"] for each in await site.messages()) == ["severe", "tripped"]


async def test_what_ends_in_a_quiet_time_is_told_after_it_and_what_was_never_told_is_not(site: Site) -> None:
    quiet = QuietTime(start=time(10, 30), end=time(11), zone="Europe/Zurich")
    await site.declare(rule(quiet=(quiet,)))
    await site.switch("confirmed_stopped")
    await site.look()
    site.clock.advance(31 * 60)
    await site.switch("armed")
    await site.look(2)
    assert [each.event for each in await site.messages()] == ["alert.raised"]
    site.clock.advance(30 * 60)
    await site.look()
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.resolved"]
    site.clock.advance(86_400 - 30 * 60)
    await site.switch("confirmed_stopped")
    await site.look()
    await site.switch("armed")
    site.clock.advance(3_600)
    await site.look(2)
    assert len(await site.messages()) == 2, "it came and went while nobody was to be told"


async def test_what_comes_back_soon_is_the_same_alert_and_is_not_told_at_once(site: Site) -> None:
    await site.declare(rule())
    for _ in range(5):
        await site.switch("confirmed_stopped")
        await site.look()
        await site.switch("armed")
        await site.look()
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "tripped"]
    assert alert.reopened == 4
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.resolved"]
    # Where it stays this time, it is told once damping is over.
    await site.switch("confirmed_stopped")
    await site.look()
    site.clock.advance(DAMPED_S)
    await site.look()
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.resolved", "alert.raised"]
    site.clock.advance(DAMPED_S)
    await site.switch("armed")
    await site.look()
    site.clock.advance(DAMPED_S)
    await site.switch("confirmed_stopped")
    await site.look()
    assert len([each for each in await site.services.alerts.find() if each.rule == "tripped"]) == 2, "later it is another one"


async def test_who_acknowledges_is_left_alone_for_a_while(site: Site) -> None:
    await site.declare(rule(repeat_every_s=300))
    await site.switch("confirmed_stopped")
    await site.look()
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "tripped"]
    with pytest.raises(InputError, match="say why"):
        await site.services.alerts.acknowledge(alert.id, actor="user:anna", reason=" ", for_s=3_600)
    with pytest.raises(InputError, match="at most"):
        await site.services.alerts.acknowledge(alert.id, actor="user:anna", reason="mine", for_s=30 * 86_400)
    known = await site.services.alerts.acknowledge(alert.id, actor="user:anna", reason="I look into it", for_s=3_600)
    assert known.acknowledged_by == "user:anna"
    site.clock.advance(1_800)
    await site.look()
    assert len(await site.messages()) == 1
    site.clock.advance(1_900)
    await site.look()
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.repeated"]
    await site.switch("armed")
    await site.look()
    with pytest.raises(Conflict):
        await site.services.alerts.acknowledge(alert.id, actor="user:anna", reason="late", for_s=60)


async def test_a_silence_keeps_messages_back_not_alerts_and_ends(site: Site) -> None:
    await site.declare(rule())
    with pytest.raises(InputError, match="at most"):
        await site.services.alerts.silence(actor="user:anna", reason="maintenance", for_s=86_400)
    with pytest.raises(InputError, match="did you mean 'tripped'"):
        await site.services.alerts.silence(actor="user:anna", reason="maintenance", for_s=3_600, rule="triped")
    made = await site.services.alerts.silence(actor="user:anna", reason="maintenance", for_s=86_400, rule="tripped")
    await site.switch("confirmed_stopped")
    await site.look(2)
    assert await site.messages() == []
    assert len(await site.services.alerts.find(state="firing")) >= 1
    assert [each.id for each in await site.services.alerts.silences()] == [made.id]
    await site.services.alerts.end_silence(made.id, actor="user:anna")
    await site.look()
    assert [each.event for each in await site.messages()] == ["alert.raised"]
    with pytest.raises(Conflict):
        await site.services.alerts.end_silence(made.id, actor="user:anna")


async def test_a_rule_that_is_switched_off_ends_its_alert_and_tells_who_was_told(site: Site) -> None:
    await site.declare(rule())
    await site.switch("confirmed_stopped")
    await site.look()
    await site.declare(rule(enabled=False))
    await site.look()
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "tripped"]
    assert alert.state == "resolved"
    assert alert.resolution == "no rule looks at it any more"
    assert [each.event for each in await site.messages()] == ["alert.raised", "alert.resolved"]


async def test_a_declared_rule_takes_the_place_of_the_shipped_one(site: Site) -> None:
    await site.declare(rule(name="switch-tripped", severity=4))
    views = {each.rule.name: each for each in await site.services.alerts.rules()}
    assert views["switch-tripped"].origin == "declared"
    assert views["switch-tripped"].rule.severity == 4
    assert views["stop-failed"].origin == "default"


async def test_rules_about_nothing_are_refused(site: Site) -> None:
    for wrong, field in (
        (rule(metric="latency_p59"), "metric"),
        (rule(scope="use-case:asistant", metric="error_rate"), "scope"),
        (rule(channels=("nobody",)), "channels"),
    ):
        with pytest.raises(DeclarationError) as caught:
            await site.declare(wrong)
        assert field in str(caught.value)


async def test_any_figure_of_the_metrics_report_can_be_watched_and_samples_are_none(site: Site) -> None:
    stars = rule(name="stars", metric="mean_stars", when="credibly_below", threshold=4.0, clear=4.0, no_data_for_s=60)
    names = {each.name for each in (await site.services.metrics.report(bank.NAME, meanings=False)).figures}
    stars = msgspec.structs.replace(stars, metric=next(each for each in sorted(names) if "star" in each))
    await site.declare(stars)
    await site.services.feedback.rate_many(bank.ratings(30, stars=2, sample=True), actor="system:ratings")
    await site.look(6)
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "stars"]
    assert alert.cause == "no_data", "sample data are no figure"
    await site.services.feedback.rate_many(bank.ratings(60, stars=2), actor="system:ratings")
    site.clock.advance(700)
    await site.look(2)
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "stars"]
    assert alert.state == "firing"
    figures = await site.services.alerts.figures("stars")
    assert figures[bank.NAME].upper is not None
    assert figures[bank.NAME].upper < 4


async def test_gateways_that_can_not_record_or_lag_are_told_of(site: Site) -> None:
    await gateway_health.say(
        site.services.database, "s1", 1, GatewayHealth(snapshot_age_s=120.0, spool_problem="disk full", spool_oldest_s=1.0)
    )
    await site.look(3)
    found = {each.rule: each for each in await site.services.alerts.find(state="firing")}
    assert {"spool-problem", "snapshot-stale"} <= set(found)
    assert "disk full" in found["spool-problem"].figure.text
    # Nobody who says anything any more is no sign that all is well.
    await gateway_health.forget(site.services.database, "s1")
    await site.look(4)
    assert {"spool-problem", "snapshot-stale"} <= {each.rule for each in await site.services.alerts.find(state="firing")}


async def test_a_gateway_that_fell_silent_is_stale_by_its_silence(site: Site) -> None:
    """It said that all is well, long ago, and may still answer by what it knew then."""
    database, row = site.services.database, oversight_tables.gateway_health
    said = GatewayHealth(snapshot_age_s=0.1, spool_problem="disk full")
    await gateway_health.say(database, "here", os.getpid(), said)
    async with database.operate() as connection:
        await connection.execute(row.update().values(seen_at_s=row.c.seen_at_s - 3_600))
    assert await site.services.alerts.figures("snapshot-stale") == {
        "": Figure(estimate=None, text="no server has said how its gateway does")
    }, "nobody of whom no gateway is registered is asked after that"
    await bank.silent_gateway(site.services)
    figure = (await site.services.alerts.figures("snapshot-stale"))[""]
    assert figure.estimate is not None
    assert 3_600 <= figure.estimate < 7_200
    assert figure.text == f"process {os.getpid()} on {socket.gethostname()}"
    await site.look(4)
    assert {"snapshot-stale", "spool-problem"} <= {each.rule for each in await site.services.alerts.find(state="firing")}
    # It is heard again: what it says of itself counts, and the alert ends.
    await gateway_health.say(database, "here", os.getpid(), GatewayHealth(snapshot_age_s=0.1))
    await site.look(4)
    assert not {"snapshot-stale", "spool-problem"} & {each.rule for each in await site.services.alerts.find(state="firing")}


async def test_messages_that_failed_are_told_of_for_a_day(database_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:

        async def figure() -> tuple[float | None, str]:
            found = (await services.alerts.figures("message-failed"))[""]
            return found.estimate, found.text

        assert await figure() == (0, "")
        made = Delivery(id="one", channel="desk", event="x", subject="x/1", body={}, created_at=clock.now() - timedelta(days=3))
        old = msgspec.structs.replace(made, id="two", state="failed", failed_at=clock.now() - timedelta(hours=25))
        new = msgspec.structs.replace(made, id="three", state="failed", failed_at=clock.now())
        async with services.database.write("system:deliveries") as writer:
            for each in (made, old, new):
                await catalog.DELIVERIES.put(writer, each, "fail")
        assert await figure() == (1, "desk: 1"), "it failed just now, however old it is; the other one was told of"
        for _ in range(2):
            clock.advance(LOOK_S)
            await services.alerts.look()
        assert "message-failed" in {each.rule for each in await services.alerts.find(state="firing")}
        clock.advance(25 * 3_600)
        assert await figure() == (0, "")
        for _ in range(4):
            clock.advance(LOOK_S)
            await services.alerts.look()
        assert "message-failed" not in {each.rule for each in await services.alerts.find(state="firing")}


async def test_a_step_that_fails_costs_no_other_and_is_tried_again(
    database_url: str, tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        site = Site(services, clock)
        # In the order of their names: the one that fails stands between the two others.
        await site.declare(rule(name="a-first"), rule(name="b-opens", opens_incident=True), rule(name="c-last"))
        whole = alerts.open_in

        async def half(writer: Any, **given: Any) -> Any:
            await whole(writer, **given)
            raise Conflict("the timeline is full")

        monkeypatch.setattr(alerts, "open_in", half)
        await site.switch("confirmed_stopped")
        looks = await site.look(3)
        raised = {each.rule for each in await services.alerts.find(state="firing")}
        assert {"a-first", "c-last"} <= raised
        assert "b-opens" not in raised
        assert {each for look in looks for each in look.failed} == {"b-opens/"}
        assert {each.body["rule"] for each in await site.messages()} == {"a-first", "c-last"}
        assert await services.incidents.find() == [], "half a step leaves nothing"
        assert (await services.audit.verify()).problems == ()
        monkeypatch.setattr(alerts, "open_in", whole)
        (look,) = await site.look()
        assert look.failed == ()
        assert len(look.incidents) == 1
        assert (await services.audit.verify()).problems == ()


async def test_a_budget_nearly_used_is_told_of_at_80_and_at_100_percent(site: Site) -> None:
    spent = bank.call(input_tokens=85_000, output_tokens=0, received_at=site.clock.now())
    await site.services.calls.ship([spent], gateway="g")
    await site.look(2)
    assert [each.rule for each in await site.services.alerts.find(state="firing")] == ["budget-80"]
    await site.services.calls.ship([msgspec.structs.replace(spent, id=bank.new_id(), input_tokens=20_000)], gateway="g")
    await site.look(2)
    assert {each.rule for each in await site.services.alerts.find(state="firing")} == {"budget-80", "budget-exhausted"}
    site.clock.advance(86_400)
    await site.look(2)
    assert await site.services.alerts.find(state="firing") == [], "another day, another budget"


async def test_a_rule_opens_an_incident_once(site: Site) -> None:
    await site.declare(
        rule(metric="error_rate", when="estimate_above", threshold=0.5, opens_incident=True, severity=1, channels=())
    )
    await site.calls("failed", 10)
    looked = await site.look(3)
    (incident,) = await site.services.incidents.find()
    assert [each for look in looked if look is not None for each in look.incidents] == [incident.id]
    assert incident.origin == "alert"
    assert incident.severity == 1
    assert incident.use_cases == (bank.NAME,)
    (alert,) = [each for each in await site.services.alerts.find() if each.rule == "tripped"]
    assert alert.incident == incident.id
    stopped: UseCase = await site.services.use_cases.get(bank.NAME)
    assert [each.kind for each in stopped.holds] == ["incident"]
    assert stopped.holds[0].stops_calls
    view = await site.services.incidents.get(incident.id)
    assert [each.kind for each in view.events] == ["opened", "linked"]
    assert view.events[1].reference == f"alert/{alert.id}"
    # The alert ends; what it opened waits for people.
    site.clock.advance(2 * 3_600)
    await site.calls("answered", 10)
    await site.look(2)
    assert (await site.services.incidents.get(incident.id)).incident.state == "open"


async def test_a_use_case_that_is_retired_is_looked_at_no_more(site: Site) -> None:
    await site.calls("failed", 40)
    await site.look(6)
    assert [each.rule for each in await site.services.alerts.find(state="firing")] == ["error-rate"]
    await site.services.use_cases.demote(bank.NAME, "retired", actor="user:maria", reason="replaced")
    await site.look()
    assert await site.services.alerts.find(state="firing") == []
