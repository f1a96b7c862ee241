"""`jobs`: durable work – what waits, what runs, what became of it – and a worker in a process of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.errors import GroundcrewError
from groundcrew.settings import load

if TYPE_CHECKING:
    from groundcrew.domain.job import Job, JobView
    from groundcrew.services.bundle import Services
    from groundcrew.stats.intervals import Interval

#: How often a command that does a job itself looks how far it has come.
LOOK_S = 0.5


@click.group()
def jobs() -> None:
    """List, show, cancel and work on durable jobs."""


@jobs.command("list")
@click.option("--kind", help="Jobs of this kind only.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many, newest first.")
@json_option
@storage_options
def jobs_list(kind: str | None, limit: int, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the newest jobs: what they are about, who asked, how far they have come."""

    async def work(services: Services) -> list[JobView]:
        return await services.jobs.list(kind=kind, limit=limit)

    found = with_services(data, database_url, work)
    if as_json:
        print_json(found)
        return
    rows = [(each.job.id, each.job.kind, each.job.subject, each.phase, progress_words(each), each.job.asked_by) for each in found]
    print_table(("job", "kind", "about", "state", "progress", "asked by"), rows, empty="no jobs")


@jobs.command("show")
@click.argument("job_id", metavar="JOB")
@json_option
@storage_options
def jobs_show(job_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show JOB: its progress, the rows that could not be done and why, and where its result lies. Exits 1 if it failed."""

    async def work(services: Services) -> tuple[JobView, Path]:
        return await services.jobs.get(job_id), services.jobs.folder

    view, folder = with_services(data, database_url, work)
    if as_json:
        print_json(view)
    else:
        _print(view, folder)
    if view.phase == "failed":
        raise click.exceptions.Exit(1)


@jobs.command("cancel")
@click.argument("job_id", metavar="JOB")
@click.option("--reason", default="", help="Why; kept in the audit log.")
@as_option
@storage_options
def jobs_cancel(job_id: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Cancel JOB: at once while it waits, at its next step while it runs. What is done stays done."""

    async def work(services: Services) -> JobView:
        return await services.jobs.cancel(job_id, actor=await person(services, as_name), reason=reason)

    view = with_services(data, database_url, work)
    click.echo(f"job {job_id} is {view.phase}")


@jobs.command("work")
@click.option("--drain", is_flag=True, help="End when no job waits any more.")
@storage_options
@click.pass_obj
def jobs_work(wiring: Any, drain: bool, data: Path | None, database_url: str | None) -> None:
    """Work on jobs in this process, so that a server (with GROUNDCREW_JOB_SLOTS=0) does not have to."""
    done = wiring.work(load(data=data, database_url=database_url), drain=drain)
    if drain:
        click.echo(f"{done} jobs done")


def progress_words(view: JobView) -> str:
    """``12 of 40, 1 failed``."""
    of = "" if view.progress.total is None else f" of {view.progress.total}"
    return f"{view.progress.done}{of}" + (f", {view.progress.failed} failed" if view.progress.failed else "")


def do_here(
    data: Path | None,
    database_url: str | None,
    label: str,
    submit: Callable[[Services], Awaitable[Job]],
    *,
    quiet: bool = False,
    only_submit: bool = False,
) -> JobView:
    """Submit a job and, unless `only_submit`, do it in this process under a progress bar; another worker may be faster.

    A command that is killed leaves a job that any worker goes on with. GroundcrewError with the job's reason where it fails.
    """

    async def work(services: Services) -> JobView:
        job = await submit(services)
        if not only_submit:
            await _do(services, job, label, quiet=quiet)
        return await services.jobs.get(job.id)

    view = with_services(data, database_url, work)
    if view.phase in ("failed", "cancelled"):
        raise GroundcrewError(f"job {view.job.id} {view.phase}: {view.job.error}")
    return view


async def _do(services: Services, job: Job, label: str, *, quiet: bool) -> None:
    import asyncio

    from groundcrew.cli.progress import progress_bar
    from groundcrew.services.job_runner import run

    lease_s = load().job_lease_s
    with progress_bar(label, quiet=quiet) as advance:
        task = await services.jobs.claim([job.kind], job_id=job.id, lease_s=lease_s)
        doing = asyncio.create_task(run(services, task, lease_s=lease_s)) if task is not None else None
        while True:
            if doing is not None:
                await asyncio.wait({doing}, timeout=LOOK_S)
            else:
                await asyncio.sleep(LOOK_S)
            # Looked at before the job is read: what ends while it is read has ended well, and the next look says so.
            ended = doing is not None and doing.done()
            view = await services.jobs.get(job.id)
            advance(view.progress.done, view.progress.total or 0)
            if view.job.state != "queued":
                return
            if doing is not None and ended:
                doing.result()
                raise GroundcrewError(f"job {job.id} goes on elsewhere: groundcrew jobs show {job.id}")


def print_rescoring(view: JobView) -> None:
    """What became of calls that were scored again."""
    import msgspec

    from groundcrew.metrics.rescoring import RescoringReport

    report = msgspec.convert(view.job.result["report"], RescoringReport)
    apart = f"; {report.samples} of sample data apart" if report.samples else ""
    click.echo(f"{report.n} answers scored again: {report.unchanged} as before{apart}")
    click.echo(f"{report.fell} fell below the threshold, {report.rose} rose to it or above")
    if view.job.result["passed_over"]:
        click.echo(f"{view.job.result['passed_over']} calls have no answer that was ever scored")
    if view.job.result.get("not_asked"):
        click.echo(
            f"the verifiers {', '.join(view.job.result['not_asked'])} were not asked: the new scores are the shipped stack's"
        )
    if report.auroc_before is not None and report.auroc_after is not None:
        figures = f"{_interval(report.auroc_before)} then, {_interval(report.auroc_after)} now"
        click.echo(f"AUROC on {report.labelled} answers that people judged: {figures}")
    else:
        click.echo(f"{report.labelled} of them were judged by people: too few, or all alike, to say which score tells more")
    rows = [
        (each.call_id, f"{each.before:.3f}", f"{each.after:.3f}", f"{each.after - each.before:+.3f}") for each in report.moves
    ]
    print_table(("call", "then", "now", "change"), rows, empty="no trust changed")


def print_rehearsal_of(job: Job) -> None:
    """What a rehearsal found."""
    import msgspec

    from groundcrew.cli.models import print_rehearsal
    from groundcrew.metrics.swap_report import RehearsalReport

    print_rehearsal(msgspec.convert(job.result["report"], RehearsalReport))


def _interval(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def _print(view: JobView, folder: Path) -> None:
    job = view.job
    click.secho(f"{job.kind} of {job.subject}: {view.phase}", bold=True)
    click.echo(f"  asked by {job.asked_by} at {job.asked_at:%Y-%m-%d %H:%M:%S} UTC, attempt {view.progress.attempts}")
    click.echo(f"  rows: {progress_words(view)}")
    if job.error:
        click.echo(f"  {job.error}")
    if job.kind == "rescore-calls" and job.state == "done":
        print_rescoring(view)
    if job.kind == "rehearse-alternate" and job.state == "done":
        print_rehearsal_of(job)
    if "file" in job.result:
        click.echo(f"  result: {folder / job.result['file']}")
    for each in view.progress.failures:
        click.echo(f"  {each.row}: {each.reason}")
    if view.progress.failed > len(view.progress.failures):
        click.echo(f"  and {view.progress.failed - len(view.progress.failures)} more")
