"""Knowledge bases: adding documents makes a proposed revision, a person approves it, and only then does it serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from groundcrew.domain.knowledge import KnowledgeBase, Revision
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.lookups import require, serving_revision
from groundcrew.services.propagation import propagate
from groundcrew.services.registry import digests, version_changes
from groundcrew.store import catalog
from groundcrew.store.database import Database

if TYPE_CHECKING:
    from groundcrew.grounding.retrieval import Hit

REVISION_PREFIX_LENGTH_MIN = 6

Progress = Callable[[int, int], None]


class Knowledge:
    """Knowledge bases and their revisions. `folder` holds one immutable index per revision."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def index_folder(self, revision: str) -> Path:
        """Where the index of a revision lies."""
        return self._folder / revision

    async def add(self, name: str, paths: Sequence[Path] = (), *, actor: str, progress: Progress | None = None) -> Revision:
        """Read `paths` (or the declared ones), index them, and propose the result as a revision.

        The revision is the whole content: what is not in `paths` is not in it. Adding what is there already returns it.
        """
        from groundcrew.grounding.chunking import split
        from groundcrew.grounding.encoder import shipped_encoder
        from groundcrew.grounding.index import build, revision_id
        from groundcrew.grounding.loader import load_paths

        async with self._database.read() as connection:
            base = await require(connection, catalog.KNOWLEDGE_BASES, name)
        chosen = list(paths) or [Path(each) for each in base.paths]
        if not chosen:
            raise InputError("no paths given and none declared for this knowledge base", field="paths")
        documents = load_paths(chosen)
        if not documents:
            raise InputError(f"no documents found in {', '.join(map(str, chosen))}", field="paths")
        passages = [passage for document in documents for passage in split(document)]
        if not passages:
            raise InputError("the documents hold no text that could be quoted", field="paths")
        revision = revision_id(documents)
        async with self._database.read() as connection:
            known = await catalog.REVISIONS.get(connection, f"{name}@{revision}")
            serving = await serving_revision(connection, name)
        # Passages that the serving revision has already are not encoded again.
        reuse = self.index_folder(serving) if serving and self.index_folder(serving).is_dir() else None
        build(self.index_folder(revision), passages, shipped_encoder(), progress, reuse=reuse)
        if known is not None and known.state != "withdrawn":
            return known
        proposed = Revision(
            id=revision,
            knowledge_base=name,
            state="proposed",
            documents=len(documents),
            passages=len(passages),
            added_by=actor,
            added_at=self._database.clock.now(),
        )
        async with self._database.write(actor) as writer:
            await catalog.REVISIONS.put(writer, proposed, "add")
        return proposed

    async def approve(self, name: str, revision: str, *, actor: str) -> Revision:
        """Let a revision serve until the next review is due. `revision` may be a prefix of at least 6 characters.

        Approving the serving revision again renews its review date. The one it replaces is superseded.
        """
        now = self._database.clock.now()
        async with self._database.write(actor) as writer:
            base = await require(writer.connection, catalog.KNOWLEDGE_BASES, name)
            chosen = _match(await catalog.REVISIONS.find(writer.connection, knowledge_base=name), name, revision)
            if chosen.state == "withdrawn":
                raise Conflict(f"revision {chosen.id[:12]} of {name} was withdrawn: add its documents again")
            before = await digests(writer.connection)
            for each in await catalog.REVISIONS.find(writer.connection, knowledge_base=name, state="approved"):
                if each.id != chosen.id:
                    await catalog.REVISIONS.put(writer, msgspec.structs.replace(each, state="superseded"), "supersede")
            approved = msgspec.structs.replace(
                chosen,
                state="approved",
                approved_by=actor,
                approved_at=now,
                expires_at=now + timedelta(seconds=base.review_every_s),
            )
            await catalog.REVISIONS.put(writer, approved, "approve")
            await writer.touch_snapshot()
            await version_changes(writer, before)
        await propagate(self._database)
        return approved

    async def withdraw(self, name: str, revision: str, *, actor: str, reason: str) -> Revision:
        """Stop a revision from serving, at once."""
        if not reason.strip():
            raise InputError("a withdrawal needs a reason", field="reason")
        async with self._database.write(actor) as writer:
            await require(writer.connection, catalog.KNOWLEDGE_BASES, name)
            chosen = _match(await catalog.REVISIONS.find(writer.connection, knowledge_base=name), name, revision)
            before = await digests(writer.connection)
            withdrawn = msgspec.structs.replace(chosen, state="withdrawn")
            await catalog.REVISIONS.put(writer, withdrawn, "withdraw", reason=reason)
            await writer.touch_snapshot()
            await version_changes(writer, before)
        await propagate(self._database)
        return withdrawn

    async def search(self, name: str, query: str, *, revision: str | None = None, limit: int = 5) -> list[Hit]:
        """Passages nearest to `query` in the serving revision, or in the one given (proposed ones may be tried so)."""
        from groundcrew.grounding.retrieval import KnowledgeIndex

        async with self._database.read() as connection:
            await require(connection, catalog.KNOWLEDGE_BASES, name)
            revisions = await catalog.REVISIONS.find(connection, knowledge_base=name)
            chosen = _match(revisions, name, revision).id if revision else await serving_revision(connection, name)
        if chosen is None:
            raise Conflict(f"no revision of {name} serves: add documents, then approve the revision")
        return KnowledgeIndex.open(self.index_folder(chosen)).search(query, limit)

    async def bases(self) -> list[KnowledgeBase]:
        """All knowledge bases."""
        async with self._database.read() as connection:
            return await catalog.KNOWLEDGE_BASES.find(connection)

    async def revisions(self, name: str | None = None) -> list[Revision]:
        """All revisions, of one knowledge base where given, oldest first."""
        async with self._database.read() as connection:
            if name is None:
                found = await catalog.REVISIONS.find(connection)
            else:
                await require(connection, catalog.KNOWLEDGE_BASES, name)
                found = await catalog.REVISIONS.find(connection, knowledge_base=name)
        return sorted(found, key=lambda each: each.added_at)


def _match(revisions: list[Revision], name: str, prefix: str) -> Revision:
    if len(prefix) < REVISION_PREFIX_LENGTH_MIN:
        raise InputError(f"give at least {REVISION_PREFIX_LENGTH_MIN} characters of the revision", field="revision")
    found = [each for each in revisions if each.id.startswith(prefix)]
    if not found:
        have = ", ".join(each.id[:12] for each in revisions) or "none"
        raise NotFound(f"no revision {prefix!r} of {name}; there are: {have}")
    if len(found) > 1:
        raise InputError(f"{prefix!r} fits {len(found)} revisions of {name}: give more characters", field="revision")
    return found[0]
