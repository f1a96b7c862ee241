"""`risk`, `controls` and `technical-file`: which tier a use case has and why, and what its records bear of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.errors import AuditBroken, InputError

if TYPE_CHECKING:
    from groundcrew.domain.risk import RiskAnswer, RiskLowering
    from groundcrew.domain.technical_file import TechnicalFile
    from groundcrew.domain.use_case import Answer
    from groundcrew.services.bundle import Services
    from groundcrew.services.controls import FrameworkCoverage
    from groundcrew.services.risks import RiskView

_MARKS = {
    "covered": "● computed",
    "attested": "◉ attested",
    "partly": "◐ partly",
    "not_covered": "○ none",
    "not_applicable": "– n. a.",
}


@click.group()
def risk() -> None:
    """Show the risk tier with its reasons, answer the questionnaire, lower a tier with legal and ethics."""


@risk.command("questions")
@json_option
def risk_questions(as_json: bool) -> None:
    """Print the questionnaire: its questions, what a yes brings, the rule behind each and from when it applies."""
    from groundcrew.domain.questionnaire import questionnaire

    known = questionnaire()
    if as_json:
        print_json(known)
        return
    click.secho(f"{known.title}, version {known.version} of {known.published_on}, checked on {known.checked_on}", bold=True)
    for section in known.sections:
        click.secho(f"\n{section.title} ({section.basis}): {section.key}", bold=True)
        for each in known.questions:
            if each.section != section.key:
                continue
            click.echo(f"  {each.key}: {each.question}")
            when = "; ".join(f"{one.starts} {one.status}" for one in known.dates[each.dates])
            click.secho(f"    yes: {each.implies} ({each.basis}; {when})", dim=True)
    click.echo(f"\n{known.note}")


@risk.command("show")
@click.argument("use_case")
@json_option
@storage_options
def risk_show(use_case: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show the tier of USE_CASE, why, and what is still to be answered. Exits 1 while the assessment is due."""

    async def work(services: Services) -> RiskView:
        return await services.risks.view(use_case)

    view = with_services(data, database_url, work)
    if as_json:
        print_json(view)
    else:
        _print_risk(view)
    if view.due:
        raise click.exceptions.Exit(1)


def _print_risk(view: RiskView) -> None:
    from groundcrew.domain.risk import WHAT_FOLLOWS

    click.secho(f"{view.use_case}: {view.assessment.tier}", bold=True)
    for reason in view.assessment.reasons:
        click.echo(f"  because {reason}")
    click.echo(f"  what follows: {WHAT_FOLLOWS[view.assessment.tier]}")
    if view.lowering is not None:
        said = ", ".join(each.function for each in view.lowering.words)
        click.echo(f"  to become {view.lowering.to}: {said} says so, the other function has not spoken")
    for why in view.due:
        click.echo(f"  due: {why}")
    rows = [
        (each.question, each.answer or "not answered", each.by or ("declared" if each.declared is not None else ""), each.hint)
        for each in view.questions
        if each.answer != "no" or each.hint or each.due
    ]
    print_table(("question", "answer", "by", "hint in what is declared"), rows, empty="every question is answered with no")


@risk.command("answer")
@click.argument("use_case")
@click.argument("answers", nargs=-1, metavar="[QUESTION=yes|no|unknown]...")
@click.option("--none-of", "sections", multiple=True, help="A section: a no to every question of it that nobody has answered.")
@click.option("--reason", required=True, help="Why; kept with each answer.")
@as_option
@json_option
@storage_options
def risk_answer(**given: Any) -> None:
    """Answer questions about USE_CASE. A yes takes effect at once; a no never lowers the tier by itself."""

    async def work(services: Services) -> RiskView:
        name = given["use_case"]
        view = await services.risks.view(name)
        answers = _parsed(given["answers"], given["sections"], given["reason"], view)
        return await services.risks.answer(name, answers, actor=await person(services, given["as_name"]))

    view = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(view)
    else:
        _print_risk(view)


def _parsed(answers: Sequence[str], sections: Sequence[str], reason: str, view: RiskView) -> list[RiskAnswer]:
    from groundcrew.domain.questionnaire import questionnaire, questions_of, section_names
    from groundcrew.domain.risk import RiskAnswer

    said: dict[str, str] = {}
    for each in answers:
        question, equals, answer = each.partition("=")
        if not equals:
            raise InputError(f"expected QUESTION=yes, no or unknown, found {each!r}", field="answers")
        said[question] = answer
    known = {each.question: each.answer for each in view.questions}
    for section in sections:
        if section not in section_names():
            raise InputError(f"expected one of {', '.join(section_names())}, found {section!r}", field="none-of")
        for question in questions_of(section, questionnaire().version):
            if known[question] in (None, "unknown"):
                said.setdefault(question, "no")
    return [RiskAnswer(question=key, answer=cast("Answer", value), reason=reason) for key, value in said.items()]


@risk.command("lower")
@click.argument("use_case")
@click.option("--to", "tier", required=True, help="The lower tier.")
@click.option("--function", required=True, type=click.Choice(("legal", "ethics")), help="For which function you speak.")
@click.option("--reason", required=True, help="Why it may become lower; kept on the record.")
@as_option
@json_option
@storage_options
def risk_lower(**given: Any) -> None:
    """Say that the tier of USE_CASE may become lower. It does when legal and ethics have both said so, two people."""

    async def work(services: Services) -> RiskLowering:
        return await services.risks.lower(
            given["use_case"],
            given["tier"],
            function=given["function"],
            reason=given["reason"],
            actor=await person(services, given["as_name"]),
        )

    made = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(made)
    elif made.state == "done":
        click.echo(f"{made.use_case} is {made.to} now, was {made.before}: legal and ethics agree")
    else:
        other = "ethics" if given["function"] == "legal" else "legal"
        click.echo(f"{given['function']} has spoken: {made.use_case} becomes {made.to} when {other} says so too")


@click.command()
@click.argument("use_case", required=False)
@click.option("--framework", help="One framework alone, by its key.")
@click.option("--missing", is_flag=True, help="Only controls whose evidence is not complete.")
@json_option
@storage_options
def controls(**given: Any) -> None:
    """Show what the records of USE_CASE bear of each control; without one, list the frameworks. Evidence, not conformity."""
    from groundcrew.domain.framework import frameworks

    if given["use_case"] is None:
        if given["as_json"]:
            print_json(frameworks())
            return
        rows = [
            (each.key, each.edition, each.status, len(each.controls), each.version, each.checked_on, each.superseded_by)
            for each in frameworks()
        ]
        columns = ("framework", "edition", "status", "controls", "mapping", "checked on", "superseded by")
        print_table(columns, rows, empty="no framework ships")
        return

    async def work(services: Services) -> list[FrameworkCoverage]:
        return await services.controls.of(given["use_case"], given["framework"])

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    for coverage in found:
        _print_coverage(coverage, missing=given["missing"])


def _print_coverage(coverage: FrameworkCoverage, *, missing: bool) -> None:
    head = f"{coverage.framework.title} ({coverage.framework.key}): evidence for all of {coverage.evidenced} of"
    click.secho(f"{head} {coverage.applicable} controls that apply", bold=True)
    for each in coverage.controls:
        if missing and each.state in ("covered", "attested", "not_applicable"):
            continue
        click.echo(f"  {_MARKS[each.state]:<11} {each.control.id}: {each.control.title}")
        if each.why:
            click.secho(f"              {each.why}", dim=True)
        for bearing in each.bearings:
            click.secho(f"              {'✓' if bearing.met else '✗'} {bearing.kind}: {bearing.figure}", dim=bearing.met)
            if bearing.missing:
                click.echo(f"                → {bearing.missing}")


@click.command()
@click.argument("use_case", required=False)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file that ends in .html, .md, .pdf or .json.")
@click.option("--file", "files", is_flag=True, help="Keep it as filed, with --reason, before it is written.")
@click.option("--reason", default="", help="Why it is filed.")
@click.option("--filing", help="The id of a filing: write what was filed then.")
@click.option("--filings", "lists", is_flag=True, help="List what was filed of USE_CASE.")
@click.option("--verify", type=click.Path(path_type=Path, dir_okay=False), help="Check a file written as .json, offline.")
@as_option
@json_option
@storage_options
def technical_file(**given: Any) -> None:
    """Write the technical file of USE_CASE: each statement computed, declared, attested or missing.

    With --verify it needs no data: the hash of the file is computed again, and the command exits 1 if it differs.
    """
    if given["verify"] is not None:
        _verify(given["verify"])
        return
    if given["use_case"] is None:
        raise InputError("name a use case, or a file with --verify", field="use_case")
    if given["lists"]:
        _list_filings(given)
        return
    from groundcrew.services.technical_file_pages import FORMATS, render, summary_of

    output: Path | None = given["output"]
    form = output.suffix.removeprefix(".").lower() if output is not None else ""
    if form not in FORMATS:
        raise InputError("--output ends in .html, .md, .pdf or .json", field="output")

    async def work(services: Services) -> TechnicalFile:
        name = given["use_case"]
        if given["filing"]:
            filing = await services.technical_files.filing(given["filing"])
            if filing.use_case != name:
                raise InputError(f"filing {filing.id} is of {filing.use_case}", field="filing")
            return filing.file
        if given["files"]:
            who = await person(services, given["as_name"])
            return (await services.technical_files.file(name, actor=who, reason=given["reason"])).file
        return await services.technical_files.of(name)

    found = with_services(given["data"], given["database_url"], work)
    assert output is not None
    output.write_bytes(render(found, form))
    if given["as_json"]:
        print_json({"output": str(output), "sha256": found.sha256, "version_digest": found.version_digest})
    else:
        click.echo(f"{output}: {summary_of(found)}; sha256 {found.sha256}")


def _list_filings(given: dict[str, Any]) -> None:
    async def work(services: Services) -> list[Any]:
        return list(await services.technical_files.filings(given["use_case"]))

    found = with_services(given["data"], given["database_url"], work)
    if given["as_json"]:
        print_json(found)
        return
    rows = [(each.id, f"{each.filed_at:%Y-%m-%d %H:%M UTC}", each.filed_by, each.sha256[:16], each.reason) for each in found]
    print_table(("filing", "filed", "by", "sha256", "why"), rows, empty="nothing was filed yet")


def _verify(path: Path) -> None:
    from groundcrew.services.technical_files import file_problems, read_file

    found = read_file(path.read_bytes(), str(path))
    problems = file_problems(found)
    if problems:
        raise AuditBroken(f"{path}: {'; '.join(problems)}")
    click.echo(
        f"{path}: verifies. {found.use_case}, version {found.version_digest[:12]}, made {found.made_at:%Y-%m-%d %H:%M} UTC"
    )
