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
PAGES = (f"/use-cases/{USE_CASE}", "/")


def main() -> None:
    """Make both databases, ask both servers, print and perhaps write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--data", type=Path, help="where the databases are made (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave the databases, and use what is there already")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md beside this file")
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
        (Path(__file__).parent / "RESULTS.md").write_text(report)


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
        "| calls | database | page | first | median | p95 | slowest |\n|---|---|---|---|---|---|---|\n"
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
        await sums.rebuild(connection)
    await services.database.close()
    rebuilt = time.perf_counter()
    line = (
        f"{calls:,} calls, {min(RATINGS_MAX, calls):,} ratings, {min(OUTCOMES_MAX, calls):,} outcomes, "
        f"about {int(calls * DRAWN):,} drawn answers: generated in {generated - started:.0f} s; "
        f"all sums made anew from them in {rebuilt - generated:.0f} s"
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
        _feedback(database, log, digest, ids, min(RATINGS_MAX, calls), min(OUTCOMES_MAX, calls))
        log.close()
        database.execute("COMMIT")
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


def identifier(moment_ms: int, number: int) -> str:
    """A UUIDv7 of that time that sorts by `number` within the millisecond."""
    head, tail = f"{moment_ms:012x}", f"{number:016x}"
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-8{tail[3:6]}-{tail[6:]}{'0' * 2}"


def _template(digest: str, status: str, copy: bool, trial: bool) -> tuple[str, dict[str, object]]:
    """A call's record and columns with marks where calls differ."""
    trusted = status in ("answered", "fallback")
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
        input_tokens=180,
        output_tokens=45,
        cost_usd=0.00031,
        latency_ms={"upstream": 111111.5, "total": 222222.5},
        trust=TrustReport(trust=0.515625, state="supported", verifier="shipped") if trusted else None,
        shadow_of="@copied@" if copy else None,
        trial="rehearsal-1" if trial else None,
    )
    document = canonical_json(call).decode()
    head = msgspec.json.decode(document, type=CallHead)
    return document.replace("2026-01-01T00:00:00Z", "@at@"), call_columns(head)


def _calls(database: sqlite3.Connection, log: Log, digest: str, calls: int) -> list[str]:
    """The calls, a batch of BATCH for each audit entry; some thousands of their ids, the newest last."""
    chance = random.Random(5)
    templates = {
        (status, copy, trial): _template(digest, status, copy, trial)
        for status in set(STATUSES)
        for copy, trial in ((False, False), (True, False), (False, True))
    }
    names = ("id", "document", "batch", *next(iter(templates.values()))[1])
    end = datetime.now(UTC) - timedelta(minutes=1)
    step = timedelta(days=DAYS) / calls
    kept, last, started = [], "", time.perf_counter()
    for start in range(0, calls, BATCH):
        batch, rows, draws = log.add("calls/gateway-1", "ship"), [], []
        for number in range(start, min(start + BATCH, calls)):
            moment = end - step * (calls - number)
            kind = chance.random()
            copy, trial = kind < COPIES and bool(last), COPIES <= kind < COPIES + TRIALS
            status = "answered" if copy else STATUSES[int(chance.random() * len(STATUSES))]
            document, columns = templates[status, copy, trial]
            name = identifier(int(moment.timestamp() * 1000), number)
            case, at = f"case-{number // 2}", moment.isoformat(timespec="microseconds")[:26] + "Z"
            upstream, trust = chance.lognormvariate(6.0, 0.5), min(0.999, 0.55 + 0.5 * chance.random())
            document = (
                document.replace("@id@", name)
                .replace("@at@", at)
                .replace("@case@", case)
                .replace("111111.5", f"{upstream:.3f}")
                .replace("222222.5", f"{upstream + 40:.3f}")
                .replace("0.515625", f"{trust:.6f}")
                .replace("@copied@", last)
            )
            own = {**columns, "received_at": at, "case_id": case, "shadow_of": last if copy else None}
            rows.append((name, document, batch, *own.values()))
            if not copy and not trial:
                last = name
                if status == "answered":
                    if len(kept) < 2 * RATINGS_MAX or number >= calls - 2 * RATINGS_MAX:
                        kept.append(name)
                    if chance.random() < DRAWN:
                        draws.append((name, moment, trust, chance.random()))
        insert(database, "calls", names, rows)
        _draw(database, log, digest, draws, labelled=start >= calls - BATCH * LABELS * 2)
        if start % 1_000_000 == 0 and start:
            print(f"  {start:,} calls after {time.perf_counter() - started:.0f} s", flush=True)
    return kept


def _draw(
    database: sqlite3.Connection, log: Log, digest: str, drawn: list[tuple[str, datetime, float, float]], *, labelled: bool
) -> None:
    if not drawn:
        return
    batch, rows, labels = log.add("label-draws/gateway-1", "draw"), [], []
    for name, moment, trust, place in drawn:
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
            place=place * DRAWN,
            rank=place,
            drawn_at=moment,
            probability_min=DRAWN,
        )
        rows.append((name, canonical_json(draw).decode(), batch, *LABEL_DRAWS.columns(draw).values()))
        if labelled and len(labels) < 1:
            label = TrustLabel(
                id=new_id(),
                use_case=USE_CASE,
                call_id=name,
                labeller="anna",
                at=moment,
                origin="spot_check",
                part="sent",
                supported=True,
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
    """First, median, 95th percentile and slowest of ROUNDS requests, in ms; from a server that was just started."""
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
        times = list(_times(host, int(port), path, (place / "session").read_text()))
    finally:
        process.terminate()
        process.wait(30)
    rest = sorted(times[1:])
    return [f"{each:.0f}" for each in (times[0], statistics.median(rest), rest[int(0.95 * len(rest))], rest[-1])]


def _times(host: str, port: int, path: str, session: str) -> Iterator[float]:
    for _ in range(ROUNDS + 1):
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
