"""The quality of a knowledge base: a job that looks through it, findings that keep their state over runs, and people who settle
them. A dismissed finding stays dismissed while its texts stay the same."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from groundcrew.domain.job import Job
from groundcrew.domain.knowledge import Revision
from groundcrew.domain.knowledge_quality import FINDING_KINDS, Finding, FindingKind, FindingState
from groundcrew.errors import Conflict, InputError
from groundcrew.services import quality_checks
from groundcrew.services.jobs import Jobs, Task
from groundcrew.services.knowledge_use import WINDOW_DAYS, read_use
from groundcrew.services.lookups import require, require_reason, serving_revision
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database

if TYPE_CHECKING:
    from groundcrew.grounding.retrieval import KnowledgeIndex
    from groundcrew.services.bundle import Services

KIND = "knowledge-quality"
ACTOR = "system:quality"
#: Earlier revisions that are read to tell since when a document is as it is.
REVISIONS_READ_MAX = 20
MOST_USED_SHOWN = 10
LOOK_S = 0.5
OWNER_LENGTH_MAX = 200
#: Kinds whose findings hold questions of people: their texts go when the calls are out of the window.
_OF_CALLS: tuple[FindingKind, ...] = ("unanswered", "corrected")

Decision = Literal["open", "done", "dismissed"]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a knowledge base: its findings, open ones first, and the newest run that came to its end."""

    knowledge_base: str
    findings: tuple[Finding, ...]
    run: Job | None


class KnowledgeQuality:
    """Asks for a base to be looked through, reads its findings, and settles them."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs

    async def submit(self, name: str, *, actor: str) -> Job:
        """Ask for a run; the one that waits or runs already, if there is one. Conflict where nothing serves."""
        async with self._database.read() as connection:
            await require(connection, catalog.KNOWLEDGE_BASES, name)
            revision = await serving_revision(connection, name)
        if revision is None:
            raise Conflict(f"no revision of {name} serves: add documents, then approve the revision")
        return await self._jobs.submit(KIND, name, {"revision": revision}, actor=actor, local=True, alone=True)

    async def get(self, name: str, *, state: FindingState | None = None, kind: FindingKind | None = None) -> Quality:
        """The findings of a base, by state (open first), kind and how often."""
        wanted: dict[str, Any] = {key: value for key, value in (("state", state), ("kind", kind)) if value is not None}
        async with self._database.read() as connection:
            await require(connection, catalog.KNOWLEDGE_BASES, name)
            found = await catalog.FINDINGS.find(connection, knowledge_base=name, **wanted)
        run = await self._jobs.latest_done(KIND, name)
        return Quality(knowledge_base=name, findings=tuple(sorted(found, key=_order)), run=run)

    async def counts(self) -> dict[str, int]:
        """Number of open findings by knowledge base."""
        numbers: dict[str, int] = {}
        async with self._database.read() as connection:
            for each in await catalog.FINDINGS.find(connection, state="open"):
                numbers[each.knowledge_base] = numbers.get(each.knowledge_base, 0) + 1
        return numbers

    async def decide(
        self, name: str, finding_id: str, state: Decision, *, actor: str, reason: str = "", owner: str | None = None
    ) -> Finding:
        """Settle a finding, open it again, or (with `owner`) hand it to somebody else. A dismissal needs its reason."""
        if state == "dismissed":
            require_reason(reason)
        if owner is not None and (not owner.strip() or len(owner) > OWNER_LENGTH_MAX):
            raise InputError(f"name the owner in 1 to {OWNER_LENGTH_MAX} characters", field="owner")
        async with self._database.write(actor) as writer:
            found = await require(writer.connection, catalog.FINDINGS, finding_id)
            if found.knowledge_base != name:
                raise InputError(f"is a finding about {found.knowledge_base}", field="finding")
            if state == found.state and owner in (None, found.owner):
                raise Conflict(f"the finding is {state} already")
            decided = msgspec.structs.replace(
                found,
                state=state,
                owner=owner or found.owner,
                decided_by=None if state == "open" else actor,
                decided_at=None if state == "open" else self._database.clock.now(),
                decided_on=None if state == "open" else await serving_revision(writer.connection, name),
                reason=reason if state != "open" else "",
            )
            await catalog.FINDINGS.put(writer, decided, "hand-over" if state == found.state else state, reason=reason)
        return decided


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Look through the serving revision and keep what is found. Returns the figures of the run."""
    database, name = services.database, task.job.subject
    async with database.read() as connection:
        base = await require(connection, catalog.KNOWLEDGE_BASES, name)
        serving = await serving_revision(connection, name)
        revision = await catalog.REVISIONS.get(connection, f"{name}@{serving}")
    if revision is None:
        raise Conflict(f"no revision of {name} serves any more")
    now = database.clock.now()
    maker = quality_checks.Maker(base, revision, now)
    index = await asyncio.to_thread(_open, services.knowledge.index_folder(revision.id))
    total = len(index) + 1
    state = task.checkpoint
    if state.get("revision") != revision.id:
        state = await _contradictions(task, maker, index, total)
    contradictions = msgspec.convert(state["contradictions"], list[Finding])
    use = await read_use(database, name, now - timedelta(days=WINDOW_DAYS))
    unchanged = await unchanged_since(services, name, revision, index)
    passages = index.passages
    unanswered = await asyncio.to_thread(_unanswered, maker, use.questions)
    fresh = [
        *contradictions,
        *await asyncio.to_thread(quality_checks.stale, maker, passages, unchanged),
        *unanswered,
        *quality_checks.unused(maker, passages, use, unchanged),
        *quality_checks.corrected(maker, passages, use),
    ]
    async with task.step(state, done=total, total=total) as writer:
        changes = await reconcile(writer.connection, name, fresh, maker.now, revision.id, cut=_cut(fresh))
        for finding, action, reason in changes:
            await catalog.FINDINGS.put(writer, finding, action, reason=reason)
        still_open = await catalog.FINDINGS.find(writer.connection, knowledge_base=name, state="open")
    return {
        "revision": revision.id,
        "passages": len(passages),
        "pairs": state["pairs"],
        "truncated": state["truncated"] or use.truncated,
        "window_days": WINDOW_DAYS,
        "calls": use.calls,
        "samples": use.samples,
        "questions": len(use.questions),
        "passages_never_found": sum(not use.found[each.id] for each in passages),
        "most_used": quality_checks.most_used(passages, use, MOST_USED_SHOWN),
        "open": {kind: sum(each.kind == kind for each in still_open) for kind in FINDING_KINDS},
        "new": sum(action == "find" for _, action, _ in changes),
        "gone": sum(action == "gone" for _, action, _ in changes),
    }


async def _contradictions(task: Task, maker: quality_checks.Maker, index: KnowledgeIndex, total: int) -> dict[str, Any]:
    """The long part, in a thread; how far it has come is noted while it runs, and a cancelled job stops it."""
    reached, stop = [0], threading.Event()

    def progress(done: int, _total: int) -> None:
        reached[0] = done
        if stop.is_set():
            raise InputError("stopped")

    working = asyncio.ensure_future(asyncio.to_thread(quality_checks.contradictions, maker, index, progress))
    try:
        while not working.done():
            await asyncio.wait({working}, timeout=LOOK_S)
            await task.save({}, done=reached[0], total=total)
    except BaseException:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)
        raise
    found, pairs, truncated = working.result()
    state = {
        "revision": maker.revision.id,
        "contradictions": msgspec.to_builtins(found),
        "pairs": pairs,
        "truncated": truncated,
    }
    await task.save(state, done=total - 1, total=total)
    return state


async def reconcile(
    connection: Connection,
    name: str,
    fresh: Sequence[Finding],
    now: datetime,
    revision: str,
    *,
    cut: frozenset[FindingKind] = frozenset(),
) -> list[tuple[Finding, str, str]]:
    """(finding, action, reason) for everything that a run changes about the findings of a base. Of the kinds `cut` the run kept
    the most frequent only, so that those it did not keep are not gone."""
    known = {each.id: each for each in await catalog.FINDINGS.find(connection, knowledge_base=name)}
    changes: list[tuple[Finding, str, str]] = []
    for found in {each.id: each for each in fresh}.values():
        old = known.pop(found.id, None)
        if old is None:
            changes.append((found, "find", ""))
            continue
        seen = msgspec.structs.replace(
            found, state=old.state, owner=old.owner, found_at=old.found_at, reason=old.reason,
            decided_by=old.decided_by, decided_at=old.decided_at, decided_on=old.decided_on,
        )  # fmt: skip
        if old.state == "done" and _is_back(old, found, revision):
            opened = msgspec.structs.replace(seen, state="open", decided_by=None, decided_at=None, decided_on=None, reason="")
            changes.append((opened, "reopen", "it is still found"))
        elif _told(seen) != _told(old):
            changes.append((seen, "see", ""))
    for old in known.values():
        if old.kind in cut:
            continue
        bare = _without_questions(old) if old.kind in _OF_CALLS else old
        if old.state == "open":
            gone = msgspec.structs.replace(
                bare, state="done", decided_by=ACTOR, decided_at=now, decided_on=revision, reason="it is not found any more"
            )
            changes.append((gone, "gone", gone.reason))
        elif bare != old:
            changes.append((bare, "forget", "its calls are out of the window"))
    return changes


async def unchanged_since(services: Services, name: str, revision: Revision, index: KnowledgeIndex) -> dict[str, datetime]:
    """Document → when its present text was first added, as far back as earlier revisions (REVISIONS_READ_MAX) tell."""
    async with services.database.read() as connection:
        revisions = await catalog.REVISIONS.find(connection, knowledge_base=name)
    texts = await asyncio.to_thread(_document_texts, services.knowledge.index_folder(revision.id))
    since = dict.fromkeys(texts, revision.added_at)
    earlier = sorted((each for each in revisions if each.added_at < revision.added_at), key=lambda each: each.added_at)
    still = set(texts)
    for each in reversed(earlier[-REVISIONS_READ_MAX:]):
        before = await asyncio.to_thread(_document_texts, services.knowledge.index_folder(each.id))
        still = {document for document in still if before.get(document) == texts[document]}
        since.update(dict.fromkeys(still, each.added_at))
    return since


def _cut(fresh: Sequence[Finding]) -> frozenset[FindingKind]:
    numbers = Counter(each.kind for each in fresh)
    return frozenset(kind for kind in FINDING_KINDS if numbers[kind] >= quality_checks.FINDINGS_MAX)


def _is_back(old: Finding, found: Finding, revision: str) -> bool:
    """Whether a finding that somebody called done is found again: in newer calls, or in a revision after the decision."""
    if found.kind in _OF_CALLS:
        return bool(found.last_seen_at and old.decided_at and found.last_seen_at > old.decided_at)
    return old.decided_on != revision


def _told(finding: Finding) -> Finding:
    """A finding without what changes from run to run and says nothing new."""
    bare = msgspec.structs.replace(finding, revision="")
    return msgspec.structs.replace(bare, title="", of=None) if finding.kind == "unused" else bare


def _without_questions(finding: Finding) -> Finding:
    if finding.kind == "corrected":
        return msgspec.structs.replace(finding, calls=())
    return msgspec.structs.replace(finding, title="A question that is not asked any more", questions=(), calls=())


def _order(finding: Finding) -> tuple[int, int, bool, int, str]:
    states: tuple[FindingState, ...] = ("open", "dismissed", "done")
    return states.index(finding.state), FINDING_KINDS.index(finding.kind), finding.sample, -finding.count, finding.id


def _open(folder: Path) -> KnowledgeIndex:
    from groundcrew.grounding.retrieval import KnowledgeIndex

    return KnowledgeIndex.open(folder)


def _document_texts(folder: Path) -> dict[str, tuple[str, ...]]:
    """document → its passages; nothing where the index is not there any more."""
    from groundcrew.grounding.index import read_passages

    try:
        passages = read_passages(folder)
    except InputError:
        return {}
    texts: dict[str, tuple[str, ...]] = {}
    for each in passages:
        texts[each.document] = (*texts.get(each.document, ()), each.text)
    return texts


def _unanswered(maker: quality_checks.Maker, questions: Sequence[Any]) -> list[Finding]:
    from groundcrew.grounding.encoder import shipped_encoder

    return quality_checks.unanswered(maker, questions, shipped_encoder()) if questions else []
