"""`drift test`: two files held against each other, column by column, with one promise on false alarms for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from groundcrew.cli.common import print_table
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.cli.drift_columns import Chosen, Table
    from groundcrew.stats.drift import Column, ColumnDrift, DriftTest, Kind

ALPHA_DEFAULT = 0.01
#: Characters of an example that are shown.
EXAMPLE_CHARS_MAX = 200
#: What moved, and examples, that are shown of a drifted column.
SHOWN = 5


@click.command("test")
@click.option(
    "--reference", required=True, type=click.Path(path_type=Path), help="What is normal: JSON Lines or CSV (.gz too), or Parquet."
)
@click.option("--current", required=True, type=click.Path(path_type=Path), help="What is to be tested, of the same columns.")
@click.option("--columns", help="Which columns, such as amount,topic.  [default: all that say something]")
@click.option("--block", metavar="COL", help="Column whose rows belong together (day, user): they are permuted as one.")
@click.option("--kind", "kinds", multiple=True, metavar="COL=KIND", help="Read a column as number, category or text.")
@click.option("--alpha", type=float, default=ALPHA_DEFAULT, show_default=True, help="False-alarm rate of the whole test.")
@click.option("--seed", type=click.IntRange(0), help="Of the permutations and samples; the same seed gives the same verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a column, and one for the whole.")
def drift_test(
    reference: Path,
    current: Path,
    columns: str | None,
    block: str | None,
    kinds: tuple[str, ...],
    alpha: float,
    seed: int | None,
    as_json: bool,
) -> None:
    """Test whether the rows of one file are drawn like those of another.

    Exits 1 where a column drifted, or where the rows are too few to say."""
    from groundcrew.cli.drift_columns import TEXT_ROWS_MAX, blocks_of, choose, sampled
    from groundcrew.stats.drift.detection import SEED, detect_all

    if not 0 < alpha < 1:
        raise InputError(f"must lie between 0 and 1, is {alpha:g}", field="--alpha")
    seed = SEED if seed is None else seed
    wanted = [name.strip() for name in columns.split(",") if name.strip()] if columns is not None else []
    if columns is not None and not wanted:
        raise InputError("names no column", field="--columns")
    asked = _kinds(kinds)
    tables = _read(reference, current, [*wanted, *asked, *([block] if block else [])] if wanted else [], seed)
    chosen = choose(*tables, wanted=wanted, kinds=asked, block=block)
    if "text" in chosen.kinds.values():
        cut = (sampled(tables[0], TEXT_ROWS_MAX, seed=seed), sampled(tables[1], TEXT_ROWS_MAX, seed=seed + 1))
        if cut != tables:
            tables = cut
            chosen = choose(*tables, wanted=list(chosen.kinds), kinds=chosen.kinds, block=block)
    sides = _columns(chosen)
    result = detect_all(
        *sides,
        alpha=alpha,
        blocks_reference=blocks_of(tables[0], block) if block else None,
        blocks_current=blocks_of(tables[1], block) if block else None,
        seed=seed,
    )
    (_print_json if as_json else _print)(result, sides, tables, chosen.left_out)
    if result.drifted is not False:
        raise click.exceptions.Exit(1)


def _kinds(given: Sequence[str]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for each in given:
        name, equals, kind = each.rpartition("=")
        if not equals or not name or kind not in ("number", "category", "text"):
            raise InputError(f"{each!r} is not COL=KIND with a kind of number, category or text", field="--kind")
        found[name] = kind  # type: ignore[assignment]
    return found


def _read(reference: Path, current: Path, wanted: Sequence[str], seed: int) -> tuple[Table, Table]:
    from groundcrew.cli.drift_columns import read_table
    from groundcrew.cli.progress import progress_bar

    tables = []
    for place, path in enumerate((reference, current)):
        with progress_bar(f"reading {path.name}") as advance:
            tables.append(read_table(path, seed=seed + place, wanted=wanted, progress=partial(_unknown_total, advance)))
    return tables[0], tables[1]


def _unknown_total(advance: Callable[[int, int], None], done: int) -> None:
    advance(done, 0)


def _columns(chosen: Chosen) -> tuple[dict[str, Column], dict[str, Column]]:
    """Both sides' columns, texts with their vectors; equal texts are encoded once."""
    from groundcrew.cli.progress import progress_bar
    from groundcrew.stats.drift import Column

    texts = dict.fromkeys(
        text
        for side in (chosen.reference, chosen.current)
        for name, kind in chosen.kinds.items()
        if kind == "text"
        for text in side[name]
        if text is not None
    )
    vectors: dict[str, Any] = {}
    if texts:
        from groundcrew.grounding.encoder import shipped_encoder

        with progress_bar("encoding texts") as advance:
            for text, vector in zip(texts, shipped_encoder().encode_each(texts), strict=True):
                vectors[text] = vector
                advance(len(vectors), len(texts))

    def column(values: list[Any], kind: Kind) -> Column:
        return Column(kind=kind, values=values, vectors=_stacked(values, vectors) if kind == "text" else None)

    before, now = (
        {name: column(side[name], kind) for name, kind in chosen.kinds.items()} for side in (chosen.reference, chosen.current)
    )
    return before, now


def _stacked(texts: list[str | None], vectors: dict[str, Any]) -> Any:
    import numpy as np

    from groundcrew.grounding.encoder import DIMENSIONS

    stacked = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for place, text in enumerate(texts):
        if text is not None:
            stacked[place] = vectors[text]
    return stacked


def _print_json(
    result: DriftTest, sides: tuple[dict[str, Column], dict[str, Column]], tables: tuple[Table, Table], left_out: dict[str, str]
) -> None:
    for verdict in result.columns:
        row = msgspec.structs.asdict(verdict)
        if verdict.drifted:
            row["changes"] = _changes(verdict, sides)
            row["examples"] = _examples(verdict, sides)
        click.echo(msgspec.json.encode(row).decode())
    whole = msgspec.structs.asdict(result)
    del whole["columns"]
    whole["rows_used"] = [len(table.rows) for table in tables]
    whole["rows_read"] = [table.total for table in tables]
    whole["left_out"] = left_out
    click.echo(msgspec.json.encode(whole).decode())


def _print(
    result: DriftTest, sides: tuple[dict[str, Column], dict[str, Column]], tables: tuple[Table, Table], left_out: dict[str, str]
) -> None:
    words = {True: "drifted", False: "no drift found", None: "unknown"}
    for name, table in zip(("reference", "current"), tables, strict=True):
        sample = "" if table.total == len(table.rows) else f", of which a random sample of {len(table.rows):,} is tested"
        click.echo(f"{name}: {table.total:,} rows{sample}")
    for column, why in left_out.items():
        click.echo(f"left out: {column} ({why})")
    print_table(
        ("column", "kind", "verdict", "p", "effect", "statistic", "value", "threshold"),
        [
            (
                each.column,
                each.kind,
                words[each.drifted],
                _number(each.p_value),
                _number(each.effect, 2),
                each.statistic_name,
                _number(each.statistic),
                _number(each.threshold),
            )
            for each in result.columns
        ],
        empty="no columns",
    )
    for verdict in result.columns:
        if verdict.drifted:
            _print_change(verdict, sides)
        elif verdict.reason:
            click.echo(f"{verdict.column}: {verdict.reason}")
    click.secho(f"{words[result.drifted]} (false-alarm rate {result.false_alarm_rate:g})", bold=True)


def _print_change(verdict: ColumnDrift, sides: tuple[dict[str, Column], dict[str, Column]]) -> None:
    click.echo(f"{verdict.column}: what moved most, from reference to current")
    for change in _changes(verdict, sides):
        click.echo(f"  {change['what']}: {change['reference']:.4g} to {change['current']:.4g}")
    found = _examples(verdict, sides)
    for title, key in (("typical of what went", "before"), ("typical of what came", "after")):
        for text in found.get(key, ()):
            click.echo(f"  {title}: {text}")


def _changes(verdict: ColumnDrift, sides: tuple[dict[str, Column], dict[str, Column]]) -> list[dict[str, Any]]:
    from groundcrew.stats.drift import contributions

    moved = contributions(sides[0][verdict.column], sides[1][verdict.column], limit=SHOWN)
    return [msgspec.structs.asdict(each) for each in moved]


def _examples(verdict: ColumnDrift, sides: tuple[dict[str, Column], dict[str, Column]]) -> dict[str, list[str]]:
    """Texts that show the change; other kinds have none."""
    from groundcrew.stats.drift import examples

    before, now = (side[verdict.column] for side in sides)
    if before.vectors is None or now.vectors is None:
        return {}
    found = examples(before.vectors, now.vectors, limit=SHOWN)
    return {
        key: [" ".join(str(column.values[place]).split())[:EXAMPLE_CHARS_MAX] for place in places]
        for key, column, places in (("before", before, found.before), ("after", now, found.after))
    }


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


COMMANDS: tuple[click.Command, ...] = (drift_test,)
