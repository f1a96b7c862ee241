"""How long a stop takes over several gateways with streams through all of them, and whether anything passes once it is confirmed.

    python bench/oversight/kill_switch.py [--trips 50] [--streams 200] [--gateways 3] [--json]

Starts a PostgreSQL server, a control plane and the gateways as processes of their own on this machine, with the provider and the
clients in this one. Every word of a stream is the moment at which the provider wrote it, so that one that was written after the
confirmation and still reached its client shows. Prints one line a trip, then the figures; exits 1 where a stream was not cut, a
call passed, or the 99th percentile is above a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])  # the processes run what this one does

import numpy as np  # noqa: E402
from bench.oversight.fleet import NAME, Fleet, fleet  # noqa: E402
from tests.postgres import running_server  # noqa: E402

from groundcrew.domain.kill_switch import Scope  # noqa: E402

SCOPE = Scope("use-case", NAME)
TARGET_P99_S = 1.0


class Tripper:
    """The process that trips and resets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, database_url: str, data: Path) -> Tripper:
        """Start it."""
        script = Path(__file__).with_name("tripper.py")
        command = (sys.executable, str(script), database_url, str(data), str(SCOPE))
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    async def ask(self, what: str) -> dict[str, Any]:
        """Have it done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what}).encode() + b"\n")
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def trip(running: Fleet, tripper: Tripper, streams: int) -> dict[str, Any]:
    """Fill, stop, look; what was seen."""
    await running.fill(streams)
    await asyncio.sleep(0.5)
    report = await tripper.ask("stop")
    confirmed_s = report["confirmed_s"]
    probes = [await running.probe(gateway, calls=5) for gateway in range(len(running.gateways))]
    await running.ended()
    # From the trip until the last client saw its stream's end, as this process measures it.
    ended_s = max(each.ended_s or 0.0 for each in running.streams) - (confirmed_s - report["seconds"])
    passed = sum(probe != {(503, "kill_switch")} for probe in probes)
    late = sum(max(each.words_s) > confirmed_s for each in running.streams)
    uncut = sum(each.code != "kill_switch" for each in running.streams)
    await tripper.ask("resume")
    await running.answers()
    return {
        "state": report["state"],
        "seconds": round(report["seconds"], 3),
        "clients_s": round(ended_s, 3),
        "cut": report["cut"],
        "passed": passed,
        "late": late,
        "uncut": uncut,
    }


async def measure(trips: int, streams: int, gateways: int, gap_s: float) -> list[dict[str, Any]]:
    """All trips."""
    found = []
    with running_server() as server, tempfile.TemporaryDirectory() as folder:
        url = server.url(server.create_database())
        async with fleet(url, Path(folder), gateways=gateways, gap_s=gap_s) as running:
            tripper = await Tripper.open(url, Path(folder) / "control")
            for number in range(trips):
                found.append(await trip(running, tripper, streams))
                print(f"trip {number + 1}: {found[-1]}", file=sys.stderr, flush=True)
            await tripper.close()
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trips", type=int, default=50)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--gateways", type=int, default=3)
    parser.add_argument("--gap", type=float, default=0.5, help="seconds between the words of a stream")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()
    found = asyncio.run(measure(given.trips, given.streams, given.gateways, given.gap))
    seconds, clients = ([each[name] for each in found] for name in ("seconds", "clients_s"))
    figures = {
        "trips": len(found),
        "streams": given.streams,
        "gateways": given.gateways,
        "confirmed": sum(each["state"] == "confirmed_stopped" for each in found),
        "all_cut_and_counted": sum(each["cut"] == given.streams and not each["uncut"] for each in found),
        "passed_after_confirmation": sum(each["passed"] + each["late"] for each in found),
        "p50_s": round(float(np.quantile(seconds, 0.5)), 3),
        "p99_s": round(float(np.quantile(seconds, 0.99)), 3),
        "max_s": round(max(seconds), 3),
        "clients_p50_s": round(float(np.quantile(clients, 0.5)), 3),
        "clients_p99_s": round(float(np.quantile(clients, 0.99)), 3),
        "cores": os.cpu_count(),
        "load_before": [round(each, 1) for each in load],
        "load_after": [round(each, 1) for each in os.getloadavg()],
    }
    print(json.dumps(figures) if given.json else "\n".join(f"{name:28} {value}" for name, value in figures.items()))
    whole = figures["confirmed"] == figures["all_cut_and_counted"] == len(found)
    return 0 if whole and not figures["passed_after_confirmation"] and figures["p99_s"] <= TARGET_P99_S else 1


if __name__ == "__main__":
    sys.exit(main())
