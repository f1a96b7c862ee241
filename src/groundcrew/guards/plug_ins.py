"""Guards of other packages: found by their entry points, loaded when a policy first needs one. One that does not load fails as
its rule declares, and never takes the place of a guard that ships.

An entry point of the group `groundcrew.guards` names a function `check(text, context) -> Verdict` or a `Guard`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from groundcrew.domain.identifiers import name_problem
from groundcrew.errors import InputError
from groundcrew.guards.registry import BUILT_IN, Guard, Settled

GROUP = "groundcrew.guards"

#: Why a guard did not load, by name: it is not tried again before the process starts anew.
_problems: dict[str, str] = {}


@cache
def _offered() -> dict[str, tuple[EntryPoint, ...]]:
    """What installed packages offer, by name."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for each in entry_points(group=GROUP):
        found[each.name] = (*found.get(each.name, ()), each)
    return found


def plug_in_names() -> list[str]:
    """Names of the guards that installed packages offer, those that would take a shipped guard's name left out; sorted."""
    return sorted(name for name in _offered() if name not in BUILT_IN and name_problem(name) is None)


def plug_in_problems() -> list[str]:
    """What is wrong with what installed packages offer, as far as it is known without loading it, and what did not load."""
    found = [
        f"the guard {name!r} of {_origin(name)} is not used: a guard of this name ships"
        for name in _offered()
        if name in BUILT_IN
    ]
    found += [
        f"the guard {name[:80]!r} of {_origin(name)} is not used: {problem}"
        for name in _offered()
        if (problem := name_problem(name))
    ]
    return sorted(found) + sorted(_problems.values())


def forget() -> None:
    """Look anew at what is installed. For tests and for tools that install packages while they run."""
    _offered.cache_clear()
    _problems.clear()


def _origin(name: str) -> str:
    return " and ".join(sorted({each.dist.name if each.dist is not None else each.value for each in _offered()[name]}))


def load_plug_in(name: str) -> Guard | None:
    """The guard `name` of an installed package; None where none offers it. InputError where it does not load."""
    if name in BUILT_IN or name not in _offered():
        return None
    if name in _problems:
        raise InputError(_problems[name])
    offers = _offered()[name]
    try:
        if len(offers) > 1:
            raise InputError("more than one package offers it")
        return _as_guard(name, offers[0].load())
    except InputError as error:
        problem = error.message
    except Exception as error:  # whatever the package does when it is imported
        problem = f"{type(error).__name__}: {error}"
    _problems[name] = f"the guard {name!r} of {_origin(name)} does not load: {problem[:300]}"
    raise InputError(_problems[name])


def _as_guard(name: str, loaded: object) -> Guard:
    """What an entry point names, as a guard that runs in a thread, so that its time limit holds."""
    if isinstance(loaded, Guard):
        found = loaded
    elif callable(loaded):
        found = Guard(name=name, check=loaded, schema=getattr(loaded, "schema", None))
    else:
        raise InputError(f"{GROUP} must name a function or a Guard, not a {type(loaded).__name__}")
    schema = found.schema
    if schema is not None and not (isinstance(schema, type) and issubclass(schema, msgspec.Struct)):
        raise InputError("its schema is no msgspec.Struct")
    settled = _careful(found.settled) if found.settled is not None else None
    return msgspec.structs.replace(found, name=name, inline=False, quick=None, settled=settled)


def _careful(settled: Settled) -> Callable[[str], int]:
    """`settled` of a plug-in: nothing is judged for good where it fails or makes no sense."""

    def careful(text: str) -> int:
        try:
            until: Any = settled(text)
        except Exception:
            return 0
        return until if type(until) is int and 0 <= until <= len(text) else 0

    return careful
