"""Measures our gateway beside a bare pass-through, LiteLLM, MLflow and TensorZero, all before the same mock provider, in one run
whose rounds take turns. One command: python bench/gateway/run.py --peers DIR; --write puts the tables into RESULTS.md.

DIR holds one virtual environment for each peer: python3 -m venv DIR/litellm && DIR/litellm/bin/pip install 'litellm[proxy]', and
the same for mlflow ('mlflow[gateway]') and tensorzero. A peer that is not there is named as skipped.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import Client, Loaded, load, machine, mock_provider, note  # noqa: E402
from targets import PEERS, START_S_MAX, TARGETS, Absent, Target  # noqa: E402

RESULTS = HERE / "RESULTS.md"
FIRST_ROUNDS = 40
GAPS_ROUNDS, GAP_MS = 5, 2
WARM_S = 2


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One target in one round. CPU in ms a call: `cpu` until the window ends, `all` until the target is idle."""

    one: Loaded
    one_cpu_ms: float
    many: Loaded
    many_cpu_ms: float
    many_all_ms: float
    stream: Loaded
    stream_cpu_ms: float
    stream_all_ms: float
    first_ms: float
    spaced_ms: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the gateway beside its peers.")
    parser.add_argument("--peers", type=Path, help="folder with one virtual environment for each peer")
    parser.add_argument("--only", default=",".join(TARGETS), help="comma-separated names; direct is always measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="length of each window of load")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    names = ["direct", *(name for name in TARGETS if name in options.only.split(",") and name != "direct")]
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, mock_provider(Path(folder)) as upstream:
        started: list[Target] = []
        try:
            skipped = start_all(names, upstream, Path(folder), options.peers, started)
            found = measure(started, options)
        finally:
            for target in started:
                target.stop()
    text = report(started, skipped, found, options)
    print(text)
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")
    return 0


def start_all(names: list[str], upstream: str, folder: Path, peers: Path | None, started: list[Target]) -> dict[str, str]:
    """Start the targets one after the other, try each and add it to `started`; those that are skipped, with the reason."""
    skipped: dict[str, str] = {}
    for name in names:
        note(f"starting {name}")
        try:
            started.append(start(name, upstream, folder, peers))
        except Absent as error:
            skipped[name] = str(error)
        except RuntimeError as error:
            if name not in PEERS:
                raise
            skipped[name] = " ".join(str(error).split())[:300]
        if name in skipped:
            note(f"  skipped: {skipped[name]}")
    return skipped


def start(name: str, upstream: str, folder: Path, peers: Path | None) -> Target:
    """One target that serves, its start timed and its answers checked."""
    target = TARGETS[name](upstream, folder, peers.resolve() if peers is not None else None)
    try:
        wait_until_it_answers(target)
        if target.process is not None:
            target.started_s = time.perf_counter() - target.process.begun_s
            time.sleep(0.5)
            target.settle()  # what it loads after it has begun to answer belongs to it too
            target.idle_mb = target.process.rss_mb()
        check(target)
    except BaseException:
        target.stop()
        raise
    return target


def wait_until_it_answers(target: Target) -> None:
    until_s = time.monotonic() + START_S_MAX
    last: object = None
    while True:
        client = Client(target.url, target.headers)
        try:
            answer = client.ask(target.body())
            if answer.status == 200 and b'"choices"' in answer.body:
                return
            last = answer.body[:300]
        except OSError as error:
            last = error
        finally:
            client.close()
        if time.monotonic() > until_s or (target.process is not None and not target.process.alive()):
            words = target.process.last_words() if target.process is not None else ""
            raise RuntimeError(f"{target.name} does not answer: {last!r} {words}")
        time.sleep(0.02)


def check(target: Target) -> None:
    """The answers must be the provider's own, whole, or the figures mean nothing."""
    client = Client(target.url, target.headers)
    plain, stream = client.ask(target.body()), client.ask(target.body(stream=True))
    client.close()
    if b"settled under the conditions" not in plain.body or plain.status != 200:
        raise RuntimeError(f"{target.name}: not the mock's answer: {plain.status} {plain.body[:300]!r}")
    if stream.body.count(b"data:") < 30 or stream.status != 200:
        raise RuntimeError(f"{target.name}: not the mock's stream: {stream.status} {stream.body[:300]!r}")


def measure(targets: list[Target], options: argparse.Namespace) -> dict[str, list[Round]]:
    """Warm up, then take turns; each round begins with another target."""
    for target in targets:
        note(f"warming {target.name}")
        for stream in (False, True):
            load(target.url, target.headers, target.body(stream=stream), connections=options.connections, seconds=WARM_S)
        target.settle()
    found: dict[str, list[Round]] = {target.name: [] for target in targets}
    for number in range(options.rounds):
        turned = targets[number % len(targets) :] + targets[: number % len(targets)]
        for target in turned:
            note(f"round {number + 1} of {options.rounds}: {target.name}")
            found[target.name].append(one_round(target, options))
            if target.process is not None:
                target.loaded_mb = max(target.loaded_mb or 0.0, target.process.rss_mb())
    return found


def window(target: Target, options: argparse.Namespace, *, connections: int, stream: bool) -> tuple[Loaded, float, float]:
    """One window of load: what it brought, and CPU in ms a call until its end and until the target is idle."""
    before_s = target.cpu_s()
    loaded = load(target.url, target.headers, target.body(stream=stream), connections=connections, seconds=options.seconds)
    served_s = target.cpu_s()
    target.settle()
    # A closed loop ends with one call under way on each connection, half done on average.
    calls = loaded.calls + connections / 2
    return loaded, (served_s - before_s) * 1e3 / calls, (target.cpu_s() - before_s) * 1e3 / calls


def one_round(target: Target, options: argparse.Namespace) -> Round:
    one, one_cpu_ms, _ = window(target, options, connections=1, stream=False)
    many, many_cpu_ms, many_all_ms = window(target, options, connections=options.connections, stream=False)
    stream, stream_cpu_ms, stream_all_ms = window(target, options, connections=options.connections, stream=True)
    client = Client(target.url, target.headers)
    first = [client.ask(target.body(stream=True)).first_s for _ in range(FIRST_ROUNDS)]
    mark = f"[[gap={GAP_MS}]] "
    spaced = [client.ask(target.body(stream=True, mark=mark)).total_s for _ in range(GAPS_ROUNDS)]
    client.close()
    target.settle()
    return Round(
        one=one,
        one_cpu_ms=one_cpu_ms,
        many=many,
        many_cpu_ms=many_cpu_ms,
        many_all_ms=many_all_ms,
        stream=stream,
        stream_cpu_ms=stream_cpu_ms,
        stream_all_ms=stream_all_ms,
        first_ms=statistics.median(first) * 1e3,
        spaced_ms=statistics.median(spaced) * 1e3,
    )


def report(targets: list[Target], skipped: dict[str, str], found: dict[str, list[Round]], options: argparse.Namespace) -> str:
    """RESULTS.md."""
    rows = {name: middle(rounds) for name, rounds in found.items()}
    base = rows["direct"]
    lines = [
        "| | CPU ms/call | until idle | added p50 ms | added p99 ms | calls/s | p50 ms | p99 ms | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        errors = sum(each.one.errors + each.many.errors + each.stream.errors for each in found[name])
        added = [f"{row['one_p50'] - base['one_p50']:.2f}", f"{row['one_p99'] - base['one_p99']:.2f}"]
        lines.append(
            f"| {name} | {cost(name, row['many_cpu'])} | {cost(name, row['many_all'])} | {' | '.join(added)} "
            f"| {row['many_rps']:,.0f} | {row['many_p50']:.1f} | {row['many_p99']:.1f} | {errors} |"
        )
    streams = [
        "| | CPU ms/stream | until idle | streams/s | p50 ms | added to the first chunk, ms | added to a spaced stream, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        streams.append(
            f"| {name} | {cost(name, row['stream_cpu'])} | {cost(name, row['stream_all'])} | {row['stream_rps']:,.0f} "
            f"| {row['stream_p50']:.1f} | {row['first'] - base['first']:.2f} | {row['spaced'] - base['spaced']:.1f} |"
        )
    processes = ["| | start to first answer, s | MB idle | MB after load |", "|---|---|---|---|"]
    for target in targets:
        if target.process is not None:
            processes.append(f"| {target.name} | {target.started_s:.1f} | {target.idle_mb:.0f} | {target.loaded_mb:.0f} |")
    ratios = [
        f"{name}: {rows[name]['many_cpu'] / rows['groundcrew']['many_cpu']:.1f} times our CPU a call, "
        f"{rows[name]['stream_cpu'] / rows['groundcrew']['stream_cpu']:.1f} times a stream"
        for name in rows
        if "groundcrew" in rows and name not in ("direct", "groundcrew", "gateway")
    ]
    tool = "wrk" if shutil.which("wrk") else "the generator in harness.py (Python: it takes CPU from what it measures)"
    return TEMPLATE.format(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        arguments=" ".join(f"--{each} {getattr(options, each):g}" for each in ("rounds", "seconds", "connections")),
        machine=machine(),
        load=", ".join(f"{each:.1f}" for each in os.getloadavg()),
        connections=options.connections,
        rounds=options.rounds,
        seconds=options.seconds,
        tool=tool,
        plain="\n".join(lines),
        streams="\n".join(streams),
        processes="\n".join(processes),
        ratios="; ".join(ratios) or "no other target was measured",
        titles="\n".join(f"- {target.name}: {target.title}" for target in targets),
        skipped="\n".join(f"- skipped: {name}, {why}" for name, why in skipped.items()),
        gap=GAP_MS,
    )


def middle(rounds: list[Round]) -> dict[str, float]:
    """The medians over rounds."""
    values = {
        "one_p50": [each.one.p50_ms for each in rounds],
        "one_p99": [each.one.p99_ms for each in rounds],
        "many_rps": [each.many.per_s for each in rounds],
        "many_p50": [each.many.p50_ms for each in rounds],
        "many_p99": [each.many.p99_ms for each in rounds],
        "many_cpu": [each.many_cpu_ms for each in rounds],
        "many_all": [each.many_all_ms for each in rounds],
        "stream_rps": [each.stream.per_s for each in rounds],
        "stream_p50": [each.stream.p50_ms for each in rounds],
        "stream_cpu": [each.stream_cpu_ms for each in rounds],
        "stream_all": [each.stream_all_ms for each in rounds],
        "first": [each.first_ms for each in rounds],
        "spaced": [each.spaced_ms for each in rounds],
    }
    return {name: statistics.median(each) for name, each in values.items()}


def cost(name: str, value: float) -> str:
    return "–" if name == "direct" else f"{value:.3f}"


TEMPLATE = """# Gateway: results

Measured {date} by `python bench/gateway/run.py --peers DIR {arguments} --write` on {machine}.
Load of the machine at the end (1, 5, 15 min): {load}.

{rounds} rounds of {seconds:g} s windows that take turns between the targets; medians over rounds. Load: {tool}, closed loop, a
request of 1.3 kB in four messages; the mock provider answers at once. CPU is user and system time of the whole process tree.

## Plain calls

CPU, calls/s, p50 and p99 with {connections} connections; what is added over the mock itself with one.

{plain}

## Streams

30 chunks, with {connections} connections. Added to the first chunk, and to a stream whose chunks are {gap} ms apart: with one.

{streams}

## Processes

{processes}

{ratios}.

A call that the end of a window cuts off counts half. "Until idle" counts CPU after the window too: ours until every record has
left the spool for the database, which nobody else has to; a peer's while it works for callers that have left. CPU a call moves
by some 15 % between runs on a shared machine; calls/s and p99 by far more.

{titles}
{skipped}
"""

if __name__ == "__main__":
    sys.exit(main())
