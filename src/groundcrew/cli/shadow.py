"""`shadow`: how the shadow targets of a use case compare with what answers its calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundcrew.cli.common import json_option, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.metrics.shadow_comparison import ShadowTarget
    from groundcrew.services.bundle import Services
    from groundcrew.services.shadows import ShadowComparison
    from groundcrew.stats.intervals import Interval


@click.command()
@click.argument("use_case")
@json_option
@storage_options
def shadow(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Compare the shadow targets of USE_CASE with what answered the same calls, over its current version."""

    async def work(services: Services) -> ShadowComparison:
        return await services.shadows.compare(use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    if not found.targets:
        click.echo(
            f"{use_case} has no shadow copies in this version: give its model a target with `role: shadow` and a `share_percent`"
        )
        return
    if found.truncated:
        click.echo(f"the newest {found.pairs_max} copies are compared; there are more")
    if found.unpaired:
        click.echo(f"{found.unpaired} copies wait for the record of their call")
    for target in found.targets:
        _print(target)


def _print(target: ShadowTarget) -> None:
    click.secho(f"{target.provider} / {target.model}: {target.pairs} pairs", bold=True)
    main, other = target.main, target.shadow
    print_table(
        ("", "main", "shadow", "shadow − main"),
        [
            ("answered", main.answered, other.answered, f"{other.answered - main.answered:+d}"),
            ("failed", main.failed, other.failed, f"{other.failed - main.failed:+d}"),
            ("grounded", _figure(main.grounded, 3), _figure(other.grounded, 3), ""),
            ("trust", _figure(main.trust, 3), _figure(other.trust, 3), _figure(target.trust_difference, 3)),
            ("cost USD", _figure(main.cost_usd, 6), _figure(other.cost_usd, 6), _figure(target.cost_usd_difference, 6)),
            ("latency ms", _figure(main.latency_ms, 0), _figure(other.latency_ms, 0), _figure(target.latency_ms_difference, 0)),
        ],
        empty="",
    )
    if target.similarity is not None:
        click.echo(f"meaning: cosine {_figure(target.similarity, 3)}")
    total = sum(target.disagreement_counts.values())
    if not total:
        click.echo("no disagreement")
        return
    kinds = ", ".join(f"{kind.replace('_', ' ')} {number}" for kind, number in target.disagreement_counts.items() if number)
    click.echo(f"{total} disagreements ({kinds}); the first {len(target.disagreements)}:")
    print_table(
        ("kind", "call", "shadow copy", "trust", "shadow's trust", "cosine"),
        [
            (
                each.kind.replace("_", " "),
                each.call_id,
                each.shadow_call_id,
                _number(each.main_trust),
                _number(each.shadow_trust),
                _number(each.similarity),
            )
            for each in target.disagreements
        ],
        empty="",
    )


def _figure(interval: Interval, digits: int) -> str:
    """Estimate, bounds and number of values; – where unknown."""
    if interval.estimate is None:
        return "–"
    ends = (
        "–" if interval.lower is None or interval.upper is None else f"{interval.lower:.{digits}f}, {interval.upper:.{digits}f}"
    )
    return f"{interval.estimate:.{digits}f} [{ends}] n={interval.n}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
