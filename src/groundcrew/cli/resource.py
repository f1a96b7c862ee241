"""`resource`: how much there is of what, ask for it, give it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.domain.resource import Resource, ResourceRequest
    from groundcrew.services.bundle import Services
    from groundcrew.services.resources import ResourceNow


@click.group()
def resource() -> None:
    """People's days, tokens and money: what there is, who asks for it and who has it. What is given is decided in a meeting."""


@resource.command("list")
@click.option("--requests", is_flag=True, help="List the requests instead, the newest first.")
@click.option("--state", help="Of requests: requested, allocated, denied or released only.")
@click.option("--use-case", help="Of requests: of one use case only.")
@json_option
@storage_options
def resource_list(**given: Any) -> None:
    """List resources with capacity, allocations and what is free of the coming periods."""
    if given["requests"] or given["state"] or given["use_case"]:
        _list_requests(given)
        return

    async def work(services: Services) -> list[ResourceNow]:
        return await services.resources.find()

    from groundcrew.domain.resource import shown_amount

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    print_table(
        ("resource", "period", "capacity", "allocated", "used", "free", "asked for"),
        [
            (
                each.resource.name,
                now.period,
                "not declared" if now.capacity is None else shown_amount(each.resource.measure, now.capacity),
                shown_amount(each.resource.measure, now.allocated),
                shown_amount(each.resource.measure, now.used),
                "–" if now.free is None else shown_amount(each.resource.measure, now.free),
                shown_amount(each.resource.measure, now.asked),
            )
            for each in found
            for now in each.periods
        ],
        empty="no resource is declared: apply a document with kind: Resource",
    )


def _list_requests(given: dict[str, Any]) -> None:
    from typing import get_args

    from groundcrew.domain.resource import RequestState, shown_amount

    state = given["state"]
    if state is not None and state not in get_args(RequestState):
        raise InputError(f"expected one of {', '.join(get_args(RequestState))}, found {state!r}", field="state")

    async def work(services: Services) -> list[ResourceRequest]:
        return await services.resources.requests(state=state, use_case=given["use_case"])

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    print_table(
        ("id", "state", "use case", "resource", "amount", "periods", "needed by"),
        [
            (
                each.id,
                "partly allocated" if each.partial else each.state,
                each.use_case,
                each.resource,
                shown_amount(each.measure, each.amount),
                ", ".join(each.periods),
                each.needed_by or "–",
            )
            for each in found
        ],
        empty="nobody asks for anything",
    )


@resource.command("capacity")
@click.argument("name")
@click.argument("amount", type=float)
@click.option("--period", help="In this period, as YYYY-MM or YYYY-Q1; every one without its own if left out.")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@as_option
@storage_options
def resource_capacity(**given: Any) -> None:
    """Say that there is AMOUNT of the resource NAME in a period: days, tokens or USD."""

    async def work(services: Services) -> Resource:
        return await services.resources.set_capacity(
            given["name"],
            given["amount"],
            period=given["period"],
            reason=given["reason"],
            actor=await person(services, given["as_name"]),
        )

    from groundcrew.domain.resource import shown_amount

    found = with_services(given["data"], given["database_url"], work)
    when = f"in {given['period']}" if given["period"] else f"in every {found.period} without its own"
    click.echo(f"{found.name}: {shown_amount(found.measure, given['amount'])} {when}")


@resource.command("request")
@click.argument("name")
@click.argument("amount", type=float)
@click.option("--use-case", required=True, help="The use case that needs it.")
@click.option("--purpose", required=True, help="What for, and what waits without it.")
@click.option(
    "--period",
    "periods",
    multiple=True,
    help="In which period, this one if left out; may be given several times, AMOUNT in each.",
)
@click.option("--needed-by", type=click.DateTime(("%Y-%m-%d",)), help="By which day, as YYYY-MM-DD.")
@as_option
@json_option
@storage_options
def resource_request(**given: Any) -> None:
    """Ask for AMOUNT of the resource NAME; it goes on the agenda of the next meeting."""

    async def work(services: Services) -> ResourceRequest:
        needed_by = given["needed_by"]
        return await services.resources.request(
            resource=given["name"],
            use_case=given["use_case"],
            amount=given["amount"],
            periods=given["periods"],
            purpose=given["purpose"],
            needed_by=needed_by.date() if needed_by is not None else None,
            actor=await person(services, given["as_name"]),
        )

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    click.echo(f"request {found.id} waits for a decision in the next meeting")


@resource.command("release")
@click.argument("request_id")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@click.option(
    "--used",
    multiple=True,
    metavar="PERIOD=AMOUNT",
    help="What was used of a period. Of people's days it is asked for; tokens are recorded.",
)
@as_option
@json_option
@storage_options
def resource_release(**given: Any) -> None:
    """Give back what REQUEST_ID has not used, or withdraw it while it waits."""
    used = dict(_used(each) for each in given["used"])

    async def work(services: Services) -> ResourceRequest:
        return await services.resources.release(
            given["request_id"], reason=given["reason"], used=used, actor=await person(services, given["as_name"])
        )

    from groundcrew.domain.resource import shown_amount

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    parts = [f"{shown_amount(found.measure, each.amount)} of {each.period} ({each.source})" for each in found.used]
    click.echo(f"released; used: {', '.join(parts) if parts else 'nothing'}")


def _used(text: str) -> tuple[str, float]:
    period, _, amount = text.partition("=")
    try:
        return period.strip(), float(amount)
    except ValueError:
        raise InputError(f"expected PERIOD=AMOUNT, such as 2026-11=4.5, found {text!r}", field="used") from None
