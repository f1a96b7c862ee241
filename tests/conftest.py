"""What every test may ask for: databases of both kinds, a browser, the shared data; each absence is a visible skip."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import databases, postgres
from tests.scheduling import Scheduling, in_order, scheduler, shuffled

ROOT = Path(__file__).parents[1]
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Else every process that a test starts compiles the whole product for itself, and each worker rewrites every test anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Two workers share two cores: a library that computes in more threads spends four times what it needs, spinning until they are
# done. Read when numpy is loaded, which nothing above does.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow machine must not turn a property into a failure; what a test may take is bounded by its examples.
settings.register_profile("groundcrew", deadline=None)
settings.load_profile("groundcrew")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: the garbage collector need not go through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `pytest --help` says of this suite."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files, and the tests in each, in an order drawn by SEED")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, they come in the order of `tests.scheduling`."""
    seed = config.getoption("shuffle")
    if seed is not None:
        items[:] = shuffled(items, seed)
    elif hasattr(config, "workerinput"):
        items[:] = in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Who gets which tests next."""
    return scheduler(config, log)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own environment must not decide a test."""
    for name in list(os.environ):
        if name.startswith(("GROUNDCREW_", "OPENAI_", "ANTHROPIC_")) or name.lower() in (
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this test process, started when the first test asks for it."""
    server = postgres.running_server()
    try:
        started = server.__enter__()
    except postgres.Unavailable as error:
        pytest.skip(f"PostgreSQL: {error}")
    try:
        yield started
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> databases.Migrated:
    """The empty databases of this test process that others are copied from."""
    return databases.Migrated(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(autouse=True, scope="session")
def _new_databases_are_copies(migrated: databases.Migrated) -> Iterator[None]:
    """Opening a database that is not there yet takes a copy's time and not that of all migrations."""
    with pytest.MonkeyPatch.context() as patch:
        databases.copy_new_ones(migrated, patch)
        yield


@pytest.fixture
def postgres_url(postgres_server: postgres.Server, migrated: databases.Migrated) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with the tables of the current schema and nothing in them."""
    name = postgres_server.create_database(migrated.postgres(postgres_server))
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own with nothing in it at all."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'groundcrew.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on an SQLite database and on a PostgreSQL one that nothing has been put into."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium to drive: CHROMIUM_PATH, or the first known name on the PATH."""
    found = os.environ.get("CHROMIUM_PATH") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        pytest.skip(f"Chromium: none of {', '.join(BROWSERS)} on the PATH, and CHROMIUM_PATH is not set")
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of evaluation data beside the checkout; it is not part of the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared data: no folder shared/data beside the checkout")
    return folder
