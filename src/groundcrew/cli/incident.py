"""`incident`: open one, tell what happens, close it with a cause."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.incident import CAUSES

if TYPE_CHECKING:
    from groundcrew.domain.incident import Incident, IncidentAction
    from groundcrew.services.bundle import Services
    from groundcrew.services.incidents import IncidentView


@click.group()
def incident() -> None:
    """Open incidents, tell what happens, and close them with a cause."""


@incident.command("open")
@click.argument("title")
@click.option("--severity", required=True, type=click.IntRange(1, 4), help="1 is the worst, and stops the use cases at once.")
@click.option(
    "--use-case", "use_cases", required=True, multiple=True, help="Which use case it concerns; may be given several times."
)
@click.option("--text", default="", help="What was seen.")
@click.option("--link", "references", multiple=True, help="What it is about, as KIND/ID such as call/ID or alert/ID.")
@as_option
@json_option
@storage_options
def incident_open(**given: Any) -> None:
    """Open an incident."""

    async def work(services: Services) -> Incident:
        return await services.incidents.open(
            title=given["title"],
            severity=given["severity"],
            use_cases=given["use_cases"],
            text=given["text"],
            references=given["references"],
            actor=await person(services, given["as_name"]),
        )

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    stopped = f"; {', '.join(found.use_cases)} answers no calls and passes no gate until it is closed" if found.stops else ""
    click.echo(f"incident {found.id} of severity {found.severity} is open{stopped}")


@incident.command("list")
@click.option("--all", "every", is_flag=True, help="Closed ones as well.")
@click.option("--use-case", help="Of one use case only.")
@json_option
@storage_options
def incident_list(every: bool, use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the incidents that are not closed, the newest first."""

    async def work(services: Services) -> list[Incident]:
        found = await services.incidents.find(use_case=use_case)
        return [each for each in found if every or each.state != "closed"]

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "severity", "state", "use cases", "opened", "title"),
        [
            (
                each.id,
                each.severity,
                each.state + (", to be reviewed" if each.closing else ""),
                ", ".join(each.use_cases),
                f"{each.opened_at:%Y-%m-%d %H:%M UTC}",
                each.title,
            )
            for each in found
        ],
        empty="no incident is open",
    )


@incident.command("show")
@click.argument("incident_id")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file instead.")
@json_option
@storage_options
def incident_show(incident_id: str, output: Path | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show INCIDENT_ID with its timeline and actions, as Markdown."""

    async def work(services: Services) -> tuple[IncidentView, str]:
        from groundcrew.services.incident_report import report_of

        view = await services.incidents.get(incident_id)
        return view, report_of(view, services.database.clock.now())

    view, text = with_services(data, database_url, work)
    if as_json:
        print_json(view)
    elif output is not None:
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}")
    else:
        click.echo(text, nl=False)


@incident.command("note")
@click.argument("incident_id")
@click.argument("text", default="")
@click.option("--decision", is_flag=True, help="It is what was decided.")
@click.option("--link", "reference", help="Point at something, as KIND/ID.")
@click.option("--mitigated", is_flag=True, help="The harm has stopped; the text says how.")
@click.option(
    "--severity", type=click.IntRange(1, 4), help="Change the severity; the text says why. From 1 down it takes two people."
)
@click.option("--use-case", metavar="NAME", help="One more use case is concerned; the text says why. Under severity 1 it stops.")
@as_option
@storage_options
def incident_note(**given: Any) -> None:
    """Append to the timeline of INCIDENT_ID.

    A note, a decision, a link, that it is mitigated, another severity, or one more use case."""

    async def work(services: Services) -> str:
        name, text, incidents = given["incident_id"], given["text"], services.incidents
        who = await person(services, given["as_name"])
        if given["mitigated"]:
            found = await incidents.mitigate(name, text, actor=who)
            return f"incident {found.id} is mitigated"
        if given["severity"] is not None:
            found = await incidents.set_severity(name, given["severity"], actor=who, reason=text)
            if found.severity == given["severity"]:
                return f"incident {found.id} has severity {found.severity}"
            return f"severity {given['severity']} is asked for: a second person says so with the same command (see --as)"
        if given["use_case"]:
            found = await incidents.add_use_case(name, given["use_case"], actor=who, reason=text)
            return f"incident {found.id} concerns {', '.join(found.use_cases)}"
        if given["reference"]:
            return "linked" if await incidents.link(name, given["reference"], actor=who, text=text) else "was linked already"
        await incidents.note(name, text, actor=who, decision=given["decision"])
        return "appended"

    click.echo(with_services(given["data"], given["database_url"], work))


@incident.command("action")
@click.argument("incident_id")
@click.argument("title", default="")
@click.option("--owner", default="", help="Who does it.")
@click.option("--due", type=click.DateTime(("%Y-%m-%d",)), help="By which day, as YYYY-MM-DD.")
@click.option("--done", "done", metavar="ID", help="Finish the action with this id; the text says what came of it.")
@as_option
@storage_options
def incident_action(**given: Any) -> None:
    """Add an action to INCIDENT_ID, with --owner and --due; or finish one with --done."""
    from groundcrew.errors import InputError

    if not given["done"] and not (given["owner"] and given["due"]):
        raise InputError("an action has one owner and one day: give --owner and --due", field="owner")

    async def work(services: Services) -> IncidentAction:
        who = await person(services, given["as_name"])
        if given["done"]:
            return await services.incidents.finish_action(given["done"], given["title"], actor=who)
        return await services.incidents.add_action(
            given["incident_id"], given["title"], owner=given["owner"], due=given["due"].date(), actor=who
        )

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"action {found.id}: {found.title} ({found.owner}, by {found.due}), {found.state}")


@incident.command("close")
@click.argument("incident_id")
@click.option("--category", type=click.Choice(CAUSES), help="What kind of cause it had.")
@click.option("--cause", default="", help="Why it happened.")
@click.option("--review", type=click.Choice(("accept", "refuse")), help="Review what somebody else wants closed instead.")
@click.option("--comment", default="", help="What the review found.")
@as_option
@storage_options
def incident_close(**given: Any) -> None:
    """Close the mitigated INCIDENT_ID with its cause; one that was of severity 1 or 2 is then reviewed by somebody else."""
    from groundcrew.errors import InputError

    if not given["review"] and not given["category"]:
        raise InputError("say what kind of cause it had", field="category")

    async def work(services: Services) -> Incident:
        who = await person(services, given["as_name"])
        if given["review"]:
            return await services.incidents.review(
                given["incident_id"], accept=given["review"] == "accept", comment=given["comment"], actor=who
            )
        return await services.incidents.close(given["incident_id"], given["category"], given["cause"], actor=who)

    found = with_services(given["data"], given["database_url"], work)
    if found.state == "closed":
        click.echo(f"incident {found.id} is closed: {found.category}")
    elif found.closing is not None:
        click.echo(f"somebody else reviews it: groundcrew incident close {found.id} --review accept --comment … --as NAME")
    else:
        click.echo(f"incident {found.id} goes back: it is {found.state}")
