"""How the tuned models stand that answer for a use case: which versions they are, and what data each has learned from."""

from __future__ import annotations

import msgspec

from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.tuning import DataSet, TunedModel
from groundcrew.services.lookups import tuned_model
from groundcrew.store import catalog, tuning
from groundcrew.store.database import Connection


class TunedStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One tuned model that may answer. `target` is how the alias names it; `model` is None where nobody registered it, `data_set`
    where what it learned from is not registered."""

    target: str
    model: TunedModel | None
    data_set: DataSet | None


async def tuned_standings(
    connection: Connection, alias: Model | None, providers: tuple[Provider, ...]
) -> tuple[TunedStanding, ...]:
    """The tuned models among those that may answer: all of providers with the api ``tuned``, and registered ones that a remote
    provider keeps. Nothing is known of models that were tuned elsewhere and never registered."""
    if alias is None:
        return ()
    apis = {each.name: each.api for each in providers}
    found = []
    for provider, name in sorted(alias.answering):
        if apis.get(provider) == "tuned":
            model = await tuned_model(connection, name)
        else:
            model = await _kept_elsewhere(connection, provider, name)
            if model is None:
                continue
        data_set = (
            await tuning.DATA_SETS.get(connection, f"{model.data_set}@{model.data_revision}") if model is not None else None
        )
        found.append(TunedStanding(target=name, model=model, data_set=data_set))
    return tuple(found)


async def answers_with(connection: Connection, alias: Model, model: TunedModel) -> bool:
    """Whether `alias` may answer with this version of a tuned model."""
    for name, target in sorted(alias.answering):
        provider = await catalog.PROVIDERS.get(connection, name)
        if provider is not None and provider.api == "tuned" and target == model.id:
            return True
        if model.reference and (name, target) == (model.provider, model.reference):
            return True
    return False


async def _kept_elsewhere(connection: Connection, provider: str, name: str) -> TunedModel | None:
    for each in await tuning.TUNED_MODELS.find(connection):
        if each.reference and (each.provider, each.reference) == (provider, name):
            return each
    return None
