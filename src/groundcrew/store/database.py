"""The database: opening, migrating, reading, and the one way to write: a change and its audit entry in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from groundcrew.domain.audit import GENESIS_HASH, AuditEntry, seal, use_case_of
from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.domain.clock import Clock, SystemClock
from groundcrew.errors import CAN_NOT_BE_OPENED, InputError
from groundcrew.store.glances import Glances
from groundcrew.store.kept_documents import TOO_LONG, is_too_long, keep
from groundcrew.store.listening import ACKNOWLEDGED, SNAPSHOT, Listening
from groundcrew.store.rows import stamp
from groundcrew.store.tables import audit_entries, audit_head, snapshot_version

SQLITE_BUSY_TIMEOUT_MS = 10_000
POSTGRES_POOL_SIZE = 8
#: A server that went away without a word must not be waited for for ever.
POSTGRES_CONNECT_S_MAX, POSTGRES_COMMAND_S_MAX = 10.0, 60.0
#: How long nothing is asked of the database while it would be heard; a pooler may swallow every word.
HEARD_S_MAX = 0.1
#: Any fixed number: writers of one database take turns on it, so that the audit chain has one order.
_AUDIT_LOCK = 0x67726F756E64
#: Gateways ask for it several times a second: made once.
_VERSION = sa.select(snapshot_version.c.version)
_MIGRATIONS = Path(__file__).parent / "migrations"


T = TypeVar("T")
#: What a transaction hands out; services pass it on and never look inside.
Connection = AsyncConnection


class Writer:
    """One write transaction of one actor. Every change goes through `audit` before the transaction ends."""

    def __init__(self, connection: AsyncConnection, actor: str, clock: Clock) -> None:
        self.connection, self.actor, self.clock = connection, actor, clock
        self.snapshot_touched = False
        self._last: tuple[int, str] | None = None
        self._appended = False

    async def audit(
        self, action: str, subject: str, *, document: bytes | None, reason: str = "", details: dict[str, Any] | None = None
    ) -> AuditEntry:
        """Append one entry to the chain. `document` is the subject's whole state after the change, None where removed."""
        if self._last is None:
            last = (
                await self.connection.execute(
                    sa.select(audit_entries.c.sequence, audit_entries.c.hash).order_by(audit_entries.c.sequence.desc()).limit(1)
                )
            ).first()
            self._last = (last.sequence, last.hash) if last else (0, GENESIS_HASH)
        sequence, previous_hash = self._last
        entry = seal(
            AuditEntry(
                sequence=sequence + 1,
                at=self.clock.now(),
                actor=self.actor,
                action=action,
                subject=subject,
                subject_digest=sha256_hex(document) if document is not None else None,
                reason=reason,
                details=(details or {}) | ({TOO_LONG: "too long"} if is_too_long(subject, document) else {}),
                previous_hash=previous_hash,
                hash="",
            )
        )
        await self.connection.execute(
            audit_entries.insert().values(
                sequence=entry.sequence,
                subject=subject,
                hash=entry.hash,
                document=canonical_json(entry).decode(),
                **lookup_columns(entry),
            )
        )
        if document is not None:
            await keep(self.connection, subject, document, str(entry.subject_digest), entry.sequence)
        self._last = (entry.sequence, entry.hash)
        self._appended = True
        return entry

    async def touch_snapshot(self) -> None:
        """Mark that the gateways must reload: the version rises once in this transaction."""
        if not self.snapshot_touched:
            self.snapshot_touched = True
            await self.connection.execute(snapshot_version.update().values(version=snapshot_version.c.version + 1))
            if self.connection.dialect.name != "sqlite":
                # Told when this transaction commits, and only then.
                await self.connection.execute(sa.select(sa.func.pg_notify(SNAPSHOT, "")))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What is done within is done whole, or where it raises not at all, and the transaction can go on either way."""
        before = self.snapshot_touched, self._last, self._appended
        try:
            async with self.connection.begin_nested():
                yield
        except BaseException:
            # The audit chain goes on from where it was.
            self.snapshot_touched, self._last, self._appended = before
            raise

    async def version(self) -> int:
        """The snapshot's version as this transaction leaves it."""
        return await current_version(self.connection)

    async def finish(self) -> None:
        """Note where the chain ends now; the last statement of the transaction."""
        if self._appended and self._last is not None:
            sequence, newest_hash = self._last
            await self.connection.execute(audit_head.update().values(sequence=sequence, hash=newest_hash))


class Database:
    """A SQLite file or a PostgreSQL database, migrated to the current schema."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine, self.clock = engine, clock
        # SQLite reads one state of the file; PostgreSQL has to be told to.
        self._reading = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._turn = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._acknowledged: set[asyncio.Event] = set()
        self._listening: Listening | None = None
        self._glances = Glances(str(engine.url.database)) if self.is_sqlite else None

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> Database:
        """Open and migrate. `url`: ``sqlite:///PATH`` or ``postgresql://…``; InputError for anything that can not be opened."""
        try:
            engine = _engine(url)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise _can_not_be_opened(url, error) from error
        try:
            await _bring_up_to_date(engine)
        except BaseException as error:
            await engine.dispose()
            # Drivers raise what they like: a refused connection, a wrong password, a file that is no database.
            if isinstance(error, Exception) and not isinstance(error, InputError):
                raise _can_not_be_opened(url, error) from error
            raise
        return cls(engine, clock or SystemClock())

    async def close(self) -> None:
        """Close all connections."""
        if self._glances is not None:
            self._glances.close()
        await self._engine.dispose()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each committed write that touched the snapshot: of this process, and while `listen` runs, of
        every process."""
        self._listeners.append(listener)

    async def listen(self) -> None:
        """Hear of other processes' changes until cancelled. Ends at once on SQLite: there is nothing to hear there."""
        if not self.is_sqlite:
            heard = {SNAPSHOT: self._tell, ACKNOWLEDGED: self._note_acknowledgement}
            self._listening = Listening(self._engine, heard, opened=self._tell)
            await self._listening.run()

    async def acknowledgement(self, wait_s: float) -> None:
        """Wait until a gateway acknowledges something, at most `wait_s`, or HEARD_S_MAX where that is heard: then look."""
        if self._listening is not None and self._listening.hears:
            wait_s = max(wait_s, HEARD_S_MAX)
        event = asyncio.Event()
        self._acknowledged.add(event)
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._acknowledged.discard(event)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _note_acknowledgement(self) -> None:
        for event in self._acknowledged:
            event.set()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self._engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent read transaction: whatever is read in it is of one moment."""
        async with self._reading.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, actor: str) -> AsyncIterator[Writer]:
        """One write transaction: commits at the end, rolls back on any error. Writers take turns."""
        async with self._turn, self._engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(groundcrew_write=True)
            async with connection.begin():
                if not self.is_sqlite:
                    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_AUDIT_LOCK)))
                writer = Writer(connection, actor, self.clock)
                yield writer
                await writer.finish()
        if writer.snapshot_touched:
            self._tell()

    @asynccontextmanager
    async def operate(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction for operational rows, which are not audited: sessions and acknowledgements."""
        async with self._turn, self._engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(groundcrew_write=True)
            async with connection.begin():
                yield connection

    async def glance(self, statement: sa.Select[Any]) -> Sequence[Any]:
        """The first rows of a small question that is asked again and again, a constant of its module without parameters."""
        found = self._glances.rows(statement) if self._glances is not None else None
        if found is not None:
            return found
        async with self.read() as connection:
            answers: Sequence[Any] = (await connection.execute(statement)).all()
            return answers

    async def version(self) -> int:
        """The snapshot's version: rises with every change that gateways must know."""
        return int((await self.glance(_VERSION))[0][0])


def lookup_columns(entry: AuditEntry) -> dict[str, str]:
    """What an entry is searched by."""
    return {"at": stamp(entry.at), "actor": entry.actor, "action": entry.action, "use_case": use_case_of(entry)}


async def current_version(connection: AsyncConnection) -> int:
    """The snapshot's version as a transaction sees it."""
    return int((await connection.execute(_VERSION)).scalar_one())


def decode(document: str, kind: type[T]) -> T:
    """A stored document as its struct."""
    return msgspec.json.decode(document, type=kind)


def _engine(url: str) -> AsyncEngine:
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        # Recorded answers are nobody else's business: a folder made here is its owner's alone.
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not as text: a folder's name may hold what a URL reads otherwise.
        address = sa.URL.create("sqlite", database=str(path))
        arguments = {"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000}
        # Tried here, where a failure leaves no thread of the driver behind that outlives the loop.
        with sa.create_engine(address, connect_args=arguments, poolclass=sa.NullPool).connect() as trial:
            trial.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        # What is written is in no error's text, and so in no log.
        engine = create_async_engine(address.set(drivername="sqlite+aiosqlite"), connect_args=arguments, hide_parameters=True)
        sa.event.listen(engine.sync_engine, "connect", _configure_sqlite)
        sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
        sa.event.listen(engine.sync_engine, "close", _end_sqlite)
        return engine
    for prefix in ("postgresql://", "postgres://", "postgresql+asyncpg://"):
        if url.startswith(prefix):
            if find_spec("asyncpg") is None:
                raise InputError("PostgreSQL needs its driver: pip install 'groundcrew[postgres]'", field="database-url")
            arguments = {"timeout": POSTGRES_CONNECT_S_MAX, "command_timeout": POSTGRES_COMMAND_S_MAX}
            return create_async_engine(
                "postgresql+asyncpg://" + url.removeprefix(prefix),
                pool_size=POSTGRES_POOL_SIZE,
                # After the server was away, a stop must not fail for a connection that has long gone.
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=arguments,
                execution_options={"groundcrew_connect_args": arguments},
            )
    raise InputError("a database URL starts with sqlite:/// or postgresql://", field="database-url")


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling is off: `_begin_sqlite` decides, so that a writer locks at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("groundcrew_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _end_sqlite(connection: Any, _record: object) -> None:
    # A cancelled task's connection is closed while a cursor of it may still be referenced: SQLite would keep it, and its
    # write lock, until the cursor is collected.
    with contextlib.suppress(Exception):
        connection.rollback()


async def _bring_up_to_date(engine: AsyncEngine) -> None:
    """Migrate unless that is done. Of several processes that open a new database at once, one migrates and the others wait."""
    async with engine.connect() as connection:
        if await connection.run_sync(_is_current):
            return
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await connection.execution_options(groundcrew_write=True)
        else:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_AUDIT_LOCK)))
        await connection.run_sync(_migrate)


def _configuration() -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return configuration


def newest_revision() -> str:
    """The schema that this release makes: migrations are named for their revision, `m0001_…`."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("m[0-9][0-9][0-9][0-9]_*.py"))


def _is_current(connection: sa.Connection) -> bool:
    """Whether nothing is to be migrated. alembic, which takes a quarter of a second to load, is asked only where it may be."""
    if sa.inspect(connection).has_table("alembic_version"):
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()
        if list(found) == [newest_revision()]:
            return True
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_configuration())
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {each.revision for each in scripts.walk_revisions()}:
        raise InputError(
            f"the database was written by a newer groundcrew (schema {current}): upgrade this one", field="database-url"
        )
    return current == scripts.get_current_head()


def _migrate(connection: sa.Connection) -> None:
    from alembic import command

    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def _can_not_be_opened(url: str, error: Exception) -> InputError:
    """One line that says why, without the URL's password."""
    cause = getattr(error, "orig", None) or error
    reason = (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).splitlines()[0]
    scheme, separator, rest = url.partition("://")
    place = url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else f"{scheme}{separator}{rest.rpartition('@')[2]}"
    return InputError(f"{CAN_NOT_BE_OPENED}: {reason}", file=place)
