"""`trust labels`, `trust recalibrate` and `trust report`: what people's labels say of a use case, and the calibration they
bear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.trust_label import TrustLabel
    from groundcrew.domain.trust_rules import Calibration
    from groundcrew.services.bundle import Services
    from groundcrew.services.trust import TrustOverview
    from groundcrew.stats.intervals import Interval

LABELS_SHOWN_MAX = 10_000


@click.command("labels")
@click.argument("use_case")
@click.option("--limit", type=click.IntRange(1, LABELS_SHOWN_MAX), default=50, show_default=True, help="At most so many.")
@json_option
@storage_options
def labels(use_case: str, limit: int, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the labels of USE_CASE's answers, the newest first."""

    async def work(services: Services) -> list[TrustLabel]:
        return await services.labels.find(use_case, limit=limit)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    says = {True: "supported", False: "unsupported", None: "skipped"}
    print_table(
        ("call", "says", "by", "from", "score", "probability", "at", "reason"),
        [
            (
                each.call_id,
                says[each.supported] + (" SAMPLE DATA" if each.sample else ""),
                each.labeller,
                each.origin.replace("_", " "),
                f"{each.raw:.3f}",
                "–" if each.probability is None else f"{each.probability:.3f}",
                f"{each.at:%Y-%m-%d %H:%M UTC}",
                each.reason,
            )
            for each in found
        ],
        empty=f"nobody has labelled an answer yet: judge drawn answers in the console under /spot-checks/{use_case} "
        f"(answers are drawn where the use case declares grounding: {{spot_checks: {{share: 0.02}}}})",
    )


@click.command("recalibrate")
@click.argument("use_case")
@as_option
@json_option
@storage_options
def recalibrate(use_case: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Fit USE_CASE's trust score on its labels and publish the calibration to the gateways."""

    async def work(services: Services) -> Calibration:
        return await services.trust.recalibrate(use_case, actor=await person(services, as_name))

    made = with_services(data, database_url, work)
    if as_json:
        print_json(made)
        return
    click.echo(f"{made.map.method} map fitted on {made.map.labels} labels; in force from now on. {made.map.reason}".rstrip())


@click.command("report")
@click.argument("use_case")
@json_option
@storage_options
def report(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show how far USE_CASE's trust scores can be relied on.

    Exits 1 where the calibration is in doubt, or a declared guarantee does not hold."""

    async def work(services: Services) -> TrustOverview:
        return await services.trust.report(use_case)

    view = with_services(data, database_url, work)
    if as_json:
        print_json(view)
    else:
        _print(view)
    if view.rules.in_doubt or (view.declared is not None and view.rule.guarantee is None):
        raise click.exceptions.Exit(1)


def _print(view: TrustOverview) -> None:
    click.secho(
        f"trust of {view.use_case}, version {view.version_digest[:12]}, verifier {view.verifier or 'not known'}", bold=True
    )
    origins = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in view.origins.items())
    click.echo(f"  labels       {origins}; {view.disputed} answers disputed, {view.stale} labels of other versions")
    click.echo(
        f"  drawn        {view.drawn}: {view.judged} judged, {view.skipped} nobody could tell (count as unsupported), "
        f"{view.waiting} wait under /spot-checks/{view.use_case}"
    )
    if view.raw is not None:
        click.echo(
            f"  score        AUROC {_figure(view.raw.auroc)}, calibration error {_figure(view.raw.expected_calibration_error)}, "
            f"Brier {_figure(view.raw.brier)}, n = {view.raw.labels}"
        )
    if view.calibration is None:
        click.echo(f"  calibration  none; `groundcrew trust recalibrate {view.use_case}` once 20 answers are labelled")
    else:
        fitted = view.calibration
        click.echo(
            f"  calibration  {fitted.map.method}, {fitted.map.labels} labels, {fitted.fitted_at:%Y-%m-%d} by {fitted.fitted_by}"
        )
    if view.alarm is not None:
        click.secho(f"  IN DOUBT     {view.alarm.direction}: {view.alarm.reason}", fg="red", bold=True)
    elif view.drift is not None:
        click.echo(f"  since then   {view.drift.reason}")
    _print_guarantee(view)


def _print_guarantee(view: TrustOverview) -> None:
    if view.declared is None:
        threshold = "nothing" if view.rule.threshold is None else f"trust {view.rule.threshold:g}"
        click.echo(f"  guarantee    none is declared: answers leave from {threshold} on")
        return
    held = view.rule.guarantee
    if held is not None and held.threshold is not None:
        click.secho(f"  guarantee    in force: answers leave from a score of {held.threshold:.4g} on. {held.reason}", fg="green")
        return
    stands = (
        f"trust {view.rule.threshold:g} stands in until it does" if view.rule.threshold is not None else "nothing leaves on trust"
    )
    click.secho(f"  guarantee    NOT in force ({stands}): {view.rules.problem}", fg="yellow")
    for row in view.guarantee.more_labels if view.guarantee is not None else ():
        needed = "no number of labels would do" if row.labels is None else f"about {row.labels} labels in all"
        click.echo(f"               to release the best {row.share:.0%} of answers: {needed}")


def _figure(interval: Interval) -> str:
    if interval.estimate is None:
        return "not known"
    ends = ", ".join("–" if end is None else f"{end:.3f}" for end in (interval.lower, interval.upper))
    return f"{interval.estimate:.3f} [{ends}]"
