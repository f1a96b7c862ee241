"""How the tuned models stand that answer for a use case: which versions they are, and what data each has learned from."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from groundcrew.domain.provider import Model
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


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """What may answer for a use case: tuned models, and generating targets (``PROVIDER MODEL``) of which nobody has registered
    that they were tuned."""

    tuned: tuple[TunedStanding, ...] = ()
    others: tuple[str, ...] = ()


async def answering(connection: Connection, aliases: Iterable[Model]) -> Answering:
    """What may answer behind any of `aliases`: a use case's own, and those of its experiment's arms."""
    aims = sorted({each for alias in aliases for each in alias.answering})
    known = {name: await catalog.PROVIDERS.get(connection, name) for name in {provider for provider, _ in aims}}
    providers = tuple(each for each in known.values() if each is not None)
    apis = {each.name: each.api for each in providers}
    found: list[TunedStanding] = []
    others = []
    for provider, name in aims:
        standing = await _standing(connection, provider, name, embedded=apis.get(provider) == "tuned")
        if standing is not None:
            found.append(standing)
        elif apis.get(provider) != "extractive":
            others.append(f"{provider} {name}")
    return Answering(tuned=tuple(found), others=tuple(others))


async def _standing(connection: Connection, provider: str, name: str, *, embedded: bool) -> TunedStanding | None:
    """How a target stands: one of a provider with the api ``tuned``, or a registered model that a remote provider keeps; None
    for any other."""
    model = await tuned_model(connection, name) if embedded else await _kept_elsewhere(connection, provider, name)
    if model is None:
        return TunedStanding(target=name, model=None, data_set=None) if embedded else None
    data_set = await tuning.DATA_SETS.get(connection, f"{model.data_set}@{model.data_revision}")
    return TunedStanding(target=name, model=model, data_set=data_set)


async def alias_notes(connection: Connection, alias: Model) -> tuple[str, ...]:
    """What to know about the tuned models that `alias` names: that one is not registered, or was retired, and answers no call.
    It is no error, since a declaration may come before the model that it is for."""
    found = []
    for target in (*alias.targets, *alias.alternates):
        provider = await catalog.PROVIDERS.get(connection, target.provider)
        if provider is None or provider.api != "tuned":
            continue
        model = await tuned_model(connection, target.model)
        if model is None:
            found.append(f"no tuned model {target.model!r} is registered: calls to it fail (`groundcrew tune models` lists them)")
        elif model.state == "retired":
            found.append(f"{model.id} was retired: calls to it fail")
        elif not model.folder:
            found.append(f"{model.id} is kept by {model.provider}: name that provider, not {target.provider}")
    return tuple(dict.fromkeys(found))


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
