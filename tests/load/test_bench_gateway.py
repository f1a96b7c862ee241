"""The measurements of the gateway run: the long run at a small scale, and load without wrk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parents[2] / "bench" / "gateway"
COMMAND_S_MAX = 180
#: Asks the mock itself, with a PATH that holds no wrk.
LOAD = """
import json, pathlib, sys, tempfile
sys.path.insert(0, sys.argv[1])
import harness, msgspec
with tempfile.TemporaryDirectory() as folder, harness.mock_provider(pathlib.Path(folder)) as upstream:
    found = [
        harness.load(upstream + "/chat/completions", {}, harness.chat_body("m", stream=stream), connections=4, seconds=1)
        for stream in (False, True)
    ]
print(json.dumps([msgspec.to_builtins(each) for each in found]))
"""


def run(*arguments: str, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_long_run_at_a_small_scale_loses_nothing() -> None:
    found = run(str(BENCH / "soak.py"), "--calls", "200", "--connections", "8", "--json")
    assert (found["answered"], found["recorded"], found["statuses"]) == (200, 200, {"answered": 200})
    assert (found["lost"], found["doubled"], found["failed"]) == (0, 0, 0)
    assert found["warm_mb"] > 10


def test_there_is_load_without_wrk(tmp_path: Path) -> None:
    plain, stream = run("-c", LOAD, str(BENCH), PATH=str(tmp_path))
    assert (plain["errors"], stream["errors"]) == (0, 0)
    assert plain["calls"] > 10
    assert stream["calls"] > 10
    assert 0 < plain["p50_ms"] <= plain["p99_ms"]
