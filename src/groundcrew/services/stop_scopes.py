"""What the scopes of kill switches stand for in the registry: which use cases one covers, and whether there is such a thing."""

from __future__ import annotations

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.errors import NotFound
from groundcrew.services.lookups import nearest
from groundcrew.store import catalog
from groundcrew.store.database import Connection


async def covered(connection: Connection, scope: Scope) -> list[UseCase]:
    """The use cases that a scope stops as a whole. A key's scope stops one caller, not its use case."""
    use_cases = [each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
    if scope.kind == "all":
        return use_cases
    if scope.kind == "use-case":
        return [each for each in use_cases if each.name == scope.name]
    if scope.kind == "unit":
        return [each for each in use_cases if each.business_unit == scope.name]
    if scope.kind == "model":
        return [each for each in use_cases if each.model == scope.name]
    if scope.kind == "provider":
        models = {
            model.name
            for model in await catalog.MODELS.find(connection)
            if all(target.provider == scope.name for target in model.primaries)
        }
        return [each for each in use_cases if each.model in models]
    return []


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
