"""`tune`: runs that make a model from a data set, and the versions that they made, with where each comes from."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.cli.tune_evaluation import tune_evaluate, tune_suggest
from groundcrew.domain.tuning import RUNNERS
from groundcrew.errors import GroundcrewError, InputError

if TYPE_CHECKING:
    from groundcrew.domain.job import Job
    from groundcrew.domain.tuning import Lineage, RunnerName, RunStep, RunView, TunedModel
    from groundcrew.services.bundle import Services

#: How often `tune watch` looks.
LOOK_S = 1.0
STEPS_SHOWN = 20
SETTINGS_FILE_BYTES_MAX = 256 * 1024
ENDED = ("done", "failed", "cancelled")


@click.group()
def tune() -> None:
    """Tune models on registered data sets; see runs, versions and where each comes from."""


tune.add_command(tune_evaluate)
tune.add_command(tune_suggest)


@tune.command("start")
@click.argument("model")
@click.argument("data_set", metavar="DATA_SET[@REVISION]")
@click.option("--runner", type=click.Choice(RUNNERS), default="local", show_default=True, help="Who does the run.")
@click.option("--architecture", default="", help="What learns, for the runner local.")
@click.option("--provider", default="", help="The declared provider, for the runner openai.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What every random draw follows from.")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="A setting; the value is JSON, or text.")
@click.option("--settings", "file", type=click.Path(path_type=Path, dir_okay=False), help="A YAML file with settings.")
@click.option("--job", "as_job", is_flag=True, help="Leave the run to the server; do not wait.")
@as_option
@json_option
@storage_options
def tune_start(
    model: str,
    data_set: str,
    runner: RunnerName,
    architecture: str,
    provider: str,
    seed: int,
    pairs: tuple[str, ...],
    file: Path | None,
    as_job: bool,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Make a new version of MODEL from a registered data set.

    The run is a durable job: one that is killed goes on from its last checkpoint, and ends with the same model."""
    from groundcrew.cli.jobs import do_here

    settings = {**(_file(file) if file is not None else {}), **dict(_pair(each) for each in pairs)}

    async def submit(services: Services) -> Job:
        run = await services.tuning_runs.start(
            model,
            data_set,
            actor=await person(services, as_name),
            runner=runner,
            architecture=architecture,
            provider=provider,
            seed=seed,
            settings=settings,
        )
        return (await services.jobs.get(run.job)).job

    view = do_here(data, database_url, "tuning", submit, quiet=as_json, only_submit=as_job)
    run_id = view.job.arguments["run"]
    found = with_services(data, database_url, lambda services: services.tuning_runs.get(run_id))
    if as_json:
        print_json(found)
    elif as_job:
        click.echo(f"run {run_id} waits: groundcrew tune watch {run_id}")
    else:
        click.secho(f"{model}@{found.run.model_version} is registered", bold=True)
        print_figures(found.run.metrics)


@tune.command("list")
@click.option("--model", help="Runs of this model only.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many, newest first.")
@json_option
@storage_options
def tune_list(model: str | None, limit: int, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the newest runs."""
    found = with_services(data, database_url, lambda services: services.tuning_runs.find(model=model, limit=limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.run.id,
            each.run.model,
            f"{each.run.runner}/{each.run.architecture}" if each.run.runner == "local" else each.run.runner,
            f"{each.run.data_set}@{each.run.data_revision[:12]}",
            each.phase,
            _progress(each),
            each.run.asked_by,
        )
        for each in found
    ]
    print_table(("run", "model", "runner", "data set", "state", "steps", "asked by"), rows, empty="no runs")


@tune.command("show")
@click.argument("run_id", metavar="RUN")
@json_option
@storage_options
def tune_show(run_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show RUN: its settings, its figures step by step, what became of it. Exits 1 if it failed."""

    async def work(services: Services) -> tuple[RunView, list[RunStep]]:
        return await services.tuning_runs.get(run_id), await services.tuning_runs.steps(run_id)

    view, steps = with_services(data, database_url, work)
    if as_json:
        print_json({"run": view, "steps": steps})
    else:
        _print(view, steps)
    if view.phase == "failed":
        raise click.exceptions.Exit(1)


@tune.command("watch")
@click.argument("run_id", metavar="RUN")
@storage_options
def tune_watch(run_id: str, data: Path | None, database_url: str | None) -> None:
    """Watch RUN until it has ended, one line a step. Exits 1 if it failed or was cancelled."""
    told = 0
    while True:

        async def work(services: Services) -> tuple[RunView, list[RunStep]]:
            return await services.tuning_runs.get(run_id), await services.tuning_runs.steps(run_id)

        view, steps = with_services(data, database_url, work)
        for each in steps[told:]:
            click.echo(_line(each))
        told = max(told, len(steps))
        if view.phase in ENDED:
            break
        time.sleep(LOOK_S)
    if view.phase != "done":
        raise GroundcrewError(f"run {run_id} {view.phase}: {view.error}")
    click.secho(f"{view.run.model}@{view.run.model_version} is registered", bold=True)
    print_figures(view.run.metrics)


@tune.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Why; kept in the audit log.")
@as_option
@storage_options
def tune_cancel(run_id: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Cancel RUN: at once while it waits, within seconds while it runs. A provider's job is cancelled there as well."""

    async def work(services: Services) -> RunView:
        return await services.tuning_runs.cancel(run_id, actor=await person(services, as_name), reason=reason)

    click.echo(f"run {run_id} is {with_services(data, database_url, work).phase}")


@tune.command("models")
@click.option("--name", help="Versions of this model only.")
@json_option
@storage_options
def tune_models(name: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List the registered versions of tuned models."""
    found = with_services(data, database_url, lambda services: services.tuned_models.find(name=name))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            "removed" if each.removed_at is not None else each.state,
            each.architecture,
            each.digest[:12],
            f"{each.data_set}@{each.data_revision[:12]}",
            "" if each.removed_at is not None else each.folder or f"{each.provider}/{each.reference}",
        )
        for each in found
    ]
    print_table(("model", "state", "architecture", "digest", "learned from", "where"), rows, empty="no tuned models")


@tune.command("lineage")
@click.argument("model", metavar="MODEL[@VERSION]")
@json_option
@storage_options
def tune_lineage(model: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show where a version comes from and what rests on it: data → run → weights → evaluations → gates."""
    found = with_services(data, database_url, lambda services: services.tuned_models.lineage(model))
    if as_json:
        print_json(found)
    else:
        _print_lineage(found)


@tune.command("retire")
@click.argument("model", metavar="MODEL@VERSION")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def tune_retire(model: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Withdraw a version: gateways do not answer with it any more. Its files and its lineage stay."""

    async def work(services: Services) -> TunedModel:
        return await services.tuned_models.retire(model, reason=reason, actor=await person(services, as_name))

    click.echo(f"{with_services(data, database_url, work).id} is retired")


@tune.command("remove")
@click.argument("model", metavar="MODEL@VERSION")
@click.option("--reason", required=True, help="Why; kept in the audit log.")
@as_option
@storage_options
def tune_remove(model: str, reason: str, as_name: str | None, data: Path | None, database_url: str | None) -> None:
    """Remove the files of a retired version for good. Its lineage stays."""

    async def work(services: Services) -> TunedModel:
        return await services.tuned_models.remove(model, reason=reason, actor=await person(services, as_name))

    click.echo(f"the files of {with_services(data, database_url, work).id} are removed")


def _pair(text: str) -> tuple[str, Any]:
    import msgspec

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"{text!r} is no setting: use KEY=VALUE", field="set")
    try:
        return key, msgspec.json.decode(value.encode())
    except (msgspec.DecodeError, UnicodeError):
        return key, value


def _file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        if path.stat().st_size > SETTINGS_FILE_BYTES_MAX:
            raise InputError(f"more than {SETTINGS_FILE_BYTES_MAX:,} bytes", file=str(path))
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError("not valid YAML", file=str(path), line=mark.line + 1 if mark else None) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can not be read: {getattr(error, 'strerror', None) or 'not UTF-8'}", file=str(path)) from None
    if not isinstance(found, dict):
        raise InputError("expected settings by name", file=str(path))
    return {str(key): value for key, value in found.items()}


def _progress(view: RunView) -> str:
    of = "" if view.progress.total is None else f" of {view.progress.total}"
    return f"{view.progress.done}{of}"


def print_figures(metrics: dict[str, float]) -> None:
    """A line for each figure, with its interval where it has one (`NAME_low` and `NAME_high`)."""
    for key in sorted(metrics):
        low, high = metrics.get(f"{key}_low"), metrics.get(f"{key}_high")
        if key.endswith(("_low", "_high")) and key.rpartition("_")[0] in metrics:
            continue
        interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
        value = metrics[key]
        click.echo(f"  {key} " + (f"{value:,.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.3f}") + interval)


def _line(step: RunStep) -> str:
    of = f" of {step.total}" if step.total else ""
    figures = "  ".join(f"{key} {value:.4f}" for key, value in sorted(step.metrics.items()))
    return f"step {step.step}{of}  {figures}{step.message}"


def _print(view: RunView, steps: list[RunStep]) -> None:
    run = view.run
    click.secho(f"{run.model} from {run.data_set}@{run.data_revision[:12]}: {view.phase}", bold=True)
    click.echo(f"  asked by {run.asked_by} at {run.asked_at:%Y-%m-%d %H:%M:%S} UTC, job {run.job}")
    click.echo(
        f"  {run.runner}{'/' + run.architecture if run.runner == 'local' else ''}, seed {run.seed}, steps {_progress(view)}"
    )
    for key, value in sorted(run.settings.items()):
        click.echo(f"  {key}: {str(value)[:200]}")
    if view.error:
        click.echo(f"  {view.error}")
    for each in steps[-STEPS_SHOWN:]:
        click.echo(f"  {_line(each)}")
    if run.model_version is not None:
        best = "" if run.best_step is None else f", the best step was {run.best_step}"
        click.echo(f"  made {run.model}@{run.model_version}{best}")


def _print_lineage(found: Lineage) -> None:
    model, run, data_set = found.model, found.run, found.data_set
    if data_set is None:
        click.echo(f"data      {model.data_set}@{model.data_revision} (not registered here)")
    else:
        click.echo(f"data      {data_set.name}@{data_set.revision}  {data_set.records:,} records, may hold {data_set.data_class}")
    click.echo("run       " + (f"{run.id}  {run.runner}, seed {run.seed}, by {run.asked_by}" if run else "not known"))
    click.secho(f"weights   {model.id} {model.state}  {model.digest}", bold=True)
    for each in found.evaluations:
        click.echo(f"evidence  {each.use_case}  {each.kind} {each.state}  {each.sha256[:12]}")
        for name in [name for name in sorted(each.figures) if not name.endswith(("_low", "_high"))]:
            low, high = each.figures.get(f"{name}_low"), each.figures.get(f"{name}_high")
            interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
            click.echo(f"          {name} {each.figures[name]:.3f}{interval}")
    if not found.evaluations:
        click.echo("evidence  none yet")
    for use in found.uses:
        gate = (
            "no gate evaluated yet"
            if use.gate_passed is None
            else f"gate into {use.gate} {'passed' if use.gate_passed else 'not passed'}"
        )
        click.echo(f"use case  {use.use_case} ({use.stage}) by alias {use.alias}: {gate}")
    if not found.uses:
        click.echo("use case  none")
