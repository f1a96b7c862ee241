"""`trust calibrate` and `trust guarantee`: what labelled answers in a file make of the trust score, without any database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import json_option, print_json, print_table
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.calibration import CalibrationMap, Guarantee
    from groundcrew.grounding.labels import LabelFile
    from groundcrew.stats.calibration import CalibrationReport
    from groundcrew.stats.intervals import Interval

#: Scores at which the fitted map is shown.
SHOWN_SCORES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)

labels_option = click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help='Rows {"id", "trust", "supported": true|false, "probability"?|"weight"?, "group"?}; .gz too.',
)


@click.command("calibrate")
@labels_option
@click.option("--output", type=click.Path(path_type=Path), help="Where the map from score to probability goes, as JSON.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the intervals.")
@json_option
def trust_calibrate(source: Path, output: Path | None, confidence: float, as_json: bool) -> None:
    """Show how far the trust score is a probability on labelled answers, and fit the map that makes it one.

    The curve and the figures speak of the score as it is."""
    from groundcrew.grounding.labels import read_labels
    from groundcrew.stats.calibration import calibration_report, fit_calibration

    file = read_labels(source)
    report = calibration_report(file.labels, confidence)
    fitted = fit_calibration(file.labels)
    if output is not None:
        _write(output, fitted)
    if as_json:
        print_json({"report": report, "map": fitted})
        return
    _say_rows(file)
    _print_report(report)
    _print_map(fitted)
    if output is not None:
        click.echo(f"map written to {output}")


@click.command("guarantee")
@labels_option
@click.option(
    "--unsupported-max",
    type=float,
    default=0.05,
    show_default=True,
    help="Largest share of released answers that may hold an unsupported claim.",
)
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the whole promise.")
@click.option("--sequential", is_flag=True, help="The labels are looked at again as they come; in the order of the file.")
@click.option(
    "--test",
    type=click.Choice(("exact-binomial", "hoeffding-bentkus", "betting")),
    help="How a threshold is tested.  [default: exact-binomial; with --sequential, betting]",
)
@click.option(
    "--probability-min",
    type=float,
    help="Least probability that the sampling could give; needed with --sequential where they differ.  [default: least seen]",
)
@json_option
def trust_guarantee(
    source: Path,
    unsupported_max: float,
    confidence: float,
    sequential: bool,
    test: str | None,
    probability_min: float | None,
    as_json: bool,
) -> None:
    """Find the lowest trust at which released answers are good enough, with confidence, and say what more labels would buy.

    Rows without "supported" are answers that nobody labelled: they sharpen the share. Exits 1 where nothing may be released."""
    from groundcrew.grounding.labels import read_labels
    from groundcrew.stats.risk_control import release_threshold

    file = read_labels(source)
    try:
        guarantee = release_threshold(
            file.labels,
            unsupported_max,
            confidence,
            monitoring="sequential" if sequential else "fixed",
            test=test,  # type: ignore[arg-type]
            probability_min=probability_min,
            unlabelled=file.unlabelled or None,
        )
    except InputError as error:
        if error.line is None:  # an option, not a row
            raise
        raise InputError(error.message, file=str(source), line=file.lines[error.line - 1], field=error.field) from error
    if as_json:
        print_json(guarantee)
    else:
        _say_rows(file)
        _print_guarantee(guarantee)
    if guarantee.threshold is None:
        raise click.exceptions.Exit(1)


def _write(output: Path, fitted: CalibrationMap) -> None:
    import msgspec

    try:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(fitted), indent=2) + b"\n")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(output)) from error


def _say_rows(file: LabelFile) -> None:
    click.echo(
        f"labels: {len(file.labels)}; answers without a label: {len(file.unlabelled)}; "
        f"left out for want of a trust value: {file.without_score}"
    )


def _print_report(report: CalibrationReport) -> None:
    print_table(
        ("trust", "mean trust", "supported", "interval", "labels"),
        [
            (
                f"{each.lower:.3f} to {each.upper:.3f}",
                f"{each.mean_score:.3f}",
                _share(each.supported.estimate),
                f"{_share(each.supported.lower)} to {_share(each.supported.upper)}",
                each.supported.n,
            )
            for each in report.reliability
        ],
        empty="no labels",
    )
    click.echo(f"expected calibration error: {_interval(report.expected_calibration_error)}")
    click.echo(f"AUROC: {_interval(report.auroc)}")
    click.echo(f"Brier score: {_interval(report.brier)}")
    if report.groups < report.labels:
        click.echo(f"{report.groups} groups; the intervals allow for labels of one group repeating each other")


def _print_map(fitted: CalibrationMap) -> None:
    click.echo(f"map: {fitted.method}; {fitted.reason}")
    print_table(
        ("trust", "P(supported)"), [(f"{score:.2f}", f"{fitted.apply(score):.3f}") for score in SHOWN_SCORES], empty="no scores"
    )


def _print_guarantee(guarantee: Guarantee) -> None:
    if guarantee.threshold is None:
        click.secho("release nothing", bold=True)
    else:
        click.secho(f"release answers with a trust of {guarantee.threshold:.6g} or more", bold=True)
        click.echo(
            f"share released: {_share(guarantee.share)} ({_share(guarantee.share_lower)} to {_share(guarantee.share_upper)}); "
            f"unsupported among them: {_share(guarantee.risk)}, at most {_share(guarantee.risk_upper)}"
        )
    click.echo(guarantee.reason)
    if guarantee.more_labels:
        click.echo(f"labels for an {guarantee.more_labels[0].power:.0%} chance to release, at one look and the risk seen:")
        print_table(
            ("share of answers", "unsupported (estimate)", "labels"),
            [
                (f"{each.share:.0%}", _share(each.risk), "no number is enough" if each.labels is None else each.labels)
                for each in guarantee.more_labels
            ],
            empty="",
        )


def _interval(interval: Interval) -> str:
    lower, upper = ("–" if bound is None else f"{bound:.3f}" for bound in (interval.lower, interval.upper))
    return "unknown" if interval.estimate is None else f"{interval.estimate:.3f} ({lower} to {upper})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
