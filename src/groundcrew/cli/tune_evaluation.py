"""`tune evaluate` and `tune suggest`: how good a tuned model is on cases that it has not seen, and what it says of a file."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.cli.progress import progress_bar
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services
    from groundcrew.services.model_evaluations import Evaluated
    from groundcrew.stats.intervals import Interval

#: Chapters that are printed; --report and --json hold all.
CHAPTERS_SHOWN_MAX = 25


@click.command("evaluate")
@click.argument("model", metavar="NAME[@VERSION]")
@click.option("--data-set", metavar="NAME[@REVISION]", help="The registered data set whose cases are asked.")
@click.option(
    "--split", type=click.Choice(["test", "validation"]), default="test", show_default=True, help="Which of its splits."
)
@click.option(
    "--input", "file", type=click.Path(path_type=Path, dir_okay=False), help="Cases instead: JSONL of id, text, labels [, group]."
)
@click.option("--baseline", metavar="NAME@VERSION|FILE.jsonl", help="Compare, case by case, with another model or with labels.")
@click.option("--human-seconds", type=float, help="What a person takes for a case today.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the whole report there, as HTML.")
@click.option(
    "--fail-under", multiple=True, metavar="FIGURE=VALUE", help="Exit 1 unless the figure reaches the value. Repeatable."
)
@click.option("--by-estimate", is_flag=True, help="Hold --fail-under against the estimate instead of the interval's lower bound.")
@json_option
@as_option
@storage_options
def tune_evaluate(
    model: str,
    data_set: str | None,
    split: str,
    file: Path | None,
    baseline: str | None,
    human_seconds: float | None,
    report: Path | None,
    fail_under: tuple[str, ...],
    by_estimate: bool,
    as_json: bool,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Ask a tuned model about cases that it has not learned from, and say how good it is.

    What is found is evidence for each use case that the model answers for, bound to the model's digest.
    """
    wanted = [_target(each) for each in fail_under]

    async def work(services: Services) -> Evaluated:
        with progress_bar("cases", quiet=as_json) as advance:
            return await services.model_evaluations.evaluate(
                model,
                actor=await person(services, as_name),
                data_set=data_set,
                split=split,
                file=file,
                baseline=baseline,
                human_s=human_seconds,
                progress=advance,
            )

    found = with_services(data, database_url, work)
    misses = _misses(found.report.figures, wanted, by_estimate=by_estimate)
    if report is not None:
        from groundcrew.tuning.evaluation_report import html

        _write(report, html(found.report))
    if as_json:
        print_json(found)
    else:
        _print(found)
    for each in misses:
        click.echo(each, err=True)
    if misses:
        raise click.exceptions.Exit(1)


@click.command("suggest")
@click.argument("model", metavar="NAME[@VERSION]")
@click.option(
    "--input", "source", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Texts: JSONL of id and text."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the answers go, as JSONL; new."
)
@storage_options
def tune_suggest(model: str, source: Path, output: Path, data: Path | None, database_url: str | None) -> None:
    """Let a tuned model suggest labels for a file of texts, as the gateway would: nothing is recorded and nobody signs."""

    async def work(services: Services) -> str:
        from groundcrew.services.tuned_models import files_of
        from groundcrew.tuning.evaluation_run import open_model, read_cases, suggestions

        found = await services.tuned_models.get(model)
        folder = files_of(services.tuned_models.data, found)
        examples = read_cases(source, labelled=False)
        loaded, _ = open_model(folder, found.digest)

        def write(advance: Callable[[int, int], None]) -> int:
            count = 0
            with output.open("xb") as file:
                for name, answer in suggestions(loaded, examples, advance, model=found.id, digest=found.digest):
                    file.write(_line(name, answer))
                    count += answer.needs_person
            return count

        with progress_bar("texts") as advance:
            try:
                to_person = await asyncio.to_thread(write, advance)
            except OSError as error:
                raise InputError(f"can not be written: {error.strerror or error}", file=str(output)) from error
        return f"{found.id}: {len(examples)} answers in {output}; {to_person} of them need a person"

    click.echo(with_services(data, database_url, work))


def _line(name: str, answer: object) -> bytes:
    import msgspec

    return msgspec.json.encode({"id": name, **msgspec.to_builtins(answer)}) + b"\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"can not be written: {error.strerror or error}", file=str(path)) from error


def _target(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not 0 <= number <= 1:
        raise InputError(f"{text!r} is no target: FIGURE=VALUE with a value between 0 and 1", field="fail-under")
    from groundcrew.tuning.evaluation_report import TITLES

    if name not in TITLES:  # told before hours of work, not after
        raise InputError(f"there is no figure {name!r}; there are {', '.join(TITLES)}", field="fail-under")
    return name, number


def _misses(figures: dict[str, Interval], wanted: list[tuple[str, float]], *, by_estimate: bool) -> list[str]:
    """What misses its target, in words. A figure that is unknown misses."""
    found = []
    for name, target in wanted:
        if name not in figures:
            raise InputError(f"there is no figure {name!r}; there are {', '.join(figures)}", field="fail-under")
        value = figures[name].estimate if by_estimate else figures[name].lower
        if value is None or value < target:
            which = "estimate" if by_estimate else "lower bound"
            found.append(f"{name}: the {which} {'is unknown' if value is None else f'{value:.4f}'} misses {target:g}")
    return found


def _print(found: Evaluated) -> None:
    from groundcrew.tuning.evaluation_report import TITLES, words

    report = found.report
    click.echo(f"{report.model} ({report.digest[:12]}) on {report.source}: {report.cases} cases in {report.groups} groups")
    rows = [(TITLES.get(name, name), words(each)) for name, each in report.figures.items()]
    rows.append(("Cases that go to a person", words(report.person.to_person)))
    rows.append(("Exactly right, of the others", words(report.person.kept_subset_accuracy)))
    if report.trust_calibration is not None:
        rows.append(("Calibration error of the trust", words(report.trust_calibration.expected_calibration_error)))
    rows.append(("Calibration error of the scores", words(report.score_calibration.expected_calibration_error)))
    if report.time is not None:
        rows.append(("Seconds a case, median", words(report.time.p50_s, digits=4)))
        rows.append(("Seconds a case, 95th percentile", words(report.time.p95_s, digits=4)))
    if report.human is not None:
        rows.append((f"Times faster than {report.human.human_s:,.0f} s", words(report.human.times_faster, digits=0)))
    print_table(("figure", "estimate (interval)"), rows, empty="")
    if report.comparison is not None:
        differences = [
            (TITLES.get(name, name), words(report.comparison.figures[name]), words(each))
            for name, each in report.comparison.differences.items()
        ]
        print_table(("figure", report.comparison.baseline, "difference"), differences, empty="")
    if report.chapters:
        chapters = [
            (f"{each.name} {each.title}".strip(), each.support, words(each.f1)) for each in report.chapters[:CHAPTERS_SHOWN_MAX]
        ]
        print_table(("chapter", "true", "F1"), chapters, empty="")
    if found.leaked is None:
        click.echo("Whether the model has learned from these cases is not known: its data set is not here.")
    elif found.leaked:
        click.echo(f"{found.leaked} of these cases, or of their groups, are among what the model has learned from.")
    if found.recorded:
        click.echo(f"Recorded as evidence for {', '.join(sorted(found.recorded))}.")
    else:
        click.echo("No use case answers with it yet: recorded with the model only.")
