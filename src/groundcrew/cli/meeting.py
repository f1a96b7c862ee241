"""`meeting` and `action`: when the Stream meets, what is on its agenda, its minutes, and what somebody has promised."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services

if TYPE_CHECKING:
    from groundcrew.domain.meeting import ActionItem, Cadence, StreamMeeting
    from groundcrew.services.agenda import MeetingView
    from groundcrew.services.bundle import Services
    from groundcrew.services.minutes import Verified


def _moment(_context: click.Context, _parameter: click.Parameter, value: str) -> datetime:
    """A time with its zone: without one, half of a team would come an hour late."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time such as 2026-12-01T14:00+01:00") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} does not say by whose clock: add Z, or hours as in 2026-12-01T14:00+01:00")
    return moment


@click.group()
def meeting() -> None:
    """Meetings of the GenAI Stream. MEETING is an id, or `next` for the open one or else the next one."""


@meeting.command("list")
@click.option("--all", "every", is_flag=True, help="Closed and cancelled ones as well.")
@json_option
@storage_options
def meeting_list(every: bool, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the meetings that are open or to come."""

    async def work(services: Services) -> list[StreamMeeting]:
        found = await services.meetings.find()
        return [each for each in found if every or each.state in ("scheduled", "open")]

    found = sorted(with_services(data, database_url, work), key=lambda each: (each.starts_at, each.id))
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "starts (UTC)", "ends", "state", "place", "minutes"),
        [
            (
                each.id,
                f"{each.starts_at:%Y-%m-%d %H:%M}",
                f"{each.ends_at:%H:%M}",
                each.state + (f": {each.reason}" if each.reason else ""),
                each.place,
                each.minutes_sha256[:12] if each.minutes_sha256 else "",
            )
            for each in found
        ],
        empty="no meeting is scheduled: say when the Stream meets with `groundcrew meeting cadence`; --all lists the past ones",
    )


@meeting.command("show")
@click.argument("meeting_id", metavar="MEETING")
@json_option
@storage_options
def meeting_show(meeting_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show who is in MEETING, whether there is a quorum, and what was decided."""
    view = with_services(data, database_url, lambda services: _view(services, meeting_id))
    if as_json:
        print_json(view)
        return
    held = view.meeting
    click.echo(f"meeting {held.id}, {held.starts_at:%Y-%m-%d %H:%M} to {held.ends_at:%H:%M} UTC: {held.state}")
    if held.state == "open":
        missing = ", ".join(view.missing)
        click.echo(
            "quorum: what is decided now binds"
            if view.quorum
            else f"no quorum: {missing} missing, nothing binding can be decided"
        )
        click.echo("here: " + (", ".join(f"{each.person} ({each.function or 'listens'})" for each in view.present) or "nobody"))
    for point in (*view.points, *view.deferred):
        for each in point.decisions:
            click.echo(f"{each.state}: {each.text} [{point.entry.title}]" + (f" ({each.reason})" if each.reason else ""))
    if held.minutes_sha256:
        click.echo(f"minutes sha256 {held.minutes_sha256}: groundcrew meeting minutes {held.id}")


@meeting.command("agenda")
@click.argument("meeting_id", metavar="MEETING", default="next")
@json_option
@storage_options
def meeting_agenda(meeting_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show the agenda of MEETING as it is now, what blocks most first."""
    view = with_services(data, database_url, lambda services: _view(services, meeting_id))
    if as_json:
        print_json(view.points)
        return
    print_table(
        ("", "kind", "point", "blocks", "due", "state", "why"),
        [
            (
                each.number,
                each.entry.kind.replace("_", " "),
                each.entry.title,
                each.entry.blocks or "",
                f"{each.entry.due:%Y-%m-%d}" if each.entry.due else "",
                each.state,
                each.entry.why,
            )
            for each in view.points
        ],
        empty="nothing wants the Stream's time",
    )


@meeting.command("cadence")
@click.option("--first-day", required=True, type=click.DateTime(("%Y-%m-%d",)), help="The first day; then every 14 days.")
@click.option("--at", required=True, help="The time of day, as HH:MM.")
@click.option("--time-zone", default="UTC", show_default=True, help="By whose clock, such as Europe/Zurich.")
@click.option("--length", "length_min", type=int, default=60, show_default=True, help="Minutes.")
@click.option("--place", default="", help="Where, or a link.")
@as_option
@storage_options
def meeting_cadence(**given: Any) -> None:
    """Say when the Stream meets; the next two meetings are scheduled and kept so."""

    async def work(services: Services) -> tuple[Cadence, list[StreamMeeting]]:
        cadence = await services.meetings.set_cadence(
            first_day=given["first_day"].date(),
            at=given["at"],
            time_zone=given["time_zone"],
            length_min=given["length_min"],
            place=given["place"],
            actor=await person(services, given["as_name"]),
        )
        return cadence, list((await services.meetings.now()).coming)

    cadence, coming = with_services(given["data"], given["database_url"], work)
    click.echo(f"every {cadence.every_days} days at {cadence.at} {cadence.time_zone}, {cadence.length_min} minutes")
    for each in coming:
        click.echo(f"{each.id}  {each.starts_at:%Y-%m-%d %H:%M} UTC")


@meeting.command("schedule")
@click.argument("starts_at", callback=_moment, metavar="TIME")
@click.option("--length", "length_min", type=int, default=60, show_default=True, help="Minutes.")
@click.option("--place", default="", help="Where, or a link.")
@as_option
@storage_options
def meeting_schedule(**given: Any) -> None:
    """Schedule a meeting besides the cadence, at TIME such as 2026-12-01T14:00+01:00."""

    async def work(services: Services) -> StreamMeeting:
        who = await person(services, given["as_name"])
        return await services.meetings.schedule(
            given["starts_at"], length_min=given["length_min"], place=given["place"], actor=who
        )

    made = with_services(given["data"], given["database_url"], work)
    click.echo(f"meeting {made.id} is scheduled for {made.starts_at:%Y-%m-%d %H:%M} UTC")


@meeting.command("move")
@click.argument("meeting_id", metavar="MEETING")
@click.argument("starts_at", callback=_moment, metavar="TIME")
@click.option("--reason", required=True, help="Why it moves.")
@as_option
@storage_options
def meeting_move(**given: Any) -> None:
    """Move MEETING to TIME; the cadence stays."""

    async def work(services: Services) -> StreamMeeting:
        who = await person(services, given["as_name"])
        name = await _named(services, given["meeting_id"])
        return await services.meetings.move(name, given["starts_at"], reason=given["reason"], actor=who)

    moved = with_services(given["data"], given["database_url"], work)
    click.echo(f"meeting {moved.id} is moved to {moved.starts_at:%Y-%m-%d %H:%M} UTC")


@meeting.command("cancel")
@click.argument("meeting_id", metavar="MEETING")
@click.option("--reason", required=True, help="Why it does not take place.")
@as_option
@storage_options
def meeting_cancel(**given: Any) -> None:
    """Cancel MEETING; its topics come to the next one, and the cadence stays."""

    async def work(services: Services) -> StreamMeeting:
        who = await person(services, given["as_name"])
        name = await _named(services, given["meeting_id"])
        return await services.meetings.cancel(name, reason=given["reason"], actor=who)

    click.echo(f"meeting {with_services(given['data'], given['database_url'], work).id} is cancelled")


@meeting.command("open")
@click.argument("meeting_id", metavar="MEETING", default="next")
@as_option
@storage_options
def meeting_open(meeting_id: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Open MEETING, under one's account (--as NAME)."""

    async def work(services: Services) -> StreamMeeting:
        who = await person(services, as_name)
        return await services.meetings.open(await _named(services, meeting_id), actor=who)

    click.echo(f"meeting {with_services(data, database_url, work).id} is open: people join it in the console")


@meeting.command("close")
@click.argument("meeting_id", metavar="MEETING", default="next")
@as_option
@storage_options
def meeting_close(meeting_id: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Close MEETING, under one's account (--as NAME): the minutes are drafted and hashed."""

    async def work(services: Services) -> StreamMeeting:
        who = await person(services, as_name)
        return await services.meetings.close(await _named(services, meeting_id), actor=who)

    closed = with_services(data, database_url, work)
    click.echo(f"meeting {closed.id} is closed; minutes sha256 {closed.minutes_sha256}")


@meeting.command("minutes")
@click.argument("meeting_id", metavar="MEETING")
@click.option(
    "--format", "form", type=click.Choice(("markdown", "json", "pdf")), default="markdown", show_default=True, help="As what."
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@storage_options
def meeting_minutes(meeting_id: str, form: str, output: Path | None, data: Path | None, database_url: str | None) -> None:
    """Print the minutes of the closed MEETING, or write them to a file."""
    from groundcrew.errors import InputError

    if form == "pdf" and output is None:
        raise InputError("a PDF is written to a file: give --output", field="output")

    async def work(services: Services) -> bytes:
        from groundcrew.services.minutes_pdf import pdf_of
        from groundcrew.services.minutes_text import markdown_of

        if form == "json":
            return await services.minutes.export(meeting_id)
        kept = await services.minutes.get(meeting_id)
        return pdf_of(kept) if form == "pdf" else markdown_of(kept).encode()

    content = with_services(data, database_url, work)
    if output is not None:
        output.write_bytes(content)
        click.echo(f"wrote {output}")
    else:
        click.echo(content.decode(), nl=form == "json")


@meeting.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--meeting", "meeting_id", help="Of which meeting it is, where the file does not say.")
@json_option
@storage_options
def meeting_verify(file: Path, meeting_id: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Say whether FILE (JSON or Markdown) is the minutes of a meeting as they were closed; exit status 1 where it is not."""
    from groundcrew.errors import InputError
    from groundcrew.services.minutes import FILE_BYTES_MAX

    if file.stat().st_size > FILE_BYTES_MAX:
        raise InputError(f"minutes have at most {FILE_BYTES_MAX} bytes", file=str(file))

    content = file.read_bytes()

    async def work(services: Services) -> Verified:
        return await services.minutes.verify(content, meeting_id=meeting_id)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
    else:
        click.echo(
            f"{'genuine' if found.genuine else 'NOT GENUINE'}: {found.reason} (meeting {found.meeting}, sha256 {found.sha256})"
        )
    if not found.genuine:
        raise click.exceptions.Exit(1)


@click.group()
def action() -> None:
    """What somebody has promised in the Stream or by hand: one owner, one day."""


@action.command("list")
@click.option("--owner", help="Of one account only.")
@click.option("--use-case", help="About one use case only.")
@click.option("--all", "every", is_flag=True, help="Those that are done as well.")
@json_option
@storage_options
def action_list(**given: Any) -> None:
    """List actions, those that are due first, first."""

    async def work(services: Services) -> tuple[list[ActionItem], frozenset[str]]:
        found = await services.stream_actions.find(
            state=None if given["every"] else "open", owner=given["owner"], use_case=given["use_case"]
        )
        return found, frozenset(each.id for each in await services.stream_actions.overdue())

    found, late = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    print_table(
        ("id", "action", "owner", "due", "state", "use case"),
        [
            (each.id, each.title, each.owner, each.due, "overdue" if each.id in late else each.state, each.use_case)
            for each in found
        ],
        empty="nothing is to be done",
    )


@action.command("add")
@click.argument("title")
@click.option("--owner", required=True, help="The account that does it.")
@click.option("--due", required=True, type=click.DateTime(("%Y-%m-%d",)), help="By which day, as YYYY-MM-DD.")
@click.option("--use-case", default="", help="What it is about.")
@as_option
@storage_options
def action_add(**given: Any) -> None:
    """Add an action by hand."""

    async def work(services: Services) -> ActionItem:
        return await services.stream_actions.add(
            given["title"],
            owner=given["owner"],
            due=given["due"].date(),
            use_case=given["use_case"],
            actor=await person(services, given["as_name"]),
        )

    made = with_services(given["data"], given["database_url"], work)
    click.echo(f"action {made.id}: {made.title} ({made.owner}, by {made.due})")


@action.command("done")
@click.argument("action_id", metavar="ACTION")
@click.argument("result")
@as_option
@storage_options
def action_done(action_id: str, result: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Say that ACTION is done, under its owner's account (--as NAME), and with RESULT what came of it."""

    async def work(services: Services) -> ActionItem:
        return await services.stream_actions.done(action_id, result, actor=await person(services, as_name))

    click.echo(f"action {with_services(data, database_url, work).id} is done")


async def _named(services: Services, meeting_id: str) -> str:
    """An id, with `next` for the open meeting or else the next one."""
    from groundcrew.errors import NotFound

    if meeting_id != "next":
        return meeting_id
    found = (await services.meetings.now()).next
    if found is None:
        raise NotFound("no meeting is scheduled: say when the Stream meets with `groundcrew meeting cadence`")
    return found.id


async def _view(services: Services, meeting_id: str) -> MeetingView:
    return await services.meetings.view(await _named(services, meeting_id))
