"""`alert`: what fires, the rules that raise it, seeing to an alert and silencing one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import (
    as_option,
    json_option,
    parse_duration,
    person,
    print_json,
    print_table,
    storage_options,
    with_services,
)

if TYPE_CHECKING:
    from groundcrew.domain.alert import Alert, AlertRule, Silence
    from groundcrew.services.alerts import RuleView
    from groundcrew.services.bundle import Services


@click.group()
def alert() -> None:
    """Show alerts and their rules, see to an alert, silence alerts for a while."""


@alert.command("rules")
@click.option("--metrics", is_flag=True, help="List what rules can be about instead.")
@json_option
@storage_options
def alert_rules(metrics: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the rules that ship and those that were declared (kind: AlertRule), and where each stands."""
    if metrics:
        _print_metrics(as_json)
        return

    async def work(services: Services) -> list[RuleView]:
        return await services.alerts.rules()

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("rule", "severity", "raised when", "scope", "told to", "stands"),
        [
            (
                each.rule.name + ("" if each.origin == "default" else " *"),
                each.rule.severity,
                words_of(each.rule),
                each.rule.scope,
                ", ".join(each.rule.channels) or "console only",
                "off" if not each.rule.enabled else ", ".join(sorted({track.phase for track in each.tracks})) or "ok",
            )
            for each in found
        ],
        empty="",
    )
    click.echo("* declared; the others ship, and a declared one of the same name takes their place")


@alert.command("list")
@click.option("--all", "every", is_flag=True, help="Those that are over as well, the newest 500.")
@click.option("--use-case", help="Of one use case only.")
@json_option
@storage_options
def alert_list(every: bool, use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the alerts that fire now. Exits 1 where one of severity 1 does."""

    async def work(services: Services) -> list[Alert]:
        return await services.alerts.find(state=None if every else "firing", use_case=use_case)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    else:
        print_table(
            ("id", "severity", "rule", "use case", "state", "since", "figure"),
            [
                (
                    each.id,
                    each.severity,
                    each.rule,
                    each.use_case or "–",
                    each.state + (f", {each.acknowledged_by} sees to it" if each.acknowledged_by else ""),
                    f"{each.since:%Y-%m-%d %H:%M UTC}",
                    each.figure.text or each.cause.replace("_", " "),
                )
                for each in sorted(found, key=lambda each: (each.state != "firing", each.severity))
            ],
            empty="nothing fires",
        )
    if any(each.state == "firing" and each.severity == 1 for each in found):
        raise click.exceptions.Exit(1)


@alert.command("ack")
@click.argument("alert_id")
@click.option("--reason", required=True, help="Kept in the audit log.")
@click.option("--for", "lasting", default="1h", show_default=True, help="For how long it is not told again, such as 30m or 4h.")
@as_option
@storage_options
def alert_ack(alert_id: str, reason: str, lasting: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Say that you see to ALERT_ID: it is not told again for a while."""
    seconds = int(parse_duration(lasting, "for").total_seconds())

    async def work(services: Services) -> Alert:
        who = await person(services, as_name)
        return await services.alerts.acknowledge(alert_id, actor=who, reason=reason, for_s=seconds)

    found = with_services(data, database_url, work)
    click.echo(f"{found.rule}: {found.acknowledged_by} sees to it until {found.acknowledged_until:%Y-%m-%d %H:%M} UTC")


@alert.command("silence")
@click.option("--rule", default="", help="Of one rule only.")
@click.option("--use-case", default="", help="Of one use case only.")
@click.option("--for", "lasting", help="For how long, such as 2h: 7d at most, 4h where a rule of severity 1 is covered.")
@click.option("--reason", default="", help="Kept in the audit log.")
@click.option("--end", "ended", metavar="ID", help="End the silence with this id instead.")
@as_option
@json_option
@storage_options
def alert_silence(**given: Any) -> None:
    """Send nothing of some alerts for a while; they are raised and shown all the same. Without options: list what is silenced."""
    lasting, ended, as_name = given["lasting"], given["ended"], given["as_name"]

    async def work(services: Services) -> list[Silence]:
        if ended:
            return [await services.alerts.end_silence(ended, actor=await person(services, as_name))]
        if not lasting:
            return await services.alerts.silences()
        seconds = int(parse_duration(lasting, "for").total_seconds())
        made = await services.alerts.silence(
            actor=await person(services, as_name),
            reason=given["reason"],
            for_s=seconds,
            rule=given["rule"],
            use_case=given["use_case"],
        )
        return [made]

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    print_table(
        ("id", "rule", "use case", "until", "by", "reason"),
        [
            (
                each.id,
                each.rule or "every rule",
                each.use_case or "every use case",
                "ended" if each.ended_at else f"{each.until:%Y-%m-%d %H:%M UTC}",
                each.by,
                each.reason,
            )
            for each in found
        ],
        empty="nothing is silenced",
    )


def words_of(rule: AlertRule) -> str:
    """What a rule looks for, as one line."""
    bound = {"credibly_above": "credibly >", "credibly_below": "credibly <", "estimate_above": ">", "estimate_below": "<"}[
        rule.when
    ]
    clear = "" if rule.clear is None else f", clear at {rule.clear:g}"
    return f"{rule.metric} {bound} {rule.threshold:g}{clear}"


def _print_metrics(as_json: bool) -> None:
    from groundcrew.services.alert_metrics import metrics

    found = [each for _, each in sorted(metrics().items())]
    if as_json:
        print_json([{"name": each.name, "unit": each.unit, "subject": each.subject, "meaning": each.meaning} for each in found])
        return
    print_table(
        ("metric", "unit", "of", "meaning"),
        [(each.name, each.unit, each.subject.replace("_", " "), each.meaning) for each in found],
        empty="",
    )
    click.echo("Any figure of `groundcrew metrics USE_CASE` can be named as well.")
