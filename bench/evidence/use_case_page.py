"""How long the page of one use case takes with ten million calls recorded, against the same page with a thousand.

    python bench/evidence/use_case_page.py [--calls 10000000] [--data DIR] [--keep] [--write]

Records are generated straight into an embedded database, with the product's own columns: calls over 90 days (of them copies by a
shadow and trials), answers drawn to be judged, ratings, outcomes, their audit entries; the sums are made by the product. Then the
real server starts on it and the page is asked for 50 times, one after the other, signed in; the first time is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import platform
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from groundcrew.domain.audit import AuditEntry, seal
from groundcrew.domain.call import Call, CallHead
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.feedback import Outcome, Rating
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.trust_label import Draw, TrustLabel
from groundcrew.services.bundle import Services, open_services
from groundcrew.services.declarations import load
from groundcrew.services.lookups import current_digest
from groundcrew.store import catalog, sums
from groundcrew.store.calls import _columns as call_columns
from groundcrew.store.feedback import OUTCOMES, RATINGS
from groundcrew.store.labels import LABEL_DRAWS
from groundcrew.web.authentication import SESSION_COOKIE

ROOT = Path(__file__).resolve().parents[2]
USE_CASE = "bank-email"
ROUNDS, DAYS, BATCH = 50, 90, 1_000
#: Shares of all calls: copies by a shadow, trials, answers drawn to be judged.
COPIES, TRIALS, DRAWN = 0.05, 0.01, 0.02
LABELS, RATINGS_MAX, OUTCOMES_MAX = 2_000, 100_000, 100_000
STATUSES = ("answered",) * 80 + ("fallback",) * 8 + ("declined",) * 7 + ("refused",) * 4 + ("failed",)
BOUND_MS = 200.0
#: What each call cost and took; calls that one statement makes.
COST_NANOS, INPUT_TOKENS, OUTPUT_TOKENS = 310_000, 180, 45
PART = 1_000_000
#: Up to as many calls the sums are held against what the product makes of the rows.
CHECKED_MAX = 100_000
#: What differs from call to call, in the order in which records hold it.
MARKS = ("@case@", "@id@", "222222.5", "111111.5", "@at@", "0.515625")
_MS_BEFORE = ":end_ms - CAST((:calls - f.n + 1) * :step_ms AS INTEGER)"
PAGES = (f"/use-cases/{USE_CASE}", "/")


def main() -> None:
    """Make both databases, ask both servers, print and perhaps write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--data", type=Path, help="where the databases are made (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave the databases, and use what is there already")
    parser.add_argument("--write", action="store_true", help="write USE_CASE_PAGE.md beside this file")
    options = parser.parse_args()
    folder = options.data or Path(tempfile.mkdtemp(prefix="groundcrew-page-"))
    lines = []
    try:
        for calls in (1_000, options.calls):
            place = folder / str(calls)
            if not place.exists():
                place.mkdir(parents=True)
                lines.append(asyncio.run(make(place, calls)))
            size = (place / "groundcrew.db").stat().st_size
            for path in PAGES:
                lines.append(f"| {calls:,} | {size / 1e9:.2f} GB | `{path}` | " + " | ".join(measured(place, path)) + " |")
                print(lines[-1], flush=True)
    finally:
        if not options.keep and options.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    report = result(lines)
    print(report)
    if options.write:
        (Path(__file__).parent / "USE_CASE_PAGE.md").write_text(report)


def result(lines: Sequence[str]) -> str:
    """The figures as a page."""
    made = "\n".join(f"- {each}" for each in lines if not each.startswith("|"))
    rows = "\n".join(each for each in lines if each.startswith("|"))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        "# The page of one use case: results\n\n"
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `python bench/evidence/use_case_page.py` on {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}.\n"
        f"Load of the machine (1, 5, 15 min): {load}.\n\n"
        f"{ROUNDS} requests one after the other, ms, of the whole page as a browser gets it. Bound: {BOUND_MS:.0f} ms.\n\n"
        "| calls | database | page | first | median | p95 | slowest | CPU of the server |\n|---|---|---|---|---|---|---|---|\n"
        f"{rows}\n\n{made}\n"
    )


async def make(place: Path, calls: int) -> str:
    """A database with `calls` calls of one use case in pilot; what was made, in a line."""
    free = shutil.disk_usage(place).free
    needed = calls * 2_600
    if free < needed:
        sys.exit(f"{free / 1e9:.0f} GB are free, about {needed / 1e9:.0f} GB are needed")
    started = time.perf_counter()
    os.environ.setdefault("GROUNDCREW_DEMO_UPSTREAM_KEY", "none")
    services = await open_services(f"sqlite:///{place / 'groundcrew.db'}", place)
    digest = await prepare(services)
    await services.database.close()
    generate(place / "groundcrew.db", digest, calls)
    generated = time.perf_counter()
    services = await open_services(f"sqlite:///{place / 'groundcrew.db'}", place)
    async with services.database.operate() as connection:
        await sums.rebuild_feedback(connection)
        if calls <= CHECKED_MAX:
            problems = await sums.problems(connection)
            assert problems == [], problems
    await services.database.close()
    line = (
        f"{calls:,} calls, {min(RATINGS_MAX, calls):,} ratings, {min(OUTCOMES_MAX, calls):,} outcomes, "
        f"about {int(calls * DRAWN):,} drawn answers: generated in {generated - started:.0f} s"
    )
    print(line, flush=True)
    return line


async def prepare(services: Services) -> str:
    """The bank's use case as far as pilot, with somebody to sign in; its version digest."""
    found = load([ROOT / "blueprints" / "bank-email"])
    await services.registry.apply(found, actor="user:bench")
    revision = await services.knowledge.add("bank-policies", [ROOT / "blueprints/bank-email/knowledge"], actor="user:bench")
    await services.knowledge.approve("bank-policies", revision.id, actor="user:desk")
    await services.hypotheses.register(USE_CASE, actor="user:bench")
    user = await services.users.create("anna", "a long enough password", roles=("admin", "auditor"), actor="user:bench")
    session = await services.users.open_session(user)
    (services.knowledge.index_folder("x").parent.parent / "session").write_text(session)
    async with services.database.write("user:bench") as writer:
        item = await services.use_cases.get(USE_CASE)
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(item, stage="pilot", run_state="running"), "advance")
        return await current_digest(writer.connection, item)


def generate(path: Path, digest: str, calls: int) -> None:
    """Fill the database at `path`: rows as the product writes them, its indexes made at the end."""
    with sqlite3.connect(path, isolation_level=None) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=FILE"):
            database.execute(f"PRAGMA {pragma}")
        tables = "'calls', 'ratings', 'outcomes', 'label_draws', 'trust_labels', 'audit_entries'"
        mine = database.execute(
            f"SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type = 'index' AND tbl_name IN ({tables})"
        )
        indexes = mine.fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        database.execute("BEGIN")
        log = Log(database)
        ids = _calls(database, log, digest, calls)
        _draws(database, log, digest, ids[-max(1, int(calls * DRAWN)) :])
        _feedback(database, log, digest, ids, min(RATINGS_MAX, calls), min(OUTCOMES_MAX, calls))
        log.close()
        database.execute("COMMIT")
        _sums(database)
        for _, sql in indexes:
            database.execute(sql)
        database.execute("PRAGMA journal_mode=WAL")


class Log:
    """The audit chain, carried on from where the product left it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.sequence, self._hash = database.execute("SELECT sequence, hash FROM audit_head").fetchone()
        self._rows: list[tuple[int, str, str, str]] = []

    def add(self, subject: str, action: str) -> int:
        """One more entry; its sequence."""
        entry = seal(
            AuditEntry(
                sequence=self.sequence + 1,
                at=datetime.now(UTC),
                actor="system:bench",
                action=action,
                subject=subject,
                subject_digest=None,
                reason="",
                details={},
                previous_hash=self._hash,
                hash="",
            )
        )
        self.sequence, self._hash = entry.sequence, entry.hash
        self._rows.append((entry.sequence, subject, entry.hash, canonical_json(entry).decode()))
        if len(self._rows) >= 10_000:
            self._write()
        return entry.sequence

    def close(self) -> None:
        """Note where the chain ends now."""
        self._write()
        self._database.execute("UPDATE audit_head SET sequence = ?, hash = ?", (self.sequence, self._hash))

    def _write(self) -> None:
        insert(self._database, "audit_entries", ("sequence", "subject", "hash", "document"), self._rows)
        self._rows = []


def insert(database: sqlite3.Connection, table: str, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Many rows at once."""
    database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)


#: One call for each n: when, how it ended, how long it took and what it was trusted with, from the hash of n.
_FACTS = """
WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :last),
facts AS (
  SELECT n, :end_ms - CAST((:calls - n) * :step_ms AS INTEGER) AS at_ms,
    ((n * 2654435761) % 4294967296) / 4294967296.0 AS kind, ((n * 40503 + 7) % 65536) / 65536.0 AS chance,
    ((n * 69069 + 1) % 1048576) / 1048576.0 AS speed, ((n * 1103515245 + 12345) % 2097152) / 2097152.0 AS doubt
  FROM numbers)
"""
_CALLS = """
INSERT INTO calls (id, document, batch, {names})
{facts}
SELECT {id}, {document}, :batch + f.n / {batch}, {columns}
FROM facts f JOIN templates t ON t.place = {place}
"""
_ID = "printf('%08x-%04x-7%03x-8%03x-%012x', {ms} >> 16, {ms} & 65535, {n} >> 16 & 4095, {n} >> 28 & 4095, {n} & 65535)"


def _templates(digest: str) -> list[tuple[int, str, dict[str, object]]]:
    """(place, record, columns) of a call for each way to end, of copies and of trials, with marks where calls differ."""
    found = []
    for place, status in enumerate((*STATUSES, "answered", "answered")):
        copy, trial, trusted = place == len(STATUSES), place == len(STATUSES) + 1, status in ("answered", "fallback")
        call = Call(
            id="@id@",
            use_case=USE_CASE,
            business_unit="retail-service",
            stage="pilot",
            version_digest=digest,
            key_id="key-1",
            model="mail-writer",
            received_at=datetime(2026, 1, 1, tzinfo=UTC),
            status=status,  # type: ignore[arg-type]
            provider="scripted" if copy else "extractive",
            target_model="scripted-writer" if copy else "extractive",
            case_id="@case@",
            request="Can you tell me what a replacement card costs?",
            answer="A replacement card costs CHF 20 and arrives within five working days." if trusted else "",
            input_tokens=INPUT_TOKENS,
            output_tokens=OUTPUT_TOKENS,
            cost_usd=COST_NANOS / 1e9,
            latency_ms={"upstream": 111111.5, "total": 222222.5},
            trust=TrustReport(trust=0.515625, state="supported", verifier="shipped") if trusted else None,
            shadow_of="@copied@" if copy else None,
            trial="rehearsal-1" if trial else None,
        )
        document = canonical_json(call).decode()
        columns = call_columns(msgspec.json.decode(document, type=CallHead))
        found.append((place, document.replace("2026-01-01T00:00:00Z", "@at@"), columns))
    return found


def _cut(document: str) -> list[str]:
    """The record before, between and after the marks; where the last one is missing, all that is left comes before it."""
    pieces = []
    for mark in MARKS:
        before, found, document = document.partition(mark)
        assert found or mark == MARKS[-1], mark
        pieces.append(before)
    return [*pieces, document]


def _calls(database: sqlite3.Connection, log: Log, digest: str, calls: int) -> list[str]:
    """The calls, BATCH of them for each audit entry; ids of answered ones."""
    batch = log.sequence + 1
    for _ in range(-(-calls // BATCH)):
        log.add("calls/gateway-1", "ship")
    templates = _templates(digest)
    names = list(templates[0][2])
    pieces = [f"piece_{number}" for number in range(len(MARKS) + 1)]
    database.execute(f"CREATE TEMP TABLE templates (place INTEGER PRIMARY KEY, {', '.join((*pieces, *names))})")
    rows = [(place, *_cut(document), *own.values()) for place, document, own in templates]
    database.executemany(f"INSERT INTO templates VALUES ({', '.join('?' * len(rows[0]))})", rows)
    own_id, copied = (_ID.format(ms=f"({ms})", n=f"({n})") for ms, n in (("f.at_ms", "f.n"), (_MS_BEFORE, "f.n - 1")))
    at = "strftime('%Y-%m-%dT%H:%M:%S.', f.at_ms / 1000, 'unixepoch') || printf('%03d000Z', f.at_ms % 1000)"
    of_copy = f"f.kind < {COPIES} AND f.n > 0"
    columns = {name: f"t.{name}" for name in names}
    columns |= {"received_at": at, "case_id": "'case-' || (f.n / 2)"}
    took = "(150 + 900 * f.speed * f.speed + CASE WHEN f.speed > 0.98 THEN 4000 * f.doubt ELSE 0 END)"
    trusted = "CASE WHEN t.trust_state IS NULL THEN '' ELSE printf('%.6f', min(0.999, 0.55 + 0.5 * f.doubt)) END"
    given = ("'case-' || (f.n / 2)", own_id, f"printf('%.3f', {took} + 40)", f"printf('%.3f', {took})", at, trusted)
    document = " || ".join(each for pair in zip(pieces, given, strict=False) for each in pair) + f" || {pieces[-1]}"
    columns["shadow_of"] = f"CASE WHEN t.place = {len(STATUSES)} THEN {copied} END"
    statement = _CALLS.format(
        facts=_FACTS,
        names=", ".join(names),
        id=own_id,
        at=at,
        document=document,
        batch=BATCH,
        columns=", ".join(columns.values()),
        place=f"CASE WHEN {of_copy} THEN {len(STATUSES)} WHEN f.kind < {COPIES + TRIALS} THEN {len(STATUSES) + 1} "
        f"ELSE CAST(f.chance * {len(STATUSES)} AS INTEGER) END",
    )
    started, end_ms = time.perf_counter(), int((time.time() - 60) * 1000)
    for first in range(0, calls, PART):
        last = min(first + PART, calls)
        values = {
            "first": first,
            "last": last,
            "calls": calls,
            "end_ms": end_ms,
            "step_ms": DAYS * 86_400_000 / calls,
            "batch": batch,
        }
        database.execute(statement, values)
        print(f"  {last:,} calls after {time.perf_counter() - started:.0f} s", flush=True)
    where = "status = 'answered' AND shadow_of IS NULL AND trial IS NULL"
    query = f"SELECT id FROM calls WHERE {where} ORDER BY id DESC LIMIT {2 * RATINGS_MAX}"
    return [row[0] for row in database.execute(query)][::-1]


def _draws(database: sqlite3.Connection, log: Log, digest: str, ids: Sequence[str]) -> None:
    """The answers drawn to be judged, a batch for each thousand, and people's labels of the newest ones."""
    chance, now = random.Random(5), datetime.now(UTC)
    for start in range(0, len(ids), BATCH):
        batch, rows, labels = log.add("label-draws/gateway-1", "draw"), [], []
        for number, name in enumerate(ids[start : start + BATCH], start=start):
            trust = min(0.999, 0.55 + 0.5 * chance.random())
            draw = Draw(
                id=name,
                use_case=USE_CASE,
                version_digest=digest,
                verifier="shipped",
                design="spot_check",
                purpose="estimate",
                part="sent",
                raw=trust,
                releasable=True,
                probability=DRAWN,
                place=chance.random() * DRAWN,
                rank=chance.random(),
                drawn_at=now - timedelta(days=1),
                probability_min=DRAWN,
            )
            rows.append((name, canonical_json(draw).decode(), batch, *LABEL_DRAWS.columns(draw).values()))
            if number >= len(ids) - LABELS:
                label = TrustLabel(
                    id=new_id(),
                    use_case=USE_CASE,
                    call_id=name,
                    labeller="anna",
                    at=now,
                    origin="spot_check",
                    part="sent",
                    supported=chance.random() < 0.98,
                    version_digest=digest,
                    verifier="shipped",
                    raw=trust,
                    releasable=True,
                    probability=DRAWN,
                )
                log.add(f"trust-label/{label.id}", "label")
                labels.append((label.id, canonical_json(label).decode(), *catalog.TRUST_LABELS.columns(label).values()))
        insert(database, "label_draws", ("id", "document", "batch", "use_case", "version_digest", "rank"), rows)
        insert(database, "trust_labels", ("id", "document", *label_names()), labels)


def _sums(database: sqlite3.Connection) -> None:
    """What the product keeps as calls come, by statements of the database: a million calls at a time would take a day."""
    served = "FROM calls WHERE shadow_of IS NULL AND trial IS NULL"
    keys = "version_digest, status, coalesce(trust_state, ''), sample"
    sums = (
        f"count(*), sum(cost_usd IS NULL), count(cost_usd) * {COST_NANOS}, count(*) * {INPUT_TOKENS}, count(*) * {OUTPUT_TOKENS}"
    )
    database.execute(
        f"INSERT INTO call_sums SELECT use_case, 'hour', substr(received_at, 1, 13), {keys}, {sums} {served} "
        f"GROUP BY use_case, substr(received_at, 1, 13), {keys}"
    )
    rest = "version_digest, status, trust_state, sample"
    totals = ", ".join(f"sum({name})" for name in ("calls", "unknown_cost_calls", "cost_nanos", "input_tokens", "output_tokens"))
    for span, period in (("day", "substr(period, 1, 10)"), ("all", "''")):
        database.execute(
            f"INSERT INTO call_sums SELECT use_case, '{span}', {period}, {rest}, {totals} FROM call_sums WHERE span = 'hour' "
            f"GROUP BY use_case, {period}, {rest}"
        )
    for measure, path, bucket in (
        ("total_ms", "$.latency_ms.total", "CAST(floor(8 * log2(value)) AS INTEGER)"),
        ("trust", "$.trust.trust", "min(CAST(value * 50 AS INTEGER), 49)"),
    ):
        database.execute(
            f"INSERT INTO call_spreads SELECT use_case, '{measure}', day, version_digest, sample, {bucket}, count(*), "
            "sum(value), sum(value * value) FROM (SELECT use_case, substr(received_at, 1, 10) AS day, version_digest, sample, "
            f"json_extract(document, '{path}') AS value {served}) WHERE value IS NOT NULL "
            f"GROUP BY use_case, day, version_digest, sample, {bucket}"
        )


def label_names() -> tuple[str, ...]:
    """The columns of labels, in order."""
    return ("use_case", "version_digest", "call_id", "labeller", "supported", "counted")


def _feedback(database: sqlite3.Connection, log: Log, digest: str, ids: list[str], ratings: int, outcomes: int) -> None:
    chance, end = random.Random(6), datetime.now(UTC)
    names: tuple[str, ...] = ()
    rows = []
    for number in range(ratings):
        rating = Rating(
            id=new_id(),
            use_case=USE_CASE,
            stars=chance.choices((5, 4, 3, 2, 1), (50, 30, 12, 5, 3))[0],
            rater=f"agent-{number % 40}",
            at=end - timedelta(days=DAYS) * (1 - number / ratings) - timedelta(seconds=60),
            version_digest=digest,
            call_id=ids[number % len(ids)],
            critical_harm=False if number % 3 == 0 else None,
        )
        log.add(f"rating/{rating.id}", "rate")
        columns = RATINGS.columns(rating)
        names = tuple(columns)
        rows.append((rating.id, canonical_json(rating).decode(), *columns.values()))
    insert(database, "ratings", ("id", "document", *names), rows)
    for start in range(0, outcomes, 10_000):
        batch, rows = log.add(f"outcomes/{USE_CASE}", "import"), []
        for number in range(start, min(start + 10_000, outcomes)):
            treated, metric = number % 4 >= 2, ("handle_time", "complaint")[number % 2]
            value = (
                max(30.0, chance.gauss(690 if treated else 900, 300))
                if metric == "handle_time"
                else float(chance.random() < 0.02)
            )
            outcome = Outcome(
                id=new_id(),
                use_case=USE_CASE,
                metric=metric,
                value=value,
                case_id=f"case-{number // 2}",
                at=end - timedelta(seconds=number % 86_400),
                version_digest=digest,
                unit="s" if metric == "handle_time" else "",
                unit_id=f"unit-{number // 2}",
                arm="treatment" if treated else "control",
            )
            columns = OUTCOMES.columns(outcome)
            names = tuple(columns)
            rows.append((outcome.id, canonical_json(outcome).decode(), batch, *columns.values()))
        insert(database, "outcomes", ("id", "document", "batch", *names), rows)


def measured(place: Path, path: str) -> list[str]:
    """First, median, 95th percentile and slowest of ROUNDS requests, and the server's CPU time for each, in ms."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["GROUNDCREW_DEMO_UPSTREAM_KEY"] = "none"
    command = [sys.executable, "-m", "groundcrew", "up", "--port", "0", "--data", str(place)]
    with (place / "server.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = next((each for each in process.stdout if "serves on " in each), None)
        if line is None:
            sys.exit(f"the server did not start: see {place / 'server.log'}")
        host, port = line.partition("serves on http://")[2].partition(": console")[0].split(":")
        time.sleep(3)  # what a start does beside serving is over by then
        session = (place / "session").read_text()
        times = list(_times(host, int(port), path, session, 1))
        before = _cpu_s(process.pid)
        times += _times(host, int(port), path, session, ROUNDS)
        cpu_ms = (_cpu_s(process.pid) - before) * 1000 / ROUNDS
    finally:
        process.terminate()
        process.wait(30)
    rest = sorted(times[1:])
    return [f"{each:.0f}" for each in (times[0], statistics.median(rest), rest[int(0.95 * len(rest))], rest[-1], cpu_ms)]


def _cpu_s(process_id: int) -> float:
    """CPU time of a process until now, all its threads together."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _times(host: str, port: int, path: str, session: str, rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        connection = http.client.HTTPConnection(host, port, timeout=120)
        started = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": f"{SESSION_COOKIE}={session}"})
        response = connection.getresponse()
        body = response.read()
        yield (time.perf_counter() - started) * 1000
        connection.close()
        if response.status != 200 or b"</html>" not in body:
            sys.exit(f"{path} answered {response.status}: {body[:300]!r}")


if __name__ == "__main__":
    main()
