"""Data sets, tuning runs and tuned models. People ask for runs; a program may, but says nothing of what a data set may hold."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.data_class import DataClass
from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.tuning import DataSet, Lineage, RunnerName, RunStep, RunView, TunedModel, TuningRun
from groundcrew.services.data_sets import DataSetDetails, uploaded_folder
from groundcrew.services.job_files import NAME_LENGTH_MAX as PATH_LENGTH_MAX
from groundcrew.services.tuning_runs import SEED_MAX
from groundcrew.web.api.common import (
    PAGE_ROWS_DEFAULT,
    REASON_LENGTH_MAX,
    ApiRequest,
    PageSize,
    Reason,
    principal_of,
    services_of,
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
#: NAME or NAME@REVISION.
SetName = Annotated[str, msgspec.Meta(min_length=1, max_length=2 * NAME_LENGTH_MAX + 1)]


class DataSetIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which folder below DATA/files is registered, and the most sensitive that any of its records may be. A lower class than
    before needs its reason."""

    folder: Annotated[str, msgspec.Meta(min_length=1, max_length=PATH_LENGTH_MAX)]
    data_class: DataClass
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class RunIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be made from what, and how. `architecture` is for the runner local, `provider` for openai."""

    model: Name
    data_set: SetName
    runner: RunnerName = "local"
    architecture: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""
    provider: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)] = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=SEED_MAX)] = 0
    settings: dict[str, Any] = {}


class CancelRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a run is cancelled."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/data-sets", action="read", tags=["tuning"], summary="List the data sets")
async def list_data_sets(request: ApiRequest) -> dict[str, list[DataSet]]:
    """The registered revisions, the newest first."""
    return {"data_sets": await services_of(request).data_sets.find()}


@get("/data-sets/{name:str}", action="read", tags=["tuning"], summary="One data set")
async def get_data_set(request: ApiRequest, name: FromPath[str]) -> DataSetDetails:
    """The newest revision of NAME, or that of NAME@REVISION, with its funnel and its card."""
    return await services_of(request).data_sets.details(name)


@post("/data-sets", action="register_data_set", tags=["tuning"], summary="Register a data set")
async def register_data_set(request: ApiRequest, data: JSONBody[DataSetIn]) -> DataSet:
    """Register a curated folder that lies below DATA/files; its files are copied. A revision is registered once."""
    services = services_of(request)
    folder = uploaded_folder(services.jobs.folder, data.folder)
    return await services.data_sets.register(
        folder, data_class=data.data_class, actor=principal_of(request).actor, reason=data.reason
    )


@post("/data-sets/{name:str}/remove", action="remove_learned", status_code=200, tags=["tuning"], summary="Remove a copy")
async def remove_data_set(request: ApiRequest, name: FromPath[str], data: JSONBody[Reason]) -> DataSet:
    """Remove the records of NAME@REVISION for good; what was learned from them keeps its lineage."""
    return await services_of(request).data_sets.remove(name, reason=data.reason, actor=principal_of(request).actor)


@get("/tuning-runs", action="read", tags=["tuning"], summary="List the runs")
async def list_runs(
    request: ApiRequest, model: FromQuery[str | None] = None, limit: PageSize = PAGE_ROWS_DEFAULT
) -> dict[str, list[RunView]]:
    """The newest runs first, of one model where given."""
    return {"tuning_runs": await services_of(request).tuning_runs.find(model=model, limit=limit)}


@post("/tuning-runs", action="tune", status_code=202, tags=["tuning"], summary="Ask for a run")
async def start_run(request: ApiRequest, data: JSONBody[RunIn]) -> TuningRun:
    """Ask for a new version of a model. 403 where the records may not go to the provider."""
    return await services_of(request).tuning_runs.start(
        data.model,
        data.data_set,
        actor=principal_of(request).actor,
        runner=data.runner,
        architecture=data.architecture,
        provider=data.provider,
        seed=data.seed,
        settings=data.settings,
    )


@get("/tuning-runs/{run_id:str}", action="read", tags=["tuning"], summary="One run")
async def get_run(request: ApiRequest, run_id: FromPath[str]) -> RunView:
    """One run with how far it has come."""
    return await services_of(request).tuning_runs.get(run_id)


@get("/tuning-runs/{run_id:str}/steps", action="read", tags=["tuning"], summary="Figures of a run's steps")
async def get_steps(request: ApiRequest, run_id: FromPath[str]) -> dict[str, list[RunStep]]:
    """The figures on the validation examples, step by step."""
    return {"steps": await services_of(request).tuning_runs.steps(run_id)}


@post("/tuning-runs/{run_id:str}/cancel", action="tune", status_code=200, tags=["tuning"], summary="Cancel a run")
async def cancel_run(request: ApiRequest, run_id: FromPath[str], data: JSONBody[CancelRun]) -> RunView:
    """Stop a run: at once while it waits, within seconds while it runs."""
    return await services_of(request).tuning_runs.cancel(run_id, actor=principal_of(request).actor, reason=data.reason)


@get("/tuned-models", action="read", tags=["tuning"], summary="List the tuned models")
async def list_tuned(request: ApiRequest, name: FromQuery[str | None] = None) -> dict[str, list[TunedModel]]:
    """The registered versions, the newest of each model first."""
    return {"tuned_models": await services_of(request).tuned_models.find(name=name)}


@get("/tuned-models/{model:str}", action="read", tags=["tuning"], summary="One version with its lineage")
async def get_lineage(request: ApiRequest, model: FromPath[str]) -> Lineage:
    """Where NAME@VERSION (or the newest of NAME) comes from and what rests on it."""
    return await services_of(request).tuned_models.lineage(model)


@post(
    "/tuned-models/{model:str}/retire", action="retire_tuned_model", status_code=200, tags=["tuning"], summary="Retire a version"
)
async def retire(request: ApiRequest, model: FromPath[str], data: JSONBody[Reason]) -> TunedModel:
    """Withdraw NAME@VERSION: gateways do not answer with it any more."""
    return await services_of(request).tuned_models.retire(model, reason=data.reason, actor=principal_of(request).actor)


@post("/tuned-models/{model:str}/remove", action="remove_learned", status_code=200, tags=["tuning"], summary="Remove files")
async def remove_model(request: ApiRequest, model: FromPath[str], data: JSONBody[Reason]) -> TunedModel:
    """Remove the files of NAME@VERSION, which is retired, for good; its lineage stays."""
    return await services_of(request).tuned_models.remove(model, reason=data.reason, actor=principal_of(request).actor)


HANDLERS = [
    list_data_sets,
    get_data_set,
    register_data_set,
    remove_data_set,
    list_runs,
    start_run,
    get_run,
    get_steps,
    cancel_run,
    list_tuned,
    get_lineage,
    retire,
    remove_model,
]
