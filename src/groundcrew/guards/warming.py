"""Makes the guards of a gateway's policies ready before the first call needs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from groundcrew.domain.guard import Policy
from groundcrew.guards.plug_ins import plug_in_problems
from groundcrew.guards.registry import find_guard

log = logging.getLogger("groundcrew.guards")


async def warm_guards(policies: Iterable[Policy]) -> None:
    """Load the guards that `policies` name, and `pii`, which masks every record. One that does not load is logged: its rule then
    fails as it declares."""
    names = {rule.guard for policy in policies for rule in policy.guards} | {"pii"}
    for name in sorted(names):
        try:
            await asyncio.to_thread(_warm, name)
        except Exception as error:  # whatever a plug-in does
            log.error("the guard %s could not be made ready: %s", name, error)
    for problem in await asyncio.to_thread(plug_in_problems):
        log.warning("%s", problem)


def _warm(name: str) -> None:
    warm = find_guard(name).warm
    if warm is not None:
        warm()
