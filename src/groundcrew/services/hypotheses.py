"""Registering a hypothesis: frozen and hashed before anyone is exposed."""

from __future__ import annotations

from groundcrew.domain import hypothesis as rules
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.errors import NotFound
from groundcrew.services.lookups import require_use_case
from groundcrew.store import catalog
from groundcrew.store.database import Database


class Hypotheses:
    """The hypotheses of use cases, version by version; refuted ones stay visible."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, use_case: str, *, actor: str) -> Hypothesis:
        """Freeze and hash the newest draft; InputError lists everything that is missing, Conflict if it is registered."""
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            versions = await catalog.HYPOTHESES.find(writer.connection, use_case=use_case)
            if not versions:
                raise NotFound(f"{use_case} has no hypothesis: declare one with `hypothesis: {{plan: FILE.yaml}}` and apply it")
            registered = rules.register(versions[-1], by=actor, at=self._database.clock.now())
            await catalog.HYPOTHESES.put(writer, registered, "register", details={"digest": registered.digest})
        return registered

    async def find(self, use_case: str | None = None) -> list[Hypothesis]:
        """All versions, oldest first, of one use case where given."""
        async with self._database.read() as connection:
            if use_case is None:
                return await catalog.HYPOTHESES.find(connection)
            await require_use_case(connection, use_case)
            return await catalog.HYPOTHESES.find(connection, use_case=use_case)
