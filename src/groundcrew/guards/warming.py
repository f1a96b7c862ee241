"""Makes the guards of a gateway's policies ready before the first call needs them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from groundcrew.domain.guard import Policy
from groundcrew.guards import pii
from groundcrew.guards.plug_ins import plug_in_problems
from groundcrew.guards.registry import find_guard

log = logging.getLogger("groundcrew.guards")


async def warm_guards(policies: Iterable[Policy]) -> None:
    """Load the guards that `policies` name, and the patterns of `pii`, which mask every record. One that does not load is logged:
    its rule then fails as it declares. A pii rule that looks with patterns alone needs no network."""
    await asyncio.to_thread(pii.warm_patterns)
    rules = [rule for policy in policies for rule in policy.guards]
    for name in sorted({rule.guard for rule in rules if rule.settings.get("detect") != "patterns"}):
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
