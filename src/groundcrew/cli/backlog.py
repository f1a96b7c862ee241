"""`backlog`: explorations from the idea to what was learned, and searching all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.exploration import LEARNED, Box, Draft

if TYPE_CHECKING:
    from groundcrew.domain.exploration import Exploration, ExplorationState
    from groundcrew.services.backlog import ExplorationNow, Similar
    from groundcrew.services.bundle import Services


@click.group()
def backlog() -> None:
    """Hypotheses that are worth a few days, each in a box, and what was learned."""


@backlog.command("add")
@click.argument("title")
@click.option("--hypothesis", required=True, help="For whom will what change by how much, because of what.")
@click.option("--why", required=True, help="Why it is worth a try.")
@click.option("--unit", required=True, help="The business unit.")
@click.option("--owner", required=True, help="Who answers for it: an e-mail address.")
@click.option("--days", required=True, type=int, help="Days from its start.")
@click.option("--tokens", type=int, help="Tokens at most; takes --use-case.")
@click.option("--usd", type=float, help="USD at most; takes --use-case.")
@click.option("--use-case", help="The use case in discovery that it calls with.")
@click.option("--key", "key_id", help="The key of that use case (its id); it expires with the box.")
@click.option("--tag", "tags", multiple=True, help="May be given several times.")
@as_option
@json_option
@storage_options
def backlog_add(**given: Any) -> None:
    """Put an idea into the backlog; earlier explorations like it are named."""

    async def work(services: Services) -> tuple[Exploration, list[Similar]]:
        similar = await services.backlog.similar(f"{given['title']}. {given['hypothesis']}")
        made = await services.backlog.add(
            title=given["title"],
            hypothesis=given["hypothesis"],
            why=given["why"],
            business_unit=given["unit"],
            owner=given["owner"],
            box=Box(days=given["days"], tokens=given["tokens"], usd=given["usd"]),
            use_case=given["use_case"],
            key_id=given["key_id"],
            tags=given["tags"],
            actor=await person(services, given["as_name"]),
        )
        return made, similar

    made, similar = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json({"exploration": made, "similar": similar})
        return
    click.echo(f"exploration {made.id} is in the backlog")
    for each in similar:
        click.echo(
            f"much like it: {each.exploration.title} ({each.exploration.outcome or each.exploration.state}, "
            f"likeness {each.similarity:.2f}), {each.exploration.id}"
        )


@backlog.command("list")
@click.option("--state", type=click.Choice(("idea", "running", "finished")), help="In this state only.")
@click.option("--unit", help="Of this business unit only.")
@json_option
@storage_options
def backlog_list(
    state: ExplorationState | None, unit: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """List explorations, the newest first."""

    async def work(services: Services) -> list[ExplorationNow]:
        return await services.backlog.find(state=state, business_unit=unit)

    _print(with_services(data, database_url, work), as_json, "nothing is in the backlog yet")


@backlog.command("search")
@click.argument("words")
@json_option
@storage_options
def backlog_search(words: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Search title, hypothesis, what was learned and tags for WORDS; case and accents do not matter."""

    async def work(services: Services) -> list[ExplorationNow]:
        return await services.backlog.find(query=words)

    _print(with_services(data, database_url, work), as_json, "nothing like that was explored yet")


@backlog.command("start")
@click.argument("exploration_id")
@as_option
@storage_options
def backlog_start(**given: Any) -> None:
    """Start EXPLORATION_ID: its days count from now."""

    async def work(services: Services) -> Exploration:
        return await services.backlog.start(given["exploration_id"], actor=await person(services, given["as_name"]))

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"started; the last day of its box is {found.ends_on}")


@backlog.command("extend")
@click.argument("exploration_id")
@click.option("--days", type=int, default=0, help="More days.")
@click.option("--tokens", type=int, help="More tokens.")
@click.option("--usd", type=float, help="More USD.")
@click.option("--reason", required=True, help="Why; it is kept in the audit log.")
@as_option
@storage_options
def backlog_extend(**given: Any) -> None:
    """Widen the box of EXPLORATION_ID; by somebody else than its owner, under their account (--as)."""

    async def work(services: Services) -> Exploration:
        more = Box(days=given["days"], tokens=given["tokens"], usd=given["usd"])
        who = await person(services, given["as_name"])
        return await services.backlog.extend(given["exploration_id"], more, reason=given["reason"], actor=who)

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"the last day of its box is {found.ends_on}")


@backlog.command("finish")
@click.argument("exploration_id")
@click.option("--outcome", required=True, type=click.Choice(LEARNED), help="What came of it.")
@click.option("--learned", required=True, help="What was learned, in words that the next one understands.")
@as_option
@storage_options
def backlog_finish(**given: Any) -> None:
    """Finish EXPLORATION_ID, or drop it while it is an idea."""

    async def work(services: Services) -> Exploration:
        who = await person(services, given["as_name"])
        return await services.backlog.finish(given["exploration_id"], given["outcome"], given["learned"], actor=who)

    found = with_services(given["data"], given["database_url"], work)
    click.echo(f"exploration {found.id} is finished: {found.outcome}")


@backlog.command("become")
@click.argument("exploration_id")
@click.argument("name")
@click.option("--model", required=True, help="The model that it calls.")
@click.option("--affected-persons", required=True, help="Whom it concerns.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the draft to this file instead.")
@as_option
@storage_options
def backlog_become(**given: Any) -> None:
    """Print the draft declaration of the use case NAME that EXPLORATION_ID becomes."""

    async def work(services: Services) -> str:
        draft = Draft(name=given["name"], model=given["model"], affected_persons=given["affected_persons"])
        who = await person(services, given["as_name"])
        _, text = await services.backlog.become(given["exploration_id"], draft, actor=who)
        return text

    text = with_services(given["data"], given["database_url"], work)
    if given["output"] is not None:
        given["output"].write_text(text, encoding="utf-8")
        click.echo(f"wrote {given['output']}")
    else:
        click.echo(text, nl=False)


def _print(found: list[ExplorationNow], as_json: bool, empty: str) -> None:
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "state", "unit", "title", "box", "learned"),
        [
            (
                view.exploration.id,
                view.exploration.outcome or ("box used up" if view.used_up else view.exploration.state),
                view.exploration.business_unit,
                view.exploration.title,
                _box(view),
                " ".join(view.exploration.learned.split())[:80] or "–",
            )
            for view in found
        ],
        empty=empty,
    )


def _box(view: ExplorationNow) -> str:
    limits, use = view.exploration.limits, view.use
    parts = [f"{use.days} of {limits.days} days"]
    if limits.tokens is not None:
        parts.append(f"{use.tokens or 0:,} of {limits.tokens:,} tokens")
    if limits.usd is not None:
        parts.append(f"{use.usd or 0:,.2f} of {limits.usd:,.2f} USD")
    return ", ".join(parts)
