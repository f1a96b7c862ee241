"""The backlog of explorations: what is worth a try, in which box, and what was learned. What was refuted stays as findable as
the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.champion import same_person
from groundcrew.domain.exploration import (
    BOX_DAYS_MAX,
    BOX_TOKENS_MAX,
    BOX_USD_MAX,
    EXPLORATIONS_MAX,
    EXTENSIONS_MAX,
    LEARNED,
    SEARCH_LENGTH_MAX,
    SEARCH_WORDS_MAX,
    TAG_LENGTH_MAX,
    TAGS_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    Box,
    BoxPart,
    BoxUse,
    Draft,
    Exploration,
    ExplorationState,
    Extension,
    Learned,
    fold,
)
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.identifiers import name_problem, new_id
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.exploration_boxes import begin_key, check_calls, exhausted, hold_key, recorded_since, use_of
from groundcrew.services.exploration_draft import declaration_of
from groundcrew.services.lookups import newest_hypothesis, person_of, require, require_reason
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog, deciding, explorations
from groundcrew.store.database import Connection, Database

OWNER_LENGTH_MAX = 254
ACTOR = "system:backlog"
#: Earlier explorations that a new one is compared with, the newest first; and how many of the nearest are shown.
COMPARED_MAX, SIMILAR_MAX = 500, 5
#: Cosine similarity of title and hypothesis from which an earlier exploration is shown [D].
SIMILARITY_MIN = 0.5
#: Shorter texts are like everything.
SIMILAR_LENGTH_MIN = 12
_VECTORS: dict[str, object] = {}


class ExplorationNow(msgspec.Struct, frozen=True, kw_only=True):
    """An exploration, what it has used, and what of its box is used up; `hypothesis` is the newest one of the use case that it
    became, None while there is none."""

    exploration: Exploration
    use: BoxUse
    used_up: tuple[BoxPart, ...]
    hypothesis: Hypothesis | None = None


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier exploration that is much like a text: cosine similarity, -1 to 1."""

    exploration: Exploration
    similarity: float


class Backlog:
    """The explorations of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self,
        *,
        query: str = "",
        state: ExplorationState | None = None,
        business_unit: str | None = None,
        limit: int = 200,
    ) -> list[ExplorationNow]:
        """The newest first. `query`: words that each begin a word of title, hypothesis, what was learned or tags; case and
        accents do not matter."""
        if len(query) > SEARCH_LENGTH_MAX:
            raise InputError(f"at most {SEARCH_LENGTH_MAX} characters", field="query")
        words = fold(query).split()
        if len(words) > SEARCH_WORDS_MAX:
            raise InputError(f"at most {SEARCH_WORDS_MAX} words", field="query")
        async with self._database.read() as connection:
            found = await explorations.search(connection, words, state=state, business_unit=business_unit, limit=limit)
            return [await _now(connection, each, self._database.clock.now()) for each in found]

    async def get(self, exploration_id: str) -> ExplorationNow:
        """One exploration; NotFound."""
        async with self._database.read() as connection:
            found = await require(connection, deciding.EXPLORATIONS, exploration_id)
            return await _now(connection, found, self._database.clock.now())

    async def add(
        self,
        *,
        title: str,
        hypothesis: str,
        why: str,
        business_unit: str,
        owner: str,
        box: Box,
        actor: str,
        tags: Sequence[str] = (),
        use_case: str | None = None,
        key_id: str | None = None,
    ) -> Exploration:
        """Put an idea into the backlog."""
        if problem := name_problem(business_unit):
            raise InputError(problem, field="business_unit")
        _check_box(box)
        async with self._database.write(actor) as writer:
            if await deciding.EXPLORATIONS.count(writer.connection) >= EXPLORATIONS_MAX:
                raise Conflict(f"the backlog holds at most {EXPLORATIONS_MAX} explorations")
            await check_calls(writer.connection, box, use_case, key_id)
            made = Exploration(
                id=new_id(),
                title=_text(title, "title", TITLE_LENGTH_MAX),
                hypothesis=_text(hypothesis, "hypothesis"),
                why=_text(why, "why"),
                business_unit=business_unit,
                owner=_text(owner, "owner", OWNER_LENGTH_MAX),
                box=box,
                tags=_tags(tags),
                use_case=use_case,
                key_id=key_id,
                created_at=writer.clock.now(),
                created_by=actor,
            )
            await deciding.EXPLORATIONS.put(writer, made, "add")
        return made

    async def start(self, exploration_id: str, *, actor: str) -> Exploration:
        """Open the box: days count from now, and what its calls use. Its key expires with the box at the latest."""
        async with self._database.write(actor) as writer:
            idea = await require(writer.connection, deciding.EXPLORATIONS, exploration_id)
            if idea.state != "idea":
                raise Conflict(f"exploration {exploration_id} is {idea.state}: it starts once")
            key = await check_calls(writer.connection, idea.box, idea.use_case, idea.key_id)
            now = writer.clock.now()
            started = msgspec.structs.replace(idea, state="running", started_at=now, started_by=actor)
            if idea.use_case is not None:
                before = await recorded_since(writer.connection, idea.use_case, idea.key_id, now.date(), None)
                started = msgspec.structs.replace(started, tokens_before=before.tokens, usd_before=before.usd)
            started = await begin_key(writer, started, key)
            await deciding.EXPLORATIONS.put(writer, started, "start")
        await propagate(self._database)
        return started

    async def extend(self, exploration_id: str, more: Box, *, reason: str, actor: str) -> Exploration:
        """Widen the box of a running exploration. It is somebody else's to widen than its owner's or whoever started it: a box
        that its holder widens is none."""
        require_reason(reason)
        if len(reason) > TEXT_LENGTH_MAX:
            raise InputError(f"at most {TEXT_LENGTH_MAX} characters", field="reason")
        _check_box(more, more=True)
        async with self._database.write(actor) as writer:
            running = await require(writer.connection, deciding.EXPLORATIONS, exploration_id)
            if running.state != "running":
                raise Conflict(f"exploration {exploration_id} is {running.state}: only a running one has a box to widen")
            await _check_other(writer.connection, running, actor)
            if len(running.extensions) >= EXTENSIONS_MAX:
                raise Conflict(f"it was widened {EXTENSIONS_MAX} times: finish it, and begin another with what was learned")
            for part in ("tokens", "usd"):
                if getattr(more, part) and getattr(running.box, part) is None:
                    raise InputError(f"its box has no limit of {part} to widen", field=part)
            extension = Extension(more=more, by=actor, at=writer.clock.now(), reason=reason.strip())
            wider = msgspec.structs.replace(running, extensions=(*running.extensions, extension))
            _check_box(wider.limits)
            await deciding.EXPLORATIONS.put(writer, wider, "extend", reason=reason.strip())
            if not await exhausted(writer.connection, wider, writer.clock.now()):
                await hold_key(writer, wider, wider.ends_at, "the box of its exploration was widened")
        await propagate(self._database)
        return wider

    async def finish(self, exploration_id: str, outcome: str, learned: str, *, actor: str) -> Exploration:
        """Say what was learned; it is asked for whatever came of it. An idea that is not tried can be dropped, with why."""
        if outcome not in LEARNED:
            raise InputError(f"expected one of {', '.join(LEARNED)}, found {outcome!r}", field="outcome")
        learned = _text(learned, "learned")
        verdict: Learned = outcome
        async with self._database.write(actor) as writer:
            found = await require(writer.connection, deciding.EXPLORATIONS, exploration_id)
            if found.state == "finished":
                raise Conflict(f"exploration {exploration_id} is finished: what was learned is never rewritten")
            if found.state == "idea" and verdict != "dropped":
                raise Conflict(f"exploration {exploration_id} was never started: it can be dropped, with why")
            now = writer.clock.now()
            finished = msgspec.structs.replace(
                found,
                state="finished",
                outcome=verdict,
                learned=learned,
                finished_at=now,
                finished_by=actor,
                used=await use_of(writer.connection, found, now),
            )
            await deciding.EXPLORATIONS.put(writer, finished, "finish", reason=learned, details={"outcome": verdict})
            await hold_key(writer, finished, now, "its exploration is finished")
        await propagate(self._database)
        return finished

    async def become(self, exploration_id: str, draft: Draft, *, actor: str) -> tuple[Exploration, str]:
        """Say which use case a finished exploration becomes, and return the draft of its declaration as YAML. What was refuted
        or dropped becomes none."""
        if problem := name_problem(draft.name):
            raise InputError(problem, field="name")
        _text(draft.affected_persons, "affected_persons", TITLE_LENGTH_MAX)
        async with self._database.write(actor) as writer:
            found = await require(writer.connection, deciding.EXPLORATIONS, exploration_id)
            if found.outcome not in ("supported", "inconclusive"):
                raise Conflict(f"exploration {exploration_id} is {found.outcome or found.state}: it becomes no use case")
            if found.became is not None and found.became.name != draft.name:
                raise Conflict(f"exploration {exploration_id} became {found.became.name}")
            if found.became is None and await catalog.USE_CASES.get(writer.connection, draft.name) is not None:
                raise Conflict(f"there is a use case {draft.name} already: take another name")
            await require(writer.connection, catalog.MODELS, draft.model)
            text = declaration_of(found, draft)
            changed = msgspec.structs.replace(found, became=draft)
            await deciding.EXPLORATIONS.put(writer, changed, "become", details={"use_case": draft.name})
        return changed, text

    async def declaration(self, exploration_id: str) -> str:
        """The draft of the declaration that an exploration became; Conflict where it became none."""
        async with self._database.read() as connection:
            found = await require(connection, deciding.EXPLORATIONS, exploration_id)
        if found.became is None:
            raise Conflict(f"exploration {exploration_id} became no use case")
        return declaration_of(found, found.became)

    async def similar(self, text: str, *, leave_out: str = "") -> list[Similar]:
        """Earlier explorations that are much like a text that is being written, the nearest first."""
        if len(text.strip()) < SIMILAR_LENGTH_MIN:
            return []
        async with self._database.read() as connection:
            earlier = await deciding.EXPLORATIONS.find(connection, newest_first=True, limit=COMPARED_MAX)
        earlier = [each for each in earlier if each.id != leave_out]
        if not earlier:
            return []
        values = await asyncio.to_thread(_similarities, text[:TEXT_LENGTH_MAX], [_compared(each) for each in earlier])
        ranked = sorted(zip(values, earlier, strict=True), key=lambda each: -each[0])
        return [
            Similar(exploration=each, similarity=round(value, 3))
            for value, each in ranked[:SIMILAR_MAX]
            if value >= SIMILARITY_MIN
        ]

    async def keep(self) -> list[Exploration]:
        """Let the keys of explorations whose box is used up expire; returns those explorations."""
        async with self._database.read() as connection:
            wanted = await _to_stop(connection, self._database.clock.now())
        if not wanted:
            return []
        stopped = []
        async with self._database.write(ACTOR) as writer:
            now = writer.clock.now()
            for each in await _to_stop(writer.connection, now):
                parts = ", ".join(await exhausted(writer.connection, each, now))
                if await hold_key(writer, each, now, f"the box of its exploration is used up: {parts}"):
                    stopped.append(each)
        await propagate(self._database)
        return stopped


async def _to_stop(connection: Connection, now: datetime) -> list[Exploration]:
    """Running explorations whose box is used up and whose key still lives."""
    found = []
    for each in await deciding.EXPLORATIONS.find(connection, state="running"):
        key = await catalog.KEYS.get(connection, each.key_id) if each.key_id is not None else None
        if key is None or key.revoked_at is not None or key.expires_at <= now:
            continue
        if await exhausted(connection, each, now):
            found.append(each)
    return found


async def _now(connection: Connection, exploration: Exploration, now: datetime) -> ExplorationNow:
    became = exploration.became
    return ExplorationNow(
        exploration=exploration,
        use=await use_of(connection, exploration, now),
        used_up=await exhausted(connection, exploration, now),
        hypothesis=await newest_hypothesis(connection, became.name) if became is not None else None,
    )


async def _check_other(connection: Connection, running: Exploration, actor: str) -> None:
    """NotAllowed unless the actor is a person with an account who neither owns the exploration nor started it."""
    origin, _, name = actor.partition(":")
    account = await catalog.USERS.get(connection, name) if origin == "user" else None
    if account is None or account.disabled or account.kind == "agent":
        raise NotAllowed("a box is widened by a person under their own account, in the console or with --as NAME")
    who = person_of(actor)
    if same_person(running.owner, who) or who in (person_of(running.created_by), person_of(running.started_by or "")):
        raise NotAllowed(f"{who} owns, wrote or started this exploration: somebody else widens its box")


def _check_box(box: Box, *, more: bool = False) -> None:
    low = 0 if more else 1
    if not low <= box.days <= BOX_DAYS_MAX:
        raise InputError(f"a box has {low} to {BOX_DAYS_MAX} days", field="days")
    for field, value, high in (("tokens", box.tokens, BOX_TOKENS_MAX), ("usd", box.usd, BOX_USD_MAX)):
        if value is not None and not (0 < value <= high):
            raise InputError(f"expected more than 0 and at most {high:,.0f}", field=field)
    if more and not (box.days or box.tokens or box.usd):
        raise InputError("say by how much: days, tokens or USD", field="days")


def _text(text: str, field: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    text = text.strip()
    if not text:
        raise InputError("say it in words: it is what the next one reads", field=field)
    if len(text) > length_max:
        raise InputError(f"at most {length_max} characters", field=field)
    return text


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(each.strip() for each in tags if each.strip()))
    if len(found) > TAGS_MAX or any(len(each) > TAG_LENGTH_MAX for each in found):
        raise InputError(f"at most {TAGS_MAX} tags of {TAG_LENGTH_MAX} characters each", field="tags")
    return found


def _compared(exploration: Exploration) -> str:
    return f"{exploration.title}. {exploration.hypothesis}"


def _similarities(text: str, others: Sequence[str]) -> list[float]:
    """Cosine similarity of `text` with each of `others`; their vectors are kept, the newest COMPARED_MAX texts of them."""
    import numpy as np

    from groundcrew.grounding.encoder_process import background_encoder

    encoder = background_encoder()
    keys = [sha256_hex(each.encode("utf-8", "surrogatepass")) for each in others]
    for key, each in zip(keys, others, strict=True):
        if key not in _VECTORS:
            _VECTORS[key] = encoder.encode([each])[0]
    vectors = np.stack([np.asarray(_VECTORS[key]) for key in keys])
    while len(_VECTORS) > 2 * COMPARED_MAX:
        _VECTORS.pop(next(iter(_VECTORS)), None)
    return [float(each) for each in vectors @ encoder.encode([text])[0]]
