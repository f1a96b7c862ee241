"""Empty databases of the current schema, migrated once in each test process and copied from then on.

Thirty migrations take a third of a second, and more than a thousand tests begin with them. That they make exactly the tables is
shown by tests/unit/store/test_database.py, where every database is migrated for itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from groundcrew.store import database
from tests import postgres

SQLITE = "sqlite:///"


class Migrated:
    """The templates of this test process, each made by the migrations when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._of_servers: dict[int, str] = {}
        #: Whether what is opened for the first time begins as a copy; a test of the migrations wants them to run.
        self.copies = True

    def sqlite(self) -> Path:
        """The file of an empty database."""
        path = self._folder / "migrated.db"
        if not path.exists():
            with self.for_real():
                postgres.run_apart(_migrate(f"{SQLITE}{path}"))
        return path

    def postgres(self, server: postgres.Server) -> str:
        """The name of an empty database on `server`, to which nobody may stay connected."""
        if server.port not in self._of_servers:
            name = server.create_database()
            postgres.run_apart(_migrate(server.url(name)))
            self._of_servers[server.port] = name
        return self._of_servers[server.port]

    @contextmanager
    def for_real(self) -> Iterator[None]:
        """Every database that is opened meanwhile is migrated for itself."""
        before, self.copies = self.copies, False
        try:
            yield
        finally:
            self.copies = before


async def _migrate(url: str) -> None:
    opened = await database.Database.open(url)
    await opened.close()


def copy_new_ones(migrated: Migrated, patch: pytest.MonkeyPatch) -> None:
    """From now on an SQLite database that does not exist when it is opened begins as a copy."""
    make_engine = database._engine

    def engine(url: str) -> Any:
        path = Path(url.removeprefix(SQLITE))
        if url.startswith(SQLITE) and migrated.copies and path.parent.is_dir() and not path.exists():
            # What can not be written here is the product's to say.
            with contextlib.suppress(OSError):
                _place(migrated.sqlite(), path)
        return make_engine(url)

    patch.setattr(database, "_engine", engine)


def _place(template: Path, path: Path) -> None:
    """Copy `template` to `path` all at once, and not over a file that somebody else makes meanwhile."""
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        shutil.copyfile(template, beside)
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
