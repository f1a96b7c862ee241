"""`ratings`: the rating queue from the command line, how far raters agree, and the secret that links are signed with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import actor, json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.metrics.rater_agreement import Agreement
    from groundcrew.services.bundle import Services
    from groundcrew.services.rating_queue import RatingQueueState


@click.group()
def ratings() -> None:
    """Put calls up for rating, see how far raters agree, and rotate the secret of rating links."""


@ratings.command("put-up")
@click.argument("use_case")
@click.argument("call_ids", metavar="[CALL]...", nargs=-1)
@click.option("--newest", type=click.IntRange(1, 1_000), help="The newest calls instead, this many.")
@click.option("--raters", type=click.IntRange(1, 9), help="How many people rate each.  [default: as declared, else 2]")
@storage_options
def ratings_put_up(
    use_case: str,
    call_ids: tuple[str, ...],
    newest: int | None,
    raters: int | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Put calls of USE_CASE into the rating queue; those that are in it stay as they are."""

    async def work(services: Services) -> list[str]:
        return await services.rating_queue.put_up(use_case, actor=actor(), call_ids=call_ids, newest=newest or 0, raters=raters)

    click.echo(f"{len(with_services(data, database_url, work))} calls put up")


@ratings.command("show")
@click.argument("use_case")
@json_option
@storage_options
def ratings_show(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show how far the rating queue of USE_CASE has come, and how far its raters agree."""

    async def work(services: Services) -> RatingQueueState:
        return await services.rating_queue.state(use_case)

    state = with_services(data, database_url, work)
    if as_json:
        print_json(state)
        return
    click.echo(
        f"{state.complete} of {state.put_up} calls have all their ratings; {state.ratings} ratings, {state.skipped} passed on"
    )
    found = state.agreement
    rows = [("weighted kappa", _words(found.kappa)), ("ordinal alpha", _words(found.alpha))] if found else []
    print_table(("agreement", "value and 95 % interval"), rows, empty="no call of this version has ratings of two people yet")


@ratings.command("rotate-link-secret")
@click.option("--revoke", is_flag=True, help="End all links that are out, too.")
@storage_options
def rotate_link_secret(revoke: bool, data: Path | None, database_url: str | None) -> None:
    """Sign rating links with a new secret from now on. Links that are out work until they expire, unless they are revoked."""

    async def work(services: Services) -> int:
        return await services.rating_links.rotate(actor=actor(), revoke=revoke)

    gone = with_services(data, database_url, work)
    click.echo(f"links are signed with a new secret; {gone} earlier ones are forgotten")


def _words(figure: Agreement) -> str:
    if figure.estimate is None:
        return "all ratings are the same"
    interval = "" if figure.lower is None or figure.upper is None else f" ({figure.lower:.2f} to {figure.upper:.2f})"
    return f"{figure.estimate:.2f}{interval}"
