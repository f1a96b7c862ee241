"""Registering a hypothesis: frozen and hashed before anyone is exposed."""

from __future__ import annotations

from groundcrew.domain import hypothesis as rules
from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, NotFound
from groundcrew.services.lookups import newest_hypothesis, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.services.registry import digests, version_changes
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database


class Hypotheses:
    """The hypotheses of use cases, version by version; refuted ones stay visible."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, use_case: str, *, actor: str) -> Hypothesis:
        """Freeze and hash the newest draft; InputError lists everything that is missing, Conflict if it is registered. Where its
        arms answer with other models or prompts, gateways serve them from here on, and the use case's version changes."""
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            newest = await newest_hypothesis(writer.connection, use_case)
            if newest is None:
                raise NotFound(f"{use_case} has no hypothesis: declare one with `hypothesis: {{plan: FILE.yaml}}` and apply it")
            registered = rules.register(newest, by=actor, at=self._database.clock.now())
            has_variants = registered.plan.arms is not None and bool(registered.plan.arms.variants)
            if has_variants:
                await _check_variants(writer.connection, item, registered)
                before = await digests(writer.connection)
            await catalog.HYPOTHESES.put(writer, registered, "register", details={"digest": registered.digest})
            if has_variants:
                await writer.touch_snapshot()
                await version_changes(writer, before)
        if has_variants:
            await propagate(self._database)
        return registered

    async def find(self, use_case: str | None = None) -> list[Hypothesis]:
        """All versions, oldest first, of one use case where given."""
        async with self._database.read() as connection:
            if use_case is None:
                return await catalog.HYPOTHESES.find(connection)
            await require_use_case(connection, use_case)
            return await catalog.HYPOTHESES.find(connection, use_case=use_case)


async def _check_variants(connection: Connection, use_case: UseCase, hypothesis: Hypothesis) -> None:
    """InputError unless every variant's model is declared and one of its providers may see what the use case handles."""
    arms = hypothesis.plan.arms
    needed = highest(use_case.data_classes)
    found = []
    for arm, variant in sorted(arms.variants.items() if arms is not None else ()):
        if variant.model is None:
            continue
        model = await catalog.MODELS.get(connection, variant.model)
        if model is None:
            found.append(f"arms.variants.{arm}: the model {variant.model!r} is not declared")
            continue
        providers = [await catalog.PROVIDERS.get(connection, each.provider) for each in model.primaries]
        if not any(each is not None and provider_may_see(needed, each.data_classes, baa=each.baa) for each in providers):
            found.append(f"arms.variants.{arm}: no provider of {variant.model!r} may see {needed} data")
    if found:
        raise InputError("cannot be registered: " + "; ".join(found), field=f"hypothesis {hypothesis.name}")
