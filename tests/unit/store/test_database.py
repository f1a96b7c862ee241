"""Opening, migrating, reading one moment, and the one way to write: a change and its entry together or not at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.databases import Migrated
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.store.sums import rolled_up_alike

from groundcrew.errors import InputError
from groundcrew.services.audit import Audit
from groundcrew.store import catalog, deciding_tables, oversight_tables, tables, tuning_tables
from groundcrew.store.database import Database

WRITERS, WRITES, PROCESSES, CANCELLATIONS = 4, 12, 3, 60


@pytest.fixture(autouse=True)
def _migrations_run(migrated: Migrated) -> Iterator[None]:
    """Here every SQLite database is made by the migrations, and none is a copy of one."""
    with migrated.for_real():
        yield


@pytest.fixture
def postgres_url(empty_postgres_url: str) -> str:
    """Here every PostgreSQL database is made by the migrations."""
    return empty_postgres_url


async def entries(database: Database) -> int:
    async with database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.audit_entries)
        return int((await connection.execute(query)).scalar_one())


async def test_migrations_make_exactly_the_tables(database_url: str) -> None:
    database = await Database.open(database_url)
    async with database.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), tables.metadata)
        )
    await database.close()
    assert differences == []


async def test_a_database_of_the_first_schema_is_brought_up_to_date(
    database_url: str, tmp_path: Path, prepared: Prepared
) -> None:
    prepared.copy("history", database_url)
    database = await Database.open(database_url)
    async with database.operate() as connection:
        await connection.execute(sa.text("DROP TABLE audit_head"))
        # The log that the history comes with knows these rows; a first release had neither.
        known = {
            table: [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]
            for table in (
                tables.budget_warnings,
                tables.label_draws,
                tables.trust_labels,
                tables.calibrations,
                tables.calibration_alarms,
                tables.guarantees,
                tables.verifiers,
                tables.jobs,
                tables.findings,
                tables.rescored,
                tables.evidence_snapshots,
                tables.approvals,
                tables.certifications,
                tables.exposures,
                tables.experiment_looks,
                tables.rating_requests,
                tables.rating_skips,
                tables.evaluation_suites,
                tables.evaluation_results,
                tables.model_swaps,
                tables.rehearsed,
                oversight_tables.channels,
                oversight_tables.deliveries,
                oversight_tables.alert_rules,
                oversight_tables.alerts,
                oversight_tables.alert_silences,
                oversight_tables.incidents,
                oversight_tables.incident_events,
                oversight_tables.incident_actions,
                deciding_tables.vetoes,
                deciding_tables.veto_events,
                deciding_tables.authorities,
                deciding_tables.authority_requests,
                deciding_tables.deputies,
                deciding_tables.stream_cadence,
                deciding_tables.stream_meetings,
                deciding_tables.stream_attendance,
                deciding_tables.agenda_items,
                deciding_tables.stream_decisions,
                deciding_tables.meeting_notes,
                deciding_tables.action_items,
                deciding_tables.stream_minutes,
                deciding_tables.minutes_addenda,
                deciding_tables.feed_tokens,
                tables.absences,
                deciding_tables.vendor_capabilities,
                deciding_tables.overlap_findings,
                oversight_tables.drift_references,
                oversight_tables.drift_windows,
                oversight_tables.drift_alarms,
                deciding_tables.risk_sheets,
                deciding_tables.risk_lowerings,
                deciding_tables.technical_filings,
                deciding_tables.inventory_findings,
                deciding_tables.inventory_scans,
                deciding_tables.resources,
                deciding_tables.resource_requests,
                deciding_tables.champions,
                deciding_tables.playbook_pages,
                deciding_tables.explorations,
                deciding_tables.audit_keys,
                deciding_tables.checkpoints,
                deciding_tables.legal_holds,
                tables.kept_documents,
                tuning_tables.data_sets,
                tuning_tables.tuning_runs,
                tuning_tables.tuned_models,
            )
        }
        sums = ("call_sums", "call_spreads", "rating_sums", "outcome_sums")
        alerting = ("alert_tracks", "alert_turns", "gateway_health")
        drifting = ("drift_mark", "drift_calls", "drift_monitors")
        more = (*alerting, *drifting, "rating_leases", "link_secrets", "sign_off_claims", "meeting_pulses", "tuning_steps")
        operational = (
            "spending",
            "budget_holds",
            "key_uses",
            "label_leases",
            "job_runs",
            "delivery_runs",
            *sums,
            *more,
        )
        for table in (*operational, *(each.name for each in known)):
            await connection.execute(sa.text(f"DROP TABLE {table}"))
        for index in (
            *("ix_calls_use_case_shadow_of", "ix_calls_trace_id", "ix_outcomes_use_case_version_digest_metric"),
            *("ix_calls_served_id", "ix_calls_served_use_case_id", "ix_calls_served_use_case_status_id"),
            *("ix_calls_copies_use_case_version_digest_id", "ix_ratings_call_id", "ix_sign_offs_call_id"),
            *("ix_ratings_use_case_version_digest_sample_at_id", "ix_sign_offs_state_expires_at_use_case"),
            *("ix_ratings_use_case_version_digest_sample_rater_call_id_case_id", "ix_sign_offs_use_case_state_id"),
            *("ix_calls_use_case_case_id", "ix_sign_offs_state_qualification_due_at", "ix_sign_offs_review_use_case"),
        ):
            await connection.execute(sa.text(f"DROP INDEX {index}"))
        for column in ("sample", "shadow_of", "trace_id", "key_id", "user_id", "charged_nanos", "redacted", "trial"):
            await connection.execute(sa.text(f"ALTER TABLE calls DROP COLUMN {column}"))
        for column in ("value", "at", "version_digest", "unit_id", "arm", "cluster"):
            await connection.execute(sa.text(f"ALTER TABLE outcomes DROP COLUMN {column}"))
        for column in ("call_id", "rater", "origin", "at", "stars", "case_id", "critical_harm"):
            await connection.execute(sa.text(f"ALTER TABLE ratings DROP COLUMN {column}"))
        for column in ("expires_at", "qualification", "due_at", "review"):
            await connection.execute(sa.text(f"ALTER TABLE sign_offs DROP COLUMN {column}"))
        for column in ("at", "actor", "action", "use_case"):
            await connection.execute(sa.text(f"DROP INDEX ix_audit_entries_{column}_sequence"))
            await connection.execute(sa.text(f"ALTER TABLE audit_entries DROP COLUMN {column}"))
        said = ("kind", "cut", "started_at_s", "enforced_at_s", "paused_s", "resumed_at_s", "refuses_after_s")
        for column in (*said, "machine", "process_started"):
            await connection.execute(sa.text(f"ALTER TABLE enforcement_points DROP COLUMN {column}"))
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    await database.close()
    async with bank.opened(database_url, tmp_path, bare=True) as services:
        async with services.database.operate() as connection:
            for added, rows in known.items():
                await connection.execute(added.insert(), rows)
        assert (await services.audit.verify()).problems == ()
        calls = await services.calls.latest(limit=1_000)
        carried = await services.spending.report("key", since=min(each.received_at for each in calls).date())
        assert carried.total.calls == len(calls), "calls of before are summed once"
        assert carried.total.usd == pytest.approx(sum(each.cost_usd or 0.0 for each in calls))
        await rolled_up_alike(services.database)
        await services.use_cases.demote(bank.NAME, "discovery", actor=bank.PERSON, reason="again")
        assert (await services.audit.verify()).problems == ()


def test_migrations_are_named_for_their_revision() -> None:
    from alembic.script import ScriptDirectory

    from groundcrew.store.database import _configuration, newest_revision

    scripts = ScriptDirectory.from_config(_configuration())
    assert scripts.get_current_head() == newest_revision()
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"m{script.revision}_")


async def test_a_database_of_a_newer_groundcrew_is_left_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    async with database.operate() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    with pytest.raises(InputError, match="written by a newer groundcrew"):
        await Database.open(database_url)


def test_several_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from groundcrew.store.database import Database\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "async def work():\n"
        "    database = await Database.open(sys.argv[1])\n"
        "    async with database.write('system:test') as writer:\n"
        "        await writer.audit('open', 'test/1', document=None)\n"
        "    await database.close()\n"
        "asyncio.run(work())\n"
    )
    command = [sys.executable, "-c", program, database_url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("name", ["with space", "100%", "question?mark", "hash#tag", "per%20cent"])
async def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "groundcrew.db"
    database = await Database.open(f"sqlite:///{path}")
    await database.close()
    assert path.stat().st_size > 0


async def test_what_can_not_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_text("this is no database " * 500)
    folder = tmp_path / "folder.db"
    folder.mkdir()
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    urls = {
        f"sqlite:///{garbage}": "not a database",
        f"sqlite:///{folder}": "unable to open",
        f"sqlite:///{in_the_way}/groundcrew.db": "",
        "postgresql://groundcrew:very-secret@127.0.0.1:1/groundcrew": "Connect",
        "postgresql://groundcrew:very-secret@host.invalid:5432/groundcrew": "",
    }
    for url, reason in urls.items():
        with pytest.raises(InputError) as raised:
            await Database.open(url)
        assert raised.value.file
        assert reason in str(raised.value)
        assert "\n" not in str(raised.value)
        assert "very-secret" not in str(raised.value)


@pytest.mark.postgres
async def test_a_wrong_password_is_said_and_not_repeated(postgres_url: str) -> None:
    head, _, tail = postgres_url.rpartition("@")
    with pytest.raises(InputError, match="password authentication failed") as raised:
        await Database.open(f"{head}x@{tail}")
    assert head.rpartition(":")[2] not in str(raised.value)


@pytest.mark.parametrize("url", ["", "mysql://localhost/x", "groundcrew.db", "sqlite:/relative.db"])
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="database-url: a database URL starts with"):
        await Database.open(url)


async def test_a_failure_in_the_middle_leaves_neither_change_nor_entry(database_url: str) -> None:
    database = await Database.open(database_url)
    told: list[bool] = []
    database.on_change(lambda: told.append(True))
    version, before = await database.version(), await entries(database)

    async def fail_in_the_middle() -> None:
        async with database.write("user:anna") as writer:
            await catalog.PROVIDERS.put(writer, bank.provider(), "apply")
            await writer.touch_snapshot()
            await catalog.MODELS.put(writer, bank.model(), "apply")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_in_the_middle()
    async with database.read() as connection:
        assert await catalog.PROVIDERS.get(connection, bank.PROVIDER) is None
        assert await catalog.MODELS.count(connection) == 0
    assert (await database.version(), await entries(database), told) == (version, before, [])
    assert (await Audit(database).verify()).problems == ()
    await database.close()


async def test_a_cancelled_write_leaves_nothing_and_the_next_one_goes_on(database_url: str) -> None:
    database = await Database.open(database_url)
    reached = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.write("user:anna") as writer:
            await catalog.PROVIDERS.put(writer, bank.provider(), "apply")
            reached.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write_and_wait())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(20), database.write("user:anna") as writer:
        await catalog.MODELS.put(writer, bank.model(), "apply")
    async with database.read() as connection:
        assert await catalog.PROVIDERS.count(connection) == 0
        assert await catalog.MODELS.count(connection) == 1
    assert (await Audit(database).verify()).problems == ()
    await database.close()


async def test_a_cancellation_at_any_moment_leaves_no_lock_behind(database_url: str) -> None:
    """A task that is cancelled between two statements, or within one, gives its connection back at once."""
    database = await Database.open(database_url)
    random = Random(7)

    async def keep_writing() -> None:
        while True:
            async with database.write("user:anna") as writer:
                await catalog.PROVIDERS.put(writer, bank.provider(), "apply")
                await catalog.MODELS.put(writer, bank.model(), "apply")

    for _ in range(CANCELLATIONS):
        task = asyncio.create_task(keep_writing())
        await asyncio.sleep(random.random() * 0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(20), database.write("user:beat") as writer:
            await catalog.POLICIES.put(writer, bank.policy(), "apply")
    assert (await Audit(database).verify()).problems == ()
    await database.close()


async def test_the_snapshot_version_rises_once_a_transaction_and_listeners_hear_of_it_after(database_url: str) -> None:
    database = await Database.open(database_url)
    heard: list[bool] = []
    database.on_change(lambda: heard.append(True))
    version = await database.version()
    async with database.write("user:anna") as writer:
        await writer.touch_snapshot()
        await writer.touch_snapshot()
        assert heard == []
    assert (await database.version(), heard) == (version + 1, [True])
    async with database.write("user:anna") as writer:
        await catalog.PROVIDERS.put(writer, bank.provider(), "apply")
    assert (await database.version(), heard) == (version + 1, [True])
    await database.close()


async def test_writers_of_several_processes_keep_one_chain(database_url: str) -> None:
    """Each `Database` has a pool of its own, as another process would."""
    databases = [await Database.open(database_url) for _ in range(WRITERS)]

    async def write(number: int, database: Database) -> None:
        for each in range(WRITES):
            async with database.write(f"user:writer-{number}") as writer:
                await catalog.PROVIDERS.put(writer, bank.provider(name=f"p-{number}-{each}"), "apply")
                await catalog.MODELS.put(writer, bank.model(name=f"m-{number}-{each}"), "apply")
                await writer.touch_snapshot()

    before, version = await entries(databases[0]), await databases[0].version()
    await asyncio.gather(*(write(*each) for each in enumerate(databases)))
    report = await Audit(databases[0]).verify()
    assert (report.problems, report.entries) == ((), before + 2 * WRITERS * WRITES)
    assert await databases[0].version() == version + WRITERS * WRITES
    for database in databases:
        await database.close()


async def test_verification_beside_a_writer_sees_one_moment(database_url: str) -> None:
    """An entry that is not there yet, about a row that is there already, would look like an edit."""
    database, other = await Database.open(database_url), await Database.open(database_url)

    async def write() -> None:
        for each in range(60):
            async with other.write("user:anna") as writer:
                for number in range(3):
                    item = msgspec.structs.replace(bank.provider(), name=f"p-{number}", baa=bool(each % 2))
                    await catalog.PROVIDERS.put(writer, item, "apply")

    task = asyncio.create_task(write())
    checks = 0
    while not task.done():
        assert (await Audit(database).verify()).problems == ()
        checks += 1
    await task
    assert checks > 3
    await database.close()
    await other.close()


async def test_a_read_sees_one_moment(database_url: str) -> None:
    database = await Database.open(database_url)
    async with database.read() as connection:
        assert await catalog.PROVIDERS.count(connection) == 0
        async with database.write("user:anna") as writer:
            await catalog.PROVIDERS.put(writer, bank.provider(), "apply")
        assert await catalog.PROVIDERS.count(connection) == 0
    async with database.read() as connection:
        assert await catalog.PROVIDERS.count(connection) == 1
    await database.close()
