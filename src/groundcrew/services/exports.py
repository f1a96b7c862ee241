"""Exports for people and tools outside: calls as Parquet or JSON Lines, and files that appear whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.errors import InputError
from groundcrew.services.calls import Calls

PAGE_ROWS = 1_000

Progress = Callable[[int, int], None]


async def export_calls(calls: Calls, output: Path, *, use_case: str | None, progress: Progress) -> int:
    """Write calls, newest first; the suffix chooses Parquet or JSON Lines. Returns the number of rows.

    Shadow copies and trials are among them and say so in `shadow_of` and `trial`.
    """
    if output.suffix == ".parquet":
        return await _calls_parquet(calls, output, use_case, progress)
    rows = 0
    with whole_file(output) as file:
        async for page in _pages(calls, use_case):
            for call in page:
                file.write(msgspec.json.encode(call) + b"\n")
            rows += len(page)
            progress(rows, 0)
    return rows


async def _pages(calls: Calls, use_case: str | None) -> AsyncIterator[list[Call]]:
    before: str | None = None
    while page := await calls.latest(use_case=use_case, before=before, limit=PAGE_ROWS, shadows=True):
        yield page
        before = page[-1].id


async def _calls_parquet(calls: Calls, output: Path, use_case: str | None, progress: Progress) -> int:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    moment = pa.timestamp("us", tz="UTC")
    columns: dict[str, Any] = {
        "id": text, "use_case": text, "business_unit": text, "stage": text, "version_digest": text, "key_id": text,
        "model": text, "provider": text, "target_model": text, "status": text, "error_code": text, "stream": pa.bool_(),
        "case_id": text, "unit_id": text, "user_id": text, "data_class": text, "received_at": moment, "finished_at": moment,
        "request": text, "answer": text, "withheld_answer": text, "input_tokens": whole, "output_tokens": whole,
        "cost_usd": number, "knowledge_revision": text, "scan": text, "sample": pa.bool_(),
        "shadow_of": text, "trial": text, "experiment": text, "arm": text,
    }  # fmt: skip
    schema = pa.schema([*columns.items(), ("trust", number), ("trust_state", text), ("record", text)])
    rows = 0
    temporary = _temporary(output)
    try:
        with parquet.ParquetWriter(temporary, schema) as writer:
            async for page in _pages(calls, use_case):
                table = [
                    {name: getattr(call, name) for name in columns}
                    | {
                        "trust": call.trust.trust if call.trust else None,
                        "trust_state": call.trust.state if call.trust else None,
                        "record": msgspec.json.encode(call).decode(),
                    }
                    for call in page
                ]
                writer.write_table(pa.Table.from_pylist(table, schema=schema))
                rows += len(page)
                progress(rows, 0)
        os.replace(temporary, output)
    except OSError as error:
        raise _not_written(output, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return rows


@contextmanager
def whole_file(output: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name only when it is complete."""
    if not output.name.endswith((".jsonl", ".jsonl.gz")):
        raise InputError("name the file .jsonl, .jsonl.gz (or, for calls, .parquet)", file=str(output), field="output")
    temporary = _temporary(output)
    try:
        with gzip.open(temporary, "wb") if output.suffix == ".gz" else temporary.open("wb") as file:
            yield file  # type: ignore[misc]
        os.replace(temporary, output)
    except OSError as error:
        raise _not_written(output, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(output: Path, error: OSError) -> InputError:
    return InputError(f"could not be written: {error.strerror or error}", file=str(output), field="output")


def _temporary(output: Path) -> Path:
    if not output.parent.is_dir():
        raise InputError("its folder does not exist", file=str(output), field="output")
    return output.with_name(f".{output.name}.{os.getpid()}.part")
