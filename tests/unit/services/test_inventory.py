"""The inventory: recorded once, settled by people, and open again where what was settled is not so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.web.test_authorization import EXPECTED

from groundcrew.domain.inventory import InventoryFinding, ScanFinding, ScanReport, fingerprint_of
from groundcrew.domain.use_case import SpendLimits
from groundcrew.errors import Conflict, DeclarationError, InputError, NotAllowed, NotFound
from groundcrew.jobs.inventory_keeper import InventoryKeeper
from groundcrew.services import inventory_agenda
from groundcrew.services.bundle import Services
from groundcrew.services.declarations import load
from groundcrew.services.inventory_people import SETTLE_ROLES
from groundcrew.store import catalog, deciding, operations

ANNA, AGENT, AUDITOR, CLI = "user:anna", "user:builder", "user:otto", "cli:root"
DAY_S = 86_400


@pytest_asyncio.fixture
async def services(tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("declared", url), bare=True) as made:
        await bank.accounts(made, ANNA)
        await bank.accounts(made, AGENT, kind="agent")
        await bank.accounts(made, AUDITOR, roles=("auditor",))
        yield made


def found(name: str, **more: Any) -> ScanFinding:
    given = {
        "source": "code",
        "service": "openai",
        "kind": "raw_http",
        "severity": "high",
        "reason": "calls OpenAI over HTTP without the gateway",
        "fingerprint": fingerprint_of(name),
        "path": f"{name}.py",
        "line": 3,
        "fragment": "requests.post(URL)",
        **more,
    }
    return ScanFinding(**given)


def report(*names: str, complete: bool = True, **more: Any) -> ScanReport:
    return ScanReport(
        source=more.get("source", "code"),
        root="mails",
        complete=complete,
        catalogue="1",
        findings=tuple(found(each, **more) for each in names),
    )


async def first(services: Services) -> InventoryFinding:
    (item,) = await services.inventory.find()
    return item


def today(services: Services) -> date:
    return services.database.clock.now().date()


async def test_a_scan_is_recorded_once_and_what_is_gone_and_back_is_told(services: Services) -> None:
    recorded = await services.inventory.record(report("a", "b"), actor=ANNA)
    assert (len(recorded.new), recorded.known, recorded.gone) == (2, 0, ())
    entries = len(await services.audit.latest(limit=200))
    again = await services.inventory.record(report("a", "b"), actor=ANNA)
    assert (again.new, again.known) == ((), 2)
    assert len(await services.audit.latest(limit=200)) == entries + 1, "only that a scan ran"
    moved = await services.inventory.record(report("a", "b", line=9), actor=ANNA)
    assert moved.new == ()
    assert {each.found.line for each in await services.inventory.find()} == {9}
    partial = await services.inventory.record(report("a", complete=False), actor=ANNA)
    assert partial.gone == (), "what was not looked at is not gone"
    gone = await services.inventory.record(report("a", line=9), actor=ANNA)
    assert len(gone.gone) == 1
    back = await services.inventory.record(report("a", "b", line=9), actor=ANNA)
    assert back.reopened == gone.gone
    item = await services.inventory.get(back.reopened[0])
    assert (item.state, item.reopened, item.gone_at) == ("open", 1, None)
    assert (await services.audit.verify()).problems == ()


async def test_a_report_of_who_settles_nothing_only_adds(services: Services) -> None:
    await services.inventory.record(report("a", "b"), actor=ANNA)
    before = {each.id: each for each in await services.inventory.find()}
    for actor in (AGENT, AUDITOR, "key:app"):
        empty = await services.inventory.record(report(), actor=actor)
        assert (empty.gone, empty.only_added) == ((), True)
        claimed = report("a", severity="low", accepted="all is well", path="else.py", reason="nothing")
        assert (await services.inventory.record(claimed, actor=actor)).known == 1
        assert {each.id: each for each in await services.inventory.find()} == before
    assert not (await services.inventory.overview()).scans[0].complete
    assert len((await services.inventory.record(report("c"), actor=AGENT)).new) == 1
    one = next(iter(before))
    await services.inventory.retire(one, "deleted", actor=ANNA)
    back = await services.inventory.record(report("a", "b", severity="low"), actor=AGENT)
    assert back.reopened == (one,)
    item = await services.inventory.get(one)
    assert (item.state, item.found) == ("open", before[one].found)
    settled = await services.inventory.record(report("a"), actor=ANNA)
    assert (len(settled.gone), settled.only_added) == (2, False)


async def test_what_lies_in_a_folder_that_is_left_out_is_not_gone(services: Services) -> None:
    await services.inventory.record(report("tools/a", "tools2/a", "b"), actor=ANNA)
    left = msgspec.structs.replace(report("b"), left_out=("tools",))
    assert len((await services.inventory.record(left, actor=ANNA)).gone) == 1
    assert {each.found.path for each in await services.inventory.find(state="gone")} == {"tools2/a.py"}


async def test_nobody_reports_the_keys_of_this_database_from_outside(services: Services) -> None:
    _, recorded = await services.inventory.scan_keys(actor="system:inventory")
    assert recorded is not None
    for actor in (ANNA, CLI):
        with pytest.raises(InputError, match="looked at by itself"):
            await services.inventory.record(
                ScanReport(source="keys", root=recorded.root, complete=True, catalogue="1"), actor=actor
            )
    await services.inventory.record(report("a", source="egress"), actor=ANNA)
    await services.inventory.record(report("a", severity="low"), actor=ANNA)
    assert (await first(services)).found.source == "egress", "a scan of code says nothing of what a log showed"


async def test_two_servers_that_record_at_once_record_it_once(services: Services) -> None:
    both = await asyncio.gather(*(services.inventory.record(report("a", "b"), actor=AGENT) for _ in range(3)))
    assert sorted(len(each.new) for each in both) == [0, 0, 2]


async def test_assigned_overdue_and_on_the_agenda(services: Services) -> None:
    await services.inventory.record(report("a", "b"), actor=AGENT)
    one, _ = await services.inventory.find()
    due = today(services) + timedelta(days=7)
    await services.inventory.assign(one.id, "petra", due, unit="retail", actor=CLI)
    with pytest.raises(InputError, match="deadline"):
        await services.inventory.assign(one.id, "petra", today(services) - timedelta(days=1), actor=CLI)
    with pytest.raises(InputError, match="owner"):
        await services.inventory.assign(one.id, " ", due, actor=CLI)

    async def agenda() -> list[str]:
        async with services.database.read() as connection:
            return [each.key for each in await inventory_agenda.agenda_entries(connection, services.database.clock.now())]

    assert await agenda() == []
    services.database.clock.advance(8 * DAY_S)  # type: ignore[attr-defined]
    assert [each.id for each in await services.inventory.overdue()] == [one.id]
    assert (await services.inventory.find())[0].id == one.id, "what is overdue comes first"
    assert await agenda() == [f"finding/{one.id}"]
    services.database.clock.advance(7 * DAY_S)  # type: ignore[attr-defined]
    assert await agenda() == [f"finding/{one.id}", "finding/unassigned"]
    overview = await services.inventory.overview()
    assert (overview.overdue, overview.by_owner, overview.by_unit) == (1, {"petra": 1, "": 1}, {"retail": 1, "": 1})
    assert [each.root for each in overview.scans] == ["mails"]


async def test_retired_is_confirmed_by_a_scan_or_open_again(services: Services) -> None:
    await services.inventory.record(report("a"), actor=AGENT)
    item = await first(services)
    await services.inventory.retire(item.id, "the script is deleted", actor=ANNA)
    with pytest.raises(Conflict, match="open it again first"):
        await services.inventory.retire(item.id, "again", actor=ANNA)
    still = await services.inventory.record(report("a"), actor=AGENT)
    assert still.reopened == (item.id,)
    await services.inventory.retire(item.id, "now it is", actor=ANNA)
    await services.inventory.record(report(), actor=ANNA)
    item = await services.inventory.get(item.id)
    assert item.state == "retired"
    assert item.gone_at is not None


async def test_accepted_until_a_day_under_an_account(services: Services) -> None:
    await services.inventory.record(report("a"), actor=AGENT)
    item = await first(services)
    until = today(services) + timedelta(days=10)
    for actor, words in (
        (CLI, "under their own account"),
        (AGENT, "account of a program"),
        (AUDITOR, "may not settle"),
        ("user:nobody", "none that is open"),
        ("key:app", "takes a person"),
    ):
        with pytest.raises(NotAllowed, match=words):
            await services.inventory.accept(item.id, "a spike", until, actor=actor)
    for days in (0, 400):
        with pytest.raises(InputError, match="until a day"):
            await services.inventory.accept(item.id, "a spike", today(services) + timedelta(days=days), actor=ANNA)
    with pytest.raises(InputError, match="say why"):
        await services.inventory.accept(item.id, " ", until, actor=ANNA)
    await services.inventory.accept(item.id, "a spike", until, actor=ANNA)
    assert await services.inventory.watch() == []
    services.database.clock.advance(11 * DAY_S)  # type: ignore[attr-defined]
    assert [each.id for each in await services.inventory.watch()] == [item.id]
    assert await services.inventory.watch() == []
    assert (await services.inventory.get(item.id)).state == "open"


async def test_a_disabled_account_settles_nothing(services: Services) -> None:
    await services.inventory.record(report("a"), actor=AGENT)
    item = await first(services)
    anna = next(each for each in await services.users.find() if each.name == "anna")
    async with services.database.write("user:root") as writer:
        await catalog.USERS.put(writer, msgspec.structs.replace(anna, disabled=True), "disable")
    with pytest.raises(NotAllowed):
        await services.inventory.retire(item.id, "gone", actor=ANNA)


def test_the_roles_are_those_of_the_web() -> None:
    assert EXPECTED["settle_finding"] == SETTLE_ROLES


async def test_a_draft_invents_nothing_and_the_finding_belongs_to_a_registered_use_case(
    services: Services, tmp_path: Path
) -> None:
    await services.inventory.record(report("a"), actor=AGENT)
    item = await first(services)
    draft = tmp_path / "draft.yaml"
    draft.write_text(await services.inventory.draft(item.id))
    with pytest.raises(DeclarationError):
        load([draft])
    filled = draft.read_text()
    for field, value in (
        ("title:", "Letters"),
        ("owner:", "petra@bank.example"),
        ("business_unit:", "retail"),
        ("purpose:", "Answers letters"),
        ("affected_persons:", "customers"),
        ("solution:", "product"),
        ("autonomy:", "assist"),
        ("data_classes:", "[internal]"),
        ("model:", "writer"),
    ):
        filled = filled.replace(f"\n{field}", f"\n{field} {value}")
    draft.write_text(filled)
    assert load([draft]).use_cases[0].value.name == "a-openai"
    with pytest.raises(NotFound, match="did you mean"):
        await services.inventory.register(item.id, bank.NAME[:-1], actor=ANNA)
    await services.inventory.register(item.id, bank.NAME, actor=ANNA)
    assert (await services.inventory.get(item.id)).state == "draft_registered"
    again = await services.inventory.record(report("a"), actor=AGENT)
    assert again.known == 1, "code that is there belongs to its use case"
    await services.use_cases.demote(bank.NAME, "retired", actor="user:maria", reason="nobody uses it")
    assert [each.id for each in await services.inventory.watch()] == [item.id]
    with pytest.raises(Conflict, match="retired"):
        await services.inventory.register(item.id, bank.NAME, actor=ANNA)
    with pytest.raises(Conflict, match="nothing is settled"):
        await services.inventory.reopen(item.id, "odd", actor=ANNA)


async def test_a_log_that_is_read_twice_proves_nothing_new(services: Services) -> None:
    seen = report(
        "a", source="egress", kind="egress", path=None, line=None, user="anna", count=3, last_seen="2026-03-01T09:00:00"
    )
    await services.inventory.record(seen, actor=AGENT)
    item = await first(services)
    await services.inventory.retire(item.id, "anna uses the gateway now", actor=ANNA)
    assert (await services.inventory.record(seen, actor=AGENT)).reopened == ()
    later = report(
        "a", source="egress", kind="egress", path=None, line=None, user="anna", count=1, last_seen="2026-03-09T09:00:00"
    )
    assert (await services.inventory.record(later, actor=AGENT)).reopened == (item.id,)


async def test_what_a_report_must_be(services: Services) -> None:
    for wrong, words in (
        (msgspec.structs.replace(report("a"), root=" "), "name what was scanned"),
        (msgspec.structs.replace(report("a"), source="egress"), r"findings\[0\].source"),
        (report("a", fingerprint="../../x"), "hexadecimal"),
        (report("a", path="x" * 2_000), r"findings\[0\].path"),
        (msgspec.structs.replace(report("a"), left_out=("",)), "left_out"),
        (report("a", reason=""), "names a service and a reason"),
        (msgspec.structs.replace(report(), findings=(found("a"),) * 5_001), "at most 5,000"),
    ):
        with pytest.raises(InputError, match=words):
            await services.inventory.record(wrong, actor=AGENT)
    secret = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
    said = dict.fromkeys(("fragment", "reason", "accepted"), f'KEY = "{secret}" https://anna:abc@proxy.example')
    await services.inventory.record(report("a", **said), actor=AGENT)
    kept = (await first(services)).found
    for text in (kept.fragment, kept.reason, kept.accepted):
        assert text == 'KEY = "…" https://…@proxy.example'


async def test_keys_are_looked_at_once_by_however_many_servers(services: Services) -> None:
    made = [
        await services.keys.create(bank.NAME, actor=CLI, expires_in_s=200 * DAY_S, label=each)
        for each in ("never", "used", "fresh")
    ]
    clock = services.database.clock
    clock.advance(20 * DAY_S)  # type: ignore[attr-defined]
    fresh = await services.keys.create(bank.NAME, actor=CLI, expires_in_s=10 * DAY_S, budget=SpendLimits(tokens_per_day=10))
    async with services.database.operate() as connection:
        for each in (made[1], fresh):
            await connection.execute(
                operations.key_uses.insert().values(key_id=each.key.id, use_case=bank.NAME, used_at=clock.now().isoformat())
            )
    await services.keys.revoke(made[2].key.id, actor=CLI, reason="a test")
    keeper = InventoryKeeper(services)
    await asyncio.gather(keeper.look(), InventoryKeeper(services).look())
    told = {(each.found.kind, each.found.fragment.split()[1]) for each in await services.inventory.find(source="keys")}
    assert ("never_used_key", made[0].key.id) in told
    assert ("expiring_key", fresh.key.id) in told
    assert made[2].key.id not in {key for _, key in told}
    assert made[1].key.id not in {key for _, key in told}
    clock.advance(70 * DAY_S)  # type: ignore[attr-defined]
    await services.use_cases.demote(bank.NAME, "rejected", actor="user:maria", reason="no use")
    await keeper.look()
    told = {
        (each.found.kind, each.found.fragment.split()[1])
        for each in await services.inventory.find(source="keys")
        if each.state == "open"
    }
    assert ("unused_key", made[1].key.id) in told
    assert ("ended_key", made[1].key.id) in told
    assert ("expiring_key", fresh.key.id) not in told, "it has ended, so that its finding is gone"
    await services.keys.revoke(made[1].key.id, actor=CLI, reason="unused")
    await keeper.look()
    states = {
        each.found.kind: each.state
        for each in await services.inventory.find(state="gone")
        if made[1].key.id in each.found.fragment
    }
    assert states == {"unused_key": "gone", "ended_key": "gone"}


async def test_a_keeper_goes_on_after_a_failure(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    failures = iter([True])

    async def watch() -> list[InventoryFinding]:
        if next(failures, False):
            raise OSError("the database is away")
        looked.set()
        return []

    monkeypatch.setattr(services.inventory, "watch", watch)
    task = asyncio.create_task(InventoryKeeper(services, first_s=0, every_s=60, retry_s=0.001).run())
    try:
        await asyncio.wait_for(looked.wait(), 30)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.postgres
async def test_it_stands_on_postgresql_too(tmp_path: Path, prepared: Prepared, postgres_url: str) -> None:
    async with bank.opened(postgres_url, tmp_path, prepared.copy("declared", postgres_url), bare=True) as services:
        await bank.accounts(services, ANNA)
        both = await asyncio.gather(*(services.inventory.record(report("a", "b"), actor=ANNA) for _ in range(3)))
        assert sorted(len(each.new) for each in both) == [0, 0, 2]
        one, _ = await services.inventory.find()
        settled = await asyncio.gather(
            *(services.inventory.retire(one.id, f"reason {each}", actor=ANNA) for each in range(3)), return_exceptions=True
        )
        assert sum(isinstance(each, InventoryFinding) for each in settled) == 1
        assert sum(isinstance(each, Conflict) for each in settled) == 2
        async with services.database.read() as connection:
            assert await deciding.INVENTORY_FINDINGS.count(connection, state="retired") == 1
        assert (await services.audit.verify()).problems == ()
