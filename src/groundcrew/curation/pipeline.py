"""The plan on Daft: read, check, find duplicates, draw a sample. What stays never depends on the order of files or rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgspec

from groundcrew.curation.checks import Checked, Checker, rank_parts
from groundcrew.curation.reasons import DUPLICATE, SAMPLED_OUT, UNREADABLE
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.sources import Found, read_lines
from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.errors import InputError

#: Daft reports its use over the network on import and shows its own progress bars; neither has a place here.
DAFT_ENVIRONMENT = {"DAFT_ANALYTICS_ENABLED": "0", "SCARF_NO_ANALYTICS": "true", "DAFT_PROGRESS_BAR": "0"}

LINE_DIGITS = 12


class Curated(msgspec.Struct, frozen=True, kw_only=True):
    """The judged records as Daft data frames, held in memory.

    `kept`: id, source, line, digest, record. `dropped`: id (may be null), source, line, reason, detail.
    """

    kept: Any
    dropped: Any
    kept_count: int
    dropped_count: int
    read_count: int
    revision: str


def load_daft() -> Any:
    """The module `daft`, silenced. Raises InputError where it is not installed."""
    os.environ.update(DAFT_ENVIRONMENT)
    try:
        import daft
    except ImportError as error:
        raise InputError("curation needs Daft, which is not installed: pip install 'groundcrew[batch]'") from error
    return daft


def curate_records(recipe: Recipe, found: Found) -> Curated:
    """Read and judge every record of `found`. Raises InputError where a file can not be read, naming it."""
    daft = load_daft()
    checked = _checked(daft, recipe, found).collect()
    _refuse_unread(daft, checked, found)
    records = checked.where(~daft.col("end"))
    read_count = records.count_rows()
    columns = ("id", "source", "line", "reason", "detail", "digest", "draw", "rank", "record")
    judged = _without_duplicates(daft, records, "id", "the same id")
    if recipe.duplicates:
        same = "the same " + ", ".join(recipe.duplicates.exact)
        judged = _without_duplicates(daft, judged, "duplicate_key", same)
    judged = judged.select(*columns)
    if recipe.sample:
        judged = _sampled(daft, judged.collect(), recipe.sample.n)
    judged = judged.select(*(each for each in columns if each not in ("draw", "rank"))).collect()
    kept = judged.where(daft.col("reason").is_null())
    digests = kept.select("digest").to_pydict()["digest"]
    dropped = judged.where(daft.col("reason").not_null())
    dropped_count = dropped.count_rows()
    if len(digests) + dropped_count != read_count:
        raise RuntimeError(f"{read_count} records were read, {len(digests)} kept and {dropped_count} dropped")
    return Curated(
        kept=kept.select("id", "source", "line", "digest", "record").sort("id"),
        dropped=dropped.select("id", "source", "line", "reason", "detail").sort(["source", "line"]),
        kept_count=len(digests),
        dropped_count=dropped_count,
        read_count=read_count,
        revision=revision_of(recipe, digests),
    )


def revision_of(recipe: Recipe, digests: list[str]) -> str:
    """The content address of a data set: SHA-256 over the recipe's canonical JSON and the sorted digests of its records."""
    return sha256_hex(b"\n".join([canonical_json(recipe), *(each.encode() for each in sorted(digests))]))


def _checked(daft: Any, recipe: Recipe, found: Found) -> Any:
    """One row a record with what the checks found, and one row a file with `end` that says whether it was read to its end."""
    kinds, text, checker = daft.DataType, daft.DataType.string(), Checker(recipe)
    line_type = kinds.struct(
        {"line": kinds.int64(), "text": text, "typed": kinds.bool(), "error": text, "end": kinds.bool(), "failure": text}
    )
    checked_type = kinds.struct(dict.fromkeys(Checked.__struct_fields__, text))

    def read(path: str) -> Iterator[dict[str, Any]]:
        last: dict[str, Any] = {"line": 0, "text": None, "typed": True, "error": None, "end": True, "failure": None}
        try:
            for each in read_lines(path, recipe.fields):
                yield {**last, "line": each.line, "text": each.text, "typed": each.typed, "error": each.error, "end": False}
        except InputError as error:
            # As a row, because an error that leaves a function in a plan does not keep its type.
            last = {**last, "line": error.line or 0, "failure": error.message}
        yield last

    def check(sources: Any, lines: Any, texts: Any, typed: Any, errors: Any) -> list[dict[str, str | None]]:
        columns = (each.to_pylist() for each in (sources, lines, texts, typed, errors))
        return [msgspec.structs.asdict(_check_line(checker, *row)) for row in zip(*columns, strict=True)]

    column = daft.col
    files = daft.from_pydict({"source": [each.name for each in found.files]})
    lines = files.select(column("source"), daft.func(read, return_dtype=line_type)(column("source")).alias("read"))
    lines = lines.select(column("source"), *(column("read").get(name).alias(name) for name in line_type.to_arrow_dtype().names))
    judge = daft.func.batch(return_dtype=checked_type)(check)
    judged = judge(*(column(name) for name in ("source", "line", "text", "typed", "error")))
    rows = lines.with_column("checked", judged)
    return rows.select(
        *(column(name) for name in ("source", "line", "end", "failure")),
        *(column("checked").get(name).alias(name) for name in Checked.__struct_fields__),
    )


def _check_line(checker: Checker, source: str, line: int, text: str | None, typed: bool, error: str | None) -> Checked:
    if text is None:
        return Checked(reason=UNREADABLE, detail=error)
    return checker.check(text, typed=typed, place=f"{source}:{line:0{LINE_DIGITS}d}")


def _refuse_unread(daft: Any, checked: Any, found: Found) -> None:
    """Raise InputError for the first file that was not read to its end."""
    ends = checked.where(daft.col("end")).select("source", "line", "failure").to_pydict()
    failures = {source: (line, failure) for source, line, failure in zip(*ends.values(), strict=True)}
    for file in found.files:
        line, failure = failures.get(file.name, (0, "was not read to its end"))
        if failure is not None:
            raise InputError(failure, file=file.name, line=line or None)


def _without_duplicates(daft: Any, records: Any, key: str, same: str) -> Any:
    """Mark all records but one of those that agree in `key` and passed so far. The smallest rank stays: its id comes first."""
    column = daft.col
    passing = records.where(column("reason").is_null())
    winners = passing.groupby(column(key).alias("winner_key")).agg(column("rank").min().alias("winner"))

    def describe(ranks: Any, found: Any) -> list[str | None]:
        return [_duplicate_detail(*pair, same) for pair in zip(ranks.to_pylist(), found.to_pylist(), strict=True)]

    detail = daft.func.batch(return_dtype=daft.DataType.string())(describe)
    joined = records.join(winners, left_on=key, right_on="winner_key", how="left")
    joined = joined.with_column("lost", column("reason").is_null() & (column("rank") != column("winner")))
    joined = joined.with_column("lost_detail", detail(column("rank"), column("winner")))
    marked = _marked(joined, column("lost"), daft.lit(DUPLICATE), column("lost_detail"))
    return marked.exclude("winner", "winner_key", "lost", "lost_detail")


def _marked(records: Any, dropped: Any, reason: Any, detail: Any) -> Any:
    """`records` with `reason` and `detail` where `dropped` is true."""
    from daft import col
    from daft.functions import when

    dropped = dropped.fill_null(False)  # A null condition would make the result null, and a null reason means kept.
    return records.with_columns(
        {"reason": when(dropped, reason).otherwise(col("reason")), "detail": when(dropped, detail).otherwise(col("detail"))}
    )


def _duplicate_detail(rank: str | None, winner: str | None, same: str) -> str | None:
    if rank is None or winner is None or rank == winner:
        return None
    (_, digest), (winner_id, winner_digest) = rank_parts(rank), rank_parts(winner)
    if digest == winner_digest:
        return f"is a copy of the record {winner_id!r}"
    return f"has {same} as the record {winner_id!r}"


def _sampled(daft: Any, judged: Any, count: int) -> Any:
    """Mark all but the `count` passing records with the smallest draws."""
    column = daft.col
    draws = sorted(judged.where(column("reason").is_null()).select("draw").to_pydict()["draw"])
    if len(draws) <= count:
        return judged
    out = column("reason").is_null() & (column("draw") > daft.lit(draws[count - 1]))
    return _marked(judged, out, daft.lit(SAMPLED_OUT), daft.lit(f"was not among the {count} drawn"))
