"""What is measured: how each gateway is started before the same mock provider, with what on."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from harness import HERE, Process, chat_body, free_port, get_json

START_S_MAX = 180.0
#: How long our own server may take without shipping anything of what load has left in its spool.
SHIP_S_MAX = 120.0
#: A target that takes less than this share of a core has settled.
SETTLE_STEP_S, SETTLE_SHARE, SETTLE_S_MAX = 0.2, 0.1, 5.0
SOURCE = HERE.parents[1] / "src"
PATH = "/v1/chat/completions"


class Target(msgspec.Struct, kw_only=True):
    """A gateway that serves. `idle` waits until it has no work left from the calls before."""

    name: str
    title: str
    url: str
    headers: dict[str, str] = {}
    model: str = "writer"
    process: Process | None = None
    idle: Callable[[], None] = lambda: None
    started_s: float | None = None
    idle_mb: float | None = None
    loaded_mb: float | None = None
    #: What it needs beside itself, which is not measured and ends after it.
    also: contextlib.ExitStack | None = None

    def body(self, *, stream: bool = False, mark: str = "") -> bytes:
        """The request that it is asked."""
        return chat_body(self.model, stream=stream, mark=mark)

    def cpu_s(self) -> float:
        """Its CPU so far."""
        return self.process.cpu_s() if self.process is not None else 0.0

    def settle(self) -> None:
        """Wait until it does nothing more for the calls before, so that the next target has the machine for itself."""
        self.idle()
        until_s, before_s = time.monotonic() + SETTLE_S_MAX, self.cpu_s()
        while time.monotonic() < until_s:
            time.sleep(SETTLE_STEP_S)
            now_s = self.cpu_s()
            if now_s - before_s <= SETTLE_SHARE * SETTLE_STEP_S:
                return
            before_s = now_s

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()
        if self.also is not None:
            self.also.close()


class Absent(Exception):
    """What a target needs is not installed here."""


def direct(upstream: str, folder: Path, peers: Path | None) -> Target:
    return Target(name="direct", title="the mock provider itself", url=f"{upstream}/chat/completions")


def floor(upstream: str, folder: Path, peers: Path | None) -> Target:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "floor:app"]
    process = Process(command, folder / "floor.log", {"UPSTREAM": upstream})
    return Target(
        name="floor", title="bare pass-through: uvicorn and aiohttp, nothing checked", url=_local(port), process=process
    )


def groundcrew(
    upstream: str, folder: Path, peers: Path | None, *, name: str = "groundcrew", environment: Mapping[str, str] | None = None
) -> Target:
    """`groundcrew up` on an SQLite database, with the declarations beside this file."""
    title = "groundcrew up: key, admission, kill switch, budget, guards on input and output, durable record, shipped to SQLite"
    return _ours("up", title, upstream, folder, name, {**_environment(), **(environment or {})})


def gateway(upstream: str, folder: Path, peers: Path | None) -> Target:
    """`groundcrew gateway`, as several of them serve before one PostgreSQL, whose own process is not measured."""
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.postgres import Unavailable, running_server

    also = contextlib.ExitStack()
    try:
        server = also.enter_context(running_server())
    except Unavailable as error:
        raise Absent(str(error)) from error
    try:
        mine = {**_environment(), "GROUNDCREW_DATABASE_URL": server.url(server.create_database())}
        title = "groundcrew gateway: the same, without console, keepers and jobs; shipped to PostgreSQL, which is not measured"
        target = _ours("gateway", title, upstream, folder, "gateway", mine)
    except BaseException:
        also.close()
        raise
    target.also = also
    return target


def _ours(command: str, title: str, upstream: str, folder: Path, name: str, environment: dict[str, str]) -> Target:
    data = folder / name
    data.mkdir(parents=True)
    page = data / "declarations.yaml"
    page.write_text((HERE / "declarations.yaml").read_text(encoding="utf-8").replace("UPSTREAM", upstream), encoding="utf-8")
    for arguments in (["apply", str(page)], ["key", "create", "bench"]):
        told = [sys.executable, "-m", "groundcrew", *arguments, "--data", str(data)]
        done = subprocess.run(told, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(f"groundcrew {arguments[0]}: {done.stderr}")
    port = free_port()
    told = [sys.executable, "-m", "groundcrew", command, "--port", str(port), "--data", str(data)]
    process = Process(told, folder / f"{name}.log", environment)

    def idle() -> None:
        until_s, least = time.monotonic() + SHIP_S_MAX, None
        while left := pending(f"http://127.0.0.1:{port}"):
            if least is None or left < least:
                until_s, least = time.monotonic() + SHIP_S_MAX, left
            if time.monotonic() > until_s:
                raise RuntimeError(f"the spool does not empty: {left} records are left in it")
            time.sleep(0.05)

    headers = {"authorization": f"Bearer {done.stdout.strip()}"}
    return Target(name=name, title=title, url=_local(port), headers=headers, process=process, idle=idle)


def pending(url: str) -> int:
    """Records of a server of ours that wait to be shipped."""
    return int(get_json(f"{url}/readyz")["parts"]["spool"]["pending"])


def litellm(upstream: str, folder: Path, peers: Path | None) -> Target:
    program = _program(peers, "litellm", "litellm")
    config, port, secret = folder / "litellm.yaml", free_port(), "bench-key-for-this-run-only"
    model = {"model": "openai/bench-1", "api_base": upstream, "api_key": "upstream"}
    settings = {
        "model_list": [{"model_name": "writer", "litellm_params": model}],
        "litellm_settings": {"num_retries": 0, "request_timeout": 30, "telemetry": False},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    environment = {
        "LITELLM_MASTER_KEY": secret,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
    }
    command = [
        program,
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
        "--telemetry",
        "False",
    ]
    process = Process(command, folder / "litellm.log", environment, cwd=folder)
    title = f"LiteLLM proxy {_version(peers, 'litellm')}: master key, one worker, no database, no record"
    return Target(name="litellm", title=title, url=_local(port), headers={"authorization": f"Bearer {secret}"}, process=process)


def mlflow(upstream: str, folder: Path, peers: Path | None) -> Target:
    program = _program(peers, "mlflow", "mlflow")
    config, port = folder / "mlflow.yaml", free_port()
    model = {"provider": "openai", "name": "bench-1", "config": {"openai_api_key": "upstream", "openai_api_base": upstream}}
    config.write_text(
        json.dumps({"endpoints": [{"name": "writer", "endpoint_type": "llm/v1/chat", "model": model}]}), encoding="utf-8"
    )
    command = [
        program,
        "gateway",
        "start",
        "--config-path",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{Path(program).parent}:{os.environ.get('PATH', '')}"}
    process = Process(command, folder / "mlflow.log", environment, cwd=folder)
    title = f"MLflow gateway {_version(peers, 'mlflow')}: one worker, no key, no record"
    return Target(name="mlflow", title=title, url=_local(port), process=process)


def tensorzero(upstream: str, folder: Path, peers: Path | None) -> Target:
    program = _program(peers, "tensorzero", "python")
    _version(peers, "tensorzero")
    config, url_file = folder / "tensorzero.toml", folder / "tensorzero.url"
    config.write_text(
        "[gateway]\nobservability.enabled = false\n[models.bench]\nrouting = ['mock']\n[models.bench.providers.mock]\n"
        f"type = 'openai'\nmodel_name = 'bench-1'\napi_base = '{upstream}/'\napi_key_location = 'env::UPSTREAM_KEY'\n",
        encoding="utf-8",
    )
    command = [program, str(HERE / "tensorzero_serve.py"), str(config), str(url_file)]
    process = Process(command, folder / "tensorzero.log", {"UPSTREAM_KEY": "upstream", "RUST_LOG": "error"}, cwd=folder)
    until_s = time.monotonic() + START_S_MAX
    while not (url_file.exists() and url_file.read_text(encoding="utf-8")):
        if time.monotonic() > until_s or not process.alive():
            process.stop()
            raise RuntimeError(f"tensorzero did not start: {process.last_words()}")
        time.sleep(0.02)
    base = url_file.read_text(encoding="utf-8").strip().rstrip("/").removesuffix("/openai/v1")
    title = f"TensorZero {_version(peers, 'tensorzero')} (Rust, inside Python): no key, no record"
    return Target(
        name="tensorzero",
        title=title,
        url=f"{base}/openai/v1/chat/completions",
        model="tensorzero::model_name::bench",
        process=process,
    )


#: In the order in which the table shows them.
TARGETS: dict[str, Callable[[str, Path, Path | None], Target]] = {
    "direct": direct,
    "floor": floor,
    "groundcrew": groundcrew,
    "gateway": gateway,
    "litellm": litellm,
    "mlflow": mlflow,
    "tensorzero": tensorzero,
}
#: Those that others make: one that does not start is skipped.
PEERS = frozenset({"litellm", "mlflow", "tensorzero"})


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}{PATH}"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDCREW_")}
    return {**kept, "PYTHONPATH": str(SOURCE)}


def _program(peers: Path | None, peer: str, program: str) -> str:
    if peers is None:
        raise Absent("no --peers DIR was given")
    path = peers / peer / "bin" / program
    if not path.exists():
        raise Absent(f"there is no {path}")
    return str(path)


def _version(peers: Path | None, package: str) -> str:
    assert peers is not None
    found = sorted((peers / package).glob(f"lib/python*/site-packages/{package}-*.dist-info"))
    if not found:
        raise Absent(f"{package} is not installed in {peers / package}")
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2]
