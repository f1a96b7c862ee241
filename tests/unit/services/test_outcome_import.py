"""Files of outcomes: the same from every format, wrong rows named, nothing half imported, killed and gone on with, and bound to
the version of their case or time."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres import run_apart
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.feedback import Outcome
from groundcrew.domain.job import Job
from groundcrew.errors import InputError
from groundcrew.guards.masking import personal_kinds
from groundcrew.services import job_files, outcome_files, outcome_import
from groundcrew.services.bundle import Services
from groundcrew.services.job_runner import run
from groundcrew.services.jobs import LEASE_S
from groundcrew.services.outcome_files import format_of, read_batches
from groundcrew.services.outcomes import Imported, NewOutcome, check_outcome
from groundcrew.store.feedback import OUTCOMES, outcome_rows

NOW = datetime(2026, 3, 20, tzinfo=UTC)
ROW = {"metric": "handle_time", "value": 412.5, "case_id": "mail-1"}
FORMATS = ("rows.csv", "rows.csv.gz", "rows.jsonl", "rows.jsonl.gz", "rows.parquet")


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """`rows` as the file's name says."""
    if path.name.endswith(".parquet"):
        pa.parquet.write_table(pa.Table.from_pylist(list(rows)), path)
    elif ".jsonl" in path.name:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    else:
        sink = pa.BufferOutputStream()
        pa.csv.write_csv(pa.Table.from_pylist(list(rows)), sink)
        content = sink.getvalue().to_pybytes()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


async def imported(services: Services, path: Path) -> Job:
    """The file imported as a job, to its end."""
    name = job_files.adopt(services.jobs.folder, path)
    job = await outcome_import.submit(
        services.jobs, bank.NAME, name, name=path.name, kind=format_of(path.name), actor="user:anna"
    )
    task = await services.jobs.claim([job.kind], job_id=job.id)
    assert task is not None
    done = await run(services, task)
    assert done is not None
    return done


async def values(services: Services) -> dict[tuple[str, str], float]:
    return {(each.metric, each.case_id): each.value for each in await services.feedback.outcomes(bank.NAME)}


async def count(services: Services) -> int:
    async with services.database.read() as connection:
        return await OUTCOMES.count(connection)


def read(path: Path) -> list[NewOutcome]:
    batches = read_batches(path, format_of(path.name), name=path.name, now=NOW)
    return [row for batch in batches for row in batch.outcomes()]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_the_same(tmp_path: Path, name: str) -> None:
    rows = [
        {**ROW, "unit": "s", "unit_id": "t-1", "arm": "control", "cluster": None, "at": "2026-03-01T08:00:00Z", "ignored": 1},
        {**ROW, "case_id": "mail-2", "value": 7.0, "unit": None, "unit_id": None, "arm": None, "cluster": "a, \"b\"",
         "at": "2026-03-01T10:00:00+02:00", "ignored": 2},
    ]  # fmt: skip
    moment = datetime(2026, 3, 1, 8, tzinfo=UTC)
    first = NewOutcome(**ROW, unit="s", unit_id="t-1", arm="control", at=moment)
    assert read(write(tmp_path / name, rows)) == [
        first,
        NewOutcome(metric="handle_time", value=7.0, case_id="mail-2", cluster='a, "b"', at=moment),
    ]


def test_parquet_has_types_of_its_own(tmp_path: Path) -> None:
    table = pa.table(
        {
            "metric": pa.array(["m", "m"]).dictionary_encode(),
            "value": pa.array([1, 2], pa.int32()),
            "case_id": pa.array([2041, 2042], pa.int64()),
            "at": pa.array([NOW, None], pa.timestamp("ns", tz="Europe/Zurich")),
        }
    )
    pa.parquet.write_table(table, tmp_path / "typed.parquet")
    assert [(each.value, each.case_id, each.at) for each in read(tmp_path / "typed.parquet")] == [
        (1.0, "2041", NOW),
        (2.0, "2042", None),
    ]


WRONG: list[tuple[str, bytes, int | None, str | None, str]] = [
    ("a.csv", b"metric,value,case_id\nm,1,c\nm,x,c\n", 3, "value", "is not a number"),
    ("a.csv", b'metric,value,case_id\n\n"m\nn",1,c\n\nm,nan,c\n', 6, "value", "finite"),
    ("a.csv", b"metric,value,case_id\nm,1,\n", 2, "case_id", "name the business case"),
    ("a.csv", b"metric,value,case_id\nm,1,c\nm,1\n", 3, None, "has 2 fields"),
    ("a.csv", b"metric,value\nm,1\n", 1, "case_id", "missing"),
    ("a.csv", b"metric,metric,value,case_id\nm,m,1,c\n", 1, "metric", "twice"),
    ("a.csv", b"metric,value,case_id,at\nm,1,c,2026-01-01T00:00:00\n", 2, "at", "offset"),
    ("a.csv", b"metric,value,case_id,at\nm,1,c,2026-01-01T00:00:00Z\nm,1,d,2027-01-01T00:00:00Z\n", 3, "at", "future"),
    ("a.csv", b"metric,value,case_id\nm,1,anna@bank.example\n", 2, "case_id", "personal data"),
    ("a.csv", b"metric,value,case_id,sample\nm,1,c,perhaps\n", 2, "sample", "neither"),
    ("a.csv", b"metric,value,case_id\n", None, None, "holds no rows"),
    ("a.csv", b"", 1, "metric", "missing"),
    ("a.jsonl", b'{"metric":"m","value":1,"case_id":"c"}\n\n{"metric":"m","value":"1","case_id":"c"}\n', 3, "value", ""),
    ("a.jsonl", b'{"metric":"m","value":1}\n', 1, "case_id", "missing"),
    ("a.jsonl", b'{"metric":"m","value":1,"case_id":"c","at":"2026-01-01T00:00:00"}\n', 1, "at", "offset"),
    ("a.jsonl", b"{}\nnonsense\n", 1, "metric", ""),
    ("a.jsonl.gz", b"\x1f\x8bnonsense", None, None, ""),
    ("a.parquet", b"nonsense", None, None, "parquet"),
]


@pytest.mark.parametrize(("name", "content", "line", "field", "message"), WRONG)
def test_what_is_wrong_is_named_by_file_line_and_field(
    tmp_path: Path, name: str, content: bytes, line: int | None, field: str | None, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        read(tmp_path / name)
    error = raised.value
    assert (error.file, error.field) == (name, field)
    assert line is None or error.line == line
    assert message in str(error)
    assert "anna@" not in str(error)


ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["x" * 201, "756.9217.0769.85", "123-45-6789", "CH93 0076 2011 6238 5295 7", "+41446681800"]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ODD, min_size=1, max_size=6), value=st.floats(), later=st.integers(-10, 900))
def test_columns_are_checked_as_rows_are(tmp_path: Path, texts: list[str], value: float, later: int) -> None:
    """The first wrong row of a file is the first that the API would refuse, for the same field."""
    rows = [NewOutcome(metric="m", value=1.0, case_id=text, unit_id=text or None) for text in texts]
    rows.append(NewOutcome(metric="m", value=value, case_id="c", at=NOW + timedelta(seconds=later)))
    path = tmp_path / "odd.parquet"
    pa.parquet.write_table(
        pa.table({name: [getattr(row, name) for row in rows] for name in ("metric", "value", "case_id", "unit_id", "at")}), path
    )
    expected = None
    for place, row in enumerate(rows):
        try:
            check_outcome(row, place, NOW)
        except InputError as error:
            expected = (place + 1, (error.field or "").partition(".")[2])
            break
    try:
        read(path)
        found = None
    except InputError as error:
        found = (error.line, error.field)
    assert (found and found[0]) == (expected and expected[0])


@settings(max_examples=100)
@given(
    text=st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[A-Za-z]{0,3}[ -]?\d{2,6}([ ./-]?\d{2,4}){0,4}", fullmatch=True),
        st.from_regex(r"(mrn|member id|patient no\.|ssn|KVNR|fallnr)[ :#]{0,2}[A-Z]{0,2}\d{4,9}", fullmatch=True),
        st.from_regex(r"[a-z0-9.]{1,9}@[a-z]{1,9}\.[a-z]{2,3}", fullmatch=True),
    )
)
def test_whatever_is_personal_is_looked_at(text: str) -> None:
    """What is not suspicious is not looked at one by one; nothing personal may pass so."""
    if personal_kinds(text):
        assert pa.compute.match_substring_regex(pa.array([text]), outcome_files._SUSPICIOUS)[0].as_py()


def test_documents_are_canonical() -> None:
    said = {"id": "1", "use_case": "a", "version_digest": "f", "as_of": NOW + timedelta(microseconds=5)}
    for each in bank.outcomes(NOW, units=2):
        made = Outcome(**(msgspec.structs.asdict(each) | said))
        assert outcome_rows([made])[0][1] == canonical_json(made)


async def test_a_file_is_imported_once(services: Services, tmp_path: Path) -> None:
    rows = [{**ROW, "case_id": f"mail-{each}", "value": float(each)} for each in range(50)]
    rows += [{**ROW, "case_id": "mail-7", "value": 700.0}, {**ROW, "case_id": "mail-7", "value": 701.0}]
    path = write(tmp_path / "rows.csv", rows)
    done = await imported(services, path)
    assert (done.state, done.done, done.total) == ("done", 52, 52)
    assert Imported(**{name: done.result[name] for name in Imported.__struct_fields__}) == Imported(
        recorded=50, unchanged=0, outdated=2
    )
    assert (await values(services))["handle_time", "mail-7"] == 701.0
    again = await imported(services, path)
    assert (again.result["recorded"], again.result["unchanged"], await count(services)) == (0, 50, 50)
    assert (await services.audit.verify()).problems == ()


async def test_a_bad_row_leaves_nothing(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_files, "BATCH_ROWS", 10)
    rows = [{**ROW, "case_id": f"mail-{each}"} for each in range(35)] + [{**ROW, "case_id": "a@bank.example"}]
    done = await imported(services, write(tmp_path / "rows.jsonl", rows))
    assert (done.state, await count(services)) == ("failed", 0)
    assert done.error.startswith("rows.jsonl:36: case_id: it holds personal data (EMAIL)")


async def test_a_killed_import_goes_on_without_doubles(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_files, "BATCH_ROWS", 10)
    path = write(tmp_path / "rows.csv", [{**ROW, "case_id": f"mail-{each % 40}", "value": float(each)} for each in range(60)])
    name = job_files.adopt(services.jobs.folder, path)
    job = await outcome_import.submit(services.jobs, bank.NAME, name, name="rows.csv", kind="csv", actor="user:anna")
    record, left = outcome_import.record, [2]

    async def dying(*arguments: Any, **named: Any) -> Imported:
        made = await record(*arguments, **named)
        left[0] -= 1
        if left[0] < 0:
            # The transaction of this batch is lost with its worker.
            raise RuntimeError("killed")
        return made

    monkeypatch.setattr(outcome_import, "record", dying)
    task = await services.jobs.claim([job.kind], job_id=job.id)
    assert task is not None
    assert await run(services, task) is None, "the lease runs out, and another worker goes on"
    assert await count(services) < 40
    clock = services.database.clock
    assert isinstance(clock, bank.FakeClock)
    clock.advance(LEASE_S + 1)
    monkeypatch.setattr(outcome_import, "record", record)
    again = await services.jobs.claim([job.kind], job_id=job.id)
    assert again is not None
    assert again.done == 20
    done = await run(services, again)
    assert done is not None
    assert (done.state, done.result["recorded"], done.result["outdated"], await count(services)) == ("done", 40, 20, 40)
    assert (await values(services))["handle_time", "mail-3"] == 43.0
    assert (await services.audit.verify()).problems == ()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 5)), st.integers(0, 99), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    seed=st.integers(0, 2**32),
)
def test_in_any_order_and_however_often_batches_come_the_same_values_count(
    tmp_path_factory: pytest.TempPathFactory,
    prepared: Prepared,
    known: dict[tuple[int, int], int],
    cuts: list[int],
    seed: int,
) -> None:
    """`known` has, for a case and a day, the value that the sender knew then."""
    chance = Random(seed)
    start = datetime(2026, 2, 1, tzinfo=UTC)
    rows = [
        NewOutcome(metric="m", value=float(value), case_id=f"case-{case}", as_of=start + timedelta(days=day), at=start)
        for (case, day), value in known.items()
    ]
    edges = sorted({0, len(rows), *(min(each, len(rows)) for each in cuts)})
    batches = [rows[low:high] for low, high in pairwise(edges)]
    batches += chance.choices(batches, k=2)
    chance.shuffle(batches)
    newest = {case: value for (case, _), value in sorted(known.items())}
    folder = tmp_path_factory.mktemp("orders")
    url = f"sqlite:///{folder / 'groundcrew.db'}"
    clock = prepared.copy("declared", url)

    async def work() -> None:
        async with bank.opened(url, folder, clock, bare=True) as services:
            for batch in batches:
                await services.feedback.add_outcomes(bank.NAME, batch, actor="system:tickets")
            expected = {("m", f"case-{case}"): float(value) for case, value in newest.items()}
            assert await values(services) == expected
            before = await count(services)
            for batch in batches:
                await services.feedback.add_outcomes(bank.NAME, batch, actor="system:tickets")
            assert (await values(services), await count(services)) == (expected, before), "sent again, nothing changes"

    run_apart(work())


async def test_a_late_outcome_is_of_the_version_that_answered_its_case(services: Services) -> None:
    clock = services.database.clock
    assert isinstance(clock, bank.FakeClock)
    first = await bank.digest_of(services)
    start = clock.now()
    old = bank.call(version_digest=first, case_id="mail-1", received_at=start)
    other = bank.call(version_digest="e" * 64, case_id="mail-9", received_at=start, use_case="elsewhere")
    await services.calls.ship([old, other], gateway="gateway-1")
    clock.advance(bank.DAY_S)
    await bank.apply(services, use_cases=[bank.use_case(prompt="Another prompt.")])
    second = await bank.digest_of(services)
    assert first != second
    clock.advance(bank.DAY_S)

    async def version_of(case_id: str, **fields: Any) -> str:
        row = NewOutcome(metric="m", value=1.0, case_id=case_id, **fields)
        await services.feedback.add_outcomes(bank.NAME, [row], actor="system:tickets")
        (found,) = [each for each in await services.feedback.outcomes(bank.NAME) if each.case_id == case_id]
        return found.version_digest

    assert await version_of("mail-1", at=clock.now()) == first, "its case was answered by the first"
    assert await version_of("anything", call_id=old.id) == first
    assert await version_of("mail-9", call_id=other.id) == second, "another use case's call says nothing"
    assert await version_of("mail-2", at=start) == first, "no call says, so its time does"
    assert await version_of("mail-3", at=start + timedelta(days=1, seconds=1)) == second
    assert await version_of("mail-4") == second


async def test_a_correction_without_a_time_keeps_time_and_version(services: Services) -> None:
    """What was seen before a registration must not move behind it because its value was put right."""
    clock = services.database.clock
    assert isinstance(clock, bank.FakeClock)
    start, first = clock.now(), await bank.digest_of(services)
    await services.feedback.add_outcomes(bank.NAME, [NewOutcome(**ROW, at=start)], actor="system:tickets")
    clock.advance(bank.DAY_S)
    await bank.apply(services, use_cases=[bank.use_case(prompt="Another prompt.")])
    corrected = NewOutcome(**(ROW | {"value": 99.0}))
    await services.feedback.add_outcomes(bank.NAME, [corrected], actor="system:tickets")
    (found,) = await services.feedback.outcomes(bank.NAME)
    assert (found.value, found.at, found.version_digest) == (99.0, start, first)


async def test_sample_data_never_takes_the_place_of_what_is_real(services: Services) -> None:
    await services.feedback.add_outcomes(bank.NAME, [NewOutcome(**ROW)], actor="system:tickets")
    sample = NewOutcome(**(ROW | {"value": 1.0}), sample=True)
    await services.feedback.add_outcomes(bank.NAME, [sample], actor="system:tickets")
    found = {each.sample: each.value for each in await services.feedback.outcomes(bank.NAME)}
    assert found == {False: 412.5, True: 1.0}


@pytest.mark.postgres
async def test_statistics_come_with_the_rows(postgres_url: str, tmp_path: Path, prepared: Prepared) -> None:
    """Nothing else tells PostgreSQL in the first minute of an import, and what it takes for a few rows it joins in a square."""
    clock = prepared.copy("declared", postgres_url)
    async with bank.opened(postgres_url, tmp_path, clock, bare=True) as services:

        async def known() -> tuple[int, bool]:
            async with services.database.read() as connection:
                query = sa.text("SELECT reltuples, EXISTS (SELECT 1 FROM pg_stats WHERE tablename = 'outcomes') FROM pg_class"
                                " WHERE oid = 'outcomes'::regclass")  # fmt: skip
                rows, has_statistics = (await connection.execute(query)).one()
            return int(rows), bool(has_statistics)

        rows = [{**ROW, "case_id": f"mail-{number}", "at": "2026-03-01T08:00:00Z"} for number in range(2_500)]
        await imported(services, write(tmp_path / "first.csv", rows))
        assert await known() == (2_500, True)
        await imported(services, write(tmp_path / "few.csv", [{**rows[0], "case_id": "one-more"}]))
        assert (await known())[0] == 2_500, "a table that has not grown is not looked through again"
