"""What the scopes of kill switches stand for in the registry: which use cases one covers, and whether there is such a thing."""

from __future__ import annotations

from groundcrew.domain.kill_switch import Scope, stops_whole
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.errors import NotFound
from groundcrew.services.lookups import nearest
from groundcrew.store import catalog
from groundcrew.store.database import Connection


async def covered(connection: Connection, scope: Scope) -> list[UseCase]:
    """The use cases, those that have ended left out, that a scope stops as a whole."""
    if scope.kind == "key":
        return []
    models = await catalog.MODELS.find(connection) if scope.kind == "provider" else []
    providers = {model.name: [each.provider for each in model.primaries] for model in models}
    return [
        each
        for each in await catalog.USE_CASES.find(connection)
        if each.stage not in TERMINAL_STAGES and stops_whole(scope, each, providers.get(each.model, ()))
    ]


async def check_scope(connection: Connection, scope: Scope) -> None:
    """NotFound, with the nearest name, where nothing has the name that `scope` has."""
    if scope.kind == "all":
        return
    names: set[str]
    if scope.kind == "use-case":
        names = {each.name for each in await catalog.USE_CASES.find(connection)}
    elif scope.kind == "unit":
        names = {each.business_unit for each in await catalog.USE_CASES.find(connection)}
    elif scope.kind == "model":
        names = {each.name for each in await catalog.MODELS.find(connection)}
    elif scope.kind == "provider":
        names = {each.name for each in await catalog.PROVIDERS.find(connection)}
    else:
        names = {each.id for each in await catalog.KEYS.find(connection)}
    if scope.name not in names:
        raise NotFound(f"there is no {scope.kind} {scope.name!r}{nearest(scope.name, names)}")
