"""`veto` and `authority`: object, look at what lifts an objection, take it back; who may approve and veto, and who stands in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.authority import AuthorityRequest, Deputies
    from groundcrew.domain.veto import LiftCondition, Veto
    from groundcrew.services.authorities import AuthorityNow
    from groundcrew.services.bundle import Services
    from groundcrew.services.vetoes import VetoView

FUNCTIONS = ("ethics", "it", "legal", "business")
NEEDS = ("delay", "resources", "funding", "remediation", "redesign")
SIDES = ("at_least", "at_most")
STAGES = ("pilot", "production_readiness", "scale", "optimization")
#: Kind of a condition → its fields, in the order in which they are written after the kind; those in brackets may be left out.
CONDITIONS = {
    "resource_allocated": ("request", "[amount_min]"),
    "evidence_valid": ("evidence", "[subject]"),
    "criterion_passes": ("stage", "key"),
    "action_done": ("action",),
    "incident_closed": ("incident",),
    "version_changed": (),
    "date_reached": ("at",),
    "metric_bound": ("metric", "side", "value"),
    "approval_given": ("function", "stage"),
}
_HOW = "one of " + ", ".join(":".join((kind, *fields)) for kind, fields in CONDITIONS.items())


@click.group()
def veto() -> None:
    """File a veto, look at what lifts it, and take it back. No rank clears one."""


@veto.command("file")
@click.argument("use_case")
@click.option("--function", required=True, type=click.Choice(FUNCTIONS), help="Which function you speak for.")
@click.option("--ground", required=True, help="What you object to, in one line.")
@click.option("--explanation", required=True, help="Why, so that whoever was not there understands it.")
@click.option("--need", required=True, type=click.Choice(NEEDS), help="What it needs.")
@click.option(
    "--lift",
    "lifts",
    required=True,
    multiple=True,
    metavar="CONDITION",
    help=f"What lifts it, looked up in the records; may be given several times, and all must be met: {_HOW}. "
    "Instead of a request's id, resource=NAME or measure=people_days|tokens|usd with an amount.",
)
@click.option("--gate", type=click.Choice(STAGES), help="The gate that it speaks about.  [default: all of them]")
@click.option("--request", "requests", multiple=True, help="The resource request that a need of resources or funding is about.")
@click.option("--review", type=click.DateTime(("%Y-%m-%d",)), help="Look at it again by this day.  [default: in 14 days]")
@click.option("--stop-calls", metavar="WHY", help="Calls stop as well, from pilot on, and why they must.")
@as_option
@json_option
@storage_options
def veto_file(**given: Any) -> None:
    """File a veto against USE_CASE, under an account that speaks for the function (--as NAME)."""
    conditions = tuple(_condition(each, f"lift[{number}]") for number, each in enumerate(given["lifts"]))

    async def work(services: Services) -> Veto:
        from groundcrew.services.vetoes import NewVeto

        review: datetime | None = given["review"]
        new = NewVeto(
            use_case=given["use_case"],
            function=given["function"],
            ground=given["ground"],
            explanation=given["explanation"],
            need=given["need"],
            conditions=conditions,
            stage=given["gate"],
            requests=given["requests"],
            review_at=review.replace(hour=23, minute=59, tzinfo=UTC) if review else None,
            stops_calls=given["stop_calls"] is not None,
            stop_reason=given["stop_calls"] or "",
        )
        return await services.vetoes.file(new, actor=await person(services, given["as_name"]))

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    stopped = ", and answers no calls" if found.stops_calls else ""
    click.echo(
        f"veto {found.id} is active: {found.use_case} passes no gate{stopped}; to be reviewed by {found.review_at:%Y-%m-%d}"
    )


@veto.command("list")
@click.option("--all", "every", is_flag=True, help="Those that are over as well.")
@click.option("--use-case", help="Of one use case only.")
@json_option
@storage_options
def veto_list(every: bool, use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the active vetoes, and what each waits for."""

    async def work(services: Services) -> tuple[list[Veto], list[VetoView]]:
        ended = [each for each in await services.vetoes.find(use_case=use_case) if not each.active] if every else []
        return ended, await services.vetoes.views(use_case=use_case)

    ended, active = with_services(data, database_url, work)
    if as_json:
        print_json([*active, *ended])
        return
    rows = [
        (
            each.veto.id,
            each.veto.use_case,
            each.veto.function,
            each.veto.ground,
            "conditions met" if each.ready else "; ".join(each.waits_for),
            f"{each.veto.review_at:%Y-%m-%d}" + (" (due)" if each.due else ""),
        )
        for each in active
    ]
    rows += [(each.id, each.use_case, each.function, each.ground, each.state, "–") for each in ended]
    print_table(("id", "use case", "function", "ground", "waits for", "review"), rows, empty="no veto is active")


@veto.command("show")
@click.argument("veto_id")
@json_option
@storage_options
def veto_show(veto_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show VETO_ID with its conditions as they stand now, and its history."""

    async def work(services: Services) -> VetoView:
        return await services.vetoes.get(veto_id)

    _print(with_services(data, database_url, work), as_json)


@veto.command("check")
@click.argument("veto_id")
@as_option
@json_option
@storage_options
def veto_check(veto_id: str, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Look at the conditions of VETO_ID again and note what has changed; exits 1 while one is not met. It lifts nothing."""

    async def work(services: Services) -> VetoView:
        return await services.vetoes.check(veto_id, actor=await person(services, as_name))

    found = with_services(data, database_url, work)
    _print(found, as_json)
    if found.veto.active and not found.ready:
        raise click.exceptions.Exit(1)


@veto.command("withdraw")
@click.argument("veto_id")
@click.option("--reason", required=True, help="Why; kept in the record.")
@click.option("--satisfied", is_flag=True, help="What was asked for has come: only while every condition is met.")
@as_option
@storage_options
def veto_withdraw(
    veto_id: str, reason: str, satisfied: bool, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Take VETO_ID back: who filed it, or the function's deputy once it has passed on (--as NAME)."""

    async def work(services: Services) -> Veto:
        who = await person(services, as_name)
        end = services.vetoes.satisfy if satisfied else services.vetoes.withdraw
        return await end(veto_id, reason, actor=who)

    found = with_services(data, database_url, work)
    click.echo(f"veto {found.id} is {found.state}")


@click.group()
def authority() -> None:
    """Who may approve and veto besides the holders of a function, and who stands in for them."""


@authority.command("list")
@click.option("--all", "every", is_flag=True, help="Those that have ended or were revoked as well.")
@json_option
@storage_options
def authority_list(every: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the authorities that hold now, what waits for the Stream, and the deputies of each function."""

    async def work(services: Services) -> tuple[list[AuthorityNow], list[AuthorityRequest], list[Deputies]]:
        deputies = (await services.authorities.deputies()).values()
        return await services.authorities.find(live=not every), await services.authorities.requests(), [*deputies]

    found, requests, deputies = with_services(data, database_url, work)
    if as_json:
        print_json({"authorities": found, "requests": requests, "deputies": deputies})
        return
    rows = [
        (
            each.authority.id,
            each.authority.person,
            " and ".join(each.authority.rights),
            each.authority.function,
            str(each.authority.scope),
            f"{each.authority.until:%Y-%m-%d}",
            each.state,
        )
        for each in found
    ]
    rows += [
        (
            each.id,
            each.person,
            " and ".join(each.rights),
            each.function,
            str(each.scope),
            f"{each.days} days",
            "waits for the Stream",
        )
        for each in requests
    ]
    print_table(("id", "person", "may", "for", "where", "until", "state"), rows, empty="no authority was granted")
    for each in deputies:
        click.echo(f"{', '.join(each.people)} stand{_s(each.people)} in for {each.function}, named by {each.set_by}")


@authority.command("request")
@click.argument("account")
@click.option("--function", required=True, type=click.Choice(FUNCTIONS), help="The function that they would speak for.")
@click.option(
    "--right",
    "rights",
    required=True,
    multiple=True,
    type=click.Choice(("approve", "veto")),
    help="What they may do; again for both.",
)
@click.option("--scope", default="all", help="all, business_unit:NAME or use_case:NAME.", show_default=True)
@click.option("--days", default=180, show_default=True, type=click.IntRange(1, 366), help="For how long.")
@click.option("--reason", required=True, help="What they are expert in.")
@as_option
@storage_options
def authority_request(**given: Any) -> None:
    """Ask the Stream to let ACCOUNT approve or veto for a function. A meeting with its quorum grants it, or nobody does."""

    async def work(services: Services) -> AuthorityRequest:
        return await services.authorities.request(
            person=given["account"],
            function=given["function"],
            rights=given["rights"],
            scope=given["scope"],
            days=given["days"],
            reason=given["reason"],
            actor=await person(services, given["as_name"]),
        )

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"request {found.id} waits for the Stream: {found.person} to {' and '.join(found.rights)} for {found.function}")


@authority.command("deputies")
@click.argument("function", type=click.Choice(FUNCTIONS))
@click.argument("people", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they; kept in the audit log.")
@as_option
@storage_options
def authority_deputies(
    function: str, people: tuple[str, ...], reason: str, as_name: str | None, data: Path | None, database_url: str | None
) -> None:
    """Name the PEOPLE who stand in for FUNCTION, in turn, under an account that holds it (--as NAME)."""

    async def work(services: Services) -> Deputies:
        who = await person(services, as_name)
        return await services.authorities.name_deputies(function, people, reason=reason, actor=who)

    found = with_services(data, database_url, work)
    click.echo(f"{', '.join(found.people)} stand{_s(found.people)} in for {found.function}")


def _print(view: VetoView, as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    item = view.veto
    about = f"the gate into {item.stage.replace('_', ' ')}" if item.stage else "every gate"
    click.secho(f"{item.ground} ({item.state})", bold=True)
    click.echo(f"{item.function} ({item.filed_by}) vetoes {about} of {item.use_case} since {item.filed_at:%Y-%m-%d %H:%M UTC}")
    click.echo(item.explanation)
    click.echo(f"needs {item.need}; to be reviewed by {item.review_at:%Y-%m-%d}" + (" (due)" if view.due else ""))
    print_table(
        ("state", "what lifts it", "figure"),
        [(each.check.status.replace("_", " "), each.words, each.check.figure) for each in view.conditions],
        empty="",
    )
    if item.active:
        whose = ", ".join(view.holders) or "nobody at present: a deputy is to be named"
        click.echo("conditions met: its holder may withdraw it" if view.ready else "it holds until its conditions are met")
        click.echo(f"who may withdraw it: {whose}")
    else:
        click.echo(f"{item.state} by {item.settled_by}: {item.settled_reason}")
    for event in view.events:
        click.echo(f"  {event.at:%Y-%m-%d %H:%M UTC} {event.kind.replace('_', ' ')} by {event.by}: {event.text}")


def _condition(text: str, field: str) -> LiftCondition:
    """A condition as it is written on the command line; InputError."""
    import msgspec

    from groundcrew.domain.veto import LiftCondition as Condition
    from groundcrew.errors import InputError

    kind, _, rest = text.partition(":")
    if kind not in CONDITIONS:
        raise InputError(f"expected {_HOW}", field=field)
    names = CONDITIONS[kind]
    values = rest.split(":", max(len(names) - 1, 0)) if rest else []
    needed = [each for each in names if not each.startswith("[")]
    if not len(needed) <= len(values) <= len(names):
        raise InputError(f"expected {':'.join((kind, *names))}, found {text!r}", field=field)
    said: dict[str, Any] = {"kind": kind}
    for name, value in zip(names, values, strict=False):
        said[name.strip("[]")] = value
    if kind == "resource_allocated" and "=" in said["request"]:
        of, _, named = said.pop("request").partition("=")
        said[of] = named
    if kind == "date_reached" and len(said["at"]) == 10:
        said["at"] += "T00:00:00Z"
    for name, choices in (("function", FUNCTIONS), ("stage", STAGES), ("side", SIDES)):
        if said.get(name, choices[0]) not in choices:
            raise InputError(f"{name}: expected one of {', '.join(choices)}, found {said[name]!r}", field=field)
    try:
        found: LiftCondition = msgspec.convert(said, Condition, strict=False)
        return found
    except msgspec.ValidationError as error:
        for name, what in (("at", "a day or a time with its zone, as in 2027-01-31"), ("value", "a number")):
            if str(error).endswith(f"`$.{name}`"):
                raise InputError(f"{name}: expected {what}, found {said[name]!r}", field=field) from None
        raise InputError(str(error), field=field) from None


def _s(people: tuple[str, ...]) -> str:
    """The ending of a verb: one person stands in, several stand in."""
    return "s" if len(people) == 1 else ""
