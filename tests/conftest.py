"""What every test may ask for: databases of both kinds, a browser, the shared data; each absence is a visible skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres

ROOT = Path(__file__).parents[1]
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A slow machine must not turn a property into a failure; what a test may take is bounded by its examples.
settings.register_profile("groundcrew", deadline=None)
settings.load_profile("groundcrew")


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


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'groundcrew.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on an empty SQLite database and on an empty PostgreSQL one."""
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
