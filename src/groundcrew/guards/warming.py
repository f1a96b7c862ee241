"""Makes guards ready before they are needed: those of a gateway's policies when it starts, others when a call first does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from groundcrew.domain.guard import Policy
from groundcrew.guards.registry import Context, Guard, find_guard
from groundcrew.guards.threads import GuardThreads

log = logging.getLogger("groundcrew.guards")

#: How long a call waits for a guard that loads; its rule's time limit begins afterwards.
LOAD_S_MAX = 10.0
#: Rules whose settings are known to be made ready; the oldest is looked at again.
RULES_KEPT_MAX = 256


class Readiness:
    """Which guards have loaded, and which rules' settings are made ready. What came with a new policy loads once, and the calls
    that need it meanwhile wait."""

    def __init__(self, threads: GuardThreads) -> None:
        self._threads = threads
        self._ready: set[str] = set()
        self._loading: dict[str, asyncio.Task[None]] = {}
        #: By guard and identity of the settings, which are kept beside the task so that it stays theirs.
        self._preparing: dict[tuple[str, int], tuple[Context, asyncio.Task[None]]] = {}

    async def wait(self, guard: Guard, settings: Context) -> None:
        """Return once `guard` has loaded and `settings` are made ready, could not be, or take too long: its check then says what
        is wrong."""
        if guard.warm is not None and guard.name not in self._ready:
            task = self._loading.get(guard.name)
            if task is None or task.get_loop() is not asyncio.get_running_loop():
                task = self._loading[guard.name] = asyncio.create_task(self._load(guard.name, guard.warm))
            await asyncio.wait((task,))
            self._ready.add(guard.name)
        if guard.prepare is not None:
            await self._prepared(guard.name, guard.prepare, settings)

    async def _prepared(self, name: str, prepare: Callable[[Context], None], settings: Context) -> None:
        found = self._preparing.get((name, id(settings)))
        if found is None or (not found[1].done() and found[1].get_loop() is not asyncio.get_running_loop()):
            while len(self._preparing) >= RULES_KEPT_MAX:
                del self._preparing[next(iter(self._preparing))]
            found = settings, asyncio.create_task(self._load(name, lambda: prepare(settings)))
            self._preparing[name, id(settings)] = found
        if not found[1].done():
            await asyncio.wait((found[1],))

    async def _load(self, name: str, load: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(LOAD_S_MAX):  # a thread that it does not give back is replaced
                await self._threads.run(lambda _wanted: load(), wait_s=LOAD_S_MAX)
        except Exception as error:
            log.error("the guard %s could not be made ready: %s", name, str(error) or type(error).__name__)

    def close(self) -> None:
        """Wait for nothing any more."""
        for task in [*self._loading.values(), *(each[1] for each in self._preparing.values())]:
            if not task.done() and not task.get_loop().is_closed():
                task.cancel()


async def warm_guards(given: Iterable[Policy]) -> None:
    """Load the guards that policies name, and the patterns of `pii`, which mask every record. One that does not load is logged:
    its rule then fails as it declares. A pii rule that looks with patterns alone needs no network."""
    from groundcrew.guards import pii
    from groundcrew.guards.plug_ins import plug_in_problems

    await asyncio.to_thread(pii.warm_patterns)
    policies = list(given)
    rules = [rule for policy in policies for rule in policy.guards]
    for name in sorted({rule.guard for rule in rules if rule.settings.get("detect") != "patterns"}):
        try:
            async with asyncio.timeout(LOAD_S_MAX):
                await asyncio.to_thread(_warm, name)
        except Exception as error:  # whatever a plug-in does
            log.error("the guard %s could not be made ready: %s", name, str(error) or type(error).__name__)
    for problem in await asyncio.to_thread(plug_in_problems):
        log.warning("%s", problem)
    await prepare_rules(policies)


async def prepare_rules(policies: Iterable[Policy]) -> None:
    """Make of the settings of all rules what their first check would otherwise wait for, such as the examples of topics. What can
    not be made is logged."""
    for rule in [rule for policy in policies for rule in policy.guards]:
        try:
            prepare = find_guard(rule.guard).prepare
            if prepare is not None:
                await asyncio.to_thread(prepare, rule.settings)
        except Exception as error:
            log.error("a rule of the guard %s could not be made ready: %s", rule.guard, error)


def _warm(name: str) -> None:
    warm = find_guard(name).warm
    if warm is not None:
        warm()
