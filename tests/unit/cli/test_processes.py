"""What only a process of its own shows: signals, ports, disks that are full, and what stays behind."""

from __future__ import annotations

import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.server import environment, groundcrew, running

PROVIDER = "kind: Provider\nname: quotes\napi: extractive\n"


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("groundcrew: ")


def test_a_server_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """A second server meanwhile is refused: the port is taken, and so is the data folder."""
    data, log = tmp_path / "data", tmp_path / "log"
    for number in (signal.SIGINT, signal.SIGTERM):
        with running(data, log=log) as server:
            port = server.url.rpartition(":")[2]
            taken = groundcrew("up", "--port", port, "--data", tmp_path / "other")
            assert (taken.status, one_line(taken.err)) == (2, True)
            assert f"port: can not listen on 127.0.0.1:{port}: Address already in use" in taken.err
            if number == signal.SIGINT:
                second = groundcrew("up", "--port", "0", "--data", data)
                assert (second.status, one_line(second.err)) == (2, True)
                assert f"the spool is in use by another process (pid {server.process.pid})" in second.err
            server.process.send_signal(number)
            assert server.process.wait(60) == 0
        with sqlite3.connect(data / "groundcrew.db") as connection:
            assert connection.execute("SELECT count(*) FROM enforcement_points").fetchone() == (0,)
        connection.close()
    assert log.read_text() == ""


def test_an_interrupted_demo_stops_its_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "groundcrew", "demo", "--limit", "400", "--data", str(tmp_path / "demo")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        # Whoever runs the tests in the background of a shell has the signal ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    spool = tmp_path / "demo" / "spool" / "spool.db.lock"
    until = time.monotonic() + 240
    while not spool.exists() or not spool.read_text():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    # As a terminal does: to the whole group.
    import os

    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "Traceback" not in errors
    assert "groundcrew: interrupted" in errors
    server = int(spool.read_text())
    assert not Path(f"/proc/{server}").exists(), "the server went with it"


def test_a_demo_takes_only_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    refused = groundcrew("demo", "--data", tmp_path)
    assert (refused.status, one_line(refused.err)) == (2, True)
    assert "is not empty and was not made by the demo" in refused.err
    assert (tmp_path / "precious.txt").read_text() == "keep me"


def test_a_full_disk_on_stdout_is_said(tmp_path: Path) -> None:
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    command = [sys.executable, "-m", "groundcrew", "apply", str(tmp_path / "provider.yaml"), "--data", str(tmp_path / "data")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert (done.returncode, one_line(done.stderr)) == (2, True)
    assert "No space left on device" in done.stderr


def test_a_database_that_can_not_grow_is_said_and_stays_sound(tmp_path: Path) -> None:
    """The limit on a file's size stands in for a disk without space."""
    (tmp_path / "provider.yaml").write_text(PROVIDER)
    where = ("--data", tmp_path / "data")
    assert groundcrew("apply", tmp_path / "provider.yaml", *where).status == 0
    many = "\n---\n".join(PROVIDER.replace("quotes", f"quotes-{each}") for each in range(400))
    (tmp_path / "many.yaml").write_text(many)
    command = [sys.executable, "-m", "groundcrew", "apply", str(tmp_path / "many.yaml"), *map(str, where)]

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), preexec_fn=small_files, timeout=240, check=False
    )
    assert (done.returncode, one_line(done.stderr)) == (2, True), done.stderr
    assert "disk" in done.stderr
    verified = groundcrew("audit", "verify", *where)
    assert (verified.status, verified.err) == (0, "")
    assert groundcrew("apply", tmp_path / "many.yaml", *where).status == 0, "with space again it goes on"


def test_a_host_that_can_not_be_listened_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused = groundcrew("up", "--port", str(port), "--data", tmp_path / "data")
    assert (refused.status, one_line(refused.err)) == (2, True)
    assert not (tmp_path / "data").exists()


def test_a_server_that_is_told_to_stop_as_soon_as_it_says_where_it_serves_ends_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "groundcrew", "up", "--port", "0", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    while "serves on" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")
    with sqlite3.connect(tmp_path / "groundcrew.db") as connection:
        assert connection.execute("SELECT count(*) FROM enforcement_points").fetchone() == (0,)
    connection.close()
